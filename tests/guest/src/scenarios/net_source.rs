// SPDX-License-Identifier: GPL-2.0

//! Which address a guest speaks with: chosen, given, and forged.

use super::net_bind::at;
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, OUTSIDE, SPARE, site};
use crate::harness::{Guest, Need, Wire, Words, network};
use crate::sys::{Sys, inet, netlink, sockets};
use libvserver::abi::nxf;

/// Connects without or with a source, and says which address the connection has.
fn source_tcp(w: &Words) -> Sys<String> {
    let fd = inet::connect(&w.text, "")?;
    let name = inet::name(fd);
    sockets::close(fd);
    name.map(|name| inet::host(&name))
}

/// The same for a connected datagram socket, which asks nobody.
fn source_udp(w: &Words) -> Sys<String> {
    let family = if inet::parse(&w.text).is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let fd = inet::socket(family, libc::SOCK_DGRAM, 0)?;
    let name = inet::join(fd, &w.text).and_then(|()| inet::name(fd));
    sockets::close(fd);
    name.map(|name| inet::host(&name))
}

fn send(w: &Words) -> Sys<()> {
    inet::send(&w.text)
}

/// Sends to the first address of the text with the second as source.
fn send_with_source(w: &Words) -> Sys<()> {
    let (to, from) = w.text.split_once(' ').ok_or(libc::EINVAL)?;
    inet::send_with_source(to, from)
}

/// An IPv4 header, and a byte of a protocol for experiments.
fn packet(from: &str, to: &str) -> Vec<u8> {
    let octets = |ip: &str| ip.parse::<std::net::Ipv4Addr>().map(|ip| ip.octets());
    let mut bytes = vec![0x45, 0, 0, 21, 0, 0, 0, 0, 64, 253, 0, 0];
    bytes.extend_from_slice(&octets(from).unwrap_or_default());
    bytes.extend_from_slice(&octets(to).unwrap_or_default());
    bytes.push(b'x');
    bytes
}

/// Sends with a header of its own: destination and source as in [`send_with_source`].
fn forge(w: &Words) -> Sys<()> {
    let (to, from) = w.text.split_once(' ').ok_or(libc::EINVAL)?;
    let fd = inet::socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)?;
    let sent = inet::join(fd, &at(to, 0)).and_then(|()| {
        let bytes = packet(from, to);
        // SAFETY: the buffer is as long as said.
        crate::sys::done(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), 0) } as i64)
    });
    sockets::close(fd);
    sent
}

/// Sends an ICMPv6 message of this type from a raw socket.
fn icmp6(w: &Words) -> Sys<()> {
    let fd = inet::socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)?;
    let mut bytes = [0_u8; 24];
    bytes[0] = w.numbers[0] as u8;
    let sent = inet::join(fd, &w.text).and_then(|()| {
        // SAFETY: the buffer is as long as said.
        crate::sys::done(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), 0) } as i64)
    });
    sockets::close(fd);
    sent
}

/// Raw sockets take it on the level `w[0]`.
fn header_option(w: &Words) -> Sys<()> {
    const IPV6_HDRINCL: i32 = 36;
    let fd = inet::socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)?;
    let result = inet::set(fd, w.int(0), IPV6_HDRINCL, 1);
    sockets::close(fd);
    result
}

fn words(text: &str) -> Words {
    Words {
        numbers: vec![0],
        text: text.into(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    // Somebody outside who takes every connection, and the host likewise.
    let _host = inet::listen("[::]:6000", 0).need("a listener of the host")?;
    let (ready, mut tell) = crate::harness::child::pipe()?;
    let listener = crate::harness::Promise::start(|| {
        // Ends with the pipe's other end.
        let _ = wire.outside(|| {
            let fd = inet::listen("[::]:6000", 0);
            let mut end = ready;
            let mut byte = [0];
            let _ = std::io::Read::read(&mut end, &mut byte);
            fd.map(|_| ())
        });
    })?;
    crate::harness::wait::until(std::time::Duration::from_secs(10), || {
        source_tcp(&words(&at(OUTSIDE[0], 6000))).is_ok()
    });

    let mut guest = site(t, &GUESTS[0])?;
    chosen(t, &mut guest, &GUESTS[0])?;
    given(t, &mut guest)?;
    forged(t, &mut guest)?;
    several(t)?;
    none(t)?;
    single(t)?;
    ruled(t)?;
    let _ = std::io::Write::write_all(&mut tell, b"x");
    drop(tell);
    listener.answer()
}

/// Rules that look at the source see the one that the guest has, though another is chosen first: its
/// interface has an address of the host before.
fn ruled(t: &mut Test) -> Outcome {
    let mut free = site(t, &[GUESTS[1][0]])?;
    let mut bound = site(t, &[GUESTS[2][0]])?;
    let to = at(OUTSIDE[0], 6000);
    t.ok("rules: before, one", free.tell(send, &to, &[])?);
    t.ok("rules: before, the other", bound.tell(send, &to, &[])?);
    netlink::prohibit_from(GUESTS[2][0]).need("a rule")?;
    t.ok(
        "rules: a guest that no rule is about",
        free.tell(send, &to, &[])?,
    );
    t.gives(
        "rules: its source is its own",
        free.tell(source_udp, &to, &[])?,
        GUESTS[1][0].into(),
    );
    t.refused(
        "rules: the one whose source is prohibited",
        bound.tell(send, &to, &[])?,
        libc::EACCES,
    );
    t.ok("rules: the host", inet::send(&to));
    Ok(())
}

/// To outside, to the host, to itself: always with an own address.
fn chosen(t: &mut Test, guest: &mut Guest, own: &[&str; 2]) -> Outcome {
    for family in [0, 1] {
        for to in [OUTSIDE[family], HOST[family]] {
            for (protocol, source) in [
                ("tcp", source_tcp as fn(&Words) -> Sys<String>),
                ("udp", source_udp),
            ] {
                t.gives(
                    &format!("{protocol} to {to}: source"),
                    guest.tell(source, &at(to, 6000), &[])?,
                    own[family].into(),
                );
            }
        }
        t.gives(
            "udp to itself: source",
            guest.tell(source_udp, &at(own[family], 6000), &[])?,
            own[family].into(),
        );
    }
    for to in [OUTSIDE[0], HOST[0]] {
        let mapped = at(&format!("::ffff:{to}"), 6000);
        t.gives(
            &format!("tcp to {to}, mapped: source"),
            guest.tell(source_tcp, &mapped, &[])?,
            format!("::ffff:{}", own[0]),
        );
    }
    t.gives(
        "control: the host's source",
        source_tcp(&words(&at(OUTSIDE[0], 6000))),
        HOST[0].into(),
    );
    Ok(())
}

/// The source in ancillary data.
fn given(t: &mut Test, guest: &mut Guest) -> Outcome {
    for family in [0, 1] {
        let to = at(OUTSIDE[family], 6001);
        let own = GUESTS[0][family];
        t.ok(
            &format!("pktinfo: from {own}"),
            guest.tell(send_with_source, &format!("{to} {own}"), &[])?,
        );
        for foreign in [HOST[family], GUESTS[1][family], SPARE[family]] {
            t.refused(
                &format!("pktinfo: from {foreign}"),
                guest.tell(send_with_source, &format!("{to} {foreign}"), &[])?,
                libc::EPERM,
            );
            t.ok(
                &format!("control: the host from {foreign}"),
                send_with_source(&words(&format!("{to} {foreign}"))),
            );
        }
    }
    Ok(())
}

fn forged(t: &mut Test, guest: &mut Guest) -> Outcome {
    let to = OUTSIDE[0];
    for own in [GUESTS[0][0], "0.0.0.0"] {
        t.ok(
            &format!("own header: from {own}"),
            guest.tell(forge, &format!("{to} {own}"), &[])?,
        );
    }
    for foreign in [HOST[0], GUESTS[1][0], "203.0.113.7", "127.0.0.1"] {
        t.refused(
            &format!("own header: from {foreign}"),
            guest.tell(forge, &format!("{to} {foreign}"), &[])?,
            libc::EINVAL,
        );
    }
    t.ok(
        "control: the host forges",
        forge(&words(&format!("{to} 203.0.113.7"))),
    );
    for (name, level) in [("IPv6", libc::IPPROTO_IPV6), ("raw sockets", 255)] {
        let level = i64::from(level);
        t.refused(
            &format!("IPv6 headers cannot be brought along, by the option of {name}"),
            guest.call(header_option, &[level])?,
            libc::EPERM,
        );
        let words = Words {
            numbers: vec![level],
            text: String::new(),
        };
        t.ok("control: the host may", header_option(&words));
    }
    let far = at(OUTSIDE[1], 0);
    for kind in 133..=137 {
        t.refused(
            &format!("neighbour discovery of type {kind}"),
            guest.tell(icmp6, &far, &[kind])?,
            libc::EPERM,
        );
    }
    t.ok("an echo request", guest.tell(icmp6, &far, &[128])?);
    Ok(())
}

/// Several addresses, some of them nowhere.
fn several(t: &mut Test) -> Outcome {
    // Not on this machine; neither is it a source then.
    let mut guest = site(
        t,
        &["10.9.0.200", "192.0.2.1", SPARE[0], SPARE[1], GUESTS[1][0]],
    )?;
    t.gives(
        "the first usable address in the network of the route",
        guest.tell(source_udp, &at(OUTSIDE[0], 6000), &[])?,
        SPARE[0].into(),
    );
    t.gives(
        "an own address as destination is its own source",
        guest.tell(source_udp, &at(GUESTS[1][0], 6000), &[])?,
        GUESTS[1][0].into(),
    );
    let mut range = site(t, &["10.9.0.12/31", "fd09::12/127"])?;
    t.gives(
        "a network: an address that is there",
        range.tell(source_udp, &at(OUTSIDE[0], 6000), &[])?,
        GUESTS[1][0].into(),
    );
    let seen = range.tell(source_udp, &at(OUTSIDE[1], 6000), &[])?;
    t.check(
        &format!("an IPv6 network: an address that is there, {seen:?}"),
        seen.is_ok_and(|ip| ip == GUESTS[1][1] || ip == GUESTS[2][1]),
    );
    let mut all = site(t, &["0.0.0.0/0", "::/0"])?;
    for family in [0, 1] {
        t.ok(
            "all addresses: some source",
            all.tell(source_udp, &at(OUTSIDE[family], 6000), &[])?,
        );
    }
    Ok(())
}

/// Without an address of the family there is no way, and never the host's address.
fn none(t: &mut Test) -> Outcome {
    let mut only4 = site(t, &[SPARE[0]])?;
    let mut only6 = site(t, &[SPARE[1]])?;
    let to4 = at(OUTSIDE[0], 6000);
    for (name, source) in [
        ("tcp", source_tcp as fn(&Words) -> Sys<String>),
        ("udp", source_udp),
    ] {
        t.refused(
            &format!("{name}: IPv6 alone: to IPv4"),
            only6.tell(source, &to4, &[])?,
            libc::ENETUNREACH,
        );
        t.refused(
            &format!("{name}: IPv6 alone: to mapped IPv4"),
            only6.tell(source, &at(&format!("::ffff:{}", OUTSIDE[0]), 6000), &[])?,
            libc::ENETUNREACH,
        );
        t.refused(
            &format!("{name}: IPv4 alone: to IPv6"),
            only4.tell(source, &at(OUTSIDE[1], 6000), &[])?,
            libc::EAFNOSUPPORT,
        );
    }
    t.refused(
        "an unconnected datagram",
        only6.tell(send, &to4, &[])?,
        libc::ENETUNREACH,
    );
    t.gives(
        "control: its own family",
        only4.tell(source_tcp, &to4, &[])?,
        SPARE[0].into(),
    );
    // Addresses that no interface has.
    let mut nowhere = site(t, &["192.0.2.77", "2001:db8::77"])?;
    t.refused(
        "an address that is nowhere: IPv4",
        nowhere.tell(source_udp, &to4, &[])?,
        libc::ENETUNREACH,
    );
    t.refused(
        "an address that is nowhere: IPv6",
        nowhere.tell(source_udp, &at(OUTSIDE[1], 6000), &[])?,
        libc::EADDRNOTAVAIL,
    );
    Ok(())
}

/// A single address stands for the wildcard.
fn single(t: &mut Test) -> Outcome {
    let mut guest = site(t, &[SPARE[0]])?;
    let nid = guest.xid();
    t.ok(
        "set SINGLE_IP",
        network::set_flags(nid, nxf::SINGLE_IP, nxf::SINGLE_IP),
    );
    let bound = |w: &Words| {
        let fd = inet::datagram(&w.text, 0)?;
        let name = inet::name(fd);
        sockets::close(fd);
        name.map(|name| inet::host(&name))
    };
    t.gives(
        "single: the wildcard is the address",
        guest.tell(bound, "0.0.0.0:0", &[])?,
        SPARE[0].into(),
    );
    t.gives(
        "single: source",
        guest.tell(source_udp, &at(OUTSIDE[0], 6000), &[])?,
        SPARE[0].into(),
    );
    t.ok("a second address", network::add(nid, GUESTS[2][0]));
    t.gives(
        "not single any more: the wildcard stays one",
        guest.tell(bound, "0.0.0.0:0", &[])?,
        "0.0.0.0".into(),
    );
    Ok(())
}
