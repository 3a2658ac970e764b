// SPDX-License-Identifier: GPL-2.0

//! How fast the console of a guest is read. The one who reads is a process of the host, outside of
//! the limits of the guest: what is too much stays in the terminal, and the guest waits.

use std::time::{Duration, Instant};

/// Bytes per second.
const RATE: u64 = 256 << 10;
/// Bytes that are read at once after a time of silence: more than an init prints at its start.
const BURST: u64 = 1 << 20;
/// Bytes that are waited for when none are left, so that waiting is cheap as well.
const PORTION: u64 = 64 << 10;
/// What a read costs at least: one of a single byte takes as much time as one of many.
const LEAST: u64 = 256;

/// What may be read.
#[derive(Debug)]
pub(super) struct Throttle {
    left: u64,
    since: Instant,
}

impl Throttle {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: BURST,
            since: now,
        }
    }

    /// How long to wait before the next read of `length` bytes; none when it may be now.
    pub(super) fn wait(&mut self, length: usize, now: Instant) -> Option<Duration> {
        let elapsed = now.saturating_duration_since(self.since);
        // Whole milliseconds; the rest counts the next time.
        let msec = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.since += Duration::from_millis(msec);
        let earned = msec.saturating_mul(RATE) / 1000;
        self.left = self.left.saturating_add(earned).min(BURST);
        let missing = PORTION.max(length as u64) - self.left.min(PORTION);
        (self.left < length as u64).then(|| Duration::from_millis((missing * 1000).div_ceil(RATE)))
    }

    /// Counts what was read.
    pub(super) fn spend(&mut self, length: usize) {
        self.left = self.left.saturating_sub(LEAST.max(length as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads as much as possible for some seconds; returns the number of reads and of waits.
    fn read(length: usize, seconds: u64) -> (u64, u64) {
        let begin = Instant::now();
        let mut now = begin;
        let mut throttle = Throttle::new(begin);
        let (mut reads, mut waits) = (0, 0);
        while now < begin + Duration::from_secs(seconds) {
            match throttle.wait(4096, now) {
                Some(wait) => {
                    now += wait;
                    waits += 1;
                }
                None => {
                    throttle.spend(length);
                    reads += 1;
                }
            }
        }
        (reads, waits)
    }

    #[test]
    fn a_guest_that_prints_without_end_is_read_slowly() {
        let (reads, waits) = read(4096, 10);
        let bytes = reads * 4096;
        let expected = BURST + 10 * RATE;
        assert!(
            (expected - PORTION..=expected + PORTION).contains(&bytes),
            "{bytes}"
        );
        assert!(waits <= 50, "{waits}");
        let (reads, _) = read(1, 10);
        assert!(reads <= (expected + PORTION) / LEAST, "{reads}");
    }

    #[test]
    fn silence_is_not_saved_for_ever() {
        let begin = Instant::now();
        let mut throttle = Throttle::new(begin);
        let later = begin + Duration::from_secs(1_000_000);
        assert_eq!(throttle.wait(4096, later), None);
        throttle.spend(BURST as usize);
        assert!(throttle.wait(4096, later).is_some());
        assert_eq!(throttle.wait(4096, later + Duration::from_secs(1)), None);
    }
}
