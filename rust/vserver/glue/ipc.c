// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of System V IPC: of one context, though others may share the IPC
 * namespace, and counted for it (semantics.md, section 10).
 */
#include <linux/ipc.h>
#include <linux/vserver_limit.h>

#include "owner.h"

static struct vs_owner *vs_ipc_owner(const struct kern_ipc_perm *perm)
{
	return perm->security + vs_blob_sizes.lbs_ipc;
}

int vs_ipc_alloc(struct kern_ipc_perm *perm)
{
	vs_ipc_owner(perm)->instance = vs_current_instance();
	return 0;
}

static int vs_ipc_check(const struct kern_ipc_perm *perm)
{
	/* Commands about the whole system come without an object. */
	if (!perm || vs_ipc_owner(perm)->instance == vs_current_instance())
		return 0;
	return -EACCES;
}

int vs_ipc_permission(struct kern_ipc_perm *perm, short flag)
{
	return vs_ipc_check(perm);
}

int vs_ipc_command(struct kern_ipc_perm *perm, int cmd)
{
	return vs_ipc_check(perm);
}

/*
 * The current task may make a segment of so many pages. It is counted when it is
 * there; the namespace lets one task at a time come here.
 */
bool __vs_shm_allowed(unsigned long pages)
{
	struct vs_ctx *ctx = vs_current_ctx();
	s64 value, ceiling;

	if (!ctx)
		return true;
	value = atomic64_read(&ctx->limits[VS_SHM_PAGES].value);
	ceiling = atomic64_read(&ctx->limits[VS_SHM_PAGES].ceiling);
	if (value <= ceiling && pages <= (u64)(ceiling - value))
		return true;
	vs_limit_hit(ctx, VS_SHM_PAGES, value);
	return false;
}

/* The owner of an object has so much more of a resource, or less. */
static void vs_ipc_count(const struct kern_ipc_perm *perm,
			 enum vs_resource resource, s64 n)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = vs_ctx_of_instance(vs_ipc_owner(perm)->instance);
	if (!ctx)
		return;
	if (n > 0)
		vs_limit_add(ctx, resource, n);
	else
		vs_limit_uncharge(ctx, resource, -n);
}

void __vs_shm_count(const struct kern_ipc_perm *perm, long pages)
{
	vs_ipc_count(perm, VS_SHM_PAGES, pages);
}

void __vs_sem_count(const struct kern_ipc_perm *perm, int semaphores)
{
	vs_ipc_count(perm, VS_SEM_ARRAYS, semaphores > 0 ? 1 : -1);
	vs_ipc_count(perm, VS_SEMAPHORES, semaphores);
}
