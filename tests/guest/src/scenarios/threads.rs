// SPDX-License-Identifier: GPL-2.0

//! Creating and entering moves the calling thread only, not its thread group.
//!
//! The original behaves like this and existing programs depend on it. A program with several
//! threads therefore must not do it in one of them and expect the others to follow.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Need, context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, files};
use libvserver::abi::vxf;
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

pub fn run(t: &mut Test) -> Outcome {
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
