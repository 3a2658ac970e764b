// SPDX-License-Identifier: GPL-2.0

//! The system call about the kernel log.

use super::{Sys, sys};
use libc::c_int;

/// Reads all that is there; anybody may.
pub const READ_ALL: c_int = 3;
/// Forgets what is there; restricted.
pub const CLEAR: c_int = 5;
/// Asks how much is there; restricted.
pub const SIZE_UNREAD: c_int = 9;
/// Asks how much there can be; anybody may.
pub const SIZE_BUFFER: c_int = 10;

/// `syslog(2)`.
pub fn syslog(action: c_int) -> Sys<i64> {
    let mut buffer = [0_u8; 1024];
    // SAFETY: the buffer has the length that is passed.
    sys(unsafe { libc::klogctl(action, buffer.as_mut_ptr().cast(), buffer.len() as c_int) })
}

/// Lines of the kernel log that contain a text.
pub fn count(text: &str) -> Sys<usize> {
    let size = syslog(SIZE_BUFFER)? as usize;
    let mut buffer = vec![0_u8; size];
    // SAFETY: the buffer has the length that is passed.
    let length =
        sys(unsafe { libc::klogctl(READ_ALL, buffer.as_mut_ptr().cast(), size as c_int) })?;
    let all = String::from_utf8_lossy(&buffer[..length as usize]);
    Ok(all.lines().filter(|line| line.contains(text)).count())
}
