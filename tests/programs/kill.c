// SPDX-License-Identifier: GPL-2.0
/*
 * vkill and vwait: who gets a signal, what a waiter learns, and every way in
 * which either fails.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define XID		1070
#define MISSING		1079

/* --- contexts that are not there ------------------------------------------- */

static void missing(void)
{
	static const __u32 ids[] = { 0, 1, MISSING, VC_SAMECTX,
				     VC_DYNAMIC_XID };
	struct vcmd_wait_exit_v0 data = { 0x55, 0x55 };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		refused(ctx_kill(ids[i], 0, SIGKILL), ESRCH,
			"vkill: no such context");
		refused(ctx_kill(ids[i], getpid(), 0), ESRCH,
			"vkill: a process of the host in no such context");
		refused(wait_exit(ids[i], &data), ESRCH,
			"vwait: no such context");
	}
	check(data.reboot_cmd == 0x55 && data.exit_code == 0x55,
	      "nothing was written");
	refused(wait_exit(MISSING, NULL), ESRCH,
		"the context is looked for before the pointer");
}

/* --- signals --------------------------------------------------------------- */

static void leave(int sig)
{
	_exit(sig);
}

/*
 * A guest with a registered init and two more processes. Tells the pids, then
 * how the others ended.
 */
static int family(struct process *line, void *data)
{
	pid_t pids[2];
	int status;

	(void)data;
	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	must(!set_flags(VCMD_set_cflags, VC_SAMECTX, VXF_INFO_INIT,
			VXF_INFO_INIT), "its flags");
	signal(SIGUSR1, leave);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		must(pids[i] >= 0, "a process of the guest");
		if (!pids[i])
			return sleep_for_ever();
	}
	signal(SIGINT, leave);
	must(!set_flags(VCMD_set_cflags, VC_SAMECTX, 0,
			VXF_STATE_INIT | VXF_STATE_SETUP), "the init");
	say(line, pids[0]);
	say(line, pids[1]);
	while (waitpid(-1, &status, 0) > 0)
		say(line, status);
	return sleep_for_ever();
}

static void signals(void)
{
	struct process p = start(family, NULL);
	int first = hear(&p), second = hear(&p);

	check(first > 1 && second > 1, "a guest with three processes");
	works(ctx_kill(XID, 1, 0), "vkill: the init");
	works(ctx_kill(XID, p.pid, 0), "vkill: the init by its real pid");
	works(ctx_kill(XID, first, 0), "vkill: a process");
	works(ctx_kill(XID, 0, 0), "vkill: all");
	works(ctx_kill(XID, -1, 0), "vkill: all but the init");
	refused(ctx_kill(XID, getpid(), 0), ESRCH,
		"vkill: a process of the host");
	refused(ctx_kill(XID, 0x3fffffff, 0), ESRCH, "vkill: no process");
	refused(ctx_kill(XID, -5, 0), ESRCH, "vkill: a negative number");
	refused(ctx_kill(XID, 0, 65), EINVAL, "vkill: signal 65");
	refused(ctx_kill(XID, 0, -1), EINVAL, "vkill: signal -1");
	refused(vserver(VCMD_ctx_kill, XID, NULL), EFAULT, "vkill: no data");
	refused(kill(first, 0), ESRCH, "kill does not reach the guest");

	works(ctx_kill(XID, first, SIGUSR1), "vkill: USR1 to one");
	is_hex(hear(&p), SIGUSR1 << 8, "it has run its handler");
	works(ctx_kill(XID, -1, SIGTERM), "vkill: TERM to all but the init");
	is_hex(hear(&p), SIGTERM, "the other one has ended");
	refused(ctx_kill(XID, -1, SIGTERM), ESRCH, "nobody else is left");
	works(ctx_kill(XID, 1, 0), "the init lives");
	works(ctx_kill(XID, 1, SIGKILL), "vkill: KILL to the init");
	is(finish(&p), SIGKILL, "the init was killed");
	check(context_ends(XID), "the context is gone");
	refused(ctx_kill(XID, 1, SIGKILL), ESRCH, "vkill after the end");
}

/* Without STATE_ADMIN the host may only ask the init to end. */
static void without_admin(void)
{
	struct process p = start(family, NULL);
	int first = hear(&p), second = hear(&p);
	struct vcmd_wait_exit_v0 data;

	works(set_flags(VCMD_set_cflags, XID, 0, VXF_STATE_ADMIN),
	      "give the administration up");
	refused(set_flags(VCMD_set_cflags, XID, VXF_STATE_ADMIN,
			  VXF_STATE_ADMIN), EACCES, "it does not come back");
	refused(vserver(VCMD_ctx_migrate, XID, NULL), EACCES,
		"no way in any more");
	refused(ctx_kill(XID, first, SIGKILL), EACCES, "vkill: a process");
	refused(ctx_kill(XID, 0, SIGKILL), EACCES, "vkill: all");
	refused(ctx_kill(XID, -1, SIGKILL), EACCES,
		"vkill: all but the init");
	works(ctx_kill(XID, 1, SIGKILL), "vkill: KILL to the init");
	is_hex(finish(&p), SIGINT << 8, "the init got INT instead");
	refused(ctx_kill(XID, second, SIGKILL), EACCES,
		"vkill: a process, without an init");
	works(ctx_kill(XID, 0, SIGKILL), "vkill: all, without an init");
	if (wait_exit(XID, &data))
		is(errno, ESRCH, "it was gone before it was waited for");
	check(context_ends(XID), "the context is gone");
}

/* --- waiting --------------------------------------------------------------- */

/* Ends as it is told: a positive number is a status, a negative one a signal. */
static int ends(struct process *line, void *data)
{
	int how;

	(void)data;
	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	say(line, 0);
	how = hear(line);
	if (how < 0) {
		signal(-how, SIG_DFL);
		raise(-how);
	}
	return how;
}

/* Waits, tells the result, the errno and what was written. */
static int waiter(struct process *line, void *data)
{
	struct vcmd_wait_exit_v0 end = { 0x55, 0x55 };
	long result;

	(void)data;
	say(line, 0);
	result = wait_exit(XID, &end);
	say(line, result ? errno : 0);
	say(line, end.reboot_cmd);
	say(line, end.exit_code);
	return 0;
}

static void exit_codes(void)
{
	static const int how[][2] = {
		{ 0, 0 }, { 42, 42 << 8 }, { 255, 255 << 8 },
		{ -SIGTERM, SIGTERM }, { -SIGKILL, SIGKILL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		struct process guest = start(ends, NULL), one, two;

		is(hear(&guest), 0, "a guest");
		one = start(waiter, NULL);
		two = start(waiter, NULL);
		hear(&one);
		hear(&two);
		wait_asleep(one.pid);
		wait_asleep(two.pid);
		say(&guest, how[i][0]);
		is_hex(finish(&guest), how[i][1], "the guest has ended");
		is(hear(&one), 0, "vwait returns");
		is(hear(&one), 0, "vwait: no reboot");
		is_hex(hear(&one), how[i][1], "vwait: the exit code");
		is(hear(&two), 0, "a second vwait returns");
		is(hear(&two), 0, "a second vwait: no reboot");
		is_hex(hear(&two), how[i][1], "a second vwait: the exit code");
		is(finish(&one), 0, "vwait came to its end");
		is(finish(&two), 0, "a second vwait came to its end");
		check(!context_exists(XID), "the context was gone by then");
	}
}

/* The last one to exit counts, not the first process of the context. */
static int two_end(struct process *line, void *data)
{
	pid_t pid;

	(void)data;
	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	pid = fork();
	must(pid >= 0, "a second process");
	if (!pid) {
		say(line, 0);
		hear(line);
		return 9;
	}
	return 5;
}

static void last_one(void)
{
	struct process guest = start(two_end, NULL), p;

	is(hear(&guest), 0, "a guest with two processes");
	is_hex(waitpid(guest.pid, NULL, 0), guest.pid, "the first has ended");
	check(context_exists(XID), "the context has not");
	p = start(waiter, NULL);
	hear(&p);
	wait_asleep(p.pid);
	say(&guest, 0);
	is(hear(&p), 0, "vwait returns");
	is(hear(&p), 0, "vwait: no reboot");
	is_hex(hear(&p), 9 << 8, "vwait: the exit code of the last one");
	is(finish(&p), 0, "vwait came to its end");
	close(guest.in);
	close(guest.out);
}

static void ignore(int sig)
{
	(void)sig;
}

/* vwait --timeout: an alarm interrupts, the present values are written. */
static void interrupted(void)
{
	struct vcmd_wait_exit_v0 data = { 0x55, 0x55 };
	struct process guest = start(ends, NULL), p;

	is(hear(&guest), 0, "a guest");
	alarm_soon();
	refused(wait_exit(XID, &data), EINTR, "vwait: interrupted by an alarm");
	is(data.reboot_cmd, 0, "interrupted: no reboot");
	is(data.exit_code, 0, "interrupted: no exit code yet");
	alarm_soon();
	refused(wait_exit(XID, NULL), EFAULT, "interrupted: nowhere to write");
	alarm_after(0);
	check(context_exists(XID), "the context does not mind");

	/* A handler that asks for it lets the call go on. */
	signal(SIGALRM, SIG_DFL);
	signal(SIGUSR2, ignore);
	p = start(waiter, NULL);
	hear(&p);
	wait_asleep(p.pid);
	works(kill(p.pid, SIGUSR2), "interrupt a waiter that restarts");
	sleep_ms(50);
	wait_asleep(p.pid);
	say(&guest, 6);
	is(hear(&p), 0, "vwait: returned after the end");
	is(hear(&p), 0, "vwait: no reboot");
	is_hex(hear(&p), 6 << 8, "vwait: the exit code");
	is(finish(&p), 0, "vwait came to its end");
	is_hex(finish(&guest), 6 << 8, "the guest has ended");
}

/* A persistent context ends when it need not persist any more. */
static void persistent(void)
{
	struct process guest = start(ends, NULL), p;
	struct vcmd_ctx_stat_v0 stat = { 0 };

	is(hear(&guest), 0, "a guest");
	works(set_flags(VCMD_set_cflags, XID, VXF_PERSISTENT, VXF_PERSISTENT),
	      "make it persistent");
	say(&guest, 3);
	is_hex(finish(&guest), 3 << 8, "its last process has ended");
	check(context_exists(XID), "the context has not");
	works(vserver(VCMD_ctx_stat, XID, &stat), "ctx_stat");
	is(stat.tasks, 1, "persistence is a claim");
	refused(ctx_kill(XID, 0, SIGKILL), ESRCH, "vkill: nobody is there");
	p = start(waiter, NULL);
	hear(&p);
	wait_asleep(p.pid);
	works(set_flags(VCMD_set_cflags, XID, 0, VXF_PERSISTENT),
	      "let it end");
	is(hear(&p), 0, "vwait returns");
	is(hear(&p), 0, "vwait: no reboot");
	is_hex(hear(&p), 3 << 8, "vwait: the exit code of the last process");
	is(finish(&p), 0, "vwait came to its end");
	check(!context_exists(XID), "the context is gone");
}

/* While a guest is set up its id is busy, afterwards it exists. */
static int taken(struct process *line, void *data)
{
	(void)data;
	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	say(line, 0);
	hear(line);
	must(!set_flags(VCMD_set_cflags, VC_SAMECTX, 0, VXF_STATE_SETUP),
	     "the end of setup");
	say(line, 0);
	hear(line);
	return 0;
}

static void twice(void)
{
	struct process p = start(taken, NULL);

	is(hear(&p), 0, "a guest in setup");
	refused(ctx_create(XID, VXF_INIT_SET), EBUSY, "its id is busy");
	say(&p, 0);
	is(hear(&p), 0, "the setup has ended");
	refused(ctx_create(XID, VXF_INIT_SET), EEXIST, "its id exists");
	is(vserver(VCMD_task_xid, 0, NULL), 0, "the caller did not move");
	say(&p, 0);
	is(finish(&p), 0, "the guest has ended");
}

int main(void)
{
	begin();
	missing();
	signals();
	without_admin();
	exit_codes();
	last_one();
	interrupted();
	persistent();
	twice();
	return end();
}
