// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#ifdef __x86_64__
#define NR_VSERVER	236
#elif defined(__i386__)
#define NR_VSERVER	273
#else
#error "no number is known for this architecture"
#endif

/* Names the descriptor of the tally to a program that is executed. */
#define TALLY_VARIABLE	"TALLY_FD"

/* How often context_ends() looks, and how long it waits in between. */
#define END_TRIES	3000
#define END_PAUSE_MS	10

/* Shared by all processes of a program. */
static struct tally {
	int checks;
	int failed;
} *tally;

void begin(void)
{
	const char *inherited = getenv(TALLY_VARIABLE);
	char number[16];
	int fd;

	/* say() tells when nobody listens. */
	signal(SIGPIPE, SIG_IGN);
	if (inherited) {
		fd = atoi(inherited);
	} else {
		fd = memfd_create("tally", 0);
		if (fd < 0 || ftruncate(fd, sizeof(*tally))) {
			perror("tally");
			exit(2);
		}
		snprintf(number, sizeof(number), "%d", fd);
		setenv(TALLY_VARIABLE, number, 1);
	}
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED,
		     fd, 0);
	if (tally == MAP_FAILED) {
		perror("tally");
		exit(2);
	}
}

/* One line, in one piece. */
static void print(const char *format, ...)
{
	char line[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, length) != length)
		_exit(2);
}

int end(void)
{
	print("1..%d", tally->checks);
	return tally->failed ? 1 : 0;
}

bool check(bool passed, const char *what, ...)
{
	int saved = errno, number;
	char text[400];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	number = __atomic_add_fetch(&tally->checks, 1, __ATOMIC_SEQ_CST);
	if (!passed)
		__atomic_add_fetch(&tally->failed, 1, __ATOMIC_SEQ_CST);
	print("%s %d %s", passed ? "ok" : "not ok", number, text);
	errno = saved;
	return passed;
}

void note(const char *text, ...)
{
	int saved = errno;
	char line[400];
	va_list args;

	va_start(args, text);
	vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	print("# %s", line);
	errno = saved;
}

void skip(const char *what, const char *why)
{
	int number = __atomic_add_fetch(&tally->checks, 1, __ATOMIC_SEQ_CST);

	print("ok %d %s # SKIP %s", number, what, why);
}

bool is(long long got, long long wanted, const char *what)
{
	if (!check(got == wanted, "%s", what))
		note("got %lld, wanted %lld", got, wanted);
	return got == wanted;
}

bool is_hex(unsigned long long got, unsigned long long wanted, const char *what)
{
	if (!check(got == wanted, "%s", what))
		note("got %#llx, wanted %#llx", got, wanted);
	return got == wanted;
}

bool is_text(const char *got, const char *wanted, const char *what)
{
	bool same = !strcmp(got, wanted);

	if (!check(same, "%s", what))
		note("got '%s', wanted '%s'", got, wanted);
	return same;
}

bool works(long result, const char *what)
{
	if (!check(!result, "%s", what)) {
		if (result == -1)
			note("got %s", strerror(errno));
		else
			note("got %ld, wanted 0", result);
	}
	return !result;
}

bool refused(long result, int wanted, const char *what)
{
	bool passed = result == -1 && errno == wanted;

	if (!check(passed, "%s", what)) {
		if (result == -1)
			note("got %s, wanted %s", strerrorname_np(errno),
			     strerrorname_np(wanted));
		else
			note("got %ld, wanted %s", result,
			     strerrorname_np(wanted));
	}
	return passed;
}

void must(bool passed, const char *what)
{
	if (passed)
		return;
	note("cannot go on: %s: %s", what, strerror(errno));
	check(false, "%s", what);
	_exit(3);
}

long vserver(__u32 command, __u32 id, void *data)
{
	return syscall(NR_VSERVER, command, id, data);
}

long set_flags(__u32 command, __u32 id, __u64 value, __u64 mask)
{
	struct vcmd_ctx_flags_v0 data = { .flagword = value, .mask = mask };

	return vserver(command, id, &data);
}

long get_flags(__u32 command, __u32 id, __u64 *value, __u64 *mask)
{
	struct vcmd_ctx_flags_v0 data = { 0 };
	long result = vserver(command, id, &data);

	*value = data.flagword;
	*mask = data.mask;
	return result;
}

long ctx_create(__u32 xid, __u64 flagword)
{
	struct vcmd_ctx_create data = { .flagword = flagword };

	return vserver(VCMD_ctx_create, xid, &data);
}

long ctx_kill(__u32 xid, int pid, int sig)
{
	struct vcmd_ctx_kill_v0 data = { .pid = pid, .sig = sig };

	return vserver(VCMD_ctx_kill, xid, &data);
}

long wait_exit(__u32 xid, struct vcmd_wait_exit_v0 *data)
{
	return vserver(VCMD_wait_exit, xid, data);
}

long space(__u32 command, __u32 id, __u64 mask, __u32 index)
{
	struct vcmd_space_mask_v2 data = { .mask = mask, .index = index };

	return vserver(command, id, &data);
}

long set_name(__u32 id, __u32 field, const char *name)
{
	struct vcmd_vhi_name_v0 data = { .field = field };

	strncpy(data.name, name, sizeof(data.name) - 1);
	return vserver(VCMD_set_vhi_name, id, &data);
}

long get_name(__u32 id, __u32 field, char name[VHILEN])
{
	struct vcmd_vhi_name_v0 data = { .field = field };
	long result = vserver(VCMD_get_vhi_name, id, &data);

	memcpy(name, data.name, VHILEN);
	name[VHILEN - 1] = '\0';
	return result;
}

bool context_exists(__u32 xid)
{
	struct vcmd_vx_info_v0 info;

	return !vserver(VCMD_vx_info, xid, &info);
}

bool context_ends(__u32 xid)
{
	for (int i = 0; i < END_TRIES; i++) {
		if (!context_exists(xid))
			return true;
		sleep_ms(END_PAUSE_MS);
	}
	return false;
}

void vprocunhide(void)
{
	static const char *const names[] = { "/proc/uptime", "/proc/mounts",
		"/proc/self", "/proc/thread-self" };
	struct vcmd_ctx_iattr_v1 attr = { .mask = IATTR_HIDE };

	if (!(vserver(VCMD_get_vci, 0, NULL) & VCI_PROC_SECURE))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		attr.name = names[i];
		attr.flags = 0;
		attr.mask = IATTR_HIDE;
		if (vserver(VCMD_set_iattr, 0, &attr))
			check(false, "show %s: %s", names[i], strerror(errno));
	}
}

struct process start(body_fn *body, void *data)
{
	struct process parent, child;
	int to[2], from[2];
	pid_t pid;

	must(!pipe2(to, O_CLOEXEC) && !pipe2(from, O_CLOEXEC), "a pipe");
	pid = fork();
	must(pid >= 0, "a child");
	if (!pid) {
		close(to[1]);
		close(from[0]);
		child.pid = getpid();
		child.in = to[0];
		child.out = from[1];
		_exit(body(&child, data));
	}
	close(to[0]);
	close(from[1]);
	parent.pid = pid;
	parent.in = from[0];
	parent.out = to[1];
	return parent;
}

void say(struct process *p, int number)
{
	if (write(p->out, &number, sizeof(number)) != sizeof(number))
		note("nobody listens: %s", strerror(errno));
}

int hear(struct process *p)
{
	int number;

	if (read(p->in, &number, sizeof(number)) != sizeof(number))
		return INT_MIN;
	return number;
}

int finish(struct process *p)
{
	int status = -1;

	close(p->out);
	/* A child that says something nobody asked for must not be stopped. */
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(p->in);
	return status;
}

void in_child(body_fn *body, void *data, const char *what)
{
	struct process p = start(body, data);

	is(finish(&p), 0, what);
}

ssize_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	*text = '\0';
	if (fd < 0)
		return -1;
	do {
		got = read(fd, text + length, size - 1 - length);
		if (got > 0)
			length += got;
	} while (got > 0);
	text[length] = '\0';
	close(fd);
	return got < 0 ? -1 : (ssize_t)length;
}

ssize_t write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), saved;
	ssize_t result;

	if (fd < 0)
		return -1;
	result = write(fd, text, strlen(text));
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

bool find_field(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line;) {
		const char *next = strchr(line, '\n');

		if (!strncmp(line, name, length) && line[length] == ':') {
			const char *from = line + length + 1;
			size_t n;

			from += strspn(from, " \t");
			n = strcspn(from, " \t\n");
			if (n >= size)
				n = size - 1;
			memcpy(value, from, n);
			value[n] = '\0';
			return true;
		}
		line = next ? next + 1 : NULL;
	}
	*value = '\0';
	return false;
}

long long field_number(const char *text, const char *name)
{
	char value[32], *rest;
	long long number;

	if (!find_field(text, name, value, sizeof(value)))
		return -1;
	number = strtoll(value, &rest, 10);
	return *value && !*rest ? number : -1;
}

const char *beside(const char *file)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	must(length > 0, "the path of this program");
	path[length] = '\0';
	slash = strrchr(path, '/');
	must(slash && slash - path + strlen(file) + 2 < sizeof(path),
	     "the path of this program");
	strcpy(slash + 1, file);
	return path;
}

void sleep_ms(int milliseconds)
{
	/* Has no structure whose layout could be a matter of taste. */
	poll(NULL, 0, milliseconds);
}

void wait_asleep(pid_t pid)
{
	char path[32], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 3000; i++) {
		FILE *file = fopen(path, "re");
		bool asleep = file && fgets(text, sizeof(text), file) &&
			      strstr(text, ") S ");

		if (file)
			fclose(file);
		if (asleep)
			return;
		sleep_ms(10);
	}
}

static void interrupt(int sig)
{
	(void)sig;
}

void alarm_after(int milliseconds)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct itimerval timer = {
		.it_value.tv_sec = milliseconds / 1000,
		.it_value.tv_usec = milliseconds % 1000 * 1000,
	};

	timer.it_interval = timer.it_value;

	sigaction(SIGALRM, &action, NULL);
	must(!setitimer(ITIMER_REAL, &timer, NULL), "an alarm");
}

int sleep_for_ever(void)
{
	for (;;)
		pause();
	return 0;
}

#define PORT_NAME	"vserver.verdict"
#define PORT_SECONDS	20

/* Opens the port that has our name, when there is one. */
static int try_port(void)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[512], name[64];
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name",
			 entry->d_name);
		if (entry->d_name[0] == '.' ||
		    read_text(path, name, sizeof(name)) <= 0)
			continue;
		name[strcspn(name, "\n")] = '\0';
		if (strcmp(name, PORT_NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd;
}

int verdict_port(void)
{
	int port = -1;

	/* Its driver probes while we already run. */
	for (int i = 0; i < PORT_SECONDS * 20 && port < 0; i++) {
		port = try_port();
		if (port < 0)
			sleep_ms(50);
	}
	return port;
}
