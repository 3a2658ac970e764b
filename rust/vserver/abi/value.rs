// SPDX-License-Identifier: GPL-2.0

//! Values that are not bits: fields, resources, limits, events.

/// Fields of `set_vhi_name` and `get_vhi_name` (`VHIN_*`).
pub mod vhin {
    /// Name of the context itself.
    pub const CONTEXT: u32 = 0;
    /// System name.
    pub const SYSNAME: u32 = 1;
    /// Node name.
    pub const NODENAME: u32 = 2;
    /// Release.
    pub const RELEASE: u32 = 3;
    /// Version.
    pub const VERSION: u32 = 4;
    /// Machine.
    pub const MACHINE: u32 = 5;
    /// Domain name.
    pub const DOMAINNAME: u32 = 6;
    /// Bytes of a name, terminator included.
    pub const LEN: usize = 65;
}

/// Resources of a context, and special values of their limits (`RLIMIT_*`, `VLIMIT_*`, `CRLIM_*`).
///
/// Ids up to 15 are those of `setrlimit(2)`, the others exist for contexts only.
pub mod rlimit {
    /// Processor time.
    pub const CPU: u32 = 0;
    /// Size of a file.
    pub const FSIZE: u32 = 1;
    /// Size of the data segment.
    pub const DATA: u32 = 2;
    /// Size of the stack.
    pub const STACK: u32 = 3;
    /// Size of a core file.
    pub const CORE: u32 = 4;
    /// Resident pages.
    pub const RSS: u32 = 5;
    /// Threads.
    pub const NPROC: u32 = 6;
    /// Open files.
    pub const NOFILE: u32 = 7;
    /// Locked pages.
    pub const MEMLOCK: u32 = 8;
    /// Pages of address space.
    pub const AS: u32 = 9;
    /// File locks.
    pub const LOCKS: u32 = 10;
    /// Pending signals.
    pub const SIGPENDING: u32 = 11;
    /// Bytes in POSIX message queues.
    pub const MSGQUEUE: u32 = 12;
    /// Highest nice value; not used for contexts.
    pub const NICE: u32 = 13;
    /// Highest realtime priority; not used for contexts.
    pub const RTPRIO: u32 = 14;
    /// Realtime without a break; not used for contexts.
    pub const RTTIME: u32 = 15;
    /// Sockets.
    pub const NSOCK: u32 = 16;
    /// Open descriptors.
    pub const OPENFD: u32 = 17;
    /// Anonymous pages.
    pub const ANON: u32 = 18;
    /// Pages of System V shared memory.
    pub const SHMEM: u32 = 19;
    /// System V semaphore arrays.
    pub const SEMARY: u32 = 20;
    /// System V semaphores.
    pub const NSEMS: u32 = 21;
    /// Directory entries in use.
    pub const DENTRY: u32 = 22;
    /// Mapped pages of files.
    pub const MAPPED: u32 = 23;
    /// Number of ids.
    pub const COUNT: u32 = 24;

    /// Bit n: resource n has a hard limit that can be set; what `get_rlimit_mask` answers as
    /// `maximum`. [`AS`] and [`MEMLOCK`] are in it as in the original up to 2.6.28: the newest one
    /// had lost them.
    pub const SETTABLE: u32 = (1 << NPROC)
        | (1 << NOFILE)
        | (1 << MEMLOCK)
        | (1 << AS)
        | (1 << LOCKS)
        | (1 << MSGQUEUE)
        | (1 << NSOCK)
        | (1 << OPENFD)
        | (1 << SHMEM)
        | (1 << DENTRY);

    /// No value.
    pub const UNSET: u64 = 0;
    /// No limit.
    pub const INFINITY: u64 = u64::MAX;
    /// Set: leave the value as it is.
    pub const KEEP: u64 = u64::MAX - 1;
}

/// Special values and flags of disk limits (`CDLIM_*`, `DLIMF_*`).
///
/// The two sizes are in KiB, unless [`DLIMF_SHIFT`](cdlim::DLIMF_SHIFT) gives each a scale of its
/// own.
pub mod cdlim {
    /// No value.
    pub const UNSET: u32 = 0;
    /// No limit.
    pub const INFINITY: u32 = u32::MAX;
    /// Set: leave the value as it is.
    pub const KEEP: u32 = u32::MAX - 1;

    /// Flag: `space_used` and `space_total` have the scales that the flags also hold.
    pub const DLIMF_SHIFT: u32 = 0x10;
    /// Bits of one scale.
    pub const SCALE_MASK: u32 = 0x3;
    /// Position of the scale of `space_used` in the flags.
    pub const SCALE_USED_SHIFT: u32 = 0;
    /// Position of the scale of `space_total` in the flags.
    pub const SCALE_TOTAL_SHIFT: u32 = 2;
    /// Scale: bytes.
    pub const SCALE_BYTE: u32 = 0;
    /// Scale: units of 1024 bytes.
    pub const SCALE_KIB: u32 = 1;
    /// Scale: units of 1024 KiB.
    pub const SCALE_MIB: u32 = 2;
    /// Scale: units of 1024 MiB.
    pub const SCALE_GIB: u32 = 3;
}

/// Special values of the scheduler.
pub mod sched {
    /// Structures older than version 3: leave the value as it is (`SCHED_KEEP`).
    pub const KEEP: i32 = -2;
    /// Lowest priority bias; lower ones become this.
    pub const PRIO_BIAS_MIN: i32 = -20;
    /// Highest priority bias; higher ones become this.
    pub const PRIO_BIAS_MAX: i32 = 20;
    /// `cpu_id` of `set_prio_bias`: all processors that are online.
    pub const ALL_CPUS: i32 = -1;
}

/// Events for which the helper program runs (`VSC_*` and commands of `reboot(2)`), the value of
/// `VS_CMD` in its environment.
pub mod vsc {
    /// A context starts.
    pub const STARTUP: u32 = 1;
    /// A context has ended.
    pub const SHUTDOWN: u32 = 2;
    /// A network context starts.
    pub const NETUP: u32 = 3;
    /// A network context has ended.
    pub const NETDOWN: u32 = 4;
    /// The guest asks for a restart.
    pub const RESTART: u32 = 0x0123_4567;
    /// The guest halts.
    pub const HALT: u32 = 0xcdef_0123;
    /// The guest powers off.
    pub const POWER_OFF: u32 = 0x4321_fedc;
    /// The guest asks to be suspended.
    pub const SW_SUSPEND: u32 = 0xd000_fce2;
    /// The guest has no memory, and no task to kill for it.
    pub const OOM: u32 = 0xdead_beef;
}

/// Fields of `sock_stat`: classes of address families.
pub mod sock {
    /// No family.
    pub const UNSPEC: u32 = 0;
    /// Local sockets.
    pub const UNIX: u32 = 1;
    /// IPv4.
    pub const INET: u32 = 2;
    /// IPv6.
    pub const INET6: u32 = 3;
    /// Packet sockets.
    pub const PACKET: u32 = 4;
    /// All other families.
    pub const OTHER: u32 = 5;
    /// Number of fields.
    pub const COUNT: u32 = 6;

    /// Index of what was received.
    pub const RECV: usize = 0;
    /// Index of what was sent.
    pub const SEND: usize = 1;
    /// Index of what failed.
    pub const FAIL: usize = 2;
}

/// Types of entries of the history ring.
pub mod history {
    /// The entry is empty.
    pub const UNUSED: u16 = 0;
    /// The kernel met an error.
    pub const OOPS: u16 = 1;
    /// A reference was taken.
    pub const GET: u16 = 2;
    /// A reference was dropped.
    pub const PUT: u16 = 3;
    /// A pointer was initialised.
    pub const INIT: u16 = 4;
    /// A pointer was set.
    pub const SET: u16 = 5;
    /// A pointer was cleared.
    pub const CLEAR: u16 = 6;
    /// A task claim was taken.
    pub const CLAIM: u16 = 7;
    /// A task claim was dropped.
    pub const RELEASE: u16 = 8;
    /// A context was allocated.
    pub const ALLOC: u16 = 9;
    /// A context was freed.
    pub const DEALLOC: u16 = 10;
    /// A context went into the table.
    pub const HASH: u16 = 11;
    /// A context left the table.
    pub const UNHASH: u16 = 12;
    /// A context was located.
    pub const LOC: u16 = 13;
    /// A context was looked up by id.
    pub const LOOKUP: u16 = 14;
    /// A context was created.
    pub const CREATE: u16 = 15;
}
