// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of contexts: what is rare (semantics.md, section 10).
 */
#define pr_fmt(fmt) "vserver: " fmt

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/security.h>
#include <linux/vserver_limit.h>

/* A resource that is at its limit is not told of again before. */
#define VS_TELL_INTERVAL	(60 * HZ)

static const char *const vs_resource_names[VS_RESOURCES] = {
	[VS_THREADS] = "threads (NPROC)",
	[VS_FILES] = "open files (NOFILE)",
	[VS_SOCKETS] = "sockets (NSOCK)",
	[VS_SHM_PAGES] = "pages of shared memory (SHMEM)",
	[VS_SEM_ARRAYS] = "semaphore arrays (SEMARY)",
	[VS_SEMAPHORES] = "semaphores (NSEMS)",
};

/* Takes the start: nothing is counted, everything may be had. */
void vs_limit_init(struct vs_ctx *ctx)
{
	for (int i = 0; i < VS_RESOURCES; i++)
		atomic64_set(&ctx->limits[i].ceiling, S64_MAX);
}
EXPORT_SYMBOL_GPL(vs_limit_init);

void vs_limit_raise(struct vs_limit *limit, s64 value)
{
	s64 old = atomic64_read(&limit->maximum);

	while (value > old && !atomic64_try_cmpxchg(&limit->maximum, &old, value))
		;
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

		atomic64_set(&limit->minimum, value);
		atomic64_set(&limit->maximum, value);
	}
}
EXPORT_SYMBOL_GPL(vs_limit_reset);

/*
 * Counts one thing more for a context that the current task is not in: it acts with
 * credentials from there. A context that is gone pays nothing and allows all.
 */
bool vs_limit_charge_other(u64 instance, enum vs_resource resource)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = vs_ctx_of_instance(instance);
	return !ctx || vs_limit_charge(ctx, resource, 1);
}

/* Counts one thing less for a context that the current task is not in. */
void vs_limit_uncharge_other(u64 instance, enum vs_resource resource)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = vs_ctx_of_instance(instance);
	if (ctx)
		vs_limit_uncharge(ctx, resource, 1);
}

/* The caller drops the credentials. */
int vs_file_refused(struct file *file)
{
	security_file_free(file);
	return -ENFILE;
}
