// SPDX-License-Identifier: GPL-2.0

//! Thousands of contexts at the same time.

use super::cycles::brief;
use crate::harness::check::{Outcome, Test};
use crate::harness::{Need, Stop, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, files};
use libvserver::abi::{XID_MIN, vxf};
use std::time::{Duration, Instant};

/// Contexts of one measurement.
const BATCH: usize = 100;

pub fn run(t: &mut Test) -> Outcome {
    let count = t.scale().many();
    let outcome = create_and_look(t, count);
    // Whatever happened, no context stays.
    let started = Instant::now();
    let mut failed = 0;
    for xid in XID_MIN..XID_MIN + count {
        failed += u32::from(context::set_flags(xid, 0, vxf::PERSISTENT).is_err());
    }
    outcome?;
    t.equal("contexts that could not be ended", failed, 0);
    t.note(format!("ended in {:.1} s", started.elapsed().as_secs_f64()));
    t.check(
        "all of them are gone",
        wait::until(GONE_WITHIN * 3, || {
            context::all().is_ok_and(|all| all.is_empty())
        }),
    );
    Ok(())
}

fn memory() -> Sys<u64> {
    let text = files::read("/proc/meminfo")?;
    let kib = |name| {
        files::field(&text, name)
            .and_then(|value| value.split(' ').next())
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Ok(kib("Slab") + kib("Percpu") + kib("KernelStack"))
}

fn create_and_look(t: &mut Test, count: u32) -> Outcome {
    let before = memory().need("memory before")?;
    let mut batches: Vec<Duration> = Vec::new();
    let mut errors = Vec::new();
    let ids: Vec<u32> = (XID_MIN..XID_MIN + count).collect();
    for batch in ids.chunks(BATCH) {
        let started = Instant::now();
        for xid in batch {
            if let Err(error) = brief(*xid, vxf::INIT_SET | vxf::PERSISTENT)? {
                errors.push((*xid, error));
            }
        }
        batches.push(started.elapsed());
    }
    t.equal("contexts that could not be created", errors, Vec::new());
    let after = memory().need("memory after")?;
    let (first, last) = (
        median(&batches[..batches.len().min(5)]),
        median(&batches[batches.len().saturating_sub(5)..]),
    );
    t.note(format!(
        "{count} contexts; {BATCH} of them took {:.1} ms at first and {:.1} ms at the end, ratio {:.2}",
        first * 1e3,
        last * 1e3,
        last / first
    ));
    t.note(format!(
        "kernel memory per context: {} bytes",
        after.saturating_sub(before) * 1024 / u64::from(count)
    ));

    let mut listed = context::all().need("list contexts")?;
    listed.sort_unstable();
    t.check("all of them are listed", listed == ids);
    let missing = ids
        .iter()
        .filter(|xid| context::info(**xid).map(|info| info.xid) != Ok(**xid))
        .count();
    t.equal("contexts that are not found", missing, 0);
    let status = files::read("/proc/virtual/status").need("status")?;
    t.equal(
        "active contexts",
        files::field(&status, "#CActive"),
        Some(count.to_string().as_str()),
    );
    t.refused(
        "control: one that was not created",
        context::info(XID_MIN + count),
        libc::ESRCH,
    );
    t.equal(
        "control: create of an existing one",
        brief(XID_MIN, 0)?,
        Err(libc::EBUSY),
    );
    Ok::<(), Stop>(())
}

fn median(times: &[Duration]) -> f64 {
    let mut seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
