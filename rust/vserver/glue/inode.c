// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of inodes, and which file system a path is on.
 *
 * A file system keeps the immutable bit itself. The other bits are kept in an
 * extended attribute where the file system has them; where it has none the call
 * is accepted and changes nothing (semantics.md, section 13).
 */
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/proc_fs.h>
#include <linux/vserver.h>

#include "entry.h"
#include "inode.h"

/* What the extended attribute holds. */
struct vs_xattr {
	__le32 flags;
};

/*
 * With IXUNLINK the immutable bit protects the contents alone: the bit of the
 * file system, which protects the name as well, must not be set then.
 */
static bool vs_inode_immutable(u32 flags)
{
	return (flags & VS_IATTR_IMMUTABLE) && !(flags & VS_IATTR_IXUNLINK);
}

static u32 vs_inode_stored(struct dentry *dentry)
{
	struct vs_xattr value;

	if (__vfs_getxattr(dentry, d_inode(dentry), VS_XATTR, &value,
			   sizeof(value)) != sizeof(value))
		return 0;
	return le32_to_cpu(value.flags) & VS_IATTR_STORED;
}

static int vs_inode_store(const struct path *path, u32 flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct vs_xattr value = { .flags = cpu_to_le32(flags) };
	int err;

	inode_lock(inode);
	if (flags)
		err = __vfs_setxattr(mnt_idmap(path->mnt), path->dentry, inode,
				     VS_XATTR, &value, sizeof(value), 0);
	else
		err = __vfs_removexattr(mnt_idmap(path->mnt), path->dentry,
					VS_XATTR);
	inode_unlock(inode);
	return err == -EOPNOTSUPP || err == -ENODATA ? 0 : err;
}

static int vs_inode_set_immutable(const struct path *path, bool immutable)
{
	struct file_kattr fa = { .flags_valid = true };
	int err = vfs_fileattr_get(path->dentry, &fa);

	if (!err) {
		fileattr_fill_flags(&fa, immutable ?
				    fa.flags | FS_IMMUTABLE_FL :
				    fa.flags & ~FS_IMMUTABLE_FL);
		err = vfs_fileattr_set(mnt_idmap(path->mnt), path->dentry, &fa);
	}
	return err == -ENOIOCTLCMD || err == -ENOTTY || err == -EOPNOTSUPP ?
		0 : err;
}

static u32 vs_inode_mask(const struct inode *inode)
{
	u32 mask = VS_IATTR_IXUNLINK | VS_IATTR_IMMUTABLE | VS_IATTR_COW;
	u32 bits;

	if (S_ISDIR(inode->i_mode))
		mask |= VS_IATTR_BARRIER;
	if (vs_entry_get(inode, &bits))
		mask |= VS_IATTR_PROC;
	return mask;
}

static u32 vs_inode_flags(const struct path *path)
{
	const struct inode *inode = d_inode(path->dentry);
	u32 flags = vs_inode_stored(path->dentry), bits;

	if (vs_entry_get(inode, &bits))
		flags |= bits;
	if (IS_IMMUTABLE(inode))
		flags |= VS_IATTR_IMMUTABLE;
	if (!S_ISDIR(inode->i_mode))
		flags &= ~VS_IATTR_BARRIER;
	/* Read back from the two bits that decide, not from its own. */
	flags &= ~VS_IATTR_COW;
	if ((flags & VS_IATTR_IXUNLINK) && (flags & VS_IATTR_IMMUTABLE))
		flags |= VS_IATTR_COW;
	return flags | VS_IATTR_TAG;
}

static int vs_iattr_path(const struct path *path, struct vs_iattr *attr,
			 bool set)
{
	struct inode *inode = d_inode(path->dentry);
	u32 old, new;
	int err = 0;

	if (!inode)
		return -ESRCH;
	if (!set)
		goto tell;
	/* No file system has tags so far. */
	if ((attr->mask & VS_IATTR_TAG) ||
	    ((attr->mask & VS_IATTR_PROC) &&
	     inode->i_sb->s_magic != PROC_SUPER_MAGIC))
		return -EINVAL;
	/* What has no entry accepts the bits, without effect. */
	if ((attr->mask & VS_IATTR_PROC) && vs_entry_get(inode, &old))
		vs_entry_set(inode, (old & ~attr->mask) |
			     (attr->flags & attr->mask & VS_IATTR_PROC));
	if (!(attr->mask & VS_IATTR_STORED))
		goto tell;
	old = vs_inode_flags(path);
	new = (old & ~attr->mask) | (attr->flags & attr->mask);
	new &= vs_inode_mask(inode) & VS_IATTR_STORED;
	if (!S_ISREG(inode->i_mode))
		new &= ~VS_IATTR_COW;
	err = mnt_want_write(path->mnt);
	if (err)
		return err;
	/* An immutable inode takes no other change: lift first, set last. */
	if (IS_IMMUTABLE(inode) && !vs_inode_immutable(new))
		err = vs_inode_set_immutable(path, false);
	if (!err)
		err = vs_inode_store(path, vs_inode_immutable(new) ?
				     new & ~VS_IATTR_IMMUTABLE : new);
	if (!err && !IS_IMMUTABLE(inode) && vs_inode_immutable(new))
		err = vs_inode_set_immutable(path, true);
	mnt_drop_write(path->mnt);
tell:
	attr->flags = vs_inode_flags(path);
	attr->mask = vs_inode_mask(inode);
	return err;
}

/**
 * vs_iattr_by_name() - read or change the attributes of a file
 * @name: path in user memory; a final symbolic link is not followed.
 * @attr: for a change, what to set; written back in every case that has an
 *	inode.
 * @set: change.
 *
 * Return: 0, the error of the path, -ESRCH without an inode, -EINVAL for bits
 * that this inode does not have, or what the file system says. May sleep.
 */
int vs_iattr_by_name(const char __user *name, struct vs_iattr *attr, bool set)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, name, 0, &path);

	if (err)
		return err;
	err = vs_iattr_path(&path, attr, set);
	path_put(&path);
	return err;
}
EXPORT_SYMBOL_GPL(vs_iattr_by_name);

/* As vs_iattr_by_name(), for an open file; -EBADF for another number. */
int vs_iattr_by_fd(unsigned int fd, struct vs_iattr *attr, bool set)
{
	CLASS(fd_raw, f)(fd);

	if (fd_empty(f))
		return -EBADF;
	return vs_iattr_path(&fd_file(f)->f_path, attr, set);
}
EXPORT_SYMBOL_GPL(vs_iattr_by_fd);

/**
 * vs_path_super() - which file system a path is on
 * @name: path in user memory; a final symbolic link is not followed.
 * @serial: set to a number that no other mounted file system ever has.
 *
 * Return: 0, the error of the path, -EINVAL without an inode. May sleep.
 */
int vs_path_super(const char __user *name, u64 *serial)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, name, 0, &path);

	if (err)
		return err;
	if (d_inode(path.dentry))
		*serial = vs_super_serial(path.dentry->d_sb);
	else
		err = -EINVAL;
	path_put(&path);
	return err;
}
EXPORT_SYMBOL_GPL(vs_path_super);
