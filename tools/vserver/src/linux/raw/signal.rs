// SPDX-License-Identifier: GPL-2.0

//! Signals.

use super::check;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};
use std::time::Duration;

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the first call fills the set, the others change it; bad numbers are refused.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Signals that are kept from their usual effect and can be read instead, until dropped.
#[derive(Debug)]
pub struct Caught {
    file: File,
    before: libc::sigset_t,
}

impl Caught {
    /// Catches `signals` for the calling thread, which is the only one.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let set = set_of(signals);
        let mut before = MaybeUninit::uninit();
        // SAFETY: the set is initialised, and the call fills `before` or fails.
        let before = unsafe {
            check(libc::sigprocmask(
                libc::SIG_BLOCK,
                &raw const set,
                before.as_mut_ptr(),
            ))?;
            before.assume_init()
        };
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: the set is initialised; -1 asks for a new descriptor.
        let descriptor = check(unsafe { libc::signalfd(-1, &raw const set, flags) })?;
        // SAFETY: the call has just made this descriptor.
        let file = unsafe { File::from_raw_fd(descriptor) };
        Ok(Self { file, before })
    }

    /// Returns the next signal that has arrived, without waiting.
    pub fn next(&self) -> io::Result<Option<i32>> {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        match (&self.file).read(&mut record) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
            // The number is the first word of the record.
            Ok(_) => Ok(Some(i32::from_ne_bytes([
                record[0], record[1], record[2], record[3],
            ]))),
        }
    }
}

impl AsFd for Caught {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // SAFETY: the set was filled by the call that blocked the signals.
        unsafe {
            libc::sigprocmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            )
        };
    }
}

/// Stops the process as the terminal does it; returns when it goes on, or at once where nobody could
/// let it go on. The caller has caught `SIGTSTP`.
pub fn stop_self() -> io::Result<()> {
    let set = set_of(&[libc::SIGTSTP]);
    // SAFETY: the set is initialised; the calls take no other pointers.
    unsafe {
        check(libc::raise(libc::SIGTSTP))?;
        check(libc::sigprocmask(
            libc::SIG_UNBLOCK,
            &raw const set,
            std::ptr::null_mut(),
        ))?;
        check(libc::sigprocmask(
            libc::SIG_BLOCK,
            &raw const set,
            std::ptr::null_mut(),
        ))
    }
    .map(drop)
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// Interrupts what the process sleeps in, again and again: a single signal might come before the
/// sleep begins.
pub fn interrupt_every(interval: Duration) -> io::Result<()> {
    let alarm = set_of(&[libc::SIGALRM]);
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    let time = libc::timeval {
        tv_sec: 0,
        tv_usec: interval.subsec_micros().into(),
    };
    let timer = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: a zeroed structure has no flags and an empty mask, and gets a handler that touches
    // nothing; all pointers are valid during the calls.
    unsafe {
        (*action.as_mut_ptr()).sa_sigaction = nothing as *const () as libc::sighandler_t;
        check(libc::sigaction(
            libc::SIGALRM,
            action.as_ptr(),
            std::ptr::null_mut(),
        ))?;
        check(libc::sigprocmask(
            libc::SIG_UNBLOCK,
            &raw const alarm,
            std::ptr::null_mut(),
        ))?;
        check(libc::setitimer(
            libc::ITIMER_REAL,
            &raw const timer,
            std::ptr::null_mut(),
        ))
    }
    .map(drop)
}

/// Gives every signal its default effect and blocks none.
pub fn reset_all() -> io::Result<()> {
    let none = set_of(&[]);
    // A zeroed structure means the default effect and no flags. The call of the C library would
    // leave out the signals that it keeps for itself.
    let default = [0_u64; 8];
    let set_size = 8_usize;
    // SAFETY: the kernel reads its structure, at most half of the array; the signals that cannot
    // be changed are refused without effect.
    unsafe {
        for signal in 1..=64 {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null_mut::<u64>(),
                set_size,
            );
        }
        check(libc::sigprocmask(
            libc::SIG_SETMASK,
            &raw const none,
            std::ptr::null_mut(),
        ))
    }
    .map(drop)
}
