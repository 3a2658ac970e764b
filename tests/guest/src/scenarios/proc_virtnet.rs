// SPDX-License-Identifier: GPL-2.0

//! `/proc/virtnet`, and what `/proc/<pid>/ninfo` says of a network context.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Network, context, network, spectator, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::files;
use libvserver::abi::{Flags, NetAddrIpv4V2, NetAddrIpv6V1, nxa, nxf, vcmd, vxf};
use std::os::unix::fs::MetadataExt;

pub fn run(t: &mut Test) -> Outcome {
    general(t)?;
    listing(t)?;
    guests(t)?;
    one(t)
}

fn general(t: &mut Test) -> Outcome {
    t.equal(
        "info is that of /proc/virtual",
        files::read("/proc/virtnet/info"),
        files::read("/proc/virtual/info"),
    );
    t.gives(
        "listing without network contexts",
        files::list("/proc/virtnet"),
        vec!["info".into(), "status".into()],
    );
    t.check(
        "status of nothing",
        wait::until(GONE_WITHIN, || {
            files::read("/proc/virtnet/status") == Ok("#CTotal:\t0\n#CActive:\t0\n".into())
        }),
    );
    for path in ["/proc/virtnet/info", "/proc/virtnet/status"] {
        t.gives(&format!("mode of {path}"), files::mode(path), 0o444);
        t.check(
            &format!("{path} cannot be written"),
            files::write(path, "x").is_err(),
        );
    }
    Ok(())
}

fn listing(t: &mut Test) -> Outcome {
    let ids = [40, 27, 1000, 13];
    let mut nets = ids
        .iter()
        .map(|nid| Network::start(*nid))
        .collect::<Result<Vec<_>, _>>()?;
    let want: Vec<String> = ["info", "status", "13", "27", "40", "1000"]
        .map(String::from)
        .to_vec();
    t.gives(
        "host: order of the listing",
        files::list("/proc/virtnet"),
        want.clone(),
    );
    t.gives(
        "spectator: the same",
        spectator(|| files::list("/proc/virtnet"))?,
        want.clone(),
    );
    t.gives(
        "host in a network context: the same",
        subprocess(|| network::migrate(27).and_then(|_| files::list("/proc/virtnet")))?,
        want,
    );
    t.gives(
        "contexts are not there",
        files::list("/proc/virtual"),
        vec!["info".into(), "status".into()],
    );
    t.equal(
        "links are 2 and one per network context",
        std::fs::metadata("/proc/virtnet").map(|m| m.nlink()).ok(),
        Some(2 + ids.len() as u64),
    );
    t.gives(
        "status",
        files::read("/proc/virtnet/status"),
        "#CTotal:\t4\n#CActive:\t4\n".to_string(),
    );
    for name in ["040", "+40", "40x", "0", "1", "65536", "-2", "41"] {
        t.refused(
            &format!("name {name} does not resolve"),
            files::exists(&format!("/proc/virtnet/{name}")),
            libc::ENOENT,
        );
    }
    t.ok("control: name 40 does", files::exists("/proc/virtnet/40"));
    t.gives(
        "files of a network context",
        files::list("/proc/virtnet/40"),
        vec!["info".into(), "status".into()],
    );
    let fd = files::open_directory("/proc/virtnet/13").need("open a directory")?;
    nets.pop();
    t.refused(
        "a directory vanishes with its network context",
        files::exists("/proc/virtnet/13"),
        libc::ENOENT,
    );
    t.refused(
        "also for who has it open",
        files::read(&format!("/proc/self/fd/{fd}/status")),
        libc::ENOENT,
    );
    crate::sys::sockets::close(fd);
    Ok(())
}

fn guests(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let other = Network::start(t.xid())?;
    let mut guest = Guest::plan(t.xid()).network(nid).start()?;
    let mut without = Guest::start(t.xid())?;
    let own = vec!["info".to_string(), "status".to_string(), nid.to_string()];
    t.gives(
        "inside: only its own",
        guest.ask(|_| files::list("/proc/virtnet"))?,
        own,
    );
    t.ok(
        "inside: its own status",
        guest.tell(
            |w| files::read(&w.text),
            &format!("/proc/virtnet/{nid}/status"),
            &[],
        )?,
    );
    let path = format!("/proc/virtnet/{}", other.nid());
    t.refused(
        "inside: another one does not resolve",
        guest.tell(|w| files::exists(&w.text), &path, &[])?,
        libc::ENOENT,
    );
    t.ok("control: host: it does", files::exists(&path));
    t.gives(
        "inside without a network context: nothing",
        without.ask(|_| files::list("/proc/virtnet"))?,
        vec!["info".to_string(), "status".to_string()],
    );
    guest.stop()?;
    without.stop().map(|_| ())
}

fn one(t: &mut Test) -> Outcome {
    const NCAPS: u64 = 0x0001_0000_0000_1101;
    let (nid, xid) = (300, t.xid());
    let mut guest = Guest::plan(xid).network(nid).start()?;
    let mut caps = Flags {
        value: NCAPS,
        mask: u64::MAX,
    };
    t.gives("ncaps", context::with(vcmd::SET_NCAPS, nid, &mut caps), 0);
    let ip = u32::from_ne_bytes;
    for (type_, first, last, mask) in [
        (nxa::TYPE_ADDR, [10, 1, 2, 3], [0; 4], [255, 255, 0, 0]),
        (
            nxa::TYPE_RANGE,
            [192, 0, 2, 7],
            [192, 0, 2, 99],
            [255, 255, 255, 0],
        ),
        (
            nxa::TYPE_ADDR | nxa::MOD_BCAST,
            [10, 1, 255, 255],
            [0; 4],
            [0; 4],
        ),
    ] {
        let mut data = NetAddrIpv4V2 {
            type_,
            flags: 0,
            ip: ip(first),
            ip2: ip(last),
            mask: ip(mask),
        };
        t.gives(
            &format!("IPv4 of type {type_:#06x}"),
            context::with(vcmd::NET_ADD_IPV4, nid, &mut data),
            0,
        );
    }
    let mut data = NetAddrIpv6V1 {
        type_: nxa::TYPE_MASK,
        flags: 0,
        prefix: 32,
        ip: [ip([0xfe, 0x80, 1, 2]), 0, 0, ip([0, 0, 0xab, 0xcd])],
        mask: [u32::MAX, 0, 0, 0],
    };
    t.gives("IPv6", context::with(vcmd::NET_ADD_IPV6, nid, &mut data), 0);

    let range = "[192.0.2.7-192.0.2.99/255.255.255.0:0040]";
    let address = "[10.1.2.3-0.0.0.0/255.255.0.0:0010]";
    let network6 = "[fe80:0102:0000:0000:0000:0000:0000:abcd/\
                    ffff:ffff:0000:0000:0000:0000:0000:0000/32:0020]";
    let info = files::read(&format!("/proc/virtnet/{nid}/info")).need("info")?;
    let lines: Vec<&str> = info.lines().collect();
    t.check(
        "info: Info is one word",
        lines.get(1).is_some_and(|line| {
            line.strip_prefix("Info:\t")
                .is_some_and(|w| !w.is_empty() && !w.contains(' '))
        }),
    );
    let second = lines.get(1).copied().unwrap_or_default();
    t.equal(
        "info: the whole text",
        info.clone(),
        format!(
            "ID:\t{nid}\n{second}\nBcast:\t10.1.255.255\nLback:\t127.1.44.1\n0:\t{address}\n\
             1:\t{range}\n0:\t{network6}\n"
        ),
    );
    let status = files::read(&format!("/proc/virtnet/{nid}/status")).need("status")?;
    let (first, rest) = status.split_once('\n').unwrap_or_default();
    t.check(
        "status: UseCnt is a number",
        first
            .strip_prefix("UseCnt:\t")
            .is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0)),
    );
    let flags = nxf::INIT_SET;
    t.equal(
        "status: the rest",
        rest,
        format!("Tasks:\t1\nFlags:\t{flags:016x}\nNCaps:\t{NCAPS:016x}\n").as_str(),
    );

    let want = format!(
        "NID:\t{nid}\nNCaps:\t{NCAPS:016x}\nNFlags:\t{flags:016x}\n\
         V4Root[bcast]:\t10.1.255.255\nV4Root[lback]:\t127.1.44.1\nV4Root[0]:\t{address}\n\
         V4Root[1]:\t{range}\nV6Root[0]:\t{network6}\n"
    );
    t.gives(
        "inside: ninfo",
        guest.ask(|_| files::read("/proc/self/ninfo"))?,
        want.clone(),
    );
    let path = format!("/proc/{}/ninfo", guest.pid());
    t.gives(
        "spectator: ninfo of the guest",
        spectator(|| files::read(&path))?,
        want.clone(),
    );
    t.refused(
        "host: the process is not there",
        files::read(&path),
        libc::ENOENT,
    );
    t.gives(
        "host in the network context: its own ninfo",
        subprocess(|| network::migrate(nid).and_then(|_| files::read("/proc/self/ninfo")))?,
        want,
    );
    let line = guest.ask(|_| files::read("/proc/self/status"))?;
    let line = line.need("status of the guest")?;
    t.equal(
        "inside: NxID",
        files::field(&line, "NxID").map(String::from),
        Some(nid.to_string()),
    );
    t.ok(
        "hide it",
        context::set_flags(xid, vxf::HIDE_VINFO, vxf::HIDE_VINFO),
    );
    t.refused(
        "inside, hidden: ninfo",
        guest.ask(|_| files::read("/proc/self/ninfo"))?,
        libc::ENOENT,
    );
    guest.stop().map(|_| ())
}
