// SPDX-License-Identifier: GPL-2.0

//! Counting instructions.
//!
//! Under `-icount shift=0` the machine's virtual clock advances by one nanosecond per instruction,
//! and the time stamp counter counts these nanoseconds. The difference of two readings is the number
//! of instructions between them. Only while the processor idles the clock jumps: the idle time must
//! be kept out of what is measured, or counted (see `filler`).

use std::arch::x86_64::{_mm_lfence, _rdtsc};
use std::io;

use crate::row::{Operation, Ticks};

/// A gap between two readings of the clock that only an interrupt makes, in instructions.
const GAP: u64 = 600;
/// Longest time without a timer interrupt that is waited for: four periods at 100 Hz.
const PATIENCE: u64 = 40_000_000;

/// The virtual clock: instructions since the machine started.
#[inline]
pub fn now() -> u64 {
    // SAFETY: both instructions exist on every x86-64 processor.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Virtual time in which deferred work is done: two grace periods and a margin.
const SETTLE: u64 = 40_000_000;
/// Rounds of the loop in [`spin`].
const ROUNDS: u64 = 50;

/// Knows when timer interrupts come and counts around them.
pub struct Meter {
    /// Instructions between two interrupts.
    period: u64,
    /// When one ended.
    last: u64,
    /// Instructions of one turn of [`spin_until`].
    turn: u64,
    /// Instructions of others in an idle machine while [`SETTLE`] passes.
    idle: u64,
}

impl Meter {
    /// Checks that the clock counts instructions and learns the rhythm of the machine.
    pub fn new() -> io::Result<Self> {
        check_clock()?;
        // What the boot left to be done wakes up a few times more.
        super::sys::sleep_ms(500);
        let mut ends = Vec::new();
        for _ in 0..21 {
            ends.push(
                interrupt_end().ok_or_else(|| {
                    io::Error::other("no timer interrupt for 40 ms of virtual time")
                })?,
            );
        }
        let (period, last) = rhythm(&ends);
        let mut meter = Self {
            period,
            last,
            turn: length_of_turn(),
            idle: 0,
        };
        let mut nothing = |_| Ok(());
        let mut others = Vec::new();
        for _ in 0..5 {
            others.push(meter.count_settled(0, &mut nothing)?);
        }
        meter.idle = median(others);
        Ok(meter)
    }

    /// Instructions (nanoseconds) between two timer interrupts.
    pub fn period(&self) -> u64 {
        self.period
    }

    /// Runs all batches of a row, after two that warm up.
    pub fn batches(
        &mut self,
        row: &Operation,
        run: &mut dyn FnMut(u32) -> io::Result<()>,
    ) -> io::Result<Vec<u64>> {
        let mut results = Vec::with_capacity(row.batches as usize);
        let mut longest = 0;
        for _ in 0..2 {
            longest = longest.max(count(row.count, run)?);
        }
        if row.ticks == Ticks::Settle {
            self.count_settled(0, run)?;
        }
        for _ in 0..row.batches {
            results.push(match row.ticks {
                Ticks::Avoid => {
                    self.find_room(longest);
                    let instructions = count(row.count, run)?;
                    longest = longest.max(instructions);
                    instructions
                }
                Ticks::Settle => self.count_settled(row.count, run)?,
            });
        }
        Ok(results)
    }

    /// Instructions of a batch and of all that it left to be done later.
    fn count_settled(
        &mut self,
        operations: u32,
        run: &mut dyn FnMut(u32) -> io::Result<()>,
    ) -> io::Result<u64> {
        self.next_tick();
        let start = now();
        run(operations)?;
        let spun = spin_until(now() + SETTLE) * self.turn;
        Ok((now() - start).saturating_sub(spun + self.idle))
    }

    /// Returns when `length` instructions fit before the next timer interrupt. A batch longer than
    /// the period starts right after an interrupt, so that all such batches see the same number.
    fn find_room(&mut self, length: u64) {
        let since = (now() - self.last) % self.period;
        let margin = margin(self.period);
        if since + length + margin < self.period && since > margin {
            return;
        }
        self.next_tick();
    }

    /// Returns right after a timer interrupt; others come and go unheeded.
    fn next_tick(&mut self) {
        while let Some(end) = interrupt_end() {
            let late = end - self.last;
            if distance(end, self.last, self.period) < margin(self.period) || late > 4 * self.period
            {
                self.last = end;
                return;
            }
        }
    }
}

/// Part of a period that covers the handler of the interrupt and what the meter itself executes.
fn margin(period: u64) -> u64 {
    period / 20
}

/// How far two moments are from being whole periods apart.
fn distance(one: u64, other: u64, period: u64) -> u64 {
    let apart = one.abs_diff(other) % period;
    apart.min(period - apart)
}

/// Period of the timer interrupt and the end of the last one, from the ends of interrupts, most of
/// which are of the timer.
fn rhythm(ends: &[u64]) -> (u64, u64) {
    let middle = median(ends.windows(2).map(|pair| pair[1] - pair[0]).collect());
    // The end of the handler wavers, the rate is one of the kernel's HZ values.
    let period = [100, 250, 300, 1000]
        .into_iter()
        .map(|hz| 1_000_000_000 / hz)
        .min_by_key(|period: &u64| period.abs_diff(middle))
        .unwrap_or(middle);
    let agreeing = |end: &&u64| {
        ends.iter()
            .filter(|other| distance(**end, **other, period) < margin(period))
            .count()
    };
    // The last one of those that most agree with.
    let last = ends.iter().max_by_key(agreeing).copied().unwrap_or(0);
    (period, last)
}

/// Instructions that `run` takes for `operations` operations.
fn count(operations: u32, run: &mut dyn FnMut(u32) -> io::Result<()>) -> io::Result<u64> {
    let start = now();
    run(operations)?;
    Ok(now() - start)
}

/// Executes some thousand instructions: long straight runs, which emulation is fastest at. A pause
/// instruction would be slow, it leaves the emulated processor each time.
#[inline(always)]
pub fn spin() {
    // SAFETY: the loop touches nothing but its own register.
    unsafe {
        std::arch::asm!(
            "2:",
            ".rept 100",
            "nop",
            ".endr",
            "dec {rounds}",
            "jnz 2b",
            rounds = inout(reg) ROUNDS => _,
            options(nomem, nostack),
        );
    }
}

/// Executes a known number of instructions per turn until `end`; returns the turns.
#[inline(never)]
fn spin_until(end: u64) -> u64 {
    let mut turns = 0;
    while now() < end {
        spin();
        turns += 1;
    }
    turns
}

/// Instructions of one turn of [`spin_until`], when no interrupt comes.
fn length_of_turn() -> u64 {
    // Shorter than the shortest period, so that most tries see no interrupt.
    const LENGTH: u64 = 500_000;
    (0..20)
        .map(|_| {
            let start = now();
            let turns = spin_until(start + LENGTH);
            (now() - start) / turns.max(1)
        })
        .min()
        .unwrap_or(0)
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

/// Spins until an interrupt has come and gone.
fn interrupt_end() -> Option<u64> {
    let start = now();
    let mut last = start;
    loop {
        let time = now();
        if time - last > GAP {
            return Some(time);
        }
        if time - start > PATIENCE {
            return None;
        }
        last = time;
    }
}

/// Fails unless a known number of instructions advances the clock by that number.
fn check_clock() -> io::Result<()> {
    const LENGTH: u64 = 1000;
    // The clock must not have counted more than the readings themselves beside the sequence.
    const SLACK: u64 = 20;
    let mut best = u64::MAX;
    for _ in 0..5 {
        let start = now();
        // SAFETY: does nothing.
        unsafe {
            std::arch::asm!(
                ".rept 1000",
                "nop",
                ".endr",
                options(nomem, nostack, preserves_flags)
            );
        }
        best = best.min(now() - start);
    }
    if (LENGTH..LENGTH + SLACK).contains(&best) {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "the clock does not count instructions: {LENGTH} of them took {best} units; \
             the machine must run under QEMU with -icount shift=0,sleep=off"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rhythm_ignores_other_interrupts() {
        let ends = [
            4_000_000, 8_000_100, 8_700_000, 12_000_000, 16_002_000, 20_000_000, 20_600_000,
        ];
        assert_eq!(rhythm(&ends), (4_000_000, 20_000_000));
        let fast = [5_000_000, 6_000_000, 7_000_050, 8_000_000];
        assert_eq!(rhythm(&fast), (1_000_000, 8_000_000));
    }

    #[test]
    fn distance_is_circular() {
        assert_eq!(distance(8_100, 100, 4_000), 0);
        assert_eq!(distance(7_900, 0, 4_000), 100);
        assert_eq!(distance(0, 4_100, 4_000), 100);
    }

    #[test]
    fn median_is_in_the_middle() {
        assert_eq!(median(vec![9, 1, 5]), 5);
    }
}
