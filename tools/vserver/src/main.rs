// SPDX-License-Identifier: GPL-2.0

//! Entry point of the command `vserver`.

use clap::Parser;
use std::process::ExitCode;
use vserver::cli::Cli;
use vserver::{command, output};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command::run(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            output::report(&failure, cli.json);
            ExitCode::from(failure.exit_status())
        }
    }
}
