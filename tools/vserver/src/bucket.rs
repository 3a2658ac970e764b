// SPDX-License-Identifier: GPL-2.0

//! Processor time as the kernel hands it out: tokens in buckets.
//!
//! A token is a tick of a processor. The buckets of all processors that are online are one pool of
//! the guest: each gets its part of the rate and holds its part of what may be saved up.

use crate::limits::Limits;
use crate::quantity::Cpus;
use libvserver::abi::{SchedV5, vxsm};
use libvserver::{Errno, Syscall, Vserver};
use serde::Serialize;

/// Processor time, in milliseconds, that a guest out of tokens has to gather before it goes on:
/// less would stop and start it at each tick.
const GO_ON: u32 = 20;

/// Processor time, in milliseconds, that can be saved up at least.
const LEAST_BURST: u32 = 100;

/// Ticks of idle time in which the tokens of [`Bucket::idle`] come.
const IDLE_INTERVAL: i32 = 100;

/// Members that a limit sets.
const MEMBERS: u32 = vxsm::FILL_RATE | vxsm::INTERVAL | vxsm::TOKENS_MIN | vxsm::TOKENS_MAX;

/// The bucket of one processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Tokens that come in each interval.
    pub fill_rate: i32,
    /// Ticks.
    pub interval: i32,
    /// Tokens needed to go on.
    pub tokens_min: i32,
    /// Tokens that it holds.
    pub tokens_max: i32,
    /// Tokens that come in a hundred ticks of idle time; none when it may not use any.
    pub idle: Option<i32>,
}

/// Finds the smallest interval, with the tokens that come in it, whose quotient is a rate in
/// thousandths of `count` processors, to a thousandth of it.
fn quotient(rate: u32, count: u32) -> (i32, i32) {
    let (rate, whole) = (u64::from(rate), 1000 * u64::from(count));
    // At `interval == whole` it is exact.
    for interval in 1..whole {
        let product = rate * interval;
        let tokens = (product + whole / 2) / whole;
        if (tokens * whole).abs_diff(product) * 1000 <= product {
            // Both are below a thousand times the number of processors.
            return (tokens as i32, interval as i32);
        }
    }
    (rate as i32, whole as i32)
}

impl Bucket {
    /// What gives a guest `cpu` processors on a machine with `count` of them online, that makes
    /// `hertz` ticks per second, and lets it save up `burst` milliseconds; without it what it gets
    /// in a second.
    pub fn new(cpu: Cpus, burst: Option<u32>, count: u32, hertz: u32) -> Self {
        let count = count.max(1);
        let (fill_rate, interval) = quotient(cpu.thousandths(), count);
        let burst = burst.unwrap_or_else(|| cpu.thousandths().max(LEAST_BURST));
        // The part of one processor, rounded up: 3600000 ms at 1000 ticks are far from the end.
        let part = |msec: u32| {
            let ticks = (u64::from(msec) * u64::from(hertz)).div_ceil(1000 * u64::from(count));
            ticks.max(1) as i32
        };
        // A bucket that does not hold what comes in one interval would lose some of it.
        let tokens_max = part(burst).max(fill_rate);
        Self {
            fill_rate,
            interval,
            tokens_min: part(GO_ON).min(tokens_max),
            tokens_max,
            idle: None,
        }
    }

    /// The bucket of a context for which nobody has set one.
    pub const fn unset(hertz: u32) -> Self {
        Self {
            fill_rate: 1,
            interval: 4,
            tokens_min: (hertz / 16) as i32,
            tokens_max: (hertz / 2) as i32,
            idle: None,
        }
    }

    /// What the limits of a guest ask for; none when its processor time is not limited.
    pub fn of(limits: &Limits, count: u32, hertz: u32) -> Option<Self> {
        let burst = limits.cpu_burst.map(|burst| burst.milliseconds());
        limits.cpu.map(|cpu| Self {
            // No more than 100.
            idle: limits.cpu_idle.map(|part| part as i32),
            ..Self::new(cpu, burst, count, hertz)
        })
    }

    /// The bucket in one line.
    pub fn text(&self) -> String {
        let Self {
            fill_rate,
            interval,
            tokens_min,
            tokens_max,
            idle,
        } = self;
        let idle = idle.map_or_else(String::new, |part| format!(", {part} parts of idle time"));
        format!(
            "{fill_rate} tokens in {interval} ticks on each processor, at most {tokens_max}, \
             {tokens_min} to go on{idle}"
        )
    }

    /// Reads the bucket of a context.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn read<S: Syscall>(vserver: &Vserver<S>, xid: u32) -> Result<Self, Errno> {
        let found = vserver.sched(xid, None, false)?;
        Ok(Self {
            fill_rate: found.fill_rate[0],
            interval: found.interval[0],
            tokens_min: found.tokens_min,
            tokens_max: found.tokens_max,
            idle: (found.mask & vxsm::IDLE_TIME != 0).then_some(found.fill_rate[1]),
        })
    }

    /// Makes it the bucket of all processors of a context, `full` or with the tokens that are there.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn write<S: Syscall>(
        self,
        vserver: &Vserver<S>,
        xid: u32,
        full: bool,
    ) -> Result<(), Errno> {
        let tokens = if full { vxsm::TOKENS } else { 0 };
        let idle = match self.idle {
            Some(_) => vxsm::FILL_RATE2 | vxsm::INTERVAL2 | vxsm::IDLE_TIME,
            // Not to ask for it is to give it up.
            None => 0,
        };
        let sched = SchedV5 {
            mask: MEMBERS | tokens | idle,
            fill_rate: [self.fill_rate, self.idle.unwrap_or(0)],
            interval: [self.interval, IDLE_INTERVAL],
            tokens: self.tokens_max,
            tokens_min: self.tokens_min,
            tokens_max: self.tokens_max,
            ..Default::default()
        };
        vserver.set_sched(xid, sched)
    }
}

/// Ticks per second of the kernel.
///
/// # Errors
///
/// `ENOSYS` when it has no token bucket, or it tells nonsense.
pub fn hertz<S: Syscall>(vserver: &Vserver<S>) -> Result<u32, Errno> {
    let usec = vserver.sched_info(0, 0)?.token_usec;
    match 1_000_000_u32.checked_div(usec) {
        Some(hertz @ 1..) => Ok(hertz),
        _ => Err(Errno(libc::EINVAL)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libvserver::fake::Fake;

    fn bucket(cpu: &str, burst: Option<u32>, count: u32, hertz: u32) -> Bucket {
        Bucket::new(cpu.parse().unwrap(), burst, count, hertz)
    }

    #[test]
    fn one_and_a_half_of_two_are_three_tokens_in_four_ticks() {
        let found = bucket("1.5", Some(2000), 2, 250);
        assert_eq!((found.fill_rate, found.interval), (3, 4));
        // Two seconds of both together.
        assert_eq!(found.tokens_max * 2, 2 * 250);
        assert_eq!(found.tokens_min, 3);
        let all = bucket("2", None, 2, 250);
        assert_eq!((all.fill_rate, all.interval), (1, 1));
        assert_eq!(all.tokens_max, 250);
    }

    #[test]
    fn the_rate_of_all_processors_is_exact_to_a_thousandth() {
        for count in [1, 2, 3, 7, 64, 255, 4096] {
            for rate in [10, 100, 333, 500, 999, 1000, 1500, 1999, 63_999] {
                if rate > 1000 * count {
                    continue;
                }
                let (tokens, interval) = quotient(rate, count);
                assert!(tokens > 0 && interval >= tokens, "{rate} of {count}");
                let given = f64::from(tokens) / f64::from(interval) * f64::from(count) * 1000.0;
                let wanted = f64::from(rate);
                assert!(
                    (given - wanted).abs() <= wanted / 999.0,
                    "{rate} of {count}: {given}"
                );
            }
        }
    }

    #[test]
    fn a_bucket_holds_what_comes_in_an_interval() {
        for count in [1, 3, 64] {
            for cpu in ["0.01", "0.333", "0.999", "1"] {
                for burst in [None, Some(10), Some(3_600_000)] {
                    for hertz in [100, 250, 300, 1000] {
                        let found = bucket(cpu, burst, count, hertz);
                        assert!(found.tokens_max >= found.fill_rate, "{found:?}");
                        assert!(
                            (1..=found.tokens_max).contains(&found.tokens_min),
                            "{found:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_kernel_stores_and_tells_it() {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        let hertz = hertz(&vserver).unwrap();
        assert_eq!(hertz, 250);
        let task = fake.fork();
        fake.run_as(task, || vserver.create(42, None).unwrap());
        assert_eq!(Bucket::read(&vserver, 42), Ok(Bucket::unset(hertz)));
        let wanted = bucket("1.5", None, 2, hertz);
        let before = vserver.sched(42, None, false).unwrap().tokens;
        wanted.write(&vserver, 42, false).unwrap();
        assert_eq!(Bucket::read(&vserver, 42), Ok(wanted));
        assert_eq!(vserver.sched(42, None, false).unwrap().tokens, before);
        wanted.write(&vserver, 42, true).unwrap();
        assert_eq!(
            vserver.sched(42, None, false).unwrap().tokens,
            wanted.tokens_max
        );
        let idle = Bucket {
            idle: Some(30),
            ..wanted
        };
        idle.write(&vserver, 42, false).unwrap();
        assert_eq!(Bucket::read(&vserver, 42), Ok(idle));
        assert!(idle.text().ends_with(", 30 parts of idle time"));
        wanted.write(&vserver, 42, false).unwrap();
        assert_eq!(Bucket::read(&vserver, 42), Ok(wanted));
        assert!(wanted.text().ends_with(" to go on"));
        fake.fail_next(libvserver::abi::vcmd::SCHED_INFO, Errno(libc::ENOSYS));
        assert_eq!(super::hertz(&vserver), Err(Errno(libc::ENOSYS)));
    }
}
