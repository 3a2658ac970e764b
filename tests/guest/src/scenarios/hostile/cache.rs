// SPDX-License-Identifier: GPL-2.0

//! Pages of files: what a guest reads and writes through the cache pushes out its own pages only,
//! and what it keeps in file systems in memory is its memory.

use super::arena::{Arena, Marks, Side};
use crate::harness::check::{Outcome, Stop, Test};
use crate::harness::{Need, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::block::{Buffer, Disk};
use crate::sys::{Sys, code, files, spaces};
use libvserver::abi::space;
use std::fs::File;
use std::io::Write;

const MIB: u64 = 1 << 20;
const BLOCKS_OF_A_MIB: usize = (1 << 20) / Buffer::LENGTH;

/// Reads so much of a disk through the cache.
fn read(disk: &Disk, mebibytes: usize) -> Sys<()> {
    let (file, mut buffer) = (disk.cached()?, Buffer::map()?);
    (0..mebibytes * BLOCKS_OF_A_MIB).try_for_each(|block| buffer.read(&file, block))
}

/// Reads a whole disk, writes a part of it and sees to it that it is written, without end.
fn wade(marks: &Marks, disk: &Disk, mebibytes: usize) -> Sys<()> {
    let (file, mut buffer) = (disk.cached()?, Buffer::map()?);
    loop {
        for block in 0..mebibytes * BLOCKS_OF_A_MIB {
            let _ = marks.note(buffer.read(&file, block));
            if block % 4 == 0 {
                let _ = marks.note(buffer.write(&file, block));
            }
            if block % 64 == 0 {
                file.sync_data().map_err(|e| code(&e))?;
                marks.round();
            }
        }
    }
}

fn cached(side: &Side) -> u64 {
    side.group.value("memory.stat", "file")
}

fn lost(side: &Side) -> u64 {
    side.group.value("memory.stat", "workingset_refault_file")
}

/// The cache of files.
pub fn pages(t: &mut Test) -> Outcome {
    const SIZE: usize = 32;
    let mut arena = Arena::set_up(t, &[("memory.max", "12M")])?;
    // The memory behind the disks is the host's.
    let disk = Disk::make("/run/hostile-disk", SIZE).need("a disk")?;
    let other = Disk::make("/run/victim-disk", 8).need("another disk")?;
    // An open descriptor keeps the cache of a disk.
    let _open = (disk.cached().need("open")?, other.cached().need("open")?);

    t.ok(
        "the other guest reads its files",
        arena.victim.ask(|| read(&other, 8))?,
    );
    // The kernel sums what its processors have counted now and then.
    t.check(
        "they are in the cache",
        wait::until(GONE_WITHIN, || cached(&arena.victim) >= 8 * MIB),
    );
    let before = (cached(&arena.victim), lost(&arena.victim));
    t.ok(
        "control: inside: what fits can be read",
        arena.hostile.ask(|| read(&disk, 4))?,
    );
    let attack = arena
        .hostile
        .attack(|marks| wade(marks, &disk, SIZE).err().unwrap_or(0))?;
    t.check("the cache: it goes on", attack.does(8));
    arena.holds(t, "the cache")?;
    t.equal("the cache: inside: no error", attack.marks.errors(), vec![]);
    let scanned = arena.hostile.group.value("memory.stat", "pgscan");
    t.check(
        &format!("the cache: outside: pages were taken from the guest: {scanned}"),
        scanned > 0,
    );
    let peak = arena.hostile.group.number("memory.peak");
    t.check(
        &format!("the cache: never more than there may be: {peak}"),
        peak <= 12 * MIB,
    );
    t.equal(
        "the cache: nobody is killed for it",
        arena.hostile.oom_kills(),
        0,
    );
    t.check(
        "the cache: the other guest has its pages",
        wait::until(GONE_WITHIN, || {
            (cached(&arena.victim), lost(&arena.victim)) == before
        }),
    );
    t.ok(
        "the cache: and reads them again",
        arena.victim.ask(|| read(&other, 8))?,
    );
    t.equal("the cache: without a disk", lost(&arena.victim), before.1);
    arena.clears(t, "the cache");
    drop(attack);
    drop((_open, disk, other));
    arena.ends(t)
}

/// Where a guest has a file system in memory, as its starter would mount it.
struct Mount(String);

impl Mount {
    fn make(name: &str, options: &str) -> Result<Self, Stop> {
        let path = format!("/run/{name}");
        files::mkdir(&path).need("a directory")?;
        files::mount("guest", &path, "tmpfs", 0, options).need("a file system")?;
        Ok(Self(path))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = files::detach(&self.0);
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Writes so many MiB into a file.
fn write(path: &str, mebibytes: usize) -> Sys<()> {
    let block = vec![1_u8; 64 << 10];
    let mut file = File::create(path).map_err(|e| code(&e))?;
    for _ in 0..mebibytes * 16 {
        file.write_all(&block).map_err(|e| code(&e))?;
    }
    Ok(())
}

/// Fills a file system with big and empty files and begins again.
fn fill(marks: &Marks, path: &str) -> i32 {
    for round in 0.. {
        let big = format!("{path}/big");
        let _ = marks.note(write(&big, 100));
        let mut number = 0;
        while marks
            .note(files::create(&format!("{path}/{round}-{number}"), ""))
            .is_ok()
        {
            number += 1;
        }
        for old in 0..number {
            let _ = std::fs::remove_file(format!("{path}/{round}-{old}"));
        }
        let _ = std::fs::remove_file(&big);
        marks.round();
    }
    0
}

/// File systems in memory.
pub fn in_memory(t: &mut Test) -> Outcome {
    spaces::unshare(space::MNT).need("a mount namespace")?;
    files::make_private().need("private mounts")?;
    let mut arena = Arena::set_up(t, &[("memory.max", "24M")])?;
    let small = Mount::make("hostile-small", "size=8m,nr_inodes=500")?;
    let large = Mount::make("hostile-large", "size=1g")?;
    let other = Mount::make("victim-files", "size=8m,nr_inodes=500")?;

    t.ok(
        "control: inside: less than there may be",
        arena.hostile.ask(|| {
            let path = format!("{}/file", small.0);
            write(&path, 4)?;
            std::fs::remove_file(&path).map_err(|e| code(&e))
        })?,
    );
    let attack = arena.hostile.attack(|marks| fill(marks, &small.0))?;
    t.check("with a size: it goes on", attack.does(1));
    arena.holds(t, "with a size")?;
    t.equal(
        "with a size: inside: the error, for bytes and for names",
        attack.marks.errors(),
        vec![libc::ENOSPC],
    );
    t.ok(
        "with a size: the other guest writes",
        arena
            .victim
            .ask(|| write(&format!("{}/file", other.0), 6))?,
    );
    t.equal(
        "with a size: nobody is killed for it",
        arena.hostile.oom_kills(),
        0,
    );
    t.check("with a size: all its tasks end", arena.hostile.end_tasks());
    drop((attack, small));

    // Larger than what the guest may have: its files are its memory, and stay when who wrote them
    // is killed.
    let attack = arena.hostile.attack(|marks| {
        let path = format!("{}/big", large.0);
        let _ = marks.note(write(&path, 200));
        0
    })?;
    t.check(
        "without one: inside: who writes too much is killed",
        wait::until(GONE_WITHIN * 3, || attack.has_ended()),
    );
    t.equal("and got no further", attack.marks.granted(), 0);
    t.check(
        "without one: outside: it is counted",
        arena.hostile.oom_kills() > 0,
    );
    t.check(
        "without one: its files count",
        arena.hostile.group.value("memory.stat", "shmem") > 16 * MIB,
    );
    t.ok(
        "without one: the other guest reads what it wrote",
        arena.victim.ask(|| {
            std::fs::read(format!("{}/file", other.0))
                .map(drop)
                .map_err(|e| code(&e))
        })?,
    );
    t.ok("without one: the host writes", write("/tmp/host-file", 8));
    let _ = std::fs::remove_file("/tmp/host-file");
    // What the end of its mount namespace does.
    drop((attack, large, other));
    arena.ends(t)
}
