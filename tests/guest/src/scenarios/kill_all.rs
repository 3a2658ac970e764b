// SPDX-License-Identifier: GPL-2.0

//! `kill(-1, 9)` inside ends what is inside, and nothing else.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Exit, Guest, Need, context};
use crate::sys::{Sys, process};
use libvserver::abi::space;

pub fn run(t: &mut Test) -> Outcome {
    for (what, spaces) in [
        ("shared pid namespace", 0),
        ("own pid namespace", space::PID),
    ] {
        let (one, two) = (t.xid(), t.xid());
        let mut guest = Guest::plan(one).namespaces(spaces).start()?;
        let mut other = Guest::plan(two).namespaces(spaces).start()?;
        let host = Bystander::start()?;
        let pids = guest
            .ask(|_| -> Sys<Vec<i32>> { (0..3).map(|_| process::sleeper()).collect() })?
            .need("processes inside")?;
        let elsewhere = other
            .ask(|_| process::sleeper())?
            .need("process of another guest")?;

        t.ok(
            &format!("{what}: inside: kill(-1, 9)"),
            guest.ask(|_| process::kill(-1, libc::SIGKILL))?,
        );
        for pid in pids {
            t.gives(
                &format!("{what}: a process of its own ended"),
                guest.on(|w| process::wait(w.int(0)).map(Exit::from_status), pid)?,
                Exit::Signal(libc::SIGKILL),
            );
        }
        t.check(&format!("{what}: the host process lives"), host.lives());
        t.check(
            &format!("{what}: the other guest lives"),
            !other.has_ended(),
        );
        t.ok(
            &format!("{what}: and so does its child"),
            other.on(|w| process::kill(w.int(0), 0), elsewhere)?,
        );
        t.ok(&format!("{what}: the sender lives"), guest.ask(|_| Ok(()))?);
        t.gives(
            &format!("{what}: one claim is left"),
            context::stat(one).map(|stat| stat.tasks),
            1,
        );
    }
    from_the_host(t)
}

/// The host's `kill(-1)` spares guests. It would end PID 1's other children too, so it is sent by
/// an ordinary user to its own processes.
fn from_the_host(t: &mut Test) -> Outcome {
    const USER: u32 = 4711;
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    let inside = guest
        .ask(|_| -> Sys<i32> {
            // SAFETY: single-threaded; the child changes its user and sleeps.
            match crate::sys::sys(unsafe { libc::fork() })? {
                0 => {
                    let _ = process::become_user(USER);
                    process::sleep_for_ever()
                }
                pid => Ok(pid as i32),
            }
        })?
        .need("process of the user inside")?;
    let mut outside = crate::harness::Child::start(|| {
        let _ = process::become_user(USER);
        process::sleep_for_ever()
    })?;
    let changed = crate::harness::wait::until(crate::limits::GONE_WITHIN, || {
        std::fs::metadata(format!("/proc/{}", outside.pid()))
            .is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == USER)
    });
    t.check("the host process is the user's", changed);
    let sent = crate::harness::subprocess(|| {
        process::become_user(USER).and_then(|()| process::kill(-1, libc::SIGKILL))
    })?;
    t.ok("host: kill(-1, 9) of an ordinary user", sent);
    t.equal(
        "the user's host process ended",
        outside.wait()?,
        Exit::Signal(libc::SIGKILL),
    );
    t.ok(
        "the user's process inside lives",
        context::kill(xid, inside, 0),
    );
    Ok(())
}
