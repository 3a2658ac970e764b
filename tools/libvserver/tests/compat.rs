// SPDX-License-Identifier: GPL-2.0

//! The conversions between the layouts of 64-bit and 32-bit callers.

#![cfg(target_pointer_width = "64")]

use libvserver::abi::*;

/// Converts there and back.
fn there_and_back<Native, Compat>(compat: Compat) -> (Native, Compat)
where
    Native: From<Compat> + Copy,
    Compat: From<Native> + Copy,
{
    let native = Native::from(compat);
    (native, Compat::from(native))
}

#[test]
fn inode_attributes_keep_every_member() {
    let compat = IattrCompat {
        name: 0xffff_f001,
        tag: 2,
        flags: 3,
        mask: 4,
    };
    let native = Iattr {
        name: 0xffff_f001,
        tag: 2,
        flags: 3,
        mask: 4,
        pad: 0,
    };
    assert_eq!(there_and_back(compat), (native, compat));
}

#[test]
fn disk_limits_keep_every_member() {
    let compat = DlimitBaseCompat {
        name: 0xffff_f001,
        flags: 2,
    };
    let native = DlimitBase {
        name: 0xffff_f001,
        flags: 2,
        pad: 0,
    };
    assert_eq!(there_and_back(compat), (native, compat));

    let compat = DlimitCompat {
        name: 0xffff_f001,
        space_used: 2,
        space_total: 3,
        inodes_used: 4,
        inodes_total: 5,
        reserved: 6,
        flags: 7,
    };
    let native = Dlimit {
        name: 0xffff_f001,
        space_used: 2,
        space_total: 3,
        inodes_used: 4,
        inodes_total: 5,
        reserved: 6,
        flags: 7,
    };
    assert_eq!(there_and_back(compat), (native, compat));
}

#[test]
fn device_mappings_keep_every_member() {
    let compat = SetMappingCompat {
        device: 0xffff_f001,
        target: 0xffff_f002,
        flags: 3,
    };
    let native = SetMapping {
        device: 0xffff_f001,
        target: 0xffff_f002,
        flags: 3,
        pad: 0,
    };
    assert_eq!(there_and_back(compat), (native, compat));
}

#[test]
fn history_requests_keep_every_member() {
    let compat = ReadHistoryCompat {
        index: 1,
        count: 2,
        data: 0xffff_f003,
    };
    let native = ReadHistory {
        index: 1,
        count: 2,
        data: 0xffff_f003,
    };
    assert_eq!(there_and_back(compat), (native, compat));
}

#[test]
fn limits_are_split_into_lower_and_upper_half() {
    let native = CtxRlimit {
        id: rlimit::NPROC,
        pad: 0,
        minimum: 0x0123_4567_89ab_cdef,
        softlimit: rlimit::KEEP,
        maximum: 1 << 32,
    };
    let compat = CtxRlimitX86Compat {
        id: rlimit::NPROC,
        minimum: [0x89ab_cdef, 0x0123_4567],
        softlimit: [0xffff_fffe, 0xffff_ffff],
        maximum: [0, 1],
    };
    assert_eq!(CtxRlimitX86Compat::from(native), compat);
    assert_eq!(there_and_back(compat), (native, compat));
}
