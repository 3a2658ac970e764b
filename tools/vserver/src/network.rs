// SPDX-License-Identifier: GPL-2.0

//! The network of a guest, as its description says.

use crate::rate::Rate;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest name of an interface.
const INTERFACE_LENGTH: usize = 15;

/// The ways to write a mode.
pub const MODES: &str = "\"shared\", \"own,bridge=INTERFACE\", \"own,routed\", \
                         \"own,macvlan=INTERFACE\" or \"own,ipvlan=INTERFACE\"";

/// An address with the length of the prefix of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Length of the prefix.
    pub prefix: u8,
}

impl Address {
    /// The mask of the network, for IPv4.
    pub fn mask(prefix: u8) -> Ipv4Addr {
        let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        Ipv4Addr::from_bits(!host)
    }

    /// The broadcast address of the network; none where the network has none.
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        match self.ip {
            IpAddr::V4(ip) if self.prefix < 31 => Some(Ipv4Addr::from_bits(
                ip.to_bits() | !Self::mask(self.prefix).to_bits(),
            )),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.ip, self.prefix)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (ip, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((ip, prefix)) => (ip, Some(prefix)),
        };
        let ip = ip_address(ip)?;
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|prefix| (1..=longest).contains(prefix))
                .ok_or_else(|| {
                    format!("\"{text}\" has no prefix length from 1 to {longest} after the slash")
                })?,
        };
        Ok(Self { ip, prefix })
    }
}

/// Reads an address that an interface can have.
///
/// # Errors
///
/// What is wrong with it.
pub fn ip_address(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no IPv4 or IPv6 address"))?;
    let kind = match ip {
        _ if ip.is_unspecified() => "the wildcard",
        _ if ip.is_multicast() => "a multicast address",
        _ if ip.is_loopback() => "a loopback address, which every guest has by itself",
        IpAddr::V4(Ipv4Addr::BROADCAST) => "the broadcast address",
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => "an IPv4 address in IPv6 notation",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => "a link-local address",
        _ => return Ok(ip),
    };
    Err(format!("{ip} is {kind}"))
}

/// How the own stack of a guest reaches the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A veth pair into a bridge of the host.
    Bridge(String),
    /// A veth pair, and a route of the host to each address.
    Routed,
    /// A macvlan on an interface of the host.
    Macvlan(String),
    /// An ipvlan on an interface of the host.
    Ipvlan(String),
}

impl Link {
    /// The interface of the host that it needs.
    pub fn parent(&self) -> Option<&str> {
        match self {
            Self::Routed => None,
            Self::Bridge(parent) | Self::Macvlan(parent) | Self::Ipvlan(parent) => Some(parent),
        }
    }

    /// Whether the host has an end of its own, where it can filter.
    pub const fn has_host_end(&self) -> bool {
        matches!(self, Self::Bridge(_) | Self::Routed)
    }
}

/// Whose network stack a guest uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// That of the host, with addresses of its own.
    Shared,
    /// One of its own.
    Own(Link),
}

impl Mode {
    /// Whether the host can limit what the guest sends and receives.
    pub const fn can_have_rate(&self) -> bool {
        match self {
            Self::Shared => true,
            Self::Own(link) => link.has_host_end(),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => formatter.write_str("shared"),
            Self::Own(Link::Routed) => formatter.write_str("own,routed"),
            Self::Own(Link::Bridge(parent)) => write!(formatter, "own,bridge={parent}"),
            Self::Own(Link::Macvlan(parent)) => write!(formatter, "own,macvlan={parent}"),
            Self::Own(Link::Ipvlan(parent)) => write!(formatter, "own,ipvlan={parent}"),
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("there is no network \"{text}\"");
        let parent = |name: &str| interface(name).map(|()| name.to_owned());
        match text.split_once(',') {
            None if text == "shared" => Ok(Self::Shared),
            None if text == "own" => Err("\"own\" does not say how it is connected".to_owned()),
            Some(("own", "routed")) => Ok(Self::Own(Link::Routed)),
            Some(("own", link)) => Ok(Self::Own(match link.split_once('=') {
                Some(("bridge", name)) => Link::Bridge(parent(name)?),
                Some(("macvlan", name)) => Link::Macvlan(parent(name)?),
                Some(("ipvlan", name)) => Link::Ipvlan(parent(name)?),
                _ => return Err(unknown()),
            })),
            _ => Err(unknown()),
        }
    }
}

/// Checks the name of an interface.
///
/// # Errors
///
/// It cannot be one.
pub fn interface(name: &str) -> Result<(), String> {
    let possible = !name.is_empty()
        && name.len() <= INTERFACE_LENGTH
        && !matches!(name, "." | "..")
        && !name.contains(|found: char| found == '/' || found == ':' || found.is_whitespace());
    if possible {
        Ok(())
    } else {
        Err(format!("\"{name}\" cannot be the name of an interface"))
    }
}

/// The network of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Whose stack it uses.
    pub mode: Mode,
    /// Its addresses, in order.
    pub addresses: Vec<Address>,
    /// Shared: the interface of the host that gets the addresses while the guest runs.
    pub device: Option<String>,
    /// Own: the next hop of the default route, at most one of each family.
    pub gateways: Vec<IpAddr>,
    /// Servers of names, for `/etc/resolv.conf` of the guest.
    pub dns: Vec<IpAddr>,
    /// How fast it may send and receive.
    pub rate: Option<Rate>,
}

impl Network {
    /// How the own stack is connected; none when it uses that of the host.
    pub const fn link(&self) -> Option<&Link> {
        match &self.mode {
            Mode::Own(link) => Some(link),
            Mode::Shared => None,
        }
    }

    /// The addresses of one family.
    pub fn of_family(&self, ipv4: bool) -> impl Iterator<Item = &Address> {
        let all = self.addresses.iter();
        all.filter(move |address| address.ip.is_ipv4() == ipv4)
    }
}

/// Name of the host's end of the veth pair of a guest. An id belongs to one guest at a time, so
/// names cannot collide.
pub fn host_end(xid: u32) -> String {
    format!("vs{xid}h")
}

/// Name of the interface inside an own stack.
pub const GUEST_END: &str = "eth0";

/// The hardware address of a guest: administered locally, the same at every start. `seed` keeps
/// hosts on one network apart.
pub fn hardware_address(seed: &[u8], xid: u32) -> [u8; 6] {
    // FNV-1a.
    let hash = seed.iter().fold(0x811c_9dc5_u32, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [_, a, b, c] = hash.to_be_bytes();
    let [_, _, high, low] = xid.to_be_bytes();
    [0x02, a, b, c, high, low]
}

/// The link-local IPv6 address that the kernel makes of a hardware address.
pub fn link_local(hardware: [u8; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = hardware;
    let word = |high, low| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(
        0xfe80,
        0,
        0,
        0,
        word(a ^ 2, b),
        word(c, 0xff),
        word(0xfe, d),
        word(e, f),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in [
            "192.0.2.10/24",
            "2001:db8::10/64",
            "10.0.0.1/32",
            "10.0.0.0/31",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let single = |text: &str| text.parse::<Address>().unwrap().prefix;
        assert_eq!((single("192.0.2.1"), single("2001:db8::1")), (32, 128));
        for text in [
            "",
            "192.0.2.300",
            "192.0.2.1/33",
            "192.0.2.1/0",
            "192.0.2.1/x",
            "::/0",
            "0.0.0.0/8",
            "224.0.0.1",
            "ff02::1",
            "127.0.0.1",
            "::1",
            "::ffff:1.2.3.4",
            "fe80::1/64",
            "255.255.255.255",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn broadcasts_follow_from_the_prefix() {
        let broadcast = |text: &str| text.parse::<Address>().unwrap().broadcast();
        assert_eq!(
            broadcast("192.0.2.10/24"),
            Some(Ipv4Addr::new(192, 0, 2, 255))
        );
        assert_eq!(broadcast("192.0.2.10/31"), None);
        assert_eq!(broadcast("2001:db8::1/64"), None);
        assert_eq!(Address::mask(24), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(Address::mask(32), Ipv4Addr::BROADCAST);
    }

    #[test]
    fn modes_are_read_and_written() {
        for text in [
            "shared",
            "own,routed",
            "own,bridge=br0",
            "own,macvlan=eth0",
            "own,ipvlan=eth0",
        ] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "own",
            "host",
            "own,bridge",
            "own,bridge=",
            "own,bridge=a/b",
            "own,vlan=x",
            "own,bridge=0123456789abcdef",
            "shared,bridge=br0",
            "own,routed=x",
        ] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }

    #[test]
    fn hardware_addresses_differ_by_guest_and_host() {
        let one = hardware_address(b"a", 1000);
        assert_eq!(one, hardware_address(b"a", 1000));
        assert_ne!(one, hardware_address(b"a", 1001));
        assert_ne!(one, hardware_address(b"b", 1000));
        assert_eq!(one[0], 2);
        let local = link_local([0x02, 0x11, 0x22, 0x33, 0x44, 0x55]);
        assert_eq!(local.to_string(), "fe80::11:22ff:fe33:4455");
        assert!(host_end(65_535).len() <= INTERFACE_LENGTH);
    }
}
