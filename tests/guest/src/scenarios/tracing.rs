// SPDX-License-Identifier: GPL-2.0

//! Nobody looks into or takes hold of a process of others.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Guest, Need, Words, context, spectator, subprocess};
use crate::sys::{Sys, files, process, sockets, trace};
use libvserver::abi::vxf;

/// A word that every process of a scenario has at the same address.
static SECRET: u64 = 0x5ec2_e7ed_5ec2_e7ed;

fn address() -> usize {
    (&raw const SECRET) as usize
}

type Look = fn(&Words) -> Sys<()>;

/// Ways that name a process by number.
const WAYS: [(&str, Look); 5] = [
    ("PTRACE_SEIZE", |w| trace::seize(w.int(0))),
    ("PTRACE_ATTACH", |w| trace::attach(w.int(0))),
    ("process_vm_readv", |w| {
        trace::read_memory(w.int(0), address()).and_then(secret)
    }),
    ("kcmp", |w| {
        trace::kcmp(w.int(0), process::getpid()).map(|_| ())
    }),
    ("pidfd_getfd", |w| {
        let pidfd = process::pidfd_open(w.int(0))?;
        let result = trace::steal_fd(pidfd, 0);
        sockets::close(pidfd);
        result
    }),
];

/// Ways through `/proc`, where a process of others has no directory.
const PROC_WAYS: [(&str, Look); 5] = [
    ("/proc/<pid>/mem", |w| {
        trace::read_proc_memory(w.int(0), address()).and_then(secret)
    }),
    ("/proc/<pid>/environ", |w| {
        files::read(&format!("/proc/{}/environ", w.int(0))).map(|_| ())
    }),
    ("/proc/<pid>/root", |w| {
        files::list(&format!("/proc/{}/root/", w.int(0))).map(|_| ())
    }),
    ("/proc/<pid>/fd", |w| {
        files::list(&format!("/proc/{}/fd", w.int(0))).map(|_| ())
    }),
    ("/proc/<pid>/maps", |w| {
        files::read(&format!("/proc/{}/maps", w.int(0))).map(|_| ())
    }),
];

fn secret(word: u64) -> Sys<()> {
    if word == SECRET {
        Ok(())
    } else {
        Err(libc::EIO)
    }
}

fn one(pid: i32) -> Words {
    Words {
        numbers: vec![i64::from(pid)],
        text: String::new(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let (first, second) = (t.xid(), t.xid());
    let mut guest = Guest::start(first)?;
    let other = Guest::start(second)?;
    let host = Bystander::start()?;
    let child = guest.ask(|_| process::sleeper())?.need("process inside")?;
    let pid = guest.pid();

    for (ways, error) in [(WAYS, libc::ESRCH), (PROC_WAYS, libc::ENOENT)] {
        for (name, look) in ways {
            for (whose, target) in [
                ("a host process", host.pid()),
                ("another guest", other.pid()),
            ] {
                t.refused(
                    &format!("inside: {name} of {whose}"),
                    guest.on(look, target)?,
                    error,
                );
            }
            t.refused(&format!("host: {name} of a guest"), look(&one(pid)), error);
            t.ok(
                &format!("control: inside: {name} of its own child"),
                guest.on(look, child)?,
            );
            t.ok(
                &format!("control: host: {name} of a host process"),
                subprocess(|| look(&one(host.pid())))?,
            );
        }
    }
    with_descriptor(t, &guest, &host)?;
    by_spectator(t, &guest)
}

/// A descriptor of a host process that is handed in gives no right.
fn with_descriptor(t: &mut Test, guest: &Guest, host: &Bystander) -> Outcome {
    let (xid, pid) = (guest.xid(), host.pid());
    let stolen = subprocess(|| -> Sys<(Sys<()>, Sys<()>)> {
        let pidfd = process::pidfd_open(pid)?;
        let before = trace::steal_fd(pidfd, 0);
        context::migrate(xid, 0)?;
        Ok((before, trace::steal_fd(pidfd, 0)))
    })?
    .need("descriptor of a host process")?;
    t.ok("control: pidfd_getfd before entering", stolen.0);
    t.refused(
        "inside: pidfd_getfd with a descriptor handed in",
        stolen.1,
        libc::EPERM,
    );

    let joined = subprocess(|| -> Sys<Sys<()>> {
        let pidfd = process::pidfd_open(pid)?;
        context::migrate(xid, 0)?;
        Ok(crate::sys::spaces::setns(pidfd, libc::CLONE_NEWUTS))
    })?
    .need("descriptor of a host process")?;
    t.refused(
        "inside: setns with a descriptor handed in",
        joined,
        libc::EPERM,
    );
    Ok(())
}

/// The spectator may trace where the host may administrate.
fn by_spectator(t: &mut Test, guest: &Guest) -> Outcome {
    let pid = guest.pid();
    t.ok(
        "spectator: process_vm_readv",
        spectator(|| trace::read_memory(pid, address()).and_then(secret))?,
    );
    t.ok("spectator: PTRACE_SEIZE", spectator(|| trace::seize(pid))?);
    t.ok(
        "spectator: /proc/<pid>/mem",
        spectator(|| trace::read_proc_memory(pid, address()).and_then(secret))?,
    );
    t.ok(
        "clear STATE_ADMIN",
        context::set_flags(guest.xid(), 0, vxf::STATE_ADMIN),
    );
    t.refused(
        "spectator, without STATE_ADMIN: PTRACE_SEIZE",
        spectator(|| trace::seize(pid))?,
        libc::EACCES,
    );
    // This call turns EACCES into EPERM.
    t.refused(
        "spectator, without STATE_ADMIN: process_vm_readv",
        spectator(|| trace::read_memory(pid, address()))?,
        libc::EPERM,
    );
    t.refused(
        "spectator, without STATE_ADMIN: /proc/<pid>/mem",
        spectator(|| trace::read_proc_memory(pid, address()))?,
        libc::EACCES,
    );
    Ok(())
}
