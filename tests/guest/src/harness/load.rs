// SPDX-License-Identifier: GPL-2.0

//! A process of a context that takes all the processor time that it gets.

use super::check::{Need, Stop};
use super::child::{self, Child, Exit};
use super::{context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::sched::{self, Policy};
use crate::sys::{Sys, process};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Such a process, before it begins or while it computes.
pub struct Load {
    child: Child,
    begin: Option<File>,
    answer: File,
    before: Duration,
}

/// What it shall be.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Threads that compute, with the first one.
    pub threads: u32,
    /// How they are scheduled.
    pub policy: Policy,
    /// On the first processor only.
    pub first_processor: bool,
}

impl Kind {
    /// So many ordinary threads, wherever there is room.
    pub fn threads(threads: u32) -> Self {
        Self {
            threads,
            policy: Policy::Other,
            first_processor: false,
        }
    }
}

impl Load {
    /// Starts the process in a context, or on the host for context 0, with all its threads. They
    /// do nothing yet.
    pub fn start(xid: u32, kind: Kind) -> Result<Self, Stop> {
        let (read, begin) = child::pipe()?;
        let (mut answer, write) = child::pipe()?;
        child::keep_private(&begin);
        child::keep_private(&answer);
        let child = Child::start(|| live(xid, kind, read, write));
        let mut bytes = [0; 8];
        let received = answer.read_exact(&mut bytes).ok();
        let load = Self {
            child: child?,
            begin: Some(begin),
            answer,
            before: Duration::from_nanos(u64::from_ne_bytes(bytes)),
        };
        received.need(&format!("a process that computes in context {xid}"))?;
        Ok(load)
    }

    /// Starts the process and lets it compute.
    pub fn run(xid: u32, threads: u32) -> Result<Self, Stop> {
        let mut load = Self::start(xid, Kind::threads(threads))?;
        load.begin();
        Ok(load)
    }

    /// Lets the threads compute.
    pub fn begin(&mut self) {
        if let Some(pipe) = self.begin.take() {
            child::release_private(&pipe);
        }
    }

    /// Pid in the initial pid namespace.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Whether the process has ended within this time.
    pub fn ends_within(&self, limit: Duration) -> bool {
        wait::until(limit, || self.child.has_ended())
    }

    /// Waits for the end, which something else causes: how it ended, and the time that the
    /// process has used in the context, as the kernel tells its parent.
    pub fn finish(mut self) -> Result<(Exit, Duration), Stop> {
        self.begin();
        if !self.ends_within(GONE_WITHIN * 3) {
            return Err(Stop::Fail(format!(
                "process {} does not end",
                self.child.pid()
            )));
        }
        let (status, used) = process::wait_used(self.child.pid()).need("end of a process")?;
        self.child.reaped();
        Ok((Exit::from_status(status), used.saturating_sub(self.before)))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.begin();
        child::release_private(&self.answer);
    }
}

/// Body of the process.
fn live(xid: u32, kind: Kind, begin: File, mut answer: File) -> i32 {
    let begin = Arc::new(begin);
    match prepare(xid, kind, &begin) {
        Ok(before) => {
            if answer.write_all(&before.to_ne_bytes()).is_err() {
                return 1;
            }
            compute_after(&begin)
        }
        Err(error) => error,
    }
}

/// Enters the context and starts the threads: what the process had used when it was in, nanoseconds.
/// When it returns, each of them waits for the sign, or is about to, and needs no other one for
/// it: who is put on hold from now on owns no lock that keeps the others from computing.
fn prepare(xid: u32, kind: Kind, begin: &Arc<File>) -> Sys<u64> {
    if xid != 0 {
        context::migrate(xid, 0)?;
    }
    let before = process::used().as_nanos() as u64;
    if kind.first_processor {
        sched::setaffinity(0)?;
    }
    if kind.policy != Policy::Other {
        sched::setpolicy(0, kind.policy)?;
    }
    let ready = Arc::new(AtomicU32::new(1));
    for _ in 1..kind.threads {
        let (begin, ready) = (Arc::clone(begin), Arc::clone(&ready));
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                ready.fetch_add(1, Ordering::SeqCst);
                compute_after(&begin)
            })
            .map_err(|error| crate::sys::code(&error))?;
    }
    while ready.load(Ordering::SeqCst) < kind.threads {
        std::thread::yield_now();
    }
    Ok(before)
}

/// Computes when the sign has come: nothing is sent, the pipe ends.
fn compute_after(mut begin: &File) -> ! {
    let _ = begin.read(&mut [0]);
    compute()
}

fn compute() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
