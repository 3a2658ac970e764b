// SPDX-License-Identifier: GPL-2.0

//! What the kernel counts by user. A user of one guest is not the user with that number of another
//! guest, or of the host: who takes all leaves the others what they had.
//!
//! The hostile guest gets no more than the limit, with the error that programs know; others can have
//! one meanwhile, and all is there again when it has ended.

use super::arena::{Arena, Marks};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Setting, Stop, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, greed, keys, process};
use libvserver::abi::space;
use std::thread::sleep;
use std::time::Duration;

/// Something that is counted by user.
struct Kind {
    name: &'static str,
    /// Takes one more, the one with this number; keeps it.
    act: fn(u64) -> Sys<()>,
    /// What a program does before it starts to take.
    before: fn() -> Sys<()>,
    error: i32,
}

const USER: u32 = 4242;
/// Processes that a user may have in this test.
const PROCESSES: u64 = 40;
/// Signals that may wait for a user in this test; the default is some for each MiB of memory.
const SIGNALS: u64 = 1000;
/// What a user may have in this test, where the default would be a lot of memory: watches of epoll,
/// pages of pipes.
const LOWERED: [(&str, &str); 2] = [
    ("/proc/sys/fs/epoll/max_user_watches", "500"),
    ("/proc/sys/fs/pipe-user-pages-soft", "1600"),
];
/// Bytes of a pipe.
const PIPE: i64 = 65536;

/// The number of the one that somebody else takes.
const ONLY: u64 = u64::MAX;

fn nothing() -> Sys<()> {
    Ok(())
}

const KINDS: [Kind; 9] = [
    Kind {
        name: "instances of inotify",
        act: |_| greed::inotify().map(drop),
        before: nothing,
        error: libc::EMFILE,
    },
    Kind {
        name: "watches of epoll",
        act: |_| {
            let file = greed::eventfd()?;
            (0..100).try_for_each(|_| greed::epoll_add(greed::epoll()?, file))
        },
        before: || process::prlimit_set(0, libc::RLIMIT_NOFILE, 4096),
        error: libc::ENOSPC,
    },
    Kind {
        name: "bytes in POSIX message queues",
        act: |number| greed::message_queue(&format!("users-{number}")),
        before: nothing,
        error: libc::EMFILE,
    },
    Kind {
        name: "signals that wait",
        act: |_| process::sigqueue(process::getpid(), greed::queued_signal()),
        before: || {
            greed::block_queued_signal();
            process::prlimit_set(0, libc::RLIMIT_SIGPENDING, SIGNALS)
        },
        error: libc::EAGAIN,
    },
    Kind {
        name: "timers",
        act: |_| greed::timer(),
        before: || process::prlimit_set(0, libc::RLIMIT_SIGPENDING, SIGNALS),
        error: libc::EAGAIN,
    },
    Kind {
        name: "descriptors on their way",
        act: |_| {
            let [one, _] = greed::socket_pair()?;
            greed::send_descriptors(one, one, 200)
        },
        before: nothing,
        error: libc::ETOOMANYREFS,
    },
    Kind {
        // No error of the kernel: who has too many gets pipes of two pages instead of 16.
        name: "pipes of the usual size",
        act: |_| match greed::pipe_size(greed::pipe()?)? {
            PIPE => Ok(()),
            _ => Err(libc::ENOBUFS),
        },
        before: || process::prlimit_set(0, libc::RLIMIT_NOFILE, 4096),
        error: libc::ENOBUFS,
    },
    Kind {
        name: "processes of a user",
        act: |number| match process::fork()? {
            0 if number == ONLY => greed::leave(0),
            0 => process::sleep_for_ever(),
            _ => Ok(()),
        },
        before: || {
            process::prlimit_set(0, libc::RLIMIT_NPROC, PROCESSES)?;
            process::become_user(USER)
        },
        error: libc::EAGAIN,
    },
    Kind {
        name: "keys of a user",
        act: |number| keys::add(&format!("users-{number}"), keys::PROCESS).map(drop),
        before: || process::become_user(USER),
        error: libc::EDQUOT,
    },
];

/// Takes all that there is and keeps it.
fn take_all(marks: &Marks, kind: &Kind) -> i32 {
    if let Err(error) = (kind.before)() {
        return error;
    }
    let mut number = 0;
    loop {
        match marks.note((kind.act)(number)) {
            Ok(()) => number += 1,
            // Somebody else may give one back.
            Err(_) => sleep(Duration::from_millis(10)),
        }
    }
}

fn take_one(kind: &Kind) -> Sys<()> {
    (kind.before)()?;
    (kind.act)(ONLY)
}

pub fn run(t: &mut Test) -> Outcome {
    let _lowered = LOWERED
        .iter()
        .map(|(path, value)| Setting::change(path, value))
        .collect::<Result<Vec<_>, Stop>>()?;
    let mut arena = Arena::set_up(t, &[])?;
    arena.hostile.spaces = space::IPC;
    arena.victim.spaces = space::IPC;
    for kind in &KINDS {
        one(t, &arena, kind)?;
    }
    let answer = arena.host.answers()?;
    t.check("the host answers", answer <= t.scale().prompt());
    arena.ends(t)
}

fn one(t: &mut Test, arena: &Arena, kind: &Kind) -> Outcome {
    let what = kind.name;
    t.ok(
        &format!("control: {what}: inside: one"),
        arena.hostile.ask(|| take_one(kind))?,
    );
    let attack = arena.hostile.attack(|marks| take_all(marks, kind))?;
    t.check(&format!("{what}: it comes to its end"), attack.is_refused());
    t.equal(
        &format!("{what}: inside: the error"),
        attack.marks.errors(),
        vec![kind.error],
    );
    t.note(format!("{what}: {} were granted", attack.marks.granted()));
    let victim = arena.victim.ask(|| take_one(kind))?;
    let host = subprocess(|| {
        crate::sys::spaces::unshare(space::IPC)?;
        take_one(kind)
    })?;
    for (who, result) in [("another guest", victim), ("the host", host)] {
        t.ok(&format!("{what}: {who} can have one"), result);
    }
    t.check(
        &format!("{what}: all its tasks end"),
        arena.hostile.end_tasks(),
    );
    // What waits for a process that has ended waits until its parent has seen the end.
    drop(attack);
    t.check(
        &format!("{what}: and another guest can have one then"),
        wait::until(GONE_WITHIN, || {
            arena
                .victim
                .ask(|| take_one(kind))
                .is_ok_and(|result| result.is_ok())
        }),
    );
    arena.victim.end_tasks();
    Ok(())
}
