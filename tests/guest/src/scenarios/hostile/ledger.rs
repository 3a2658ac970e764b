// SPDX-License-Identifier: GPL-2.0

//! What the machine has and has given away.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Need, Stop, wait};
use crate::limits::{GONE_WITHIN, Scale};
use crate::sys::files;

/// Values at a moment; memory in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Ledger {
    available: u64,
    slab: u64,
    files: u64,
    sockets: u64,
}

/// What may still be open or be opened by others: the scenario itself, PID 1.
const OTHERS: u64 = 16;

fn first(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

impl Ledger {
    /// Reads them.
    pub fn read() -> Result<Self, Stop> {
        let memory = files::read("/proc/meminfo").need("meminfo")?;
        let sockets = files::read("/proc/net/sockstat").need("sockstat")?;
        let number = |name| files::field(&memory, name).and_then(first).need(name);
        Ok(Self {
            available: number("MemAvailable")? + kept()?,
            slab: number("SUnreclaim")?,
            files: first(&files::read("/proc/sys/fs/file-nr").need("file-nr")?).need("file-nr")?,
            sockets: files::field(&sockets, "sockets")
                .and_then(|text| first(text.strip_prefix("used")?))
                .need("sockets in use")?,
        })
    }

    /// Checks that they are back near these values, once what is freed late is freed.
    pub fn comes_back(self, t: &mut Test, scale: Scale) -> Outcome {
        let slack = scale.hostile_slack();
        let mut now = Self::read()?;
        let mut look = |holds: &dyn Fn(&Self) -> bool| {
            let held = wait::until(GONE_WITHIN, || {
                now = Self::read().unwrap_or(now);
                holds(&now)
            });
            (held, now)
        };
        let (held, now) = look(&|now| now.files <= self.files + OTHERS);
        t.check(
            &format!("open files are back: {} of {}", now.files, self.files),
            held,
        );
        let (held, now) = look(&|now| now.sockets <= self.sockets + OTHERS);
        t.check(
            &format!("sockets are back: {} of {}", now.sockets, self.sockets),
            held,
        );
        let (held, now) = look(&|now| now.slab <= self.slab + slack);
        t.check(
            &format!("kernel memory is back: {} of {} KiB", now.slab, self.slab),
            held,
        );
        let (held, now) = look(&|now| now.available + slack >= self.available);
        t.check(
            &format!(
                "memory is back: {} of {} KiB",
                now.available, self.available
            ),
            held,
        );
        Ok(())
    }
}

/// Free pages that each processor keeps for itself, in KiB. They are not among those that are told
/// to be available, and there can be many of them when much was freed.
fn kept() -> Result<u64, Stop> {
    let zones = files::read("/proc/zoneinfo").need("zoneinfo")?;
    let counts = zones
        .lines()
        .filter_map(|line| first(line.trim().strip_prefix("count:")?));
    Ok(counts.sum::<u64>() * 4)
}

/// A value of `/proc/meminfo` in MiB.
pub fn mebibytes(name: &str) -> Result<u64, Stop> {
    let memory = files::read("/proc/meminfo").need("meminfo")?;
    let kib = files::field(&memory, name).and_then(first).need(name)?;
    Ok(kib / 1024)
}
