// SPDX-License-Identifier: GPL-2.0

//! Network contexts: the commands, and one that exists as long as a scenario wants it.

use super::check::{Need, Stop};
use super::{context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::Sys;
use libvserver::abi::{Flags, NetCreate, NxInfo, nxf, vcmd};

/// `net_create`: the calling thread is in the new network context afterwards.
pub fn create(nid: u32, flags: u64) -> Sys<u32> {
    context::with(vcmd::NET_CREATE, nid, &mut NetCreate { flagword: flags })
}

/// `net_migrate`.
pub fn migrate(nid: u32) -> Sys<u32> {
    context::bare(vcmd::NET_MIGRATE, nid)
}

/// `nx_info`: the id that the network context says it has.
pub fn info(nid: u32) -> Sys<u32> {
    let mut info = NxInfo::default();
    context::with(vcmd::NX_INFO, nid, &mut info).map(|_| info.nid)
}

/// `get_nflags`.
pub fn flags(nid: u32) -> Sys<Flags> {
    let mut flags = Flags::default();
    context::with(vcmd::GET_NFLAGS, nid, &mut flags).map(|_| flags)
}

/// `set_nflags`.
pub fn set_flags(nid: u32, value: u64, mask: u64) -> Sys<u32> {
    context::with(vcmd::SET_NFLAGS, nid, &mut Flags { value, mask })
}

/// Ids of all network contexts, from `/proc/virtnet`, in the order of the listing.
pub fn all() -> Sys<Vec<u32>> {
    Ok(crate::sys::files::list("/proc/virtnet")?
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect())
}

/// Takes the permanent claim away. Errors do not matter, it may be gone.
pub fn end(nid: u32) {
    let _ = set_flags(nid, 0, nxf::PERSISTENT);
}

/// Whether the network context goes within a reasonable time.
pub fn goes(nid: u32) -> bool {
    wait::until(GONE_WITHIN, || info(nid) == Err(libc::ESRCH))
}

/// A network context without tasks that stays until it is dropped.
#[derive(Debug)]
pub struct Network {
    nid: u32,
}

impl Network {
    /// Makes one with the default flags.
    pub fn start(nid: u32) -> Result<Self, Stop> {
        Self::with_flags(nid, nxf::INIT_SET)
    }

    /// Makes one with these flags, and the one that keeps it.
    pub fn with_flags(nid: u32, flags: u64) -> Result<Self, Stop> {
        subprocess(|| create(nid, flags | nxf::PERSISTENT))?
            .need(&format!("network context {nid}"))?;
        Ok(Self { nid })
    }

    /// Its id.
    pub fn nid(&self) -> u32 {
        self.nid
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        end(self.nid);
        goes(self.nid);
    }
}
