// SPDX-License-Identifier: GPL-2.0
/*
 * Spaces: the namespaces, root and credentials that a context stores, so that a
 * task of the host can enter them.
 *
 * A stored namespace is a reference on the whole bundle (struct nsproxy) that it
 * was taken from: that keeps the namespace active, and a bundle never changes
 * while it is shared. Sets are owned by one context, whose core serialises
 * access; entering works on a private copy and holds no lock.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/fs_struct.h>
#include <linux/init_task.h>
#include <linux/ipc_namespace.h>
#include <linux/mnt_namespace.h>
#include <linux/ns_common.h>
#include <linux/nsproxy.h>
#include <linux/perf_event.h>
#include <linux/pid_namespace.h>
#include <linux/proc_ns.h>
#include <linux/rwsem.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/utsname.h>
#include <linux/vserver.h>
#include <net/net_namespace.h>

/* Namespace types in the order in which they are entered, as setns(2) does. */
enum vs_space_type {
	VS_SPACE_MNT,
	VS_SPACE_UTS,
	VS_SPACE_IPC,
	VS_SPACE_PID,
	VS_SPACE_CGROUP,
	VS_SPACE_NET,
	VS_SPACE_TIME,
};

static const u64 vs_space_bits[VS_SPACE_TYPES] = {
	[VS_SPACE_MNT] = CLONE_NEWNS,
	[VS_SPACE_UTS] = CLONE_NEWUTS,
	[VS_SPACE_IPC] = CLONE_NEWIPC,
	[VS_SPACE_PID] = CLONE_NEWPID,
	[VS_SPACE_CGROUP] = CLONE_NEWCGROUP,
	[VS_SPACE_NET] = CLONE_NEWNET,
	[VS_SPACE_TIME] = CLONE_NEWTIME,
};

/* Stored references, for /proc/virtual/status: fs, credentials, namespaces. */
static atomic_t vs_space_fs = ATOMIC_INIT(0);
static atomic_t vs_space_cred = ATOMIC_INIT(0);
static atomic_t vs_space_ns[VS_SPACE_TYPES];

static u64 vs_space_namespaces(void)
{
	u64 mask = 0;

	for (int i = 0; i < VS_SPACE_TYPES; i++)
		mask |= vs_space_bits[i];
	if (!IS_ENABLED(CONFIG_TIME_NS))
		mask &= ~(u64)CLONE_NEWTIME;
	return mask;
}

/**
 * vs_space_supported() - what can be stored and entered
 *
 * Return: CLONE_* bits. The other namespace types are required by Kconfig.
 */
u64 vs_space_supported(void)
{
	u64 users = IS_ENABLED(CONFIG_USER_NS) ? CLONE_NEWUSER : 0;

	return vs_space_namespaces() | CLONE_FS | users;
}
EXPORT_SYMBOL_GPL(vs_space_supported);

/* Of pid and time namespaces those of future children count. */
static struct ns_common *vs_space_common(const struct nsproxy *nsp, int type)
{
	switch (type) {
	case VS_SPACE_MNT:
		return from_mnt_ns(nsp->mnt_ns);
	case VS_SPACE_UTS:
		return &nsp->uts_ns->ns;
	case VS_SPACE_IPC:
		return &nsp->ipc_ns->ns;
	case VS_SPACE_PID:
		return &nsp->pid_ns_for_children->ns;
	case VS_SPACE_CGROUP:
		return &nsp->cgroup_ns->ns;
	case VS_SPACE_NET:
		return &nsp->net_ns->ns;
#ifdef CONFIG_TIME_NS
	case VS_SPACE_TIME:
		return &nsp->time_ns_for_children->ns;
#endif
	}
	return NULL;
}

static void vs_space_set_ns(struct vs_space *space, int type,
			    struct nsproxy *nsp)
{
	if (nsp) {
		get_nsproxy(nsp);
		atomic_inc(&vs_space_ns[type]);
	}
	if (space->ns[type]) {
		put_nsproxy(space->ns[type]);
		atomic_dec(&vs_space_ns[type]);
	}
	space->ns[type] = nsp;
}

static void vs_space_set_fs(struct vs_space *space, struct fs_struct *fs)
{
	if (fs)
		atomic_inc(&vs_space_fs);
	if (space->fs) {
		free_fs_struct(space->fs);
		atomic_dec(&vs_space_fs);
	}
	space->fs = fs;
}

static void vs_space_set_cred(struct vs_space *space, const struct cred *cred)
{
	if (cred)
		atomic_inc(&vs_space_cred);
	if (space->cred) {
		put_cred(space->cred);
		atomic_dec(&vs_space_cred);
	}
	space->cred = cred;
}

/**
 * vs_space_store() - store spaces of the current task
 * @space: the set, serialised by the caller; members not in @mask stay.
 * @mask: CLONE_* bits; 0 for all namespaces.
 *
 * Return: 0, -EINVAL for a bit that is not supported, -ENOMEM; nothing is
 * changed on failure. May sleep.
 */
int vs_space_store(struct vs_space *space, u64 mask)
{
	struct fs_struct *fs = NULL;

	if (!mask)
		mask = vs_space_namespaces();
	if (mask & ~vs_space_supported())
		return -EINVAL;
	if (mask & CLONE_FS) {
		fs = copy_fs_struct(current->fs);
		if (!fs)
			return -ENOMEM;
		vs_space_set_fs(space, fs);
	}
	if (mask & CLONE_NEWUSER)
		vs_space_set_cred(space, get_current_cred());
	for (int i = 0; i < VS_SPACE_TYPES; i++) {
		if (mask & vs_space_bits[i])
			vs_space_set_ns(space, i, current->nsproxy);
	}
	space->mask |= mask;
	return 0;
}
EXPORT_SYMBOL_GPL(vs_space_store);

/**
 * vs_space_copy() - take a private copy of a set
 * @to: zeroed memory.
 * @from: the set, serialised by the caller.
 * @mask: the members to copy.
 *
 * The root and working directory cannot be copied without allocating: when that
 * fails the copy lacks them, which vs_space_enter() reports. May sleep.
 */
void vs_space_copy(struct vs_space *to, const struct vs_space *from, u64 mask)
{
	to->mask = mask & from->mask;
	for (int i = 0; i < VS_SPACE_TYPES; i++) {
		if (to->mask & vs_space_bits[i])
			vs_space_set_ns(to, i, from->ns[i]);
	}
	if (to->mask & CLONE_FS)
		vs_space_set_fs(to, copy_fs_struct(from->fs));
	if (to->mask & CLONE_NEWUSER)
		vs_space_set_cred(to, get_cred(from->cred));
}
EXPORT_SYMBOL_GPL(vs_space_copy);

/* A copy of @cred that keeps the caller's membership. */
static struct cred *vs_space_new_cred(const struct cred *cred)
{
	const struct cred *old = override_creds(get_cred(cred));
	struct cred *new = prepare_creds();

	put_cred(revert_creds(old));
	if (new)
		new->vs.instance = current_cred()->vs.instance;
	return new;
}

/**
 * vs_space_enter() - the current task enters stored spaces
 * @space: a private copy from vs_space_copy(); its root is consumed.
 * @mask: which members to enter, all of them stored.
 *
 * The namespaces' own rules apply: rights over the owning user namespace, a
 * single thread for a time namespace, an unshared root for a mount namespace.
 *
 * Return: 0 or the error of the namespace that refused; nothing is changed on
 * failure. May sleep.
 */
int vs_space_enter(struct vs_space *space, u64 mask)
{
	unsigned int flags = mask & vs_space_namespaces();
	struct nsset nsset = {};
	struct cred *cred = NULL;
	int err = -ENOMEM;

	if ((mask & CLONE_FS) && !space->fs)
		return -ENOMEM;
	if (mask & CLONE_NEWUSER) {
		cred = vs_space_new_cred(space->cred);
		if (!cred)
			return -ENOMEM;
	}
	if (flags) {
		err = prepare_nsset(flags, &nsset);
		if (err)
			goto abort;
		for (int i = 0; i < VS_SPACE_TYPES; i++) {
			struct ns_common *ns;

			if (!(flags & vs_space_bits[i]))
				continue;
			ns = vs_space_common(space->ns[i], i);
			err = ns->ops->install(&nsset, ns);
			if (err) {
				put_nsset(&nsset);
				goto abort;
			}
		}
		commit_nsset(&nsset);
		perf_event_namespaces(current);
		put_nsset(&nsset);
	}
	if (mask & CLONE_FS) {
		struct fs_struct *old = switch_fs_struct(space->fs);

		space->fs = NULL;
		atomic_dec(&vs_space_fs);
		if (old)
			free_fs_struct(old);
	}
	if (cred)
		commit_creds(cred);
	return 0;

abort:
	if (cred)
		abort_creds(cred);
	return err;
}
EXPORT_SYMBOL_GPL(vs_space_enter);

/* Drops all members. May sleep. */
void vs_space_release(struct vs_space *space)
{
	for (int i = 0; i < VS_SPACE_TYPES; i++)
		vs_space_set_ns(space, i, NULL);
	vs_space_set_fs(space, NULL);
	vs_space_set_cred(space, NULL);
	space->mask = 0;
}
EXPORT_SYMBOL_GPL(vs_space_release);

/* The field of the stored host name namespace, NULL when there is none. */
static char *vs_space_name(const struct vs_space *space, u32 field)
{
	struct nsproxy *nsp = space->ns[VS_SPACE_UTS];
	struct new_utsname *name;

	if (!nsp)
		return NULL;
	name = &nsp->uts_ns->name;
	switch (field) {
	case 1:
		return name->sysname;
	case 2:
		return name->nodename;
	case 3:
		return name->release;
	case 4:
		return name->version;
	case 5:
		return name->machine;
	case 6:
		return name->domainname;
	}
	return NULL;
}

/**
 * vs_space_read_name() - read a name of the stored host name namespace
 * @space: the set, serialised by the caller.
 * @field: VHIN_* number, 1 to 6.
 * @name: __NEW_UTS_LEN + 1 bytes.
 *
 * Return: 0, -EINVAL for another field or when no such namespace is stored. May
 * sleep.
 */
int vs_space_read_name(const struct vs_space *space, u32 field, char *name)
{
	const char *from = vs_space_name(space, field);

	if (!from)
		return -EINVAL;
	guard(rwsem_read)(&uts_sem);
	memcpy(name, from, __NEW_UTS_LEN + 1);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_space_read_name);

/* As vs_space_read_name(), the other way; @name is terminated. */
int vs_space_write_name(const struct vs_space *space, u32 field,
			const char *name)
{
	char *to = vs_space_name(space, field);

	if (!to)
		return -EINVAL;
	guard(rwsem_write)(&uts_sem);
	memcpy(to, name, __NEW_UTS_LEN + 1);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_space_write_name);

/* The two lines of /proc/virtual/status about namespaces (proc.md). */
void vs_space_show(struct seq_file *m)
{
	static const int order[] = {
		VS_SPACE_MNT, VS_SPACE_UTS, VS_SPACE_IPC,
	};
	int bundles = 0;

	for (int i = 0; i < VS_SPACE_TYPES; i++)
		bundles += atomic_read(&vs_space_ns[i]);
	seq_printf(m, "#NSProxy:\t%d\t%d", bundles, atomic_read(&vs_space_fs));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		seq_printf(m, " %d", atomic_read(&vs_space_ns[order[i]]));
	seq_printf(m, " %d %d\n", atomic_read(&vs_space_cred),
		   atomic_read(&vs_space_ns[VS_SPACE_PID]));
	seq_printf(m, "#InitTask:\t%d\t%d %d\n",
		   refcount_read(&init_task.usage),
		   refcount_read(&init_nsproxy.count),
		   READ_ONCE(init_fs.users));
}

/*
 * One stored set, for /proc/virtual/<xid>/nsproxy (proc.md); nothing when it is
 * empty. Caller serialises access. May sleep.
 */
void vs_space_show_set(struct seq_file *m, const struct vs_space *space)
{
	const struct nsproxy *mnt = space->ns[VS_SPACE_MNT];
	const struct nsproxy *uts = space->ns[VS_SPACE_UTS];
	const struct nsproxy *ipc = space->ns[VS_SPACE_IPC];

	if (!space->mask)
		return;
	seq_printf(m, "NSProxy:\t%p [%p,%p,%p]\n", mnt ?: uts ?: ipc,
		   mnt ? mnt->mnt_ns : NULL, uts ? uts->uts_ns : NULL,
		   ipc ? ipc->ipc_ns : NULL);
	if (mnt)
		seq_printf(m, "Namespace:\t%p [#%u]\n", mnt->mnt_ns,
			   __ns_ref_read(from_mnt_ns(mnt->mnt_ns)));
	if (space->fs) {
		struct path root;

		get_fs_root(space->fs, &root);
		seq_puts(m, "RootPath:\t");
		seq_path(m, &root, " \t\n\\");
		seq_putc(m, '\n');
		path_put(&root);
	}
	if (uts) {
		const struct new_utsname *name = &uts->uts_ns->name;

		guard(rwsem_read)(&uts_sem);
		seq_printf(m, "SysName:\t%.*s\nNodeName:\t%.*s\n",
			   __NEW_UTS_LEN, name->sysname,
			   __NEW_UTS_LEN, name->nodename);
		seq_printf(m, "Release:\t%.*s\nVersion:\t%.*s\n",
			   __NEW_UTS_LEN, name->release,
			   __NEW_UTS_LEN, name->version);
		seq_printf(m, "Machine:\t%.*s\nDomainName:\t%.*s\n",
			   __NEW_UTS_LEN, name->machine,
			   __NEW_UTS_LEN, name->domainname);
	}
	if (ipc) {
		const struct ipc_namespace *ns = ipc->ipc_ns;

		seq_printf(m, "SEMS:\t\t%d %d %d %d  %d\n", ns->sem_ctls[0],
			   ns->sem_ctls[1], ns->sem_ctls[2], ns->sem_ctls[3],
			   ns->used_sems);
		seq_printf(m, "MSG:\t\t%d %d %d\n", ns->msg_ctlmax,
			   ns->msg_ctlmnb, ns->msg_ctlmni);
		seq_printf(m, "SHM:\t\t%lu %lu  %d %ld\n",
			   (unsigned long)ns->shm_ctlmax,
			   (unsigned long)ns->shm_ctlall, ns->shm_ctlmni,
			   ns->shm_tot);
	}
}
EXPORT_SYMBOL_GPL(vs_space_show_set);

static void vs_space_show_one(struct seq_file *m, const char *name,
			      const void *ns, const void *init)
{
	seq_printf(m, "%s:\t%p(%c)\n", name, ns, ns == init ? 'I' : '-');
}

/* /proc/<pid>/task/<tid>/nsproxy */
int proc_pid_nsproxy(struct seq_file *m, struct pid_namespace *ns,
		     struct pid *pid, struct task_struct *task)
{
	struct nsproxy *nsp;

	scoped_guard(task_lock, task) {
		nsp = task->nsproxy;
		if (nsp)
			get_nsproxy(nsp);
	}
	if (!nsp)
		return 0;
	vs_space_show_one(m, "Proxy", nsp, &init_nsproxy);
	/* Without the reference that is held here. */
	seq_printf(m, "Count:\t%u\n", refcount_read(&nsp->count) - 1);
	vs_space_show_one(m, "uts", nsp->uts_ns, init_nsproxy.uts_ns);
	vs_space_show_one(m, "ipc", nsp->ipc_ns, init_nsproxy.ipc_ns);
	vs_space_show_one(m, "mnt", nsp->mnt_ns, init_nsproxy.mnt_ns);
	vs_space_show_one(m, "pid", nsp->pid_ns_for_children,
			  init_nsproxy.pid_ns_for_children);
	vs_space_show_one(m, "net", nsp->net_ns, init_nsproxy.net_ns);
	put_nsproxy(nsp);
	return 0;
}
