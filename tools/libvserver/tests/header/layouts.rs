// SPDX-License-Identifier: GPL-2.0

//! Sizes, offsets and types of the structures.

use crate::compiler::Width;
use libvserver::abi::*;

/// What the integers of a member are.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// They can be negative.
    Signed,
    /// They cannot.
    Unsigned,
    /// Characters and addresses: the sign is not compared.
    Other,
}

/// A member of a structure.
#[derive(Clone, Debug)]
pub struct Member {
    pub rust: &'static str,
    pub c: &'static str,
    pub offset: usize,
    pub size: usize,
    pub kind: Kind,
    pub array: bool,
}

/// A structure.
#[derive(Clone, Debug)]
pub struct Layout {
    pub rust: &'static str,
    pub c: &'static str,
    pub size: usize,
    pub members: Vec<Member>,
}

/// The types that members have.
trait Type {
    const KIND: Kind;
    const ARRAY: bool = false;
}

macro_rules! types {
    ($($type:ident $kind:ident)*) => {
        $(impl Type for $type {
            const KIND: Kind = Kind::$kind;
        })*
    };
}

types! { u8 Other u16 Unsigned u32 Unsigned u64 Unsigned usize Other i32 Signed i64 Signed }

impl<T: Type, const N: usize> Type for [T; N] {
    const KIND: Kind = T::KIND;
    const ARRAY: bool = true;
}

/// Describes the member that `_get` returns.
fn member<S, T: Type>(
    rust: &'static str,
    c: &'static str,
    offset: usize,
    _get: fn(&S) -> &T,
) -> Member {
    Member {
        rust,
        c,
        offset,
        size: size_of::<T>(),
        kind: T::KIND,
        array: T::ARRAY,
    }
}

macro_rules! c_name {
    ($field:ident) => {
        stringify!($field).trim_end_matches('_')
    };
    ($field:ident $c:literal) => {
        $c
    };
}

/// Lists structures: name here, name in C, members; another name that a member has in C is behind
/// it.
macro_rules! layouts {
    ($($name:ident = $c:literal { $($field:ident $($other:literal)?),* })*) => {
        vec![$(Layout {
            rust: stringify!($name),
            c: $c,
            size: size_of::<$name>(),
            members: vec![$(member::<$name, _>(
                stringify!($field),
                c_name!($field $($other)?),
                std::mem::offset_of!($name, $field),
                |from| &from.$field,
            )),*],
        }),*]
    };
}

/// The layouts that callers of this width use.
pub fn of(width: Width) -> Vec<Layout> {
    let mut layouts = common();
    match width {
        Width::Bits64 => layouts.extend(only_64()),
        Width::Bits32 => layouts.extend(only_32()),
    }
    layouts
}

fn common() -> Vec<Layout> {
    layouts! {
        CtxCreate = "vcmd_ctx_create" { flagword }
        CtxMigrate = "vcmd_ctx_migrate" { flagword }
        Flags = "vcmd_ctx_flags_v0" { value "flagword", mask }
        Flags = "vcmd_ctx_caps_v1" { value "ccaps", mask "cmask" }
        Flags = "vcmd_bcaps" { value "bcaps", mask "bmask" }
        Flags = "vcmd_umask" { value "umask", mask }
        Flags = "vcmd_wmask" { value "wmask", mask }
        Flags = "vcmd_net_flags_v0" { value "flagword", mask }
        Flags = "vcmd_net_caps_v0" { value "ncaps", mask "cmask" }
        VxInfo = "vcmd_vx_info_v0" { xid, initpid }
        CtxStat = "vcmd_ctx_stat_v0" { usecnt, tasks }
        CtxKill = "vcmd_ctx_kill_v0" { pid, sig }
        WaitExit = "vcmd_wait_exit_v0" { reboot_cmd, exit_code }
        Badness = "vcmd_badness_v0" { bias }
        VhiName = "vcmd_vhi_name_v0" { field, name }
        SpaceMaskV1 = "vcmd_space_mask_v1" { mask }
        Features = "vcmd_features" { size, version, bits }
        NetCreate = "vcmd_net_create" { flagword }
        NxInfo = "vcmd_nx_info_v0" { nid }
        NetAddrV0 = "vcmd_net_addr_v0" { type_, count, ip, mask }
        NetAddrIpv4V1 = "vcmd_net_addr_ipv4_v1" { type_, flags, ip, mask }
        NetAddrIpv4V2 = "vcmd_net_addr_ipv4_v2" { type_, flags, ip, ip2, mask }
        NetAddrIpv6V1 = "vcmd_net_addr_ipv6_v1" { type_, flags, prefix, ip, mask }
        RlimitMask = "vcmd_ctx_rlimit_mask_v0" { minimum, softlimit, maximum }
        RlimitStat = "vcmd_rlimit_stat_v0" { id, hits, value, minimum, maximum }
        VirtStat = "vcmd_virt_stat_v0" {
            offset, uptime, nr_threads, nr_running, nr_uninterruptible, nr_onhold, nr_forks, load
        }
        SockStat = "vcmd_sock_stat_v0" { field, count, total }
        SetSchedV4 = "vcmd_set_sched_v4" {
            set_mask, fill_rate, interval, tokens, tokens_min, tokens_max, prio_bias, cpu_id,
            bucket_id
        }
        SchedV5 = "vcmd_sched_v5" {
            mask, cpu_id, bucket_id, fill_rate, interval, tokens, tokens_min, tokens_max,
            prio_bias
        }
        SchedInfo = "vcmd_sched_info" {
            cpu_id, bucket_id, user_msec, sys_msec, hold_msec, token_usec, vavavoom
        }
        PrioBias = "vcmd_prio_bias" { cpu_id, prio_bias }
        Fiattr = "vcmd_ctx_fiattr_v0" { tag, flags, mask }
    }
}

fn only_64() -> Vec<Layout> {
    layouts! {
        SpaceMaskV2 = "vcmd_space_mask_v2" { mask, index }
        CtxRlimit = "vcmd_ctx_rlimit_v0" { id, minimum, softlimit, maximum }
        Iattr = "vcmd_ctx_iattr_v1" { name, tag, flags, mask }
        DlimitBase = "vcmd_ctx_dlimit_base_v0" { name, flags }
        Dlimit = "vcmd_ctx_dlimit_v0" {
            name, space_used, space_total, inodes_used, inodes_total, reserved, flags
        }
        SetMapping = "vcmd_set_mapping_v0" { device, target, flags }
        ReadHistory = "vcmd_read_history_v0" { index, count, data }
        HistoryEntry = "vcmd_history_entry" {
            loc, seq, type_, ptr, xid, usecnt, tasks, data
        }
    }
}

fn only_32() -> Vec<Layout> {
    let mut layouts = layouts! {
        IattrCompat = "vcmd_ctx_iattr_v1" { name, tag, flags, mask }
        DlimitBaseCompat = "vcmd_ctx_dlimit_base_v0" { name, flags }
        DlimitCompat = "vcmd_ctx_dlimit_v0" {
            name, space_used, space_total, inodes_used, inodes_total, reserved, flags
        }
        SetMappingCompat = "vcmd_set_mapping_v0" { device, target, flags }
        ReadHistoryCompat = "vcmd_read_history_v0" { index, count, data }
        CtxRlimitX86Compat = "vcmd_ctx_rlimit_v0" { id, minimum, softlimit, maximum }
        SpaceMaskV2 = "vcmd_space_mask_v2" { mask, index }
    };
    for layout in &mut layouts {
        if layout.rust == "SpaceMaskV2" {
            layout.size = SPACE_MASK_V2_READ;
        }
        for member in &mut layout.members {
            // Addresses and halves of a longer number here, whole ones there.
            let pointer = ["name", "device", "target", "data"].contains(&member.rust);
            if pointer || member.array {
                member.kind = Kind::Other;
                member.array = false;
            }
        }
    }
    layouts
}
