// SPDX-License-Identifier: GPL-2.0

//! Keys of others, and how many keys a guest may have.

use super::context_limits::set;
use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Setting, Words, context, spectator, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, files, keys, locks, process};
use libvserver::abi::rlimit;

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
    user_ring(t)?;
    sessions_of_children(t)?;
    keys_on_request(t)?;
    persistent_ring(t)?;
    many_users(t)
}

/// A user of these numbers has a keyring of its own in every context, which is found by its name.
const USER: u32 = 7654;
const NAME: &str = "mine";

fn add_to_user() -> Sys<i32> {
    process::become_user(USER)?;
    keys::add(NAME, keys::USER)
}

fn find_of_user() -> Sys<i32> {
    process::become_user(USER)?;
    keys::search(NAME, keys::USER)
}

/// Finds a key in the persistent keyring of the user, after making it if that is asked for.
fn persist(add: bool) -> Sys<i32> {
    process::become_user(USER)?;
    let ring = keys::persistent(keys::PROCESS)?;
    if add {
        keys::add(NAME, ring)?;
    }
    keys::search(NAME, ring)
}

/// The persistent keyring of a user is in a register that all share as well.
fn persistent_ring(t: &mut Test) -> Outcome {
    let (guest, other) = (Guest::start(t.xid())?, Guest::start(t.xid())?);
    let inside = guest.enter(|| persist(true))?;
    let inside = inside.need("a key in the persistent keyring inside")?;
    t.gives(
        "inside: another process finds it in the persistent keyring",
        guest.enter(|| persist(false))?,
        inside,
    );
    t.refused(
        "another guest: it is not in its persistent keyring",
        other.enter(|| persist(false))?,
        libc::ENOKEY,
    );
    t.refused(
        "host: it is not in its persistent keyring",
        subprocess(|| persist(false))?,
        libc::ENOKEY,
    );
    let outside = subprocess(|| persist(true))?;
    let outside = outside.need("a key in the persistent keyring of the host")?;
    t.check("host: another key", outside != inside);
    t.gives(
        "inside: still its own",
        guest.enter(|| persist(false))?,
        inside,
    );
    Ok(())
}

/// What systemd does for a service with `KeyringMode=shared`.
fn share_with_session() -> Sys<i32> {
    process::become_user(USER)?;
    keys::join_session()?;
    keys::link(keys::USER, keys::SESSION)?;
    keys::search(NAME, keys::SESSION)
}

/// Whoever is first, the keyring of a user is nobody else's, and it goes with the context.
fn user_ring(t: &mut Test) -> Outcome {
    let records = || {
        shown().map(|lines| {
            let same = lines.iter().filter(|line| **line == USER as i32);
            same.count()
        })
    };
    let (one, two) = (t.xid(), t.xid());
    let (guest, other) = (Guest::start(one)?, Guest::start(two)?);
    t.refused(
        "inside: nothing in the user's keyring",
        guest.enter(find_of_user)?,
        libc::ENOKEY,
    );
    let inside = guest.enter(add_to_user)?;
    let inside = inside.need("a key in the user's keyring inside")?;
    t.gives(
        "inside: another process of the user finds it",
        guest.enter(find_of_user)?,
        inside,
    );
    t.gives(
        "inside: a session that shares the user's keyring finds it",
        guest.enter(share_with_session)?,
        inside,
    );
    t.refused(
        "another guest: does not find it",
        other.enter(find_of_user)?,
        libc::ENOKEY,
    );
    t.refused(
        "host: does not find it",
        subprocess(find_of_user)?,
        libc::ENOKEY,
    );
    t.refused("host: may not use it", keys::describe(inside), libc::EACCES);
    let there = other.enter(add_to_user)?;
    let there = there.need("a key in the user's keyring of another guest")?;
    let outside = subprocess(add_to_user)?;
    let outside = outside.need("a key in the user's keyring of the host")?;
    t.check(
        "three keys",
        inside != there && inside != outside && there != outside,
    );
    t.gives("inside: still its own", guest.enter(find_of_user)?, inside);
    t.gives("another guest: its own", other.enter(find_of_user)?, there);
    t.gives("host: its own", subprocess(find_of_user)?, outside);
    t.gives(
        "host: a session that shares it",
        subprocess(share_with_session)?,
        outside,
    );
    t.gives("outside: three records of the user", records(), 3);

    for guest in [guest, other] {
        context::kill(guest.xid(), 0, libc::SIGKILL).need("the guest ends")?;
    }
    t.check(
        "outside: the keyrings of both go with them",
        wait::until(GONE_WITHIN, || records() == Ok(1)),
    );
    t.gives("host: its own is there", subprocess(find_of_user)?, outside);
    let again = Guest::start(one)?;
    t.refused(
        "inside a new guest with that number: nothing",
        again.enter(find_of_user)?,
        libc::ENOKEY,
    );
    Ok(())
}

/// Makes a session keyring with a key and gives it to the parent.
fn hand_up() -> Sys<()> {
    keys::join_session()?;
    keys::add("handed", keys::SESSION)?;
    keys::session_to_parent()
}

/// A child hands its session up; then the caller looks for the key.
fn take_over(_: &Words) -> Sys<i32> {
    let child = process::fork()?;
    if child == 0 {
        let code = hand_up().err().unwrap_or(0);
        // SAFETY: ends the child, which has nothing to clean up.
        unsafe { libc::_exit(code) };
    }
    match process::wait(child)? {
        0 => keys::search("handed", keys::SESSION),
        status => Err(libc::WEXITSTATUS(status)),
    }
}

fn lock_a_file(_: &Words) -> Sys<()> {
    locks::file().and_then(|fd| locks::flock(fd, libc::LOCK_EX))
}

/// Who takes a session over from a child stays what it is, and takes none from another context.
fn sessions_of_children(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    t.ok("no locks", set(xid, rlimit::LOCKS, 0, 0));
    t.refused(
        "control: inside: a lock, before",
        guest.ask(lock_a_file)?,
        libc::ENOLCK,
    );
    t.ok("inside: a session of a child", guest.ask(take_over)?);
    t.refused(
        "inside: its files are still those of the context",
        guest.ask(lock_a_file)?,
        libc::ENOLCK,
    );
    let inside = guest
        .ask(|_| keys::add("own", keys::PROCESS))?
        .need("a key")?;
    t.refused(
        "outside: so are its keys",
        keys::describe(inside),
        libc::EACCES,
    );

    // The process that enters a guest is a child of this one.
    keys::join_session().need("a session")?;
    let before = keys::session().need("its number")?;
    t.ok("inside: hand one up to the host", guest.enter(hand_up)?);
    t.gives("host: it keeps its own", keys::session(), before);
    t.ok("host: one of a child of its own", subprocess(hand_up)?);
    t.ok(
        "control: host: takes that over",
        keys::search("handed", keys::SESSION),
    );
    Ok(())
}

/// Keys that do not exist are made by a program of the host: for nobody inside.
fn keys_on_request(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    t.refused(
        "inside: a key on request",
        guest.ask(|_| keys::request())?,
        libc::EPERM,
    );
    let host = keys::request();
    t.check(
        &format!("control: host: not refused: {host:?}"),
        host != Err(libc::EPERM),
    );
    Ok(())
}

/// The first of the users of [`many_users`].
const FIRST: u32 = 20_000;
/// Keys of a user while it runs. All users of a guest together may have what a hundred may.
const EACH: u64 = 20;
const TOGETHER: u64 = 100 * EACH;
/// Users of a guest that may have keys at the same time.
const USERS: u64 = 1000;

/// Makes up to `w[0]` keys for each of as many users as there can be: how many users have one, how
/// many keys there are, and what stopped it.
fn fill(w: &Words) -> Sys<String> {
    let (mut users, mut sum) = (0, 0);
    loop {
        process::file_user(FIRST + users);
        let mut made = 0;
        let error = loop {
            if made == w.numbers[0] {
                break 0;
            }
            match keys::add(&format!("{users}-{made}"), keys::PROCESS) {
                Ok(_) => made += 1,
                Err(error) => break error,
            }
        };
        sum += made;
        if made == 0 {
            process::file_user(0);
            return Ok(format!("{users} {sum} {error}"));
        }
        users += 1;
    }
}

/// Numbers of the users that `/proc/key-users` shows.
fn shown() -> Sys<Vec<i32>> {
    let text = files::read("/proc/key-users")?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(':').next())
        .filter_map(|number| number.trim().parse().ok())
        .collect())
}

fn one_more(w: &Words) -> Sys<i32> {
    process::file_user(w.int(0) as u32);
    let result = keys::add("one", keys::PROCESS);
    process::file_user(0);
    result
}

/// Keys are no memory that a cgroup pays for: a guest has users without number, and what each may have
/// is no limit.
fn many_users(t: &mut Test) -> Outcome {
    let _few = Setting::change("/proc/sys/kernel/keys/maxkeys", &EACH.to_string())?;
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let mut other = Guest::start(two)?;
    let text = guest
        .call(fill, &[EACH as i64 + 5])?
        .need("keys of users")?;
    t.note(format!("users, keys, error: {text}"));
    let numbers: Vec<u64> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
    let (users, sum, error) = match numbers[..] {
        [users, sum, error] => Some((users, sum, error)),
        _ => None,
    }
    .need("three numbers")?;
    t.equal("inside: the error", error as i32, libc::EDQUOT);
    t.check(
        "inside: what a hundred users may have",
        sum <= TOGETHER && sum + 10 > TOGETHER,
    );
    t.check("inside: each what a user may", users >= sum / EACH);
    t.ok(
        "another guest: a user with that number",
        other.call(one_more, &[i64::from(FIRST)])?,
    );
    t.ok(
        "the host: a user with that number",
        subprocess(|| process::become_user(FIRST).and_then(|()| keys::add("one", keys::PROCESS)))?,
    );

    let records =
        |user: u32| shown().map(|lines| lines.iter().filter(|line| **line == user as i32).count());
    t.check(
        "outside: the first user of two guests has two records, and that of the host is gone",
        wait::until(GONE_WITHIN, || records(FIRST) == Ok(2)),
    );
    t.gives(
        "outside: the last user has one",
        records(FIRST + users as u32 - 1),
        1,
    );

    let mut third = Guest::start(t.xid())?;
    let text = third.call(fill, &[1])?.need("a key of each user")?;
    t.note(format!("users, keys, error: {text}"));
    let users: u64 = text
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .need("users")?;
    t.check(
        "inside: so many users with a key",
        users <= USERS && users + 10 > USERS,
    );
    for guest in [guest, other, third] {
        context::kill(guest.xid(), 0, libc::SIGKILL).need("the guest ends")?;
    }
    let gone = || shown().is_ok_and(|now| now.iter().all(|user| *user < FIRST as i32));
    t.check("outside: nothing is left", wait::until(GONE_WITHIN, gone));
    Ok(())
}
