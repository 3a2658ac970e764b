// SPDX-License-Identifier: GPL-2.0

//! The time of day: reading and setting it, and waiting for it. Times are nanoseconds since 1970.

use super::{Sys, c, done, errno, poll_one, sys};
use libc::{c_int, c_long, clockid_t, timespec, timeval};
use std::mem::zeroed;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;

/// A descriptor that is closed at the end.
struct Open(c_int);

impl Drop for Open {
    fn drop(&mut self) {
        super::sockets::close(self.0);
    }
}

fn spec(time: i64) -> timespec {
    timespec {
        tv_sec: time.div_euclid(SECOND),
        tv_nsec: time.rem_euclid(SECOND),
    }
}

fn told(time: timespec) -> i64 {
    time.tv_sec * SECOND + time.tv_nsec
}

/// `clock_gettime(2)` through the vDSO, if that has the clock.
pub fn read(clock: clockid_t) -> Sys<i64> {
    let mut time = spec(0);
    // SAFETY: the time outlives the call.
    done(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    Ok(told(time))
}

/// The same past the vDSO.
pub fn ask(clock: clockid_t) -> Sys<i64> {
    let mut time = spec(0);
    // SAFETY: the time outlives the call.
    done(unsafe { libc::syscall(libc::SYS_clock_gettime, clock as c_long, &raw mut time) })?;
    Ok(told(time))
}

fn of_timeval(time: timeval) -> i64 {
    time.tv_sec * SECOND + time.tv_usec * 1000
}

/// `gettimeofday(2)` through the vDSO.
pub fn timeofday() -> Sys<i64> {
    // SAFETY: an all-zero time is valid and outlives the call.
    unsafe {
        let mut time: timeval = zeroed();
        done(libc::gettimeofday(&raw mut time, null_mut()))?;
        Ok(of_timeval(time))
    }
}

/// The same past the vDSO.
pub fn ask_timeofday() -> Sys<i64> {
    // SAFETY: an all-zero time is valid and outlives the call.
    unsafe {
        let mut time: timeval = zeroed();
        done(libc::syscall(
            libc::SYS_gettimeofday,
            &raw mut time,
            0_usize,
        ))?;
        Ok(of_timeval(time))
    }
}

/// `time(2)` as a system call, whole seconds.
#[cfg(target_arch = "x86_64")]
pub fn ask_time() -> Sys<i64> {
    // SAFETY: a null pointer is allowed.
    Ok(sys(unsafe { libc::syscall(libc::SYS_time, 0_usize) })? * SECOND)
}

/// The time that `adjtimex(2)` tells.
pub fn adjustment() -> Sys<i64> {
    let time = adjust(0, 0)?;
    Ok(time.tv_sec * SECOND + time.tv_usec * 1000)
}

/// `adjtimex(2)` with these modes and this offset: the time that it tells.
pub fn adjust(modes: u32, seconds: i64) -> Sys<timeval> {
    // SAFETY: an all-zero structure is valid and outlives the call.
    unsafe {
        let mut state: libc::timex = zeroed();
        state.modes = modes;
        state.time.tv_sec = seconds;
        sys(libc::adjtimex(&raw mut state))?;
        Ok(state.time)
    }
}

/// `clock_settime(2)` of the time of day.
pub fn set(time: i64) -> Sys<()> {
    let time = spec(time);
    // SAFETY: the time outlives the call, which only reads it.
    done(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) })
}

/// `clock_settime(2)` with a fraction that is none.
pub fn set_wrongly() -> Sys<()> {
    let time = timespec {
        tv_sec: 1,
        tv_nsec: SECOND,
    };
    // SAFETY: the time outlives the call, which only reads it.
    done(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) })
}

/// `settimeofday(2)`.
pub fn set_timeofday(time: i64) -> Sys<()> {
    let time = timeval {
        tv_sec: time.div_euclid(SECOND),
        tv_usec: time.rem_euclid(SECOND) / 1000,
    };
    // SAFETY: the time outlives the call, which only reads it; no zone.
    done(unsafe { libc::syscall(libc::SYS_settimeofday, &raw const time, 0_usize) })
}

/// `settimeofday(2)` of the time zone only, to UTC.
pub fn set_zone() -> Sys<()> {
    let zone = [0_i32; 2];
    // SAFETY: the zone outlives the call, which only reads it.
    done(unsafe { libc::syscall(libc::SYS_settimeofday, 0_usize, &raw const zone) })
}

/// `clock_nanosleep(2)` until a time of day.
pub fn sleep_until(time: i64) -> Sys<()> {
    let time = spec(time);
    // SAFETY: the time outlives the call, which only reads it.
    match unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_REALTIME,
            libc::TIMER_ABSTIME,
            &raw const time,
            null_mut(),
        )
    } {
        0 => Ok(()),
        error => Err(error),
    }
}

pub fn futex_until(time: i64) -> Sys<()> {
    let word = 0_u32;
    let time = spec(time);
    // SAFETY: word and time outlive the call; no second word.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_futex,
            &raw const word,
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_CLOCK_REALTIME,
            0,
            &raw const time,
            0_usize,
            libc::FUTEX_BITSET_MATCH_ANY,
        )
    };
    timed_out(ret)
}

/// The error says that the time was reached; anything else is none of the expected.
fn timed_out(ret: c_long) -> Sys<()> {
    match (ret, errno()) {
        (-1, libc::ETIMEDOUT) => Ok(()),
        (-1, error) => Err(error),
        _ => Err(libc::EPROTO),
    }
}

/// `mq_timedreceive(2)` of an empty queue, until a time of day.
pub fn receive_until(time: i64) -> Sys<()> {
    let name = c("/clock");
    let time = spec(time);
    // SAFETY: name, buffer and time outlive the calls; without attributes the queue is a small one.
    unsafe {
        let queue = sys(libc::mq_open(
            name.as_ptr(),
            libc::O_RDONLY | libc::O_CREAT,
            0o600,
            null::<libc::mq_attr>(),
        ))?;
        let queue = Open(queue as c_int);
        done(libc::mq_unlink(name.as_ptr()))?;
        let mut buffer = vec![0; 8192];
        let ret = libc::mq_timedreceive(
            queue.0,
            buffer.as_mut_ptr(),
            buffer.len(),
            null_mut(),
            &raw const time,
        );
        timed_out(ret as c_long)
    }
}

/// A timer on a descriptor, until a time of day; waits 20 seconds at most.
pub fn timerfd_until(time: i64) -> Sys<()> {
    // SAFETY: plain numbers; the setting outlives the call, which only reads it.
    let timer = unsafe {
        let timer = Open(sys(libc::timerfd_create(
            libc::CLOCK_REALTIME,
            libc::TFD_CLOEXEC,
        ))? as c_int);
        let setting = libc::itimerspec {
            it_interval: spec(0),
            it_value: spec(time),
        };
        done(libc::timerfd_settime(
            timer.0,
            libc::TFD_TIMER_ABSTIME,
            &raw const setting,
            null_mut(),
        ))?;
        timer
    };
    let mut entry = libc::pollfd {
        fd: timer.0,
        events: libc::POLLIN,
        revents: 0,
    };
    match poll_one(&mut entry, Duration::from_secs(20)) {
        1 => Ok(()),
        0 => Err(libc::ETIMEDOUT),
        _ => Err(errno()),
    }
}

/// How long a timer without a signal that is set to a time of day has to go, nanoseconds.
pub fn timer_left(time: i64) -> Sys<i64> {
    // SAFETY: all structures outlive the calls; an all-zero event is valid, and says no signal.
    unsafe {
        let mut event: libc::sigevent = zeroed();
        event.sigev_notify = libc::SIGEV_NONE;
        let mut timer: libc::timer_t = zeroed();
        done(libc::timer_create(
            libc::CLOCK_REALTIME,
            &raw mut event,
            &raw mut timer,
        ))?;
        let setting = libc::itimerspec {
            it_interval: spec(0),
            it_value: spec(time),
        };
        let set = done(libc::timer_settime(
            timer,
            libc::TIMER_ABSTIME,
            &raw const setting,
            null_mut(),
        ));
        let mut left: libc::itimerspec = zeroed();
        let read = set.and_then(|()| done(libc::timer_gettime(timer, &raw mut left)));
        libc::timer_delete(timer);
        read.map(|()| told(left.it_value))
    }
}
