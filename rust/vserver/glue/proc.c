// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/virtual, /proc/virtnet and the files of contexts in /proc/<pid>.
 *
 * The directories of objects are made on lookup, like those of processes, so
 * that an object costs nothing here until somebody looks. Formats: proc.md.
 */
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/namei.h>
#include <linux/proc_fs.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/vserver.h>

#include "../../../fs/proc/internal.h"

/* Positions below are those of the ordinary entries of the two directories. */
#define VS_PROC_FIRST	256

/* A file of an object; the index into its table goes into the inode. */
struct vs_proc_file {
	const char *name;
	enum vs_file file;
};

static const struct vs_proc_file vs_ctx_files[] = {
	{ "info", VS_FILE_CTX_INFO },
	{ "status", VS_FILE_CTX_STATUS },
	{ "limit", VS_FILE_CTX_LIMIT },
	{ "sched", VS_FILE_CTX_SCHED },
	{ "cvirt", VS_FILE_CTX_CVIRT },
	{ "cacct", VS_FILE_CTX_CACCT },
	{ "nsproxy", VS_FILE_CTX_NSPROXY },
	{ "nsproxy1", VS_FILE_CTX_NSPROXY1 },
};

static const struct vs_proc_file vs_net_files[] = {
	{ "info", VS_FILE_NET_INFO },
	{ "status", VS_FILE_NET_STATUS },
};

/* What the two directories differ in. */
static const struct vs_proc_tree {
	const char *name;
	const struct vs_proc_file *files;
	u32 count;
} vs_trees[VS_KINDS] = {
	[VS_CONTEXT] = { "virtual", vs_ctx_files, ARRAY_SIZE(vs_ctx_files) },
	[VS_NETWORK] = { "virtnet", vs_net_files, ARRAY_SIZE(vs_net_files) },
};

static struct proc_dir_entry *vs_proc_dirs[VS_KINDS];

/* An inode of an object carries its id, its kind and the index of the file. */
static u32 vs_inode_id(const struct inode *inode)
{
	return PROC_I(inode)->fd & VS_XID_MAX;
}

static u32 vs_inode_kind(const struct inode *inode)
{
	return (PROC_I(inode)->fd >> 16) & 1;
}

static u32 vs_inode_index(const struct inode *inode)
{
	return PROC_I(inode)->fd >> 17;
}

static u32 vs_current_id(u32 kind)
{
	return kind == VS_NETWORK ? current->vs.nid : current->vs.xid;
}

/* Guests see their own object only; host and spectator are those by xid. */
static bool vs_listed(const struct vs_object *obj)
{
	return current->vs.xid <= VS_XID_SPECTATOR ||
	       vs_current_id(obj->kind) == obj->id;
}

static struct vs_object *vs_proc_find(u32 kind, u32 id)
{
	struct vs_object *obj = vs_object_find(kind, id);

	if (obj && !vs_listed(obj)) {
		vs_object_put(obj);
		obj = NULL;
	}
	return obj;
}

static struct vs_object *vs_inode_find(const struct inode *inode)
{
	return vs_proc_find(vs_inode_kind(inode), vs_inode_id(inode));
}

static int vs_proc_revalidate(struct inode *dir, const struct qstr *name,
			      struct dentry *dentry, unsigned int flags)
{
	struct inode *inode;
	struct vs_object *obj;

	if (flags & LOOKUP_RCU)
		return -ECHILD;
	inode = d_inode(dentry);
	obj = inode ? vs_inode_find(inode) : NULL;
	if (!obj)
		return 0;
	vs_object_put(obj);
	return 1;
}

static const struct dentry_operations vs_proc_dentry_ops = {
	.d_revalidate = vs_proc_revalidate,
	.d_delete = always_delete_dentry,
};

static struct inode *vs_proc_inode(struct super_block *sb, umode_t mode,
				   u32 kind, u32 id, u32 index)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = mode;
	simple_inode_init_ts(inode);
	PROC_I(inode)->fd = id | kind << 16 | index << 17;
	return inode;
}

static int vs_file_show(struct seq_file *m, void *v)
{
	struct inode *inode = m->private;
	struct vs_object *obj = vs_inode_find(inode);
	const struct vs_ops *ops;
	int err = -ENOENT;

	if (!obj)
		return -ENOENT;
	ops = vs_ops_get();
	if (ops) {
		const struct vs_proc_tree *tree = &vs_trees[obj->kind];

		err = ops->show(m, obj, tree->files[vs_inode_index(inode)].file);
		vs_ops_put(ops);
	}
	vs_object_put(obj);
	return err;
}

static int vs_file_open(struct inode *inode, struct file *file)
{
	return single_open(file, vs_file_show, inode);
}

static const struct file_operations vs_file_fops = {
	.open = vs_file_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct inode_operations vs_file_iops = {
	.setattr = proc_nochmod_setattr,
};

static struct dentry *vs_object_lookup(struct inode *dir, struct dentry *dentry,
				       unsigned int flags)
{
	const struct vs_proc_tree *tree = &vs_trees[vs_inode_kind(dir)];
	struct vs_object *obj = vs_inode_find(dir);
	struct inode *inode;

	if (!obj)
		return ERR_PTR(-ENOENT);
	vs_object_put(obj);
	for (u32 i = 0; i < tree->count; i++) {
		if (strcmp(dentry->d_name.name, tree->files[i].name))
			continue;
		inode = vs_proc_inode(dir->i_sb, S_IFREG | 0444,
				      vs_inode_kind(dir), vs_inode_id(dir), i);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode->i_op = &vs_file_iops;
		inode->i_fop = &vs_file_fops;
		return proc_splice_unmountable(inode, dentry,
					       &vs_proc_dentry_ops);
	}
	return ERR_PTR(-ENOENT);
}

static int vs_object_iterate(struct file *file, struct dir_context *ctx)
{
	const struct vs_proc_tree *tree =
		&vs_trees[vs_inode_kind(file_inode(file))];

	if (!dir_emit_dots(file, ctx))
		return 0;
	while (ctx->pos - 2 < tree->count) {
		const char *name = tree->files[ctx->pos - 2].name;

		if (!dir_emit(ctx, name, strlen(name), get_next_ino(), DT_REG))
			return 0;
		ctx->pos++;
	}
	return 0;
}

static const struct inode_operations vs_object_iops = {
	.lookup = vs_object_lookup,
	.setattr = proc_nochmod_setattr,
};

static const struct file_operations vs_object_fops = {
	.read = generic_read_dir,
	.iterate_shared = vs_object_iterate,
	.llseek = generic_file_llseek,
};

/* The kind of objects that one of the two directories lists. */
static u32 vs_dir_kind(const struct inode *dir)
{
	return (uintptr_t)PDE(dir)->data;
}

static struct dentry *vs_dir_lookup(struct inode *dir, struct dentry *dentry,
				    unsigned int flags)
{
	const char *name = dentry->d_name.name;
	u32 kind = vs_dir_kind(dir);
	struct vs_object *obj;
	struct inode *inode;
	u32 id;

	/* Names with a leading zero or sign do not name an object. */
	if (name[0] < '1' || name[0] > '9' || kstrtou32(name, 10, &id))
		return proc_lookup(dir, dentry, flags);
	obj = vs_proc_find(kind, id);
	if (!obj)
		return ERR_PTR(-ENOENT);
	vs_object_put(obj);
	inode = vs_proc_inode(dir->i_sb, S_IFDIR | 0555, kind, id, 0);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	set_nlink(inode, 2);
	inode->i_op = &vs_object_iops;
	inode->i_fop = &vs_object_fops;
	return proc_splice_unmountable(inode, dentry, &vs_proc_dentry_ops);
}

static int vs_dir_iterate(struct file *file, struct dir_context *ctx)
{
	u32 kind = vs_dir_kind(file_inode(file));
	struct vs_object *obj;

	if (ctx->pos < VS_PROC_FIRST) {
		int ret = proc_readdir(file, ctx);

		if (ret <= 0)
			return ret;
		ctx->pos = VS_PROC_FIRST;
	}
	while ((obj = vs_object_next(kind, ctx->pos - VS_PROC_FIRST))) {
		char name[12];
		int len = snprintf(name, sizeof(name), "%u", obj->id);
		u32 id = obj->id;
		bool listed = vs_listed(obj);

		vs_object_put(obj);
		ctx->pos = VS_PROC_FIRST + id;
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
	struct inode *inode = d_inode(path->dentry);

	generic_fillattr(&nop_mnt_idmap, request_mask, inode, stat);
	stat->nlink = 2 + vs_objects_active(vs_dir_kind(inode));
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
	u32 kind = (uintptr_t)m->private;

	seq_printf(m, "#CTotal:\t%u\n#CActive:\t%u\n", vs_objects_total(kind),
		   vs_objects_active(kind));
	if (kind == VS_CONTEXT)
		vs_space_show(m);
	return 0;
}

static int vs_tree_init(u32 kind)
{
	struct proc_dir_entry *dir = proc_mkdir_data(vs_trees[kind].name, 0555,
						     NULL, (void *)(uintptr_t)kind);

	if (!dir)
		return -ENOMEM;
	dir->proc_iops = &vs_dir_iops;
	dir->proc_dir_ops = &vs_dir_fops;
	vs_proc_dirs[kind] = dir;
	if (!proc_create_single("info", 0444, dir, vs_info_show) ||
	    !proc_create_single_data("status", 0444, dir, vs_status_show,
				     (void *)(uintptr_t)kind))
		return -ENOMEM;
	return 0;
}

/* Makes /proc/virtual and /proc/virtnet: 0 or -ENOMEM. May sleep. */
int vs_proc_init(void)
{
	for (u32 kind = 0; kind < VS_KINDS; kind++) {
		int err = vs_tree_init(kind);

		if (err) {
			vs_proc_exit();
			return err;
		}
	}
	return 0;
}

/* Removes both; waits for readers. May sleep. */
void vs_proc_exit(void)
{
	for (u32 kind = 0; kind < VS_KINDS; kind++) {
		proc_remove(vs_proc_dirs[kind]);
		vs_proc_dirs[kind] = NULL;
	}
}

/* The context of @task with a reference, or NULL. */
static struct vs_ctx *vs_task_ctx_get(const struct task_struct *task)
{
	struct vs_ctx *ctx;

	guard(rcu)();
	ctx = READ_ONCE(task->vs.ctx);
	return ctx && refcount_inc_not_zero(&ctx->obj.refs) ? ctx : NULL;
}

/* The network context of @task with a reference, or NULL. */
static struct vs_net *vs_task_net_get(const struct task_struct *task)
{
	struct vs_net *net;

	guard(rcu)();
	net = READ_ONCE(task->vs.net);
	return net && refcount_inc_not_zero(&net->obj.refs) ? net : NULL;
}

/* The context of @task asks for vinfo, ninfo and the lines to be hidden. */
static bool vs_vinfo_hidden(const struct task_struct *task)
{
	const struct vs_ctx *ctx;

	guard(rcu)();
	ctx = READ_ONCE(task->vs.ctx);
	return ctx && atomic64_read(&ctx->obj.flags) & VS_FLAG_HIDE_VINFO;
}

/* vinfo and ninfo, the last two files of @dir, or none. */
unsigned int __vs_proc_hidden(const struct inode *dir)
{
	struct task_struct *task = get_proc_task(dir);
	bool hidden;

	if (!task)
		return 0;
	hidden = vs_vinfo_hidden(task);
	put_task_struct(task);
	return hidden ? 2 : 0;
}

/* The lines about @obj, which is put; NULL has none. */
static int vs_show_object(struct seq_file *m, struct vs_object *obj, u32 file)
{
	const struct vs_ops *ops;
	int err = -ENOENT;

	if (!obj)
		return 0;
	ops = vs_ops_get();
	if (ops) {
		err = ops->show(m, obj, file);
		vs_ops_put(ops);
	}
	vs_object_put(obj);
	return err;
}

/* /proc/<pid>/vinfo */
int proc_pid_vinfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task)
{
	struct vs_ctx *ctx;

	if (vs_vinfo_hidden(task))
		return -ENOENT;
	seq_printf(m, "XID:\t%d\n", READ_ONCE(task->vs.xid));
	ctx = vs_task_ctx_get(task);
	return vs_show_object(m, ctx ? &ctx->obj : NULL, VS_FILE_VINFO);
}

/* /proc/<pid>/ninfo */
int proc_pid_ninfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task)
{
	struct vs_net *net;

	if (vs_vinfo_hidden(task))
		return -ENOENT;
	seq_printf(m, "NID:\t%d\n", READ_ONCE(task->vs.nid));
	net = vs_task_net_get(task);
	return vs_show_object(m, net ? &net->obj : NULL, VS_FILE_NINFO);
}

/* The two lines in /proc/<pid>/status. */
void __vs_proc_status(struct seq_file *m, const struct task_struct *task)
{
	if (!vs_vinfo_hidden(task))
		seq_printf(m, "VxID:\t%d\nNxID:\t%d\n",
			   READ_ONCE(task->vs.xid), READ_ONCE(task->vs.nid));
}
