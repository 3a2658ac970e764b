// SPDX-License-Identifier: GPL-2.0

//! The `vserver()` system call for user space: typed, safe, and independent of the command line
//! tools.
//!
//! [`Vserver`] has one method per command. It talks to the kernel through the [`Syscall`] trait:
//! [`Kernel`] is the real system call; with the feature `fake`, `fake::Fake` is a model of the
//! kernel side in memory, for tests on machines without such a kernel.
//!
//! The numbers, structures and bits in [`abi`] are the ones the kernel module is compiled from.

#![deny(unsafe_code)]

#[path = "../../../rust/vserver/abi.rs"]
pub mod abi;

pub mod capability;
mod context_name;
mod errno;
#[cfg(feature = "fake")]
pub mod fake;
pub mod names;
mod support;
mod syscall;
mod vserver;

pub use context_name::{NameError, check_name};
pub use errno::Errno;
pub use support::{Support, probe, probe_at};
pub use syscall::{Kernel, SYSCALL_NUMBER, Syscall};
pub use vserver::Vserver;

/// Result of a command of the system call.
pub type Result<T> = std::result::Result<T, Errno>;
