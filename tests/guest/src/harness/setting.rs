// SPDX-License-Identifier: GPL-2.0

//! A setting of the machine that a scenario changes for a while.

use super::{Need, Stop};
use crate::sys::files;

/// Puts the setting back when it is dropped.
pub struct Setting {
    path: &'static str,
    usual: String,
}

impl Setting {
    /// Writes a value into a file of `/proc/sys` or the like.
    pub fn change(path: &'static str, value: &str) -> Result<Self, Stop> {
        let usual = files::read(path).need(path)?;
        files::write(path, value).need(path)?;
        Ok(Self { path, usual })
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = files::write(self.path, &self.usual);
    }
}
