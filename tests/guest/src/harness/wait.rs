// SPDX-License-Identifier: GPL-2.0

//! Waiting for something that happens soon.

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
