// SPDX-License-Identifier: GPL-2.0

//! What a socket of a guest may be bound to, and who may have the same port.

use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, OUTSIDE, SPARE, site, sites};
use crate::harness::{Guest, Stop, Wire, Words, network};
use crate::sys::inet::{self, FREEBIND, REUSEADDR, REUSEPORT, TRANSPARENT, V6ONLY};
use crate::sys::{Sys, sockets};
use libvserver::abi::{nxc, nxf};

pub fn listen(w: &Words) -> Sys<i32> {
    inet::listen(&w.text, w.numbers[0])
}

pub fn datagram(w: &Words) -> Sys<i32> {
    inet::datagram(&w.text, w.numbers[0])
}

pub fn close(w: &Words) -> Sys<()> {
    sockets::close(w.int(0));
    Ok(())
}

fn name(w: &Words) -> Sys<String> {
    inet::name(w.int(0))
}

/// Opens a socket of any kind: family, kind, protocol.
fn open(w: &Words) -> Sys<()> {
    inet::socket(w.int(0), w.int(1), w.int(2)).map(sockets::close)
}

/// As [`open`], binds it to the text.
fn open_bound(w: &Words) -> Sys<()> {
    let fd = inet::socket(w.int(0), w.int(1), w.int(2))?;
    let result = inet::bind(fd, &w.text);
    sockets::close(fd);
    result
}

/// Address and port as one text.
pub fn at(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

/// The way to make a bound socket, by name.
pub type Bind = fn(&Words) -> Sys<i32>;
pub const PROTOCOLS: [(&str, Bind); 2] = [("tcp", listen), ("udp", datagram)];

pub fn run(t: &mut Test) -> Outcome {
    let _wire = Wire::start()?;
    let mut guests = sites(t)?;
    addresses(t, &mut guests[0])?;
    tricks(t, &mut guests[0])?;
    ports(t, &mut guests)?;
    reuse(t, &mut guests)?;
    shared(t)?;
    families(t)?;
    networks(t)?;
    multicast(t, &mut guests[0])
}

fn addresses(t: &mut Test, guest: &mut Guest) -> Outcome {
    for (protocol, bind) in PROTOCOLS {
        for ip in GUESTS[0]
            .into_iter()
            .chain(["0.0.0.0", "::", "127.0.0.1", "::1"])
        {
            let fd = guest.tell(bind, &at(ip, 0), &[0])?;
            if let Some(fd) = t.ok(&format!("{protocol}: bind to {ip}"), fd) {
                let own = guest.call(name, &[i64::from(fd)])?;
                t.gives(
                    &format!("{protocol}: which is its name"),
                    own.map(|own| inet::host(&own)),
                    ip.into(),
                );
                guest.call(close, &[i64::from(fd)])?.ok();
            }
        }
        let mapped = format!("::ffff:{}", GUESTS[0][0]);
        let fd = guest.tell(bind, &at(&mapped, 0), &[0])?;
        t.ok(&format!("{protocol}: bind to {mapped}"), fd);
        for ip in HOST
            .into_iter()
            .chain(GUESTS[1])
            .chain(SPARE)
            .chain(OUTSIDE)
            .chain([
                "::ffff:10.9.0.1",
                "::ffff:10.9.0.12",
                "127.0.0.2",
                "127.3.234.1",
            ])
        {
            for (how, flags) in [
                ("", 0),
                (" with freebind", FREEBIND),
                (" as a proxy", TRANSPARENT),
            ] {
                t.refused(
                    &format!("{protocol}: bind to {ip}{how}"),
                    guest.tell(bind, &at(ip, 0), &[flags])?,
                    libc::EADDRNOTAVAIL,
                );
            }
            if ip != OUTSIDE[0] && ip != OUTSIDE[1] {
                let fd = bind(&Words {
                    numbers: vec![0],
                    text: at(ip, 0),
                });
                if let Some(fd) = t.ok(&format!("control: {protocol}: the host binds to {ip}"), fd)
                {
                    sockets::close(fd);
                }
            }
        }
    }
    Ok(())
}

fn tricks(t: &mut Test, guest: &mut Guest) -> Outcome {
    let (v4, v6, raw) = (
        i64::from(libc::AF_INET),
        i64::from(libc::AF_INET6),
        i64::from(libc::SOCK_RAW),
    );
    let icmp = i64::from(libc::IPPROTO_ICMP);
    for (own, foreign) in [(GUESTS[0][0], HOST[0]), (GUESTS[0][0], GUESTS[1][0])] {
        t.ok(
            &format!("raw: bind to {own}"),
            guest.tell(open_bound, &at(own, 0), &[v4, raw, icmp])?,
        );
        t.refused(
            &format!("raw: bind to {foreign}"),
            guest.tell(open_bound, &at(foreign, 0), &[v4, raw, icmp])?,
            libc::EADDRNOTAVAIL,
        );
    }
    let icmp6 = i64::from(libc::IPPROTO_ICMPV6);
    t.ok(
        "raw: bind to an own IPv6 address",
        guest.tell(open_bound, &at(GUESTS[0][1], 0), &[v6, raw, icmp6])?,
    );
    t.refused(
        "raw: bind to the host's IPv6 address",
        guest.tell(open_bound, &at(HOST[1], 0), &[v6, raw, icmp6])?,
        libc::EADDRNOTAVAIL,
    );
    for (what, words, want) in [
        (
            "packet sockets",
            [i64::from(libc::AF_PACKET), raw, 0],
            libc::EPERM,
        ),
        (
            "raw IPv6 sockets with headers",
            [v6, raw, i64::from(libc::IPPROTO_RAW)],
            libc::EPERM,
        ),
        (
            "a family that is not shared",
            [i64::from(libc::AF_KEY), raw, 2],
            libc::EAFNOSUPPORT,
        ),
        (
            "a protocol that is not shared",
            [
                v4,
                i64::from(libc::SOCK_SEQPACKET),
                i64::from(libc::IPPROTO_SCTP),
            ],
            libc::EPROTONOSUPPORT,
        ),
    ] {
        t.refused(
            &format!("a guest has no {what}"),
            guest.call(open, &words)?,
            want,
        );
    }
    let words = Words {
        numbers: vec![i64::from(libc::AF_PACKET), raw, 0],
        text: String::new(),
    };
    t.ok("control: the host has packet sockets", open(&words));
    Ok(())
}

/// Wildcards and specific addresses on one port, by everybody.
fn ports(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    let mut port = 4000;
    for (protocol, bind) in PROTOCOLS {
        for (family, any, flags) in [
            ("IPv4", "0.0.0.0", 0),
            ("IPv6", "::", V6ONLY),
            ("both families", "::", 0),
        ] {
            port += 1;
            let label = format!("{protocol}, {family}");
            let host = bind(&Words {
                numbers: vec![flags],
                text: at(any, port),
            });
            t.ok(&format!("{label}: the host's wildcard"), host);
            for (number, guest) in guests.iter_mut().enumerate() {
                t.ok(
                    &format!("{label}: the wildcard of guest {number}"),
                    guest.tell(bind, &at(any, port), &[flags])?,
                );
                t.refused(
                    &format!("{label}: the same again in guest {number}"),
                    guest.tell(bind, &at(any, port), &[flags])?,
                    libc::EADDRINUSE,
                );
                let own = GUESTS[number][usize::from(any == "::")];
                t.refused(
                    &format!("{label}: an own address in guest {number}"),
                    guest.tell(bind, &at(own, port), &[0])?,
                    libc::EADDRINUSE,
                );
                t.refused(
                    &format!("{label}: the host on the address of guest {number}"),
                    bind(&Words {
                        numbers: vec![0],
                        text: at(own, port),
                    }),
                    libc::EADDRINUSE,
                );
            }
            t.refused(
                &format!("{label}: the host's wildcard again"),
                bind(&Words {
                    numbers: vec![flags],
                    text: at(any, port),
                }),
                libc::EADDRINUSE,
            );
            let guest = &mut guests[0];
            let loopback = if any == "::" { "::1" } else { "127.0.0.1" };
            t.refused(
                &format!("{label}: an own loopback beside the own wildcard"),
                guest.tell(bind, &at(loopback, port), &[0])?,
                libc::EADDRINUSE,
            );
            if let Ok(fd) = host {
                sockets::close(fd);
            }
        }
        port += 1;
        // The other way round: specific addresses first.
        let host = bind(&Words {
            numbers: vec![0],
            text: at("0.0.0.0", port),
        });
        for (number, guest) in guests.iter_mut().enumerate() {
            for ip in [GUESTS[number][0], "127.0.0.1"] {
                t.ok(
                    &format!("{protocol}: {ip} of guest {number} under the host's wildcard"),
                    guest.tell(bind, &at(ip, port), &[0])?,
                );
            }
            t.refused(
                &format!("{protocol}: then the wildcard in guest {number}"),
                guest.tell(bind, &at("0.0.0.0", port), &[0])?,
                libc::EADDRINUSE,
            );
        }
        if let Ok(fd) = host {
            sockets::close(fd);
        }
    }
    Ok(())
}

fn reuse(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    for (index, (protocol, bind)) in PROTOCOLS.into_iter().enumerate() {
        let port = 4100 + index as u16;
        for (number, guest) in guests.iter_mut().take(2).enumerate() {
            for round in ["first", "second"] {
                t.ok(
                    &format!("{protocol}: reuseport, {round} in guest {number}"),
                    guest.tell(bind, &at("0.0.0.0", port), &[REUSEPORT])?,
                );
            }
            t.refused(
                &format!("{protocol}: without it in guest {number}"),
                guest.tell(bind, &at("0.0.0.0", port), &[0])?,
                libc::EADDRINUSE,
            );
        }
        let port = port + 10;
        let guest = &mut guests[0];
        t.ok(
            &format!("{protocol}: reuseaddr"),
            guest.tell(bind, &at("0.0.0.0", port), &[REUSEADDR])?,
        );
        t.ok(
            &format!("{protocol}: another guest's does not meet it"),
            guests[1].tell(bind, &at("0.0.0.0", port), &[REUSEADDR])?,
        );
    }
    Ok(())
}

/// Two guests with one address in common: first come, first served, groups or not.
fn shared(t: &mut Test) -> Outcome {
    let mut one = site(t, &SPARE)?;
    let mut two = site(t, &[SPARE[0], SPARE[1], GUESTS[2][0]])?;
    for (index, (protocol, bind)) in PROTOCOLS.into_iter().enumerate() {
        let mut port = 4200 + 20 * index as u16;
        for flags in [0, REUSEPORT] {
            for (first, second) in [
                ("0.0.0.0", "0.0.0.0"),
                ("0.0.0.0", SPARE[0]),
                (SPARE[0], "0.0.0.0"),
                (SPARE[0], SPARE[0]),
                ("::", SPARE[1]),
                (SPARE[1], "::"),
            ] {
                port += 1;
                let label = format!("{protocol}: a common address, flags {flags}: {first}");
                t.ok(&label, one.tell(bind, &at(first, port), &[flags])?);
                t.refused(
                    &format!("{label}, then {second} by the other"),
                    two.tell(bind, &at(second, port), &[flags])?,
                    libc::EADDRINUSE,
                );
            }
            t.ok(
                &format!("{protocol}: flags {flags}: what is not common is free"),
                two.tell(bind, &at(GUESTS[2][0], port), &[flags])?,
            );
        }
    }
    Ok(())
}

/// A family without an address does not exist inside.
fn families(t: &mut Test) -> Outcome {
    let stream = i64::from(libc::SOCK_STREAM);
    let (v4, v6) = (i64::from(libc::AF_INET), i64::from(libc::AF_INET6));
    let mut only4 = site(t, &[SPARE[0]])?;
    t.ok("IPv4 alone: IPv4", only4.call(open, &[v4, stream, 0])?);
    t.refused(
        "IPv4 alone: IPv6",
        only4.call(open, &[v6, stream, 0])?,
        libc::EAFNOSUPPORT,
    );
    let mut only6 = site(t, &[SPARE[1]])?;
    t.ok("IPv6 alone: IPv6", only6.call(open, &[v6, stream, 0])?);
    t.ok(
        "IPv6 alone: the IPv4 loopback",
        only6.call(open, &[v4, stream, 0])?,
    );
    let nid = only6.xid();
    t.ok(
        "IPv6 alone: no remapping any more",
        network::set_flags(nid, 0, nxf::LBACK_REMAP),
    );
    t.refused(
        "IPv6 alone: no IPv4 then",
        only6.call(open, &[v4, stream, 0])?,
        libc::EAFNOSUPPORT,
    );
    t.refused(
        "IPv6 alone: bind to a mapped wildcard's address",
        only6.tell(listen, &at("::ffff:10.9.0.21", 0), &[0])?,
        libc::EADDRNOTAVAIL,
    );
    Ok(())
}

/// Masks and ranges are as good as single addresses.
fn networks(t: &mut Test) -> Outcome {
    let mut guest = site(t, &["10.9.0.8/29", "fd09::10/124"])?;
    for (ip, own) in [
        ("10.9.0.11", true),
        ("10.9.0.13", true),
        ("10.9.0.1", false),
        ("10.9.0.21", false),
        ("fd09::11", true),
        ("fd09::13", true),
        ("fd09::1", false),
        ("fd09::21", false),
    ] {
        let result = guest.tell(datagram, &at(ip, 0), &[0])?;
        if own {
            t.ok(&format!("a network: bind to {ip}"), result);
        } else {
            t.refused(
                &format!("a network: bind to {ip}"),
                result,
                libc::EADDRNOTAVAIL,
            );
        }
    }
    let mut all = site(t, &["0.0.0.0/0", "::/0"])?;
    for ip in HOST.into_iter().chain(GUESTS[2]) {
        t.ok(
            &format!("all addresses: bind to {ip}"),
            all.tell(datagram, &at(ip, 0), &[0])?,
        );
    }
    Ok(())
}

fn multicast(t: &mut Test, guest: &mut Guest) -> Result<(), Stop> {
    for ip in ["224.1.2.3", "ff02::1:3"] {
        t.refused(
            &format!("bind to {ip} without the capability"),
            guest.tell(datagram, &at(ip, 0), &[0])?,
            libc::EADDRNOTAVAIL,
        );
    }
    t.ok(
        "give the capability",
        network::set_caps(guest.xid(), nxc::MULTICAST),
    );
    t.ok(
        "bind to 224.1.2.3 with it",
        guest.tell(datagram, &at("224.1.2.3", 0), &[0])?,
    );
    Ok(())
}
