// SPDX-License-Identifier: GPL-2.0

//! The binary interface of `vserver()`, shared by the kernel module and by user space.
//!
//! This file is the only definition of command numbers, structures and bits. The kernel module
//! compiles it as a module, `tools/libvserver` compiles the same file by path. It therefore uses
//! nothing but `core`. All integers are native endian. Layouts are those of interface version
//! `0x0002_0308`; each size is asserted at the end of the file.

/// Interface version that `get_version` returns.
pub const VERSION: u32 = 0x0002_0308;

/// Number of the system call.
#[cfg(target_arch = "x86_64")]
pub const SYSCALL: u32 = 236;
/// Number of the system call.
#[cfg(target_arch = "x86")]
pub const SYSCALL: u32 = 273;
/// Number of the system call.
#[cfg(target_arch = "arm")]
pub const SYSCALL: u32 = 313;
/// Number of the system call.
#[cfg(target_arch = "aarch64")]
pub const SYSCALL: u32 = 250;
/// Number of the system call.
#[cfg(any(target_arch = "powerpc", target_arch = "powerpc64"))]
pub const SYSCALL: u32 = 257;

/// Context id of the host: tasks that are in no context.
pub const XID_HOST: u32 = 0;
/// Context id of the spectator, who sees the tasks of all contexts.
pub const XID_SPECTATOR: u32 = 1;
/// Lowest id that a context can have.
pub const XID_MIN: u32 = 2;
/// Highest id that a context can have.
pub const XID_MAX: u32 = 65_535;
/// Id by which a caller names its own context; every id with the sign bit set means the same.
pub const XID_SELF: u32 = 0xffff_fffe;

/// Bits of the feature word that `get_vci` returns.
pub mod vci {
    /// There are no dynamic context ids.
    pub const NO_DYNAMIC: u32 = 0x0000_0001;
    /// Procfs entries start hidden.
    pub const PROC_SECURE: u32 = 0x0000_0010;
    /// Copy-on-write link breaking.
    pub const COWBL: u32 = 0x0000_0100;
    /// Spaces, `ctx_create` v1 and `ctx_migrate` v1.
    pub const SPACES: u32 = 0x0000_0400;
    /// Network interface version 2.
    pub const NETV2: u32 = 0x0000_0800;
    /// Per process tags.
    pub const PPTAG: u32 = 0x1000_0000;
}

/// Builds a command number from category, command and version.
pub const fn cmd(category: u32, command: u32, version: u32) -> u32 {
    (category << 24) | (command << 16) | version
}

/// Command numbers: `cmd(category, command, version)`.
pub mod vcmd {
    use super::cmd;

    /// Returns the interface version.
    pub const GET_VERSION: u32 = cmd(0, 0, 0);
    /// Returns the feature word.
    pub const GET_VCI: u32 = cmd(0, 1, 0);
    /// Sets a name of the context: [`super::VhiName`].
    pub const SET_VHI_NAME: u32 = cmd(2, 1, 0);
    /// Reads a name of the context: [`super::VhiName`].
    pub const GET_VHI_NAME: u32 = cmd(2, 2, 0);
    /// Creates a context with the default flags; takes no data.
    pub const CTX_CREATE_V0: u32 = cmd(9, 1, 0);
    /// Creates a context: [`super::CtxCreate`] or null.
    pub const CTX_CREATE: u32 = cmd(9, 1, 1);
    /// Enters all stored spaces; takes no data.
    pub const ENTER_SPACE_V0: u32 = cmd(10, 1, 0);
    /// Enters stored spaces: [`super::SpaceMaskV1`] or null.
    pub const ENTER_SPACE_V1: u32 = cmd(10, 1, 1);
    /// Enters stored spaces of one set: [`super::SpaceMaskV2`] or null.
    pub const ENTER_SPACE: u32 = cmd(10, 1, 2);
    /// Stores spaces of the caller: [`super::SpaceMaskV1`] or null.
    pub const SET_SPACE_V1: u32 = cmd(10, 3, 1);
    /// Stores spaces of the caller in one set: [`super::SpaceMaskV2`] or null.
    pub const SET_SPACE: u32 = cmd(10, 3, 2);
    /// Returns the supported space bits of version 0: [`super::SpaceMaskV1`].
    pub const GET_SPACE_MASK_V0: u32 = cmd(10, 4, 0);
    /// Migrates the caller; takes no data.
    pub const CTX_MIGRATE_V0: u32 = cmd(11, 1, 0);
    /// Migrates the caller: [`super::CtxMigrate`] or null.
    pub const CTX_MIGRATE: u32 = cmd(11, 1, 1);
    /// Sends a signal into a context: [`super::CtxKill`].
    pub const CTX_KILL: u32 = cmd(12, 1, 0);
    /// Reads the out-of-memory bias: [`super::Badness`].
    pub const GET_BADNESS: u32 = cmd(20, 5, 0);
    /// Sets the out-of-memory bias: [`super::Badness`].
    pub const SET_BADNESS: u32 = cmd(20, 6, 0);
    /// Reads the reference counters: [`super::CtxStat`].
    pub const CTX_STAT: u32 = cmd(40, 0, 0);
    /// Returns the context id of a task.
    pub const TASK_XID: u32 = cmd(46, 1, 0);
    /// Returns the network context id of a task.
    pub const TASK_NID: u32 = cmd(46, 2, 0);
    /// Reads the identity of a context: [`super::VxInfo`].
    pub const VX_INFO: u32 = cmd(46, 5, 0);
    /// Waits until a context has ended: [`super::WaitExit`].
    pub const WAIT_EXIT: u32 = cmd(48, 99, 0);
    /// Reads the context flags: [`super::Flags`].
    pub const GET_CFLAGS: u32 = cmd(52, 1, 0);
    /// Changes the context flags: [`super::Flags`].
    pub const SET_CFLAGS: u32 = cmd(52, 2, 0);
    /// Reads the context capabilities: [`super::Flags`].
    pub const GET_CCAPS: u32 = cmd(52, 3, 1);
    /// Changes the context capabilities: [`super::Flags`].
    pub const SET_CCAPS: u32 = cmd(52, 4, 1);
    /// Reads the capability mask: [`super::Flags`].
    pub const GET_BCAPS: u32 = cmd(52, 9, 0);
    /// Changes the capability mask: [`super::Flags`].
    pub const SET_BCAPS: u32 = cmd(52, 10, 0);
    /// Reads the unshare mask: [`super::Flags`].
    pub const GET_UMASK: u32 = cmd(52, 13, 0);
    /// Changes the unshare mask: [`super::Flags`].
    pub const SET_UMASK: u32 = cmd(52, 14, 0);
    /// Reads the warning mask: [`super::Flags`].
    pub const GET_WMASK: u32 = cmd(52, 15, 0);
    /// Changes the warning mask: [`super::Flags`].
    pub const SET_WMASK: u32 = cmd(52, 16, 0);
    /// Returns the supported space bits: [`super::SpaceMaskV1`].
    pub const GET_SPACE_MASK: u32 = cmd(54, 0, 1);
    /// Returns the default space bits: [`super::SpaceMaskV1`].
    pub const GET_SPACE_DEFAULT: u32 = cmd(54, 1, 0);
}

/// Context flags (`VXF_*`), 64 bits.
pub mod vxf {
    /// Nobody migrates in after setup, nobody enters the spaces.
    pub const INFO_PRIVATE: u64 = 0x0000_0000_0000_0008;
    /// Show the registered init as pid 1 inside.
    pub const INFO_INIT: u64 = 0x0000_0000_0000_0010;
    /// Uptime counts from the creation of the context.
    pub const VIRT_UPTIME: u64 = 0x0000_0000_0002_0000;
    /// Mount tables appear empty inside.
    pub const HIDE_MOUNT: u64 = 0x0000_0000_0100_0000;
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
pub mod vxc {
    /// `sethostname` and `setdomainname`.
    pub const SET_UTSNAME: u64 = 0x0000_0000_0000_0001;
    /// Raise hard resource limits.
    pub const SET_RLIMIT: u64 = 0x0000_0000_0000_0002;
    /// Raw ICMP sockets.
    pub const RAW_ICMP: u64 = 0x0000_0000_0000_0100;
    /// Use the system log call.
    pub const SYSLOG: u64 = 0x0000_0000_0000_1000;
    /// Change a login uid that is already set.
    pub const AUDIT_CONTROL: u64 = 0x0000_0000_0000_4000;
    /// Mount and umount.
    pub const SECURE_MOUNT: u64 = 0x0000_0000_0001_0000;
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

/// Argument of `ctx_create`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxCreate {
    /// Initial flags, see [`vxf`].
    pub flagword: u64,
}

/// Argument of `ctx_migrate`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxMigrate {
    /// See [`vxm`].
    pub flagword: u64,
}

/// Argument of all commands that change or read a word of bits: flags, capabilities, masks.
///
/// Set: the new word is `(old & !mask) | (value & mask)`. Get: `mask` tells which bits could be
/// set.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The bits.
    pub value: u64,
    /// Which bits to apply.
    pub mask: u64,
}

/// Argument of `vx_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VxInfo {
    /// Context id.
    pub xid: u32,
    /// Pid of the registered init in the initial pid namespace, 0 when there is none.
    pub initpid: u32,
}

/// Argument of `ctx_stat`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxStat {
    /// References, including the one that this call takes.
    pub usecnt: u32,
    /// Task claims: one per thread, one while creation runs, one when persistent.
    pub tasks: u32,
}

/// Argument of `ctx_kill`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxKill {
    /// 0: all tasks; -1: all but the init; 1: the init, when one is registered; else a pid in the
    /// initial pid namespace.
    pub pid: i32,
    /// Signal number.
    pub sig: i32,
}

/// Argument of `wait_exit`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitExit {
    /// Last `reboot(2)` command of the guest, 0 when none.
    pub reboot_cmd: i32,
    /// Exit code of the last task in the format of `wait(2)`.
    pub exit_code: i32,
}

/// Argument of `get_badness` and `set_badness`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Badness {
    /// Signed bias in points of the out-of-memory score.
    pub bias: i64,
}

/// Argument of `set_vhi_name` and `get_vhi_name`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VhiName {
    /// See [`vhin`].
    pub field: u32,
    /// Text, terminated by a zero byte.
    pub name: [u8; vhin::LEN],
    /// Padding without meaning.
    pub pad: [u8; 3],
}

impl Default for VhiName {
    fn default() -> Self {
        Self {
            field: 0,
            name: [0; vhin::LEN],
            pad: [0; 3],
        }
    }
}

/// Argument of version 1 of the space commands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceMaskV1 {
    /// See [`space`].
    pub mask: u64,
}

/// Argument of version 2 of the space commands.
///
/// The kernel reads the first [`SPACE_MASK_V2_READ`] bytes only: that is all a 32-bit caller of
/// the original hands over.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceMaskV2 {
    /// See [`space`].
    pub mask: u64,
    /// 0: main set; 1: second set.
    pub index: u32,
    /// Padding without meaning.
    pub pad: u32,
}

/// Bytes of a [`SpaceMaskV2`] that the kernel reads.
pub const SPACE_MASK_V2_READ: usize = 12;

const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<CtxCreate>() == 8);
    assert!(size_of::<CtxMigrate>() == 8);
    assert!(size_of::<Flags>() == 16);
    assert!(offset_of!(Flags, mask) == 8);
    assert!(size_of::<VxInfo>() == 8);
    assert!(offset_of!(VxInfo, initpid) == 4);
    assert!(size_of::<CtxStat>() == 8);
    assert!(offset_of!(CtxStat, tasks) == 4);
    assert!(size_of::<CtxKill>() == 8);
    assert!(offset_of!(CtxKill, sig) == 4);
    assert!(size_of::<WaitExit>() == 8);
    assert!(offset_of!(WaitExit, exit_code) == 4);
    assert!(size_of::<Badness>() == 8);
    assert!(size_of::<VhiName>() == 72);
    assert!(offset_of!(VhiName, name) == 4);
    assert!(size_of::<SpaceMaskV1>() == 8);
    assert!(size_of::<SpaceMaskV2>() == 16);
    assert!(offset_of!(SpaceMaskV2, index) == 8);
};
