// SPDX-License-Identifier: GPL-2.0

//! Signals that the host sends into a context.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Exit, Guest, Need, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, process};
use libvserver::abi::{XID_SELF, vxf};

/// A guest whose first process ignores SIGTERM, and the real pids of two more.
fn family(t: &mut Test) -> Result<(Guest, i32, i32), crate::harness::Stop> {
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    let (first, second) = guest
        .ask(|_| -> Sys<(i32, i32)> {
            let pids = (process::sleeper()?, process::sleeper()?);
            process::ignore(libc::SIGTERM);
            process::ignore(libc::SIGINT);
            Ok(pids)
        })?
        .need("processes inside")?;
    Ok((guest, first, second))
}

/// How a child of the guest's first process ended, asked inside.
fn ended(guest: &mut Guest, pid: i32) -> Result<Sys<Exit>, crate::harness::Stop> {
    guest.on(|w| process::wait(w.int(0)).map(Exit::from_status), pid)
}

pub fn run(t: &mut Test) -> Outcome {
    one(t)?;
    all(t)?;
    init(t)?;
    restricted(t)
}

fn one(t: &mut Test) -> Outcome {
    let (mut guest, first, second) = family(t)?;
    let xid = guest.xid();
    let other_xid = t.xid();
    let other = Guest::start(other_xid)?;
    let host = Bystander::start()?;

    t.ok("signal 0 to a real pid", context::kill(xid, first, 0));
    for (what, pid) in [
        ("another guest's", other.pid()),
        ("a host", host.pid()),
        ("no", 4_000_000),
    ] {
        t.refused(
            &format!("{what} pid"),
            context::kill(xid, pid, libc::SIGKILL),
            libc::ESRCH,
        );
    }
    t.check("the other guest lives", !other.has_ended());
    t.check("the host process lives", host.lives());
    for signal in [-1, 65, 1000, i32::MAX] {
        t.refused(
            &format!("signal {signal}"),
            context::kill(xid, first, signal),
            libc::EINVAL,
        );
    }
    t.refused(
        "pid 1 without an init",
        context::kill(xid, 1, libc::SIGKILL),
        libc::ESRCH,
    );
    t.refused(
        "negative pid below -1",
        context::kill(xid, -first, libc::SIGKILL),
        libc::ESRCH,
    );
    t.refused(
        "no such context",
        context::kill(4242, 0, libc::SIGKILL),
        libc::ESRCH,
    );

    t.ok("end one process", context::kill(xid, first, libc::SIGTERM));
    t.gives(
        "it ended",
        ended(&mut guest, first)?,
        Exit::Signal(libc::SIGTERM),
    );
    t.ok("the second lives", context::kill(xid, second, 0));
    t.refused(
        "the ended one is gone",
        context::kill(xid, first, 0),
        libc::ESRCH,
    );
    t.refused(
        "inside, sealed",
        guest.call(
            |w| context::kill(XID_SELF, w.int(0), 0),
            &[i64::from(second)],
        )?,
        libc::ENOSYS,
    );
    let open_xid = t.xid();
    let mut open = Guest::plan(open_xid).open().start()?;
    t.refused(
        "inside, in setup: admin commands are the host's",
        open.ask(|_| context::kill(XID_SELF, 0, 0))?,
        libc::EPERM,
    );
    Ok(())
}

fn all(t: &mut Test) -> Outcome {
    let (mut guest, first, second) = family(t)?;
    let xid = guest.xid();
    t.ok("pid 0 reaches all", context::kill(xid, 0, libc::SIGTERM));
    t.gives(
        "the first ended",
        ended(&mut guest, first)?,
        Exit::Signal(libc::SIGTERM),
    );
    t.gives(
        "the second ended",
        ended(&mut guest, second)?,
        Exit::Signal(libc::SIGTERM),
    );
    t.check("who ignores it lives", !guest.has_ended());

    let pid = guest.ask(|_| process::sleeper())?.need("another process")?;
    t.ok(
        "pid -1 without an init reaches all",
        context::kill(xid, -1, libc::SIGTERM),
    );
    t.gives(
        "it ended",
        ended(&mut guest, pid)?,
        Exit::Signal(libc::SIGTERM),
    );

    guest.ask(|_| process::sleeper())?.need("another process")?;
    t.ok("signal 9 to all", context::kill(xid, 0, libc::SIGKILL));
    t.equal(
        "even who ignores signals",
        guest.wait()?,
        Exit::Signal(libc::SIGKILL),
    );
    t.check(
        "the context is gone",
        wait::until(GONE_WITHIN, || context::info(xid) == Err(libc::ESRCH)),
    );
    Ok(())
}

/// A guest whose first process is the registered init, and one more process.
fn with_init(t: &mut Test) -> Result<(Guest, i32), crate::harness::Stop> {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    let pid = guest
        .ask(|_| {
            context::set_flags(XID_SELF, 0, vxf::STATE_INIT)?;
            process::sleeper()
        })?
        .need("register the init")?;
    guest.seal().need("seal")?;
    Ok((guest, pid))
}

fn init(t: &mut Test) -> Outcome {
    let (mut guest, pid) = with_init(t)?;
    let xid = guest.xid();
    t.gives(
        "the init is registered",
        context::info(xid).map(|i| i.initpid),
        guest.pid() as u32,
    );
    t.ok(
        "pid -1 spares the init",
        context::kill(xid, -1, libc::SIGKILL),
    );
    t.gives(
        "the other ended",
        ended(&mut guest, pid)?,
        Exit::Signal(libc::SIGKILL),
    );
    t.check("the init lives", !guest.has_ended());
    t.refused(
        "pid -1 without others",
        context::kill(xid, -1, libc::SIGKILL),
        libc::ESRCH,
    );
    let pid = guest.ask(|_| process::sleeper())?.need("another process")?;
    t.ok("pid 1 is the init", context::kill(xid, 1, libc::SIGKILL));
    t.equal("the init ended", guest.wait()?, Exit::Signal(libc::SIGKILL));
    t.ok("the other lives", context::kill(xid, pid, 0));
    t.ok("the host ends it", context::kill(xid, pid, libc::SIGKILL));
    Ok(())
}

/// Without STATE_ADMIN little is allowed.
fn restricted(t: &mut Test) -> Outcome {
    let (mut guest, first, _second) = family(t)?;
    let xid = guest.xid();
    t.ok(
        "give up STATE_ADMIN",
        context::set_flags(xid, 0, vxf::STATE_ADMIN),
    );
    t.refused("one process", context::kill(xid, first, 0), libc::EACCES);
    t.ok(
        "all, as no init is registered",
        context::kill(xid, 0, libc::SIGKILL),
    );
    t.equal("they ended", guest.wait()?, Exit::Signal(libc::SIGKILL));

    let (mut guest, pid) = with_init(t)?;
    let xid = guest.xid();
    let shield = guest.ask(|_| {
        process::ignore(libc::SIGINT);
        process::getpid()
    })?;
    t.equal("the init is the first process", shield, guest.pid());
    t.ok(
        "give up STATE_ADMIN",
        context::set_flags(xid, 0, vxf::STATE_ADMIN),
    );
    t.refused(
        "all, with an init",
        context::kill(xid, 0, libc::SIGKILL),
        libc::EACCES,
    );
    t.refused(
        "all but the init",
        context::kill(xid, -1, libc::SIGKILL),
        libc::EACCES,
    );
    t.refused(
        "one process",
        context::kill(xid, pid, libc::SIGKILL),
        libc::EACCES,
    );
    t.ok(
        "the init gets SIGINT instead",
        context::kill(xid, 1, libc::SIGKILL),
    );
    t.check(
        "which it ignores",
        !wait::until(std::time::Duration::from_millis(200), || guest.has_ended()),
    );
    // With a single task the signal is the one that was asked for.
    t.ok(
        "inside: the other process ends",
        guest.on(
            |w| process::kill(w.int(0), libc::SIGKILL).and_then(|()| process::wait(w.int(0))),
            pid,
        )?,
    );
    t.ok(
        "the last task is the init",
        context::kill(xid, 1, libc::SIGKILL),
    );
    t.equal(
        "it gets signal 9",
        guest.wait()?,
        Exit::Signal(libc::SIGKILL),
    );
    Ok(())
}
