// SPDX-License-Identifier: GPL-2.0

//! Attributes of inodes.

use crate::abi::{self, vcmd};
use crate::path::{address, terminated};
use crate::{Result, Syscall, Vserver};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::Path;

/// Attributes of inodes. No context is involved: `ESRCH` means that there is no inode, `EPERM` that
/// the caller lacks `CAP_LINUX_IMMUTABLE`.
impl<S: Syscall> Vserver<S> {
    /// Reads the attributes ([`abi::iattr`]) of the inode at `path`; the mask tells which of them
    /// have a meaning for it. A final symbolic link is not followed.
    ///
    /// # Errors
    ///
    /// `EINVAL` when `path` contains a zero byte, errors of the path.
    pub fn iattr(&self, path: &Path) -> Result<abi::Fiattr> {
        self.iattr_at(vcmd::GET_IATTR, path, abi::Fiattr::default())
    }

    /// Changes the attributes of the inode at `path` that the mask names, and the tag when it names
    /// [`abi::iattr::TAG`]. Returns what the kernel wrote back.
    ///
    /// # Errors
    ///
    /// `EINVAL` for bits of procfs on another file system, for a tag on a file system without tags,
    /// and when `path` contains a zero byte; `EACCES` from the change itself; errors of the path.
    pub fn set_iattr(&self, path: &Path, attributes: abi::Fiattr) -> Result<abi::Fiattr> {
        self.iattr_at(vcmd::SET_IATTR, path, attributes)
    }

    fn iattr_at(&self, cmd: u32, path: &Path, attributes: abi::Fiattr) -> Result<abi::Fiattr> {
        let path = terminated(path)?;
        let mut data = abi::Iattr {
            name: address(&path),
            tag: attributes.tag,
            flags: attributes.flags,
            mask: attributes.mask,
            #[cfg(target_pointer_width = "64")]
            pad: 0,
        };
        self.pass(cmd, 0, &mut data)?;
        Ok(abi::Fiattr {
            tag: data.tag,
            flags: data.flags,
            mask: data.mask,
        })
    }

    /// Reads the attributes of an open inode; see [`Self::iattr`].
    ///
    /// # Errors
    ///
    /// `EBADF` when the descriptor is not open.
    pub fn fd_iattr(&self, fd: BorrowedFd<'_>) -> Result<abi::Fiattr> {
        let mut data = abi::Fiattr::default();
        self.pass(vcmd::FGET_IATTR, fd.as_raw_fd() as u32, &mut data)?;
        Ok(data)
    }

    /// Changes the attributes of an open inode; see [`Self::set_iattr`].
    ///
    /// # Errors
    ///
    /// Those of [`Self::set_iattr`] but for those of the path; `EBADF` when the descriptor is not
    /// open.
    pub fn set_fd_iattr(&self, fd: BorrowedFd<'_>, attributes: abi::Fiattr) -> Result<abi::Fiattr> {
        let mut data = attributes;
        self.pass(vcmd::FSET_IATTR, fd.as_raw_fd() as u32, &mut data)?;
        Ok(data)
    }
}
