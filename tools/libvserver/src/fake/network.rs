// SPDX-License-Identifier: GPL-2.0

//! Network contexts of the model: their life and their words. They have no addresses.

use super::commands::{read, write};
use super::world::World;
use crate::Errno;
use crate::abi::{self, nxf, vcmd};
use std::ffi::c_void;

/// A network context.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub flags: u64,
    ncaps: u64,
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
    let changes = matches!(cmd, vcmd::SET_NFLAGS | vcmd::SET_NCAPS);
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
    world.networks.insert(nid, Network { flags, ncaps: 0 });
    world.enter_network(nid);
    Ok(nid)
}
