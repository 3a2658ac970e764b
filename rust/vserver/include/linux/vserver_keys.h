/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and keys: the records that count them by user are different ones for each
 * context, and so are keyrings that are found by name. Included after
 * security/keys/internal.h, which has the record.
 */
#ifndef _LINUX_VSERVER_KEYS_H
#define _LINUX_VSERVER_KEYS_H

#include <linux/container_of.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/vserver_user.h>

/**
 * struct vs_key_user - a record and whose it is
 * @user: first, so that it is freed as a plain record.
 * @vs: constant.
 */
struct vs_key_user {
	struct key_user user;
	struct vs_user vs;
};

#ifdef CONFIG_VSERVER

/* Whose record it is; the one of the host's root is no struct vs_key_user. */
static inline u64 vs_key_user_instance(const struct key_user *user)
{
	if (user == &root_key_user)
		return 0;
	return container_of_const(user, struct vs_key_user, user)->vs.instance;
}

/**
 * vs_keyring_domain() - where the name of a key is looked up
 * @key: what is looked up, with its type.
 * @host: the domain of the host.
 *
 * Keyrings of users are found by name, "_uid.0" and the like, in a register of the
 * user namespace, which guests share. Any context.
 *
 * Return: the domain of the current task's context for keyrings, else @host.
 */
static inline struct key_tag *vs_keyring_domain(const struct keyring_index_key *key,
						struct key_tag *host)
{
	struct vs_ctx *ctx = vs_enabled() && key->type == &key_type_keyring ?
			     vs_current_ctx() : NULL;

	return ctx ? ctx->keyrings : host;
}

#else /* CONFIG_VSERVER */

static inline struct key_tag *vs_keyring_domain(const struct keyring_index_key *key,
						struct key_tag *host)
{
	return host;
}

static inline u64 vs_key_user_instance(const struct key_user *user)
{
	return 0;
}

#endif /* CONFIG_VSERVER */

/* Order of the records: by context, so that those of one are side by side. */
static inline bool vs_key_user_lt(kuid_t uid, const struct key_user *user)
{
	u64 own = vs_user_instance(), other = vs_key_user_instance(user);

	return own < other || (own == other && uid_lt(uid, user->uid));
}

static inline bool vs_key_user_gt(kuid_t uid, const struct key_user *user)
{
	u64 own = vs_user_instance(), other = vs_key_user_instance(user);

	return own > other || (own == other && uid_gt(uid, user->uid));
}

/* A record that is the current context's. May sleep. Return: NULL without memory. */
static inline struct key_user *vs_key_user_alloc(void)
{
	struct vs_key_user *own = kmalloc_obj(*own);

	if (!own)
		return NULL;
	vs_user_init(&own->vs);
	return &own->user;
}

#endif /* _LINUX_VSERVER_KEYS_H */
