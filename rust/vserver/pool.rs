// SPDX-License-Identifier: GPL-2.0

//! The tokens of a context: how they come and go, and when its tasks are on hold (semantics.md,
//! section 11).
//!
//! Tokens are nanoseconds of processor time. A context has one pool, to which every processor that
//! is online adds its share. What is used beyond 0 is a debt that later tokens pay; what comes
//! beyond the maximum is lost. So over any time a context on hold gets what its rate says, exact
//! to a fraction of a nanosecond, however coarse the pieces are in which it runs.
//!
//! Idle time is a second clock with a rate of its own; `glue/idle.c` says when it goes on.

use crate::{
    abi::vxf,
    sys::ratio, //
};
#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use kernel::prelude::*;
use kernel::{
    bindings,
    time::NSEC_PER_SEC, //
};

/// Bits of a rate behind the point.
const POINT: u32 = 32;

/// Highest rate of one processor: 65,536 seconds in a second.
const RATE_MAX: u64 = 1 << 48;

/// Most tokens that one processor adds: six days.
const SHARE_MAX: u64 = 1 << 49;

/// Processors come and go without a word: a context on hold looks again after this time.
const LOOK_AGAIN: u64 = NSEC_PER_SEC as u64;

/// Nice steps that there are, and how many of a hundred of them the correction by the tokens covers.
const PRIORITIES: i64 = 40;
const CORRECTED: i64 = 50;

/// Processors that a kernel can be built for, as a power of 2.
const PROCESSORS: u32 = 13;

// The sums over all of them fit into a signed number.
const _: () = assert!(SHARE_MAX.leading_zeros() > PROCESSORS);

/// What a processor adds to the pool while it is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Nanoseconds per nanosecond, in 2^-32.
    pub(crate) rate: u64,
    /// The same of idle time.
    pub(crate) idle_rate: u64,
    /// Tokens with which a context on hold goes on, nanoseconds.
    pub(crate) min: i64,
    /// Tokens that there can be, nanoseconds.
    pub(crate) max: i64,
}

impl Share {
    /// The share by `tokens` per `interval` of ticks, with the minimum and maximum in ticks of
    /// `tick` nanoseconds, and nothing of idle time. Negative numbers count as 0. Values beyond six
    /// days or 65,536 times the time that passes are cut.
    pub(crate) fn new(tokens: i32, interval: i32, min: i32, max: i32, tick: u32) -> Self {
        let part = |ticks| nanoseconds(ticks, tick).clamp(0, SHARE_MAX as i64);
        Self {
            rate: rate(tokens, interval),
            idle_rate: 0,
            min: part(min),
            max: part(max),
        }
    }
}

/// Tokens per interval as nanoseconds per nanosecond, in 2^-32; cut as the share.
pub(crate) fn rate(tokens: i32, interval: i32) -> u64 {
    ratio::up(
        tokens.max(0).unsigned_abs().into(),
        1 << POINT,
        interval.max(1).unsigned_abs().into(),
    )
    .min(RATE_MAX)
}

/// What comes in at a rate in `elapsed` nanoseconds when there is a fraction already: whole
/// nanoseconds, and the new fraction.
fn gain(rate: u64, elapsed: u64, part: u32) -> (u64, u32) {
    let (whole, fraction) = (rate >> POINT, lower(rate));
    let rest = lower(elapsed) * fraction + u64::from(part);
    let gain = elapsed
        .saturating_mul(whole)
        .saturating_add((elapsed >> POINT) * fraction)
        .saturating_add(rest >> POINT);
    (gain, rest as u32)
}

/// Ticks of `tick` nanoseconds in nanoseconds.
pub(crate) fn nanoseconds(ticks: i32, tick: u32) -> i64 {
    i64::from(ticks) * i64::from(tick)
}

/// The pool, shared with C, which has the lock.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Pool(pub(crate) bindings::vs_pool);

impl Pool {
    /// Brings the pool up to `now` for a context with these flags that has run `used` nanoseconds
    /// since. `None` when its tasks may run, else when they may or should ask again: `u64::MAX`
    /// when nothing but a change of flags lets them. Any context, with the pool locked.
    pub(crate) fn settle(&mut self, flags: u64, now: u64, used: u64) -> Option<u64> {
        let pool = &mut self.0;
        // Used while the tokens came in, so before what is too much of them is lost.
        if flags & (vxf::SCHED_HARD | vxf::SCHED_PRIO) != 0 {
            pool.tokens = pool.tokens.saturating_sub_unsigned(used);
        }
        self.fill(now);
        let hold = self.hold(flags, now);
        self.0.held = hold.is_some();
        self.0.correction = self.correction(flags);
        hold
    }

    /// Adds what has come in since the last time.
    fn fill(&mut self, now: u64) {
        let pool = &mut self.0;
        // The clock that the scheduler can read may lag by a moment.
        let elapsed = now.saturating_sub(pool.last);
        pool.last = pool.last.max(now);

        let idle = pool.idle_now.saturating_sub(pool.idle_last);
        pool.idle_last = pool.idle_last.max(pool.idle_now);

        let (plain, part) = gain(pool.rate, elapsed, pool.part);
        let (more, idle_part) = gain(pool.idle_rate, idle, pool.idle_part);
        (pool.part, pool.idle_part) = (part, idle_part);
        let tokens = pool.tokens.saturating_add_unsigned(plain);
        pool.tokens = tokens.saturating_add_unsigned(more);
        if pool.tokens >= pool.max {
            pool.tokens = pool.max;
            (pool.part, pool.idle_part) = (0, 0);
        }
    }

    /// What the tokens add to the priority of the tasks, in nice steps: few tokens, less of it. 0
    /// without the flag, and below 0 as specified.
    fn correction(&self, flags: u64) -> i32 {
        // Fractions of the square of what is missing in the bucket.
        const ONE: u64 = 1 << 16;
        let pool = &self.0;
        if flags & vxf::SCHED_PRIO == 0 || pool.tokens < 0 || pool.max <= 0 {
            return 0;
        }
        let missing = pool.max.saturating_sub(pool.tokens).max(0).unsigned_abs();
        let part = ratio::down(missing, ONE, pool.max.unsigned_abs()).min(ONE);
        let square = (part * part) as i64 - (ONE * ONE / 4) as i64;
        (PRIORITIES * CORRECTED * square / (100 * (ONE * ONE) as i64)) as i32
    }

    /// Whether the context is on hold, and until when.
    fn hold(&mut self, flags: u64, now: u64) -> Option<u64> {
        let enough = self.0.min.min(self.0.max).max(1);
        let needed = if self.0.empty { enough } else { 1 };
        self.0.empty = flags & vxf::SCHED_HARD != 0 && self.0.tokens < needed;
        self.0.idle_wait = 0;
        if flags & vxf::SCHED_PAUSE != 0 {
            return Some(u64::MAX);
        }
        if !self.0.empty {
            return None;
        }
        let missing = enough.saturating_sub(self.0.tokens).unsigned_abs();
        let wait = ratio::up(missing, 1 << POINT, self.0.rate);
        if self.0.idle_rate != 0 {
            self.0.idle_wait = ratio::up(missing, 1 << POINT, self.0.idle_rate).max(1);
        }
        Some(now.saturating_add(wait.min(LOOK_AGAIN)))
    }

    /// Whole tokens of `tick` nanoseconds, below 0 a debt.
    pub(crate) fn tokens(&self, tick: u32) -> i64 {
        ratio::floor(self.0.tokens, tick)
    }

    /// The tokens of the processor that is number `index` of those online, so that all of them
    /// together are those of the pool.
    pub(crate) fn tokens_of(&self, index: u32, tick: u32) -> i32 {
        let count = self.0.cpus.max(1);
        let all = self.tokens(tick);
        let rounding = i64::from(count.saturating_sub(1).saturating_sub(index));
        let own = ratio::floor(all.saturating_add(rounding), count);
        own.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }

    /// Whether the tasks of the context are on hold.
    pub(crate) fn is_held(&self) -> bool {
        self.0.held
    }

    /// When tokens were filled in last, nanoseconds of the monotonic clock.
    pub(crate) fn filled(&self) -> u64 {
        self.0.last
    }

    /// Up to where idle time was filled in, nanoseconds.
    pub(crate) fn idle_filled(&self) -> u64 {
        self.0.idle_last
    }

    /// What the tokens add to the priority of the tasks now, in nice steps.
    pub(crate) fn told_correction(&self) -> i32 {
        self.0.correction
    }
}

fn lower(value: u64) -> u64 {
    value & u64::from(u32::MAX)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_pool)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const SECOND: u64 = 1000 * MS;
    const YEAR: u64 = 365 * 24 * 3600 * SECOND;
    const TICK: u32 = 4_000_000;
    const HARD: u64 = vxf::SCHED_HARD;

    /// A pool of `cpus` processors, each with `fill` tokens per `interval`, at time 0.
    fn pool(cpus: u32, fill: i32, interval: i32, min: i32, max: i32) -> Pool {
        let share = Share::new(fill, interval, min, max, TICK);
        let mut pool = Pool(bindings::vs_pool::default());
        pool.0.cpus = cpus;
        pool.0.rate = share.rate * u64::from(cpus);
        pool.0.min = share.min * i64::from(cpus);
        pool.0.max = share.max * i64::from(cpus);
        pool
    }

    #[test]
    fn a_share_is_in_nanoseconds() {
        let share = Share::new(1, 4, 15, 125, TICK);
        assert_eq!(
            (share.rate, share.min, share.max),
            (1 << 30, 60_000_000, 500_000_000)
        );
        assert_eq!(Share::new(3, 2, 0, 1, TICK).rate, 3 << 31);
        assert_eq!(Share::new(0, 1, 0, 1, TICK).rate, 0);
        // No nonsense from outside gets here; it would do no harm.
        assert_eq!(
            Share::new(-1, 0, -1, -1, TICK),
            Share {
                rate: 0,
                idle_rate: 0,
                min: 0,
                max: 0
            }
        );
    }

    #[test]
    fn a_share_has_bounds() {
        let share = Share::new(i32::MAX, 1, i32::MAX, i32::MAX, u32::MAX);
        assert_eq!(share.rate, RATE_MAX);
        assert_eq!((share.min, share.max), (1 << 49, 1 << 49));
    }

    #[test]
    fn tokens_come_with_time() {
        let mut pool = pool(1, 1, 4, 1, 1000);
        assert_eq!(pool.settle(0, 4 * MS, 0), None);
        assert_eq!(pool.0.tokens, 1_000_000);
        pool.settle(0, 12 * MS, 0);
        assert_eq!(pool.0.tokens, 3_000_000);
        assert_eq!(pool.filled(), 12 * MS);
    }

    #[test]
    fn fractions_are_not_lost() {
        // A third of a nanosecond per nanosecond, asked for one by one.
        let mut often = pool(1, 1, 3, 1, 1000);
        let mut once = often;
        for now in 1..=30_000 {
            often.settle(0, now, 0);
        }
        once.settle(0, 30_000, 0);
        assert_eq!(often.0.tokens, once.0.tokens);
        assert_eq!(often.0.part, once.0.part);
        assert_eq!(once.0.tokens, 10_000);
        // A rate below one nanosecond in the time between two calls.
        let mut slow = pool(1, 1, 1_000_000, 1, 1000);
        for step in 1..=1000 {
            slow.settle(0, step * 10_000, 0);
        }
        assert_eq!(slow.0.tokens, 10);
    }

    #[test]
    fn a_clock_that_lags_changes_nothing() {
        let mut pool = pool(1, 1, 1, 1, 1000);
        pool.settle(0, 5 * MS, 0);
        pool.settle(0, 4 * MS, 0);
        assert_eq!((pool.0.tokens, pool.0.last), (5_000_000, 5 * MS));
        pool.settle(0, 6 * MS, 0);
        assert_eq!(pool.0.tokens, 6_000_000);
    }

    #[test]
    fn the_maximum_cuts() {
        let mut pool = pool(2, 1, 2, 1, 10);
        pool.settle(0, SECOND, 0);
        assert_eq!(pool.0.tokens, 2 * 10 * i64::from(TICK));
        assert_eq!(pool.0.part, 0);
        // What is used while they come in is used first.
        pool.settle(HARD, SECOND + 10 * MS, 10 * MS);
        assert_eq!(pool.0.tokens, 2 * 10 * i64::from(TICK));
        pool.settle(HARD, SECOND + 20 * MS, 15 * MS);
        assert_eq!(pool.0.tokens, 2 * 10 * i64::from(TICK) - 5_000_000);
    }

    #[test]
    fn only_two_flags_use_tokens() {
        for (flags, used) in [
            (0, 0),
            (vxf::SCHED_PAUSE, 0),
            (vxf::SCHED_PRIO, 3),
            (HARD, 3),
        ] {
            let mut pool = pool(1, 0, 1, 1, 10);
            pool.0.tokens = 10;
            pool.settle(flags, 1, 3);
            assert_eq!(pool.0.tokens, 10 - used);
        }
    }

    #[test]
    fn an_empty_pool_holds_until_the_minimum() {
        let mut pool = pool(1, 1, 10, 2, 1000);
        pool.0.tokens = 2_000_000;
        assert_eq!(pool.settle(HARD, 0, 1_999_999), None);
        // 8 ms at a tenth.
        assert_eq!(pool.settle(HARD, 0, 1), Some(80 * MS));
        assert!(pool.is_held());
        let until = pool.settle(HARD, 79 * MS, 0);
        assert!(until.is_some_and(|at| (80 * MS..=80 * MS + 1).contains(&at)));
        assert_eq!(pool.settle(HARD, 80 * MS, 0), None);
        assert!(!pool.is_held());
        // It runs below the minimum, down to 0.
        assert_eq!(pool.settle(HARD, 80 * MS, 7_999_999), None);
        assert!(pool.settle(HARD, 80 * MS, 1).is_some());
    }

    #[test]
    fn the_time_that_is_told_is_enough() {
        for (fill, interval) in [(1, 3), (1, 7), (2, 3), (9, 10), (1, 1000), (7, 5)] {
            let mut pool = pool(1, fill, interval, 1, 1000);
            pool.0.tokens = -1234;
            let mut now = 17;
            pool.0.last = now;
            let mut looks = 0;
            while let Some(until) = pool.settle(HARD, now, 0) {
                assert!(until > now && until <= now + LOOK_AGAIN);
                now = until;
                looks += 1;
            }
            assert!((1..10).contains(&looks));
            // And not much more than enough.
            assert!(pool.0.tokens - i64::from(TICK) < 10);
        }
    }

    #[test]
    fn a_debt_is_paid() {
        let mut pool = pool(1, 1, 2, 0, 1000);
        pool.settle(HARD, 0, 40 * MS);
        assert_eq!(pool.0.tokens, -40_000_000);
        assert_eq!(pool.settle(HARD, 80 * MS, 0), Some(80 * MS + 2));
        // A minimum of 0 still needs something.
        assert_eq!(pool.settle(HARD, 80 * MS + 2, 0), None);
        assert_eq!(pool.0.tokens, 1);
    }

    #[test]
    fn the_share_is_exact_however_coarse_the_pieces() {
        // Runs in pieces of a tick whenever it may, on two processors.
        let mut pool = pool(2, 1, 20, 2, 100);
        let (mut now, mut used) = (0, 0);
        while now < 1000 * SECOND {
            match pool.settle(HARD, now, 0) {
                None => {
                    now += u64::from(TICK);
                    used += 2 * u64::from(TICK);
                    pool.settle(HARD, now, 2 * u64::from(TICK));
                }
                Some(until) => now = until,
            }
        }
        let expected = ratio::down(now, 1, 10) as i64 - pool.0.tokens;
        // The rate of a twentieth is rounded up in its 32nd bit, twice.
        assert!((used as i64 - expected).abs() < 1000);
    }

    #[test]
    fn a_pause_holds_until_it_is_over() {
        let mut pool = pool(1, 1, 1, 1, 1000);
        pool.0.tokens = 5;
        assert_eq!(pool.settle(vxf::SCHED_PAUSE, 1, 0), Some(u64::MAX));
        assert_eq!(
            pool.settle(vxf::SCHED_PAUSE | HARD, SECOND, 0),
            Some(u64::MAX)
        );
        assert_eq!(pool.settle(0, SECOND, 0), None);
        // Tokens below the minimum are enough for a context that was only paused.
        pool.0.tokens = 5;
        assert_eq!(
            pool.settle(vxf::SCHED_PAUSE | HARD, SECOND, 0),
            Some(u64::MAX)
        );
        assert_eq!(pool.settle(HARD, SECOND, 0), None);
    }

    #[test]
    fn without_the_flag_nothing_holds() {
        let mut pool = pool(1, 0, 1, 1, 1000);
        assert!(pool.settle(HARD, 1, 10).is_some());
        assert_eq!(pool.settle(0, 2, 10), None);
        assert_eq!(pool.settle(vxf::SCHED_PRIO, 3, 10), None);
        // The debt is still there when the flag comes back.
        assert!(pool.settle(HARD, 4, 0).is_some());
        assert_eq!(pool.0.tokens, -20);
    }

    #[test]
    fn without_a_rate_it_looks_again_once_in_a_while() {
        let mut pool = pool(1, 0, 1, 1, 1000);
        assert_eq!(pool.settle(HARD, 7, 0), Some(7 + LOOK_AGAIN));
        // A processor has come.
        pool.0.rate = 1 << POINT;
        assert!(pool.settle(HARD, 8, 0).is_some());
        assert_eq!(pool.settle(HARD, 8 + u64::from(TICK), 0), None);
    }

    #[test]
    fn a_minimum_above_the_maximum_can_be_reached() {
        let mut pool = pool(1, 1, 1, 10, 5);
        assert!(pool.settle(HARD, 0, 0).is_some());
        assert_eq!(pool.settle(HARD, 20 * MS, 0), None);
    }

    #[test]
    fn years_do_not_overflow() {
        let mut huge = pool(8192, i32::MAX, 1, i32::MAX, i32::MAX);
        assert_eq!(huge.settle(HARD, 500 * YEAR, 0), None);
        assert_eq!(huge.0.tokens, huge.0.max);
        assert!(huge.0.max > 0 && huge.0.max <= 1 << 62);
        for _ in 0..3 {
            huge.settle(HARD, 500 * YEAR, u64::MAX);
        }
        assert_eq!(huge.0.tokens, i64::MIN);
        assert!(huge
            .settle(HARD, 500 * YEAR, 0)
            .is_some_and(|at| at > 500 * YEAR));
        huge.settle(HARD, u64::MAX, 0);
        assert_eq!(huge.0.tokens, huge.0.max);
        // Slow and steady: a century of a millionth, in one step and in many.
        let mut slow = pool(1, 1, 1_000_000, 1, i32::MAX);
        slow.settle(0, 100 * YEAR, 0);
        let whole = slow.0.tokens;
        let mut slow = pool(1, 1, 1_000_000, 1, i32::MAX);
        for month in 1..=1200 {
            slow.settle(0, month * (100 * YEAR / 1200), 0);
        }
        assert_eq!(whole, slow.0.tokens);
    }

    #[test]
    fn the_wait_for_a_huge_debt_is_no_overflow() {
        let mut pool = pool(1, 1, i32::MAX, 1, 1000);
        pool.0.tokens = i64::MIN;
        assert_eq!(pool.settle(HARD, 5, 0), Some(5 + LOOK_AGAIN));
        assert!(pool.settle(HARD, u64::MAX, 0).is_some());
    }

    #[test]
    fn what_processors_are_told_is_the_pool() {
        for tokens in [-9_000_001_i64, -1, 0, 3_999_999, 4_000_000, 401_000_000] {
            for cpus in [1, 2, 3, 7, 4096] {
                let mut pool = pool(cpus, 1, 4, 1, i32::MAX);
                pool.0.tokens = tokens;
                let told: i64 = (0..cpus)
                    .map(|cpu| i64::from(pool.tokens_of(cpu, TICK)))
                    .sum();
                assert_eq!(told, pool.tokens(TICK));
                assert!(pool.tokens_of(0, TICK) - pool.tokens_of(cpus - 1, TICK) <= 1);
            }
        }
        let mut pool = pool(1, 1, 4, 1, 1000);
        pool.0.tokens = i64::MIN;
        assert_eq!(pool.tokens_of(0, 1), i32::MIN);
        pool.0.tokens = i64::MAX;
        assert_eq!(pool.tokens_of(0, 1), i32::MAX);
        // A processor that is not online.
        assert!(pool.tokens_of(u32::MAX, TICK) > 0);
    }

    #[test]
    fn many_processors_are_one_pool() {
        let mut pool = pool(64, 1, 64, 1, 100);
        pool.0.tokens = pool.0.max;
        // One processor's worth of time in all: one task never runs out.
        for now in 1..1000 {
            assert_eq!(pool.settle(HARD, now * 4 * MS, 4 * MS), None);
        }
        // Two of them do.
        let mut now = 4000 * MS;
        while pool.settle(HARD, now, 8 * MS).is_none() {
            now += 4 * MS;
        }
        assert!(now <= 4000 * MS + 64 * 100 * 4 * MS);
    }

    #[test]
    fn settings_change_what_comes_and_not_what_is_there() {
        let mut pool = pool(1, 1, 2, 1, 1000);
        pool.settle(HARD, 100 * MS, 30 * MS);
        assert_eq!(pool.0.tokens, 20_000_000);
        pool.0.rate = Share::new(1, 4, 1, 1000, TICK).rate;
        pool.settle(HARD, 200 * MS, 0);
        assert_eq!(pool.0.tokens, 45_000_000);
        pool.0.max = 10_000_000;
        pool.settle(HARD, 200 * MS, 0);
        assert_eq!(pool.0.tokens, 10_000_000);
    }

    /// A pool of one processor without tokens that fills with idle time as well.
    fn with_idle_time(fill: i32, interval: i32) -> Pool {
        let mut pool = pool(1, 1, 4, 10, 100);
        pool.0.idle_rate = rate(fill, interval);
        pool
    }

    #[test]
    fn idle_time_fills_at_its_own_rate() {
        let mut pool = with_idle_time(3, 2);
        pool.0.idle_now = 10 * MS;
        pool.settle(HARD, 4 * MS, 0);
        assert_eq!(pool.0.tokens, 16_000_000);
        assert_eq!(pool.idle_filled(), 10 * MS);
        // The same moment again gives nothing, nor one before it.
        pool.settle(HARD, 4 * MS, 0);
        pool.0.idle_now = 9 * MS;
        pool.settle(HARD, 4 * MS, 0);
        assert_eq!(pool.0.tokens, 16_000_000);
        // Whoever has no rate for it gets nothing for what has passed.
        pool.0.idle_rate = 0;
        pool.0.idle_now = 20 * MS;
        pool.settle(HARD, 4 * MS, 0);
        assert_eq!(pool.0.tokens, 16_000_000);
        pool.0.idle_rate = rate(3, 2);
        pool.settle(HARD, 4 * MS, 0);
        assert_eq!(pool.0.tokens, 16_000_000);
    }

    #[test]
    fn fractions_of_idle_time_are_not_lost() {
        let mut pool = with_idle_time(1, 3);
        for now in 1..=30_000 {
            pool.0.idle_now = now;
            pool.settle(HARD, 0, 0);
        }
        assert_eq!(pool.0.tokens, 10_000);
    }

    #[test]
    fn the_idle_time_that_is_missing_is_enough() {
        let mut pool = with_idle_time(1, 7);
        assert!(pool.settle(HARD, 0, 5 * MS).is_some());
        let wait = pool.0.idle_wait;
        // 10 ticks are the minimum, and there is a debt.
        assert_eq!(wait, 7 * 45 * MS);
        pool.0.idle_now = wait - 7;
        assert!(pool.settle(HARD, 0, 0).is_some());
        assert_eq!(pool.0.idle_wait, 7);
        pool.0.idle_now = wait;
        assert_eq!(pool.settle(HARD, 0, 0), None);
        assert_eq!(pool.0.idle_wait, 0);
    }

    #[test]
    fn who_pauses_or_has_no_rate_waits_for_no_idle_time() {
        let mut pool = with_idle_time(1, 7);
        assert!(pool.settle(HARD, 0, 1).is_some());
        assert_ne!(pool.0.idle_wait, 0);
        assert!(pool.settle(HARD | vxf::SCHED_PAUSE, 0, 0).is_some());
        assert_eq!(pool.0.idle_wait, 0);
        pool.0.idle_rate = 0;
        assert!(pool.settle(HARD, 0, 0).is_some());
        assert_eq!(pool.0.idle_wait, 0);
    }

    #[test]
    fn tokens_correct_the_priority() {
        let mut pool = pool(1, 0, 1, 10, 1000);
        let at = |pool: &mut Pool, ticks: i64| {
            pool.0.tokens = ticks * i64::from(TICK);
            pool.settle(vxf::SCHED_PRIO, 0, 0);
            pool.told_correction()
        };
        // From the formula of the specification, with 40 priorities and a ratio of 50 in 100.
        for (ticks, correction) in [
            (1000, -5),
            (900, -4),
            (500, 0),
            (499, 0),
            (400, 2),
            (250, 6),
            (100, 11),
            (0, 15),
            (-1, 0),
        ] {
            assert_eq!(at(&mut pool, ticks), correction);
        }
        pool.0.tokens = 1;
        pool.settle(HARD, 0, 0);
        assert_eq!(pool.told_correction(), 0);
        pool.0.max = 0;
        pool.settle(vxf::SCHED_PRIO, 0, 0);
        assert_eq!(pool.told_correction(), 0);
    }
}
