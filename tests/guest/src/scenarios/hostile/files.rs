// SPDX-License-Identifier: GPL-2.0

//! Files, descriptors, sockets, watches: what the context counts is refused at its limit, what a
//! process may have at its own, and the rest is the memory of the guest.

use super::arena::{Arena, Attack, Marks};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Stop, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, files, greed, process, sockets};
use libvserver::abi::rlimit;
use std::time::Duration;

/// Files or sockets that the hostile guest may have.
const MOST: u64 = 300;
/// Descriptors that one process may have.
const DESCRIPTORS: u64 = 1024;

/// Lowers the memory of the hostile guest, so that files fill it soon.
fn little_memory(t: &Test, arena: &Arena) -> Result<(), Stop> {
    let bytes = t.scale().hostile(18 << 20);
    arena.hostile.group.set("memory.max", &bytes.to_string())
}

/// Makes more and more with the same function.
fn pile<T>(marks: &Marks, mut act: impl FnMut() -> Sys<T>) -> i32 {
    loop {
        let _ = marks.note(act());
        marks.round();
    }
}

/// As many processes as there may be do the same and keep what they have; who is killed is followed
/// by another one.
fn crowd(marks: &Marks, act: impl Fn()) -> i32 {
    loop {
        match process::fork() {
            Ok(0) => {
                // Its children rather than the one that makes them.
                let _ = files::write("/proc/self/oom_score_adj", "1000");
                act();
                process::sleep_for_ever()
            }
            Ok(_) => marks.round(),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        while greed::reap() == Some(libc::SIGKILL) {
            marks.killed();
        }
    }
}

fn refused(t: &mut Test, arena: &mut Arena, attack: &Attack, what: &str, error: i32) -> Outcome {
    t.check(&format!("{what}: it comes to its end"), attack.is_refused());
    arena.holds(t, what)?;
    t.equal(
        &format!("{what}: inside: the error"),
        attack.marks.errors(),
        vec![error],
    );
    Ok(())
}

/// The same for another guest and for the host, as often as the hostile guest was allowed to.
fn others_can(t: &mut Test, arena: &Arena, what: &str, act: fn() -> Sys<()>) -> Result<(), Stop> {
    let most = t.scale().hostile(MOST);
    let often = || (0..most).try_for_each(|_| act());
    t.ok(
        &format!("{what}: another guest can"),
        arena.victim.ask(often)?,
    );
    t.ok(&format!("{what}: and the host"), subprocess(often)?);
    Ok(())
}

/// Open files and descriptors.
pub fn descriptors(t: &mut Test) -> Outcome {
    let (most, descriptors) = (t.scale().hostile(MOST), t.scale().hostile(DESCRIPTORS));
    let mut arena = Arena::set_up(t, &[])?;
    arena.hostile.limit(rlimit::NOFILE, most)?;
    let eventfd = || greed::eventfd().map(drop);
    t.ok(
        "control: inside: fewer than there may be",
        arena
            .hostile
            .ask(|| (0..most / 2).try_for_each(|_| eventfd()))?,
    );
    let attack = arena.hostile.attack(|marks| pile(marks, greed::eventfd))?;
    refused(t, &mut arena, &attack, "open files", libc::ENFILE)?;
    // One that is refused counts until it is.
    t.check(
        "open files: outside: as many as may be",
        wait::until(GONE_WITHIN, || arena.hostile.has(rlimit::NOFILE) == most),
    );
    t.check(
        "open files: outside: the refusals are counted",
        arena.hostile.hits(rlimit::NOFILE) > 0,
    );
    others_can(t, &arena, "open files", eventfd)?;
    arena.clears(t, "open files");
    drop(attack);

    // Copies of one are no more files; they end at the limit of the process.
    let attack = arena.hostile.attack(|marks| {
        if process::prlimit_set(0, libc::RLIMIT_NOFILE, descriptors).is_err() {
            return 1;
        }
        match greed::eventfd() {
            Ok(file) => pile(marks, || greed::dup(file)),
            Err(error) => error,
        }
    })?;
    refused(t, &mut arena, &attack, "descriptors", libc::EMFILE)?;
    t.check(
        "descriptors: outside: few files",
        arena.hostile.has(rlimit::NOFILE) < 20,
    );
    arena.clears(t, "descriptors");
    drop(attack);

    // Without a limit of the context files are memory, and who takes too much is killed.
    arena.hostile.limit(rlimit::NOFILE, rlimit::INFINITY)?;
    little_memory(t, &arena)?;
    let attack = arena
        .hostile
        .attack(|marks| crowd(marks, || while marks.note(greed::pipe()).is_ok() {}))?;
    t.check(
        "files without a limit: inside: some are killed",
        wait::until(GONE_WITHIN * 3, || attack.marks.kills() > 0),
    );
    arena.holds(t, "files without a limit")?;
    t.check(
        "files without a limit: outside: it is counted",
        arena.hostile.oom_kills() > 0,
    );
    others_can(t, &arena, "files without a limit", eventfd)?;
    arena.ends(t)
}

/// Sockets and what is in their queues.
pub fn sockets(t: &mut Test) -> Outcome {
    const QUEUED: u64 = 1 << 20;
    let most = t.scale().hostile(MOST);
    let mut arena = Arena::set_up(t, &[])?;
    arena.hostile.limit(rlimit::NSOCK, most)?;
    let pair = || {
        let [one, other] = greed::socket_pair()?;
        sockets::close(one);
        sockets::close(other);
        Ok(())
    };
    t.ok("control: inside: some", arena.hostile.ask(pair)?);
    let attack = arena.hostile.attack(|marks| {
        pile(marks, || {
            let [one, _] = greed::socket_pair()?;
            greed::stuff(one);
            Ok(())
        })
    })?;
    refused(t, &mut arena, &attack, "sockets", libc::ENFILE)?;
    // One that is refused counts until it is.
    t.check(
        "sockets: outside: as many as may be",
        wait::until(GONE_WITHIN, || arena.hostile.has(rlimit::NSOCK) == most),
    );
    t.check(
        "sockets: outside: the refusals are counted",
        arena.hostile.hits(rlimit::NSOCK) > 0,
    );
    let kernel = arena.hostile.group.value("memory.stat", "kernel");
    t.check(
        &format!("sockets: what is in their queues counts: {kernel}"),
        kernel >= QUEUED,
    );
    others_can(t, &arena, "sockets", pair)?;
    arena.clears(t, "sockets");
    drop(attack);

    // Without a limit their queues are memory.
    arena.hostile.limit(rlimit::NSOCK, rlimit::INFINITY)?;
    little_memory(t, &arena)?;
    let attack = arena.hostile.attack(|marks| {
        crowd(marks, || {
            while let Ok([one, _]) = marks.note(greed::socket_pair()) {
                greed::stuff(one);
            }
        })
    })?;
    t.check(
        "sockets without a limit: inside: who fills them is killed",
        wait::until(GONE_WITHIN * 3, || attack.marks.kills() > 0),
    );
    arena.holds(t, "sockets without a limit")?;
    t.check(
        "sockets without a limit: outside: it is counted",
        arena.hostile.oom_kills() > 0,
    );
    others_can(t, &arena, "sockets without a limit", pair)?;
    arena.ends(t)
}

/// Watches of inotify and epoll.
pub fn watches(t: &mut Test) -> Outcome {
    let mut arena = Arena::set_up(t, &[])?;
    little_memory(t, &arena)?;
    let inotify = || {
        let fd = greed::inotify()?;
        greed::watch(fd, "/tmp")?;
        sockets::close(fd);
        Ok(())
    };
    let epoll = || {
        let (epoll, file) = (greed::epoll()?, greed::eventfd()?);
        greed::epoll_add(epoll, file)?;
        sockets::close(epoll);
        sockets::close(file);
        Ok(())
    };
    t.ok("control: inside: inotify", arena.hostile.ask(inotify)?);
    t.ok("control: inside: epoll", arena.hostile.ask(epoll)?);
    let attack = arena.hostile.attack(|marks| pile(marks, greed::inotify))?;
    refused(t, &mut arena, &attack, "inotify", libc::EMFILE)?;
    arena.clears(t, "inotify");
    t.ok("inotify: another guest can", arena.victim.ask(inotify)?);
    t.ok("inotify: and the host", subprocess(inotify)?);
    drop(attack);

    // Every descriptor in every set: a square of watches, which is memory.
    let attack = arena.hostile.attack(|marks| {
        crowd(marks, || {
            let files: Vec<_> = (0..400).map_while(|_| greed::eventfd().ok()).collect();
            let sets: Vec<_> = (0..500).map_while(|_| greed::epoll().ok()).collect();
            for set in sets {
                for file in &files {
                    let _ = marks.note(greed::epoll_add(set, *file));
                }
            }
        })
    })?;
    t.check(
        "epoll: inside: who has too many is killed",
        wait::until(GONE_WITHIN * 3, || attack.marks.kills() > 0),
    );
    arena.holds(t, "epoll")?;
    t.check(
        "epoll: outside: it is counted",
        arena.hostile.oom_kills() > 0,
    );
    t.ok("epoll: another guest can", arena.victim.ask(epoll)?);
    t.ok("epoll: and the host", subprocess(epoll)?);
    arena.ends(t)
}
