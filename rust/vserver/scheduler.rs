// SPDX-License-Identifier: GPL-2.0

//! The token bucket of a context and its commands (semantics.md, section 11).
//!
//! The values are stored for the context and for single processors, and told; the scheduler does
//! not look at them yet.

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
    sys::task, //
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

/// The settings of a bucket; times in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    fill_rate: [i32; 2],
    interval: [i32; 2],
    tokens: i32,
    tokens_min: i32,
    tokens_max: i32,
    prio_bias: i32,
    idle_time: bool,
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
        }
    }

    /// The priority bias of a processor, or of the context as a whole.
    pub(crate) fn bias(&self, cpu: Option<u32>) -> i32 {
        cpu.map_or(self.common, |cpu| self.of(cpu)).prio_bias
    }

    /// The bucket of a processor.
    fn of(&self, cpu: u32) -> Bucket {
        let alone = self.alone.iter().find(|(number, _)| *number == cpu);
        alone.map_or(self.common, |(_, bucket)| *bucket)
    }

    fn put(&mut self, cpu: u32, bucket: Bucket) -> Result {
        match self.alone.iter_mut().find(|(number, _)| *number == cpu) {
            Some((_, old)) => *old = bucket,
            None => self.alone.push((cpu, bucket), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(())
    }

    /// Applies a set command, to one processor or to all. Errors: `EINVAL` for an impossible
    /// processor, `ENOMEM`.
    fn set(&mut self, data: &SchedV5) -> Result {
        let hertz = hertz();
        if data.mask & vxsm::CPU_ID != 0 {
            let cpu = processor(data.cpu_id)?;
            return self.put(cpu, self.of(cpu).changed(data, hertz));
        }
        self.common = self.common.changed(data, hertz);
        self.alone.clear();
        Ok(())
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
                self.common.prio_bias = prio_bias;
                for (_, bucket) in &mut self.alone {
                    bucket.prio_bias = prio_bias;
                }
                Ok(())
            }
        }
    }
}

/// Processors that are online.
pub(crate) fn online() -> impl Iterator<Item = u32> {
    (0..nr_cpu_ids()).filter(|cpu| task::is_online(*cpu))
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
    context.with_schedule(|schedule| schedule.set(&from_v4(&data)))?;
    Ok(0)
}

/// `set_sched`
pub(crate) fn set_sched(call: &Call, context: &Context) -> Result<u32> {
    let data: SchedV5 = call.read()?;
    context.with_schedule(|schedule| schedule.set(&data))?;
    Ok(0)
}

/// `get_sched`
pub(crate) fn get_sched(call: &Call, context: &Context) -> Result<u32> {
    let mut data: SchedV5 = call.read()?;
    let bucket = if data.mask & vxsm::CPU_ID != 0 {
        let cpu = processor(data.cpu_id)?;
        context.with_schedule(|schedule| Ok(schedule.of(cpu)))?
    } else {
        context.with_schedule(|schedule| Ok(schedule.common))?
    };
    bucket.tell(&mut data, hertz());
    call.write(&data)?;
    Ok(0)
}

/// `sched_info`: with id 0 only the length of a token.
pub(crate) fn sched_info(call: &Call, context: Option<&Context>) -> Result<u32> {
    let mut data: SchedInfo = call.read()?;
    data.token_usec = 1_000_000 / hertz() as u32;
    if context.is_some() {
        processor(data.cpu_id)?;
        data.user_msec = 0;
        data.sys_msec = 0;
        data.hold_msec = 0;
        data.vavavoom = 0;
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
    context.with_schedule(|schedule| schedule.set_bias(cpu, data.prio_bias))?;
    Ok(0)
}

/// `get_prio_bias`
pub(crate) fn get_prio_bias(call: &Call, context: &Context) -> Result<u32> {
    let mut data: PrioBias = call.read()?;
    let cpu = processor(data.cpu_id)?;
    data.prio_bias = context.with_schedule(|schedule| Ok(schedule.of(cpu).prio_bias))?;
    call.write(&data)?;
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_scheduler)]
mod tests {
    use super::*;

    const HERTZ: i32 = 250;

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
        let mut data = command(vxsm::TOKENS | vxsm::CPU_ID);
        schedule.set(&data)?;
        assert_eq!(schedule.of(0).tokens, 7);
        assert_ne!(schedule.common.tokens, 7);
        data.mask = vxsm::TOKENS;
        data.tokens = 8;
        schedule.set(&data)?;
        assert_eq!(schedule.of(0).tokens, 8);
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
        assert_eq!(Schedule::new().set(&data), Err(EINVAL));
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
