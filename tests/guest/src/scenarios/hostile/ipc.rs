// SPDX-License-Identifier: GPL-2.0

//! Objects of System V and POSIX IPC, which outlive who made them: counted and refused where the
//! context has a limit, else the memory of the guest, and gone with its namespace.

use super::arena::{Arena, Marks};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Stop, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, greed, ipc};
use libvserver::abi::{rlimit, space};

/// Pages of shared memory that the hostile guest may have.
const PAGES: u64 = 960;

pub fn run(t: &mut Test) -> Outcome {
    let bytes = t.scale().hostile(32 << 20).to_string();
    let mut arena = Arena::set_up(t, &[("memory.max", &bytes)])?;
    // Each process that enters is a guest of its own in this; what an attack makes stays with it.
    arena.hostile.spaces = space::IPC;
    arena.victim.spaces = space::IPC;
    for (name, make) in ACTS {
        t.ok(
            &format!("control: inside: {name}"),
            arena.hostile.ask(|| make(0))?,
        );
    }
    counted(t, &mut arena)?;
    queues(t, &mut arena)?;
    memory(t, &mut arena)?;
    arena.ends(t)
}

type Act = fn(u64) -> Sys<()>;

/// One more of each kind.
const ACTS: [(&str, Act); 4] = [
    ("shared memory", |_| greed::segment(32).map(drop)),
    ("semaphores", |_| greed::semaphores(500).map(drop)),
    ("message queues", |_| greed::full_queue().map(drop)),
    ("POSIX message queues", |number| {
        greed::message_queue(&format!("queue-{number}"))
    }),
];

/// Makes more and more, and does not stop when it is refused.
fn pile(marks: &Marks, act: Act) -> i32 {
    for number in 0.. {
        let _ = marks.note(act(number));
        marks.round();
    }
    0
}

/// Shared memory has a limit of the context.
fn counted(t: &mut Test, arena: &mut Arena) -> Outcome {
    let pages = t.scale().hostile(PAGES);
    arena.hostile.limit(rlimit::SHMEM, pages)?;
    let attack = arena.hostile.attack(|marks| pile(marks, ACTS[0].1))?;
    t.check("shared memory: it comes to its end", attack.is_refused());
    arena.holds(t, "shared memory")?;
    t.equal(
        "shared memory: inside: the error",
        attack.marks.errors(),
        vec![libc::ENOSPC],
    );
    t.equal(
        "shared memory: inside: what could be had",
        attack.marks.granted(),
        pages / 32,
    );
    t.equal(
        "shared memory: outside: as much as may be",
        arena.hostile.has(rlimit::SHMEM),
        pages,
    );
    t.check(
        "shared memory: outside: the refusals are counted",
        arena.hostile.hits(rlimit::SHMEM) > 0,
    );
    others_can(t, arena, "shared memory", ACTS[0].1)?;
    arena.clears(t, "shared memory");
    arena.hostile.limit(rlimit::SHMEM, rlimit::INFINITY)
}

/// POSIX message queues have the limit of the user.
fn queues(t: &mut Test, arena: &mut Arena) -> Outcome {
    let attack = arena.hostile.attack(|marks| pile(marks, ACTS[3].1))?;
    t.check("POSIX queues: it comes to its end", attack.is_refused());
    arena.holds(t, "POSIX queues")?;
    t.equal(
        "POSIX queues: inside: the error",
        attack.marks.errors(),
        vec![libc::EMFILE],
    );
    arena.clears(t, "POSIX queues");
    t.check(
        "POSIX queues: and there is room again",
        wait::until(GONE_WITHIN, || {
            arena
                .hostile
                .ask(|| ACTS[3].1(0))
                .is_ok_and(|made| made.is_ok())
        }),
    );
    Ok(())
}

/// What has no limit of its own is the memory of the guest. The objects are no task's, so all tasks
/// are killed in the end, and the namespace goes with the last one.
fn memory(t: &mut Test, arena: &mut Arena) -> Outcome {
    for (name, act) in &ACTS[..3] {
        let kills = arena.hostile.oom_kills();
        let attack = arena.hostile.attack(|marks| pile(marks, *act))?;
        t.check(
            &format!("{name} without a limit: inside: who makes them is killed"),
            wait::until(GONE_WITHIN * 3, || attack.has_ended()),
        );
        t.check(
            &format!(
                "{name} without a limit: after some time: {}",
                attack.marks.granted()
            ),
            attack.marks.granted() > 20,
        );
        t.check(
            &format!("{name} without a limit: outside: it is counted"),
            arena.hostile.oom_kills() > kills,
        );
        others_can(t, arena, name, *act)?;
        let answer = arena.host.answers()?;
        t.check(
            &format!("{name} without a limit: the host answers: {answer:.0?}"),
            answer <= t.scale().prompt(),
        );
        arena.clears(t, &format!("{name} without a limit"));
    }
    Ok(())
}

fn others_can(t: &mut Test, arena: &Arena, name: &str, act: Act) -> Result<(), Stop> {
    t.ok(
        &format!("{name}: another guest can"),
        arena.victim.ask(|| act(0))?,
    );
    t.ok(
        &format!("{name}: and the host"),
        crate::harness::subprocess(|| {
            crate::sys::spaces::unshare(space::IPC)?;
            act(0)?;
            ipc::Kind::Semaphore.create(4711).map(drop)
        })?,
    );
    Ok(())
}
