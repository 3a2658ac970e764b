// SPDX-License-Identifier: GPL-2.0

//! Locks of files: each that is active counts for the context that opened the file. At the limit
//! nothing new can be had, but what there is can be changed and given back.

use super::context_limits::{set, stat};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, Words, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::locks::{self, Owner};
use crate::sys::{Sys, files, sockets};
use libc::{F_RDLCK, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_SH, LOCK_UN};
use libvserver::abi::{rlimit, vcmd, vxf};
use std::sync::Mutex;
use std::thread;

/// Files of this process with a lock each.
static FILES: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Locks up to `w[0]` files more: how many, and what stopped it (0: nothing).
fn lock_files(w: &Words) -> Sys<String> {
    let mut kept = FILES.lock().map_err(|_| libc::EPROTO)?;
    let mut count = 0;
    while count < w.int(0) {
        let fd = locks::file()?;
        kept.push(fd);
        if let Err(error) = locks::flock(fd, LOCK_EX) {
            return Ok(format!("{count} {error}"));
        }
        count += 1;
    }
    Ok(format!("{count} 0"))
}

/// `flock(2)` on the file with number `w[0]`.
fn change(w: &Words) -> Sys<()> {
    let kept = FILES.lock().map_err(|_| libc::EPROTO)?;
    let fd = *kept.get(w.int(0) as usize).ok_or(libc::EBADF)?;
    locks::flock(fd, w.int(1))
}

fn close_all(_: &Words) -> Sys<()> {
    let mut kept = FILES.lock().map_err(|_| libc::EPROTO)?;
    kept.drain(..).for_each(sockets::close);
    Ok(())
}

fn new_file(_: &Words) -> Sys<i32> {
    locks::file()
}

/// A range of `w[0]`: kind, start, length, and whether it is the file's.
fn range(w: &Words) -> Sys<()> {
    let owner = if w.int(4) == 0 {
        Owner::Process
    } else {
        Owner::File
    };
    locks::range(w.int(0), owner, w.int(1), w.numbers[2], w.numbers[3])
}

fn usage(xid: u32) -> Result<(u64, u64, u64, u32), Stop> {
    let found = stat(xid, rlimit::LOCKS).need("use of locks")?;
    Ok((found.value, found.minimum, found.maximum, found.hits))
}

fn limit(xid: u32, number: u64) -> Sys<u32> {
    set(xid, rlimit::LOCKS, number, number)
}

/// A guest and a file of its own, whose ranges are locked.
struct Ranges {
    guest: Guest,
    file: i64,
}

impl Ranges {
    fn lock(&mut self, kind: i32, start: i64, length: i64) -> Result<Sys<()>, Stop> {
        self.guest
            .call(range, &[self.file, i64::from(kind), start, length, 0])
    }
}

pub fn run(t: &mut Test) -> Outcome {
    whole_files(t)?;
    parts_of_files(t)?;
    whose_file(t)?;
    at_once(t)?;
    nothing_left(t)
}

fn whole_files(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.equal("nothing at first", usage(xid)?, (0, 0, 0, 0));
    t.ok("three locks", limit(xid, 3));
    let answer = guest.call(lock_files, &[8])?;
    t.gives(
        "inside: as many as fit, and the error",
        answer,
        format!("3 {}", libc::ENOLCK),
    );
    t.equal("outside: value, highest, hits", usage(xid)?, (3, 0, 3, 1));
    t.gives(
        "another guest",
        other.call(lock_files, &[8])?,
        "8 0".to_owned(),
    );
    t.equal("another guest: value", usage(other.xid())?.0, 8);
    let ours = locks::file().need("a file")?;
    t.ok("the host", locks::flock(ours, LOCK_EX));
    sockets::close(ours);

    // What there is can be changed at the limit; flock(2) drops the old lock before it takes the new.
    let operations = [("shared", LOCK_SH), ("exclusive", LOCK_EX)];
    for (name, operation) in operations {
        t.ok(
            &format!("inside: it becomes {name}"),
            guest.call(change, &[0, i64::from(operation)])?,
        );
    }
    t.equal("outside: as many, no hit", usage(xid)?, (3, 0, 3, 1));
    t.gives("reset_minmax", context::bare(vcmd::RESET_MINMAX, xid), 0);
    t.equal("outside: from now on", usage(xid)?, (3, 3, 3, 1));
    t.ok(
        "inside: unlock one",
        guest.call(change, &[0, i64::from(LOCK_UN)])?,
    );
    t.equal("outside: one less", usage(xid)?, (2, 2, 3, 1));
    t.ok(
        "inside: and lock it again",
        guest.call(change, &[0, i64::from(LOCK_EX)])?,
    );
    t.equal("outside: the lowest use stays", usage(xid)?, (3, 2, 3, 1));
    let text = spectator(|| files::read(&format!("/proc/virtual/{xid}/limit")))?.need("limits")?;
    let row = text
        .lines()
        .find(|line| line.starts_with("LOCKS:"))
        .need("the row")?;
    t.equal(
        "in /proc/virtual: value and hits",
        (
            row.split_whitespace().nth(1),
            row.split_whitespace().next_back(),
        ),
        (Some("3"), Some("1")),
    );

    t.ok("inside: close the files", guest.ask(close_all)?);
    t.equal("outside: given back", usage(xid)?, (0, 0, 3, 1));
    t.gives("reset_hits", context::bare(vcmd::RESET_HITS, xid), 0);
    t.gives("reset_minmax", context::bare(vcmd::RESET_MINMAX, xid), 0);
    t.equal("after the resets", usage(xid)?, (0, 0, 0, 0));
    Ok(())
}

fn parts_of_files(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    let file = i64::from(guest.ask(new_file)?.need("a file")?);
    let mut ranges = Ranges { guest, file };
    t.ok("two locks", limit(xid, 2));
    t.ok("inside: a range", ranges.lock(F_WRLCK, 0, 100)?);
    t.ok("inside: another", ranges.lock(F_WRLCK, 200, 100)?);
    t.refused(
        "inside: a third",
        ranges.lock(F_WRLCK, 400, 100)?,
        libc::ENOLCK,
    );
    let by_file = [file, i64::from(F_WRLCK), 600, 100, 1];
    t.refused(
        "inside: a third, of the open file",
        ranges.guest.call(range, &by_file)?,
        libc::ENOLCK,
    );
    t.equal("outside: value and hits", usage(xid)?, (2, 0, 2, 2));

    t.ok("inside: one that grows", ranges.lock(F_WRLCK, 100, 50)?);
    t.ok(
        "inside: one of another kind",
        ranges.lock(F_RDLCK, 200, 100)?,
    );
    t.ok("inside: its end is cut", ranges.lock(F_UNLCK, 280, 20)?);
    t.equal(
        "outside: as many, no hit",
        {
            let (value, _, _, hits) = usage(xid)?;
            (value, hits)
        },
        (2, 2),
    );
    t.refused(
        "inside: a hole makes two of one",
        ranges.lock(F_UNLCK, 50, 10)?,
        libc::ENOLCK,
    );
    t.ok("inside: two become one", ranges.lock(F_RDLCK, 0, 280)?);
    t.equal("outside: one", usage(xid)?.0, 1);
    t.ok("inside: a hole", ranges.lock(F_UNLCK, 50, 10)?);
    t.equal("outside: two", usage(xid)?.0, 2);

    t.ok("three locks", limit(xid, 3));
    t.refused(
        "inside: another kind in the middle makes three of one",
        ranges.lock(F_WRLCK, 20, 10)?,
        libc::ENOLCK,
    );
    t.ok("four locks", limit(xid, 4));
    t.ok(
        "inside: another kind in the middle",
        ranges.lock(F_WRLCK, 20, 10)?,
    );
    t.equal("outside: four", usage(xid)?.0, 4);
    t.ok("no lock", limit(xid, 0));
    t.ok(
        "inside: all is unlocked at once",
        ranges.lock(F_UNLCK, 0, 0)?,
    );
    t.equal("outside: none", usage(xid)?.0, 0);
    t.refused("inside: none", ranges.lock(F_WRLCK, 0, 1)?, libc::ENOLCK);
    t.ok("no limit", limit(xid, rlimit::INFINITY));
    t.ok("inside: one", ranges.lock(F_WRLCK, 0, 1)?);
    t.ok("inside: of the open file too", {
        let mine = ranges.guest.ask(new_file)?.need("a file")?;
        ranges
            .guest
            .call(range, &[i64::from(mine), i64::from(F_WRLCK), 0, 9, 1])?
    });
    t.equal("outside: two", usage(xid)?.0, 2);
    Ok(())
}

/// Locks are counted with the file, so that giving back concerns whom taking did.
fn whose_file(t: &mut Test) -> Outcome {
    let guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.ok("no lock", limit(xid, 0));
    let ours = locks::file().need("a file of the host")?;
    t.ok(
        "inside: a lock on a file that the host has opened",
        guest.enter(|| locks::flock(ours, LOCK_EX))?,
    );
    t.equal("outside: nothing is counted", usage(xid)?, (0, 0, 0, 0));
    t.refused(
        "control: inside: on its own file",
        guest.enter(|| locks::file().and_then(|fd| locks::flock(fd, LOCK_EX)))?,
        libc::ENOLCK,
    );
    sockets::close(ours);
    Ok(())
}

/// Threads that lock files at the same time: how many locks they have together.
fn together(w: &Words) -> Sys<u64> {
    let threads: Vec<_> = (0..w.numbers[0])
        .map(|_| {
            thread::spawn(|| {
                let mut count = 0;
                for _ in 0..40 {
                    let fd = locks::file()?;
                    if locks::flock(fd, LOCK_EX).is_ok() {
                        count += 1;
                    }
                }
                Ok(count)
            })
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().map_err(|_| libc::EPROTO)?)
        .sum()
}

fn at_once(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.ok("a hundred locks", limit(xid, 100));
    let had = guest.call(together, &[8])?.need("threads lock files")?;
    let (value, _, maximum, hits) = usage(xid)?;
    t.equal("outside: what they have", value, had);
    t.check("at least the limit", value >= 100);
    // Each of the other processors may have looked before the last one was counted.
    let processors = files::list("/sys/devices/system/cpu")
        .need("processors")?
        .iter()
        .filter(|name| {
            name.strip_prefix("cpu")
                .is_some_and(|n| n.parse::<u32>().is_ok())
        })
        .count() as u64;
    t.check(
        &format!("no more than one too many for each processor: {value}"),
        value < 100 + processors,
    );
    t.equal("outside: highest is at most the limit", maximum, 100);
    t.equal("outside: refusals", u64::from(hits), 320 - had);
    Ok(())
}

fn nothing_left(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).flags(vxf::PERSISTENT).start()?;
    let xid = guest.xid();
    t.gives(
        "inside: twenty files",
        guest.call(lock_files, &[20])?,
        "20 0".to_owned(),
    );
    let file = guest.ask(new_file)?.need("a file")?;
    for start in 0..10 {
        let part = [i64::from(file), i64::from(F_WRLCK), 2 * start, 1, 0];
        guest.call(range, &part)?.need("a range")?;
    }
    t.equal("outside: thirty", usage(xid)?.0, 30);
    context::kill(xid, 0, libc::SIGKILL).need("the processes of the guest end")?;
    guest.wait()?;
    t.check(
        "nothing is left",
        wait::until(GONE_WITHIN, || usage(xid).is_ok_and(|now| now.0 == 0)),
    );
    t.equal("the highest is known", usage(xid)?.2, 30);
    Ok(())
}
