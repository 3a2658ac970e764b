// SPDX-License-Identifier: GPL-2.0

//! The spectator sees everything and may change little.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Guest, Need, context, spectator};
use crate::sys::{files, process};

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let guest = Guest::start(one)?;
    let whole = Guest::plan(two).whole().start()?;
    let host = Bystander::start()?;
    let (a, b, c) = (guest.pid(), whole.pid(), host.pid());

    for (whose, pid, xid) in [
        ("a guest's", a, one),
        ("a whole guest's", b, two),
        ("a host", c, 0),
    ] {
        let status = spectator(|| files::read(&format!("/proc/{pid}/status")))?;
        let Some(status) = t.ok(&format!("status of {whose} process"), status) else {
            continue;
        };
        t.equal(
            &format!("xid of {whose} process"),
            files::field(&status, "VxID"),
            Some(xid.to_string().as_str()),
        );
        t.gives(
            &format!("task_xid of {whose} process"),
            spectator(|| context::task_xid(pid))?,
            xid,
        );
        t.ok(
            &format!("getpgid of {whose} process"),
            spectator(|| process::getpgid(pid))?,
        );
    }
    t.gives(
        "its own id",
        spectator(|| files::read("/proc/self/vinfo"))?,
        "XID:\t1\n".to_string(),
    );
    let listed = spectator(context::all)?.need("list /proc/virtual as spectator")?;
    t.check(
        "it lists both contexts",
        listed.contains(&one) && listed.contains(&two),
    );
    t.ok(
        "it reads the flags of a context",
        spectator(|| context::flags(one).map(|f| f.value))?,
    );
    t.refused(
        "it does not signal into a context",
        spectator(|| context::kill(one, 0, 0))?,
        libc::EPERM,
    );
    t.ok("control: the host does", context::kill(one, 0, 0));
    t.refused(
        "control: the host sees less",
        files::exists(&format!("/proc/{a}/status")),
        libc::ENOENT,
    );
    Ok(())
}
