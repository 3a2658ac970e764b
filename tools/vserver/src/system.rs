// SPDX-License-Identifier: GPL-2.0

//! What the command asks of the machine. Everything that changes something goes through
//! [`System`], so that the order of steps and the rollback can be tested without a kernel.

use crate::failure::Outcome;
use crate::guest::{Guest, Mount};
use crate::listener::Listener;
use crate::network::{Address, Link, Network};
use crate::quantity::CpuList;
use crate::rate::Rate;
use crate::survey::Survey;
use libvserver::Syscall;
use libvserver::abi::WaitExit;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// A file system to mount inside a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Type, such as `tmpfs`.
    pub kind: &'static str,
    /// Absolute path inside the guest.
    pub target: &'static str,
    /// `MS_*` flags.
    pub flags: u64,
    /// Options of the file system.
    pub data: &'static str,
}

/// The cgroup of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Its directory on the host.
    pub path: std::path::PathBuf,
    /// Whether the kernel keeps a guest from changing the limits of its own cgroup, so that the
    /// guest may write below it.
    pub delegated: bool,
}

/// What a path of the host is to limits of disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A whole disk: its number, `MAJOR:MINOR`.
    Disk(String),
    /// A part of the disk with this device node.
    Partition(std::path::PathBuf),
    /// No block device.
    Other,
}

/// What a new child begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spawn<'a> {
    /// `CLONE_NEW*` bits of the namespaces to make.
    pub namespaces: u64,
    /// Cgroup to start in.
    pub cgroup: Option<&'a Cgroup>,
}

/// What waiting for the end of a context gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It has ended, in this way.
    Ended(WaitExit),
    /// It was gone before the wait began.
    Gone,
    /// It has not ended yet.
    Lasts,
}

/// What a child told before it executed its program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The program runs.
    Executed,
    /// A step failed.
    Failed(crate::failure::Failure),
    /// The child ended without a word, with this wait status.
    Died(i32),
    /// The user gave up before the child was ready.
    Cancelled,
}

/// A program to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Program and arguments; a program without a slash is searched in `PATH` of `env`.
    pub words: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
}

/// The machine. Methods return errors of the operating system unchanged; the callers say what was
/// tried. Methods after [`System::spawn`] are called by the child.
pub trait System: Syscall {
    /// Terminal whose other end becomes the console of a guest.
    type Console;
    /// A copy of a mount that is attached nowhere yet.
    type Tree;
    /// A network namespace.
    type Stack;
    /// A child process.
    type Child;
    /// What a command inside a guest has in place of terminals of the caller.
    type Streams;
    /// The exclusive right to start and clean up one guest; dropped to release it.
    type Lock;
    /// The console log of a guest.
    type Log;

    /// Takes the lock of a guest; none when another process keeps it longer than `patience`.
    fn lock(&self, guest: &str, patience: Duration) -> io::Result<Option<Self::Lock>>;
    /// Keeps the supervisor of a guest from starting it again, until dropped; none when it does so
    /// just now and goes on with it longer than `patience`.
    fn announce_stop(&self, guest: &str, patience: Duration) -> io::Result<Option<Self::Lock>>;
    /// Makes sure that nobody stops the guest, until dropped; none when somebody does.
    fn exclude_stop(&self, guest: &str) -> io::Result<Option<Self::Lock>>;
    /// Takes the right to read and change the description of a guest; none when another process
    /// keeps it longer than `patience`.
    fn lock_description(&self, guest: &str, patience: Duration) -> io::Result<Option<Self::Lock>>;
    /// Whether `path` is a directory of the host; `ELOOP` when a link leads there.
    fn is_directory(&self, path: &Path) -> io::Result<bool>;
    /// Ids of all contexts; empty when the kernel has none.
    fn context_ids(&self) -> io::Result<Vec<u32>>;
    /// What runs inside contexts.
    fn survey(&self) -> io::Result<Survey>;
    /// Waits until a context has ended; none waits for ever. Leaves no thread behind when the
    /// context has ended.
    fn wait_context(&self, xid: u32, patience: Option<Duration>) -> io::Result<Waited>;

    /// What the guest in context `xid` has asked for by `reboot(2)` last, as a command of that
    /// call; 0 for nothing, none when the context is gone.
    fn asked_for(&self, xid: u32) -> io::Result<Option<u32>>;
    /// Path of the helper program of the kernel, when it cannot be executed.
    fn missing_helper(&self) -> Option<String>;

    /// Opens the console log of a guest for appending.
    fn open_log(&self, guest: &str) -> io::Result<Self::Log>;
    /// Adds a line of the supervisor to a log. A log that cannot be written loses it.
    fn write_log(&self, log: &Self::Log, line: &str);
    /// Makes the cgroup of a guest; none when no cgroup2 file system is mounted. An empty cgroup
    /// that is there already is taken.
    fn create_cgroup(&self, guest: &str) -> io::Result<Option<Cgroup>>;
    /// Finds the cgroup of a guest.
    fn find_cgroup(&self, guest: &str) -> Option<Cgroup>;
    /// Removes the cgroup of a guest and all below it, waiting a moment for tasks that are about
    /// to end; succeeds when there is none.
    fn remove_cgroup(&self, guest: &str) -> io::Result<()>;
    /// Removes what commands inside a guest have left in its cgroup, unless it is in use.
    fn tidy_cgroup(&self, guest: &str);
    /// Lets the cgroup of a guest have a controller; false when the host does not offer it.
    fn enable_controller(&self, guest: &str, controller: &str) -> io::Result<bool>;
    /// Reads a file of the cgroup of a guest.
    fn read_cgroup(&self, guest: &str, file: &str) -> io::Result<String>;
    /// Writes a line to a file of the cgroup of a guest.
    fn write_cgroup(&self, guest: &str, file: &str, value: &str) -> io::Result<()>;
    /// A word for the cgroup of a guest that no other one, before or after, has.
    fn cgroup_identity(&self, guest: &str) -> io::Result<String>;
    /// Processors that are online.
    fn online_cpus(&self) -> io::Result<CpuList>;
    /// Looks at a path that is to be a disk.
    fn device(&self, path: &Path) -> io::Result<Device>;
    /// Name of the disk with this number.
    fn disk_name(&self, number: &str) -> Option<String>;
    /// Reads the accounts of a guest; empty when there are none.
    fn read_accounts(&self, guest: &str) -> io::Result<String>;
    /// Adds a line to the accounts of a guest, all of it or nothing.
    fn append_account(&self, guest: &str, line: &str) -> io::Result<()>;
    /// Writes the accounts of a guest anew, all or nothing; empty ones go, with those that were set
    /// aside.
    fn replace_accounts(&self, guest: &str, text: &str) -> io::Result<()>;
    /// Reads accounts of a guest that wait in memory until they can be written.
    fn read_aside(&self, guest: &str) -> io::Result<String>;
    /// Writes accounts that wait in memory anew; empty ones go.
    fn replace_aside(&self, guest: &str, text: &str) -> io::Result<()>;
    /// Seconds since 1970.
    fn now(&self) -> u64;
    /// Whether the host has an interface of this name.
    fn has_interface(&self, name: &str) -> io::Result<bool>;
    /// Puts an address on an interface of the host, unless it is there.
    fn place_address(&self, device: &str, address: &Address) -> io::Result<()>;
    /// Removes an address that [`System::place_address`] has put on an interface of the host; one
    /// that others have put there stays.
    fn take_back_address(&self, device: &str, address: &Address) -> io::Result<()>;
    /// Makes a network namespace whose owner is a user namespace below that of the host: root in
    /// the guest has all rights over the one, and none over the network of the host.
    fn make_stack(&self) -> io::Result<Self::Stack>;
    /// Opens the network namespace of a running context.
    fn open_stack(&self, xid: u32) -> io::Result<Self::Stack>;
    /// Makes the interface of a guest inside `stack`, and the host's end of it, which stays down.
    fn connect_stack(&self, stack: &Self::Stack, guest: &Guest, link: &Link) -> io::Result<()>;
    /// Lets nothing pass the host's end but what comes from `addresses` and the interface of the
    /// guest, in place of what was let pass before.
    fn guard_stack(&self, xid: u32, addresses: &[Address]) -> io::Result<()>;
    /// Limits what passes the host's end, or no longer, in place of what limited it before.
    fn limit_stack(&self, xid: u32, rate: Option<Rate>) -> io::Result<()>;
    /// Limits what comes from and goes to `addresses` of a guest in the stack of the host, in place
    /// of what was limited before.
    fn limit_addresses(&self, xid: u32, addresses: &[Address], rate: Rate) -> io::Result<()>;
    /// Removes what [`System::limit_addresses`] has made for a guest; succeeds when there is
    /// nothing.
    fn unlimit_addresses(&self, xid: u32) -> io::Result<()>;
    /// Sets addresses and routes inside, and both ends up.
    fn furnish_stack(&self, stack: &Self::Stack, xid: u32, network: &Network) -> io::Result<()>;
    /// Adds an address inside.
    fn add_stack_address(&self, stack: &Self::Stack, address: &Address) -> io::Result<()>;
    /// Removes an address inside; succeeds when the guest has removed it.
    fn remove_stack_address(&self, stack: &Self::Stack, address: &Address) -> io::Result<()>;
    /// Lists the addresses inside.
    fn stack_addresses(&self, stack: &Self::Stack) -> io::Result<Vec<Address>>;
    /// Adds a route of the host to an address of a guest.
    fn add_route(&self, xid: u32, ip: IpAddr) -> io::Result<()>;
    /// Removes a route of the host to an address of a guest; succeeds when there is none.
    fn remove_route(&self, xid: u32, ip: IpAddr) -> io::Result<()>;
    /// Removes the host's end, and everything with it; succeeds when there is none.
    fn disconnect_stack(&self, xid: u32) -> io::Result<()>;
    /// Lists the single addresses of a network context.
    fn context_addresses(&self, nid: u32) -> io::Result<Vec<Address>>;
    /// Services of the host that listen on all addresses.
    fn wildcard_listeners(&self) -> io::Result<Vec<Listener>>;
    /// Whether the host forwards packets of a family.
    fn forwards(&self, ipv4: bool) -> bool;
    /// Opens a new terminal.
    fn open_console(&self) -> io::Result<Self::Console>;
    /// Path on the host of the end of the terminal that becomes the console.
    fn console_path(&self, console: &Self::Console) -> String;
    /// Lets the clocks of future children start at zero, in a new time namespace.
    fn restart_clocks(&self) -> io::Result<()>;
    /// Makes a child that runs `inside`, which ends by executing a program or with a failure.
    fn spawn(
        &self,
        spawn: Spawn<'_>,
        inside: &mut dyn FnMut(&Self) -> Outcome<()>,
    ) -> io::Result<Self::Child>;
    /// Pid of the child in the initial pid namespace.
    fn pid_of(&self, child: &Self::Child) -> i32;
    /// Waits until the child has executed its program or failed.
    fn await_report(&self, child: &mut Self::Child) -> io::Result<Report>;
    /// Sends SIGKILL to a child that is in no context.
    fn kill_child(&self, child: &Self::Child);
    /// Returns the wait status of the child; none when it has not ended within `patience`.
    fn reap(&self, child: &mut Self::Child, patience: Duration) -> io::Result<Option<i32>>;

    /// Ends the caller when its parent dies, or no longer.
    fn die_with_parent(&self, enabled: bool) -> io::Result<()>;
    /// Gives the caller ordinary priorities, all processors, and the limits of the first process of
    /// a machine, whatever its parent had. Wants the procfs and the rights of the host.
    fn shed_inheritance(&self) -> io::Result<()>;
    /// Moves the caller into a network namespace.
    fn enter_stack(&self, stack: &Self::Stack) -> io::Result<()>;
    /// Writes `/etc/resolv.conf`.
    fn write_resolver(&self, servers: &[IpAddr]) -> io::Result<()>;
    /// Directories of sysfs that have an entry for each interface of the host: runs where the guest's
    /// sysfs is mounted.
    fn interface_directories(&self) -> io::Result<Vec<String>>;
    /// Makes the current cgroup the root of the cgroups that the caller sees.
    fn own_cgroup_root(&self) -> io::Result<()>;
    /// Stops mounts of the caller from reaching the host.
    fn make_mounts_private(&self) -> io::Result<()>;
    /// Copies the mount at `source`, to be attached elsewhere.
    fn take_tree(&self, source: &Path) -> io::Result<Self::Tree>;
    /// Makes `root` a mount without device nodes and the root directory, and lets go of the old
    /// root.
    fn pivot_into(&self, root: &Path) -> io::Result<()>;
    /// Whether `init` is a systemd that mounts a file system of its own at `/tmp` when it starts:
    /// runs where the guest's root is the root.
    fn mounts_tmp(&self, init: &str) -> bool;
    /// Makes a directory unless there is one; anything else of this name is an error.
    fn make_directory(&self, path: &str) -> io::Result<()>;
    /// Mounts a file system.
    fn mount(&self, filesystem: &FileSystem) -> io::Result<()>;
    /// Makes a character device node that everybody may read and write.
    fn make_device(&self, path: &str, major: u32, minor: u32) -> io::Result<()>;
    /// Makes a symbolic link.
    fn make_link(&self, path: &str, target: &str) -> io::Result<()>;
    /// Attaches a copied mount at `target`, which is made when it is missing.
    fn attach_tree(&self, tree: &Self::Tree, target: &str) -> io::Result<()>;
    /// Makes an additional mount of the description; `tree` is the copied source of a bind mount.
    fn attach_mount(&self, mount: &Mount, tree: Option<&Self::Tree>) -> io::Result<()>;
    /// Hides a file or directory, when it exists.
    fn mask(&self, path: &str) -> io::Result<()>;
    /// Makes a file or directory read-only, when it exists, but for what is below `but`.
    fn protect(&self, path: &str, but: Option<&str>) -> io::Result<()>;
    /// Gives the guest an identifier of this start of it in place of that of the host's start:
    /// `/proc/sys/kernel/random/boot_id`, when that exists.
    fn renew_boot_id(&self) -> io::Result<()>;
    /// Sets the host name.
    fn set_hostname(&self, name: &str) -> io::Result<()>;
    /// Replaces the session keyring by a new one.
    fn new_keyring(&self) -> io::Result<()>;
    /// Starts a session whose terminal is `console`.
    fn new_session(&self, console: &Self::Console) -> io::Result<()>;
    /// Starts a session without the terminals of the caller, and puts `streams` in their place.
    fn take_streams(&self, streams: &Self::Streams) -> io::Result<()>;
    /// Closes all files but the standard ones and the way to report.
    fn close_files(&self) -> io::Result<()>;
    /// Becomes plain root: user and groups 0, no inheritable capabilities, a bounding set of
    /// `capabilities`, default signals, file mode mask 022.
    fn become_root(&self, capabilities: u64) -> io::Result<()>;
    /// Executes a program; returns only on failure, except in the model.
    fn execute(&self, program: &Program) -> io::Result<()>;
}
