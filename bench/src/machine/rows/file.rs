// SPDX-License-Identifier: GPL-2.0

//! Files and paths.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use super::{repeat, Run};
use crate::machine::root::WORK;
use crate::machine::sys::{c_string, check, check_long};

/// Components of the deep path.
const DEPTH: usize = 16;

fn open(path: &CString, flags: i32) -> io::Result<i32> {
    // SAFETY: the string is terminated.
    check(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) })
}

fn close(fd: i32) -> io::Result<()> {
    // SAFETY: the descriptor was opened by the caller, who does not use it again.
    check(unsafe { libc::close(fd) }).map(drop)
}

/// An existing file.
pub fn open_close() -> io::Result<Run> {
    let name = format!("{WORK}/file");
    fs::write(&name, "text")?;
    let path = c_string(name)?;
    Ok(repeat(move || close(open(&path, libc::O_RDONLY)?)))
}

/// A path with [`DEPTH`] components.
pub fn stat_deep() -> io::Result<Run> {
    let mut name = WORK.to_owned();
    for level in 2..DEPTH {
        name.push_str(&format!("/level{level}"));
    }
    fs::create_dir_all(&name)?;
    name.push_str("/file");
    fs::write(&name, "text")?;
    let path = c_string(name)?;
    Ok(repeat(move || {
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the string is terminated, the buffer has the right type.
        check(unsafe { libc::stat(path.as_ptr(), status.as_mut_ptr()) }).map(drop)
    }))
}

/// The cheapest read.
pub fn read_zero() -> io::Result<Run> {
    let file = File::open("/dev/zero")?;
    Ok(repeat(move || {
        let mut byte = 1u8;
        // SAFETY: the buffer is one byte long.
        let read = unsafe { libc::read(file.as_raw_fd(), (&raw mut byte).cast(), 1) };
        check_long(read as i64).map(drop)
    }))
}

/// A new file, closed and removed.
pub fn create_unlink() -> io::Result<Run> {
    let path = c_string(format!("{WORK}/new"))?;
    Ok(repeat(move || {
        close(open(&path, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY)?)?;
        // SAFETY: the string is terminated.
        check(unsafe { libc::unlink(path.as_ptr()) }).map(drop)
    }))
}

/// A directory two levels down.
pub fn chdir() -> io::Result<Run> {
    let name = format!("{WORK}/directory");
    fs::create_dir_all(&name)?;
    let path = c_string(name)?;
    Ok(repeat(move || {
        // SAFETY: the string is terminated.
        check(unsafe { libc::chdir(path.as_ptr()) }).map(drop)
    }))
}
