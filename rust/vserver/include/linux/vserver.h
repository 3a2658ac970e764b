/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Contexts: the part that hooks in other files and the Rust core share.
 *
 * A context groups tasks. Its head, struct vs_ctx, is the first member of the
 * Rust type that implements it, so that hot predicates can be C inlines.
 * Locks and life time are described in glue/registry.c.
 */
#ifndef _LINUX_VSERVER_H
#define _LINUX_VSERVER_H

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/jump_label.h>
#include <linux/mutex_types.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock_types.h>
#include <linux/stat.h>
#include <linux/vserver_addrs.h>
#include <linux/vserver_bits.h>
#include <linux/vserver_pool.h>
#include <linux/vserver_resource.h>
#include <linux/vserver_types.h>
#include <linux/vserver_values.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct cpumask;
struct cred;
struct file;
struct fs_struct;
struct inode;
struct key_tag;
struct mnt_idmap;
struct module;
struct nsproxy;
struct nsset;
struct path;
struct proc_dir_entry;
struct seq_file;
struct super_block;
struct vfsmount;
struct vs_addrs;
struct vs_cpu;
struct vs_traffic;

/* What has an id, a table and a life: the first member of both heads. */
enum vs_kind {
	VS_CONTEXT,
	VS_NETWORK,
	VS_KINDS,
};

/**
 * struct vs_object - what contexts and network contexts have in common
 * @refs: references; the last one frees the object after a grace period.
 * @claims: task claims; the last one ends the object. Never leaves 0.
 * @kind: one of enum vs_kind, constant.
 * @id: context id or network context id, constant.
 * @instance: unique number over both kinds, never reused, constant.
 * @flags: VXF_* or NXF_* bits.
 * @free_work: frees the object in process context.
 *
 * Words are read without a lock; the core serialises their writers.
 */
struct vs_object {
	refcount_t refs;
	atomic_t claims;
	u32 kind;
	u32 id;
	u64 instance;
	atomic64_t flags;
	struct rcu_work free_work;
};

/**
 * struct vs_ctx - head of a context
 * @obj: id, flags, counters.
 * @init_pid: pid of the registered init in the initial pid namespace, 0 when
 *	there is none.
 * @reaper: the task that gets the orphans of the context, NULL for the one of
 *	the pid namespace. Not counted: cleared before the task can go, read
 *	under tasklist_lock.
 * @exit_code: code of the task that exited last, as wait() reports it.
 * @reboot_cmd: last reboot() command of the guest.
 * @reboot_next: when it may have the helper told of one evenly, jiffies.
 * @bcaps: Linux capabilities that tasks may use once setup has ended.
 * @ccaps: VXC_* bits.
 * @umask: namespaces that tasks may create, CLONE_NEW* bits.
 * @badness: added to the out-of-memory score of tasks, in pages.
 * @limits: what it has of each resource.
 * @counting: for who counts what is counted on demand. Nests inside mmap_lock.
 * @traffic: what its sockets have sent and received, per processor.
 * @pool_lock: protects @pool. Nests inside everything, rq locks as well.
 * @pool: its tokens.
 * @holding: tasks that wait for tokens.
 * @idlers: tasks on hold that wait for idle time, under the lock of glue/idle.c.
 * @idle: in the list of contexts that have some, under the same lock.
 * @cpus: times and settings per processor, see glue/cpu.c.
 * @values: for what its tasks see of the machine, see glue/values.c.
 * @keyrings: the domain that names of its keyrings are good in, see glue/keys.c.
 *
 * Words as in struct vs_object.
 */
struct vs_ctx {
	struct vs_object obj;
	int init_pid;
	int exit_code;
	int reboot_cmd;
	unsigned long reboot_next;
	struct task_struct *reaper;
	atomic64_t bcaps;
	atomic64_t ccaps;
	atomic64_t umask;
	atomic64_t badness;
	struct vs_limit limits[VS_RESOURCES];
	struct mutex counting;	/* held while one counts on demand */
	struct vs_traffic __percpu *traffic;
	raw_spinlock_t pool_lock;
	struct vs_pool pool;
	wait_queue_head_t holding;
	unsigned int idlers;
	struct list_head idle;
	struct vs_cpu __percpu *cpus;
	struct vs_values values;
	struct key_tag *keyrings;
};

/**
 * struct vs_net - head of a network context
 * @obj: id, flags, counters.
 * @ncaps: NXC_* bits.
 * @home: cookie of the network namespace that it was made in: the shared stack.
 *	Elsewhere a task has a stack of its own and nothing is restricted.
 * @salt: what its wildcards are hashed with. Constant.
 * @first4: the first single IPv4 address of these, 0 for none; for who needs no
 *	more than that.
 * @addrs: its addresses; replaced as a whole, readers use RCU.
 * @by_loopback: in the table of loopback addresses.
 * @wide: in the list of network contexts whose addresses are not in the index.
 * @ended: nothing of it is entered into these tables any more.
 *
 * Words as in struct vs_object.
 */
struct vs_net {
	struct vs_object obj;
	atomic64_t ncaps;
	u64 home;
	u32 salt;
	__be32 first4;
	struct vs_addrs __rcu *addrs;
	struct hlist_node by_loopback;
	struct hlist_node wide;
	bool ended;
};

#define VS_SPACE_TYPES	7

/**
 * struct vs_space - one stored set of spaces
 * @mask: which members are set, CLONE_* bits.
 * @ns: for each namespace type the bundle that it was taken from.
 * @fs: root, working directory and umask.
 * @cred: credentials.
 *
 * All members are counted references. The owner of the set serialises access.
 */
struct vs_space {
	u64 mask;
	struct nsproxy *ns[VS_SPACE_TYPES];
	struct fs_struct *fs;
	const struct cred *cred;
};

/**
 * struct vs_iattr - attributes of an inode
 * @tag: tag of the file.
 * @flags: IATTR_* bits.
 * @mask: which of them are meant.
 */
struct vs_iattr {
	u32 tag;
	u32 flags;
	u32 mask;
};

/* Files that the core prints. */
enum vs_file {
	VS_FILE_INFO,		/* /proc/virtual/info, /proc/virtnet/info */
	VS_FILE_CTX_INFO,	/* /proc/virtual/<xid>/info and so on */
	VS_FILE_CTX_STATUS,
	VS_FILE_CTX_LIMIT,
	VS_FILE_CTX_SCHED,
	VS_FILE_CTX_CVIRT,
	VS_FILE_CTX_CACCT,
	VS_FILE_CTX_NSPROXY,
	VS_FILE_CTX_NSPROXY1,
	VS_FILE_NET_INFO,	/* /proc/virtnet/<nid>/info and so on */
	VS_FILE_NET_STATUS,
	VS_FILE_VINFO,		/* /proc/<pid>/vinfo, ninfo */
	VS_FILE_NINFO,
};

/**
 * struct vs_ops - what the core implements
 * @owner: the module; a running call and every object pin it.
 * @syscall: the vserver() system call; may sleep.
 * @ended: the last task claim is gone; called once, may sleep.
 * @release: the last reference is gone; frees @obj, may sleep.
 * @reboot: a task of @ctx called reboot() with @cmd; may sleep. Returns the
 *	result of the call.
 * @show: prints one of enum vs_file; @obj is NULL where the file has none.
 * @device: a task of @ctx opens the device node @dev: the device that it stands
 *	for is put there; false when it may not be opened; may sleep.
 * @settle: brings @pool up to @now for a context with these flags that has run
 *	@used nanoseconds since. Returns 0 when tasks may run, else when they may,
 *	U64_MAX when that is not known. @pool is locked, interrupts are off, an rq
 *	lock may be held.
 * @load: brings the averages up to @now, from the threads that were counted.
 * @memory: computes what a guest has and what is free.
 * @cpuinfo: cuts other processors than @cpus out of /proc/cpuinfo. Returns the
 *	length of what is left.
 */
struct vs_ops {
	struct module *owner;
	long (*syscall)(u32 cmd, u32 id, void __user *data, bool compat);
	void (*ended)(struct vs_object *obj);
	void (*release)(struct vs_object *obj);
	int (*reboot)(struct vs_ctx *ctx, u32 cmd);
	int (*show)(struct seq_file *m, struct vs_object *obj, u32 file);
	bool (*device)(struct vs_ctx *ctx, bool block, u32 *dev);
	u64 (*settle)(struct vs_pool *pool, u64 flags, u64 now, u64 used);
	void (*load)(struct vs_load *load, u64 now);
	void (*memory)(struct vs_memory *memory);
	size_t (*cpuinfo)(char *text, size_t len, const struct cpumask *cpus);
};

/* fs/open.c */
int vfs_open(const struct path *path, struct file *file);

/* kernel/nsproxy.c */
int prepare_nsset(unsigned int flags, struct nsset *nsset);
void commit_nsset(struct nsset *nsset);
void put_nsset(struct nsset *nsset);

#ifdef CONFIG_VSERVER

/* On from the first context to the removal of the core. */
DECLARE_STATIC_KEY_FALSE(vs_active);

/* core.c */
u32 vs_core_references(const struct vs_object *obj);
bool vs_core_sealed(void);
u32 vs_core_xid(void);
u32 vs_core_nid(void);
bool vs_core_online(unsigned int cpu);
u64 vs_core_split_ns(u64 ns, u32 *hundredths);
u64 vs_core_mul_div(u64 a, u64 b, u64 by, bool up);
bool vs_core_valid_signal(unsigned long sig);

/* registry.c */
int vs_register(const struct vs_ops *ops);
void vs_unregister(void);
const struct vs_ops *vs_ops_get(void);
void vs_ops_put(const struct vs_ops *ops);
const struct vs_ops *vs_ops_pinned(void);
void vs_object_init(struct vs_object *obj, struct module *owner, u32 kind,
		    u32 id, u64 flags);
int vs_object_publish(struct vs_object *obj);
void vs_object_withdraw(struct vs_object *obj);
struct vs_ctx *vs_ctx_of_instance(u64 instance);
struct vs_object *vs_object_find(u32 kind, u32 id);
struct vs_object *vs_object_next(u32 kind, u32 id);
void vs_object_get(struct vs_object *obj);
void vs_object_put(struct vs_object *obj);
bool vs_object_claim(struct vs_object *obj);
void vs_object_unclaim(struct vs_object *obj);
unsigned int vs_objects_total(u32 kind);
unsigned int vs_objects_active(u32 kind);

/* task.c */
int vs_task_migrate(struct vs_ctx *ctx);
int vs_task_migrate_net(struct vs_net *net);
void vs_task_spectate(u32 kind);
struct vs_object *vs_task_object(u32 kind);
u32 vs_task_id(u32 pid, u32 which, bool *found);
void vs_task_set_tag(u32 tag);
int vs_signal_all(struct vs_ctx *ctx, int sig, int except);
int vs_signal_pid(struct vs_ctx *ctx, int sig, int pid);
int vs_task_unshare(u64 flags);
struct task_struct *vs_find_task(int nr, struct pid_namespace *ns);
void __vs_task_exit(struct task_struct *p, long code);
void __vs_task_release(struct task_struct *p);
int vs_task_fork(struct task_struct *p, u64 clone_flags);
bool __vs_pid_visible(struct pid *pid);
void vs_task_free(struct task_struct *p);

/* glue/limit.c */
void vs_limit_init(struct vs_ctx *ctx);
void vs_limit_set(struct vs_ctx *ctx, u32 resource, s64 ceiling);
void vs_limit_reset(struct vs_ctx *ctx);
void vs_limit_refresh(struct vs_ctx *ctx, u32 resource);

/* glue/traffic.c */
int vs_traffic_init(struct vs_ctx *ctx);
void vs_traffic_free(struct vs_ctx *ctx);
void vs_traffic_read(const struct vs_ctx *ctx, u32 field, u64 *count, u64 *total);

/* space.c */
u64 vs_space_supported(void);
int vs_space_store(struct vs_space *space, u64 mask);
void vs_space_copy(struct vs_space *to, const struct vs_space *from, u64 mask);
int vs_space_enter(struct vs_space *space, u64 mask);
void vs_space_release(struct vs_space *space);
int vs_space_read_name(const struct vs_space *space, u32 field, char *name);
int vs_space_write_name(const struct vs_space *space, u32 field, const char *name);
void vs_space_show(struct seq_file *m);
void vs_space_show_set(struct seq_file *m, const struct vs_space *space);

/* device.c */
void vs_device_watch(bool on);
int vs_device_number(const char __user *name, bool *block, u32 *dev);
int __vs_map_device(umode_t mode, dev_t *dev);

/* entry.c */
bool __vs_proc_visible(const struct proc_dir_entry *de);
bool __vs_proc_open(const struct proc_dir_entry *de, struct file *file,
		    int *result);
int vs_proc_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);

/* guest.c */
bool __vs_mounts_hidden(void);
bool __vs_show_root(struct seq_file *m, const struct path *root,
		    const struct vfsmount *mnt, const char *text);
int vs_syslog(int type, bool restricted);
long __vs_oom_bias(struct task_struct *p);
int __vs_nice_error(int err);

/* helper.c */
int vs_helper_init(void);
void vs_helper_exit(void);
int vs_helper_run(const char *action, u32 id, u32 cmd, u32 mode);
int __vs_reboot(struct pid_namespace *ns, u32 cmd);

/* init.c */
int __vs_pid_in(int nr, const struct pid_namespace *ns);
int __vs_pid_out(int nr, const struct pid_namespace *ns);
int __vs_ppid(const struct task_struct *task, int nr);
struct task_struct *__vs_child_reaper(struct task_struct *father,
				      struct task_struct *reaper);
void vs_init_register(struct vs_ctx *ctx);
void vs_init_leave(struct vs_ctx *ctx);
void vs_init_reap(struct vs_ctx *ctx);

/* inode.c */
int vs_iattr_by_name(const char __user *name, struct vs_iattr *attr, bool set);
int vs_iattr_by_fd(unsigned int fd, struct vs_iattr *attr, bool set);
int vs_path_super(const char __user *name, u64 *serial);
u64 vs_super_serial(const struct super_block *sb);

/* lsm.c */
void vs_lsm_arm(void);

/* rights.c */
bool __vs_ccap(int cap, u64 ccap);
bool __vs_may_unshare(u64 flags);
bool __vs_mount_nodev(void);

/* proc.c */
int vs_proc_init(void);
void vs_proc_exit(void);
int proc_pid_vinfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task);
int proc_pid_ninfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task);
int proc_pid_nsproxy(struct seq_file *m, struct pid_namespace *ns,
		     struct pid *pid, struct task_struct *task);
void __vs_proc_status(struct seq_file *m, const struct task_struct *task);
unsigned int __vs_proc_hidden(const struct inode *dir);

/* How the helper program is run: until it has started, or has ended. */
#define VS_HELPER_START		0
#define VS_HELPER_END		1

/* A context exists or existed: hooks have something to look at. */
static inline bool vs_enabled(void)
{
	return static_branch_unlikely(&vs_active);
}

/* The two tasks are in the same context. Caller holds RCU or one is current. */
static inline bool vs_same_ctx(const struct task_struct *a,
			       const struct task_struct *b)
{
	return READ_ONCE(a->vs.ctx) == READ_ONCE(b->vs.ctx) &&
	       READ_ONCE(a->vs.xid) == READ_ONCE(b->vs.xid);
}

/*
 * The context that a task is in and that pays for it; NULL for the host and for
 * spectators, who keep the pointer. Caller holds RCU or @p is current.
 */
static inline struct vs_ctx *vs_task_ctx(const struct task_struct *p)
{
	struct vs_ctx *ctx = READ_ONCE(p->vs.ctx);

	return ctx && READ_ONCE(p->vs.xid) != VS_XID_SPECTATOR ? ctx : NULL;
}

/* The same for the current task. */
static inline struct vs_ctx *vs_current_ctx(void)
{
	return vs_task_ctx(current);
}

/* Setup has ended: the context is restricted. */
static inline bool vs_ctx_sealed(const struct vs_ctx *ctx)
{
	return !(atomic64_read(&ctx->obj.flags) & VS_FLAG_STATE_SETUP);
}

/* The current task is in a context whose setup has ended. */
static inline bool vs_current_sealed(void)
{
	return current->vs.ctx && vs_ctx_sealed(current->vs.ctx);
}

/* The current task is in a context. */
static inline bool vs_current_guest(void)
{
	return vs_enabled() && in_task() && vs_current_ctx();
}

static inline bool __vs_task_visible(const struct task_struct *p)
{
	return vs_same_ctx(current, p) ||
	       current->vs.xid == VS_XID_SPECTATOR || !in_task();
}

/**
 * vs_task_visible() - may the current task know of @p?
 * @p: a task, protected by RCU or a reference.
 *
 * A task sees the tasks of its own context; the spectator and interrupt
 * handlers see all. The host does not see guests (semantics.md, section 1).
 */
static inline bool vs_task_visible(const struct task_struct *p)
{
	return !vs_enabled() || __vs_task_visible(p);
}

/* @pid when the current task may see its task, else NULL, and @pid is put. */
static inline struct pid *vs_visible_pid(struct pid *pid)
{
	if (!vs_enabled() || !pid || __vs_pid_visible(pid))
		return pid;
	put_pid(pid);
	return NULL;
}

/**
 * vs_signal_target() - @p when it is in the context of the sender, else NULL
 * @p: the task that a pid was resolved to, or NULL.
 *
 * Stricter than visibility: the spectator sees guests but does not signal them.
 */
static inline struct task_struct *vs_signal_target(struct task_struct *p)
{
	if (!vs_enabled() || !p || vs_same_ctx(current, p) || !in_task())
		return p;
	return NULL;
}

/* The number that the current task means by @nr, and the other way round. */
static inline int vs_pid_in(int nr, const struct pid_namespace *ns)
{
	return vs_enabled() ? __vs_pid_in(nr, ns) : nr;
}

static inline int vs_pid_out(int nr, const struct pid_namespace *ns)
{
	return vs_enabled() ? __vs_pid_out(nr, ns) : nr;
}

/* The number @nr of the parent of @task: 0 in a guest for a parent outside. */
static inline int vs_ppid(const struct task_struct *task, int nr)
{
	return vs_current_guest() ? __vs_ppid(task, nr) : nr;
}

/* The current task is in a context that is being set up. */
static inline bool vs_current_setup(void)
{
	return vs_current_guest() && !vs_current_sealed();
}

/* Who gets the orphans of @father. Caller holds tasklist_lock for writing. */
static inline struct task_struct *vs_child_reaper(struct task_struct *father,
						  struct task_struct *reaper)
{
	return vs_enabled() ? __vs_child_reaper(father, reaper) : reaper;
}

/* Called for the current task when it can no longer fork. */
static inline void vs_task_exit(struct task_struct *p, long code)
{
	if (vs_enabled())
		__vs_task_exit(p, code);
}

/* Nobody can wait for @p any more. */
static inline void vs_task_release(struct task_struct *p)
{
	if (vs_enabled())
		__vs_task_release(p);
}

static inline void vs_proc_status(struct seq_file *m,
				  const struct task_struct *task)
{
	__vs_proc_status(m, task);
}

/* How many of the last files of a /proc/<pid> its context hides. */
static inline unsigned int vs_proc_hidden(const struct inode *dir)
{
	return vs_enabled() ? __vs_proc_hidden(dir) : 0;
}

/* The current task finds an entry of procfs. */
static inline bool vs_proc_visible(const struct proc_dir_entry *de)
{
	return !vs_enabled() || __vs_proc_visible(de);
}

/* The current task may not open an entry of procfs, or has opened its own. */
static inline bool vs_proc_open(const struct proc_dir_entry *de,
				struct file *file, int *result)
{
	return vs_enabled() && __vs_proc_open(de, file, result);
}

/* 1: reboot() goes on as without us; else its result. */
static inline int vs_reboot(struct pid_namespace *ns, u32 cmd)
{
	return vs_current_guest() ? __vs_reboot(ns, cmd) : 1;
}

/* The context capability gives the current task this part of @cap. */
static inline bool vs_ccap(int cap, u64 ccap)
{
	return vs_current_guest() && __vs_ccap(cap, ccap);
}

/* As capable(), or by the context capability @ccap. */
static inline bool vs_capable(int cap, u64 ccap)
{
	return capable(cap) || vs_ccap(cap, ccap);
}

/* As ns_capable(), or by the context capability @ccap. */
static inline bool vs_ns_capable(struct user_namespace *ns, int cap, u64 ccap)
{
	return ns_capable(ns, cap) || vs_ccap(cap, ccap);
}

/* The unshare mask names all namespaces in @flags. */
static inline bool vs_may_unshare(u64 flags)
{
	return vs_current_guest() && __vs_may_unshare(flags);
}

/* Device files on what the current task mounts do not work. */
static inline bool vs_mount_nodev(void)
{
	return vs_current_guest() && __vs_mount_nodev();
}

/* Prints @text for the mount that the root of a guest is on, and only for it. */
static inline bool vs_show_root(struct seq_file *m, const struct path *root,
				const struct vfsmount *mnt, const char *text)
{
	return vs_current_guest() && __vs_show_root(m, root, mnt, text);
}

/* Mount tables are empty for the current task. */
static inline bool vs_mounts_hidden(void)
{
	return vs_current_guest() && __vs_mounts_hidden();
}

/* Puts the device that a block device node stands for into @dev. */
static inline int vs_map_bdev(dev_t node, dev_t *dev)
{
	*dev = node;
	return vs_current_guest() ? __vs_map_device(S_IFBLK, dev) : 0;
}

/* What the context of @p adds to its out-of-memory score. Caller holds RCU. */
static inline long vs_oom_bias(struct task_struct *p)
{
	return vs_enabled() ? __vs_oom_bias(p) : 0;
}

/* The result of a priority change that was refused with @err. */
static inline int vs_nice_error(int err)
{
	return vs_current_guest() ? __vs_nice_error(err) : err;
}

#else /* CONFIG_VSERVER */

static inline bool vs_enabled(void)
{
	return false;
}

static inline bool vs_current_guest(void)
{
	return false;
}

static inline bool vs_task_visible(const struct task_struct *p)
{
	return true;
}

static inline struct task_struct *vs_find_task(int nr, struct pid_namespace *ns)
{
	return NULL;
}

static inline struct pid *vs_visible_pid(struct pid *pid)
{
	return pid;
}

static inline struct task_struct *vs_signal_target(struct task_struct *p)
{
	return p;
}

static inline int vs_pid_in(int nr, const struct pid_namespace *ns)
{
	return nr;
}

static inline int vs_pid_out(int nr, const struct pid_namespace *ns)
{
	return nr;
}

static inline int vs_ppid(const struct task_struct *task, int nr)
{
	return nr;
}

static inline bool vs_current_setup(void)
{
	return false;
}

static inline struct task_struct *vs_child_reaper(struct task_struct *father,
						  struct task_struct *reaper)
{
	return reaper;
}

static inline void vs_task_exit(struct task_struct *p, long code) { }

static inline void vs_task_release(struct task_struct *p) { }

static inline void vs_proc_status(struct seq_file *m,
				  const struct task_struct *task) { }

static inline unsigned int vs_proc_hidden(const struct inode *dir)
{
	return 0;
}

/* No permission of its own: what the VFS does by itself. */
#define vs_proc_permission	NULL

static inline bool vs_proc_visible(const struct proc_dir_entry *de)
{
	return true;
}

static inline bool vs_proc_open(const struct proc_dir_entry *de,
				struct file *file, int *result)
{
	return false;
}

static inline int vs_reboot(struct pid_namespace *ns, u32 cmd)
{
	return 1;
}

static inline bool vs_capable(int cap, u64 ccap)
{
	return capable(cap);
}

static inline bool vs_ns_capable(struct user_namespace *ns, int cap, u64 ccap)
{
	return ns_capable(ns, cap);
}

static inline bool vs_may_unshare(u64 flags)
{
	return false;
}

static inline bool vs_mount_nodev(void)
{
	return false;
}

static inline bool vs_mounts_hidden(void)
{
	return false;
}

static inline int vs_map_bdev(dev_t node, dev_t *dev)
{
	*dev = node;
	return 0;
}

static inline bool vs_show_root(struct seq_file *m, const struct path *root,
				const struct vfsmount *mnt, const char *text)
{
	return false;
}

static inline int vs_syslog(int type, bool restricted)
{
	return 0;
}

static inline long vs_oom_bias(struct task_struct *p)
{
	return 0;
}

static inline int vs_nice_error(int err)
{
	return err;
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_H */
