// SPDX-License-Identifier: GPL-2.0
/*
 * The system call: one entry for native and compat callers.
 */
#include <linux/compat.h>
#include <linux/syscalls.h>
#include <linux/vserver.h>

SYSCALL_DEFINE3(vserver, u32, cmd, u32, id, void __user *, data)
{
	const struct vs_ops *ops = vs_ops_get();
	long ret;

	if (!ops)
		return -ENOSYS;
	ret = ops->syscall(cmd, id, data, in_compat_syscall());
	vs_ops_put(ops);
	return ret;
}
