// SPDX-License-Identifier: GPL-2.0

//! Load averages of a context (semantics.md, section 12, VIRT_LOAD).
//!
//! An average moves towards the threads that run or wait for a disk, by the part of its window that
//! has passed. The fraction is long enough that rounding does not show after any time.

use crate::sys::ratio;
#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use kernel::prelude::*;
use kernel::{
    bindings,
    time::NSEC_PER_SEC, //
};

/// Bits of an average behind the point.
const POINT: u32 = 32;

/// Bits behind the point of an average that user space reads.
const TOLD: u32 = 11;

const SECOND: u64 = NSEC_PER_SEC as u64;

/// An average is not computed again within this time.
const STEP: u64 = 5 * SECOND;

/// What the averages are over.
const WINDOWS: [u64; 3] = [60 * SECOND, 300 * SECOND, 900 * SECOND];

/// What the tasks of a context are about: `struct vs_load`.
#[repr(transparent)]
pub(crate) struct Load(pub(crate) bindings::vs_load);

impl Load {
    /// Brings the averages up to `now`, nanoseconds of the monotonic clock. The first time they
    /// are 0 until then.
    pub(crate) fn settle(&mut self, now: u64) {
        let load = &mut self.0;
        if load.last == 0 {
            load.last = now;
        }
        let passed = now.saturating_sub(load.last);
        if passed < STEP {
            return;
        }
        let active = (u64::from(load.running) + u64::from(load.unint)) << POINT;
        for (average, window) in load.average.iter_mut().zip(WINDOWS) {
            *average = after(*average, active, passed, window);
        }
        load.last = now;
        load.updates = load.updates.wrapping_add(1);
    }

    /// Threads that can run.
    pub(crate) fn running(&self) -> u32 {
        self.0.running
    }

    /// Threads in uninterruptible sleep.
    pub(crate) fn uninterruptible(&self) -> u32 {
        self.0.unint
    }

    /// How often the averages were computed; wraps around.
    pub(crate) fn updates(&self) -> u32 {
        self.0.updates
    }

    /// Averages of 1, 5 and 15 minutes, with 11 bits of fraction.
    pub(crate) fn averages(&self) -> [u32; 3] {
        self.0
            .average
            .map(|average| u32::try_from(average >> (POINT - TOLD)).unwrap_or(u32::MAX))
    }
}

/// The whole part and the hundredths of an average with 11 bits of fraction, rounded to the
/// nearest.
pub(crate) fn hundredths(average: u32) -> (u32, u32) {
    let average = average.saturating_add((1 << TOLD) / 200);
    let fraction = average & ((1 << TOLD) - 1);
    (average >> TOLD, (fraction * 100) >> TOLD)
}

/// An average after `passed` nanoseconds with `active`.
fn after(average: u64, active: u64, passed: u64, window: u64) -> u64 {
    if passed >= window {
        return active;
    }
    ratio::down(passed, active, window) + ratio::down(window - passed, average, window)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_load)]
mod tests {
    use super::*;

    const ONE: u64 = 1 << POINT;

    fn load(running: u32, unint: u32) -> Load {
        Load(bindings::vs_load {
            running,
            unint,
            last: 1,
            ..bindings::vs_load::default()
        })
    }

    #[test]
    fn an_average_moves_by_the_part_that_has_passed() {
        let mut one = load(3, 1);
        one.settle(1 + 15 * SECOND);
        assert_eq!(one.0.average[0], ONE);
        assert_eq!(one.averages(), [2048, 409, 136]);
        one.0.running = 0;
        one.0.unint = 0;
        one.settle(1 + 45 * SECOND);
        assert_eq!(one.0.average[0], ONE / 2);
        assert_eq!(one.updates(), 2);
    }

    #[test]
    fn nothing_is_computed_within_a_step() {
        let mut one = load(3, 0);
        one.settle(STEP);
        assert_eq!(one.averages(), [0; 3]);
        assert_eq!(one.updates(), 0);
        one.settle(STEP + 1);
        assert_eq!(one.averages()[0], 512);
        // The clock of another processor may be behind.
        one.settle(STEP);
        assert_eq!(one.updates(), 1);
    }

    #[test]
    fn the_first_time_begins_it() {
        let mut one = load(7, 0);
        one.0.last = 0;
        one.settle(1_000 * SECOND);
        assert_eq!(one.averages(), [0; 3]);
        one.settle(1_015 * SECOND);
        assert_eq!(one.averages()[0], 7 * 512);
    }

    #[test]
    fn a_whole_window_leaves_nothing_of_before() {
        let mut one = load(2, 0);
        one.settle(61 * SECOND);
        assert_eq!(one.averages()[0], 2 << TOLD);
        assert!(one.averages()[1] < 2 << TOLD);
        one.0.running = 0;
        one.settle(2_000 * SECOND);
        assert_eq!(one.averages(), [0; 3]);
    }

    #[test]
    fn what_is_steady_stays() {
        let mut one = load(1, 0);
        one.settle(1_000 * SECOND);
        for step in 1..2_000 {
            one.settle((1_000 + step * 5) * SECOND);
        }
        assert_eq!(one.averages().map(hundredths), [(1, 0); 3]);
    }

    #[test]
    fn hundredths_are_rounded() {
        assert_eq!(hundredths(0), (0, 0));
        assert_eq!(hundredths(1024), (0, 50));
        assert_eq!(hundredths(2047), (1, 0));
        assert_eq!(hundredths(3 * 2048 + 21), (3, 1));
        assert_eq!(hundredths(u32::MAX).0, u32::MAX >> TOLD);
    }

    #[test]
    fn any_number_of_threads_fits() {
        let mut one = load(u32::MAX, u32::MAX);
        one.settle(2_000 * SECOND);
        assert_eq!(one.averages(), [u32::MAX; 3]);
        one.settle(2_010 * SECOND);
        assert_eq!(one.averages(), [u32::MAX; 3]);
    }
}
