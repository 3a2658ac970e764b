// SPDX-License-Identifier: GPL-2.0

//! The command line.

use crate::bits::Word;
use crate::change;
use crate::description::FIELDS_HELP;
use crate::failure::{EXIT_STATUS_HELP, Failure, Reason};
use crate::limit_change::Wishes;
use crate::limits::Key;
use crate::store::DEFAULT_DIRECTORY;
use clap::builder::{NonEmptyStringValueParser, PossibleValue, TypedValueParser, ValueHint};
use clap::{Arg, ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use libvserver::abi::sched;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  vserver create web --root /srv/web       describe a guest
  vserver start web                        run it
  vserver enter web                        a shell inside
  vserver exec web -- apt-get update       one command inside
  vserver list                             all guests and their state
  vserver set web --mem 1G --cpu 1.5       limit what it may use
  vserver stat web                         what it has used
  vserver net web add 192.0.2.11/24        give it another address
  vserver reboot web                       stop it and start it again
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

/// Whether words that make no command line ask for JSON.
pub fn asks_for_json(words: impl Iterator<Item = OsString>) -> bool {
    // What follows belongs to the command to run.
    let mut own = words.take_while(|word| word != "--");
    own.any(|word| word == "--json")
}

/// The failure for a command line that makes no sense.
pub fn usage_failure(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let lines = |text: &str, between| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(between)
    };
    let message = message.strip_prefix("error: ").unwrap_or(message);
    Failure::new(Reason::Usage, lines(message, " "), lines(rest, "; "))
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Describe a new guest
    #[command(after_help = format!("\
Examples:
  vserver create web --root /srv/web
  vserver create job --root /srv/job --hostname worker -- /usr/bin/python3 /srv/job.py
  vserver create old --root /srv/old --pid-namespace shared
  vserver create web --root /srv/web --ip 192.0.2.10/24 --ip 2001:db8::10/64 --device eth0
  vserver create db --root /srv/db --ip 192.0.2.11/24 --net own,bridge=br0 --gateway 192.0.2.1
  vserver create web --root /srv/web --cpu 1.5 --cpus 0-1 --mem 512M --mem-high 400M --pids 500
  vserver create db --root /srv/db --mem 2G --swap 0 --io /dev/vda:rbps=20M,wiops=500

Without --ip and the other options of the network the guest uses that of the host.

{FIELDS_HELP}"))]
    Create(Create),
    /// Start a guest
    #[command(after_help = "\
The console output of the guest goes to /var/log/vserver/NAME.log, or to logs/ of another
--config-dir; from 1 MiB on that becomes NAME.log.1 and begins anew. A guest that reboots is started
again with the same id and command, unless somebody stops it or it has rebooted 5 times within 60
seconds; the log tells. A guest that halts stays down.

Examples:
  vserver start web
  vserver start web -- /bin/sleep infinity     another command as pid 1, this time
  vserver start web --foreground               stay, and pass on the exit status")]
    Start(Start),
    /// Stop a guest
    #[command(after_help = "\
Init is asked with the signal of the description (`stop-signal`); without one systemd gets
SIGRTMIN+3, one that handles SIGINT but not SIGTERM, as sysvinit, SIGINT, others SIGTERM. What has
not ended after the timeout is killed.

Examples:
  vserver stop web
  vserver stop web --timeout 300
  vserver stop web --kill")]
    Stop(Stop),
    /// Stop a running guest and start it again
    #[command(after_help = "\
The guest is stopped as by `vserver stop`, then started as by `vserver start`: with the description
as it is now, the same context id, and the command of the description. When the start fails, the
guest stays stopped.

Examples:
  vserver reboot web
  vserver reboot web --timeout 300")]
    Reboot(Reboot),
    /// Wait until a running guest has ended
    #[command(after_help = "\
Tells how the last task ended and what the guest has asked for by reboot(2): none, restart, halt,
poweroff, suspend. The kernel notes that only when it can start the helper program that the sysctl
kernel.vshelper names. A guest that reboots ends as well, before it is started again.

Examples:
  vserver wait web
  vserver wait web --timeout 60 --json")]
    Wait(Wait),
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
    /// Show what guests have used
    #[command(after_help = "\
Without a name: the running guests. With one: all that is known of this guest, running or not, since
its start and since its creation. The numbers of ended runs are kept in
/var/lib/vserver/accounts/NAME.jsonl, or in accounts/ of another --config-dir, until the guest is
destroyed.

--openmetrics prints all guests, or the named one, for a collector of metrics: counters are since
the creation of a guest and do not go back when it starts again.

Examples:
  vserver stat
  vserver stat web
  vserver stat web --json
  vserver stat --openmetrics > /var/lib/node_exporter/vserver.prom")]
    Stat(Stat),
    /// Change a running guest, or the limits of any
    #[command(after_help = format!("\
All that is asked for is checked before anything is changed; when the kernel refuses one change,
those before it are undone. The values hold until the guest ends: the description is not changed,
and the next start follows the description.

The options under \"Limits\" are kept: they change the description, and the guest at once when
it runs, both or neither. \"none\" lifts a limit. They stand in a call of their own.

A name sets what it stands for; with ~ before it (in quotes, for the shell) it clears that.
Capabilities that a task has lost at its start do not come back; those of --bcap are for commands
entered later. Of the flags, STATE_SETUP, STATE_INIT and STATE_ADMIN can only be cleared; without
STATE_ADMIN the host can neither change nor stop the guest. One value of --limit stands for both the
soft and the hard limit; \"unlimited\" removes a limit.

Examples:
  vserver set web --flag hide_vinfo,virt_uptime
  vserver set web --flag '~hide_vinfo' --ccap secure_mount
  vserver set web --limit nproc=100:200 --limit shmem=unlimited
  vserver set web --hostname w2 --badness 100 --json
  vserver set web --cpu 1.5 --cpu-burst 2s --mem 512M --swap none
  vserver set web --io /dev/vda:rbps=20M,wiops=500 --io /dev/vdb:none

Flags: {}

Context capabilities: {}

Namespaces: {}

Resources of --limit: {}",
        Word::Flags.names().join(" "),
        Word::Ccaps.names().join(" "),
        Word::Umask.names().join(" "),
        change::resource_names().join(" ")))]
    Set(Set),
    /// Show or change the addresses and the rate of a guest
    #[command(after_help = "\
`add`, `remove` and `rate` change the description, and the guest at once when it runs. All addresses
are checked before anything is changed; when one change is refused, those before it are undone. The
mode, device and gateways of the description hold from the next start on.

Examples:
  vserver net web add 192.0.2.11/24 2001:db8::11/64
  vserver net web remove 192.0.2.11/24
  vserver net web rate 100mbit,ingress=1gbit
  vserver net web show --json")]
    Net(Net),
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
    /// Pid namespace: "own", or "shared" with the host for a legacy init
    #[arg(long, value_name = "WHICH", value_parser = ["own", "shared"])]
    pub pid_namespace: Option<String>,
    /// Let it set its own time of day, which starts as that of the host
    #[arg(long)]
    pub own_clock: bool,
    /// An address with the length of its prefix, IPv4 or IPv6; may be repeated
    #[arg(long, value_name = "ADDRESS/PREFIX")]
    pub ip: Vec<String>,
    /// Network stack: shared, or own,bridge=BR | own,routed | own,macvlan=IF | own,ipvlan=IF
    #[arg(long, value_name = "MODE")]
    pub net: Option<String>,
    /// Shared stack: interface that gets the addresses while the guest runs
    #[arg(long, value_name = "INTERFACE")]
    pub device: Option<String>,
    /// Own stack: next hop of the default route, one of each family
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Vec<String>,
    /// Server of names, written to /etc/resolv.conf of the guest; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<String>,
    /// Bits per second of each direction, such as 100mbit; not with macvlan or ipvlan
    #[arg(long, value_name = "RATE[,ingress=RATE]")]
    pub rate: Option<String>,
    /// Command run as pid 1; without it /sbin/init
    #[arg(last = true, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    pub init: Vec<String>,
    /// What the guest may use
    #[command(flatten)]
    pub limits: LimitOptions,
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

/// Arguments of `reboot`.
#[derive(Debug, Args)]
pub struct Reboot {
    /// Name of the guest
    pub name: String,
    /// Seconds that init may take to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub timeout: u32,
}

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// Name of the guest
    pub name: String,
    /// Seconds to wait; without it as long as it takes
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
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

/// Arguments of `stat`.
#[derive(Debug, Args)]
pub struct Stat {
    /// Name of the guest; without it all that run
    pub name: Option<String>,
    /// Print in the text format of OpenMetrics
    #[arg(long, conflicts_with = "json")]
    pub openmetrics: bool,
}

/// Arguments of `set`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).multiple(true).args(LIMITS),
    override_usage = "vserver set [OPTIONS] <NAME> <CHANGE>..."
)]
pub struct Set {
    /// Name of the guest
    pub name: String,
    /// Set or clear context flags
    #[arg(
        long,
        group = "change",
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = Names(|| Word::Flags.names()),
        hide_possible_values = true
    )]
    pub flag: Vec<String>,
    /// Set or clear context capabilities
    #[arg(
        long,
        group = "change",
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = Names(|| Word::Ccaps.names()),
        hide_possible_values = true
    )]
    pub ccap: Vec<String>,
    /// Set or clear capabilities of the mask, names as in capabilities(7)
    #[arg(
        long,
        group = "change",
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = Names(|| Word::Bcaps.names()),
        hide_possible_values = true
    )]
    pub bcap: Vec<String>,
    /// Set or clear namespaces that tasks of the guest may make
    #[arg(
        long,
        group = "change",
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = Names(|| Word::Umask.names()),
        hide_possible_values = true
    )]
    pub umask: Vec<String>,
    /// Set the host name
    #[arg(long, group = "change", value_name = "TEXT")]
    pub hostname: Option<String>,
    /// Add to the score by which the kernel chooses whom to kill without memory
    #[arg(
        long,
        group = "change",
        value_name = "N",
        allow_negative_numbers = true
    )]
    pub badness: Option<i64>,
    /// Add to the priority of all tasks, -20 to 20
    #[arg(
        long,
        group = "change",
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32)
            .range(i64::from(sched::PRIO_BIAS_MIN)..=i64::from(sched::PRIO_BIAS_MAX))
    )]
    pub prio_bias: Option<i32>,
    /// Limit a resource of the whole guest, in units of the resource
    #[arg(
        long,
        group = "change",
        value_name = "RESOURCE=SOFT[:HARD]",
        value_delimiter = ','
    )]
    pub limit: Vec<String>,
    /// What the guest may use
    #[command(flatten)]
    pub limits: LimitOptions,
}

impl Set {
    /// Whether something other than limits of the description is to change.
    pub fn changes_context(&self) -> bool {
        let lists = [&self.flag, &self.ccap, &self.bcap, &self.umask, &self.limit];
        lists.iter().any(|list| !list.is_empty())
            || self.hostname.is_some()
            || self.badness.is_some()
            || self.prio_bias.is_some()
    }
}

/// The options of [`LimitOptions`].
const LIMITS: [&str; 11] = [
    "cpu",
    "cpu_burst",
    "cpu_idle",
    "cpus",
    "weight",
    "mem",
    "mem_high",
    "swap",
    "pids",
    "files",
    "io",
];

/// Limits of a guest.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (\"none\" lifts one)")]
#[group(id = "limits", multiple = true)]
pub struct LimitOptions {
    /// Processors that its tasks use together, such as 1.5
    #[arg(long, value_name = "N")]
    pub cpu: Option<String>,
    /// Processor time that may be saved up, such as 2s; without it what comes in a second
    #[arg(long, value_name = "TIME")]
    pub cpu_burst: Option<String>,
    /// Part of what others leave idle, 1 to 100; without it the limit holds there as well
    #[arg(long, value_name = "N")]
    pub cpu_idle: Option<String>,
    /// Processors that its tasks may run on, such as 0-1,3
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// Share of busy processors, 1 to 10000; others have 100
    #[arg(long, value_name = "N")]
    pub weight: Option<String>,
    /// Memory, such as 512M; at the limit the kernel kills a task inside
    #[arg(long, value_name = "SIZE")]
    pub mem: Option<String>,
    /// Memory from which on the guest is slowed down, such as 400M
    #[arg(long, value_name = "SIZE")]
    pub mem_high: Option<String>,
    /// Swap space, such as 1G; 0 is none; needs --mem
    #[arg(long, value_name = "SIZE")]
    pub swap: Option<String>,
    /// Processes and threads, 16 or more
    #[arg(long, value_name = "N")]
    pub pids: Option<String>,
    /// Open files, 64 or more
    #[arg(long, value_name = "N")]
    pub files: Option<String>,
    /// Bytes (rbps, wbps), operations (riops, wiops) per second and weight of a disk; may be
    /// repeated; DISK:none lifts those of one disk
    #[arg(long, value_name = "DISK:LIMIT=VALUE,...", value_hint = ValueHint::FilePath)]
    pub io: Vec<String>,
}

impl LimitOptions {
    /// What is asked for.
    pub fn wishes(&self) -> Wishes {
        let words = [
            (Key::Cpu, &self.cpu),
            (Key::CpuBurst, &self.cpu_burst),
            (Key::CpuIdle, &self.cpu_idle),
            (Key::Cpus, &self.cpus),
            (Key::Weight, &self.weight),
            (Key::Mem, &self.mem),
            (Key::MemHigh, &self.mem_high),
            (Key::Swap, &self.swap),
            (Key::Pids, &self.pids),
            (Key::Files, &self.files),
        ];
        Wishes {
            words: words
                .into_iter()
                .filter_map(|(key, word)| Some((key, word.clone()?)))
                .collect(),
            disks: self.io.clone(),
        }
    }
}

/// Takes any word, and offers these names for completion; what is no name is told later, with what
/// may have been meant.
#[derive(Clone)]
struct Names(fn() -> Vec<&'static str>);

impl TypedValueParser for Names {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        clap::builder::StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// Arguments of `net`.
#[derive(Debug, Args)]
pub struct Net {
    /// Name of the guest
    pub name: String,
    /// What to do
    #[command(subcommand)]
    pub action: NetAction,
}

/// What to do with addresses.
#[derive(Debug, Subcommand)]
pub enum NetAction {
    /// Add addresses
    #[command(after_help = "Examples:\n  vserver net web add 192.0.2.11/24 2001:db8::11/64")]
    Add(NetAddresses),
    /// Remove addresses; connections on them are closed where the kernel enforces addresses
    #[command(after_help = "Examples:\n  vserver net web remove 192.0.2.11/24")]
    Remove(NetAddresses),
    /// Limit how fast the guest sends and receives; of interfaces that the host has got since,
    /// the same rate once more
    #[command(after_help = "\
Examples:
  vserver net web rate 100mbit
  vserver net web rate 100mbit,ingress=1gbit
  vserver net web rate none")]
    Rate(NetRate),
    /// Show the network of the description, the addresses of the running guest, and its traffic
    #[command(after_help = "Examples:\n  vserver net web show")]
    Show,
}

/// Addresses to add or to remove.
#[derive(Debug, Args)]
pub struct NetAddresses {
    /// Addresses with the lengths of their prefixes
    #[arg(required = true, value_name = "ADDRESS/PREFIX")]
    pub addresses: Vec<String>,
}

/// How fast.
#[derive(Debug, Args)]
pub struct NetRate {
    /// Bits per second of both directions, another one for what it receives, or none
    #[arg(value_name = "RATE[,ingress=RATE]|none")]
    pub rate: String,
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
