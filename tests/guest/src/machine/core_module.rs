// SPDX-License-Identifier: GPL-2.0

//! The core of the project when it is a module.

use super::mounts::CORE_MODULE;
use crate::sys::{Sys, files, modules};

/// Name of the module.
pub const NAME: &str = "vserver";

/// Whether this machine has the core as a module.
pub fn is_module() -> bool {
    files::exists(CORE_MODULE).is_ok()
}

/// Loads the module when the machine has one.
pub fn load() -> Sys<()> {
    if is_module() {
        modules::load(CORE_MODULE)
    } else {
        Ok(())
    }
}
