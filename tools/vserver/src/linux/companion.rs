// SPDX-License-Identifier: GPL-2.0

//! The process that stays beside a command inside a guest.

use super::Linux;
use super::raw::descriptor::{Interest, watch};
use super::raw::signal::{Caught, stop_self};
use super::relay::Relay;
use super::streams::Streams;
use crate::failure::{Failure, Outcome};
use crate::system::System;
use libvserver::{Syscall, Vserver};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Signals that ask for an end: of the command once it runs, before that of the attempt. Those that
/// programs give another meaning are among them: here they would end us, with a terminal that
/// nobody could use any more.
const ENDING: &[i32] = &[
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// Signals that ask for something else, and those for who uses a terminal from the background: these
/// need no look, but must not stop us while we give the terminal back.
const OTHERS: &[i32] = &[
    libc::SIGTSTP,
    libc::SIGCONT,
    libc::SIGWINCH,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

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

/// Waits for a command inside a guest; carries what is typed and printed between its terminal and
/// that of the caller, and passes signals on to it, through the context.
///
/// # Errors
///
/// The kernel refused to wait.
pub fn accompany<S: Syscall + Clone + Send + 'static>(
    system: &Linux<S>,
    xid: u32,
    child: &mut super::Child,
    streams: Streams,
    signals: &Signals,
) -> Outcome<i32> {
    let failed =
        |error: io::Error| Failure::from_os("wait for the command", &error, "it may still run");
    let vserver = Vserver::with(system);
    let mut relay = Relay::new(streams);
    loop {
        relay.adjust();
        let patience = relay.patience();
        let [input, output, master] = relay.interests();
        let others = [
            child.pidfd(),
            signals.ending.as_fd(),
            signals.others.as_fd(),
        ];
        let [ended, ending, other] = others.map(readable);
        let interests = [input, output, master, ended, ending, other];
        let [input, output, master, ..] = watch(interests, patience).map_err(failed)?;
        relay.act([input, output, master]);
        while let Some(signal) = signals.next().map_err(failed)? {
            // A command that has just ended cannot be signalled, and need not be.
            let pass = |signal| {
                let _ = vserver.kill(xid, child.pid, signal);
            };
            match signal {
                libc::SIGWINCH => relay.resize(),
                libc::SIGTTIN | libc::SIGTTOU => {}
                libc::SIGTSTP => {
                    relay.suspend();
                    // In a session of its own the command would take no notice of SIGTSTP.
                    pass(libc::SIGSTOP);
                    stop_self().map_err(failed)?;
                    relay.resume();
                    pass(libc::SIGCONT);
                }
                libc::SIGCONT => {
                    relay.resume();
                    pass(libc::SIGCONT);
                }
                signal => pass(signal),
            }
        }
        if let Some(status) = system.reap(child, Duration::ZERO).map_err(failed)? {
            relay.finish(signals.ending.as_fd()).map_err(failed)?;
            return Ok(status);
        }
    }
}

fn readable(descriptor: BorrowedFd<'_>) -> Interest<'_> {
    Interest {
        descriptor: Some(descriptor),
        read: true,
        write: false,
    }
}
