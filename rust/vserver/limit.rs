// SPDX-License-Identifier: GPL-2.0

//! Limits of the resources of a context (semantics.md, section 10).
//!
//! What may be had is decided here, when a limit is set; the glue counts and compares
//! (`glue/limit.h`). Limits of resources that nothing counts are stored and told.

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

/// What the glue counts: indices of the array in `struct vs_ctx`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Threads.
    Threads,
    /// Open files.
    Files,
    /// Sockets.
    Sockets,
    /// Pages of System V shared memory.
    ShmPages,
    /// System V semaphore arrays.
    SemArrays,
    /// System V semaphores.
    Semaphores,
    /// Locks of files.
    Locks,
    /// Bytes of POSIX message queues.
    MsgBytes,
    /// Descriptors, counted when somebody asks.
    Descriptors,
    /// Pages of address space, added up when somebody asks.
    AddressSpace,
    /// Locked pages, added up when somebody asks.
    LockedPages,
}

impl Counted {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Threads,
        Self::Files,
        Self::Sockets,
        Self::ShmPages,
        Self::SemArrays,
        Self::Semaphores,
        Self::Locks,
        Self::MsgBytes,
        Self::Descriptors,
        Self::AddressSpace,
        Self::LockedPages,
    ];

    /// The counter of a resource, if it is counted.
    pub(crate) fn of(resource: u32) -> Option<Self> {
        match resource {
            rlimit::NPROC => Some(Self::Threads),
            rlimit::NOFILE => Some(Self::Files),
            rlimit::NSOCK => Some(Self::Sockets),
            rlimit::SHMEM => Some(Self::ShmPages),
            rlimit::SEMARY => Some(Self::SemArrays),
            rlimit::NSEMS => Some(Self::Semaphores),
            rlimit::LOCKS => Some(Self::Locks),
            rlimit::MSGQUEUE => Some(Self::MsgBytes),
            rlimit::OPENFD => Some(Self::Descriptors),
            rlimit::AS => Some(Self::AddressSpace),
            rlimit::MEMLOCK => Some(Self::LockedPages),
            _ => None,
        }
    }
}

/// Use of a resource, in its units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// At present.
    pub(crate) value: u64,
    /// Lowest since the last reset.
    pub(crate) minimum: u64,
    /// Highest since the last reset.
    pub(crate) maximum: u64,
    /// Requests that were refused.
    pub(crate) hits: u64,
}

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

    /// How much may be had; `i64::MAX` for no limit. A soft limit alone refuses nothing.
    fn ceiling(self) -> i64 {
        if self.soft == rlimit::INFINITY || self.hard == rlimit::INFINITY {
            i64::MAX
        } else {
            i64::try_from(self.hard).unwrap_or(i64::MAX)
        }
    }

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

    /// Sets the limit of a resource and returns it. Errors: `EINVAL` when it has none, `ENOMEM`.
    pub(crate) fn set(&mut self, id: u32, soft: u64, hard: u64) -> Result<Limit> {
        let limit = self.get(id)?.changed(soft, hard);
        match self.0.iter_mut().find(|(number, _)| *number == id) {
            Some((_, old)) => *old = limit,
            None => self.0.push((id, limit), GFP_KERNEL_ACCOUNT)?,
        }
        Ok(limit)
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

/// `set_rlimit`: the minimum is ignored. What there is above a new limit stays, and nothing more
/// can be had before there is less.
pub(crate) fn set_rlimit(call: &Call, context: &Context) -> Result<u32> {
    let data = call.read_rlimit()?;
    context.with_limits(|limits| {
        let limit = limits.set(data.id, data.softlimit, data.maximum)?;
        // Under the lock of the limits, so that the last one to set is the one that holds.
        if let Some(counted) = Counted::of(data.id) {
            context.head().set_ceiling(counted, limit.ceiling());
        }
        Ok(())
    })?;
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
    let usage = context.usage(data.id);
    let hard = match settable(data.id) {
        Ok(()) => context.with_limits(|limits| limits.get(data.id))?.hard,
        Err(_) => rlimit::INFINITY,
    };
    data.hits = u32::try_from(usage.hits).unwrap_or(u32::MAX);
    data.value = usage.value;
    data.minimum = usage.minimum;
    data.maximum = usage.maximum.min(hard);
    call.write(&data)?;
    Ok(0)
}

/// `reset_hits`: of all resources.
pub(crate) fn reset_hits(_call: &Call, context: &Context) -> Result<u32> {
    for counted in Counted::ALL {
        context.head().reset_hits(counted);
    }
    Ok(0)
}

/// `reset_minmax`: the lowest and highest use of all resources are the present one.
pub(crate) fn reset_minmax(_call: &Call, context: &Context) -> Result<u32> {
    for counted in Counted::ALL {
        context.head().count_on_demand(counted);
    }
    context.head().reset_extremes();
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
            let known = id < 24 && 0x004b_17c0_u32 & (1 << id) != 0;
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
    fn only_a_soft_and_a_hard_limit_refuse() {
        let none = rlimit::INFINITY;
        let ceiling = |soft, hard| Limit { soft, hard }.ceiling();
        assert_eq!(ceiling(none, none), i64::MAX);
        assert_eq!(ceiling(5, none), i64::MAX);
        assert_eq!(ceiling(none, 9), i64::MAX);
        assert_eq!(ceiling(5, 9), 9);
        assert_eq!(ceiling(9, 9), 9);
        assert_eq!(ceiling(0, 0), 0);
        assert_eq!(ceiling(1, i64::MAX as u64), i64::MAX);
        assert_eq!(ceiling(1, i64::MAX as u64 + 1), i64::MAX);
        assert_eq!(ceiling(1, none - 2), i64::MAX);
    }

    #[test]
    fn each_counter_is_of_one_resource() {
        for (index, counted) in Counted::ALL.into_iter().enumerate() {
            assert_eq!(counted as usize, index);
            let resources = (0..rlimit::COUNT).filter(|id| Counted::of(*id) == Some(counted));
            assert_eq!(resources.count(), 1);
        }
        assert_eq!(Counted::of(rlimit::COUNT), None);
        assert_eq!(Counted::of(u32::MAX), None);
    }

    #[test]
    fn a_new_context_has_nothing_of_anything() -> Result {
        let claim = Context::make(0x7fff, 0)?;
        for counted in Counted::ALL {
            assert_eq!(claim.head().usage(counted), Usage::default());
        }
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
        for id in [0, 5, 11, 18, 20, 21, 23, 24, 31, 32, u32::MAX] {
            assert_eq!(limits.set(id, 1, 1), Err(EINVAL));
        }
        assert!(limits.0.is_empty());
    }

    #[test]
    fn some_resources_are_only_counted() {
        for id in [20, 21, 23, 6, 7, 8, 9] {
            assert_eq!(counted(id), Ok(()));
        }
        for id in [0, 5, 18, 24, u32::MAX] {
            assert_eq!(counted(id), Err(EINVAL));
        }
    }
}
