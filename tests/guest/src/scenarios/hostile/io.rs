// SPDX-License-Identifier: GPL-2.0

//! Transfers: a guest that reads, writes and waits for both without end, on the disk that another
//! guest uses.
//!
//! The disk is a file in memory behind a loop device: there is no head to move and no queue to
//! fill, so what is tested is the ceiling of `io.max`, and that the processors, which carry all of
//! it, are shared. Weights of disks, write-back of file systems and a disk that is short are in
//! `disk.rs`.

use super::arena::{Arena, Attack, Marks};
use crate::harness::check::{Outcome, Stop, Test};
use crate::harness::{Need, wait};
use crate::limits::{Flavour, GONE_WITHIN};
use crate::sys::block::{Buffer, Disk};
use crate::sys::{Sys, code, process};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SIZE: usize = 16;
const BLOCKS: usize = SIZE * (1 << 20) / Buffer::LENGTH;
/// Bytes per second in each direction.
const RATE: u64 = 2 << 20;

/// Four processes, each writes and reads past the cache and waits until it is there.
fn storm(marks: &Marks, disk: &Disk) -> Sys<()> {
    for _ in 0..3 {
        if process::fork()? == 0 {
            break;
        }
    }
    let (file, mut buffer) = (disk.direct()?, Buffer::map()?);
    loop {
        for block in BLOCKS / 2..BLOCKS {
            let _ = marks.note(buffer.write(&file, block));
            let _ = marks.note(buffer.read(&file, block));
            if block % 8 == 0 {
                file.sync_all().map_err(|e| code(&e))?;
            }
            marks.round();
        }
    }
}

/// What the other guest has to do: 4 MiB written, then read. How long it took, in microseconds.
fn work(disk: &Disk) -> Sys<u64> {
    let (file, mut buffer) = (disk.direct()?, Buffer::map()?);
    let from = Instant::now();
    for block in 0..BLOCKS / 4 {
        buffer.write(&file, block)?;
    }
    file.sync_all().map_err(|e| code(&e))?;
    for block in 0..BLOCKS / 4 {
        buffer.read(&file, block)?;
    }
    Ok(from.elapsed().as_micros() as u64)
}

/// The best times without and with the attack, by turns, so that whatever else the machine does is
/// in both; no more of them than it takes to be within `factor`.
fn compare(arena: &Arena, disk: &Disk, factor: f64) -> Result<(u64, u64), Stop> {
    let group = &arena.hostile.group;
    let (mut alone, mut beside) = (u64::MAX, u64::MAX);
    for _ in 0..9 {
        group.set("cgroup.freeze", "1")?;
        let frozen = wait::until(GONE_WITHIN, || group.value("cgroup.events", "frozen") == 1);
        frozen.then_some(()).need("an attack that is frozen")?;
        alone = alone.min(arena.victim.ask(|| work(disk))?.need("work")?);
        group.set("cgroup.freeze", "0")?;
        // Until it is under way again.
        sleep(Duration::from_millis(150));
        beside = beside.min(arena.victim.ask(|| work(disk))?.need("work")?);
        if beside as f64 <= alone as f64 * factor {
            break;
        }
    }
    Ok((alone, beside))
}

/// Bytes in each direction in some time, and that time in seconds.
fn moved(attack: &Attack, span: Duration) -> (f64, f64) {
    let (rounds, from) = (attack.marks.rounds(), Instant::now());
    sleep(span);
    let bytes = (attack.marks.rounds() - rounds) as f64 * Buffer::LENGTH as f64;
    (bytes, from.elapsed().as_secs_f64())
}

pub fn run(t: &mut Test) -> Outcome {
    let mut arena = Arena::set_up(t, &[])?;
    let disk = Disk::make("/run/hostile-disk", SIZE).need("a disk")?;
    t.ok(
        "control: inside: transfers",
        arena.hostile.ask(|| work(&disk).map(drop))?,
    );
    let attack = arena
        .hostile
        .attack(|marks| storm(marks, &disk).err().unwrap_or(0))?;
    t.check("transfers: they go on", attack.does(8));
    let limited = arena.hostile.group.has("io.max");
    if limited {
        let (bytes, time) = moved(&attack, Duration::from_millis(500));
        t.check(
            &format!("control: without a limit there are more: {bytes} in {time:.2} s"),
            bytes > 2.0 * RATE as f64 * time,
        );
        let number = disk.number().need("its number")?;
        arena
            .hostile
            .group
            .set("io.max", &format!("{number} rbps={RATE} wbps={RATE}"))?;
        // What was under way has the old limit.
        sleep(Duration::from_millis(200));
    } else {
        t.skip("io.max", "this kernel does not limit transfers");
    }
    // Who shares two processors with four others has half of them.
    let factor = match t.scale().flavour {
        Flavour::Release if limited => 1.5,
        _ => 8.0,
    };
    let (alone, beside) = compare(&arena, &disk, factor)?;
    t.check(
        &format!("transfers: the other guest: {beside} us, alone {alone} us"),
        beside as f64 <= alone as f64 * factor,
    );
    let answer = arena.host.answers()?;
    t.check(
        &format!("transfers: the host answers: {answer:.0?}"),
        answer <= t.scale().prompt(),
    );
    t.equal("transfers: inside: no error", attack.marks.errors(), vec![]);
    if limited {
        let (bytes, time) = moved(&attack, Duration::from_secs(1));
        // Slices of a tenth of a second may be used up at both ends.
        let most = RATE as f64 * (time * 1.1 + 0.2);
        t.check(
            &format!("transfers: outside: no more than there may be: {bytes} of {most:.0}"),
            bytes <= most && bytes > 0.0,
        );
    }
    arena.clears(t, "transfers");
    drop(attack);
    drop(disk);
    arena.ends(t)
}
