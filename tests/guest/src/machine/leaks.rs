// SPDX-License-Identifier: GPL-2.0

//! The leak detector of the debug kernel.

use crate::sys::files;
use std::time::Duration;

const FILE: &str = "/sys/kernel/debug/kmemleak";

/// Whether this kernel has the detector and it works.
pub fn available() -> bool {
    files::read(FILE).is_ok()
}

/// Marks what is unreferenced at boot as known, so that the scan at the end reports what the
/// scenarios leaked.
pub fn forget_boot() {
    let _ = files::write(FILE, "scan");
    let _ = files::write(FILE, "clear");
}

/// Scans twice and returns the report, empty without a leak. An error means that the detector
/// stopped working, for example because its own pool ran out.
pub fn scan(pause: Duration) -> Result<String, i32> {
    files::write(FILE, "scan")?;
    std::thread::sleep(pause);
    files::write(FILE, "scan")?;
    files::read(FILE)
}
