// SPDX-License-Identifier: GPL-2.0

//! Counting work that waits.
//!
//! Making and destroying namespaces waits for grace periods and leaves work to kernel threads. An
//! idle processor would let the virtual clock jump. So a process of the idle class fills every gap;
//! what it used itself is known to the nanosecond and is subtracted. What remains are the
//! instructions of everything else that ran: callers, kernel threads, deferred frees.

use std::io;
use std::mem::MaybeUninit;

use super::meter;
use super::sys::{check, set_policy, Child};

/// The process that fills the gaps.
pub struct Filler {
    child: Child,
    clock: libc::clockid_t,
}

impl Filler {
    /// Starts it.
    pub fn start() -> io::Result<Self> {
        let child = Child::spawn(|| {
            set_policy(libc::SCHED_IDLE)?;
            loop {
                meter::spin();
            }
        })?;
        let mut clock = 0;
        // SAFETY: the pointer is to a local variable.
        let error = unsafe { libc::clock_getcpuclockid(child.pid(), &raw mut clock) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(Self { child, clock })
    }

    /// Instructions that everything but the filler executed while `work` ran.
    pub fn busy(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<u64> {
        let (start, filled) = (meter::now(), self.used()?);
        work()?;
        let (end, filled) = (meter::now(), self.used()? - filled);
        (end - start).checked_sub(filled).ok_or_else(|| {
            io::Error::other(format!(
                "the filler (pid {}) used more than the time that passed",
                self.child.pid()
            ))
        })
    }

    /// Processor time of the filler in nanoseconds.
    fn used(&self) -> io::Result<u64> {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: the pointer is to a local variable, which a successful call fills.
        let time = unsafe {
            check(libc::clock_gettime(self.clock, time.as_mut_ptr()))?;
            time.assume_init()
        };
        Ok(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
    }
}
