// SPDX-License-Identifier: GPL-2.0

//! Structures about resources: limits, statistics, the scheduler.

/// Argument of `get_rlimit` and `set_rlimit`.
///
/// 32-bit x86 has no padding here, see [`CtxRlimitX86Compat`](super::CtxRlimitX86Compat).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtxRlimit {
    /// Resource, see [`rlimit`](super::rlimit).
    pub id: u32,
    /// Padding without meaning.
    #[cfg(not(target_arch = "x86"))]
    pub pad: u32,
    /// Never applied; get returns 0.
    pub minimum: u64,
    /// Soft limit in units of the resource, or a special value of [`rlimit`](super::rlimit).
    pub softlimit: u64,
    /// Hard limit in units of the resource, or a special value of [`rlimit`](super::rlimit).
    pub maximum: u64,
}

/// Argument of `get_rlimit_mask`: bit n stands for resource n.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RlimitMask {
    /// Resources whose minimum can be set.
    pub minimum: u32,
    /// Resources whose soft limit can be set.
    pub softlimit: u32,
    /// Resources whose hard limit can be set.
    pub maximum: u32,
}

/// Argument of `rlimit_stat`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RlimitStat {
    /// In: resource, see [`rlimit`](super::rlimit).
    pub id: u32,
    /// How often the hard limit refused a request.
    pub hits: u32,
    /// Present use in units of the resource.
    pub value: u64,
    /// Lowest use since creation or `reset_minmax`.
    pub minimum: u64,
    /// Highest use since creation or `reset_minmax`.
    pub maximum: u64,
}

/// Argument of `virt_stat`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VirtStat {
    /// Offset of the clock to that of the host, nanoseconds in two's complement.
    pub offset: u64,
    /// Time since the creation of the context, nanoseconds.
    pub uptime: u64,
    /// Threads.
    pub nr_threads: u32,
    /// Threads that can run.
    pub nr_running: u32,
    /// Threads in uninterruptible sleep.
    pub nr_uninterruptible: u32,
    /// Threads held by the token bucket.
    pub nr_onhold: u32,
    /// Forks since creation.
    pub nr_forks: u32,
    /// Load of 1, 5 and 15 minutes, with 11 bits of fraction.
    pub load: [u32; 3],
}

/// Argument of `sock_stat`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockStat {
    /// In: class of families, see [`sock`](super::sock).
    pub field: u32,
    /// Operations, by [`sock::RECV`](super::sock::RECV), `SEND` and `FAIL`.
    pub count: [u32; 3],
    /// Bytes, by the same.
    pub total: [u64; 3],
}

/// Argument of `set_sched_v4`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetSchedV4 {
    /// Which members apply, see [`vxsm`](super::vxsm).
    pub set_mask: u32,
    /// Tokens per interval.
    pub fill_rate: i32,
    /// Ticks.
    pub interval: i32,
    /// Present tokens.
    pub tokens: i32,
    /// Tokens needed to go on.
    pub tokens_min: i32,
    /// Size of the bucket.
    pub tokens_max: i32,
    /// Priority bias, -20 to 20.
    pub prio_bias: i32,
    /// Processor, with `CPU_ID` in the mask.
    pub cpu_id: i32,
    /// Without effect.
    pub bucket_id: i32,
}

/// Argument of `set_sched` and `get_sched`.
///
/// Index 0 of rates and intervals is for normal time, index 1 for idle time.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedV5 {
    /// Set: which members apply, see [`vxsm`](super::vxsm). Get: `CPU_ID` and `MSEC` select,
    /// `IDLE_TIME` is returned.
    pub mask: u32,
    /// Processor, with `CPU_ID` in the mask.
    pub cpu_id: i32,
    /// Without effect.
    pub bucket_id: i32,
    /// Tokens per interval.
    pub fill_rate: [i32; 2],
    /// Ticks, or milliseconds with `MSEC` in the mask.
    pub interval: [i32; 2],
    /// Present tokens.
    pub tokens: i32,
    /// Tokens needed to go on.
    pub tokens_min: i32,
    /// Size of the bucket.
    pub tokens_max: i32,
    /// Priority bias, -20 to 20.
    pub prio_bias: i32,
}

/// Argument of `sched_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedInfo {
    /// In: processor.
    pub cpu_id: i32,
    /// Ignored.
    pub bucket_id: i32,
    /// User time of the context on the processor, milliseconds.
    pub user_msec: u64,
    /// System time, milliseconds.
    pub sys_msec: u64,
    /// Time held by the token bucket, milliseconds.
    pub hold_msec: u64,
    /// Length of a token, microseconds; all that is filled for id 0.
    pub token_usec: u32,
    /// Last correction of the priority.
    pub vavavoom: i32,
}

/// Argument of `set_prio_bias` and `get_prio_bias`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrioBias {
    /// Processor; set only: [`sched::ALL_CPUS`](super::sched::ALL_CPUS).
    pub cpu_id: i32,
    /// Priority bias, set limits it to -20 to 20.
    pub prio_bias: i32,
}

const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<RlimitMask>() == 12);
    assert!(offset_of!(RlimitMask, minimum) == 0);
    assert!(offset_of!(RlimitMask, softlimit) == 4);
    assert!(offset_of!(RlimitMask, maximum) == 8);
    assert!(size_of::<RlimitStat>() == 32);
    assert!(offset_of!(RlimitStat, id) == 0);
    assert!(offset_of!(RlimitStat, hits) == 4);
    assert!(offset_of!(RlimitStat, value) == 8);
    assert!(offset_of!(RlimitStat, minimum) == 16);
    assert!(offset_of!(RlimitStat, maximum) == 24);
    assert!(size_of::<VirtStat>() == 48);
    assert!(offset_of!(VirtStat, offset) == 0);
    assert!(offset_of!(VirtStat, uptime) == 8);
    assert!(offset_of!(VirtStat, nr_threads) == 16);
    assert!(offset_of!(VirtStat, nr_running) == 20);
    assert!(offset_of!(VirtStat, nr_uninterruptible) == 24);
    assert!(offset_of!(VirtStat, nr_onhold) == 28);
    assert!(offset_of!(VirtStat, nr_forks) == 32);
    assert!(offset_of!(VirtStat, load) == 36);
    assert!(size_of::<SockStat>() == 40);
    assert!(offset_of!(SockStat, field) == 0);
    assert!(offset_of!(SockStat, count) == 4);
    assert!(offset_of!(SockStat, total) == 16);
    assert!(size_of::<SetSchedV4>() == 36);
    assert!(offset_of!(SetSchedV4, set_mask) == 0);
    assert!(offset_of!(SetSchedV4, fill_rate) == 4);
    assert!(offset_of!(SetSchedV4, interval) == 8);
    assert!(offset_of!(SetSchedV4, tokens) == 12);
    assert!(offset_of!(SetSchedV4, tokens_min) == 16);
    assert!(offset_of!(SetSchedV4, tokens_max) == 20);
    assert!(offset_of!(SetSchedV4, prio_bias) == 24);
    assert!(offset_of!(SetSchedV4, cpu_id) == 28);
    assert!(offset_of!(SetSchedV4, bucket_id) == 32);
    assert!(size_of::<SchedV5>() == 44);
    assert!(offset_of!(SchedV5, mask) == 0);
    assert!(offset_of!(SchedV5, cpu_id) == 4);
    assert!(offset_of!(SchedV5, bucket_id) == 8);
    assert!(offset_of!(SchedV5, fill_rate) == 12);
    assert!(offset_of!(SchedV5, interval) == 20);
    assert!(offset_of!(SchedV5, tokens) == 28);
    assert!(offset_of!(SchedV5, tokens_min) == 32);
    assert!(offset_of!(SchedV5, tokens_max) == 36);
    assert!(offset_of!(SchedV5, prio_bias) == 40);
    assert!(size_of::<SchedInfo>() == 40);
    assert!(offset_of!(SchedInfo, cpu_id) == 0);
    assert!(offset_of!(SchedInfo, bucket_id) == 4);
    assert!(offset_of!(SchedInfo, user_msec) == 8);
    assert!(offset_of!(SchedInfo, sys_msec) == 16);
    assert!(offset_of!(SchedInfo, hold_msec) == 24);
    assert!(offset_of!(SchedInfo, token_usec) == 32);
    assert!(offset_of!(SchedInfo, vavavoom) == 36);
    assert!(size_of::<PrioBias>() == 8);
    assert!(offset_of!(PrioBias, cpu_id) == 0);
    assert!(offset_of!(PrioBias, prio_bias) == 4);
};

#[cfg(not(target_arch = "x86"))]
const _: () = {
    use core::mem::{offset_of, size_of};

    assert!(size_of::<CtxRlimit>() == 32);
    assert!(offset_of!(CtxRlimit, id) == 0);
    assert!(offset_of!(CtxRlimit, pad) == 4);
    assert!(offset_of!(CtxRlimit, minimum) == 8);
    assert!(offset_of!(CtxRlimit, softlimit) == 16);
    assert!(offset_of!(CtxRlimit, maximum) == 24);
};
