// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that happens soon.

use super::check::Stop;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Asks until `holds` says yes or the time is over; says whether it held.
pub fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// The least of some measurements of what is to be little, no more of them than needed to be below
/// `enough`. A machine that stands still for a moment adds to one of them, a fault to all.
pub fn least(
    enough: Duration,
    mut measure: impl FnMut() -> Result<Duration, Stop>,
) -> Result<Duration, Stop> {
    let mut least = measure()?;
    for _ in 1..4 {
        if least < enough {
            break;
        }
        least = least.min(measure()?);
    }
    Ok(least)
}
