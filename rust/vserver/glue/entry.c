// SPDX-License-Identifier: GPL-2.0
/*
 * Which entries of procfs a task finds (semantics.md, section 7).
 *
 * An entry has three bits: HIDE, and ADMIN and WATCH, which say that the host
 * and the spectator find it nevertheless. What is stored is the difference to
 * the bits that an entry starts with, so that a new entry needs no hook.
 *
 * Directories of processes and what is below /proc/sys are no entries. A name
 * that somebody else has looked up is found in the cache, so the permission of
 * the inode and opening test too.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/vserver.h>

#include "../../../fs/proc/internal.h"
#include "entry.h"
#include "net.h"
#include "values.h"

/*
 * The differences stand in the flags of an entry, where procfs uses the bits below
 * and the one above. It writes them only before others see the entry.
 */
#define VS_ENTRY_CHANGED	BIT(4)
#define VS_ENTRY_FLAGS		(VS_IATTR_PROC * VS_ENTRY_CHANGED)

static_assert(!(VS_ENTRY_FLAGS &
		(PROC_ENTRY_PERMANENT | PROC_ENTRY_proc_read_iter |
		 PROC_ENTRY_proc_compat_ioctl | PROC_ENTRY_proc_lseek |
		 PROC_ENTRY_FORCE_LOOKUP)));
static_assert(VS_ENTRY_FLAGS <= U8_MAX);

/* Two that change the same entry. */
static DEFINE_SPINLOCK(vs_entry_lock);

static struct proc_dir_entry *vs_entry(const struct inode *inode)
{
	return inode->i_sb->s_magic == PROC_SUPER_MAGIC ? PDE(inode) : NULL;
}

/* The bits that an entry starts with. */
static u32 vs_entry_default(const struct proc_dir_entry *de)
{
	if (de == &proc_root)
		return VS_IATTR_PROC_ADMIN | VS_IATTR_PROC_WATCH;
	/* Those of a network namespace tell about that namespace. */
	if (S_ISLNK(de->mode) || (de->flags & PROC_ENTRY_FORCE_LOOKUP) ||
	    !IS_ENABLED(CONFIG_VSERVER_PROC_SECURE))
		return VS_IATTR_PROC_ADMIN;
	return VS_IATTR_PROC_ADMIN | VS_IATTR_PROC_HIDE;
}

static u32 vs_entry_bits(const struct proc_dir_entry *de)
{
	return vs_entry_default(de) ^ (READ_ONCE(de->flags) / VS_ENTRY_CHANGED & VS_IATTR_PROC);
}

/*
 * Entries of the network namespace that a guest finds in the shared stack: tables
 * that are sifted for it, and numbers that name nobody. Routes, neighbours, groups,
 * connections of the firewall are the host's; programs ask rtnetlink.
 */
static const char *const vs_shared_net[] = {
	"dev", "icmp", "icmp6", "if_inet6", "netstat", "protocols", "raw",
	"raw6", "snmp", "snmp6", "sockstat", "sockstat6", "tcp", "tcp6", "udp",
	"udp6", "udplite", "udplite6", "unix",
};

/* @de is below /proc/net and tells about more than the guest of the caller. */
static bool vs_entry_of_others(const struct proc_dir_entry *de)
{
	const struct proc_dir_entry *top = de, *entry = NULL;

	if (de == &proc_root || !vs_narrow_net())
		return false;
	for (; top->parent != &proc_root; top = top->parent)
		entry = top;
	/* The directory of a namespace has the name of the link in the root. */
	if (!entry || strcmp(top->name, "net"))
		return false;
	return match_string(vs_shared_net, ARRAY_SIZE(vs_shared_net),
			    entry->name) < 0;
}

/* The current task finds @de. Any context. */
bool __vs_proc_visible(const struct proc_dir_entry *de)
{
	u32 bits = vs_entry_bits(de);

	if (!in_task())
		return true;
	if (vs_net_enabled() && vs_entry_of_others(de))
		return false;
	if (!(bits & VS_IATTR_PROC_HIDE))
		return true;
	switch (current->vs.xid) {
	case VS_XID_HOST:
		return bits & VS_IATTR_PROC_ADMIN;
	case VS_XID_SPECTATOR:
		return bits & VS_IATTR_PROC_WATCH;
	default:
		return false;
	}
}

/* Reads the bits of an inode: false when it is none of an entry. */
bool vs_entry_get(const struct inode *inode, u32 *bits)
{
	const struct proc_dir_entry *de = vs_entry(inode);

	if (de)
		*bits = vs_entry_bits(de);
	return de;
}

/* Sets the bits of the entry of an inode, for all mounts of procfs. */
void vs_entry_set(const struct inode *inode, u32 bits)
{
	struct proc_dir_entry *de = vs_entry(inode);

	u8 changed = (bits ^ vs_entry_default(de)) * VS_ENTRY_CHANGED;

	guard(spinlock)(&vs_entry_lock);
	WRITE_ONCE(de->flags, (de->flags & ~VS_ENTRY_FLAGS) | changed);
}

/* Permission of the inode of an entry: -ENOENT when it is hidden. */
int vs_proc_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	if (vs_enabled() && !__vs_proc_visible(PDE(inode)))
		return -ENOENT;
	return generic_permission(idmap, inode, mask);
}

/*
 * The current task opens @de: true when this has a @result already, 0 for a value
 * of its guest, -ENOENT when the entry is hidden, -EACCES when it is not to be
 * written to. May sleep.
 */
bool __vs_proc_open(const struct proc_dir_entry *de, struct file *file,
		    int *result)
{
	if (!__vs_proc_visible(de)) {
		*result = -ENOENT;
		return true;
	}
	if ((file->f_mode & FMODE_WRITE) && vs_current_guest() && vs_current_sealed()) {
		*result = -EACCES;
		return true;
	}
	return vs_current_guest() && vs_values_open(de, file, result);
}
