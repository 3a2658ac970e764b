// SPDX-License-Identifier: GPL-2.0

//! The machine itself: [`System`] on a running kernel.

mod accounts;
mod cgroup;
mod child;
pub mod companion;
mod lock;
mod log;
mod machine;
mod net;
mod program;
pub(crate) mod raw;
mod relay;
pub mod sealed;
mod shelter;
pub mod streams;
pub mod supervisor;
mod throttle;
mod tree;

pub use child::Child;
pub use log::Log;
pub use raw::terminal::Terminal;

use crate::failure::Outcome;
use crate::guest::{Guest, Mount};
use crate::listener::Listener;
use crate::network::{Address, GUEST_END, Link, Network};
use crate::quantity::CpuList;
use crate::rate::Rate;
use crate::survey::{self, Survey};
use crate::system::{Cgroup, Device, FileSystem, Program, Report, Spawn, System, Waited};
use libvserver::{Errno, Syscall, Vserver};
use lock::Purpose;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Directories of the host in which the command keeps things.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Console logs.
    pub logs: PathBuf,
    /// Locks.
    pub locks: PathBuf,
    /// Accounts.
    pub accounts: PathBuf,
}

impl Layout {
    /// Where accounts wait in memory, as `/run` is, until they can be written: below the locks, for
    /// every directory of accounts another one.
    fn aside(&self) -> PathBuf {
        let parts = self.accounts.components();
        let plain = parts.filter(|part| matches!(part, Component::Normal(_)));
        self.locks.join("accounts").join(plain.collect::<PathBuf>())
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            logs: "/var/log/vserver".into(),
            locks: "/run/vserver".into(),
            accounts: "/var/lib/vserver/accounts".into(),
        }
    }
}

/// The running kernel; `S` executes the `vserver()` commands.
#[derive(Debug)]
pub struct Linux<S> {
    sys: S,
    layout: Layout,
    /// In a child: where it reports until it executes its program.
    report: RefCell<Option<OwnedFd>>,
    /// What tells, by becoming readable, that the user gives up.
    cancel: RefCell<Option<OwnedFd>>,
    /// Threads that wait for the end of a context, with its id.
    waiters: RefCell<Vec<(u32, JoinHandle<()>)>>,
}

impl<S: Syscall> Linux<S> {
    /// Uses the running kernel, with the directories of `layout`.
    pub fn new(sys: S, layout: Layout) -> Self {
        Self {
            sys,
            layout,
            report: RefCell::new(None),
            cancel: RefCell::new(None),
            waiters: RefCell::default(),
        }
    }

    /// Lets a start be cancelled when `descriptor` becomes readable or reaches its end.
    pub fn cancel_by(&self, descriptor: OwnedFd) {
        *self.cancel.borrow_mut() = Some(descriptor);
    }

    /// Lets no start be cancelled any more.
    pub fn cancel_no_more(&self) {
        *self.cancel.borrow_mut() = None;
    }

    /// Ends the caller, a child, when its parent dies; fails when that has died before.
    fn bind_to_parent(&self) -> io::Result<()> {
        raw::process::set_parent_death_signal(libc::SIGKILL)?;
        if let Some(report) = self.report.borrow().as_ref() {
            // Only an error makes the end to write to ready for reading: nobody reads any more.
            let [orphan] = raw::descriptor::poll([report.as_fd()], Some(Duration::ZERO))?;
            if orphan {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
        }
        Ok(())
    }

    /// Where the console of a guest is logged.
    pub fn log_file(&self, guest: &str) -> PathBuf {
        log::path(&self.layout.logs, guest)
    }

    /// Removes the console logs of a guest, so that another one of its name gets none of them.
    ///
    /// # Errors
    ///
    /// They cannot be removed.
    pub fn remove_logs(&self, guest: &str) -> io::Result<()> {
        log::remove(&self.layout.logs, guest)
    }
}

/// Lets those who may not look below the directory of the locks, as they may look at descriptions
/// and accounts of their own, do without what was set aside there: they cannot run guests.
fn unless_hidden<T: Default>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(T::default()),
        other => other,
    }
}

impl<S: Syscall + Clone + Send + 'static> System for Linux<S> {
    type Console = Terminal;
    type Tree = OwnedFd;
    type Stack = OwnedFd;
    type Child = Child;
    type Streams = streams::Streams;
    type Lock = File;
    type Log = Log;

    fn lock(&self, guest: &str, patience: Duration) -> io::Result<Option<File>> {
        lock::take(&self.layout.locks, guest, Purpose::Life, patience)
    }

    fn announce_stop(&self, guest: &str, patience: Duration) -> io::Result<Option<File>> {
        lock::take(&self.layout.locks, guest, Purpose::Stop, patience)
    }

    fn exclude_stop(&self, guest: &str) -> io::Result<Option<File>> {
        lock::take(&self.layout.locks, guest, Purpose::NoStop, Duration::ZERO)
    }

    fn lock_description(&self, guest: &str, patience: Duration) -> io::Result<Option<File>> {
        lock::take(&self.layout.locks, guest, Purpose::Description, patience)
    }

    fn is_directory(&self, path: &Path) -> io::Result<bool> {
        let found = File::from(raw::mount::open_without_links(path)?);
        Ok(found.metadata()?.is_dir())
    }

    fn context_ids(&self) -> io::Result<Vec<u32>> {
        survey::context_ids(Path::new("/proc/virtual"))
    }

    fn survey(&self) -> io::Result<Survey> {
        child::survey(self)
    }

    fn wait_context(&self, xid: u32, patience: Option<Duration>) -> io::Result<Waited> {
        let (sender, receiver) = mpsc::channel();
        let vserver = Vserver::with(self.sys.clone());
        // When the context outlives the patience, the thread sleeps on until the context ends.
        let waiter = std::thread::spawn(move || {
            let result = loop {
                match vserver.wait_exit(xid) {
                    Err(Errno(libc::EINTR)) => {}
                    other => break other,
                }
            };
            // The receiver may have given up.
            let _ = sender.send(result);
        });
        self.waiters.borrow_mut().push((xid, waiter));
        let answer = match patience {
            Some(patience) => receiver.recv_timeout(patience),
            None => receiver.recv().map_err(Into::into),
        };
        let waited = match answer {
            Ok(Ok(exit)) => Waited::Ended(exit),
            Ok(Err(Errno(libc::ESRCH))) => Waited::Gone,
            Ok(Err(errno)) => return Err(errno.into()),
            Err(mpsc::RecvTimeoutError::Timeout) => return Ok(Waited::Lasts),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other(
                    "the waiting thread ended without an answer",
                ));
            }
        };
        // The threads of earlier waits for this context end now as well: children can only be made
        // by a single thread.
        let waiters = self.waiters.take().into_iter();
        let (ending, lasting): (Vec<_>, Vec<_>) = waiters.partition(|waiter| waiter.0 == xid);
        self.waiters.replace(lasting);
        for (_, waiter) in ending {
            // A thread that panicked has ended as well.
            let _ = waiter.join();
        }
        Ok(waited)
    }

    fn asked_for(&self, xid: u32) -> io::Result<Option<u32>> {
        child::asked_for(self, xid)
    }

    fn missing_helper(&self) -> Option<String> {
        // A kernel that does not tell has no such program.
        let path = std::fs::read_to_string("/proc/sys/kernel/vshelper").ok()?;
        let path = path.trim_end();
        let executable = std::fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
        (!executable).then(|| path.to_owned())
    }

    fn open_log(&self, guest: &str) -> io::Result<Log> {
        log::open(&self.layout.logs, guest)
    }

    fn write_log(&self, log: &Log, line: &str) {
        // Nothing depends on it.
        let _ = log.write(format!("vserver: {line}\n").as_bytes());
    }

    fn create_cgroup(&self, guest: &str) -> io::Result<Option<Cgroup>> {
        cgroup::create(guest)
    }

    fn find_cgroup(&self, guest: &str) -> Option<Cgroup> {
        cgroup::find(guest)
    }

    fn remove_cgroup(&self, guest: &str) -> io::Result<()> {
        cgroup::remove(guest)
    }

    fn tidy_cgroup(&self, guest: &str) {
        cgroup::tidy(guest);
    }

    fn enable_controller(&self, guest: &str, controller: &str) -> io::Result<bool> {
        cgroup::enable(guest, controller)
    }

    fn read_cgroup(&self, guest: &str, file: &str) -> io::Result<String> {
        std::fs::read_to_string(cgroup::existing(guest)?.path.join(file))
    }

    fn write_cgroup(&self, guest: &str, file: &str, value: &str) -> io::Result<()> {
        cgroup::write(&cgroup::existing(guest)?.path.join(file), value)
    }

    fn cgroup_identity(&self, guest: &str) -> io::Result<String> {
        cgroup::identity(&cgroup::existing(guest)?)
    }

    fn online_cpus(&self) -> io::Result<CpuList> {
        machine::online_cpus()
    }

    fn device(&self, path: &Path) -> io::Result<Device> {
        machine::device(path, Path::new("/sys/dev/block"))
    }

    fn disk_name(&self, number: &str) -> Option<String> {
        machine::disk_name(number, Path::new("/sys/dev/block"))
    }

    fn read_accounts(&self, guest: &str) -> io::Result<String> {
        accounts::read(&self.layout.accounts, guest)
    }

    fn append_account(&self, guest: &str, line: &str) -> io::Result<()> {
        accounts::append(&self.layout.accounts, guest, line)
    }

    fn replace_accounts(&self, guest: &str, text: &str) -> io::Result<()> {
        accounts::replace(&self.layout.accounts, guest, text)?;
        if text.is_empty() {
            return unless_hidden(self.replace_aside(guest, ""));
        }
        Ok(())
    }

    fn read_aside(&self, guest: &str) -> io::Result<String> {
        unless_hidden(accounts::read(&self.layout.aside(), guest))
    }

    fn replace_aside(&self, guest: &str, text: &str) -> io::Result<()> {
        accounts::replace(&self.layout.aside(), guest, text)
    }

    fn now(&self) -> u64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 is one that was not set.
        now.map_or(0, |now| now.as_secs())
    }

    fn has_interface(&self, name: &str) -> io::Result<bool> {
        net::exists(name)
    }

    fn place_address(&self, device: &str, address: &Address) -> io::Result<()> {
        net::place(device, address)
    }

    fn take_back_address(&self, device: &str, address: &Address) -> io::Result<()> {
        net::take_back(device, address)
    }

    fn make_stack(&self) -> io::Result<OwnedFd> {
        net::make()
    }

    fn open_stack(&self, xid: u32) -> io::Result<OwnedFd> {
        net::of_context(self, xid)
    }

    fn connect_stack(&self, stack: &OwnedFd, guest: &Guest, link: &Link) -> io::Result<()> {
        net::connect(stack, guest, link)
    }

    fn guard_stack(&self, xid: u32, addresses: &[Address]) -> io::Result<()> {
        net::guard(xid, addresses)
    }

    fn limit_stack(&self, xid: u32, rate: Option<Rate>) -> io::Result<()> {
        net::limit(xid, rate)
    }

    fn limit_addresses(&self, xid: u32, addresses: &[Address], rate: Rate) -> io::Result<()> {
        net::limit_addresses(xid, addresses, rate)
    }

    fn unlimit_addresses(&self, xid: u32) -> io::Result<()> {
        net::unlimit_addresses(xid)
    }

    fn furnish_stack(&self, stack: &OwnedFd, xid: u32, network: &Network) -> io::Result<()> {
        net::furnish(stack, xid, network)
    }

    fn add_stack_address(&self, stack: &OwnedFd, address: &Address) -> io::Result<()> {
        net::inside(stack, || net::place(GUEST_END, address))
    }

    fn remove_stack_address(&self, stack: &OwnedFd, address: &Address) -> io::Result<()> {
        net::inside(stack, || net::remove(GUEST_END, address))
    }

    fn stack_addresses(&self, stack: &OwnedFd) -> io::Result<Vec<Address>> {
        net::inside(stack, || net::list(GUEST_END))
    }

    fn add_route(&self, xid: u32, ip: IpAddr) -> io::Result<()> {
        net::add_host_route(xid, ip)
    }

    fn remove_route(&self, xid: u32, ip: IpAddr) -> io::Result<()> {
        net::remove_host_route(xid, ip)
    }

    fn disconnect_stack(&self, xid: u32) -> io::Result<()> {
        net::disconnect(xid)
    }

    fn context_addresses(&self, nid: u32) -> io::Result<Vec<Address>> {
        net::context_addresses(nid)
    }

    fn wildcard_listeners(&self) -> io::Result<Vec<Listener>> {
        net::listeners()
    }

    fn forwards(&self, ipv4: bool) -> bool {
        let sysctl = if ipv4 {
            "/proc/sys/net/ipv4/ip_forward"
        } else {
            "/proc/sys/net/ipv6/conf/all/forwarding"
        };
        std::fs::read_to_string(sysctl).is_ok_and(|value| value.trim_end() != "0")
    }

    fn open_console(&self) -> io::Result<Terminal> {
        raw::terminal::open()
    }

    fn console_path(&self, console: &Terminal) -> String {
        format!("/dev/pts/{}", console.number)
    }

    fn restart_clocks(&self) -> io::Result<()> {
        let monotonic = raw::process::clock_seconds(libc::CLOCK_MONOTONIC)?;
        let boot = raw::process::clock_seconds(libc::CLOCK_BOOTTIME)?;
        raw::mount::unshare(libc::CLONE_NEWTIME as u64)?;
        std::fs::write(
            "/proc/self/timens_offsets",
            format!("monotonic -{monotonic} 0\nboottime -{boot} 0\n"),
        )
    }

    fn spawn(
        &self,
        spawn: Spawn<'_>,
        inside: &mut dyn FnMut(&Self) -> Outcome<()>,
    ) -> io::Result<Child> {
        child::spawn(self, spawn, inside)
    }

    fn pid_of(&self, child: &Child) -> i32 {
        child.pid
    }

    fn await_report(&self, child: &mut Child) -> io::Result<Report> {
        child.await_report(self.cancel.borrow().as_ref().map(AsFd::as_fd))
    }

    fn kill_child(&self, child: &Child) {
        // A child that has ended or moved into a context cannot be signalled; the caller tries
        // again until it is reaped.
        let _ = raw::process::signal(child.pidfd(), libc::SIGKILL);
    }

    fn reap(&self, child: &mut Child, patience: Duration) -> io::Result<Option<i32>> {
        child.reap(patience)
    }

    fn die_with_parent(&self, enabled: bool) -> io::Result<()> {
        if enabled {
            self.bind_to_parent()
        } else {
            raw::process::set_parent_death_signal(0)
        }
    }

    fn shed_inheritance(&self) -> io::Result<()> {
        raw::inheritance::shed()
    }

    fn enter_stack(&self, stack: &OwnedFd) -> io::Result<()> {
        raw::mount::enter_network(stack.as_fd())
    }

    fn write_resolver(&self, servers: &[IpAddr]) -> io::Result<()> {
        tree::write_resolver(servers)
    }

    fn interface_directories(&self) -> io::Result<Vec<String>> {
        tree::interface_directories(Path::new("/sys/class/net"))
    }

    fn own_cgroup_root(&self) -> io::Result<()> {
        raw::mount::unshare(libc::CLONE_NEWCGROUP as u64)
    }

    fn make_mounts_private(&self) -> io::Result<()> {
        raw::mount::make_all_private()
    }

    fn take_tree(&self, source: &Path) -> io::Result<OwnedFd> {
        raw::mount::clone_tree(source)
    }

    fn pivot_into(&self, root: &Path) -> io::Result<()> {
        tree::pivot_into(root)
    }

    fn mounts_tmp(&self, init: &str) -> bool {
        tree::mounts_tmp(Path::new("/"), init)
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        tree::make_directory(Path::new(path))
    }

    fn mount(&self, filesystem: &FileSystem) -> io::Result<()> {
        raw::mount::mount(
            filesystem.kind,
            Path::new(filesystem.target),
            filesystem.kind,
            filesystem.flags,
            filesystem.data,
        )
    }

    fn make_device(&self, path: &str, major: u32, minor: u32) -> io::Result<()> {
        raw::mount::make_character_device(Path::new(path), major, minor)
    }

    fn make_link(&self, path: &str, target: &str) -> io::Result<()> {
        symlink(target, path)
    }

    fn attach_tree(&self, tree: &OwnedFd, target: &str) -> io::Result<()> {
        tree::attach(tree, Path::new(target))
    }

    fn attach_mount(&self, mount: &Mount, tree: Option<&OwnedFd>) -> io::Result<()> {
        tree::attach_mount(mount, tree)
    }

    fn mask(&self, path: &str) -> io::Result<()> {
        tree::mask(Path::new(path))
    }

    fn protect(&self, path: &str, but: Option<&str>) -> io::Result<()> {
        tree::protect(Path::new(path), but.map(Path::new))
    }

    fn renew_boot_id(&self) -> io::Result<()> {
        tree::renew_boot_id()
    }

    fn set_hostname(&self, name: &str) -> io::Result<()> {
        raw::mount::set_hostname(name)
    }

    fn new_keyring(&self) -> io::Result<()> {
        raw::process::new_keyring()
    }

    fn new_session(&self, console: &Terminal) -> io::Result<()> {
        raw::process::new_session()?;
        let terminal = console.slave.as_fd();
        raw::terminal::make_controlling(terminal)?;
        (0..3).try_for_each(|number| raw::descriptor::duplicate_to(terminal, number))
    }

    fn take_streams(&self, streams: &streams::Streams) -> io::Result<()> {
        streams.take()
    }

    fn close_files(&self) -> io::Result<()> {
        let mut report = self.report.borrow_mut();
        if let Some(descriptor) = report.take() {
            *report = Some(raw::descriptor::close_all_but(descriptor)?);
        }
        Ok(())
    }

    fn become_root(&self, capabilities: u64) -> io::Result<()> {
        raw::signal::reset_all()?;
        raw::process::set_file_mask(0o022);
        raw::process::become_user_zero()?;
        raw::process::bound_capabilities(capabilities)
    }

    fn execute(&self, program: &Program) -> io::Result<()> {
        if let Some(report) = self.report.borrow().as_ref() {
            File::from(report.try_clone()?).write_all(&[child::EXECUTING])?;
        }
        Err(program::execute(program))
    }
}
