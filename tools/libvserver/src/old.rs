// SPDX-License-Identifier: GPL-2.0

//! Commands that newer ones replace. Programs for older kernels still use them.

use crate::abi::{self, nxa, vcmd};
use crate::network::network_order;
use crate::{Errno, Ipv4Entry, Result, Syscall, Vserver};
use std::net::Ipv4Addr;

/// Commands that newer ones replace.
impl<S: Syscall> Vserver<S> {
    /// Creates context `xid` with the default flags; as [`Self::create`] without flags.
    ///
    /// # Errors
    ///
    /// Those of [`Self::create`].
    pub fn create_v0(&self, xid: u32) -> Result<u32> {
        self.bare(vcmd::CTX_CREATE_V0, xid)
    }

    /// Moves the calling thread into context `xid`; as [`Self::migrate`] without flags.
    ///
    /// # Errors
    ///
    /// Those of [`Self::migrate`].
    pub fn migrate_v0(&self, xid: u32) -> Result<()> {
        self.bare(vcmd::CTX_MIGRATE_V0, xid).map(drop)
    }

    /// Enters all stored namespaces of the main set.
    ///
    /// # Errors
    ///
    /// Those of [`Self::enter_space`].
    pub fn enter_space_v0(&self, xid: u32) -> Result<()> {
        self.bare(vcmd::ENTER_SPACE_V0, xid).map(drop)
    }

    /// Enters stored namespaces of the main set.
    ///
    /// # Errors
    ///
    /// Those of [`Self::enter_space`].
    pub fn enter_space_v1(&self, xid: u32, mask: u64) -> Result<()> {
        self.pass(vcmd::ENTER_SPACE_V1, xid, &mut abi::SpaceMaskV1 { mask })
            .map(drop)
    }

    /// Stores namespaces of the caller in the main set.
    ///
    /// # Errors
    ///
    /// Those of [`Self::set_space`].
    pub fn set_space_v1(&self, xid: u32, mask: u64) -> Result<()> {
        self.pass(vcmd::SET_SPACE_V1, xid, &mut abi::SpaceMaskV1 { mask })
            .map(drop)
    }

    /// Returns the space bits that the programs of version 0 may ask for.
    pub fn space_mask_v0(&self) -> Result<u64> {
        self.space_word(vcmd::GET_SPACE_MASK_V0)
    }

    /// Creates network context `nid` with the default flags; as [`Self::create_network`] without
    /// flags.
    ///
    /// # Errors
    ///
    /// Those of [`Self::create_network`].
    pub fn create_network_v0(&self, nid: u32) -> Result<u32> {
        self.bare(vcmd::NET_CREATE_V0, nid)
    }

    /// Adds one to four addresses, each with its mask, to the IPv4 list. Returns how many were
    /// added.
    ///
    /// # Errors
    ///
    /// `EINVAL` for another number of addresses, `EEXIST` when the list has one of them; those
    /// before it have been added then.
    pub fn add_addresses_v0(&self, nid: u32, addresses: &[(Ipv4Addr, Ipv4Addr)]) -> Result<u32> {
        let mut data = abi::NetAddrV0 {
            type_: nxa::TYPE_IPV4,
            count: addresses.len() as u16,
            ..Default::default()
        };
        if addresses.is_empty() || addresses.len() > data.ip.len() {
            return Err(Errno(libc::EINVAL));
        }
        for (place, (ip, mask)) in addresses.iter().enumerate() {
            data.ip[place] = network_order(*ip);
            data.mask[place] = network_order(*mask);
        }
        self.pass(vcmd::NET_ADD, nid, &mut data)
    }

    /// Sets the broadcast address.
    pub fn set_broadcast_v0(&self, nid: u32, ip: Ipv4Addr) -> Result<()> {
        self.set_address_v0(nid, nxa::MOD_BCAST, ip)
    }

    /// Sets the loopback address.
    pub fn set_loopback_v0(&self, nid: u32, ip: Ipv4Addr) -> Result<()> {
        self.set_address_v0(nid, nxa::MOD_LBACK, ip)
    }

    fn set_address_v0(&self, nid: u32, which: u16, ip: Ipv4Addr) -> Result<()> {
        let mut data = abi::NetAddrV0 {
            type_: nxa::TYPE_IPV4 | which,
            ..Default::default()
        };
        data.ip[0] = network_order(ip);
        self.pass(vcmd::NET_ADD, nid, &mut data).map(drop)
    }

    /// Empties the IPv4 list.
    pub fn remove_addresses_v0(&self, nid: u32) -> Result<()> {
        let mut data = abi::NetAddrV0 {
            type_: nxa::TYPE_ANY,
            ..Default::default()
        };
        self.pass(vcmd::NET_REMOVE, nid, &mut data).map(drop)
    }

    /// Adds an entry to the IPv4 list; as [`Self::add_ipv4`] without ranges.
    ///
    /// # Errors
    ///
    /// Those of [`Self::add_ipv4`]; `EINVAL` for a range.
    pub fn add_ipv4_v1(&self, nid: u32, entry: Ipv4Entry) -> Result<()> {
        self.ipv4_v1(vcmd::NET_ADD_IPV4_V1, nid, entry)
    }

    /// Removes the same entry from the IPv4 list.
    ///
    /// # Errors
    ///
    /// Those of [`Self::remove_ipv4`].
    pub fn remove_ipv4_v1(&self, nid: u32, entry: Ipv4Entry) -> Result<()> {
        self.ipv4_v1(vcmd::NET_REM_IPV4_V1, nid, entry)
    }

    /// Empties the IPv4 list.
    pub fn clear_ipv4_v1(&self, nid: u32) -> Result<()> {
        let mut data = abi::NetAddrIpv4V1 {
            type_: nxa::TYPE_ANY,
            ..Default::default()
        };
        self.pass(vcmd::NET_REM_IPV4_V1, nid, &mut data).map(drop)
    }

    fn ipv4_v1(&self, cmd: u32, nid: u32, entry: Ipv4Entry) -> Result<()> {
        let entry = abi::NetAddrIpv4V2::from(entry);
        if entry.type_ == nxa::TYPE_RANGE {
            return Err(Errno(libc::EINVAL));
        }
        let mut data = abi::NetAddrIpv4V1 {
            type_: entry.type_,
            flags: entry.flags,
            ip: entry.ip,
            mask: entry.mask,
        };
        self.pass(cmd, nid, &mut data).map(drop)
    }

    /// Sets the members of the token bucket that the mask ([`abi::vxsm`]) names.
    pub fn set_sched_v4(&self, xid: u32, sched: abi::SetSchedV4) -> Result<()> {
        let mut sched = sched;
        self.pass(vcmd::SET_SCHED_V4, xid, &mut sched).map(drop)
    }
}
