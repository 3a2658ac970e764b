// SPDX-License-Identifier: GPL-2.0
/*
 * Keys: of one context, counted for users of that context, and how many it may have.
 */
#include <linux/rbtree.h>

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

int vs_key_alloc(struct key *key, const struct cred *cred, unsigned long flags)
{
	u64 instance = cred->vs.instance;

	vs_key_owner(key)->instance = instance;
	return !instance || vs_keys_allowed(instance) ? 0 : -EDQUOT;
}

int vs_key_permission(key_ref_t key_ref, const struct cred *cred,
		      enum key_need_perm need_perm)
{
	const struct key *key = key_ref_to_ptr(key_ref);

	return vs_key_owner(key)->instance == cred->vs.instance ? 0 : -EACCES;
}
