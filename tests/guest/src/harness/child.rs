// SPDX-License-Identifier: GPL-2.0

//! Processes that a scenario starts.

use super::carry::Carry;
use super::check::Stop;
use super::context;
use super::promise::subprocess;
use crate::sys::{describe, errno, process};
use libc::{c_int, pid_t};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It called exit with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl Exit {
    /// Reads a status word of `wait(2)`.
    pub fn from_status(status: c_int) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signal(libc::WTERMSIG(status))
        } else {
            Self::Code(libc::WEXITSTATUS(status))
        }
    }
}

/// Descriptors that belong to one process only: every fork closes them in the child. Otherwise a
/// sibling would hold the write end of a pipe and its reader would never see the end.
static PRIVATE: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Marks a descriptor as private to this process.
pub fn keep_private(file: &File) {
    if let Ok(mut set) = PRIVATE.lock() {
        set.insert(file.as_raw_fd());
    }
}

/// Takes the mark away before the descriptor is closed.
pub fn release_private(file: &File) {
    if let Ok(mut set) = PRIVATE.lock() {
        set.remove(&file.as_raw_fd());
    }
}

fn close_private() {
    if let Ok(mut set) = PRIVATE.lock() {
        for fd in std::mem::take(&mut *set) {
            // SAFETY: the child inherited the descriptor and no object in the child uses it.
            unsafe { libc::close(fd) };
        }
    }
}

/// A pipe: read end, write end.
pub fn pipe() -> Result<(File, File), Stop> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors, which nobody else owns yet.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(Stop::Fail(format!("pipe: {}", describe(errno()))));
        }
        Ok((File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])))
    }
}

/// A child process. When it is dropped it is killed and reaped, so no scenario leaves one behind
/// by accident.
#[derive(Debug)]
pub struct Child {
    pid: pid_t,
    reaped: bool,
}

impl Child {
    /// Starts a child that runs `body` and exits with its value; 99 stands for a panic.
    pub fn start(body: impl FnOnce() -> i32) -> Result<Self, Stop> {
        // SAFETY: a scenario process is single-threaded when it forks.
        match unsafe { libc::fork() } {
            -1 => Err(Stop::Fail(format!("fork: {}", describe(errno())))),
            0 => {
                process::die_with_parent(libc::SIGKILL);
                close_private();
                let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(99);
                // SAFETY: ends the child without running the parent's exit handlers.
                unsafe { libc::_exit(code) }
            }
            pid => Ok(Self { pid, reaped: false }),
        }
    }

    /// Takes over a process that became a child of the caller in another way.
    pub fn adopt(pid: pid_t) -> Self {
        Self { pid, reaped: false }
    }

    /// The pid in the caller's pid namespace.
    pub fn pid(&self) -> pid_t {
        self.pid
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> Result<Exit, Stop> {
        let mut status = 0;
        loop {
            // SAFETY: `status` outlives the call.
            match unsafe { libc::waitpid(self.pid, &mut status, 0) } {
                -1 if errno() == libc::EINTR => continue,
                -1 => {
                    return Err(Stop::Fail(format!(
                        "wait for {}: {}",
                        self.pid,
                        describe(errno())
                    )));
                }
                _ => {
                    self.reaped = true;
                    return Ok(Exit::from_status(status));
                }
            }
        }
    }

    /// Somebody else has waited for the child.
    pub fn reaped(&mut self) {
        self.reaped = true;
    }

    /// Whether the child has ended, without reaping it.
    pub fn has_ended(&self) -> bool {
        if self.reaped {
            return true;
        }
        // SAFETY: an all-zero siginfo_t is valid and outlives the call.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            libc::waitid(libc::P_PID, self.pid as libc::id_t, &mut info, flags) == 0
                && info.si_pid() == self.pid
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        // A task in a context is out of reach for the host's kill; the runner ends those.
        let _ = process::kill(self.pid, libc::SIGKILL);
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        unsafe { libc::waitpid(self.pid, &mut status, libc::WNOHANG) };
    }
}

/// Runs `body` in a child process that became the spectator, who sees all contexts.
pub fn spectator<T: Carry>(body: impl FnOnce() -> T) -> Result<T, Stop> {
    subprocess(|| context::become_spectator().map(|()| body()))?
        .map_err(|error| Stop::Fail(format!("become spectator: {}", describe(error))))
}
