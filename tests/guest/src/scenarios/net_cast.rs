// SPDX-License-Identifier: GPL-2.0

//! What is not for one address: broadcast, multicast, raw and ping sockets.

use super::net_bind::{at, close, datagram};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, OUTSIDE, sites};
use crate::harness::{Guest, Need, Wire, Words, network};
use crate::sys::{Sys, files, inet, netlink, sockets};
use libvserver::abi::nxc;
use std::net::Ipv4Addr;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
/// `CAP_NET_RAW`
const NET_RAW: u32 = 13;
const ECHO_REQUEST: [u8; 8] = [8, 0, 0, 0, 0x12, 0x34, 0, 1];

pub fn receive(w: &Words) -> Sys<String> {
    inet::receive(w.int(0), w.numbers[1] != 0).map(|name| inet::host(&name))
}

/// A socket on a wildcard that is in the group of multicast.
fn member(w: &Words) -> Sys<i32> {
    let fd = inet::datagram(&w.text, inet::REUSEADDR)?;
    inet::join_group(fd, GROUP, w.int(0) as u32).map(|()| fd)
}

/// A raw ICMP socket.
fn raw(_: &Words) -> Sys<i32> {
    inet::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP)
}

/// Opens a raw socket of family and protocol, after dropping `CAP_NET_RAW`, in a child.
fn raw_without(w: &Words) -> Sys<()> {
    crate::harness::subprocess(|| {
        crate::sys::process::drop_capability(NET_RAW)?;
        inet::socket(w.int(0), libc::SOCK_RAW, w.int(1)).map(sockets::close)
    })
    .unwrap_or(Err(libc::ECHILD))
}

/// A message for a raw or ping socket, with the checksum that it needs.
fn echo() -> [u8; 8] {
    let mut bytes = ECHO_REQUEST;
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let check = !((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[2..4].copy_from_slice(&check.to_be_bytes());
    bytes
}

/// Sends an echo request from a new ping socket; who answered.
fn ping(w: &Words) -> Sys<String> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP)?;
    let result = inet::send_bytes(fd, &w.text, &ECHO_REQUEST)
        .and_then(|()| inet::receive(fd, true))
        .map(|name| inet::host(&name));
    sockets::close(fd);
    result
}

/// Binds a ping socket; the port is the identifier.
fn ping_bound(w: &Words) -> Sys<i32> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP)?;
    inet::bind(fd, &w.text).map(|()| fd)
}

fn words(text: &str) -> Words {
    Words {
        numbers: vec![0],
        text: text.into(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    let mut guests = sites(t)?;
    // The kernel goes through the sockets of a port in another way when they are many.
    for crowd in [0_u8, 12] {
        let others: Vec<i32> = (1..=crowd)
            .flat_map(|n| [9100, 9102].map(|port| format!("127.200.0.{n}:{port}")))
            .map(|address| inet::datagram(&address, inet::REUSEADDR))
            .collect::<Sys<_>>()
            .need("sockets of the host")?;
        broadcast(t, &wire, &mut guests)?;
        multicast(t, &wire, &mut guests)?;
        others.into_iter().for_each(sockets::close);
    }
    raw_sockets(t, &wire, &mut guests)?;
    capability(t, &mut guests[0])?;
    pings(t, &mut guests)
}

/// A broadcast is for everybody in the network.
fn broadcast(t: &mut Test, wire: &Wire, guests: &mut [Guest]) -> Outcome {
    let mut servers = Vec::new();
    for guest in guests.iter_mut() {
        let any = guest.tell(datagram, "0.0.0.0:9100", &[0])?;
        let fixed = guest.tell(datagram, "127.0.0.1:9101", &[0])?;
        servers.push((any.need("a socket")?, fixed.need("a socket")?));
    }
    wire.outside(|| -> Sys<()> {
        let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        inet::set(fd, libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
        inet::send_from(fd, "10.9.0.255:9100")?;
        inet::send_from(fd, "10.9.0.255:9101")
    })?
    .need("a broadcast")?;
    for ((number, guest), (any, fixed)) in guests.iter_mut().enumerate().zip(servers) {
        t.gives(
            &format!("broadcast: guest {number} gets it"),
            guest.call(receive, &[i64::from(any), 1])?,
            OUTSIDE[0].into(),
        );
        t.refused(
            &format!("broadcast: not on the loopback of guest {number}"),
            guest.call(receive, &[i64::from(fixed), 0])?,
            libc::EAGAIN,
        );
        guest.call(close, &[i64::from(any)])?.ok();
        guest.call(close, &[i64::from(fixed)])?.ok();
    }
    Ok(())
}

/// Groups reach guests that have the capability and are members.
fn multicast(t: &mut Test, wire: &Wire, guests: &mut [Guest]) -> Outcome {
    network::set_caps(guests[0].xid(), nxc::MULTICAST).need("the capability")?;
    let here = i64::from(netlink::index("site0").need("an interface")?);
    let mut members = Vec::new();
    for guest in guests.iter_mut() {
        let fd = guest.tell(member, "0.0.0.0:9102", &[here])?;
        members.push(fd.need("a member of the group")?);
    }
    let host = member(&Words {
        numbers: vec![here],
        text: "0.0.0.0:9102".into(),
    })
    .need("a member of the group")?;
    wire.outside(|| -> Sys<()> {
        let fd = inet::datagram(&at(OUTSIDE[0], 0), 0)?;
        let index = netlink::index("far0")?;
        inet::join_group(fd, GROUP, index)?;
        let far = libc::ip_mreqn {
            imr_multiaddr: libc::in_addr { s_addr: 0 },
            imr_address: libc::in_addr { s_addr: 0 },
            imr_ifindex: index as i32,
        };
        // SAFETY: the value outlives the call and has the length that is passed.
        crate::sys::done(unsafe {
            libc::setsockopt(
                fd,
                libc::IPPROTO_IP,
                libc::IP_MULTICAST_IF,
                (&raw const far).cast(),
                size_of::<libc::ip_mreqn>() as u32,
            )
        })?;
        inet::send_from(fd, &format!("{GROUP}:9102"))
    })?
    .need("a packet to the group")?;
    t.gives(
        "multicast: the host is a member",
        inet::receive(host, true).map(|name| inet::host(&name)),
        OUTSIDE[0].into(),
    );
    for ((number, guest), fd) in guests.iter_mut().enumerate().zip(members) {
        let seen = guest.call(receive, &[i64::from(fd), i64::from(number == 0)])?;
        if number == 0 {
            t.gives("multicast: with the capability", seen, OUTSIDE[0].into());
        } else {
            t.refused(
                &format!("multicast: guest {number} without the capability"),
                seen,
                libc::EAGAIN,
            );
        }
        guest.call(close, &[i64::from(fd)])?.ok();
    }
    sockets::close(host);
    Ok(())
}

/// Raw sockets see what goes to their guest, and the host's see all.
fn raw_sockets(t: &mut Test, wire: &Wire, guests: &mut [Guest]) -> Outcome {
    let host = raw(&Words::default()).need("a raw socket of the host")?;
    let mut open = Vec::new();
    for guest in guests.iter_mut() {
        open.push(guest.ask(raw)?.need("a raw socket")?);
    }
    for (owner, ip) in [(0, GUESTS[0][0]), (1, GUESTS[1][0]), (9, HOST[0])] {
        wire.outside(|| -> Sys<()> {
            let fd = raw(&Words::default())?;
            inet::send_bytes(fd, &at(ip, 0), &echo())
        })?
        .need("an echo request")?;
        t.gives(
            &format!("raw: to {ip}: the host sees it"),
            inet::receive(host, true).map(|name| inet::host(&name)),
            OUTSIDE[0].into(),
        );
        for ((number, guest), fd) in guests.iter_mut().enumerate().zip(&open) {
            let mine = number == owner;
            let seen = guest.call(receive, &[i64::from(*fd), i64::from(mine)])?;
            if mine {
                t.gives(
                    &format!("raw: to {ip}: so does guest {number}"),
                    seen,
                    OUTSIDE[0].into(),
                );
            } else {
                t.refused(
                    &format!("raw: to {ip}: guest {number} does not"),
                    seen,
                    libc::EAGAIN,
                );
            }
        }
    }
    for (guest, fd) in guests.iter_mut().zip(open) {
        guest.call(close, &[i64::from(fd)])?.ok();
    }
    sockets::close(host);
    Ok(())
}

/// The capability of the network context stands for `CAP_NET_RAW`, for ICMP alone.
fn capability(t: &mut Test, guest: &mut Guest) -> Outcome {
    let (v4, v6) = (i64::from(libc::AF_INET), i64::from(libc::AF_INET6));
    let icmp = [
        (v4, i64::from(libc::IPPROTO_ICMP)),
        (v6, i64::from(libc::IPPROTO_ICMPV6)),
    ];
    network::set_caps(guest.xid(), 0).need("no capabilities")?;
    for (family, protocol) in icmp {
        t.refused(
            &format!("protocol {protocol} without any capability"),
            guest.call(raw_without, &[family, protocol])?,
            libc::EPERM,
        );
    }
    t.ok(
        "give RAW_ICMP",
        network::set_caps(guest.xid(), nxc::RAW_ICMP),
    );
    for (family, protocol) in icmp {
        t.ok(
            &format!("protocol {protocol} with it"),
            guest.call(raw_without, &[family, protocol])?,
        );
        t.refused(
            "but not TCP",
            guest.call(raw_without, &[family, i64::from(libc::IPPROTO_TCP)])?,
            libc::EPERM,
        );
    }
    t.refused(
        "nor on the host",
        raw_without(&Words {
            numbers: vec![v4, i64::from(libc::IPPROTO_ICMP)],
            text: String::new(),
        }),
        libc::EPERM,
    );
    Ok(())
}

/// Ping sockets: answers reach who asked, identifiers are separate.
fn pings(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    files::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")
        .need("ping sockets for everybody")?;
    for (number, guest) in guests.iter_mut().enumerate() {
        for ip in [OUTSIDE[0], HOST[0], GUESTS[number][0], "127.0.0.1"] {
            t.gives(
                &format!("ping: guest {number} to {ip}"),
                guest.tell(ping, &at(ip, 0), &[])?,
                ip.into(),
            );
        }
        t.ok(
            &format!("ping: an identifier in guest {number}"),
            guest.tell(ping_bound, "0.0.0.0:777", &[])?,
        );
        t.refused(
            &format!("ping: a foreign address in guest {number}"),
            guest.tell(ping_bound, &at(HOST[0], 0), &[])?,
            libc::EADDRNOTAVAIL,
        );
    }
    t.ok(
        "ping: the host has it too",
        ping_bound(&words("0.0.0.0:777")),
    );
    Ok(())
}
