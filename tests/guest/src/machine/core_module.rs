// SPDX-License-Identifier: GPL-2.0

//! The core of the project when it is a module.

use super::entries;
use super::mounts::CORE_MODULE;
use crate::sys::{Sys, files, modules};

/// Name of the module.
pub const NAME: &str = "vserver";

/// Whether this machine has the core as a module.
pub fn is_module() -> bool {
    files::exists(CORE_MODULE).is_ok()
}

/// Loads the module when the machine has one, and releases the entries of procfs, of which the
/// module brings some.
pub fn load() -> Sys<()> {
    if is_module() {
        modules::load(CORE_MODULE)?;
    }
    entries::release_all()
}
