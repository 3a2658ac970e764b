// SPDX-License-Identifier: GPL-2.0

//! Address space and locked memory: what a context has is what its processes have, however often
//! something comes and goes, and at the limit there is no more.

use super::context_limits::{set, stat};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, Words, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::area::{self, Area};
use crate::sys::memory::{Shared, page_size};
use crate::sys::{Sys, files, process};
use libvserver::abi::{rlimit, vcmd, vxf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

const CAP_IPC_LOCK: u64 = 14;

/// Pages that a program may have for itself while it is asked.
const NOISE: u64 = 90;

/// What the process has mapped. There is room, so that nothing is mapped to note it.
static AREAS: Mutex<Vec<Area>> = Mutex::new(Vec::new());

fn bytes(pages: i64) -> usize {
    pages as usize * page_size()
}

/// Maps up to `w[0]` areas of `w[1]` pages: how many, and what stopped it (0: nothing).
fn map_areas(w: &Words) -> Sys<(u64, i32)> {
    let mut areas = AREAS.lock().map_err(|_| libc::EPROTO)?;
    areas.reserve(64);
    for count in 0..w.numbers[0] {
        match Area::map(bytes(w.numbers[1])) {
            Ok(area) => areas.push(area),
            Err(error) => return Ok((count as u64, error)),
        }
    }
    Ok((w.numbers[0] as u64, 0))
}

fn unmap_areas(_: &Words) -> Sys<()> {
    let mut areas = AREAS.lock().map_err(|_| libc::EPROTO)?;
    areas.drain(..).try_for_each(Area::unmap)
}

/// Maps and unmaps `w[1]` pages, `w[0]` times.
fn come_and_go(w: &Words) -> Sys<()> {
    (0..w.numbers[0]).try_for_each(|_| Area::map(bytes(w.numbers[1])).and_then(Area::unmap))
}

/// The area with number `w[0]`.
fn area(w: &Words) -> Sys<Area> {
    let areas = AREAS.lock().map_err(|_| libc::EPROTO)?;
    areas.get(w.int(0) as usize).copied().ok_or(libc::ERANGE)
}

/// An area becomes `w[1]` pages long.
fn resize(w: &Words) -> Sys<()> {
    area(w)?.resize(bytes(w.numbers[1])).map(drop)
}

fn replace(w: &Words) -> Sys<()> {
    area(w)?.replace()
}

fn heap(w: &Words) -> Sys<()> {
    area::grow_heap(w.numbers[0] as isize * page_size() as isize)
}

/// Maps `w[0]` pages that are closed, and opens them.
fn reserve_and_open(w: &Words) -> Sys<()> {
    let area = Area::map_closed(bytes(w.numbers[0]))?;
    area.open().and_then(|()| area.unmap())
}

fn fork_sleeper(_: &Words) -> Sys<i32> {
    process::sleeper()
}

fn shared_sleeper(_: &Words) -> Sys<i32> {
    area::shared_sleeper()
}

fn end_child(w: &Words) -> Sys<i32> {
    process::kill(w.int(0), libc::SIGKILL)?;
    process::wait(w.int(0))
}

/// The present use and the refusals of a resource.
fn usage(xid: u32, resource: u32) -> Result<(u64, u32), Stop> {
    let found = stat(xid, resource).need("use of pages")?;
    Ok((found.value, found.hits))
}

/// What the kernel tells of one process: its pages of address space.
fn size(pid: i32) -> Result<u64, Stop> {
    let text = spectator(|| files::read(&format!("/proc/{pid}/statm")))?.need("statm")?;
    let word = text.split_whitespace().next().need("a size")?;
    word.parse()
        .map_err(|_| Stop::Fail(format!("no size: {text}")))
}

fn limit(xid: u32, resource: u32, number: u64) -> Sys<u32> {
    set(xid, resource, number, number)
}

pub fn run(t: &mut Test) -> Outcome {
    address_space(t)?;
    ways_to_grow(t)?;
    copies(t)?;
    at_once(t)?;
    locked(t)?;
    all_locked(t)?;
    whoever_may_lock(t)?;
    nothing_left(t)
}

fn address_space(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    let (first, hits) = usage(xid, rlimit::AS)?;
    t.equal("outside: what its process has", first, size(guest.pid())?);
    t.equal("outside: no hit", hits, 0);

    t.ok(
        "a thousand pages more",
        limit(xid, rlimit::AS, first + 1000),
    );
    for round in ["first", "again"] {
        let (count, error) = guest.call(map_areas, &[50, 100])?.need("areas")?;
        t.check(
            &format!("inside, {round}: as many as fit: {count}"),
            count == 9 || count == 10,
        );
        t.equal(&format!("inside, {round}: the error"), error, libc::ENOMEM);
        let (value, hits) = usage(xid, rlimit::AS)?;
        t.equal(
            &format!("outside, {round}: what its process has"),
            value,
            size(guest.pid())?,
        );
        t.check(
            &format!("outside, {round}: below the limit, and a hit"),
            value <= first + 1000 && value + 100 + NOISE > first + 1000 && hits > 0,
        );
        t.gives(
            &format!("another guest, {round}"),
            other.call(map_areas, &[20, 100])?,
            (20, 0),
        );
        t.ok(
            &format!("inside, {round}: unmap all"),
            guest.ask(unmap_areas)?,
        );
    }
    t.equal(
        "another guest: no hit",
        usage(other.xid(), rlimit::AS)?.1,
        0,
    );

    let (_, hits) = usage(xid, rlimit::AS)?;
    t.ok(
        "inside: what comes and goes does not add up",
        guest.call(come_and_go, &[2000, 700])?,
    );
    t.equal("outside: no hit", usage(xid, rlimit::AS)?.1, hits);
    t.gives("reset_minmax", context::bare(vcmd::RESET_MINMAX, xid), 0);
    let now = stat(xid, rlimit::AS).need("use")?;
    t.equal(
        "outside: lowest and highest are the present use",
        (now.minimum, now.maximum),
        (now.value, now.value),
    );

    let row = spectator(|| files::read(&format!("/proc/virtual/{xid}/limit")))?.need("limits")?;
    let row = row.lines().find(|line| line.starts_with("VM:"));
    t.equal(
        "in /proc/virtual: the value",
        row.and_then(|row| row.split_whitespace().nth(1)),
        Some(size(guest.pid())?.to_string().as_str()),
    );

    // What there is stays.
    t.ok("below the present use", limit(xid, rlimit::AS, first / 2));
    let (count, error) = guest.call(map_areas, &[1, 1])?.need("areas")?;
    t.equal("inside: nothing more", (count, error), (0, libc::ENOMEM));
    t.equal(
        "outside: it has what it had",
        usage(xid, rlimit::AS)?.0,
        size(guest.pid())?,
    );
    t.ok("no limit", limit(xid, rlimit::AS, rlimit::INFINITY));
    t.gives(
        "inside: everything",
        guest.call(map_areas, &[20, 1000])?,
        (20, 0),
    );
    Ok(())
}

fn ways_to_grow(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.gives("inside: an area", guest.call(map_areas, &[1, 100])?, (1, 0));
    t.ok("inside: a heap", guest.call(heap, &[50])?);
    let now = usage(xid, rlimit::AS)?.0;
    t.ok("four hundred pages more", limit(xid, rlimit::AS, now + 400));
    for (what, answer) in [
        ("an area grows", guest.call(resize, &[0, 600])?),
        ("the heap grows", guest.call(heap, &[500])?),
        (
            "pages that are closed",
            guest.call(reserve_and_open, &[500])?,
        ),
    ] {
        t.refused(&format!("inside: {what}"), answer, libc::ENOMEM);
    }
    t.check("outside: hits", usage(xid, rlimit::AS)?.1 >= 3);
    for (what, answer) in [
        ("the heap grows less", guest.call(heap, &[100])?),
        ("the heap shrinks", guest.call(heap, &[-100])?),
        (
            "closed pages are opened",
            guest.call(reserve_and_open, &[250])?,
        ),
    ] {
        t.ok(&format!("control: inside: {what}"), answer);
    }
    let now = usage(xid, rlimit::AS)?.0;
    t.ok("as it is", limit(xid, rlimit::AS, now));
    t.ok(
        "inside: one area in place of another",
        guest.call(replace, &[0])?,
    );
    t.ok("inside: an area shrinks", guest.call(resize, &[0, 50])?);
    t.equal("outside: less", usage(xid, rlimit::AS)?.0, now - 50);
    Ok(())
}

fn copies(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.gives("inside: areas", guest.call(map_areas, &[10, 100])?, (10, 0));
    let one = usage(xid, rlimit::AS)?.0;
    t.ok("half as much again", limit(xid, rlimit::AS, one * 3 / 2));
    t.refused("inside: fork", guest.ask(fork_sleeper)?, libc::ENOMEM);
    t.equal("outside: as much, a hit", usage(xid, rlimit::AS)?, (one, 1));
    let child = guest
        .ask(shared_sleeper)?
        .need("a process with the same memory")?;
    let now = usage(xid, rlimit::AS)?.0;
    t.equal("outside: it counts once", now, size(guest.pid())?);
    t.ok("inside: it ends", guest.on(end_child, child)?);

    t.ok(
        "twice as much and more",
        limit(xid, rlimit::AS, one * 5 / 2),
    );
    let child = guest.ask(fork_sleeper)?.need("inside: fork")?;
    t.equal(
        "outside: what both have",
        usage(xid, rlimit::AS)?.0,
        size(guest.pid())? + size(child)?,
    );
    t.refused("inside: one more", guest.ask(fork_sleeper)?, libc::ENOMEM);
    t.ok("inside: the child ends", guest.on(end_child, child)?);
    t.equal(
        "outside: what one has",
        usage(xid, rlimit::AS)?.0,
        size(guest.pid())?,
    );
    let child = guest.ask(fork_sleeper)?.need("inside: fork again")?;
    t.ok("inside: that one ends", guest.on(end_child, child)?);
    Ok(())
}

/// What the processes of [`at_once`] and this one tell each other: whether to begin, how many are
/// about it, and how much each has.
static TOLD: OnceLock<Shared> = OnceLock::new();

const PROCESSES: usize = 4;

/// Waits until it is told to begin, takes areas until one is refused, and stays.
fn take_in_turn(told: &[AtomicU64], index: usize, length: usize) -> ! {
    told[1].fetch_add(1, SeqCst);
    while told[0].load(SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    while Area::map(length).is_ok() {
        told[2 + index].fetch_add(1, SeqCst);
    }
    told[1].fetch_sub(1, SeqCst);
    process::sleep_for_ever()
}

/// Forks processes that take areas of `w[0]` pages.
fn start_takers(w: &Words) -> Sys<()> {
    let told = TOLD.get().ok_or(libc::EPROTO)?.numbers();
    for index in 0..PROCESSES {
        if process::fork()? == 0 {
            take_in_turn(told, index, bytes(w.numbers[0]));
        }
    }
    Ok(())
}

/// Processes that take what they get at the same time.
fn at_once(t: &mut Test) -> Outcome {
    const PART: i64 = 10;
    if TOLD.get().is_none() {
        let _ = TOLD.set(Shared::map(2 + PROCESSES).need("shared memory")?);
    }
    let told = TOLD.get().need("shared memory")?.numbers();
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.ok("inside: processes", guest.call(start_takers, &[PART])?);
    t.check(
        "inside: they wait",
        wait::until(GONE_WITHIN, || told[1].load(SeqCst) == PROCESSES as u64),
    );
    let before = usage(xid, rlimit::AS)?.0;
    t.ok("two thousand pages", limit(xid, rlimit::AS, before + 2000));
    told[0].store(1, SeqCst);
    t.check(
        "inside: each is refused something",
        wait::until(GONE_WITHIN, || told[1].load(SeqCst) == 0),
    );
    let had: u64 = told[2..].iter().map(|had| had.load(SeqCst)).sum();
    let value = usage(xid, rlimit::AS)?.0;
    t.equal("outside: what they have", value, before + had * PART as u64);
    let most = 2000 + (PROCESSES as u64 - 1) * PART as u64;
    t.check(
        &format!("no more than one area too many for each other one: {value}"),
        value + PART as u64 > before + 2000 && value <= before + most,
    );
    Ok(())
}

fn lock(w: &Words) -> Sys<()> {
    area(w)?.lock()
}

fn unlock(w: &Words) -> Sys<()> {
    area(w)?.unlock()
}

/// A locked mapping in place of an area.
fn replace_locked(w: &Words) -> Sys<()> {
    area(w)?.replace_locked()
}

/// A mapping of `w[0]` pages that is locked.
fn map_locked(w: &Words) -> Sys<()> {
    Area::map_locked(bytes(w.numbers[0])).and_then(Area::unmap)
}

/// A process that locks `w[0]` pages of its own and sleeps.
fn fork_locker(w: &Words) -> Sys<i32> {
    let child = process::fork()?;
    if child == 0 {
        let _ = Area::map(bytes(w.numbers[0])).and_then(Area::lock);
        process::sleep_for_ever()
    }
    Ok(child)
}

fn locked(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.equal(
        "outside: nothing at first",
        usage(xid, rlimit::MEMLOCK)?,
        (0, 0),
    );
    t.ok("a hundred pages", limit(xid, rlimit::MEMLOCK, 100));
    for guest in [&mut guest, &mut other] {
        t.gives("inside: areas", guest.call(map_areas, &[3, 60])?, (3, 0));
        t.ok("inside: one is locked", guest.call(lock, &[0])?);
    }
    t.refused("inside: another", guest.call(lock, &[1])?, libc::ENOMEM);
    t.ok("another guest: another", other.call(lock, &[1])?);
    t.equal(
        "outside: one, and a hit",
        usage(xid, rlimit::MEMLOCK)?,
        (60, 1),
    );
    t.equal(
        "another guest: both",
        usage(other.xid(), rlimit::MEMLOCK)?,
        (120, 0),
    );
    t.ok("inside: the same once more", guest.call(lock, &[0])?);
    t.refused(
        "inside: it grows",
        guest.call(resize, &[0, 160])?,
        libc::EAGAIN,
    );
    t.refused(
        "inside: a mapping that is locked",
        guest.call(map_locked, &[60])?,
        libc::EAGAIN,
    );
    t.refused(
        "inside: a locked mapping in place of one that is not",
        guest.call(replace_locked, &[1])?,
        libc::EAGAIN,
    );
    t.ok("inside: a small one", guest.call(map_locked, &[30])?);
    t.equal(
        "outside: one, and three hits more",
        usage(xid, rlimit::MEMLOCK)?,
        (60, 4),
    );
    // Locks are not inherited.
    let child = guest.ask(fork_sleeper)?.need("inside: fork")?;
    t.equal("outside: still one", usage(xid, rlimit::MEMLOCK)?.0, 60);
    let second = guest.call(fork_locker, &[30])?.need("inside: fork again")?;
    t.check(
        "outside: a second process has a part, too",
        wait::until(GONE_WITHIN, || {
            usage(xid, rlimit::MEMLOCK).is_ok_and(|now| now.0 == 90)
        }),
    );
    for pid in [child, second] {
        t.ok("inside: a child ends", guest.on(end_child, pid)?);
    }
    t.equal("outside: what one has", usage(xid, rlimit::MEMLOCK)?.0, 60);
    t.ok("inside: unlock it", guest.call(unlock, &[0])?);
    t.equal("outside: nothing", usage(xid, rlimit::MEMLOCK)?.0, 0);
    t.ok("inside: now another", guest.call(lock, &[1])?);
    t.ok("nothing", limit(xid, rlimit::MEMLOCK, 0));
    t.refused(
        "inside: nothing more",
        guest.call(lock, &[2])?,
        libc::ENOMEM,
    );
    t.ok("inside: but less", guest.call(unlock, &[1])?);
    Ok(())
}

fn all_locked(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.ok("forty pages", limit(xid, rlimit::MEMLOCK, 40));
    t.refused(
        "inside: all there is",
        guest.ask(|_| area::lock_present())?,
        libc::ENOMEM,
    );
    t.equal(
        "outside: nothing of it",
        usage(xid, rlimit::MEMLOCK)?,
        (0, 1),
    );
    t.refused(
        "inside: all there is and will be",
        guest.ask(|_| area::lock_all())?,
        libc::ENOMEM,
    );
    t.refused(
        "inside: all that will be, and too much then",
        guest.ask(|_| {
            area::lock_future()?;
            let answer = Area::map(bytes(60)).map(drop);
            area::unlock_all()?;
            answer
        })?,
        libc::EAGAIN,
    );
    t.gives(
        "inside: what fits is locked",
        guest
            .ask(|_| {
                area::lock_future()?;
                let area = Area::map(bytes(20))?;
                let now = files::read("/proc/self/status")?;
                area::unlock_all()?;
                area.unmap()?;
                files::field(&now, "VmLck")
                    .map(str::to_owned)
                    .ok_or(libc::EPROTO)
            })?
            .map(|told| told.trim().trim_end_matches(" kB").to_owned()),
        (bytes(20) / 1024).to_string(),
    );
    let whole = usage(xid, rlimit::AS)?.0;
    t.ok(
        "as much as there is",
        limit(xid, rlimit::MEMLOCK, whole + NOISE),
    );
    t.ok("inside: all there is", guest.ask(|_| area::lock_present())?);
    let (now, hits) = usage(xid, rlimit::MEMLOCK)?;
    t.check(
        &format!("outside: nearly all of {whole}: {now}"),
        now > whole / 2 && now <= whole + NOISE,
    );
    t.equal("outside: no hit more", hits, 3);
    t.ok(
        "inside: nothing is locked",
        guest.ask(|_| area::unlock_all())?,
    );
    t.equal("outside: nothing", usage(xid, rlimit::MEMLOCK)?.0, 0);
    Ok(())
}

/// A right that lifts the limit of a process does not lift that of its context.
fn whoever_may_lock(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).bcaps(1 << CAP_IPC_LOCK).start()?;
    let xid = guest.xid();
    let plenty = process::prlimit_get(0, libc::RLIMIT_MEMLOCK).need("RLIMIT_MEMLOCK")?;
    let plenty = plenty.min(64 << 20) as i64 / page_size() as i64 + 100;
    t.gives(
        "inside: an area",
        guest.call(map_areas, &[1, plenty])?,
        (1, 0),
    );
    t.ok(
        "control: inside: all of it is locked",
        guest.call(lock, &[0])?,
    );
    t.equal(
        "outside: all of it",
        usage(xid, rlimit::MEMLOCK)?.0,
        plenty as u64,
    );
    t.ok("inside: nothing of it", guest.call(unlock, &[0])?);
    t.ok("less", limit(xid, rlimit::MEMLOCK, plenty as u64 - 1));
    t.refused("inside: too much", guest.call(lock, &[0])?, libc::ENOMEM);
    t.equal("outside: nothing", usage(xid, rlimit::MEMLOCK)?, (0, 1));
    Ok(())
}

fn nothing_left(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).flags(vxf::PERSISTENT).start()?;
    let xid = guest.xid();
    t.gives("inside: areas", guest.call(map_areas, &[3, 60])?, (3, 0));
    t.ok("inside: one is locked", guest.call(lock, &[0])?);
    for resource in [rlimit::AS, rlimit::MEMLOCK] {
        t.ok("a limit", limit(xid, resource, 1_000_000));
        t.check("outside: some", usage(xid, resource)?.0 > 0);
    }
    context::kill(xid, 0, libc::SIGKILL).need("the processes of the guest end")?;
    guest.wait()?;
    for resource in [rlimit::AS, rlimit::MEMLOCK] {
        t.check(
            "nothing is left",
            wait::until(GONE_WITHIN, || {
                usage(xid, resource).is_ok_and(|now| now.0 == 0)
            }),
        );
        t.check(
            "the highest is known",
            stat(xid, resource).is_ok_and(|now| now.maximum >= 60),
        );
    }
    Ok(())
}
