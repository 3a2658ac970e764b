// SPDX-License-Identifier: GPL-2.0

//! Processor time of contexts.

use crate::abi::{self, vcmd, vxsm};
use crate::{Result, Syscall, Vserver};

/// The scheduler. Kernels without a token bucket answer `ENOSYS` to all but the priority bias.
impl<S: Syscall> Vserver<S> {
    /// Reads the token bucket of a context, or what processor `cpu` made of it. With `msec`
    /// intervals are milliseconds, else ticks.
    ///
    /// # Errors
    ///
    /// `EINVAL` when there cannot be such a processor.
    pub fn sched(&self, xid: u32, cpu: Option<i32>, msec: bool) -> Result<abi::SchedV5> {
        let cpu_mask = if cpu.is_some() { vxsm::CPU_ID } else { 0 };
        let msec_mask = if msec { vxsm::MSEC } else { 0 };
        let mut sched = abi::SchedV5 {
            mask: cpu_mask | msec_mask,
            cpu_id: cpu.unwrap_or_default(),
            ..Default::default()
        };
        self.pass(vcmd::GET_SCHED, xid, &mut sched)?;
        Ok(sched)
    }

    /// Sets the members of the token bucket that the mask ([`abi::vxsm`]) names.
    pub fn set_sched(&self, xid: u32, sched: abi::SchedV5) -> Result<()> {
        let mut sched = sched;
        self.pass(vcmd::SET_SCHED, xid, &mut sched).map(drop)
    }

    /// Reads the times of a context on processor `cpu`; with id 0 only the length of a token.
    ///
    /// # Errors
    ///
    /// `EINVAL` when there cannot be such a processor.
    pub fn sched_info(&self, xid: u32, cpu: i32) -> Result<abi::SchedInfo> {
        let mut info = abi::SchedInfo {
            cpu_id: cpu,
            ..Default::default()
        };
        self.pass(vcmd::SCHED_INFO, xid, &mut info)?;
        Ok(info)
    }

    /// Reads the priority bias on processor `cpu`.
    ///
    /// # Errors
    ///
    /// `EINVAL` when there cannot be such a processor.
    pub fn prio_bias(&self, xid: u32, cpu: i32) -> Result<i32> {
        let mut bias = abi::PrioBias {
            cpu_id: cpu,
            prio_bias: 0,
        };
        self.pass(vcmd::GET_PRIO_BIAS, xid, &mut bias)?;
        Ok(bias.prio_bias)
    }

    /// Sets the priority bias on processor `cpu`, or on all that are online. Values beyond -20 and
    /// 20 become these.
    pub fn set_prio_bias(&self, xid: u32, cpu: Option<i32>, bias: i32) -> Result<()> {
        let mut bias = abi::PrioBias {
            cpu_id: cpu.unwrap_or(abi::sched::ALL_CPUS),
            prio_bias: bias,
        };
        self.pass(vcmd::SET_PRIO_BIAS, xid, &mut bias).map(drop)
    }
}
