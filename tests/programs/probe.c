// SPDX-License-Identifier: GPL-2.0
/*
 * What every tool asks first, and what it concludes: version, feature word,
 * masks; who is refused; which commands are not there.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "support.h"

/* The tools ask for the version with this id. */
#define PROBE_ID	63

/* Names of no command in version 0x00020308, see commands.tsv. */
static const struct {
	__u32 number;
	const char *name;
} absent[] = {
	{ 0x01010000, "create_context" },
	{ 0x09010002, "ctx_create_v2" },
	{ 0x0A020000, "cleanup_namespace" },
	{ 0x0A030000, "set_space_v0" },
	{ 0x0A050000, "get_pflags" },
	{ 0x0A060000, "set_pflags" },
	{ 0x0B010002, "ctx_migrate_v2" },
	{ 0x0E010002, "set_sched_v2" },
	{ 0x0E010003, "set_sched_v3" },
	{ 0x1A050000, "add_match_ipv4" },
	{ 0x1A060000, "get_match_ipv4" },
	{ 0x1A070000, "add_match_ipv6" },
	{ 0x1A080000, "get_match_ipv6" },
	{ 0x26010000, "get_iattr_v0" },
	{ 0x26020000, "set_iattr_v0" },
	{ 0x34030000, "get_ccaps_v0" },
	{ 0x34040000, "set_ccaps_v0" },
	{ 0x38060000, "read_monitor" },
	{ 0x3F010001, "new_s_context" },
	{ 0x3F020003, "set_ipv4root" },
	{ 0x00000001, "get_version of another version" },
	{ 0xFFFFFFFF, "the highest number" },
};

static bool older_than(const char *release, int major, int minor, int patch)
{
	int a = 0, b = 0, c = 0;

	sscanf(release, "%d.%d.%d", &a, &b, &c);
	if (a != major)
		return a < major;
	if (b != minor)
		return b < minor;
	return c < patch;
}

/* vserver-info - FEATURE, by the rules of the original library. */
static void features(unsigned int version, unsigned int vci)
{
	struct utsname uts;

	must(!uname(&uts), "uname");

	const struct {
		const char *name;
		bool has, wanted;
	} table[] = {
		{ "vkill", version >= 0x00010000, true },
		{ "vhi", version >= 0x00010011, true },
		{ "iattr", version >= 0x00010011, true },
		{ "migrate", version >= 0x00010012, true },
		{ "namespace", version >= 0x00010012, true },
		{ "vwait", version >= 0x00010025, true },
		{ "vnet", version >= 0x00020001, true },
		{ "persistent", version >= 0x00020002, true },
		{ "pivot_root", version >= 0x00020304, true },
		{ "spaces", vci & VCI_SPACES, true },
		{ "net v2", vci & VCI_NETV2, true },
		{ "pptag", vci & VCI_PPTAG, true },
		{ "vstat", version >= 0x00020103 && version < 0x00020306,
		  false },
		{ "memcg", version >= 0x00020306 && (vci & VCI_MEMCG), false },
		{ "dynamic", !(vci & VCI_NO_DYNAMIC), false },
		{ "vshelper0", version >= 0x00010000 && version < 0x00010010,
		  false },
		{ "bme", older_than(uts.release, 2, 6, 26), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		check(table[i].has == table[i].wanted, "feature %s: %s",
		      table[i].name, table[i].wanted ? "yes" : "no");
}

static void words(void)
{
	long version = vserver(VCMD_get_version, PROBE_ID, NULL);
	long vci = vserver(VCMD_get_vci, 0, NULL);
	char text[512], wanted[128];

	is_hex(version, 0x00020308, "get_version");
	check((int)version > 0, "the version is a positive int");
	check((int)vci > 0, "the feature word is a positive int");
	is_hex(vci & (VCI_NO_DYNAMIC | VCI_SPACES | VCI_NETV2 | VCI_PPTAG),
	       VCI_NO_DYNAMIC | VCI_SPACES | VCI_NETV2 | VCI_PPTAG,
	       "the feature word has what the tools need");
	is_hex(vci & VCI_MORE, 0, "bit 31 is clear");
	note("feature word %#lx", vci);
	features(version, vci);

	must(read_text("/proc/virtual/info", text, sizeof(text)) > 0,
	     "/proc/virtual/info");
	snprintf(wanted, sizeof(wanted),
		 "VCIVersion:\t0002:0308\nVCISyscall:\t236\nVCIKernel:\t%08lx\n",
		 vci);
	is_text(text, wanted, "/proc/virtual/info says the same");
	must(read_text("/proc/virtnet/info", text, sizeof(text)) > 0,
	     "/proc/virtnet/info");
	is_text(text, wanted, "/proc/virtnet/info says the same");
}

static void masks(void)
{
	struct vcmd_space_mask_v1 mask = { 0 };
	struct vcmd_ctx_rlimit_mask_v0 limits = { 1, 1, 1 };

	works(vserver(VCMD_get_space_mask, 0, &mask), "get_space_mask");
	is_hex(mask.mask, 0x7C020200, "the spaces");
	works(vserver(VCMD_get_space_default, 0, &mask), "get_space_default");
	is_hex(mask.mask, 0x0C020200, "the spaces of a guest");
	works(vserver(VCMD_get_space_mask_v0, 0, &mask), "get_space_mask_v0");
	is_hex(mask.mask, 0x1C020200, "the spaces of old tools");
	works(vserver(VCMD_get_rlimit_mask, 0, &limits), "get_rlimit_mask");
	is_hex(limits.minimum, 0, "limits with a minimum");
	is_hex(limits.softlimit, 0, "limits with a soft limit alone");
	is_hex(limits.maximum, 0x004B17C0, "limits");
	refused(vserver(VCMD_get_space_mask, 0, NULL), EFAULT,
		"get_space_mask without room");
	refused(vserver(VCMD_get_rlimit_mask, 0, (void *)1), EFAULT,
		"get_rlimit_mask without room");
}

static void ids(void)
{
	static const __u32 bad[] = { 0, 1, 65536, 0x80000000, VC_SAMECTX,
				     VC_DYNAMIC_XID };
	struct vcmd_vx_info_v0 info;
	struct vcmd_nx_info_v0 net;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char what[64];

		snprintf(what, sizeof(what), "create context %#x", bad[i]);
		refused(ctx_create(bad[i], VXF_INIT_SET), EINVAL, what);
		refused(vserver(VCMD_ctx_create_v0, bad[i], NULL), EINVAL,
			what);
		snprintf(what, sizeof(what), "create network context %#x",
			 bad[i]);
		refused(vserver(VCMD_net_create, bad[i], NULL), EINVAL, what);
		refused(vserver(VCMD_net_create_v0, bad[i], NULL), EINVAL,
			what);
		refused(vserver(VCMD_vx_info, bad[i], &info), ESRCH,
			"vx_info of no context");
		refused(vserver(VCMD_nx_info, bad[i], &net), ESRCH,
			"nx_info of no network context");
	}
	refused(vserver(VCMD_ctx_create, 77, (void *)1), EFAULT,
		"create with a bad pointer");
	check(!context_exists(77), "nothing was created");
	is(vserver(VCMD_task_xid, 0, NULL), 0, "task_xid of the caller");
	is(vserver(VCMD_task_nid, 0, NULL), 0, "task_nid of the caller");
	is(vserver(VCMD_task_tag, 0, NULL), 0, "task_tag of the caller");
	is(vserver(VCMD_task_xid, getpid(), NULL), 0, "task_xid by pid");
	is(vserver(VCMD_task_xid, 1, NULL), 0, "task_xid of pid 1");
	refused(vserver(VCMD_task_xid, 0x3fffffff, NULL), ESRCH,
		"task_xid of no task");
	refused(vserver(VCMD_task_nid, 0x3fffffff, NULL), ESRCH,
		"task_nid of no task");
	refused(vserver(VCMD_task_tag, 0x3fffffff, NULL), ESRCH,
		"task_tag of no task");
}

static void commands(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		char what[64];

		snprintf(what, sizeof(what), "no command %s", absent[i].name);
		refused(vserver(absent[i].number, 0, NULL), ENOSYS, what);
	}
}

/* Without CAP_SYS_ADMIN the system call is not there. */
static int unprivileged(struct process *line, void *data)
{
	__u64 value, mask;

	(void)line;
	(void)data;
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 1;
	refused(vserver(VCMD_get_version, PROBE_ID, NULL), ENOSYS,
		"a plain user: get_version");
	refused(vserver(VCMD_get_vci, 0, NULL), ENOSYS,
		"a plain user: get_vci");
	refused(vserver(VCMD_task_xid, 0, NULL), ENOSYS,
		"a plain user: task_xid");
	refused(vserver(VCMD_ctx_migrate, 1, NULL), ENOSYS,
		"a plain user: become the spectator");
	refused(get_flags(VCMD_get_cflags, 2, &value, &mask), ENOSYS,
		"a plain user: get_cflags");
	refused(vserver(0x3F020003, 0, NULL), ENOSYS,
		"a plain user: no command at all");
	return 0;
}

/* The spectator looks and changes nothing. */
static int spectator(struct process *line, void *data)
{
	(void)line;
	(void)data;
	is(vserver(VCMD_ctx_migrate, 1, NULL), 1, "become the spectator");
	is(vserver(VCMD_task_xid, 0, NULL), 1, "the spectator's id");
	is(vserver(VCMD_ctx_migrate, 1, (void *)1), 1,
	   "once more; the data is not read");
	is_hex(vserver(VCMD_get_version, PROBE_ID, NULL), 0x00020308,
	       "the spectator: get_version");
	refused(vserver(VCMD_ctx_migrate, 2, NULL), EPERM,
		"the spectator: migrate");
	refused(space(VCMD_enter_space, 2, CLONE_NEWUTS, 0), EPERM,
		"the spectator: enter_space");
	refused(ctx_kill(2, 0, 9), EPERM, "the spectator: ctx_kill");
	refused(vserver(VCMD_tag_migrate, 5, NULL), EPERM,
		"the spectator: tag_migrate");
	return 0;
}

/* Tags are no objects: creating one is moving to it. */
static int tag(struct process *line, void *data)
{
	(void)line;
	(void)data;
	works(vserver(VCMD_tag_migrate, 0x12345, NULL), "tag_migrate");
	is_hex(vserver(VCMD_task_tag, 0, NULL), 0x2345,
	       "a tag has sixteen bits");
	is(vserver(VCMD_task_xid, 0, NULL), 0, "the context id stays");
	works(vserver(VCMD_tag_migrate, 0, NULL), "back to tag 0");
	is(vserver(VCMD_task_tag, 0, NULL), 0, "no tag");
	return 0;
}

/*
 * Programs of the time when seconds had 32 bits ask for time with the calls of
 * that time; so does the library of today's 32-bit programs.
 */
static void old_time(void)
{
#if __SIZEOF_LONG__ == 4
	int old_timespec[2] = { 0, 1000 };
	int old_timeval[2] = { 0, 1000 };

	works(syscall(SYS_nanosleep, old_timespec, NULL),
	      "nanosleep of a 32-bit program");
	works(syscall(SYS_gettimeofday, old_timeval, NULL),
	      "gettimeofday of a 32-bit program");
	works(syscall(SYS_clock_gettime, 1, old_timespec),
	      "clock_gettime of a 32-bit program");
#endif
}

int main(void)
{
	begin();
	words();
	masks();
	ids();
	commands();
	old_time();
	in_child(unprivileged, NULL, "a plain user came to its end");
	in_child(spectator, NULL, "the spectator came to its end");
	in_child(tag, NULL, "the tagged task came to its end");
	return end();
}
