/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and what is counted by user: users of different contexts are different
 * users, whatever their numbers. Inert without a context.
 */
#ifndef _LINUX_VSERVER_USER_H
#define _LINUX_VSERVER_USER_H

#include <linux/container_of.h>
#include <linux/cred.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/vserver.h>

/**
 * struct vs_user - whose user it is that something is counted for
 * @instance: number of the context; 0 for the host. Constant.
 *
 * User number 0 of two contexts is two users, who have limits of their own.
 */
struct vs_user {
#ifdef CONFIG_VSERVER
	u64 instance;
#endif
};

/**
 * struct vs_user_struct - a record of a user and whose it is
 * @user: first, so that it is freed as a plain record.
 * @vs: constant.
 */
struct vs_user_struct {
	struct user_struct user;
	struct vs_user vs;
};

/* The same for the numbers that are counted by user namespace. */
struct vs_ucounts {
	struct ucounts ucounts;
	struct vs_user vs;
};

#ifdef CONFIG_VSERVER

bool __vs_msg_charge(u64 instance, long bytes);
void __vs_msg_uncharge(u64 instance, long bytes);

/* Of the context whose credentials the current task uses, 0 for the host. */
static inline u64 vs_user_instance(void)
{
	return vs_enabled() ? current_cred()->vs.instance : 0;
}

/* Whose record it is; the one of the host's root is no struct vs_user_struct. */
static inline u64 vs_user_struct_instance(const struct user_struct *user)
{
	if (user == &root_user)
		return 0;
	return container_of_const(user, struct vs_user_struct, user)->vs.instance;
}

/* Whose counts they are; the first ones are no struct vs_ucounts. */
static inline u64 vs_ucounts_instance(const struct ucounts *ucounts)
{
	if (ucounts == &init_ucounts)
		return 0;
	return container_of_const(ucounts, struct vs_ucounts, ucounts)->vs.instance;
}

/* Makes @user one of that context. */
static inline void vs_user_init(struct vs_user *user)
{
	user->instance = vs_user_instance();
}

/**
 * vs_user_charge() - count for the context of a user what is counted for the user
 * @ucounts: of the user who pays.
 * @type: what for; only message queues have a limit of the context.
 * @n: how many more.
 *
 * What is refused is counted all the same: the caller gives it back.
 *
 * Return: may be had.
 */
static inline bool vs_user_charge(const struct ucounts *ucounts,
				  enum rlimit_type type, long n)
{
	u64 instance;

	if (type != UCOUNT_RLIMIT_MSGQUEUE || !vs_enabled())
		return true;
	instance = vs_ucounts_instance(ucounts);
	return !instance || __vs_msg_charge(instance, n);
}

/* Counts so much less. */
static inline void vs_user_uncharge(const struct ucounts *ucounts,
				    enum rlimit_type type, long n)
{
	u64 instance;

	if (type != UCOUNT_RLIMIT_MSGQUEUE || !vs_enabled())
		return;
	instance = vs_ucounts_instance(ucounts);
	if (instance)
		__vs_msg_uncharge(instance, n);
}

#else /* CONFIG_VSERVER */

static inline u64 vs_user_instance(void)
{
	return 0;
}

static inline u64 vs_user_struct_instance(const struct user_struct *user)
{
	return 0;
}

static inline u64 vs_ucounts_instance(const struct ucounts *ucounts)
{
	return 0;
}

static inline void vs_user_init(struct vs_user *user) { }

static inline bool vs_user_charge(const struct ucounts *ucounts,
				  enum rlimit_type type, long n)
{
	return true;
}

static inline void vs_user_uncharge(const struct ucounts *ucounts,
				    enum rlimit_type type, long n)
{
}

#endif /* CONFIG_VSERVER */

/* What a user is found by in the table of users, among those of all contexts. */
static inline u32 vs_user_key(kuid_t uid)
{
	return __kuid_val(uid) + (u32)vs_user_instance();
}

/* @user is one of that context. */
static inline bool vs_user_is_own(const struct user_struct *user)
{
	return vs_user_struct_instance(user) == vs_user_instance();
}

/* @ucounts are of a user of that context. */
static inline bool vs_ucounts_is_own(const struct ucounts *ucounts)
{
	return vs_ucounts_instance(ucounts) == vs_user_instance();
}

/* Makes @user, who is no other yet, one of that context. */
static inline void vs_user_struct_init(struct user_struct *user)
{
	vs_user_init(&container_of(user, struct vs_user_struct, user)->vs);
}

/* Counts that are those of the current context. May sleep. Return: NULL without memory. */
static inline struct ucounts *vs_ucounts_alloc(void)
{
	struct vs_ucounts *own = kzalloc_obj(*own);

	if (!own)
		return NULL;
	vs_user_init(&own->vs);
	return &own->ucounts;
}

#endif /* _LINUX_VSERVER_USER_H */
