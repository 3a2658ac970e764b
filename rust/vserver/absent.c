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

#ifndef COND_SYSCALL
#define COND_SYSCALL(name) cond_syscall(sys_##name)
#endif

COND_SYSCALL(vserver);
