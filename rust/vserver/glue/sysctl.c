// SPDX-License-Identifier: GPL-2.0
/*
 * Which variables below /proc/sys a guest may change: those of its own namespaces.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/ipc_namespace.h>
#include <linux/magic.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sysctl.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <linux/vserver.h>
#include <net/net_namespace.h>

#include "../../../fs/proc/internal.h"
#include "net.h"
#include "sysctl.h"

/* Variables of a namespace that the current task is in and that is not the host's. */
static bool vs_sysctl_namespaced(const struct ctl_table_set *set)
{
	const struct nsproxy *own = current->nsproxy;
	struct pid_namespace *pids = task_active_pid_ns(current);

	/* A network context shares its stack, wherever that is. */
	if (set == &own->net_ns->sysctls)
		return own->net_ns != &init_net && !vs_current_net();
	if (set == &own->ipc_ns->ipc_set || set == &own->ipc_ns->mq_set)
		return own->ipc_ns != &init_ipc_ns;
	if (set == &pids->set)
		return pids != &init_pid_ns;
	return set == &current_user_ns()->set && current_user_ns() != &init_user_ns;
}

/* kernel.hostname and kernel.domainname stand in no table of a namespace. */
static bool vs_sysctl_name(const struct dentry *dentry)
{
	struct uts_namespace *uts = current->nsproxy->uts_ns;

	if (uts == &init_uts_ns || strcmp(dentry->d_parent->d_name.name, "kernel"))
		return false;
	if (strcmp(dentry->d_name.name, "hostname") && strcmp(dentry->d_name.name, "domainname"))
		return false;
	return vs_ns_capable(uts->user_ns, CAP_SYS_ADMIN, VS_CCAP_SET_UTSNAME);
}

/*
 * The current task, which is in a context, may open a file to write to it. The inode
 * keeps the header of its table; nothing in procfs is renamed. May sleep.
 */
bool vs_sysctl_writable(const struct dentry *dentry)
{
	struct inode *inode = d_backing_inode(dentry);
	const struct ctl_table_header *head;

	if (inode->i_sb->s_magic != PROC_SUPER_MAGIC || !vs_current_sealed())
		return true;
	head = PROC_I(inode)->sysctl;
	return !head || vs_sysctl_namespaced(head->set) || vs_sysctl_name(dentry);
}
