// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.

use crate::linux::Linux;
use crate::linux::child::{ask_child, from_json, send};
use crate::linux::raw::descriptor::{pipe, poll};
use crate::linux::raw::mount::{enter_network, unshare};
use crate::linux::raw::process::{self, Side};
use libvserver::abi::space;
use libvserver::{Syscall, Vserver};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Makes a network namespace whose owner is a new user namespace. No user is mapped into that, and
/// nobody needs to be in it: it is the user id of who has made it that gives root of a guest its
/// rights.
pub(in crate::linux) fn make() -> io::Result<OwnedFd> {
    of_child(&|| unshare((libc::CLONE_NEWUSER | libc::CLONE_NEWNET) as u64))
}

/// Opens the network namespace of a running context.
pub(in crate::linux) fn of_context<S: Syscall>(system: &Linux<S>, xid: u32) -> io::Result<OwnedFd> {
    let vserver = Vserver::with(&system.sys);
    of_child(&|| vserver.enter_space(xid, space::NET, 0).map_err(Into::into))
}

/// Opens the network namespace in which a child is after `enter`.
fn of_child(enter: &dyn Fn() -> io::Result<()>) -> io::Result<OwnedFd> {
    let (mut told, tell) = pipe()?;
    let (mut wait, go) = pipe()?;
    match process::clone(0, None)? {
        Side::Child => {
            drop(told);
            drop(go);
            let result = catch_unwind(AssertUnwindSafe(enter));
            let answer: Result<(), i32> = match result {
                Ok(result) => result.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO)),
                Err(_) => Err(libc::EIO),
            };
            send(tell, &answer);
            // Until the parent has opened the namespace, or has died.
            let _ = wait.read(&mut [0]);
            process::exit_now(0)
        }
        Side::Parent { pid, pidfd } => {
            drop(tell);
            drop(wait);
            let mut text = Vec::new();
            told.read_to_end(&mut text)?;
            let opened = from_json::<Result<(), i32>>(&text)
                .and_then(|answer| answer.map_err(io::Error::from_raw_os_error))
                .and_then(|()| File::open(format!("/proc/{pid}/ns/net")));
            drop(go);
            poll([pidfd.as_fd()], None)?;
            process::reap(pidfd.as_fd())?;
            opened.map(Into::into)
        }
    }
}

/// Does `work` in a network namespace, in a child, because the caller stays where it is.
pub(in crate::linux) fn inside<T: Serialize + DeserializeOwned>(
    stack: &OwnedFd,
    work: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    ask_child(&|| {
        enter_network(stack.as_fd())?;
        work()
    })
}
