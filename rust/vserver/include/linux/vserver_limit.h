/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting what a context has (semantics.md, section 10).
 *
 * A count is exact: one atomic addition when something is made, one when it goes.
 * The core decides what may be had and writes it down as the ceiling of the
 * resource; here it is only compared. What is counted remembers the instance of
 * the context, and needs no reference on it: as a rule it goes while a task of the
 * context runs, and when the context is gone there is nothing to give back to.
 *
 * Included where files are made and go, often enough for inlines, locks and IPC objects.
 */
#ifndef _LINUX_VSERVER_LIMIT_H
#define _LINUX_VSERVER_LIMIT_H

#include <linux/cred.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/ipc.h>
#include <linux/sched.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER

bool vs_limit_above(struct vs_ctx *ctx, enum vs_resource resource, s64 value, s64 n);
void vs_limit_hit(struct vs_ctx *ctx, enum vs_resource resource, s64 value);
void vs_limit_raise(struct vs_limit *limit, s64 value);
void vs_limit_lower(struct vs_limit *limit, s64 value);
void vs_limit_uncharge_other(u64 instance, enum vs_resource resource);
int vs_file_refused(struct file *file);
int vs_file_charge_other(struct file *file);
void vs_file_uncharge_other(const struct file *file);
bool __vs_shm_allowed(unsigned long pages);
void __vs_shm_count(const struct kern_ipc_perm *perm, long pages);
void __vs_sem_count(const struct kern_ipc_perm *perm, int semaphores);
int __vs_lock_refused(u64 instance, int n);
void __vs_lock_count(u64 instance, int n);

/* Adds @n, and notes how little there was. Return: how much there is. */
static inline s64 vs_limit_more(struct vs_limit *limit, s64 n)
{
	s64 old = atomic64_fetch_add(n, &limit->value);

	if (unlikely(old < atomic64_read(&limit->minimum)))
		vs_limit_lower(limit, old);
	return old + n;
}

/* Counts @n more, whatever the ceiling says. Any context. */
static inline void vs_limit_add(struct vs_ctx *ctx, enum vs_resource resource,
				s64 n)
{
	struct vs_limit *limit = &ctx->limits[resource];
	s64 value = vs_limit_more(limit, n);

	if (unlikely(value > atomic64_read(&limit->mark)))
		vs_limit_raise(limit, value);
}

/**
 * vs_limit_charge() - count @n more, if they may be had
 * @ctx: who pays.
 * @resource: what for.
 * @n: how many, above 0.
 *
 * Of several that ask at once for more than one, all may be refused where a
 * part would fit. Any context.
 *
 * Return: counted. A refusal is a hit.
 */
static inline bool vs_limit_charge(struct vs_ctx *ctx,
				   enum vs_resource resource, s64 n)
{
	struct vs_limit *limit = &ctx->limits[resource];
	s64 value = vs_limit_more(limit, n);

	return likely(value <= atomic64_read(&limit->mark)) ||
	       vs_limit_above(ctx, resource, value, n);
}

/* Counts @n less. Any context. */
static inline void vs_limit_uncharge(struct vs_ctx *ctx,
				     enum vs_resource resource, s64 n)
{
	atomic64_sub(n, &ctx->limits[resource].value);
}

/* The current task is of the context with this number, and keeps it. */
static inline struct vs_ctx *vs_current_instance_ctx(u64 instance)
{
	struct vs_ctx *ctx = current->vs.ctx;

	return likely(ctx && ctx->obj.instance == instance) ? ctx : NULL;
}

/* Counts one thing less for the context with this number. Any context. */
static inline void vs_limit_uncharge_instance(u64 instance,
					      enum vs_resource resource)
{
	struct vs_ctx *ctx = vs_current_instance_ctx(instance);

	if (ctx)
		vs_limit_uncharge(ctx, resource, 1);
	else
		vs_limit_uncharge_other(instance, resource);
}

/*
 * The file has the credentials of the current task itself, not those of somebody else
 * that it acts for: it counts for the context of the task.
 */
static inline bool vs_file_is_own(const struct file *file)
{
	return likely(file->f_cred == current_real_cred());
}

/**
 * vs_file_charge() - count a file for the context whose credentials it has
 * @file: a new file with its credentials and security blobs.
 *
 * It counts until it is freed, whoever has it then.
 *
 * Return: 0; -ENFILE when the context may have no more, and the security blobs are
 * freed. Process context.
 */
static inline int vs_file_charge(struct file *file)
{
	struct vs_ctx *ctx;

	if (!vs_enabled())
		return 0;
	if (!vs_file_is_own(file))
		return vs_file_charge_other(file);
	ctx = current->vs.ctx;
	return !ctx || vs_limit_charge(ctx, VS_FILES, 1) ?
		0 : vs_file_refused(file);
}

/* The file is being freed; its credentials are still there. */
static inline void vs_file_uncharge(const struct file *file)
{
	struct vs_ctx *ctx;

	if (!vs_enabled())
		return;
	if (!vs_file_is_own(file)) {
		vs_file_uncharge_other(file);
		return;
	}
	ctx = current->vs.ctx;
	if (ctx)
		vs_limit_uncharge(ctx, VS_FILES, 1);
}

/* The current task may make a System V segment. Process context. */
static inline bool vs_shm_allowed(unsigned long pages)
{
	return !vs_enabled() || __vs_shm_allowed(pages);
}

/* The owner of a segment has pages more, or less. Process context. */
static inline void vs_shm_count(const struct kern_ipc_perm *perm, long pages)
{
	if (vs_enabled())
		__vs_shm_count(perm, pages);
}

/* The owner has an array of so many semaphores more, or less when negative. */
static inline void vs_sem_count(const struct kern_ipc_perm *perm, int semaphores)
{
	if (vs_enabled())
		__vs_sem_count(perm, semaphores);
}

/**
 * vs_lock_refused() - may the context that opened a file have locks more?
 * @file: the file to be locked.
 * @n: how many.
 *
 * They are counted when they are active, see vs_lock_count(). Those who ask for locks
 * of one inode come one by one; others may come in between, so that there may be one
 * too many for each processor. Any context.
 *
 * Return: 0 or -ENOLCK.
 */
static inline int vs_lock_refused(const struct file *file, int n)
{
	u64 instance = vs_enabled() && file ? file->f_cred->vs.instance : 0;

	return instance ? __vs_lock_refused(instance, n) : 0;
}

/*
 * The same for a request about the middle of a lock: what is left on both sides are two,
 * and it may be one itself.
 */
static inline int vs_split_refused(struct file_lock *request)
{
	return vs_lock_refused(request->c.flc_file, 2 - lock_is_unlock(request));
}

/* A lock has become active, or ceases to be. Any context. */
static inline void vs_lock_count(const struct file *file, int n)
{
	u64 instance = vs_enabled() && file ? file->f_cred->vs.instance : 0;

	if (instance)
		__vs_lock_count(instance, n);
}

#else /* CONFIG_VSERVER */

static inline int vs_file_charge(struct file *file)
{
	return 0;
}

static inline void vs_file_uncharge(const struct file *file)
{
}

static inline bool vs_shm_allowed(unsigned long pages)
{
	return true;
}

static inline void vs_shm_count(const struct kern_ipc_perm *perm, long pages)
{
}

static inline void vs_sem_count(const struct kern_ipc_perm *perm, int semaphores)
{
}

static inline int vs_lock_refused(const struct file *file, int n)
{
	return 0;
}

static inline int vs_split_refused(struct file_lock *request)
{
	return 0;
}

static inline void vs_lock_count(const struct file *file, int n)
{
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_LIMIT_H */
