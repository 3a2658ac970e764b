// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of contexts: what is rare (semantics.md, section 10).
 */
#define pr_fmt(fmt) "vserver: " fmt

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/fdtable.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/vserver_limit.h>
#include <linux/vserver_user.h>

#include "mm.h"

/* A resource that is at its limit is not told of again before. */
#define VS_TELL_INTERVAL	(60 * HZ)

static const char *const vs_resource_names[VS_RESOURCES] = {
	[VS_THREADS] = "threads (NPROC)",
	[VS_FILES] = "open files (NOFILE)",
	[VS_SOCKETS] = "sockets (NSOCK)",
	[VS_SHM_PAGES] = "pages of shared memory (SHMEM)",
	[VS_SEM_ARRAYS] = "semaphore arrays (SEMARY)",
	[VS_SEMAPHORES] = "semaphores (NSEMS)",
	[VS_LOCKS] = "locks of files (LOCKS)",
	[VS_MSG_BYTES] = "bytes of POSIX message queues (MSGQUEUE)",
	[VS_DESCRIPTORS] = "descriptors (OPENFD)",
	[VS_ADDRESS_SPACE] = "pages of address space (AS)",
	[VS_LOCKED_PAGES] = "locked pages (MEMLOCK)",
};

/* Takes the start: nothing is counted, everything may be had. */
void vs_limit_init(struct vs_ctx *ctx)
{
	for (int i = 0; i < VS_RESOURCES; i++)
		atomic64_set(&ctx->limits[i].ceiling, S64_MAX);
	mutex_init(&ctx->counting);
}
EXPORT_SYMBOL_GPL(vs_limit_init);

/* For ceilings, maxima and marks, which change a few times in the life of a context. */
static DEFINE_RAW_SPINLOCK(vs_limit_lock);

static void vs_limit_mark(struct vs_limit *limit)
{
	atomic64_set(&limit->mark, min(atomic64_read(&limit->ceiling),
				       atomic64_read(&limit->maximum)));
}

/* There is more than ever, or there may be no more. Any context. */
void vs_limit_raise(struct vs_limit *limit, s64 value)
{
	if (value <= atomic64_read(&limit->maximum))
		return;
	guard(raw_spinlock_irqsave)(&vs_limit_lock);
	if (value > atomic64_read(&limit->maximum))
		atomic64_set(&limit->maximum, value);
	vs_limit_mark(limit);
}

/**
 * vs_limit_set() - change what may be had of a resource
 * @ctx: a context.
 * @resource: which.
 * @ceiling: S64_MAX for no limit.
 *
 * What there is above it stays. Any context.
 */
void vs_limit_set(struct vs_ctx *ctx, u32 resource, s64 ceiling)
{
	struct vs_limit *limit = &ctx->limits[resource];

	guard(raw_spinlock_irqsave)(&vs_limit_lock);
	atomic64_set(&limit->ceiling, ceiling);
	vs_limit_mark(limit);
	vs_mm_forget(limit, resource);
}
EXPORT_SYMBOL_GPL(vs_limit_set);

/* Of @value, which is above the mark, @n were added: may they be had? Any context. */
bool vs_limit_above(struct vs_ctx *ctx, enum vs_resource resource, s64 value, s64 n)
{
	struct vs_limit *limit = &ctx->limits[resource];

	if (value > atomic64_read(&limit->ceiling)) {
		atomic64_sub(n, &limit->value);
		vs_limit_hit(ctx, resource, value - n);
		return false;
	}
	vs_limit_raise(limit, value);
	return true;
}

void vs_limit_lower(struct vs_limit *limit, s64 value)
{
	s64 old = atomic64_read(&limit->minimum);

	while (value < old && !atomic64_try_cmpxchg(&limit->minimum, &old, value))
		;
}

/**
 * vs_limit_hit() - something was refused
 * @ctx: who asked.
 * @resource: what for.
 * @value: what it has.
 *
 * Tells the log at most once in an interval. Any context.
 */
void vs_limit_hit(struct vs_ctx *ctx, enum vs_resource resource, s64 value)
{
	struct vs_limit *limit = &ctx->limits[resource];
	u64 hits = atomic64_inc_return(&limit->hits);
	unsigned long told = READ_ONCE(limit->told), now = jiffies ?: 1;

	if (told && time_before(now, told + VS_TELL_INTERVAL))
		return;
	if (cmpxchg(&limit->told, told, now) != told)
		return;
	pr_notice("guest %u is at its limit of %s: %lld in use, %lld allowed, %llu refused so far\n",
		  ctx->obj.id, vs_resource_names[resource], value,
		  atomic64_read(&limit->ceiling), hits);
}

/**
 * vs_limit_reset() - begin anew with the lowest and highest use
 * @ctx: a context.
 *
 * What comes and goes meanwhile may or may not be seen. Any context.
 */
void vs_limit_reset(struct vs_ctx *ctx)
{
	for (int i = 0; i < VS_RESOURCES; i++) {
		struct vs_limit *limit = &ctx->limits[i];
		s64 value = atomic64_read(&limit->value);

		guard(raw_spinlock_irqsave)(&vs_limit_lock);
		atomic64_set(&limit->minimum, value);
		atomic64_set(&limit->maximum, value);
		vs_limit_mark(limit);
	}
}
EXPORT_SYMBOL_GPL(vs_limit_reset);

/* Counts one thing less for a context that the current task is not in. */
void vs_limit_uncharge_other(u64 instance, enum vs_resource resource)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = vs_ctx_of_instance(instance);
	if (ctx)
		vs_limit_uncharge(ctx, resource, 1);
}

/* The locks themselves are counted when they are active. Caller holds the inode's lock. */
int __vs_lock_refused(u64 instance, int n)
{
	struct vs_ctx *ctx;
	s64 value;

	guard(rcu)();
	ctx = vs_current_instance_ctx(instance) ?: vs_ctx_of_instance(instance);
	if (!ctx)
		return 0;
	value = atomic64_read(&ctx->limits[VS_LOCKS].value);
	if (value + n <= atomic64_read(&ctx->limits[VS_LOCKS].ceiling))
		return 0;
	vs_limit_hit(ctx, VS_LOCKS, value);
	return -ENOLCK;
}

/* Whoever closes a file, of whatever context, takes away the locks on it. */
void __vs_lock_count(u64 instance, int n)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = vs_current_instance_ctx(instance) ?: vs_ctx_of_instance(instance);
	if (!ctx)
		return;
	if (n > 0)
		vs_limit_add(ctx, VS_LOCKS, n);
	else
		vs_limit_uncharge(ctx, VS_LOCKS, -n);
}

/* What is refused stays counted until the caller gives it back. */
bool __vs_msg_charge(u64 instance, long bytes)
{
	struct vs_limit *limit;
	struct vs_ctx *ctx;
	s64 value;

	guard(rcu)();
	ctx = vs_ctx_of_instance(instance);
	if (!ctx)
		return true;
	limit = &ctx->limits[VS_MSG_BYTES];
	value = vs_limit_more(limit, bytes);
	if (value > atomic64_read(&limit->ceiling)) {
		vs_limit_hit(ctx, VS_MSG_BYTES, value - bytes);
		return false;
	}
	vs_limit_raise(limit, value);
	return true;
}

void __vs_msg_uncharge(u64 instance, long bytes)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = vs_ctx_of_instance(instance);
	if (ctx)
		vs_limit_uncharge(ctx, VS_MSG_BYTES, bytes);
}

/* Descriptors in use in the table of a process. Caller holds its task_lock(). */
static unsigned int vs_descriptors_of(const struct task_struct *task)
{
	const struct fdtable *table;

	if (!task->files)
		return 0;
	guard(spinlock)(&task->files->file_lock);
	table = files_fdtable(task->files);
	return bitmap_weight(table->open_fds, table->max_fds);
}

/*
 * Nobody is ever refused a descriptor for its context, so only those who look pay.
 * Counted are the tables of processes: one that two share is counted twice, one that a
 * thread has for itself is not.
 */
static void vs_count_descriptors(struct vs_ctx *ctx)
{
	struct vs_limit *limit = &ctx->limits[VS_DESCRIPTORS];
	struct task_struct *task;
	s64 value = 0;

	rcu_read_lock();
	for_each_process(task) {
		if (READ_ONCE(task->vs.ctx) != ctx)
			continue;
		task_lock(task);
		value += vs_descriptors_of(task);
		task_unlock(task);
	}
	rcu_read_unlock();
	atomic64_set(&limit->value, value);
	vs_limit_raise(limit, value);
	vs_limit_lower(limit, value);
}

/**
 * vs_limit_refresh() - count what is not counted as it comes and goes
 * @ctx: a context.
 * @resource: which; nothing is to be done for most.
 *
 * May sleep.
 */
void vs_limit_refresh(struct vs_ctx *ctx, u32 resource)
{
	if (resource != VS_DESCRIPTORS && !vs_mm_sums(resource))
		return;
	guard(mutex)(&ctx->counting);
	if (resource == VS_DESCRIPTORS)
		vs_count_descriptors(ctx);
	else
		vs_mm_count(ctx);
}
EXPORT_SYMBOL_GPL(vs_limit_refresh);

/* The caller drops the credentials. */
int vs_file_refused(struct file *file)
{
	security_file_free(file);
	return -ENFILE;
}

/*
 * The current task acts with credentials of others. A context that is gone pays
 * nothing and allows all.
 */
int vs_file_charge_other(struct file *file)
{
	u64 instance = file->f_cred->vs.instance;
	struct vs_ctx *ctx;

	if (!instance)
		return 0;
	scoped_guard(rcu) {
		ctx = vs_current_instance_ctx(instance) ?:
		      vs_ctx_of_instance(instance);
		if (!ctx || vs_limit_charge(ctx, VS_FILES, 1))
			return 0;
	}
	return vs_file_refused(file);
}

/* Whoever lets go of a file last. */
void vs_file_uncharge_other(const struct file *file)
{
	u64 instance = file->f_cred->vs.instance;

	if (instance)
		vs_limit_uncharge_instance(instance, VS_FILES);
}
