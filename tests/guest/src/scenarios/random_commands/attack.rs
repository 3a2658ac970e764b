// SPDX-License-Identifier: GPL-2.0

//! What a sealed guest tries against those outside. None of it may succeed.

use super::actor::{Actor, IDS};
use crate::harness::context;
use crate::sys::{Sys, files, ipc, process, sched, sockets, trace};

/// What is tried with a process.
type Try = fn(i32) -> Sys<()>;

/// What is tried, with a name for the report.
const TRIES: [(&str, Try); 19] = [
    ("kill", |pid| process::kill(pid, libc::SIGKILL)),
    ("stop", |pid| process::kill(pid, libc::SIGSTOP)),
    ("kill the group", |pid| process::kill(-pid, libc::SIGKILL)),
    ("tgkill", |pid| process::tgkill(pid, pid, libc::SIGKILL)),
    ("sigqueue", |pid| process::sigqueue(pid, libc::SIGTERM)),
    ("pidfd_open", |pid| {
        process::pidfd_open(pid).map(sockets::close)
    }),
    ("prlimit", |pid| process::prlimit_set(pid, 7, 3)),
    ("read limits", |pid| {
        process::prlimit_get(pid, 7).map(|_| ())
    }),
    ("setpgid", |pid| process::setpgid(pid, pid)),
    ("getsid", |pid| process::getsid(pid).map(|_| ())),
    ("setpriority", |pid| {
        sched::setpriority(sched::Whose::Process, pid as u32, 19)
    }),
    ("sched_setaffinity", sched::setaffinity),
    ("sched_setscheduler", sched::setscheduler),
    ("ioprio_set", sched::ioprio_set),
    ("ptrace", trace::seize),
    ("process_vm_readv", |pid| {
        trace::read_memory(pid, 0x40_0000).map(|_| ())
    }),
    ("read its status", |pid| {
        files::read(&format!("/proc/{pid}/status")).map(|_| ())
    }),
    ("ctx_kill", |pid| context::kill(IDS[1], pid, libc::SIGKILL)),
    ("task_xid", |pid| context::task_xid(pid).map(|_| ())),
];

/// Numbers of what is tried beside processes, with names.
const OTHERS: [&str; 4] = [
    "use a message queue",
    "connect a socket",
    "look at a context",
    "use the system call",
];

/// The name of what was done.
pub fn name(what: usize) -> &'static str {
    match what.checked_sub(TRIES.len()) {
        None => TRIES[what].0,
        Some(other) => OTHERS[other],
    }
}

/// Commands of reboot(2) and the signals of everybody: in a sealed guest they reach the guest.
const REBOOTS: [i32; 5] = [
    libc::RB_AUTOBOOT,
    libc::RB_HALT_SYSTEM,
    libc::RB_POWER_OFF,
    libc::RB_ENABLE_CAD,
    0x1234,
];

impl Actor<'_> {
    /// Tries something. The caller is in a sealed context, which nobody leaves.
    pub fn attack(&mut self) {
        let what = self.dice.roll((TRIES.len() + OTHERS.len()) as u32) as usize;
        self.announce(0x100 + what as u64);
        let world = self.world;
        let result = match what.checked_sub(TRIES.len()) {
            None => TRIES[what].1(self.dice.pick(&world.outside)),
            Some(0) => ipc::Kind::Message.change(world.queue),
            Some(1) => sockets::connect(sockets::Kind::Stream, world.socket).map(sockets::close),
            Some(2) => {
                let id = self.dice.pick(&world.protected);
                files::list(&format!("/proc/virtual/{id}")).map(|_| ())
            }
            Some(_) => context::version().map(|_| ()),
        };
        if result.is_ok() {
            self.board.breach(what);
        }
    }

    /// Kills everybody, or reboots: whom it reaches is what the sentinels tell.
    pub fn run_amok(&mut self) {
        self.announce(0x200);
        if self.dice.percent(50) {
            let _ = process::kill(-1, self.dice.pick(&[libc::SIGKILL, libc::SIGTERM, 0]));
        } else {
            let _ = process::reboot(self.dice.pick(&REBOOTS));
        }
    }
}
