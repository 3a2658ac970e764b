// SPDX-License-Identifier: GPL-2.0
/*
 * What runs in the guest that start.c makes: its init, and processes that
 * entered it. The pid namespace is that of the host.
 *
 *	inside init REAL-PID IN OUT	checks, then sleeps until SIGINT
 *	inside entered IN OUT		checks, waits to be looked at
 *	inside uts ERRNO		sethostname() must end like this
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "support.h"

/* Directories of processes in /proc, but those of @known. */
static int strangers(const pid_t *known, int count)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	must(dir, "/proc");
	while ((entry = readdir(dir))) {
		int pid = atoi(entry->d_name), i;

		if (pid <= 0)
			continue;
		for (i = 0; i < count && known[i] != pid; i++)
			;
		if (i == count) {
			note("/proc lists %s", entry->d_name);
			found++;
		}
	}
	closedir(dir);
	return found;
}

static void no_vserver(void)
{
	__u64 value, mask;

	refused(vserver(VCMD_get_version, 63, NULL), ENOSYS,
		"inside: get_version");
	refused(vserver(VCMD_get_vci, 0, NULL), ENOSYS, "inside: get_vci");
	refused(vserver(VCMD_task_xid, 0, NULL), ENOSYS, "inside: task_xid");
	refused(get_flags(VCMD_get_cflags, VC_SAMECTX, &value, &mask), ENOSYS,
		"inside: get_cflags of the own context");
	refused(vserver(VCMD_ctx_migrate, 1, NULL), ENOSYS,
		"inside: become the spectator");
	refused(ctx_create(4711, VXF_INIT_SET), ENOSYS,
		"inside: create a context");
}

/* Refused, or not there at all where entries of /proc are hidden. */
static void no_write(const char *path, const char *text)
{
	ssize_t result = write_text(path, text);

	if (result == -1 && errno == ENOENT)
		check(true, "inside: no %s", path);
	else
		check(result == -1 && errno == EACCES,
		      "inside: write to %s", path);
}

static void has_text(const char *path, const char *want)
{
	char text[64];

	must(read_text(path, text, sizeof(text)) >= 0, path);
	is_text(text, want, path);
}

static void masked(void)
{
	refused(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM,
		"inside: mount");
	refused(mknod("/tmp/sda", S_IFBLK | 0600, 0x0800), EPERM,
		"inside: make a device");
	no_write("/proc/sys/kernel/vshelper", "/x");
	no_write("/proc/sys/kernel/panic", "100");
	/* Of its own IPC namespace, as set while it was made. */
	has_text("/proc/sys/kernel/shmmni", "123\n");
	check(write_text("/proc/sys/kernel/shmmni", "100") == 3,
	      "inside: write to a variable of its own");
	has_text("/proc/sys/kernel/shmmni", "100\n");
}

static void names(void)
{
	struct utsname uts;

	must(!uname(&uts), "uname");
	is_text(uts.sysname, GUEST_SYSNAME, "inside: sysname");
	is_text(uts.nodename, GUEST_NODENAME, "inside: nodename");
	is_text(uts.release, GUEST_RELEASE, "inside: release");
	is_text(uts.version, GUEST_VERSION, "inside: version");
	is_text(uts.machine, GUEST_MACHINE, "inside: machine");
	is_text(uts.domainname, GUEST_DOMAINNAME, "inside: domainname");
}

/* One field of /proc/<pid>/status as a number. */
static long long status_of(const char *pid, const char *field)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	return field_number(text, field);
}

static void pid_one(pid_t real)
{
	char path[64], text[1024];
	const pid_t known[] = { 1 };
	ssize_t length;

	check(real > 1, "the init shares the pid namespace of the host");
	is(getpid(), 1, "init: getpid");
	is(syscall(SYS_gettid), 1, "init: gettid");
	works(kill(1, 0), "init: kill pid 1 with signal 0");
	refused(kill(real, 0), ESRCH, "init: its real pid is nobody");

	length = readlink("/proc/self", path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	is_text(path, "1", "init: /proc/self");
	length = readlink("/proc/thread-self", path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	is_text(path, "1/task/1", "init: /proc/thread-self");
	works(access("/proc/1/stat", F_OK), "init: /proc/1");
	snprintf(path, sizeof(path), "/proc/%d", real);
	refused(access(path, F_OK), ENOENT, "init: /proc has no real pid");
	snprintf(path, sizeof(path), "/proc/1/task/%d", real);
	refused(access(path, F_OK), ENOENT, "init: nor has /proc/1/task");
	read_text("/proc/self/stat", text, sizeof(text));
	is(atoi(text), 1, "init: pid in /proc/self/stat");
	is(status_of("1", "Pid"), 1, "init: Pid in its status");
	is(status_of("1", "PPid"), 0, "init: PPid in its status");
	is(status_of("1", "VxID"), GUEST_XID, "init: VxID in its status");
	is(status_of("1", "NxID"), GUEST_NID, "init: NxID in its status");
	is(strangers(known, 1), 0, "init: /proc lists nobody else");
	read_text("/proc/self/vinfo", text, sizeof(text));
	is(field_number(text, "XID"), GUEST_XID, "init: XID in vinfo");
	is(field_number(text, "CIPid"), real, "init: CIPid in vinfo");
	read_text("/proc/self/ninfo", text, sizeof(text));
	is(field_number(text, "NID"), GUEST_NID, "init: NID in ninfo");
}

/* Who looks for the contexts in /proc finds the own one. */
static void contexts(void)
{
	char own[16];
	int others = 0, found = 0;
	DIR *dir = opendir("/proc/virtual");
	struct dirent *entry;

	if (!dir) {
		check(errno == ENOENT, "inside: /proc/virtual can be hidden");
		return;
	}
	snprintf(own, sizeof(own), "%d", GUEST_XID);
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, own))
			found++;
		else if (atoi(entry->d_name))
			others++;
	}
	closedir(dir);
	is(found, 1, "inside: /proc/virtual lists the own context");
	is(others, 0, "inside: /proc/virtual lists no other context");
}

/* Tells its parent's pid once its first parent is gone. */
static int orphan(struct process *line)
{
	for (int i = 0; i < 500 && getppid() != 1; i++)
		sleep_ms(10);
	say(line, getppid());
	return 0;
}

static volatile pid_t sender;

static void remember(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	sender = info->si_pid;
}

static int child(struct process *line, void *data)
{
	struct sigaction action = {
		.sa_sigaction = remember,
		.sa_flags = SA_SIGINFO,
	};
	const pid_t known[] = { 1, getpid() };
	sigset_t blocked, free;

	(void)data;
	check(getpid() > 1, "a child of init has its real pid");
	is(getppid(), 1, "its parent is 1");
	is(strangers(known, 2), 0, "it sees itself and init in /proc");
	is(status_of("self", "PPid"), 1, "its PPid is 1");
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &free);
	say(line, 0);
	sigsuspend(&free);
	is(sender, 1, "a signal of init comes from 1");

	/* init has no handler for either. */
	works(kill(1, SIGTERM), "SIGTERM to init is accepted");
	works(kill(1, SIGKILL), "SIGKILL to init is accepted");
	refused(kill(-1, SIGKILL), ESRCH,
		"kill(-1) finds neither init nor anybody outside");

	if (!fork())
		_exit(orphan(line));
	return 7;
}

static void family(void)
{
	struct process p = start(child, NULL);
	int status = 0;

	is(hear(&p), 0, "the child is there");
	works(kill(p.pid, SIGUSR1), "init signals its child");
	is(waitpid(p.pid, &status, 0), p.pid, "init waits for its child");
	is_hex(status, 0x700, "the status of the child");
	is(hear(&p), 1, "an orphan is given to init");
	close(p.in);
	close(p.out);
	check(waitpid(-1, &status, 0) > 1, "init waits for the orphan");
	refused(waitpid(-1, &status, WNOHANG), ECHILD, "nobody is left");
}

static void stop(int sig)
{
	(void)sig;
	_exit(GUEST_INIT_STATUS);
}

/* The service of the guest, which does not end by itself. */
static void service(void)
{
	if (fork())
		return;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sleep_for_ever();
}

static int init(pid_t real, struct process *line)
{
	pid_one(real);
	family();
	names();
	contexts();
	no_vserver();
	masked();
	signal(SIGINT, stop);
	service();
	say(line, 0);
	close(line->in);
	close(line->out);
	return sleep_for_ever();
}

static int entered(struct process *line)
{
	char path[PATH_MAX];

	check(getpid() > 1, "entered: has its real pid");
	works(access("/" GUEST_MARK, F_OK), "entered: the root of the guest");
	refused(access("/run", F_OK), ENOENT, "entered: not that of the host");
	must(getcwd(path, sizeof(path)), "getcwd");
	is_text(path, "/", "entered: working directory");
	names();
	works(kill(1, 0), "entered: pid 1 is the init of the guest");
	is(status_of("1", "VxID"), GUEST_XID, "entered: VxID of pid 1");
	is(status_of("self", "VxID"), GUEST_XID, "entered: VxID");
	is(status_of("self", "NxID"), GUEST_NID, "entered: NxID");
	no_vserver();
	say(line, 0);
	hear(line);
	return 0;
}

static int uts(int wanted)
{
	if (wanted) {
		refused(sethostname("other", 5), wanted, "sethostname");
		refused(setdomainname("other", 5), wanted, "setdomainname");
	} else {
		works(sethostname(GUEST_NODENAME, strlen(GUEST_NODENAME)),
		      "sethostname");
		works(setdomainname(GUEST_DOMAINNAME,
				    strlen(GUEST_DOMAINNAME)),
		      "setdomainname");
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct process line = { 0 };

	begin();
	if (argc == 5 && !strcmp(argv[1], "init")) {
		line.in = atoi(argv[3]);
		line.out = atoi(argv[4]);
		return init(atoi(argv[2]), &line);
	}
	if (argc == 4 && !strcmp(argv[1], "entered")) {
		line.in = atoi(argv[2]);
		line.out = atoi(argv[3]);
		return entered(&line);
	}
	if (argc == 3 && !strcmp(argv[1], "uts"))
		return uts(atoi(argv[2]));
	fputs("this program is started by others\n", stderr);
	return 2;
}
