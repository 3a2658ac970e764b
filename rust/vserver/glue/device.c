// SPDX-License-Identifier: GPL-2.0
/*
 * Device nodes: which device a node stands for in a context.
 *
 * A node that is mapped to another device is not opened itself. A node of the
 * other device is made for this one file, on a file system of our own: drivers
 * look at the inode that they are opened with, at any time, so that the number
 * alone would not do.
 */
#include <linux/dcache.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/init.h>
#include <linux/kdev_t.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/pseudo_fs.h>
#include <linux/vserver_view.h>

#include "sysctl.h"

/* "vser" */
#define VS_DEVICE_MAGIC		0x76736572

static struct vfsmount *vs_device_mnt __ro_after_init;

/* Some mapping exists: the core has to be asked. */
static bool vs_devices_mapped;

/**
 * vs_device_watch() - tell whether the core is to be asked about device nodes
 * @on: some mapping exists.
 */
void vs_device_watch(bool on)
{
	WRITE_ONCE(vs_devices_mapped, on);
}
EXPORT_SYMBOL_GPL(vs_device_watch);

/**
 * vs_device_number() - which device node a path names
 * @name: path in user memory; a final symbolic link is not followed.
 * @block: set to whether it is a block device.
 * @dev: set to its number.
 *
 * Return: 0, the error of the path, -EINVAL when it is no device node. May
 * sleep.
 */
int vs_device_number(const char __user *name, bool *block, u32 *dev)
{
	const struct inode *inode;
	struct path path;
	int err = user_path_at(AT_FDCWD, name, 0, &path);

	if (err)
		return err;
	inode = d_backing_inode(path.dentry);
	if (S_ISBLK(inode->i_mode) || S_ISCHR(inode->i_mode)) {
		*block = S_ISBLK(inode->i_mode);
		*dev = inode->i_rdev;
	} else {
		err = -EINVAL;
	}
	path_put(&path);
	return err;
}
EXPORT_SYMBOL_GPL(vs_device_number);

/*
 * The device that a node stands for in the context of the current task. Without
 * the core nobody is left who could be asked, and nothing is opened.
 */
int __vs_map_device(umode_t mode, dev_t *dev)
{
	int refused = S_ISBLK(mode) ? -ENXIO : -EPERM;
	const struct vs_ops *ops;
	u32 target = *dev;
	bool allowed;

	if (!READ_ONCE(vs_devices_mapped))
		return 0;
	ops = vs_ops_get();
	if (!ops)
		return refused;
	allowed = ops->device(vs_current_ctx(), S_ISBLK(mode), &target);
	vs_ops_put(ops);
	if (!allowed)
		return refused;
	*dev = target;
	return 0;
}

/* A node of the device @dev, otherwise like @like. The caller puts @path. */
static int vs_device_node(const struct inode *like, dev_t dev,
			  struct path *path)
{
	struct super_block *sb = vs_device_mnt->mnt_sb;
	struct inode *inode = new_inode_pseudo(sb);

	if (!inode)
		return -ENOMEM;
	inode->i_ino = get_next_ino();
	inode->i_mode = like->i_mode;
	inode->i_uid = like->i_uid;
	inode->i_gid = like->i_gid;
	simple_inode_init_ts(inode);
	init_special_inode(inode, inode->i_mode, dev);
	path->dentry = d_alloc_anon(sb);
	if (!path->dentry) {
		iput(inode);
		return -ENOMEM;
	}
	d_instantiate(path->dentry, inode);
	path->mnt = mntget(vs_device_mnt);
	return 0;
}

/* Opens what the device node @path stands for; 1: the node itself. */
int __vs_open_path(const struct path *path, struct file *file)
{
	const struct inode *inode = d_backing_inode(path->dentry);
	dev_t dev = inode->i_rdev;
	struct path node;
	int err;

	if (S_ISREG(inode->i_mode))
		return vs_sysctl_writable(path->dentry) ? 1 : -EACCES;
	if (!S_ISCHR(inode->i_mode) && !S_ISBLK(inode->i_mode))
		return 1;
	if ((file->f_flags & O_PATH) || path->mnt == vs_device_mnt)
		return 1;
	err = __vs_map_device(inode->i_mode, &dev);
	if (err)
		return err;
	if (dev == inode->i_rdev)
		return 1;
	err = vs_device_node(inode, dev, &node);
	if (err)
		return err;
	err = vfs_open(&node, file);
	path_put(&node);
	return err;
}

static char *vs_device_dname(struct dentry *dentry, char *buffer, int buflen)
{
	const struct inode *inode = d_inode(dentry);

	return dynamic_dname(buffer, buflen, "%s:[%u:%u]",
			     S_ISBLK(inode->i_mode) ? "block" : "char",
			     imajor(inode), iminor(inode));
}

static const struct dentry_operations vs_device_dops = {
	.d_dname = vs_device_dname,
};

static int vs_device_init_fs(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, VS_DEVICE_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = &vs_device_dops;
	/* What is open can be opened again, through /proc/<pid>/fd. */
	fc->s_iflags &= ~SB_I_NODEV;
	return 0;
}

static struct file_system_type vs_device_fs = {
	.name = "vserver_device",
	.init_fs_context = vs_device_init_fs,
	.kill_sb = kill_anon_super,
};

static int __init vs_device_init(void)
{
	vs_device_mnt = kern_mount(&vs_device_fs);
	if (IS_ERR(vs_device_mnt))
		panic("vserver: cannot mount the file system of devices: %ld\n",
		      PTR_ERR(vs_device_mnt));
	return 0;
}
fs_initcall(vs_device_init);
