// SPDX-License-Identifier: GPL-2.0

//! Running a command inside a guest.

use crate::failure::{Failure, Outcome, Reason};
use crate::inside;
use crate::start::{end_child, status_text};
use crate::system::{Program, Report, Spawn, System};
use libvserver::abi::{XID_MIN, space, vxf};
use libvserver::{Errno, Syscall, Vserver};

/// The failure for a guest that lets nobody in.
fn closed<S: Syscall>(vserver: &Vserver<S>, name: &str, xid: u32) -> Failure {
    let flags = vserver.flags(xid).map_or(0, |flags| flags.value);
    if flags & vxf::STATE_ADMIN == 0 {
        return Failure::new(
            Reason::NoRight,
            format!("guest \"{name}\" lets nobody in: its flag STATE_ADMIN is cleared"),
            "the host can neither enter nor change this context any more",
        );
    }
    Failure::new(
        Reason::NoRight,
        format!("guest \"{name}\" lets nobody in: its flag INFO_PRIVATE is set"),
        format!("`vserver set {name} --flag '~info_private'` opens it"),
    )
}

/// The network context of the init of a context, or the one with its id when it has no init; none
/// when it uses the network of the host, or a network namespace of its own.
fn network_context<S: Syscall>(vserver: &Vserver<S>, name: &str, xid: u32) -> Outcome<Option<u32>> {
    let attempt = || match vserver.info(xid)?.initpid {
        0 => match vserver.network_id(xid) {
            Err(Errno(libc::ESRCH)) => Ok(0),
            other => other,
        },
        pid => vserver.task_nid(pid),
    };
    // Who does not know must not go on: the command would have the addresses of the host.
    let nid = attempt().map_err(|errno| {
        Failure::from_os(
            &format!("find the network context of guest \"{name}\""),
            &errno.into(),
            "the guest may be about to end; `vserver show` tells its state",
        )
    })?;
    Ok((nid >= XID_MIN).then_some(nid))
}

/// Starts the first of `programs` that exists inside context `xid`, in the cgroup of guest `name`,
/// and returns the child once it runs. It has `streams` in place of terminals of the caller.
///
/// # Errors
///
/// [`Reason::CommandNotFound`], [`Reason::NotExecutable`], or the step that failed.
pub fn launch<S: System>(
    system: &S,
    name: &str,
    xid: u32,
    streams: &S::Streams,
    programs: &[Program],
) -> Outcome<S::Child> {
    let vserver = Vserver::with(system);
    // Only children made afterwards are in the pid namespace; the caller itself stays outside. A
    // context made by other tools may have no pid namespace.
    match vserver.enter_space(xid, space::PID, 0) {
        Ok(()) | Err(Errno(libc::EINVAL)) => {}
        Err(Errno(libc::EACCES)) => return Err(closed(&vserver, name, xid)),
        Err(errno) => {
            return Err(Failure::from_os(
                &format!("enter the pid namespace of guest \"{name}\""),
                &errno.into(),
                "the guest may be about to end; `vserver show` tells its state",
            ));
        }
    }
    let nid = network_context(&vserver, name, xid)?;
    let cgroup = system.find_cgroup(name);
    let spawn = Spawn {
        namespaces: 0,
        cgroup: cgroup.as_ref(),
    };
    let mut child = system
        .spawn(spawn, &mut |system| {
            inside::join_guest(system, xid, nid, streams, programs)
        })
        .map_err(|error| {
            let full = format!(
                "it has as many processes and threads as it may have: raise its limit pids with \
                 `vserver set {name} --pids N`, or let it end some"
            );
            let remedy = match error.raw_os_error() {
                Some(libc::EAGAIN) if cgroup.is_some() => full.as_str(),
                _ => "the guest may be about to end; `vserver show` tells its state",
            };
            Failure::from_os(
                &format!("make a process for guest \"{name}\""),
                &error,
                remedy,
            )
        })?;
    let failure = match system.await_report(&mut child) {
        Ok(Report::Executed) => return Ok(child),
        // Nothing is left to end.
        Ok(Report::Died(status)) => {
            return Err(Failure::new(
                Reason::KernelError,
                format!(
                    "the process for guest \"{name}\" died before its command ran ({})",
                    status_text(status)
                ),
                "the guest may have ended; `vserver show` tells its state",
            ));
        }
        Ok(Report::Failed(failure)) => failure,
        Ok(Report::Cancelled) => Failure::new(
            Reason::KernelError,
            format!("the command for guest \"{name}\" was cancelled before it ran"),
            "run it again when you like; a guest that is frozen lets no command begin",
        ),
        Err(error) => Failure::from_os("wait for the command", &error, "try again"),
    };
    let pid = system.pid_of(&child);
    end_child(system, xid, pid, &mut child);
    Err(failure)
}
