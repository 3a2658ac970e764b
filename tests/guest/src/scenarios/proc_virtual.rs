// SPDX-License-Identifier: GPL-2.0

//! `/proc/virtual`.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::files;
use libvserver::abi::{Flags, VERSION, XID_SELF, space, vcmd, vxf};
use std::os::unix::fs::MetadataExt;

pub fn run(t: &mut Test) -> Outcome {
    general(t)?;
    listing(t)?;
    one(t)
}

fn general(t: &mut Test) -> Outcome {
    let vci = context::bare(vcmd::GET_VCI, 0).need("feature word")?;
    t.gives(
        "info",
        files::read("/proc/virtual/info"),
        format!(
            "VCIVersion:\t{:04x}:{:04x}\nVCISyscall:\t{}\nVCIKernel:\t{vci:08x}\n",
            VERSION >> 16,
            VERSION & 0xffff,
            syscall_number(),
        ),
    );
    t.gives(
        "listing without contexts",
        files::list("/proc/virtual"),
        vec!["info".into(), "status".into()],
    );
    let status = files::read("/proc/virtual/status").need("status")?;
    let names: Vec<&str> = status
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect();
    t.equal(
        "lines of status",
        names,
        vec!["#CTotal", "#CActive", "#NSProxy", "#InitTask"],
    );
    t.check(
        "a tab follows each name",
        status.lines().all(|line| line.contains(":\t")),
    );
    t.equal(
        "no context is active",
        files::field(&status, "#CActive"),
        Some("0"),
    );
    let numbers = |name| {
        files::field(&status, name).map(|text| {
            text.split_whitespace()
                .filter(|w| w.parse::<i64>().is_ok())
                .count()
        })
    };
    t.equal("numbers of #NSProxy", numbers("#NSProxy"), Some(7));
    t.equal("numbers of #InitTask", numbers("#InitTask"), Some(3));
    for path in ["/proc/virtual/info", "/proc/virtual/status"] {
        t.gives(&format!("mode of {path}"), files::mode(path), 0o444);
        t.check(
            &format!("{path} cannot be written"),
            files::write(path, "x").is_err(),
        );
    }
    Ok(())
}

/// Number of the system call, by architecture.
fn syscall_number() -> u32 {
    match std::env::consts::ARCH {
        "x86_64" => 236,
        "x86" => 273,
        "aarch64" => 250,
        "arm" => 313,
        _ => 257,
    }
}

fn listing(t: &mut Test) -> Outcome {
    // The original went by hash bucket; here the order is that of the ids.
    let ids = [40, 27, 14, 26, 1000, 13];
    let guests = ids
        .iter()
        .map(|xid| Guest::start(*xid))
        .collect::<Result<Vec<_>, _>>()?;
    let mut order = ids;
    order.sort_unstable();
    let mut want = vec!["info".to_string(), "status".to_string()];
    want.extend(order.iter().map(u32::to_string));
    t.gives(
        "host: order of the listing",
        files::list("/proc/virtual"),
        want.clone(),
    );
    t.gives(
        "spectator: the same",
        spectator(|| files::list("/proc/virtual"))?,
        want,
    );
    let links = std::fs::metadata("/proc/virtual")
        .map(|m| m.nlink())
        .unwrap_or(0);
    t.equal(
        "links are 2 and one per context",
        links,
        2 + ids.len() as u64,
    );
    let status = files::read("/proc/virtual/status").need("status")?;
    t.equal(
        "active contexts",
        files::field(&status, "#CActive"),
        Some("6"),
    );

    for name in ["040", "0040", "+40", "40x", "0", "1", "65536", "-2", "41"] {
        t.refused(
            &format!("name {name} does not resolve"),
            files::exists(&format!("/proc/virtual/{name}")),
            libc::ENOENT,
        );
    }
    t.ok("control: name 40 does", files::exists("/proc/virtual/40"));
    t.gives(
        "files of a context",
        files::list("/proc/virtual/40").map(|mut names| {
            names.sort();
            names
        }),
        [
            "cacct", "cvirt", "info", "limit", "nsproxy", "nsproxy1", "sched", "status",
        ]
        .map(String::from)
        .to_vec(),
    );

    let mut guests = guests;
    t.gives(
        "inside: only its own",
        guests[0].ask(|_| files::list("/proc/virtual"))?,
        vec!["info".to_string(), "status".to_string(), "40".to_string()],
    );
    t.ok(
        "inside: its own status",
        guests[0].ask(|_| files::read("/proc/virtual/40/status"))?,
    );

    t.refused(
        "inside: another one does not resolve",
        guests[0].ask(|_| files::exists("/proc/virtual/27"))?,
        libc::ENOENT,
    );
    t.ok("control: host: it does", files::exists("/proc/virtual/27"));

    // A directory vanishes with its context, also for who has it open.
    let fd = files::open_directory("/proc/virtual/13").need("open a context directory")?;
    drop(guests);
    t.check(
        "directories vanish",
        wait::until(GONE_WITHIN, || {
            files::exists("/proc/virtual/13") == Err(libc::ENOENT)
        }),
    );
    t.refused(
        "also through an open directory",
        files::read(&format!("/proc/self/fd/{fd}/status")),
        libc::ENOENT,
    );
    crate::sys::sockets::close(fd);
    Ok(())
}

fn one(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid)
        .open()
        .namespaces(space::UTS | space::IPC)
        .start()?;
    t.ok("bias", context::set_badness(xid, -17));
    for (what, command, value) in [
        ("ccaps", vcmd::SET_CCAPS, 0x0001_0000_0000_0101),
        ("bcaps", vcmd::SET_BCAPS, 0x0000_0001_b44c_04ff),
        ("umask", vcmd::SET_UMASK, space::UTS),
        ("wmask", vcmd::SET_WMASK, 0x12),
    ] {
        let mut flags = Flags {
            value,
            mask: u64::MAX,
        };
        t.gives(what, context::with(command, xid, &mut flags), 0);
    }
    t.ok(
        "inside: second set of spaces",
        guest.ask(|_| context::set_space(XID_SELF, space::MNT, 1))?,
    );
    t.ok(
        "inside: become the init",
        guest.ask(|_| context::set_flags(XID_SELF, 0, vxf::STATE_INIT))?,
    );

    let info = files::read(&format!("/proc/virtual/{xid}/info")).need("info")?;
    let lines: Vec<&str> = info.lines().collect();
    t.equal("info: lines", lines.len(), 4);
    t.equal(
        "info: ID",
        lines.first().copied(),
        Some(format!("ID:\t{xid}").as_str()),
    );
    t.check(
        "info: Info is one word",
        lines.get(1).is_some_and(|line| {
            line.strip_prefix("Info:\t")
                .is_some_and(|w| !w.is_empty() && !w.contains(' '))
        }),
    );
    t.equal(
        "info: Init",
        lines.get(2).copied(),
        Some(format!("Init:\t{}", guest.pid()).as_str()),
    );
    t.equal("info: OOM", lines.get(3).copied(), Some("OOM:\t-17"));

    let status = files::read(&format!("/proc/virtual/{xid}/status")).need("status")?;
    let flags = vxf::STATE_SETUP | vxf::STATE_ADMIN;
    let want = format!(
        "Tasks:\t1\nFlags:\t{flags:016x}\nBCaps:\t00000001b44c04ff\nCCaps:\t0001000000000101\n\
         Umask:\t{:16x}\nWmask:\t{:16x}\nSpaces:\t{:08x} {:08x}\n",
        space::UTS,
        0x12,
        space::UTS | space::IPC,
        space::MNT,
    );
    let (first, rest) = status.split_once('\n').unwrap_or_default();
    t.check(
        "status: UseCnt is a number",
        first
            .strip_prefix("UseCnt:\t")
            .is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0)),
    );
    t.equal("status: the rest", rest, want.as_str());
    t.equal(
        "script test: second field of Tasks",
        status
            .lines()
            .find(|line| line.starts_with("Tasks:"))
            .and_then(|line| line.split_whitespace().nth(1)),
        Some("1"),
    );
    Ok(())
}
