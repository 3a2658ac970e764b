// SPDX-License-Identifier: GPL-2.0

//! Terminals.

use super::{Sys, code, done};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::OpenOptionsExt;

/// Puts a byte into the input of a new terminal, which controls nobody.
pub fn feed_a_new_one() -> Sys<()> {
    let master = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open("/dev/pts/ptmx")
        .map_err(|e| code(&e))?;
    let unlock = 0;
    // SAFETY: the number outlives the call.
    done(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlock) })?;
    let flags = libc::O_RDWR | libc::O_NOCTTY;
    // SAFETY: plain numbers.
    let fd = super::sys(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: the descriptor is new and ours alone.
    let slave = unsafe { File::from_raw_fd(fd as i32) };
    // SAFETY: the byte outlives the call.
    done(unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCSTI, b"x".as_ptr()) })
}
