// SPDX-License-Identifier: GPL-2.0

//! Contexts with and without tasks.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use libvserver::abi::{vhin, vxf};

fn gone(xid: u32) -> bool {
    wait::until(GONE_WITHIN, || context::info(xid) == Err(libc::ESRCH))
}

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).flags(vxf::PERSISTENT).start()?;
    t.ok("name it", context::set_name(xid, vhin::CONTEXT, "kept"));
    t.ok("give it a bias", context::set_badness(xid, 77));
    t.gives(
        "one task and the permanent claim",
        context::stat(xid).map(|s| s.tasks),
        2,
    );
    end_inside(guest)?;
    t.gives(
        "it survives its last task",
        context::info(xid).map(|i| i.xid),
        xid,
    );
    t.gives(
        "only the permanent claim is left",
        context::stat(xid).map(|s| s.tasks),
        1,
    );
    t.gives(
        "its name is kept",
        context::name(xid, vhin::CONTEXT),
        "kept".to_string(),
    );
    t.gives("its bias is kept", context::badness(xid), 77);
    t.check(
        "it is listed",
        context::all().is_ok_and(|all| all.contains(&xid)),
    );
    t.refused(
        "nobody is there to signal",
        context::kill(xid, 0, 0),
        libc::ESRCH,
    );
    t.gives(
        "a process migrates into it",
        subprocess(|| {
            context::migrate(xid, 0).map(|()| {
                (
                    context::task_xid(0),
                    context::stat(xid).map(|stat| stat.tasks),
                )
            })
        })?,
        // Sealed: the call is gone for whoever is inside.
        (Err(libc::ENOSYS), Err(libc::ENOSYS)),
    );
    t.gives(
        "and it survives that one too",
        context::info(xid).map(|i| i.xid),
        xid,
    );
    t.ok(
        "drop PERSISTENT",
        context::set_flags(xid, 0, vxf::PERSISTENT),
    );
    t.check("it ends without tasks", gone(xid));

    let xid = t.xid();
    let guest = Guest::plan(xid).start()?;
    t.gives(
        "control: not persistent, one claim",
        context::stat(xid).map(|s| s.tasks),
        1,
    );
    guest.stop()?;
    t.check("control: it ends with its last task", gone(xid));

    let xid = t.xid();
    let guest = Guest::plan(xid).start()?;
    t.ok(
        "set PERSISTENT later",
        context::set_flags(xid, vxf::PERSISTENT, vxf::PERSISTENT),
    );
    t.gives("that takes a claim", context::stat(xid).map(|s| s.tasks), 2);
    t.ok(
        "set it once more",
        context::set_flags(xid, vxf::PERSISTENT, vxf::PERSISTENT),
    );
    t.gives("that takes none", context::stat(xid).map(|s| s.tasks), 2);
    t.ok(
        "clear it while a task is inside",
        context::set_flags(xid, 0, vxf::PERSISTENT),
    );
    t.gives("that drops one", context::stat(xid).map(|s| s.tasks), 1);
    t.ok(
        "clear it once more",
        context::set_flags(xid, 0, vxf::PERSISTENT),
    );
    t.gives("that drops none", context::stat(xid).map(|s| s.tasks), 1);
    guest.stop()?;
    t.check("it ends with its last task", gone(xid));

    let xid = t.xid();
    let guest = Guest::plan(xid).flags(vxf::PERSISTENT).start()?;
    t.ok(
        "drop STATE_ADMIN of nothing else",
        context::set_flags(xid, 0, vxf::PERSISTENT),
    );
    guest.stop()?;
    gone(xid).then_some(()).need("the last context is gone")
}

/// Ends the process inside without ending a persistent context.
fn end_inside(mut guest: Guest) -> Outcome {
    context::kill(guest.xid(), guest.pid(), libc::SIGKILL).need("kill the process inside")?;
    guest.wait()?;
    // Drop would end the context.
    std::mem::forget(guest);
    Ok(())
}
