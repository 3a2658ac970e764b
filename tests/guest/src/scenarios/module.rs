// SPDX-License-Identifier: GPL-2.0

//! Unloading and loading of the core.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Promise, Stop, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::machine::core_module::{self, NAME};
use crate::sys::{files, modules, process};
use libvserver::abi::{VERSION, vxf};

pub fn run(t: &mut Test) -> Outcome {
    if !core_module::is_module() {
        return Err(Stop::Skip("the core is built into this kernel".into()));
    }
    let outcome = unload(t);
    // The next scenario wants it back, whatever happened here.
    if context::version().is_err() {
        t.ok("put the module back", core_module::load());
    }
    outcome
}

fn unload(t: &mut Test) -> Outcome {
    t.gives("it is loaded", modules::is_loaded(NAME), true);
    let xid = t.xid();
    let guest = Guest::start(xid)?;
    t.refused(
        "unload while a context exists",
        modules::unload(NAME),
        libc::EAGAIN,
    );
    t.gives(
        "the context is not disturbed",
        context::info(xid).map(|i| i.xid),
        xid,
    );
    guest.stop()?;

    let kept = t.xid();
    let guest = Guest::plan(kept).flags(vxf::PERSISTENT).start()?;
    t.ok(
        "end its process",
        context::kill(kept, guest.pid(), libc::SIGKILL),
    );
    t.refused(
        "unload while a context without tasks exists",
        modules::unload(NAME),
        libc::EAGAIN,
    );
    drop(guest);

    // A spectator has no context and pins nothing.
    let watching = Promise::start(|| -> Result<(), i32> {
        context::become_spectator()?;
        process::sleep_for_ever()
    })?;
    let pid = watching.pid();
    let ready = wait::until(GONE_WITHIN, || {
        files::read(&format!("/proc/{pid}/vinfo")).is_err() || context::task_xid(pid) == Ok(1)
    });
    t.check("a spectator is there", ready);
    // Out of reach for signals from the host, not for those of another spectator.
    t.refused(
        "the host does not signal it",
        process::kill(pid, libc::SIGKILL),
        libc::ESRCH,
    );
    let unloaded = wait::until(GONE_WITHIN, || modules::unload(NAME).is_ok());
    t.check("unload without contexts", unloaded);
    t.gives("it is not loaded", modules::is_loaded(NAME), false);
    t.refused("vserver() is gone", context::version(), libc::ENOSYS);
    t.refused("so is create", context::create(xid, 0), libc::ENOSYS);

    t.ok("load it again", core_module::load());
    t.gives("vserver() is back", context::version(), VERSION);
    let again = t.xid();
    let guest = Guest::start(again)?;
    t.gives(
        "a context works",
        context::info(again).map(|i| i.xid),
        again,
    );
    guest.stop()?;

    for round in 0..5 {
        let gone = wait::until(GONE_WITHIN, || modules::unload(NAME).is_ok());
        t.check(&format!("round {round}: unload"), gone);
        t.ok(&format!("round {round}: load"), core_module::load());
    }
    t.ok(
        "another spectator ends it",
        spectator(|| process::kill(pid, libc::SIGKILL))?,
    );
    drop(watching);
    Ok(())
}
