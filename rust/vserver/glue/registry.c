// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of contexts and network contexts, and the counters that keep both
 * kinds of objects alive.
 *
 * Life of an object
 *
 *   allocated   vs_object_init(): one reference and one task claim, held by the
 *               creator; the module is pinned
 *   published   vs_object_publish(): found by id
 *   ended       the last claim is gone: vs_ops.ended() withdraws it from its
 *               table, releases what it holds and wakes waiters
 *   freed       the last reference is gone: after a grace period a worker calls
 *               vs_ops.release() and unpins the module
 *
 * A claim says "a task runs here" (or will: the creator's, or a persistent
 * object's); whoever holds one also holds a reference. Claims are taken with
 * inc_not_zero, so an object that has ended stays ended. References are taken by
 * task_struct, by lookups and by waiters, and may be dropped in any context,
 * also from an RCU callback or an interrupt; the rest of the life runs in
 * process context.
 *
 * Locks: a table is an XArray, read under RCU, written under its own lock, which
 * nests inside everything. No lock is held over vs_ops calls.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/vserver.h>
#include <linux/vserver_net.h>
#include <linux/xarray.h>

#include "owner.h"
#include "values.h"

DEFINE_STATIC_KEY_FALSE(vs_active);

static DEFINE_XARRAY(vs_contexts);
static DEFINE_XARRAY(vs_networks);

/* Contexts by instance, for what is counted and outlives the tasks. */
static DEFINE_XARRAY(vs_instances);

static struct xarray *const vs_tables[VS_KINDS] = {
	[VS_CONTEXT] = &vs_contexts,
	[VS_NETWORK] = &vs_networks,
};

static const struct vs_ops __rcu *vs_core_ops;
static DEFINE_MUTEX(vs_register_mutex);
static struct workqueue_struct *vs_free_wq;
static atomic_t vs_total[VS_KINDS];
static atomic_t vs_published[VS_KINDS];
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
	if (err)
		goto destroy;
	err = vs_helper_init();
	if (err)
		goto remove;
	rcu_assign_pointer(vs_core_ops, ops);
	return 0;

remove:
	vs_proc_exit();
destroy:
	destroy_workqueue(wq);
	return err;
}
EXPORT_SYMBOL_GPL(vs_register);

/**
 * vs_unregister() - withdraw the core
 *
 * The caller is the exit function of the module, so no object and no running
 * call pins it any more; what remains is the tail of the last release. May sleep.
 */
void vs_unregister(void)
{
	guard(mutex)(&vs_register_mutex);
	RCU_INIT_POINTER(vs_core_ops, NULL);
	vs_helper_exit();
	vs_proc_exit();
	/* Queued by RCU callbacks, therefore the callbacks first. */
	rcu_barrier();
	destroy_workqueue(vs_free_wq);
	vs_free_wq = NULL;
	static_branch_disable(&vs_active);
	static_branch_disable(&vs_net_active);
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

/* The operations of a core that an object pins. */
const struct vs_ops *vs_ops_pinned(void)
{
	return rcu_dereference_protected(vs_core_ops, true);
}

static void vs_object_free_worker(struct work_struct *work)
{
	struct vs_object *obj = container_of(to_rcu_work(work),
					     struct vs_object, free_work);
	const struct vs_ops *ops = vs_ops_pinned();
	u32 kind = obj->kind;

	if (kind == VS_CONTEXT)
		vs_keyrings_free(container_of(obj, struct vs_ctx, obj));
	ops->release(obj);
	atomic_dec(&vs_total[kind]);
	module_put(ops->owner);
}

/**
 * vs_object_init() - initialise the head of a new object
 * @obj: zeroed memory.
 * @owner: the module of the core, pinned by the caller.
 * @kind: one of enum vs_kind.
 * @id: its id.
 * @flags: its first flags.
 *
 * The caller owns one reference and one task claim. May sleep: the first object
 * switches the hooks on.
 */
void vs_object_init(struct vs_object *obj, struct module *owner, u32 kind,
		    u32 id, u64 flags)
{
	refcount_set(&obj->refs, 1);
	atomic_set(&obj->claims, 1);
	obj->kind = kind;
	obj->id = id;
	obj->instance = atomic64_inc_return(&vs_last_instance);
	atomic64_set(&obj->flags, flags);
	INIT_RCU_WORK(&obj->free_work, vs_object_free_worker);
	__module_get(owner);
	atomic_inc(&vs_total[kind]);
	if (!static_key_enabled(&vs_active)) {
		vs_lsm_arm();
		static_branch_enable(&vs_active);
	}
}
EXPORT_SYMBOL_GPL(vs_object_init);

/**
 * vs_object_publish() - enter an object into its table
 * @obj: an object with a claim.
 *
 * Return: 0, -EBUSY when the id is taken, -ENOMEM. May sleep.
 */
int vs_object_publish(struct vs_object *obj)
{
	int err = 0;

	if (obj->kind == VS_CONTEXT)
		err = vs_keyrings_init(container_of(obj, struct vs_ctx, obj));
	if (!err)
		err = xa_insert(vs_tables[obj->kind], obj->id, obj, GFP_KERNEL);
	if (err)
		return err;
	if (obj->kind == VS_CONTEXT) {
		err = xa_err(xa_store(&vs_instances, obj->instance, obj,
				      GFP_KERNEL));
		if (err) {
			xa_erase(vs_tables[obj->kind], obj->id);
			return err;
		}
	}
	atomic_inc(&vs_published[obj->kind]);
	if (obj->kind == VS_CONTEXT)
		vs_load_watch();
	return 0;
}
EXPORT_SYMBOL_GPL(vs_object_publish);

/* Takes @obj out of its table; does nothing when it is not in. May sleep. */
void vs_object_withdraw(struct vs_object *obj)
{
	if (xa_cmpxchg(vs_tables[obj->kind], obj->id, obj, NULL,
		       GFP_KERNEL) != obj)
		return;
	atomic_dec(&vs_published[obj->kind]);
	if (obj->kind == VS_CONTEXT) {
		xa_cmpxchg(&vs_instances, obj->instance, obj, NULL, GFP_KERNEL);
		vs_keyrings_end(container_of(obj, struct vs_ctx, obj));
	}
}
EXPORT_SYMBOL_GPL(vs_object_withdraw);

/**
 * vs_object_find() - look an object up
 * @kind: one of enum vs_kind.
 * @id: its id; 0 and 1 are never found.
 *
 * Return: the object with a reference, or NULL. Any context, lockless.
 */
struct vs_object *vs_object_find(u32 kind, u32 id)
{
	struct vs_object *obj;

	guard(rcu)();
	obj = xa_load(vs_tables[kind], id);
	return obj && refcount_inc_not_zero(&obj->refs) ? obj : NULL;
}
EXPORT_SYMBOL_GPL(vs_object_find);

/**
 * vs_ctx_of_instance() - the context with a number
 * @instance: number of a context, or one that is gone.
 *
 * Return: the context, not counted, while it has not ended; or NULL. Any context;
 * the caller holds RCU.
 */
struct vs_ctx *vs_ctx_of_instance(u64 instance)
{
	struct vs_object *obj = xa_load(&vs_instances, instance);

	/* An index of 32 bits may be that of another one. */
	return obj && obj->instance == instance ?
		container_of(obj, struct vs_ctx, obj) : NULL;
}

/* The object with the lowest id that is at least @id, as vs_object_find(). */
struct vs_object *vs_object_next(u32 kind, u32 id)
{
	unsigned long index = id;
	struct vs_object *obj;

	guard(rcu)();
	xa_for_each_start(vs_tables[kind], index, obj, id) {
		if (refcount_inc_not_zero(&obj->refs))
			return obj;
	}
	return NULL;
}

/* Takes a reference; the caller has one or is an RCU reader of a live task. */
void vs_object_get(struct vs_object *obj)
{
	refcount_inc(&obj->refs);
}
EXPORT_SYMBOL_GPL(vs_object_get);

/* Drops a reference. Any context. */
void vs_object_put(struct vs_object *obj)
{
	if (refcount_dec_and_test(&obj->refs))
		queue_rcu_work(vs_free_wq, &obj->free_work);
}
EXPORT_SYMBOL_GPL(vs_object_put);

/* Takes a task claim; false when the object has ended. Any context. */
bool vs_object_claim(struct vs_object *obj)
{
	return atomic_inc_not_zero(&obj->claims);
}
EXPORT_SYMBOL_GPL(vs_object_claim);

/* Drops a task claim; the last one ends the object. May sleep. */
void vs_object_unclaim(struct vs_object *obj)
{
	if (atomic_dec_and_test(&obj->claims))
		vs_ops_pinned()->ended(obj);
}
EXPORT_SYMBOL_GPL(vs_object_unclaim);

/* Objects in memory, also those that only wait to be freed. */
unsigned int vs_objects_total(u32 kind)
{
	return atomic_read(&vs_total[kind]);
}

/* Objects in their table. */
unsigned int vs_objects_active(u32 kind)
{
	return atomic_read(&vs_published[kind]);
}
