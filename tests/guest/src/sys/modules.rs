// SPDX-License-Identifier: GPL-2.0

//! Loading and unloading of kernel modules.

use super::{Sys, c, code, done};
use std::fs::File;
use std::os::fd::AsRawFd;

/// Loads a module from a file without parameters.
pub fn load(path: &str) -> Sys<()> {
    let file = File::open(path).map_err(|e| code(&e))?;
    let parameters = c("");
    // SAFETY: descriptor and string are valid during the call.
    done(unsafe {
        libc::syscall(
            libc::SYS_finit_module,
            file.as_raw_fd(),
            parameters.as_ptr(),
            0,
        )
    })
}

/// Unloads a module, without waiting for its users.
pub fn unload(name: &str) -> Sys<()> {
    let name = c(name);
    // SAFETY: the string is valid during the call.
    done(unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) })
}

/// Whether a module is loaded, from `/proc/modules`.
pub fn is_loaded(name: &str) -> Sys<bool> {
    let text = super::files::read("/proc/modules")?;
    Ok(text
        .lines()
        .any(|line| line.split(' ').next() == Some(name)))
}
