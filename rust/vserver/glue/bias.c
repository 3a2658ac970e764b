// SPDX-License-Identifier: GPL-2.0
/*
 * The priority bias of a context: a part of the weight of its tasks, see
 * set_load_weight(). It is weighed again when the bias changes and when a task
 * enters; a new task has the weight of its parent.
 */
#include <linux/export.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "../../sched/sched.h"
#include "cpu.h"

/* Real-time tasks have no weight; they are weighed when they become others. */
static void vs_reweigh(struct task_struct *p)
{
	guard(task_rq_lock)(p);
	if (task_has_dl_policy(p) || task_has_rt_policy(p))
		return;
	scoped_guard(sched_change, p, DEQUEUE_SAVE)
		set_load_weight(p, true);
}

/* Weighs the tasks of @ctx with the present bias. Process context. */
void vs_bias_apply(struct vs_ctx *ctx)
{
	struct task_struct *p, *t;

	guard(read_lock)(&tasklist_lock);
	for_each_process_thread(p, t) {
		if (READ_ONCE(t->vs.ctx) == ctx)
			vs_reweigh(t);
	}
}
EXPORT_SYMBOL_GPL(vs_bias_apply);

/* The current task has entered a context. Process context. */
void vs_bias_current(void)
{
	vs_reweigh(current);
}
