// SPDX-License-Identifier: GPL-2.0

//! Memory: who takes more than there may be is killed, and nobody else; what is locked or waits
//! for somebody to fill it is given back all the same.

use super::arena::{Arena, EMPTY, Marks};
use super::ledger::mebibytes;
use crate::harness::check::{Outcome, Test};
use crate::harness::{Need, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::area::{self, Area};
use crate::sys::block::{Disk, Swap};
use crate::sys::greed;
use crate::sys::{Sys, files, process};
use libvserver::abi::rlimit;

const MIB: usize = 1 << 20;

/// Takes so much and is there then.
fn take(mebibytes: usize) -> Sys<()> {
    let area = Area::map(mebibytes * MIB)?;
    area.touch();
    if area.intact() {
        Ok(())
    } else {
        Err(libc::EIO)
    }
}

/// Lets children do the same over and over; counts those that were killed.
fn children(marks: &Marks, body: impl Fn()) -> i32 {
    loop {
        match process::fork() {
            Ok(0) => {
                body();
                greed::leave(0)
            }
            Ok(pid) => {
                let status = marks.note(process::wait(pid)).unwrap_or(0);
                if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL {
                    marks.killed();
                }
            }
            Err(error) => {
                let _ = marks.note(Err::<(), _>(error));
            }
        }
        marks.round();
    }
}

/// A guest without swap space: one task is killed, or all of them, as its control group says.
pub fn without_swap(t: &mut Test) -> Outcome {
    let mut arena = Arena::set_up(t, &[])?;
    t.ok(
        "control: inside: less than that can be had",
        arena.hostile.ask(|| take(24))?,
    );
    t.equal("control: nobody is killed", arena.hostile.oom_kills(), 0);

    let attack = arena
        .hostile
        .attack(|marks| children(marks, || _ = take(200)))?;
    t.check("one task: it goes on", attack.does(2));
    arena.holds(t, "one task")?;
    t.check(
        "one task: inside: all that took too much were killed",
        attack.marks.kills() + 1 >= attack.marks.rounds(),
    );
    t.check(
        "one task: and none but those",
        !attack.has_ended() && attack.marks.kills() >= 2,
    );
    let seen = attack.marks.kills();
    let kills = arena.hostile.oom_kills();
    t.check(
        &format!("one task: outside: the kills are counted: {kills}"),
        kills >= seen,
    );
    let peak = arena.hostile.group.number("memory.peak");
    t.check(
        &format!("one task: never more than there may be: {peak}"),
        peak <= 48 * MIB as u64,
    );
    arena.clears(t, "one task");
    drop(attack);

    arena.hostile.group.set("memory.oom.group", "1")?;
    let attack = arena.hostile.attack(|marks| {
        for _ in 0..5 {
            let _ = marks.note(process::sleeper());
        }
        children(marks, || _ = take(200))
    })?;
    t.check(
        "the whole guest: its tasks are killed together",
        wait::until(GONE_WITHIN * 3, || {
            attack.has_ended() && arena.hostile.has(rlimit::NPROC) == 0
        }),
    );
    t.equal(
        "the whole guest: inside: there were some",
        attack.marks.granted(),
        5,
    );
    t.equal(
        "the whole guest: outside: it is counted",
        arena.hostile.group.value("memory.events", "oom_group_kill"),
        1,
    );
    t.check(
        "the host works on",
        arena.host.answers()? <= t.scale().prompt(),
    );
    t.ok(
        "and so does the other guest",
        arena.victim.ask(|| take(24))?,
    );
    arena.ends(t)
}

/// A guest with swap space: it may fill its part of it, which is what others cannot lose.
pub fn with_swap(t: &mut Test) -> Outcome {
    // Memory of the guest; its part of the swap space; the swap space.
    let [memory, part, space] = t.scale().hostile_swap();
    let mut arena = Arena::set_up(
        t,
        &[
            ("memory.max", &format!("{memory}M")),
            ("memory.swap.max", &format!("{part}M")),
        ],
    )?;
    let disk = Disk::make("/run/hostile-swap", space).need("a disk")?;
    let swap = Swap::begin(&disk, space).need("swap space")?;
    let free = mebibytes("SwapFree")?;

    // Rounds that need more than the memory, and less than memory and swap space together.
    let attack = arena.hostile.attack(|marks| {
        let Ok(area) = Area::map((memory + memory / 2) * MIB) else {
            return 1;
        };
        loop {
            area.touch();
            let intact = if area.intact() {
                Ok(())
            } else {
                Err(libc::EIO)
            };
            let _ = marks.note(intact);
            marks.round();
        }
    })?;
    t.check("thrashing: it goes on", attack.does(1));
    arena.holds(t, "thrashing")?;
    let used = arena.hostile.group.number("memory.swap.current");
    t.check(
        &format!("thrashing: outside: it is in swap space, within its limit: {used}"),
        used > 0 && used <= (part * MIB) as u64,
    );
    t.equal(
        "thrashing: control: nobody is killed for it",
        arena.hostile.oom_kills(),
        0,
    );
    t.equal(
        "thrashing: inside: no page is lost",
        attack.marks.refused(),
        0,
    );
    arena.clears(t, "thrashing");
    drop(attack);

    let attack = arena
        .hostile
        .attack(|marks| children(marks, || _ = take(100)))?;
    t.check("too much for both: it goes on", attack.does(1));
    arena.holds(t, "too much for both")?;
    t.check(
        "too much for both: inside: who takes it is killed",
        attack.marks.kills() >= 1 && !attack.has_ended(),
    );
    // The first ones may be killed before their pages have reached it.
    t.check(
        "too much for both: outside: the limit of swap space was hit",
        wait::until(GONE_WITHIN * 3, || {
            arena.hostile.group.value("memory.swap.events", "max") > 0
        }),
    );
    t.check(
        "too much for both: there is swap space for others",
        mebibytes("SwapFree")? + part as u64 + 1 >= free,
    );
    arena.clears(t, "too much for both");
    drop(attack);
    // A page that was being written when its owner ended stays until somebody wants the memory.
    let back = wait::until(GONE_WITHIN, || {
        arena.hostile.group.reclaim();
        arena.hostile.group.number("memory.swap.current") <= EMPTY
            && mebibytes("SwapFree").is_ok_and(|now| now + 1 >= free)
    });
    t.check(
        &format!(
            "its swap space is given back: {} of {free} MiB are free",
            mebibytes("SwapFree")?
        ),
        back,
    );
    t.ok("swap space ends", swap.end());
    drop(swap);
    drop(disk);
    arena.ends(t)
}

/// Locked memory is no more than a process may lock, and counts like all other memory.
pub fn locked(t: &mut Test) -> Outcome {
    let mut arena = Arena::set_up(t, &[])?;
    let locked = mebibytes("Mlocked")?;
    let limit = process::prlimit_get(0, libc::RLIMIT_MEMLOCK).need("RLIMIT_MEMLOCK")?;
    let most = limit as usize;
    t.refused(
        "inside: lock more than a process may",
        arena
            .hostile
            .ask(|| Area::map(most + MIB).and_then(Area::lock))?,
        libc::ENOMEM,
    );
    t.refused(
        "inside: lock all, and have more then",
        arena
            .hostile
            .ask(|| area::lock_all().and_then(|()| Area::map(most).map(drop)))?,
        libc::EAGAIN,
    );
    t.ok(
        "control: inside: less than that",
        arena
            .hostile
            .ask(|| Area::map(most / 2).and_then(Area::lock))?,
    );
    t.ok(
        "control: the host may",
        crate::harness::subprocess(|| Area::map(most + MIB).and_then(Area::lock))?,
    );

    // Each takes what one may have; together that is more than the guest may.
    let attack = arena.hostile.attack(|marks| {
        for _ in 0..12 {
            match process::fork() {
                Ok(0) => children(marks, || {
                    let _ = Area::map(most / 4 * 3).and_then(Area::lock);
                    process::sleep_for_ever()
                }),
                other => marks.note(other).unwrap_or(0),
            };
        }
        process::sleep_for_ever()
    })?;
    t.check(
        "locked memory: inside: some are killed",
        wait::until(GONE_WITHIN * 3, || attack.marks.kills() > 0),
    );
    arena.holds(t, "locked memory")?;
    let now = mebibytes("Mlocked")?;
    t.check(
        &format!("locked memory: no more than the guest may have: {now} MiB"),
        now <= locked + 48,
    );
    arena.clears(t, "locked memory");
    t.check(
        "locked memory: it is given back",
        wait::until(GONE_WITHIN, || {
            mebibytes("Mlocked").is_ok_and(|now| now <= locked)
        }),
    );
    arena.ends(t)
}

const CAP_SYS_PTRACE: u64 = 19;

/// Tasks that wait for pages which never come, some of them in the middle of a system call.
pub fn never_filled(t: &mut Test) -> Outcome {
    if files::exists("/proc/sys/vm/unprivileged_userfaultfd").is_err() {
        return Err(crate::harness::Stop::Skip(
            "this kernel has no userfaultfd".into(),
        ));
    }
    let mut arena = Arena::set_up(t, &[("pids.max", "40")])?;
    let xid = arena.hostile.xid();
    context::set_bcaps(xid, 0, 1 << CAP_SYS_PTRACE).need("take the right away")?;
    let plain = |kernel| greed::userfaultfd(kernel).map(drop);
    t.refused(
        "inside, without the right: for faults of the kernel",
        arena.hostile.ask(|| plain(true))?,
        libc::EPERM,
    );
    t.ok(
        "control: inside: for its own",
        arena.hostile.ask(|| plain(false))?,
    );
    context::set_bcaps(xid, u64::MAX, 1 << CAP_SYS_PTRACE).need("give it back")?;
    t.ok(
        "control: inside, with the right",
        arena.hostile.ask(|| plain(true))?,
    );
    let attack = arena.hostile.attack(|marks| {
        loop {
            if let Ok(0) = marks.note(process::fork()) {
                wait_for_ever(marks.granted() % 2 == 0);
            }
            marks.round();
        }
    })?;
    t.check(
        "pages that never come: as many wait as may be",
        attack.is_refused(),
    );
    arena.holds(t, "pages that never come")?;
    t.equal(
        "pages that never come: inside: the error",
        attack.marks.errors(),
        vec![libc::EAGAIN],
    );
    // One that is refused counts until it is.
    t.check(
        "pages that never come: none of them got further",
        wait::until(GONE_WITHIN, || {
            arena.hostile.group.number("pids.current") == 40
        }),
    );
    arena.ends(t)
}

/// Touches a page that nobody fills, itself or in the kernel.
fn wait_for_ever(in_kernel: bool) -> ! {
    let result = greed::userfaultfd(true).and_then(|uffd| {
        let area = Area::map(MIB)?;
        area.delegate(uffd)?;
        if in_kernel {
            let file = std::fs::File::open("/proc/self/stat").map_err(|e| crate::sys::code(&e))?;
            area.filled_by_kernel(std::os::fd::AsRawFd::as_raw_fd(&file))?;
        } else {
            area.touch();
        }
        Ok(())
    });
    greed::leave(result.err().unwrap_or(0))
}
