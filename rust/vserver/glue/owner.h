/* SPDX-License-Identifier: GPL-2.0 */
/* Objects that remember a context. */
#ifndef _VSERVER_GLUE_OWNER_H
#define _VSERVER_GLUE_OWNER_H

#include <linux/ipc.h>
#include <linux/key.h>
#include <linux/lsm_hooks.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/vserver.h>

/* What the module keeps per file (who asked for signals), key, IPC object. */
struct vs_owner {
	u64 instance;
};

extern struct lsm_blob_sizes vs_blob_sizes;

static inline u64 vs_current_instance(void)
{
	return current->vs.ctx ? current->vs.ctx->obj.instance : 0;
}

/* ipc.c */
int vs_ipc_alloc(struct kern_ipc_perm *perm);
int vs_ipc_permission(struct kern_ipc_perm *perm, short flag);
int vs_ipc_command(struct kern_ipc_perm *perm, int cmd);

/* keys.c */
void vs_cred_transfer(struct cred *new, const struct cred *old);
int vs_key_alloc(struct key *key, const struct cred *cred, unsigned long flags);
int vs_key_permission(key_ref_t key_ref, const struct cred *cred,
		      enum key_need_perm need_perm);
#ifdef CONFIG_KEYS
int vs_keyrings_init(struct vs_ctx *ctx);
void vs_keyrings_end(struct vs_ctx *ctx);
void vs_keyrings_free(struct vs_ctx *ctx);
#else
static inline int vs_keyrings_init(struct vs_ctx *ctx)
{
	return 0;
}

static inline void vs_keyrings_end(struct vs_ctx *ctx) { }

static inline void vs_keyrings_free(struct vs_ctx *ctx) { }
#endif

#endif /* _VSERVER_GLUE_OWNER_H */
