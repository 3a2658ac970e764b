// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers of the system calls that the standard library lacks. All unsafe code of the
//! command is below this module.

#![allow(unsafe_code)]

pub mod descriptor;
pub mod inheritance;
pub mod mount;
pub mod process;
pub mod signal;
pub mod terminal;

use super::Linux;
use libvserver::{Errno, Syscall};
use std::ffi::{CString, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Turns the result of a C call into one of Rust.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Turns the result of a raw system call into one of Rust.
fn check_long(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Makes a C string of a path; `EINVAL` when it contains a zero byte.
fn path_text(path: &Path) -> io::Result<CString> {
    text(path.as_os_str().as_bytes())
}

/// Makes a C string; `EINVAL` when it contains a zero byte.
fn text(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

impl<S: Syscall> Syscall for Linux<S> {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        // SAFETY: passed on unchanged.
        unsafe { self.sys.vserver(cmd, id, data) }
    }
}
