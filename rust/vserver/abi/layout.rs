// SPDX-License-Identifier: GPL-2.0

//! Structures about contexts and spaces, and those that several kinds of objects share.

/// Argument of `ctx_create`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxCreate {
    /// Initial flags, see [`vxf`](super::vxf).
    pub flagword: u64,
}

/// Argument of `ctx_migrate`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxMigrate {
    /// See [`vxm`](super::vxm).
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
    /// Signed bias of the out-of-memory score, in pages.
    pub bias: i64,
}

/// Argument of `set_vhi_name` and `get_vhi_name`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VhiName {
    /// See [`vhin`](super::vhin).
    pub field: u32,
    /// Text, terminated by a zero byte.
    pub name: [u8; super::vhin::LEN],
    /// Padding without meaning.
    pub pad: [u8; 3],
}

impl Default for VhiName {
    fn default() -> Self {
        Self {
            field: 0,
            name: [0; super::vhin::LEN],
            pad: [0; 3],
        }
    }
}

/// Argument of version 1 of the space commands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceMaskV1 {
    /// See [`space`](super::space).
    pub mask: u64,
}

/// Argument of version 2 of the space commands.
///
/// The kernel reads the first [`SPACE_MASK_V2_READ`] bytes only: that is all a 32-bit caller of
/// the original hands over.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceMaskV2 {
    /// See [`space`](super::space).
    pub mask: u64,
    /// 0: main set; 1: second set.
    pub index: u32,
    /// Padding without meaning.
    pub pad: u32,
}

/// Bytes of a [`SpaceMaskV2`] that the kernel reads.
pub const SPACE_MASK_V2_READ: usize = 12;

/// Argument of `get_features`.
///
/// The caller puts the size of its structure into `size`; the kernel writes at most that many bytes
/// and returns in `size` how many it knows. Members that the kernel does not know keep what the
/// caller put there, so the structure can grow at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// In: bytes that the caller has room for; out: bytes that the kernel knows.
    pub size: u32,
    /// Counts the additions of this implementation, see [`FEATURES_VERSION`].
    pub version: u32,
    /// See [`feature`](super::feature).
    pub bits: u64,
}

/// Value of [`Features::version`] for the interface in this file.
pub const FEATURES_VERSION: u32 = 1;

const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<CtxCreate>() == 8);
    assert!(offset_of!(CtxCreate, flagword) == 0);
    assert!(size_of::<CtxMigrate>() == 8);
    assert!(offset_of!(CtxMigrate, flagword) == 0);
    assert!(size_of::<Flags>() == 16);
    assert!(offset_of!(Flags, value) == 0);
    assert!(offset_of!(Flags, mask) == 8);
    assert!(size_of::<VxInfo>() == 8);
    assert!(offset_of!(VxInfo, xid) == 0);
    assert!(offset_of!(VxInfo, initpid) == 4);
    assert!(size_of::<CtxStat>() == 8);
    assert!(offset_of!(CtxStat, usecnt) == 0);
    assert!(offset_of!(CtxStat, tasks) == 4);
    assert!(size_of::<CtxKill>() == 8);
    assert!(offset_of!(CtxKill, pid) == 0);
    assert!(offset_of!(CtxKill, sig) == 4);
    assert!(size_of::<WaitExit>() == 8);
    assert!(offset_of!(WaitExit, reboot_cmd) == 0);
    assert!(offset_of!(WaitExit, exit_code) == 4);
    assert!(size_of::<Badness>() == 8);
    assert!(offset_of!(Badness, bias) == 0);
    assert!(size_of::<VhiName>() == 72);
    assert!(offset_of!(VhiName, field) == 0);
    assert!(offset_of!(VhiName, name) == 4);
    assert!(offset_of!(VhiName, pad) == 69);
    assert!(size_of::<SpaceMaskV1>() == 8);
    assert!(offset_of!(SpaceMaskV1, mask) == 0);
    assert!(size_of::<SpaceMaskV2>() == 16);
    assert!(offset_of!(SpaceMaskV2, mask) == 0);
    assert!(offset_of!(SpaceMaskV2, index) == 8);
    assert!(offset_of!(SpaceMaskV2, pad) == SPACE_MASK_V2_READ);
    assert!(size_of::<Features>() == 16);
    assert!(offset_of!(Features, size) == 0);
    assert!(offset_of!(Features, version) == 4);
    assert!(offset_of!(Features, bits) == 8);
};
