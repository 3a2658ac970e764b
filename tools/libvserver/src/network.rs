// SPDX-License-Identifier: GPL-2.0

//! Network contexts.

use crate::abi::{self, nxa, vcmd};
use crate::{Result, Syscall, Vserver};
use std::net::{Ipv4Addr, Ipv6Addr};

/// An entry of the IPv4 list of a network context, or one of its two special addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv4Entry {
    /// One address, with the mask of its network.
    Address {
        /// The address.
        ip: Ipv4Addr,
        /// The mask.
        mask: Ipv4Addr,
    },
    /// All addresses of a network.
    Network {
        /// The address of the network.
        ip: Ipv4Addr,
        /// Its mask.
        mask: Ipv4Addr,
    },
    /// All addresses from a first to a last one.
    Range {
        /// The first address.
        first: Ipv4Addr,
        /// The last address.
        last: Ipv4Addr,
        /// The mask of their network.
        mask: Ipv4Addr,
    },
    /// The broadcast address: only for adding, in place of the one before.
    Broadcast(Ipv4Addr),
    /// The loopback address: only for adding, in place of the one before.
    Loopback(Ipv4Addr),
}

impl From<Ipv4Entry> for abi::NetAddrIpv4V2 {
    fn from(entry: Ipv4Entry) -> Self {
        let none = Ipv4Addr::UNSPECIFIED;
        let (type_, ip, ip2, mask) = match entry {
            Ipv4Entry::Address { ip, mask } => (nxa::TYPE_ADDR, ip, none, mask),
            Ipv4Entry::Network { ip, mask } => (nxa::TYPE_MASK, ip, none, mask),
            Ipv4Entry::Range { first, last, mask } => (nxa::TYPE_RANGE, first, last, mask),
            Ipv4Entry::Broadcast(ip) => (nxa::TYPE_ADDR | nxa::MOD_BCAST, ip, none, none),
            Ipv4Entry::Loopback(ip) => (nxa::TYPE_ADDR | nxa::MOD_LBACK, ip, none, none),
        };
        Self {
            type_,
            flags: 0,
            ip: network_order(ip),
            ip2: network_order(ip2),
            mask: network_order(mask),
        }
    }
}

/// An entry of the IPv6 list of a network context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6Entry {
    /// One address, with the length of the prefix of its network.
    Address {
        /// The address.
        ip: Ipv6Addr,
        /// The length of the prefix, at most 128.
        prefix: u8,
    },
    /// All addresses of a network.
    Network {
        /// The address of the network.
        ip: Ipv6Addr,
        /// The length of its prefix, at most 128.
        prefix: u8,
    },
}

impl From<Ipv6Entry> for abi::NetAddrIpv6V1 {
    fn from(entry: Ipv6Entry) -> Self {
        let (type_, ip, prefix) = match entry {
            Ipv6Entry::Address { ip, prefix } => (nxa::TYPE_ADDR, ip, prefix),
            Ipv6Entry::Network { ip, prefix } => (nxa::TYPE_MASK, ip, prefix),
        };
        let bits = match entry {
            Ipv6Entry::Address { .. } => 128,
            Ipv6Entry::Network { .. } => prefix.min(128),
        };
        let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
        Self {
            type_,
            flags: 0,
            prefix: prefix.into(),
            ip: words(ip.octets()),
            mask: words((!host).to_be_bytes()),
        }
    }
}

/// The address as the kernel wants it: its bytes in the order in which they are written.
pub(crate) const fn network_order(ip: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(ip.octets())
}

fn words(bytes: [u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, four) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_ne_bytes([four[0], four[1], four[2], four[3]]);
    }
    words
}

/// Network contexts. Ids and errors are as with contexts, and an id with the sign bit set names the
/// network context of the caller. Where a command is also allowed during setup, the setup of the
/// context of the caller counts.
impl<S: Syscall> Vserver<S> {
    /// Creates network context `nid` (2 to 65535) and moves the calling thread into it. Without
    /// `flags` it gets the default ones, [`abi::nxf::INIT_SET`].
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id out of range, `EEXIST` when the id is in use, `EBUSY` when the network
    /// context with this id is still being set up, `EACCES` when the flags make it private without
    /// setup, `EPERM` when the caller is in a context, `ENOEXEC` when the helper failed, `ENOMEM`.
    pub fn create_network(&self, nid: u32, flags: Option<u64>) -> Result<u32> {
        match flags {
            None => self.bare(vcmd::NET_CREATE, nid),
            Some(flagword) => self.pass(vcmd::NET_CREATE, nid, &mut abi::NetCreate { flagword }),
        }
    }

    /// Moves the calling thread into network context `nid`.
    ///
    /// # Errors
    ///
    /// `EACCES` also when the network context is private, `EFAULT` when it is about to end.
    pub fn migrate_network(&self, nid: u32) -> Result<()> {
        self.bare(vcmd::NET_MIGRATE, nid).map(drop)
    }

    /// Makes the calling thread a spectator, who sees the sockets of all network contexts. There is
    /// no way back: do it in a child.
    pub fn become_network_spectator(&self) -> Result<()> {
        self.migrate_network(abi::XID_SPECTATOR)
    }

    /// Returns the id of a network context: of the caller's, when asked for
    /// [`abi::XID_SELF`].
    pub fn network_id(&self, nid: u32) -> Result<u32> {
        let mut info = abi::NxInfo::default();
        self.pass(vcmd::NX_INFO, nid, &mut info)?;
        Ok(info.nid)
    }

    /// Reads the network flags ([`abi::nxf`]); the mask lacks the one-time bits already cleared.
    pub fn network_flags(&self, nid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_NFLAGS, nid)
    }

    /// Changes the network flags inside `mask` to `value`. A one-time bit can only be cleared; a
    /// request to set one again is ignored by the kernel.
    pub fn set_network_flags(&self, nid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_NFLAGS, nid, value, mask)
    }

    /// Reads the network capabilities ([`abi::nxc`]).
    pub fn ncaps(&self, nid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_NCAPS, nid)
    }

    /// Changes the network capabilities inside `mask` to `value`.
    pub fn set_ncaps(&self, nid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_NCAPS, nid, value, mask)
    }

    /// Adds an entry to the IPv4 list, or sets one of the special addresses. The first entry is the
    /// source of connections that do not choose one.
    ///
    /// # Errors
    ///
    /// `EEXIST` when the list has the same entry, `ENOMEM`.
    pub fn add_ipv4(&self, nid: u32, entry: Ipv4Entry) -> Result<()> {
        let mut data = abi::NetAddrIpv4V2::from(entry);
        self.pass(vcmd::NET_ADD_IPV4, nid, &mut data).map(drop)
    }

    /// Removes the same entry from the IPv4 list.
    ///
    /// # Errors
    ///
    /// `ESRCH` also when the list does not have it, `EINVAL` for what is not an address.
    pub fn remove_ipv4(&self, nid: u32, entry: Ipv4Entry) -> Result<()> {
        let mut data = abi::NetAddrIpv4V2::from(entry);
        self.pass(vcmd::NET_REM_IPV4, nid, &mut data).map(drop)
    }

    /// Empties the IPv4 list.
    pub fn clear_ipv4(&self, nid: u32) -> Result<()> {
        let mut data = abi::NetAddrIpv4V2 {
            type_: nxa::TYPE_ANY,
            ..Default::default()
        };
        self.pass(vcmd::NET_REM_IPV4, nid, &mut data).map(drop)
    }

    /// Adds an entry to the IPv6 list.
    ///
    /// # Errors
    ///
    /// `EEXIST` when the list has the same entry, `ENOMEM`; `ENOSYS` also from kernels without
    /// IPv6.
    pub fn add_ipv6(&self, nid: u32, entry: Ipv6Entry) -> Result<()> {
        let mut data = abi::NetAddrIpv6V1::from(entry);
        self.pass(vcmd::NET_ADD_IPV6, nid, &mut data).map(drop)
    }

    /// Removes the same entry from the IPv6 list.
    ///
    /// # Errors
    ///
    /// `ESRCH` also when the list does not have it, `EINVAL` for what is not an address; `ENOSYS`
    /// also from kernels without IPv6.
    pub fn remove_ipv6(&self, nid: u32, entry: Ipv6Entry) -> Result<()> {
        let mut data = abi::NetAddrIpv6V1::from(entry);
        self.pass(vcmd::NET_REMOVE_IPV6, nid, &mut data).map(drop)
    }

    /// Empties the IPv6 list.
    ///
    /// # Errors
    ///
    /// `ENOSYS` also from kernels without IPv6.
    pub fn clear_ipv6(&self, nid: u32) -> Result<()> {
        let mut data = abi::NetAddrIpv6V1 {
            type_: nxa::TYPE_ANY,
            ..Default::default()
        };
        self.pass(vcmd::NET_REMOVE_IPV6, nid, &mut data).map(drop)
    }
}
