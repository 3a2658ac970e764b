// SPDX-License-Identifier: GPL-2.0

//! The binary interface of `vserver()`, shared by the kernel module and by user space.
//!
//! This file and those in `abi/` are the only definition of command numbers, structures and bits.
//! The kernel module compiles them as a module, `tools/libvserver` compiles the same files by path.
//! They therefore use nothing but `core`, and each names the path of its file. All integers are
//! native endian. Layouts are those of interface version `0x0002_0308`; sizes and offsets are
//! asserted at the end of each file. `include/uapi/linux/vserver.h` says the same in C.

// Neither side needs every part.
#![allow(unused_imports)]

/// Interface version that `get_version` returns.
pub const VERSION: u32 = 0x0002_0308;

/// Number of the system call.
#[cfg(target_arch = "x86_64")]
pub const SYSCALL: u32 = 236;
/// Number of the system call.
#[cfg(target_arch = "x86")]
pub const SYSCALL: u32 = 273;
/// Number of the system call.
#[cfg(target_arch = "arm")]
pub const SYSCALL: u32 = 313;
/// Number of the system call.
#[cfg(target_arch = "aarch64")]
pub const SYSCALL: u32 = 250;
/// Number of the system call.
#[cfg(any(target_arch = "powerpc", target_arch = "powerpc64"))]
pub const SYSCALL: u32 = 257;

/// Context id of the host: tasks that are in no context.
pub const XID_HOST: u32 = 0;
/// Context id of the spectator, who sees the tasks of all contexts.
pub const XID_SPECTATOR: u32 = 1;
/// Lowest id that a context can have.
pub const XID_MIN: u32 = 2;
/// Highest id that a context can have.
pub const XID_MAX: u32 = 65_535;
/// Id by which a caller names its own context; every id with the sign bit set means the same.
pub const XID_SELF: u32 = 0xffff_fffe;
/// Id by which programs once asked for any free id; refused.
pub const XID_DYNAMIC: u32 = 0xffff_ffff;

#[path = "abi/command.rs"]
mod command;
#[path = "abi/compat.rs"]
mod compat;
#[path = "abi/flag.rs"]
mod flag;
#[path = "abi/layout.rs"]
mod layout;
#[path = "abi/network.rs"]
mod network;
#[path = "abi/path.rs"]
mod path;
#[path = "abi/resource.rs"]
mod resource;
#[path = "abi/value.rs"]
mod value;

pub use command::*;
pub use compat::*;
pub use flag::*;
pub use layout::*;
pub use network::*;
pub use path::*;
pub use resource::*;
pub use value::*;
