// SPDX-License-Identifier: GPL-2.0

//! Namespaces.

use super::{Sys, done, files};
use libc::c_int;

/// `unshare(2)`.
pub fn unshare(bits: u64) -> Sys<()> {
    // SAFETY: plain number.
    done(unsafe { libc::unshare(bits as c_int) })
}

/// `setns(2)`.
pub fn setns(fd: c_int, kind: c_int) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::setns(fd, kind) })
}

/// Names under `/proc/<pid>/ns` that the scenarios compare.
pub const NAMES: [&str; 7] = ["mnt", "uts", "ipc", "net", "pid", "cgroup", "time"];

/// Identity of one namespace of the caller, for example `uts:[4026531838]`.
pub fn identity(name: &str) -> Sys<String> {
    files::readlink(&format!("/proc/self/ns/{name}"))
}

/// Node name of the caller's host name namespace.
pub fn hostname() -> Sys<String> {
    let mut buffer = [0_u8; 65];
    // SAFETY: the buffer has the length that is passed.
    done(unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len()) })?;
    let end = buffer.iter().position(|b| *b == 0).unwrap_or(buffer.len());
    Ok(String::from_utf8_lossy(&buffer[..end]).into_owned())
}

/// Sets the domain name.
pub fn set_domainname(name: &str) -> Sys<()> {
    // SAFETY: the name has the length that is passed.
    done(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) })
}

/// Sets the node name.
pub fn set_hostname(name: &str) -> Sys<()> {
    // SAFETY: the name has the length that is passed.
    done(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) })
}
