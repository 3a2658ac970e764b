// SPDX-License-Identifier: GPL-2.0

//! Stopping a guest.

use crate::accounts::{self, Sample, Settled};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::live::{self, State};
use crate::network::{Mode, host_end};
use crate::signals;
use crate::stack;
use crate::start::{self, LOCK_PATIENCE};
use crate::system::{System, Waited};
use libvserver::abi::vxf;
use libvserver::{Errno, Vserver};
use serde::Serialize;
use std::io;
use std::time::{Duration, Instant};

/// How long SIGKILL may take to end a context.
pub const KILL_PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks at who has the lock of a guest that has ended.
const LOCK_INTERVAL: Duration = Duration::from_millis(200);

/// How a guest ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Signal that init was asked with; none when it was not asked.
    pub asked_with: Option<String>,
    /// Whether the tasks were killed.
    pub killed: bool,
    /// Why init was not asked, or why the tasks were killed.
    pub because: Option<String>,
}

/// How to stop.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How long init may take.
    pub timeout: Duration,
    /// Whether to kill at once.
    pub kill: bool,
}

/// Stops a running guest and removes its cgroup.
///
/// # Errors
///
/// [`Reason::NotRunning`], or the kernel refused.
pub fn stop<S: System>(system: &S, guest: &Guest, manner: Manner) -> Outcome<Stopped> {
    let vserver = Vserver::with(system);
    // An init that takes the signal for the wish to reboot is not to come back.
    let _announced = announce(system, guest)?;
    let live = live::look_at(&vserver, guest)?;
    match live.state {
        State::Stopped => return Err(not_running(system, guest)?),
        State::Conflict => {
            return Err(crate::inside::xid_in_use(
                guest.xid,
                &format!("context \"{}\", which is not this guest", live.name),
            ));
        }
        _ => {}
    }
    let counted = accounts::sample(&vserver, &guest.name, guest.xid).unwrap_or_default();
    let run = system.cgroup_identity(&guest.name).ok();
    // Without this flag the context ends with its last task.
    ignore_ended(vserver.set_flags(guest.xid, 0, vxf::PERSISTENT))
        .map_err(|errno| refused(guest, "let the context end", errno))?;
    let mut stopped = Stopped {
        asked_with: None,
        killed: false,
        because: None,
    };
    let ended = match ask(system, guest, live.init, manner, &mut stopped)? {
        true => true,
        false => {
            stopped.killed = true;
            ignore_ended(vserver.kill(guest.xid, 0, libc::SIGKILL))
                .map_err(|errno| refused(guest, "kill the tasks", errno))?;
            has_ended(system, guest, KILL_PATIENCE)?
        }
    };
    if !ended {
        return Err(Failure::new(
            Reason::KernelError,
            format!(
                "guest \"{}\" still has tasks {} s after SIGKILL",
                guest.name,
                KILL_PATIENCE.as_secs()
            ),
            format!(
                "`vserver show {}` lists them; a task in state D waits for a device",
                guest.name
            ),
        ));
    }
    clean(system, guest, run, &counted)?;
    Ok(stopped)
}

/// As [`stop`], for those who want a guest to end that ran a moment ago: none when it has ended by
/// itself meanwhile.
///
/// # Errors
///
/// As [`stop`].
pub fn stop_unless_ended<S: System>(
    system: &S,
    guest: &Guest,
    manner: Manner,
) -> Outcome<Option<Stopped>> {
    match stop(system, guest, manner) {
        Err(failure) if failure.reason == Reason::NotRunning => Ok(None),
        other => other.map(Some),
    }
}

/// Keeps the supervisor from starting the guest again. While it does so just now, the guest is not
/// to be looked at: it would seem to have stopped.
fn announce<S: System>(system: &S, guest: &Guest) -> Outcome<S::Lock> {
    let announced = system.announce_stop(&guest.name, LOCK_PATIENCE);
    start::held(&guest.name, announced)
}

/// How to end a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By asking its init with this signal.
    Ask(i32),
    /// By killing, for this reason.
    Kill(String),
}

/// Chooses how the guest whose init is `pid` is asked to stop.
///
/// # Errors
///
/// The tasks cannot be looked at.
pub fn choose<S: System>(system: &S, guest: &Guest, pid: i32) -> io::Result<Choice> {
    let survey = system.survey()?;
    let entry = survey.task(pid);
    let lacks = |signals: u64, signal: i32| signals & (1_u64 << (signal - 1)) == 0;
    let ignores = |signal| entry.is_some_and(|task| lacks(task.handled_signals, signal));
    let signal = guest.stop_signal.unwrap_or_else(|| {
        let systemd = entry.is_some_and(|task| task.name == "systemd");
        if systemd {
            signals::SYSTEMD_HALT
        } else if ignores(libc::SIGTERM) && !ignores(libc::SIGINT) {
            // sysvinit: what Ctrl-Alt-Del means to it.
            libc::SIGINT
        } else {
            libc::SIGTERM
        }
    });
    // Pid 1 ignores what it neither handles nor blocks: waiting would be in vain. systemd blocks
    // its signals, and reads them.
    let blocks = entry.is_some_and(|task| !lacks(task.blocked_signals, signal));
    if ignores(signal) && !blocks && signal != libc::SIGKILL {
        let name = signals::name_of(signal);
        return Ok(Choice::Kill(format!("its init does not handle {name}")));
    }
    Ok(Choice::Ask(signal))
}

/// Asks init to stop; tells whether the context has ended.
fn ask<S: System>(
    system: &S,
    guest: &Guest,
    init: Option<i32>,
    manner: Manner,
    stopped: &mut Stopped,
) -> Outcome<bool> {
    if manner.kill {
        stopped.because = Some("as requested".to_owned());
        return Ok(false);
    }
    let Some(pid) = init else {
        stopped.because = Some("the context has no init".to_owned());
        return Ok(false);
    };
    let chosen = choose(system, guest, pid).map_err(|error| {
        Failure::from_os(
            "look at the tasks of the guest",
            &error,
            "`vserver stop --kill` stops it without looking",
        )
    })?;
    let signal = match chosen {
        Choice::Ask(signal) => signal,
        Choice::Kill(because) => {
            stopped.because = Some(because);
            return Ok(false);
        }
    };
    let vserver = Vserver::with(system);
    ignore_ended(vserver.kill(guest.xid, 1, signal))
        .map_err(|errno| refused(guest, "signal init", errno))?;
    stopped.asked_with = Some(signals::name_of(signal));
    let ended = has_ended(system, guest, manner.timeout)?;
    if !ended {
        stopped.because = Some(format!(
            "it had not ended after {} s",
            manner.timeout.as_secs()
        ));
    }
    Ok(ended)
}

fn has_ended<S: System>(system: &S, guest: &Guest, patience: Duration) -> Outcome<bool> {
    let waited = system
        .wait_context(guest.xid, Some(patience))
        .map_err(|error| refused(guest, "wait for its end", error.into()))?;
    Ok(waited != Waited::Lasts)
}

/// Waits until the supervisor of the guest has cleaned up, and cleans up when there is none.
fn clean<S: System>(
    system: &S,
    guest: &Guest,
    run: Option<String>,
    counted: &Sample,
) -> Outcome<()> {
    let Some(_lock) = lock_after_end(system, guest)? else {
        return Ok(());
    };
    // A supervisor has done so, and removed the cgroup; this look may have been later than its own.
    put_away(system, guest, run, counted)
}

/// Takes the lock of a guest that has ended, when its supervisor has let it go; none when a start
/// that has waited for it was earlier, which has found nothing left or has put it away.
fn lock_after_end<S: System>(system: &S, guest: &Guest) -> Outcome<Option<S::Lock>> {
    let begin = Instant::now();
    loop {
        let attempt = system.lock(&guest.name, LOCK_INTERVAL);
        if let Ok(None) = attempt {
            let live = live::look_at(&Vserver::with(system), guest)?;
            if live.state.is_live() {
                return Ok(None);
            }
            if begin.elapsed() < KILL_PATIENCE {
                continue;
            }
            return Err(Failure::new(
                Reason::KernelError,
                format!(
                    "guest \"{}\" has ended, but another command or its supervisor still works on \
                     it after {} s",
                    guest.name,
                    KILL_PATIENCE.as_secs()
                ),
                "`vserver stop` again, when that has ended, removes what it leaves behind",
            ));
        }
        return start::held(&guest.name, attempt).map(Some);
    }
}

/// Writes down and removes what is left of a guest that has ended; the caller has its lock.
fn put_away<S: System>(
    system: &S,
    guest: &Guest,
    run: Option<String>,
    counted: &Sample,
) -> Outcome<()> {
    let settled = accounts::close(system, &guest.name, run, counted);
    let keeps_cgroup = matches!(settled, Settled::Nowhere(_));
    if let (Some(line), Ok(log)) = (settled.line(), system.open_log(&guest.name)) {
        system.write_log(&log, &line);
    }
    stack::take_away(system, guest)?;
    if keeps_cgroup {
        return Ok(());
    }
    system.remove_cgroup(&guest.name).map_err(|error| {
        Failure::from_os(
            &format!("remove cgroup \"{}\"", guest.name),
            &error,
            "remove the directory with rmdir when it is not in use any more",
        )
    })
}

/// Removes what a supervisor that has died has left of a guest that does not run; the caller has
/// its lock. Tells whether there was something. Only what shows that: another guest may have the
/// same addresses, and run.
///
/// # Errors
///
/// The kernel refused.
pub fn clear<S: System>(system: &S, guest: &Guest) -> Outcome<bool> {
    if live::look_at(&Vserver::with(system), guest)?.state != State::Stopped {
        return Ok(false);
    }
    let mode = guest.network.as_ref().map(|network| &network.mode);
    let has_link = match mode {
        Some(Mode::Own(link)) if link.has_host_end() => {
            let end = host_end(guest.xid);
            system.has_interface(&end).map_err(|error| {
                Failure::from_os(
                    &format!("look for interface \"{end}\""),
                    &error,
                    "`ip link` shows those that exist",
                )
            })?
        }
        _ => false,
    };
    if !has_link && system.find_cgroup(&guest.name).is_none() {
        return Ok(false);
    }
    put_away(system, guest, None, &Sample::default()).map(|()| true)
}

/// Tells that a guest does not run; before that it is cleared, unless somebody works on it.
fn not_running<S: System>(system: &S, guest: &Guest) -> Outcome<Failure> {
    let mut failure = live::not_running(&guest.name);
    // Who may not lock may not clear either.
    if let Ok(Some(_lock)) = system.lock(&guest.name, Duration::ZERO) {
        if clear(system, guest)? {
            failure.message += "; what its supervisor had left behind is removed";
        }
    }
    Ok(failure)
}

fn ignore_ended(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno(libc::ESRCH)) => Ok(()),
        other => other,
    }
}

fn refused(guest: &Guest, what: &str, errno: Errno) -> Failure {
    Failure::from_os(
        &format!("stop guest \"{}\": {what}", guest.name),
        &errno.into(),
        "`vserver show` tells the state of the guest",
    )
}
