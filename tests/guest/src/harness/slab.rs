// SPDX-License-Identifier: GPL-2.0

//! Memory that the kernel cannot give back.

use super::check::{Need, Stop};
use super::wait;
use crate::limits::GONE_WITHIN;
use crate::machine::residue;
use crate::sys::files;

/// Unreclaimable slab memory in KiB, after everything that is about to be freed was freed.
pub fn unreclaimable() -> Result<u64, Stop> {
    wait::until(GONE_WITHIN, || residue::objects() == Ok(0));
    // Frees of objects wait for grace periods; give them a few.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let text = files::read("/proc/meminfo").need("meminfo")?;
    files::field(&text, "SUnreclaim")
        .and_then(|value| value.split(' ').next())
        .and_then(|number| number.parse().ok())
        .need("SUnreclaim")
}
