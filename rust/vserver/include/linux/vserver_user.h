/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts and what is counted by user: users of different contexts are different
 * users, whatever their numbers. Inert without a context.
 */
#ifndef _LINUX_VSERVER_USER_H
#define _LINUX_VSERVER_USER_H

#include <linux/cred.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER

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

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_USER_H */
