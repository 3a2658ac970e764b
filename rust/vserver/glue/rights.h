/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_RIGHTS_H
#define _VSERVER_GLUE_RIGHTS_H

#include <linux/sched.h>
#include <linux/types.h>

/* Namespaces that clone() and unshare() make, but for user namespaces. */
#define VS_NAMESPACES	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | \
			 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP | \
			 CLONE_NEWTIME)

bool vs_may_mount_virtual(void);

#endif /* _VSERVER_GLUE_RIGHTS_H */
