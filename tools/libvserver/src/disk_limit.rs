// SPDX-License-Identifier: GPL-2.0

//! Disk limits: per file system and tag.

use crate::abi::{self, cdlim, vcmd};
use crate::path::{address, terminated};
use crate::{Result, Syscall, Vserver};
use std::path::Path;

/// A disk limit. A value can be one of those in [`abi::cdlim`].
///
/// The two sizes are in KiB, or with [`abi::cdlim::DLIMF_SHIFT`] in the units that the flags name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskLimit {
    /// Space in use.
    pub space_used: u32,
    /// Limit of space.
    pub space_total: u32,
    /// Inodes in use.
    pub inodes_used: u32,
    /// Limit of inodes.
    pub inodes_total: u32,
    /// Percent of the limit that is kept from others than root, 0 to 100.
    pub reserved: u32,
    /// [`abi::cdlim::DLIMF_SHIFT`] and the two scales.
    pub flags: u32,
}

impl DiskLimit {
    /// Space in use, in bytes.
    pub const fn used_bytes(&self) -> u64 {
        self.bytes(self.space_used, cdlim::SCALE_USED_SHIFT)
    }

    /// Limit of space in bytes, `None` when there is none.
    pub const fn total_bytes(&self) -> Option<u64> {
        if self.space_total == cdlim::INFINITY {
            return None;
        }
        Some(self.bytes(self.space_total, cdlim::SCALE_TOTAL_SHIFT))
    }

    const fn bytes(&self, value: u32, shift: u32) -> u64 {
        let scale = if self.flags & cdlim::DLIMF_SHIFT == 0 {
            cdlim::SCALE_KIB
        } else {
            (self.flags >> shift) & cdlim::SCALE_MASK
        };
        (value as u64) << (10 * scale)
    }
}

/// Disk limits of a tag on the file system that has `path`. No context is involved: `ESRCH` means
/// that there is no limit for the tag on the file system, and `EACCES` comes from the path.
impl<S: Syscall> Vserver<S> {
    /// Adds a limit. All its values are zero, so it refuses everything until it is set.
    ///
    /// # Errors
    ///
    /// `EEXIST` when there is one, `EINVAL` when `path` contains a zero byte, `ENOMEM`, errors of
    /// the path.
    pub fn add_disk_limit(&self, tag: u32, path: &Path) -> Result<()> {
        self.disk_limit_base(vcmd::ADD_DLIMIT, tag, path)
    }

    /// Removes a limit.
    ///
    /// # Errors
    ///
    /// `EINVAL` when `path` contains a zero byte, errors of the path.
    pub fn remove_disk_limit(&self, tag: u32, path: &Path) -> Result<()> {
        self.disk_limit_base(vcmd::REM_DLIMIT, tag, path)
    }

    fn disk_limit_base(&self, cmd: u32, tag: u32, path: &Path) -> Result<()> {
        let path = terminated(path)?;
        let mut data = abi::DlimitBase {
            name: address(&path),
            ..Default::default()
        };
        self.pass(cmd, tag, &mut data).map(drop)
    }

    /// Reads a limit. Sizes come in KiB, or with [`abi::cdlim::DLIMF_SHIFT`] in `flags` in units
    /// that the kernel chooses so that they fit.
    ///
    /// # Errors
    ///
    /// `EINVAL` when `path` contains a zero byte, errors of the path.
    pub fn disk_limit(&self, tag: u32, path: &Path, flags: u32) -> Result<DiskLimit> {
        let limit = DiskLimit {
            flags,
            ..Default::default()
        };
        self.disk_limit_values(vcmd::GET_DLIMIT, tag, path, limit)
    }

    /// Sets a limit that was added before.
    ///
    /// # Errors
    ///
    /// `EINVAL` when more than the limit is in use, when more than 100 percent are reserved, and
    /// when `path` contains a zero byte; errors of the path.
    pub fn set_disk_limit(&self, tag: u32, path: &Path, limit: DiskLimit) -> Result<()> {
        self.disk_limit_values(vcmd::SET_DLIMIT, tag, path, limit)
            .map(drop)
    }

    fn disk_limit_values(
        &self,
        cmd: u32,
        tag: u32,
        path: &Path,
        limit: DiskLimit,
    ) -> Result<DiskLimit> {
        let path = terminated(path)?;
        let mut data = abi::Dlimit {
            name: address(&path),
            space_used: limit.space_used,
            space_total: limit.space_total,
            inodes_used: limit.inodes_used,
            inodes_total: limit.inodes_total,
            reserved: limit.reserved,
            flags: limit.flags,
        };
        self.pass(cmd, tag, &mut data)?;
        Ok(DiskLimit {
            space_used: data.space_used,
            space_total: data.space_total,
            inodes_used: data.inodes_used,
            inodes_total: data.inodes_total,
            reserved: data.reserved,
            flags: data.flags,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_kib_unless_scaled() {
        let mut limit = DiskLimit {
            space_used: 3,
            space_total: 5,
            ..Default::default()
        };
        assert_eq!(limit.used_bytes(), 3 << 10);
        assert_eq!(limit.total_bytes(), Some(5 << 10));
        limit.flags = cdlim::DLIMF_SHIFT
            | (cdlim::SCALE_BYTE << cdlim::SCALE_USED_SHIFT)
            | (cdlim::SCALE_GIB << cdlim::SCALE_TOTAL_SHIFT);
        assert_eq!(limit.used_bytes(), 3);
        assert_eq!(limit.total_bytes(), Some(5 << 30));
        limit.space_total = cdlim::INFINITY;
        assert_eq!(limit.total_bytes(), None);
    }
}
