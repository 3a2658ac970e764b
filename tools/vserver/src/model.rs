// SPDX-License-Identifier: GPL-2.0

//! A machine in memory, over the model of `vserver()`: what start, stop and exec do to it can be
//! looked at step by step, and every step can be made to fail.

#![allow(unsafe_code)]

use crate::description;
use crate::failure::{Failure, Outcome};
use crate::guest::{Guest, Mount, PidNamespace};
use crate::listener::Listener;
use crate::network::{Address, Link, Network, host_end};
use crate::quantity::CpuList;
use crate::rate::Rate;
use crate::survey::{ContextEntry, Survey, TaskEntry};
use crate::system::{Cgroup, Device, FileSystem, Program, Report, Spawn, System, Waited};
use libvserver::abi::vcmd;
use libvserver::fake::{Fake, HOST_TASK};
use libvserver::{Errno, Syscall, Vserver};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// How a step goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It returns this error.
    Error(i32),
    /// The child is killed there.
    Death,
    /// The child hangs there, and the user gives up.
    Cancel,
}

/// Something that must not be left behind; counts itself.
#[derive(Debug)]
pub struct Held {
    held: Rc<RefCell<BTreeSet<String>>>,
    what: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.borrow_mut().remove(&self.what);
    }
}

/// A child of the model.
#[derive(Debug)]
pub struct ModelChild {
    pid: i32,
    report: Report,
}

/// The machine.
pub struct Model {
    pub fake: Fake,
    /// Names of the steps so far.
    pub steps: RefCell<Vec<String>>,
    /// Which step goes wrong, and how.
    pub fault: Cell<Option<(usize, Fault)>>,
    /// Locks, terminals and logs that are open.
    pub held: Rc<RefCell<BTreeSet<String>>>,
    pub cgroups: RefCell<BTreeSet<String>>,
    /// Paths that are directories.
    pub directories: BTreeSet<String>,
    pub executed: RefCell<Vec<Program>>,
    /// Whether the init of the guest mounts `/tmp`.
    pub mounts_tmp: bool,
    /// Programs that do not exist.
    pub missing_programs: BTreeSet<String>,
    /// What the survey tells about every task.
    pub task_name: RefCell<String>,
    pub handled_signals: Cell<u64>,
    pub blocked_signals: Cell<u64>,
    /// The helper program of the kernel, when it does not exist.
    pub missing_helper: Option<String>,
    /// Whether there is a cgroup2 file system.
    pub has_cgroups: bool,
    /// What the supervisor wrote into the log.
    pub log: RefCell<Vec<String>>,
    /// What happens during the next wait for a context.
    pub meanwhile: RefCell<Option<Meanwhile>>,
    /// Interfaces of the host.
    pub interfaces: RefCell<BTreeSet<String>>,
    /// Addresses that were put on interfaces of the host, and routes of the host to guests.
    pub placed: RefCell<BTreeSet<String>>,
    /// What is limited in the stack of the host, by guest.
    pub limits: RefCell<BTreeMap<u32, String>>,
    /// Controllers that the host offers.
    pub controllers: BTreeSet<&'static str>,
    /// What the files of the cgroup of the guest hold.
    pub controls: RefCell<BTreeMap<String, String>>,
    /// How many cgroups were made.
    pub runs: Cell<u32>,
    /// Lines of the accounts.
    pub accounts: RefCell<String>,
    /// Whether accounts cannot be written.
    pub accounts_fail: Cell<bool>,
    /// Lines of accounts that were set aside.
    pub aside: RefCell<String>,
    /// Whether none can be set aside.
    pub aside_fails: Cell<bool>,
    /// Seconds since 1970.
    pub time: Cell<u64>,
    /// Services of the host that listen on all addresses.
    pub listeners: Vec<Listener>,
    private_mounts: Cell<bool>,
    pivoted: Cell<bool>,
}

/// Something that happens to the model kernel.
pub type Meanwhile = Box<dyn FnOnce(&Fake)>;

impl Model {
    pub fn new() -> Self {
        Self {
            fake: Fake::new(),
            steps: RefCell::default(),
            fault: Cell::new(None),
            held: Rc::default(),
            cgroups: RefCell::default(),
            directories: BTreeSet::from(["/srv/web".to_owned()]),
            executed: RefCell::default(),
            mounts_tmp: false,
            missing_programs: BTreeSet::new(),
            task_name: RefCell::new("init".to_owned()),
            handled_signals: Cell::new(u64::MAX),
            blocked_signals: Cell::new(0),
            missing_helper: None,
            has_cgroups: true,
            log: RefCell::default(),
            meanwhile: RefCell::default(),
            interfaces: RefCell::new(BTreeSet::from(["br0", "eth0"].map(str::to_owned))),
            placed: RefCell::default(),
            limits: RefCell::default(),
            controllers: BTreeSet::from(["cpu", "cpuset", "io", "memory", "pids"]),
            controls: RefCell::default(),
            runs: Cell::new(0),
            accounts: RefCell::default(),
            accounts_fail: Cell::new(false),
            aside: RefCell::default(),
            aside_fails: Cell::new(false),
            time: Cell::new(1_000_000),
            listeners: Vec::new(),
            private_mounts: Cell::new(false),
            pivoted: Cell::new(false),
        }
    }

    fn step(&self, name: impl Into<String>) -> io::Result<()> {
        let index = self.steps.borrow().len();
        self.steps.borrow_mut().push(name.into());
        match self.fault.get() {
            Some((at, Fault::Error(errno))) if at == index => {
                Err(io::Error::from_raw_os_error(errno))
            }
            Some((at, Fault::Death | Fault::Cancel)) if at == index => {
                Err(io::Error::from_raw_os_error(libc::EINTR))
            }
            _ => Ok(()),
        }
    }

    /// Position of the first step whose name starts so.
    pub fn position(&self, name: &str) -> usize {
        let steps = self.steps.borrow();
        let found = steps.iter().position(|step| step.starts_with(name));
        found.unwrap_or_else(|| panic!("no step {name} in {steps:#?}"))
    }

    fn in_child(&self) -> bool {
        self.fake.current() != HOST_TASK
    }

    fn hold(&self, what: String) -> Option<Held> {
        let held = Rc::clone(&self.held);
        let new = held.borrow_mut().insert(what.clone());
        new.then_some(Held { held, what })
    }

    /// A step of a child that changes mounts; none may reach the host.
    fn mount_step(&self, name: String) -> io::Result<()> {
        assert!(self.in_child(), "{name} in the host's mount namespace");
        assert!(self.private_mounts.get(), "{name} while mounts are shared");
        self.step(name)
    }

    /// A step that follows paths of the guest.
    fn guest_step(&self, name: String) -> io::Result<()> {
        assert!(
            self.pivoted.get(),
            "{name} while the host's root is in reach"
        );
        self.mount_step(name)
    }

    /// Asserts that nothing is left but the host's own task.
    pub fn assert_clean(&self, when: &str) {
        assert_eq!(self.fake.tasks(), [HOST_TASK], "tasks: {when}");
        assert_eq!(self.fake.contexts(), [0; 0], "contexts: {when}");
        assert!(self.cgroups.borrow().is_empty(), "cgroups: {when}");
        assert_eq!(self.fake.networks(), [0; 0], "network contexts: {when}");
        assert_eq!(self.interfaces.borrow().len(), 2, "interfaces: {when}");
        assert!(self.placed.borrow().is_empty(), "addresses: {when}");
        assert!(self.limits.borrow().is_empty(), "limits: {when}");
        assert!(self.held.borrow().is_empty(), "files: {when}");
    }
}

/// The guest of the tests.
pub fn guest() -> Guest {
    let text = "xid = 42\nroot = '/srv/web'\n\
                [[mounts]]\nsource = '/srv/data'\ntarget = '/data'\n\
                [[mounts]]\nsource = 'tmpfs'\ntarget = '/tmp'\ntype = 'tmpfs'\n";
    description::parse("web", Path::new("/etc/vservers/web.toml"), text).unwrap()
}

/// A guest that shares the pid namespace of the host.
pub fn legacy_guest() -> Guest {
    Guest {
        pid_namespace: PidNamespace::Shared,
        flags: PidNamespace::Shared.flags(),
        ..guest()
    }
}

/// The program of the tests.
pub fn program(name: &str) -> Program {
    Program {
        words: vec![name.to_owned()],
        env: BTreeMap::new(),
    }
}

impl Syscall for Model {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        let name = match cmd {
            vcmd::CTX_CREATE => "create context".to_owned(),
            vcmd::CTX_MIGRATE => "migrate".to_owned(),
            vcmd::SET_CFLAGS => "set flags".to_owned(),
            vcmd::SET_SPACE => "set space".to_owned(),
            vcmd::NET_CREATE => "create network context".to_owned(),
            vcmd::NET_MIGRATE => "join network".to_owned(),
            vcmd::NET_ADD_IPV4 => "add IPv4".to_owned(),
            vcmd::NET_ADD_IPV6 => "add IPv6".to_owned(),
            vcmd::NET_REM_IPV4 => "remove IPv4".to_owned(),
            vcmd::NET_REMOVE_IPV6 => "remove IPv6".to_owned(),
            vcmd::SET_NFLAGS => "set network flags".to_owned(),
            vcmd::ENTER_SPACE => "enter space".to_owned(),
            other => format!("vserver {other:#x}"),
        };
        self.step(name)?;
        // SAFETY: passed on unchanged.
        unsafe { self.fake.vserver(cmd, id, data) }
    }
}

impl System for Model {
    type Console = Held;
    type Tree = ();
    type Stack = Held;
    type Child = ModelChild;
    type Streams = ();
    type Lock = Held;
    type Log = Held;

    fn lock(&self, guest: &str, _patience: Duration) -> io::Result<Option<Held>> {
        self.step("lock")?;
        Ok(self.hold(format!("lock {guest}")))
    }

    fn announce_stop(&self, guest: &str, _patience: Duration) -> io::Result<Option<Held>> {
        self.step("announce the stop")?;
        Ok(self.hold(format!("stop {guest}")))
    }

    fn exclude_stop(&self, guest: &str) -> io::Result<Option<Held>> {
        self.step("exclude a stop")?;
        Ok(self.hold(format!("stop {guest}")))
    }

    fn lock_description(&self, guest: &str, _patience: Duration) -> io::Result<Option<Held>> {
        self.step("lock the description")?;
        Ok(self.hold(format!("description {guest}")))
    }

    fn is_directory(&self, path: &Path) -> io::Result<bool> {
        self.step("look at root")?;
        Ok(self.directories.contains(&path.display().to_string()))
    }

    fn context_ids(&self) -> io::Result<Vec<u32>> {
        Ok(self.fake.contexts())
    }

    fn survey(&self) -> io::Result<Survey> {
        self.step("survey")?;
        let contexts = self.fake.contexts();
        let tasks = contexts.iter().flat_map(|&xid| {
            let members = self.fake.tasks_of(xid).into_iter();
            members.map(move |pid| TaskEntry {
                pid,
                xid,
                name: self.task_name.borrow().clone(),
                handled_signals: self.handled_signals.get(),
                blocked_signals: self.blocked_signals.get(),
                ..Default::default()
            })
        });
        Ok(Survey {
            tasks: tasks.collect(),
            contexts: contexts
                .iter()
                .map(|&xid| ContextEntry {
                    xid,
                    ..Default::default()
                })
                .collect(),
        })
    }

    fn wait_context(&self, xid: u32, _patience: Option<Duration>) -> io::Result<Waited> {
        self.step("wait for the context")?;
        let before = self.fake.tasks_of(xid);
        if let Some(end) = self.meanwhile.borrow_mut().take() {
            end(&self.fake);
        }
        let now = self.fake.tasks_of(xid);
        // Another one may have got its id.
        let another = !now.is_empty() && !now.iter().any(|pid| before.contains(pid));
        if self.fake.contexts().contains(&xid) && !another {
            return Ok(Waited::Lasts);
        }
        Ok(self.fake.ended(xid).map_or(Waited::Gone, Waited::Ended))
    }

    fn asked_for(&self, xid: u32) -> io::Result<Option<u32>> {
        self.step("ask what the guest wants")?;
        match Vserver::with(&self.fake).wait_exit_or_signal(xid) {
            Ok(exit) => Ok(Some(exit.reboot_cmd as u32)),
            Err(Errno(libc::ESRCH)) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn missing_helper(&self) -> Option<String> {
        self.missing_helper.clone()
    }

    fn open_log(&self, guest: &str) -> io::Result<Held> {
        self.step("open log")?;
        Ok(self.hold(format!("log {guest}")).unwrap())
    }

    fn write_log(&self, log: &Held, line: &str) {
        assert!(self.held.borrow().contains(&log.what), "the log is open");
        self.log.borrow_mut().push(line.to_owned());
    }

    fn create_cgroup(&self, guest: &str) -> io::Result<Option<Cgroup>> {
        self.step("create cgroup")?;
        if !self.has_cgroups {
            return Ok(None);
        }
        if self.cgroups.borrow_mut().insert(guest.to_owned()) {
            self.runs.set(self.runs.get() + 1);
            self.controls.borrow_mut().clear();
        }
        Ok(self.find_cgroup(guest))
    }

    fn find_cgroup(&self, guest: &str) -> Option<Cgroup> {
        self.cgroups.borrow().contains(guest).then(|| Cgroup {
            path: Path::new("/sys/fs/cgroup/vserver").join(guest),
            delegated: true,
        })
    }

    fn remove_cgroup(&self, guest: &str) -> io::Result<()> {
        self.step("remove cgroup")?;
        self.cgroups.borrow_mut().remove(guest);
        Ok(())
    }

    fn tidy_cgroup(&self, _guest: &str) {}

    fn enable_controller(&self, _guest: &str, controller: &str) -> io::Result<bool> {
        Ok(self.controllers.contains(controller))
    }

    fn read_cgroup(&self, guest: &str, file: &str) -> io::Result<String> {
        let there = self.cgroups.borrow().contains(guest);
        let found = self.controls.borrow().get(file).filter(|_| there).cloned();
        found.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }

    fn write_cgroup(&self, guest: &str, file: &str, value: &str) -> io::Result<()> {
        self.step(format!("write {file}"))?;
        assert!(self.cgroups.borrow().contains(guest));
        let mut controls = self.controls.borrow_mut();
        controls.insert(file.to_owned(), value.to_owned());
        Ok(())
    }

    fn cgroup_identity(&self, guest: &str) -> io::Result<String> {
        if self.cgroups.borrow().contains(guest) {
            return Ok(format!("run-{}", self.runs.get()));
        }
        Err(io::Error::from_raw_os_error(libc::ENOENT))
    }

    fn online_cpus(&self) -> io::Result<CpuList> {
        Ok("0-1".parse().unwrap())
    }

    fn device(&self, path: &Path) -> io::Result<Device> {
        match path.to_str().unwrap() {
            "/dev/vda" | "/dev/disk/by-id/a" => Ok(Device::Disk("254:0".to_owned())),
            "/dev/vdb" => Ok(Device::Disk("254:16".to_owned())),
            "/dev/vda1" => Ok(Device::Partition("/dev/vda".into())),
            "/dev/null" => Ok(Device::Other),
            _ => Err(io::Error::from_raw_os_error(libc::ENOENT)),
        }
    }

    fn disk_name(&self, number: &str) -> Option<String> {
        (number == "254:0").then(|| "vda".to_owned())
    }

    fn read_accounts(&self, _guest: &str) -> io::Result<String> {
        Ok(self.accounts.borrow().clone())
    }

    fn append_account(&self, _guest: &str, line: &str) -> io::Result<()> {
        if self.accounts_fail.get() {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        *self.accounts.borrow_mut() += &format!("{line}\n");
        Ok(())
    }

    fn replace_accounts(&self, _guest: &str, text: &str) -> io::Result<()> {
        *self.accounts.borrow_mut() = text.to_owned();
        Ok(())
    }

    fn read_aside(&self, _guest: &str) -> io::Result<String> {
        Ok(self.aside.borrow().clone())
    }

    fn replace_aside(&self, _guest: &str, text: &str) -> io::Result<()> {
        if self.aside_fails.get() {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        *self.aside.borrow_mut() = text.to_owned();
        Ok(())
    }

    fn now(&self) -> u64 {
        self.time.get()
    }

    fn has_interface(&self, name: &str) -> io::Result<bool> {
        self.step(format!("look for {name}"))?;
        Ok(self.interfaces.borrow().contains(name))
    }

    fn place_address(&self, device: &str, address: &Address) -> io::Result<()> {
        self.step(format!("place {address} on {device}"))?;
        self.placed.borrow_mut().insert(address.ip.to_string());
        Ok(())
    }

    fn take_back_address(&self, device: &str, address: &Address) -> io::Result<()> {
        self.step(format!("take back {address} from {device}"))?;
        self.placed.borrow_mut().remove(&address.ip.to_string());
        Ok(())
    }

    fn make_stack(&self) -> io::Result<Held> {
        self.step("make stack")?;
        Ok(self.hold("stack".to_owned()).unwrap())
    }

    fn open_stack(&self, _xid: u32) -> io::Result<Held> {
        self.step("open stack")?;
        Ok(self.hold("stack".to_owned()).unwrap())
    }

    fn connect_stack(&self, _stack: &Held, guest: &Guest, link: &Link) -> io::Result<()> {
        self.step("connect stack")?;
        if link.has_host_end() {
            let new = self.interfaces.borrow_mut().insert(host_end(guest.xid));
            assert!(new, "the name is free");
        }
        Ok(())
    }

    fn guard_stack(&self, xid: u32, addresses: &[Address]) -> io::Result<()> {
        self.step(format!("guard stack {}", addresses.len()))?;
        assert!(self.interfaces.borrow().contains(&host_end(xid)));
        Ok(())
    }

    fn limit_stack(&self, _xid: u32, rate: Option<Rate>) -> io::Result<()> {
        let text = rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
        self.step(format!("limit stack {text}"))
    }

    fn limit_addresses(&self, xid: u32, addresses: &[Address], rate: Rate) -> io::Result<()> {
        // A refused step may have come half way.
        let limit = format!("{} at {rate}", addresses.len());
        self.limits.borrow_mut().insert(xid, limit.clone());
        self.step(format!("limit {limit}"))
    }

    fn unlimit_addresses(&self, xid: u32) -> io::Result<()> {
        self.step("unlimit")?;
        self.limits.borrow_mut().remove(&xid);
        Ok(())
    }

    fn furnish_stack(&self, _stack: &Held, _xid: u32, network: &Network) -> io::Result<()> {
        self.step(format!("furnish stack {}", network.addresses.len()))
    }

    fn add_stack_address(&self, _stack: &Held, address: &Address) -> io::Result<()> {
        self.step(format!("add {address} inside"))
    }

    fn remove_stack_address(&self, _stack: &Held, address: &Address) -> io::Result<()> {
        self.step(format!("remove {address} inside"))
    }

    fn stack_addresses(&self, _stack: &Held) -> io::Result<Vec<Address>> {
        self.step("list addresses inside")?;
        Ok(Vec::new())
    }

    fn add_route(&self, _xid: u32, ip: IpAddr) -> io::Result<()> {
        self.step(format!("route {ip}"))?;
        self.placed.borrow_mut().insert(ip.to_string());
        Ok(())
    }

    fn remove_route(&self, _xid: u32, ip: IpAddr) -> io::Result<()> {
        self.step(format!("unroute {ip}"))?;
        self.placed.borrow_mut().remove(&ip.to_string());
        Ok(())
    }

    fn disconnect_stack(&self, xid: u32) -> io::Result<()> {
        self.step("disconnect stack")?;
        // Routes go with the interface.
        if self.interfaces.borrow_mut().remove(&host_end(xid)) {
            self.placed.borrow_mut().clear();
        }
        Ok(())
    }

    fn context_addresses(&self, _nid: u32) -> io::Result<Vec<Address>> {
        Ok(Vec::new())
    }

    fn wildcard_listeners(&self) -> io::Result<Vec<Listener>> {
        Ok(self.listeners.clone())
    }

    fn forwards(&self, _ipv4: bool) -> bool {
        false
    }

    fn open_console(&self) -> io::Result<Held> {
        self.step("open console")?;
        Ok(self.hold("console".to_owned()).unwrap())
    }

    fn console_path(&self, _console: &Held) -> String {
        "/dev/pts/5".to_owned()
    }

    fn restart_clocks(&self) -> io::Result<()> {
        self.step("restart clocks")
    }

    fn spawn(
        &self,
        spawn: Spawn<'_>,
        inside: &mut dyn FnMut(&Self) -> Outcome<()>,
    ) -> io::Result<ModelChild> {
        self.step(format!("spawn {:#x}", spawn.namespaces))?;
        let first = self.steps.borrow().len();
        // The child has mounts and a root of its own.
        self.private_mounts.set(false);
        self.pivoted.set(false);
        let pid = self.fake.fork();
        let result = self.fake.run_as(pid, || inside(self));
        let last = self.steps.borrow().len();
        let fault = self.fault.get();
        let hit = fault.filter(|(at, _)| (first..last).contains(at));
        let report = match (result, hit) {
            (_, Some((_, Fault::Cancel))) => Report::Cancelled,
            (_, Some((_, Fault::Death))) => {
                self.fake.exit(pid, libc::SIGKILL);
                Report::Died(libc::SIGKILL)
            }
            (Ok(()), _) => Report::Executed,
            (Err(failure), _) => {
                self.fake.exit(pid, 1 << 8);
                Report::Failed(failure)
            }
        };
        Ok(ModelChild { pid, report })
    }

    fn pid_of(&self, child: &ModelChild) -> i32 {
        child.pid
    }

    fn await_report(&self, child: &mut ModelChild) -> io::Result<Report> {
        self.step("await report")?;
        Ok(child.report.clone())
    }

    fn kill_child(&self, child: &ModelChild) {
        let outside = self.fake.tasks_of(0).contains(&child.pid);
        if outside {
            self.fake.exit(child.pid, libc::SIGKILL);
        }
    }

    fn reap(&self, child: &mut ModelChild, _patience: Duration) -> io::Result<Option<i32>> {
        Ok((!self.fake.is_alive(child.pid)).then_some(libc::SIGKILL))
    }

    fn die_with_parent(&self, enabled: bool) -> io::Result<()> {
        assert!(self.in_child());
        self.step(format!("die with parent {enabled}"))
    }

    fn shed_inheritance(&self) -> io::Result<()> {
        assert!(self.in_child());
        self.step("shed inheritance")
    }

    fn enter_stack(&self, _stack: &Held) -> io::Result<()> {
        assert!(self.in_child());
        self.step("enter stack")
    }

    fn write_resolver(&self, servers: &[IpAddr]) -> io::Result<()> {
        self.guest_step(format!("write resolver {}", servers.len()))
    }

    fn interface_directories(&self) -> io::Result<Vec<String>> {
        self.guest_step("look for interfaces in sysfs".to_owned())?;
        Ok(vec!["/sys/devices/pci0/net".to_owned()])
    }

    fn own_cgroup_root(&self) -> io::Result<()> {
        assert!(self.in_child());
        self.step("own cgroup root")
    }

    fn make_mounts_private(&self) -> io::Result<()> {
        assert!(self.in_child());
        self.step("make mounts private")?;
        self.private_mounts.set(true);
        Ok(())
    }

    fn take_tree(&self, source: &Path) -> io::Result<()> {
        assert!(!self.pivoted.get(), "host paths are out of reach");
        self.mount_step(format!("take tree {}", source.display()))
    }

    fn pivot_into(&self, root: &Path) -> io::Result<()> {
        self.mount_step(format!("pivot into {}", root.display()))?;
        self.pivoted.set(true);
        Ok(())
    }

    fn mounts_tmp(&self, init: &str) -> bool {
        assert!(self.pivoted.get(), "links of the guest lead to the host");
        self.mounts_tmp && init.starts_with('/')
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        self.guest_step(format!("make directory {path}"))
    }

    fn mount(&self, filesystem: &FileSystem) -> io::Result<()> {
        self.guest_step(format!("mount {}", filesystem.target))
    }

    fn make_device(&self, path: &str, _major: u32, _minor: u32) -> io::Result<()> {
        self.guest_step(format!("make device {path}"))
    }

    fn make_link(&self, path: &str, _target: &str) -> io::Result<()> {
        self.guest_step(format!("make link {path}"))
    }

    fn attach_tree(&self, (): &(), target: &str) -> io::Result<()> {
        self.guest_step(format!("attach tree {target}"))
    }

    fn attach_mount(&self, mount: &Mount, tree: Option<&()>) -> io::Result<()> {
        assert_eq!(tree.is_some(), mount.is_bind());
        self.guest_step(format!("attach mount {}", mount.target))
    }

    fn mask(&self, path: &str) -> io::Result<()> {
        self.guest_step(format!("mask {path}"))
    }

    fn protect(&self, path: &str, but: Option<&str>) -> io::Result<()> {
        let but = but.map(|place| format!(" but {place}"));
        self.guest_step(format!("protect {path}{}", but.unwrap_or_default()))
    }

    fn renew_boot_id(&self) -> io::Result<()> {
        self.guest_step("renew boot id".to_owned())
    }

    fn set_hostname(&self, name: &str) -> io::Result<()> {
        assert!(self.in_child());
        self.step(format!("set hostname {name}"))
    }

    fn new_keyring(&self) -> io::Result<()> {
        assert!(self.in_child());
        self.step("new keyring")
    }

    fn new_session(&self, _console: &Held) -> io::Result<()> {
        assert!(self.in_child());
        self.step("new session")
    }

    fn take_streams(&self, (): &()) -> io::Result<()> {
        assert!(self.in_child());
        self.step("take streams")
    }

    fn close_files(&self) -> io::Result<()> {
        assert!(self.in_child());
        self.step("close files")
    }

    fn become_root(&self, capabilities: u64) -> io::Result<()> {
        assert!(self.in_child());
        self.step(format!("become root {capabilities:#x}"))
    }

    fn execute(&self, program: &Program) -> io::Result<()> {
        assert!(self.in_child());
        let name = &program.words[0];
        self.step(format!("execute {name}"))?;
        if self.missing_programs.contains(name) {
            return Err(io::Error::from_raw_os_error(libc::ENOENT));
        }
        self.executed.borrow_mut().push(program.clone());
        Ok(())
    }
}

/// The system call layer of a model.
pub fn vserver(model: &Model) -> Vserver<&Model> {
    Vserver::with(model)
}

/// Makes failures comparable in tests: reason and message.
pub fn told(failure: &Failure) -> String {
    format!("{:?}: {}", failure.reason, failure.message)
}
