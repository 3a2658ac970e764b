// SPDX-License-Identifier: GPL-2.0

//! The work of a guest that is not to starve: threads on each processor that compute and say what
//! time they got.
//!
//! The threads stay where they are, as those of a database would: how soon the kernel spreads them
//! is another matter than how much the guest gets on each processor. Usually there are two for each,
//! because the weight of a group is scaled by the threads that it can run, up to the number of
//! processors, and rounded down (`cgroup_mode` in debugfs, "concur"): who has fewer threads than a
//! hostile guest has a part of the processors that they run on, not of all.

use super::arena::Side;
use crate::harness::check::{Outcome, Stop};
use crate::harness::{Child, Need, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::memory::Shared;
use crate::sys::{greed, sched};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A process that computes.
pub struct Work {
    child: Child,
    xid: u32,
    times: Shared,
}

impl Work {
    /// Starts it in a guest, with so many threads.
    pub fn start(side: &Side, threads: usize) -> Result<Self, Stop> {
        let processors = sched::processors() as usize;
        let times = Shared::map(threads).need("shared numbers")?;
        let child = side.start(|| {
            let numbers = times.numbers();
            std::thread::scope(|scope| {
                for (index, number) in numbers.iter().enumerate() {
                    scope.spawn(move || compute(index % processors, number));
                }
            });
            0
        })?;
        let begun = wait::until(GONE_WITHIN * 3, || {
            times
                .numbers()
                .iter()
                .all(|time| time.load(Ordering::Relaxed) > 0)
        });
        begun.then_some(()).need("threads that compute")?;
        Ok(Self {
            child,
            xid: side.xid(),
            times,
        })
    }

    /// The processor time that it got so far, on all processors.
    pub fn used(&self) -> Duration {
        let numbers = self.times.numbers().iter();
        Duration::from_nanos(numbers.map(|time| time.load(Ordering::Relaxed)).sum())
    }

    /// Ends it.
    pub fn end(mut self) -> Outcome {
        // Its guest has nothing else to do.
        context::kill(self.xid, 0, libc::SIGKILL).need("end the work of a guest")?;
        self.child.wait().map(drop)
    }
}

fn compute(cpu: usize, time: &AtomicU64) {
    if greed::pin(cpu).is_err() {
        return;
    }
    loop {
        // Short beside the spans in which this is looked at.
        for _ in 0..200 {
            std::hint::spin_loop();
        }
        time.store(greed::thread_used().as_nanos() as u64, Ordering::Relaxed);
    }
}
