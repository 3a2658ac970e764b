// SPDX-License-Identifier: GPL-2.0

//! Resource limits of contexts.

use crate::abi::{self, vcmd};
use crate::{Result, Syscall, Vserver};

/// Resource limits; resources are those of [`abi::rlimit`].
impl<S: Syscall> Vserver<S> {
    /// Reads the limits of a resource.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the resource has no limit that can be set.
    pub fn rlimit(&self, xid: u32, resource: u32) -> Result<abi::CtxRlimit> {
        let mut limit = abi::CtxRlimit {
            id: resource,
            ..Default::default()
        };
        self.pass(vcmd::GET_RLIMIT, xid, &mut limit)?;
        Ok(limit)
    }

    /// Sets the soft and the hard limit of a resource, in units of the resource or as
    /// [`abi::rlimit::INFINITY`] or [`abi::rlimit::KEEP`]. A soft limit above the hard one becomes
    /// that.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the resource has no limit that can be set.
    pub fn set_rlimit(&self, xid: u32, resource: u32, soft: u64, hard: u64) -> Result<()> {
        let mut limit = abi::CtxRlimit {
            id: resource,
            minimum: abi::rlimit::KEEP,
            softlimit: soft,
            maximum: hard,
            ..Default::default()
        };
        self.pass(vcmd::SET_RLIMIT, xid, &mut limit).map(drop)
    }

    /// Returns which limits can be set; bit n stands for resource n.
    pub fn rlimit_mask(&self) -> Result<abi::RlimitMask> {
        let mut mask = abi::RlimitMask::default();
        self.pass(vcmd::GET_RLIMIT_MASK, 0, &mut mask)?;
        Ok(mask)
    }

    /// Reads the use of a resource, its extremes and how often more was refused.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the use of the resource is not counted.
    pub fn rlimit_stat(&self, xid: u32, resource: u32) -> Result<abi::RlimitStat> {
        let mut stat = abi::RlimitStat {
            id: resource,
            ..Default::default()
        };
        self.pass(vcmd::RLIMIT_STAT, xid, &mut stat)?;
        Ok(stat)
    }

    /// Zeroes the refusals of all resources.
    pub fn reset_hits(&self, xid: u32) -> Result<()> {
        self.bare(vcmd::RESET_HITS, xid).map(drop)
    }

    /// Makes the present use of every resource its lowest and highest.
    pub fn reset_minmax(&self, xid: u32) -> Result<()> {
        self.bare(vcmd::RESET_MINMAX, xid).map(drop)
    }
}
