// SPDX-License-Identifier: GPL-2.0

//! Pseudo terminals.

use super::check;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Both ends of a pseudo terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The end that reads what programs print.
    pub master: File,
    /// The end that programs use.
    pub slave: OwnedFd,
    /// Number of the terminal below `/dev/pts`.
    pub number: u32,
}

/// Opens a new pseudo terminal that passes output on unchanged.
pub fn open() -> io::Result<Terminal> {
    let master = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open("/dev/ptmx")?;
    let unlocked: libc::c_int = 0;
    let mut number: libc::c_uint = 0;
    // SAFETY: the descriptor is open; the requests read and write one int each.
    unsafe {
        check(libc::ioctl(
            master.as_raw_fd(),
            libc::TIOCSPTLCK,
            &raw const unlocked,
        ))?;
        check(libc::ioctl(
            master.as_raw_fd(),
            libc::TIOCGPTN,
            &raw mut number,
        ))?;
    }
    let slave = open_slave(&master)?;
    keep_line_ends(&slave)?;
    Ok(Terminal {
        master,
        slave,
        number,
    })
}

fn open_slave(master: &File) -> io::Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the descriptor is open and the argument is passed by value.
    let slave = check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: the call has just made this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(slave) })
}

impl Terminal {
    /// Opens the other end anew: the terminal is usable again after it was hung up.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.slave = open_slave(&self.master)?;
        Ok(())
    }
}

/// Stops a terminal from turning line feeds into two characters.
fn keep_line_ends(terminal: &OwnedFd) -> io::Result<()> {
    let mut settings = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: the descriptor is open; the first call fills the structure or fails, the second
    // reads it.
    unsafe {
        check(libc::tcgetattr(terminal.as_raw_fd(), settings.as_mut_ptr()))?;
        let mut settings = settings.assume_init();
        settings.c_oflag &= !libc::ONLCR;
        check(libc::tcsetattr(
            terminal.as_raw_fd(),
            libc::TCSANOW,
            &raw const settings,
        ))
    }
    .map(drop)
}

/// Makes a terminal the controlling one of the caller's session, which has none.
pub fn make_controlling(terminal: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open and the argument is passed by value.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}
