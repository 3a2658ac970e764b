// SPDX-License-Identifier: GPL-2.0

//! Limits of the resources of a context (semantics.md, section 10).
//!
//! The values are stored and told; what counts and refuses arrives with the accounting. Of the
//! present use only the number of threads is known here.

use crate::{
    abi::{
        rlimit,
        RlimitMask,
        RlimitStat, //
    },
    context::Context,
    dispatch::Call, //
};
use kernel::prelude::*;

/// Soft and hard limit of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Soft limit, in units of the resource.
    pub(crate) soft: u64,
    /// Hard limit, in units of the resource.
    pub(crate) hard: u64,
}

impl Limit {
    /// Unlimited.
    pub(crate) const NONE: Self = Self {
        soft: rlimit::INFINITY,
        hard: rlimit::INFINITY,
    };

    /// The limit after a set command: KEEP leaves a value; the soft limit is never above the hard
    /// one, so that setting only the hard limit sets both.
    fn changed(self, soft: u64, hard: u64) -> Self {
        let choose = |new, old| if new == rlimit::KEEP { old } else { new };
        let hard = choose(hard, self.hard);
        Self {
            soft: choose(soft, self.soft).min(hard),
            hard,
        }
    }
}

/// The limits of a context. Nothing is allocated before the first one is set.
pub(crate) struct Limits(KVec<(u32, Limit)>);

/// The resource has limits. Errors: `EINVAL`.
fn settable(id: u32) -> Result {
    if id < rlimit::COUNT && rlimit::SETTABLE & (1 << id) != 0 {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

/// The resource has statistics. Errors: `EINVAL`.
fn counted(id: u32) -> Result {
    match id {
        rlimit::SEMARY | rlimit::NSEMS | rlimit::MAPPED => Ok(()),
        _ => settable(id),
    }
}

impl Limits {
    /// Everything is unlimited.
    pub(crate) fn new() -> Self {
        Self(KVec::new())
    }

    /// The limit of a resource. Errors: `EINVAL` when it has none.
    pub(crate) fn get(&self, id: u32) -> Result<Limit> {
        settable(id)?;
        let set = self.0.iter().find(|(number, _)| *number == id);
        Ok(set.map_or(Limit::NONE, |(_, limit)| *limit))
    }

    /// Sets the limit of a resource. Errors: `EINVAL` when it has none, `ENOMEM`.
    pub(crate) fn set(&mut self, id: u32, soft: u64, hard: u64) -> Result {
        let limit = self.get(id)?.changed(soft, hard);
        match self.0.iter_mut().find(|(number, _)| *number == id) {
            Some((_, old)) => *old = limit,
            None => self.0.push((id, limit), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(())
    }
}

/// `get_rlimit`
pub(crate) fn get_rlimit(call: &Call, context: &Context) -> Result<u32> {
    let mut data = call.read_rlimit()?;
    let limit = context.with_limits(|limits| limits.get(data.id))?;
    data.minimum = 0;
    data.softlimit = limit.soft;
    data.maximum = limit.hard;
    call.write_rlimit(&data)?;
    Ok(0)
}

/// `set_rlimit`: the minimum is ignored.
pub(crate) fn set_rlimit(call: &Call, context: &Context) -> Result<u32> {
    let data = call.read_rlimit()?;
    context.with_limits(|limits| limits.set(data.id, data.softlimit, data.maximum))?;
    Ok(0)
}

/// `get_rlimit_mask`
pub(crate) fn get_rlimit_mask(call: &Call) -> Result<u32> {
    call.write(&RlimitMask {
        minimum: 0,
        softlimit: 0,
        maximum: rlimit::SETTABLE,
    })?;
    Ok(0)
}

/// `rlimit_stat`
pub(crate) fn rlimit_stat(call: &Call, context: &Context) -> Result<u32> {
    let mut data: RlimitStat = call.read()?;
    counted(data.id)?;
    let value = context.used(data.id);
    data.hits = 0;
    data.value = value;
    data.minimum = value;
    data.maximum = value;
    call.write(&data)?;
    Ok(0)
}

/// `reset_hits`: there are none yet.
pub(crate) fn reset_hits(_call: &Call, _context: &Context) -> Result<u32> {
    Ok(0)
}

/// `reset_minmax`: the lowest and highest use are the present one.
pub(crate) fn reset_minmax(_call: &Call, _context: &Context) -> Result<u32> {
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_limit)]
mod tests {
    use super::*;

    #[test]
    fn a_new_context_is_unlimited() {
        let limits = Limits::new();
        for id in 0..40 {
            let known = id < 24 && 0x004b_14c0_u32 & (1 << id) != 0;
            let wanted = if known { Ok(Limit::NONE) } else { Err(EINVAL) };
            assert_eq!(limits.get(id), wanted);
        }
    }

    #[test]
    fn the_soft_limit_follows_the_hard_one_down() -> Result {
        let mut limits = Limits::new();
        limits.set(rlimit::NPROC, rlimit::KEEP, 100)?;
        assert_eq!(
            limits.get(rlimit::NPROC),
            Ok(Limit {
                soft: 100,
                hard: 100
            })
        );
        limits.set(rlimit::NPROC, 50, rlimit::KEEP)?;
        limits.set(rlimit::NPROC, rlimit::KEEP, rlimit::INFINITY)?;
        assert_eq!(
            limits.get(rlimit::NPROC),
            Ok(Limit {
                soft: 50,
                hard: rlimit::INFINITY
            })
        );
        limits.set(rlimit::NPROC, 70, 60)?;
        assert_eq!(limits.get(rlimit::NPROC), Ok(Limit { soft: 60, hard: 60 }));
        assert_eq!(limits.get(rlimit::NOFILE), Ok(Limit::NONE));
        Ok(())
    }

    #[test]
    fn zero_is_a_limit() -> Result {
        let mut limits = Limits::new();
        limits.set(rlimit::SHMEM, 0, 0)?;
        assert_eq!(limits.get(rlimit::SHMEM), Ok(Limit { soft: 0, hard: 0 }));
        Ok(())
    }

    #[test]
    fn resources_without_limits_are_refused() {
        let mut limits = Limits::new();
        for id in [0, 5, 8, 9, 18, 20, 21, 23, 24, 31, 32, u32::MAX] {
            assert_eq!(limits.set(id, 1, 1), Err(EINVAL));
        }
        assert!(limits.0.is_empty());
    }

    #[test]
    fn some_resources_are_only_counted() {
        for id in [20, 21, 23, 6, 7] {
            assert_eq!(counted(id), Ok(()));
        }
        for id in [0, 5, 9, 18, 24, u32::MAX] {
            assert_eq!(counted(id), Err(EINVAL));
        }
    }
}
