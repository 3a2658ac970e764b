/* SPDX-License-Identifier: GPL-2.0 */
/* Contexts and namespaces: what kernel/nsproxy.c calls. */
#ifndef _LINUX_VSERVER_SPACE_H
#define _LINUX_VSERVER_SPACE_H

#include <linux/cgroup.h>
#include <linux/vserver.h>

#ifdef CONFIG_VSERVER

/* glue/rights.c */
struct cgroup_namespace *vs_copy_cgroup_ns(u64 flags, struct user_namespace *user_ns,
					   struct cgroup_namespace *old_ns);

#else /* CONFIG_VSERVER */

static inline struct cgroup_namespace *
vs_copy_cgroup_ns(u64 flags, struct user_namespace *user_ns, struct cgroup_namespace *old_ns)
{
	return copy_cgroup_ns(flags, user_ns, old_ns);
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_SPACE_H */
