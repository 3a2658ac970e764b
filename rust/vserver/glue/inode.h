/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_INODE_H
#define _VSERVER_GLUE_INODE_H

#include <linux/xattr.h>

/* Extended attribute with what a file system itself does not keep. */
#define VS_XATTR	XATTR_SECURITY_PREFIX "vserver"

#endif /* _VSERVER_GLUE_INODE_H */
