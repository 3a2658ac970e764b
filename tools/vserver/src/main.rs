// SPDX-License-Identifier: GPL-2.0

//! Entry point of the command `vserver`.

use clap::Parser;
use std::path::Path;
use std::process::ExitCode;
use vserver::cli::{Cli, asks_for_json, usage_failure};
use vserver::command::helper;
use vserver::{command, output};

/// The arguments, when the kernel calls the command as its helper program.
fn as_helper() -> Option<Vec<String>> {
    let mut words = std::env::args();
    let name = words.next()?;
    let file = Path::new(&name).file_name()?;
    (file == helper::NAME).then(|| words.collect())
}

fn main() -> ExitCode {
    if let Some(arguments) = as_helper() {
        return ExitCode::from(helper::run(&arguments));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && asks_for_json(std::env::args_os()) => {
            let failure = usage_failure(&error);
            output::report(&failure, true);
            return ExitCode::from(failure.exit_status());
        }
        // Help and version are no failures, and people read the others best as they are.
        Err(error) => error.exit(),
    };
    match command::run(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            output::report(&failure, cli.json);
            ExitCode::from(failure.exit_status())
        }
    }
}
