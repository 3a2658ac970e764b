// SPDX-License-Identifier: GPL-2.0

//! The addresses of a network context: three versions of the IPv4 commands, and IPv6.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Network, context, network};
use crate::sys::{Sys, files};
use libvserver::abi::{
    NetAddrIpv4V1, NetAddrIpv4V2, NetAddrIpv6V1, NetAddrV0, XID_SELF, nxa, nxf, vcmd,
};

/// An address as the interface wants it, in network order.
const fn v4(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_ne_bytes([a, b, c, d])
}

/// An address of the network that is there for documentation.
const fn doc(last: u8) -> u32 {
    v4(192, 0, 2, last)
}

const MASK24: u32 = v4(255, 255, 255, 0);
const MASK32: u32 = u32::MAX;

/// The lines of `/proc/virtnet/<nid>/info` from the broadcast address on.
fn shown(nid: u32) -> Sys<Vec<String>> {
    let text = files::read(&format!("/proc/virtnet/{nid}/info"))?;
    Ok(text.lines().skip(2).map(String::from).collect())
}

/// What [`shown`] says of a network context with these entries and the default addresses.
fn want(nid: u32, entries: &[&str]) -> Vec<String> {
    let mut lines = vec![
        "Bcast:\t255.255.255.255".to_string(),
        format!("Lback:\t127.{}.{}.1", nid >> 8, nid & 0xff),
    ];
    lines.extend(entries.iter().map(|entry| entry.to_string()));
    lines
}

pub fn run(t: &mut Test) -> Outcome {
    version_0(t)?;
    version_1(t)?;
    version_2(t)?;
    ipv6(t)?;
    single_ip(t)?;
    inside(t)
}

fn version_0(t: &mut Test) -> Outcome {
    let net = Network::start(t.xid())?;
    let nid = net.nid();
    let add = |type_, count, last: [u8; 4]| {
        let mut data = NetAddrV0 {
            type_,
            count,
            ip: last.map(doc),
            mask: [MASK24; 4],
        };
        context::with(vcmd::NET_ADD, nid, &mut data)
    };
    t.gives("v0: nothing at first", shown(nid), want(nid, &[]));
    for count in [0, 5, u16::MAX] {
        t.refused(
            &format!("v0: {count} addresses"),
            add(nxa::TYPE_IPV4, count, [1, 2, 3, 4]),
            libc::EINVAL,
        );
    }
    for kind in [0x0000, 0x0002, 0x0010, 0x0020, 0x00ff, 0x0110, 0x0301] {
        t.refused(
            &format!("v0: add of type {kind:#06x}"),
            add(kind, 1, [1, 2, 3, 4]),
            libc::EINVAL,
        );
    }
    t.gives("v0: still nothing", shown(nid), want(nid, &[]));
    t.gives("v0: one address", add(nxa::TYPE_IPV4, 1, [9, 8, 7, 6]), 1);
    t.gives("v0: two more", add(nxa::TYPE_IPV4, 2, [5, 4, 3, 2]), 2);
    t.refused(
        "v0: the third of four is there already",
        add(nxa::TYPE_IPV4, 4, [20, 21, 9, 22]),
        libc::EEXIST,
    );
    let entry = |index, last| format!("{index}:\t[192.0.2.{last}-0.0.0.0/255.255.255.0:0010]");
    let lines: Vec<String> = [9, 5, 4, 20, 21]
        .iter()
        .enumerate()
        .map(|(index, last)| entry(index, last))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    t.gives(
        "v0: those before it stay, in the order in which they came",
        shown(nid),
        want(nid, &lines),
    );
    t.gives(
        "v0: broadcast address",
        add(nxa::TYPE_IPV4 | nxa::MOD_BCAST, 0, [77, 0, 0, 0]),
        1,
    );
    t.gives(
        "v0: loopback address",
        add(nxa::TYPE_IPV4 | nxa::MOD_LBACK, 0, [78, 0, 0, 0]),
        1,
    );
    let special = vec![
        "Bcast:\t192.0.2.77".to_string(),
        "Lback:\t192.0.2.78".to_string(),
    ];
    t.gives(
        "v0: both are set",
        shown(nid).map(|lines| lines[..2].to_vec()),
        special.clone(),
    );
    let remove = |type_| {
        let mut data = NetAddrV0 {
            type_,
            count: 1,
            ip: [doc(9); 4],
            mask: [MASK24; 4],
        };
        context::with(vcmd::NET_REMOVE, nid, &mut data)
    };
    for kind in [nxa::TYPE_IPV4, nxa::TYPE_ADDR, 0, 0x01ff] {
        t.refused(
            &format!("v0: remove of type {kind:#06x}"),
            remove(kind),
            libc::EINVAL,
        );
    }
    t.gives("v0: nothing is gone", shown(nid).map(|l| l.len()), 7);
    t.gives("v0: remove all", remove(nxa::TYPE_ANY), 0);
    t.gives("v0: the two special ones stay", shown(nid), special);
    t.gives("v0: remove all of none", remove(nxa::TYPE_ANY), 0);
    Ok(())
}

fn version_1(t: &mut Test) -> Outcome {
    let net = Network::start(t.xid())?;
    let nid = net.nid();
    let data = |type_, flags, ip, mask| NetAddrIpv4V1 {
        type_,
        flags,
        ip,
        mask,
    };
    let add = |mut data: NetAddrIpv4V1| context::with(vcmd::NET_ADD_IPV4_V1, nid, &mut data);
    let remove = |mut data: NetAddrIpv4V1| context::with(vcmd::NET_REM_IPV4_V1, nid, &mut data);

    for kind in [
        nxa::TYPE_NONE,
        nxa::TYPE_IPV4,
        nxa::TYPE_IPV4 | nxa::TYPE_ADDR,
        nxa::TYPE_RANGE,
        nxa::TYPE_ANY,
        nxa::MOD_BCAST,
        nxa::TYPE_MASK | nxa::MOD_BCAST,
        nxa::TYPE_ADDR | nxa::MOD_BCAST | nxa::MOD_LBACK,
    ] {
        t.refused(
            &format!("v1: add of type {kind:#06x}"),
            add(data(kind, 0, doc(1), MASK24)),
            libc::EINVAL,
        );
    }
    t.gives("v1: still nothing", shown(nid), want(nid, &[]));

    let address = data(nxa::TYPE_ADDR, 0, doc(1), MASK24);
    t.gives("v1: an address", add(address), 0);
    t.refused("v1: the same again", add(address), libc::EEXIST);
    // Each differs in one member.
    for (name, other) in [
        ("mask", data(nxa::TYPE_ADDR, 0, doc(1), MASK32)),
        ("type", data(nxa::TYPE_MASK, 0, doc(1), MASK24)),
        ("flags", data(nxa::TYPE_ADDR, 7, doc(1), MASK24)),
        ("address", data(nxa::TYPE_ADDR, 0, doc(2), MASK24)),
    ] {
        t.gives(
            &format!("v1: another {name} is another entry"),
            add(other),
            0,
        );
        t.refused(
            &format!("v1: but only once with that {name}"),
            add(other),
            libc::EEXIST,
        );
    }
    t.gives(
        "v1: every address there is",
        add(data(nxa::TYPE_MASK, 0, 0, 0)),
        0,
    );
    let entries = [
        "0:\t[192.0.2.1-0.0.0.0/255.255.255.0:0010]",
        "1:\t[192.0.2.1-0.0.0.0/255.255.255.255:0010]",
        "2:\t[192.0.2.1-0.0.0.0/255.255.255.0:0020]",
        "3:\t[192.0.2.1-0.0.0.0/255.255.255.0:0010]",
        "4:\t[192.0.2.2-0.0.0.0/255.255.255.0:0010]",
        "5:\t[0.0.0.0-0.0.0.0/0.0.0.0:0020]",
    ];
    t.gives("v1: all of them", shown(nid), want(nid, &entries));

    for kind in [nxa::TYPE_MASK, nxa::TYPE_RANGE, nxa::TYPE_NONE, 0x0110] {
        t.refused(
            &format!("v1: remove of type {kind:#06x}"),
            remove(data(kind, 0, doc(1), MASK24)),
            libc::EINVAL,
        );
    }
    t.refused(
        "v1: remove what is not there",
        remove(data(nxa::TYPE_ADDR, 0, doc(3), MASK24)),
        libc::ESRCH,
    );
    t.refused(
        "v1: remove with another mask",
        remove(data(nxa::TYPE_ADDR, 0, doc(2), MASK32)),
        libc::ESRCH,
    );
    t.gives("v1: remove the first", remove(address), 0);
    t.refused("v1: it is gone", remove(address), libc::ESRCH);
    let left: Vec<String> = entries[1..]
        .iter()
        .enumerate()
        .map(|(index, entry)| format!("{index}{}", &entry[1..]))
        .collect();
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    t.gives("v1: the others stay", shown(nid), want(nid, &left));

    let special = |kind, last| add(data(nxa::TYPE_ADDR | kind, 0, doc(last), 0));
    t.gives("v1: broadcast address", special(nxa::MOD_BCAST, 255), 0);
    t.gives("v1: again", special(nxa::MOD_BCAST, 254), 0);
    t.gives("v1: loopback address", special(nxa::MOD_LBACK, 253), 0);
    t.gives("v1: remove all", remove(data(nxa::TYPE_ANY, 0, 0, 0)), 0);
    t.gives(
        "v1: the two special ones stay",
        shown(nid),
        vec![
            "Bcast:\t192.0.2.254".to_string(),
            "Lback:\t192.0.2.253".to_string(),
        ],
    );
    Ok(())
}

fn version_2(t: &mut Test) -> Outcome {
    let net = Network::start(t.xid())?;
    let nid = net.nid();
    let data = |type_, ip, ip2, mask| NetAddrIpv4V2 {
        type_,
        flags: 0,
        ip,
        ip2,
        mask,
    };
    let add = |mut data: NetAddrIpv4V2| context::with(vcmd::NET_ADD_IPV4, nid, &mut data);
    let remove = |mut data: NetAddrIpv4V2| context::with(vcmd::NET_REM_IPV4, nid, &mut data);

    let range = data(nxa::TYPE_RANGE, doc(10), doc(20), MASK24);
    let address = data(nxa::TYPE_ADDR, doc(1), 0, MASK24);
    t.gives("v2: a range", add(range), 0);
    t.refused("v2: the same again", add(range), libc::EEXIST);
    t.gives(
        "v2: another end is another entry",
        add(data(nxa::TYPE_RANGE, doc(10), doc(21), MASK24)),
        0,
    );
    t.gives("v2: an address", add(address), 0);
    t.gives(
        "v2: a network",
        add(data(nxa::TYPE_MASK, v4(10, 0, 0, 0), 0, v4(255, 0, 0, 0))),
        0,
    );
    for kind in [
        nxa::TYPE_NONE,
        nxa::TYPE_IPV4 | nxa::TYPE_ADDR,
        nxa::TYPE_ANY,
        nxa::TYPE_ADDR | nxa::TYPE_MASK,
        nxa::TYPE_RANGE | nxa::MOD_BCAST,
    ] {
        t.refused(
            &format!("v2: add of type {kind:#06x}"),
            add(data(kind, doc(1), 0, MASK24)),
            libc::EINVAL,
        );
    }
    t.gives(
        "v2: all of them",
        shown(nid),
        want(
            nid,
            &[
                "0:\t[192.0.2.10-192.0.2.20/255.255.255.0:0040]",
                "1:\t[192.0.2.10-192.0.2.21/255.255.255.0:0040]",
                "2:\t[192.0.2.1-0.0.0.0/255.255.255.0:0010]",
                "3:\t[10.0.0.0-0.0.0.0/255.0.0.0:0020]",
            ],
        ),
    );
    // Version 1 means the same entry, with no second address.
    let mut first = NetAddrIpv4V1 {
        type_: nxa::TYPE_ADDR,
        flags: 0,
        ip: doc(1),
        mask: MASK24,
    };
    t.refused(
        "v1: it is there for version 1 too",
        context::with(vcmd::NET_ADD_IPV4_V1, nid, &mut first),
        libc::EEXIST,
    );
    t.refused("v2: remove a range", remove(range), libc::EINVAL);
    t.refused(
        "v2: remove with a second address",
        remove(data(nxa::TYPE_ADDR, doc(1), doc(2), MASK24)),
        libc::ESRCH,
    );
    t.gives("v2: remove the address", remove(address), 0);
    t.refused("v2: it is gone", remove(address), libc::ESRCH);
    t.gives(
        "v2: broadcast address",
        add(data(nxa::TYPE_ADDR | nxa::MOD_BCAST, doc(255), 0, 0)),
        0,
    );
    t.gives(
        "v2: loopback address",
        add(data(
            nxa::TYPE_ADDR | nxa::MOD_LBACK,
            v4(127, 9, 9, 9),
            0,
            0,
        )),
        0,
    );
    t.gives("v2: remove all", remove(data(nxa::TYPE_ANY, 0, 0, 0)), 0);
    t.gives(
        "v2: only the special ones are left",
        shown(nid),
        vec![
            "Bcast:\t192.0.2.255".to_string(),
            "Lback:\t127.9.9.9".to_string(),
        ],
    );
    Ok(())
}

/// 2001:db8::`last`
const fn doc6(last: u8) -> [u32; 4] {
    [v4(0x20, 0x01, 0x0d, 0xb8), 0, 0, v4(0, 0, 0, last)]
}

fn ipv6(t: &mut Test) -> Outcome {
    let net = Network::start(t.xid())?;
    let nid = net.nid();
    let mask64 = [u32::MAX, u32::MAX, 0, 0];
    let data = |type_, last, prefix, mask| NetAddrIpv6V1 {
        type_,
        flags: 0,
        prefix,
        ip: doc6(last),
        mask,
    };
    let add = |mut data: NetAddrIpv6V1| context::with(vcmd::NET_ADD_IPV6, nid, &mut data);
    let remove = |mut data: NetAddrIpv6V1| context::with(vcmd::NET_REMOVE_IPV6, nid, &mut data);

    for kind in [
        nxa::TYPE_NONE,
        nxa::TYPE_IPV6,
        nxa::TYPE_IPV6 | nxa::TYPE_ADDR,
        nxa::TYPE_RANGE,
        nxa::TYPE_ANY,
        nxa::TYPE_ADDR | nxa::MOD_BCAST,
        nxa::TYPE_ADDR | nxa::MOD_LBACK,
    ] {
        t.refused(
            &format!("IPv6: add of type {kind:#06x}"),
            add(data(kind, 1, 64, mask64)),
            libc::EINVAL,
        );
    }
    let address = data(nxa::TYPE_ADDR, 1, 64, mask64);
    let network = data(nxa::TYPE_MASK, 0, 64, mask64);
    t.gives("IPv6: an address", add(address), 0);
    t.refused("IPv6: the same again", add(address), libc::EEXIST);
    t.refused(
        "IPv6: the mask of an address does not count",
        add(data(nxa::TYPE_ADDR, 1, 64, [0; 4])),
        libc::EEXIST,
    );
    t.gives(
        "IPv6: another prefix is another entry",
        add(data(nxa::TYPE_ADDR, 1, 48, mask64)),
        0,
    );
    t.gives("IPv6: a network", add(network), 0);
    t.refused("IPv6: the same network again", add(network), libc::EEXIST);
    let ones = ["ffff"; 8].join(":");
    let text = |last| format!("2001:0db8:0000:0000:0000:0000:0000:{last:04x}");
    let lines = [
        format!("0:\t[{}/{ones}/64:0010]", text(1)),
        format!("1:\t[{}/{ones}/48:0010]", text(1)),
        format!(
            "2:\t[{}/ffff:ffff:ffff:ffff:0000:0000:0000:0000/64:0020]",
            text(0)
        ),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    t.gives("IPv6: all of them", shown(nid), want(nid, &lines));
    t.refused("IPv6: remove a network", remove(network), libc::EINVAL);
    t.refused(
        "IPv6: remove of another type",
        remove(data(nxa::TYPE_RANGE, 1, 64, mask64)),
        libc::EINVAL,
    );
    t.refused(
        "IPv6: remove what is not there",
        remove(data(nxa::TYPE_ADDR, 2, 64, mask64)),
        libc::ESRCH,
    );
    t.gives("IPv6: remove an address", remove(address), 0);
    t.refused("IPv6: it is gone", remove(address), libc::ESRCH);

    // The lists of the two families do not touch each other.
    let mut ipv4 = NetAddrIpv4V1 {
        type_: nxa::TYPE_ADDR,
        flags: 0,
        ip: doc(1),
        mask: MASK24,
    };
    t.gives(
        "an IPv4 address beside them",
        context::with(vcmd::NET_ADD_IPV4_V1, nid, &mut ipv4),
        0,
    );
    t.gives(
        "IPv6: remove all",
        remove(data(nxa::TYPE_ANY, 0, 0, [0; 4])),
        0,
    );
    t.gives(
        "the IPv4 address stays",
        shown(nid),
        want(nid, &["0:\t[192.0.2.1-0.0.0.0/255.255.255.0:0010]"]),
    );
    Ok(())
}

/// The flag goes when it stops being true.
fn single_ip(t: &mut Test) -> Outcome {
    let net = Network::with_flags(t.xid(), nxf::INIT_SET | nxf::SINGLE_IP)?;
    let nid = net.nid();
    let add = |type_, last| {
        let mut data = NetAddrIpv4V1 {
            type_,
            flags: 0,
            ip: doc(last),
            mask: MASK24,
        };
        context::with(vcmd::NET_ADD_IPV4_V1, nid, &mut data)
    };
    let single = || network::flags(nid).map(|f| f.value & nxf::SINGLE_IP != 0);
    t.gives("first address", add(nxa::TYPE_ADDR, 1), 0);
    t.gives("broadcast", add(nxa::TYPE_ADDR | nxa::MOD_BCAST, 255), 0);
    t.refused("the same address", add(nxa::TYPE_ADDR, 1), libc::EEXIST);
    t.gives("SINGLE_IP is kept", single(), true);
    t.gives("second address", add(nxa::TYPE_ADDR, 2), 0);
    t.gives("SINGLE_IP is gone", single(), false);
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    /// Adds an address to the network context with the id in the first number.
    fn add(id: u32) -> Sys<u32> {
        let mut data = NetAddrIpv4V1 {
            type_: nxa::TYPE_ADDR,
            flags: 0,
            ip: doc(1),
            mask: MASK24,
        };
        context::with(vcmd::NET_ADD_IPV4_V1, id, &mut data)
    }
    let nid = t.xid();
    let other = Network::start(t.xid())?;
    let mut guest = Guest::plan(t.xid()).network(nid).open().start()?;
    t.refused(
        "inside, in setup: add to another one",
        guest.call(|w| add(w.int(0) as u32), &[i64::from(other.nid())])?,
        libc::EPERM,
    );
    t.gives(
        "nothing was added there",
        shown(other.nid()),
        want(other.nid(), &[]),
    );
    t.gives(
        "control: inside, in setup: add to its own",
        guest.ask(|_| add(XID_SELF))?,
        0,
    );
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: add to its own",
        guest.ask(|_| add(XID_SELF))?,
        libc::ENOSYS,
    );
    t.gives("control: host: add to another one", add(other.nid()), 0);
    t.gives(
        "the guest has one address",
        shown(nid),
        want(nid, &["0:\t[192.0.2.1-0.0.0.0/255.255.255.0:0010]"]),
    );
    guest.stop().map(|_| ())
}
