// SPDX-License-Identifier: GPL-2.0

//! The clock of a guest: with VIRT_TIME it sets its own time of day, which all ways of asking and
//! waiting follow, and nobody else's.

use super::own_values::virt;
use crate::harness::check::{Outcome, Test};
use crate::harness::guest::Plan;
use crate::harness::{Guest, Need, Stop, Words, root, subprocess};
use crate::sys::clock::{self, SECOND};
use crate::sys::{Sys, files, process, spaces};
use libvserver::abi::{space, vxf};
use std::time::Instant;

/// Capabilities of the mask: all but SYS_TIME.
const NO_TIME: u64 = !(1 << 25);
/// The flag, and the one by which it is told its own time of the boot.
const FLAGS: u64 = vxf::VIRT_TIME | vxf::VIRT_CPU;
/// A day and something.
const AHEAD: i64 = 86_400 * SECOND + 250_000_000;
/// How far readings may be apart that are taken one after the other.
const NEAR: i64 = 3 * SECOND;
/// A wait of the guest.
const WAIT: i64 = 300_000_000;

/// A way to ask for the time of day.
type Way = (&'static str, fn() -> Sys<i64>);

const WAYS: &[Way] = &[
    ("clock_gettime", || clock::read(libc::CLOCK_REALTIME)),
    ("the coarse clock", || {
        clock::read(libc::CLOCK_REALTIME_COARSE)
    }),
    ("TAI", || clock::read(libc::CLOCK_TAI)),
    ("gettimeofday", clock::timeofday),
    ("the call clock_gettime", || {
        clock::ask(libc::CLOCK_REALTIME)
    }),
    ("the call for the coarse clock", || {
        clock::ask(libc::CLOCK_REALTIME_COARSE)
    }),
    ("the call for TAI", || clock::ask(libc::CLOCK_TAI)),
    ("the call gettimeofday", clock::ask_timeofday),
    #[cfg(target_arch = "x86_64")]
    ("the call time", clock::ask_time),
    ("adjtimex", clock::adjustment),
];

/// A way to set it inside.
type Setter = fn(&Words) -> Sys<()>;

/// A way to wait for a time of day.
type Waiting = (&'static str, fn(i64) -> Sys<()>);

const WAITS: &[Waiting] = &[
    ("clock_nanosleep", clock::sleep_until),
    ("a futex", clock::futex_until),
    ("a message queue", clock::receive_until),
    ("a timer on a descriptor", clock::timerfd_until),
];

pub fn run(t: &mut Test) -> Outcome {
    of_its_own(t)?;
    waits(t)?;
    further_namespaces(t)?;
    refusals(t)?;
    moves_with_the_host(t)
}

/// What the time of the host is, by the system call.
fn host() -> Result<i64, Stop> {
    clock::ask(libc::CLOCK_REALTIME).need("the time of the host")
}

fn way(w: &Words) -> Sys<i64> {
    (WAYS[w.int(0) as usize].1)()
}

fn set(w: &Words) -> Sys<()> {
    clock::set(w.numbers[0])
}

fn set_timeofday(w: &Words) -> Sys<()> {
    clock::set_timeofday(w.numbers[0])
}

fn mount_proc(_: &Words) -> Sys<()> {
    root::mount_proc()
}

/// A guest as planned that has its process file system.
fn started(t: &mut Test, plan: Plan) -> Result<Guest, Stop> {
    let mut guest = plan.start()?;
    t.ok("inside: /proc", guest.ask(mount_proc)?);
    Ok(guest)
}

/// A guest with a clock of its own.
fn with_clock(t: &mut Test) -> Result<Guest, Stop> {
    let plan = Guest::plan(t.xid()).flags(FLAGS).whole();
    started(t, plan)
}

/// When the machine was started, as a program of the guest reads it.
fn boot_time(_: &Words) -> Sys<i64> {
    let text = files::read("/proc/stat")?;
    let line = text.lines().find_map(|line| line.strip_prefix("btime "));
    let seconds: i64 = line
        .and_then(|number| number.parse().ok())
        .ok_or(libc::EINVAL)?;
    Ok(seconds * SECOND + clock::ask(libc::CLOCK_BOOTTIME)?)
}

/// The host sees its own time by all ways that the guest is asked by.
fn host_is_unmoved(t: &mut Test, what: &str, before: (i64, i64)) -> Outcome {
    for (name, ask) in WAYS {
        let boot = clock::ask(libc::CLOCK_BOOTTIME).need("the time since the boot")?;
        let want = before.0 + boot - before.1;
        if let Some(time) = t.ok(&format!("outside: {name}"), ask()) {
            t.check(
                &format!("outside: {name} {what}"),
                (time - want).abs() < NEAR,
            );
        }
    }
    Ok(())
}

fn both_clocks() -> Result<(i64, i64), Stop> {
    Ok((
        host()?,
        clock::ask(libc::CLOCK_BOOTTIME).need("the time since the boot")?,
    ))
}

/// The guest is told the time of the host and `ahead`, whichever way it asks.
fn is_ahead(t: &mut Test, guest: &mut Guest, ahead: i64) -> Outcome {
    for (index, (name, _)) in WAYS.iter().enumerate() {
        let answer = guest.call(way, &[index as i64])?;
        let want = host()? + ahead;
        if let Some(time) = t.ok(&format!("inside: {name}"), answer) {
            t.check(
                &format!("inside: {name} tells {time}, wanted {want}"),
                (time - want).abs() < NEAR,
            );
        }
    }
    let since_boot = guest.ask(boot_time)?;
    let want = host()? + ahead;
    if let Some(time) = t.ok("inside: the time of the boot", since_boot) {
        t.check(
            "inside: the time of the boot and the time since then",
            (time - want).abs() < NEAR,
        );
    }
    Ok(())
}

/// A guest that sets its clock: forwards, backwards, with a fraction, and back.
fn of_its_own(t: &mut Test) -> Outcome {
    let before = both_clocks()?;
    let mut guest = with_clock(t)?;
    let mut other = with_clock(t)?;
    let xid = guest.xid();

    is_ahead(t, &mut guest, 0)?;
    t.equal(
        "outside: its clock is that of the host",
        virt(xid)?.offset,
        0,
    );

    let plan: [(&str, i64, Setter); 4] = [
        ("clock_settime", AHEAD, set),
        ("settimeofday", -AHEAD, set_timeofday),
        ("settimeofday", 2 * AHEAD, set_timeofday),
        ("clock_settime", 0, set),
    ];
    for (name, ahead, call) in plan {
        let answer = guest.call(call, &[host()? + ahead])?;
        t.ok(&format!("inside: {name} by {ahead} ns"), answer);
        is_ahead(t, &mut guest, ahead)?;
        let offset = virt(xid)?.offset as i64;
        t.check(
            &format!("outside: an offset of {offset} ns, wanted {ahead}"),
            (offset - ahead).abs() < NEAR,
        );
        host_is_unmoved(t, "goes on", before)?;
    }

    // To the millisecond: what was set is what is read, not the second of it.
    let before = host()?;
    let time = before + AHEAD;
    t.ok("inside: to a fraction", guest.call(set, &[time])?);
    let late = host()? - before;
    let exact = virt(xid)?.offset as i64 - AHEAD;
    t.check(
        &format!("outside: set to the fraction, {exact} ns late"),
        (-late..=0).contains(&exact),
    );

    is_ahead(t, &mut other, 0)?;
    t.equal("outside: the other guest", virt(other.xid())?.offset, 0);
    Ok(())
}

/// Waits until a time of day of its own: how long that took, nanoseconds.
fn wait(w: &Words) -> Sys<i64> {
    let begin = Instant::now();
    (WAITS[w.int(0) as usize].1)(clock::read(libc::CLOCK_REALTIME)? + WAIT)?;
    i64::try_from(begin.elapsed().as_nanos()).map_err(|_| libc::ERANGE)
}

fn timer(_: &Words) -> Sys<i64> {
    clock::timer_left(clock::read(libc::CLOCK_REALTIME)? + 1000 * SECOND)
}

/// Who waits for a time of day waits for that of the guest: whether its clock is ahead or behind.
fn waits(t: &mut Test) -> Outcome {
    let mut guest = with_clock(t)?;
    // Wrong would be a day, or nothing.
    let late = 15 * SECOND;
    for ahead in [0, AHEAD, -AHEAD] {
        t.ok(
            &format!("inside: {ahead} ns ahead"),
            guest.call(set, &[host()? + ahead])?,
        );
        for (index, (name, _)) in WAITS.iter().enumerate() {
            let answer = guest.call(wait, &[index as i64])?;
            if let Some(took) = t.ok(&format!("inside: waits with {name}"), answer) {
                t.check(
                    &format!("inside: {name} took {took} ns"),
                    (WAIT..WAIT + late).contains(&took),
                );
            }
        }
        if let Some(left) = t.ok("inside: a timer", guest.ask(timer)?) {
            t.check(
                &format!("inside: it has {left} ns to go"),
                (1000 * SECOND - late..=1000 * SECOND).contains(&left),
            );
        }
    }
    for (name, wait) in WAITS {
        let begin = Instant::now();
        t.ok(&format!("outside: waits with {name}"), wait(host()? + WAIT));
        let took = begin.elapsed().as_nanos() as i64;
        t.check(
            &format!("outside: {name} took {took} ns"),
            (WAIT..WAIT + late).contains(&took),
        );
    }
    Ok(())
}

/// A time namespace that a task makes, with a child in it: what that reads.
fn in_another(_: &Words) -> Sys<i64> {
    spaces::unshare(space::TIME)?;
    subprocess(|| clock::read(libc::CLOCK_REALTIME)).map_err(|_| libc::ECHILD)?
}

/// What the guest makes for itself starts with its clock.
fn further_namespaces(t: &mut Test) -> Outcome {
    let plan = Guest::plan(t.xid()).flags(FLAGS).whole();
    let mut guest = started(t, plan.umask(space::TIME))?;
    t.ok("inside: sets it", guest.call(set, &[host()? + AHEAD])?);
    let answer = guest.ask(in_another)?;
    let want = host()? + AHEAD;
    if let Some(time) = t.ok("inside: in a namespace of its own", answer) {
        t.check("inside: its clock", (time - want).abs() < NEAR);
    }
    is_ahead(t, &mut guest, AHEAD)
}

fn set_zone(_: &Words) -> Sys<()> {
    clock::set_zone()
}

fn set_wrongly(_: &Words) -> Sys<()> {
    clock::set_wrongly()
}

/// `adjtimex(2)` that would move the clock.
fn adjust(w: &Words) -> Sys<()> {
    clock::adjust(w.numbers[0] as u32, 1).map(drop)
}

fn set_as_user(w: &Words) -> Sys<()> {
    process::become_user(1000)?;
    clock::set(w.numbers[0])
}

/// Who may not set it, and what cannot be set: nothing moves.
fn refusals(t: &mut Test) -> Outcome {
    let before = both_clocks()?;
    let time = before.0 + AHEAD;
    let mut guest = with_clock(t)?;
    t.refused("inside: no time", guest.ask(set_wrongly)?, libc::EINVAL);
    t.refused(
        "inside: before 1970",
        guest.call(set, &[-SECOND])?,
        libc::EINVAL,
    );
    t.refused("inside: the time zone", guest.ask(set_zone)?, libc::EPERM);
    for (name, modes) in [
        ("by an offset", libc::ADJ_SETOFFSET),
        ("slowly", libc::ADJ_OFFSET),
        ("its speed", libc::ADJ_FREQUENCY),
        ("the tick", libc::ADJ_TICK),
    ] {
        let answer = guest.call(adjust, &[i64::from(modes)])?;
        t.refused(&format!("inside: {name}"), answer, libc::EPERM);
    }
    t.refused(
        "inside: as a user",
        guest.call(set_as_user, &[time])?,
        libc::EPERM,
    );
    t.equal("outside: nothing is set", virt(guest.xid())?.offset, 0);

    let whole = |t: &mut Test| Guest::plan(t.xid()).whole();
    let cases = [
        (
            "without the capability",
            true,
            whole(t).flags(FLAGS).bcaps(NO_TIME),
        ),
        (
            "without the flag and the capability",
            true,
            whole(t).bcaps(NO_TIME),
        ),
        (
            "in the time namespace of the host",
            false,
            Guest::plan(t.xid()).flags(FLAGS),
        ),
    ];
    for (name, own_root, plan) in cases {
        let mut guest = match own_root {
            true => started(t, plan)?,
            false => plan.start()?,
        };
        for call in [set, set_timeofday] {
            let answer = guest.call(call, &[time])?;
            t.refused(&format!("inside: {name}"), answer, libc::EPERM);
        }
        is_ahead(t, &mut guest, 0)?;
        t.equal("outside: nothing is set", virt(guest.xid())?.offset, 0);
    }
    host_is_unmoved(t, "has not moved", before)
}

/// The host sets its own clock: that of the guest is as far ahead as before.
fn moves_with_the_host(t: &mut Test) -> Outcome {
    let mut guest = with_clock(t)?;
    t.ok("inside: sets it", guest.call(set, &[host()? + AHEAD])?);
    let before = both_clocks()?;
    t.ok(
        "outside: the host sets its own",
        clock::set(before.0 + 100 * SECOND),
    );
    let moved = is_ahead(t, &mut guest, AHEAD);
    let since = clock::ask(libc::CLOCK_BOOTTIME).need("the time since the boot")? - before.1;
    t.ok("outside: and sets it back", clock::set(before.0 + since));
    moved?;
    is_ahead(t, &mut guest, AHEAD)
}
