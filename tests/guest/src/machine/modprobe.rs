// SPDX-License-Identifier: GPL-2.0

//! The stand-in for `modprobe`: leaves a mark with what the kernel asked for.

use std::io::Write;

/// Name under which the kernel starts it.
pub const NAME: &str = "modprobe-mark";
/// Path under which the kernel starts it.
pub const PATH: &str = "/modprobe-mark";
/// Where the requests are collected, one line each.
pub const MARK: &str = "/run/modprobe.mark";

/// Appends the requested name, the last argument, to the mark. Returns the exit code.
pub fn leave_mark(args: &[String]) -> i32 {
    let request = args.last().map(String::as_str).unwrap_or_default();
    let written = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(MARK)
        .and_then(|mut file| writeln!(file, "{request}"));
    i32::from(written.is_err())
}
