// SPDX-License-Identifier: GPL-2.0

//! Network contexts of the model: their life, their words and their lists of addresses.

use super::commands::{read, write};
use super::world::World;
use crate::Errno;
use crate::abi::{self, nxa, nxf, vcmd};
use std::ffi::c_void;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A network context.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub flags: u64,
    ncaps: u64,
    /// As they are told by [`super::Fake::addresses`].
    pub addresses: Vec<String>,
}

/// Whether the command is about network contexts.
pub(super) fn knows(cmd: u32) -> bool {
    matches!(
        cmd,
        vcmd::NET_CREATE
            | vcmd::NET_CREATE_V0
            | vcmd::NET_MIGRATE
            | vcmd::NX_INFO
            | vcmd::GET_NFLAGS
            | vcmd::SET_NFLAGS
            | vcmd::GET_NCAPS
            | vcmd::SET_NCAPS
            | vcmd::NET_ADD_IPV4
            | vcmd::NET_REM_IPV4
            | vcmd::NET_ADD_IPV6
            | vcmd::NET_REMOVE_IPV6
    )
}

/// Executes a command for the current task, which may use the call; `in_setup` tells whether its
/// context is being set up.
///
/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn execute(
    world: &mut World,
    cmd: u32,
    id: u32,
    data: *mut c_void,
    in_setup: bool,
) -> Result<u32, Errno> {
    match cmd {
        vcmd::NET_CREATE_V0 => return create(world, id, nxf::INIT_SET),
        vcmd::NET_CREATE => {
            // SAFETY: `data` fits the command.
            let flags = unsafe { read::<abi::NetCreate>(data) };
            return create(world, id, flags.map_or(nxf::INIT_SET, |arg| arg.flagword));
        }
        vcmd::NET_MIGRATE if id == abi::XID_SPECTATOR => {
            let current = world.current;
            if let Some(task) = world.tasks.get_mut(&current) {
                task.nid = abi::XID_SPECTATOR;
            }
            return Ok(1);
        }
        _ => {}
    }
    let own = world.caller().nid;
    let nid = if (id as i32) < 0 { own } else { id };
    let addresses = matches!(
        cmd,
        vcmd::NET_ADD_IPV4 | vcmd::NET_REM_IPV4 | vcmd::NET_ADD_IPV6 | vcmd::NET_REMOVE_IPV6
    );
    let changes = addresses || matches!(cmd, vcmd::SET_NFLAGS | vcmd::SET_NCAPS);
    let on_itself = changes && in_setup && nid == own;
    let needs_host = changes || cmd == vcmd::NET_MIGRATE;
    if needs_host && world.caller().xid != abi::XID_HOST && !on_itself {
        return Err(Errno(libc::EPERM));
    }
    let network = world.networks.get_mut(&nid).ok_or(Errno(libc::ESRCH))?;
    if needs_host && network.flags & nxf::STATE_ADMIN == 0 {
        return Err(Errno(libc::EACCES));
    }
    // SAFETY: `data` fits the command.
    unsafe {
        match cmd {
            vcmd::NX_INFO => write(data, abi::NxInfo { nid }),
            vcmd::GET_NFLAGS => write(
                data,
                abi::Flags {
                    value: network.flags,
                    mask: !(nxf::ONE_TIME & !network.flags),
                },
            ),
            vcmd::GET_NCAPS => write(
                data,
                abi::Flags {
                    value: network.ncaps,
                    mask: u64::MAX,
                },
            ),
            vcmd::NET_ADD_IPV4 => add(network, &ipv4(&read(data)?)),
            vcmd::NET_REM_IPV4 => remove(network, &ipv4(&read(data)?)),
            vcmd::NET_ADD_IPV6 => add(network, &ipv6(&read(data)?)),
            vcmd::NET_REMOVE_IPV6 => remove(network, &ipv6(&read(data)?)),
            vcmd::SET_NFLAGS => {
                let word: abi::Flags = read(data)?;
                let mask = word.mask & !(nxf::ONE_TIME & !network.flags);
                network.flags = (network.flags & !mask) | (word.value & mask);
                world.reap_network(nid);
                Ok(0)
            }
            vcmd::SET_NCAPS => {
                let word: abi::Flags = read(data)?;
                network.ncaps = (network.ncaps & !word.mask) | (word.value & word.mask);
                Ok(0)
            }
            _ => {
                if is_closed(network.flags) {
                    return Err(Errno(libc::EACCES));
                }
                world.enter_network(nid);
                Ok(0)
            }
        }
    }
}

/// An entry as it is told; ranges and networks of the model are no different.
fn ipv4(data: &abi::NetAddrIpv4V2) -> String {
    let text = |word: u32| Ipv4Addr::from(word.to_ne_bytes());
    if data.type_ & nxa::MOD_BCAST != 0 {
        return format!("broadcast {}", text(data.ip));
    }
    if data.type_ & nxa::MOD_LBACK != 0 {
        return format!("loopback {}", text(data.ip));
    }
    format!("{}/{}", text(data.ip), text(data.mask))
}

fn ipv6(data: &abi::NetAddrIpv6V1) -> String {
    let mut octets = [0; 16];
    for (bytes, word) in octets.chunks_exact_mut(4).zip(data.ip) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    format!("{}/{}", Ipv6Addr::from(octets), data.prefix)
}

fn add(network: &mut Network, entry: &str) -> Result<u32, Errno> {
    if network.addresses.iter().any(|other| other == entry) {
        return Err(Errno(libc::EEXIST));
    }
    network.addresses.push(entry.to_owned());
    Ok(0)
}

fn remove(network: &mut Network, entry: &str) -> Result<u32, Errno> {
    let place = network.addresses.iter().position(|other| other == entry);
    network.addresses.remove(place.ok_or(Errno(libc::ESRCH))?);
    Ok(0)
}

/// Whether nobody may migrate in.
fn is_closed(flags: u64) -> bool {
    flags & nxf::INFO_PRIVATE != 0 && flags & nxf::STATE_SETUP == 0
}

fn create(world: &mut World, nid: u32, flags: u64) -> Result<u32, Errno> {
    if world.caller().xid != abi::XID_HOST {
        return Err(Errno(libc::EPERM));
    }
    if !(abi::XID_MIN..=abi::XID_MAX).contains(&nid) {
        return Err(Errno(libc::EINVAL));
    }
    if let Some(existing) = world.networks.get(&nid) {
        let in_setup = existing.flags & nxf::STATE_SETUP != 0;
        return Err(Errno(if in_setup { libc::EBUSY } else { libc::EEXIST }));
    }
    if is_closed(flags) {
        return Err(Errno(libc::EACCES));
    }
    world.networks.insert(
        nid,
        Network {
            flags,
            ncaps: 0,
            addresses: Vec::new(),
        },
    );
    world.enter_network(nid);
    Ok(nid)
}
