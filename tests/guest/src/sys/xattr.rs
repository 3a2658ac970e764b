// SPDX-License-Identifier: GPL-2.0

//! Extended attributes.

use super::{Sys, c, done};

/// `setxattr(2)` with a short value.
pub fn set(path: &str, name: &str) -> Sys<()> {
    let (path, name) = (c(path), c(name));
    // SAFETY: strings and value outlive the call.
    done(unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), b"x".as_ptr().cast(), 1, 0) })
}

/// `getxattr(2)`: the length of the value.
pub fn get(path: &str, name: &str) -> Sys<i64> {
    let (path, name) = (c(path), c(name));
    // SAFETY: the strings outlive the call; no buffer asks for the length.
    super::sys(unsafe {
        libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) as i64
    })
}

/// `removexattr(2)`.
pub fn remove(path: &str, name: &str) -> Sys<()> {
    let (path, name) = (c(path), c(name));
    // SAFETY: the strings outlive the call.
    done(unsafe { libc::removexattr(path.as_ptr(), name.as_ptr()) })
}
