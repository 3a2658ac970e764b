// SPDX-License-Identifier: GPL-2.0

//! Which structures may be copied from and to user space as they are.

use crate::abi;
use kernel::transmute::{
    AsBytes,
    FromBytes, //
};

/// Declares structures of [`abi`] to be plain bytes.
macro_rules! plain {
    ($($name:ident),* $(,)?) => {
        $(
            // SAFETY: Only integers and arrays of them: every bit pattern is valid.
            unsafe impl FromBytes for abi::$name {}
            // SAFETY: Only integers and arrays of them, and padding is spelled out as a member (the
            // assertions in `abi.rs` hold the sizes): no byte is uninitialised.
            unsafe impl AsBytes for abi::$name {}
        )*
    };
}

plain!(
    Badness,
    CtxCreate,
    CtxKill,
    CtxMigrate,
    CtxRlimit,
    CtxRlimitX86Compat,
    CtxStat,
    Dlimit,
    DlimitBase,
    DlimitBaseCompat,
    DlimitCompat,
    Features,
    Fiattr,
    Flags,
    Iattr,
    IattrCompat,
    NetAddrIpv4V1,
    NetAddrIpv4V2,
    NetAddrIpv6V1,
    NetAddrV0,
    NetCreate,
    NxInfo,
    PrioBias,
    RlimitMask,
    RlimitStat,
    SchedInfo,
    SchedV5,
    SetMapping,
    SetMappingCompat,
    SetSchedV4,
    SockStat,
    SpaceMaskV1,
    VhiName,
    VirtStat,
    VxInfo,
    WaitExit,
);
