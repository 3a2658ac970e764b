// SPDX-License-Identifier: GPL-2.0
/*
 * vserver-stat, vps, vtop: the spectator walks over all processes and asks for
 * the numbers of each context.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "support.h"

#define XID		1060
#define NAME		"/etc/vservers/stat"

/* Processes of the guest, the first one included. */
#define PROCESSES	3

/* The guest: pids are told, then it sleeps. */
static int guest(struct process *line, void *data)
{
	pid_t *pids = data;

	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	must(!set_name(VC_SAMECTX, VHIN_CONTEXT, NAME), "its name");
	pids[0] = getpid();
	for (int i = 1; i < PROCESSES; i++) {
		pids[i] = fork();
		must(pids[i] >= 0, "a process of the guest");
		if (!pids[i])
			return sleep_for_ever();
	}
	must(!set_flags(VCMD_set_cflags, VC_SAMECTX, 0, VXF_STATE_SETUP),
	     "the end of setup");
	for (int i = 0; i < PROCESSES; i++)
		say(line, pids[i]);
	return sleep_for_ever();
}

/* Fields of /proc/<pid>/stat that the tools use. */
struct stat_line {
	int pid;
	char state;
	int parent;
	unsigned long utime, stime, virtual;
	unsigned long long start;
	long resident;
};

static bool read_stat(int pid, struct stat_line *s)
{
	char path[64], text[1024], *rest;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return false;
	s->pid = atoi(text);
	/* The name is in parentheses and may contain some. */
	rest = strrchr(text, ')');
	return rest && sscanf(rest + 2, "%c %d %*d %*d %*d %*d %*u %*u %*u "
			      "%*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu "
			      "%lu %ld", &s->state, &s->parent, &s->utime,
			      &s->stime, &s->start, &s->virtual,
			      &s->resident) == 7;
}

/* All processes: how many are of which context, and which pids of the guest. */
static void walk(const pid_t *pids)
{
	int host = 0, ours = 0, seen = 0, spectators = 0, bad = 0, gone = 0;
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	must(dir, "/proc");
	while ((entry = readdir(dir))) {
		struct stat_line s;
		int pid = atoi(entry->d_name);
		long xid;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		xid = vserver(VCMD_task_xid, pid, NULL);
		if (!read_stat(pid, &s)) {
			/* One that ended meanwhile; nothing here does. */
			gone++;
			continue;
		}
		if (s.pid != pid || !strchr("RSDTtIZXP", s.state))
			bad++;
		if (xid == XID) {
			ours++;
			for (int i = 0; i < PROCESSES; i++)
				seen += pids[i] == pid;
			/*
			 * A few pages are not told yet: those of a child that
			 * has hardly run.
			 */
			if (!s.virtual || (pid == pids[0] && !s.resident))
				bad++;
			if (pid != pids[0] && s.parent != pids[0])
				bad++;
		} else if (xid == 1) {
			spectators++;
		} else if (xid == 0) {
			host++;
		} else {
			bad++;
		}
	}
	closedir(dir);
	is(ours, PROCESSES, "processes of the guest");
	is(seen, PROCESSES, "they have their real pids");
	is(spectators, 1, "the spectator is one of two");
	check(host > 2, "processes of the host, kernel threads among them");
	is(bad, 0, "lines of stat that make no sense");
	is(gone, 0, "processes without a line");
}

static void statistics(void)
{
	static const __u32 uncounted[] = { 0, 5, 11, VLIMIT_ANON, 24 };
	static const __u32 counted[] = { 7, 8, 9, 10, 12, VLIMIT_NSOCK,
		VLIMIT_OPENFD, VLIMIT_SHMEM, VLIMIT_SEMARY, VLIMIT_NSEMS,
		VLIMIT_DENTRY, VLIMIT_MAPPED };
	struct vcmd_rlimit_stat_v0 limit = { .id = 6 };
	struct vcmd_sock_stat_v0 sock = { .field = VXSOCK_UNIX };
	struct vcmd_virt_stat_v0 virt = { 0 };
	struct vcmd_ctx_stat_v0 ctx = { 0 };
	char name[VHILEN], what[64];

	works(get_name(XID, VHIN_CONTEXT, name), "the name of the context");
	is_text(name, NAME, "the name");
	works(vserver(VCMD_ctx_stat, XID, &ctx), "ctx_stat");
	is(ctx.tasks, PROCESSES, "tasks");
	check(ctx.usecnt >= ctx.tasks, "more uses than tasks");
	works(vserver(VCMD_virt_stat, XID, &virt), "virt_stat");
	is(virt.offset, 0, "the clock is that of the host");
	is(virt.nr_threads, PROCESSES, "threads");
	check(virt.nr_running <= virt.nr_threads, "running threads");
	check(virt.uptime > 0 && virt.uptime < 600 * 1000000000ULL,
	      "the age of the context in nanoseconds");
	sleep_ms(20);
	limit.value = virt.uptime;
	works(vserver(VCMD_virt_stat, XID, &virt), "virt_stat later");
	check(virt.uptime >= limit.value + 20 * 1000000,
	      "the context is older now");

	works(vserver(VCMD_rlimit_stat, XID, &limit), "rlimit_stat NPROC");
	is(limit.id, 6, "the resource");
	is(limit.value, PROCESSES, "its use");
	is(limit.hits, 0, "nothing was refused");
	check(limit.minimum <= limit.value && limit.maximum >= limit.value,
	      "the lowest and highest use");
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		limit.id = counted[i];
		snprintf(what, sizeof(what), "rlimit_stat %u", limit.id);
		works(vserver(VCMD_rlimit_stat, XID, &limit), what);
	}
	for (size_t i = 0; i < ARRAY_SIZE(uncounted); i++) {
		limit.id = uncounted[i];
		snprintf(what, sizeof(what), "rlimit_stat %u", limit.id);
		refused(vserver(VCMD_rlimit_stat, XID, &limit), EINVAL, what);
	}
	works(vserver(VCMD_sock_stat, XID, &sock), "sock_stat");
	sock.field = VXSOCK_COUNT;
	refused(vserver(VCMD_sock_stat, XID, &sock), EINVAL,
		"sock_stat of no family");
}

/* The number of possible processors, from a list like "0-1". */
static int processors(void)
{
	char text[64], *last;

	must(read_text("/sys/devices/system/cpu/possible", text,
		       sizeof(text)) > 0, "the processors");
	last = strrchr(text, '-');
	return atoi(last ? last + 1 : text) + 1;
}

/* Counts processors upwards until the first error. */
static void schedule(void)
{
	struct vcmd_sched_info info = { 0 };
	int cpu = 0;

	while (cpu < 100000) {
		memset(&info, 0, sizeof(info));
		info.cpu_id = cpu;
		if (vserver(VCMD_sched_info, XID, &info))
			break;
		cpu++;
	}
	is(errno, EINVAL, "sched_info ends with an impossible processor");
	is(cpu, processors(), "sched_info has counted the processors");
	info.cpu_id = 0;
	works(vserver(VCMD_sched_info, 0, &info), "sched_info of the machine");
	check(info.token_usec > 0 && info.token_usec <= 10000,
	      "a tick has %u microseconds", info.token_usec);
	info.cpu_id = -1;
	refused(vserver(VCMD_sched_info, XID, &info), EINVAL,
		"sched_info of a negative processor");
	refused(vserver(VCMD_sched_info, XID + 1, &info), ESRCH,
		"sched_info of no context");
}

/* Every name is info, status or an id. */
static void listing(const char *who)
{
	int info = 0, status = 0, own = 0, others = 0, strange = 0;
	DIR *dir = opendir("/proc/virtual");
	struct dirent *entry;
	char own_name[16];

	must(dir, "/proc/virtual");
	snprintf(own_name, sizeof(own_name), "%d", XID);
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (!strcmp(name, "info"))
			info++;
		else if (!strcmp(name, "status"))
			status++;
		else if (!strcmp(name, own_name))
			own++;
		else if (strspn(name, "0123456789") == strlen(name))
			others++;
		else
			strange++;
	}
	closedir(dir);
	check(info == 1 && status == 1 && own == 1 && !others && !strange,
	      "%s: /proc/virtual lists info, status and the context", who);
}

static int spectator(struct process *line, void *data)
{
	char text[64];
	double up, idle;

	(void)line;
	is(vserver(VCMD_ctx_migrate, 1, NULL), 1, "become the spectator");
	check(read_text("/proc/uptime", text, sizeof(text)) > 0 &&
	      sscanf(text, "%lf %lf", &up, &idle) == 2,
	      "the spectator reads /proc/uptime");
	walk(data);
	statistics();
	schedule();
	listing("the spectator");
	return 0;
}

/* The host sees its own processes only. */
static void host(const pid_t *pids)
{
	struct stat_line s;

	check(!read_stat(pids[0], &s), "the host has no line for the guest");
	check(read_stat(1, &s) && s.pid == 1, "but one for pid 1");
	listing("the host");
}

/* The spectator finds the entry or not. */
static int without_loadavg(struct process *line, void *data)
{
	bool hidden = data;
	long result;

	(void)line;
	vserver(VCMD_ctx_migrate, 1, NULL);
	result = access("/proc/loadavg", R_OK);
	if (hidden)
		refused(result, ENOENT, "the spectator does not see it");
	else
		works(result, "the spectator sees it");
	return 0;
}

/* Attributes of entries of /proc: setattr --hide and back, showattr. */
static void proc_entries(void)
{
	struct vcmd_ctx_iattr_v1 attr = {
		.name = "/proc/loadavg",
		.flags = IATTR_ADMIN | IATTR_HIDE,
		.mask = IATTR_ADMIN | IATTR_WATCH | IATTR_HIDE,
	};
	struct vcmd_features features = { .size = sizeof(features) };

	if (vserver(VCMD_get_features, 0, &features) ||
	    !(features.bits & VXFEAT_PROC_ENTRIES)) {
		skip("attributes of /proc entries", "this kernel has none");
		return;
	}
	works(vserver(VCMD_set_iattr, 0, &attr), "hide /proc/loadavg");
	works(vserver(VCMD_get_iattr, 0, &attr), "its attributes");
	is_hex(attr.mask & IATTR_FLAGS, IATTR_FLAGS, "it has all three bits");
	is_hex(attr.flags & IATTR_FLAGS, IATTR_ADMIN | IATTR_HIDE,
	       "they are those of setattr");
	works(access(attr.name, R_OK), "the host sees it");
	in_child(without_loadavg, (void *)true, "it is hidden");
	attr.flags = 0;
	attr.mask = IATTR_HIDE;
	works(vserver(VCMD_set_iattr, 0, &attr), "show /proc/loadavg");
	in_child(without_loadavg, (void *)false, "it is shown");
}

int main(void)
{
	pid_t pids[PROCESSES];
	struct process p;

	begin();
	vprocunhide();
	proc_entries();
	p = start(guest, pids);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = hear(&p);
	if (check(pids[0] == p.pid, "the guest is there")) {
		in_child(spectator, pids, "the spectator came to its end");
		host(pids);
	}
	works(ctx_kill(XID, 0, SIGKILL), "end the guest");
	is(finish(&p), SIGKILL, "the guest was killed");
	check(context_ends(XID), "the context is gone");
	return end();
}
