// SPDX-License-Identifier: GPL-2.0

//! Counts instructions per operation on three kernels: stock, ours idle, ours inside a guest.
//!
//! The one binary has three lives. On the developer's machine it boots virtual machines and
//! renders what they report (`host`). As pid 1 of such a machine it measures (`machine`). Called as
//! [`EMPTY_PROGRAM`] it ends at once: that is what the exec rows execute.

mod host;
mod machine;
mod record;
mod row;
mod stats;

use std::process::ExitCode;

/// First argument that makes this binary end at once with success.
pub const EMPTY_PROGRAM: &str = "empty-program";

/// Name of the virtio-serial port that carries the results out of the machine.
pub const PORT: &str = "vserver.bench";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == EMPTY_PROGRAM)
    {
        return ExitCode::SUCCESS;
    }
    if std::process::id() == 1 {
        machine::run_as_init();
    }
    host::run(&arguments)
}
