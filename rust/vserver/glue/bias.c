// SPDX-License-Identifier: GPL-2.0
/*
 * What a context adds to the priority of its tasks, a part of their weight, see
 * set_load_weight(): the bias that was set, and with the flag SCHED_PRIO a
 * correction by its tokens. Tasks are weighed again when the bias changes, when
 * they enter and, for the correction, when they go back to user mode after they
 * have run; a new task has the weight of its parent.
 */
#include <linux/export.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "../../sched/sched.h"
#include "cpu.h"

/* Real-time tasks have no weight; they are weighed when they become others. */
static void vs_reweigh(struct task_struct *p, const struct vs_ctx *ctx)
{
	guard(task_rq_lock)(p);
	p->vs.correction = READ_ONCE(ctx->pool.correction);
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
			vs_reweigh(t, ctx);
	}
}
EXPORT_SYMBOL_GPL(vs_bias_apply);

/* The current task has entered a context. Process context. */
void vs_bias_current(void)
{
	vs_reweigh(current, vs_current_ctx());
}

/* The tokens of @ctx, that of the current task, may ask for another priority. */
void vs_bias_follow(struct vs_ctx *ctx)
{
	if (READ_ONCE(ctx->pool.correction) != current->vs.correction)
		vs_reweigh(current, ctx);
}
