// SPDX-License-Identifier: GPL-2.0
/*
 * The helper program of the host, and reboot() of guests.
 *
 * The program runs as a task of the host. Who starts it waits for its end for a
 * limited time: a worker waits as long as the program runs, so a program that
 * hangs keeps a worker and nothing else.
 */
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kmod.h>
#include <linux/pid_namespace.h>
#include <linux/reboot.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/vserver.h>
#include <linux/workqueue.h>

/* How long the end of the program is waited for. */
#define VS_HELPER_SECONDS	30

/* Length of the path, terminator included. */
#define VS_HELPER_PATH		255

static char vs_helper_path[VS_HELPER_PATH] = "/sbin/vshelper";

/* A path that does not fit is refused and not cut. */
static int vs_helper_handler(const struct ctl_table *table, int write,
			     void *buffer, size_t *lenp, loff_t *ppos)
{
	const char *text = buffer;
	size_t len = *lenp;

	if (write && len && text[len - 1] == '\n')
		len--;
	if (write && len >= VS_HELPER_PATH)
		return -EINVAL;
	return proc_dostring(table, write, buffer, lenp, ppos);
}

static const struct ctl_table vs_helper_table[] = {
	{
		.procname = "vshelper",
		.data = vs_helper_path,
		.maxlen = sizeof(vs_helper_path),
		.mode = 0644,
		.proc_handler = vs_helper_handler,
	},
};

static struct ctl_table_header *vs_helper_header;

/* Makes kernel.vshelper: 0 or -ENOMEM. May sleep. */
int vs_helper_init(void)
{
	vs_helper_header = register_sysctl("kernel", vs_helper_table);
	return vs_helper_header ? 0 : -ENOMEM;
}

/* Removes it; waits for readers. May sleep. */
void vs_helper_exit(void)
{
	unregister_sysctl_table(vs_helper_header);
	vs_helper_header = NULL;
}

/* A run of the program; the caller and the worker each hold a reference. */
struct vs_helper {
	refcount_t refs;
	struct work_struct work;
	struct completion done;
	int mode;
	int result;
	char path[VS_HELPER_PATH];
	char id[12];
	char uid[24];
	char pid[24];
	char cmd[24];
	char *argv[4];
	char *envp[7];
};

static void vs_helper_put(struct vs_helper *helper)
{
	if (refcount_dec_and_test(&helper->refs))
		kfree(helper);
}

static void vs_helper_worker(struct work_struct *work)
{
	struct vs_helper *helper = container_of(work, struct vs_helper, work);

	helper->result = call_usermodehelper(helper->path, helper->argv,
					     helper->envp, helper->mode);
	complete(&helper->done);
	vs_helper_put(helper);
}

/**
 * vs_helper_run() - run the helper program
 * @action: what happened; constant text.
 * @id: context id or network context id.
 * @cmd: number of the event or command of reboot().
 * @mode: VS_HELPER_END to wait for its end; VS_HELPER_START to wait until it has
 *	started, for an action that the current task caused.
 *
 * Return: 0; the status of a program that has failed; -ETIMEDOUT when it does
 * not end; a negative error when it cannot be started. May sleep.
 */
int vs_helper_run(const char *action, u32 id, u32 cmd, u32 mode)
{
	struct vs_helper *helper = kzalloc(sizeof(*helper), GFP_KERNEL);
	int result = -ETIMEDOUT, n = 0;

	if (!helper)
		return -ENOMEM;
	refcount_set(&helper->refs, 2);
	init_completion(&helper->done);
	strscpy(helper->path, vs_helper_path);
	snprintf(helper->id, sizeof(helper->id), "%u", id);
	snprintf(helper->cmd, sizeof(helper->cmd), "VS_CMD=%08x", cmd);
	helper->mode = mode == VS_HELPER_END ? UMH_WAIT_PROC : UMH_WAIT_EXEC;
	helper->argv[0] = helper->path;
	helper->argv[1] = (char *)action;
	helper->argv[2] = helper->id;
	helper->envp[n++] = "HOME=/";
	helper->envp[n++] = "TERM=linux";
	helper->envp[n++] = "PATH=/sbin:/usr/sbin:/bin:/usr/bin";
	if (mode == VS_HELPER_START) {
		snprintf(helper->uid, sizeof(helper->uid), "VS_UID=%d",
			 from_kuid(&init_user_ns, current_uid()));
		snprintf(helper->pid, sizeof(helper->pid), "VS_PID=%d",
			 current->pid);
		helper->envp[n++] = helper->uid;
		helper->envp[n++] = helper->pid;
	}
	helper->envp[n] = helper->cmd;
	INIT_WORK(&helper->work, vs_helper_worker);
	queue_work(system_dfl_wq, &helper->work);
	/* Not even a killed task leaves early: it may be one that exits. */
	if (wait_for_completion_timeout(&helper->done, VS_HELPER_SECONDS * HZ))
		result = helper->result;
	vs_helper_put(helper);
	return result;
}
EXPORT_SYMBOL_GPL(vs_helper_run);

/* A guest that calls reboot() without end starts so many programs of the host at once. */
#define VS_REBOOT_BURST		5

/*
 * Waits until the context may start another program: one in a second, after a few. Return: 0
 * or -EINTR.
 */
static int vs_reboot_wait(struct vs_ctx *ctx)
{
	unsigned long next, now, begin;

	for (;;) {
		next = READ_ONCE(ctx->reboot_next);
		now = jiffies;
		begin = next && time_after(next, now) ? next : now;
		if (time_before_eq(begin, now + (VS_REBOOT_BURST - 1) * HZ)) {
			if (cmpxchg(&ctx->reboot_next, next, begin + HZ) == next)
				return 0;
			continue;
		}
		if (schedule_timeout_killable(begin - now - (VS_REBOOT_BURST - 1) * HZ))
			return -EINTR;
	}
}

/*
 * The pid namespace is one that the guest has made inside its own: it ends like every
 * other, and the guest goes on.
 */
static bool vs_reboot_nested(const struct vs_ctx *ctx, const struct pid_namespace *ns)
{
	int init = READ_ONCE(ctx->init_pid);

	if (ns == &init_pid_ns)
		return false;
	/* Both reapers are there as long as the current task, which they wait for. */
	if (READ_ONCE(READ_ONCE(ns->parent->child_reaper)->vs.ctx) == ctx)
		return true;
	return init && READ_ONCE(ns->child_reaper)->tgid != init;
}

/* What reboot_pid_ns() ends a namespace for; the rest it refuses. */
static bool vs_reboot_ends(u32 cmd)
{
	return cmd == LINUX_REBOOT_CMD_RESTART || cmd == LINUX_REBOOT_CMD_RESTART2 ||
	       cmd == LINUX_REBOOT_CMD_HALT || cmd == LINUX_REBOOT_CMD_POWER_OFF;
}

/* reboot() of a task in a context: 1 to go on with the rules of its namespace. */
int __vs_reboot(struct pid_namespace *ns, u32 cmd)
{
	struct vs_ctx *ctx = vs_current_ctx();
	const struct vs_ops *ops;
	int ret = -EPERM;

	if (vs_reboot_nested(ctx, ns))
		return 1;
	if (ns != &init_pid_ns && !vs_reboot_ends(cmd))
		return -EINVAL;
	if (vs_reboot_wait(ctx))
		return -EINTR;
	ops = vs_ops_get();
	if (ops) {
		ret = ops->reboot(ctx, cmd);
		vs_ops_put(ops);
	}
	if (ns == &init_pid_ns)
		return ret;
	/* In a pid namespace of its own the guest ends, whoever was told. */
	WRITE_ONCE(ctx->reboot_cmd, cmd);
	return 1;
}
