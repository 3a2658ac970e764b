// SPDX-License-Identifier: GPL-2.0

//! What `/proc/<pid>` says about the context of a process.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context, spectator};
use crate::sys::{Sys, files};
use libvserver::abi::{vcmd, vxf};

const CCAPS: u64 = 0x0001_0000_0000_0101;
const BCAPS: u64 = 0x0000_0001_b44c_04ff;

pub fn run(t: &mut Test) -> Outcome {
    t.gives(
        "host: vinfo",
        files::read("/proc/self/vinfo"),
        "XID:\t0\n".to_string(),
    );
    t.gives(
        "host: ninfo",
        files::read("/proc/self/ninfo"),
        "NID:\t0\n".to_string(),
    );
    t.gives("mode of vinfo", files::mode("/proc/self/vinfo"), 0o444);
    t.gives("mode of ninfo", files::mode("/proc/self/ninfo"), 0o444);
    t.refused(
        "vinfo of a thread",
        files::exists("/proc/thread-self/vinfo"),
        libc::ENOENT,
    );
    t.refused(
        "ninfo of a thread",
        files::exists("/proc/thread-self/ninfo"),
        libc::ENOENT,
    );
    let status = files::read("/proc/self/status").need("status")?;
    t.equal("host: VxID", files::field(&status, "VxID"), Some("0"));
    t.equal("host: NxID", files::field(&status, "NxID"), Some("0"));
    t.equal(
        "place of the id lines",
        neighbours(&status),
        Some(PLACE.map(String::from).to_vec()),
    );

    let xid = t.xid();
    let mut guest = Guest::plan(xid).bcaps(BCAPS).start()?;
    let mut caps = libvserver::abi::Flags {
        value: CCAPS,
        mask: u64::MAX,
    };
    t.gives(
        "set ccaps",
        context::with(vcmd::SET_CCAPS, xid, &mut caps),
        0,
    );
    let flags = context::flags(xid).need("flags")?.value;
    let want = |init: i32| {
        format!(
            "XID:\t{xid}\nBCaps:\t{:08x}{:08x}\nCCaps:\t{CCAPS:016x}\nCFlags:\t{flags:016x}\nCIPid:\t{init}\n",
            BCAPS >> 32,
            BCAPS & 0xffff_ffff,
        )
    };
    t.gives(
        "inside: vinfo",
        guest.ask(|_| files::read("/proc/self/vinfo"))?,
        want(0),
    );
    let pid = guest.pid();
    t.gives(
        "spectator: vinfo of the guest",
        spectator(|| files::read(&format!("/proc/{pid}/vinfo")))?,
        want(0),
    );
    t.gives(
        "inside: ninfo",
        guest.ask(|_| files::read("/proc/self/ninfo"))?,
        "NID:\t0\n".to_string(),
    );
    let line = guest.ask(ids)?;
    t.gives(
        "inside: id lines of status",
        line,
        (Some(xid.to_string()), Some("0".to_string())),
    );

    t.ok(
        "set HIDE_VINFO",
        context::set_flags(xid, vxf::HIDE_VINFO, vxf::HIDE_VINFO),
    );
    for (who, path) in [("vinfo", "/proc/self/vinfo"), ("ninfo", "/proc/self/ninfo")] {
        t.refused(
            &format!("hidden: inside: {who}"),
            guest.tell(|w| files::read(&w.text), path, &[])?,
            libc::ENOENT,
        );
    }
    t.refused(
        "hidden: spectator: vinfo",
        spectator(|| files::read(&format!("/proc/{pid}/vinfo")))?,
        libc::ENOENT,
    );
    t.check(
        "hidden: not in the listing",
        spectator(|| files::list(&format!("/proc/{pid}")))?
            .is_ok_and(|names| !names.iter().any(|n| n == "vinfo" || n == "ninfo")),
    );
    t.gives("hidden: inside: no id lines", guest.ask(ids)?, (None, None));
    t.gives(
        "hidden: spectator: no id lines",
        spectator(|| {
            let status = files::read(&format!("/proc/{pid}/status"))?;
            Ok(files::field(&status, "VxID").map(String::from))
        })?,
        None,
    );
    t.ok(
        "clear HIDE_VINFO",
        context::set_flags(xid, 0, vxf::HIDE_VINFO),
    );
    t.gives(
        "control: vinfo is back",
        guest.ask(|_| files::read("/proc/self/vinfo"))?,
        want(0),
    );
    init(t)
}

/// The registered init is named by its real pid.
fn init(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    t.ok(
        "register the init",
        guest.ask(|_| context::set_flags(u32::MAX - 1, 0, vxf::STATE_INIT))?,
    );
    let text = guest
        .ask(|_| files::read("/proc/self/vinfo"))?
        .need("vinfo")?;
    t.equal(
        "CIPid is the init",
        files::field(&text, "CIPid"),
        Some(guest.pid().to_string().as_str()),
    );
    Ok(())
}

/// The lines around the id lines.
const PLACE: [&str; 4] = [
    "Mems_allowed_list",
    "VxID",
    "NxID",
    "voluntary_ctxt_switches",
];

fn neighbours(status: &str) -> Option<Vec<String>> {
    let names: Vec<&str> = status
        .lines()
        .filter_map(|line| line.split(':').next())
        .collect();
    let at = names.iter().position(|name| *name == "VxID")?;
    Some(
        names
            .get(at - 1..at + 3)?
            .iter()
            .map(|n| n.to_string())
            .collect(),
    )
}

type Ids = (Option<String>, Option<String>);

fn ids(_: &crate::harness::Words) -> Sys<Ids> {
    let status = files::read("/proc/self/status")?;
    let get = |name| files::field(&status, name).map(String::from);
    Ok((get("VxID"), get("NxID")))
}
