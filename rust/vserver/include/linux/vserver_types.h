/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a context adds to tasks and credentials.
 *
 * Included by <linux/sched.h> and <linux/cred.h>, so it is kept free of other
 * headers. Without CONFIG_VSERVER both structures are empty.
 */
#ifndef _LINUX_VSERVER_TYPES_H
#define _LINUX_VSERVER_TYPES_H

#include <linux/compiler.h>
#include <linux/linkage.h>
#include <linux/types.h>

struct task_struct;
struct vs_ctx;
struct vs_net;

#if !defined(CONFIG_ARCH_HAS_SYSCALL_WRAPPER) && !defined(CONFIG_UML)
/* For tables of system calls that are compiled from C and declare nothing themselves. */
asmlinkage long sys_vserver(u32 cmd, u32 id, void __user *data);
#endif

/**
 * struct vs_task - membership of a task, embedded in struct task_struct
 * @xid: context id; 0 host, 1 spectator. Written by the task itself, read by
 *	anybody without a lock.
 * @nid: network context id, rules as for @xid.
 * @tag: tag of the files that the task makes, rules as for @xid.
 * @claimed: the task counts in the task claims of @ctx: from fork or migration
 *	to exit.
 * @counted: it counts as a thread of @ctx: until its parent has waited for it, when
 *	that is of the context, else until its exit.
 * @net_claimed: the same for @net.
 * @ctx: counted reference on the context, NULL for the host. Written by the
 *	task itself; other tasks read it under RCU. It stays until the task is
 *	freed, so that comparing pointers cannot confuse two contexts that had
 *	the same id one after the other.
 * @net: counted reference on the network context, rules as for @ctx.
 * @owner: the task that this structure was initialised for. fork() copies the
 *	structure of the parent; a copy that no fork hook has seen is recognised
 *	by this pointer.
 * @hold: task work that stops the task while its context has no tokens, and
 *	weighs it anew when they ask for it; its next pointer leads to itself
 *	while it is not queued. Queued under the rq lock of the task.
 * @correction: what the tokens of the context add to the priority of the task, in
 *	nice steps, as it was weighed. Written under its rq lock.
 */
struct vs_task {
#ifdef CONFIG_VSERVER
	u32 xid;
	u32 nid;
	u32 tag;
	bool claimed;
	bool counted;
	bool net_claimed;
	struct vs_ctx *ctx;
	struct vs_net *net;
	struct task_struct *owner;
	struct callback_head hold;
	int correction;
#endif
};

/**
 * struct vs_cred - membership of a set of credentials
 * @instance: number of the context whose tasks carry these credentials, unique
 *	over all contexts ever made; 0 for the host. For hooks that see
 *	credentials but no task.
 * @masked: capabilities that the mask of the context took out of the bounding
 *	set and that root would hold without it, a bit for each of which a
 *	context capability can give back a part (vs_capable()).
 * @lent: the mask does not count: credentials for a moment of a call that has been
 *	allowed as a whole (rights.c).
 *
 * One word: with two, credentials would need the next larger slab.
 */
struct vs_cred {
#ifdef CONFIG_VSERVER
	u64 instance:55;
	u64 lent:1;
	u64 masked:8;
#endif
};

#endif /* _LINUX_VSERVER_TYPES_H */
