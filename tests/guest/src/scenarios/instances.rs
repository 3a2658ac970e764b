// SPDX-License-Identifier: GPL-2.0

//! A context that reuses the id of an ended one is another context: it has no right to what the
//! first one left.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::ipc::KINDS;
use crate::sys::sockets::{self, Kind};
use crate::sys::{Sys, process, spaces};
use libvserver::abi::{space, vxf};

fn gone(xid: u32) -> Outcome {
    wait::until(GONE_WITHIN, || context::info(xid) == Err(libc::ESRCH))
        .then_some(())
        .need("the first context is gone")
}

pub fn run(t: &mut Test) -> Outcome {
    spaces::unshare(space::IPC).need("own IPC namespace")?;
    objects(t)?;
    socket(t)?;
    limits(t)
}

/// System V objects outlive their context.
fn objects(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut first = Guest::start(xid)?;
    let ids = first
        .ask(|_| -> Sys<Vec<i32>> { KINDS.iter().map(|kind| kind.create(0x3000)).collect() })?
        .need("objects of the first context")?;
    t.ok(
        "control: the first context uses its objects",
        first.call(
            |w| {
                KINDS
                    .iter()
                    .zip(&w.numbers)
                    .try_for_each(|(kind, id)| kind.touch(*id as i32))
            },
            &ids.iter().map(|id| i64::from(*id)).collect::<Vec<_>>(),
        )?,
    );
    first.stop()?;
    gone(xid)?;

    let mut second = Guest::start(xid)?;
    for (kind, id) in KINDS.iter().zip(&ids) {
        t.refused(
            &format!("same id, new context: {} by id", kind.name()),
            second.call(
                |w| KINDS[w.numbers[0] as usize].touch(w.int(1)),
                &[*kind as i64, i64::from(*id)],
            )?,
            libc::EACCES,
        );
        t.refused(
            &format!("same id, new context: {} by key", kind.name()),
            second.call(
                |w| KINDS[w.numbers[0] as usize].find(0x3000),
                &[*kind as i64],
            )?,
            libc::EACCES,
        );
    }
    Ok(())
}

/// A socket outlives its context when somebody else holds it.
fn socket(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let name = "@instances";
    let answer = subprocess(|| -> Sys<(Sys<()>, Sys<()>)> {
        // A thread makes the context, listens and ends; its descriptor is the whole process's.
        let fd = std::thread::spawn(move || -> Sys<(i32, Sys<()>)> {
            context::create(xid, vxf::INIT_SET)?;
            let fd = sockets::serve(Kind::Stream, name)?;
            let own = sockets::connect(Kind::Stream, name).map(sockets::close);
            Ok((fd, own))
        })
        .join()
        .map_err(|_| libc::ECHILD)??;
        if !wait::until(GONE_WITHIN, || context::info(xid) == Err(libc::ESRCH)) {
            return Err(libc::ETIME);
        }
        let second = std::thread::spawn(move || -> Sys<Sys<()>> {
            context::create(xid, vxf::INIT_SET)?;
            Ok(sockets::connect(Kind::Stream, name).map(sockets::close))
        })
        .join()
        .map_err(|_| libc::ECHILD)??;
        sockets::close(fd.0);
        Ok((fd.1, second))
    })?;
    let (own, second) = answer.need("two contexts with one id")?;
    t.ok("control: the context connects to its own socket", own);
    t.refused("same id, new context: connect", second, libc::EPERM);
    Ok(())
}

/// The resource limit call compares credentials: those of a spectator that came from an ended
/// context with the same id are not those of the new one.
fn limits(t: &mut Test) -> Outcome {
    let xid = t.xid();
    // This process was in the first context, kept its credentials and watches now.
    let first = crate::harness::Promise::start(|| -> Sys<()> {
        context::create(xid, vxf::INIT_SET)?;
        context::become_spectator()?;
        process::sleep_for_ever()
    })?;
    let pid = first.pid();
    let watching = wait::until(GONE_WITHIN, || context::task_xid(pid) == Ok(1));
    t.check("the first context has become a spectator", watching);
    // Its claim keeps the context: the id cannot be reused while it lives.
    t.refused(
        "its id is still in use",
        subprocess(|| context::create(xid, vxf::INIT_SET))?,
        libc::EBUSY,
    );
    process::kill(pid, libc::SIGKILL)
        .or_else(|_| context::kill(xid, 0, libc::SIGKILL))
        .need("end the spectator")?;
    let ended = first.answer();
    t.check("it was ended", matches!(ended, Err(Stop::Fail(_))));
    gone(xid)?;
    let mut second = Guest::start(xid)?;
    t.ok(
        "control: the id is free now",
        second.ask(|_| process::prlimit_get(0, libc::RLIMIT_NOFILE))?,
    );
    Ok(())
}
