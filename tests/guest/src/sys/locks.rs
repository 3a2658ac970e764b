// SPDX-License-Identifier: GPL-2.0

//! Locks of files.

use super::{Sys, c, sys};
use libc::{c_int, c_short};
use std::mem::zeroed;

/// A file in memory that nobody else has.
pub fn file() -> Sys<c_int> {
    let name = c("locks");
    // SAFETY: the name outlives the call.
    sys(unsafe { libc::memfd_create(name.as_ptr(), 0) }).map(|fd| fd as c_int)
}

/// `flock(2)` that does not wait.
pub fn flock(fd: c_int, operation: c_int) -> Sys<()> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::flock(fd, operation | libc::LOCK_NB) }).map(drop)
}

/// Whose a lock of a range is.
#[derive(Clone, Copy)]
pub enum Owner {
    /// The process.
    Process,
    /// The open file.
    File,
}

/// Locks or unlocks `length` bytes from `start`; `kind` is `F_RDLCK`, `F_WRLCK` or `F_UNLCK`. Does
/// not wait.
pub fn range(fd: c_int, owner: Owner, kind: c_int, start: i64, length: i64) -> Sys<()> {
    let command = match owner {
        Owner::Process => libc::F_SETLK,
        Owner::File => libc::F_OFD_SETLK,
    };
    // SAFETY: plain data, which the call only reads; zero is a value of each field.
    let mut lock: libc::flock = unsafe { zeroed() };
    lock.l_type = kind as c_short;
    lock.l_whence = libc::SEEK_SET as c_short;
    lock.l_start = start;
    lock.l_len = length;
    // SAFETY: the structure outlives the call.
    sys(unsafe { libc::fcntl(fd, command, &raw const lock) }).map(drop)
}
