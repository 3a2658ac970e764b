// SPDX-License-Identifier: GPL-2.0

//! What a context has done so far.

use crate::abi::{self, vcmd};
use crate::{Result, Syscall, Vserver};

/// Statistics of contexts.
impl<S: Syscall> Vserver<S> {
    /// Reads the times, threads and load of a context.
    pub fn virt_stat(&self, xid: u32) -> Result<abi::VirtStat> {
        let mut stat = abi::VirtStat::default();
        self.pass(vcmd::VIRT_STAT, xid, &mut stat)?;
        Ok(stat)
    }

    /// Reads the traffic of the sockets of a context; `field` is one of [`abi::sock`].
    ///
    /// # Errors
    ///
    /// `EINVAL` for an unknown field.
    pub fn sock_stat(&self, xid: u32, field: u32) -> Result<abi::SockStat> {
        let mut stat = abi::SockStat {
            field,
            ..Default::default()
        };
        self.pass(vcmd::SOCK_STAT, xid, &mut stat)?;
        Ok(stat)
    }
}
