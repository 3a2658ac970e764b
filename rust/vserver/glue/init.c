// SPDX-License-Identifier: GPL-2.0
/*
 * The registered init of a context that shares the initial pid namespace.
 *
 * To the tasks of its context it is pid 1, and its real number means nothing.
 * Pids are mapped where the current task turns a task into a number or a number
 * into a task; in a pid namespace of its own a guest has a pid 1 anyway.
 */
#include <linux/export.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/vserver.h>

/* The pid that is mapped to 1 for the current task, 0 for none. */
static int vs_mapped_pid(const struct pid_namespace *ns)
{
	const struct vs_ctx *ctx;

	if (ns != &init_pid_ns || !in_task())
		return 0;
	ctx = vs_current_ctx();
	if (!ctx || !(atomic64_read(&ctx->obj.flags) & VS_FLAG_INFO_INIT))
		return 0;
	return READ_ONCE(ctx->init_pid);
}

/* The real number that the current task means by @nr; 0 for a hidden one. */
int __vs_pid_in(int nr, const struct pid_namespace *ns)
{
	int pid = vs_mapped_pid(ns);

	if (!pid || (nr != 1 && nr != pid))
		return nr;
	return nr == 1 ? pid : 0;
}

/* The number that the current task is told for the real number @nr. */
int __vs_pid_out(int nr, const struct pid_namespace *ns)
{
	int pid = vs_mapped_pid(ns);

	return pid && nr == pid ? 1 : nr;
}

/* The number of the parent of @task for the current task, which is in a guest. */
int __vs_ppid(const struct task_struct *task, int nr)
{
	guard(rcu)();
	return vs_same_ctx(current, rcu_dereference(task->real_parent)) ?
		nr : 0;
}

/**
 * __vs_child_reaper() - who gets the orphans of a task
 * @father: the current task, which exits.
 * @reaper: the reaper of its pid namespace.
 *
 * The reaper of the context, unless it exits itself or descends from @father:
 * then the tree of processes would become a ring.
 *
 * Context: tasklist_lock held for writing.
 */
struct task_struct *__vs_child_reaper(struct task_struct *father,
				      struct task_struct *reaper)
{
	const struct vs_ctx *ctx = father->vs.ctx;
	struct task_struct *chosen, *t;

	if (!ctx || father->vs.xid != ctx->obj.id)
		return reaper;
	chosen = READ_ONCE(ctx->reaper);
	if (!chosen || (chosen->flags & PF_EXITING) ||
	    task_active_pid_ns(chosen) != task_active_pid_ns(father))
		return reaper;
	for (t = chosen; t != &init_task; t = t->real_parent) {
		if (same_thread_group(t, father))
			return reaper;
	}
	return chosen;
}

/* Makes the current task the reaper of @ctx. */
void vs_init_reap(struct vs_ctx *ctx)
{
	WRITE_ONCE(ctx->reaper, current);
}
EXPORT_SYMBOL_GPL(vs_init_reap);

/*
 * Makes the process of the current task the init of @ctx: a thread that executes
 * a program takes the number of its process over. Like every pid 1 it gets no
 * signal that it has no handler for, but those of the kernel and of
 * vs_signal_*(): whatever number it has for the others.
 */
void vs_init_register(struct vs_ctx *ctx)
{
	WRITE_ONCE(ctx->init_pid, current->tgid);
	spin_lock_irq(&current->sighand->siglock);
	current->signal->flags |= SIGNAL_UNKILLABLE;
	spin_unlock_irq(&current->sighand->siglock);
}
EXPORT_SYMBOL_GPL(vs_init_register);

/*
 * The current task leaves @ctx: with its last thread the init goes, or with the
 * one that is in the context while the process is not.
 */
void vs_init_leave(struct vs_ctx *ctx)
{
	guard(rcu)();
	if (!atomic_read(&current->signal->live) ||
	    READ_ONCE(current->group_leader->vs.ctx) != ctx)
		cmpxchg(&ctx->init_pid, current->tgid, 0);
}
