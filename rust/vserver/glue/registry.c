// SPDX-License-Identifier: GPL-2.0
/*
 * The table of contexts and the counters that keep them alive.
 *
 * Life of a context
 *
 *   allocated   vs_ctx_init(): one reference and one task claim, held by the
 *               creator; the module is pinned
 *   published   vs_ctx_publish(): found by id
 *   ended       the last claim is gone: vs_ops.ended() withdraws it from the
 *               table, releases its spaces and wakes waiters
 *   freed       the last reference is gone: after a grace period a worker calls
 *               vs_ops.release() and unpins the module
 *
 * A claim says "a task runs here" (or will: the creator's, or a persistent
 * context's); whoever holds one also holds a reference. Claims are taken with
 * inc_not_zero, so a context that has ended stays ended. References are taken by task_struct,
 * by lookups and by waiters, and may be dropped in any context, also from an RCU
 * callback or an interrupt; the rest of the life runs in process context.
 *
 * Locks: the table is an XArray, read under RCU, written under its own lock,
 * which nests inside everything. No lock is held over vs_ops calls.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/vserver.h>
#include <linux/xarray.h>

DEFINE_STATIC_KEY_FALSE(vs_active);

static DEFINE_XARRAY(vs_contexts);
static const struct vs_ops __rcu *vs_core_ops;
static DEFINE_MUTEX(vs_register_mutex);
static struct workqueue_struct *vs_free_wq;
static atomic_t vs_total = ATOMIC_INIT(0);
static atomic_t vs_published = ATOMIC_INIT(0);
static atomic64_t vs_last_instance = ATOMIC64_INIT(0);

/**
 * vs_register() - announce the core
 * @ops: constant until vs_unregister() has returned.
 *
 * Return: 0, -EBUSY when a core is registered, -ENOMEM. May sleep.
 */
int vs_register(const struct vs_ops *ops)
{
	struct workqueue_struct *wq;
	int err = 0;

	guard(mutex)(&vs_register_mutex);
	if (rcu_access_pointer(vs_core_ops))
		return -EBUSY;
	wq = alloc_workqueue("vserver", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!wq)
		return -ENOMEM;
	vs_free_wq = wq;
	err = vs_proc_init();
	if (err) {
		destroy_workqueue(wq);
		return err;
	}
	rcu_assign_pointer(vs_core_ops, ops);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_register);

/**
 * vs_unregister() - withdraw the core
 *
 * The caller is the exit function of the module, so no context and no running
 * call pins it any more; what remains is the tail of the last release. May sleep.
 */
void vs_unregister(void)
{
	guard(mutex)(&vs_register_mutex);
	RCU_INIT_POINTER(vs_core_ops, NULL);
	vs_proc_exit();
	/* Queued by RCU callbacks, therefore the callbacks first. */
	rcu_barrier();
	destroy_workqueue(vs_free_wq);
	vs_free_wq = NULL;
	static_branch_disable(&vs_active);
}
EXPORT_SYMBOL_GPL(vs_unregister);

/**
 * vs_ops_get() - the core, pinned
 *
 * Return: the operations, to be given back with vs_ops_put(); NULL when no core
 * is loaded or it is going away. Any context.
 */
const struct vs_ops *vs_ops_get(void)
{
	const struct vs_ops *ops;

	guard(rcu)();
	ops = rcu_dereference(vs_core_ops);
	return ops && try_module_get(ops->owner) ? ops : NULL;
}

/* Gives back what vs_ops_get() returned. */
void vs_ops_put(const struct vs_ops *ops)
{
	module_put(ops->owner);
}

/* The operations of a core that a context pins. */
static const struct vs_ops *vs_pinned_ops(void)
{
	return rcu_dereference_protected(vs_core_ops, true);
}

static void vs_ctx_free_worker(struct work_struct *work)
{
	struct vs_ctx *ctx = container_of(to_rcu_work(work), struct vs_ctx,
					  free_work);
	const struct vs_ops *ops = vs_pinned_ops();

	ops->release(ctx);
	atomic_dec(&vs_total);
	module_put(ops->owner);
}

/**
 * vs_ctx_init() - initialise the head of a new context
 * @ctx: zeroed memory.
 * @owner: the module of the core, pinned by the caller.
 * @xid: context id.
 * @flags: VXF_* bits.
 *
 * The caller owns one reference and one task claim. May sleep: the first
 * context switches the hooks on.
 */
void vs_ctx_init(struct vs_ctx *ctx, struct module *owner, u32 xid, u64 flags)
{
	refcount_set(&ctx->refs, 1);
	atomic_set(&ctx->tasks, 1);
	ctx->xid = xid;
	ctx->instance = atomic64_inc_return(&vs_last_instance);
	atomic64_set(&ctx->flags, flags);
	atomic64_set(&ctx->bcaps, -1);
	INIT_RCU_WORK(&ctx->free_work, vs_ctx_free_worker);
	__module_get(owner);
	atomic_inc(&vs_total);
	if (!static_key_enabled(&vs_active)) {
		vs_lsm_arm();
		static_branch_enable(&vs_active);
	}
}
EXPORT_SYMBOL_GPL(vs_ctx_init);

/**
 * vs_ctx_publish() - enter a context into the table
 * @ctx: a context with a claim.
 *
 * Return: 0, -EBUSY when the id is taken, -ENOMEM. May sleep.
 */
int vs_ctx_publish(struct vs_ctx *ctx)
{
	int err = xa_insert(&vs_contexts, ctx->xid, ctx, GFP_KERNEL);

	if (!err)
		atomic_inc(&vs_published);
	return err;
}
EXPORT_SYMBOL_GPL(vs_ctx_publish);

/* Takes @ctx out of the table; does nothing when it is not in. May sleep. */
void vs_ctx_withdraw(struct vs_ctx *ctx)
{
	if (xa_cmpxchg(&vs_contexts, ctx->xid, ctx, NULL, GFP_KERNEL) == ctx)
		atomic_dec(&vs_published);
}
EXPORT_SYMBOL_GPL(vs_ctx_withdraw);

/**
 * vs_ctx_find() - look a context up by id
 * @xid: context id; 0 and 1 are never found.
 *
 * Return: the context with a reference, or NULL. Any context, lockless.
 */
struct vs_ctx *vs_ctx_find(u32 xid)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = xa_load(&vs_contexts, xid);
	return ctx && refcount_inc_not_zero(&ctx->refs) ? ctx : NULL;
}
EXPORT_SYMBOL_GPL(vs_ctx_find);

/* The context with the lowest id that is at least @xid, as vs_ctx_find(). */
struct vs_ctx *vs_ctx_next(u32 xid)
{
	unsigned long index = xid;
	struct vs_ctx *ctx;

	guard(rcu)();
	xa_for_each_start(&vs_contexts, index, ctx, xid) {
		if (refcount_inc_not_zero(&ctx->refs))
			return ctx;
	}
	return NULL;
}

/* Takes a reference; the caller has one or is an RCU reader of a live task. */
void vs_ctx_get(struct vs_ctx *ctx)
{
	refcount_inc(&ctx->refs);
}
EXPORT_SYMBOL_GPL(vs_ctx_get);

/* Drops a reference. Any context. */
void vs_ctx_put(struct vs_ctx *ctx)
{
	if (refcount_dec_and_test(&ctx->refs))
		queue_rcu_work(vs_free_wq, &ctx->free_work);
}
EXPORT_SYMBOL_GPL(vs_ctx_put);

/* Takes a task claim; false when the context has ended. Any context. */
bool vs_ctx_claim(struct vs_ctx *ctx)
{
	return atomic_inc_not_zero(&ctx->tasks);
}
EXPORT_SYMBOL_GPL(vs_ctx_claim);

/* Drops a task claim; the last one ends the context. May sleep. */
void vs_ctx_unclaim(struct vs_ctx *ctx)
{
	if (atomic_dec_and_test(&ctx->tasks))
		vs_pinned_ops()->ended(ctx);
}
EXPORT_SYMBOL_GPL(vs_ctx_unclaim);

/* Contexts in memory, also those that only wait to be freed. */
unsigned int vs_ctx_total(void)
{
	return atomic_read(&vs_total);
}

/* Contexts in the table. */
unsigned int vs_ctx_active(void)
{
	return atomic_read(&vs_published);
}
