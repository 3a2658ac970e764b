// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::description::FIELDS_HELP;
use crate::failure::EXIT_STATUS_HELP;
use crate::store::DEFAULT_DIRECTORY;
use clap::builder::{NonEmptyStringValueParser, ValueHint};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  vserver create web --root /srv/web       describe a guest
  vserver start web                        run it
  vserver enter web                        a shell inside
  vserver exec web -- apt-get update       one command inside
  vserver list                             all guests and their state
  vserver stop web                         stop it
";

/// Creates, starts, stops and inspects Linux-VServer guests.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXAMPLES}\n{EXIT_STATUS_HELP}"), max_term_width = 100)]
pub struct Cli {
    /// Print results, and failures on standard error, as JSON
    #[arg(long, global = true)]
    pub json: bool,

    /// Directory of the descriptions
    #[arg(
        long,
        global = true,
        env = "VSERVER_CONFIG_DIR",
        value_name = "DIR",
        default_value = DEFAULT_DIRECTORY,
        value_hint = ValueHint::DirPath
    )]
    pub config_dir: PathBuf,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Describe a new guest
    #[command(after_help = format!("\
Examples:
  vserver create web --root /srv/web
  vserver create job --root /srv/job --hostname worker -- /usr/bin/python3 /srv/job.py

{FIELDS_HELP}"))]
    Create(Create),
    /// Start a guest
    #[command(after_help = "\
The console output of the guest goes to /var/log/vserver/NAME.log.

Examples:
  vserver start web
  vserver start web -- /bin/sleep infinity     another command as pid 1, this time
  vserver start web --foreground               stay, and pass on the exit status")]
    Start(Start),
    /// Stop a guest
    #[command(after_help = "\
Init is asked with the signal of the description (`stop-signal`); without one systemd gets
SIGRTMIN+3, others SIGTERM. What has not ended after the timeout is killed.

Examples:
  vserver stop web
  vserver stop web --timeout 300
  vserver stop web --kill")]
    Stop(Stop),
    /// Start a shell inside a running guest
    #[command(after_help = "\
Examples:
  vserver enter web
  vserver enter web top")]
    Enter(Enter),
    /// Run a command inside a running guest and pass on its exit status
    #[command(after_help = "\
Examples:
  vserver exec web -- ps aux
  vserver exec web -- sh -c 'echo $HOSTNAME'")]
    Exec(Exec),
    /// List guests and running contexts
    #[command(after_help = "\
States: running, stopped, starting, empty (kept without tasks), foreign (a context without
description), conflict (another context has the id), broken (description), unknown (no right to
ask the kernel).

Examples:
  vserver list
  vserver list --json")]
    List,
    /// Show description and state of a guest
    #[command(after_help = "\
Examples:
  vserver show web
  vserver show web --json")]
    Show(Show),
    /// Show all that the kernel tells of a running guest or context
    #[command(after_help = "\
A number is the id of a context, with or without description, unless a guest has that name.
Limits are those that are set; `vserver kernel` shows which values this kernel enforces.

Examples:
  vserver info web
  vserver info 1000                      the context with this id
  vserver info web --json")]
    Info(Info),
    /// Remove the description of a guest
    #[command(after_help = "\
Examples:
  vserver destroy web
  vserver destroy web --force            stop it first when it runs
  vserver destroy web --purge            remove its root directory, too")]
    Destroy(Destroy),
    /// Show what the kernel supports
    #[command(after_help = "\
Examples:
  vserver kernel
  vserver kernel --json")]
    Kernel,
    /// Print a completion script
    #[command(after_help = "\
Examples:
  vserver completion bash > /etc/bash_completion.d/vserver
  eval \"$(vserver completion bash)\"")]
    Completion(Completion),
}

/// Arguments of `create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Name of the guest
    pub name: String,
    /// Its root directory on the host
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,
    /// Context id, 2 to 65535; without it the lowest free one from 1000 on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=65535))]
    pub xid: Option<u32>,
    /// Host name inside; without it the name of the guest
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// Command run as pid 1; without it /sbin/init
    #[arg(last = true, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    pub init: Vec<String>,
}

/// Arguments of `start`.
#[derive(Debug, Args)]
pub struct Start {
    /// Name of the guest
    pub name: String,
    /// Stay, show the console, and pass on the exit status of the guest
    #[arg(long)]
    pub foreground: bool,
    /// Command run as pid 1 in place of the one in the description
    #[arg(last = true, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    pub init: Vec<String>,
}

/// Arguments of `stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// Name of the guest
    pub name: String,
    /// Seconds that init may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u32,
    /// Kill all tasks at once
    #[arg(long)]
    pub kill: bool,
}

/// Arguments of `enter`.
#[derive(Debug, Args)]
pub struct Enter {
    /// Name of the guest
    pub name: String,
    /// Command; without it a login shell
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<String>,
}

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Name of the guest
    pub name: String,
    /// Command
    #[arg(
        last = true,
        required = true,
        value_name = "COMMAND",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub command: Vec<String>,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Name of the guest
    pub name: String,
}

/// Arguments of `info`.
#[derive(Debug, Args)]
pub struct Info {
    /// Name of the guest, or id of the context
    #[arg(value_name = "NAME|XID")]
    pub name: String,
}

/// Arguments of `destroy`.
#[derive(Debug, Args)]
pub struct Destroy {
    /// Name of the guest
    pub name: String,
    /// Stop the guest first when it runs
    #[arg(long)]
    pub force: bool,
    /// Remove its root directory, too
    #[arg(long)]
    pub purge: bool,
}

/// Arguments of `completion`.
#[derive(Debug, Args)]
pub struct Completion {
    /// Shell
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            assert!(
                help.is_some_and(|help| help.contains("Examples:")),
                "{}",
                command.get_name()
            );
            assert!(command.get_about().is_some());
        }
    }
}
