// SPDX-License-Identifier: GPL-2.0
/*
 * The security module: separates contexts from each other and from the host.
 *
 * Deny-only and last in order, so it stacks with every other module. The hooks
 * are registered at boot, as the framework demands, but switched off until the
 * first context is made: a machine without contexts does not pay for them.
 *
 * Three relations decide, as in semantics.md section 1: a task of the same
 * context (IDENT), the host (ADMIN), the spectator (WATCH). Objects (keys, IPC
 * objects, sockets) carry the instance number of the context that made them;
 * made before the hooks were on, they carry 0, which is right: the host's.
 */
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/ipc.h>
#include <linux/jump_label.h>
#include <linux/key.h>
#include <linux/lsm_hooks.h>
#include <linux/magic.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/nsproxy.h>
#include <linux/prctl.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#include <linux/vserver.h>
#include <net/af_unix.h>
#include <net/sock.h>

#include "cred.h"
#include "inode.h"
#include "net.h"
#include "owner.h"
#include "values.h"
#include "rights.h"

/* Private, far above the numbers that mainline gives out one by one. */
#define LSM_ID_VSERVER	0x7673

struct lsm_blob_sizes vs_blob_sizes __ro_after_init = {
	.lbs_file = sizeof(struct vs_owner),
	.lbs_ipc = sizeof(struct vs_owner),
	.lbs_sock = sizeof(struct vs_sock),
	.lbs_superblock = sizeof(atomic64_t),
#ifdef CONFIG_KEYS
	.lbs_key = sizeof(struct vs_owner),
#endif
};

static bool vs_current_admin(void)
{
	return current->vs.xid == VS_XID_HOST;
}

static bool vs_current_watch(void)
{
	return current->vs.xid == VS_XID_SPECTATOR;
}

/* The current task may change @p: IDENT or ADMIN. */
static int vs_may_change(const struct task_struct *p)
{
	return vs_current_admin() || vs_same_ctx(current, p) ? 0 : -EPERM;
}

/* The current task may look at @p: IDENT, ADMIN or WATCH. */
static int vs_may_look(const struct task_struct *p)
{
	return vs_current_watch() ? 0 : vs_may_change(p);
}

/* Capabilities: the mask of the context. */

static int vs_lsm_capable(const struct cred *cred, struct user_namespace *ns,
			  int cap, unsigned int opts)
{
	/*
	 * The mask of the current task counts, whosever credentials are looked
	 * at. Rights in a child user namespace come from having created it and
	 * are not masked.
	 */
	if (!in_task() || !vs_current_sealed() || cred->vs.lent)
		return 0;
	/*
	 * A file system that the host has mounted works with the credentials of the host,
	 * for whatever task: overlayfs would not find its own attributes otherwise.
	 */
	if (!cred->vs.instance && cred != current_real_cred())
		return 0;
	if (ns != cred->user_ns && ns != &init_user_ns)
		return 0;
	/* The shared stack is the host's, whatever the mask says. */
	if (cap == CAP_NET_ADMIN && ns == &init_user_ns && vs_current_net())
		return -EPERM;
	/* Good for the clock of the context only (clock.c). */
	if (cap == CAP_SYS_TIME && vs_virtual(VS_FLAG_VIRT_TIME))
		return -EPERM;
	return vs_ctx_caps(current->vs.ctx) & BIT_ULL(cap) ? 0 : -EPERM;
}

static int vs_bprm_creds_from_file(struct linux_binprm *bprm,
				   const struct file *file)
{
	if (vs_current_sealed())
		vs_cred_trim(bprm->cred, current->vs.ctx);
	return 0;
}

static int vs_userns_create(const struct cred *cred)
{
	if (!vs_current_sealed() ||
	    atomic64_read(&current->vs.ctx->umask) & CLONE_NEWUSER)
		return 0;
	return -EPERM;
}

/*
 * What a task drops by itself no context capability gives back.
 */
static int vs_task_prctl(int option, unsigned long arg2, unsigned long arg3,
			 unsigned long arg4, unsigned long arg5)
{
	struct cred *new;

	if (option != PR_CAPBSET_DROP || arg2 > CAP_LAST_CAP ||
	    !(current_cred()->vs.masked & vs_masked_bit(arg2)))
		return -ENOSYS;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->vs.masked &= ~vs_masked_bit(arg2);
	commit_creds(new);
	return -ENOSYS;
}

static int vs_capset(struct cred *new, const struct cred *old,
		     const kernel_cap_t *effective,
		     const kernel_cap_t *inheritable,
		     const kernel_cap_t *permitted)
{
	/* Who gives up a capability that it has wants less of the others too. */
	if (!cap_issubset(old->cap_permitted, *permitted))
		new->vs.masked = 0;
	return 0;
}

static int vs_sb_kern_mount(const struct super_block *sb)
{
	/* Also for mounts that the kernel makes on behalf of the task. */
	if (!vs_current_sealed() || sb->s_bdev || (sb->s_flags & SB_KERNMOUNT) ||
	    sb->s_magic == PROC_SUPER_MAGIC || sb->s_magic == DEVPTS_SUPER_MAGIC)
		return 0;
	return vs_may_mount_virtual() ? 0 : -EPERM;
}

static int vs_lsm_syslog(int type)
{
	/* syslog() itself does not come here for a guest; /dev/kmsg does. */
	return vs_current_sealed() ? -EPERM : 0;
}

static int vs_kernel_module_request(char *name)
{
	return vs_current_sealed() ? -EPERM : 0;
}

/* Files: what a context keeps with an inode is none of a guest's business. */

/*
 * The number of a file system, given when it is first asked for. Device numbers
 * of file systems without a device are used again.
 */
u64 vs_super_serial(const struct super_block *sb)
{
	static atomic64_t last = ATOMIC64_INIT(0);
	atomic64_t *serial = sb->s_security + vs_blob_sizes.lbs_superblock;

	if (!atomic64_read(serial))
		atomic64_cmpxchg(serial, 0, atomic64_inc_return(&last));
	return atomic64_read(serial);
}

static int vs_xattr(const char *name)
{
	return vs_current_sealed() && !strcmp(name, VS_XATTR) ? -EPERM : 0;
}

static int vs_inode_setxattr(struct mnt_idmap *idmap, struct dentry *dentry,
			     const char *name, const void *value, size_t size,
			     int flags)
{
	return vs_xattr(name);
}

static int vs_inode_removexattr(struct mnt_idmap *idmap, struct dentry *dentry,
				const char *name)
{
	return vs_xattr(name);
}

/* Tasks. */

static int vs_task_alloc(struct task_struct *p, u64 clone_flags)
{
	return vs_task_fork(p, clone_flags);
}

static int vs_may_trace(const struct task_struct *tracer,
			const struct task_struct *tracee)
{
	const struct vs_ctx *ctx;

	if (vs_same_ctx(tracer, tracee))
		return 0;
	if (READ_ONCE(tracer->vs.xid) > VS_XID_SPECTATOR)
		return -EPERM;
	ctx = READ_ONCE(tracee->vs.ctx);
	if (!ctx || !(atomic64_read(&ctx->obj.flags) & VS_FLAG_STATE_ADMIN))
		return -EACCES;
	return 0;
}

static int vs_ptrace_access_check(struct task_struct *child, unsigned int mode)
{
	guard(rcu)();
	return vs_may_trace(current, child);
}

static int vs_ptrace_traceme(struct task_struct *parent)
{
	guard(rcu)();
	return vs_may_trace(parent, current);
}

static int vs_task_kill(struct task_struct *p, struct kernel_siginfo *info,
			int sig, const struct cred *cred)
{
	/*
	 * Asynchronous I/O on USB devices signals from a completion, on behalf
	 * of the credentials that submitted it.
	 */
	if (cred) {
		guard(rcu)();
		return cred->vs.instance == __task_cred(p)->vs.instance ?
			0 : -EPERM;
	}
	/* Who is looked up by number is of the same context: this is a group's member. */
	return vs_same_ctx(current, p) || vs_current_watch() ? 0 : -ESRCH;
}

/*
 * Signals of a descriptor that becomes ready: from the context that asked for
 * them, whoever makes the descriptor ready, to tasks of that context.
 */
static struct vs_owner *vs_file_owner(const struct file *file)
{
	return file->f_security + vs_blob_sizes.lbs_file;
}

static void vs_file_set_fowner(struct file *file)
{
	vs_file_owner(file)->instance = vs_current_instance();
}

static int vs_file_send_sigiotask(struct task_struct *p,
				  struct fown_struct *fown, int signum)
{
	guard(rcu)();
	return vs_file_owner(fown->file)->instance ==
	       __task_cred(p)->vs.instance ? 0 : -EPERM;
}

/*
 * A descriptor of a process says nothing of a process that has no number here: by a
 * file handle one can be had of any.
 */
static int vs_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pid *pid = vs_current_guest() ? pidfd_pid(file) : ERR_PTR(-EBADF);

	return IS_ERR(pid) || __vs_pid_visible(pid) ? 0 : -ESRCH;
}

static int vs_capget(const struct task_struct *target, kernel_cap_t *effective,
		     kernel_cap_t *inheritable, kernel_cap_t *permitted)
{
	return vs_may_look(target);
}

static int vs_task_setpgid(struct task_struct *p, pid_t pgid)
{
	return vs_may_change(p);
}

static int vs_task_getpgid(struct task_struct *p)
{
	return vs_may_look(p);
}

static int vs_task_getsid(struct task_struct *p)
{
	return vs_may_look(p);
}

static int vs_task_setnice(struct task_struct *p, int nice)
{
	return vs_may_change(p);
}

static int vs_task_setioprio(struct task_struct *p, int ioprio)
{
	return vs_may_change(p);
}

static int vs_task_getioprio(struct task_struct *p)
{
	return vs_may_look(p);
}

static int vs_task_prlimit(const struct cred *cred, const struct cred *tcred,
			   unsigned int flags)
{
	/* Only credentials are at hand, and these are those of current. */
	if (cred->vs.instance == tcred->vs.instance || vs_current_admin())
		return 0;
	return vs_current_watch() && flags == LSM_PRLIMIT_READ ? 0 : -EPERM;
}

static int vs_task_setscheduler(struct task_struct *p)
{
	return vs_may_change(p);
}

static int vs_task_getscheduler(struct task_struct *p)
{
	return vs_may_look(p);
}

static int vs_task_movememory(struct task_struct *p)
{
	return vs_may_change(p);
}

/* Unix sockets. */

static int vs_sk_alloc(struct sock *sk, int family, gfp_t priority)
{
	/* Others are made from interrupts too, where current says nothing. */
	if (family == AF_UNIX)
		vs_sock_of(sk)->instance = vs_current_instance();
	return 0;
}

static int vs_sock_reach(const struct sock *to)
{
	if (vs_current_admin() || vs_current_watch() ||
	    vs_sock_of(to)->instance == vs_current_instance())
		return 0;
	return -EPERM;
}

static int vs_unix_stream_connect(struct sock *sock, struct sock *other,
				  struct sock *newsk)
{
	int err = vs_sock_reach(other);

	/* Made by the connecting task, but it is the server's end. */
	if (!err) {
		vs_sock_of(newsk)->instance = vs_sock_of(other)->instance;
		vs_sk_clone(other, newsk);
	}
	return err;
}

static int vs_unix_may_send(struct socket *sock, struct socket *other)
{
	/* A pair that was connected before one end was handed in stays usable. */
	if (unix_peer(sock->sk) == other->sk &&
	    vs_sock_of(sock->sk)->instance ==
	    vs_sock_of(other->sk)->instance)
		return 0;
	return vs_sock_reach(other->sk);
}

static struct security_hook_list vs_hooks[] __ro_after_init = {
	LSM_HOOK_INIT(capable, vs_lsm_capable),
	LSM_HOOK_INIT(bprm_creds_from_file, vs_bprm_creds_from_file),
	LSM_HOOK_INIT(userns_create, vs_userns_create),
	LSM_HOOK_INIT(task_prctl, vs_task_prctl),
	LSM_HOOK_INIT(capset, vs_capset),
	LSM_HOOK_INIT(sb_kern_mount, vs_sb_kern_mount),
	LSM_HOOK_INIT(syslog, vs_lsm_syslog),
	LSM_HOOK_INIT(kernel_module_request, vs_kernel_module_request),
	LSM_HOOK_INIT(inode_setxattr, vs_inode_setxattr),
	LSM_HOOK_INIT(inode_removexattr, vs_inode_removexattr),
	LSM_HOOK_INIT(task_alloc, vs_task_alloc),
	LSM_HOOK_INIT(task_free, vs_task_free),
	LSM_HOOK_INIT(ptrace_access_check, vs_ptrace_access_check),
	LSM_HOOK_INIT(ptrace_traceme, vs_ptrace_traceme),
	LSM_HOOK_INIT(task_kill, vs_task_kill),
	LSM_HOOK_INIT(file_set_fowner, vs_file_set_fowner),
	LSM_HOOK_INIT(file_send_sigiotask, vs_file_send_sigiotask),
	LSM_HOOK_INIT(file_ioctl, vs_file_ioctl),
	LSM_HOOK_INIT(file_ioctl_compat, vs_file_ioctl),
	LSM_HOOK_INIT(capget, vs_capget),
	LSM_HOOK_INIT(task_setpgid, vs_task_setpgid),
	LSM_HOOK_INIT(task_getpgid, vs_task_getpgid),
	LSM_HOOK_INIT(task_getsid, vs_task_getsid),
	LSM_HOOK_INIT(task_setnice, vs_task_setnice),
	LSM_HOOK_INIT(task_setioprio, vs_task_setioprio),
	LSM_HOOK_INIT(task_getioprio, vs_task_getioprio),
	LSM_HOOK_INIT(task_prlimit, vs_task_prlimit),
	LSM_HOOK_INIT(task_setscheduler, vs_task_setscheduler),
	LSM_HOOK_INIT(task_getscheduler, vs_task_getscheduler),
	LSM_HOOK_INIT(task_movememory, vs_task_movememory),
	LSM_HOOK_INIT(ipc_permission, vs_ipc_permission),
	LSM_HOOK_INIT(msg_queue_alloc_security, vs_ipc_alloc),
	LSM_HOOK_INIT(msg_queue_associate, vs_ipc_command),
	LSM_HOOK_INIT(msg_queue_msgctl, vs_ipc_command),
	LSM_HOOK_INIT(shm_alloc_security, vs_ipc_alloc),
	LSM_HOOK_INIT(shm_associate, vs_ipc_command),
	LSM_HOOK_INIT(shm_shmctl, vs_ipc_command),
	LSM_HOOK_INIT(sem_alloc_security, vs_ipc_alloc),
	LSM_HOOK_INIT(sem_associate, vs_ipc_command),
	LSM_HOOK_INIT(sem_semctl, vs_ipc_command),
	LSM_HOOK_INIT(sk_alloc_security, vs_sk_alloc),
	LSM_HOOK_INIT(sk_clone_security, vs_sk_clone),
	LSM_HOOK_INIT(sk_free_security, vs_sk_free),
	LSM_HOOK_INIT(netlink_send, vs_netlink_send),
	LSM_HOOK_INIT(socket_create, vs_socket_create),
	LSM_HOOK_INIT(socket_post_create, vs_socket_post_create),
	LSM_HOOK_INIT(socket_bind, vs_socket_bind),
	LSM_HOOK_INIT(socket_connect, vs_socket_connect),
	LSM_HOOK_INIT(socket_sendmsg, vs_socket_sendmsg),
	LSM_HOOK_INIT(socket_accept, vs_socket_accept),
	LSM_HOOK_INIT(socket_setsockopt, vs_socket_setsockopt),
	LSM_HOOK_INIT(mptcp_add_subflow, vs_mptcp_add_subflow),
	LSM_HOOK_INIT(unix_stream_connect, vs_unix_stream_connect),
	LSM_HOOK_INIT(unix_may_send, vs_unix_may_send),
#ifdef CONFIG_KEYS
	LSM_HOOK_INIT(cred_transfer, vs_cred_transfer),
	LSM_HOOK_INIT(key_alloc, vs_key_alloc),
	LSM_HOOK_INIT(key_permission, vs_key_permission),
#endif
};

/* The switches of the hooks, found at boot while the tables can be searched. */
static struct static_key_false *vs_hook_keys[ARRAY_SIZE(vs_hooks)] __ro_after_init;

/**
 * vs_lsm_arm() - switch the hooks on
 *
 * Called before the first context exists; calling it again changes nothing. May
 * sleep.
 */
void vs_lsm_arm(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(vs_hook_keys); i++)
		static_branch_enable(vs_hook_keys[i]);
}

static const struct lsm_id vs_lsm_id = {
	.name = "vserver",
	.id = LSM_ID_VSERVER,
};

static int __init vs_lsm_init(void)
{
	security_add_hooks(vs_hooks, ARRAY_SIZE(vs_hooks), &vs_lsm_id);
	for (size_t i = 0; i < ARRAY_SIZE(vs_hooks); i++) {
		struct lsm_static_call *call = vs_hooks[i].scalls;

		while (call->hl != &vs_hooks[i])
			call++;
		vs_hook_keys[i] = call->active;
		static_branch_disable(call->active);
	}
	return 0;
}

DEFINE_LSM(vserver) = {
	.id = &vs_lsm_id,
	.order = LSM_ORDER_LAST,
	.blobs = &vs_blob_sizes,
	.init = vs_lsm_init,
};
