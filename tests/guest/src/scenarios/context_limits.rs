// SPDX-License-Identifier: GPL-2.0

//! Resource limits of a context: what is stored and told.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context, narrow};
use crate::sys::{Sys, process};
use libvserver::abi::{
    CtxRlimit, CtxRlimitX86Compat, RlimitMask, RlimitStat, XID_SELF, rlimit, vcmd,
};

/// The ids that can be limited.
const SETTABLE: [u32; 10] = [6, 7, 8, 9, 10, 12, 16, 17, 19, 22];
/// Ids that are counted and cannot be limited.
const COUNTED: [u32; 3] = [20, 21, 23];

/// Soft and hard limit.
type Pair = (u64, u64);

const NONE: Pair = (rlimit::INFINITY, rlimit::INFINITY);

fn get(xid: u32, id: u32) -> Sys<Pair> {
    // What the kernel has to overwrite.
    let mut data = CtxRlimit {
        id,
        minimum: 0xdead,
        softlimit: 0xdead,
        maximum: 0xdead,
        ..CtxRlimit::default()
    };
    context::with(vcmd::GET_RLIMIT, xid, &mut data)?;
    if data.minimum == 0 && data.id == id {
        Ok((data.softlimit, data.maximum))
    } else {
        Err(libc::EPROTO)
    }
}

pub fn set(xid: u32, id: u32, soft: u64, hard: u64) -> Sys<u32> {
    let mut data = CtxRlimit {
        id,
        minimum: 4711,
        softlimit: soft,
        maximum: hard,
        ..CtxRlimit::default()
    };
    context::with(vcmd::SET_RLIMIT, xid, &mut data)
}

pub fn stat(xid: u32, id: u32) -> Sys<RlimitStat> {
    let mut data = RlimitStat {
        id,
        hits: 0xdead,
        ..RlimitStat::default()
    };
    context::with(vcmd::RLIMIT_STAT, xid, &mut data).map(|_| data)
}

pub fn run(t: &mut Test) -> Outcome {
    let mut mask = RlimitMask {
        minimum: u32::MAX,
        softlimit: u32::MAX,
        maximum: u32::MAX,
    };
    t.gives(
        "get_rlimit_mask",
        context::with(vcmd::GET_RLIMIT_MASK, 0, &mut mask),
        0,
    );
    t.equal(
        "the mask",
        mask,
        RlimitMask {
            minimum: 0,
            softlimit: 0,
            maximum: 0x004b_17c0,
        },
    );
    let xid = t.xid();
    let guest = Guest::start(xid)?;
    which(t, xid);
    values(t, xid)?;
    layouts(t, xid);
    statistics(t, &guest)?;
    drop(guest);
    inside(t)
}

fn which(t: &mut Test, xid: u32) {
    for id in (0..32).chain([64, u32::MAX]) {
        let settable = SETTABLE.contains(&id);
        let counted = settable || COUNTED.contains(&id);
        if settable {
            t.gives(
                &format!("resource {id}: no limit at first"),
                get(xid, id),
                NONE,
            );
            t.gives(
                &format!("resource {id}: can be set"),
                set(xid, id, rlimit::KEEP, rlimit::KEEP),
                0,
            );
        } else {
            t.refused(&format!("resource {id}: get"), get(xid, id), libc::EINVAL);
            t.refused(
                &format!("resource {id}: set"),
                set(xid, id, 1, 1),
                libc::EINVAL,
            );
        }
        if counted {
            t.ok(&format!("resource {id}: is counted"), stat(xid, id));
        } else {
            t.refused(&format!("resource {id}: stat"), stat(xid, id), libc::EINVAL);
        }
    }
}

fn values(t: &mut Test, xid: u32) -> Outcome {
    const KEEP: u64 = rlimit::KEEP;
    let id = rlimit::LOCKS;
    // In this order: each set builds on those before it.
    for (what, (soft, hard), want) in [
        ("only the hard limit sets both", (KEEP, 100), (100, 100)),
        ("only the soft limit", (50, KEEP), (50, 100)),
        ("nothing at all", (KEEP, KEEP), (50, 100)),
        (
            "no hard limit",
            (KEEP, rlimit::INFINITY),
            (50, rlimit::INFINITY),
        ),
        ("neither", (rlimit::INFINITY, KEEP), NONE),
        ("soft above hard", (70, 60), (60, 60)),
        ("soft above the hard one that is kept", (99, KEEP), (60, 60)),
        ("zero is a limit", (0, 0), (0, 0)),
        (
            "large numbers",
            (0x0123_4567_89ab_cdef, u64::MAX - 2),
            (0x0123_4567_89ab_cdef, u64::MAX - 2),
        ),
    ] {
        t.gives(&format!("{what}: set"), set(xid, id, soft, hard), 0);
        t.gives(&format!("{what}: get"), get(xid, id), want);
    }
    t.gives(
        "other resources have no limit",
        get(xid, rlimit::NSOCK),
        NONE,
    );

    let other = Guest::start(t.xid())?;
    t.gives("other contexts neither", get(other.xid(), id), NONE);
    Ok(())
}

/// A 32-bit program sees and sets the same values.
fn layouts(t: &mut Test, xid: u32) {
    if !narrow::AVAILABLE {
        t.skip("layout of 32-bit callers", "this machine has none");
        return;
    }
    let id = rlimit::MSGQUEUE;
    t.gives(
        "native: set",
        set(xid, id, 0x1111_2222_3333_4444, 0x5555_6666_7777_8888),
        0,
    );
    let mut data = CtxRlimitX86Compat {
        id,
        minimum: [1, 2],
        ..CtxRlimitX86Compat::default()
    };
    t.gives(
        "32-bit: get",
        narrow::with(vcmd::GET_RLIMIT, xid, &mut data),
        0,
    );
    t.equal(
        "32-bit: lower half first, no gap",
        data,
        CtxRlimitX86Compat {
            id,
            minimum: [0, 0],
            softlimit: [0x3333_4444, 0x1111_2222],
            maximum: [0x7777_8888, 0x5555_6666],
        },
    );
    data.softlimit = [0xfffe, 0];
    data.maximum = [0xffff_fffe, 0xffff_ffff];
    t.gives(
        "32-bit: set, the hard limit is kept",
        narrow::with(vcmd::SET_RLIMIT, xid, &mut data),
        0,
    );
    t.gives("native: get", get(xid, id), (0xfffe, 0x5555_6666_7777_8888));
    data.id = rlimit::RSS;
    t.refused(
        "32-bit: a resource without limits",
        narrow::with(vcmd::GET_RLIMIT, xid, &mut data),
        libc::EINVAL,
    );
}

fn statistics(t: &mut Test, guest: &Guest) -> Outcome {
    let xid = guest.xid();
    let threads = || stat(xid, rlimit::NPROC);
    let one = threads().need("use of threads")?;
    t.equal("one thread", (one.value, one.hits), (1, 0));
    t.check(
        "between lowest and highest",
        one.minimum <= one.value && one.value <= one.maximum,
    );
    guest.enter(|| ())?;
    t.gives("a second process went again", threads().map(|s| s.value), 1);
    for (name, command) in [
        ("reset_hits", vcmd::RESET_HITS),
        ("reset_minmax", vcmd::RESET_MINMAX),
    ] {
        t.gives(name, context::bare(command, xid), 0);
        t.refused(
            &format!("{name} of an unknown id"),
            context::bare(command, 4242),
            libc::ESRCH,
        );
    }
    t.gives(
        "afterwards lowest and highest are the present use",
        threads().map(|s| (s.hits, s.value, s.minimum, s.maximum)),
        (0, 1, 1, 1),
    );
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let other = Guest::start(t.xid())?;
    let mut guest = Guest::plan(xid).open().start()?;
    t.gives(
        "inside: two sleepers",
        guest
            .ask(|_| {
                process::sleeper()
                    .and_then(|_| process::sleeper())
                    .map(|_| ())
            })?
            .map(|()| 0),
        0,
    );
    t.gives(
        "host: three threads",
        stat(xid, rlimit::NPROC).map(|s| s.value),
        3,
    );
    t.gives(
        "inside, in setup: limit itself",
        guest.ask(|_| set(XID_SELF, rlimit::NPROC, 500, 600))?,
        0,
    );
    t.gives("host: the limit", get(xid, rlimit::NPROC), (500, 600));
    t.refused(
        "inside, in setup: limit another one",
        guest.call(
            |w| set(w.int(0) as u32, rlimit::NPROC, 1, 1),
            &[i64::from(other.xid())],
        )?,
        libc::EPERM,
    );
    t.gives(
        "the other one has no limit",
        get(other.xid(), rlimit::NPROC),
        NONE,
    );
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: limit itself",
        guest.ask(|_| set(XID_SELF, rlimit::NPROC, 1, 1))?,
        libc::ENOSYS,
    );
    t.refused(
        "inside, sealed: read the limit",
        guest.ask(|_| get(XID_SELF, rlimit::NPROC))?,
        libc::ENOSYS,
    );
    t.gives("control: host: limit it", set(xid, rlimit::NPROC, 5, 6), 0);
    t.gives("the new limit", get(xid, rlimit::NPROC), (5, 6));
    Ok(())
}
