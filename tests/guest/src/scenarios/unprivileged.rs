// SPDX-License-Identifier: GPL-2.0

//! An ordinary user gets the same answer from every command as on a kernel without the call.

use super::pointer_table::TABLE;
use crate::harness::check::{Outcome, Test};
use crate::harness::{Need, context, subprocess};
use crate::sys::{process, spaces};
use libvserver::abi::{VERSION, space, vcmd};

/// The user `nobody` of most systems; any id but 0 would do.
const USER: u32 = 65_534;

pub fn run(t: &mut Test) -> Outcome {
    t.gives(
        "control: root gets the version",
        context::version(),
        VERSION,
    );
    for row in TABLE {
        let (command, id) = (row.command, 4242);
        let answer =
            subprocess(|| process::become_user(USER).map(|()| context::bare(command, id)))?
                .need("become an ordinary user")?;
        t.refused(&format!("user: {}", row.name), answer, libc::ENOSYS);
    }
    let unknown = subprocess(|| {
        process::become_user(USER).map(|()| context::bare(vcmd::GET_VERSION | 7, 0))
    })?
    .need("become an ordinary user")?;
    t.refused("user: unknown command", unknown, libc::ENOSYS);

    // Root of a child user namespace has every capability there, and none that counts here.
    let answer = subprocess(|| {
        process::become_user(USER)?;
        spaces::unshare(space::USER)?;
        Ok((
            process::capget()?.0,
            context::version(),
            context::create(4242, 0),
        ))
    })?;
    match answer {
        Ok((effective, version, create)) => {
            t.check("root of a user namespace has capabilities", effective != 0);
            t.refused(
                "root of a user namespace: get_version",
                version,
                libc::ENOSYS,
            );
            t.refused("root of a user namespace: ctx_create", create, libc::ENOSYS);
        }
        Err(libc::EPERM | libc::ENOSPC) => t.skip(
            "root of a user namespace",
            "this kernel does not let ordinary users make user namespaces",
        ),
        Err(error) => {
            t.check(
                &format!("user namespace: {}", crate::sys::describe(error)),
                false,
            );
        }
    }
    t.check(
        "nothing was created",
        context::all().is_ok_and(|all| all.is_empty()),
    );
    Ok(())
}
