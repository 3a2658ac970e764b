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
#include <linux/jump_label.h>
#include <linux/pid.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/vserver_types.h>
#include <linux/workqueue.h>

struct cred;
struct fs_struct;
struct inode;
struct module;
struct nsproxy;
struct nsset;
struct seq_file;

/* Context ids without an object. */
#define VS_XID_HOST		0
#define VS_XID_SPECTATOR	1

/* Highest context id. */
#define VS_XID_MAX		65535

/* Flags that the C side tests, as in abi.rs. */
#define VS_FLAG_HIDE_VINFO	0x0000000004000000ULL
#define VS_FLAG_STATE_SETUP	0x0000000100000000ULL
#define VS_FLAG_STATE_ADMIN	0x0000000400000000ULL

/**
 * struct vs_ctx - head of a context
 * @refs: references; the last one frees the context after a grace period.
 * @tasks: task claims; the last one ends the context. Never leaves 0.
 * @xid: context id, constant.
 * @init_pid: pid of the registered init in the initial pid namespace, 0 when
 *	there is none.
 * @exit_code: code of the task that exited last, as wait() reports it.
 * @reboot_cmd: last reboot() command of the guest.
 * @instance: unique number, never reused, constant.
 * @flags: VXF_* bits.
 * @bcaps: Linux capabilities that tasks may use once setup has ended.
 * @ccaps: VXC_* bits.
 * @umask: namespaces that tasks may create, CLONE_NEW* bits.
 * @free_work: frees the context in process context.
 *
 * All words are read without a lock; the core serialises their writers.
 */
struct vs_ctx {
	refcount_t refs;
	atomic_t tasks;
	u32 xid;
	int init_pid;
	int exit_code;
	int reboot_cmd;
	u64 instance;
	atomic64_t flags;
	atomic64_t bcaps;
	atomic64_t ccaps;
	atomic64_t umask;
	struct rcu_work free_work;
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

/* Files that the core prints. */
enum vs_file {
	VS_FILE_INFO,		/* /proc/virtual/info */
	VS_FILE_CTX_INFO,	/* /proc/virtual/<xid>/info */
	VS_FILE_CTX_STATUS,	/* /proc/virtual/<xid>/status */
	VS_FILE_VINFO,		/* /proc/<pid>/vinfo */
};

/**
 * struct vs_ops - what the core implements
 * @owner: the module; a running call and every context pin it.
 * @syscall: the vserver() system call; may sleep.
 * @ended: the last task claim is gone; called once, may sleep.
 * @release: the last reference is gone; frees @ctx, may sleep.
 * @show: prints one of enum vs_file; @ctx is NULL where the file has none.
 */
struct vs_ops {
	struct module *owner;
	long (*syscall)(u32 cmd, u32 id, void __user *data, bool compat);
	void (*ended)(struct vs_ctx *ctx);
	void (*release)(struct vs_ctx *ctx);
	int (*show)(struct seq_file *m, struct vs_ctx *ctx, u32 file);
};

/* kernel/nsproxy.c */
int prepare_nsset(unsigned int flags, struct nsset *nsset);
void commit_nsset(struct nsset *nsset);
void put_nsset(struct nsset *nsset);

#ifdef CONFIG_VSERVER

/* On from the first context to the removal of the core. */
DECLARE_STATIC_KEY_FALSE(vs_active);

/* registry.c */
int vs_register(const struct vs_ops *ops);
void vs_unregister(void);
const struct vs_ops *vs_ops_get(void);
void vs_ops_put(const struct vs_ops *ops);
void vs_ctx_init(struct vs_ctx *ctx, struct module *owner, u32 xid, u64 flags);
int vs_ctx_publish(struct vs_ctx *ctx);
void vs_ctx_withdraw(struct vs_ctx *ctx);
struct vs_ctx *vs_ctx_find(u32 xid);
struct vs_ctx *vs_ctx_next(u32 xid);
void vs_ctx_get(struct vs_ctx *ctx);
void vs_ctx_put(struct vs_ctx *ctx);
bool vs_ctx_claim(struct vs_ctx *ctx);
void vs_ctx_unclaim(struct vs_ctx *ctx);
unsigned int vs_ctx_total(void);
unsigned int vs_ctx_active(void);

/* task.c */
int vs_task_migrate(struct vs_ctx *ctx);
void vs_task_spectate(void);
struct vs_ctx *vs_task_ctx(void);
u32 vs_task_ids(u32 pid, bool network, bool *found);
int vs_signal_all(struct vs_ctx *ctx, int sig, int except);
int vs_signal_pid(struct vs_ctx *ctx, int sig, int pid);
int vs_task_unshare(u64 flags);
void __vs_task_exit(struct task_struct *p, long code);
int vs_task_fork(struct task_struct *p);
bool __vs_pid_visible(struct pid *pid);
void vs_task_free(struct task_struct *p);

/* space.c */
u64 vs_space_supported(void);
int vs_space_store(struct vs_space *space, u64 mask);
void vs_space_copy(struct vs_space *to, const struct vs_space *from, u64 mask);
int vs_space_enter(struct vs_space *space, u64 mask);
void vs_space_release(struct vs_space *space);
int vs_space_read_name(const struct vs_space *space, u32 field, char *name);
int vs_space_write_name(const struct vs_space *space, u32 field, const char *name);
void vs_space_show(struct seq_file *m);

/* lsm.c */
void vs_lsm_arm(void);

/* proc.c */
int vs_proc_init(void);
void vs_proc_exit(void);
int proc_pid_vinfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task);
int proc_pid_ninfo(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task);
void __vs_proc_status(struct seq_file *m, const struct task_struct *task);
unsigned int __vs_proc_hidden(const struct inode *dir);

/* The two tasks are in the same context. Caller holds RCU or one is current. */
static inline bool vs_same_ctx(const struct task_struct *a,
			       const struct task_struct *b)
{
	return READ_ONCE(a->vs.ctx) == READ_ONCE(b->vs.ctx) &&
	       READ_ONCE(a->vs.xid) == READ_ONCE(b->vs.xid);
}

/* Setup has ended: the context is restricted. */
static inline bool vs_ctx_sealed(const struct vs_ctx *ctx)
{
	return !(atomic64_read(&ctx->flags) & VS_FLAG_STATE_SETUP);
}

/* The current task is in a context whose setup has ended. */
static inline bool vs_current_sealed(void)
{
	return current->vs.ctx && vs_ctx_sealed(current->vs.ctx);
}

static inline bool __vs_task_visible(const struct task_struct *p)
{
	return !in_task() || current->vs.xid == VS_XID_SPECTATOR ||
	       vs_same_ctx(current, p);
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
	return !static_branch_unlikely(&vs_active) || __vs_task_visible(p);
}

/* @p when the current task may see it, else NULL; @p may be NULL. */
static inline struct task_struct *vs_visible_task(struct task_struct *p)
{
	if (!static_branch_unlikely(&vs_active) || !p || __vs_task_visible(p))
		return p;
	return NULL;
}

/* @pid when the current task may see its task, else NULL, and @pid is put. */
static inline struct pid *vs_visible_pid(struct pid *pid)
{
	if (!static_branch_unlikely(&vs_active) || !pid || __vs_pid_visible(pid))
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
	if (!static_branch_unlikely(&vs_active) || !p || !in_task() ||
	    vs_same_ctx(current, p))
		return p;
	return NULL;
}

/* Called for the current task when it can no longer fork. */
static inline void vs_task_exit(struct task_struct *p, long code)
{
	if (static_branch_unlikely(&vs_active))
		__vs_task_exit(p, code);
}

static inline void vs_proc_status(struct seq_file *m,
				  const struct task_struct *task)
{
	__vs_proc_status(m, task);
}

/* How many of the last files of a /proc/<pid> its context hides. */
static inline unsigned int vs_proc_hidden(const struct inode *dir)
{
	return static_branch_unlikely(&vs_active) ? __vs_proc_hidden(dir) : 0;
}

#else /* CONFIG_VSERVER */

static inline bool vs_task_visible(const struct task_struct *p)
{
	return true;
}

static inline struct task_struct *vs_visible_task(struct task_struct *p)
{
	return p;
}

static inline struct pid *vs_visible_pid(struct pid *pid)
{
	return pid;
}

static inline struct task_struct *vs_signal_target(struct task_struct *p)
{
	return p;
}

static inline void vs_task_exit(struct task_struct *p, long code) { }

static inline void vs_proc_status(struct seq_file *m,
				  const struct task_struct *task) { }

static inline unsigned int vs_proc_hidden(const struct inode *dir)
{
	return 0;
}

#endif /* CONFIG_VSERVER */

#endif /* _LINUX_VSERVER_H */
