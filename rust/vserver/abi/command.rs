// SPDX-License-Identifier: GPL-2.0

//! Numbers of the commands.

/// Builds a command number from category, command and version.
pub const fn cmd(category: u32, command: u32, version: u32) -> u32 {
    (category << 24) | (command << 16) | version
}

/// Command numbers: `cmd(category, command, version)`.
///
/// Each names the structure that it reads or fills; "or null" where the pointer may be null.
pub mod vcmd {
    use super::cmd;

    // Version.

    /// Returns the interface version.
    pub const GET_VERSION: u32 = cmd(0, 0, 0);
    /// Returns the feature word, bits of [`vci`](crate::abi::vci).
    pub const GET_VCI: u32 = cmd(0, 1, 0);

    // Names of a context.

    /// Sets a name of the context: [`VhiName`](crate::abi::VhiName).
    pub const SET_VHI_NAME: u32 = cmd(2, 1, 0);
    /// Reads a name of the context: [`VhiName`](crate::abi::VhiName).
    pub const GET_VHI_NAME: u32 = cmd(2, 2, 0);

    // Devices.

    /// Maps a device node of a context, 0 for all: [`SetMapping`](crate::abi::SetMapping).
    pub const SET_MAPPING: u32 = cmd(6, 1, 0);
    /// Removes a mapping of a device node: [`SetMapping`](crate::abi::SetMapping).
    pub const UNSET_MAPPING: u32 = cmd(6, 2, 0);

    // Life of a context, its spaces and its tasks.

    /// Creates a context with the default flags; takes no data.
    pub const CTX_CREATE_V0: u32 = cmd(9, 1, 0);
    /// Creates a context: [`CtxCreate`](crate::abi::CtxCreate) or null.
    pub const CTX_CREATE: u32 = cmd(9, 1, 1);
    /// Enters all stored spaces; takes no data.
    pub const ENTER_SPACE_V0: u32 = cmd(10, 1, 0);
    /// Enters stored spaces: [`SpaceMaskV1`](crate::abi::SpaceMaskV1) or null.
    pub const ENTER_SPACE_V1: u32 = cmd(10, 1, 1);
    /// Enters stored spaces of one set: [`SpaceMaskV2`](crate::abi::SpaceMaskV2) or null.
    pub const ENTER_SPACE: u32 = cmd(10, 1, 2);
    /// Stores spaces of the caller: [`SpaceMaskV1`](crate::abi::SpaceMaskV1) or null.
    pub const SET_SPACE_V1: u32 = cmd(10, 3, 1);
    /// Stores spaces of the caller in one set: [`SpaceMaskV2`](crate::abi::SpaceMaskV2) or null.
    pub const SET_SPACE: u32 = cmd(10, 3, 2);
    /// Returns the supported space bits of version 0: [`SpaceMaskV1`](crate::abi::SpaceMaskV1).
    pub const GET_SPACE_MASK_V0: u32 = cmd(10, 4, 0);
    /// Migrates the caller; takes no data.
    pub const CTX_MIGRATE_V0: u32 = cmd(11, 1, 0);
    /// Migrates the caller: [`CtxMigrate`](crate::abi::CtxMigrate) or null.
    pub const CTX_MIGRATE: u32 = cmd(11, 1, 1);
    /// Sends a signal into a context: [`CtxKill`](crate::abi::CtxKill).
    pub const CTX_KILL: u32 = cmd(12, 1, 0);

    // Processor time.

    /// Sets the scheduler of a context: [`SetSchedV4`](crate::abi::SetSchedV4).
    pub const SET_SCHED_V4: u32 = cmd(14, 1, 4);
    /// Sets the scheduler of a context: [`SchedV5`](crate::abi::SchedV5).
    pub const SET_SCHED: u32 = cmd(14, 1, 5);
    /// Reads the scheduler of a context: [`SchedV5`](crate::abi::SchedV5).
    pub const GET_SCHED: u32 = cmd(14, 2, 5);
    /// Reads times of a context on one cpu, 0 for the tick: [`SchedInfo`](crate::abi::SchedInfo).
    pub const SCHED_INFO: u32 = cmd(14, 3, 0);
    /// Sets the priority bias: [`PrioBias`](crate::abi::PrioBias).
    pub const SET_PRIO_BIAS: u32 = cmd(14, 4, 0);
    /// Reads the priority bias of one cpu: [`PrioBias`](crate::abi::PrioBias).
    pub const GET_PRIO_BIAS: u32 = cmd(14, 5, 0);

    // Memory.

    /// Reads the out-of-memory bias: [`Badness`](crate::abi::Badness).
    pub const GET_BADNESS: u32 = cmd(20, 5, 0);
    /// Sets the out-of-memory bias: [`Badness`](crate::abi::Badness).
    pub const SET_BADNESS: u32 = cmd(20, 6, 0);

    // Network contexts.

    /// Creates a network context with the default flags; takes no data.
    pub const NET_CREATE_V0: u32 = cmd(25, 1, 0);
    /// Creates a network context: [`NetCreate`](crate::abi::NetCreate) or null.
    pub const NET_CREATE: u32 = cmd(25, 1, 1);
    /// Adds IPv4 addresses: [`NetAddrV0`](crate::abi::NetAddrV0).
    pub const NET_ADD: u32 = cmd(26, 1, 0);
    /// Removes all addresses: [`NetAddrV0`](crate::abi::NetAddrV0).
    pub const NET_REMOVE: u32 = cmd(26, 2, 0);
    /// Adds an IPv4 entry: [`NetAddrIpv4V1`](crate::abi::NetAddrIpv4V1).
    pub const NET_ADD_IPV4_V1: u32 = cmd(26, 1, 1);
    /// Removes an IPv4 entry: [`NetAddrIpv4V1`](crate::abi::NetAddrIpv4V1).
    pub const NET_REM_IPV4_V1: u32 = cmd(26, 2, 1);
    /// Adds an IPv4 entry or a range: [`NetAddrIpv4V2`](crate::abi::NetAddrIpv4V2).
    pub const NET_ADD_IPV4: u32 = cmd(26, 1, 2);
    /// Removes an IPv4 entry or a range: [`NetAddrIpv4V2`](crate::abi::NetAddrIpv4V2).
    pub const NET_REM_IPV4: u32 = cmd(26, 2, 2);
    /// Adds an IPv6 entry: [`NetAddrIpv6V1`](crate::abi::NetAddrIpv6V1).
    pub const NET_ADD_IPV6: u32 = cmd(26, 3, 1);
    /// Removes an IPv6 entry: [`NetAddrIpv6V1`](crate::abi::NetAddrIpv6V1).
    pub const NET_REMOVE_IPV6: u32 = cmd(26, 4, 1);
    /// Migrates the caller into a network context; takes no data.
    pub const NET_MIGRATE: u32 = cmd(27, 1, 0);

    // Tags and limits of the disk.

    /// Gives the caller a file tag (the low 16 bits of the id); takes no data.
    pub const TAG_MIGRATE: u32 = cmd(35, 1, 0);
    /// Adds a disk limit for a tag: [`DlimitBase`](crate::abi::DlimitBase).
    pub const ADD_DLIMIT: u32 = cmd(36, 1, 0);
    /// Removes the disk limit of a tag: [`DlimitBase`](crate::abi::DlimitBase).
    pub const REM_DLIMIT: u32 = cmd(36, 2, 0);
    /// Sets the disk limit of a tag: [`Dlimit`](crate::abi::Dlimit).
    pub const SET_DLIMIT: u32 = cmd(36, 5, 0);
    /// Reads the disk limit of a tag: [`Dlimit`](crate::abi::Dlimit).
    pub const GET_DLIMIT: u32 = cmd(36, 6, 0);

    // Attributes of inodes.

    /// Reads attributes of the inode at a path: [`Iattr`](crate::abi::Iattr).
    pub const GET_IATTR: u32 = cmd(38, 1, 1);
    /// Changes attributes of the inode at a path: [`Iattr`](crate::abi::Iattr).
    pub const SET_IATTR: u32 = cmd(38, 2, 1);
    /// Reads attributes of an open inode, the id is the descriptor: [`Fiattr`](crate::abi::Fiattr).
    pub const FGET_IATTR: u32 = cmd(38, 3, 0);
    /// Changes attributes of an open inode: [`Fiattr`](crate::abi::Fiattr).
    pub const FSET_IATTR: u32 = cmd(38, 4, 0);

    // Statistics.

    /// Reads the reference counters: [`CtxStat`](crate::abi::CtxStat).
    pub const CTX_STAT: u32 = cmd(40, 0, 0);
    /// Reads use and extremes of a resource: [`RlimitStat`](crate::abi::RlimitStat).
    pub const RLIMIT_STAT: u32 = cmd(40, 1, 0);
    /// Reads time, threads and load of a context: [`VirtStat`](crate::abi::VirtStat).
    pub const VIRT_STAT: u32 = cmd(40, 3, 0);
    /// Reads traffic of the sockets of a context: [`SockStat`](crate::abi::SockStat).
    pub const SOCK_STAT: u32 = cmd(40, 5, 0);

    // Identities.

    /// Returns the context id of a task.
    pub const TASK_XID: u32 = cmd(46, 1, 0);
    /// Returns the network context id of a task.
    pub const TASK_NID: u32 = cmd(46, 2, 0);
    /// Returns the file tag of a task.
    pub const TASK_TAG: u32 = cmd(46, 3, 0);
    /// Reads the identity of a context: [`VxInfo`](crate::abi::VxInfo).
    pub const VX_INFO: u32 = cmd(46, 5, 0);
    /// Reads the identity of a network context: [`NxInfo`](crate::abi::NxInfo).
    pub const NX_INFO: u32 = cmd(46, 6, 0);

    // Events.

    /// Waits until a context has ended: [`WaitExit`](crate::abi::WaitExit).
    pub const WAIT_EXIT: u32 = cmd(48, 99, 0);

    // Words of bits.

    /// Reads the context flags: [`Flags`](crate::abi::Flags).
    pub const GET_CFLAGS: u32 = cmd(52, 1, 0);
    /// Changes the context flags: [`Flags`](crate::abi::Flags).
    pub const SET_CFLAGS: u32 = cmd(52, 2, 0);
    /// Reads the context capabilities: [`Flags`](crate::abi::Flags).
    pub const GET_CCAPS: u32 = cmd(52, 3, 1);
    /// Changes the context capabilities: [`Flags`](crate::abi::Flags).
    pub const SET_CCAPS: u32 = cmd(52, 4, 1);
    /// Reads the network flags: [`Flags`](crate::abi::Flags).
    pub const GET_NFLAGS: u32 = cmd(52, 5, 0);
    /// Changes the network flags: [`Flags`](crate::abi::Flags).
    pub const SET_NFLAGS: u32 = cmd(52, 6, 0);
    /// Reads the network capabilities: [`Flags`](crate::abi::Flags).
    pub const GET_NCAPS: u32 = cmd(52, 7, 0);
    /// Changes the network capabilities: [`Flags`](crate::abi::Flags).
    pub const SET_NCAPS: u32 = cmd(52, 8, 0);
    /// Reads the capability mask: [`Flags`](crate::abi::Flags).
    pub const GET_BCAPS: u32 = cmd(52, 9, 0);
    /// Changes the capability mask: [`Flags`](crate::abi::Flags).
    pub const SET_BCAPS: u32 = cmd(52, 10, 0);
    /// Reads the unshare mask: [`Flags`](crate::abi::Flags).
    pub const GET_UMASK: u32 = cmd(52, 13, 0);
    /// Changes the unshare mask: [`Flags`](crate::abi::Flags).
    pub const SET_UMASK: u32 = cmd(52, 14, 0);
    /// Reads the warning mask: [`Flags`](crate::abi::Flags).
    pub const GET_WMASK: u32 = cmd(52, 15, 0);
    /// Changes the warning mask: [`Flags`](crate::abi::Flags).
    pub const SET_WMASK: u32 = cmd(52, 16, 0);

    // Questions about the kernel.

    /// Returns the supported space bits: [`SpaceMaskV1`](crate::abi::SpaceMaskV1).
    pub const GET_SPACE_MASK: u32 = cmd(54, 0, 1);
    /// Returns the default space bits: [`SpaceMaskV1`](crate::abi::SpaceMaskV1).
    pub const GET_SPACE_DEFAULT: u32 = cmd(54, 1, 0);

    // Debugging.

    /// Prints the history ring to the log of the kernel; takes no data.
    pub const DUMP_HISTORY: u32 = cmd(56, 1, 0);
    /// Reads the history ring of one cpu: [`ReadHistory`](crate::abi::ReadHistory).
    pub const READ_HISTORY: u32 = cmd(56, 5, 0);

    // Additions of this implementation.

    /// Tells what this kernel does beyond the original, and what it does not enforce; the id is
    /// ignored: [`Features`](crate::abi::Features).
    pub const GET_FEATURES: u32 = cmd(58, 1, 0);

    // Resource limits.

    /// Reads a resource limit: [`CtxRlimit`](crate::abi::CtxRlimit).
    pub const GET_RLIMIT: u32 = cmd(60, 1, 0);
    /// Sets a resource limit: [`CtxRlimit`](crate::abi::CtxRlimit).
    pub const SET_RLIMIT: u32 = cmd(60, 2, 0);
    /// Returns which resource limits can be set: [`RlimitMask`](crate::abi::RlimitMask).
    pub const GET_RLIMIT_MASK: u32 = cmd(60, 3, 0);
    /// Zeroes the refusals of all resources; takes no data.
    pub const RESET_HITS: u32 = cmd(60, 7, 0);
    /// Makes the present use of all resources their lowest and highest; takes no data.
    pub const RESET_MINMAX: u32 = cmd(60, 9, 0);
}
