// SPDX-License-Identifier: GPL-2.0

//! Signals: processes that do nothing but signal each other, and queues that are full.

use super::arena::{Arena, Marks};
use crate::harness::check::{Outcome, Test};
use crate::harness::subprocess;
use crate::sys::{Sys, greed, process};

/// Signals that may wait for one process, where the hostile guest sets itself a limit.
const WAITING: u64 = 500;

/// Twenty processes that signal their group, and are interrupted by it, without end.
fn storm(marks: &Marks) -> i32 {
    let ready = process::setpgid(0, 0).and_then(|()| process::interrupt_often(true));
    if let Err(error) = ready {
        return error;
    }
    for _ in 0..20 {
        if let Ok(0) = process::fork() {
            break;
        }
    }
    loop {
        let _ = marks.note(process::kill(0, libc::SIGALRM));
        marks.round();
    }
}

/// Signals that wait, far fewer than there may be.
fn some() -> Sys<()> {
    greed::block_queued_signal();
    let own = process::getpid();
    (0..100).try_for_each(|_| process::sigqueue(own, greed::queued_signal()))
}

/// Queues signals for itself that it does not take.
fn queue(limit: u64) -> Sys<u64> {
    process::prlimit_set(0, libc::RLIMIT_SIGPENDING, limit)?;
    greed::block_queued_signal();
    let own = process::getpid();
    for count in 0..limit * 2 {
        match process::sigqueue(own, greed::queued_signal()) {
            Ok(()) => {}
            Err(libc::EAGAIN) => return Ok(count),
            Err(error) => return Err(error),
        }
    }
    Err(libc::EPROTO)
}

pub fn run(t: &mut Test) -> Outcome {
    let mut arena = Arena::set_up(t, &[])?;
    t.ok(
        "control: inside: some signals wait",
        arena.hostile.ask(some)?,
    );
    t.gives(
        "inside: as many wait as may, then EAGAIN",
        arena.hostile.ask(|| queue(WAITING))?,
        WAITING,
    );
    let bystander = crate::harness::Bystander::start()?;
    let target = bystander.pid();
    t.refused(
        "inside: a signal to the host",
        arena
            .hostile
            .ask(|| process::sigqueue(target, libc::SIGKILL))?,
        libc::ESRCH,
    );
    let attack = arena.hostile.attack(storm)?;
    t.check("a storm: it goes on", attack.does(50));
    arena.holds(t, "a storm")?;
    t.equal("a storm: inside: no error", attack.marks.errors(), vec![]);
    let before = attack.marks.rounds();
    t.ok(
        "a storm: another guest signals itself",
        arena.victim.ask(some)?,
    );
    t.ok("a storm: and the host", subprocess(some)?);
    t.check(
        "a storm: while it goes on",
        attack.does(before + 1) && bystander.lives(),
    );
    arena.ends(t)
}
