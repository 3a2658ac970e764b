// SPDX-License-Identifier: GPL-2.0

//! A child process whose answer comes later.

use super::carry::Carry;
use super::check::Stop;
use super::child::{self, Child};
use super::wait;
use crate::limits::GONE_WITHIN;
use crate::sys::files;
use std::fs::File;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// A running child and the pipe for its answer.
pub struct Promise<T> {
    child: Child,
    pipe: File,
    answer: PhantomData<T>,
}

impl<T: Carry> Promise<T> {
    /// Starts a child that computes the answer.
    pub fn start(body: impl FnOnce() -> T) -> Result<Self, Stop> {
        let (pipe, mut write) = child::pipe()?;
        child::keep_private(&pipe);
        let child = Child::start(|| {
            let mut bytes = Vec::new();
            body().pack(&mut bytes);
            i32::from(write.write_all(&bytes).is_err())
        });
        drop(write);
        Ok(Self {
            child: child?,
            pipe,
            answer: PhantomData,
        })
    }

    /// Pid of the child.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Whether the answer, or the end of the child, comes within this time.
    pub fn ready(&self, limit: Duration) -> bool {
        let mut poll = libc::pollfd {
            fd: self.pipe.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid entry.
        unsafe { libc::poll(&mut poll, 1, limit.as_millis() as i32) > 0 }
    }

    /// Whether the child comes to wait for something within a generous time.
    pub fn sleeps(&self) -> bool {
        let path = format!("/proc/{}/stat", self.pid());
        wait::until(GONE_WITHIN, || {
            files::read(&path).is_ok_and(|text| text.contains(") S "))
        })
    }

    /// Waits for the answer.
    pub fn answer(mut self) -> Result<T, Stop> {
        let mut bytes = Vec::new();
        let received = self.pipe.read_to_end(&mut bytes);
        let exit = self.child.wait()?;
        received.map_err(|error| Stop::Fail(format!("answer of a child: {error}")))?;
        T::unpack(&mut bytes.as_slice())
            .ok_or_else(|| Stop::Fail(format!("a child gave no answer, it ended with {exit:?}")))
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        child::release_private(&self.pipe);
    }
}

/// Runs `body` in a child process and brings its value back.
pub fn subprocess<T: Carry>(body: impl FnOnce() -> T) -> Result<T, Stop> {
    Promise::start(body)?.answer()
}
