// SPDX-License-Identifier: GPL-2.0

//! The constants and their names in C.

use libvserver::abi::*;

/// A constant.
#[derive(Clone, Debug)]
pub struct Constant {
    pub rust: String,
    pub value: i128,
    /// Its name in C, or an expression of names.
    pub c: String,
}

/// Constants that C programs have no use for.
pub const NOT_IN_THE_HEADER: &[&str] = &[
    // C libraries do not agree on whether they name it, and where they do it is per architecture.
    "SYSCALL",
];

/// Lists constants: name here and expression in C.
macro_rules! named {
    ($($($path:ident)::+ = $c:literal;)*) => {
        [$(Constant {
            rust: stringify!($($path)::+).replace(' ', ""),
            value: $($path)::+ as i128,
            c: $c.to_owned(),
        }),*]
    };
}

/// Lists constants of a module whose names in C are the same after a prefix.
macro_rules! prefixed {
    ($($module:ident $prefix:literal { $($name:ident)* })*) => {
        [$($(Constant {
            rust: concat!(stringify!($module), "::", stringify!($name)).to_owned(),
            value: $module::$name as i128,
            c: concat!($prefix, stringify!($name)).to_owned(),
        }),*),*]
    };
}

/// All constants.
pub fn all() -> Vec<Constant> {
    let mut all = commands();
    all.extend(bits());
    all.extend(values());
    all.extend(others());
    all
}

fn commands() -> Vec<Constant> {
    let mut commands = prefixed! {
        vcmd "" {
            GET_VERSION GET_VCI SET_VHI_NAME GET_VHI_NAME SET_MAPPING UNSET_MAPPING CTX_CREATE_V0
            CTX_CREATE ENTER_SPACE_V0 ENTER_SPACE_V1 ENTER_SPACE SET_SPACE_V1 SET_SPACE
            GET_SPACE_MASK_V0 CTX_MIGRATE_V0 CTX_MIGRATE CTX_KILL SET_SCHED_V4 SET_SCHED GET_SCHED
            SCHED_INFO SET_PRIO_BIAS GET_PRIO_BIAS GET_BADNESS SET_BADNESS NET_CREATE_V0 NET_CREATE
            NET_ADD NET_REMOVE NET_ADD_IPV4_V1 NET_REM_IPV4_V1 NET_ADD_IPV4 NET_REM_IPV4
            NET_ADD_IPV6 NET_REMOVE_IPV6 NET_MIGRATE TAG_MIGRATE ADD_DLIMIT REM_DLIMIT SET_DLIMIT
            GET_DLIMIT GET_IATTR SET_IATTR FGET_IATTR FSET_IATTR CTX_STAT RLIMIT_STAT VIRT_STAT
            SOCK_STAT TASK_XID TASK_NID TASK_TAG VX_INFO NX_INFO WAIT_EXIT GET_CFLAGS SET_CFLAGS
            GET_CCAPS SET_CCAPS GET_NFLAGS SET_NFLAGS GET_NCAPS SET_NCAPS GET_BCAPS SET_BCAPS
            GET_UMASK SET_UMASK GET_WMASK SET_WMASK GET_SPACE_MASK GET_SPACE_DEFAULT DUMP_HISTORY
            READ_HISTORY GET_FEATURES GET_RLIMIT SET_RLIMIT GET_RLIMIT_MASK RESET_HITS RESET_MINMAX
        }
    }
    .to_vec();
    for command in &mut commands {
        command.c = format!("VCMD_{}", command.c.to_lowercase());
    }
    commands
}

fn bits() -> Vec<Constant> {
    prefixed! {
        vci "VCI_" {
            NO_DYNAMIC PROC_SECURE HARDCPU IDLELIMIT IDLETIME COWBL FULLCOWBL SPACES NETV2 MEMCG
            MEMCG_SWAP DEBUG HISTORY TAGGED PPTAG MORE TAGGED_MASK TAGGED_SHIFT TAG_NONE TAG_UID16
            TAG_GID16 TAG_ID24 TAG_INTERNAL TAG_RUNTIME TAG_UNKNOWN
        }
        feature "VXFEAT_" {
            SPACE_TIME SPACE_CGROUP TRIMMED_CAPS OWN_SETUP_ONLY HOST_CREATE LEGACY_INIT HELPER
            PROC_ENTRIES NET_ENFORCED LIMITS_ENFORCED SCHED_ENFORCED DLIMIT_ENFORCED TAGGED
            DEVICE_MAP
        }
        vxf "VXF_" {
            INFO_LOCK INFO_SCHED INFO_NPROC INFO_PRIVATE INFO_INIT INFO_HIDE INFO_ULIMIT
            INFO_NSPACE SCHED_HARD SCHED_PRIO SCHED_PAUSE VIRT_MEM VIRT_UPTIME VIRT_CPU VIRT_LOAD
            VIRT_TIME HIDE_MOUNT HIDE_NETIF HIDE_VINFO STATE_SETUP STATE_INIT STATE_ADMIN SC_HELPER
            REBOOT_KILL PERSISTENT FORK_RSS PROLIFIC IGNEG_NICE IGNEG_IONICE ONE_TIME INIT_SET
        }
        vxm "VXM_" { SET_INIT SET_REAPER }
        vxc "VXC_" {
            SET_UTSNAME SET_RLIMIT FS_SECURITY FS_TRUSTED TIOCSTI RAW_ICMP SYSLOG OOM_ADJUST
            AUDIT_CONTROL SECURE_MOUNT SECURE_REMOUNT BINARY_MOUNT DEV_MOUNT QUOTA_CTL ADMIN_MAPPER
            ADMIN_CLOOP KTHREAD NAMESPACE
        }
        nxf "NXF_" {
            INFO_LOCK INFO_PRIVATE SINGLE_IP LBACK_REMAP LBACK_ALLOW HIDE_NETIF HIDE_LBACK
            STATE_SETUP STATE_ADMIN SC_HELPER PERSISTENT ONE_TIME INIT_SET
        }
        nxc "NXC_" { TUN_CREATE RAW_ICMP MULTICAST }
        nxa "NXA_" {
            TYPE_IPV4 TYPE_IPV6 TYPE_NONE TYPE_ANY TYPE_ADDR TYPE_MASK TYPE_RANGE MOD_BCAST
            MOD_LBACK LOOPBACK MASK_ALL MASK_BIND MASK_SHOW
        }
        iattr "IATTR_" {
            ADMIN WATCH HIDE WRITE FLAGS BARRIER IXUNLINK IMMUTABLE COW TAG PROC_DEFAULT
            PROC_SYMLINK PROC_ROOT
        }
        vxsm "VXSM_" {
            FILL_RATE INTERVAL FILL_RATE2 INTERVAL2 TOKENS TOKENS_MIN TOKENS_MAX PRIO_BIAS
            IDLE_TIME FORCE CPU_ID BUCKET_ID MSEC V3_MASK SET_MASK
        }
        dattr "DATTR_" { CREATE OPEN REMAP MASK }
    }
    .to_vec()
}

fn values() -> Vec<Constant> {
    prefixed! {
        vhin "VHIN_" { CONTEXT SYSNAME NODENAME RELEASE VERSION MACHINE DOMAINNAME }
        rlimit "RLIMIT_" {
            CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE
            RTPRIO RTTIME
        }
        rlimit "VLIMIT_" { NSOCK OPENFD ANON SHMEM SEMARY NSEMS DENTRY MAPPED }
        rlimit "CRLIM_" { UNSET INFINITY KEEP }
        cdlim "CDLIM_" { UNSET INFINITY KEEP }
        cdlim "" { DLIMF_SHIFT }
        vsc "VSC_" { STARTUP SHUTDOWN NETUP NETDOWN }
        vsc "LINUX_REBOOT_CMD_" { RESTART HALT POWER_OFF SW_SUSPEND OOM }
        sock "VXSOCK_" { UNSPEC UNIX INET INET6 PACKET OTHER COUNT RECV SEND FAIL }
        history "VXH_" {
            UNUSED OOPS GET PUT INIT SET CLEAR CLAIM RELEASE ALLOC DEALLOC HASH UNHASH LOC LOOKUP
            CREATE
        }
        sched "VX_" { PRIO_BIAS_MIN PRIO_BIAS_MAX ALL_CPUS }
        sched "SCHED_" { KEEP }
    }
    .to_vec()
}

fn others() -> Vec<Constant> {
    named! {
        VERSION = "VCI_VERSION";
        XID_HOST = "VX_XID_HOST";
        XID_SPECTATOR = "VX_XID_SPECTATOR";
        XID_MIN = "VX_XID_MIN";
        XID_MAX = "MAX_S_CONTEXT";
        XID_SELF = "VC_SAMECTX";
        XID_DYNAMIC = "VC_DYNAMIC_XID";
        FEATURES_VERSION = "VX_FEATURES_VERSION";
        SPACE_MASK_V2_READ =
            "__builtin_offsetof(struct vcmd_space_mask_v2, index) + sizeof(__u32)";
        vhin::LEN = "VHILEN";
        rlimit::COUNT = "NUM_LIMITS";
        rlimit::SETTABLE =
            "1 << RLIMIT_NPROC | 1 << RLIMIT_NOFILE | 1 << RLIMIT_MEMLOCK | 1 << RLIMIT_AS |
            1 << RLIMIT_LOCKS | 1 << RLIMIT_MSGQUEUE | 1 << VLIMIT_NSOCK | 1 << VLIMIT_OPENFD |
            1 << VLIMIT_SHMEM | 1 << VLIMIT_DENTRY";
        cdlim::SCALE_MASK = "DLIMS_MASK";
        cdlim::SCALE_USED_SHIFT = "DLIMS_USED";
        cdlim::SCALE_TOTAL_SHIFT = "DLIMS_TOTAL";
        cdlim::SCALE_BYTE = "DLIME_UNIT";
        cdlim::SCALE_KIB = "DLIME_KILO";
        cdlim::SCALE_MIB = "DLIME_MEGA";
        cdlim::SCALE_GIB = "DLIME_GIGA";
        space::TIME = "CLONE_NEWTIME";
        space::FS = "CLONE_FS";
        space::MNT = "CLONE_NEWNS";
        space::CGROUP = "CLONE_NEWCGROUP";
        space::UTS = "CLONE_NEWUTS";
        space::IPC = "CLONE_NEWIPC";
        space::USER = "CLONE_NEWUSER";
        space::PID = "CLONE_NEWPID";
        space::NET = "CLONE_NEWNET";
        space::SETS = "VX_SPACES";
        space::DEFAULT = "CLONE_FS | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC";
        space::MASK_V0 = "CLONE_FS | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER";
        space::MASK =
            "CLONE_FS | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
            CLONE_NEWNET";
        space::SUPPORTED =
            "CLONE_FS | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
            CLONE_NEWNET | CLONE_NEWTIME | CLONE_NEWCGROUP";
    }
    .to_vec()
}
