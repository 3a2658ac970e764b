// SPDX-License-Identifier: GPL-2.0

//! The monotonic clock in nanoseconds.

use kernel::bindings;

/// Now. Any context.
pub(crate) fn now() -> u64 {
    // SAFETY: Reads a clock; it never runs below 0.
    unsafe { bindings::ktime_get() as u64 }
}

/// Seconds, and hundredths of the rest: 32-bit machines have no 64-bit division of their own.
pub(crate) fn split(ns: u64) -> (u64, u32) {
    let mut hundredths = 0;
    // SAFETY: The rest goes to a variable of ours.
    let seconds = unsafe { bindings::vs_core_split_ns(ns, &raw mut hundredths) };
    (seconds, hundredths)
}
