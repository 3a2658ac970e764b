// SPDX-License-Identifier: GPL-2.0

//! Which ids each command accepts.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context, spectator, subprocess};
use libvserver::abi::{CtxCreate, XID_SELF, vcmd, vxf};

/// Minus one: the dynamic id of old kernels.
const DYNAMIC: u32 = u32::MAX;

pub fn run(t: &mut Test) -> Outcome {
    create(t)?;
    existing(t)?;
    callers(t)?;
    lookups(t)
}

/// Creates `xid` in a process of its own and returns what the process saw afterwards.
fn create_in_child(xid: u32, flags: u64) -> Result<Result<(u32, u32), i32>, crate::harness::Stop> {
    subprocess(|| {
        let id = context::create(xid, flags)?;
        Ok((id, context::task_xid(0)?))
    })
}

fn create(t: &mut Test) -> Outcome {
    for xid in [2, 3, 49_151, 49_152, 65_535] {
        let seen = create_in_child(xid, vxf::INIT_SET)?;
        t.gives(&format!("create {xid}: id and own xid"), seen, (xid, xid));
        t.refused(
            &format!("context {xid} ended with its only task"),
            context::info(xid),
            libc::ESRCH,
        );
    }
    for (name, xid) in [
        ("0", 0),
        ("1", 1),
        ("65536", 65_536),
        ("-1", DYNAMIC),
        ("-2", XID_SELF),
        ("the most negative", 1 << 31),
    ] {
        t.refused(
            &format!("create {name}"),
            create_in_child(xid, vxf::INIT_SET)?,
            libc::EINVAL,
        );
    }
    // Nobody could migrate into it, so its creator cannot either.
    let xid = t.xid();
    t.refused(
        "create a private one without setup",
        create_in_child(xid, vxf::INFO_PRIVATE)?,
        libc::EACCES,
    );
    t.refused("nothing of it stays", context::info(xid), libc::ESRCH);
    let seen = subprocess(|| {
        let id = context::bare(vcmd::CTX_CREATE, 77)?;
        Ok::<_, i32>((id, context::flags(XID_SELF)?.value))
    })?;
    t.gives(
        "create with null data: id and default flags",
        seen,
        (77, vxf::INIT_SET),
    );
    let seen = subprocess(|| {
        let id = context::bare(vcmd::CTX_CREATE_V0, 78)?;
        Ok::<_, i32>((id, context::flags(XID_SELF)?.value))
    })?;
    t.gives("create v0: id and default flags", seen, (78, vxf::INIT_SET));
    Ok(())
}

fn existing(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).open().start()?;
    t.refused(
        "create of an id that is being set up",
        create_in_child(xid, vxf::INIT_SET)?,
        libc::EBUSY,
    );
    t.ok("seal", guest.seal());
    t.refused(
        "create of an id that exists",
        create_in_child(xid, vxf::INIT_SET)?,
        libc::EEXIST,
    );
    drop(guest);
    t.gives(
        "control: the id is free again",
        create_in_child(xid, vxf::INIT_SET)?,
        (xid, xid),
    );
    Ok(())
}

fn callers(t: &mut Test) -> Outcome {
    let (xid, other) = (t.xid(), t.xid());
    let mut open = Guest::plan(xid).open().start()?;
    t.refused(
        "inside, in setup: create",
        open.call(
            |w| context::create(w.int(0) as u32, vxf::INIT_SET),
            &[i64::from(other)],
        )?,
        libc::EPERM,
    );
    t.refused(
        "inside, in setup: migrate",
        open.call(|w| context::migrate(w.int(0) as u32, 0), &[i64::from(xid)])?,
        libc::EPERM,
    );
    t.ok("seal", open.seal());
    t.refused(
        "inside, sealed: create",
        open.call(
            |w| context::create(w.int(0) as u32, vxf::INIT_SET),
            &[i64::from(other)],
        )?,
        libc::ENOSYS,
    );
    t.refused(
        "spectator: create",
        spectator(|| context::create(other, vxf::INIT_SET))?,
        libc::EPERM,
    );
    t.refused(
        "spectator: set_cflags",
        spectator(|| context::set_flags(xid, 0, vxf::INFO_PRIVATE))?,
        libc::EPERM,
    );
    t.ok(
        "control: host: set_cflags",
        context::set_flags(xid, 0, vxf::INFO_PRIVATE),
    );
    t.ok(
        "control: spectator may read",
        spectator(|| context::info(xid).map(|i| i.xid))?,
    );
    Ok(())
}

/// Every command that looks a context up.
fn lookups(t: &mut Test) -> Outcome {
    type Command = fn(u32) -> Result<(), i32>;
    let commands: [(&str, Command); 7] = [
        ("vx_info", |xid| context::info(xid).map(|_| ())),
        ("ctx_stat", |xid| context::stat(xid).map(|_| ())),
        ("get_cflags", |xid| context::flags(xid).map(|_| ())),
        ("set_cflags", |xid| context::set_flags(xid, 0, 0)),
        ("get_badness", |xid| context::badness(xid).map(|_| ())),
        ("ctx_kill", |xid| context::kill(xid, 0, 0)),
        ("wait_exit", |xid| context::wait_exit(xid).map(|_| ())),
    ];
    for (name, command) in commands {
        for (text, xid) in [
            ("0", 0),
            ("1", 1),
            ("4242", 4242),
            ("65536", 65_536),
            ("-1 from the host", DYNAMIC),
            ("-2 from the host", XID_SELF),
        ] {
            let answer = subprocess(|| command(xid))?;
            t.refused(&format!("{name} of id {text}"), answer, libc::ESRCH);
        }
    }
    t.refused(
        "migrate to id 0",
        subprocess(|| context::migrate(0, 0))?,
        libc::ESRCH,
    );
    t.refused(
        "migrate to id 4242",
        subprocess(|| context::migrate(4242, 0))?,
        libc::ESRCH,
    );
    t.refused(
        "migrate to id -1",
        subprocess(|| context::migrate(DYNAMIC, 0))?,
        libc::ESRCH,
    );
    t.gives(
        "migrate to id 1 returns 1",
        subprocess(|| context::bare(vcmd::CTX_MIGRATE, 1))?,
        1,
    );
    t.gives(
        "migrate v0 to id 1 returns 1",
        subprocess(|| context::bare(vcmd::CTX_MIGRATE_V0, 1))?,
        1,
    );
    t.refused(
        "task_xid of a pid that does not exist",
        context::task_xid(4_000_000),
        libc::ESRCH,
    );
    t.gives("task_xid 0 is the caller", context::task_xid(0), 0);
    t.gives("task_nid 0 is the caller", context::task_nid(0), 0);

    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    t.gives(
        "control: vx_info of an id that exists",
        context::info(xid).map(|info| info.xid),
        xid,
    );
    for (text, id) in [
        ("-2", XID_SELF),
        ("-1", DYNAMIC),
        ("the most negative", 1 << 31),
    ] {
        t.gives(
            &format!("inside: vx_info of id {text}"),
            guest.call(
                |w| context::info(w.numbers[0] as u32).map(|i| i.xid),
                &[i64::from(id)],
            )?,
            xid,
        );
    }
    t.gives(
        "task_xid of a guest's process",
        context::task_xid(guest.pid()),
        xid,
    );
    // The copy of the flags comes before the look at the id.
    t.refused(
        "create of id 0 with a bad pointer",
        // SAFETY: the kernel refuses the address.
        unsafe { context::raw(vcmd::CTX_CREATE, 0, 16 as *mut _) },
        libc::EFAULT,
    );
    let mut word = CtxCreate {
        flagword: vxf::INIT_SET,
    };
    t.refused(
        "create of id 0 with a good pointer",
        context::with(vcmd::CTX_CREATE, 0, &mut word),
        libc::EINVAL,
    );
    guest.stop().map(|_| ())?;
    context::info(xid)
        .err()
        .need("the context is gone")
        .map(|_| ())
}
