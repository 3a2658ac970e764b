// SPDX-License-Identifier: GPL-2.0
/*
 * vserver NAME start, exec and stop, call by call: the chain of programs that
 * the original scripts run, as one process that changes itself step by step.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "support.h"

#define HELPER_PATH	"/proc/sys/kernel/vshelper"

/* The directory of the guest, on the host. */
#define ROOT		"/run/guest"

/* Masks of spaces as the scripts give them. */
#define SPACES_FS	(CLONE_FS | CLONE_NEWNS)

/* What vattribute --secure sets. */
#define SECURE_BCAPS	0xFFFFFFFFB44C04FFULL
#define SECURE_CCAPS	0x4101

/* The flags default, fakeinit and secure of vattribute. */
#define START_FLAGS	(VXF_VIRT_UPTIME | VXF_SC_HELPER | VXF_INFO_INIT | \
			 VXF_HIDE_NETIF)

/* The lines of the guest's init, made before the chain starts. */
struct lines {
	struct process host;	/* ends of the host */
	struct process guest;	/* ends of the guest */
};

/* --- what the host asks before it starts a guest --------------------------- */

/* vserver_isRunning of the scripts. */
static bool running(void)
{
	char name[VHILEN], path[64], text[1024];

	if (get_name(GUEST_XID, VHIN_CONTEXT, name) ||
	    strcmp(name, GUEST_DIRECTORY))
		return false;
	snprintf(path, sizeof(path), "/proc/virtual/%d/status", GUEST_XID);
	if (read_text(path, text, sizeof(text)) < 0)
		return false;
	return field_number(text, "Tasks") > 0;
}

/* vserver-info - VERIFYCAP */
static int verify_cap(struct process *line, void *data)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	(void)line;
	(void)data;
	works(syscall(SYS_capget, &header, caps), "capget");
	memset(caps, 0, sizeof(caps));
	works(syscall(SYS_capset, &header, caps), "capset to nothing");
	refused(chroot("/"), EPERM, "chroot without capabilities");
	return 0;
}

/* vserver-info - VERIFYPROC */
static int verify_proc(struct process *line, void *data)
{
	char text[64];
	double up, idle;

	(void)line;
	(void)data;
	is(vserver(VCMD_ctx_migrate, 1, NULL), 1, "become the spectator");
	check(read_text("/proc/uptime", text, sizeof(text)) > 0 &&
	      sscanf(text, "%lf %lf", &up, &idle) == 2 && up > 0,
	      "the spectator reads /proc/uptime");
	return 0;
}

static void before(void)
{
	char text[256], name[VHILEN];

	refused(get_name(GUEST_XID, VHIN_CONTEXT, name), ESRCH,
		"the guest is not there");
	check(!running(), "the guest is not running");
	in_child(verify_cap, NULL, "VERIFYCAP came to its end");
	in_child(verify_proc, NULL, "VERIFYPROC came to its end");
	is(vserver(VCMD_task_xid, 0, NULL), 0, "the host has id 0");
	check(read_text(HELPER_PATH, text, sizeof(text)) > 1 &&
	      text[0] == '/', "the helper program can be read");
	check(!access("/proc/virtual", F_OK), "/proc/virtual is there");
}

/* --- the root of the guest and its disk limit ------------------------------ */

static void make_root(void)
{
	static const char *const dirs[] = { "programs", "proc", "tmp", "old" };
	char path[128];
	int fd;

	must(!unshare(CLONE_NEWNS), "a mount namespace for the command");
	must(!mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL),
	     "make the root a slave");
	must(!mkdir(ROOT, 0755) || errno == EEXIST, "directory of the guest");
	must(!mount("guest", ROOT, "tmpfs", 0, "mode=755"), "root of the guest");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), ROOT "/%s", dirs[i]);
		must(!mkdir(path, 0755), path);
	}
	fd = open(ROOT "/" GUEST_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	must(fd >= 0, "the mark");
	close(fd);
	must(!mount("proc", ROOT "/proc", "proc", 0, NULL), "its /proc");
	must(!mount("/programs", ROOT "/programs", NULL, MS_BIND, NULL),
	     "its programs");
	must(!mount(ROOT, ROOT, NULL, MS_BIND | MS_REC, NULL), "bind it");
	must(!mount(NULL, ROOT, NULL, MS_SHARED, NULL), "share it");
}

/* vdlimit: once to look, once to set. */
static void disk_limit(void)
{
	struct vcmd_ctx_dlimit_v0 limit = { .name = ROOT };
	struct vcmd_ctx_dlimit_base_v0 base = { .name = ROOT };

	refused(vserver(VCMD_get_dlimit, GUEST_XID, &limit), ESRCH,
		"no disk limit yet");
	works(vserver(VCMD_add_dlimit, GUEST_XID, &base), "add a disk limit");
	refused(vserver(VCMD_add_dlimit, GUEST_XID, &base), EEXIST,
		"add it again");
	limit.space_used = 1000;
	limit.space_total = 100000;
	limit.inodes_used = 10;
	limit.inodes_total = 1000;
	limit.reserved = 5;
	works(vserver(VCMD_set_dlimit, GUEST_XID, &limit), "set it");
}

static void remove_disk_limit(void)
{
	struct vcmd_ctx_dlimit_v0 limit = { .name = ROOT };
	struct vcmd_ctx_dlimit_base_v0 base = { .name = ROOT };

	works(vserver(VCMD_get_dlimit, GUEST_XID, &limit), "save its values");
	is(limit.space_total, 100000, "the space of the disk limit");
	is(limit.inodes_total, 1000, "the inodes of the disk limit");
	is(limit.reserved, 5, "the reserve of the disk limit");
	works(vserver(VCMD_rem_dlimit, GUEST_XID, &base), "remove it");
	refused(vserver(VCMD_rem_dlimit, GUEST_XID, &base), ESRCH,
		"remove it again");
}

/* --- the chain ------------------------------------------------------------- */

static long add_v4(unsigned short type, const char *ip, const char *mask)
{
	struct vcmd_net_addr_ipv4_v1 data = {
		.type = type,
		.ip = inet_addr(ip),
		.mask = inet_addr(mask),
	};

	return vserver(VCMD_net_add_ipv4_v1, GUEST_NID, &data);
}

static long add_v6(unsigned short type, const char *ip, int prefix)
{
	struct vcmd_net_addr_ipv6_v1 data = { .type = type, .prefix = prefix };

	inet_pton(AF_INET6, ip, data.ip);
	/* Whole bytes: what the tools compute for others is wrong. */
	memset(data.mask, 0xff, prefix / 8);
	return vserver(VCMD_net_add_ipv6, GUEST_NID, &data);
}

/* ncontext --create, nattribute, naddress --add */
static void chain_net(void)
{
	is(vserver(VCMD_net_create, GUEST_NID, NULL), GUEST_NID, "ncontext");
	is(vserver(VCMD_task_nid, 0, NULL), GUEST_NID, "nattribute: task_nid");
	works(set_flags(VCMD_set_ncaps, GUEST_NID, NXC_RAW_ICMP, NXC_RAW_ICMP),
	      "nattribute: set_ncaps");
	works(set_flags(VCMD_set_nflags, GUEST_NID, NXF_HIDE_NETIF,
			NXF_HIDE_NETIF), "nattribute: set_nflags");
	is(vserver(VCMD_task_nid, 0, NULL), GUEST_NID, "naddress: task_nid");
	works(add_v4(NXA_TYPE_ADDR, "10.1.2.3", "255.255.255.0"),
	      "naddress: an address");
	refused(add_v4(NXA_TYPE_ADDR, "10.1.2.3", "255.255.255.0"), EEXIST,
		"naddress: the same address");
	works(add_v4(NXA_TYPE_MASK, "10.9.0.0", "255.255.0.0"),
	      "naddress: a network");
	works(add_v4(NXA_TYPE_ADDR | NXA_MOD_BCAST, "10.1.2.255", "0.0.0.0"),
	      "naddress: the broadcast address");
	works(add_v4(NXA_TYPE_ADDR | NXA_MOD_LBACK, "127.0.4.3", "255.0.0.0"),
	      "naddress: the loopback address");
	refused(add_v4(NXA_TYPE_RANGE, "10.1.2.3", "10.1.2.9"), EINVAL,
		"naddress --range");
	refused(add_v4(NXA_TYPE_IPV4, "10.1.2.3", "255.255.255.0"), EINVAL,
		"naddress: a type of version 0");
	works(add_v6(NXA_TYPE_ADDR, "2001:db8::3", 64),
	      "naddress: an IPv6 address");
	works(add_v6(NXA_TYPE_MASK, "2001:db8:9::", 48),
	      "naddress: an IPv6 network");
	refused(add_v6(NXA_TYPE_RANGE, "2001:db8::4", 64), EINVAL,
		"naddress: an IPv6 range");
}

/* vlimit --dir, vsysctl, vuname, vmemctrl */
static void chain_settings(void)
{
	struct vcmd_ctx_rlimit_v0 limit = {
		.id = 6,	/* RLIMIT_NPROC */
		.softlimit = 100,
		.maximum = 200,
	};
	struct vcmd_badness_v0 badness = { .bias = 7 };

	is(vserver(VCMD_task_xid, 0, NULL), GUEST_XID, "vlimit: task_xid");
	works(vserver(VCMD_set_rlimit, GUEST_XID, &limit), "vlimit: nproc");
	limit.id = 9;		/* RLIMIT_AS */
	limit.softlimit = 1 << 20;
	limit.maximum = 1 << 21;
	works(vserver(VCMD_set_rlimit, GUEST_XID, &limit), "vlimit: as");
	limit.id = 5;		/* RLIMIT_RSS */
	refused(vserver(VCMD_set_rlimit, GUEST_XID, &limit), EINVAL,
		"vlimit: rss, an error that is printed");
	check(write_text("/proc/sys/kernel/shmmni", "123") == 3,
	      "vsysctl: a write from inside");
	works(set_name(VC_SAMECTX, VHIN_SYSNAME, GUEST_SYSNAME),
	      "vuname: sysname");
	works(set_name(VC_SAMECTX, VHIN_NODENAME, GUEST_NODENAME),
	      "vuname: nodename");
	works(set_name(VC_SAMECTX, VHIN_RELEASE, GUEST_RELEASE),
	      "vuname: release");
	works(set_name(VC_SAMECTX, VHIN_VERSION, GUEST_VERSION),
	      "vuname: version");
	works(set_name(VC_SAMECTX, VHIN_MACHINE, GUEST_MACHINE),
	      "vuname: machine");
	works(set_name(VC_SAMECTX, VHIN_DOMAINNAME, GUEST_DOMAINNAME),
	      "vuname: domainname");
	refused(set_name(VC_SAMECTX, VHIN_DOMAINNAME + 1, "x"), EINVAL,
		"vuname: an unknown field");
	works(vserver(VCMD_set_badness, VC_SAMECTX, &badness), "vmemctrl");
	works(set_name(VC_SAMECTX, VHIN_CONTEXT, GUEST_DIRECTORY),
	      "vuname: the context");
}

/* vattribute --set --secure --flag default --flag fakeinit */
static void chain_attributes(void)
{
	is(vserver(VCMD_task_xid, 0, NULL), GUEST_XID, "vattribute: task_xid");
	works(set_flags(VCMD_set_ccaps, GUEST_XID, SECURE_CCAPS, SECURE_CCAPS),
	      "vattribute: set_ccaps");
	works(set_flags(VCMD_set_bcaps, GUEST_XID, SECURE_BCAPS, ~0ULL),
	      "vattribute: set_bcaps");
	works(set_flags(VCMD_set_cflags, GUEST_XID, START_FLAGS, START_FLAGS),
	      "vattribute: set_cflags");
	works(set_flags(VCMD_set_umask, GUEST_XID, 0, 0),
	      "vattribute: set_umask");
}

/* The pivot-root method of vcontext --migrate-self. */
static void chain_root(void)
{
	is(vserver(VCMD_task_xid, 0, NULL), GUEST_XID, "vcontext: task_xid");
	refused(space(VCMD_enter_space, GUEST_XID, SPACES_FS, 1), EPERM,
		"vcontext: enter_space from inside");
	must(!unshare(CLONE_NEWNS), "vcontext: a mount namespace");
	must(!chdir(ROOT), "vcontext: the root");
	if (!works(syscall(SYS_pivot_root, ".", "old"),
		   "vcontext: pivot_root on a shared mount during setup")) {
		must(!mount(NULL, ".", NULL, MS_PRIVATE, NULL),
		     "make it private");
		must(!syscall(SYS_pivot_root, ".", "old"),
		     "vcontext: pivot_root on a private mount");
	}
	must(!chdir("/"), "vcontext: the new root");
	works(umount2("/old", MNT_DETACH), "vcontext: detach the old root");
	works(rmdir("/old"), "nothing is there any more");
	works(space(VCMD_set_space, GUEST_XID, SPACES_FS, 1),
	      "vcontext: set_space 1");
}

/* The last program forks: the child becomes init, the parent leaves. */
static int chain_end(struct lines *lines)
{
	char pid[16], in[16], out[16];
	pid_t child = fork();

	must(child >= 0, "a child for init");
	if (child)
		return 0;
	say(&lines->guest, getpid());
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(in, sizeof(in), "%d", lines->guest.in);
	snprintf(out, sizeof(out), "%d", lines->guest.out);
	works(set_flags(VCMD_set_cflags, GUEST_XID, 0,
			VXF_STATE_SETUP | VXF_STATE_INIT),
	      "vcontext: end of setup, registers the init");
	refused(vserver(VCMD_get_version, 63, NULL), ENOSYS,
		"vcontext: no system call any more");
	personality(PER_LINUX);
	execl(beside("inside"), "inside", "init", pid, in, out, NULL);
	must(false, "the init of the guest");
	return 1;
}

/* From the context's creation on, in the namespaces of the guest. */
static int chain_inside(struct lines *lines)
{
	struct vcmd_space_mask_v1 mask = { 0 };
	__u64 value, set;

	is(ctx_create(GUEST_XID, 0x700000000ULL), GUEST_XID, "vcontext");
	is(vserver(VCMD_task_xid, 0, NULL), GUEST_XID, "its context id");
	refused(ctx_create(GUEST_XID, 0x700000000ULL), EPERM,
		"create from inside");
	works(get_flags(VCMD_get_cflags, VC_SAMECTX, &value, &set),
	      "get_cflags of the own context");
	is_hex(value, 0x700000000ULL, "the flags as they were given");
	is_hex(set, ~0ULL, "all of them can be changed");
	works(space(VCMD_set_space, VC_SAMECTX, SPACES_FS, 0),
	      "vnamespace --set");
	works(vserver(VCMD_get_space_default, 0, &mask), "vspace: the default");
	works(space(VCMD_set_space, VC_SAMECTX, mask.mask, 0),
	      "vspace --set --default");
	refused(space(VCMD_set_space, VC_SAMECTX, mask.mask, VX_SPACES),
		EINVAL, "vspace: no such set");
	refused(space(VCMD_set_space, VC_SAMECTX, 1, 0), EINVAL,
		"vspace: no such space");
	chain_settings();
	chain_attributes();
	is(vserver(VCMD_task_xid, 0, NULL), GUEST_XID, "save_ctxinfo");
	chain_root();
	return chain_end(lines);
}

/* ncontext to vspace; the child goes on, the parent waits. */
static int chain(struct process *line, void *data)
{
	struct vcmd_space_mask_v1 mask = { 0 };
	struct rlimit ulimit = { 1024, 1024 };
	unsigned long flags;
	int status = -1;
	pid_t child;

	(void)line;
	chain_net();
	works(setrlimit(RLIMIT_NOFILE, &ulimit), "exec-ulimit");
	works(vserver(VCMD_tag_migrate, GUEST_TAG, NULL), "vtag --create");
	works(vserver(VCMD_get_space_default, 0, &mask), "vspace: the default");
	flags = mask.mask & ~(unsigned long)CLONE_FS;
	is_hex(flags, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC,
	       "vspace: new namespaces");
	child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	must(child >= 0, "vspace --new");
	if (!child)
		_exit(chain_inside(data));
	must(waitpid(child, &status, 0) == child, "vspace waits");
	is(status, 0, "vspace: the child came to its end");
	return 0;
}

static void make_lines(struct lines *lines)
{
	int to[2], from[2];

	must(!pipe(to) && !pipe(from), "pipes to the guest");
	lines->host.in = from[0];
	lines->host.out = to[1];
	lines->guest.in = to[0];
	lines->guest.out = from[1];
	fcntl(lines->host.in, F_SETFD, FD_CLOEXEC);
	fcntl(lines->host.out, F_SETFD, FD_CLOEXEC);
}

/* --- the running guest, from outside --------------------------------------- */

static void look_at_words(void)
{
	__u64 value, mask;

	works(get_flags(VCMD_get_cflags, GUEST_XID, &value, &mask),
	      "vattribute --get: cflags");
	is_hex(value, VXF_STATE_ADMIN | START_FLAGS, "flags");
	is_hex(mask, ~(VXF_STATE_SETUP | VXF_STATE_INIT),
	       "one-time flags are used up");
	works(get_flags(VCMD_get_bcaps, GUEST_XID, &value, &mask),
	      "vattribute --get: bcaps");
	is_hex(value, SECURE_BCAPS, "capabilities");
	is_hex(mask, ~0ULL, "all capabilities can be changed");
	works(get_flags(VCMD_get_ccaps, GUEST_XID, &value, &mask),
	      "vattribute --get: ccaps");
	is_hex(value, SECURE_CCAPS, "context capabilities");
	works(get_flags(VCMD_get_umask, GUEST_XID, &value, &mask),
	      "vattribute --get: umask");
	is_hex(value, 0, "umask");
	works(get_flags(VCMD_get_nflags, GUEST_NID, &value, &mask),
	      "nattribute --get: nflags");
	is_hex(value, NXF_INIT_SET, "network flags");
	is_hex(mask, ~NXF_STATE_SETUP, "network flags that can be changed");
	works(get_flags(VCMD_get_ncaps, GUEST_NID, &value, &mask),
	      "nattribute --get: ncaps");
	is_hex(value, NXC_RAW_ICMP, "network capabilities");
}

static void look_at_proc(pid_t init)
{
	static const char *const wanted[][2] = {
		{ "Tasks", "2" },
		{ "Flags", "0000001402020010" },
		{ "BCaps", "ffffffffb44c04ff" },
		{ "CCaps", "0000000000004101" },
		{ "Spaces", "0c020200" },
	};
	char path[64], text[2048], value[64], what[64];

	snprintf(path, sizeof(path), "/proc/virtual/%d/status", GUEST_XID);
	must(read_text(path, text, sizeof(text)) > 0, path);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		snprintf(what, sizeof(what), "status: %s", wanted[i][0]);
		find_field(text, wanted[i][0], value, sizeof(value));
		is_text(value, wanted[i][1], what);
	}
	check(strstr(text, "\nSpaces:\t0c020200 00020200\n"),
	      "status: both sets of spaces");
	snprintf(path, sizeof(path), "/proc/virtual/%d/info", GUEST_XID);
	must(read_text(path, text, sizeof(text)) > 0, path);
	is(field_number(text, "ID"), GUEST_XID, "info: ID");
	is(field_number(text, "Init"), init, "info: Init is the real pid");
	is(field_number(text, "OOM"), 7, "info: OOM");
	snprintf(path, sizeof(path), "/proc/virtnet/%d/info", GUEST_NID);
	must(read_text(path, text, sizeof(text)) > 0, path);
	check(strstr(text, "\nBcast:\t10.1.2.255\nLback:\t127.0.4.3\n"
		     "0:\t[10.1.2.3-0.0.0.0/255.255.255.0:0010]\n"
		     "1:\t[10.9.0.0-0.0.0.0/255.255.0.0:0020]\n"),
	      "virtnet: the IPv4 addresses");
	check(strstr(text, "0:\t[2001:0db8:0000:0000:0000:0000:0000:0003/"
		     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64:0010]\n"
		     "1:\t[2001:0db8:0009:0000:0000:0000:0000:0000/"
		     "ffff:ffff:ffff:0000:0000:0000:0000:0000/48:0020]\n"),
	      "virtnet: the IPv6 addresses");
	snprintf(path, sizeof(path), "/proc/virtual/0%d", GUEST_XID);
	refused(access(path, F_OK), ENOENT, "no id with a leading zero");
}

static void look(pid_t init)
{
	struct vcmd_vx_info_v0 info = { 0 };
	char name[VHILEN], path[32];

	check(running(), "the guest is running");
	works(vserver(VCMD_vx_info, GUEST_XID, &info), "vserver-info CONTEXT");
	is(info.xid, GUEST_XID, "its id");
	is(info.initpid, init, "its init, by the real pid");
	is(vserver(VCMD_task_xid, init, NULL), GUEST_XID, "task_xid of init");
	is(vserver(VCMD_task_nid, init, NULL), GUEST_NID, "task_nid of init");
	is(vserver(VCMD_task_tag, init, NULL), GUEST_TAG, "task_tag of init");
	works(get_name(GUEST_XID, VHIN_CONTEXT, name), "its configuration");
	is_text(name, GUEST_DIRECTORY, "the configuration directory");
	works(get_name(GUEST_XID, VHIN_NODENAME, name), "its host name");
	is_text(name, GUEST_NODENAME, "the host name");
	refused(kill(init, 0), ESRCH, "the host does not see its init");
	snprintf(path, sizeof(path), "/proc/%d", init);
	refused(access(path, F_OK), ENOENT, "nor finds it in /proc");
	refused(ctx_create(GUEST_XID, 0x700000000ULL), EEXIST,
		"create the context again");
	is(vserver(VCMD_task_xid, 0, NULL), 0, "the caller stays where it is");
	look_at_words();
	look_at_proc(init);
}

/* naddress --remove: one, and all of both families. */
static void remove_addresses(void)
{
	struct vcmd_net_addr_ipv4_v1 v4 = {
		.type = NXA_TYPE_ADDR,
		.ip = inet_addr("10.1.2.3"),
		.mask = inet_addr("255.255.255.0"),
	};
	struct vcmd_net_addr_ipv6_v1 v6 = { .type = NXA_TYPE_ANY };
	char path[64], text[2048];

	works(vserver(VCMD_net_rem_ipv4_v1, GUEST_NID, &v4),
	      "naddress --remove: an address");
	refused(vserver(VCMD_net_rem_ipv4_v1, GUEST_NID, &v4), ESRCH,
		"naddress --remove: it is not there any more");
	v4.type = NXA_TYPE_MASK;
	refused(vserver(VCMD_net_rem_ipv4_v1, GUEST_NID, &v4), EINVAL,
		"naddress --remove: a network");
	v4.type = NXA_TYPE_ANY;
	works(vserver(VCMD_net_remove_ipv6, GUEST_NID, &v6),
	      "naddress --remove: all IPv6");
	works(vserver(VCMD_net_rem_ipv4_v1, GUEST_NID, &v4),
	      "naddress --remove: all IPv4");
	snprintf(path, sizeof(path), "/proc/virtnet/%d/info", GUEST_NID);
	read_text(path, text, sizeof(text));
	check(strstr(text, "Lback:\t127.0.4.3\n") && !strstr(text, "0:\t["),
	      "virtnet: no address but broadcast and loopback");
}

/* --- enter and exec -------------------------------------------------------- */

/* Goes into the guest and executes "inside"; the descriptors go along. */
static int enter(struct process *line, void *data)
{
	const char *program = beside("inside");
	struct vcmd_ctx_migrate migrate = { 0 };
	struct rlimit ulimit = { 512, 512 };
	const char *mode = data;
	char in[16], out[16];

	works(space(VCMD_enter_space, GUEST_XID, SPACES_FS, 0),
	      "enter: the script runs itself again");
	refused(vserver(VCMD_net_create, GUEST_NID, NULL), EEXIST,
		"enter: ncontext --create");
	works(vserver(VCMD_net_migrate, GUEST_NID, NULL),
	      "enter: ncontext --migrate");
	works(setrlimit(RLIMIT_NOFILE, &ulimit), "enter: limits");
	works(space(VCMD_enter_space, GUEST_XID, SPACES_FS, 0),
	      "enter: the first set, mount and root");
	works(space(VCMD_enter_space, GUEST_XID, 0x0C020200, 0),
	      "enter: the first set, the default");
	refused(space(VCMD_enter_space, GUEST_XID, CLONE_NEWNET, 0), EINVAL,
		"enter: what was never stored");
	refused(space(VCMD_enter_space, GUEST_XID, SPACES_FS, VX_SPACES),
		EINVAL, "enter: no such set");
	works(vserver(VCMD_tag_migrate, GUEST_TAG, NULL), "enter: vtag");
	works(space(VCMD_enter_space, GUEST_XID, SPACES_FS, 1),
	      "enter: the second set");
	works(vserver(VCMD_ctx_migrate, GUEST_XID, &migrate),
	      "enter: vcontext --migrate");
	works(setuid(0), "enter: setuid");
	if (strcmp(mode, "entered")) {
		execl(program, "inside", "uts", mode, NULL);
	} else {
		fcntl(line->in, F_SETFD, 0);
		fcntl(line->out, F_SETFD, 0);
		snprintf(in, sizeof(in), "%d", line->in);
		snprintf(out, sizeof(out), "%d", line->out);
		execl(program, "inside", mode, in, out, NULL);
	}
	must(false, "the program in the guest");
	return 1;
}

static void enter_and_exec(void)
{
	struct process p = start(enter, "entered");

	if (is(hear(&p), 0, "a program runs in the guest")) {
		is(vserver(VCMD_task_xid, p.pid, NULL), GUEST_XID,
		   "the context of who entered");
		is(vserver(VCMD_task_nid, p.pid, NULL), GUEST_NID,
		   "the network context of who entered");
		is(vserver(VCMD_task_tag, p.pid, NULL), GUEST_TAG,
		   "the tag of who entered");
		say(&p, 0);
	}
	is(finish(&p), 0, "who entered came to its end");

	p = start(enter, "0");
	is(finish(&p), 0, "with SET_UTSNAME came to its end");
	works(set_flags(VCMD_set_ccaps, GUEST_XID, 0, VXC_SET_UTSNAME),
	      "take SET_UTSNAME away");
	p = start(enter, "1");	/* EPERM */
	is(finish(&p), 0, "without SET_UTSNAME came to its end");
	works(set_flags(VCMD_set_ccaps, GUEST_XID, ~0ULL, VXC_SET_UTSNAME),
	      "give SET_UTSNAME back");
}

/* --- stop ------------------------------------------------------------------ */

/* vwait: 0 finished, 2 timeout, 127 error. */
static int vwait(struct process *line, void *data)
{
	struct vcmd_wait_exit_v0 end;

	alarm_after(30000);
	say(line, 0);
	while (wait_exit(*(__u32 *)data, &end)) {
		if (errno == EINTR)
			return 2;
		if (errno != EAGAIN)
			return 127;
	}
	say(line, end.reboot_cmd);
	say(line, end.exit_code);
	return 0;
}

/* vkill of the scripts: who is gone already does not matter. */
static void vkill(int pid, int sig)
{
	if (ctx_kill(GUEST_XID, pid, sig) && errno != ESRCH)
		check(false, "stop: signal %d to pid %d: %s", sig, pid,
		      strerror(errno));
}

static void stop(void)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	__u32 xid = GUEST_XID;
	struct vcmd_vx_info_v0 info;
	struct process p;

	works(set_flags(VCMD_set_cflags, GUEST_XID, 0, VXF_SC_HELPER),
	      "stop: no helper any more");
	p = start(vwait, &xid);
	hear(&p);
	works(ctx_kill(GUEST_XID, 1, SIGINT), "stop: vkill INT to the init");
	works(set_flags(VCMD_set_cflags, GUEST_XID, 0, VXF_PERSISTENT),
	      "stop: the context need not persist");
	works(set_flags(VCMD_set_nflags, GUEST_NID, 0, NXF_PERSISTENT),
	      "stop: nor the network context");
	for (int i = 0; i < 500; i++) {
		if (vserver(VCMD_vx_info, GUEST_XID, &info) || !info.initpid)
			break;
		sleep_ms(10);
	}
	is(info.initpid, 0, "stop: the init has ended");
	check(running(), "stop: a service runs on");
	for (size_t i = 0; i < ARRAY_SIZE(signals) && running(); i++) {
		vkill(1, signals[i]);
		vkill(0, signals[i]);
		for (int k = 0; k < (signals[i] == SIGKILL ? 3000 : 50) && running(); k++)
			sleep_ms(10);
		is(running(), signals[i] == SIGTERM, signals[i] == SIGTERM ?
		   "stop: the service ignores TERM" :
		   "stop: KILL ends the service");
	}
	refused(ctx_kill(GUEST_XID, 0, SIGKILL), ESRCH,
		"stop: nothing is left to kill");
	is(hear(&p), 0, "vwait: no reboot");
	is_hex(hear(&p), SIGKILL, "vwait: how the last one ended");
	is(finish(&p), 0, "vwait: finished");
	remove_disk_limit();
}

/* Nothing is left: no object, no space. */
static void released(void)
{
	struct vcmd_nx_info_v0 net;
	char text[512], value[32];
	bool clean = false;

	check(context_ends(GUEST_XID), "the context is gone");
	check(access("/proc/virtual/1042", F_OK) && errno == ENOENT,
	      "so is its directory");
	refused(vserver(VCMD_nx_info, GUEST_NID, &net), ESRCH,
		"the network context is gone");
	for (int i = 0; i < 500 && !clean; i++) {
		sleep_ms(10);
		read_text("/proc/virtual/status", text, sizeof(text));
		clean = field_number(text, "#CTotal") == 0 &&
			strstr(text, "#NSProxy:\t0\t0 0 0 0 0 0\n");
	}
	if (!check(clean, "all objects and spaces are released"))
		note("%.*s", 200, text);
	read_text("/proc/virtnet/status", text, sizeof(text));
	find_field(text, "#CActive", value, sizeof(value));
	is_text(value, "0", "no network context is active");
}

int main(void)
{
	struct process p;
	struct lines lines;
	pid_t init;

	begin();
	vprocunhide();
	before();
	make_root();
	disk_limit();
	make_lines(&lines);
	p = start(chain, &lines);
	close(lines.guest.in);
	close(lines.guest.out);
	init = hear(&lines.host);
	check(init > 1, "the guest has an init");
	is(finish(&p), 0, "the chain came to its end");
	if (is(hear(&lines.host), 0, "the init sleeps")) {
		look(init);
		enter_and_exec();
		remove_addresses();
		check(running(), "the guest is still running");
		stop();
	}
	released();
	return end();
}
