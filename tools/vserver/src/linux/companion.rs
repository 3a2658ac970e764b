// SPDX-License-Identifier: GPL-2.0

//! The process that stays beside a command inside a guest.

use super::Linux;
use super::raw::descriptor::poll;
use super::raw::signal::Caught;
use crate::failure::{Failure, Outcome};
use crate::system::System;
use libvserver::{Syscall, Vserver};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Signals that ask for an end: of the command once it runs, before that of the attempt.
const ENDING: &[i32] = &[libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];

/// Signals that ask for something else.
const OTHERS: &[i32] = &[libc::SIGCONT];

/// The signals that are for the command inside, kept from their effect on the caller. When dropped,
/// those that nobody has looked at have it.
#[derive(Debug)]
pub struct Signals {
    // Caught last, so it is dropped first.
    others: Caught,
    ending: Caught,
}

impl Signals {
    /// Catches the signals.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn catch() -> Outcome<Self> {
        let attempt = || -> io::Result<Self> {
            let ending = Caught::new(ENDING)?;
            let others = Caught::new(OTHERS)?;
            Ok(Self { others, ending })
        };
        attempt().map_err(failed)
    }

    /// Becomes readable when a signal asks for an end.
    ///
    /// # Errors
    ///
    /// There are too many open files.
    pub fn ending(&self) -> Outcome<OwnedFd> {
        self.ending.as_fd().try_clone_to_owned().map_err(failed)
    }

    /// Takes the next signal that has arrived.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn next(&self) -> io::Result<Option<i32>> {
        match self.ending.next()? {
            None => self.others.next(),
            signal => Ok(signal),
        }
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::from_os("catch signals", &error, "try again")
}

/// Waits for a command inside a guest and passes signals on to it, through the context.
///
/// # Errors
///
/// The kernel refused to wait.
pub fn accompany<S: Syscall + Clone + Send + 'static>(
    system: &Linux<S>,
    xid: u32,
    child: &mut super::Child,
    signals: &Signals,
) -> Outcome<i32> {
    let failed =
        |error: io::Error| Failure::from_os("wait for the command", &error, "it may still run");
    let vserver = Vserver::with(system);
    loop {
        let (ending, others) = (signals.ending.as_fd(), signals.others.as_fd());
        poll([child.pidfd(), ending, others], None).map_err(failed)?;
        while let Some(signal) = signals.next().map_err(failed)? {
            // A command that has just ended cannot be signalled, and need not be.
            let _ = vserver.kill(xid, child.pid, signal);
        }
        if let Some(status) = system.reap(child, Duration::ZERO).map_err(failed)? {
            return Ok(status);
        }
    }
}
