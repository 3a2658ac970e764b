// SPDX-License-Identifier: GPL-2.0
/*
 * Membership of tasks: fork, migration, exit, and signals to a whole context.
 *
 * Only the task itself changes its membership, so the task can read its own
 * fields without a lock. Others read task->vs.ctx under RCU: the reference of a
 * context that a task left or died with outlives a grace period.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/syscalls.h>
#include <linux/user_namespace.h>
#include <linux/vserver.h>
#include <linux/vserver_limit.h>

#include "cpu.h"
#include "cred.h"
#include "mm.h"

/*
 * A zombie holds a number of the machine's and counts, though it is no task of its
 * context any more.
 */
static void vs_task_uncount(struct vs_task *vs)
{
	if (!vs->counted)
		return;
	vs->counted = false;
	vs_limit_uncharge(vs->ctx, VS_THREADS, 1);
}

/**
 * vs_task_fork() - the child joins the contexts of its parent
 * @p: the child, still private to copy_process(), with a copy of the
 *	membership of current.
 * @clone_flags: CLONE_*.
 *
 * Return: 0, -EAGAIN when the context may have no more threads, -ENOMEM when it may
 * have no more address space, -EINTR. Process context; waits while the context is on
 * hold.
 */
int vs_task_fork(struct task_struct *p, u64 clone_flags)
{
	struct vs_task *vs = &p->vs;
	int err = vs_hold_fork(p) ?: vs_mm_fork(clone_flags);

	if (err)
		return err;
	vs_hold_init(vs);
	vs->owner = p;
	vs->claimed = false;
	vs->counted = false;
	vs->net_claimed = false;
	/* A spectator keeps the pointer to the context that it came from. */
	if (vs->ctx)
		vs_object_get(&vs->ctx->obj);
	/* A failure calls vs_task_free() for what has been done. */
	if (vs->ctx && vs->xid == vs->ctx->obj.id) {
		if (!vs_limit_charge(vs->ctx, VS_THREADS, 1)) {
			vs->net = NULL;
			return -EAGAIN;
		}
		vs->counted = true;
		vs->claimed = vs_object_claim(&vs->ctx->obj);
		if (vs->claimed)
			this_cpu_inc(vs->ctx->cpus->forks);
	}
	if (vs->net) {
		vs_object_get(&vs->net->obj);
		if (vs->nid == vs->net->obj.id)
			vs->net_claimed = vs_object_claim(&vs->net->obj);
	}
	return 0;
}

/**
 * vs_task_free() - the memory of a task goes, or its creation failed
 * @p: a dead task, or one that copy_process() abandons.
 *
 * Any context for a dead task. A copy that vs_task_fork() has not seen belongs
 * to the parent and is left alone.
 */
void vs_task_free(struct task_struct *p)
{
	struct vs_task *vs = &p->vs;

	if (vs->owner != p)
		return;
	/* Claims only after a failed fork: the parent's are still there. */
	if (vs->ctx) {
		vs_task_uncount(vs);
		if (vs->claimed)
			vs_object_unclaim(&vs->ctx->obj);
		vs_object_put(&vs->ctx->obj);
		vs->ctx = NULL;
	}
	if (vs->net) {
		if (vs->net_claimed)
			vs_object_unclaim(&vs->net->obj);
		vs_object_put(&vs->net->obj);
		vs->net = NULL;
	}
}

/**
 * __vs_task_exit() - the current task leaves its contexts
 * @p: current, past the point where it could fork.
 * @code: exit code as wait() reports it.
 *
 * The membership stays for those who look at the zombie. The last task ends the
 * context. May sleep.
 */
void __vs_task_exit(struct task_struct *p, long code)
{
	struct vs_task *vs = &p->vs;

	if (vs->net_claimed) {
		WRITE_ONCE(vs->net_claimed, false);
		vs_object_unclaim(&vs->net->obj);
	}
	/* Before its own children are given away, see init.c. */
	if (vs->ctx)
		cmpxchg(&vs->ctx->reaper, p, NULL);
	/* How long a parent outside lets it lie is not the guest's. */
	scoped_guard(rcu)
		if (!vs_same_ctx(p, rcu_dereference(p->real_parent)))
			vs_task_uncount(vs);
	if (vs->claimed) {
		struct vs_ctx *ctx = vs->ctx;

		WRITE_ONCE(ctx->exit_code, code);
		vs_init_leave(ctx);
		WRITE_ONCE(vs->claimed, false);
		vs_object_unclaim(&ctx->obj);
	}
}

/* Somebody has waited for @p, or nobody needs to. Any context but interrupts. */
void __vs_task_release(struct task_struct *p)
{
	vs_task_uncount(&p->vs);
}

/*
 * Makes the user of @new, which nobody uses yet, that of its context. What was
 * counted for the former user stays with who has it. Return: 0 or -ENOMEM.
 */
static int vs_cred_own_user(struct cred *new)
{
	const struct cred *old = override_creds(new);
	struct user_struct *user = alloc_uid(new->uid);
	struct ucounts *ucounts = alloc_ucounts(new->user_ns, new->uid);

	revert_creds(old);
	if (!user || !ucounts) {
		free_uid(user);
		if (ucounts)
			put_ucounts(ucounts);
		return -ENOMEM;
	}
	free_uid(new->user);
	new->user = user;
	put_ucounts(new->ucounts);
	new->ucounts = ucounts;
	return 0;
}

/**
 * vs_task_migrate() - move the current task into a context
 * @ctx: a context that the caller holds a reference on.
 *
 * Credentials are reduced to the capability mask when setup has ended.
 *
 * Return: 0, -EFAULT when the context has ended, -ENOMEM. May sleep.
 */
int vs_task_migrate(struct vs_ctx *ctx)
{
	struct vs_task *vs = &current->vs;
	struct vs_ctx *old = vs->ctx;
	bool claimed = vs->claimed;
	struct cred *new;

	if (!vs_object_claim(&ctx->obj))
		return -EFAULT;
	new = prepare_creds();
	if (!new)
		goto no_memory;
	new->vs.instance = ctx->obj.instance;
	if (vs_cred_own_user(new)) {
		abort_creds(new);
		goto no_memory;
	}
	new->vs.masked = 0;
	if (vs_ctx_sealed(ctx))
		vs_cred_trim(new, ctx);
	commit_creds(new);

	vs_task_uncount(vs);
	/* The host may send more in than the guest could fork. */
	vs_limit_add(ctx, VS_THREADS, 1);
	vs->counted = true;
	vs_object_get(&ctx->obj);
	vs->owner = current;
	/* The work of a task that has been in a context may be queued. */
	if (!old)
		vs_hold_init(vs);
	WRITE_ONCE(vs->ctx, ctx);
	WRITE_ONCE(vs->xid, ctx->obj.id);
	WRITE_ONCE(vs->claimed, true);
	vs_bias_current();
	if (old) {
		if (claimed)
			vs_object_unclaim(&old->obj);
		vs_object_put(&old->obj);
	}
	return 0;

no_memory:
	vs_object_unclaim(&ctx->obj);
	return -ENOMEM;
}
EXPORT_SYMBOL_GPL(vs_task_migrate);

/**
 * vs_task_migrate_net() - move the current task into a network context
 * @net: a network context that the caller holds a reference on.
 *
 * Sockets that the task has keep theirs.
 *
 * Return: 0, -EFAULT when the network context has ended. May sleep.
 */
int vs_task_migrate_net(struct vs_net *net)
{
	struct vs_task *vs = &current->vs;
	struct vs_net *old = vs->net;
	bool claimed = vs->net_claimed;

	if (!vs_object_claim(&net->obj))
		return -EFAULT;
	vs_object_get(&net->obj);
	vs->owner = current;
	WRITE_ONCE(vs->net, net);
	WRITE_ONCE(vs->nid, net->obj.id);
	WRITE_ONCE(vs->net_claimed, true);
	if (old) {
		if (claimed)
			vs_object_unclaim(&old->obj);
		vs_object_put(&old->obj);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vs_task_migrate_net);

/*
 * Makes the current task a spectator. The pointer to the object that it came
 * from, and the claim on it, stay (semantics.md, section 3).
 */
void vs_task_spectate(u32 kind)
{
	if (kind == VS_NETWORK)
		WRITE_ONCE(current->vs.nid, VS_XID_SPECTATOR);
	else
		WRITE_ONCE(current->vs.xid, VS_XID_SPECTATOR);
}
EXPORT_SYMBOL_GPL(vs_task_spectate);

/* The object of the current task, not counted; NULL when it has none. */
struct vs_object *vs_task_object(u32 kind)
{
	struct vs_task *vs = &current->vs;

	if (kind == VS_NETWORK)
		return vs->net ? &vs->net->obj : NULL;
	return vs->ctx ? &vs->ctx->obj : NULL;
}
EXPORT_SYMBOL_GPL(vs_task_object);

/**
 * vs_task_id() - an id of a task
 * @pid: pid in the initial pid namespace, 0 for the caller.
 * @which: VS_CONTEXT, VS_NETWORK, or VS_KINDS for the tag.
 * @found: set to whether the task exists.
 */
u32 vs_task_id(u32 pid, u32 which, bool *found)
{
	struct task_struct *p = current;

	guard(rcu)();
	if (pid)
		p = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	*found = p;
	if (!p)
		return 0;
	switch (which) {
	case VS_CONTEXT:
		return READ_ONCE(p->vs.xid);
	case VS_NETWORK:
		return READ_ONCE(p->vs.nid);
	default:
		return READ_ONCE(p->vs.tag);
	}
}
EXPORT_SYMBOL_GPL(vs_task_id);

/* Sets the tag of the current task. */
void vs_task_set_tag(u32 tag)
{
	WRITE_ONCE(current->vs.tag, tag);
}
EXPORT_SYMBOL_GPL(vs_task_set_tag);

/* find_task_by_pid_ns() for what the current task may see. Caller holds RCU. */
struct task_struct *vs_find_task(int nr, struct pid_namespace *ns)
{
	struct task_struct *p = pid_task(find_pid_ns(nr, ns), PIDTYPE_PID);

	return p && __vs_task_visible(p) ? p : NULL;
}

/* The task of @pid is visible to the current one, or it is gone. */
bool __vs_pid_visible(struct pid *pid)
{
	struct task_struct *p;

	guard(rcu)();
	p = pid_task(pid, PIDTYPE_PID);
	return !p || __vs_task_visible(p);
}

static bool vs_task_runs_in(const struct task_struct *p,
			    const struct vs_ctx *ctx)
{
	return READ_ONCE(p->vs.ctx) == ctx && READ_ONCE(p->vs.claimed);
}

/**
 * vs_signal_all() - signal every process that has a thread in a context
 * @ctx: a context that the caller holds a reference on.
 * @sig: valid signal number, 0 to probe.
 * @except: pid in the initial pid namespace to leave out, 0 for none.
 *
 * The signal comes from the kernel: no permission test. tasklist_lock keeps
 * fork from adding a task behind our back: a child is either on the list or its
 * parent finds the signal pending and gives up.
 *
 * Return: -ESRCH when there is no such process, else the last result other than
 * -EPERM, or 0.
 */
int vs_signal_all(struct vs_ctx *ctx, int sig, int except)
{
	struct task_struct *p, *t;
	int ret = 0, count = 0;

	guard(read_lock)(&tasklist_lock);
	for_each_process(p) {
		if (p->pid <= 1 || p->pid == except)
			continue;
		for_each_thread(p, t) {
			int err;

			if (!vs_task_runs_in(t, ctx))
				continue;
			err = group_send_sig_info(sig, SEND_SIG_PRIV, p,
						  PIDTYPE_TGID);
			count++;
			if (err != -EPERM)
				ret = err;
			break;
		}
	}
	return count ? ret : -ESRCH;
}
EXPORT_SYMBOL_GPL(vs_signal_all);

/**
 * vs_signal_pid() - signal one process of a context
 * @ctx: a context that the caller holds a reference on.
 * @sig: valid signal number, 0 to probe.
 * @pid: pid in the initial pid namespace.
 *
 * Return: 0, -ESRCH when the task is not in the context.
 */
int vs_signal_pid(struct vs_ctx *ctx, int sig, int pid)
{
	struct task_struct *p;

	guard(rcu)();
	p = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	if (!p || !vs_task_runs_in(p, ctx))
		return -ESRCH;
	return group_send_sig_info(sig, SEND_SIG_PRIV, p, PIDTYPE_TGID);
}
EXPORT_SYMBOL_GPL(vs_signal_pid);

/* unshare(2) for the current task. */
int vs_task_unshare(u64 flags)
{
	return ksys_unshare(flags);
}
EXPORT_SYMBOL_GPL(vs_task_unshare);
