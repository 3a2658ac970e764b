// SPDX-License-Identifier: GPL-2.0

//! 127.0.0.1 and ::1 are a guest's own.

use super::net_bind::{PROTOCOLS, at, listen};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, sites};
use crate::harness::{Guest, Need, Wire, Words, network};
use crate::sys::{Sys, inet, sockets};
use libvserver::abi::nxf;
use std::net::Ipv4Addr;

const LOOPBACKS: [&str; 2] = ["127.0.0.1", "::1"];

/// Connects, says own name and that of the peer, and leaves the connection to its end.
fn ends(w: &Words) -> Sys<String> {
    let fd = inet::connect(&w.text, "")?;
    let both = inet::name(fd).and_then(|own| Ok(format!("{own} {}", inet::peer(fd)?)));
    sockets::close(fd);
    both
}

fn accept(w: &Words) -> Sys<String> {
    inet::accept(w.int(0), true)
}

/// A datagram to itself: what the receiver says of the sender.
fn echo(w: &Words) -> Sys<String> {
    let server = inet::datagram(&w.text, 0)?;
    let target = inet::name(server)?;
    let result = inet::send(&target).and_then(|()| inet::receive(server, true));
    sockets::close(server);
    result.map(|name| inet::host(&name))
}

fn bound(w: &Words) -> Sys<String> {
    let fd = inet::datagram(&w.text, 0)?;
    let name = inet::name(fd);
    sockets::close(fd);
    name.map(|name| inet::host(&name))
}

/// Whether a datagram socket can be connected there, and from where.
fn reach(w: &Words) -> Sys<String> {
    let fd = inet::socket(
        if inet::parse(&w.text).is_ipv4() {
            libc::AF_INET
        } else {
            libc::AF_INET6
        },
        libc::SOCK_DGRAM,
        0,
    )?;
    let name = inet::join(fd, &w.text).and_then(|()| inet::name(fd));
    sockets::close(fd);
    name.map(|name| inet::host(&name))
}

fn words(text: &str) -> Words {
    Words {
        numbers: vec![0],
        text: text.into(),
    }
}

/// The private loopback address of a network context.
fn private(nid: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x7f00_0001 ^ nid << 8)
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    let mut guests = sites(t)?;
    corked(t, &mut guests)?;
    own(t, &mut guests)?;
    shown(t, &mut guests[0])?;
    private_addresses(t, &wire, &mut guests)?;
    moved(t, &mut guests[0])?;
    allowed(t, &mut guests[1])
}

/// A datagram in two parts: the socket keeps the destination between them.
fn in_parts(w: &Words) -> Sys<()> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let first = inet::send_part(fd, &w.text, b"x", libc::MSG_MORE);
    let result = first.and_then(|()| inet::send_part(fd, &w.text, b"y", 0));
    sockets::close(fd);
    result
}

/// What is sent in parts stays on the loopback of the guest, as everything else.
fn corked(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    let to = at("127.0.0.1", 7050);
    let host = inet::datagram(&to, 0).need("a server of the host")?;
    let own = guests[0].tell(super::net_bind::datagram, &to, &[0])?;
    let own = own.need("a server of the guest")?;
    t.ok(
        "a datagram in parts is sent",
        guests[0].tell(in_parts, &to, &[])?,
    );
    t.ok(
        "a datagram in parts arrives in the guest",
        guests[0].call(|w| inet::receive(w.int(0), true), &[i64::from(own)])?,
    );
    t.refused(
        "a datagram in parts does not arrive on the loopback of the host",
        inet::receive(host, false),
        libc::EAGAIN,
    );
    sockets::close(host);
    Ok(())
}

/// A server on the loopback is found by its own guest only.
fn own(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    for (family, ip) in LOOPBACKS.into_iter().enumerate() {
        let to = at(ip, 7000 + family as u16);
        let server = guests[0].tell(listen, &to, &[0])?;
        let server = server.need("a server on the loopback")?;
        t.gives(
            &format!("{ip}: the guest itself: both ends"),
            guests[0].tell(ends, &to, &[])?.map(|both| {
                both.split(' ')
                    .map(inet::host)
                    .collect::<Vec<_>>()
                    .join(" ")
            }),
            format!("{ip} {ip}"),
        );
        t.gives(
            &format!("{ip}: what its server sees"),
            guests[0].call(accept, &[i64::from(server)])?.map(|both| {
                both.split(' ')
                    .map(inet::host)
                    .collect::<Vec<_>>()
                    .join(" ")
            }),
            format!("{ip} {ip}"),
        );
        t.refused(
            &format!("{ip}: another guest"),
            guests[1].tell(ends, &to, &[])?,
            libc::ECONNREFUSED,
        );
        t.refused(
            &format!("{ip}: the host"),
            ends(&words(&to)),
            libc::ECONNREFUSED,
        );
        let host = inet::listen(&to, 0);
        t.ok(&format!("{ip}: the host has the same"), host);
        t.ok(&format!("{ip}: and reaches it"), ends(&words(&to)));
        t.refused(
            &format!("{ip}: which no other guest does"),
            guests[1].tell(ends, &to, &[])?,
            libc::ECONNREFUSED,
        );
        for (number, guest) in guests.iter_mut().enumerate().skip(1) {
            t.ok(
                &format!("{ip}: guest {number} has the same"),
                guest.tell(listen, &to, &[0])?,
            );
            t.ok(
                &format!("{ip}: and reaches it"),
                guest.tell(ends, &to, &[])?,
            );
        }
        // A service on the loopback is not on the addresses.
        t.refused(
            &format!("{ip}: nor is it on the address of the guest"),
            guests[0].tell(ends, &at(GUESTS[0][family], 7000 + family as u16), &[])?,
            libc::ECONNREFUSED,
        );
        if let Ok(fd) = host {
            sockets::close(fd);
        }
    }
    Ok(())
}

fn shown(t: &mut Test, guest: &mut Guest) -> Outcome {
    for ip in LOOPBACKS.into_iter().chain(["::ffff:127.0.0.1"]) {
        t.gives(
            &format!("{ip}: the sender of a datagram to itself"),
            guest.tell(echo, &at(ip, 0), &[])?,
            ip.into(),
        );
        t.gives(
            &format!("{ip}: a connected datagram socket"),
            guest.tell(reach, &at(ip, 9), &[])?,
            ip.into(),
        );
    }
    t.gives(
        "to 0.0.0.0: the loopback",
        guest.tell(reach, "0.0.0.0:9", &[])?,
        "127.0.0.1".into(),
    );
    t.gives(
        "to ::: the loopback",
        guest.tell(reach, "[::]:9", &[])?,
        "::1".into(),
    );
    t.gives(
        "to 127.0.0.53: the loopback",
        guest.tell(reach, "127.0.0.53:9", &[])?,
        "127.0.0.1".into(),
    );
    let nid = guest.xid();
    t.ok(
        "show the private address",
        network::set_flags(nid, 0, nxf::HIDE_LBACK),
    );
    let real = private(nid);
    t.gives(
        "shown: bind",
        guest.tell(bound, "127.0.0.1:0", &[])?,
        real.to_string(),
    );
    t.gives(
        "shown: connect",
        guest.tell(reach, "127.0.0.1:9", &[])?,
        real.to_string(),
    );
    t.gives(
        "shown: datagram",
        guest.tell(echo, "127.0.0.1:0", &[])?,
        real.to_string(),
    );
    t.gives(
        "shown: its real name is good for bind as well",
        guest.tell(bound, &at(&real.to_string(), 0), &[])?,
        real.to_string(),
    );
    t.ok(
        "hide it again",
        network::set_flags(nid, nxf::HIDE_LBACK, nxf::HIDE_LBACK),
    );
    Ok(())
}

/// The private addresses: for their guest and for the host, who administrates.
fn private_addresses(t: &mut Test, wire: &Wire, guests: &mut [Guest]) -> Outcome {
    let real = private(guests[0].xid()).to_string();
    let private6 = format!("::{real}");
    for (ip, any) in [(&real, "0.0.0.0"), (&private6, "::")] {
        let port = if any == "::" { 7101 } else { 7100 };
        let server = guests[0].tell(listen, &at(any, port), &[0])?;
        server.need("a server on the wildcard")?;
        let to = at(ip, port);
        let loopback = at(if any == "::" { "::1" } else { "127.0.0.1" }, port);
        t.ok(
            &format!("{ip}: its guest"),
            guests[0].tell(ends, &loopback, &[])?,
        );
        t.ok(&format!("{ip}: the host"), ends(&words(&to)));
        let other = guests[1].tell(ends, &to, &[])?;
        t.check(
            &format!("{ip}: another guest does not reach it, {other:?}"),
            other.is_err(),
        );
        let far = wire.outside(|| ends(&words(&to)))?;
        t.check(
            &format!("{ip}: nobody from outside either, {far:?}"),
            far.is_err(),
        );
        // A wildcard of the host is not on it.
        let fd = inet::listen(&at(any, port + 10), 0).need("a listener of the host")?;
        t.refused(
            &format!("{ip}: the host's wildcard"),
            ends(&words(&at(ip, port + 10))),
            libc::ECONNREFUSED,
        );
        t.ok(
            &format!("{ip}: control: the host's own loopback"),
            ends(&words(&at(
                if any == "::" { "::1" } else { "127.0.0.1" },
                port + 10,
            ))),
        );
        sockets::close(fd);
    }
    Ok(())
}

/// The host chooses another loopback address.
fn moved(t: &mut Test, guest: &mut Guest) -> Outcome {
    let nid = guest.xid();
    let kept = guest
        .tell(listen, "127.0.0.1:7200", &[0])?
        .need("a server")?;
    t.ok(
        "before: it is reached",
        guest.tell(ends, "127.0.0.1:7200", &[])?,
    );
    t.ok(
        "a new loopback address",
        network::set_loopback(nid, Ipv4Addr::new(127, 99, 0, 1)),
    );
    t.refused(
        "after: the old server is not on it",
        guest.tell(ends, "127.0.0.1:7200", &[])?,
        libc::ECONNREFUSED,
    );
    guest.call(super::net_bind::close, &[i64::from(kept)])?.ok();
    for (protocol, bind) in PROTOCOLS {
        let fd = guest.tell(bind, "127.0.0.1:7200", &[0])?;
        t.ok(&format!("{protocol}: a new server is"), fd);
    }
    t.ok("and is reached", guest.tell(ends, "127.0.0.1:7200", &[])?);
    t.gives(
        "under the common name",
        guest.tell(bound, "127.0.0.1:0", &[])?,
        "127.0.0.1".into(),
    );
    Ok(())
}

/// Without remapping: nothing, or the loopback of the host by permission.
fn allowed(t: &mut Test, guest: &mut Guest) -> Outcome {
    let nid = guest.xid();
    for ip in LOOPBACKS {
        let fd = inet::listen(&at(ip, 7300), 0).need("a server of the host")?;
        t.ok(
            &format!("{ip}: no remapping"),
            network::set_flags(nid, 0, nxf::LBACK_REMAP | nxf::LBACK_ALLOW),
        );
        t.refused(
            &format!("{ip}: bind"),
            guest.tell(bound, &at(ip, 0), &[])?,
            libc::EADDRNOTAVAIL,
        );
        t.refused(
            &format!("{ip}: connect"),
            guest.tell(ends, &at(ip, 7300), &[])?,
            libc::EPERM,
        );
        t.ok(
            &format!("{ip}: allow the host's"),
            network::set_flags(nid, nxf::LBACK_ALLOW, nxf::LBACK_ALLOW),
        );
        t.gives(
            &format!("{ip}: bind then"),
            guest.tell(bound, &at(ip, 0), &[])?,
            ip.into(),
        );
        t.ok(
            &format!("{ip}: connect then"),
            guest.tell(ends, &at(ip, 7300), &[])?,
        );
        sockets::close(fd);
    }
    let other = private(nid + 1).to_string();
    t.refused(
        "the loopback of another guest is not the host's",
        guest.tell(reach, &at(&other, 9), &[])?,
        libc::EPERM,
    );
    t.gives(
        "control: an own address",
        guest.tell(reach, &at(HOST[0], 9), &[])?,
        GUESTS[1][0].into(),
    );
    Ok(())
}
