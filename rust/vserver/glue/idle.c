// SPDX-License-Identifier: GPL-2.0
/*
 * Idle time for contexts on hold (semantics.md, section 11).
 *
 * A context may have a second rate for its tokens, which fills with idle time. That
 * is a clock which stands still while the processors have something to do. When
 * one of them is idle and a task on hold could run there, the clock jumps by the
 * smallest time after which a context goes on. So contexts share what nobody
 * else wants in proportion to these rates, and no idle processor stays idle for
 * longer than it takes to see it.
 *
 * Nothing tells that a processor goes idle; while tasks wait for that, a timer
 * looks. It costs nothing while none does.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/time64.h>
#include <linux/vserver.h>

#include "cpu.h"

/* How long a processor may be idle before somebody sees it. */
#define VS_LOOK		NSEC_PER_MSEC

/* Contexts that are looked at in one go; the others have their turn at the next. */
#define VS_TURN		64

/* Tasks of a context that are asked where they may run; others do as well. */
#define VS_ASKED	16

static atomic64_t vs_idle_time = ATOMIC64_INIT(0);

/* Protects what follows and the members of the list; taken in the soft interrupt. */
static DEFINE_SPINLOCK(vs_idle_lock);
static LIST_HEAD(vs_idle_contexts);
static struct cpumask vs_idle_cpus;
static struct hrtimer vs_idle_timer;
/* The timer runs, or will. */
static bool vs_idle_looking;

/* Idle time that there has been, nanoseconds. Any context. */
u64 vs_idle_clock(void)
{
	return atomic64_read(&vs_idle_time);
}

/* Idle processors, into the mask. Return: whether there are any. */
static bool vs_idle_find(void)
{
	int cpu;

	cpumask_clear(&vs_idle_cpus);
	for_each_online_cpu(cpu) {
		if (idle_cpu(cpu))
			cpumask_set_cpu(cpu, &vs_idle_cpus);
	}
	return !cpumask_empty(&vs_idle_cpus);
}

/* A task on hold may run on one of these processors. */
static bool vs_idle_useful(struct vs_ctx *ctx)
{
	struct wait_queue_entry *entry;
	int left = VS_ASKED;

	guard(spinlock_irqsave)(&ctx->holding.lock);
	list_for_each_entry(entry, &ctx->holding.head, entry) {
		struct task_struct *p = entry->private;

		if (cpumask_intersects(READ_ONCE(p->cpus_ptr), &vs_idle_cpus))
			return true;
		if (!--left)
			break;
	}
	return false;
}

/* Idle time after which @ctx goes on, U64_MAX for never. */
static u64 vs_idle_missing(struct vs_ctx *ctx)
{
	vs_pool_until(ctx, 0);
	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	return ctx->pool.idle_wait ?: U64_MAX;
}

/* Lets the clock jump, and those go on who may. */
static void vs_idle_advance(void)
{
	u64 least = U64_MAX;
	struct vs_ctx *ctx;
	int left = VS_TURN;

	if (!vs_idle_find())
		return;
	list_for_each_entry(ctx, &vs_idle_contexts, idle) {
		if (!left--)
			break;
		if (vs_idle_useful(ctx))
			least = min(least, vs_idle_missing(ctx));
	}
	if (least != U64_MAX)
		atomic64_add(least, &vs_idle_time);
	left = VS_TURN;
	list_for_each_entry(ctx, &vs_idle_contexts, idle) {
		if (!left--)
			break;
		if (!vs_pool_until(ctx, 0))
			wake_up_all(&ctx->holding);
	}
	if (!list_entry_is_head(ctx, &vs_idle_contexts, idle))
		list_rotate_to_front(&ctx->idle, &vs_idle_contexts);
}

static enum hrtimer_restart vs_idle_look(struct hrtimer *timer)
{
	guard(spinlock)(&vs_idle_lock);
	if (list_empty(&vs_idle_contexts)) {
		vs_idle_looking = false;
		return HRTIMER_NORESTART;
	}
	vs_idle_advance();
	hrtimer_forward_now(timer, ns_to_ktime(VS_LOOK));
	return HRTIMER_RESTART;
}

/*
 * The current task of @ctx is on hold: it waits for idle time if its context has a
 * rate for it. @waits remembers that, first false. Process context.
 */
void vs_idle_wait(struct vs_ctx *ctx, bool *waits)
{
	if (!READ_ONCE(ctx->pool.idle_wait)) {
		vs_idle_done(ctx, waits);
		return;
	}
	if (*waits)
		return;
	*waits = true;
	guard(spinlock_bh)(&vs_idle_lock);
	if (!ctx->idlers++)
		list_add_tail(&ctx->idle, &vs_idle_contexts);
	if (vs_idle_looking)
		return;
	vs_idle_looking = true;
	hrtimer_start(&vs_idle_timer, ns_to_ktime(VS_LOOK), HRTIMER_MODE_REL_SOFT);
}

/* It does not wait any more. Process context. */
void vs_idle_done(struct vs_ctx *ctx, bool *waits)
{
	if (!*waits)
		return;
	*waits = false;
	guard(spinlock_bh)(&vs_idle_lock);
	if (!--ctx->idlers)
		list_del_init(&ctx->idle);
}

static int __init vs_idle_init(void)
{
	hrtimer_setup(&vs_idle_timer, vs_idle_look, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	return 0;
}
core_initcall(vs_idle_init);
