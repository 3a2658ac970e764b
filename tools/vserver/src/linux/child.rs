// SPDX-License-Identifier: GPL-2.0

//! Children: made in namespaces and cgroups, and heard until they execute their program.

use super::raw::descriptor::{pipe, poll};
use super::raw::process::{self, Side};
use super::raw::signal::interrupt_every;
use super::{Linux, cgroup};
use crate::failure::{Failure, Outcome};
use crate::survey::Survey;
use crate::system::{Cgroup, Report, Spawn};
use libvserver::{Errno, Syscall, Vserver};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// How long a child may take to end after it has closed its pipe without executing.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Time after which a wait that only asks is ended.
const TICK: Duration = Duration::from_millis(20);

/// What a child writes before it tries to execute a program: white space for JSON, so that the
/// report of a failure may follow.
pub(super) const EXECUTING: u8 = b'\n';

/// A child process.
#[derive(Debug)]
pub struct Child {
    /// Pid in the initial pid namespace.
    pub pid: i32,
    pidfd: OwnedFd,
    report: File,
    status: Option<i32>,
}

impl Child {
    /// Descriptor of the process: readable when it has ended.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub(super) fn await_report(&mut self, cancel: Option<BorrowedFd<'_>>) -> io::Result<Report> {
        let mut text = Vec::new();
        // Each time anew: who is held up between its last word and its program has not reported.
        loop {
            let (reported, cancelled) = match cancel {
                None => (true, false),
                Some(cancel) => {
                    let [reported, cancelled] = poll([self.report.as_fd(), cancel], None)?;
                    (reported, cancelled)
                }
            };
            if cancelled && !reported {
                return Ok(Report::Cancelled);
            }
            if reported {
                let mut part = [0; 1024];
                match self.report.read(&mut part) {
                    Ok(0) => break,
                    Ok(length) => text.extend_from_slice(&part[..length]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if text.iter().any(|&byte| byte != EXECUTING) {
            return Ok(Report::Failed(from_json(&text)?));
        }
        // The pipe was closed by executing the program or by dying before.
        if text.is_empty() {
            let status = self.reap(END_PATIENCE)?;
            return Ok(Report::Died(status.unwrap_or(0)));
        }
        Ok(Report::Executed)
    }

    pub(super) fn reap(&mut self, patience: Duration) -> io::Result<Option<i32>> {
        if self.status.is_none() {
            poll([self.pidfd.as_fd()], Some(patience))?;
            self.status = process::reap(self.pidfd.as_fd())?;
        }
        Ok(self.status)
    }
}

pub(super) fn spawn<S: Syscall>(
    system: &Linux<S>,
    spawn: Spawn<'_>,
    inside: &mut dyn FnMut(&Linux<S>) -> Outcome<()>,
) -> io::Result<Child> {
    let (report, writer) = pipe()?;
    let directory = spawn
        .cgroup
        .map(|cgroup| File::open(&cgroup.path))
        .transpose()?;
    let (side, below) = clone_into(spawn.namespaces, directory.as_ref(), &spawn)?;
    match side {
        Side::Parent { pid, pidfd } => Ok(Child {
            pid,
            pidfd,
            report,
            status: None,
        }),
        Side::Child => {
            // Held by the parent alone, its end tells whether that is still there.
            drop(report);
            *system.report.borrow_mut() = Some(writer.into());
            let result = catch_unwind(AssertUnwindSafe(|| {
                if let Some(cgroup) = below {
                    enter_below(system, cgroup)?;
                }
                inside(system)
            }));
            if let (Ok(Err(failure)), Some(report)) = (result, system.report.take()) {
                send(File::from(report), &failure);
            }
            process::exit_now(1)
        }
    }
}

/// Makes the child in its cgroup. When the guest has distributed its tasks over cgroups of its own,
/// the kernel takes no tasks in the topmost one: then the child begins in the cgroup of the caller
/// and has to go into one below that is returned. It does not begin there, because whatever is
/// below is the guest's, which could freeze it before its first instruction.
fn clone_into<'a>(
    namespaces: u64,
    directory: Option<&File>,
    spawn: &Spawn<'a>,
) -> io::Result<(Side, Option<&'a Cgroup>)> {
    let result = process::clone(namespaces, directory.map(AsFd::as_fd));
    match (result, spawn.cgroup) {
        (Err(error), Some(cgroup)) if error.kind() == io::ErrorKind::ResourceBusy => {
            cgroup::require_room(cgroup)?;
            Ok((process::clone(namespaces, None)?, Some(cgroup)))
        }
        (result, _) => Ok((result?, None)),
    }
}

/// Moves the caller below a cgroup. From then on the guest can freeze it; a signal that kills ends
/// it nevertheless, and that of its parent's death is arranged before.
fn enter_below<S: Syscall>(system: &Linux<S>, cgroup: &Cgroup) -> Outcome<()> {
    system
        .bind_to_parent()
        .and_then(|()| cgroup::enter_below(cgroup))
        .map_err(|error| {
            Failure::from_os(
                &format!("enter a cgroup below {}", cgroup.path.display()),
                &error,
                "the guest, which manages the cgroups there, may be changing them: try again",
            )
        })
}

/// Looks at all tasks as a spectator, in a child, because there is no way back.
pub(super) fn survey<S: Syscall>(system: &Linux<S>) -> io::Result<Survey> {
    ask_child(&|| {
        let vserver = Vserver::with(&system.sys);
        vserver.become_spectator()?;
        let xid_of = |pid| vserver.task_xid(u32::try_from(pid).ok()?).ok();
        Survey::read(Path::new("/proc"), xid_of)
    })
}

/// Asks what the context has noted of `reboot(2)`. The kernel tells it to who waits for the end of
/// the context, also when a signal ends the wait: a child waits, with a timer that ends it.
pub(super) fn asked_for<S: Syscall>(system: &Linux<S>, xid: u32) -> io::Result<Option<u32>> {
    ask_child(&|| {
        interrupt_every(TICK)?;
        match Vserver::with(&system.sys).wait_exit_or_signal(xid) {
            // The kernel hands the number over as a signed one.
            Ok(exit) => Ok(Some(exit.reboot_cmd as u32)),
            Err(Errno(libc::ESRCH)) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    })
}

/// Does `work` in a child and returns what it has found.
pub(super) fn ask_child<T: Serialize + DeserializeOwned>(
    work: &dyn Fn() -> io::Result<T>,
) -> io::Result<T> {
    let (mut reader, writer) = pipe()?;
    match process::clone(0, None)? {
        Side::Child => {
            let answer = match catch_unwind(AssertUnwindSafe(work)) {
                Ok(result) => result.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO)),
                Err(_) => Err(libc::EIO),
            };
            send(writer, &answer);
            process::exit_now(0)
        }
        Side::Parent { pidfd, .. } => {
            drop(writer);
            let mut text = Vec::new();
            reader.read_to_end(&mut text)?;
            poll([pidfd.as_fd()], Some(END_PATIENCE))?;
            process::reap(pidfd.as_fd())?;
            from_json::<Result<T, i32>>(&text)?.map_err(io::Error::from_raw_os_error)
        }
    }
}

/// Sends a value to the parent. One that is gone needs no answer.
pub(super) fn send<T: Serialize>(mut pipe: File, value: &T) {
    if let Ok(text) = serde_json::to_vec(value) {
        let _ = pipe.write_all(&text);
    }
}

pub(super) fn from_json<T: DeserializeOwned>(text: &[u8]) -> io::Result<T> {
    serde_json::from_slice(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_held_up_before_its_program_can_be_cancelled() {
        let (report, mut writer) = pipe().unwrap();
        let (cancel, mut user) = pipe().unwrap();
        let mut child = Child {
            pid: 0,
            pidfd: cancel.try_clone().unwrap().into(),
            report,
            status: None,
        };
        writer.write_all(&[EXECUTING]).unwrap();
        user.write_all(b"enough").unwrap();
        let report = child.await_report(Some(cancel.as_fd())).unwrap();
        assert_eq!(report, Report::Cancelled);
        drop(writer);
    }

    #[test]
    fn a_report_wins_over_its_cancellation() {
        let (report, mut writer) = pipe().unwrap();
        let (cancel, mut user) = pipe().unwrap();
        let mut child = Child {
            pid: 0,
            pidfd: cancel.try_clone().unwrap().into(),
            report,
            status: None,
        };
        writer.write_all(&[EXECUTING]).unwrap();
        drop(writer);
        user.write_all(b"enough").unwrap();
        let report = child.await_report(Some(cancel.as_fd())).unwrap();
        assert_eq!(report, Report::Executed);
    }
}
