/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface of vserver(2), version 0x00020308.
 *
 *	long vserver(__u32 command, __u32 id, void *data)
 *
 * Structures have the natural alignment of the caller, which on x86 is four
 * bytes for a __u64 of a 32-bit program: such a program gets the layouts that
 * the kernel expects from it.
 */
#ifndef _UAPI_LINUX_VSERVER_H
#define _UAPI_LINUX_VSERVER_H

#include <linux/types.h>

/* What get_version returns. */
#define VCI_VERSION			0x00020308

/*
 * Ids.  An id with the sign bit names the context of the caller, or in the
 * commands for network contexts its network context.
 */
#define VX_XID_HOST			0	/* tasks in no context */
#define VX_XID_SPECTATOR		1	/* sees all contexts */
#define VX_XID_MIN			2
#define MAX_S_CONTEXT			65535	/* highest id */
#define VC_DYNAMIC_XID			0xFFFFFFFF	/* refused: no such ids */
#define VC_SAMECTX			0xFFFFFFFE	/* of the caller */

/*
 * Commands: category, number in the category, version of the argument.
 */
#define VC_CAT_VERSION			0
#define VC_CAT_VHOST			2
#define VC_CAT_DEVICE			6
#define VC_CAT_VPROC			9
#define VC_CAT_PROCALT			10
#define VC_CAT_PROCMIG			11
#define VC_CAT_PROCTRL			12
#define VC_CAT_SCHED			14
#define VC_CAT_MEMCTRL			20
#define VC_CAT_VNET			25
#define VC_CAT_NETALT			26
#define VC_CAT_NETMIG			27
#define VC_CAT_TAGMIG			35
#define VC_CAT_DLIMIT			36
#define VC_CAT_INODE			38
#define VC_CAT_VSTAT			40
#define VC_CAT_VINFO			46
#define VC_CAT_EVENT			48
#define VC_CAT_FLAGS			52
#define VC_CAT_VSPACE			54
#define VC_CAT_DEBUG			56
#define VC_CAT_FEATURE			58
#define VC_CAT_RLIMIT			60

#define VC_CMD(category, command, version)				\
	((VC_CAT_##category << 24) | ((command) << 16) | (version))

#define VCMD_get_version		VC_CMD(VERSION, 0, 0)
#define VCMD_get_vci			VC_CMD(VERSION, 1, 0)

#define VCMD_set_vhi_name		VC_CMD(VHOST, 1, 0)
#define VCMD_get_vhi_name		VC_CMD(VHOST, 2, 0)

#define VCMD_set_mapping		VC_CMD(DEVICE, 1, 0)
#define VCMD_unset_mapping		VC_CMD(DEVICE, 2, 0)

#define VCMD_ctx_create_v0		VC_CMD(VPROC, 1, 0)
#define VCMD_ctx_create			VC_CMD(VPROC, 1, 1)

#define VCMD_enter_space_v0		VC_CMD(PROCALT, 1, 0)
#define VCMD_enter_space_v1		VC_CMD(PROCALT, 1, 1)
#define VCMD_enter_space		VC_CMD(PROCALT, 1, 2)
#define VCMD_set_space_v1		VC_CMD(PROCALT, 3, 1)
#define VCMD_set_space			VC_CMD(PROCALT, 3, 2)
#define VCMD_get_space_mask_v0		VC_CMD(PROCALT, 4, 0)

#define VCMD_ctx_migrate_v0		VC_CMD(PROCMIG, 1, 0)
#define VCMD_ctx_migrate		VC_CMD(PROCMIG, 1, 1)

#define VCMD_ctx_kill			VC_CMD(PROCTRL, 1, 0)

#define VCMD_set_sched_v4		VC_CMD(SCHED, 1, 4)
#define VCMD_set_sched			VC_CMD(SCHED, 1, 5)
#define VCMD_get_sched			VC_CMD(SCHED, 2, 5)
#define VCMD_sched_info			VC_CMD(SCHED, 3, 0)
#define VCMD_set_prio_bias		VC_CMD(SCHED, 4, 0)
#define VCMD_get_prio_bias		VC_CMD(SCHED, 5, 0)

#define VCMD_get_badness		VC_CMD(MEMCTRL, 5, 0)
#define VCMD_set_badness		VC_CMD(MEMCTRL, 6, 0)

#define VCMD_net_create_v0		VC_CMD(VNET, 1, 0)
#define VCMD_net_create			VC_CMD(VNET, 1, 1)

#define VCMD_net_add			VC_CMD(NETALT, 1, 0)
#define VCMD_net_remove			VC_CMD(NETALT, 2, 0)
#define VCMD_net_add_ipv4_v1		VC_CMD(NETALT, 1, 1)
#define VCMD_net_rem_ipv4_v1		VC_CMD(NETALT, 2, 1)
#define VCMD_net_add_ipv4		VC_CMD(NETALT, 1, 2)
#define VCMD_net_rem_ipv4		VC_CMD(NETALT, 2, 2)
#define VCMD_net_add_ipv6		VC_CMD(NETALT, 3, 1)
#define VCMD_net_remove_ipv6		VC_CMD(NETALT, 4, 1)

#define VCMD_net_migrate		VC_CMD(NETMIG, 1, 0)

#define VCMD_tag_migrate		VC_CMD(TAGMIG, 1, 0)

#define VCMD_add_dlimit			VC_CMD(DLIMIT, 1, 0)
#define VCMD_rem_dlimit			VC_CMD(DLIMIT, 2, 0)
#define VCMD_set_dlimit			VC_CMD(DLIMIT, 5, 0)
#define VCMD_get_dlimit			VC_CMD(DLIMIT, 6, 0)

#define VCMD_get_iattr			VC_CMD(INODE, 1, 1)
#define VCMD_set_iattr			VC_CMD(INODE, 2, 1)
#define VCMD_fget_iattr			VC_CMD(INODE, 3, 0)
#define VCMD_fset_iattr			VC_CMD(INODE, 4, 0)

#define VCMD_ctx_stat			VC_CMD(VSTAT, 0, 0)
#define VCMD_rlimit_stat		VC_CMD(VSTAT, 1, 0)
#define VCMD_virt_stat			VC_CMD(VSTAT, 3, 0)
#define VCMD_sock_stat			VC_CMD(VSTAT, 5, 0)

#define VCMD_task_xid			VC_CMD(VINFO, 1, 0)
#define VCMD_task_nid			VC_CMD(VINFO, 2, 0)
#define VCMD_task_tag			VC_CMD(VINFO, 3, 0)
#define VCMD_vx_info			VC_CMD(VINFO, 5, 0)
#define VCMD_nx_info			VC_CMD(VINFO, 6, 0)

#define VCMD_wait_exit			VC_CMD(EVENT, 99, 0)

#define VCMD_get_cflags			VC_CMD(FLAGS, 1, 0)
#define VCMD_set_cflags			VC_CMD(FLAGS, 2, 0)
#define VCMD_get_ccaps			VC_CMD(FLAGS, 3, 1)
#define VCMD_set_ccaps			VC_CMD(FLAGS, 4, 1)
#define VCMD_get_nflags			VC_CMD(FLAGS, 5, 0)
#define VCMD_set_nflags			VC_CMD(FLAGS, 6, 0)
#define VCMD_get_ncaps			VC_CMD(FLAGS, 7, 0)
#define VCMD_set_ncaps			VC_CMD(FLAGS, 8, 0)
#define VCMD_get_bcaps			VC_CMD(FLAGS, 9, 0)
#define VCMD_set_bcaps			VC_CMD(FLAGS, 10, 0)
#define VCMD_get_umask			VC_CMD(FLAGS, 13, 0)
#define VCMD_set_umask			VC_CMD(FLAGS, 14, 0)
#define VCMD_get_wmask			VC_CMD(FLAGS, 15, 0)
#define VCMD_set_wmask			VC_CMD(FLAGS, 16, 0)

#define VCMD_get_space_mask		VC_CMD(VSPACE, 0, 1)
#define VCMD_get_space_default		VC_CMD(VSPACE, 1, 0)

#define VCMD_dump_history		VC_CMD(DEBUG, 1, 0)
#define VCMD_read_history		VC_CMD(DEBUG, 5, 0)

/* Not known to kernels before 7.3. */
#define VCMD_get_features		VC_CMD(FEATURE, 1, 0)

#define VCMD_get_rlimit			VC_CMD(RLIMIT, 1, 0)
#define VCMD_set_rlimit			VC_CMD(RLIMIT, 2, 0)
#define VCMD_get_rlimit_mask		VC_CMD(RLIMIT, 3, 0)
#define VCMD_reset_hits			VC_CMD(RLIMIT, 7, 0)
#define VCMD_reset_minmax		VC_CMD(RLIMIT, 9, 0)

/*
 * The feature word of get_vci.
 */
#define VCI_NO_DYNAMIC			0x00000001
#define VCI_PROC_SECURE			0x00000010	/* entries start hidden */
#define VCI_HARDCPU			0x00000020
#define VCI_IDLELIMIT			0x00000040
#define VCI_IDLETIME			0x00000080
#define VCI_COWBL			0x00000100	/* links break on write */
#define VCI_FULLCOWBL			0x00000200
#define VCI_SPACES			0x00000400
#define VCI_NETV2			0x00000800
#define VCI_MEMCG			0x00001000
#define VCI_MEMCG_SWAP			0x00002000
#define VCI_DEBUG			0x00010000
#define VCI_HISTORY			0x00100000
#define VCI_TAGGED			0x01000000	/* unit of the field */
#define VCI_PPTAG			0x10000000
#define VCI_MORE			0x80000000	/* never set */

/* How tags are stored: a field of that word. */
#define VCI_TAGGED_MASK			0x07000000
#define VCI_TAGGED_SHIFT		24
#define VCI_TAG_NONE			0
#define VCI_TAG_UID16			1
#define VCI_TAG_GID16			2
#define VCI_TAG_ID24			3
#define VCI_TAG_INTERNAL		4
#define VCI_TAG_RUNTIME			5
#define VCI_TAG_UNKNOWN			7

/*
 * What this kernel adds to the original, and which values it does more with
 * than store and show them.
 *
 * The caller puts the size of its structure into size; at most that much is
 * written, and size tells how much the kernel has to say.
 */
struct vcmd_features {
	__u32 size;
	__u32 version;		/* VX_FEATURES_VERSION */
	__u64 bits;		/* VXFEAT_* */
};

#define VX_FEATURES_VERSION		1

#define VXFEAT_SPACE_TIME		0x00000001
#define VXFEAT_SPACE_CGROUP		0x00000002
#define VXFEAT_TRIMMED_CAPS		0x00000004
#define VXFEAT_OWN_SETUP_ONLY		0x00000008
#define VXFEAT_HOST_CREATE		0x00000010
#define VXFEAT_LEGACY_INIT		0x00000020
#define VXFEAT_HELPER			0x00000040
#define VXFEAT_PROC_ENTRIES		0x00000080
#define VXFEAT_NET_ENFORCED		0x00000100
#define VXFEAT_LIMITS_ENFORCED		0x00000200
#define VXFEAT_SCHED_ENFORCED		0x00000400
#define VXFEAT_DLIMIT_ENFORCED		0x00000800
#define VXFEAT_TAGGED			0x00001000
#define VXFEAT_DEVICE_MAP		0x00002000

/*
 * Contexts: creation, migration, what is known of them.  For creation and
 * migration a null pointer is allowed.
 */
struct vcmd_ctx_create {
	__u64 flagword;		/* VXF_* */
};

struct vcmd_ctx_migrate {
	__u64 flagword;		/* VXM_* */
};

#define VXM_SET_INIT			0x00000001
#define VXM_SET_REAPER			0x00000002

struct vcmd_vx_info_v0 {
	__u32 xid;
	__u32 initpid;		/* in the initial pid namespace, or 0 */
};

struct vcmd_ctx_stat_v0 {
	__u32 usecnt;
	__u32 tasks;
};

struct vcmd_ctx_kill_v0 {
	__s32 pid;		/* 0 all, -1 all but init, 1 init */
	__s32 sig;
};

struct vcmd_wait_exit_v0 {
	__s32 reboot_cmd;
	__s32 exit_code;	/* as from wait(2) */
};

struct vcmd_badness_v0 {
	__s64 bias;		/* of the out-of-memory score, pages */
};

#define VHILEN				65

struct vcmd_vhi_name_v0 {
	__u32 field;		/* VHIN_* */
	char name[VHILEN];
};

#define VHIN_CONTEXT			0
#define VHIN_SYSNAME			1
#define VHIN_NODENAME			2
#define VHIN_RELEASE			3
#define VHIN_VERSION			4
#define VHIN_MACHINE			5
#define VHIN_DOMAINNAME			6

/*
 * Words of bits.  Set changes the bits of the mask; get returns in the mask
 * which bits could be set.
 */
struct vcmd_ctx_flags_v0 {
	__u64 flagword;		/* VXF_* */
	__u64 mask;
};

struct vcmd_ctx_caps_v1 {
	__u64 ccaps;		/* VXC_* */
	__u64 cmask;
};

struct vcmd_bcaps {
	__u64 bcaps;		/* bit n: capability n */
	__u64 bmask;
};

struct vcmd_umask {
	__u64 umask;		/* CLONE_* */
	__u64 mask;
};

struct vcmd_wmask {
	__u64 wmask;
	__u64 mask;
};

/*
 * Context flags.
 */
#define VXF_INFO_LOCK			0x00000001
#define VXF_INFO_SCHED			0x00000002
#define VXF_INFO_NPROC			0x00000004
#define VXF_INFO_PRIVATE		0x00000008	/* no way in */
#define VXF_INFO_INIT			0x00000010	/* init is pid 1 */
#define VXF_INFO_HIDE			0x00000020
#define VXF_INFO_ULIMIT			0x00000040
#define VXF_INFO_NSPACE			0x00000080

#define VXF_SCHED_HARD			0x00000100
#define VXF_SCHED_PRIO			0x00000200
#define VXF_SCHED_PAUSE			0x00000400

#define VXF_VIRT_MEM			0x00010000
#define VXF_VIRT_UPTIME			0x00020000
#define VXF_VIRT_CPU			0x00040000
#define VXF_VIRT_LOAD			0x00080000
#define VXF_VIRT_TIME			0x00100000

#define VXF_HIDE_MOUNT			0x01000000
#define VXF_HIDE_NETIF			0x02000000
#define VXF_HIDE_VINFO			0x04000000

#define VXF_STATE_SETUP			((__u64)1 << 32)
#define VXF_STATE_INIT			((__u64)1 << 33)
#define VXF_STATE_ADMIN			((__u64)1 << 34)

#define VXF_SC_HELPER			((__u64)1 << 36)
#define VXF_REBOOT_KILL			((__u64)1 << 37)
#define VXF_PERSISTENT			((__u64)1 << 38)

#define VXF_FORK_RSS			((__u64)1 << 48)
#define VXF_PROLIFIC			((__u64)1 << 49)

#define VXF_IGNEG_NICE			((__u64)1 << 52)
#define VXF_IGNEG_IONICE		((__u64)1 << 53)

/* Can be cleared, never set again. */
#define VXF_ONE_TIME	(VXF_STATE_SETUP | VXF_STATE_INIT | VXF_STATE_ADMIN)
/* Of a new context when the caller does not choose. */
#define VXF_INIT_SET			VXF_ONE_TIME

/*
 * Context capabilities: each lets a task use one thing of a capability that
 * its context masks.
 */
#define VXC_SET_UTSNAME			0x00000001
#define VXC_SET_RLIMIT			0x00000002
#define VXC_FS_SECURITY			0x00000004
#define VXC_FS_TRUSTED			0x00000008
#define VXC_TIOCSTI			0x00000010
#define VXC_RAW_ICMP			0x00000100
#define VXC_SYSLOG			0x00001000
#define VXC_OOM_ADJUST			0x00002000
#define VXC_AUDIT_CONTROL		0x00004000
#define VXC_SECURE_MOUNT		0x00010000
#define VXC_SECURE_REMOUNT		0x00020000
#define VXC_BINARY_MOUNT		0x00040000
#define VXC_DEV_MOUNT			0x00080000
#define VXC_QUOTA_CTL			0x00100000
#define VXC_ADMIN_MAPPER		0x00200000
#define VXC_ADMIN_CLOOP			0x00400000
#define VXC_KTHREAD			0x01000000
#define VXC_NAMESPACE			0x02000000

/*
 * Spaces: the bits are CLONE_*.
 */
struct vcmd_space_mask_v1 {
	__u64 mask;
};

struct vcmd_space_mask_v2 {
	__u64 mask;
	__u32 index;		/* which set, below VX_SPACES */
};

#define VX_SPACES			2

/*
 * Network contexts.  Addresses and masks are in network byte order.
 */
struct vcmd_net_create {
	__u64 flagword;		/* NXF_* */
};

struct vcmd_nx_info_v0 {
	__u32 nid;
};

struct vcmd_net_addr_v0 {
	__u16 type;		/* NXA_* */
	__u16 count;
	__u32 ip[4];
	__u32 mask[4];
};

struct vcmd_net_addr_ipv4_v1 {
	__u16 type;
	__u16 flags;
	__u32 ip;
	__u32 mask;
};

struct vcmd_net_addr_ipv4_v2 {
	__u16 type;
	__u16 flags;
	__u32 ip;
	__u32 ip2;		/* end of a range */
	__u32 mask;
};

struct vcmd_net_addr_ipv6_v1 {
	__u16 type;
	__u16 flags;
	__u32 prefix;
	__u32 ip[4];
	__u32 mask[4];
};

struct vcmd_net_flags_v0 {
	__u64 flagword;		/* NXF_* */
	__u64 mask;
};

struct vcmd_net_caps_v0 {
	__u64 ncaps;		/* NXC_* */
	__u64 cmask;
};

#define NXF_INFO_LOCK			0x00000001
#define NXF_INFO_PRIVATE		0x00000008	/* no way in */

#define NXF_SINGLE_IP			0x00000100	/* any is the first */
#define NXF_LBACK_REMAP			0x00000200
#define NXF_LBACK_ALLOW			0x00000400

#define NXF_HIDE_NETIF			0x02000000
#define NXF_HIDE_LBACK			0x04000000

#define NXF_STATE_SETUP			((__u64)1 << 32)
#define NXF_STATE_ADMIN			((__u64)1 << 34)

#define NXF_SC_HELPER			((__u64)1 << 36)
#define NXF_PERSISTENT			((__u64)1 << 38)

/* Can be cleared, never set again. */
#define NXF_ONE_TIME	(NXF_STATE_SETUP | NXF_STATE_ADMIN)
/* Of a new network context when the caller does not choose. */
#define NXF_INIT_SET	(NXF_STATE_ADMIN | NXF_LBACK_REMAP | \
			 NXF_HIDE_LBACK | NXF_HIDE_NETIF)

#define NXC_TUN_CREATE			0x00000001
#define NXC_RAW_ICMP			0x00000100
#define NXC_MULTICAST			0x00001000

#define NXA_TYPE_IPV4			0x0001	/* vcmd_net_addr_v0 only */
#define NXA_TYPE_IPV6			0x0002	/* not for the kernel */

#define NXA_TYPE_NONE			0x0000
#define NXA_TYPE_ANY			0x00FF	/* remove all */

#define NXA_TYPE_ADDR			0x0010
#define NXA_TYPE_MASK			0x0020
#define NXA_TYPE_RANGE			0x0040	/* vcmd_net_addr_ipv4_v2 only */

#define NXA_MOD_BCAST			0x0100
#define NXA_MOD_LBACK			0x0200

#define NXA_LOOPBACK			0x1000

#define NXA_MASK_ALL	(NXA_TYPE_ADDR | NXA_TYPE_MASK | NXA_TYPE_RANGE)
#define NXA_MASK_BIND	(NXA_MASK_ALL | NXA_MOD_BCAST | NXA_MOD_LBACK)
#define NXA_MASK_SHOW	(NXA_MASK_ALL | NXA_LOOPBACK)

/*
 * Resource limits and use.  Ids below 16 are those of setrlimit(2) as most
 * architectures number them.
 */
struct vcmd_ctx_rlimit_v0 {
	__u32 id;
	__u64 minimum;		/* not used */
	__u64 softlimit;
	__u64 maximum;
};

#define CRLIM_UNSET			((__u64)0)
#define CRLIM_INFINITY			(~(__u64)0)
#define CRLIM_KEEP			(~(__u64)1)

struct vcmd_ctx_rlimit_mask_v0 {
	__u32 minimum;		/* bit n: resource n */
	__u32 softlimit;
	__u32 maximum;
};

struct vcmd_rlimit_stat_v0 {
	__u32 id;
	__u32 hits;		/* requests refused */
	__u64 value;
	__u64 minimum;
	__u64 maximum;
};

#define VLIMIT_NSOCK			16
#define VLIMIT_OPENFD			17
#define VLIMIT_ANON			18
#define VLIMIT_SHMEM			19
#define VLIMIT_SEMARY			20
#define VLIMIT_NSEMS			21
#define VLIMIT_DENTRY			22
#define VLIMIT_MAPPED			23

#define NUM_LIMITS			24

/*
 * Statistics.
 */
struct vcmd_virt_stat_v0 {
	__u64 offset;		/* of the clock, ns */
	__u64 uptime;		/* ns */
	__u32 nr_threads;
	__u32 nr_running;
	__u32 nr_uninterruptible;
	__u32 nr_onhold;
	__u32 nr_forks;
	__u32 load[3];		/* 11 bits of fraction */
};

struct vcmd_sock_stat_v0 {
	__u32 field;		/* VXSOCK_* */
	__u32 count[3];		/* received, sent, failed */
	__u64 total[3];		/* bytes */
};

#define VXSOCK_UNSPEC			0
#define VXSOCK_UNIX			1
#define VXSOCK_INET			2
#define VXSOCK_INET6			3
#define VXSOCK_PACKET			4
#define VXSOCK_OTHER			5
#define VXSOCK_COUNT			6

#define VXSOCK_RECV			0
#define VXSOCK_SEND			1
#define VXSOCK_FAIL			2

/*
 * The scheduler.
 */
struct vcmd_set_sched_v4 {
	__u32 set_mask;		/* VXSM_* */
	__s32 fill_rate;
	__s32 interval;
	__s32 tokens;
	__s32 tokens_min;
	__s32 tokens_max;
	__s32 prio_bias;
	__s32 cpu_id;
	__s32 bucket_id;
};

struct vcmd_sched_v5 {
	__u32 mask;		/* VXSM_* */
	__s32 cpu_id;
	__s32 bucket_id;
	__s32 fill_rate[2];	/* normal, idle time */
	__s32 interval[2];
	__s32 tokens;
	__s32 tokens_min;
	__s32 tokens_max;
	__s32 prio_bias;
};

struct vcmd_sched_info {
	__s32 cpu_id;
	__s32 bucket_id;
	__u64 user_msec;
	__u64 sys_msec;
	__u64 hold_msec;
	__u32 token_usec;
	__s32 vavavoom;		/* last correction of the priority */
};

struct vcmd_prio_bias {
	__s32 cpu_id;		/* set: VX_ALL_CPUS */
	__s32 prio_bias;
};

#define VX_ALL_CPUS			(-1)
#define VX_PRIO_BIAS_MIN		(-20)
#define VX_PRIO_BIAS_MAX		20

#define SCHED_KEEP			(-2)

#define VXSM_FILL_RATE			0x0001
#define VXSM_INTERVAL			0x0002
#define VXSM_FILL_RATE2			0x0004
#define VXSM_INTERVAL2			0x0008
#define VXSM_TOKENS			0x0010
#define VXSM_TOKENS_MIN			0x0020
#define VXSM_TOKENS_MAX			0x0040
#define VXSM_PRIO_BIAS			0x0100

#define VXSM_IDLE_TIME			0x0200
#define VXSM_FORCE			0x0400

#define VXSM_V3_MASK			0x0173
#define VXSM_SET_MASK			0x01FF

#define VXSM_CPU_ID			0x1000
#define VXSM_BUCKET_ID			0x2000
#define VXSM_MSEC			0x4000

/*
 * Attributes of inodes.
 */
struct vcmd_ctx_iattr_v1 {
	const char *name;	/* a final link is not followed */
	__u32 tag;
	__u32 flags;		/* IATTR_* */
	__u32 mask;
};

struct vcmd_ctx_fiattr_v0 {
	__u32 tag;
	__u32 flags;
	__u32 mask;
};

#define IATTR_ADMIN			0x00000001
#define IATTR_WATCH			0x00000002
#define IATTR_HIDE			0x00000004
#define IATTR_WRITE			0x00000008	/* ignored */
#define IATTR_FLAGS			0x00000007

#define IATTR_BARRIER			0x00010000
#define IATTR_IXUNLINK			0x00020000
#define IATTR_IMMUTABLE			0x00040000
#define IATTR_COW			0x00080000

#define IATTR_TAG			0x01000000

#define IATTR_PROC_DEFAULT		(IATTR_ADMIN | IATTR_HIDE)
#define IATTR_PROC_SYMLINK		IATTR_ADMIN
#define IATTR_PROC_ROOT			(IATTR_ADMIN | IATTR_WATCH)

/*
 * Disk limits.
 */
struct vcmd_ctx_dlimit_base_v0 {
	const char *name;	/* any path on the file system */
	__u32 flags;
};

struct vcmd_ctx_dlimit_v0 {
	const char *name;
	__u32 space_used;	/* KiB, or as DLIMF_SHIFT tells */
	__u32 space_total;
	__u32 inodes_used;
	__u32 inodes_total;
	__u32 reserved;		/* percent kept for root */
	__u32 flags;
};

#define CDLIM_UNSET			((__u32)0)
#define CDLIM_INFINITY			(~(__u32)0)
#define CDLIM_KEEP			(~(__u32)1)

/* The flags also hold a scale at each position. */
#define DLIMF_SHIFT			0x10
#define DLIMS_USED			0
#define DLIMS_TOTAL			2
#define DLIMS_MASK			0x3

#define DLIME_UNIT			0
#define DLIME_KILO			1
#define DLIME_MEGA			2
#define DLIME_GIGA			3

/*
 * Devices: null for a path means the default entry.
 */
struct vcmd_set_mapping_v0 {
	const char *device;
	const char *target;
	__u32 flags;		/* DATTR_* */
};

#define DATTR_CREATE			0x00000001
#define DATTR_OPEN			0x00000002
#define DATTR_REMAP			0x00000010
#define DATTR_MASK			0x00000013

/*
 * The helper program finds one of these in VS_CMD, or the command that the
 * guest gave to reboot(2).
 */
#define VSC_STARTUP			1
#define VSC_SHUTDOWN			2
#define VSC_NETUP			3
#define VSC_NETDOWN			4

#ifndef LINUX_REBOOT_CMD_OOM
#define LINUX_REBOOT_CMD_OOM		0xDEADBEEF
#endif

/*
 * History.
 */
struct vcmd_read_history_v0 {
	__u32 index;
	__u32 count;
	void *data;		/* array of struct vcmd_history_entry */
};

/* As the kernel has it: a 32-bit program must not use this on a 64-bit one. */
struct vcmd_history_entry {
	void *loc;
	__u16 seq;
	__u16 type;		/* VXH_* */
	void *ptr;
	__u32 xid;
	__u32 usecnt;
	__u32 tasks;
	void *data;
};

#define VXH_UNUSED			0
#define VXH_OOPS			1
#define VXH_GET				2
#define VXH_PUT				3
#define VXH_INIT			4
#define VXH_SET				5
#define VXH_CLEAR			6
#define VXH_CLAIM			7
#define VXH_RELEASE			8
#define VXH_ALLOC			9
#define VXH_DEALLOC			10
#define VXH_HASH			11
#define VXH_UNHASH			12
#define VXH_LOC				13
#define VXH_LOOKUP			14
#define VXH_CREATE			15

#endif /* _UAPI_LINUX_VSERVER_H */
