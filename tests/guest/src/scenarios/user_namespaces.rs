// SPDX-License-Identifier: GPL-2.0

//! User namespaces made by guests: their root has every capability in them, so a guest gets one
//! only when its unshare mask says so.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Words, subprocess};
use crate::sys::{Sys, files, process, spaces};
use libvserver::abi::space;

fn unshare(_: &Words) -> Sys<()> {
    subprocess(|| spaces::unshare(space::USER)).unwrap_or(Err(libc::ECHILD))
}

fn clone(_: &Words) -> Sys<()> {
    let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
    // SAFETY: without CLONE_VM the child has its own copy of everything, as after fork.
    match crate::sys::sys(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? {
        // SAFETY: ends the child.
        0 => unsafe { libc::_exit(0) },
        pid => process::wait(pid as i32).map(|_| ()),
    }
}

/// What root of a child user namespace reaches outside of it.
fn reach(_: &Words) -> Sys<(u64, Sys<()>, Sys<()>)> {
    subprocess(|| {
        spaces::unshare(space::USER)?;
        let (effective, ..) = process::capget()?;
        Ok((
            effective,
            spaces::set_hostname("taken-over"),
            files::mount("none", "/tmp", "tmpfs", 0, ""),
        ))
    })
    .unwrap_or(Err(libc::ECHILD))
}

type Make = fn(&Words) -> Sys<()>;

pub fn run(t: &mut Test) -> Outcome {
    let (one, two, three) = (t.xid(), t.xid(), t.xid());
    let mut closed = Guest::start(one)?;
    let mut allowed = Guest::plan(two).umask(space::USER).start()?;
    let mut setup = Guest::plan(three).open().start()?;

    let makes: [(&str, Make); 2] = [("unshare", unshare), ("clone", clone)];
    for (name, make) in makes {
        t.refused(&format!("sealed: {name}"), closed.ask(make)?, libc::EPERM);
        t.ok(
            &format!("with the unshare mask: {name}"),
            allowed.ask(make)?,
        );
        t.ok(&format!("in setup: {name}"), setup.ask(make)?);
        t.ok(&format!("control: host: {name}"), make(&Words::default()));
    }
    let Some((effective, hostname, mount)) =
        t.ok("with the unshare mask: look around", allowed.ask(reach)?)
    else {
        return Ok(());
    };
    t.check("it has capabilities there", effective != 0);
    t.refused("but not over the host name outside", hostname, libc::EPERM);
    t.refused("nor over the mounts outside", mount, libc::EPERM);
    t.ok("seal the one in setup", setup.seal());
    t.refused("sealed now: unshare", setup.ask(unshare)?, libc::EPERM);
    Ok(())
}
