// SPDX-License-Identifier: GPL-2.0

//! Starting a guest: from the host's side, with rollback.

use crate::accounts::{self, Meter, Sample};
use crate::claim::Claim;
use crate::confine;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::{Guest, PidNamespace, is_plain_absolute};
use crate::inside::{self, Surroundings, become_guest};
use crate::link::{is_link, not_followed};
use crate::live::{self, State};
use crate::stack;
use crate::system::{Program, Report, Spawn, System};
use crate::view;
use libvserver::abi::{Fiattr, iattr, vxf};
use libvserver::{Errno, Vserver};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Namespaces that every guest is born with, beside its pid namespace. The cgroup namespace follows
/// when it is in its cgroup, the time namespace is prepared before.
pub const NAMESPACES: u64 = (libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC) as u64;

/// How long another command may work on the same guest before this one gives up.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Time between two attempts to end a child that is on its way into a context.
const KILL_INTERVAL: Duration = Duration::from_millis(20);

/// A guest that runs, with what its supervisor holds.
pub struct Running<S: System> {
    /// Its pid 1.
    pub child: S::Child,
    /// Its terminal.
    pub console: S::Console,
    /// Where its console output goes.
    pub log: S::Log,
    /// The lock of the guest, held as long as something is left to clean up.
    pub lock: S::Lock,
    /// What the user should know, though the guest runs.
    pub notes: Vec<String>,
    /// What its context has counted.
    pub meter: Meter,
}

impl<S: System> std::fmt::Debug for Running<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Running")
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Checks that the root directory of a guest is there.
///
/// # Errors
///
/// [`Reason::MissingRoot`].
pub fn check_root<S: System>(system: &S, root: &Path) -> Outcome<()> {
    let missing = |problem: &str| {
        Failure::new(
            Reason::MissingRoot,
            format!("root directory {} {problem}", root.display()),
            "create the directory and install a system into it, for example with `mmdebstrap \
             stable DIR`, or correct `root` in the description",
        )
    };
    if !is_plain_absolute(root) || root == Path::new("/") {
        return Err(missing("is not an absolute path below /"));
    }
    match system.is_directory(root) {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing("is not a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing("does not exist")),
        Err(error) if is_link(&error) => {
            Err(not_followed("root directory", root, Reason::MissingRoot))
        }
        Err(error) => Err(Failure::file("look at", root, &error)),
    }
}

/// Checks that the sources of mounts are there, and no link on the way to them.
fn check_sources<S: System>(system: &S, guest: &Guest) -> Outcome<()> {
    for mount in guest.mounts.iter().filter(|mount| mount.is_bind()) {
        let source = Path::new(&mount.source);
        system.is_directory(source).map_err(|error| {
            if is_link(&error) {
                not_followed("mount source", source, Reason::StartFailed)
            } else {
                start_failure(&format!("take mount source {}", mount.source), &error)
            }
        })?;
    }
    Ok(())
}

fn check_stopped<S: System>(system: &S, guest: &Guest) -> Outcome<()> {
    let live = live::look_at(&Vserver::with(system), guest)?;
    let name = &guest.name;
    match live.state {
        State::Stopped => Ok(()),
        State::Conflict if live.name.is_empty() => {
            Err(inside::xid_in_use(guest.xid, "a context without a name"))
        }
        State::Conflict => Err(inside::xid_in_use(
            guest.xid,
            &format!("context \"{}\"", live.name),
        )),
        State::Empty => Err(Failure::new(
            Reason::AlreadyRunning,
            format!("the context of guest \"{name}\" is kept without tasks"),
            format!("`vserver stop {name}` ends it; then start the guest"),
        )),
        _ => Err(Failure::new(
            Reason::AlreadyRunning,
            format!("guest \"{name}\" runs already"),
            format!("`vserver enter {name}` goes inside; `vserver stop {name}` stops it"),
        )),
    }
}

/// Takes the locks of a guest and of its description.
///
/// # Errors
///
/// [`Reason::AlreadyRunning`] when another process keeps one.
pub fn take_lock<S: System>(system: &S, name: &str) -> Outcome<Claim<S::Lock>> {
    Claim::take(system, name)
}

/// Turns an attempt to take a lock of a guest into the lock.
///
/// # Errors
///
/// [`Reason::AlreadyRunning`] when another process keeps it.
pub fn held<L>(name: &str, attempt: io::Result<Option<L>>) -> Outcome<L> {
    attempt
        .map_err(|error| {
            Failure::of_files(
                &format!("lock guest \"{name}\""),
                &error,
                "check that /run is writable",
            )
        })?
        .ok_or_else(|| {
            Failure::new(
                Reason::AlreadyRunning,
                format!("another command works on guest \"{name}\""),
                "wait until it has ended, then try again",
            )
        })
}

/// Makes the checks that change nothing, then takes the locks of the guest.
///
/// # Errors
///
/// Missing support, a missing root, a guest that runs already, an id that is in use.
pub fn prepare<S: System>(system: &S, guest: &Guest) -> Outcome<Claim<S::Lock>> {
    let load = || Ok(guest.clone());
    prepare_by(system, &guest.name, &load).map(|(_, claim)| claim)
}

/// As [`prepare`], for a guest that `load` reads; returns what it has read under the locks. While
/// this waited for them, the guest may have been changed, removed or started.
///
/// # Errors
///
/// Those of [`prepare`] and of `load`.
pub fn prepare_by<S: System>(
    system: &S,
    name: &str,
    load: &dyn Fn() -> Outcome<Guest>,
) -> Outcome<(Guest, Claim<S::Lock>)> {
    let checked = || {
        let guest = load()?;
        check_root(system, &guest.root)?;
        check_sources(system, &guest)?;
        check_stopped(system, &guest)?;
        Ok(guest)
    };
    checked()?;
    let claim = take_lock(system, name)?;
    Ok((checked()?, claim))
}

/// Starts a guest. When a step fails, everything that earlier steps made is gone again. The
/// description is free to be changed when this returns: the guest is one that runs then.
///
/// # Errors
///
/// [`Reason::StartFailed`] and the step that failed, or a more specific reason.
pub fn launch<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    claim: Claim<S::Lock>,
) -> Outcome<Running<S>> {
    let Claim {
        life: lock,
        description: _held,
    } = claim;
    let log = system.open_log(&guest.name).map_err(|error| {
        failed_start(Failure::of_files(
            &format!("open the console log of guest \"{}\"", guest.name),
            &error,
            "check the directory of the logs",
        ))
    })?;
    let (numbers, bucket) = confine::prepare(system, guest)?;
    // Of a run whose supervisor has died; what its context had counted is lost.
    if let Some(line) = accounts::settle(system, &guest.name, None, &Sample::default()) {
        system.write_log(&log, &line);
    }
    let cgroup = system
        .create_cgroup(&guest.name)
        .map_err(|error| start_failure(&format!("create cgroup \"{}\"", guest.name), &error))?;
    let mut notes = Vec::new();
    match &cgroup {
        None => notes.push(
            "no cgroup2 file system is mounted: the guest has no cgroup of its own".to_owned(),
        ),
        Some(cgroup) if !cgroup.delegated => notes.push(
            "cgroup2 is mounted without nsdelegate: the guest sees its cgroups read-only"
                .to_owned(),
        ),
        Some(_) => {}
    }
    notes.extend(helper_note(system, guest));
    let launched = confine::confine(system, guest, cgroup.as_ref(), &numbers)
        .and_then(|()| release_entries(system))
        .and_then(|()| stack::build(system, guest))
        .and_then(|stack| {
            let inside = Surroundings {
                cgroup: cgroup.as_ref(),
                stack: stack.as_ref(),
                bucket: bucket.as_ref(),
            };
            launch_in(system, guest, program, inside)
        });
    match launched {
        Ok((child, console)) => {
            notes.extend(stack::notes(system, guest));
            notes.extend(confine::start_notes(&Vserver::with(system), guest));
            Ok(Running {
                child,
                console,
                log,
                lock,
                notes,
                meter: Meter::default(),
            })
        }
        Err(mut failure) => {
            if let Err(error) = stack::dismantle(system, guest) {
                failure.message += &format!("; and its network cannot be taken away: {error}");
            }
            if let Err(error) = system.remove_cgroup(&guest.name) {
                failure.message += &format!(
                    "; and its cgroup \"{}\" cannot be removed: {error}",
                    guest.name
                );
            }
            Err(failure)
        }
    }
}

/// What the user should know of the helper program: in a shared pid namespace the kernel refuses
/// `reboot(2)` when it cannot tell anybody.
fn helper_note<S: System>(system: &S, guest: &Guest) -> Option<String> {
    if guest.pid_namespace == PidNamespace::Own {
        return None;
    }
    let path = system.missing_helper()?;
    Some(format!(
        "the helper program {path} (sysctl kernel.vshelper) cannot be executed, so `reboot` and \
         `halt` fail inside this guest: make it a link to this command, or set the sysctl to the \
         path of another program"
    ))
}

/// Lets guests see the entries of procfs that they need. A kernel without such bits shows
/// everything.
fn release_entries<S: System>(system: &S) -> Outcome<()> {
    let vserver = Vserver::with(system);
    let shown = Fiattr {
        tag: 0,
        flags: iattr::ADMIN | iattr::WATCH,
        mask: iattr::FLAGS,
    };
    for path in view::RELEASED {
        match vserver.set_iattr(Path::new(path), shown) {
            // Not in this kernel's configuration, or not in its interface.
            Ok(_) | Err(Errno(libc::ENOENT | libc::ENOSYS)) => {}
            Err(errno) => {
                return Err(start_failure(
                    &format!("release {path} for guests"),
                    &errno.into(),
                ));
            }
        }
    }
    Ok(())
}

fn launch_in<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    inside: Surroundings<'_, S>,
) -> Outcome<(S::Child, S::Console)> {
    let console = system
        .open_console()
        .map_err(|error| start_failure("open a terminal for the console", &error))?;
    system
        .restart_clocks()
        .map_err(|error| start_failure("make a time namespace", &error))?;
    let spawn = Spawn {
        namespaces: NAMESPACES | guest.pid_namespace.space(),
        cgroup: inside.cgroup,
    };
    let mut child = system
        .spawn(spawn, &mut |system| {
            become_guest(system, guest, program, &console, &inside)
        })
        .map_err(|error| start_failure("make the guest's first process", &error))?;
    let failure = match system.await_report(&mut child) {
        Ok(Report::Executed) => return Ok((child, console)),
        Ok(Report::Failed(failure)) => failure,
        Ok(Report::Died(status)) => Failure::new(
            Reason::StartFailed,
            format!(
                "the first process of guest \"{}\" died during the start ({})",
                guest.name,
                status_text(status)
            ),
            "the kernel log (`dmesg`) may say why",
        ),
        Ok(Report::Cancelled) => Failure::new(
            Reason::StartFailed,
            format!("the start of guest \"{}\" was cancelled", guest.name),
            "nothing was left behind; start it again when you like",
        ),
        Err(error) => start_failure("wait for the guest's first process", &error),
    };
    end_child(system, guest.xid, 0, &mut child);
    release(system, guest);
    Err(failure)
}

/// Lets the context of a guest go whose tasks have ended, though it is one that stays. Nobody else
/// makes a context of this name meanwhile: the caller has the lock of the guest.
fn release<S: System>(system: &S, guest: &Guest) {
    let vserver = Vserver::with(system);
    if guest.kept() != 0
        && live::look(&vserver, &guest.name, guest.xid).is_ok_and(|live| live.state.is_live())
    {
        // Fails only when the context has just gone.
        let _ = vserver.set_flags(guest.xid, 0, vxf::PERSISTENT);
    }
}

/// Ends a child of which it is not known how far it has come. It may be a task of the host, or
/// inside its context, where only the context's own kill reaches it; and it may change from one to
/// the other at any moment. `target` is what to kill inside: 0 for all tasks, or a pid.
pub(crate) fn end_child<S: System>(system: &S, xid: u32, target: i32, child: &mut S::Child) {
    let vserver = Vserver::with(system);
    loop {
        if vserver.task_xid(system.pid_of(child) as u32) == Ok(xid) {
            // Fails only when the last task has just gone.
            let _ = vserver.kill(xid, target, libc::SIGKILL);
        }
        system.kill_child(child);
        match system.reap(child, KILL_INTERVAL) {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return,
        }
    }
}

fn start_failure(what: &str, error: &io::Error) -> Failure {
    failed_start(Failure::from_os(
        what,
        error,
        "nothing was left behind; the step named above says what the kernel refused",
    ))
}

fn failed_start(mut failure: Failure) -> Failure {
    if failure.reason != Reason::DiskFull {
        failure.reason = Reason::StartFailed;
    }
    failure
}

/// Describes a wait status.
pub fn status_text(status: i32) -> String {
    if libc::WIFSIGNALED(status) {
        crate::signals::name_of(libc::WTERMSIG(status))
    } else {
        format!("exit status {}", libc::WEXITSTATUS(status))
    }
}

/// The exit status that passes on a wait status, as shells do it.
pub fn exit_status_of(status: i32) -> u8 {
    let code = if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status)
    } else {
        libc::WEXITSTATUS(status)
    };
    // Both are within a byte: signals end at 64, exit statuses have eight bits.
    code as u8
}
