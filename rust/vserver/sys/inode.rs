// SPDX-License-Identifier: GPL-2.0

//! Files: attributes of their inodes, and the file system they are on.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `glue/inode.c`

use kernel::{
    bindings,
    error::to_result,
    ffi::c_char,
    prelude::*, //
};

/// Attributes of an inode.
pub(crate) use kernel::bindings::vs_iattr as Attributes;

/// A path in user memory, as C wants it. The glue checks the address.
fn path(address: usize) -> *const c_char {
    address as *const c_char
}

/// Reads or changes the attributes of the file with a path in user memory. May sleep. Errors:
/// those of the path, `ESRCH` without an inode, `EINVAL` for bits that the inode does not have,
/// those of the file system.
pub(crate) fn attributes_by_name(name: usize, attributes: &mut Attributes, set: bool) -> Result {
    // SAFETY: The path is read as user memory; the attributes are ours.
    to_result(unsafe { bindings::vs_iattr_by_name(path(name), attributes, set) })
}

/// As [`attributes_by_name`], for an open file; `EBADF` when there is none.
pub(crate) fn attributes_by_fd(fd: u32, attributes: &mut Attributes, set: bool) -> Result {
    // SAFETY: Any number may be asked for; the attributes are ours.
    to_result(unsafe { bindings::vs_iattr_by_fd(fd, attributes, set) })
}

/// Number of the file system that a path in user memory is on; no other one ever has it. May
/// sleep. Errors: those of the path, `EINVAL` without an inode.
pub(crate) fn file_system_of(name: usize) -> Result<u64> {
    let mut serial = 0;
    // SAFETY: The path is read as user memory; `serial` is ours.
    to_result(unsafe { bindings::vs_path_super(path(name), &raw mut serial) })?;
    Ok(serial)
}
