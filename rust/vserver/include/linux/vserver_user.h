/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and what is counted by user: users of different contexts are different
 * users, whatever their numbers. Inert without a context.
 */
#ifndef _LINUX_VSERVER_USER_H
#define _LINUX_VSERVER_USER_H

#include <linux/cred.h>
#include <linux/user_namespace.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER

bool __vs_msg_charge(u64 instance, long bytes);
void __vs_msg_uncharge(u64 instance, long bytes);

/* Of the context whose credentials the current task uses, 0 for the host. */
static inline u64 vs_user_instance(void)
{
	return vs_enabled() ? current_cred()->vs.instance : 0;
}

/* @user is one of that context. */
static inline bool vs_user_is_own(const struct vs_user *user)
{
	return user->instance == vs_user_instance();
}

/* Makes @user one of that context. */
static inline void vs_user_init(struct vs_user *user)
{
	user->instance = vs_user_instance();
}

/**
 * vs_user_charge() - count for the context of a user what is counted for the user
 * @user: who pays.
 * @type: what for; only message queues have a limit of the context.
 * @n: how many more.
 *
 * What is refused is counted all the same: the caller gives it back.
 *
 * Return: may be had.
 */
static inline bool vs_user_charge(const struct vs_user *user,
				  enum rlimit_type type, long n)
{
	return type != UCOUNT_RLIMIT_MSGQUEUE || !vs_enabled() ||
	       !user->instance || __vs_msg_charge(user->instance, n);
}

/* Counts so much less. */
static inline void vs_user_uncharge(const struct vs_user *user,
				    enum rlimit_type type, long n)
{
	if (type == UCOUNT_RLIMIT_MSGQUEUE && vs_enabled() && user->instance)
		__vs_msg_uncharge(user->instance, n);
}

#else /* CONFIG_VSERVER */

static inline u64 vs_user_instance(void)
{
	return 0;
}

static inline bool vs_user_is_own(const struct vs_user *user)
{
	return true;
}

static inline void vs_user_init(struct vs_user *user) { }

static inline bool vs_user_charge(const struct vs_user *user,
				  enum rlimit_type type, long n)
{
	return true;
}

static inline void vs_user_uncharge(const struct vs_user *user,
				    enum rlimit_type type, long n)
{
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_USER_H */
