// SPDX-License-Identifier: GPL-2.0

//! Waiting for the end of a context.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Promise, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, process, spaces};
use libvserver::abi::{WaitExit, XID_SELF, space, vcmd, vxf};
use std::time::{Duration, Instant};

/// Long enough to see that a waiter sleeps.
const WHILE: Duration = Duration::from_millis(200);

fn waiter(xid: u32) -> Result<Promise<Sys<i32>>, crate::harness::Stop> {
    Promise::start(|| context::wait_exit(xid).map(|exit| exit.exit_code))
}

pub fn run(t: &mut Test) -> Outcome {
    t.refused(
        "no such context",
        context::wait_exit(4242).map(|exit| exit.exit_code),
        libc::ESRCH,
    );

    // SAFETY: both functions end the process inside the guest.
    let exit_seven = |_: &crate::harness::Words| unsafe { libc::_exit(7) };
    let kill_itself = |_: &crate::harness::Words| {
        // As pid 1 of nothing: SIGKILL of itself acts.
        let _ = process::kill(process::getpid(), libc::SIGKILL);
        0
    };
    ended(t, "exit code 7", exit_seven, 7 << 8)?;
    ended(t, "killed by signal 9", kill_itself, libc::SIGKILL)?;
    last_task(t)?;
    two_waiters(t)?;
    interrupted(t)?;
    refused_reboot(t)?;
    nested_reboot(t)?;
    many_reboots(t)?;
    inside(t)
}

fn ended(t: &mut Test, what: &str, end: fn(&crate::harness::Words) -> i32, want: i32) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    let waiting = waiter(xid)?;
    t.check(&format!("{what}: the waiter sleeps"), waiting.sleeps());
    t.check(&format!("{what}: and goes on to"), !waiting.ready(WHILE));
    // The guest ends instead of answering.
    let _ = guest.ask(end);
    guest.wait()?;
    t.gives(what, waiting.answer()?, want);
    t.refused(
        &format!("{what}: afterwards the context is unknown"),
        context::wait_exit(xid).map(|exit| exit.exit_code),
        libc::ESRCH,
    );
    Ok(())
}

/// The code of the last task counts, whichever that is.
fn last_task(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    guest
        .ask(|_| -> Sys<()> {
            let first = process::getpid();
            // SAFETY: single-threaded.
            if crate::sys::sys(unsafe { libc::fork() })? == 0 {
                // The parent has told its context that it leaves before others become the child's.
                // SAFETY: the child only asks, sleeps and exits.
                unsafe {
                    while libc::getppid() == first {
                        libc::usleep(5_000);
                    }
                    libc::_exit(3)
                }
            }
            Ok(())
        })?
        .need("fork inside")?;
    let waiting = waiter(xid)?;
    t.check("the waiter sleeps", waiting.sleeps());
    // The first process ends, and nothing ends the other one.
    // SAFETY: ends the process inside.
    let _ = guest.ask(|_| -> i32 { unsafe { libc::_exit(0) } });
    guest.wait()?;
    t.gives(
        "the code of the last task counts",
        waiting.answer()?,
        3 << 8,
    );
    Ok(())
}

fn two_waiters(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).flags(vxf::PERSISTENT).start()?;
    let (first, second) = (waiter(xid)?, waiter(xid)?);
    let watching = Promise::start(|| {
        context::become_spectator()
            .and_then(|()| context::wait_exit(xid))
            .map(|exit| exit.reboot_cmd)
    })?;
    t.check(
        "the waiters sleep",
        first.sleeps() && second.sleeps() && spectator(|| watching.sleeps())?,
    );
    context::kill(xid, guest.pid(), libc::SIGTERM).need("end the process inside")?;
    t.check(
        "a persistent context without tasks has not ended",
        !first.ready(WHILE),
    );
    t.ok(
        "drop PERSISTENT",
        context::set_flags(xid, 0, vxf::PERSISTENT),
    );
    t.gives("the first waiter wakes", first.answer()?, libc::SIGTERM);
    t.gives("the second waiter wakes", second.answer()?, libc::SIGTERM);
    t.gives("the spectator may wait too", watching.answer()?, 0);
    drop(guest);
    Ok(())
}

/// Lets a guest end; who waits for that is told of no reboot.
fn ends_without_reboot(t: &mut Test, guest: Guest) -> Outcome {
    let xid = guest.xid();
    let waiting = Promise::start(|| context::wait_exit(xid).map(|exit| exit.reboot_cmd))?;
    t.check(
        "outside: one waits",
        wait::until(GONE_WITHIN, || waiting.sleeps()),
    );
    guest.stop()?;
    t.gives("outside: no command is noted", waiting.answer()?, 0);
    Ok(())
}

/// What ends no pid namespace is refused in one, and not noted.
fn refused_reboot(t: &mut Test) -> Outcome {
    const CAD_OFF: i32 = 0;
    const SW_SUSPEND: i32 = 0xd000_fce2_u32 as i32;
    let mut guest = Guest::plan(t.xid()).whole().start()?;
    for (name, command) in [("CAD_OFF", CAD_OFF), ("SW_SUSPEND", SW_SUSPEND)] {
        t.refused(
            &format!("inside: {name}"),
            guest.call(|w| process::reboot(w.int(0)), &[i64::from(command)])?,
            libc::EINVAL,
        );
    }
    ends_without_reboot(t, guest)
}

/// Whether a pid namespace that the caller makes ends by a reboot inside.
fn reboot_nested(_: &crate::harness::Words) -> Sys<bool> {
    const RESTART: i32 = 0x0123_4567;
    let child = process::fork()?;
    if child == 0 {
        let code = match spaces::unshare(space::PID).and_then(|()| process::fork()) {
            Ok(0) => {
                let _ = process::reboot(RESTART);
                1
            }
            Ok(pid) => i32::from(process::wait(pid) != Ok(libc::SIGHUP)),
            Err(_) => 1,
        };
        // SAFETY: ends the child, which has nothing to clean up.
        unsafe { libc::_exit(code) };
    }
    process::wait(child).map(|status| status == 0)
}

/// What reboots in a pid namespace that the guest has made is not the guest.
fn nested_reboot(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid())
        .flags(vxf::REBOOT_KILL)
        .whole()
        .start()?;
    t.gives(
        "inside: a namespace in it ends by a reboot",
        guest.ask(reboot_nested)?,
        true,
    );
    t.gives(
        "inside: the guest lives",
        guest.ask(|_| Ok::<_, i32>(7))?,
        7,
    );
    ends_without_reboot(t, guest)
}

/// Calls `reboot(2)` eight times, in vain: how many milliseconds that takes.
fn reboot_often(_: &crate::harness::Words) -> Sys<u64> {
    const CAD_OFF: i32 = 0;
    let begin = Instant::now();
    (0..8).try_for_each(|_| process::reboot(CAD_OFF))?;
    Ok(begin.elapsed().as_millis() as u64)
}

/// The host starts programs for reboots: after a few no more than one in a second.
fn many_reboots(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let took = guest.ask(reboot_often)?.need("reboots")?;
    t.check(
        &format!("inside: the last of eight wait: {took} ms"),
        took >= 2000,
    );
    Ok(())
}

/// A signal ends the wait, and the fields are written.
fn interrupted(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::start(xid)?;
    let waiting = Promise::start(|| {
        // Again and again: the first one may come before the wait begins.
        let _ = process::interrupt_often(true);
        let mut exit = WaitExit {
            reboot_cmd: 0x5a5a,
            exit_code: 0x5a5a,
        };
        let result = context::with(vcmd::WAIT_EXIT, xid, &mut exit);
        let _ = process::interrupt_often(false);
        (result, exit.reboot_cmd, exit.exit_code)
    })?;
    let (result, reboot, code) = waiting.answer()?;
    t.refused("a signal interrupts", result, libc::EINTR);
    t.equal(
        "the fields are written nevertheless",
        (reboot, code),
        (0, 0),
    );
    t.gives("the context lives", context::info(xid).map(|i| i.xid), xid);
    guest.stop().map(|_| ())
}

fn inside(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    t.refused(
        "inside, sealed",
        guest.ask(|_| context::wait_exit(XID_SELF).map(|exit| exit.exit_code))?,
        libc::ENOSYS,
    );
    let seen = spectator(|| context::info(xid).map(|info| info.xid))?;
    t.gives("control: the spectator finds it", seen, xid);
    guest.stop().map(|_| ())
}
