// SPDX-License-Identifier: GPL-2.0

//! The settings of the token bucket and what they led to: the commands (semantics.md, section 11).
//!
//! Settings are stored for the context and for single processors; what all processors add is one
//! pool ([`crate::pool`]).

use crate::{
    abi::{
        sched,
        vxsm,
        PrioBias,
        SchedInfo,
        SchedV5,
        SetSchedV4, //
    },
    context::Context,
    dispatch::Call,
    pool::{
        self,
        Pool,
        Share, //
    },
    sys::{
        head::Head,
        ratio,
        task, //
    },
};
use kernel::{
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    prelude::*,
    time::msecs_to_jiffies, //
};

/// Ticks in a second.
fn hertz() -> i32 {
    msecs_to_jiffies(1000) as i32
}

/// Length of a tick, which is also that of a token, nanoseconds.
pub(crate) fn tick() -> u32 {
    // The compiler cannot know that there is at least one tick in a second.
    1_000_000_000 / hertz().unsigned_abs().max(1)
}

/// The settings of a bucket; times in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Tokens per interval; the second one is for idle time.
    pub(crate) fill_rate: [i32; 2],
    /// The same for both.
    pub(crate) interval: [i32; 2],
    /// Tokens as they were set.
    tokens: i32,
    /// Tokens with which tasks on hold go on.
    pub(crate) tokens_min: i32,
    /// Tokens that there can be.
    pub(crate) tokens_max: i32,
    /// What is added to the priority of tasks.
    pub(crate) prio_bias: i32,
    /// The second rate counts.
    pub(crate) idle_time: bool,
}

impl Bucket {
    /// What a new context has.
    fn new(hertz: i32) -> Self {
        Self {
            fill_rate: [1, 1],
            interval: [4, 8],
            tokens: hertz / 4,
            tokens_min: hertz / 16,
            tokens_max: hertz / 2,
            prio_bias: 0,
            idle_time: false,
        }
    }

    /// The bucket after a set command. Values that make no sense are repaired, as the
    /// specification says, and not refused.
    fn changed(mut self, data: &SchedV5, hertz: i32) -> Self {
        let asked = |bit| data.mask & bit != 0;
        let ticks = |value| {
            if asked(vxsm::MSEC) {
                ticks_of(value, hertz)
            } else {
                value
            }
        };
        if asked(vxsm::FILL_RATE) {
            self.fill_rate[0] = data.fill_rate[0];
        }
        if asked(vxsm::FILL_RATE2) {
            self.fill_rate[1] = data.fill_rate[1];
        }
        if asked(vxsm::INTERVAL) {
            self.interval[0] = ticks(data.interval[0]);
        }
        if asked(vxsm::INTERVAL2) {
            self.interval[1] = ticks(data.interval[1]);
        }
        if asked(vxsm::TOKENS) {
            self.tokens = data.tokens;
        }
        if asked(vxsm::TOKENS_MIN) {
            self.tokens_min = data.tokens_min;
        }
        if asked(vxsm::TOKENS_MAX) {
            self.tokens_max = data.tokens_max;
        }
        if asked(vxsm::PRIO_BIAS) {
            self.prio_bias = data.prio_bias;
        }
        self.idle_time = asked(vxsm::IDLE_TIME);
        self.repaired(hertz)
    }

    fn repaired(mut self, hertz: i32) -> Self {
        if self.tokens_max <= 0 {
            self.tokens_max = hertz;
        }
        if self.tokens_min < 0 {
            self.tokens_min = hertz / 3;
        }
        self.tokens_min = self.tokens_min.min(self.tokens_max);
        self.prio_bias = limited(self.prio_bias);
        for rate in &mut self.fill_rate {
            *rate = (*rate).max(0);
        }
        for interval in &mut self.interval {
            if *interval <= 0 {
                *interval = hertz;
            }
        }
        self
    }

    /// What the bucket adds to the pool.
    fn share(&self, tick: u32) -> Share {
        let share = Share::new(
            self.fill_rate[0],
            self.interval[0],
            self.tokens_min,
            self.tokens_max,
            tick,
        );
        if !self.idle_time {
            return share;
        }
        Share {
            idle_rate: pool::rate(self.fill_rate[1], self.interval[1]),
            ..share
        }
    }

    /// Fills the answer of a get command.
    fn tell(&self, data: &mut SchedV5, hertz: i32) {
        let time = |ticks| {
            if data.mask & vxsm::MSEC != 0 {
                msec_of(ticks, hertz)
            } else {
                ticks
            }
        };
        data.fill_rate = self.fill_rate;
        data.interval = self.interval.map(time);
        data.tokens = self.tokens;
        data.tokens_min = self.tokens_min;
        data.tokens_max = self.tokens_max;
        data.prio_bias = self.prio_bias;
        if self.idle_time {
            data.mask |= vxsm::IDLE_TIME;
        } else {
            data.mask &= !vxsm::IDLE_TIME;
        }
    }
}

fn limited(bias: i32) -> i32 {
    bias.clamp(sched::PRIO_BIAS_MIN, sched::PRIO_BIAS_MAX)
}

/// `value * to / from` without a 64-bit division; negative values stay as they are, to be repaired
/// like others that make no sense.
fn scaled(value: i32, to: i32, from: i32) -> i32 {
    if value < 0 || from <= 0 {
        return value;
    }
    (value / from)
        .saturating_mul(to)
        .saturating_add((value % from).saturating_mul(to) / from)
}

fn ticks_of(msec: i32, hertz: i32) -> i32 {
    let ticks = scaled(msec, hertz, 1000);
    // Less than a tick is one tick, not none.
    if msec > 0 {
        ticks.max(1)
    } else {
        ticks
    }
}

fn msec_of(ticks: i32, hertz: i32) -> i32 {
    scaled(ticks, 1000, hertz)
}

/// The buckets of a context: one for it as a whole, and those of processors that were set alone.
pub(crate) struct Schedule {
    common: Bucket,
    alone: KVec<(u32, Bucket)>,
    /// The bias has changed since it was applied.
    biased: bool,
}

/// The processor with this number. Errors: `EINVAL` when it is impossible.
fn processor(id: i32) -> Result<u32> {
    CpuId::from_i32(id).map(|cpu| cpu.as_u32()).ok_or(EINVAL)
}

impl Schedule {
    /// The defaults.
    pub(crate) fn new() -> Self {
        Self {
            common: Bucket::new(hertz()),
            alone: KVec::new(),
            biased: false,
        }
    }

    /// The bucket of the context as a whole.
    pub(crate) fn common(&self) -> Bucket {
        self.common
    }

    /// The bucket of a processor.
    pub(crate) fn of(&self, cpu: u32) -> Bucket {
        let alone = self.alone.iter().find(|(number, _)| *number == cpu);
        alone.map_or(self.common, |(_, bucket)| *bucket)
    }

    fn put(&mut self, cpu: u32, bucket: Bucket) -> Result {
        self.biased |= self.of(cpu).prio_bias != bucket.prio_bias;
        match self.alone.iter_mut().find(|(number, _)| *number == cpu) {
            Some((_, old)) => *old = bucket,
            None => self.alone.push((cpu, bucket), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(())
    }

    /// The tokens of a new context, nanoseconds.
    pub(crate) fn start(&self) -> i64 {
        self.everywhere(self.common.tokens)
    }

    /// So many tokens for each processor that is online, nanoseconds.
    fn everywhere(&self, tokens: i32) -> i64 {
        (online().count() as i64).saturating_mul(pool::nanoseconds(tokens, tick()))
    }

    /// Applies a set command, to one processor or to all. Returns the nanoseconds that the pool has
    /// to gain for it. Errors: `EINVAL` for an impossible processor, `ENOMEM`.
    fn set(&mut self, data: &SchedV5, pool: &Pool) -> Result<i64> {
        let hertz = hertz();
        let tokens = data.mask & vxsm::TOKENS != 0;
        if data.mask & vxsm::CPU_ID != 0 {
            let cpu = processor(data.cpu_id)?;
            let new = self.of(cpu).changed(data, hertz);
            self.put(cpu, new)?;
            return Ok(match tokens_of(cpu, pool) {
                Some(old) if tokens => pool::nanoseconds(new.tokens.saturating_sub(old), tick()),
                _ => 0,
            });
        }
        let new = self.common.changed(data, hertz);
        self.biased |= new.prio_bias != self.common.prio_bias || !self.alone.is_empty();
        self.common = new;
        self.alone.clear();
        if tokens {
            Ok(self.everywhere(new.tokens).saturating_sub(pool.0.tokens))
        } else {
            Ok(0)
        }
    }

    /// Sets the priority bias, of one processor or of all.
    fn set_bias(&mut self, cpu: Option<u32>, bias: i32) -> Result {
        let prio_bias = limited(bias);
        match cpu {
            Some(cpu) => {
                let bucket = self.of(cpu);
                self.put(
                    cpu,
                    Bucket {
                        prio_bias,
                        ..bucket
                    },
                )
            }
            None => {
                self.biased = true;
                self.common.prio_bias = prio_bias;
                for (_, bucket) in &mut self.alone {
                    bucket.prio_bias = prio_bias;
                }
                Ok(())
            }
        }
    }

    /// Makes the settings count for the context with this head; its pool gains `more` nanoseconds.
    /// Process context.
    pub(crate) fn apply(&mut self, head: &Head, more: i64) {
        let tick = tick();
        for cpu in 0..nr_cpu_ids() {
            let bucket = self.of(cpu);
            head.set_share(cpu, bucket.share(tick), bucket.prio_bias);
        }
        head.refresh(more);
        if core::mem::take(&mut self.biased) {
            head.apply_bias();
        }
    }
}

/// Processors that are online.
pub(crate) fn online() -> impl Iterator<Item = u32> {
    (0..nr_cpu_ids()).filter(|cpu| task::is_online(*cpu))
}

/// The present tokens of a processor, `None` when it is not online.
fn tokens_of(cpu: u32, pool: &Pool) -> Option<i32> {
    let (index, _) = (0u32..).zip(online()).find(|(_, number)| *number == cpu)?;
    Some(pool.tokens_of(index, tick()))
}

/// Version 4 has one rate and one interval.
fn from_v4(data: &SetSchedV4) -> SchedV5 {
    SchedV5 {
        mask: data.set_mask & !(vxsm::FILL_RATE2 | vxsm::INTERVAL2 | vxsm::IDLE_TIME),
        cpu_id: data.cpu_id,
        bucket_id: data.bucket_id,
        fill_rate: [data.fill_rate, 0],
        interval: [data.interval, 0],
        tokens: data.tokens,
        tokens_min: data.tokens_min,
        tokens_max: data.tokens_max,
        prio_bias: data.prio_bias,
    }
}

/// `set_sched_v4`
pub(crate) fn set_sched_v4(call: &Call, context: &Context) -> Result<u32> {
    let data: SetSchedV4 = call.read()?;
    context.change_schedule(|schedule, pool| schedule.set(&from_v4(&data), pool))?;
    Ok(0)
}

/// `set_sched`
pub(crate) fn set_sched(call: &Call, context: &Context) -> Result<u32> {
    let data: SchedV5 = call.read()?;
    context.change_schedule(|schedule, pool| schedule.set(&data, pool))?;
    Ok(0)
}

/// `get_sched`: the settings of the context, or those of a processor with its present tokens.
pub(crate) fn get_sched(call: &Call, context: &Context) -> Result<u32> {
    let mut data: SchedV5 = call.read()?;
    let bucket = if data.mask & vxsm::CPU_ID != 0 {
        let cpu = processor(data.cpu_id)?;
        Bucket {
            tokens: tokens_of(cpu, &context.head().pool()).unwrap_or(0),
            ..context.with_schedule(|schedule| schedule.of(cpu))
        }
    } else {
        context.with_schedule(Schedule::common)
    };
    bucket.tell(&mut data, hertz());
    call.write(&data)?;
    Ok(0)
}

/// `sched_info`: with id 0 only the length of a token.
pub(crate) fn sched_info(call: &Call, context: Option<&Context>) -> Result<u32> {
    let mut data: SchedInfo = call.read()?;
    data.token_usec = tick() / 1000;
    if let Some(context) = context {
        let times = context.head().times(processor(data.cpu_id)?);
        let msec = |ns| ratio::down(ns, 1, 1_000_000);
        data.user_msec = msec(times.user);
        data.sys_msec = msec(times.system);
        data.hold_msec = msec(times.hold);
        data.vavavoom = context.head().pool().told_correction();
    }
    call.write(&data)?;
    Ok(0)
}

/// `set_prio_bias`
pub(crate) fn set_prio_bias(call: &Call, context: &Context) -> Result<u32> {
    let data: PrioBias = call.read()?;
    let cpu = if data.cpu_id == sched::ALL_CPUS {
        None
    } else {
        Some(processor(data.cpu_id)?)
    };
    context.change_schedule(|schedule, _| schedule.set_bias(cpu, data.prio_bias).map(|()| 0))?;
    Ok(0)
}

/// `get_prio_bias`
pub(crate) fn get_prio_bias(call: &Call, context: &Context) -> Result<u32> {
    let mut data: PrioBias = call.read()?;
    let cpu = processor(data.cpu_id)?;
    data.prio_bias = context.with_schedule(|schedule| schedule.of(cpu).prio_bias);
    call.write(&data)?;
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_scheduler)]
mod tests {
    use super::*;

    const HERTZ: i32 = 250;

    /// A pool without tokens, for the machine that the tests run on.
    fn empty() -> Pool {
        Pool(kernel::bindings::vs_pool {
            cpus: online().count() as u32,
            ..Default::default()
        })
    }

    fn command(mask: u32) -> SchedV5 {
        SchedV5 {
            mask,
            fill_rate: [3, 5],
            interval: [10, 20],
            tokens: 7,
            tokens_min: 40,
            tokens_max: 400,
            prio_bias: 9,
            ..SchedV5::default()
        }
    }

    #[test]
    fn only_the_named_values_change() {
        let old = Bucket::new(HERTZ);
        assert_eq!(old.changed(&command(0), HERTZ), old);
        let new = old.changed(&command(vxsm::FILL_RATE | vxsm::TOKENS_MAX), HERTZ);
        assert_eq!(new.fill_rate, [3, 1]);
        assert_eq!(new.tokens_max, 400);
        assert_eq!(new.interval, [4, 8]);
        let all = old.changed(&command(vxsm::SET_MASK), HERTZ);
        assert_eq!((all.fill_rate, all.interval), ([3, 5], [10, 20]));
        assert_eq!((all.tokens, all.tokens_min, all.prio_bias), (7, 40, 9));
    }

    #[test]
    fn idle_time_lasts_as_long_as_it_is_asked_for() {
        let on = Bucket::new(HERTZ).changed(&command(vxsm::IDLE_TIME), HERTZ);
        assert!(on.idle_time);
        assert!(!on.changed(&command(vxsm::TOKENS), HERTZ).idle_time);
    }

    #[test]
    fn nonsense_is_repaired() {
        let mut data = command(vxsm::SET_MASK);
        data.tokens_max = 0;
        data.tokens_min = -1;
        data.fill_rate = [-4, -5];
        data.interval = [0, -7];
        data.prio_bias = -99;
        let bucket = Bucket::new(HERTZ).changed(&data, HERTZ);
        assert_eq!((bucket.tokens_min, bucket.tokens_max), (HERTZ / 3, HERTZ));
        assert_eq!(
            (bucket.fill_rate, bucket.interval),
            ([0, 0], [HERTZ, HERTZ])
        );
        assert_eq!(bucket.prio_bias, -20);
        data.tokens_max = 5;
        data.tokens_min = 6;
        assert_eq!(Bucket::new(HERTZ).changed(&data, HERTZ).tokens_min, 5);
    }

    #[test]
    fn milliseconds_become_ticks_and_come_back() {
        let mut data = command(vxsm::INTERVAL | vxsm::MSEC);
        data.interval = [1000, 0];
        let bucket = Bucket::new(HERTZ).changed(&data, HERTZ);
        assert_eq!(bucket.interval[0], HERTZ);
        bucket.tell(&mut data, HERTZ);
        assert_eq!(data.interval[0], 1000);
        assert_eq!(ticks_of(1, HERTZ), 1);
        assert_eq!(ticks_of(0, HERTZ), 0);
        assert_eq!(ticks_of(-3, HERTZ), -3);
        assert_eq!(msec_of(i32::MAX, 1), i32::MAX);
    }

    #[test]
    fn one_processor_can_differ_until_all_are_set() -> Result {
        let mut schedule = Schedule::new();
        let mut data = command(vxsm::FILL_RATE | vxsm::CPU_ID);
        schedule.set(&data, &empty())?;
        assert_eq!(schedule.of(0).fill_rate[0], 3);
        assert_ne!(schedule.common.fill_rate[0], 3);
        data.mask = vxsm::FILL_RATE;
        data.fill_rate = [8, 8];
        schedule.set(&data, &empty())?;
        assert_eq!(schedule.of(0).fill_rate[0], 8);
        Ok(())
    }

    #[test]
    fn tokens_go_to_the_pool() -> Result {
        let mut schedule = Schedule::new();
        let mut pool = empty();
        let token = i64::from(tick());
        let count = online().count() as i64;
        // Processor 0 gets 7 for the 2 that it has.
        pool.0.tokens = 2 * count * token;
        let alone = command(vxsm::TOKENS | vxsm::CPU_ID);
        assert_eq!(schedule.set(&alone, &pool), Ok(5 * token));
        // All of them get 7.
        let all = command(vxsm::TOKENS);
        assert_eq!(schedule.set(&all, &pool), Ok(5 * count * token));
        pool.0.tokens = -3;
        assert_eq!(schedule.set(&all, &pool), Ok(7 * count * token + 3));
        // Other settings give nothing.
        let rest = command(vxsm::SET_MASK & !vxsm::TOKENS);
        assert_eq!(schedule.set(&rest, &pool), Ok(0));
        assert_eq!(
            Schedule::new().start(),
            i64::from(hertz() / 4) * count * token
        );
        Ok(())
    }

    #[test]
    fn the_pool_of_a_context_follows_its_settings() -> Result {
        let context = Context::make(65_300, 0)?;
        let count = online().count() as u64;
        let pool = context.head().pool().0;
        assert_eq!(u64::from(pool.cpus), count);
        // A token every four ticks.
        assert_eq!(pool.rate, count << 30);
        assert!(pool.tokens >= Schedule::new().start());
        let data = command(vxsm::SET_MASK);
        context.change_schedule(|schedule, pool| schedule.set(&data, pool))?;
        let pool = context.head().pool().0;
        let share = Share::new(3, 10, 40, 400, tick());
        assert_eq!(pool.rate, count * share.rate);
        assert_eq!(
            (pool.min, pool.max),
            (count as i64 * share.min, count as i64 * share.max)
        );
        assert_eq!(pool.idle_rate, 0);
        let data = command(vxsm::SET_MASK | vxsm::IDLE_TIME);
        context.change_schedule(|schedule, pool| schedule.set(&data, pool))?;
        let pool = context.head().pool().0;
        assert_eq!(pool.idle_rate, count * pool::rate(5, 20));
        let data = command(vxsm::FILL_RATE);
        context.change_schedule(|schedule, pool| schedule.set(&data, pool))?;
        assert_eq!(context.head().pool().0.idle_rate, 0);
        Ok(())
    }

    #[test]
    fn a_context_without_tasks_has_done_nothing() -> Result {
        let context = Context::make(65_301, 0)?;
        for cpu in [0, u32::MAX] {
            let times = context.head().times(cpu);
            assert_eq!((times.user, times.system, times.hold), (0, 0, 0));
        }
        Ok(())
    }

    #[test]
    fn the_bias_is_limited_and_reaches_all() -> Result {
        let mut schedule = Schedule::new();
        schedule.set_bias(Some(0), 100)?;
        assert_eq!(schedule.of(0).prio_bias, 20);
        assert_eq!(schedule.common.prio_bias, 0);
        schedule.set_bias(None, -5)?;
        assert_eq!(schedule.of(0).prio_bias, -5);
        assert_eq!(schedule.common.prio_bias, -5);
        Ok(())
    }

    #[test]
    fn impossible_processors_are_refused() {
        assert_eq!(processor(0), Ok(0));
        assert_eq!(processor(-1), Err(EINVAL));
        assert_eq!(processor(nr_cpu_ids() as i32), Err(EINVAL));
        let mut data = command(vxsm::TOKENS | vxsm::CPU_ID);
        data.cpu_id = -1;
        assert_eq!(Schedule::new().set(&data, &empty()), Err(EINVAL));
    }

    #[test]
    fn version_4_knows_no_idle_time() {
        let data = from_v4(&SetSchedV4 {
            set_mask: u32::MAX,
            fill_rate: 2,
            ..SetSchedV4::default()
        });
        assert_eq!(
            data.mask & (vxsm::FILL_RATE2 | vxsm::INTERVAL2 | vxsm::IDLE_TIME),
            0
        );
        assert_eq!(data.fill_rate[0], 2);
    }
}
