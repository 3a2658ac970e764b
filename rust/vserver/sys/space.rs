// SPDX-License-Identifier: GPL-2.0

//! A stored set of spaces: namespaces, root and credentials.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `struct vs_space`

use crate::abi::vhin;
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    seq_file::SeqFile, //
};

/// A set of spaces. Owns references on all its members.
pub(crate) struct Space(bindings::vs_space);

// SAFETY: The members are counted references on objects that any thread may use and release.
unsafe impl Send for Space {}

impl Space {
    /// An empty set.
    pub(crate) fn new() -> Self {
        Self(pin_init::zeroed())
    }

    /// Which members are stored.
    pub(crate) fn mask(&self) -> u64 {
        self.0.mask
    }

    /// The bits that this kernel can store and enter.
    pub(crate) fn supported() -> u64 {
        // SAFETY: Computes a constant.
        unsafe { bindings::vs_space_supported() }
    }

    /// The namespace bits among them.
    #[cfg_attr(not(CONFIG_VSERVER_KUNIT_TEST), expect(dead_code))]
    pub(crate) fn namespaces() -> u64 {
        use crate::abi::space;

        Self::supported() & !(space::FS | space::USER)
    }

    /// Stores spaces of the current task; 0 stores all its namespaces. May sleep. Errors: `EINVAL`
    /// for a bit that is not supported, `ENOMEM`.
    pub(crate) fn store(&mut self, mask: u64) -> Result {
        // SAFETY: The set is valid and we have it for ourselves.
        to_result(unsafe { bindings::vs_space_store(&raw mut self.0, mask) })
    }

    /// A copy of some members. May sleep.
    pub(crate) fn copy(&self, mask: u64) -> Self {
        let mut copy = Self::new();
        // SAFETY: The copy is zeroed memory of ours, and `self` is borrowed.
        unsafe { bindings::vs_space_copy(&raw mut copy.0, &raw const self.0, mask) };
        copy
    }

    /// Moves the current task into all members. May sleep. Errors: what the namespaces say;
    /// nothing is changed then.
    pub(crate) fn enter(mut self) -> Result {
        let mask = self.0.mask;
        // SAFETY: The set is ours; the bits of `mask` are stored in it.
        to_result(unsafe { bindings::vs_space_enter(&raw mut self.0, mask) })
    }

    /// Prints what is stored, for `nsproxy` in procfs; nothing when there is nothing.
    pub(crate) fn show(&self, m: &SeqFile) {
        let m = core::ptr::from_ref(m).cast_mut().cast();
        // SAFETY: `SeqFile` is a transparent wrapper, and we are in the show function of the file;
        // the set is borrowed.
        unsafe { bindings::vs_space_show_set(m, &raw const self.0) };
    }

    /// Reads a name of the host name namespace. May sleep. Errors: `EINVAL` for an unknown field
    /// or when there is no such namespace.
    pub(crate) fn read_name(&self, field: u32) -> Result<[u8; vhin::LEN]> {
        let mut name = [0u8; vhin::LEN];
        // SAFETY: The buffer has the size of a name.
        to_result(unsafe {
            bindings::vs_space_read_name(&raw const self.0, field, name.as_mut_ptr())
        })?;
        Ok(name)
    }

    /// Writes a name, which must be terminated, of the host name namespace. Errors as above.
    pub(crate) fn write_name(&self, field: u32, name: &[u8; vhin::LEN]) -> Result {
        // SAFETY: The buffer has the size of a name.
        to_result(unsafe { bindings::vs_space_write_name(&raw const self.0, field, name.as_ptr()) })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: The set is ours.
        unsafe { bindings::vs_space_release(&raw mut self.0) };
    }
}
