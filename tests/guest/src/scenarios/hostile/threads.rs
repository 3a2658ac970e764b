// SPDX-License-Identifier: GPL-2.0

//! A bomb of threads that all compute: it ends at the limit of the control group, or at that of
//! the context, and nobody else has fewer threads or less time.

use super::arena::{Arena, Attack, Marks};
use crate::harness::check::{Outcome, Test};
use crate::sys::{Sys, code};
use libvserver::abi::rlimit;
use std::time::Duration;

pub fn run(t: &mut Test) -> Outcome {
    let most = t.scale().hostile_threads();
    let mut arena = Arena::set_up(t, &[("pids.max", &most.to_string())])?;
    t.gives(
        "control: inside: fewer than that are made",
        arena.hostile.ask(|| threads(most / 2))?,
        most / 2,
    );
    t.equal(
        "control: nothing was refused",
        arena.hostile.group.value("pids.events", "max"),
        0,
    );
    let attack = arena.hostile.attack(bomb)?;
    explodes(t, &mut arena, &attack, "pids.max")?;
    t.equal(
        "pids.max: outside: as many tasks as may be",
        arena.hostile.group.number("pids.current"),
        most,
    );
    t.check(
        "pids.max: outside: it is counted",
        arena.hostile.group.value("pids.events", "max") > 0,
    );
    t.equal(
        "pids.max: the context refused nothing",
        arena.hostile.hits(rlimit::NPROC),
        0,
    );
    arena.clears(t, "pids.max");
    drop(attack);

    arena.hostile.group.set("pids.max", "max")?;
    arena.hostile.limit(rlimit::NPROC, most)?;
    let before = arena.hostile.group.value("pids.events", "max");
    let attack = arena.hostile.attack(bomb)?;
    explodes(t, &mut arena, &attack, "NPROC")?;
    t.equal(
        "NPROC: outside: as many threads as may be",
        arena.hostile.has(rlimit::NPROC),
        most,
    );
    t.check(
        "NPROC: outside: it is counted",
        arena.hostile.hits(rlimit::NPROC) > 0,
    );
    t.equal(
        "NPROC: the control group refused nothing",
        arena.hostile.group.value("pids.events", "max"),
        before,
    );
    arena.ends(t)
}

/// Makes threads that stay for a moment: how many there were.
pub fn threads(count: u64) -> Sys<u64> {
    let made: Vec<_> = (0..count)
        .map(|_| {
            std::thread::Builder::new()
                .stack_size(16 << 10)
                .spawn(|| std::thread::sleep(Duration::from_millis(20)))
        })
        .collect();
    let mut number = 0;
    for thread in made {
        thread
            .map_err(|error| code(&error))?
            .join()
            .map_err(|_| libc::EPIPE)?;
        number += 1;
    }
    Ok(number)
}

/// A thread that computes for ever.
pub fn burner() -> Sys<()> {
    std::thread::Builder::new()
        .stack_size(16 << 10)
        .spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        })
        .map(drop)
        .map_err(|error| code(&error))
}

/// Makes such threads and does not stop when it is refused.
fn bomb(marks: &Marks) -> i32 {
    loop {
        let _ = marks.note(burner());
        marks.round();
    }
}

fn explodes(t: &mut Test, arena: &mut Arena, attack: &Attack, what: &str) -> Outcome {
    let most = t.scale().hostile_threads();
    t.check(
        &format!("{what}: the bomb comes to its end"),
        attack.is_refused(),
    );
    arena.holds(t, what)?;
    t.equal(
        &format!("{what}: inside: the error"),
        attack.marks.errors(),
        vec![libc::EAGAIN],
    );
    t.equal(
        &format!("{what}: inside: threads that could be made"),
        attack.marks.granted(),
        most - 1,
    );
    t.gives(
        &format!("{what}: another guest makes as many as it wants"),
        arena.victim.ask(|| threads(most))?,
        most,
    );
    t.gives(&format!("{what}: the host too"), threads(most), most);
    Ok(())
}
