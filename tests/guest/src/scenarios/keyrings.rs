// SPDX-License-Identifier: GPL-2.0

//! Keys of others.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, spectator, subprocess};
use crate::sys::{Sys, keys, process};

type Use = fn(&Words) -> Sys<()>;

/// What can be done with a key, and the error for a key of others. Reading says that there is no
/// such key whatever the reason is.
const USES: [(&str, Use, i32); 5] = [
    ("read", |w| keys::read(w.int(0)).map(|_| ()), libc::ENOKEY),
    ("describe", |w| keys::describe(w.int(0)), libc::EACCES),
    ("update", |w| keys::update(w.int(0)), libc::EACCES),
    (
        "link",
        |w| keys::link(w.int(0), keys::PROCESS),
        libc::EACCES,
    ),
    ("revoke", |w| keys::revoke(w.int(0)), libc::EACCES),
];

fn words(id: i32) -> Words {
    Words {
        numbers: vec![i64::from(id)],
        text: String::new(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let mut other = Guest::start(two)?;
    let host_key = keys::add("host", keys::PROCESS).need("key of the host")?;
    let guest_key = guest
        .ask(|_| keys::add("guest", keys::PROCESS))?
        .need("key of a guest")?;

    for (name, act, error) in USES {
        t.refused(
            &format!("inside: {name} a key of the host"),
            guest.on(act, host_key)?,
            error,
        );
        t.refused(
            &format!("another guest: {name} a key of a guest"),
            other.on(act, guest_key)?,
            error,
        );
        t.refused(
            &format!("host: {name} a key of a guest"),
            act(&words(guest_key)),
            error,
        );
        t.refused(
            &format!("spectator: {name} a key of a guest"),
            spectator(|| act(&words(guest_key)))?,
            error,
        );
    }
    let listed = guest.ask(|_| keys::listed())?.need("list keys inside")?;
    t.check(
        "inside: /proc/keys shows its own",
        listed.contains(&guest_key),
    );
    t.check(
        "inside: /proc/keys hides those of the host",
        !listed.contains(&host_key),
    );
    let listed = keys::listed().need("list keys")?;
    t.check("host: /proc/keys shows its own", listed.contains(&host_key));
    t.check(
        "host: /proc/keys hides those of a guest",
        !listed.contains(&guest_key),
    );

    for (name, act, _) in USES {
        t.ok(
            &format!("control: host: {name} its own"),
            act(&words(host_key)),
        );
        t.ok(
            &format!("control: inside: {name} its own"),
            guest.on(act, guest_key)?,
        );
    }
    user_ring(t)
}

/// The keyring of a user belongs to whoever used it first. A guest that is first must not take it
/// from the host.
fn user_ring(t: &mut Test) -> Outcome {
    const USER: u32 = 7654;
    let xid = t.xid();
    let guest = Guest::start(xid)?;
    let add = || process::become_user(USER).and_then(|()| keys::add("mine", keys::USER));
    let inside = guest.enter(add)?;
    // The register of these keyrings is the host's.
    t.refused("inside: the user's keyring", inside, libc::ENOKEY);
    t.ok(
        "host: the user's keyring works after a guest used it",
        subprocess(add)?,
    );
    let fresh = || process::become_user(USER + 1).and_then(|()| keys::add("mine", keys::USER));
    t.ok("control: host: that of another user", subprocess(fresh)?);
    Ok(())
}
