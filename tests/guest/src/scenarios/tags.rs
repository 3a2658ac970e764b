// SPDX-License-Identifier: GPL-2.0

//! The tag of a task.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Child, Guest, context, subprocess};
use crate::sys::process;
use libvserver::abi::{VERSION, XID_SELF, vcmd, vxf};

fn migrate(tag: u32) -> Result<u32, i32> {
    context::bare(vcmd::TAG_MIGRATE, tag)
}

pub fn run(t: &mut Test) -> Outcome {
    t.gives("the host has tag 0", context::task_tag(0), 0);
    for (tag, want) in [
        (0, 0),
        (1, 1),
        (2, 2),
        (65_535, 65_535),
        (65_536, 0),
        (0x0001_2345, 0x2345),
        (XID_SELF, 0xfffe),
        (u32::MAX, 0xffff),
    ] {
        let seen = subprocess(|| Ok::<_, i32>((migrate(tag)?, context::task_tag(0)?)))?;
        t.gives(
            &format!("tag {}: result and own tag", tag as i32),
            seen,
            (0, want),
        );
    }
    t.gives("the host still has tag 0", context::task_tag(0), 0);
    let seen = subprocess(|| {
        migrate(300)?;
        let child = Child::start(|| process::sleep_for_ever()).map_err(|_| libc::ECHILD)?;
        let inherited = context::task_tag(child.pid())?;
        migrate(301)?;
        let kept = context::task_tag(child.pid())?;
        Ok::<_, i32>((inherited, kept, context::task_tag(process::getpid())?))
    })?;
    t.gives(
        "a child inherits it, and keeps it when the parent gets another",
        seen,
        (300, 300, 301),
    );
    thread(t)?;

    let host = Bystander::start()?;
    t.gives("tag of another process", context::task_tag(host.pid()), 0);
    for pid in [4_000_000, -1] {
        t.refused(
            &format!("tag of pid {pid}"),
            context::task_tag(pid),
            libc::ESRCH,
        );
    }
    let seen = subprocess(|| {
        migrate(77)?;
        Ok::<_, i32>((context::task_xid(0)?, context::task_nid(0)?))
    })?;
    t.gives("a tag is no context and no network context", seen, (0, 0));
    let (xid, tag) = (t.xid(), 78);
    let seen = subprocess(|| {
        migrate(tag)?;
        context::create(xid, vxf::INIT_SET)?;
        context::task_tag(0)
    })?;
    t.gives("who enters a context keeps the tag", seen, tag);
    inside(t)
}

fn thread(t: &mut Test) -> Outcome {
    let seen = subprocess(|| {
        let (told, hears) = std::sync::mpsc::channel();
        let (ends, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // SAFETY: no precondition.
            let _ = told.send(unsafe { libc::gettid() });
            let _ = ended.recv();
        });
        let tid = hears.recv().map_err(|_| libc::ECHILD)?;
        migrate(9)?;
        let seen = (context::task_tag(0)?, context::task_tag(tid)?);
        drop(ends);
        let _ = thread.join();
        Ok::<_, i32>(seen)
    })?;
    t.gives("only the calling thread gets it", seen, (9, 0));
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).open().start()?;
    t.refused(
        "inside, in setup: take a tag",
        guest.ask(|_| migrate(5))?,
        libc::EPERM,
    );
    t.gives(
        "inside, in setup: its tag",
        guest.ask(|_| context::task_tag(0))?,
        0,
    );
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: take a tag",
        guest.ask(|_| migrate(5))?,
        libc::ENOSYS,
    );
    t.refused(
        "inside, sealed: its tag",
        guest.ask(|_| context::task_tag(0))?,
        libc::ENOSYS,
    );
    t.gives("host: it has none", context::task_tag(guest.pid()), 0);
    let seen = subprocess(|| Ok::<_, i32>((migrate(5)?, context::version()?)))?;
    t.gives("control: host: take a tag", seen, (0, VERSION));
    guest.stop().map(|_| ())
}
