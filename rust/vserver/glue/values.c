// SPDX-License-Identifier: GPL-2.0
/*
 * The machine as a guest sees it: entries of procfs, sysinfo(2), processors.
 *
 * A value comes from one place however it is asked for. Entries that a flag of
 * the context makes its own are opened here and not by their owner. They are
 * those of the root of procfs that are never removed.
 *
 * Processors keep their numbers: sched_setaffinity(2) takes them.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/cpuset.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel_stat.h>
#include <linux/math64.h>
#include <linux/nsproxy.h>
#include <linux/sched/cputime.h>
#include <linux/sched/loadavg.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>
#include <linux/sysinfo.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/vserver_clock.h>
#include <linux/vserver_view.h>

#include "../../../fs/proc/internal.h"
#include "values.h"

/* Bits of an average behind those that the kernel has for a load. */
#define VS_LOAD_SHIFT	(32 - FSHIFT)

/*
 * What the boot time of the machine is ahead of that of a guest, nanoseconds. A
 * guest with a time namespace that sets it has its own already.
 */
static u64 vs_uptime_offset(void)
{
	const struct vs_ctx *ctx = vs_virtual(VS_FLAG_VIRT_UPTIME);

	return ctx && !timens_add_boottime_ns(0) ? ctx->values.started : 0;
}

/* The time since the guest started, nanoseconds. */
static u64 vs_uptime(void)
{
	return timens_add_boottime_ns(ktime_get_boottime_ns()) -
	       vs_uptime_offset();
}

/*
 * When a task started, for the current task, which is in a guest; nanoseconds
 * since its start. Those that were there before are as old.
 */
u64 __vs_start_time(u64 ns)
{
	u64 offset = vs_uptime_offset();

	return ns - min(ns, offset);
}

static u32 vs_threads(const struct vs_ctx *ctx)
{
	return atomic64_read(&ctx->limits[VS_THREADS].value);
}

/* The processors that the current task may be given. */
static void vs_cpus(struct cpumask *cpus)
{
	cpuset_cpus_allowed(current, cpus);
	cpumask_and(cpus, cpus, cpu_online_mask);
}

/* For the core. Any context. */
bool vs_cpus_have(const struct cpumask *cpus, u32 cpu)
{
	return cpu < nr_cpu_ids && cpumask_test_cpu(cpu, cpus);
}
EXPORT_SYMBOL_GPL(vs_cpus_have);

/* What a processor has done for a guest. A thief is who put it on hold. */
static void vs_cpu_kinds(struct vs_ctx *ctx, int cpu, u64 *kinds)
{
	u64 rest = ktime_get_boottime_ns() - ctx->values.started;
	struct vs_times times;

	vs_cpu_times(ctx, cpu, &times);
	memset(kinds, 0, NR_STATS * sizeof(*kinds));
	kinds[CPUTIME_USER] = times.user;
	kinds[CPUTIME_SYSTEM] = times.system;
	rest -= min(rest, times.user + times.system);
	kinds[CPUTIME_STEAL] = min(rest, times.hold);
	kinds[CPUTIME_IDLE] = rest - kinds[CPUTIME_STEAL];
}

/* In the order of /proc/stat. */
static void vs_show_kinds(struct seq_file *m, const u64 *kinds)
{
	static const int order[] = {
		CPUTIME_USER, CPUTIME_NICE, CPUTIME_SYSTEM, CPUTIME_IDLE,
		CPUTIME_IOWAIT, CPUTIME_IRQ, CPUTIME_SOFTIRQ, CPUTIME_STEAL,
		CPUTIME_GUEST, CPUTIME_GUEST_NICE,
	};

	for (int i = 0; i < ARRAY_SIZE(order); i++)
		seq_put_decimal_ull(m, " ", nsec_to_clock_t(kinds[order[i]]));
	seq_putc(m, '\n');
}

static void vs_show_cpus(struct seq_file *m, struct vs_ctx *ctx,
			 const struct cpumask *cpus)
{
	u64 kinds[NR_STATS], sum[NR_STATS] = {};
	int cpu;

	for_each_cpu(cpu, cpus) {
		vs_cpu_kinds(ctx, cpu, kinds);
		for (int i = 0; i < NR_STATS; i++)
			sum[i] += kinds[i];
	}
	seq_puts(m, "cpu ");
	vs_show_kinds(m, sum);
	for_each_cpu(cpu, cpus) {
		vs_cpu_kinds(ctx, cpu, kinds);
		seq_printf(m, "cpu%d", cpu);
		vs_show_kinds(m, kinds);
	}
}

/* Interrupts and switches of the machine are nobody's. */
static int vs_stat_show(struct seq_file *m, void *v)
{
	struct vs_ctx *ctx = vs_current_ctx();
	struct timespec64 boot;
	struct vs_load load;
	cpumask_var_t cpus;

	if (!ctx)
		return -ENODATA;
	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return -ENOMEM;
	vs_cpus(cpus);
	vs_show_cpus(m, ctx, cpus);
	free_cpumask_var(cpus);

	getboottime64(&boot);
	timens_sub_boottime(&boot);
	boot = timespec64_add(boot, ns_to_timespec64(vs_uptime_offset() + vs_clock_offset()));
	vs_load_read(ctx, &load);
	seq_printf(m,
		   "intr 0\nctxt 0\nbtime %lld\nprocesses %u\n"
		   "procs_running %u\nprocs_blocked %u\nsoftirq 0\n",
		   (s64)boot.tv_sec, vs_forks(ctx), max(load.running, 1),
		   load.iowait);
	return 0;
}

static int vs_loadavg_show(struct seq_file *m, void *v)
{
	struct vs_ctx *ctx = vs_current_ctx();
	struct vs_load load;

	if (!ctx)
		return -ENODATA;
	vs_load_read(ctx, &load);
	for (int i = 0; i < ARRAY_SIZE(load.average); i++) {
		unsigned long average = (load.average[i] >> VS_LOAD_SHIFT) +
					FIXED_1 / 200;

		seq_printf(m, "%lu.%02lu ", LOAD_INT(average),
			   LOAD_FRAC(average));
	}
	/* The reader runs, also when the last count did not see it. */
	seq_printf(m, "%u/%u %d\n", max(load.running, 1), vs_threads(ctx),
		   idr_get_cursor(&task_active_pid_ns(current)->idr) - 1);
	return 0;
}

static int vs_uptime_show(struct seq_file *m, void *v)
{
	u64 times[2] = { vs_uptime(), vs_idle_all() };
	struct vs_ctx *ctx = vs_current_ctx();

	if (!ctx)
		return -ENODATA;
	times[1] -= min(times[1], ctx->values.idle);
	for (int i = 0; i < ARRAY_SIZE(times); i++) {
		u32 rest;
		u64 seconds = div_u64_rem(times[i], NSEC_PER_SEC, &rest);

		seq_printf(m, "%llu.%02lu%c", seconds,
			   rest / (NSEC_PER_SEC / 100), i ? '\n' : ' ');
	}
	return 0;
}

/* Entries of seq_open() have one record here as well. */
static void *vs_one_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}

static void *vs_one_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return NULL;
}

static void vs_one_stop(struct seq_file *m, void *v)
{
}

static int vs_swaps_show(struct seq_file *m, void *v)
{
	struct cgroup_subsys_state *css;
	struct vs_memory memory;

	css = vs_memory_read(&memory);
	if (!css)
		return -ENODATA;
	vs_memory_put(css);
	seq_puts(m, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (memory.swap_total)
		seq_printf(m, "hdv0\t\t\t\t\tpartition\t%llu\t%llu\t%d\n",
			   memory.swap_total << (PAGE_SHIFT - 10),
			   (memory.swap_total - memory.swap_free)
			   << (PAGE_SHIFT - 10), -1);
	return 0;
}

static const struct seq_operations vs_swaps = {
	.start = vs_one_start,
	.next = vs_one_next,
	.stop = vs_one_stop,
	.show = vs_swaps_show,
};

/* Some architectures print a processor as a record, some all in one. */
static int vs_cpuinfo_show(struct seq_file *m, void *v)
{
	size_t before = m->count;
	cpumask_var_t cpus;
	int err;

	if (!vs_current_ctx())
		return -ENODATA;
	err = cpuinfo_op.show(m, v);
	if (err || seq_has_overflowed(m))
		return err;
	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return -ENOMEM;
	vs_cpus(cpus);
	/* The context of the reader pins the core. */
	m->count = before + vs_ops_pinned()->cpuinfo(m->buf + before,
						     m->count - before, cpus);
	free_cpumask_var(cpus);
	return 0;
}

static void *vs_cpuinfo_start(struct seq_file *m, loff_t *pos)
{
	return cpuinfo_op.start(m, pos);
}

static void *vs_cpuinfo_next(struct seq_file *m, void *v, loff_t *pos)
{
	return cpuinfo_op.next(m, v, pos);
}

static void vs_cpuinfo_stop(struct seq_file *m, void *v)
{
	cpuinfo_op.stop(m, v);
}

static const struct seq_operations vs_cpuinfo = {
	.start = vs_cpuinfo_start,
	.next = vs_cpuinfo_next,
	.stop = vs_cpuinfo_stop,
	.show = vs_cpuinfo_show,
};

/*
 * Entries with a value of the guest's. Who opens one of single_open() releases it
 * with single_release(), who opens one of seq_open() with seq_release().
 */
static const struct {
	const char *name;
	u64 flag;
	int (*show)(struct seq_file *m, void *v);
	const struct seq_operations *seq;
} vs_own_entries[] = {
	{ "loadavg", VS_FLAG_VIRT_LOAD, .show = vs_loadavg_show },
	{ "uptime", VS_FLAG_VIRT_UPTIME, .show = vs_uptime_show },
	{ "stat", VS_FLAG_VIRT_CPU, .show = vs_stat_show },
	{ "cpuinfo", VS_FLAG_VIRT_CPU, .seq = &vs_cpuinfo },
	{ "meminfo", VS_FLAG_VIRT_MEM, .show = vs_meminfo_show },
	{ "swaps", VS_FLAG_VIRT_MEM, .seq = &vs_swaps },
};

/* Something limits the memory of the guest. May sleep. */
static bool vs_memory_limited(void)
{
	struct cgroup_subsys_state *css;
	struct vs_memory memory;

	css = vs_memory_read(&memory);
	if (!css)
		return false;
	vs_memory_put(css);
	return memory.limit < memory.host;
}

/**
 * vs_values_open() - open an entry of procfs that shows a value of the guest
 * @de: the entry.
 * @file: a file that is being opened.
 * @result: 0 or an error, when it was opened here.
 *
 * Return: false for an entry that its owner opens. The current task is in a
 * guest. May sleep.
 */
bool vs_values_open(const struct proc_dir_entry *de, struct file *file,
		    int *result)
{
	/* Of an entry that may go, procfs releases only what its owner has opened. */
	if (de->parent != &proc_root || !pde_is_permanent(de))
		return false;
	for (int i = 0; i < ARRAY_SIZE(vs_own_entries); i++) {
		const typeof(vs_own_entries[0]) *entry = &vs_own_entries[i];

		if (strcmp(de->name, entry->name))
			continue;
		if (!vs_virtual(entry->flag) ||
		    (entry->flag == VS_FLAG_VIRT_MEM && !vs_memory_limited()))
			return false;
		*result = entry->seq ? seq_open(file, entry->seq) :
				       single_open(file, entry->show, NULL);
		return true;
	}
	return false;
}

/* Replaces what sysinfo(2) tells of the machine, sizes in pages. May sleep. */
void __vs_sysinfo(struct sysinfo *info)
{
	struct cgroup_subsys_state *css;
	struct vs_memory memory;
	struct vs_ctx *ctx;
	struct vs_load load;

	if (vs_virtual(VS_FLAG_VIRT_UPTIME))
		info->uptime = DIV_U64_ROUND_UP(vs_uptime(), NSEC_PER_SEC);
	ctx = vs_virtual(VS_FLAG_VIRT_LOAD);
	if (ctx) {
		vs_load_read(ctx, &load);
		for (int i = 0; i < ARRAY_SIZE(load.average); i++)
			info->loads[i] = load.average[i] >> (32 - SI_LOAD_SHIFT);
		info->procs = vs_threads(ctx);
	}
	if (!vs_virtual(VS_FLAG_VIRT_MEM))
		return;
	css = vs_memory_read(&memory);
	if (!css)
		return;
	if (memory.limit < memory.host) {
		info->totalram = memory.total;
		info->freeram = memory.free;
		info->sharedram = vs_memory_shared(css);
		info->bufferram = 0;
		info->totalswap = memory.swap_total;
		info->freeswap = memory.swap_free;
		info->totalhigh = 0;
		info->freehigh = 0;
	}
	vs_memory_put(css);
}

/*
 * The C library counts processors by a file of sysfs. A file that shows those of the
 * reader takes the place of the one that shows those of the machine: sysfs knows a file
 * by its name. Other such files are about what could be, which is no guest's.
 */
static ssize_t online_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	cpumask_var_t cpus;
	ssize_t len;

	if (!vs_virtual(VS_FLAG_VIRT_CPU))
		return sysfs_emit(buf, "%*pbl\n", cpumask_pr_args(cpu_online_mask));
	if (!alloc_cpumask_var(&cpus, GFP_KERNEL))
		return -ENOMEM;
	vs_cpus(cpus);
	len = sysfs_emit(buf, "%*pbl\n", cpumask_pr_args(cpus));
	free_cpumask_var(cpus);
	return len;
}

static DEVICE_ATTR_RO(online);

static int __init vs_online_init(void)
{
	struct device *root = bus_get_dev_root(&cpu_subsys);
	int err;

	if (!root)
		return -ENODEV;
	device_remove_file(root, &dev_attr_online);
	err = device_create_file(root, &dev_attr_online);
	put_device(root);
	return err;
}
subsys_initcall(vs_online_init);
