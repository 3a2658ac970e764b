// SPDX-License-Identifier: GPL-2.0

//! The priority bias of the model: stored for each processor, without effect.

use super::PROCESSORS;
use super::commands::{read, write};
use super::world::Context;
use crate::Errno;
use crate::abi::{self, sched};
use std::ffi::c_void;

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
