// SPDX-License-Identifier: GPL-2.0

//! Structures with addresses of user space: inodes, disk limits, devices, history.
//!
//! An address is a `usize` here. The layouts for 32-bit callers of a 64-bit kernel end in `Compat`.

/// Argument of `get_iattr` and `set_iattr`.
///
/// A final symbolic link is not followed. Set writes the structure back as well.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iattr {
    /// Address of the path.
    pub name: usize,
    /// Tag, valid with `TAG` in the mask.
    pub tag: u32,
    /// See [`iattr`](super::iattr).
    pub flags: u32,
    /// Set: which bits to change. Get: which bits have a meaning for the inode.
    pub mask: u32,
    /// Padding without meaning.
    #[cfg(target_pointer_width = "64")]
    pub pad: u32,
}

/// Argument of `fget_iattr` and `fset_iattr`; members as in [`Iattr`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fiattr {
    /// Tag, valid with `TAG` in the mask.
    pub tag: u32,
    /// See [`iattr`](super::iattr).
    pub flags: u32,
    /// Set: which bits to change. Get: which bits have a meaning for the inode.
    pub mask: u32,
}

/// Argument of `add_dlimit` and `rem_dlimit`.
///
/// Any path on the file system selects it; a final symbolic link is not followed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DlimitBase {
    /// Address of the path.
    pub name: usize,
    /// Ignored.
    pub flags: u32,
    /// Padding without meaning.
    #[cfg(target_pointer_width = "64")]
    pub pad: u32,
}

/// Argument of `set_dlimit` and `get_dlimit`; special values and scales are in
/// [`cdlim`](super::cdlim).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dlimit {
    /// Address of the path, as in [`DlimitBase`].
    pub name: usize,
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

/// Argument of `set_mapping` and `unset_mapping`.
///
/// Both paths are those of device nodes; a final symbolic link is not followed. Null for one of
/// them means the default entry.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetMapping {
    /// Address of the path of the node that the guest sees, or null.
    pub device: usize,
    /// Address of the path of the node that is meant, or null.
    pub target: usize,
    /// See [`dattr`](super::dattr).
    pub flags: u32,
    /// Padding without meaning.
    #[cfg(target_pointer_width = "64")]
    pub pad: u32,
}

/// Argument of `read_history`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadHistory {
    /// In: number of the first entry wanted; out: next number.
    pub index: u32,
    /// In: entries that fit, 0 asks for the present number only; out: entries written.
    pub count: u32,
    /// Address of an array of [`HistoryEntry`].
    pub data: usize,
}

/// Entry of the history ring, as `read_history` writes it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Code address that made the entry.
    pub loc: usize,
    /// Sequence number.
    pub seq: u16,
    /// See [`history`](super::history).
    pub type_: u16,
    /// Padding without meaning.
    #[cfg(target_pointer_width = "64")]
    pub pad: u32,
    /// Address of the context.
    pub ptr: usize,
    /// Context id.
    pub xid: u32,
    /// References.
    pub usecnt: u32,
    /// Task claims.
    pub tasks: u32,
    /// Padding without meaning.
    #[cfg(target_pointer_width = "64")]
    pub pad2: u32,
    /// An address (`INIT` to `RELEASE`) or a number in the first four bytes (`LOC` to `CREATE`).
    pub data: usize,
}

const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<Fiattr>() == 12);
    assert!(offset_of!(Fiattr, tag) == 0);
    assert!(offset_of!(Fiattr, flags) == 4);
    assert!(offset_of!(Fiattr, mask) == 8);
};

#[cfg(target_pointer_width = "64")]
const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<Iattr>() == 24);
    assert!(offset_of!(Iattr, name) == 0);
    assert!(offset_of!(Iattr, tag) == 8);
    assert!(offset_of!(Iattr, flags) == 12);
    assert!(offset_of!(Iattr, mask) == 16);
    assert!(offset_of!(Iattr, pad) == 20);
    assert!(size_of::<DlimitBase>() == 16);
    assert!(offset_of!(DlimitBase, name) == 0);
    assert!(offset_of!(DlimitBase, flags) == 8);
    assert!(offset_of!(DlimitBase, pad) == 12);
    assert!(size_of::<Dlimit>() == 32);
    assert!(offset_of!(Dlimit, name) == 0);
    assert!(offset_of!(Dlimit, space_used) == 8);
    assert!(offset_of!(Dlimit, space_total) == 12);
    assert!(offset_of!(Dlimit, inodes_used) == 16);
    assert!(offset_of!(Dlimit, inodes_total) == 20);
    assert!(offset_of!(Dlimit, reserved) == 24);
    assert!(offset_of!(Dlimit, flags) == 28);
    assert!(size_of::<SetMapping>() == 24);
    assert!(offset_of!(SetMapping, device) == 0);
    assert!(offset_of!(SetMapping, target) == 8);
    assert!(offset_of!(SetMapping, flags) == 16);
    assert!(offset_of!(SetMapping, pad) == 20);
    assert!(size_of::<ReadHistory>() == 16);
    assert!(offset_of!(ReadHistory, index) == 0);
    assert!(offset_of!(ReadHistory, count) == 4);
    assert!(offset_of!(ReadHistory, data) == 8);
    assert!(size_of::<HistoryEntry>() == 48);
    assert!(offset_of!(HistoryEntry, loc) == 0);
    assert!(offset_of!(HistoryEntry, seq) == 8);
    assert!(offset_of!(HistoryEntry, type_) == 10);
    assert!(offset_of!(HistoryEntry, pad) == 12);
    assert!(offset_of!(HistoryEntry, ptr) == 16);
    assert!(offset_of!(HistoryEntry, xid) == 24);
    assert!(offset_of!(HistoryEntry, usecnt) == 28);
    assert!(offset_of!(HistoryEntry, tasks) == 32);
    assert!(offset_of!(HistoryEntry, pad2) == 36);
    assert!(offset_of!(HistoryEntry, data) == 40);
};
