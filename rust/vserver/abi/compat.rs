// SPDX-License-Identifier: GPL-2.0

//! Layouts of 32-bit callers of a 64-bit kernel, where they differ.
//!
//! An address has four bytes. On x86 a `u64` is aligned to four bytes, which changes `CtxRlimit`
//! alone; all other 32-bit architectures use its 64-bit layout.
//!
//! A conversion to such a layout drops the upper half of an address, which was zero when the
//! address came from there.

use super::{CtxRlimit, Dlimit, DlimitBase, Iattr, ReadHistory, SetMapping};

/// [`Iattr`] of a 32-bit caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IattrCompat {
    /// Address of the path.
    pub name: u32,
    /// Tag, valid with `TAG` in the mask.
    pub tag: u32,
    /// See [`iattr`](super::iattr).
    pub flags: u32,
    /// Set: which bits to change. Get: which bits have a meaning for the inode.
    pub mask: u32,
}

impl From<IattrCompat> for Iattr {
    fn from(from: IattrCompat) -> Self {
        Self {
            name: from.name as usize,
            tag: from.tag,
            flags: from.flags,
            mask: from.mask,
            #[cfg(target_pointer_width = "64")]
            pad: 0,
        }
    }
}

impl From<Iattr> for IattrCompat {
    fn from(from: Iattr) -> Self {
        Self {
            name: from.name as u32,
            tag: from.tag,
            flags: from.flags,
            mask: from.mask,
        }
    }
}

/// [`DlimitBase`] of a 32-bit caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DlimitBaseCompat {
    /// Address of the path.
    pub name: u32,
    /// Ignored.
    pub flags: u32,
}

impl From<DlimitBaseCompat> for DlimitBase {
    fn from(from: DlimitBaseCompat) -> Self {
        Self {
            name: from.name as usize,
            flags: from.flags,
            #[cfg(target_pointer_width = "64")]
            pad: 0,
        }
    }
}

impl From<DlimitBase> for DlimitBaseCompat {
    fn from(from: DlimitBase) -> Self {
        Self {
            name: from.name as u32,
            flags: from.flags,
        }
    }
}

/// [`Dlimit`] of a 32-bit caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DlimitCompat {
    /// Address of the path, as in [`DlimitBase`].
    pub name: u32,
    /// Space in use, KiB or scaled.
    pub space_used: u32,
    /// Limit of space, KiB or scaled.
    pub space_total: u32,
    /// Inodes in use.
    pub inodes_used: u32,
    /// Limit of inodes.
    pub inodes_total: u32,
    /// Percent of the limit that is kept from others than root, 0 to 100.
    pub reserved: u32,
    /// `DLIMF_SHIFT` and the scales.
    pub flags: u32,
}

impl From<DlimitCompat> for Dlimit {
    fn from(from: DlimitCompat) -> Self {
        Self {
            name: from.name as usize,
            space_used: from.space_used,
            space_total: from.space_total,
            inodes_used: from.inodes_used,
            inodes_total: from.inodes_total,
            reserved: from.reserved,
            flags: from.flags,
        }
    }
}

impl From<Dlimit> for DlimitCompat {
    fn from(from: Dlimit) -> Self {
        Self {
            name: from.name as u32,
            space_used: from.space_used,
            space_total: from.space_total,
            inodes_used: from.inodes_used,
            inodes_total: from.inodes_total,
            reserved: from.reserved,
            flags: from.flags,
        }
    }
}

/// [`SetMapping`] of a 32-bit caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetMappingCompat {
    /// Address of the path of the node that the guest sees, or null.
    pub device: u32,
    /// Address of the path of the node that is meant, or null.
    pub target: u32,
    /// See [`dattr`](super::dattr).
    pub flags: u32,
}

impl From<SetMappingCompat> for SetMapping {
    fn from(from: SetMappingCompat) -> Self {
        Self {
            device: from.device as usize,
            target: from.target as usize,
            flags: from.flags,
            #[cfg(target_pointer_width = "64")]
            pad: 0,
        }
    }
}

impl From<SetMapping> for SetMappingCompat {
    fn from(from: SetMapping) -> Self {
        Self {
            device: from.device as u32,
            target: from.target as u32,
            flags: from.flags,
        }
    }
}

/// [`ReadHistory`] of a 32-bit caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadHistoryCompat {
    /// In: number of the first entry wanted; out: next number.
    pub index: u32,
    /// In: entries that fit, 0 asks for the present number only; out: entries written.
    pub count: u32,
    /// Address of an array of [`HistoryEntry`](super::HistoryEntry).
    pub data: u32,
}

impl From<ReadHistoryCompat> for ReadHistory {
    fn from(from: ReadHistoryCompat) -> Self {
        Self {
            index: from.index,
            count: from.count,
            data: from.data as usize,
        }
    }
}

impl From<ReadHistory> for ReadHistoryCompat {
    fn from(from: ReadHistory) -> Self {
        Self {
            index: from.index,
            count: from.count,
            data: from.data as u32,
        }
    }
}

/// [`CtxRlimit`] of a 32-bit caller on x86. Each limit is its lower half, then its upper half.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxRlimitX86Compat {
    /// Resource, see [`rlimit`](super::rlimit).
    pub id: u32,
    /// Never applied; get returns 0.
    pub minimum: [u32; 2],
    /// Soft limit.
    pub softlimit: [u32; 2],
    /// Hard limit.
    pub maximum: [u32; 2],
}

fn join(halves: [u32; 2]) -> u64 {
    u64::from(halves[0]) | (u64::from(halves[1]) << 32)
}

fn split(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

impl From<CtxRlimitX86Compat> for CtxRlimit {
    fn from(from: CtxRlimitX86Compat) -> Self {
        Self {
            id: from.id,
            #[cfg(not(target_arch = "x86"))]
            pad: 0,
            minimum: join(from.minimum),
            softlimit: join(from.softlimit),
            maximum: join(from.maximum),
        }
    }
}

impl From<CtxRlimit> for CtxRlimitX86Compat {
    fn from(from: CtxRlimit) -> Self {
        Self {
            id: from.id,
            minimum: split(from.minimum),
            softlimit: split(from.softlimit),
            maximum: split(from.maximum),
        }
    }
}

const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<IattrCompat>() == 16);
    assert!(offset_of!(IattrCompat, name) == 0);
    assert!(offset_of!(IattrCompat, tag) == 4);
    assert!(offset_of!(IattrCompat, flags) == 8);
    assert!(offset_of!(IattrCompat, mask) == 12);
    assert!(size_of::<DlimitBaseCompat>() == 8);
    assert!(offset_of!(DlimitBaseCompat, name) == 0);
    assert!(offset_of!(DlimitBaseCompat, flags) == 4);
    assert!(size_of::<DlimitCompat>() == 28);
    assert!(offset_of!(DlimitCompat, name) == 0);
    assert!(offset_of!(DlimitCompat, space_used) == 4);
    assert!(offset_of!(DlimitCompat, space_total) == 8);
    assert!(offset_of!(DlimitCompat, inodes_used) == 12);
    assert!(offset_of!(DlimitCompat, inodes_total) == 16);
    assert!(offset_of!(DlimitCompat, reserved) == 20);
    assert!(offset_of!(DlimitCompat, flags) == 24);
    assert!(size_of::<SetMappingCompat>() == 12);
    assert!(offset_of!(SetMappingCompat, device) == 0);
    assert!(offset_of!(SetMappingCompat, target) == 4);
    assert!(offset_of!(SetMappingCompat, flags) == 8);
    assert!(size_of::<ReadHistoryCompat>() == 12);
    assert!(offset_of!(ReadHistoryCompat, index) == 0);
    assert!(offset_of!(ReadHistoryCompat, count) == 4);
    assert!(offset_of!(ReadHistoryCompat, data) == 8);
    assert!(size_of::<CtxRlimitX86Compat>() == 28);
    assert!(offset_of!(CtxRlimitX86Compat, id) == 0);
    assert!(offset_of!(CtxRlimitX86Compat, minimum) == 4);
    assert!(offset_of!(CtxRlimitX86Compat, softlimit) == 12);
    assert!(offset_of!(CtxRlimitX86Compat, maximum) == 20);
};
