// SPDX-License-Identifier: GPL-2.0

//! Process groups and sessions of others.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Guest, Need, Words, spectator};
use crate::sys::{Sys, process};

type Call = fn(&Words) -> Sys<()>;

const CALLS: [(&str, Call); 3] = [
    ("setpgid", |w| process::setpgid(w.int(0), w.int(0))),
    ("getpgid", |w| process::getpgid(w.int(0)).map(|_| ())),
    ("getsid", |w| process::getsid(w.int(0)).map(|_| ())),
];

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let other = Guest::start(two)?;
    let host = Bystander::start()?;
    let child = guest.ask(|_| process::sleeper())?.need("process inside")?;

    for (name, call) in CALLS {
        for (whose, pid) in [
            ("a host process", host.pid()),
            ("another guest", other.pid()),
            ("pid 1", 1),
        ] {
            t.refused(
                &format!("inside: {name} of {whose}"),
                guest.on(call, pid)?,
                libc::ESRCH,
            );
        }
        let words = Words {
            numbers: vec![i64::from(guest.pid())],
            text: String::new(),
        };
        // The guest's first process is the scenario's own child: only the context is between.
        t.refused(
            &format!("host: {name} of a guest"),
            call(&words),
            libc::ESRCH,
        );
        t.ok(
            &format!("control: inside: {name} of its own child"),
            guest.on(call, child)?,
        );
    }
    let pid = guest.pid();
    t.ok(
        "spectator: getpgid of a guest",
        spectator(|| process::getpgid(pid))?,
    );
    t.ok(
        "spectator: getsid of a guest",
        spectator(|| process::getsid(pid))?,
    );
    t.gives(
        "control: the host process leads its own group",
        process::getpgid(host.pid()),
        host.pid(),
    );
    Ok(())
}
