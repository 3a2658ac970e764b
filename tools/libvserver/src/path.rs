// SPDX-License-Identifier: GPL-2.0

//! Paths for commands that take them.

use crate::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Returns the path as the kernel wants it; `EINVAL` when it contains a zero byte.
pub(crate) fn terminated(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno(libc::EINVAL))
}

/// The address of a path. The kernel only reads there.
pub(crate) fn address(path: &CStr) -> usize {
    path.as_ptr().expose_provenance()
}
