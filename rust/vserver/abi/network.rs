// SPDX-License-Identifier: GPL-2.0

//! Structures about network contexts.

/// Argument of `net_create`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetCreate {
    /// Initial flags, see [`nxf`](super::nxf).
    pub flagword: u64,
}

/// Argument of `nx_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NxInfo {
    /// Network context id.
    pub nid: u32,
}

/// Argument of `net_add` and `net_remove`: up to four IPv4 addresses.
///
/// Addresses and masks are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetAddrV0 {
    /// [`nxa::TYPE_IPV4`](super::nxa::TYPE_IPV4), alone or with one of the `MOD_*`; for removal
    /// `TYPE_ANY`.
    pub type_: u16,
    /// Number of addresses, 1 to 4, when `type_` has no `MOD_*`.
    pub count: u16,
    /// Addresses.
    pub ip: [u32; 4],
    /// Masks.
    pub mask: [u32; 4],
}

/// Argument of `net_add_ipv4_v1` and `net_rem_ipv4_v1`.
///
/// Address and mask are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetAddrIpv4V1 {
    /// See [`nxa`](super::nxa): `TYPE_ADDR`, alone or with one of the `MOD_*`, or `TYPE_MASK`; for
    /// removal `TYPE_ADDR` or `TYPE_ANY`.
    pub type_: u16,
    /// Stored and compared, without meaning.
    pub flags: u16,
    /// Address.
    pub ip: u32,
    /// Mask.
    pub mask: u32,
}

/// Argument of `net_add_ipv4` and `net_rem_ipv4`.
///
/// Addresses and mask are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetAddrIpv4V2 {
    /// As in [`NetAddrIpv4V1`], and `TYPE_RANGE`.
    pub type_: u16,
    /// Stored and compared, without meaning.
    pub flags: u16,
    /// Address, or the first one of a range.
    pub ip: u32,
    /// Last address of a range.
    pub ip2: u32,
    /// Mask.
    pub mask: u32,
}

/// Argument of `net_add_ipv6` and `net_remove_ipv6`.
///
/// Address and mask are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetAddrIpv6V1 {
    /// See [`nxa`](super::nxa): `TYPE_ADDR`, `TYPE_MASK`, or for removal `TYPE_ANY`.
    pub type_: u16,
    /// Stored and compared, without meaning.
    pub flags: u16,
    /// Length of the prefix, 0 to 128; stored and shown.
    pub prefix: u32,
    /// Address.
    pub ip: [u32; 4],
    /// Mask; all ones with `TYPE_ADDR`, whatever is given.
    pub mask: [u32; 4],
}

const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<NetCreate>() == 8);
    assert!(offset_of!(NetCreate, flagword) == 0);
    assert!(size_of::<NxInfo>() == 4);
    assert!(offset_of!(NxInfo, nid) == 0);
    assert!(size_of::<NetAddrV0>() == 36);
    assert!(offset_of!(NetAddrV0, type_) == 0);
    assert!(offset_of!(NetAddrV0, count) == 2);
    assert!(offset_of!(NetAddrV0, ip) == 4);
    assert!(offset_of!(NetAddrV0, mask) == 20);
    assert!(size_of::<NetAddrIpv4V1>() == 12);
    assert!(offset_of!(NetAddrIpv4V1, type_) == 0);
    assert!(offset_of!(NetAddrIpv4V1, flags) == 2);
    assert!(offset_of!(NetAddrIpv4V1, ip) == 4);
    assert!(offset_of!(NetAddrIpv4V1, mask) == 8);
    assert!(size_of::<NetAddrIpv4V2>() == 16);
    assert!(offset_of!(NetAddrIpv4V2, type_) == 0);
    assert!(offset_of!(NetAddrIpv4V2, flags) == 2);
    assert!(offset_of!(NetAddrIpv4V2, ip) == 4);
    assert!(offset_of!(NetAddrIpv4V2, ip2) == 8);
    assert!(offset_of!(NetAddrIpv4V2, mask) == 12);
    assert!(size_of::<NetAddrIpv6V1>() == 40);
    assert!(offset_of!(NetAddrIpv6V1, type_) == 0);
    assert!(offset_of!(NetAddrIpv6V1, flags) == 2);
    assert!(offset_of!(NetAddrIpv6V1, prefix) == 4);
    assert!(offset_of!(NetAddrIpv6V1, ip) == 8);
    assert!(offset_of!(NetAddrIpv6V1, mask) == 24);
};
