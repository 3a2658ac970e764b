// SPDX-License-Identifier: GPL-2.0

//! Resource limits and statistics of the model. Of all resources only threads are counted, and
//! nothing is refused.

use super::commands::{read, write};
use super::world::World;
use crate::Errno;
use crate::abi::{self, rlimit, vcmd};
use std::collections::BTreeMap;
use std::ffi::c_void;

/// Resources that have statistics and no limit that can be set.
const COUNTED_ONLY: u32 = (1 << rlimit::SEMARY) | (1 << rlimit::NSEMS) | (1 << rlimit::MAPPED);

/// The limits of a context.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Soft and hard limits that were set.
    set: BTreeMap<u32, (u64, u64)>,
    threads: u32,
    lowest: u32,
    highest: u32,
}

impl Limits {
    pub fn set_threads(&mut self, threads: u32) {
        self.threads = threads;
        self.lowest = self.lowest.min(threads);
        self.highest = self.highest.max(threads);
    }

    fn get(&self, resource: u32) -> (u64, u64) {
        let unlimited = (rlimit::INFINITY, rlimit::INFINITY);
        self.set.get(&resource).copied().unwrap_or(unlimited)
    }

    fn change(&mut self, limit: &abi::CtxRlimit) {
        let kept = |new, old| if new == rlimit::KEEP { old } else { new };
        let (soft, hard) = self.get(limit.id);
        let hard = kept(limit.maximum, hard);
        let soft = kept(limit.softlimit, soft).min(hard);
        self.set.insert(limit.id, (soft, hard));
    }

    fn stat(&self, resource: u32) -> abi::RlimitStat {
        let mut stat = abi::RlimitStat {
            id: resource,
            ..Default::default()
        };
        if resource == rlimit::NPROC {
            stat.value = self.threads.into();
            stat.minimum = self.lowest.into();
            stat.maximum = self.highest.into();
        }
        stat
    }
}

/// Fails with `EINVAL` unless the resource is one of `mask`.
fn one_of(resource: u32, mask: u32) -> Result<(), Errno> {
    if resource < rlimit::COUNT && mask & (1 << resource) != 0 {
        Ok(())
    } else {
        Err(Errno(libc::EINVAL))
    }
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn mask(data: *mut c_void) -> Result<u32, Errno> {
    let mask = abi::RlimitMask {
        maximum: rlimit::SETTABLE,
        ..Default::default()
    };
    // SAFETY: `data` fits the command.
    unsafe { write(data, mask) }
}

/// Whether the command is one of [`query`].
pub(super) fn knows(cmd: u32) -> bool {
    matches!(
        cmd,
        vcmd::GET_RLIMIT
            | vcmd::RLIMIT_STAT
            | vcmd::VIRT_STAT
            | vcmd::SOCK_STAT
            | vcmd::RESET_HITS
            | vcmd::RESET_MINMAX
    )
}

/// Questions, and the resets, which any caller may ask for.
///
/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn query(
    world: &mut World,
    cmd: u32,
    xid: u32,
    data: *mut c_void,
) -> Result<u32, Errno> {
    let threads = world.threads(xid);
    let context = world.contexts.get_mut(&xid).ok_or(Errno(libc::ESRCH))?;
    // SAFETY: `data` fits the command.
    unsafe {
        match cmd {
            vcmd::GET_RLIMIT => {
                let mut limit: abi::CtxRlimit = read(data)?;
                one_of(limit.id, rlimit::SETTABLE)?;
                limit.minimum = 0;
                (limit.softlimit, limit.maximum) = context.limits.get(limit.id);
                write(data, limit)
            }
            vcmd::RLIMIT_STAT => {
                let stat: abi::RlimitStat = read(data)?;
                one_of(stat.id, rlimit::SETTABLE | COUNTED_ONLY)?;
                write(data, context.limits.stat(stat.id))
            }
            vcmd::VIRT_STAT => write(
                data,
                abi::VirtStat {
                    uptime: context.created.elapsed().as_nanos() as u64,
                    nr_threads: threads,
                    nr_running: threads,
                    nr_forks: context.forks,
                    ..Default::default()
                },
            ),
            vcmd::SOCK_STAT => {
                let asked: abi::SockStat = read(data)?;
                let field = asked.field as usize;
                let stat = context.traffic.get(field).ok_or(Errno(libc::EINVAL))?;
                write(data, *stat)
            }
            vcmd::RESET_MINMAX => {
                context.limits.lowest = threads;
                context.limits.highest = threads;
                Ok(0)
            }
            // Nothing was refused.
            _ => Ok(0),
        }
    }
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn set(world: &mut World, xid: u32, data: *mut c_void) -> Result<u32, Errno> {
    // SAFETY: `data` fits the command.
    let limit: abi::CtxRlimit = unsafe { read(data) }?;
    one_of(limit.id, rlimit::SETTABLE)?;
    let context = world.contexts.get_mut(&xid).ok_or(Errno(libc::ESRCH))?;
    context.limits.change(&limit);
    Ok(0)
}
