// SPDX-License-Identifier: GPL-2.0

//! Who finds whose processes.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Guest, Need, Words, spectator};
use crate::sys::{Sys, files, process};

/// Files below a process directory that say something about the process.
const FILES: [&str; 14] = [
    "stat",
    "status",
    "cmdline",
    "comm",
    "environ",
    "maps",
    "mem",
    "mountinfo",
    "limits",
    "io",
    "fd",
    "task",
    "ns",
    "oom_score",
];

fn pids(_: &Words) -> Sys<Vec<i32>> {
    files::numbers("/proc")
}

fn look(w: &Words) -> Sys<()> {
    files::exists(&format!("/proc/{}", w.int(0)))
}

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let other = Guest::start(two)?;
    let host = Bystander::start()?;
    let child = guest.ask(|_| process::sleeper())?.need("process inside")?;

    let mut seen = guest.ask(pids)?.need("list /proc inside")?;
    seen.sort_unstable();
    let mut own = vec![guest.pid(), child];
    own.sort_unstable();
    t.equal("inside: /proc lists its own processes only", seen, own);
    for (whose, pid) in [
        ("pid 1", 1),
        ("a host process", host.pid()),
        ("another guest", other.pid()),
    ] {
        t.refused(
            &format!("inside: look at {whose}"),
            guest.on(look, pid)?,
            libc::ENOENT,
        );
        for file in FILES {
            t.refused(
                &format!("inside: {file} of {whose}"),
                guest.tell(
                    |w| files::exists(&format!("/proc/{}/{}", w.int(0), w.text)),
                    file,
                    &[i64::from(pid)],
                )?,
                libc::ENOENT,
            );
        }
        t.refused(
            &format!("inside: {whose} as a thread of its own"),
            guest.on(
                |w| files::exists(&format!("/proc/self/task/{}", w.int(0))),
                pid,
            )?,
            libc::ENOENT,
        );
        t.refused(
            &format!("inside: descriptor of {whose}"),
            guest.on(|w| process::pidfd_open(w.int(0)), pid)?,
            libc::ESRCH,
        );
        t.refused(
            &format!("inside: getpgid of {whose}"),
            guest.on(|w| process::getpgid(w.int(0)), pid)?,
            libc::ESRCH,
        );
    }
    t.ok("control: inside: its own child", guest.on(look, child)?);
    t.ok(
        "control: inside: its own status",
        guest.ask(|_| files::read("/proc/self/status"))?,
    );
    t.ok(
        "control: inside: descriptor of its own child",
        guest.on(|w| process::pidfd_open(w.int(0)), child)?,
    );
    t.ok(
        "control: inside: getpgid of its own child",
        guest.on(|w| process::getpgid(w.int(0)), child)?,
    );

    let listed = files::numbers("/proc").need("list /proc")?;
    for (whose, pid) in [
        ("a guest's process", guest.pid()),
        ("its child", child),
        ("another's", other.pid()),
    ] {
        t.check(
            &format!("host: /proc does not list {whose}"),
            !listed.contains(&pid),
        );
        t.refused(
            &format!("host: look at {whose}"),
            files::exists(&format!("/proc/{pid}")),
            libc::ENOENT,
        );
        t.refused(
            &format!("host: status of {whose}"),
            files::read(&format!("/proc/{pid}/status")),
            libc::ENOENT,
        );
        t.refused(
            &format!("host: getpgid of {whose}"),
            process::getpgid(pid),
            libc::ESRCH,
        );
    }
    t.check(
        "control: host: lists the host process",
        listed.contains(&host.pid()),
    );
    t.ok(
        "control: host: getpgid of the host process",
        process::getpgid(host.pid()),
    );

    let whole = spectator(|| files::numbers("/proc"))?.need("list /proc as spectator")?;
    for pid in [1, host.pid(), guest.pid(), child, other.pid()] {
        t.check(
            &format!("spectator: /proc lists {pid}"),
            whole.contains(&pid),
        );
    }

    let entered = guest.enter(|| {
        let parent = process::getpid();
        (
            files::exists("/proc/self"),
            files::exists(&format!("/proc/{parent}")),
        )
    })?;
    t.gives(
        "a process that entered sees itself",
        entered.0.and(entered.1),
        (),
    );
    let entered = guest
        .enter(|| files::numbers("/proc"))?
        .need("list /proc after entering")?;
    t.check("and the guest's processes", entered.contains(&guest.pid()));
    t.check(
        "but not the host's",
        !entered.contains(&host.pid()) && !entered.contains(&1),
    );
    namespaced(t)
}

/// A guest with a pid namespace of its own counts from 1.
fn namespaced(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut whole = Guest::plan(xid).whole().start()?;
    t.gives(
        "whole guest: /proc lists pid 1 only",
        whole.ask(pids)?,
        vec![1],
    );
    t.gives(
        "whole guest: it is pid 1",
        whole.ask(|_| Ok(process::getpid()))?,
        1,
    );
    t.refused(
        "whole guest: its real pid means nothing inside",
        whole.on(look, whole.pid())?,
        libc::ENOENT,
    );
    t.refused(
        "host: cannot see its real pid",
        files::exists(&format!("/proc/{}", whole.pid())),
        libc::ENOENT,
    );
    Ok(())
}
