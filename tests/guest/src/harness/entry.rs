// SPDX-License-Identifier: GPL-2.0

//! The two ways into the system call, with data that lies at the end of a page.

use super::context;
use crate::sys::Sys;
use crate::sys::memory::Edge;

/// Who calls: that decides the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// A program of the architecture of the kernel.
    Native,
    /// A 32-bit program on x86-64.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Narrow,
}

/// The callers on this machine.
#[cfg(target_arch = "x86_64")]
pub const WIDTHS: &[(Width, &str)] = &[(Width::Native, "native"), (Width::Narrow, "32-bit")];
/// The callers on this machine.
#[cfg(not(target_arch = "x86_64"))]
pub const WIDTHS: &[(Width, &str)] = &[(Width::Native, "native")];

/// Where the data of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Null,
    /// In the first page, where there is no memory.
    First,
    /// Where the kernel is.
    Kernel,
    /// In the hole between user space and kernel; 32-bit callers have none, see [`Place::First`].
    Hole,
    /// So many bytes before the end of the memory; 0 is memory without access.
    Back(usize),
}

/// Performs a command. Whatever the kernel does with the pointer stays inside of `edge`.
pub fn call(width: Width, command: u32, id: u32, edge: &Edge, place: Place) -> Sys<u32> {
    let pointer = match (place, width) {
        (Place::Null, _) => 0,
        (Place::First, _) | (Place::Hole, Width::Narrow) => 16,
        (Place::Kernel, Width::Native) => usize::MAX - 0xffff,
        (Place::Kernel, Width::Narrow) => 0xffff_0000,
        (Place::Hole, Width::Native) => 1 << (usize::BITS - 2),
        (Place::Back(back), _) => edge.back(back) as usize,
    };
    match width {
        // SAFETY: the pointer leads into the memory, which nobody refers to and behind which there
        // is none, or the kernel refuses it.
        Width::Native => unsafe { context::raw(command, id, pointer as *mut _) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above; the memory lies below 4 GiB.
        Width::Narrow => unsafe { crate::sys::int80::vserver(command, id, pointer as u32) },
        #[cfg(not(target_arch = "x86_64"))]
        Width::Narrow => Err(libc::ENOSYS),
    }
}
