// SPDX-License-Identifier: GPL-2.0
/*
 * The helper program of the host, and reboot() in a guest that shares the pid
 * namespace of the host.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/reboot.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"
#include "support.h"

#define XID		1080
#define NID		1081
#define HELPER		"/proc/sys/kernel/vshelper"
#define DEFAULT_HELPER	"/sbin/vshelper"

/* Longest path that the sysctl takes. */
#define LONGEST		254

/* vattribute --secure, SYS_BOOT included. */
#define SECURE_BCAPS	0xFFFFFFFFB44C04FFULL

/* --- the records of the helper --------------------------------------------- */

/* The path that is set; it is what the program must find as its name. */
static char helper[LONGEST + 46];

static void set_helper(const char *path)
{
	snprintf(helper, sizeof(helper), "%s", path);
	must(write_text(HELPER, helper) == (ssize_t)strlen(helper),
	     "set the helper program");
}

static int count_records(const char *text)
{
	int count = 0;

	for (const char *at = text; (at = strstr(at, "\n" RECORD_END)); at++)
		count++;
	return count;
}

/* Takes that many records, or what has come after a few seconds. */
static void take(int count, char *text, size_t size)
{
	for (int i = 0; i < 500; i++) {
		if (read_text(RECORDS, text, size) > 0 &&
		    count_records(text) >= count)
			break;
		sleep_ms(10);
	}
	unlink(RECORDS);
}

/* The helper has not been called, and is not being called now. */
static void nothing(const char *what)
{
	char text[8192];

	sleep_ms(200);
	if (!check(read_text(RECORDS, text, sizeof(text)) < 0, "%s", what))
		note("%.200s", text);
	unlink(RECORDS);
}

/* A record as it must be; @more are the variables that not every one has. */
static int record(char *text, size_t size, const char *action, __u32 id,
		  const char *more, __u32 cmd, bool found)
{
	return snprintf(text, size,
			"arg %s\narg %s\narg %u\n"
			"env HOME=/\nenv TERM=linux\n"
			"env PATH=/sbin:/usr/sbin:/bin:/usr/bin\n"
			"%senv VS_CMD=%08x\n"
			"xid 0\nnid 0\nfound %s\n" RECORD_END,
			helper, action, id, more, cmd, found ? "yes" : "no");
}

/* Texts of several lines, compared line by line so that a note tells which. */
static void same_records(const char *got, const char *wanted, const char *what)
{
	size_t i = 0, line = 0;

	if (check(!strcmp(got, wanted), "%s", what))
		return;
	while (got[i] && got[i] == wanted[i]) {
		if (got[i++] == '\n')
			line = i;
	}
	note("got '%.*s', wanted '%.*s'", (int)strcspn(got + line, "\n"),
	     got + line, (int)strcspn(wanted + line, "\n"), wanted + line);
}

/* Whether the helper finds the object that it is told of. */
enum found {
	NOT_FOUND,
	FOUND,
	MAY_BE_FOUND,	/* nobody waits for its end */
};

static void told(const char *action, __u32 id, const char *more, __u32 cmd,
		 enum found found)
{
	char text[8192], wanted[2048], what[64];

	take(1, text, sizeof(text));
	if (found == MAY_BE_FOUND)
		found = strstr(text, "\nfound yes\n") ? FOUND : NOT_FOUND;
	record(wanted, sizeof(wanted), action, id, more, cmd, found);
	snprintf(what, sizeof(what), "the helper is told: %s", action);
	same_records(text, wanted, what);
}

/* --- the sysctl ------------------------------------------------------------ */

static void path_length(void)
{
	char directory[300], path[400], text[1024], other[300];
	ssize_t length;

	must(read_text(HELPER, text, sizeof(text)) > 0, "the helper program");
	is_text(text, DEFAULT_HELPER "\n", "the default");

	/* A real program under the longest path. */
	snprintf(directory, sizeof(directory), "/run/%0*d",
		 LONGEST - (int)strlen("/run//vshelper"), 0);
	snprintf(path, sizeof(path), "%s/vshelper", directory);
	must(strlen(path) == LONGEST, "a path of that length");
	must(!mkdir(directory, 0755), "its directory");
	must(!symlink(beside("vshelper"), path), "the program in it");
	set_helper(path);
	read_text(HELPER, text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	is_text(text, path, "254 characters come back");

	memset(other, 'x', sizeof(other));
	other[0] = '/';
	other[LONGEST + 1] = '\0';
	length = write_text(HELPER, other);
	note("a write of 255 characters: %zd", length);
	read_text(HELPER, text, sizeof(text));
	check(strcspn(text, "\n") <= LONGEST, "255 characters do not");
	set_helper(path);
}

static void remove_path(void)
{
	char directory[sizeof(helper)];

	strcpy(directory, helper);
	unlink(directory);
	*strrchr(directory, '/') = '\0';
	must(!rmdir(directory), "remove the long path");
}

/* --- startup, shutdown, netup, netdown ------------------------------------- */

/* Creates, tells how that went, ends when it is told. */
static int with_helper(struct process *line, void *data)
{
	bool net = data;
	struct vcmd_net_create create = {
		.flagword = NXF_INIT_SET | NXF_SC_HELPER,
	};
	long result;

	if (net)
		result = vserver(VCMD_net_create, NID, &create);
	else
		result = ctx_create(XID, VXF_INIT_SET | VXF_SC_HELPER);
	say(line, result < 0 ? errno : 0);
	say(line, vserver(net ? VCMD_task_nid : VCMD_task_xid, 0, NULL));
	hear(line);
	return 0;
}

/* Waits, tells whether the record of the shutdown was there by then. */
static int waiter(struct process *line, void *data)
{
	struct vcmd_wait_exit_v0 end;

	(void)data;
	say(line, 0);
	say(line, wait_exit(XID, &end) ? errno : 0);
	say(line, !access(RECORDS, F_OK));
	return 0;
}

static void events(void)
{
	struct process p = start(with_helper, NULL), w;

	is(hear(&p), 0, "create with SC_HELPER");
	is(hear(&p), XID, "the creator is in the context");
	told("startup", XID, "", VSC_STARTUP, FOUND);
	w = start(waiter, NULL);
	hear(&w);
	wait_asleep(w.pid);
	say(&p, 0);
	is(finish(&p), 0, "the context ends");
	is(hear(&w), 0, "wait_exit returns");
	is(hear(&w), 1, "the helper was told before");
	is(finish(&w), 0, "the waiter came to its end");
	told("shutdown", XID, "", VSC_SHUTDOWN, NOT_FOUND);

	p = start(with_helper, (void *)true);
	is(hear(&p), 0, "create a network context with SC_HELPER");
	is(hear(&p), NID, "the creator is in the network context");
	told("netup", NID, "", VSC_NETUP, FOUND);
	say(&p, 0);
	is(finish(&p), 0, "the network context ends");
	told("netdown", NID, "", VSC_NETDOWN, FOUND);
}

/* A helper that fails, or is not there. */
static void failures(const char *path, bool runs)
{
	struct vcmd_nx_info_v0 net;
	char text[8192], wanted[2048];
	struct process p;
	int n;

	set_helper(path);
	note("helper %s", path);
	p = start(with_helper, NULL);
	is(hear(&p), ENOEXEC, "create: the helper fails");
	is(hear(&p), 0, "the creator has not moved");
	refused(vserver(VCMD_vx_info, XID, &net), ESRCH, "nothing is left");
	say(&p, 0);
	is(finish(&p), 0, "the creator came to its end");
	if (runs) {
		take(1, text, sizeof(text));
		n = record(wanted, sizeof(wanted), "startup", XID, "",
			   VSC_STARTUP, true);
		/* It may be told that this context has ended, too. */
		if (count_records(text) > 1)
			record(wanted + n, sizeof(wanted) - n, "shutdown", XID,
			       "", VSC_SHUTDOWN, false);
		same_records(text, wanted, "it was told");
	}

	p = start(with_helper, (void *)true);
	is(hear(&p), ENOEXEC, "create a network context: the helper fails");
	is(hear(&p), 0, "its creator has not moved");
	refused(vserver(VCMD_nx_info, NID, &net), ESRCH, "nothing is left");
	say(&p, 0);
	is(finish(&p), 0, "its creator came to its end");
	if (runs) {
		take(1, text, sizeof(text));
		n = record(wanted, sizeof(wanted), "netup", NID, "", VSC_NETUP,
			   true);
		if (count_records(text) > 1)
			record(wanted + n, sizeof(wanted) - n, "netdown", NID,
			       "", VSC_NETDOWN, true);
		same_records(text, wanted, "it was told");
	}
}

/* --- reboot() -------------------------------------------------------------- */

/* What a guest is like. */
struct plan {
	__u64 flags;
	__u64 bcaps;
	uid_t uid;
};

/* Becomes another user and keeps what is needed to reboot. */
static void become(uid_t uid)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2] = {
		{ 1 << CAP_SYS_BOOT, 1 << CAP_SYS_BOOT, 0 },
	};

	must(!prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities");
	must(!setresuid(uid, uid, uid), "another user");
	must(!syscall(SYS_capset, &header, caps), "its capabilities");
}

static long call_reboot(__u32 magic, __u32 cmd)
{
	return syscall(SYS_reboot, magic, LINUX_REBOOT_MAGIC2, cmd, NULL);
}

/* No command of reboot(): the guest shall end. CAD_OFF is 0. */
#define NO_COMMAND	0x0badc0de

/* Is told commands, does them, tells the errno. */
static int guest(struct process *line, void *data)
{
	const struct plan *plan = data;
	int cmd;

	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	must(!set_flags(VCMD_set_bcaps, VC_SAMECTX, plan->bcaps, ~0ULL),
	     "its capabilities");
	must(!set_flags(VCMD_set_cflags, VC_SAMECTX, plan->flags,
			plan->flags | VXF_STATE_INIT | VXF_STATE_SETUP),
	     "its flags");
	if (plan->uid)
		become(plan->uid);
	say(line, getpid());
	while ((cmd = hear(line)) != NO_COMMAND)
		say(line, call_reboot(LINUX_REBOOT_MAGIC1, cmd) ? errno : 0);
	say(line, call_reboot(LINUX_REBOOT_MAGIC1 + 1,
			      LINUX_REBOOT_CMD_RESTART) ? errno : 0);
	return 4;
}

/* The present or last values of a context. */
static void reboot_is(__u32 cmd, const char *what)
{
	struct vcmd_wait_exit_v0 data = { 0 };

	/* Interrupted: the values are written all the same. */
	alarm_soon();
	refused(wait_exit(XID, &data), EINTR, "wait_exit is interrupted");
	alarm_after(0);
	is_hex((__u32)data.reboot_cmd, cmd, what);
}

static void commands(const struct plan *plan)
{
	static const struct {
		const char *action;
		__u32 cmd;
	} table[] = {
		{ "restart", LINUX_REBOOT_CMD_RESTART },
		{ "halt", LINUX_REBOOT_CMD_HALT },
		{ "poweroff", LINUX_REBOOT_CMD_POWER_OFF },
		{ "swsusp", LINUX_REBOOT_CMD_SW_SUSPEND },
		{ NULL, LINUX_REBOOT_CMD_CAD_ON },
		{ NULL, LINUX_REBOOT_CMD_CAD_OFF },
		{ NULL, LINUX_REBOOT_CMD_RESTART2 },
	};
	struct process p = start(guest, (void *)plan);
	struct vcmd_wait_exit_v0 end = { 0 };
	char more[64], what[64];

	is(hear(&p), plan->flags & VXF_INFO_INIT ? 1 : p.pid,
	   "the guest sees its pid");
	/* The helper gets the pid of the host. */
	snprintf(more, sizeof(more), "env VS_UID=%d\nenv VS_PID=%d\n",
		 plan->uid, p.pid);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		say(&p, table[i].cmd);
		snprintf(what, sizeof(what), "reboot(%#x) succeeds",
			 table[i].cmd);
		is(hear(&p), 0, what);
		if (table[i].action)
			told(table[i].action, XID, more, table[i].cmd, FOUND);
		else
			nothing("the helper is not told");
	}
	reboot_is(LINUX_REBOOT_CMD_RESTART2, "the last command, so far");

	say(&p, LINUX_REBOOT_CMD_HALT);
	is(hear(&p), 0, "reboot(HALT) once more");
	told("halt", XID, more, LINUX_REBOOT_CMD_HALT, FOUND);
	check(context_exists(XID), "the guest runs on");
	say(&p, NO_COMMAND);
	is(hear(&p), EINVAL, "a wrong magic number");
	is_hex(finish(&p), 4 << 8, "the guest has ended by itself");
	if (wait_exit(XID, &end))
		is(errno, ESRCH, "the context was gone");
	nothing("the helper is not told of the end without SC_HELPER");
}

/* wait_exit() tells the command with which the guest ended. */
static int last_command(struct process *line, void *data)
{
	struct vcmd_wait_exit_v0 end = { 0 };

	(void)data;
	say(line, 0);
	say(line, wait_exit(XID, &end) ? errno : 0);
	say(line, end.reboot_cmd);
	say(line, end.exit_code);
	return 0;
}

static void waited(bool kills)
{
	const struct plan plan = {
		.flags = VXF_INFO_INIT | (kills ? VXF_REBOOT_KILL : 0),
		.bcaps = SECURE_BCAPS,
	};
	int status = kills ? SIGKILL : 4 << 8;
	struct process p = start(guest, (void *)&plan), w;
	char more[64];

	hear(&p);
	w = start(last_command, NULL);
	hear(&w);
	wait_asleep(w.pid);
	snprintf(more, sizeof(more), "env VS_UID=0\nenv VS_PID=%d\n", p.pid);
	say(&p, LINUX_REBOOT_CMD_RESTART);
	if (!kills) {
		is(hear(&p), 0, "reboot(RESTART)");
		say(&p, NO_COMMAND);
		hear(&p);
	}
	is_hex(finish(&p), status, kills ?
	       "REBOOT_KILL: the guest is killed" : "the guest ends");
	told("restart", XID, more, LINUX_REBOOT_CMD_RESTART, MAY_BE_FOUND);
	is(hear(&w), 0, "wait_exit returns");
	is_hex((__u32)hear(&w), LINUX_REBOOT_CMD_RESTART,
	       "wait_exit: the command");
	is_hex(hear(&w), status, "wait_exit: the exit code");
	is(finish(&w), 0, "the waiter came to its end");
	check(context_ends(XID), "the context is gone");
}

/* No helper, or no right to reboot: nothing is stored. */
static void refusals(void)
{
	struct plan plan = { .flags = VXF_INFO_INIT, .bcaps = SECURE_BCAPS };
	struct process p;

	set_helper("/run/there-is-no-helper");
	p = start(guest, &plan);
	hear(&p);
	say(&p, LINUX_REBOOT_CMD_RESTART);
	is(hear(&p), EPERM, "reboot(RESTART) without a helper program");
	reboot_is(0, "it does not count");
	say(&p, LINUX_REBOOT_CMD_CAD_OFF);
	is(hear(&p), 0, "reboot(CAD_OFF) needs none");
	reboot_is(LINUX_REBOOT_CMD_CAD_OFF, "it counts");
	say(&p, NO_COMMAND);
	hear(&p);
	is_hex(finish(&p), 4 << 8, "the guest has ended");

	set_helper(beside("vshelper"));
	plan.bcaps &= ~(1ULL << CAP_SYS_BOOT);
	p = start(guest, &plan);
	hear(&p);
	say(&p, LINUX_REBOOT_CMD_RESTART);
	is(hear(&p), EPERM, "reboot(RESTART) without SYS_BOOT");
	reboot_is(0, "it does not count");
	nothing("the helper is not told");
	say(&p, NO_COMMAND);
	hear(&p);
	is_hex(finish(&p), 4 << 8, "the guest has ended");
}

int main(void)
{
	const struct plan legacy = {
		.flags = VXF_INFO_INIT,
		.bcaps = SECURE_BCAPS,
	};
	const struct plan plain = { .bcaps = SECURE_BCAPS };
	const struct plan user = {
		.flags = VXF_INFO_INIT,
		.bcaps = SECURE_BCAPS,
		.uid = 1000,
	};

	begin();
	unlink(RECORDS);
	path_length();
	events();
	remove_path();

	unlink("/run/vshelper-fails");
	must(!symlink(beside("vshelper"), "/run/vshelper-fails"),
	     "a helper that fails");
	failures("/run/vshelper-fails", true);
	failures("/run/there-is-no-helper", false);

	set_helper(beside("vshelper"));
	commands(&legacy);
	commands(&plain);
	commands(&user);
	waited(false);
	waited(true);
	refusals();
	set_helper(DEFAULT_HELPER);
	return end();
}
