/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and processor time: what the scheduler calls. Inert without a
 * context.
 */
#ifndef _LINUX_VSERVER_CPU_H
#define _LINUX_VSERVER_CPU_H

#include <linux/vserver.h>

#ifdef CONFIG_VSERVER

/* glue/cpu.c */
void __vs_charge(struct task_struct *p, u64 ns);
void __vs_account(struct task_struct *p, int index, u64 ns);
int __vs_biased_prio(const struct task_struct *p, int prio);

/**
 * vs_charge() - a task has run
 * @p: a task that is on a processor.
 * @ns: for how long, since the last call.
 *
 * The caller holds the rq lock of that processor, with interrupts off.
 */
static inline void vs_charge(struct task_struct *p, u64 ns)
{
	if (vs_enabled() && READ_ONCE(p->vs.ctx))
		__vs_charge(p, ns);
}

/**
 * vs_account() - time of a task was put down to a kind
 * @p: the task on this processor.
 * @index: one of enum cpu_usage_stat.
 * @ns: for how long.
 *
 * Interrupts are off.
 */
static inline void vs_account(struct task_struct *p, int index, u64 ns)
{
	if (vs_enabled() && READ_ONCE(p->vs.ctx))
		__vs_account(p, index, ns);
}

/**
 * vs_biased_prio() - the priority of a task with what its context adds
 * @p: a task under its rq lock, or one that nobody sees yet.
 * @prio: its own, 0 (nice -20) to 39 (nice 19).
 *
 * Return: the same range.
 */
static inline int vs_biased_prio(const struct task_struct *p, int prio)
{
	return vs_enabled() ? __vs_biased_prio(p, prio) : prio;
}

#else /* CONFIG_VSERVER */

static inline void vs_charge(struct task_struct *p, u64 ns) { }

static inline void vs_account(struct task_struct *p, int index, u64 ns) { }

static inline int vs_biased_prio(const struct task_struct *p, int prio)
{
	return prio;
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_CPU_H */
