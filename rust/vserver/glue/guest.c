// SPDX-License-Identifier: GPL-2.0
/*
 * The machine as a guest sees it: log, mount table, priorities, score.
 */
#include <linux/errno.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/syslog.h>
#include <linux/vserver.h>
#include <linux/wait.h>

static bool vs_current_flag(u64 flag)
{
	return atomic64_read(&vs_current_ctx()->obj.flags) & flag;
}

bool __vs_mounts_hidden(void)
{
	return vs_current_flag(VS_FLAG_HIDE_MOUNT);
}

bool __vs_show_root(struct seq_file *m, const struct path *root,
		    const struct vfsmount *mnt, const char *text)
{
	if (root->mnt != mnt)
		return false;
	seq_puts(m, text);
	return true;
}

/**
 * vs_syslog() - syslog() of a guest, whose log is its own and always empty
 * @type: SYSLOG_ACTION_*.
 * @restricted: the action needs CAP_SYSLOG.
 *
 * Return: as syslog() does for an empty log; -EPERM, -EINVAL for an unknown
 * action. May sleep.
 */
int vs_syslog(int type, bool restricted)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(never);

	if (restricted && !vs_capable(CAP_SYSLOG, VS_CCAP_SYSLOG))
		return -EPERM;
	switch (type) {
	case SYSLOG_ACTION_READ:
		/* Nothing will ever be written: only a signal ends this. */
		return wait_event_interruptible(never, false);
	case SYSLOG_ACTION_CLOSE:
	case SYSLOG_ACTION_OPEN:
	case SYSLOG_ACTION_READ_ALL:
	case SYSLOG_ACTION_READ_CLEAR:
	case SYSLOG_ACTION_CLEAR:
	case SYSLOG_ACTION_CONSOLE_OFF:
	case SYSLOG_ACTION_CONSOLE_ON:
	case SYSLOG_ACTION_CONSOLE_LEVEL:
	case SYSLOG_ACTION_SIZE_UNREAD:
	case SYSLOG_ACTION_SIZE_BUFFER:
		return 0;
	default:
		return -EINVAL;
	}
}

/* What the context of @p adds to its out-of-memory score. Caller holds RCU. */
long __vs_oom_bias(struct task_struct *p)
{
	const struct vs_ctx *ctx = READ_ONCE(p->vs.ctx);

	return ctx ? atomic64_read(&ctx->badness) : 0;
}

int __vs_nice_error(int err)
{
	return vs_current_flag(VS_FLAG_IGNEG_NICE) ? 0 : err;
}
