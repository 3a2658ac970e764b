// SPDX-License-Identifier: GPL-2.0

//! The stand-in for the helper program of the host: some contexts please it, others do not.

use std::time::Duration;

/// Name under which the kernel starts it.
pub const NAME: &str = "vshelper-by-id";
/// Path under which the kernel starts it: a link to the test program.
pub const PATH: &str = "/run/vshelper-by-id";

/// Judges by the id, the second argument: some take a while, some fail. Returns the exit code.
pub fn judge(args: &[String]) -> i32 {
    let id: u32 = args.get(2).and_then(|id| id.parse().ok()).unwrap_or(0);
    if id % 4 == 3 {
        std::thread::sleep(Duration::from_millis(30));
    }
    i32::from(id % 4 == 1)
}
