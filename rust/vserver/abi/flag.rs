// SPDX-License-Identifier: GPL-2.0

//! Words of bits.

/// Bits of the feature word that `get_vci` returns (`VCI_*`).
pub mod vci {
    /// There are no dynamic context ids.
    pub const NO_DYNAMIC: u32 = 0x0000_0001;
    /// Procfs entries start hidden.
    pub const PROC_SECURE: u32 = 0x0000_0010;
    /// The scheduler can stop a context without tokens.
    pub const HARDCPU: u32 = 0x0000_0020;
    /// The scheduler limits the use of idle time.
    pub const IDLELIMIT: u32 = 0x0000_0040;
    /// The scheduler hands out idle time.
    pub const IDLETIME: u32 = 0x0000_0080;
    /// Copy-on-write link breaking.
    pub const COWBL: u32 = 0x0000_0100;
    /// Copy-on-write link breaking for every way of changing a file.
    pub const FULLCOWBL: u32 = 0x0000_0200;
    /// Spaces, `ctx_create` v1 and `ctx_migrate` v1.
    pub const SPACES: u32 = 0x0000_0400;
    /// Network interface version 2.
    pub const NETV2: u32 = 0x0000_0800;
    /// There is a memory controller for cgroups.
    pub const MEMCG: u32 = 0x0000_1000;
    /// The memory controller accounts swap.
    pub const MEMCG_SWAP: u32 = 0x0000_2000;
    /// Debugging code is built in.
    pub const DEBUG: u32 = 0x0001_0000;
    /// There is a history ring.
    pub const HISTORY: u32 = 0x0010_0000;
    /// Unit of the field [`TAGGED_MASK`], which holds how tags are stored on disk.
    pub const TAGGED: u32 = 0x0100_0000;
    /// Per process tags.
    pub const PPTAG: u32 = 0x1000_0000;
    /// Announces a second word. Never set: the result of the call would be negative.
    pub const MORE: u32 = 0x8000_0000;

    /// The field that holds one of the `TAG_*` values.
    pub const TAGGED_MASK: u32 = 0x0700_0000;
    /// Position of the field [`TAGGED_MASK`].
    pub const TAGGED_SHIFT: u32 = 24;
    /// No tags.
    pub const TAG_NONE: u32 = 0;
    /// The tag takes the upper half of the user id.
    pub const TAG_UID16: u32 = 1;
    /// The tag takes the upper half of the group id.
    pub const TAG_GID16: u32 = 2;
    /// The tag takes the upper byte of user and group id.
    pub const TAG_ID24: u32 = 3;
    /// The tag has a field of its own.
    pub const TAG_INTERNAL: u32 = 4;
    /// The tag is kept in memory only.
    pub const TAG_RUNTIME: u32 = 5;
    /// The kernel does not know.
    pub const TAG_UNKNOWN: u32 = 7;
}

/// Bits that `get_features` returns: what differs from the original.
///
/// Which of them are announced is decided in the kernel, by what was built and by what is attached
/// to it. A bit that is missing tells that the kernel behaves as the original did or, for the
/// `*_ENFORCED` bits, that values are stored and shown and nothing more.
pub mod feature {
    /// `set_space` and `enter_space` accept [`space::TIME`](super::space::TIME).
    pub const SPACE_TIME: u64 = 0x0000_0001;
    /// `set_space` and `enter_space` accept [`space::CGROUP`](super::space::CGROUP).
    pub const SPACE_CGROUP: u64 = 0x0000_0002;
    /// The capability mask also reduces the capability sets of a task, at migration and at exec;
    /// the original only masked each check.
    pub const TRIMMED_CAPS: u64 = 0x0000_0004;
    /// A caller in a context in setup may change that context only; the original allowed it to
    /// change any.
    pub const OWN_SETUP_ONLY: u64 = 0x0000_0008;
    /// Only the host creates contexts and network contexts.
    pub const HOST_CREATE: u64 = 0x0000_0010;
    /// A guest without a pid namespace of its own can see its init as pid 1
    /// ([`vxf::INFO_INIT`](super::vxf::INFO_INIT)).
    pub const LEGACY_INIT: u64 = 0x0000_0020;
    /// The helper program of user space is run on startup and shutdown and for a reboot from
    /// inside.
    pub const HELPER: u64 = 0x0000_0040;
    /// Each entry of procfs has bits of its own that tell who sees it
    /// ([`iattr::FLAGS`](super::iattr::FLAGS)).
    pub const PROC_ENTRIES: u64 = 0x0000_0080;
    /// Addresses, flags and capabilities of network contexts restrict the sockets of their tasks.
    pub const NET_ENFORCED: u64 = 0x0000_0100;
    /// Limits of contexts on threads, open files, sockets, System V shared memory, locks, message
    /// queues, address space and locked memory refuse what exceeds them.
    pub const LIMITS_ENFORCED: u64 = 0x0000_0200;
    /// The token bucket of a context stops its tasks.
    pub const SCHED_ENFORCED: u64 = 0x0000_0400;
    /// Disk limits refuse blocks and inodes that exceed them.
    pub const DLIMIT_ENFORCED: u64 = 0x0000_0800;
    /// Inodes carry the tag of the context that made them, and access to those of others is
    /// refused.
    pub const TAGGED: u64 = 0x0000_1000;
    /// Nodes of devices can be closed and led elsewhere
    /// ([`SetMapping`](super::SetMapping)).
    pub const DEVICE_MAP: u64 = 0x0000_2000;
}

/// Context flags (`VXF_*`), 64 bits.
///
/// Bits called historic are stored and shown and have no effect.
pub mod vxf {
    /// Historic: no contexts inside the context.
    pub const INFO_LOCK: u64 = 0x0000_0000_0000_0001;
    /// Historic: the scheduler treats the whole context as one process.
    pub const INFO_SCHED: u64 = 0x0000_0000_0000_0002;
    /// Historic: the process limit holds for the whole context.
    pub const INFO_NPROC: u64 = 0x0000_0000_0000_0004;
    /// Nobody migrates in after setup, nobody enters the spaces.
    pub const INFO_PRIVATE: u64 = 0x0000_0000_0000_0008;
    /// Show the registered init as pid 1 inside.
    pub const INFO_INIT: u64 = 0x0000_0000_0000_0010;
    /// Historic: hide the context in process status.
    pub const INFO_HIDE: u64 = 0x0000_0000_0000_0020;
    /// Historic: resource limits hold per context.
    pub const INFO_ULIMIT: u64 = 0x0000_0000_0000_0040;
    /// Historic: the context has a mount namespace of its own.
    pub const INFO_NSPACE: u64 = 0x0000_0000_0000_0080;
    /// Tasks stop when no tokens are left.
    pub const SCHED_HARD: u64 = 0x0000_0000_0000_0100;
    /// The number of tokens changes the priority of tasks.
    pub const SCHED_PRIO: u64 = 0x0000_0000_0000_0200;
    /// All tasks are kept off the processors.
    pub const SCHED_PAUSE: u64 = 0x0000_0000_0000_0400;
    /// Memory files and `sysinfo` show the limits of the context.
    pub const VIRT_MEM: u64 = 0x0000_0000_0001_0000;
    /// Uptime counts from the creation of the context.
    pub const VIRT_UPTIME: u64 = 0x0000_0000_0002_0000;
    /// `/proc/stat` shows the processors of the task only.
    pub const VIRT_CPU: u64 = 0x0000_0000_0004_0000;
    /// Load and process counts are those of the context.
    pub const VIRT_LOAD: u64 = 0x0000_0000_0008_0000;
    /// The context has a clock offset; setting the time changes only that.
    pub const VIRT_TIME: u64 = 0x0000_0000_0010_0000;
    /// Mount tables appear empty inside.
    pub const HIDE_MOUNT: u64 = 0x0000_0000_0100_0000;
    /// Historic: hide foreign network interfaces; see [`nxf::HIDE_NETIF`](super::nxf::HIDE_NETIF).
    pub const HIDE_NETIF: u64 = 0x0000_0000_0200_0000;
    /// Hide `vinfo`, `ninfo` and the id lines of the tasks of the context.
    pub const HIDE_VINFO: u64 = 0x0000_0000_0400_0000;
    /// One-time: the context is being set up.
    pub const STATE_SETUP: u64 = 0x0000_0001_0000_0000;
    /// One-time: no init is registered yet.
    pub const STATE_INIT: u64 = 0x0000_0002_0000_0000;
    /// One-time: the host may administrate the context.
    pub const STATE_ADMIN: u64 = 0x0000_0004_0000_0000;
    /// Run the user-space helper on startup and shutdown.
    pub const SC_HELPER: u64 = 0x0000_0010_0000_0000;
    /// A reboot from inside kills all tasks.
    pub const REBOOT_KILL: u64 = 0x0000_0020_0000_0000;
    /// The context stays without tasks.
    pub const PERSISTENT: u64 = 0x0000_0040_0000_0000;
    /// Historic: no fork when the memory limit is exceeded.
    pub const FORK_RSS: u64 = 0x0001_0000_0000_0000;
    /// Historic: the context may create many contexts.
    pub const PROLIFIC: u64 = 0x0002_0000_0000_0000;
    /// A refused raise of priority succeeds without effect.
    pub const IGNEG_NICE: u64 = 0x0010_0000_0000_0000;
    /// Historic: as [`IGNEG_NICE`], for the priority of input and output.
    pub const IGNEG_IONICE: u64 = 0x0020_0000_0000_0000;

    /// The bits that can be cleared but never set again.
    pub const ONE_TIME: u64 = STATE_SETUP | STATE_INIT | STATE_ADMIN;
    /// Flag word of a new context when none is given.
    pub const INIT_SET: u64 = ONE_TIME;
}

/// Flags of `ctx_migrate` (`VXM_*`).
pub mod vxm {
    /// Register the caller as init of the context.
    pub const SET_INIT: u64 = 0x1;
    /// Register the caller as child reaper of the context.
    pub const SET_REAPER: u64 = 0x2;
}

/// Context capabilities (`VXC_*`).
///
/// Each allows one thing to a task that has the capability for it but whose context masks that
/// capability. Bits 32 and above have no meaning.
pub mod vxc {
    /// `sethostname` and `setdomainname`.
    pub const SET_UTSNAME: u64 = 0x0000_0000_0000_0001;
    /// Raise hard resource limits.
    pub const SET_RLIMIT: u64 = 0x0000_0000_0000_0002;
    /// Set and remove extended attributes of `security.`.
    pub const FS_SECURITY: u64 = 0x0000_0000_0000_0004;
    /// Use extended attributes of `trusted.`.
    pub const FS_TRUSTED: u64 = 0x0000_0000_0000_0008;
    /// Feed input to a terminal that is not the controlling one.
    pub const TIOCSTI: u64 = 0x0000_0000_0000_0010;
    /// Raw ICMP sockets; see also [`nxc::RAW_ICMP`](super::nxc::RAW_ICMP).
    pub const RAW_ICMP: u64 = 0x0000_0000_0000_0100;
    /// Use the system log call.
    pub const SYSLOG: u64 = 0x0000_0000_0000_1000;
    /// Lower the adjustment of the out-of-memory score.
    pub const OOM_ADJUST: u64 = 0x0000_0000_0000_2000;
    /// Change a login uid that is already set.
    pub const AUDIT_CONTROL: u64 = 0x0000_0000_0000_4000;
    /// Mount and umount.
    pub const SECURE_MOUNT: u64 = 0x0000_0000_0001_0000;
    /// Change the options of a mount.
    pub const SECURE_REMOUNT: u64 = 0x0000_0000_0002_0000;
    /// Mount what has binary mount data or no block device.
    pub const BINARY_MOUNT: u64 = 0x0000_0000_0004_0000;
    /// Mount without being forced to forbid devices.
    pub const DEV_MOUNT: u64 = 0x0000_0000_0008_0000;
    /// Administrate quotas.
    pub const QUOTA_CTL: u64 = 0x0000_0000_0010_0000;
    /// Control the device mapper.
    pub const ADMIN_MAPPER: u64 = 0x0000_0000_0020_0000;
    /// Set up encrypted loop devices and read their keys.
    pub const ADMIN_CLOOP: u64 = 0x0000_0000_0040_0000;
    /// Start kernel threads.
    pub const KTHREAD: u64 = 0x0000_0000_0100_0000;
    /// Change the propagation of mounts.
    pub const NAMESPACE: u64 = 0x0000_0000_0200_0000;
}

/// Network context flags (`NXF_*`), 64 bits.
pub mod nxf {
    /// Historic.
    pub const INFO_LOCK: u64 = 0x0000_0000_0000_0001;
    /// Nobody migrates in after setup.
    pub const INFO_PRIVATE: u64 = 0x0000_0000_0000_0008;
    /// A wildcard means the first IPv4 address; goes when a second entry is added.
    pub const SINGLE_IP: u64 = 0x0000_0000_0000_0100;
    /// 127.0.0.1 stands for the loopback address of the network context.
    pub const LBACK_REMAP: u64 = 0x0000_0000_0000_0200;
    /// The loopback of the host may be reached.
    pub const LBACK_ALLOW: u64 = 0x0000_0000_0000_0400;
    /// Hide interfaces and addresses that are not of the network context.
    pub const HIDE_NETIF: u64 = 0x0000_0000_0200_0000;
    /// Show the loopback address of the network context as 127.0.0.1.
    pub const HIDE_LBACK: u64 = 0x0000_0000_0400_0000;
    /// One-time: the network context is being set up.
    pub const STATE_SETUP: u64 = 0x0000_0001_0000_0000;
    /// One-time: the host may administrate the network context.
    pub const STATE_ADMIN: u64 = 0x0000_0004_0000_0000;
    /// Run the user-space helper when the network context starts and ends.
    pub const SC_HELPER: u64 = 0x0000_0010_0000_0000;
    /// The network context stays without tasks.
    pub const PERSISTENT: u64 = 0x0000_0040_0000_0000;

    /// The bits that can be cleared but never set again.
    pub const ONE_TIME: u64 = STATE_SETUP | STATE_ADMIN;
    /// Flag word of a new network context when none is given.
    pub const INIT_SET: u64 = STATE_ADMIN | HIDE_LBACK | HIDE_NETIF | LBACK_REMAP;
}

/// Network context capabilities (`NXC_*`).
pub mod nxc {
    /// Create tun and tap devices.
    pub const TUN_CREATE: u64 = 0x0000_0000_0000_0001;
    /// ICMP and ICMPv6 sockets of every type.
    pub const RAW_ICMP: u64 = 0x0000_0000_0000_0100;
    /// Bind to multicast addresses.
    pub const MULTICAST: u64 = 0x0000_0000_0000_1000;
}

/// Types of addresses of a network context (`NXA_*`), the member `type_` of the address
/// structures.
pub mod nxa {
    /// IPv4: version 0 only, and inside user space.
    pub const TYPE_IPV4: u16 = 0x0001;
    /// IPv6: inside user space only.
    pub const TYPE_IPV6: u16 = 0x0002;
    /// An empty entry.
    pub const TYPE_NONE: u16 = 0x0000;
    /// Every entry, for removal.
    pub const TYPE_ANY: u16 = 0x00ff;
    /// One address.
    pub const TYPE_ADDR: u16 = 0x0010;
    /// All addresses of a network.
    pub const TYPE_MASK: u16 = 0x0020;
    /// All addresses from a first to a last one; version 2 only.
    pub const TYPE_RANGE: u16 = 0x0040;
    /// With [`TYPE_ADDR`]: the broadcast address.
    pub const MOD_BCAST: u16 = 0x0100;
    /// With [`TYPE_ADDR`]: the loopback address.
    pub const MOD_LBACK: u16 = 0x0200;
    /// Asks a match for 127.0.0.1; inside the kernel only.
    pub const LOOPBACK: u16 = 0x1000;

    /// The types of entries in a list.
    pub const MASK_ALL: u16 = TYPE_ADDR | TYPE_MASK | TYPE_RANGE;
    /// What bind and source checks match.
    pub const MASK_BIND: u16 = MASK_ALL | MOD_BCAST | MOD_LBACK;
    /// What visibility checks match.
    pub const MASK_SHOW: u16 = MASK_ALL | LOOPBACK;
}

/// Attributes of inodes (`IATTR_*`).
pub mod iattr {
    /// A hidden procfs entry is visible to the host.
    pub const ADMIN: u32 = 0x0000_0001;
    /// A hidden procfs entry is visible to the spectator.
    pub const WATCH: u32 = 0x0000_0002;
    /// A procfs entry is hidden, but for those named by [`ADMIN`] and [`WATCH`].
    pub const HIDE: u32 = 0x0000_0004;
    /// Known to user space only; ignored by the kernel.
    pub const WRITE: u32 = 0x0000_0008;
    /// The bits of procfs entries.
    pub const FLAGS: u32 = ADMIN | WATCH | HIDE;
    /// A directory that only host and spectator may pass.
    pub const BARRIER: u32 = 0x0001_0000;
    /// Reverses what the immutable bit means for the names of the inode.
    pub const IXUNLINK: u32 = 0x0002_0000;
    /// The immutable bit.
    pub const IMMUTABLE: u32 = 0x0004_0000;
    /// Copy a regular file with several links before it is changed.
    pub const COW: u32 = 0x0008_0000;
    /// The member `tag` is valid.
    pub const TAG: u32 = 0x0100_0000;

    /// Bits of a new procfs entry when entries start hidden.
    pub const PROC_DEFAULT: u32 = ADMIN | HIDE;
    /// Bits of a new symbolic link in procfs.
    pub const PROC_SYMLINK: u32 = ADMIN;
    /// Bits of the root of procfs.
    pub const PROC_ROOT: u32 = ADMIN | WATCH;
}

/// Which members of a scheduler structure apply (`VXSM_*`).
pub mod vxsm {
    /// Normal fill rate.
    pub const FILL_RATE: u32 = 0x0000_0001;
    /// Normal interval.
    pub const INTERVAL: u32 = 0x0000_0002;
    /// Fill rate of idle time.
    pub const FILL_RATE2: u32 = 0x0000_0004;
    /// Interval of idle time.
    pub const INTERVAL2: u32 = 0x0000_0008;
    /// Present tokens.
    pub const TOKENS: u32 = 0x0000_0010;
    /// Tokens needed to go on.
    pub const TOKENS_MIN: u32 = 0x0000_0020;
    /// Size of the bucket.
    pub const TOKENS_MAX: u32 = 0x0000_0040;
    /// Priority bias.
    pub const PRIO_BIAS: u32 = 0x0000_0100;
    /// Idle time is handed out.
    pub const IDLE_TIME: u32 = 0x0000_0200;
    /// Apply at once on the selected processors.
    pub const FORCE: u32 = 0x0000_0400;
    /// The member `cpu_id` selects one processor.
    pub const CPU_ID: u32 = 0x0000_1000;
    /// The member `bucket_id` is valid; without effect.
    pub const BUCKET_ID: u32 = 0x0000_2000;
    /// Intervals are milliseconds.
    pub const MSEC: u32 = 0x0000_4000;

    /// The bits of version 3.
    pub const V3_MASK: u32 = 0x0000_0173;
    /// The bits that are kept over several changes.
    pub const SET_MASK: u32 = 0x0000_01ff;
}

/// Flags of device mappings (`DATTR_*`).
pub mod dattr {
    /// The node may be made.
    pub const CREATE: u32 = 0x0000_0001;
    /// The node may be opened.
    pub const OPEN: u32 = 0x0000_0002;
    /// Opening the node opens the target.
    pub const REMAP: u32 = 0x0000_0010;
    /// All bits.
    pub const MASK: u32 = CREATE | OPEN | REMAP;
}

/// Space bits: those of `clone(2)`.
pub mod space {
    /// Time namespace (not handled by the original).
    pub const TIME: u64 = 0x0000_0080;
    /// Root, working directory and umask.
    pub const FS: u64 = 0x0000_0200;
    /// Mount namespace.
    pub const MNT: u64 = 0x0002_0000;
    /// Cgroup namespace (not handled by the original).
    pub const CGROUP: u64 = 0x0200_0000;
    /// Host name namespace.
    pub const UTS: u64 = 0x0400_0000;
    /// IPC namespace.
    pub const IPC: u64 = 0x0800_0000;
    /// Credentials and user namespace.
    pub const USER: u64 = 0x1000_0000;
    /// Process id namespace of future children.
    pub const PID: u64 = 0x2000_0000;
    /// Network namespace.
    pub const NET: u64 = 0x4000_0000;

    /// Answer of `get_space_mask_v0`.
    pub const MASK_V0: u64 = FS | MNT | UTS | IPC | USER;
    /// Answer of `get_space_mask`: what existing programs may ask for.
    pub const MASK: u64 = MASK_V0 | PID | NET;
    /// Answer of `get_space_default`.
    pub const DEFAULT: u64 = FS | MNT | UTS | IPC;
    /// What `set_space` and `enter_space` accept: [`MASK`] and the newer namespaces.
    pub const SUPPORTED: u64 = MASK | TIME | CGROUP;
    /// Number of sets that a context stores.
    pub const SETS: u32 = 2;
}
