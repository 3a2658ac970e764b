// SPDX-License-Identifier: GPL-2.0

//! A network for one scenario: a host with the addresses of all guests on one end of a virtual
//! cable, and on the other end, in a network namespace of its own, somebody from outside.

use super::carry::Carry;
use super::check::{Need, Stop, Test};
use super::guest::Guest;
use super::promise::subprocess;
use super::{child, network};
use crate::sys::{Sys, describe, files, netlink, spaces};
use libvserver::abi::space;
use std::fs::File;
use std::os::fd::AsRawFd;

/// Addresses of the host, IPv4 and IPv6.
pub const HOST: [&str; 2] = ["10.9.0.1", "fd09::1"];
/// Addresses of three guests.
pub const GUESTS: [[&str; 2]; 3] = [
    ["10.9.0.11", "fd09::11"],
    ["10.9.0.12", "fd09::12"],
    ["10.9.0.13", "fd09::13"],
];
/// A second pair for one of them.
pub const SPARE: [&str; 2] = ["10.9.0.21", "fd09::21"];
/// Addresses of somebody outside.
pub const OUTSIDE: [&str; 2] = ["10.9.0.99", "fd09::99"];

const PREFIXES: [u8; 2] = [24, 64];

/// The network. Everything in it goes with the process of the scenario.
#[derive(Debug)]
pub struct Wire {
    outside: File,
    /// Leads to the other end from every process.
    path: String,
}

fn namespace() -> Result<File, Stop> {
    spaces::unshare(space::NET).need("a network namespace")?;
    netlink::up("lo").need("its loopback interface")?;
    File::open("/proc/thread-self/ns/net")
        .map_err(|error| Stop::Fail(format!("a network namespace: {error}")))
}

fn plug(name: &str, pairs: &[[&str; 2]]) -> Sys<()> {
    netlink::up(name)?;
    for pair in pairs {
        for (ip, prefix) in pair.iter().zip(PREFIXES) {
            netlink::add_address(name, ip, prefix)?;
        }
    }
    Ok(())
}

impl Wire {
    /// Moves the scenario into a new network.
    pub fn start() -> Result<Self, Stop> {
        let outside = namespace()?;
        child::keep_private(&outside);
        namespace()?;
        // Who ends while the other end says nothing leaves connections that try for minutes to say
        // so, each with a reference on its network context.
        files::write("/proc/sys/net/ipv4/tcp_orphan_retries", "1").need("impatient orphans")?;
        netlink::cable("site0", "far0", outside.as_raw_fd()).need("a cable")?;
        let mut pairs = vec![HOST, SPARE];
        pairs.extend(GUESTS);
        plug("site0", &pairs).need("addresses on this end")?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), outside.as_raw_fd());
        let wire = Self { outside, path };
        wire.outside(|| plug("far0", &[OUTSIDE]))?
            .need("addresses on the other end")?;
        Ok(wire)
    }

    /// Adds another interface of the host, with addresses that no guest has.
    pub fn other(&self, name: &str, pair: &[&str; 2]) -> Result<(), Stop> {
        netlink::cable(name, "far1", self.outside.as_raw_fd()).need("another cable")?;
        plug(name, &[*pair]).need("addresses on the other cable")
    }

    /// Runs `body` on the other end of the cable, in a process of its own.
    pub fn outside<T: Carry>(&self, body: impl FnOnce() -> T) -> Result<T, Stop> {
        subprocess(|| -> Sys<T> {
            let namespace = File::open(&self.path).map_err(|e| crate::sys::code(&e))?;
            spaces::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET)?;
            Ok(body())
        })?
        .map_err(|error| Stop::Fail(format!("go outside: {}", describe(error))))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        child::release_private(&self.outside);
    }
}

/// Starts a guest in a network context of its own with these addresses.
pub fn site(t: &mut Test, addresses: &[&str]) -> Result<Guest, Stop> {
    let id = t.xid();
    let guest = Guest::plan(id).network(id).start()?;
    for ip in addresses {
        network::add(id, ip).need(&format!("address {ip} for guest {id}"))?;
    }
    Ok(guest)
}

/// The three guests with their addresses.
pub fn sites(t: &mut Test) -> Result<Vec<Guest>, Stop> {
    GUESTS.iter().map(|pair| site(t, pair)).collect()
}
