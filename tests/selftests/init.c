// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the machine for the kernel's own network selftests: runs each case of
 * a list, on the host or each in a guest of its own, and hands everything that a
 * program says and how it ended to a virtio port. It judges nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#define CASES		"/selftests/cases"
#define GUEST		"selftests.place=guest"
#define CASE_SECONDS	120
#define WORDS		32
#define FIRST_XID	100

/* What a guest may call its own; the machine has them too. */
static const char *const addresses4[] = { "10.0.0.1", "172.16.0.1" };
static const char *const addresses6[] = { "fd00::1", "2001:db8:1::1" };

static int port;
static int seconds;
static bool in_guest;
static char lines[65536];

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

static bool mount_on(const char *type, const char *path)
{
	return (!mkdir(path, 0755) || errno == EEXIST) &&
	       !mount(type, path, type, 0, NULL);
}

static void tell(const char *text)
{
	size_t length = strlen(text);

	step(write(port, text, length) == (ssize_t)length, "tell");
}

/* Makes the caller the only task of a new guest with addresses. */
static bool become_guest(int id)
{
	if (vserver(VCMD_net_create, id, NULL) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(addresses4); i++) {
		struct vcmd_net_addr_ipv4_v2 data = {
			.type = NXA_TYPE_ADDR,
			.mask = htonl(0xffffff00),
		};

		inet_pton(AF_INET, addresses4[i], &data.ip);
		if (vserver(VCMD_net_add_ipv4, id, &data) < 0)
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(addresses6); i++) {
		struct vcmd_net_addr_ipv6_v1 data = {
			.type = NXA_TYPE_ADDR,
			.prefix = 64,
		};

		inet_pton(AF_INET6, addresses6[i], data.ip);
		memset(data.mask, 0xff, sizeof(data.mask));
		if (vserver(VCMD_net_add_ipv6, id, &data) < 0)
			return false;
	}
	return ctx_create(id, VXF_INIT_SET) >= 0 &&
	       set_flags(VCMD_set_cflags, id, 0,
			 VXF_STATE_SETUP | VXF_STATE_INIT) >= 0;
}

/*
 * Words "file=value" before the program are sysctls of the network, with commas
 * for blanks; @old gets what was there. "seconds=number" is how long the case may
 * take.
 */
static int set_sysctls(char **words, char old[WORDS][256], bool restore)
{
	char path[512];
	int n = 0;

	for (; words[n] && strchr(words[n], '='); n++) {
		char *value = strchr(words[n], '=');

		*value = '\0';
		snprintf(path, sizeof(path), "/proc/sys/net/%s", words[n]);
		*value++ = '=';
		if (!strncmp(words[n], "seconds=", 8)) {
			seconds = atoi(value);
			continue;
		}
		if (!restore && read_text(path, old[n], 256) <= 0)
			old[n][0] = '\0';
		for (char *c = value; *c; c++) {
			if (*c == ',')
				*c = ' ';
		}
		write_text(path, restore ? old[n] : value);
	}
	return n;
}

static pid_t spawn(int id, char **words, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	dup2(out, 1);
	dup2(out, 2);
	if (in_guest && !become_guest(id)) {
		dprintf(2, "no guest: %s\n", strerror(errno));
		_exit(126);
	}
	execv(words[0], words);
	dprintf(2, "%s: %s\n", words[0], strerror(errno));
	_exit(127);
}

static long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Passes on what is said until @pid has ended or time is up; its status. */
static const char *follow(int id, pid_t pid, int in)
{
	static char result[32];
	long end = now_ms() + seconds * 1000L;
	char text[4096];
	int status = 0;
	bool ended = false;
	bool late = false;

	for (;;) {
		struct pollfd poll_in = { .fd = in, .events = POLLIN };
		ssize_t length = 0;

		if (poll(&poll_in, 1, 100) > 0)
			length = read(in, text, sizeof(text) - 1);
		if (length > 0) {
			text[length] = '\0';
			tell(text);
			continue;
		}
		/* Nothing more was said after its end. */
		if (ended)
			break;
		ended = waitpid(pid, &status, WNOHANG) == pid;
		if (!ended && now_ms() > end) {
			late = true;
			if (in_guest)
				ctx_kill(id, 0, SIGKILL);
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			ended = true;
		}
	}
	if (late)
		return "timeout";
	if (WIFSIGNALED(status))
		snprintf(result, sizeof(result), "signal-%d", WTERMSIG(status));
	else
		snprintf(result, sizeof(result), "%d", WEXITSTATUS(status));
	return result;
}

static void run_case(int number, char *line)
{
	char *words[WORDS + 1] = { 0 }, *name = strsep(&line, ":");
	static char old[WORDS][256];
	char text[512];
	int ends[2], count = 0, sysctls;
	const char *result;
	pid_t pid;

	for (char *word; count < WORDS && (word = strsep(&line, " \t"));) {
		if (*word)
			words[count++] = word;
	}
	step(!pipe2(ends, O_CLOEXEC | O_NONBLOCK), "a pipe");
	seconds = CASE_SECONDS;
	sysctls = set_sysctls(words, old, false);
	snprintf(text, sizeof(text), "\n== begin %s\n", name);
	tell(text);
	pid = spawn(FIRST_XID + number, words + sysctls, ends[1]);
	close(ends[1]);
	result = follow(FIRST_XID + number, pid, ends[0]);
	close(ends[0]);
	if (in_guest) {
		/* What it left running must not disturb the next one. */
		ctx_kill(FIRST_XID + number, 0, SIGKILL);
		if (!context_ends(FIRST_XID + number))
			result = "context-left";
	}
	snprintf(text, sizeof(text), "\n== end %s %s\n", name, result);
	tell(text);
	set_sysctls(words, old, true);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	struct rlimit files = { 65536, 65536 };
	char *rest = lines, *line, command[4096];
	int number = 0;

	step(mount_on("proc", "/proc") && mount_on("sysfs", "/sys") &&
	     mount_on("devtmpfs", "/dev") && mount_on("tmpfs", "/run") &&
	     mount_on("tmpfs", "/tmp"), "mount");
	port = verdict_port();
	step(port >= 0, "the port of the verdict");
	setrlimit(RLIMIT_NOFILE, &files);
	setenv("PATH", "/bin", 1);
	step(read_text("/proc/cmdline", command, sizeof(command)) > 0,
	     "the command line");
	in_guest = strstr(command, GUEST);
	step(!system("/selftests/setup"), "set up the network");
	step(read_text(CASES, lines, sizeof(lines)) > 0, "the cases");
	step(!chdir("/selftests"), "the directory of the programs");
	while ((line = strsep(&rest, "\n"))) {
		if (*line && *line != '#')
			run_case(++number, line);
	}
	snprintf(command, sizeof(command), "== all %d\n", number);
	tell(command);
	leave();
}
