/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_SYSCTL_H
#define _VSERVER_GLUE_SYSCTL_H

#include <linux/types.h>

struct dentry;

#ifdef CONFIG_SYSCTL
bool vs_sysctl_writable(const struct dentry *dentry);
#else
static inline bool vs_sysctl_writable(const struct dentry *dentry)
{
	return true;
}
#endif

#endif /* _VSERVER_GLUE_SYSCTL_H */
