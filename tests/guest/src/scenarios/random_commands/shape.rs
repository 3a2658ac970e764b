// SPDX-License-Identifier: GPL-2.0

//! The structure that each command takes, member by member.

use super::field::{DISK, Field, INODE, MIGRATE, SCHEDULER, SPACES};
use crate::harness::Dice;
use crate::harness::entry::Width;
use libvserver::abi::{dattr, nxc, nxf, rlimit, sock, vcmd, vhin, vxc, vxf};

use Field::{
    Any, Any64, Bits, Bits32, DiskLimit, Flags, Gap, Half, Ip, Kind, Limit, Mask, Node, Path, Pid,
    Signal, Text, Upto,
};

/// All flags of a context that have a name.
const CONTEXT_FLAGS: u64 = vxf::ONE_TIME
    | vxf::INFO_PRIVATE
    | vxf::INFO_INIT
    | vxf::HIDE_MOUNT
    | vxf::HIDE_VINFO
    | vxf::SC_HELPER
    | vxf::REBOOT_KILL
    | vxf::PERSISTENT
    | vxf::SCHED_HARD
    | vxf::SCHED_PRIO
    | vxf::VIRT_MEM
    | vxf::VIRT_UPTIME
    | vxf::VIRT_CPU
    | vxf::VIRT_LOAD
    | vxf::VIRT_TIME
    | vxf::IGNEG_NICE;
/// All flags of a network context that have a name.
const NETWORK_FLAGS: u64 = nxf::INIT_SET
    | nxf::STATE_SETUP
    | nxf::INFO_PRIVATE
    | nxf::SINGLE_IP
    | nxf::LBACK_ALLOW
    | nxf::SC_HELPER
    | nxf::PERSISTENT;
const CONTEXT_CAPABILITIES: u64 = vxc::SET_UTSNAME
    | vxc::SET_RLIMIT
    | vxc::FS_SECURITY
    | vxc::FS_TRUSTED
    | vxc::SYSLOG
    | vxc::OOM_ADJUST
    | vxc::SECURE_MOUNT
    | vxc::BINARY_MOUNT
    | vxc::DEV_MOUNT
    | vxc::QUOTA_CTL;
const NETWORK_CAPABILITIES: u64 = nxc::TUN_CREATE | nxc::RAW_ICMP | nxc::MULTICAST;
/// The capabilities of Linux.
const CAPABILITIES: u64 = (1 << 41) - 1;

/// Processors of the test machine, see [`Field::Upto`].
const CPU: Field = Upto(1);
const RESOURCE: Field = Upto(rlimit::COUNT - 1);

/// The members of the structure of a command, in their order; none for a command without data.
pub fn of(command: u32) -> &'static [Field] {
    match command {
        vcmd::SET_VHI_NAME | vcmd::GET_VHI_NAME => {
            &[Upto(vhin::DOMAINNAME), Text(vhin::LEN), Gap(3)]
        }
        vcmd::SET_MAPPING | vcmd::UNSET_MAPPING => &[Node, Node, Bits32(dattr::MASK)],
        vcmd::CTX_CREATE => &[Flags(CONTEXT_FLAGS)],
        vcmd::NET_CREATE => &[Flags(NETWORK_FLAGS)],
        vcmd::CTX_MIGRATE => &[Bits(MIGRATE)],
        vcmd::ENTER_SPACE_V1 | vcmd::SET_SPACE_V1 => &[Bits(SPACES)],
        vcmd::ENTER_SPACE | vcmd::SET_SPACE => &[Bits(SPACES), Upto(1)],
        vcmd::CTX_KILL => &[Pid, Signal],
        vcmd::SET_SCHED_V4 => &[
            Bits32(SCHEDULER),
            Any,
            Any,
            Any,
            Any,
            Any,
            Upto(20),
            CPU,
            Any,
        ],
        vcmd::SET_SCHED | vcmd::GET_SCHED => &[
            Bits32(SCHEDULER),
            CPU,
            Any,
            Any,
            Any,
            Any,
            Any,
            Any,
            Any,
            Any,
            Upto(20),
        ],
        vcmd::SCHED_INFO => &[CPU, Any, Any64, Any64, Any64, Any, Any],
        vcmd::SET_PRIO_BIAS | vcmd::GET_PRIO_BIAS => &[CPU, Upto(20)],
        vcmd::SET_BADNESS => &[Any64],
        vcmd::NET_ADD | vcmd::NET_REMOVE => &[Kind, Half, Ip, Ip, Ip, Ip, Ip, Ip, Ip, Ip],
        vcmd::NET_ADD_IPV4_V1 | vcmd::NET_REM_IPV4_V1 => &[Kind, Half, Ip, Ip],
        vcmd::NET_ADD_IPV4 | vcmd::NET_REM_IPV4 => &[Kind, Half, Ip, Ip, Ip],
        vcmd::NET_ADD_IPV6 | vcmd::NET_REMOVE_IPV6 => {
            &[Kind, Half, Upto(128), Ip, Ip, Ip, Ip, Ip, Ip, Ip, Ip]
        }
        vcmd::ADD_DLIMIT | vcmd::REM_DLIMIT => &[Path, Any],
        vcmd::SET_DLIMIT | vcmd::GET_DLIMIT => &[
            Path,
            DiskLimit,
            DiskLimit,
            DiskLimit,
            DiskLimit,
            Upto(100),
            Bits32(DISK),
        ],
        vcmd::GET_IATTR | vcmd::SET_IATTR => &[Path, Any, Bits32(INODE), Bits32(INODE)],
        vcmd::FGET_IATTR | vcmd::FSET_IATTR => &[Any, Bits32(INODE), Bits32(INODE)],
        vcmd::RLIMIT_STAT => &[RESOURCE, Any, Any64, Any64, Any64],
        vcmd::SOCK_STAT => &[Upto(sock::OTHER), Any, Any, Any, Any64, Any64, Any64],
        vcmd::SET_CFLAGS => &[Flags(CONTEXT_FLAGS), Mask],
        vcmd::SET_NFLAGS => &[Flags(NETWORK_FLAGS), Mask],
        vcmd::SET_CCAPS => &[Bits(CONTEXT_CAPABILITIES), Mask],
        vcmd::SET_NCAPS => &[Bits(NETWORK_CAPABILITIES), Mask],
        vcmd::SET_BCAPS | vcmd::SET_WMASK => &[Bits(CAPABILITIES), Mask],
        vcmd::SET_UMASK => &[Bits(SPACES), Mask],
        vcmd::GET_FEATURES => &[Upto(32), Any, Any64],
        vcmd::GET_RLIMIT | vcmd::SET_RLIMIT => &[RESOURCE, Limit, Limit, Limit],
        _ => &[],
    }
}

/// Bytes of an address.
pub fn address(width: Width) -> usize {
    match width {
        Width::Native => size_of::<usize>(),
        Width::Narrow => 4,
    }
}

/// The members of a structure with their places, and its length without the gap at the end.
pub fn places(fields: &[Field], width: Width) -> (Vec<(usize, Field)>, usize) {
    let address = address(width);
    let mut end = 0_usize;
    let places = fields
        .iter()
        .map(|field| {
            let at = end.next_multiple_of(field.align(address));
            end = at + field.size(address);
            (at, *field)
        })
        .collect();
    (places, end)
}

/// Data of a command, `size` bytes long. `special` may replace the bytes of a member.
pub fn draw(
    dice: &mut Dice,
    command: u32,
    width: Width,
    size: usize,
    mut special: impl FnMut(&mut Dice, Field) -> Option<u64>,
) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|_| dice.word() as u8).collect();
    let (places, _) = places(of(command), width);
    for (at, field) in places {
        let value = match special(dice, field) {
            Some(number) => number.to_ne_bytes().to_vec(),
            None => field.draw(dice),
        };
        let length = field.size(address(width));
        bytes[at..at + length].copy_from_slice(&value[..length]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::super::published::PUBLISHED;
    use super::*;

    #[test]
    fn structures_are_as_long_as_published() {
        for row in PUBLISHED.iter().filter(|row| row.there) {
            let fields = of(row.number);
            assert_eq!(
                fields.is_empty(),
                !row.argument.reads,
                "{}: members for what is read",
                row.name
            );
            if fields.is_empty() {
                continue;
            }
            for width in [Width::Native, Width::Narrow] {
                let (places, end) = places(fields, width);
                let step = places
                    .iter()
                    .map(|(_, field)| field.align(address(width)))
                    .max();
                // The twelve bytes of a space are less than a native caller has.
                let whole = match row.number {
                    vcmd::ENTER_SPACE | vcmd::SET_SPACE => end,
                    _ => end.next_multiple_of(step.unwrap_or(1)),
                };
                assert_eq!(whole, row.argument.size(width), "{} {width:?}", row.name);
            }
        }
    }
}
