// SPDX-License-Identifier: GPL-2.0

//! The steps that a child takes on its way into a guest.

use crate::bucket::Bucket;
use crate::confine;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::link::{is_link, not_followed};
use crate::network::Network;
use crate::stack;
use crate::system::{Cgroup, Program, System};
use crate::view;
use libvserver::abi::{XID_SELF, space, vhin, vxf};
use libvserver::{Errno, Vserver};
use std::io;
use std::path::Path;

/// What `enter` enters, beside the pid namespace: everything the new guest made for itself, its
/// root, and the network namespace it shares with its starter.
pub const STORED_SPACES: u64 =
    space::FS | space::MNT | space::UTS | space::IPC | space::CGROUP | space::TIME | space::NET;

/// Turns an error of one step into a failure that names the step.
fn step<T, E: Into<io::Error>>(what: &str, result: Result<T, E>) -> Outcome<T> {
    result.map_err(|error| failed_start(Failure::from_os(what, &error.into(), REFUSED)))
}

/// As [`step`], for steps that make files of the guest.
fn file_step(what: &str, result: io::Result<()>) -> Outcome<()> {
    result.map_err(|error| failed_start(Failure::of_files(what, &error, REFUSED)))
}

const REFUSED: &str = "nothing was left behind; the step named above says what the kernel refused";

fn failed_start(mut failure: Failure) -> Failure {
    if failure.reason != Reason::DiskFull {
        failure.reason = Reason::StartFailed;
    }
    failure
}

/// What was made for a guest on the host, before its first process.
pub struct Surroundings<'a, S: System> {
    /// Its cgroup.
    pub cgroup: Option<&'a Cgroup>,
    /// Its network namespace, when it has one of its own.
    pub stack: Option<&'a S::Stack>,
    /// Its processor time, when that is limited.
    pub bucket: Option<&'a Bucket>,
}

/// Becomes pid 1 of a guest: runs in a child that has its own mount, host name and ipc namespaces,
/// and a pid namespace unless the guest shares it, and ends in the guest's program.
///
/// # Errors
///
/// The step that failed. The caller ends then, and with it everything made here.
pub fn become_guest<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    console: &S::Console,
    surroundings: &Surroundings<'_, S>,
) -> Outcome<()> {
    step("tie the guest to its starter", system.die_with_parent(true))?;
    // While the task has the rights of the host, some of which the guest lacks.
    step(
        "set limits and priorities of the guest's first process",
        system.shed_inheritance(),
    )?;
    if let Some(stack) = surroundings.stack {
        // Before sysfs is mounted, which shows the interfaces of who mounts it.
        step("enter the network namespace", system.enter_stack(stack))?;
    }
    build_view(system, guest, program, surroundings.cgroup, console)?;
    step("set the host name", system.set_hostname(&guest.hostname))?;
    let servers = guest
        .network
        .as_ref()
        .map_or(&[][..], |network| &network.dns);
    if !servers.is_empty() {
        file_step(
            "write /etc/resolv.conf of the guest",
            system.write_resolver(servers),
        )?;
    }
    // Network contexts are made by tasks of the host only.
    stack::make_context(&Vserver::with(system), guest)?;
    make_context(system, guest)?;
    let bound = confine::bind_context(system, &guest.limits, surroundings.bucket);
    bound.or_else(|(what, errno)| step(what, Err(errno)))?;
    step("make a session keyring", system.new_keyring())?;
    step("open the console", system.new_session(console))?;
    step("close the files of the host", system.close_files())?;
    step("drop capabilities", system.become_root(guest.capabilities))?;
    step("untie the guest", system.die_with_parent(false))?;
    let vserver = Vserver::with(system);
    // Not before: until then, the context goes when this task goes. This also makes the caller the
    // registered init; from then on the death of its starter would not reach it.
    let kept = guest.kept();
    step(
        "seal the context",
        vserver.set_flags(XID_SELF, kept, kept | vxf::STATE_SETUP | vxf::STATE_INIT),
    )?;
    execute(system, program, Reason::StartFailed, Reason::StartFailed)
}

/// Tells of a link that has come to be on the way to `path` since it was looked at; passes on all
/// else.
fn unlinked<T>(what: &str, path: &Path, result: io::Result<T>) -> Outcome<io::Result<T>> {
    match result {
        Err(error) if is_link(&error) => Err(not_followed(what, path, Reason::StartFailed)),
        other => Ok(other),
    }
}

/// Mounts what the guest sees.
fn build_view<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    cgroup: Option<&Cgroup>,
    console: &S::Console,
) -> Outcome<()> {
    if cgroup.is_some() {
        step("make a cgroup namespace", system.own_cgroup_root())?;
    }
    step("make mounts private", system.make_mounts_private())?;
    // Sources are taken while the host's root is in reach, and attached when it is not any more:
    // links inside the guest's files then cannot point a mount to a place on the host.
    let path = system.console_path(console);
    let console = step(
        "take the console's terminal",
        system.take_tree(Path::new(&path)),
    )?;
    let mut trees = Vec::new();
    for mount in &guest.mounts {
        trees.push(if mount.is_bind() {
            let source = Path::new(&mount.source);
            let tree = unlinked("mount source", source, system.take_tree(source))?;
            let what = format!("take mount source {}", mount.source);
            Some(step(&what, tree)?)
        } else {
            None
        });
    }
    let pivoted = unlinked(
        "root directory",
        &guest.root,
        system.pivot_into(&guest.root),
    )?;
    step(
        &format!("make {} the root directory", guest.root.display()),
        pivoted,
    )?;
    let cgroups = cgroup.map(|cgroup| view::cgroups(cgroup.delegated));
    let init = program.words.first().map_or("", String::as_str);
    let temporary = system.mounts_tmp(init).then_some(view::TEMPORARY);
    let filesystems = view::FILE_SYSTEMS.iter().chain(&cgroups).chain(&temporary);
    for filesystem in filesystems {
        // sysfs brings the mount point of the cgroups along and takes no new directories.
        if filesystem.kind != "cgroup2" {
            file_step(
                &format!("make directory {} of the guest", filesystem.target),
                system.make_directory(filesystem.target),
            )?;
        }
        step(
            &format!("mount {} of the guest", filesystem.target),
            system.mount(filesystem),
        )?;
    }
    for (path, major, minor) in view::DEVICES {
        file_step(
            &format!("make {path}"),
            system.make_device(path, *major, *minor),
        )?;
    }
    for (path, target) in view::LINKS {
        file_step(&format!("make {path}"), system.make_link(path, target))?;
    }
    step(
        &format!("make {}", view::CONSOLE),
        system.attach_tree(&console, view::CONSOLE),
    )?;
    for (mount, tree) in guest.mounts.iter().zip(&trees) {
        step(
            &format!("mount {} of the guest", mount.target),
            system.attach_mount(mount, tree.as_ref()),
        )?;
    }
    for path in view::MASKED {
        step(&format!("hide {path}"), system.mask(path))?;
    }
    let shares_stack = |network: &Network| network.link().is_none();
    if guest.network.as_ref().is_some_and(shares_stack) {
        let found = step(
            "look for interfaces in /sys/class/net",
            system.interface_directories(),
        )?;
        let others = found.iter().map(String::as_str);
        let others = others.filter(|path| !view::INTERFACES.contains(path));
        for path in view::INTERFACES.iter().copied().chain(others) {
            step(&format!("hide {path}"), system.mask(path))?;
        }
    }
    // The variables of its own stack are the guest's; the kernel refuses it those of others.
    let own_stack = guest.network.as_ref().is_some_and(|n| !shares_stack(n));
    for path in view::PROTECTED {
        let but = view::STACK_SETTINGS
            .strip_prefix(path)
            .filter(|_| own_stack);
        step(
            &format!("protect {path}"),
            system.protect(path, but.map(|_| view::STACK_SETTINGS)),
        )?;
    }
    // Not before: the protected tree would be a copy with it.
    step("give the guest a boot id", system.renew_boot_id())?;
    Ok(())
}

/// Creates the context around the calling task and gives it name, rights and spaces.
fn make_context<S: System>(system: &S, guest: &Guest) -> Outcome<()> {
    let vserver = Vserver::with(system);
    vserver
        .create(
            guest.xid,
            Some(vxf::INIT_SET | guest.flags & !vxf::PERSISTENT),
        )
        .map_err(|errno| match errno.0 {
            libc::EEXIST | libc::EBUSY => xid_in_use(guest.xid, "another context"),
            libc::ENOEXEC => Failure::new(
                Reason::StartFailed,
                format!(
                    "the helper program refused the start of context {}",
                    guest.xid
                ),
                "the sysctl kernel.vshelper names that program; look at its log, or leave \
                 SC_HELPER out of `flags`",
            ),
            _ => create_failure(guest.xid, errno),
        })?;
    step(
        "name the context",
        vserver.set_name(XID_SELF, vhin::CONTEXT, &guest.name),
    )?;
    step(
        "set the capability mask",
        vserver.set_bcaps(XID_SELF, guest.capabilities, u64::MAX),
    )?;
    step(
        "set the context capabilities",
        vserver.set_ccaps(XID_SELF, guest.ccaps, u64::MAX),
    )?;
    if guest.umask != 0 {
        step(
            "set the namespaces that the guest may make",
            vserver.set_umask(XID_SELF, guest.umask, u64::MAX),
        )?;
    }
    step(
        "store the namespaces",
        vserver.set_space(XID_SELF, STORED_SPACES | guest.pid_namespace.space(), 0),
    )
}

fn create_failure(xid: u32, errno: Errno) -> Failure {
    Failure::new(
        Reason::StartFailed,
        format!("cannot create context {xid}: {errno}"),
        "`vserver kernel` shows what this kernel supports",
    )
}

/// The failure for a context id that belongs to `owner`.
pub fn xid_in_use(xid: u32, owner: &str) -> Failure {
    Failure::new(
        Reason::XidInUse,
        format!("context id {xid} is in use by {owner}"),
        "`vserver list` shows who has it; choose another xid in the description",
    )
}

/// Joins a running guest and executes the first of `programs` that exists. Runs in a child that
/// was made in the guest's pid namespace and is still a task of the host, which the guest does not
/// see: so there is no moment at which the guest could reach into it while it holds anything of
/// the host.
///
/// # Errors
///
/// The step that failed.
pub fn join_guest<S: System>(
    system: &S,
    xid: u32,
    nid: Option<u32>,
    streams: &S::Streams,
    programs: &[Program],
) -> Outcome<()> {
    let vserver = Vserver::with(system);
    let join = |what: &str, result: Result<(), io::Error>| {
        result.map_err(|error| {
            Failure::from_os(
                what,
                &error,
                "`vserver show` tells the state of the guest; it may be about to end",
            )
        })
    };
    // Nobody inside could end a task of the host that the guest keeps from going on.
    join(
        "tie the command to its starter",
        system.die_with_parent(true),
    )?;
    let mask = vserver.bcaps(xid).map_err(|errno| {
        Failure::from_os(
            "read the rights of the guest",
            &errno.into(),
            "the guest may be about to end",
        )
    })?;
    join(
        "set limits and priorities of the command",
        system.shed_inheritance(),
    )?;
    join(
        "enter the namespaces of the guest",
        vserver.enter_space(xid, 0, 0).map_err(Into::into),
    )?;
    if let Some(nid) = nid {
        join(
            "migrate into the network context of the guest",
            vserver.migrate_network(nid).map_err(Into::into),
        )?;
    }
    join(
        "leave the terminal of the host",
        system.take_streams(streams),
    )?;
    join("close the files of the host", system.close_files())?;
    join("drop capabilities", system.become_root(mask.value))?;
    join(
        "migrate into the guest",
        vserver.migrate(xid, 0).map_err(Into::into),
    )?;
    join("untie the command", system.die_with_parent(false))?;
    join("make a session keyring", system.new_keyring())?;
    let mut result = Ok(());
    for program in programs {
        result = execute(
            system,
            program,
            Reason::CommandNotFound,
            Reason::NotExecutable,
        );
        match &result {
            Err(failure) if failure.reason == Reason::CommandNotFound => {}
            _ => break,
        }
    }
    result
}

fn execute<S: System>(
    system: &S,
    program: &Program,
    missing: Reason,
    refused: Reason,
) -> Outcome<()> {
    let name = program.words.first().map_or("", String::as_str);
    system.execute(program).map_err(|error| {
        let errno = Errno::from(error);
        match errno.0 {
            libc::ENOENT | libc::ENOTDIR => Failure::new(
                missing,
                format!("cannot execute {name} in the guest: {errno}"),
                "check that the program and its interpreter exist below the guest's root, or name \
                 another command",
            ),
            _ => Failure::new(
                refused,
                format!("cannot execute {name} in the guest: {errno}"),
                "check that the file is a program for this machine and has its execute bit set",
            ),
        }
    })
}
