// SPDX-License-Identifier: GPL-2.0

//! A fork bomb inside ends with one `ctx_kill`.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Exit, Guest, Need, Words, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, errno, files, process};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// How long 2,000 forks may take.
const FILL_WITHIN: Duration = Duration::from_secs(120);

/// A counter that all processes of the bomb share.
fn counter() -> Sys<&'static AtomicI64> {
    // SAFETY: a new mapping, shared with children, zeroed, aligned, never unmapped.
    unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return Err(errno());
        }
        Ok(&*page.cast::<AtomicI64>())
    }
}

/// Starts a bomb and returns at once: every process forks until `w[0]` exist, then sleeps.
fn explode(w: &Words) -> Sys<()> {
    let (count, limit) = (counter()?, w.numbers[0]);
    // SAFETY: single-threaded; the children only fork, count and sleep.
    if crate::sys::sys(unsafe { libc::fork() })? != 0 {
        return Ok(());
    }
    count.fetch_add(1, Ordering::Relaxed);
    while count.fetch_add(1, Ordering::Relaxed) < limit {
        // SAFETY: as above.
        if unsafe { libc::fork() } < 0 {
            count.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: no precondition.
            unsafe { libc::sched_yield() };
        }
    }
    process::sleep_for_ever()
}

/// Starts processes that fork and exit for ever: at every moment some are being born.
fn roll(w: &Words) -> Sys<()> {
    for _ in 0..w.numbers[0] {
        // SAFETY: single-threaded; the children only fork and exit.
        unsafe {
            if crate::sys::sys(libc::fork())? == 0 {
                loop {
                    match libc::fork() {
                        0 => continue,
                        -1 => libc::sched_yield(),
                        _ => libc::_exit(0),
                    };
                }
            }
        }
    }
    Ok(())
}

/// Processes of a context, as the spectator sees them; zombies do not count.
fn alive(xid: u32) -> Sys<usize> {
    let mark = format!("VxID:\t{xid}\n");
    Ok(files::numbers("/proc")?
        .into_iter()
        .filter_map(|pid| files::read(&format!("/proc/{pid}/status")).ok())
        .filter(|status| status.contains(&mark) && !status.contains("\nState:\tZ"))
        .count())
}

pub fn run(t: &mut Test) -> Outcome {
    let tasks = t.scale().bomb();
    // Orphans go to PID 1, which reaps them meanwhile.
    process::adopt_orphans(false);
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    let started = Instant::now();
    guest
        .call(explode, &[i64::from(tasks)])?
        .need("light the bomb")?;
    let full = wait::until(FILL_WITHIN, || {
        context::stat(xid).is_ok_and(|stat| stat.tasks > tasks)
    });
    let reached = context::stat(xid).map(|stat| stat.tasks).unwrap_or(0);
    t.check(&format!("{tasks} tasks exist"), full);
    t.note(format!(
        "{reached} tasks after {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    // The claim comes before the process can be found.
    let mut seen = 0;
    let all = wait::until(GONE_WITHIN * 3, || {
        seen = spectator(|| alive(xid)).ok().and_then(Sys::ok).unwrap_or(0);
        seen >= tasks as usize
    });
    t.note(format!("the spectator sees {seen}"));
    t.check("the spectator sees them", all);
    end(t, xid, guest, "a full bomb")?;

    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    guest.call(roll, &[20])?.need("start rolling")?;
    std::thread::sleep(Duration::from_millis(500));
    t.check(
        "processes are born all the time",
        context::stat(xid).is_ok_and(|s| s.tasks > 1),
    );
    end(t, xid, guest, "one that never stops")
}

/// One signal ends everything.
fn end(t: &mut Test, xid: u32, mut guest: Guest, what: &str) -> Outcome {
    let started = Instant::now();
    t.ok(
        &format!("{what}: ctx_kill"),
        context::kill(xid, 0, libc::SIGKILL),
    );
    t.equal(
        &format!("{what}: the first process ended"),
        guest.wait()?,
        Exit::Signal(libc::SIGKILL),
    );
    let gone = wait::until(GONE_WITHIN * 6, || context::info(xid) == Err(libc::ESRCH));
    t.check(&format!("{what}: the context is gone"), gone);
    t.note(format!(
        "{what}: gone after {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    // The last claim goes a little before the end of do_exit().
    let mut left = Err(libc::ESRCH);
    wait::until(GONE_WITHIN, || {
        left = spectator(|| alive(xid)).unwrap_or(Err(libc::ESRCH));
        left == Ok(0)
    });
    t.gives(&format!("{what}: no task is left"), left, 0);
    Ok(())
}
