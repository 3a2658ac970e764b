// SPDX-License-Identifier: GPL-2.0

//! The system call itself, behind a trait so that tests can replace it.

#![allow(unsafe_code)]

use crate::Errno;
use std::ffi::c_void;

/// Number of the system call on this architecture.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
pub const SYSCALL_NUMBER: libc::c_long = 236;
/// Number of the system call on this architecture.
#[cfg(target_arch = "x86")]
pub const SYSCALL_NUMBER: libc::c_long = 273;
/// Number of the system call on this architecture.
#[cfg(target_arch = "arm")]
pub const SYSCALL_NUMBER: libc::c_long = 313;
/// Number of the system call on this architecture.
#[cfg(target_arch = "aarch64")]
pub const SYSCALL_NUMBER: libc::c_long = 250;
/// Number of the system call on this architecture.
#[cfg(any(target_arch = "powerpc", target_arch = "powerpc64"))]
pub const SYSCALL_NUMBER: libc::c_long = 257;

/// Something that can execute `vserver()` commands.
pub trait Syscall {
    /// Executes command `cmd` (see [`crate::abi::vcmd`]) on the object `id` and returns the
    /// non-negative result of the kernel.
    ///
    /// # Errors
    ///
    /// The error number of the kernel; `ENOSYS` also when the caller has no right to use the call
    /// at all.
    ///
    /// # Safety
    ///
    /// `data` must be null, point to memory that fits the structure of the command for reading and
    /// writing, or be an address that the kernel refuses to touch for this process.
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno>;
}

/// The system call of the running kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kernel;

impl Syscall for Kernel {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        // SAFETY: the number is that of vserver(), whose three arguments are passed here; the
        // caller answers for `data`.
        let result = unsafe {
            libc::syscall(
                SYSCALL_NUMBER,
                libc::c_ulong::from(cmd),
                libc::c_ulong::from(id),
                data,
            )
        };
        if result < 0 {
            Err(Errno::last())
        } else {
            // The kernel returns an int; versions and ids fit in 32 bits.
            Ok(result as u32)
        }
    }
}

impl<S: Syscall + ?Sized> Syscall for &S {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        // SAFETY: passed on unchanged.
        unsafe { (**self).vserver(cmd, id, data) }
    }
}
