/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VSERVER_GLUE_ENTRY_H
#define _VSERVER_GLUE_ENTRY_H

#include <linux/types.h>

struct inode;

bool vs_entry_get(const struct inode *inode, u32 *bits);
void vs_entry_set(const struct inode *inode, u32 bits);

#endif /* _VSERVER_GLUE_ENTRY_H */
