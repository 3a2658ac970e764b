// SPDX-License-Identifier: GPL-2.0
/*
 * Processor time of a context: what its tasks have used, per processor.
 *
 * The scheduler tells how long a task has run, exactly and for all classes; the
 * tick tells in which mode it found a task. The second divides the first, as for
 * processes (cputime_adjust()).
 *
 * A context is found by a pointer that only its task changes, while that task
 * may run on another processor. Holders of an rq lock have interrupts off and
 * are RCU readers, so the context stays until they are done.
 */
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/kernel_stat.h>
#include <linux/percpu.h>
#include <linux/sched/cputime.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>
#include <linux/vserver_cpu.h>

#include "cpu.h"

/* Run time is handed to the pool in pieces of at least this length. */
#define VS_PIECE	NSEC_PER_MSEC

/* Flags with which a context has to do with tokens. */
#define VS_FLAG_SCHED	(VS_FLAG_SCHED_HARD | VS_FLAG_SCHED_PRIO | \
			 VS_FLAG_SCHED_PAUSE)

/* Prepares the times and the pool of a context. May sleep. Return: 0 or -ENOMEM. */
int vs_cpu_init(struct vs_ctx *ctx)
{
	int cpu;

	ctx->cpus = alloc_percpu_gfp(struct vs_cpu, GFP_KERNEL_ACCOUNT);
	if (!ctx->cpus)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct vs_cpu *c = per_cpu_ptr(ctx->cpus, cpu);

		u64_stats_init(&c->run_sync);
		u64_stats_init(&c->tick_sync);
		prev_cputime_init(&c->told);
	}
	raw_spin_lock_init(&ctx->pool_lock);
	init_waitqueue_head(&ctx->holding);
	ctx->pool.last = ktime_get_mono_fast_ns();
	ctx->pool.idle_last = vs_idle_clock();
	INIT_LIST_HEAD(&ctx->idle);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_cpu_init);

/* Gives them back; nobody refers to the context any more. */
void vs_cpu_free(struct vs_ctx *ctx)
{
	free_percpu(ctx->cpus);
}
EXPORT_SYMBOL_GPL(vs_cpu_free);

/**
 * vs_cpu_set_share() - settings of a processor
 * @ctx: a context.
 * @cpu: number of a processor; nothing happens when it is impossible.
 * @share: what it adds to the pool while it is online, and its bias.
 *
 * They count after vs_pool_refresh() and vs_bias_apply(). Any context.
 */
void vs_cpu_set_share(struct vs_ctx *ctx, u32 cpu, const struct vs_share *share)
{
	struct vs_share *own;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return;
	own = &per_cpu_ptr(ctx->cpus, cpu)->share;
	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	own->rate = share->rate;
	own->idle_rate = share->idle_rate;
	own->min = share->min;
	own->max = share->max;
	WRITE_ONCE(own->bias, share->bias);
}
EXPORT_SYMBOL_GPL(vs_cpu_set_share);

/**
 * vs_cpu_times() - what a context has done on a processor
 * @ctx: a context.
 * @cpu: number of a processor; an impossible one has done nothing.
 * @times: the answer; what a task that runs now has used since the last tick is
 *	missing.
 *
 * Any context.
 */
void vs_cpu_times(struct vs_ctx *ctx, u32 cpu, struct vs_times *times)
{
	struct task_cputime sum = {};
	struct vs_cpu *c;
	unsigned int start;

	memset(times, 0, sizeof(*times));
	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return;
	c = per_cpu_ptr(ctx->cpus, cpu);
	do {
		start = u64_stats_fetch_begin(&c->run_sync);
		sum.sum_exec_runtime = u64_stats_read(&c->run);
	} while (u64_stats_fetch_retry(&c->run_sync, start));
	do {
		start = u64_stats_fetch_begin(&c->tick_sync);
		sum.utime = u64_stats_read(&c->user);
		sum.stime = u64_stats_read(&c->system);
	} while (u64_stats_fetch_retry(&c->tick_sync, start));
	cputime_adjust(&sum, &c->told, &times->user, &times->system);

	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	times->hold = c->hold;
	if (c->holders)
		times->hold += ktime_get_ns() - c->since;
}
EXPORT_SYMBOL_GPL(vs_cpu_times);

/* The context has a pool of tokens. */
static noinline void vs_charge_pool(struct task_struct *p, struct vs_ctx *ctx,
				    struct vs_cpu *c, u64 ns)
{
	c->pending += ns;
	if (c->pending >= VS_PIECE) {
		vs_pool_charge(ctx, c->pending);
		c->pending = 0;
	}
	if (READ_ONCE(ctx->pool.held) ||
	    READ_ONCE(ctx->pool.correction) != p->vs.correction)
		vs_hold_soon(p);
}

void __vs_charge(struct task_struct *p, u64 ns)
{
	struct vs_ctx *ctx = vs_task_ctx(p);
	struct vs_cpu *c;

	if (!ctx)
		return;
	c = per_cpu_ptr(ctx->cpus, task_cpu(p));
	u64_stats_update_begin(&c->run_sync);
	u64_stats_add(&c->run, ns);
	u64_stats_update_end(&c->run_sync);
	if (atomic64_read(&ctx->obj.flags) & VS_FLAG_SCHED)
		vs_charge_pool(p, ctx, c, ns);
}

void __vs_account(struct task_struct *p, int index, u64 ns)
{
	struct vs_ctx *ctx = vs_task_ctx(p);
	struct vs_cpu *c;

	if (!ctx)
		return;
	c = this_cpu_ptr(ctx->cpus);
	u64_stats_update_begin(&c->tick_sync);
	switch (index) {
	case CPUTIME_USER:
	case CPUTIME_NICE:
		u64_stats_add(&c->user, ns);
		break;
	case CPUTIME_SYSTEM:
	case CPUTIME_IRQ:
	case CPUTIME_SOFTIRQ:
		u64_stats_add(&c->system, ns);
		break;
	}
	u64_stats_update_end(&c->tick_sync);
}

int __vs_biased_prio(const struct task_struct *p, int prio)
{
	struct vs_ctx *ctx = vs_task_ctx(p);
	int bias;

	if (!ctx)
		return prio;
	bias = READ_ONCE(per_cpu_ptr(ctx->cpus, task_cpu(p))->share.bias);
	return clamp(prio + bias + p->vs.correction, 0, NICE_WIDTH - 1);
}
