// SPDX-License-Identifier: GPL-2.0

//! POSIX message queues: what they may hold counts for the context, whoever of its users made them,
//! until they are removed.

use super::context_limits::{set, stat};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, Words, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, greed, log, process, spaces};
use libvserver::abi::{rlimit, space, vcmd, vxf};

const USER: u32 = 4321;

fn name(number: i64) -> String {
    format!("queue-{number}")
}

fn make(w: &Words) -> Sys<()> {
    greed::message_queue(&name(w.numbers[0]))
}

fn remove(w: &Words) -> Sys<()> {
    greed::remove_queue(&name(w.numbers[0]))
}

fn usage(xid: u32) -> Result<(u64, u64, u64, u32), Stop> {
    let found = stat(xid, rlimit::MSGQUEUE).need("use of message queues")?;
    Ok((found.value, found.minimum, found.maximum, found.hits))
}

pub fn run(t: &mut Test) -> Outcome {
    // One for all, so that the limit is not that of a namespace.
    spaces::unshare(space::IPC).need("own IPC namespace")?;
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.equal("nothing at first", usage(xid)?, (0, 0, 0, 0));
    t.ok("inside: a queue", guest.call(make, &[0])?);
    let bytes = usage(xid)?.0;
    t.check(
        "outside: ten messages of 8 KiB and what keeps them",
        (81921..90000).contains(&bytes),
    );

    let room = 3 * bytes + bytes / 2;
    t.ok("room for three", set(xid, rlimit::MSGQUEUE, room, room));
    t.ok("inside: another", guest.call(make, &[1])?);
    let third = || process::become_user(USER).and_then(|()| greed::message_queue(&name(2)));
    t.ok("inside: one of another user", guest.enter(third)?);
    t.refused("inside: a fourth", guest.call(make, &[3])?, libc::EMFILE);
    let fourth = || process::become_user(USER).and_then(|()| greed::message_queue(&name(3)));
    t.refused(
        "inside: a fourth, of another user",
        guest.enter(fourth)?,
        libc::EMFILE,
    );
    t.equal(
        "outside: value, highest, hits",
        usage(xid)?,
        (3 * bytes, 0, 3 * bytes, 2),
    );
    t.equal(
        "the log tells it once",
        log::count(&format!(
            "guest {xid} is at its limit of bytes of POSIX message queues (MSGQUEUE): "
        ))
        .need("the kernel log")?,
        1,
    );
    t.ok("another guest", other.call(make, &[4])?);
    t.equal("another guest: value", usage(other.xid())?.0, bytes);
    t.ok("the host", greed::message_queue(&name(5)));

    t.ok("inside: remove one", guest.call(remove, &[0])?);
    t.equal("outside: given back", usage(xid)?.0, 2 * bytes);
    t.ok("inside: another instead", guest.call(make, &[6])?);
    t.ok(
        "the host removes one of the guest",
        greed::remove_queue(&name(6)),
    );
    t.equal("outside: given back by the host", usage(xid)?.0, 2 * bytes);
    t.ok("a limit below", set(xid, rlimit::MSGQUEUE, 1, 1));
    t.refused("inside: no more", guest.call(make, &[7])?, libc::EMFILE);
    t.ok(
        "a soft limit alone",
        set(xid, rlimit::MSGQUEUE, 1, rlimit::INFINITY),
    );
    t.ok("inside: it refuses nothing", guest.call(make, &[7])?);
    t.ok("inside: remove", guest.call(remove, &[7])?);
    t.gives("reset_hits", context::bare(vcmd::RESET_HITS, xid), 0);
    t.gives("reset_minmax", context::bare(vcmd::RESET_MINMAX, xid), 0);
    let now = 2 * bytes;
    t.equal("after the resets", usage(xid)?, (now, now, now, 0));
    with_the_namespace(t)
}

/// Queues outlive their makers and go with their namespace.
fn with_the_namespace(t: &mut Test) -> Outcome {
    let guest = Guest::plan(t.xid()).flags(vxf::PERSISTENT).start()?;
    let xid = guest.xid();
    let make = || {
        spaces::unshare(space::IPC)?;
        (0..4).try_for_each(|number| greed::message_queue(&name(number)))
    };
    t.ok(
        "inside: four in a namespace of their own",
        guest.enter(make)?,
    );
    t.check("they were counted", usage(xid)?.2 > 4 * 80_000);
    t.check(
        "nothing is left",
        wait::until(GONE_WITHIN, || usage(xid).is_ok_and(|now| now.0 == 0)),
    );
    Ok(())
}
