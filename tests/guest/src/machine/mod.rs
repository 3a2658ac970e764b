// SPDX-License-Identifier: GPL-2.0

//! The test machine: PID 1 and what it watches.

pub mod cmdline;
pub mod core_module;
pub mod entries;
pub mod helper;
pub mod init;
pub mod kmsg;
pub mod kunit;
pub mod leaks;
pub mod modprobe;
pub mod mounts;
pub mod port;
pub mod residue;
pub mod runner;
pub mod splat;
