// SPDX-License-Identifier: GPL-2.0

//! Network contexts: the commands, and one that exists as long as a scenario wants it.

use super::carry::Carry;
use super::check::{Need, Stop};
use super::{context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, describe};
use libvserver::abi::{
    Flags, NetAddrIpv4V2, NetAddrIpv6V1, NetCreate, NxInfo, XID_SPECTATOR, nxa, nxf, vcmd,
};
use std::net::IpAddr;

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

/// `set_ncaps`.
pub fn set_caps(nid: u32, value: u64) -> Sys<u32> {
    let mut caps = Flags {
        value,
        mask: u64::MAX,
    };
    context::with(vcmd::SET_NCAPS, nid, &mut caps)
}

/// A command about one address, written as usual; with `/prefix` about a network.
fn address(commands: [u32; 2], nid: u32, text: &str) -> Sys<()> {
    let (ip, prefix) = text.split_once('/').unwrap_or((text, ""));
    let length: Option<u32> = prefix.parse().ok();
    let type_ = if length.is_some() {
        nxa::TYPE_MASK
    } else {
        nxa::TYPE_ADDR
    };
    match ip.parse().map_err(|_| libc::EINVAL)? {
        IpAddr::V4(v4) => {
            let mut data = NetAddrIpv4V2 {
                type_,
                ip: u32::from_ne_bytes(v4.octets()),
                mask: u32::MAX
                    .checked_shl(32 - length.unwrap_or(24))
                    .unwrap_or(0)
                    .to_be(),
                ..Default::default()
            };
            context::with(commands[0], nid, &mut data)?;
        }
        IpAddr::V6(v6) => {
            let bits = u128::MAX
                .checked_shl(128 - length.unwrap_or(128))
                .unwrap_or(0);
            let words =
                |number: u128| [96, 64, 32, 0].map(|shift| ((number >> shift) as u32).to_be());
            let mut data = NetAddrIpv6V1 {
                type_,
                prefix: length.unwrap_or(64),
                ip: words(u128::from(v6)),
                mask: words(bits),
                ..Default::default()
            };
            context::with(commands[1], nid, &mut data)?;
        }
    }
    Ok(())
}

/// Adds an address, or a network when it is written so.
pub fn add(nid: u32, text: &str) -> Sys<()> {
    address([vcmd::NET_ADD_IPV4, vcmd::NET_ADD_IPV6], nid, text)
}

/// Removes an address.
pub fn remove(nid: u32, text: &str) -> Sys<()> {
    address([vcmd::NET_REM_IPV4, vcmd::NET_REMOVE_IPV6], nid, text)
}

/// Removes all addresses; a network cannot be removed alone.
pub fn clear(nid: u32) -> Sys<()> {
    let mut v4 = NetAddrIpv4V2 {
        type_: nxa::TYPE_ANY,
        ..Default::default()
    };
    context::with(vcmd::NET_REM_IPV4, nid, &mut v4)?;
    let mut v6 = NetAddrIpv6V1 {
        type_: nxa::TYPE_ANY,
        ..Default::default()
    };
    context::with(vcmd::NET_REMOVE_IPV6, nid, &mut v6).map(|_| ())
}

/// Sets the loopback address.
pub fn set_loopback(nid: u32, ip: std::net::Ipv4Addr) -> Sys<()> {
    let mut data = NetAddrIpv4V2 {
        type_: nxa::TYPE_ADDR | nxa::MOD_LBACK,
        ip: u32::from_ne_bytes(ip.octets()),
        ..Default::default()
    };
    context::with(vcmd::NET_ADD_IPV4, nid, &mut data).map(|_| ())
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

/// Runs `body` in a child process that became the spectator of network contexts, who sees the
/// sockets of all.
pub fn spectator<T: Carry>(body: impl FnOnce() -> T) -> Result<T, Stop> {
    subprocess(|| migrate(XID_SPECTATOR).map(|_| body()))?
        .map_err(|error| Stop::Fail(format!("become network spectator: {}", describe(error))))
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
