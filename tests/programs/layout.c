// SPDX-License-Identifier: GPL-2.0
/*
 * The layouts of a 32-bit and of a 64-bit program: sizes, how much is read and
 * written, and that each sees what the other has set.
 *
 *	layout			all checks
 *	layout tell		prints the values as this program sees them
 *
 * A structure under test ends where the memory of the process does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define XID		1090
#define NID		1091
#define TAG		1092

#define FILE_NAME	"/tmp/layout.file"
#define DIR_NAME	"/tmp/layout.dir"
#define PROC_NAME	"/proc/uptime"

#ifdef __x86_64__
#define SIZES(on64, on32)	(on64)
#define OTHER		"../i386-static/layout"
#else
#define SIZES(on64, on32)	(on32)
#define OTHER		"../x86_64-static/layout"
#endif

#define SIZE(type, on64, on32)						\
	_Static_assert(sizeof(struct type) == SIZES(on64, on32), #type)

SIZE(vcmd_ctx_rlimit_v0, 32, 28);
SIZE(vcmd_space_mask_v2, 16, 12);
SIZE(vcmd_ctx_iattr_v1, 24, 16);
SIZE(vcmd_ctx_dlimit_base_v0, 16, 8);
SIZE(vcmd_ctx_dlimit_v0, 32, 28);
SIZE(vcmd_set_mapping_v0, 24, 12);
SIZE(vcmd_read_history_v0, 16, 12);
SIZE(vcmd_vhi_name_v0, 72, 72);
SIZE(vcmd_virt_stat_v0, 48, 48);
SIZE(vcmd_rlimit_stat_v0, 32, 32);
SIZE(vcmd_sock_stat_v0, 40, 40);
SIZE(vcmd_sched_v5, 44, 44);
SIZE(vcmd_set_sched_v4, 36, 36);
SIZE(vcmd_sched_info, 40, 40);
SIZE(vcmd_net_addr_v0, 36, 36);
SIZE(vcmd_net_addr_ipv4_v1, 12, 12);
SIZE(vcmd_net_addr_ipv4_v2, 16, 16);
SIZE(vcmd_net_addr_ipv6_v1, 40, 40);
SIZE(vcmd_ctx_flags_v0, 16, 16);
SIZE(vcmd_ctx_fiattr_v0, 12, 12);

static const __u32 limits[] = { 6, 7, 10, 12, VLIMIT_NSOCK, VLIMIT_OPENFD,
				VLIMIT_SHMEM, VLIMIT_DENTRY };

/* --- the end of the memory ------------------------------------------------- */

static char *page_end;

static void make_page(void)
{
	long size = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(pages != MAP_FAILED && !mprotect(pages + size, size, PROT_NONE),
	     "two pages");
	page_end = pages + size;
}

/* The last @size bytes, filled from @data; the bytes in front are marked. */
static void *at_end(const void *data, size_t size)
{
	memset(page_end - size - 16, 0xa5, 16);
	return memcpy(page_end - size, data, size);
}

static bool front_untouched(size_t size)
{
	for (int i = 1; i <= 16; i++) {
		if ((unsigned char)page_end[-(int)size - i] != 0xa5)
			return false;
	}
	return true;
}

/*
 * The call works with all of the structure, and needs all of it but the padding
 * at its end.
 */
static void exact(const char *name, __u32 command, __u32 id, const void *data,
		  size_t size, size_t used)
{
	long result = vserver(command, id, at_end(data, size));

	if (result == -1)
		note("%s: %s", name, strerror(errno));
	check(result >= 0, "%s at the end of the memory", name);
	check(front_untouched(size), "%s: nothing in front is written", name);
	memcpy(page_end - (used - 1), data, used - 1);
	result = vserver(command, id, page_end - (used - 1));
	check(result == -1 && errno == EFAULT, "%s one byte too short", name);
}

#define EXACT(command, id, data) \
	exact(#command, VCMD_##command, id, &(data), sizeof(data), sizeof(data))

static void questions(void)
{
	struct vcmd_ctx_rlimit_mask_v0 mask = { 0 };
	struct vcmd_rlimit_stat_v0 rstat = { .id = 6 };
	struct vcmd_sock_stat_v0 sock = { .field = 1 };
	struct vcmd_sched_info info = { .cpu_id = 0 };
	struct vcmd_space_mask_v1 spaces = { 0 };
	struct vcmd_ctx_rlimit_v0 limit = { .id = 6 };
	struct vcmd_prio_bias bias = { .cpu_id = 0 };
	struct vcmd_vhi_name_v0 name = { .field = 0 };
	struct vcmd_ctx_flags_v0 flags = { 0 };
	struct vcmd_sched_v5 sched = { .mask = 0 };
	struct vcmd_virt_stat_v0 virt = { 0 };
	struct vcmd_vx_info_v0 vx = { 0 };
	struct vcmd_nx_info_v0 nx = { 0 };
	struct vcmd_ctx_stat_v0 stat = { 0 };
	struct vcmd_badness_v0 badness = { 0 };

	EXACT(vx_info, XID, vx);
	EXACT(nx_info, NID, nx);
	EXACT(ctx_stat, XID, stat);
	EXACT(virt_stat, XID, virt);
	EXACT(rlimit_stat, XID, rstat);
	EXACT(sock_stat, XID, sock);
	EXACT(get_cflags, XID, flags);
	EXACT(get_ccaps, XID, flags);
	EXACT(get_bcaps, XID, flags);
	EXACT(get_umask, XID, flags);
	EXACT(get_wmask, XID, flags);
	EXACT(get_nflags, NID, flags);
	EXACT(get_ncaps, NID, flags);
	EXACT(get_badness, XID, badness);
	EXACT(get_space_mask, 0, spaces);
	EXACT(get_space_default, 0, spaces);
	EXACT(get_space_mask_v0, 0, spaces);
	EXACT(get_rlimit_mask, 0, mask);
	EXACT(get_rlimit, XID, limit);
	EXACT(get_sched, XID, sched);
	EXACT(sched_info, XID, info);
	EXACT(get_prio_bias, XID, bias);
	exact("get_vhi_name", VCMD_get_vhi_name, XID, &name, sizeof(name), 69);
}

/* --- what is set ----------------------------------------------------------- */

static __u64 soft_of(size_t i)
{
	return 0x0123456789abcdefULL + i;
}

static __u64 hard_of(size_t i)
{
	return 0x7edcba9876543210ULL - i;
}

static void set_context(void)
{
	struct vcmd_ctx_rlimit_v0 limit = { .minimum = ~0ULL };
	struct vcmd_vhi_name_v0 name = {
		.field = VHIN_CONTEXT,
		.name = "/etc/vservers/layout",
	};
	struct vcmd_badness_v0 badness = { .bias = -0x123456789LL };
	struct vcmd_prio_bias bias = { .cpu_id = 0, .prio_bias = -7 };
	struct vcmd_ctx_flags_v0 word = {
		.flagword = 0x0123456789abcdefULL,
		.mask = ~0ULL,
	};
	struct vcmd_sched_v5 sched = {
		.mask = VXSM_FILL_RATE | VXSM_INTERVAL | VXSM_FILL_RATE2 |
			VXSM_INTERVAL2 | VXSM_TOKENS | VXSM_TOKENS_MIN |
			VXSM_TOKENS_MAX,
		.fill_rate = { 3, 5 },
		.interval = { 7, 11 },
		.tokens = 13,
		.tokens_min = 17,
		.tokens_max = 1900,
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		limit.id = limits[i];
		limit.softlimit = soft_of(i);
		limit.maximum = hard_of(i);
		EXACT(set_rlimit, XID, limit);
	}
	EXACT(set_ccaps, XID, word);
	EXACT(set_bcaps, XID, word);
	EXACT(set_umask, XID, word);
	EXACT(set_wmask, XID, word);
	EXACT(set_ncaps, NID, word);
	EXACT(set_badness, XID, badness);
	EXACT(set_sched, XID, sched);
	EXACT(set_prio_bias, XID, bias);
	exact("set_vhi_name", VCMD_set_vhi_name, XID, &name, sizeof(name), 69);
}

/* KEEP and INFINITY have all their bits in both widths. */
static void keep(void)
{
	struct vcmd_ctx_rlimit_v0 limit = {
		.id = 6,
		.softlimit = 77,
		.maximum = CRLIM_KEEP,
	};

	works(vserver(VCMD_set_rlimit, XID, at_end(&limit, sizeof(limit))),
	      "set_rlimit: keep the hard limit");
	works(vserver(VCMD_get_rlimit, XID, at_end(&limit, sizeof(limit))),
	      "get_rlimit");
	memcpy(&limit, page_end - sizeof(limit), sizeof(limit));
	is_hex(limit.softlimit, 77, "the soft limit has changed");
	is_hex(limit.maximum, hard_of(0), "the hard limit has not");
	is_hex(limit.minimum, 0, "the minimum is not used");
	limit.softlimit = CRLIM_KEEP;
	limit.maximum = CRLIM_INFINITY;
	works(vserver(VCMD_set_rlimit, XID, at_end(&limit, sizeof(limit))),
	      "set_rlimit: no hard limit");
	works(vserver(VCMD_get_rlimit, XID, at_end(&limit, sizeof(limit))),
	      "get_rlimit");
	memcpy(&limit, page_end - sizeof(limit), sizeof(limit));
	is_hex(limit.softlimit, 77, "the soft limit stays");
	is_hex(limit.maximum, ~0ULL, "there is no hard limit");
}

static void set_net(void)
{
	struct vcmd_net_addr_ipv4_v1 v1 = {
		.type = NXA_TYPE_ADDR,
		.ip = inet_addr("10.1.1.1"),
		.mask = inet_addr("255.255.255.0"),
	};
	struct vcmd_net_addr_ipv4_v2 v2 = {
		.type = NXA_TYPE_RANGE,
		.ip = inet_addr("10.1.2.1"),
		.ip2 = inet_addr("10.1.2.9"),
		.mask = inet_addr("255.255.255.0"),
	};
	struct vcmd_net_addr_v0 v0 = {
		.type = NXA_TYPE_IPV4,
		.count = 1,
		.ip = { inet_addr("10.1.3.1") },
		.mask = { inet_addr("255.255.0.0") },
	};
	struct vcmd_net_addr_ipv6_v1 v6 = {
		.type = NXA_TYPE_MASK,
		.prefix = 32,
		.mask = { ~0U },
	};

	inet_pton(AF_INET6, "2001:db8::", v6.ip);
	EXACT(net_add_ipv4_v1, NID, v1);
	EXACT(net_add_ipv4, NID, v2);
	EXACT(net_add, NID, v0);
	EXACT(net_add_ipv6, NID, v6);
}

static void set_files(void)
{
	struct vcmd_ctx_iattr_v1 attr = {
		.name = FILE_NAME,
		.flags = IATTR_IXUNLINK,
		.mask = IATTR_IXUNLINK | IATTR_IMMUTABLE,
	};
	struct vcmd_ctx_iattr_v1 back;
	struct vcmd_ctx_fiattr_v0 open_attr = { 0 };
	struct vcmd_ctx_dlimit_base_v0 base = { .name = "/tmp" };
	struct vcmd_ctx_dlimit_v0 limit = {
		.name = "/tmp",
		.space_used = 0x10000001,
		.space_total = 0x20000002,
		.inodes_used = 0x30000003,
		.inodes_total = 0x40000004,
		.reserved = 15,
	};
	int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	must(fd >= 0, "a file");
	must(!mkdir(DIR_NAME, 0755) || errno == EEXIST, "a directory");
	exact("set_iattr", VCMD_set_iattr, 0, &attr, sizeof(attr),
	      SIZES(20, 16));
	works(vserver(VCMD_set_iattr, 0, at_end(&attr, sizeof(attr))),
	      "set_iattr");
	memcpy(&back, page_end - sizeof(back), sizeof(back));
	check(back.name == attr.name, "the name is written back as it was");
	is_hex(back.mask & ~IATTR_TAG,
	       IATTR_IXUNLINK | IATTR_IMMUTABLE | IATTR_COW,
	       "the mask of a file is written back");
	exact("get_iattr", VCMD_get_iattr, 0, &attr, sizeof(attr),
	      SIZES(20, 16));
	EXACT(fget_iattr, fd, open_attr);
	open_attr.flags = IATTR_IXUNLINK;
	open_attr.mask = IATTR_IXUNLINK;
	EXACT(fset_iattr, fd, open_attr);
	close(fd);
	refused(vserver(VCMD_fget_iattr, 0x7fffff, &open_attr), EBADF,
		"fget_iattr of no file");
	attr.name = DIR_NAME;
	attr.flags = IATTR_BARRIER;
	attr.mask = IATTR_BARRIER;
	works(vserver(VCMD_set_iattr, 0, &attr), "set_iattr: a barrier");
	attr.name = FILE_NAME;
	attr.flags = IATTR_HIDE;
	attr.mask = IATTR_HIDE;
	refused(vserver(VCMD_set_iattr, 0, &attr), EINVAL,
		"set_iattr: bits of /proc elsewhere");
	attr.name = "/tmp/there-is-no-such-file";
	refused(vserver(VCMD_get_iattr, 0, &attr), ENOENT,
		"get_iattr: no file");
	attr.name = (const char *)1;
	refused(vserver(VCMD_get_iattr, 0, &attr), EFAULT,
		"get_iattr: no name");

	works(vserver(VCMD_add_dlimit, TAG, at_end(&base, sizeof(base))),
	      "add_dlimit at the end of the memory");
	EXACT(set_dlimit, TAG, limit);
	EXACT(get_dlimit, TAG, limit);
	limit.reserved = 101;
	refused(vserver(VCMD_set_dlimit, TAG, &limit), EINVAL,
		"set_dlimit: more reserved than there is");
	limit.reserved = 15;
	limit.space_used = limit.space_total + 1;
	refused(vserver(VCMD_set_dlimit, TAG, &limit), EINVAL,
		"set_dlimit: more used than there is");
}

static void remove_files(void)
{
	struct vcmd_ctx_iattr_v1 attr = {
		.name = FILE_NAME,
		.mask = IATTR_IXUNLINK | IATTR_IMMUTABLE,
	};
	struct vcmd_ctx_dlimit_base_v0 base = { .name = "/tmp" };

	works(vserver(VCMD_set_iattr, 0, &attr), "clear the attributes");
	attr.name = DIR_NAME;
	attr.mask = IATTR_BARRIER;
	works(vserver(VCMD_set_iattr, 0, &attr), "clear the barrier");
	works(unlink(FILE_NAME), "remove the file");
	works(rmdir(DIR_NAME), "remove the directory");
	works(vserver(VCMD_rem_dlimit, TAG, at_end(&base, sizeof(base))),
	      "rem_dlimit at the end of the memory");
}

/* --- spaces: twelve bytes, for everybody ----------------------------------- */

static int enter(struct process *line, void *data)
{
	struct vcmd_space_mask_v2 mask = { .mask = CLONE_NEWUTS, .index = 1 };
	char host[65], guest[65];

	(void)line;
	(void)data;
	must(!gethostname(host, sizeof(host)), "the name of the host");
	exact("enter_space", VCMD_enter_space, XID, &mask, 12, 12);
	must(!gethostname(guest, sizeof(guest)), "the name of the guest");
	is_text(guest, "layout", "the host name of the guest");
	check(strcmp(guest, host), "it is not that of the host");
	mask.index = 2;
	refused(vserver(VCMD_enter_space, XID, at_end(&mask, 12)), EINVAL,
		"enter_space: the index is read");
	mask.index = 1;
	mask.mask = 1ULL << 40 | CLONE_NEWUTS;
	refused(vserver(VCMD_enter_space, XID, at_end(&mask, 12)), EINVAL,
		"enter_space: the upper half of the mask is read");
	return 0;
}

/* --- both widths ----------------------------------------------------------- */

/* What is set, in one text. */
static void tell(char *text, size_t size)
{
	struct vcmd_vhi_name_v0 name = { .field = VHIN_CONTEXT };
	struct vcmd_ctx_dlimit_v0 dlimit = { .name = "/tmp" };
	static const char *const files[] = { FILE_NAME, DIR_NAME, PROC_NAME };
	static const __u32 words[] = { VCMD_get_cflags, VCMD_get_ccaps,
		VCMD_get_bcaps, VCMD_get_umask, VCMD_get_wmask };
	struct vcmd_prio_bias bias = { .cpu_id = 0 };
	struct vcmd_sched_v5 s = { .mask = 0 };
	struct vcmd_badness_v0 badness = { 0 };
	__u64 value, mask;
	long result;
	int n = 0;

#define TELL(...) (n += snprintf(text + n, size - n, __VA_ARGS__))
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct vcmd_ctx_rlimit_v0 l = { .id = limits[i] };

		result = vserver(VCMD_get_rlimit, XID, &l);
		TELL("rlimit %u: %ld %llx %llx %llx\n", limits[i], result,
		     l.minimum, l.softlimit, l.maximum);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		result = get_flags(words[i], XID, &value, &mask);
		TELL("word %x: %ld %llx %llx\n", words[i], result, value, mask);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct vcmd_ctx_iattr_v1 a = { .name = files[i] };

		result = vserver(VCMD_get_iattr, 0, &a);
		TELL("iattr %s: %ld %x %x %x\n", files[i], result, a.tag,
		     a.flags, a.mask);
	}
	result = vserver(VCMD_get_dlimit, TAG, &dlimit);
	TELL("dlimit: %ld %x %x %x %x %u %x\n", result, dlimit.space_used,
	     dlimit.space_total, dlimit.inodes_used, dlimit.inodes_total,
	     dlimit.reserved, dlimit.flags);
	result = vserver(VCMD_get_vhi_name, XID, &name);
	TELL("name: %ld %.64s\n", result, name.name);
	result = vserver(VCMD_get_badness, XID, &badness);
	TELL("badness: %ld %lld\n", result, badness.bias);
	result = vserver(VCMD_get_prio_bias, XID, &bias);
	TELL("bias: %ld %d\n", result, bias.prio_bias);
	result = vserver(VCMD_get_sched, XID, &s);
	TELL("sched: %ld %d %d %d %d %d %d %d\n", result, s.fill_rate[0],
	     s.fill_rate[1], s.interval[0], s.interval[1], s.tokens,
	     s.tokens_min, s.tokens_max);
#undef TELL
}

/* What the program of the other width says. */
static void ask_other(char *text, size_t size)
{
	const char *program = beside(OTHER);
	size_t length = 0;
	ssize_t got;
	int fds[2], status = -1;
	pid_t pid;

	must(!pipe(fds), "a pipe");
	pid = fork();
	must(pid >= 0, "a child");
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl(program, "layout", "tell", NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((got = read(fds[0], text + length, size - 1 - length)) > 0)
		length += got;
	text[length] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	is(status, 0, "the program of the other width came to its end");
}

static void both(void)
{
	char own[8192], other[8192], what[64], *line, *wanted, *rest;

	tell(own, sizeof(own));
	ask_other(other, sizeof(other));
	wanted = strtok_r(own, "\n", &rest);
	line = other;
	while (wanted) {
		size_t length = strcspn(line, "\n");

		snprintf(what, sizeof(what), "both widths: %.*s",
			 (int)strcspn(wanted, ":"), wanted);
		check(length == strlen(wanted) &&
		      !strncmp(line, wanted, length), "%s", what);
		if (length != strlen(wanted) || strncmp(line, wanted, length))
			note("'%s' and '%.*s'", wanted, (int)length, line);
		line += length + (line[length] == '\n');
		wanted = strtok_r(NULL, "\n", &rest);
	}
	is_text(line, "", "both widths: nothing else");
}

/* The values are those that were set, as far as they can be. */
static void expected(void)
{
	struct vcmd_ctx_dlimit_v0 dlimit = { .name = "/tmp" };
	struct vcmd_ctx_iattr_v1 attr = { .name = FILE_NAME };
	char what[64];

	for (size_t i = 1; i < ARRAY_SIZE(limits); i++) {
		struct vcmd_ctx_rlimit_v0 l = { .id = limits[i] };

		vserver(VCMD_get_rlimit, XID, &l);
		snprintf(what, sizeof(what), "limit %u as it was set", l.id);
		check(l.softlimit == soft_of(i) && l.maximum == hard_of(i),
		      "%s", what);
	}
	vserver(VCMD_get_dlimit, TAG, &dlimit);
	check(dlimit.space_used == 0x10000001 &&
	      dlimit.space_total == 0x20000002 &&
	      dlimit.inodes_used == 0x30000003 &&
	      dlimit.inodes_total == 0x40000004 && dlimit.reserved == 15 &&
	      !dlimit.flags, "the disk limit as it was set");
	vserver(VCMD_get_iattr, 0, &attr);
	is_hex(attr.flags & ~IATTR_TAG, IATTR_IXUNLINK,
	       "the attributes of the file as they were set");
	attr.name = DIR_NAME;
	vserver(VCMD_get_iattr, 0, &attr);
	is_hex(attr.flags & ~IATTR_TAG, IATTR_BARRIER,
	       "the attributes of the directory as they were set");
}

/* Commands of build options that this kernel may not have. */
static void options(void)
{
	struct vcmd_set_mapping_v0 mapping = {
		.device = "/dev/null",
		.target = "/dev/zero",
		.flags = DATTR_OPEN | DATTR_REMAP,
	};
	struct vcmd_read_history_v0 history = { 0 };

	if (vserver(VCMD_set_mapping, XID, &mapping) && errno == ENOSYS) {
		skip("device maps", "this kernel has none");
	} else {
		exact("set_mapping", VCMD_set_mapping, XID, &mapping,
		      sizeof(mapping), SIZES(20, 12));
		check(vserver(VCMD_unset_mapping, XID,
			      at_end(&mapping, sizeof(mapping))) >= 0,
		      "unset_mapping at the end of the memory");
	}
	if (vserver(VCMD_read_history, 0, &history) && errno == ENOSYS)
		skip("history", "this kernel has none");
	else
		EXACT(read_history, 0, history);
}

/* Holds both contexts, with a host name of its own at index 1. */
static int holder(struct process *line, void *data)
{
	struct vcmd_space_mask_v2 mask = { .mask = CLONE_NEWUTS, .index = 1 };

	(void)data;
	must(vserver(VCMD_net_create, NID, NULL) == NID,
	     "the network context");
	must(ctx_create(XID, VXF_INIT_SET) == XID, "the context");
	must(!unshare(CLONE_NEWUTS) && !sethostname("layout", 6),
	     "a host name");
	exact("set_space", VCMD_set_space, VC_SAMECTX, &mask, 12, 12);
	say(line, 0);
	hear(line);
	return 0;
}

int main(int argc, char **argv)
{
	struct process p;

	if (argc == 2 && !strcmp(argv[1], "tell")) {
		char text[8192];

		tell(text, sizeof(text));
		fputs(text, stdout);
		return 0;
	}
	begin();
	make_page();
	p = start(holder, NULL);
	if (is(hear(&p), 0, "a context and a network context")) {
		in_child(enter, NULL, "who entered came to its end");
		questions();
		set_context();
		keep();
		set_net();
		set_files();
		expected();
		both();
		options();
		remove_files();
		say(&p, 0);
	}
	is(finish(&p), 0, "the context has ended");
	check(context_ends(XID), "the context is gone");
	return end();
}
