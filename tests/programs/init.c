// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test machine: runs every program in every build and tells over a
 * virtio port what came out. The last line is the summary; without it the run
 * has failed.
 *
 * After each program five checks are made that it cannot influence: it came to
 * its end, no context is left, no object waits to be freed, no process is left,
 * and the kernel log has no report.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#define PROGRAMS	"/programs"
#define MODULE		"/lib/vserver.ko"
#define HELPER		"/proc/sys/kernel/vshelper"

/* How long one program may run, and what it leaves may stay. */
#define PROGRAM_SECONDS	120
#define REST_MS		5000

/* Of the command line: run some programs only. */
#define ONLY		"programs.only="

static const char *const builds[] = {
	"x86_64-static", "x86_64-dynamic", "i386-static", "i386-dynamic",
};

static const char *const programs[] = {
	"probe", "start", "stat", "kill", "reboot", "layout",
};

/* Texts that the kernel writes when it is broken. */
static const char *const reports[] = {
	"WARNING: ", "BUG: ", "kernel BUG at ", "Oops: ", "Oops[",
	"Internal error: ", "KASAN: ", "KCSAN: ", "KFENCE: ", "UBSAN: ",
	"possible circular locking", "possible recursive locking",
	"possible irq lock inversion", "inconsistent lock state",
	"bad unlock balance", "Invalid wait context",
	"lock held when returning to user space", "suspicious RCU usage",
	"scheduling while atomic", "INFO: task ", "detected stalls on CPUs",
	"refcount_t: ", "ODEBUG: ", "rust_kernel: panicked",
};

static int port = -1;
static int kernel_log = -1;

/* Of the test that runs: its checks, and how many have failed. */
static int checks, failed;

/* Of all tests. */
static int passes, fails;

static void tell(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(port, line, length) != length)
		perror("init: verdict");
}

static void subcheck(bool passed, const char *what)
{
	checks++;
	failed += !passed;
	tell("    %s %d %s", passed ? "ok" : "not ok", checks, what);
}

/* --- the machine ----------------------------------------------------------- */

/* Ends the machine: without a verdict the run has failed. */
static void leave(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	sleep_for_ever();
}

static void step(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
	leave();
}

static bool mount_on(const char *type, const char *path, const char *data)
{
	return (!mkdir(path, 0755) || errno == EEXIST) &&
	       !mount(type, path, type, 0, data);
}

/* The initramfs cannot be pivoted away from: a tmpfs becomes the root. */
static void set_up(void)
{
	step(mount_on("tmpfs", "/new", "mode=755"), "a new root");
	step(!mkdir("/new" PROGRAMS, 0755) &&
	     !mount(PROGRAMS, "/new" PROGRAMS, NULL, MS_BIND, NULL),
	     "the programs");
	step(!mkdir("/new/lib", 0755) &&
	     !mount("/lib", "/new/lib", NULL, MS_BIND, NULL), "the module");
	step(!chdir("/new") && !mount(".", "/", NULL, MS_MOVE, NULL) &&
	     !chroot(".") && !chdir("/"), "the new root");
	step(mount_on("proc", "/proc", NULL), "/proc");
	step(mount_on("sysfs", "/sys", NULL), "/sys");
	step(mount_on("devtmpfs", "/dev", NULL), "/dev");
	step(mount_on("tmpfs", "/run", "mode=755"), "/run");
	step(mount_on("tmpfs", "/tmp", "mode=1777"), "/tmp");
}

static void open_port(void)
{
	port = verdict_port();
	step(port >= 0, "the port of the verdict");
}

static bool load_module(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	long result;

	if (fd < 0)
		return errno == ENOENT;
	result = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return !result || errno == EEXIST;
}

/* --- the kernel log -------------------------------------------------------- */

/* Reads what is new; true when there is no report in it. */
static bool log_clean(void)
{
	char record[8192];
	ssize_t length;
	bool clean = true;

	for (;;) {
		length = read(kernel_log, record, sizeof(record) - 1);
		if (length < 0 && errno == EPIPE)
			continue;
		if (length <= 0)
			return clean;
		record[length] = '\0';
		/* The facility is that of the kernel. */
		if (atoi(record) >> 3)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
			if (!strstr(record, reports[i]))
				continue;
			record[strcspn(record, "\n")] = '\0';
			tell("    # %.300s", record);
			clean = false;
			break;
		}
	}
}

/* --- what a program leaves behind ------------------------------------------ */

/* Calls @each for the number of every directory; how many there are. */
static int numbers(const char *path, bool (*each)(int number))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    each(atoi(entry->d_name)))
			count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

static bool count_all(int number)
{
	(void)number;
	return true;
}

static bool end_context(int xid)
{
	set_flags(VCMD_set_cflags, xid, 0, VXF_PERSISTENT | VXF_SC_HELPER);
	ctx_kill(xid, 1, SIGKILL);
	ctx_kill(xid, 0, SIGKILL);
	return true;
}

static bool end_network(int nid)
{
	set_flags(VCMD_set_nflags, nid, 0, NXF_PERSISTENT | NXF_SC_HELPER);
	return true;
}

/* Neither ours nor a thread of the kernel nor one that it has started. */
static bool is_rest(int pid)
{
	char path[64], text[1024], *rest;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (pid <= 2 || read_text(path, text, sizeof(text)) <= 0)
		return false;
	rest = strrchr(text, ')');
	return rest && sscanf(rest + 2, "%*c %d", &parent) == 1 && parent != 2;
}

static bool tell_rest(int pid)
{
	char path[64], name[64];

	if (!is_rest(pid))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	read_text(path, name, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	tell("    # process %d: %s", pid, name);
	return true;
}

static long long objects(const char *path)
{
	char text[512];

	return read_text(path, text, sizeof(text)) > 0 ?
		field_number(text, "#CTotal") : -1;
}

/*
 * Collects processes that became children of PID 1; one that somebody else
 * waits for is left alone. As long as they are zombies they hold what they had.
 */
static void reap(pid_t spared)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info,
			   WEXITED | WNOHANG | WNOWAIT | __WALL) ||
		    !info.si_pid || info.si_pid == spared)
			return;
		waitpid(info.si_pid, NULL, __WALL);
	}
}

static void look_for_rest(void)
{
	int contexts = 0, networks = 0, processes = 0;
	long long ctx = 0, net = 0;

	for (int i = 0; i < REST_MS / 20; i++) {
		reap(0);
		contexts = numbers("/proc/virtual", count_all);
		networks = numbers("/proc/virtnet", count_all);
		processes = numbers("/proc", is_rest);
		ctx = objects("/proc/virtual/status");
		net = objects("/proc/virtnet/status");
		if (!contexts && !networks && !processes && !ctx && !net)
			break;
		sleep_ms(20);
	}
	subcheck(!contexts && !networks, "no context is left");
	subcheck(!ctx && !net, "no object waits to be freed");
	numbers("/proc", tell_rest);
	subcheck(!processes, "no process is left");
}

/* The next program starts from nothing. */
static void sweep(void)
{
	numbers("/proc/virtual", end_context);
	numbers("/proc/virtnet", end_network);
	/* From PID 1 this reaches every other process of the host. */
	kill(-1, SIGKILL);
	write_text(HELPER, "/sbin/vshelper");
	sleep_ms(50);
	reap(0);
}

/* --- running a program ----------------------------------------------------- */

/* A line of a program: passed on, but the plan, which is ours to tell. */
static void take_line(const char *line, int *plan)
{
	if (!strncmp(line, "1..", 3)) {
		*plan = atoi(line + 3);
		return;
	}
	checks += !strncmp(line, "ok ", 3);
	if (!strncmp(line, "not ok ", 7)) {
		checks++;
		failed++;
	}
	tell("    %s", line);
}

/* The process has ended; it is not collected. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid == pid;
}

/*
 * Reads lines until the plan has come or the program has ended, whoever still
 * holds its output. False when the time is over.
 */
static bool read_lines(int fd, pid_t pid, int *plan)
{
	time_t over = time(NULL) + PROGRAM_SECONDS;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char buffer[4096];
	size_t length = 0;

	for (;;) {
		ssize_t got;
		char *end;

		if (poll(&wait, 1, 20) <= 0) {
			reap(pid);
			/* What it wrote at last may have come since. */
			if (has_ended(pid) && poll(&wait, 1, 0) <= 0)
				return true;
			if (time(NULL) >= over)
				return false;
			continue;
		}
		got = read(fd, buffer + length, sizeof(buffer) - 1 - length);
		if (got <= 0)
			return true;
		length += got;
		buffer[length] = '\0';
		while ((end = strchr(buffer, '\n'))) {
			*end++ = '\0';
			take_line(buffer, plan);
			length -= end - buffer;
			memmove(buffer, end, length + 1);
		}
		if (*plan >= 0)
			return true;
	}
}

static void run(const char *program, const char *build)
{
	char path[128], name[64];
	int fds[2], status = -1, plan = -1;
	bool in_time;
	pid_t pid;

	snprintf(path, sizeof(path), PROGRAMS "/%s/%s", build, program);
	snprintf(name, sizeof(name), "%s:%s", program, build);
	tell("    # Subtest: %s", name);
	checks = 0;
	failed = 0;
	step(!pipe2(fds, O_CLOEXEC), "a pipe");
	pid = fork();
	step(pid >= 0, "a child");
	if (!pid) {
		setsid();
		dup2(fds[1], STDOUT_FILENO);
		execl(path, program, NULL);
		_exit(127);
	}
	close(fds[1]);
	in_time = read_lines(fds[0], pid, &plan);
	if (!in_time) {
		tell("    # killed after %d s", PROGRAM_SECONDS);
		kill(-pid, SIGKILL);
	}
	waitpid(pid, &status, 0);
	close(fds[0]);
	if (plan != checks || status & 0x7f)
		tell("    # plan %d, checks %d, status %#x", plan, checks,
		     status);
	subcheck(plan == checks && (status == 0 || (status == 0x100 && failed)),
		 "the program came to its end");
	look_for_rest();
	subcheck(log_clean(), "the kernel log has no report");
	sweep();
	tell("    1..%d", checks);
	*(failed ? &fails : &passes) += 1;
	tell("%s %d %s", failed ? "not ok" : "ok", passes + fails, name);
}

static void boot(void)
{
	tell("    # Subtest: boot");
	subcheck(load_module(), "the core is there");
	subcheck(vserver(VCMD_get_version, 63, NULL) > 0, "vserver() answers");
	subcheck(log_clean(), "the kernel log has no report");
	tell("    1..%d", checks);
	*(failed ? &fails : &passes) += 1;
	tell("%s 1 boot", failed ? "not ok" : "ok");
}

/* The list of names on the command line has this one, or there is no list. */
static bool wanted(const char *name, const char *only)
{
	size_t length = strlen(name);

	if (!only)
		return true;
	for (const char *at = only; (at = strstr(at, name)); at++) {
		if ((at == only || at[-1] == ',') &&
		    (!at[length] || at[length] == ','))
			return true;
	}
	return false;
}

int main(void)
{
	char line[4096], *only;
	int count = 0;

	set_up();
	open_port();
	kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	step(kernel_log >= 0, "the kernel log");
	step(read_text("/proc/cmdline", line, sizeof(line)) > 0,
	     "the command line");
	only = strstr(line, ONLY);
	if (only) {
		only += strlen(ONLY);
		only[strcspn(only, " \n")] = '\0';
	}
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		count += wanted(programs[i], only);
	tell("KTAP version 1");
	tell("1..%d", 1 + count * (int)ARRAY_SIZE(builds));
	boot();
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (!wanted(programs[i], only))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(builds); k++)
			run(programs[i], builds[k]);
	}
	tell("# summary: pass=%d fail=%d skip=0", passes, fails);
	fsync(port);
	leave();
	return 0;
}
