// SPDX-License-Identifier: GPL-2.0

//! Mappings of device nodes.

use crate::abi::{self, vcmd};
use crate::path::{address, terminated};
use crate::{Result, Syscall, Vserver};
use std::path::Path;

/// Device nodes of a context, or with id 0 of all contexts.
impl<S: Syscall> Vserver<S> {
    /// Maps the node at `device`, as the guest sees it, to the node at `target`; `flags` are those
    /// of [`abi::dattr`]. Without `device` this is the default for nodes of the type of `target`.
    /// Final symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// `EINVAL` when neither is given, when one is a block and the other a character device, and
    /// when a path contains a zero byte; `ENOMEM`, errors of the paths.
    pub fn set_mapping(
        &self,
        xid: u32,
        device: Option<&Path>,
        target: Option<&Path>,
        flags: u32,
    ) -> Result<()> {
        self.mapping(vcmd::SET_MAPPING, xid, device, target, flags)
    }

    /// Removes a mapping; see [`Self::set_mapping`].
    ///
    /// # Errors
    ///
    /// `EINVAL` as there, `ENOENT` when there is no such mapping, errors of the paths.
    pub fn unset_mapping(
        &self,
        xid: u32,
        device: Option<&Path>,
        target: Option<&Path>,
    ) -> Result<()> {
        self.mapping(vcmd::UNSET_MAPPING, xid, device, target, 0)
    }

    fn mapping(
        &self,
        cmd: u32,
        xid: u32,
        device: Option<&Path>,
        target: Option<&Path>,
        flags: u32,
    ) -> Result<()> {
        let device = device.map(terminated).transpose()?;
        let target = target.map(terminated).transpose()?;
        let mut data = abi::SetMapping {
            device: device.as_deref().map_or(0, address),
            target: target.as_deref().map_or(0, address),
            flags,
            #[cfg(target_pointer_width = "64")]
            pad: 0,
        };
        self.pass(cmd, xid, &mut data).map(drop)
    }
}
