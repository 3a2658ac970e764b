// SPDX-License-Identifier: GPL-2.0

//! The standard streams of a command inside a guest.
//!
//! Whoever has a terminal open can read what is typed there later, change its modes, and type. So no
//! terminal of the caller goes inside: the command has one of its own in its place, made on the
//! host, and the caller stands between the two. Streams that are no terminals go inside as they
//! are.

use super::raw::descriptor::{duplicate_to, set_nonblocking};
use super::raw::process;
use super::raw::terminal::{self, Terminal, make_controlling, open_again};
use crate::failure::{Failure, Outcome};
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;

/// What takes the place of terminals of the caller.
#[derive(Debug)]
pub struct Streams {
    /// Which of the caller's streams are terminals.
    replaced: [bool; 3],
    /// The terminal of the command.
    pub(super) terminal: Option<Terminal>,
    /// The caller's terminal to read from.
    pub(super) input: Option<File>,
    /// The caller's terminal to show at.
    pub(super) output: Option<File>,
    /// Whether the output goes to another program, which may be using the terminal as well.
    pub(super) shared: bool,
    /// Its end for a command that reads from elsewhere: nobody would answer who reads from it.
    writer: Option<OwnedFd>,
}

impl Streams {
    /// Makes the terminal of a command, when a stream of the caller is one.
    ///
    /// # Errors
    ///
    /// The kernel refused.
    pub fn new() -> Outcome<Self> {
        let replaced = [
            io::stdin().is_terminal(),
            io::stdout().is_terminal(),
            io::stderr().is_terminal(),
        ];
        Self::instead_of(replaced).map_err(|error| {
            Failure::from_os(
                "make a terminal for the command",
                &error,
                "check that /proc and /dev/pts are mounted and that the sysctl kernel.pty.max is \
                 not reached, or redirect the three standard streams",
            )
        })
    }

    fn instead_of(replaced: [bool; 3]) -> io::Result<Self> {
        let mut streams = Self {
            replaced,
            terminal: None,
            input: None,
            output: None,
            shared: false,
            writer: None,
        };
        if replaced == [false; 3] {
            return Ok(streams);
        }
        let terminal = terminal::open()?;
        set_nonblocking(terminal.master.as_fd())?;
        // Output that is redirected does not keep what is typed from being echoed.
        let shown_at = [1, 2, 0].into_iter().find(|&number| replaced[number]);
        streams.output = shown_at.map(open_again).transpose()?;
        if replaced[0] {
            streams.input = Some(open_again(0)?);
            let kind = File::from(io::stdout().as_fd().try_clone_to_owned()?)
                .metadata()?
                .file_type();
            streams.shared = kind.is_fifo() || kind.is_socket();
            // Line feeds are turned into two characters once: by the terminal of the command, or by
            // that of the caller when others print there.
            terminal.resemble(io::stdin().as_fd(), !streams.shared)?;
        } else {
            streams.writer = Some(terminal.writer()?);
        }
        streams.terminal = Some(terminal);
        Ok(streams)
    }

    /// Leaves the session of the caller and its terminals: runs in the child.
    pub(super) fn take(&self) -> io::Result<()> {
        // Also without any terminal among the streams, it would be within reach as /dev/tty.
        process::new_session()?;
        let Some(terminal) = &self.terminal else {
            return Ok(());
        };
        let end = match &self.writer {
            Some(writer) => writer.as_fd(),
            None => {
                make_controlling(terminal.slave.as_fd())?;
                terminal.slave.as_fd()
            }
        };
        (0..)
            .zip(self.replaced)
            .filter(|(_, replaced)| *replaced)
            .try_for_each(|(number, _)| duplicate_to(end, number))
    }
}
