// SPDX-License-Identifier: GPL-2.0

//! What process listings do.

use std::fs;
use std::io;

use super::{repeat, Run};
use crate::machine::sys::{c_string, check, check_long, Child};

/// Sleeping tasks while `/proc` is listed.
const TASKS: usize = 500;
/// Bytes per call, as the C library uses.
const BUFFER: usize = 32 * 1024;

/// Reads the whole directory with [`TASKS`] tasks beside the caller.
pub fn list() -> io::Result<Run> {
    let tasks: Vec<Child> = (0..TASKS)
        .map(|_| Child::sleeping())
        .collect::<io::Result<_>>()?;
    let seen = fs::read_dir("/proc")?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
        .count();
    if seen <= TASKS {
        return Err(io::Error::other(format!(
            "/proc shows {seen} tasks, {TASKS} children and the caller were expected"
        )));
    }
    let path = c_string("/proc")?;
    let mut buffer = vec![0u8; BUFFER];
    Ok(repeat(move || {
        let _alive = &tasks;
        // SAFETY: the string is terminated; the buffer has the given length.
        unsafe {
            let fd = check(libc::open(
                path.as_ptr(),
                libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC,
            ))?;
            let listed = loop {
                match check_long(libc::syscall(
                    libc::SYS_getdents64,
                    fd,
                    buffer.as_mut_ptr(),
                    BUFFER,
                )) {
                    Ok(0) => break Ok(()),
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            };
            check(libc::close(fd))?;
            listed
        }
    }))
}

/// Opens, reads and closes a file in the directory of a child.
pub fn read_of_child(file: &str) -> io::Result<Run> {
    let child = Child::sleeping()?;
    let path = c_string(format!("/proc/{}/{file}", child.pid()))?;
    let mut buffer = vec![0u8; 4096];
    Ok(repeat(move || {
        let _alive = &child;
        // SAFETY: the string is terminated; the buffer has the given length.
        unsafe {
            let fd = check(libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC))?;
            let read = libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len());
            check(libc::close(fd))?;
            match read {
                0 => Err(io::Error::other("the file is empty")),
                other => check_long(other as i64).map(drop),
            }
        }
    }))
}
