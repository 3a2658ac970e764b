// SPDX-License-Identifier: GPL-2.0

//! Commands as a 32-bit program gives them.

use crate::sys::Sys;

/// Whether this machine has 32-bit callers beside native ones.
pub const AVAILABLE: bool = cfg!(target_arch = "x86_64");

/// A structure in the layout of a 32-bit caller.
///
/// # Safety
/// It consists of integers, without padding.
pub unsafe trait Narrow: Copy {}

macro_rules! narrow {
    ($($name:ident),*) => {$(
        // SAFETY: integers of four bytes, without padding.
        unsafe impl Narrow for libvserver::abi::$name {}
    )*};
}
narrow!(
    CtxRlimitX86Compat,
    DlimitBaseCompat,
    DlimitCompat,
    IattrCompat,
    SetMappingCompat
);

/// A command whose data the kernel reads or writes.
#[cfg(target_arch = "x86_64")]
pub fn with<T: Narrow>(command: u32, id: u32, data: &mut T) -> Sys<u32> {
    use crate::sys::{int80, memory::Low};
    let size = size_of::<T>();
    // SAFETY: the structure is all bytes, as the trait says.
    let bytes = unsafe { std::slice::from_raw_parts((&raw const *data).cast::<u8>(), size) };
    let low = Low::bytes(bytes)?;
    // SAFETY: the memory is as long as the structure, and lies below 4 GiB.
    let result = unsafe { int80::vserver(command, id, low.address() as u32) };
    let after = low.read(size);
    // SAFETY: both are `size` bytes, and any bytes make a structure of integers.
    unsafe {
        std::ptr::copy_nonoverlapping(after.as_ptr(), (&raw mut *data).cast::<u8>(), size);
    }
    result
}

/// There are no such callers.
#[cfg(not(target_arch = "x86_64"))]
pub fn with<T: Narrow>(_command: u32, _id: u32, _data: &mut T) -> Sys<u32> {
    Err(libc::ENOSYS)
}
