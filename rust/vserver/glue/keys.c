// SPDX-License-Identifier: GPL-2.0
/*
 * Keys: of one context, counted for users of that context, and how many it may have.
 *
 * The register of a user namespace holds the keyrings of its users by name. A guest
 * shares it; its keyrings are named in a domain of its own, which is removed with
 * the context: the kernel then collects what is left of them.
 */
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "owner.h"

#include "../../../security/keys/internal.h"
#include <linux/vserver_keys.h>

/*
 * Keys are no memory that a cgroup pays for, and a guest has users without number. All
 * of them together may have what so many may have on the host.
 */
#define VS_KEY_SHARES	100

/* More users than this have no keys at the same time; it bounds the time to look. */
#define VS_KEY_USERS	1000

static struct vs_owner *vs_key_owner(const struct key *key)
{
	return key->security + vs_blob_sizes.lbs_key;
}

/* The first record of a context. Caller holds key_user_lock. */
static struct rb_node *vs_key_users_first(u64 instance)
{
	struct rb_node *node = key_user_tree.rb_node, *found = NULL;

	while (node) {
		if (vs_key_user_instance(rb_entry(node, struct key_user, node)) < instance) {
			node = node->rb_right;
		} else {
			found = node;
			node = node->rb_left;
		}
	}
	return found;
}

/* The record after @node, if it is of the same context. */
static struct key_user *vs_key_user_at(struct rb_node *node, u64 instance)
{
	struct key_user *user = rb_entry_safe(node, struct key_user, node);

	return user && vs_key_user_instance(user) == instance ? user : NULL;
}

/* A context may have one key more, whose bytes are counted already. */
static bool vs_keys_allowed(u64 instance)
{
	u64 keys = 0, bytes = 0, users = 0;
	struct key_user *user;

	guard(spinlock)(&key_user_lock);
	for (user = vs_key_user_at(vs_key_users_first(instance), instance); user;
	     user = vs_key_user_at(rb_next(&user->node), instance)) {
		keys += atomic_read(&user->nkeys);
		bytes += READ_ONCE(user->qnbytes);
		if (++users > VS_KEY_USERS)
			return false;
	}
	return keys < (u64)READ_ONCE(key_quota_maxkeys) * VS_KEY_SHARES &&
	       bytes <= (u64)READ_ONCE(key_quota_maxbytes) * VS_KEY_SHARES;
}

/**
 * vs_cred_transfer() - a child has given a task its session keyring
 * @new: credentials of the current task with the other keyring, made from nothing.
 * @old: those that it has.
 *
 * They stay those of its context. A keyring of another context, of a task that went
 * there, is not taken over. May sleep.
 */
void vs_cred_transfer(struct cred *new, const struct cred *old)
{
	struct key *given = new->session_keyring;

	new->vs = old->vs;
	if (!given || vs_key_owner(given)->instance == old->vs.instance)
		return;
	new->session_keyring = key_get(old->session_keyring);
	key_put(given);
}

int vs_key_alloc(struct key *key, const struct cred *cred, unsigned long flags)
{
	u64 instance = cred->vs.instance;

	vs_key_owner(key)->instance = instance;
	/* A program of the host would be started, with words of the guest. */
	if (instance && key->type == &key_type_request_key_auth)
		return -EPERM;
	return !instance || vs_keys_allowed(instance) ? 0 : -EDQUOT;
}

int vs_key_permission(key_ref_t key_ref, const struct cred *cred,
		      enum key_need_perm need_perm)
{
	const struct key *key = key_ref_to_ptr(key_ref);

	if (vs_key_owner(key)->instance == cred->vs.instance)
		return 0;
	/*
	 * The register is the kernel's, and only the kernel possesses it. What is
	 * found in it is asked about again.
	 */
	if (is_key_possessed(key_ref) &&
	    key == READ_ONCE(cred->user_ns->user_keyring_register))
		return 0;
	return -EACCES;
}

/* A domain for the names of a new context's keyrings. Return: 0 or -ENOMEM. May sleep. */
int vs_keyrings_init(struct vs_ctx *ctx)
{
	struct key_tag *tag = kzalloc_obj(*tag, GFP_KERNEL_ACCOUNT);

	if (!tag)
		return -ENOMEM;
	refcount_set(&tag->usage, 1);
	ctx->keyrings = tag;
	return 0;
}

/*
 * No task of the context is left. An exiting one may still name a keyring, so the
 * domain stays until the context is freed. May sleep.
 */
void vs_keyrings_end(struct vs_ctx *ctx)
{
	ctx->keyrings->removed = true;
	/* Most contexts have no keyrings, and to collect is to look at all keys. */
	if (refcount_read(&ctx->keyrings->usage) > 1)
		key_schedule_gc_links();
}

/* Nobody refers to the context any more, which may never have had a domain. */
void vs_keyrings_free(struct vs_ctx *ctx)
{
	if (ctx->keyrings)
		key_put_tag(ctx->keyrings);
}
