// SPDX-License-Identifier: GPL-2.0

//! What netlink and procfs tell a guest in the shared stack of routes, neighbours and whatever else
//! is the host's, and that it changes nothing there, whatever its capability mask says.

use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, OUTSIDE, sites};
use crate::harness::{Guest, Need, Wire, Words, network};
use crate::sys::{Sys, files, inet, netlink, sys};
use libvserver::abi::nxf;

const OTHER: [&str; 2] = ["10.8.0.1", "fd08::1"];

fn routes(w: &Words) -> Sys<String> {
    netlink::routes(w.int(0)).map(|list| list.join(", "))
}

/// The sources that IPv4 routes prefer.
fn sources(_: &Words) -> Sys<String> {
    netlink::sources().map(|list| list.join(" "))
}

fn dump(w: &Words) -> Sys<usize> {
    netlink::dump(w.int(0) as u16, w.int(1) as u16, w.int(2))
}

fn single(w: &Words) -> Sys<()> {
    let mut body = vec![w.int(2) as u8];
    body.resize(32, 0);
    netlink::single(w.int(0), w.int(1) as u16, &body)
}

fn diag_family(w: &Words) -> Sys<()> {
    netlink::diag_family(w.int(0))
}

fn up(w: &Words) -> Sys<()> {
    netlink::up(&w.text)
}

fn add_address(w: &Words) -> Sys<()> {
    netlink::add_address("site0", &w.text, 32)
}

fn add_default(w: &Words) -> Sys<()> {
    netlink::add_default("site0", &w.text)
}

fn index(w: &Words) -> Sys<u32> {
    netlink::index(&w.text)
}

/// Name of an interface by its number, by ioctl.
fn link_name(w: &Words) -> Sys<String> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // SAFETY: an all-zero request is valid and outlives the call; the kernel ends the name.
    let result = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_ifru.ifru_ifindex = w.int(0);
        crate::sys::done(libc::ioctl(fd, libc::SIOCGIFNAME as _, &raw mut request)).map(|()| {
            std::ffi::CStr::from_ptr(request.ifr_name.as_ptr())
                .to_string_lossy()
                .into()
        })
    };
    crate::sys::sockets::close(fd);
    result
}

/// Switches an interface off by ioctl.
fn down(w: &Words) -> Sys<()> {
    let fd = inet::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // SAFETY: an all-zero request is valid and outlives the call; the name fits.
    let result = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (slot, byte) in request.ifr_name.iter_mut().zip(w.text.bytes()) {
            *slot = byte as libc::c_char;
        }
        crate::sys::done(libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw mut request))
    };
    crate::sys::sockets::close(fd);
    result
}

fn open(w: &Words) -> Sys<()> {
    // SAFETY: plain numbers.
    let fd = sys(unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, w.int(0)) })?;
    crate::sys::sockets::close(fd as i32);
    Ok(())
}

fn send_to(w: &Words) -> Sys<()> {
    netlink::send_to(w.int(0) as u32, w.int(1) as u32)
}

fn read(w: &Words) -> Sys<usize> {
    files::read(&w.text).map(|text| text.len())
}

fn tables(_: &Words) -> Sys<String> {
    let mut names = files::list("/proc/self/net")?;
    names.sort();
    Ok(names.join(" "))
}

/// The IPv4 path of the host to somewhere outside is still there.
fn reaches(_: &Words) -> Sys<()> {
    inet::send(&format!("{}:9", OUTSIDE[0]))
}

fn numbers(values: &[i64]) -> Words {
    Words {
        numbers: values.to_vec(),
        text: String::new(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    wire.other("other0", &OTHER)?;
    netlink::add_default("other0", "10.8.0.254").need("a default route of the host")?;
    let mut guests = sites(t)?;
    shown_routes(t, &mut guests)?;
    others(t, &mut guests[0])?;
    names(t, &mut guests[0])?;
    procfs(t, &mut guests)?;
    refused(t, &mut guests[0])?;
    changes(t, &mut guests[1])
}

fn shown_routes(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    let (v4, v6) = (i64::from(libc::AF_INET), i64::from(libc::AF_INET6));
    let site = netlink::index("site0").need("an interface")?;
    let other = netlink::index("other0").need("an interface")?;
    for (number, guest) in guests.iter_mut().enumerate() {
        let own = GUESTS[number][0];
        // The own address, the network of the interface and its broadcast address.
        t.gives(
            &format!("IPv4 routes in guest {number}"),
            guest.call(routes, &[v4])?.map(|all| {
                let mut through: Vec<&str> = all
                    .split(", ")
                    .filter(|route| route.ends_with(&format!(" {site}")))
                    .collect();
                through.sort_unstable();
                through.join(", ")
            }),
            format!("10.9.0.0/24 {site}, {own}/32 {site}, 10.9.0.255/32 {site}"),
        );
        t.check(
            &format!("IPv4 routes in guest {number}: none through another interface"),
            guest
                .call(routes, &[v4])?
                .is_ok_and(|all| !all.contains(&format!(" {other}"))),
        );
        t.gives(
            &format!("IPv4 routes in guest {number}: nobody's sources"),
            guest.ask(sources)?,
            "127.0.0.1".into(),
        );
        let seen = guest.call(routes, &[v6])?.need("IPv6 routes")?;
        t.check(
            &format!("IPv6 routes in guest {number}: its address"),
            seen.contains(&format!("{}/128 {site}", GUESTS[number][1])),
        );
        t.check(
            &format!("IPv6 routes in guest {number}: the network"),
            seen.contains(&format!("fd09::/64 {site}")),
        );
        for foreign in ["fd08::", "10.8.0.0", HOST[1], GUESTS[(number + 1) % 3][1]] {
            t.check(
                &format!("IPv6 routes in guest {number}: nothing of {foreign}"),
                !seen.contains(&format!("{foreign}/")),
            );
        }
        t.check(
            &format!("IPv6 routes in guest {number}: no private loopback"),
            !seen.contains("127.") && !seen.contains("::7f"),
        );
    }
    let all = routes(&numbers(&[v4])).need("routes of the host")?;
    for route in [
        format!("default/0 {other}"),
        format!("10.8.0.0/24 {other}"),
        format!("10.9.0.0/24 {site}"),
    ] {
        t.check(&format!("the host has {route}"), all.contains(&route));
    }
    let nid = guests[2].xid();
    t.ok(
        "show everything",
        network::set_flags(nid, 0, nxf::HIDE_NETIF),
    );
    t.gives(
        "without the flag: the routes of the host",
        guests[2].call(routes, &[v4])?,
        all,
    );
    t.ok(
        "hide again",
        network::set_flags(nid, nxf::HIDE_NETIF, nxf::HIDE_NETIF),
    );
    Ok(())
}

/// Everything else that rtnetlink tells is the host's.
fn others(t: &mut Test, guest: &mut Guest) -> Outcome {
    reaches(&Words::default()).need("a neighbour")?;
    let (v4, v6) = (libc::AF_INET, libc::AF_INET6);
    for (what, kind, answer, family, some) in [
        (
            "neighbours",
            libc::RTM_GETNEIGH,
            libc::RTM_NEWNEIGH,
            v4,
            true,
        ),
        ("rules", libc::RTM_GETRULE, libc::RTM_NEWRULE, v4, true),
        (
            "rules for IPv6",
            libc::RTM_GETRULE,
            libc::RTM_NEWRULE,
            v6,
            true,
        ),
        (
            "neighbour tables",
            libc::RTM_GETNEIGHTBL,
            libc::RTM_NEWNEIGHTBL,
            0,
            true,
        ),
    ] {
        let words = [i64::from(kind), i64::from(answer), i64::from(family)];
        t.gives(&format!("{what} inside"), guest.call(dump, &words)?, 0);
        t.gives(
            &format!("control: {what} of the host"),
            dump(&numbers(&words)).map(|n| n > 0),
            some,
        );
    }
    Ok(())
}

fn names(t: &mut Test, guest: &mut Guest) -> Outcome {
    let site = netlink::index("site0").need("an interface")?;
    let other = netlink::index("other0").need("an interface")?;
    t.gives(
        "own interface by name",
        guest.tell(index, "site0", &[0])?,
        site,
    );
    t.refused(
        "foreign interface by name",
        guest.tell(index, "other0", &[0])?,
        libc::ENODEV,
    );
    t.gives(
        "own interface by number",
        guest.call(link_name, &[site.into()])?,
        "site0".into(),
    );
    t.refused(
        "foreign interface by number",
        guest.call(link_name, &[other.into()])?,
        libc::ENODEV,
    );
    t.gives(
        "control: the host",
        link_name(&numbers(&[other.into()])),
        "other0".into(),
    );
    Ok(())
}

fn procfs(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    for file in [
        "route",
        "arp",
        "fib_trie",
        "netlink",
        "packet",
        "ipv6_route",
        "igmp",
    ] {
        let path = format!("/proc/self/net/{file}");
        t.refused(
            &format!("{file} inside"),
            guests[0].tell(read, &path, &[0])?,
            libc::ENOENT,
        );
        t.ok(
            &format!("control: {file} of the host"),
            read(&Words {
                numbers: vec![0],
                text: path,
            }),
        );
    }
    let seen = guests[0].ask(tables)?.need("the directory")?;
    t.check(
        "the listing has tcp",
        seen.split(' ').any(|name| name == "tcp"),
    );
    t.check(
        "the listing has no route",
        !seen.split(' ').any(|name| name == "route"),
    );
    t.check(
        "control: that of the host has",
        tables(&Words::default()).is_ok_and(|l| l.split(' ').any(|name| name == "route")),
    );
    // The entries are those of everybody: somebody else's look-up does not open them.
    t.refused(
        "route inside, looked up by the host before",
        guests[1].tell(read, "/proc/self/net/route", &[0])?,
        libc::ENOENT,
    );
    Ok(())
}

fn refused(t: &mut Test, guest: &mut Guest) -> Outcome {
    let route = i64::from(libc::NETLINK_ROUTE);
    for (what, kind) in [
        ("a route", libc::RTM_GETROUTE),
        ("a neighbour", libc::RTM_GETNEIGH),
        ("an address", libc::RTM_GETADDR),
        ("statistics", libc::RTM_GETSTATS),
    ] {
        t.refused(
            &format!("{what} asked for inside"),
            guest.call(single, &[route, kind.into(), libc::AF_INET.into()])?,
            libc::EPERM,
        );
    }
    for (what, protocol) in [
        ("look-ups in the routing table", 10),
        ("XFRM", libc::NETLINK_XFRM),
        ("sockets of programs", libc::NETLINK_USERSOCK),
    ] {
        t.refused(
            &format!("protocol inside: {what}"),
            guest.call(open, &[protocol.into()])?,
            libc::EPROTONOSUPPORT,
        );
    }
    t.ok(
        "control: the host talks to programs",
        open(&numbers(&[libc::NETLINK_USERSOCK.into()])),
    );
    for (what, family) in [("packet", libc::AF_PACKET), ("netlink", libc::AF_NETLINK)] {
        t.refused(
            &format!("table of {what} sockets inside"),
            guest.call(diag_family, &[family.into()])?,
            libc::ENOENT,
        );
    }
    t.refused(
        "a message to a program",
        guest.call(send_to, &[4711, 0])?,
        libc::ECONNREFUSED,
    );
    t.refused(
        "a message to a group",
        guest.call(send_to, &[0, 1])?,
        libc::EPERM,
    );
    // Family number 16 tells the families; the next one is somebody's.
    t.refused(
        "a family of generic netlink",
        guest.call(single, &[libc::NETLINK_GENERIC.into(), 17, 1])?,
        libc::EPERM,
    );
    Ok(())
}

/// The guest has all capabilities; the stack is not its own.
fn changes(t: &mut Test, guest: &mut Guest) -> Outcome {
    t.ok("seal", guest.seal());
    for (what, result) in [
        ("switch an interface on", guest.tell(up, "site0", &[0])?),
        (
            "give it an address",
            guest.tell(add_address, "10.9.0.200", &[0])?,
        ),
        (
            "add a default route",
            guest.tell(add_default, "10.9.0.99", &[0])?,
        ),
        (
            "switch an interface off by ioctl",
            guest.tell(down, "site0", &[0])?,
        ),
    ] {
        t.refused(&format!("inside: {what}"), result, libc::EPERM);
    }
    t.ok("the path of the host is there", reaches(&Words::default()));
    t.ok(
        "control: the host gives an address",
        netlink::add_address("site0", "10.9.0.201", 24),
    );
    Ok(())
}
