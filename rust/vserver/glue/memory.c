// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of a guest: what its control group may have and has.
 *
 * The group is the one that the cgroup namespace of the reader starts at: the
 * guest's, and not the one of a service in it. In the namespace of the host it is
 * the group of the reader (semantics.md, section 12).
 */
#include <linux/cgroup.h>
#include <linux/hugetlb.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/page_counter.h>
#include <linux/seq_file.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include <linux/vserver.h>

#include "values.h"

#ifdef CONFIG_MEMCG

static struct cgroup *vs_cgroup(void)
{
	const struct cgroup_namespace *ns = current->nsproxy->cgroup_ns;

	return ns == &init_cgroup_ns ? task_dfl_cgroup(current) :
				       ns->root_cset->dfl_cgrp;
}

/* Lowers @limit and @room to what @counter leaves. */
static void vs_narrow(struct page_counter *counter, u64 *limit, u64 *room)
{
	u64 max = READ_ONCE(counter->max);
	u64 used = page_counter_read(counter);

	if (max >= PAGE_COUNTER_MAX)
		return;
	*limit = min(*limit, max);
	*room = min(*room, max - min(used, max));
}

/**
 * vs_memory_read() - memory of the guest that reads
 * @memory: the answer, with what the core computes.
 *
 * Return: its control group, to be given back by vs_memory_put(), or NULL when
 * groups are those of the older hierarchy, which limits swap in another way.
 * May sleep.
 */
struct cgroup_subsys_state *vs_memory_read(struct vs_memory *memory)
{
	struct cgroup_subsys_state *css;
	struct mem_cgroup *group;

	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys))
		return NULL;
	memset(memory, 0, sizeof(*memory));
	memory->limit = U64_MAX;
	memory->room = U64_MAX;
	memory->swap_limit = U64_MAX;
	memory->swap_room = U64_MAX;
	scoped_guard(rcu)
		css = cgroup_get_e_css(vs_cgroup(), &memory_cgrp_subsys);
	for (group = mem_cgroup_from_css(css); group;
	     group = parent_mem_cgroup(group)) {
		vs_narrow(&group->memory, &memory->limit, &memory->room);
		vs_narrow(&group->swap, &memory->swap_limit,
			  &memory->swap_room);
	}
	memory->host = totalram_pages();
	if (memory->limit >= memory->host)
		memory->room = global_zone_page_state(NR_FREE_PAGES);
	group = mem_cgroup_from_css(css);
	mem_cgroup_flush_stats(group);
	memory->cache = memcg_page_state(group, NR_ACTIVE_FILE) +
			memcg_page_state(group, NR_INACTIVE_FILE) +
			(memcg_page_state(group, NR_SLAB_RECLAIMABLE_B) >>
			 PAGE_SHIFT);
	memory->host_swap = total_swap_pages;
	/* A context pins the core. */
	vs_ops_pinned()->memory(memory);
	return css;
}

void vs_memory_put(struct cgroup_subsys_state *css)
{
	css_put(css);
}

/* Shared memory of a control group, in pages. */
u64 vs_memory_shared(struct cgroup_subsys_state *css)
{
	return memcg_page_state(mem_cgroup_from_css(css), NR_SHMEM);
}

static void vs_meminfo_line(struct seq_file *m, const char *name, u64 pages)
{
	seq_put_decimal_ull_width(m, name, pages << (PAGE_SHIFT - 10), 8);
	seq_puts(m, " kB\n");
}

/* Sums of what the group has by kind; there is nothing else that a kind has. */
static const struct {
	const char *name;
	enum node_stat_item items[2];
} vs_meminfo_kinds[] = {
	{ "Active:         ", { NR_ACTIVE_ANON, NR_ACTIVE_FILE } },
	{ "Inactive:       ", { NR_INACTIVE_ANON, NR_INACTIVE_FILE } },
	{ "Active(anon):   ", { NR_ACTIVE_ANON } },
	{ "Inactive(anon): ", { NR_INACTIVE_ANON } },
	{ "Active(file):   ", { NR_ACTIVE_FILE } },
	{ "Inactive(file): ", { NR_INACTIVE_FILE } },
	{ "Unevictable:    ", { NR_UNEVICTABLE } },
	{ "Dirty:          ", { NR_FILE_DIRTY } },
	{ "Writeback:      ", { NR_WRITEBACK } },
	{ "AnonPages:      ", { NR_ANON_MAPPED } },
	{ "Mapped:         ", { NR_FILE_MAPPED } },
	{ "Shmem:          ", { NR_SHMEM } },
	{ "KReclaimable:   ", { NR_SLAB_RECLAIMABLE_B } },
	{ "Slab:           ",
	  { NR_SLAB_RECLAIMABLE_B, NR_SLAB_UNRECLAIMABLE_B } },
	{ "SReclaimable:   ", { NR_SLAB_RECLAIMABLE_B } },
	{ "SUnreclaim:     ", { NR_SLAB_UNRECLAIMABLE_B } },
	{ "KernelStack:    ", { NR_KERNEL_STACK_KB } },
	{ "PageTables:     ", { NR_PAGETABLE } },
	{ "SecPageTables:  ", { NR_SECONDARY_PAGETABLE } },
	{ "AnonHugePages:  ", { NR_ANON_THPS } },
	{ "ShmemHugePages: ", { NR_SHMEM_THPS } },
	{ "FileHugePages:  ", { NR_FILE_THPS } },
};

/*
 * /proc/meminfo of a guest whose memory is limited. Lines that no group has a
 * number for are left out, but for huge pages: their size is asked for there.
 */
int vs_meminfo_show(struct seq_file *m, void *v)
{
	struct cgroup_subsys_state *css;
	struct mem_cgroup *group;
	struct vs_memory memory;

	css = vs_memory_read(&memory);
	if (!css)
		return -ENODATA;
	group = mem_cgroup_from_css(css);
	vs_meminfo_line(m, "MemTotal:       ", memory.total);
	vs_meminfo_line(m, "MemFree:        ", memory.free);
	vs_meminfo_line(m, "MemAvailable:   ", memory.available);
	vs_meminfo_line(m, "Buffers:        ", 0);
	vs_meminfo_line(m, "Cached:         ",
			memcg_page_state(group, NR_FILE_PAGES));
#ifdef CONFIG_SWAP
	vs_meminfo_line(m, "SwapCached:     ",
			memcg_page_state(group, NR_SWAPCACHE));
#endif
	vs_meminfo_line(m, "SwapTotal:      ", memory.swap_total);
	vs_meminfo_line(m, "SwapFree:       ", memory.swap_free);
	for (int i = 0; i < ARRAY_SIZE(vs_meminfo_kinds); i++) {
		u64 bytes = 0;

		/* Number 0 is nobody's second item. */
		for (int j = 0; j < 2; j++) {
			if (j && !vs_meminfo_kinds[i].items[j])
				continue;
			bytes += memcg_page_state_output(group,
							 vs_meminfo_kinds[i].items[j]);
		}
		seq_put_decimal_ull_width(m, vs_meminfo_kinds[i].name,
					  bytes >> 10, 8);
		seq_puts(m, " kB\n");
	}
	hugetlb_report_meminfo(m);
	vs_memory_put(css);
	return 0;
}

#else /* CONFIG_MEMCG */

struct cgroup_subsys_state *vs_memory_read(struct vs_memory *memory)
{
	return NULL;
}

void vs_memory_put(struct cgroup_subsys_state *css)
{
}

u64 vs_memory_shared(struct cgroup_subsys_state *css)
{
	return 0;
}

int vs_meminfo_show(struct seq_file *m, void *v)
{
	return -ENODATA;
}

#endif /* CONFIG_MEMCG */
