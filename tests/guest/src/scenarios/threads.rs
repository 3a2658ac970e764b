// SPDX-License-Identifier: GPL-2.0

//! Creating and entering moves the calling thread only, not its thread group.
//!
//! The original behaves like this and existing programs depend on it. A program with several
//! threads therefore must not do it in one of them and expect the others to follow.

use crate::harness::check::{Outcome, Test};
use crate::harness::root::PROGRAM;
use crate::harness::{Child, Exit, Need, context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, code, files};
use libvserver::abi::{XID_SELF, vxf};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

fn own_thread() -> i32 {
    // SAFETY: no precondition.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

/// Pids and xids of the main thread, the thread that creates, and a thread of that one.
type Seen = ((u32, u32, u32), bool, u32);

fn several_threads(xid: u32) -> Sys<Seen> {
    let (to_main, from_mover) = channel();
    let (release, hold) = channel::<()>();
    let mover = thread::spawn(move || {
        let created = context::create(xid, vxf::INIT_SET);
        let inherited = thread::spawn(|| context::task_xid(0)).join();
        let _ = to_main.send((own_thread(), created, inherited));
        // Ends when the main thread has looked.
        let _ = hold.recv();
    });
    let (tid, created, inherited) = from_mover.recv().map_err(|_| libc::EPIPE)?;
    created?;
    let inherited = inherited.map_err(|_| libc::EPIPE)??;
    let own = context::task_xid(0)?;
    let moved = context::task_xid(tid)?;
    let listed = files::numbers("/proc/self/task")?.contains(&own_thread());
    // Joining a thread returns a moment before its claim has gone.
    let mut claims = 0;
    wait::until(GONE_WITHIN, || {
        claims = context::stat(xid).map_or(0, |stat| stat.tasks);
        claims == 1
    });
    drop(release);
    mover.join().map_err(|_| libc::EPIPE)?;
    Ok(((own, moved, inherited), listed, claims))
}

/// Makes a context in a thread, becomes its init there and executes a program: programs of some
/// languages have no other way than a thread.
fn init_from_a_thread(xid: u32) -> i32 {
    let mover = thread::spawn(move || -> Sys<()> {
        context::create(xid, vxf::INIT_SET | vxf::INFO_INIT | vxf::PERSISTENT)?;
        context::set_flags(XID_SELF, 0, vxf::STATE_INIT)?;
        let mut command = Command::new(PROGRAM);
        Err(code(&command.args(["inside", "sleep"]).exec()))
    });
    mover.join().map_or(99, |result| result.err().unwrap_or(0))
}

fn executing_thread(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut child = Child::start(|| init_from_a_thread(xid))?;
    let pid = child.pid();
    let moved = wait::until(GONE_WITHIN, || context::task_xid(pid) == Ok(xid));
    t.check("a thread of it executes a program in the context", moved);
    let init = || context::info(xid).map(|info| info.initpid);
    t.gives("the process is the init", init(), pid as u32);
    t.ok("it is found as such", context::kill(xid, 1, libc::SIGKILL));
    t.equal("it was killed", child.wait()?, Exit::Signal(libc::SIGKILL));
    t.gives("the context has no init any more", init(), 0);
    context::end(xid);
    t.check(
        "the context can be ended",
        wait::until(GONE_WITHIN, || context::info(xid).is_err()),
    );
    Ok(())
}

pub fn run(t: &mut Test) -> Outcome {
    several(t)?;
    executing_thread(t)
}

fn several(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let ((own, moved, inherited), listed, claims) =
        subprocess(|| several_threads(xid))?.need("threads")?;
    t.equal("the other thread stays on the host", own, 0);
    t.equal("the calling thread is in the context", moved, xid);
    t.equal("a thread that it starts is there too", inherited, xid);
    t.check("the host thread still sees itself", listed);
    t.equal("the context counts one thread", claims, 1);
    t.refused(
        "the context ended with the thread",
        {
            wait::until(GONE_WITHIN, || context::info(xid).is_err());
            context::info(xid)
        },
        libc::ESRCH,
    );

    let xid = t.xid();
    let alone =
        subprocess(|| context::create(xid, vxf::INIT_SET).and_then(|_| context::task_xid(0)))?;
    t.gives(
        "control: a process with one thread moves as a whole",
        alone,
        xid,
    );
    Ok(())
}
