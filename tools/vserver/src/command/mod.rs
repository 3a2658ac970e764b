// SPDX-License-Identifier: GPL-2.0

//! The subcommands.

mod create;
mod destroy;
mod exec;
pub mod helper;
mod info;
mod kernel;
mod list;
mod net;
mod purge;
mod reboot;
mod set;
mod show;
mod start;
mod stat;
mod stop;
mod wait;

use crate::claim::lock_description;
use crate::cli::{Cli, Command};
use crate::failure::{Failure, Outcome};
use crate::guest::Guest;
use crate::linux::{Layout, Linux};
use crate::store::{DEFAULT_DIRECTORY, Store};
use clap::CommandFactory;
use libvserver::Kernel;
use std::fs::File;
use std::path::{Path, absolute};

/// The machine that the command works on.
type Machine = Linux<Kernel>;

/// What every subcommand needs.
struct Setting {
    system: Machine,
    store: Store,
    json: bool,
}

impl Setting {
    /// Loads a guest whose description is going to be changed: nobody else changes it, or starts
    /// the guest, until the lock is dropped.
    fn load_to_change(&self, name: &str) -> Outcome<(Guest, Option<File>)> {
        // Nothing is left behind for a guest that is not there.
        self.store.load(name)?;
        let lock = lock_description(&self.system, name)?;
        Ok((self.store.load(name)?, lock))
    }
}

/// Where the command keeps things. Guests that are described elsewhere have their accounts and logs
/// beside their descriptions: there may be others of the same name.
fn layout(descriptions: &Path) -> Layout {
    let mut layout = Layout::default();
    if descriptions != Path::new(DEFAULT_DIRECTORY) {
        layout.accounts = descriptions.join("accounts");
        layout.logs = descriptions.join("logs");
    }
    layout
}

/// Runs a parsed command line and returns the exit status.
///
/// # Errors
///
/// The failure to report.
pub fn run(cli: &Cli) -> Outcome<u8> {
    // A supervisor changes its directory.
    let descriptions = absolute(&cli.config_dir)
        .map_err(|error| Failure::file("look for", &cli.config_dir, &error))?;
    let setting = Setting {
        system: Linux::new(Kernel, layout(&descriptions)),
        store: Store::new(&descriptions),
        json: cli.json,
    };
    match &cli.command {
        Command::Create(arguments) => create::run(&setting, arguments),
        Command::Start(arguments) => start::run(&setting, arguments),
        Command::Stop(arguments) => stop::run(&setting, arguments),
        Command::Reboot(arguments) => reboot::run(&setting, arguments),
        Command::Wait(arguments) => wait::run(&setting, arguments),
        Command::Enter(arguments) => exec::enter(&setting, arguments),
        Command::Exec(arguments) => exec::exec(&setting, arguments),
        Command::List => list::run(&setting),
        Command::Show(arguments) => show::run(&setting, arguments),
        Command::Info(arguments) => info::run(&setting, arguments),
        Command::Stat(arguments) => stat::run(&setting, arguments),
        Command::Set(arguments) => set::run(&setting, arguments),
        Command::Net(arguments) => net::run(&setting, arguments),
        Command::Destroy(arguments) => destroy::run(&setting, arguments),
        Command::Kernel => kernel::run(&setting),
        Command::Completion(arguments) => {
            clap_complete::generate(
                arguments.shell,
                &mut Cli::command(),
                "vserver",
                &mut std::io::stdout(),
            );
            Ok(0)
        }
    }
}
