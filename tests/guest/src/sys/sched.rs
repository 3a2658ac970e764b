// SPDX-License-Identifier: GPL-2.0

//! Scheduling calls.

use super::{Sys, done, errno, sys};
use libc::{c_int, pid_t};
use std::mem::{size_of, zeroed};

/// Processors that are online.
pub fn processors() -> i32 {
    // SAFETY: plain number.
    unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) as i32 }
}

/// Selects what `who` means in priority calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A process.
    Process,
    /// A process group.
    Group,
    /// All processes of a user.
    User,
}

impl Whose {
    fn prio(self) -> u32 {
        match self {
            Self::Process => libc::PRIO_PROCESS,
            Self::Group => libc::PRIO_PGRP,
            Self::User => libc::PRIO_USER,
        }
    }
}

/// `setpriority(2)`.
pub fn setpriority(whose: Whose, who: u32, nice: c_int) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::setpriority(whose.prio() as _, who, nice) })
}

/// `getpriority(2)`; the value is the nice value.
pub fn getpriority(whose: Whose, who: u32) -> Sys<i32> {
    // SAFETY: plain numbers. The raw call returns 20 - nice, which is never -1.
    let ret = unsafe { libc::syscall(libc::SYS_getpriority, whose.prio(), who) };
    match ret {
        -1 => Err(errno()),
        value => Ok(20 - value as i32),
    }
}

/// `sched_setaffinity(2)` to processor 0.
pub fn setaffinity(pid: pid_t) -> Sys<()> {
    // SAFETY: an all-zero set is valid; it outlives the call.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(0, &mut set);
        done(libc::sched_setaffinity(
            pid,
            size_of::<libc::cpu_set_t>(),
            &set,
        ))
    }
}

/// `sched_getaffinity(2)`.
pub fn getaffinity(pid: pid_t) -> Sys<()> {
    // SAFETY: an all-zero set is valid; it outlives the call.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        done(libc::sched_getaffinity(
            pid,
            size_of::<libc::cpu_set_t>(),
            &mut set,
        ))
    }
}

/// `sched_setscheduler(2)` to the batch policy.
pub fn setscheduler(pid: pid_t) -> Sys<()> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` outlives the call.
    done(unsafe { libc::sched_setscheduler(pid, libc::SCHED_BATCH, &param) })
}

/// Policies that scenarios choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The ordinary one.
    Other,
    /// Real time, until it gives the processor up.
    Fifo,
    /// Real time, in turns.
    RoundRobin,
}

/// `sched_setscheduler(2)` to a policy, with the lowest priority of real time.
pub fn setpolicy(pid: pid_t, policy: Policy) -> Sys<()> {
    let (number, sched_priority) = match policy {
        Policy::Other => (libc::SCHED_OTHER, 0),
        Policy::Fifo => (libc::SCHED_FIFO, 1),
        Policy::RoundRobin => (libc::SCHED_RR, 1),
    };
    let param = libc::sched_param { sched_priority };
    // SAFETY: `param` outlives the call.
    done(unsafe { libc::sched_setscheduler(pid, number, &param) })
}

/// `sched_getscheduler(2)`.
pub fn getscheduler(pid: pid_t) -> Sys<i64> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::sched_getscheduler(pid) })
}

/// `sched_getparam(2)`.
pub fn getparam(pid: pid_t) -> Sys<()> {
    let mut param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` outlives the call.
    done(unsafe { libc::sched_getparam(pid, &mut param) })
}

/// `sched_rr_get_interval(2)`.
pub fn rr_interval(pid: pid_t) -> Sys<()> {
    // SAFETY: an all-zero timespec is valid and outlives the call.
    unsafe {
        let mut time: libc::timespec = zeroed();
        done(libc::sched_rr_get_interval(pid, &mut time))
    }
}

const IOPRIO_WHO_PROCESS: c_int = 1;
/// Best effort, level 5.
const IOPRIO_VALUE: c_int = (2 << 13) | 5;

/// `ioprio_set(2)` on a process.
pub fn ioprio_set(pid: pid_t) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, IOPRIO_VALUE) })
}

/// `ioprio_get(2)` of a process.
pub fn ioprio_get(pid: pid_t) -> Sys<i64> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid) })
}
