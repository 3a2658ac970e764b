// SPDX-License-Identifier: GPL-2.0

//! Resource limits of others.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Guest, Need, Words, spectator, subprocess};
use crate::sys::{Sys, process};

const FILES: u32 = libc::RLIMIT_NOFILE;

const CAP_SYS_RESOURCE: u64 = 1 << 24;

fn get(w: &Words) -> Sys<u64> {
    process::prlimit_get(w.int(0), FILES)
}

fn set(w: &Words) -> Sys<()> {
    process::prlimit_set(w.int(0), FILES, 77)
}

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let other = Guest::start(two)?;
    let host = Bystander::start()?;
    let child = guest.ask(|_| process::sleeper())?.need("process inside")?;
    let before = process::prlimit_get(host.pid(), FILES).need("limit of a host process")?;

    for (whose, pid) in [
        ("a host process", host.pid()),
        ("another guest", other.pid()),
        ("pid 1", 1),
    ] {
        t.refused(
            &format!("inside: read a limit of {whose}"),
            guest.on(get, pid)?,
            libc::ESRCH,
        );
        t.refused(
            &format!("inside: set a limit of {whose}"),
            guest.on(set, pid)?,
            libc::ESRCH,
        );
    }
    let pid = guest.pid();
    t.refused(
        "host: read a limit of a guest",
        process::prlimit_get(pid, FILES),
        libc::ESRCH,
    );
    t.refused(
        "host: set a limit of a guest",
        process::prlimit_set(pid, FILES, 77),
        libc::ESRCH,
    );
    t.gives(
        "the limit of the host process is the same",
        process::prlimit_get(host.pid(), FILES),
        before,
    );

    t.gives(
        "spectator: read a limit of a guest",
        spectator(|| process::prlimit_get(pid, FILES))?,
        before,
    );
    t.refused(
        "spectator: set a limit of a guest",
        spectator(|| process::prlimit_set(pid, FILES, 77))?,
        libc::EPERM,
    );

    t.ok(
        "control: inside: set a limit of its own child",
        guest.on(set, child)?,
    );
    t.gives("control: inside: read it", guest.on(get, child)?, 77);
    t.ok(
        "control: host: set a limit of a host process",
        process::prlimit_set(host.pid(), FILES, 77),
    );
    t.gives(
        "control: host: read it",
        process::prlimit_get(host.pid(), FILES),
        77,
    );

    // A guest without CAP_SYS_RESOURCE cannot raise its own hard limit.
    let third = t.xid();
    let mut weak = Guest::plan(third).bcaps(!CAP_SYS_RESOURCE).start()?;
    t.ok(
        "inside: lower the own limit",
        weak.ask(|_| process::prlimit_set(0, FILES, 64))?,
    );
    t.refused(
        "inside: raise it again, without the capability in the mask",
        weak.ask(|_| process::prlimit_set(0, FILES, 65))?,
        libc::EPERM,
    );
    t.ok(
        "control: host: lower and raise",
        subprocess(|| {
            process::prlimit_set(0, FILES, 64).and_then(|()| process::prlimit_set(0, FILES, 65))
        })?,
    );
    Ok(())
}
