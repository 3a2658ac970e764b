// SPDX-License-Identifier: GPL-2.0

//! Create and exit, over and over: nothing may be lost.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Need, Promise, Stop, context, slab};
use crate::limits::{Flavour, Scale};
use crate::machine::residue;
use crate::sys::{Sys, describe, process};
use libvserver::abi::{CtxCreate, XID_MAX, XID_MIN, vcmd, vxf};
use std::ffi::c_void;
use std::time::Instant;

/// One worker per processor of the test machine.
const WORKERS: u32 = 2;
/// Cycles without a context, for comparison.
const EMPTY: u32 = 500;

/// What the short-lived process gets and gives back.
struct Order {
    /// Without an id the process does nothing.
    xid: Option<u32>,
    data: CtxCreate,
    error: i32,
}

extern "C" fn obey(order: *mut c_void) -> libc::c_int {
    // SAFETY: `brief` passes a valid order and waits until this function is over.
    let order = unsafe { &mut *order.cast::<Order>() };
    if let Some(xid) = order.xid {
        order.error = context::with(vcmd::CTX_CREATE, xid, &mut order.data)
            .err()
            .unwrap_or(0);
    }
    0
}

/// Makes a context in a process that ends at once, and reaps the process.
pub fn brief(xid: u32, flags: u64) -> Result<Sys<()>, Stop> {
    short_lived(Some(xid), flags)
}

/// The process shares the caller's memory, which is ten times cheaper than a fork.
fn short_lived(xid: Option<u32>, flags: u64) -> Result<Sys<()>, Stop> {
    let mut stack = [0_u128; 1024];
    let mut order = Order {
        xid,
        data: CtxCreate { flagword: flags },
        error: 0,
    };
    // SAFETY: CLONE_VFORK suspends the caller until the process has ended, so it may use the
    // caller's memory; the stack is aligned and large enough for one system call.
    let pid = crate::sys::sys(unsafe {
        libc::clone(
            obey,
            stack.as_mut_ptr_range().end.cast(),
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            (&raw mut order).cast(),
        )
    })
    .need("short-lived process")?;
    process::wait(pid as i32).need("end of the short-lived process")?;
    Ok(match order.error {
        0 => Ok(()),
        error => Err(error),
    })
}

/// Runs cycles with ids from `first` on, each id once per round. Returns the failed ones.
fn work(first: u32, ids: u32, cycles: u32) -> Vec<(u32, i32)> {
    let mut failed = Vec::new();
    for cycle in 0..cycles {
        let xid = first + cycle % ids;
        match brief(xid, vxf::INIT_SET) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed.push((xid, error)),
            Err(_) => failed.push((xid, libc::ECHILD)),
        }
    }
    failed
}

/// Cycles of all workers.
fn rounds(t: &mut Test, cycles: u32) -> Outcome {
    let ids = (XID_MAX - XID_MIN + 1) / WORKERS;
    let workers = (0..WORKERS)
        .map(|n| Promise::start(move || work(XID_MIN + n * ids, ids, cycles / WORKERS)))
        .collect::<Result<Vec<_>, Stop>>()?;
    let mut failed = Vec::new();
    for worker in workers {
        failed.extend(worker.answer()?);
    }
    if let Some((xid, error)) = failed.first() {
        t.note(format!(
            "the first one that failed: id {xid}: {}",
            describe(*error)
        ));
    }
    t.equal(&format!("cycles that failed, of {cycles}"), failed.len(), 0);
    Ok(())
}

pub fn run(t: &mut Test) -> Outcome {
    let cycles = t.scale().cycles();
    let slack = Scale::slab_slack(cycles);
    // Fill the caches of the allocator first.
    rounds(t, cycles / 20)?;
    let started = Instant::now();
    for _ in 0..EMPTY {
        short_lived(None, 0)?.need("empty cycle")?;
    }
    t.note(format!(
        "a process without a context: {:.0} us",
        started.elapsed().as_secs_f64() * 1e6 / f64::from(EMPTY)
    ));

    let before = slab::unreclaimable()?;
    let started = Instant::now();
    rounds(t, cycles)?;
    let seconds = started.elapsed().as_secs_f64();
    t.note(format!(
        "{cycles} cycles in {seconds:.1} s, {:.0} us each on each of {WORKERS} processors",
        seconds * 1e6 / f64::from(cycles / WORKERS)
    ));

    // The same id at once: it must be free as soon as the process was reaped.
    t.equal(
        "failures with one id over and over",
        work(4711, 1, 200),
        Vec::new(),
    );

    let after = slab::unreclaimable()?;
    t.gives("objects that were not freed", residue::objects(), 0);
    t.note(format!(
        "unreclaimable slab: {before} KiB before, {after} KiB after"
    ));
    if t.scale().flavour == Flavour::Debug {
        // The address sanitizer quarantines freed objects, megabytes of them.
        t.note("slab use says nothing on this kernel, its leak detector judges at the end");
    } else {
        t.check(
            &format!("slab grew by less than {slack} KiB"),
            after < before + slack,
        );
    }
    Ok(())
}
