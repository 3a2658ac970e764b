// SPDX-License-Identifier: GPL-2.0

//! What follows the end of a guest's init: the end of the guest, or another start when the guest
//! has rebooted.

use crate::accounts::Settled;
use crate::claim::Claim;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::{Guest, PidNamespace};
use crate::inside::xid_in_use;
use crate::live::{self, State};
use crate::stack;
use crate::start::{Running, launch, status_text};
use crate::stop::KILL_PATIENCE;
use crate::system::{Program, System};
use libvserver::abi::{vsc, vxf};
use libvserver::{Errno, Vserver};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// How often a guest is started again within [`WITHIN`].
pub const MOST: usize = 5;
/// The time within which a guest is started again at most [`MOST`] times.
pub const WITHIN: Duration = Duration::from_secs(60);
/// Time between two looks at a context that is about to end.
const INTERVAL: Duration = Duration::from_millis(20);

/// What a guest has asked for by `reboot(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reboot {
    /// To be started again.
    Restart,
    /// To halt or to be powered off.
    Halt,
}

/// Tells from the wait status of pid 1 whether the guest has called `reboot(2)`. The kernel then
/// ends pid 1 of a pid namespace by one of these two signals, which nobody can send it with that
/// effect: what pid 1 does not handle, it ignores, but for SIGKILL.
pub fn reboot_of(status: i32) -> Option<Reboot> {
    if !libc::WIFSIGNALED(status) {
        return None;
    }
    match libc::WTERMSIG(status) {
        libc::SIGHUP => Some(Reboot::Restart),
        libc::SIGINT => Some(Reboot::Halt),
        _ => None,
    }
}

/// Tells from a command of `reboot(2)` what the guest wants.
pub fn reboot_by(command: u32) -> Option<Reboot> {
    match command {
        vsc::RESTART => Some(Reboot::Restart),
        vsc::HALT | vsc::POWER_OFF => Some(Reboot::Halt),
        _ => None,
    }
}

/// Tells whether a guest whose init has ended has called `reboot(2)`. In a shared pid namespace the
/// kernel ends all its tasks alike, and the context has noted the command.
fn wish_of<S: System>(system: &S, guest: &Guest, status: i32) -> Outcome<Option<Reboot>> {
    if guest.pid_namespace == PidNamespace::Own {
        return Ok(reboot_of(status));
    }
    let command = system.asked_for(guest.xid).map_err(|error| {
        Failure::from_os(
            &format!("ask what guest \"{}\" wants", guest.name),
            &error,
            "`vserver show` tells the state of the guest",
        )
    })?;
    // A context that is gone had been let go by who stops the guest.
    Ok(command.and_then(reboot_by))
}

/// How pid 1 of a guest has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its wait status.
    pub status: i32,
    /// Whether the supervisor had asked it to.
    pub asked: bool,
}

/// Counts how often a guest is started again.
#[derive(Debug, Default)]
struct Budget {
    starts: VecDeque<Instant>,
}

impl Budget {
    /// Tells whether another start is allowed now, and counts it.
    fn spend(&mut self, now: Instant) -> bool {
        while self
            .starts
            .front()
            .is_some_and(|start| now.duration_since(*start) >= WITHIN)
        {
            self.starts.pop_front();
        }
        let allowed = self.starts.len() < MOST;
        if allowed {
            self.starts.push_back(now);
        }
        allowed
    }
}

/// Keeps a guest running: waits by `watch` until its init has ended, starts the guest again with
/// the same id when it has rebooted, and else ends what is left of it, removes its cgroup and
/// returns the wait status of its last init.
///
/// # Errors
///
/// The kernel refused to wait or to clean up, or the guest cannot be started again.
pub fn keep<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    first: Running<S>,
    clock: &dyn Fn() -> Instant,
    watch: &mut dyn FnMut(&mut Running<S>) -> Outcome<Ended>,
) -> Outcome<i32> {
    let kept = keep_on(system, guest, program, first, clock, watch);
    if let Err(failure) = &kept {
        // In the background nobody else is told.
        note(system, guest, &failure.message);
    }
    kept
}

/// Writes a line to the log of a guest that is perhaps not open any more.
fn note<S: System>(system: &S, guest: &Guest, line: &str) {
    if let Ok(log) = system.open_log(&guest.name) {
        system.write_log(&log, line);
    }
}

fn keep_on<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    first: Running<S>,
    clock: &dyn Fn() -> Instant,
    watch: &mut dyn FnMut(&mut Running<S>) -> Outcome<Ended>,
) -> Outcome<i32> {
    let mut budget = Budget::default();
    let mut running = first;
    loop {
        let watched = watch(&mut running);
        if watched.is_err() {
            end_unwatched(system, guest, &mut running);
        }
        let settled = running.meter.settle(system, guest);
        let rest = match settled {
            Settled::Nowhere(_) => Rest::StaysAsRecord,
            _ => Rest::Goes,
        };
        let tell = |line: &str| system.write_log(&running.log, line);
        if let Some(line) = settled.line() {
            tell(&line);
        }
        let known = watched.and_then(|ended| Ok((ended, wish_of(system, guest, ended.status)?)));
        let (ended, reboot) = match known {
            Ok(known) => known,
            Err(mut failure) => {
                if let Err(other) = end_for_good(system, guest, rest) {
                    failure.message += &format!("; and then: {}", other.message);
                }
                return Err(failure);
            }
        };
        let wish = match reboot {
            Some(Reboot::Restart) => ", it has asked for a restart",
            Some(Reboot::Halt) => ", it has halted",
            None => "",
        };
        tell(&format!(
            "guest \"{}\" has ended ({}){wish}",
            guest.name,
            status_text(ended.status)
        ));
        let verdict = if reboot == Some(Reboot::Restart) {
            judge(system, guest, ended, &mut budget, clock())
        } else {
            Verdict::Stays
        };
        let excluded = match verdict {
            Verdict::Again(lock) => lock,
            Verdict::Stays => return end_for_good(system, guest, rest).map(|()| ended.status),
            Verdict::StaysBecause(why) => {
                tell(&format!(
                    "guest \"{}\" is not started again: {why}",
                    guest.name
                ));
                return end_for_good(system, guest, rest).map(|()| ended.status);
            }
        };
        tell(&format!("starting guest \"{}\" again", guest.name));
        running = match start_again(system, guest, program, running) {
            Ok(running) => running,
            Err(mut failure) => {
                let name = &guest.name;
                failure.message =
                    format!("cannot start guest \"{name}\" again: {}", failure.message);
                return Err(failure);
            }
        };
        drop(excluded);
    }
}

/// Ends the tasks of a guest that its supervisor has failed to watch: what runs without supervisor
/// has no console, no accounts and no end that anybody sees.
fn end_unwatched<S: System>(system: &S, guest: &Guest, running: &mut Running<S>) {
    let log = &running.log;
    let name = &guest.name;
    let line = format!("guest \"{name}\" is ended, because its supervisor has failed");
    system.write_log(log, &line);
    if let Some(line) = running.meter.tick(system, guest) {
        system.write_log(log, &line);
    }
    let fate = match guest.flags & vxf::PERSISTENT {
        0 => Fate::Ends,
        _ => Fate::StaysEmpty,
    };
    if let Err(failure) = end_context(system, guest, fate) {
        system.write_log(log, &failure.message);
    }
}

/// Whether a guest that has asked for a restart gets it.
enum Verdict<L> {
    /// Yes; while the lock is held, nobody stops it.
    Again(L),
    /// No, and that needs no explanation.
    Stays,
    /// No, and why.
    StaysBecause(String),
}

fn judge<S: System>(
    system: &S,
    guest: &Guest,
    ended: Ended,
    budget: &mut Budget,
    now: Instant,
) -> Verdict<S::Lock> {
    if ended.asked {
        return Verdict::StaysBecause("it was asked to stop".to_owned());
    }
    match system.exclude_stop(&guest.name) {
        Ok(Some(lock)) if budget.spend(now) => Verdict::Again(lock),
        Ok(Some(_)) => Verdict::StaysBecause(format!(
            "it has rebooted {MOST} times within {} s before",
            WITHIN.as_secs()
        )),
        Ok(None) => Verdict::StaysBecause("a command stops it".to_owned()),
        Err(error) => Verdict::StaysBecause(format!("its lock cannot be taken: {error}")),
    }
}

/// Ends what is left of the guest, and starts it as the first time.
fn start_again<S: System>(
    system: &S,
    guest: &Guest,
    program: &Program,
    running: Running<S>,
) -> Outcome<Running<S>> {
    let Running {
        child,
        console,
        log,
        lock,
        notes: _,
        meter: _,
    } = running;
    drop((child, console, log));
    let ended = end_context(system, guest, Fate::Ends);
    let cleaned = clean(system, guest, Rest::Goes);
    ended.and(cleaned)?;
    let claim = Claim::with(system, &guest.name, lock)?;
    launch(system, &stack::refreshed(guest), program, claim)
}

/// Ends what is left of a guest whose init has ended and that is not started again. The end of the
/// init of an own pid namespace has ended the others; in a shared one they run on.
fn end_for_good<S: System>(system: &S, guest: &Guest, rest: Rest) -> Outcome<()> {
    let ended = match guest.pid_namespace {
        PidNamespace::Own => Ok(()),
        PidNamespace::Shared if guest.flags & vxf::PERSISTENT != 0 => {
            end_context(system, guest, Fate::StaysEmpty)
        }
        PidNamespace::Shared => end_context(system, guest, Fate::Ends),
    };
    let ended = match ended {
        // Somebody else's context: that of the guest is gone.
        Err(failure) if failure.reason == Reason::XidInUse => Ok(()),
        other => other,
    };
    let cleaned = clean(system, guest, rest);
    ended.and(cleaned)
}

/// What becomes of a context whose tasks are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It ends.
    Ends,
    /// It is kept without tasks, when it is one that stays.
    StaysEmpty,
}

/// Ends the tasks of a guest whose init has ended, and its context: with the init all tasks of its
/// pid namespace are dead already, but the context may have others, and may be one that stays.
fn end_context<S: System>(system: &S, guest: &Guest, fate: Fate) -> Outcome<()> {
    let vserver = Vserver::with(system);
    let begin = Instant::now();
    loop {
        let live = live::look_at(&vserver, guest)?;
        match live.state {
            State::Stopped => return Ok(()),
            State::Empty if fate == Fate::StaysEmpty => return Ok(()),
            State::Conflict => {
                let owner = format!("context \"{}\"", live.name);
                return Err(xid_in_use(guest.xid, &owner));
            }
            _ => {}
        }
        let let_go = match fate {
            Fate::Ends => vserver.set_flags(guest.xid, 0, vxf::PERSISTENT),
            Fate::StaysEmpty => Ok(()),
        };
        for result in [let_go, vserver.kill(guest.xid, 0, libc::SIGKILL)] {
            match result {
                // The last task has just gone, or the host may not: then they go by themselves.
                Ok(()) | Err(Errno(libc::ESRCH | libc::EACCES)) => {}
                Err(errno) => {
                    return Err(Failure::from_os(
                        &format!("end the context of guest \"{}\"", guest.name),
                        &errno.into(),
                        "`vserver show` tells the state of the guest",
                    ));
                }
            }
        }
        if begin.elapsed() > KILL_PATIENCE {
            return Err(Failure::new(
                Reason::KernelError,
                format!(
                    "the context of guest \"{}\" still exists {} s after its init has ended",
                    guest.name,
                    KILL_PATIENCE.as_secs()
                ),
                format!("`vserver show {}` lists what it holds", guest.name),
            ));
        }
        std::thread::sleep(INTERVAL);
    }
}

/// What becomes of the cgroup of a guest that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// It goes.
    Goes,
    /// It stays until the next start: what it has counted could be written nowhere.
    StaysAsRecord,
}

fn clean<S: System>(system: &S, guest: &Guest, rest: Rest) -> Outcome<()> {
    let network = stack::take_away(system, guest);
    if rest == Rest::StaysAsRecord {
        return network;
    }
    system
        .remove_cgroup(&guest.name)
        .map_err(|error: io::Error| {
            Failure::from_os(
                &format!("remove the cgroup of guest \"{}\"", guest.name),
                &error,
                "`vserver show` tells whether the guest runs",
            )
        })
        .and(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_signals_tell_a_reboot() {
        assert_eq!(reboot_of(libc::SIGHUP), Some(Reboot::Restart));
        assert_eq!(reboot_of(libc::SIGINT), Some(Reboot::Halt));
        for status in [0, 1 << 8, libc::SIGHUP << 8, libc::SIGKILL, libc::SIGTERM] {
            assert_eq!(reboot_of(status), None, "{status}");
        }
    }

    #[test]
    fn the_budget_holds_for_a_minute() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut budget = Budget::default();
        for second in 0..5 {
            assert!(budget.spend(at(second)));
        }
        assert!(!budget.spend(at(5)));
        assert!(!budget.spend(at(59)));
        assert!(budget.spend(at(60)));
        assert!(!budget.spend(at(60)));
        assert!(budget.spend(at(61)));
        assert!((0..5).all(|_| budget.spend(at(500))));
        assert!(!budget.spend(at(500)));
    }
}
