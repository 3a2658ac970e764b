// SPDX-License-Identifier: GPL-2.0

//! Who may start a guest, or change its description, on the modelled machine.

use crate::again::{Ended, keep};
use crate::claim::{Claim, lock_description};
use crate::failure::{Failure, Reason};
use crate::model::{Model, guest, program};
use crate::start::{launch, prepare, prepare_by, take_lock};
use std::cell::Cell;
use std::time::Instant;

fn is_held(model: &Model, what: &str) -> bool {
    model.held.borrow().contains(what)
}

#[test]
fn the_description_is_held_until_the_guest_runs() {
    let model = Model::new();
    let claim = prepare(&model, &guest()).unwrap();
    let failure = lock_description(&model, "web").unwrap_err();
    assert_eq!(failure.reason, Reason::AlreadyRunning);
    assert!(failure.message.contains("its description"), "{failure:?}");
    let running = launch(&model, &guest(), &program("/sbin/init"), claim).unwrap();
    assert!(is_held(&model, "lock web") && !is_held(&model, "description web"));
    assert!(lock_description(&model, "web").unwrap().is_some());
    drop(running);
}

#[test]
fn nobody_starts_what_is_being_changed() {
    let model = Model::new();
    let changed = lock_description(&model, "web").unwrap();
    let failure = prepare(&model, &guest()).unwrap_err();
    assert!(failure.message.contains("its description"), "{failure:?}");
    assert!(!is_held(&model, "lock web"));
    drop(changed);
    let Claim { life, description } = take_lock(&model, "web").unwrap();
    drop((life, description));
    model.assert_clean("not started");
}

#[test]
fn what_is_started_is_what_is_described_under_the_locks() {
    let model = Model::new();
    let loads = Cell::new(0);
    let load = || {
        loads.set(loads.get() + 1);
        // Changed while the start waited for the lock.
        let held = is_held(&model, "lock web") && is_held(&model, "description web");
        assert_eq!(held, loads.get() == 2);
        let mut read = guest();
        read.hostname = format!("read-{}", loads.get());
        Ok(read)
    };
    let (found, claim) = prepare_by(&model, "web", &load).unwrap();
    assert_eq!(found.hostname, "read-2");
    drop(claim);
}

#[test]
fn a_guest_that_is_destroyed_meanwhile_is_not_started() {
    let model = Model::new();
    let load = || {
        if is_held(&model, "lock web") {
            return Err(Failure::new(Reason::UnknownGuest, "gone", "none"));
        }
        Ok(guest())
    };
    let failure = prepare_by(&model, "web", &load).unwrap_err();
    assert_eq!(failure.reason, Reason::UnknownGuest);
    model.assert_clean("destroyed");
}

#[test]
fn a_guest_that_reboots_waits_for_who_changes_its_description() {
    let model = Model::new();
    let claim = prepare(&model, &guest()).unwrap();
    let program = program("/sbin/init");
    let running = launch(&model, &guest(), &program, claim).unwrap();
    let changed = lock_description(&model, "web").unwrap();
    let failure = keep(
        &model,
        &guest(),
        &program,
        running,
        &Instant::now,
        &mut |_| {
            model.fake.exit(model.fake.tasks_of(42)[0], libc::SIGHUP);
            let (status, asked) = (libc::SIGHUP, false);
            Ok(Ended { status, asked })
        },
    );
    assert!(failure.unwrap_err().message.contains("its description"));
    drop(changed);
    model.assert_clean("not started again");
}
