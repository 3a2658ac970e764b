// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks of a context without tokens are on hold (semantics.md, section 11).
 *
 * Who finds the pool empty holds an rq lock and can stop nobody. It queues task
 * work, as the bandwidth control of CFS does: the task stops where it would go
 * back to user mode and holds no lock. There it sleeps until there are tokens, by
 * a timer of its own, since nothing else looks at the pool of a context that does
 * not run, or until an idle processor lets it go on (idle.c). What it has used too
 * much until then is a debt of the pool.
 *
 * A fatal signal ends the hold. Others wait, and so do ptrace, job control and
 * exec: what comes after them is user mode too. A task without task work yet, a
 * new one, would run until the first tick and could be gone by then, so in a
 * context on hold fork() waits before it makes one.
 */
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/vserver_cpu.h>

#include "cpu.h"

/* Tasks that go on at the same time need not be woken one by one. */
#define VS_SLACK	NSEC_PER_MSEC

/* What all processors that are online add. */
static void vs_pool_sum(struct vs_ctx *ctx)
{
	struct vs_pool *pool = &ctx->pool;
	int cpu;

	pool->cpus = 0;
	pool->rate = 0;
	pool->idle_rate = 0;
	pool->min = 0;
	pool->max = 0;
	for_each_online_cpu(cpu) {
		const struct vs_share *share = &per_cpu_ptr(ctx->cpus, cpu)->share;

		pool->cpus++;
		pool->rate += share->rate;
		pool->idle_rate += share->idle_rate;
		pool->min += share->min;
		pool->max += share->max;
	}
}

static u64 vs_pool_settle(struct vs_ctx *ctx, u64 used)
{
	lockdep_assert_held(&ctx->pool_lock);
	ctx->pool.idle_now = vs_idle_clock();
	return vs_ops_pinned()->settle(&ctx->pool,
				       atomic64_read(&ctx->obj.flags),
				       ktime_get_mono_fast_ns(), used);
}

/* 0, or when the tasks of @ctx, which have run for @ns, may go on. */
u64 vs_pool_until(struct vs_ctx *ctx, u64 ns)
{
	u64 until;

	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	until = vs_pool_settle(ctx, ns);
	/* The time until now was filled in at the old rate. */
	if (ctx->pool.cpus != num_online_cpus()) {
		vs_pool_sum(ctx);
		until = vs_pool_settle(ctx, 0);
	}
	return until;
}

/* Tasks of @ctx have run for @ns. Caller holds an rq lock. */
void vs_pool_charge(struct vs_ctx *ctx, u64 ns)
{
	vs_pool_until(ctx, ns);
}

/* Copies the pool as it is now. Any context. */
void vs_pool_read(struct vs_ctx *ctx, struct vs_pool *pool)
{
	vs_pool_until(ctx, 0);
	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	*pool = ctx->pool;
}
EXPORT_SYMBOL_GPL(vs_pool_read);

/**
 * vs_pool_refresh() - flags or settings have changed
 * @ctx: a context.
 * @more: nanoseconds to add to the tokens, may be negative; at most 2^62.
 *
 * Tasks on hold look again. Process context.
 */
void vs_pool_refresh(struct vs_ctx *ctx, s64 more)
{
	scoped_guard(raw_spinlock_irqsave, &ctx->pool_lock) {
		vs_pool_settle(ctx, 0);
		vs_pool_sum(ctx);
		ctx->pool.tokens += more;
		vs_pool_settle(ctx, 0);
	}
	wake_up_all(&ctx->holding);
}
EXPORT_SYMBOL_GPL(vs_pool_refresh);

/* The current task begins to wait; returns the processor that it counts for. */
static int vs_hold_begin(struct vs_ctx *ctx)
{
	struct vs_cpu *c;

	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	c = this_cpu_ptr(ctx->cpus);
	if (!c->holders++)
		c->since = ktime_get_ns();
	return smp_processor_id();
}

static void vs_hold_end(struct vs_ctx *ctx, int cpu)
{
	struct vs_cpu *c = per_cpu_ptr(ctx->cpus, cpu);

	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	if (!--c->holders)
		c->hold += ktime_get_ns() - c->since;
}

/*
 * Waits until the context of the current task may run, or the task is to die.
 * Process context, without locks; a worker of io_uring may hold a lock that only
 * its own rings need, so it may freeze with it.
 */
static void vs_hold(struct vs_ctx *ctx)
{
	unsigned int state = TASK_KILLABLE | TASK_NOLOAD |
		(current->flags & PF_USER_WORKER ? TASK_FREEZABLE_UNSAFE :
						   TASK_FREEZABLE);
	DEFINE_WAIT(wait);
	bool idle = false;
	int cpu;

	if (!vs_pool_until(ctx, 0))
		return;
	cpu = vs_hold_begin(ctx);
	for (;;) {
		ktime_t at;
		u64 until;

		prepare_to_wait(&ctx->holding, &wait, state);
		until = vs_pool_until(ctx, 0);
		if (!until || fatal_signal_pending(current))
			break;
		vs_idle_wait(ctx, &idle);
		at = min_t(u64, until, KTIME_MAX);
		schedule_hrtimeout_range(&at, VS_SLACK, HRTIMER_MODE_ABS);
	}
	finish_wait(&ctx->holding, &wait);
	vs_idle_done(ctx, &idle);
	vs_hold_end(ctx, cpu);
}

static void vs_hold_work(struct callback_head *work)
{
	struct vs_ctx *ctx = vs_current_ctx();

	if (ctx && !(current->flags & PF_EXITING)) {
		vs_hold(ctx);
		vs_bias_follow(ctx);
	}
	/* From now on it may be queued again; pairs with vs_hold_soon(). */
	smp_store_release(&work->next, work);
}

/* Prepares the work of a task that is in no context yet. */
void vs_hold_init(struct vs_task *vs)
{
	init_task_work(&vs->hold, vs_hold_work);
	/* Who finds it not queued finds the function; pairs with vs_hold_soon(). */
	smp_store_release(&vs->hold.next, &vs->hold);
}

/* Puts @p on hold when it goes back to user mode. Caller holds its rq lock. */
void vs_hold_soon(struct task_struct *p)
{
	struct callback_head *work = &p->vs.hold;

	/* Pairs with those who set it back. */
	if (smp_load_acquire(&work->next) != work)
		return;
	if (p->flags & (PF_EXITING | PF_KTHREAD))
		return;
	task_work_add(p, work, TWA_RESUME);
}

/**
 * vs_hold_fork() - a context on hold makes no new tasks
 * @child: what the current task is about to fork.
 *
 * Workers that the kernel makes are not waited for: their makers hold locks, and
 * the worker itself is stopped like every task.
 *
 * Return: 0, -EINTR when the current task is to die. May sleep.
 */
int vs_hold_fork(const struct task_struct *child)
{
	struct vs_ctx *ctx = vs_current_ctx();

	if (!ctx || !READ_ONCE(ctx->pool.held) ||
	    child->flags & (PF_KTHREAD | PF_USER_WORKER))
		return 0;
	vs_hold(ctx);
	return fatal_signal_pending(current) ? -EINTR : 0;
}
