// SPDX-License-Identifier: GPL-2.0

//! Entering a context.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, Words, context, spectator, subprocess};
use crate::sys::{Sys, process};
use libvserver::abi::{XID_SELF, vxf, vxm};

pub fn run(t: &mut Test) -> Outcome {
    private(t)?;
    init(t)?;
    reaper(t)?;
    children_outside(t)?;
    spectators(t)
}

/// A task keeps its children when it enters a context without them: it is told of their end by
/// the numbers that it knows them by.
fn children_outside(t: &mut Test) -> Outcome {
    let xid = t.xid();
    for (name, seal) in [("in setup", false), ("sealed", true)] {
        let seen = subprocess(|| {
            let start = |code| crate::harness::Child::start(|| code).map_err(|_| libc::ECHILD);
            let (first, second) = (start(7)?, start(8)?);
            context::create(xid, vxf::INIT_SET)?;
            if seal {
                context::set_flags(XID_SELF, 0, vxf::STATE_SETUP)?;
            }
            let mut status = 0;
            // SAFETY: `status` outlives the calls.
            let by_number = crate::sys::sys(unsafe { libc::waitpid(first.pid(), &mut status, 0) })?;
            let code = libc::WEXITSTATUS(status);
            // SAFETY: as above.
            let any = crate::sys::sys(unsafe { libc::waitpid(-1, &mut status, 0) })?;
            Ok::<_, i32>((
                by_number == i64::from(first.pid()),
                code,
                any == i64::from(second.pid()),
                libc::WEXITSTATUS(status),
            ))
        })?;
        t.gives(
            &format!("{name}: waiting for children outside"),
            seen,
            (true, 7, true, 8),
        );
    }
    Ok(())
}

/// A child that migrates; what the host sees of it while it is inside.
fn entered(xid: u32, flags: u64) -> Result<Sys<u32>, Stop> {
    let (mut hold, release) = crate::harness::child::pipe()?;
    let (mut ready, mut report) = crate::harness::child::pipe()?;
    crate::harness::child::keep_private(&release);
    let mut child = crate::harness::Child::start(|| {
        use std::io::{Read, Write};
        let result = context::migrate(xid, flags).err().unwrap_or(0);
        let _ = report.write_all(&result.to_ne_bytes());
        let _ = hold.read(&mut [0]);
        0
    })?;
    let mut code = [0; 4];
    let got = std::io::Read::read_exact(&mut ready, &mut code);
    let seen = match i32::from_ne_bytes(code) {
        0 => context::task_xid(child.pid()),
        error => Err(error),
    };
    crate::harness::child::release_private(&release);
    drop(release);
    child.wait()?;
    got.map_err(|e| Stop::Fail(format!("migrating child: {e}")))?;
    Ok(seen)
}

fn private(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).open().start()?;
    t.gives("control: migrate during setup", entered(xid, 0)?, xid);
    t.ok(
        "make it private",
        context::set_flags(xid, vxf::INFO_PRIVATE, vxf::INFO_PRIVATE),
    );
    t.gives("private, during setup: allowed", entered(xid, 0)?, xid);
    t.ok("seal", guest.seal());
    t.refused("private, sealed: refused", entered(xid, 0)?, libc::EACCES);
    t.ok(
        "not private any more",
        context::set_flags(xid, 0, vxf::INFO_PRIVATE),
    );
    t.gives(
        "control: sealed, not private: allowed",
        entered(xid, 0)?,
        xid,
    );
    t.gives(
        "claims are given back",
        context::stat(xid).map(|s| s.tasks),
        1,
    );
    guest.stop().map(|_| ())
}

fn init(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).start()?;
    t.gives("no init at first", context::info(xid).map(|i| i.initpid), 0);
    t.gives(
        "migrate without flags registers none",
        entered(xid, 0)?,
        xid,
    );
    t.gives("still none", context::info(xid).map(|i| i.initpid), 0);

    let (mut ready, mut report) = crate::harness::child::pipe()?;
    let mut child = crate::harness::Child::start(|| {
        use std::io::Write;
        let result = context::migrate(xid, vxm::SET_INIT).err().unwrap_or(0);
        let _ = report.write_all(&result.to_ne_bytes());
        process::sleep_for_ever()
    })?;
    let _ = std::io::Read::read_exact(&mut ready, &mut [0; 4]);
    t.gives(
        "SET_INIT registers the caller",
        context::info(xid).map(|i| i.initpid),
        child.pid() as u32,
    );
    // Like every pid 1, whatever its number: those inside end it by no signal that it does not handle.
    let other = guest.ask(|_| process::sleeper())?.need("another process")?;
    for (name, signal) in [("SIGTERM", libc::SIGTERM), ("SIGKILL", libc::SIGKILL)] {
        t.ok(
            &format!("inside: {name} to the init"),
            guest.call(
                |w| process::kill(w.int(0), w.int(1)),
                &[i64::from(child.pid()), i64::from(signal)],
            )?,
        );
    }
    t.gives(
        "control: inside: another process ends by SIGTERM",
        guest.on(
            |w| process::kill(w.int(0), libc::SIGTERM).and_then(|()| process::wait(w.int(0))),
            other,
        )?,
        libc::SIGTERM,
    );
    std::thread::sleep(std::time::Duration::from_millis(200));
    t.check("the init lives", !child.has_ended());
    t.ok("end the init", context::kill(xid, 1, libc::SIGKILL));
    child.wait()?;
    t.gives(
        "a dead init is forgotten",
        context::info(xid).map(|i| i.initpid),
        0,
    );
    t.check("the other task lives", !guest.has_ended());
    guest.stop().map(|_| ())
}

/// Forks a child that forks a grandchild and ends; whether the grandchild became a child of the
/// caller.
fn adopts(_: &Words) -> Sys<bool> {
    // SAFETY: single-threaded; the children only fork, sleep and exit.
    unsafe {
        let child = crate::sys::sys(libc::fork())? as i32;
        if child == 0 {
            if libc::fork() == 0 {
                libc::usleep(100_000);
            }
            libc::_exit(0);
        }
        process::wait(child)?;
    }
    // The next child to end can only be the grandchild.
    match process::wait(-1) {
        Ok(_) => Ok(true),
        Err(libc::ECHILD) => Ok(false),
        Err(error) => Err(error),
    }
}

fn reaper(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    t.gives(
        "SET_REAPER is accepted",
        {
            let _guest = Guest::start(one)?;
            entered(one, vxm::SET_REAPER)?
        },
        one,
    );
    let mut whole = Guest::plan(two).whole().start()?;
    t.gives(
        "pid 1 of a whole guest adopts orphans",
        whole.ask(adopts)?,
        true,
    );
    let mut shared = Guest::start(one)?;
    t.gives(
        "control: the first process of a shared one does not",
        shared.ask(adopts)?,
        false,
    );
    Ok(())
}

fn spectators(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::start(xid)?;
    t.gives("spectator: own xid", spectator(|| context::task_xid(0))?, 1);
    t.refused(
        "spectator: migrate into a guest",
        spectator(|| context::migrate(xid, 0))?,
        libc::EPERM,
    );
    t.gives(
        "spectator: migrate to 1 again",
        spectator(|| context::bare(libvserver::abi::vcmd::CTX_MIGRATE, 1))?,
        1,
    );
    let child = subprocess(|| {
        // The xid is inherited.
        context::become_spectator()?;
        let pid = process::sleeper()?;
        let seen = context::task_xid(pid);
        process::kill(pid, libc::SIGKILL)?;
        process::wait(pid)?;
        seen
    })?;
    t.gives("a spectator's child is one", child, 1);

    let setup = t.xid();
    let mut open = Guest::plan(setup).open().start()?;
    let before = context::stat(setup).need("claims")?.tasks;
    t.gives("control: one claim", Ok(before), 1);
    t.ok(
        "control: in setup: change it",
        open.call(
            |w| context::set_flags(w.int(0) as u32, 0, 0),
            &[i64::from(setup)],
        )?,
    );
    t.gives(
        "a task in setup becomes the spectator",
        open.ask(|_| context::become_spectator().and_then(|()| context::task_xid(0)))?,
        1,
    );
    t.refused(
        "and is in setup no more",
        open.call(
            |w| context::set_flags(w.int(0) as u32, 0, 0),
            &[i64::from(setup)],
        )?,
        libc::EPERM,
    );
    open.stop()?;
    guest.stop().map(|_| ())
}
