// SPDX-License-Identifier: GPL-2.0

//! A guest finds its own interfaces, addresses and sockets, and no others.

use super::net_bind::{at, datagram, listen};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, sites};
use crate::harness::{Guest, Need, Wire, Words, network};
use crate::sys::sockets::Kind;
use crate::sys::{Sys, files, inet, netlink, sockets};
use libvserver::abi::nxf;

const OTHER: [&str; 2] = ["10.8.0.1", "fd08::1"];

fn links(_: &Words) -> Sys<String> {
    netlink::links().map(|names| names.join(" "))
}

fn one_link(w: &Words) -> Sys<()> {
    netlink::one_link(w.int(0) as u32)
}

fn addresses(w: &Words) -> Sys<String> {
    netlink::addresses(w.int(0)).map(|list| list.join(" "))
}

/// Names in the table of interfaces of procfs.
fn devices(_: &Words) -> Sys<String> {
    let text = files::read("/proc/net/dev")?;
    let names: Vec<&str> = text
        .lines()
        .skip(2)
        .filter_map(|line| line.split(':').next().map(str::trim))
        .collect();
    Ok(names.join(" "))
}

fn if_inet6(_: &Words) -> Sys<usize> {
    Ok(files::read("/proc/net/if_inet6")?.lines().count())
}

/// Local ports in a table of sockets, of those that the test has opened.
fn table(w: &Words) -> Sys<String> {
    let text = files::read(&format!("/proc/net/{}", w.text))?;
    let mut ports: Vec<u32> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(1)?.split(':').nth(1))
        .filter_map(|port| u32::from_str_radix(port, 16).ok())
        .filter(|port| (8000..8100).contains(port))
        .collect();
    ports.sort_unstable();
    Ok(format!("{ports:?}"))
}

/// The same from sock_diag: family and protocol.
fn diag(w: &Words) -> Sys<String> {
    let mut ports: Vec<u32> = netlink::diag(w.int(0), w.int(1))?
        .into_iter()
        .map(|(own, _)| own)
        .filter(|port| (8000..8100).contains(port))
        .collect();
    ports.sort_unstable();
    Ok(format!("{ports:?}"))
}

/// Abstract names in the table of unix sockets.
fn unix_table(_: &Words) -> Sys<String> {
    let text = files::read("/proc/net/unix")?;
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|name| name.starts_with("@view-"))
        .collect();
    // Connections that wait have the name of their listener.
    names.sort_unstable();
    names.dedup();
    Ok(names.join(" "))
}

fn unix_diag(_: &Words) -> Sys<usize> {
    netlink::diag_unix()
}

fn serve(w: &Words) -> Sys<i32> {
    sockets::serve(Kind::Stream, &w.text)
}

fn reach(w: &Words) -> Sys<()> {
    sockets::connect(Kind::Stream, &w.text).map(sockets::close)
}

fn subscribe(_: &Words) -> Sys<i32> {
    netlink::subscribe()
}

fn news(w: &Words) -> bool {
    netlink::has_news(w.int(0))
}

/// `SIOCGIFADDR` and `SIOCGIFMTU` on an interface.
fn ioctls(w: &Words) -> Sys<(String, i32)> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let result = (|| {
        // SAFETY: an all-zero request is valid; the name fits and ends with a zero.
        unsafe {
            let mut request: libc::ifreq = std::mem::zeroed();
            for (slot, byte) in request.ifr_name.iter_mut().zip(w.text.bytes()) {
                *slot = byte as libc::c_char;
            }
            crate::sys::done(libc::ioctl(fd, libc::SIOCGIFMTU as _, &raw mut request))?;
            let mtu = request.ifr_ifru.ifru_mtu;
            crate::sys::done(libc::ioctl(fd, libc::SIOCGIFADDR as _, &raw mut request))?;
            let address = (&raw const request.ifr_ifru.ifru_addr)
                .cast::<libc::sockaddr_in>()
                .read_unaligned();
            let ip = std::net::Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
            Ok((ip.to_string(), mtu))
        }
    })();
    sockets::close(fd);
    result
}

/// Number of entries of `SIOCGIFCONF`.
fn configured(_: &Words) -> Sys<usize> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut room = [0_u8; 2048];
    let mut request = libc::ifconf {
        ifc_len: room.len() as i32,
        ifc_ifcu: libc::__c_anonymous_ifc_ifcu {
            ifcu_buf: room.as_mut_ptr().cast(),
        },
    };
    // SAFETY: the request and its buffer outlive the call.
    let result =
        crate::sys::done(unsafe { libc::ioctl(fd, libc::SIOCGIFCONF as _, &raw mut request) });
    sockets::close(fd);
    result.map(|()| request.ifc_len as usize / size_of::<libc::ifreq>())
}

fn numbers(values: &[i64]) -> Words {
    Words {
        numbers: values.to_vec(),
        text: String::new(),
    }
}

fn name(text: &str) -> Words {
    Words {
        numbers: vec![0],
        text: text.into(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    wire.other("other0", &OTHER)?;
    let mut guests = sites(t)?;
    interfaces(t, &mut guests[0])?;
    open(t, &mut guests[1])?;
    internet(t, &mut guests)?;
    unix(t, &mut guests)?;
    events(t, &mut guests[0])
}

fn interfaces(t: &mut Test, guest: &mut Guest) -> Outcome {
    let empty = Words::default();
    let (v4, v6) = (i64::from(libc::AF_INET), i64::from(libc::AF_INET6));
    t.gives("links inside", guest.ask(links)?, "lo site0".into());
    t.gives(
        "links of the host",
        links(&empty).map(|l| l.contains("other0")),
        true,
    );
    t.gives(
        "/proc/net/dev inside",
        guest.ask(devices)?,
        "lo site0".into(),
    );
    t.gives(
        "/proc/net/dev of the host",
        devices(&empty).map(|l| l.contains("other0")),
        true,
    );
    let other = i64::from(netlink::index("other0").need("an interface")?);
    let own = i64::from(netlink::index("site0").need("an interface")?);
    t.refused(
        "a foreign link by number",
        guest.call(one_link, &[other])?,
        libc::ENODEV,
    );
    t.ok("an own link by number", guest.call(one_link, &[own])?);
    t.ok("control: the host", one_link(&numbers(&[other])));
    t.gives(
        "IPv4 addresses inside",
        guest.call(addresses, &[v4])?,
        format!("127.0.0.1 {}", GUESTS[0][0]),
    );
    t.gives(
        "IPv6 addresses inside",
        guest.call(addresses, &[v6])?,
        format!("::1 {}", GUESTS[0][1]),
    );
    for (family, all) in [(v4, HOST[0]), (v6, HOST[1])] {
        t.gives(
            "control: the host sees its address",
            addresses(&numbers(&[family])).map(|l| l.contains(all)),
            true,
        );
    }
    t.gives("/proc/net/if_inet6 inside", guest.ask(if_inet6)?, 2);
    t.gives(
        "/proc/net/if_inet6 of the host",
        if_inet6(&empty).map(|n| n > 5),
        true,
    );
    t.gives(
        "ioctl on an own interface: its own address",
        guest.tell(ioctls, "site0", &[0])?.map(|(ip, _)| ip),
        GUESTS[0][0].into(),
    );
    t.gives(
        "control: the host's is the first",
        ioctls(&name("site0")).map(|(ip, _)| ip),
        HOST[0].into(),
    );
    t.refused(
        "ioctl on a foreign interface",
        guest.tell(ioctls, "other0", &[0])?,
        libc::ENODEV,
    );
    t.ok("control: the host", ioctls(&name("other0")));
    t.gives("SIOCGIFCONF inside", guest.ask(configured)?, 2);
    t.gives(
        "SIOCGIFCONF of the host",
        configured(&empty).map(|n| n > 5),
        true,
    );
    let nid = guest.xid();
    t.ok("a second address", network::add(nid, OTHER[0]));
    t.gives(
        "links inside then",
        guest.ask(links)?.map(|l| l.contains("other0")),
        true,
    );
    t.ok("without it again", network::remove(nid, OTHER[0]));
    t.gives(
        "links inside as before",
        guest.ask(links)?,
        "lo site0".into(),
    );
    Ok(())
}

/// Without the flag nothing is hidden.
fn open(t: &mut Test, guest: &mut Guest) -> Outcome {
    t.ok(
        "show interfaces",
        network::set_flags(guest.xid(), 0, nxf::HIDE_NETIF),
    );
    t.gives(
        "links inside, nothing hidden",
        guest.ask(links)?.map(|l| l.contains("other0")),
        true,
    );
    t.ok(
        "a foreign interface is there",
        guest.tell(ioctls, "other0", &[0])?,
    );
    Ok(())
}

/// Sockets in procfs and sock_diag: of everybody, and what each sees.
fn internet(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    listen(&name("0.0.0.0:8000")).need("a listener of the host")?;
    datagram(&name("0.0.0.0:8000")).need("a socket of the host")?;
    listen(&name("[::]:8001")).need("a listener of the host")?;
    for (number, guest) in guests.iter_mut().enumerate() {
        let port = 8010 + 10 * number as u16;
        let addresses = [
            at(GUESTS[number][0], port),
            at("0.0.0.0", port + 1),
            at("127.0.0.1", port + 2),
        ];
        for address in &addresses {
            guest.tell(listen, address, &[0])?.need("a listener")?;
            guest.tell(datagram, address, &[0])?.need("a socket")?;
        }
        guest
            .tell(listen, &at("::", port + 3), &[1])?
            .need("a listener")?;
    }
    let (v4, v6) = (i64::from(libc::AF_INET), i64::from(libc::AF_INET6));
    let (tcp, udp) = (i64::from(libc::IPPROTO_TCP), i64::from(libc::IPPROTO_UDP));
    for (number, guest) in guests.iter_mut().enumerate() {
        let port = 8010 + 10 * number as u32;
        let own = format!("{:?}", [port, port + 1, port + 2]);
        for kind in ["tcp", "udp"] {
            t.gives(
                &format!("/proc/net/{kind} in guest {number}"),
                guest.tell(table, kind, &[])?,
                own.clone(),
            );
        }
        t.gives(
            &format!("/proc/net/tcp6 in guest {number}"),
            guest.tell(table, "tcp6", &[])?,
            format!("{:?}", [port + 3]),
        );
        for (what, family, protocol, want) in [
            ("tcp", v4, tcp, own.clone()),
            ("udp", v4, udp, own.clone()),
            ("tcp6", v6, tcp, format!("{:?}", [port + 3])),
        ] {
            t.gives(
                &format!("sock_diag {what} in guest {number}"),
                guest.call(diag, &[family, protocol])?,
                want,
            );
        }
    }
    t.gives(
        "/proc/net/tcp of the host",
        table(&name("tcp")),
        "[8000]".into(),
    );
    t.gives(
        "/proc/net/udp of the host",
        table(&name("udp")),
        "[8000]".into(),
    );
    t.gives(
        "/proc/net/tcp6 of the host",
        table(&name("tcp6")),
        "[8001]".into(),
    );
    t.gives(
        "sock_diag of the host",
        diag(&numbers(&[v4, tcp])),
        "[8000]".into(),
    );
    let all = "[8000, 8010, 8011, 8012, 8020, 8021, 8022, 8030, 8031, 8032]";
    t.gives(
        "/proc/net/tcp of the spectator",
        network::spectator(|| table(&name("tcp")))?,
        all.into(),
    );
    t.gives(
        "sock_diag of the spectator",
        network::spectator(|| diag(&numbers(&[v4, tcp])))?,
        all.into(),
    );
    let loopback = |w: &Words| {
        let text = files::read("/proc/net/tcp")?;
        Ok(text.contains(&w.text))
    };
    t.gives(
        "the loopback in the table has its common name",
        guests[0].tell(loopback, "0100007F:1F4C", &[])?,
        true,
    );
    let nid = guests[0].xid();
    let private = format!("01{:02X}{:02X}7F:", nid & 255, nid >> 8);
    let left = guests[0]
        .ask(remains)?
        .need("what is left of a connection")?;
    t.check(
        "and so it is in what is left of a connection",
        left.contains(" 0100007F:1F9A ") && !left.contains(&private),
    );
    Ok(())
}

/// Lines of the table about connections in TIME_WAIT, after one over the loopback.
fn remains(_: &Words) -> Sys<String> {
    let address = at("127.0.0.1", 8090);
    let server = inet::listen(&address, 0)?;
    let client = inet::connect(&address, "")?;
    // SAFETY: plain numbers and no address to fill in.
    let accepted = crate::sys::sys(unsafe {
        libc::accept(server, std::ptr::null_mut(), std::ptr::null_mut())
    })?;
    // Who closes first keeps the rest.
    for fd in [client, accepted as i32, server] {
        sockets::close(fd);
    }
    Ok(files::read("/proc/net/tcp")?
        .lines()
        .filter(|line| line.split_whitespace().nth(3) == Some("06"))
        .collect::<Vec<_>>()
        .join("\n"))
}

fn unix(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    serve(&name("@view-common")).need("a socket of the host")?;
    serve(&name("@view-host")).need("a socket of the host")?;
    for (number, guest) in guests.iter_mut().enumerate() {
        let own = format!("@view-{number}");
        t.ok(
            &format!("guest {number}: the name that the host has"),
            guest.tell(serve, "@view-common", &[])?,
        );
        t.ok(
            &format!("guest {number}: another name"),
            guest.tell(serve, &own, &[])?,
        );
        t.gives(
            &format!("guest {number}: sock_diag"),
            guest.ask(unix_diag)?,
            2,
        );
        t.refused(
            &format!("guest {number}: the same name again"),
            guest.tell(serve, &own, &[])?,
            libc::EADDRINUSE,
        );
        t.refused(
            &format!("guest {number}: the host's is not there"),
            guest.tell(reach, "@view-host", &[])?,
            libc::ECONNREFUSED,
        );
        t.gives(
            &format!("guest {number}: /proc/net/unix"),
            guest.ask(unix_table)?,
            format!("{own} @view-common"),
        );
        t.ok(
            &format!("guest {number}: reaches its own"),
            guest.tell(reach, "@view-common", &[])?,
        );
    }
    t.refused(
        "a name of guest 0 in guest 1",
        guests[1].tell(reach, "@view-0", &[])?,
        libc::ECONNREFUSED,
    );
    t.refused(
        "and at the host",
        reach(&name("@view-0")),
        libc::ECONNREFUSED,
    );
    t.gives(
        "/proc/net/unix of the host",
        unix_table(&Words::default()),
        "@view-common @view-host".into(),
    );
    t.gives(
        "/proc/net/unix of the spectator",
        network::spectator(|| unix_table(&Words::default()))?,
        "@view-0 @view-1 @view-2 @view-common @view-host".into(),
    );
    Ok(())
}

/// Netlink tells a guest nothing of what happens to interfaces.
fn events(t: &mut Test, guest: &mut Guest) -> Outcome {
    let inside = guest.ask(subscribe)?.need("a subscription inside")?;
    let outside = netlink::subscribe().need("a subscription of the host")?;
    netlink::add_address("other0", "10.8.0.77", 24).need("an event")?;
    t.check("the host hears of it", netlink::has_news(outside));
    t.check(
        "the guest does not",
        !guest.call(news, &[i64::from(inside)])?,
    );
    sockets::close(outside);
    Ok(())
}
