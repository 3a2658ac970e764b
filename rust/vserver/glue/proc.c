// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/virtual and the files of contexts in /proc/<pid>.
 *
 * The directories of contexts are made on lookup, like those of processes, so
 * that a context costs nothing here until somebody looks. Formats: proc.md.
 */
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/namei.h>
#include <linux/proc_fs.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/vserver.h>

#include "../../../fs/proc/internal.h"

/* Positions below are those of the ordinary entries of /proc/virtual. */
#define VS_PROC_FIRST	256

/* Files of a context; the index goes into the inode beside the id. */
static const struct {
	const char *name;
	enum vs_file file;
} vs_ctx_files[] = {
	{ "info", VS_FILE_CTX_INFO },
	{ "status", VS_FILE_CTX_STATUS },
};

static struct proc_dir_entry *vs_proc_dir;

static u32 vs_inode_xid(const struct inode *inode)
{
	return PROC_I(inode)->fd & VS_XID_MAX;
}

static u32 vs_inode_index(const struct inode *inode)
{
	return PROC_I(inode)->fd >> 16;
}

/* Guests see their own context only. */
static bool vs_ctx_listed(const struct vs_ctx *ctx)
{
	return current->vs.xid <= VS_XID_SPECTATOR ||
	       current->vs.xid == ctx->xid;
}

static struct vs_ctx *vs_proc_find(u32 xid)
{
	struct vs_ctx *ctx = vs_ctx_find(xid);

	if (ctx && !vs_ctx_listed(ctx)) {
		vs_ctx_put(ctx);
		ctx = NULL;
	}
	return ctx;
}

static int vs_proc_revalidate(struct inode *dir, const struct qstr *name,
			      struct dentry *dentry, unsigned int flags)
{
	struct inode *inode;
	struct vs_ctx *ctx;

	if (flags & LOOKUP_RCU)
		return -ECHILD;
	inode = d_inode(dentry);
	ctx = inode ? vs_proc_find(vs_inode_xid(inode)) : NULL;
	if (!ctx)
		return 0;
	vs_ctx_put(ctx);
	return 1;
}

static const struct dentry_operations vs_proc_dentry_ops = {
	.d_revalidate = vs_proc_revalidate,
	.d_delete = always_delete_dentry,
};

static struct inode *vs_proc_inode(struct super_block *sb, umode_t mode,
				   u32 xid, u32 index)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	simple_inode_init_ts(inode);
	PROC_I(inode)->fd = xid | index << 16;
	return inode;
}

static int vs_ctx_file_show(struct seq_file *m, void *v)
{
	struct inode *inode = m->private;
	struct vs_ctx *ctx = vs_proc_find(vs_inode_xid(inode));
	const struct vs_ops *ops;
	int err = -ENOENT;

	if (!ctx)
		return -ENOENT;
	ops = vs_ops_get();
	if (ops) {
		err = ops->show(m, ctx, vs_ctx_files[vs_inode_index(inode)].file);
		vs_ops_put(ops);
	}
	vs_ctx_put(ctx);
	return err;
}

static int vs_ctx_file_open(struct inode *inode, struct file *file)
{
	return single_open(file, vs_ctx_file_show, inode);
}

static const struct file_operations vs_ctx_file_fops = {
	.open = vs_ctx_file_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct inode_operations vs_ctx_file_iops = {
	.setattr = proc_nochmod_setattr,
};

static struct dentry *vs_ctx_dir_lookup(struct inode *dir,
					struct dentry *dentry,
					unsigned int flags)
{
	struct vs_ctx *ctx = vs_proc_find(vs_inode_xid(dir));
	struct inode *inode;

	if (!ctx)
		return ERR_PTR(-ENOENT);
	vs_ctx_put(ctx);
	for (u32 i = 0; i < ARRAY_SIZE(vs_ctx_files); i++) {
		if (strcmp(dentry->d_name.name, vs_ctx_files[i].name))
			continue;
		inode = vs_proc_inode(dir->i_sb, S_IFREG | 0444,
				      vs_inode_xid(dir), i);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode->i_op = &vs_ctx_file_iops;
		inode->i_fop = &vs_ctx_file_fops;
		return proc_splice_unmountable(inode, dentry,
					       &vs_proc_dentry_ops);
	}
	return ERR_PTR(-ENOENT);
}

static int vs_ctx_dir_iterate(struct file *file, struct dir_context *ctx)
{
	if (!dir_emit_dots(file, ctx))
		return 0;
	while (ctx->pos - 2 < ARRAY_SIZE(vs_ctx_files)) {
		const char *name = vs_ctx_files[ctx->pos - 2].name;

		if (!dir_emit(ctx, name, strlen(name), get_next_ino(), DT_REG))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static const struct inode_operations vs_ctx_dir_iops = {
	.lookup = vs_ctx_dir_lookup,
	.setattr = proc_nochmod_setattr,
};

static const struct file_operations vs_ctx_dir_fops = {
	.read = generic_read_dir,
	.iterate_shared = vs_ctx_dir_iterate,
	.llseek = generic_file_llseek,
};

static struct dentry *vs_dir_lookup(struct inode *dir, struct dentry *dentry,
				    unsigned int flags)
{
	const char *name = dentry->d_name.name;
	struct inode *inode;
	struct vs_ctx *ctx;
	u32 xid;

	/* Names with a leading zero or sign do not name a context. */
	if (name[0] < '1' || name[0] > '9' || kstrtou32(name, 10, &xid))
		return proc_lookup(dir, dentry, flags);
	ctx = vs_proc_find(xid);
	if (!ctx)
		return ERR_PTR(-ENOENT);
	vs_ctx_put(ctx);
	inode = vs_proc_inode(dir->i_sb, S_IFDIR | 0555, xid, 0);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	set_nlink(inode, 2);
	inode->i_op = &vs_ctx_dir_iops;
	inode->i_fop = &vs_ctx_dir_fops;
	return proc_splice_unmountable(inode, dentry, &vs_proc_dentry_ops);
}

static int vs_dir_iterate(struct file *file, struct dir_context *ctx)
{
	struct vs_ctx *vx;

	if (ctx->pos < VS_PROC_FIRST) {
		int ret = proc_readdir(file, ctx);

		if (ret <= 0)
			return ret;
		ctx->pos = VS_PROC_FIRST;
	}
	while ((vx = vs_ctx_next(ctx->pos - VS_PROC_FIRST))) {
		char name[12];
		int len = snprintf(name, sizeof(name), "%u", vx->xid);
		u32 xid = vx->xid;
		bool listed = vs_ctx_listed(vx);

		vs_ctx_put(vx);
		ctx->pos = VS_PROC_FIRST + xid;
		if (listed && !dir_emit(ctx, name, len, get_next_ino(), DT_DIR))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static int vs_dir_getattr(struct mnt_idmap *idmap, const struct path *path,
			  struct kstat *stat, u32 request_mask,
			  unsigned int query_flags)
{
	generic_fillattr(&nop_mnt_idmap, request_mask, d_inode(path->dentry),
			 stat);
	stat->nlink = 2 + vs_ctx_active();
	return 0;
}

static const struct inode_operations vs_dir_iops = {
	.lookup = vs_dir_lookup,
	.getattr = vs_dir_getattr,
	.setattr = proc_nochmod_setattr,
};

static const struct file_operations vs_dir_fops = {
	.read = generic_read_dir,
	.iterate_shared = vs_dir_iterate,
	.llseek = generic_file_llseek,
};

static int vs_info_show(struct seq_file *m, void *v)
{
	const struct vs_ops *ops = vs_ops_get();
	int err;

	if (!ops)
		return -ENOENT;
	err = ops->show(m, NULL, VS_FILE_INFO);
	vs_ops_put(ops);
	return err;
}

static int vs_status_show(struct seq_file *m, void *v)
{
	seq_printf(m, "#CTotal:\t%u\n#CActive:\t%u\n", vs_ctx_total(),
		   vs_ctx_active());
	vs_space_show(m);
	return 0;
}

/* Makes /proc/virtual: 0 or -ENOMEM. May sleep. */
int vs_proc_init(void)
{
	struct proc_dir_entry *dir = proc_mkdir("virtual", NULL);

	if (!dir)
		return -ENOMEM;
	dir->proc_iops = &vs_dir_iops;
	dir->proc_dir_ops = &vs_dir_fops;
	vs_proc_dir = dir;
	if (!proc_create_single("info", 0444, dir, vs_info_show) ||
	    !proc_create_single("status", 0444, dir, vs_status_show)) {
		vs_proc_exit();
		return -ENOMEM;
	}
	return 0;
}

/* Removes /proc/virtual; waits for readers. May sleep. */
void vs_proc_exit(void)
{
	proc_remove(vs_proc_dir);
	vs_proc_dir = NULL;
}

/* The context of @task with a reference, or NULL. */
static struct vs_ctx *vs_task_ctx_get(const struct task_struct *task)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = READ_ONCE(task->vs.ctx);
	return ctx && refcount_inc_not_zero(&ctx->refs) ? ctx : NULL;
}

static bool vs_ctx_hides_vinfo(const struct vs_ctx *ctx)
{
	return ctx && atomic64_read(&ctx->flags) & VS_FLAG_HIDE_VINFO;
}

/* vinfo and ninfo, the last two files of @dir, or none. */
unsigned int __vs_proc_hidden(const struct inode *dir)
{
	struct task_struct *task = get_proc_task(dir);
	struct vs_ctx *ctx;
	bool hidden;

	if (!task)
		return 0;
	ctx = vs_task_ctx_get(task);
	hidden = vs_ctx_hides_vinfo(ctx);
	if (ctx)
		vs_ctx_put(ctx);
	put_task_struct(task);
	return hidden ? 2 : 0;
}

/* /proc/<pid>/vinfo */
int proc_pid_vinfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task)
{
	struct vs_ctx *ctx = vs_task_ctx_get(task);
	const struct vs_ops *ops;
	int err = 0;

	if (!ctx) {
		seq_printf(m, "XID:\t%d\n", READ_ONCE(task->vs.xid));
		return 0;
	}
	ops = vs_ctx_hides_vinfo(ctx) ? NULL : vs_ops_get();
	if (ops) {
		seq_printf(m, "XID:\t%d\n", READ_ONCE(task->vs.xid));
		err = ops->show(m, ctx, VS_FILE_VINFO);
		vs_ops_put(ops);
	} else {
		err = -ENOENT;
	}
	vs_ctx_put(ctx);
	return err;
}

/* /proc/<pid>/ninfo */
int proc_pid_ninfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task)
{
	struct vs_ctx *ctx = vs_task_ctx_get(task);
	bool hidden = vs_ctx_hides_vinfo(ctx);

	if (ctx)
		vs_ctx_put(ctx);
	if (hidden)
		return -ENOENT;
	seq_printf(m, "NID:\t%d\n", READ_ONCE(task->vs.nid));
	return 0;
}

/* The two lines in /proc/<pid>/status. */
void __vs_proc_status(struct seq_file *m, const struct task_struct *task)
{
	struct vs_ctx *ctx = vs_task_ctx_get(task);

	if (!vs_ctx_hides_vinfo(ctx))
		seq_printf(m, "VxID:\t%d\nNxID:\t%d\n",
			   READ_ONCE(task->vs.xid), READ_ONCE(task->vs.nid));
	if (ctx)
		vs_ctx_put(ctx);
}
