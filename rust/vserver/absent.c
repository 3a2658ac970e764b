// SPDX-License-Identifier: GPL-2.0
/*
 * The system call of a kernel without contexts, as kernel/sys_ni.c has it for
 * others: all that is built here without CONFIG_VSERVER.
 */
#include <linux/errno.h>
#include <linux/linkage.h>

#include <asm/unistd.h>

#ifdef CONFIG_ARCH_HAS_SYSCALL_WRAPPER
#include <asm/syscall_wrapper.h>
#endif

/* <linux/syscalls.h> would declare what is defined here otherwise. */
asmlinkage long sys_ni_syscall(void);

#ifdef COND_SYSCALL
COND_SYSCALL(vserver);
#else
/* cond_syscall() makes no symbol where sys_ni_syscall() is in another object. */
asmlinkage long sys_vserver(void);

asmlinkage long sys_vserver(void)
{
	return -ENOSYS;
}
#endif
