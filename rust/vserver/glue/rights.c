// SPDX-License-Identifier: GPL-2.0
/*
 * What the mask of a context took and a context capability gives back.
 *
 * The capability sets of a task in a sealed context are reduced (cred.h), so
 * that they cannot tell whether the task would hold a capability without the
 * mask. Root would: struct vs_cred remembers what left its bounding set. A
 * program that drops a capability itself loses it here too.
 */
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/user_namespace.h>
#include <linux/vserver_space.h>

#include "cred.h"
#include "rights.h"

/* The current task holds @cap in the initial user namespace, mask or not. */
static bool vs_unmasked(int cap)
{
	const struct cred *cred = current_cred();

	if (cred->user_ns != &init_user_ns)
		return false;
	if (cap_raised(cred->cap_effective, cap))
		return true;
	return uid_eq(cred->euid, GLOBAL_ROOT_UID) &&
	       !issecure(SECURE_NOROOT) && (cred->vs.masked & vs_masked_bit(cap));
}

/* The part @ccap of @cap is allowed to the current task, which is in a context. */
bool __vs_ccap(int cap, u64 ccap)
{
	return (atomic64_read(&vs_current_ctx()->ccaps) & ccap) &&
	       vs_unmasked(cap);
}

/* All namespaces of @flags are in the unshare mask. */
bool __vs_may_unshare(u64 flags)
{
	u64 umask = atomic64_read(&vs_current_ctx()->umask);

	return !(flags & VS_NAMESPACES & ~umask) && vs_unmasked(CAP_SYS_ADMIN);
}

/*
 * As copy_cgroup_ns(), which asks for CAP_SYS_ADMIN itself, after the caller has asked
 * for what all of @flags need. The unshare mask lends it for this.
 */
struct cgroup_namespace *vs_copy_cgroup_ns(u64 flags, struct user_namespace *user_ns,
					   struct cgroup_namespace *old_ns)
{
	struct cgroup_namespace *ns;
	struct cred *lent;

	if (!(flags & CLONE_NEWCGROUP) || !vs_may_unshare(CLONE_NEWCGROUP))
		return copy_cgroup_ns(flags, user_ns, old_ns);
	lent = prepare_creds();
	if (!lent)
		return ERR_PTR(-ENOMEM);
	cap_raise(lent->cap_effective, CAP_SYS_ADMIN);
	lent->vs.lent = 1;
	scoped_with_creds(lent)
		ns = copy_cgroup_ns(flags, user_ns, old_ns);
	put_cred(lent);
	return ns;
}

/*
 * A mount that only a context capability allows has no device files, unless
 * another one allows them. In a user namespace of its own a task mounts by the
 * rights there, and the kernel forbids device files anyway.
 */
bool __vs_mount_nodev(void)
{
	return current_user_ns() == &init_user_ns &&
	       !vs_capable(CAP_SYS_ADMIN, VS_CCAP_DEV_MOUNT);
}

/*
 * A new superblock without a block device: by capability, or for what every
 * guest needs.
 */
bool vs_may_mount_virtual(void)
{
	return current_user_ns() != &init_user_ns ||
	       vs_capable(CAP_SYS_ADMIN, VS_CCAP_BINARY_MOUNT);
}
