// SPDX-License-Identifier: GPL-2.0

//! System calls with plain results: `Ok` with the value, or `Err` with the error number.

pub mod area;
pub mod block;
pub mod clock;
pub mod devices;
pub mod files;
pub mod greed;
pub mod inet;
#[cfg(target_arch = "x86_64")]
pub mod int80;
pub mod ipc;
pub mod keys;
pub mod locks;
pub mod log;
pub mod machine;
pub mod memory;
pub mod modules;
pub mod netlink;
pub mod process;
pub mod ring;
pub mod sched;
pub mod sockets;
pub mod spaces;
pub mod terminal;
pub mod trace;
pub mod xattr;

/// Result of a system call; the error is the error number.
pub type Sys<T> = Result<T, i32>;

/// Error number of the last failed call.
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Turns the C convention (-1 and `errno`) into a result.
pub fn sys(ret: impl Into<i64>) -> Sys<i64> {
    match ret.into() {
        -1 => Err(errno()),
        value => Ok(value),
    }
}

/// As [`sys`], for calls whose value says nothing.
pub fn done(ret: impl Into<i64>) -> Sys<()> {
    sys(ret).map(|_| ())
}

/// The error number of an I/O error of the standard library.
pub fn code(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// Waits until a descriptor is ready; 0 when the time is over before.
pub fn poll_one(entry: &mut libc::pollfd, limit: std::time::Duration) -> i32 {
    // SAFETY: one valid entry.
    unsafe { libc::poll(entry, 1, limit.as_millis() as i32) }
}

/// Symbolic name and text of an error number.
pub fn describe(code: i32) -> String {
    if code == 0 {
        return "success".into();
    }
    libvserver::Errno(code).to_string()
}

/// A path or name for the C interface.
///
/// # Panics
/// When `text` has a zero byte in it, which is an error in a scenario.
pub fn c(text: &str) -> std::ffi::CString {
    std::ffi::CString::new(text).expect("text without a zero byte")
}
