// SPDX-License-Identifier: GPL-2.0

//! The `vserver()` system call for user space: typed, safe, and independent of the command line
//! tools.
//!
//! [`Vserver`] has one method per command; those of commands that newer ones replace end in their
//! version. It talks to the kernel through the [`Syscall`] trait:
//! [`Kernel`] is the real system call; with the feature `fake`, `fake::Fake` is a model of the
//! kernel side in memory, for tests on machines without such a kernel.
//!
//! The numbers, structures and bits in [`abi`] are the ones the kernel module is compiled from.

#![deny(unsafe_code)]

#[path = "../../../rust/vserver/abi.rs"]
pub mod abi;

pub mod capability;
mod context_name;
mod device;
mod disk_limit;
mod errno;
#[cfg(feature = "fake")]
pub mod fake;
mod history;
mod inode;
mod limits;
pub mod names;
mod network;
mod old;
mod path;
mod scheduler;
mod statistics;
mod support;
mod syscall;
mod vserver;

pub use context_name::{NameError, check_name};
pub use disk_limit::DiskLimit;
pub use errno::Errno;
#[cfg(target_pointer_width = "64")]
pub use history::History;
pub use network::{Ipv4Entry, Ipv6Entry};
pub use support::{Support, probe, probe_at};
pub use syscall::{Kernel, SYSCALL_NUMBER, Syscall};
pub use vserver::Vserver;

/// Result of a command of the system call.
pub type Result<T> = std::result::Result<T, Errno>;
