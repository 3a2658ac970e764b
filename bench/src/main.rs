// SPDX-License-Identifier: GPL-2.0

//! Counts instructions per operation on three kernels: stock, ours idle, ours inside a guest.
//!
//! The one binary has four lives. On the developer's machine it boots virtual machines and
//! renders what they report (`host`). As pid 1 of such a machine it measures (`machine`). Called as
//! [`EMPTY_PROGRAM`] it ends at once: that is what the exec rows execute. Called as [`WAIT_PROGRAM`] it
//! is the init of a guest.

mod host;
mod machine;
mod record;
mod row;
mod stats;

use std::process::ExitCode;

/// First argument that makes this binary end at once with success.
pub const EMPTY_PROGRAM: &str = "empty-program";

/// First argument that makes this binary wait until it is asked to end: the init of a guest.
pub const WAIT_PROGRAM: &str = "wait-program";

/// Name of the virtio-serial port that carries the results out of the machine.
pub const PORT: &str = "vserver.bench";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(EMPTY_PROGRAM) => return ExitCode::SUCCESS,
        Some(WAIT_PROGRAM) => return machine::wait_for_the_end(),
        _ => {}
    }
    if std::process::id() == 1 {
        machine::run_as_init();
    }
    host::run(&arguments)
}
