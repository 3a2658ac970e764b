// SPDX-License-Identifier: GPL-2.0

//! Processor time: many threads get no more than few, no class of scheduling helps, and a ceiling
//! holds beside the weight.

use super::arena::{Arena, Marks};
use super::threads::burner;
use crate::harness::check::{Outcome, Test};
use crate::sys::Sys;
use crate::sys::greed::{self, Class};
use crate::sys::sched::{self, Whose};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// So many threads compute; the first one tries every class that is above the others.
fn burn(marks: &Marks, threads: u64) -> i32 {
    for _ in 1..threads {
        let _ = burner();
    }
    loop {
        for class in Class::PRIVILEGED {
            let _ = marks.note(class.choose());
        }
        let _ = marks.note(greed::real_time_io());
        let _ = marks.note(sched::setpriority(Whose::Process, 0, -20));
        marks.round();
    }
}

fn lower_oneself() -> Sys<()> {
    for class in Class::ORDINARY {
        class.choose()?;
    }
    sched::setpriority(Whose::Process, 0, 19)
}

pub fn run(t: &mut Test) -> Outcome {
    let mut arena = Arena::set_up(t, &[])?;
    for class in Class::PRIVILEGED {
        t.refused(
            &format!("inside: {}", class.name),
            arena.hostile.ask(|| class.choose())?,
            libc::EPERM,
        );
        t.ok(
            &format!("control: the host: {}", class.name),
            crate::harness::subprocess(|| class.choose())?,
        );
    }
    t.refused(
        "inside: real-time I/O",
        arena.hostile.ask(greed::real_time_io)?,
        libc::EPERM,
    );
    t.refused(
        "inside: nice -20",
        arena
            .hostile
            .ask(|| sched::setpriority(Whose::Process, 0, -20))?,
        libc::EACCES,
    );
    t.ok(
        "control: inside: ordinary classes, and nice 19",
        arena.hostile.ask(lower_oneself)?,
    );

    let threads = t.scale().hostile_threads();
    let many = 2 * sched::processors();
    let fair = t.scale().fair();
    let more = fair * 1.6;
    // The measure can fail: in one group threads are what counts, and here it has one for each
    // processor.
    let crowd = arena.victim.attack(|marks| burn(marks, threads))?;
    t.check("control: a crowd in the guest itself", crowd.does(1));
    let share = arena.little(sched::processors(), fair * 0.8)?;
    t.check(
        &format!("control: takes its share away: {:.0} %", share * 100.0),
        share < fair * 0.8,
    );
    t.check("control: the crowd ends", arena.victim.end_tasks());
    drop(crowd);

    let attack = arena.hostile.attack(|marks| burn(marks, threads))?;
    t.check("a crowd: they compute", attack.does(1));
    arena.holds(t, &format!("{threads} threads"))?;
    t.equal(
        "a crowd: inside: the errors",
        attack.marks.errors(),
        vec![libc::EPERM, libc::EACCES],
    );
    t.equal(
        "a crowd: inside: no class is granted",
        attack.marks.granted(),
        0,
    );

    let share = arena.share(1, fair)?;
    t.check(
        &format!(
            "beside {threads} threads one has its share of its processor: {:.0} %",
            share * 100.0
        ),
        share >= fair,
    );

    // With weights 100 and 10 it is ten parts of eleven, which is 1.8 times the half.
    arena.hostile.group.set("cpu.weight", "10")?;
    let share = arena.share(many, more)?;
    t.check(
        &format!(
            "weight 10: the other guest gets more: {:.0} %",
            share * 100.0
        ),
        share >= more,
    );
    arena.hostile.group.set("cpu.weight", "100")?;

    arena.hostile.group.set("cpu.max", "20000 100000")?;
    ceiling(t, &mut arena, "cpu.max 20 %", more)?;
    t.check(
        "cpu.max 20 %: it was on hold",
        arena.hostile.group.value("cpu.stat", "nr_throttled") > 0,
    );
    arena.hostile.group.set("cpu.max", "max 100000")?;

    arena.hostile.bucket(20)?;
    ceiling(t, &mut arena, "a bucket for 20 %", more)?;
    t.check(
        "a bucket for 20 %: it was on hold",
        arena.hostile.on_hold()? > Duration::ZERO,
    );
    arena.ends(t)
}

/// Threads that may use a fifth of a processor, though all is idle, and what they leave.
fn ceiling(t: &mut Test, arena: &mut Arena, what: &str, more: f64) -> Outcome {
    sleep(Duration::from_millis(200));
    let mut part = f64::INFINITY;
    for _ in 0..4 {
        let (used, from) = (arena.hostile.group.used(), Instant::now());
        sleep(t.scale().span() * 2);
        let now = (arena.hostile.group.used() - used).as_secs_f64() / from.elapsed().as_secs_f64();
        part = part.min(now);
        // It is given out in slices, and taken back by a tick that may come late.
        if part < 0.3 {
            break;
        }
    }
    t.check(
        &format!("{what}: no more than that, though all is idle: {part:.2}"),
        part < 0.3,
    );
    // What the hostile guest may not use is the other's.
    let share = arena.share(2 * sched::processors(), more)?;
    t.check(
        &format!(
            "{what}: the other guest gets the rest: {:.0} %",
            share * 100.0
        ),
        share >= more,
    );
    Ok(())
}
