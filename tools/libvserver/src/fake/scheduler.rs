// SPDX-License-Identifier: GPL-2.0

//! The token bucket and the priority bias of the model: stored, the bias for each processor,
//! without effect.

use super::PROCESSORS;
use super::commands::{read, write};
use super::world::Context;
use crate::Errno;
use crate::abi::{self, sched, vxsm};
use std::ffi::c_void;

/// Ticks in a second of the model.
const HERTZ: i32 = 250;

/// The token bucket of a new context.
pub(super) fn bucket() -> abi::SchedV5 {
    abi::SchedV5 {
        fill_rate: [1, 1],
        interval: [4, 8],
        tokens: HERTZ / 4,
        tokens_min: HERTZ / 16,
        tokens_max: HERTZ / 2,
        ..Default::default()
    }
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn info(data: *mut c_void) -> Result<u32, Errno> {
    // SAFETY: `data` fits the command.
    unsafe {
        let mut info: abi::SchedInfo = read(data)?;
        info.token_usec = 1_000_000 / HERTZ as u32;
        write(data, info)
    }
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn get(context: &Context, data: *mut c_void) -> Result<u32, Errno> {
    // SAFETY: `data` fits the command.
    unsafe { write(data, context.bucket) }
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn set(context: &mut Context, data: *mut c_void) -> Result<(), Errno> {
    // SAFETY: `data` fits the command.
    let new: abi::SchedV5 = unsafe { read(data) }?;
    let asked = |bit| new.mask & bit != 0;
    let bucket = &mut context.bucket;
    if asked(vxsm::FILL_RATE) {
        bucket.fill_rate[0] = new.fill_rate[0];
    }
    if asked(vxsm::INTERVAL) {
        bucket.interval[0] = new.interval[0];
    }
    if asked(vxsm::FILL_RATE2) {
        bucket.fill_rate[1] = new.fill_rate[1];
    }
    if asked(vxsm::INTERVAL2) {
        bucket.interval[1] = new.interval[1];
    }
    // Told in the answer, and gone when it is not asked for again.
    bucket.mask = new.mask & vxsm::IDLE_TIME;
    if asked(vxsm::TOKENS) {
        bucket.tokens = new.tokens;
    }
    if asked(vxsm::TOKENS_MIN) {
        bucket.tokens_min = new.tokens_min;
    }
    if asked(vxsm::TOKENS_MAX) {
        bucket.tokens_max = new.tokens_max;
    }
    Ok(())
}

/// Index of a processor that the model has.
fn processor(number: i32) -> Result<usize, Errno> {
    usize::try_from(number)
        .ok()
        .filter(|&index| index < PROCESSORS)
        .ok_or(Errno(libc::EINVAL))
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn get_prio_bias(context: &Context, data: *mut c_void) -> Result<u32, Errno> {
    // SAFETY: `data` fits the command.
    unsafe {
        let mut bias: abi::PrioBias = read(data)?;
        bias.prio_bias = context.prio_bias[processor(bias.cpu_id)?];
        write(data, bias)
    }
}

/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn set_prio_bias(context: &mut Context, data: *mut c_void) -> Result<(), Errno> {
    // SAFETY: `data` fits the command.
    let bias: abi::PrioBias = unsafe { read(data) }?;
    let value = bias
        .prio_bias
        .clamp(sched::PRIO_BIAS_MIN, sched::PRIO_BIAS_MAX);
    if bias.cpu_id == sched::ALL_CPUS {
        context.prio_bias = [value; PROCESSORS];
    } else {
        context.prio_bias[processor(bias.cpu_id)?] = value;
    }
    Ok(())
}
