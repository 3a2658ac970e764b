/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_VALUES_H
#define _VSERVER_GLUE_VALUES_H

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/seq_file.h>
#include <linux/vserver.h>

/* Of the architecture: /proc/cpuinfo. */
extern const struct seq_operations cpuinfo_op;

/* load.c */
void vs_load_watch(void);
u64 vs_idle_all(void);

/* memory.c */
struct cgroup_subsys_state *vs_memory_read(struct vs_memory *memory);
void vs_memory_put(struct cgroup_subsys_state *css);
u64 vs_memory_shared(struct cgroup_subsys_state *css);
int vs_meminfo_show(struct seq_file *m, void *v);

/* values.c */
bool vs_values_open(const struct proc_dir_entry *de, struct file *file,
		    int *result);

/* The context of the current task when it has this flag, else NULL. */
static inline struct vs_ctx *vs_virtual(u64 flag)
{
	struct vs_ctx *ctx = vs_current_ctx();

	return ctx && (atomic64_read(&ctx->obj.flags) & flag) ? ctx : NULL;
}

#endif /* _VSERVER_GLUE_VALUES_H */
