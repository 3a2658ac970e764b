// SPDX-License-Identifier: GPL-2.0
/*
 * Load of contexts: how many of their tasks run, or wait for a disk.
 *
 * Tasks are counted from time to time, all contexts in one pass, like the load
 * of the machine is sampled: nothing is paid for when a task sleeps or wakes.
 * Who reads gets numbers that are not older than VS_LOAD_FRESH, and however many
 * read, there is one pass in that time.
 */
#include <linux/kernel_stat.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched/loadavg.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/vserver_clock.h>
#include <linux/workqueue.h>

#include "cpu.h"
#include "values.h"

#define VS_LOAD_FRESH	(100 * NSEC_PER_MSEC)

/* For the load of all contexts. Sleeps; nothing is locked inside. */
static DEFINE_MUTEX(vs_load_lock);
static u64 vs_load_counted;

static void vs_load_work(struct work_struct *work);
/* An idle machine is not woken for it: the load falls as fast when it is late. */
static DECLARE_DEFERRABLE_WORK(vs_load_again, vs_load_work);

/* How long all processors have been idle, nanoseconds. */
u64 vs_idle_all(void)
{
	u64 idle = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		idle += kcpustat_field(CPUTIME_IDLE, cpu);
	return idle;
}

/* Prepares the values of a context that nobody finds yet. Any context. */
void vs_values_init(struct vs_ctx *ctx)
{
	ctx->values.started = ktime_get_boottime_ns();
	ctx->values.idle = vs_idle_all();
	/* Its maker may be in the time namespace of a guest that starts once more. */
	atomic64_set(&ctx->values.clock, vs_clock_offset());
}
EXPORT_SYMBOL_GPL(vs_values_init);

static void vs_load_find(struct vs_load *found, const struct task_struct *t)
{
	unsigned int state = READ_ONCE(t->__state);

	if (state == TASK_RUNNING)
		found->running++;
	/* As for the machine; who is on hold waits for tokens, not for a disk. */
	if ((state & TASK_UNINTERRUPTIBLE) &&
	    !(state & (TASK_NOLOAD | TASK_FROZEN)))
		found->unint++;
	if (t->in_iowait)
		found->iowait++;
}

static void vs_load_settle(struct vs_ctx *ctx, u64 now)
{
	struct vs_values *values = &ctx->values;

	values->load.running = values->found.running;
	values->load.unint = values->found.unint;
	values->load.iowait = values->found.iowait;
	memset(&values->found, 0, sizeof(values->found));
	/* A reference on the context pins the core. */
	vs_ops_pinned()->load(&values->load, now);
}

static void vs_load_count(u64 now)
{
	struct task_struct *p, *t;
	struct vs_object *obj;
	struct vs_ctx *ctx;
	u32 id = 0;

	lockdep_assert_held(&vs_load_lock);
	scoped_guard(rcu) {
		for_each_process_thread(p, t) {
			ctx = vs_task_ctx(t);
			if (ctx)
				vs_load_find(&ctx->values.found, t);
		}
	}
	while ((obj = vs_object_next(VS_CONTEXT, id))) {
		vs_load_settle(container_of(obj, struct vs_ctx, obj), now);
		id = obj->id + 1;
		vs_object_put(obj);
	}
	vs_load_counted = now;
}

static void vs_load_work(struct work_struct *work)
{
	scoped_guard(mutex, &vs_load_lock)
		vs_load_count(ktime_get_ns());
	if (vs_objects_active(VS_CONTEXT))
		vs_load_watch();
}

/* A context is there, whose tasks are counted from now on. Any context. */
void vs_load_watch(void)
{
	schedule_delayed_work(&vs_load_again, LOAD_FREQ);
}

/**
 * vs_load_read() - what the tasks of a context are about
 * @ctx: a context.
 * @load: the answer.
 *
 * May sleep.
 */
void vs_load_read(struct vs_ctx *ctx, struct vs_load *load)
{
	u64 now = ktime_get_ns();

	guard(mutex)(&vs_load_lock);
	if (now - vs_load_counted >= VS_LOAD_FRESH)
		vs_load_count(now);
	*load = ctx->values.load;
}
EXPORT_SYMBOL_GPL(vs_load_read);

/* Threads that were started in a context; wraps around. Any context. */
u32 vs_forks(const struct vs_ctx *ctx)
{
	u32 forks = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		forks += READ_ONCE(per_cpu_ptr(ctx->cpus, cpu)->forks);
	return forks;
}
EXPORT_SYMBOL_GPL(vs_forks);

/* Threads of a context that are on hold. Any context. */
u32 vs_holders(struct vs_ctx *ctx)
{
	u32 holders = 0;
	int cpu;

	guard(raw_spinlock_irqsave)(&ctx->pool_lock);
	for_each_possible_cpu(cpu)
		holders += per_cpu_ptr(ctx->cpus, cpu)->holders;
	return holders;
}
EXPORT_SYMBOL_GPL(vs_holders);
