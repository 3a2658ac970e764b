// SPDX-License-Identifier: GPL-2.0

//! Guests of the modelled machine that reboot.

use crate::again::{Ended, MOST, WITHIN, keep};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::model::{Fault, Model, guest, legacy_guest, program};
use crate::start::{Running, launch, prepare};
use crate::stop::{Manner, stop};
use libvserver::abi::{vcmd, vhin, vsc, vxf};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Starts a guest and keeps it running. `life` is called for every init; it lets the init end and
/// returns its wait status, and whether it was asked to.
fn run(
    model: &Model,
    guest: &Guest,
    step: Duration,
    life: &mut dyn FnMut(usize, i32) -> (i32, bool),
) -> Outcome<i32> {
    let program = program("/sbin/init");
    let lock = prepare(model, guest).unwrap();
    let running = launch(model, guest, &program, lock).unwrap();
    let now = Cell::new(Instant::now());
    let clock = || {
        now.set(now.get() + step);
        now.get()
    };
    let mut count = 0;
    let mut watch = |running: &mut Running<Model>| {
        let pid = crate::system::System::pid_of(model, &running.child);
        assert!(model.fake.is_alive(pid), "the guest runs");
        assert!(model.held.borrow().contains("lock web"), "it is locked");
        assert!(
            !model.held.borrow().contains("stop web"),
            "it can be stopped"
        );
        let (status, asked) = life(count, pid);
        count += 1;
        model.fake.exit(pid, status);
        Ok(Ended { status, asked })
    };
    keep(model, guest, &program, running, &clock, &mut watch)
}

/// Lets the inits end with these wait statuses, one after the other.
fn run_with(model: &Model, step: Duration, statuses: &[i32]) -> Outcome<i32> {
    run(model, &guest(), step, &mut |count, _| {
        (statuses[count], false)
    })
}

fn starts(model: &Model) -> usize {
    model.executed.borrow().len()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_guest_that_reboots_is_started_again() {
    let model = Model::new();
    let status = run_with(&model, SECOND, &[libc::SIGHUP, libc::SIGHUP, 3 << 8]);
    assert_eq!(status, Ok(3 << 8));
    assert_eq!(starts(&model), 3);
    model.assert_clean("ended");
    assert_eq!(
        *model.log.borrow(),
        [
            "guest \"web\" has ended (SIGHUP), it has asked for a restart",
            "starting guest \"web\" again",
            "guest \"web\" has ended (SIGHUP), it has asked for a restart",
            "starting guest \"web\" again",
            "guest \"web\" has ended (exit status 3)",
        ]
    );
}

#[test]
fn a_guest_that_halts_or_ends_stays_down() {
    for status in [libc::SIGINT, libc::SIGKILL, 0, 1 << 8] {
        let model = Model::new();
        assert_eq!(run_with(&model, SECOND, &[status]), Ok(status));
        assert_eq!(starts(&model), 1);
        model.assert_clean("ended");
    }
}

#[test]
fn a_guest_that_does_nothing_but_reboot_stays_down() {
    let model = Model::new();
    let status = run_with(&model, SECOND, &[libc::SIGHUP; 20]);
    assert_eq!(status, Ok(libc::SIGHUP));
    assert_eq!(starts(&model), 1 + MOST);
    model.assert_clean("ended");
    let log = model.log.borrow();
    let last = log.last().unwrap();
    assert_eq!(
        last,
        "guest \"web\" is not started again: it has rebooted 5 times within 60 s before"
    );
}

#[test]
fn a_guest_that_reboots_now_and_then_is_always_started_again() {
    let model = Model::new();
    let mut statuses = [libc::SIGHUP; 20];
    statuses[19] = 0;
    let step = WITHIN / MOST as u32;
    assert_eq!(run_with(&model, step, &statuses), Ok(0));
    assert_eq!(starts(&model), 20);
}

#[test]
fn a_guest_that_is_being_stopped_is_not_started_again() {
    let model = Model::new();
    let mut held = None;
    let status = run(&model, &guest(), SECOND, &mut |_, _| {
        held = crate::system::System::announce_stop(&model, "web", SECOND).unwrap();
        (libc::SIGHUP, false)
    });
    assert_eq!(status, Ok(libc::SIGHUP));
    assert_eq!(starts(&model), 1);
    drop(held);
    model.assert_clean("ended");
    assert!(model.log.borrow()[1].ends_with("a command stops it"));
}

#[test]
fn a_guest_that_the_supervisor_has_asked_to_stop_is_not_started_again() {
    let model = Model::new();
    let status = run(&model, &guest(), SECOND, &mut |_, _| (libc::SIGHUP, true));
    assert_eq!(status, Ok(libc::SIGHUP));
    assert_eq!(starts(&model), 1);
    model.assert_clean("ended");
}

#[test]
fn what_is_left_of_the_guest_ends_before_it_is_started_again() {
    let model = Model::new();
    let mut special = guest();
    special.flags = vxf::PERSISTENT;
    let mut first = None;
    let status = run(&model, &special, SECOND, &mut |count, pid| {
        if count == 0 {
            // A task of the context that the end of init leaves alive.
            first = Some(model.fake.run_as(pid, || model.fake.fork()));
            return (libc::SIGHUP, false);
        }
        assert!(!model.fake.is_alive(first.unwrap()));
        assert_eq!(model.fake.tasks_of(42), [pid]);
        (libc::SIGINT, false)
    });
    assert_eq!(status, Ok(libc::SIGINT));
    assert_eq!(starts(&model), 2);
    // One that halts stays as the description wants it.
    assert_eq!(model.fake.contexts(), [42]);
}

/// Lets the inits of a guest that shares the pid namespace of the host end by these commands of
/// `reboot(2)`, 0 for none, each with another task beside it.
fn run_legacy(model: &Model, guest: &Guest, commands: &[u32]) -> Outcome<i32> {
    run(model, guest, SECOND, &mut |count, pid| {
        model.fake.run_as(pid, || model.fake.fork());
        model.fake.note_reboot(42, commands[count]);
        (libc::SIGKILL, false)
    })
}

#[test]
fn a_legacy_guest_that_reboots_is_started_again() {
    let model = Model::new();
    let status = run_legacy(&model, &legacy_guest(), &[vsc::RESTART, vsc::RESTART, 0]);
    assert_eq!(status, Ok(libc::SIGKILL));
    assert_eq!(starts(&model), 3);
    model.assert_clean("ended");
    let log = model.log.borrow();
    let first = "guest \"web\" has ended (SIGKILL), it has asked for a restart";
    assert_eq!(log[0], first);
    assert_eq!(log[4], "guest \"web\" has ended (SIGKILL)");
}

#[test]
fn a_legacy_guest_that_halts_or_ends_stays_down_and_leaves_nothing() {
    for command in [0, vsc::HALT, vsc::POWER_OFF, vsc::SW_SUSPEND, 0x89ab_cdef] {
        let model = Model::new();
        run_legacy(&model, &legacy_guest(), &[command]).unwrap();
        assert_eq!(starts(&model), 1);
        model.assert_clean("ended");
        let halted = matches!(command, vsc::HALT | vsc::POWER_OFF);
        assert_eq!(model.log.borrow()[0].ends_with("halted"), halted);
    }
}

#[test]
fn a_legacy_guest_that_is_to_stay_stays_without_tasks() {
    let model = Model::new();
    let mut kept = legacy_guest();
    kept.flags |= vxf::PERSISTENT;
    run_legacy(&model, &kept, &[vsc::HALT]).unwrap();
    assert_eq!(model.fake.contexts(), [42]);
    assert_eq!(model.fake.tasks_of(42), [0; 0]);
    assert!(model.cgroups.borrow().is_empty());
}

#[test]
fn a_legacy_guest_whose_context_was_let_go_stays_down() {
    let model = Model::new();
    let status = run(&model, &legacy_guest(), SECOND, &mut |_, _| {
        model.fake.note_reboot(42, vsc::RESTART);
        // As a stop does: with its last task the context is gone.
        let vserver = libvserver::Vserver::with(&model.fake);
        vserver.set_flags(42, 0, vxf::PERSISTENT).unwrap();
        (libc::SIGKILL, false)
    });
    assert_eq!(status, Ok(libc::SIGKILL));
    assert_eq!(starts(&model), 1);
    model.assert_clean("ended");
}

#[test]
fn a_legacy_guest_that_cannot_be_asked_is_an_error() {
    let model = Model::new();
    run_legacy(&model, &legacy_guest(), &[0]).unwrap();
    let position = model.position("ask what the guest wants");
    let model = Model::new();
    model.fault.set(Some((position, Fault::Error(libc::EIO))));
    let failure = run_legacy(&model, &legacy_guest(), &[0]).unwrap_err();
    assert!(failure.message.contains("ask what guest \"web\" wants"));
    assert_eq!(*model.log.borrow(), [failure.message]);
    model.assert_clean("could not be asked");
}

#[test]
fn a_supervisor_that_fails_ends_its_guest_and_says_why() {
    for flags in [0, vxf::PERSISTENT] {
        for base in [guest(), legacy_guest()] {
            let model = Model::new();
            let guest = Guest {
                flags: base.flags | flags,
                ..base
            };
            let program = program("/sbin/init");
            let lock = prepare(&model, &guest).unwrap();
            let running = launch(&model, &guest, &program, lock).unwrap();
            let why = Failure::new(Reason::KernelError, "cannot poll: ENOMEM", "");
            let mut watch = |_: &mut Running<Model>| Err(why.clone());
            let now = &Instant::now;
            let result = keep(&model, &guest, &program, running, now, &mut watch);
            assert_eq!(result, Err(why));
            let log = model.log.borrow();
            assert_eq!(
                log[0],
                "guest \"web\" is ended, because its supervisor has failed"
            );
            assert_eq!(log[1..], ["cannot poll: ENOMEM"]);
            assert_eq!(model.accounts.borrow().lines().count(), 1);
            if flags == 0 {
                model.assert_clean("failed");
            }
            // One that is to stay stays without tasks.
            assert_eq!(model.fake.tasks_of(42), [0; 0]);
            assert!(model.cgroups.borrow().is_empty());
        }
    }
}

#[test]
fn a_guest_that_cannot_be_cleaned_up_is_told_of() {
    let model = Model::new();
    run_with(&model, SECOND, &[0]).unwrap();
    let position = model.position("remove cgroup");
    let model = Model::new();
    model.fault.set(Some((position, Fault::Error(libc::EBUSY))));
    let failure = run_with(&model, SECOND, &[0]).unwrap_err();
    assert_eq!(model.log.borrow().last(), Some(&failure.message));
}

#[test]
fn a_foreign_context_is_not_ended() {
    let model = Model::new();
    let mut other = None;
    let failure = run(&model, &guest(), SECOND, &mut |_, pid| {
        model.fake.exit(pid, libc::SIGHUP);
        let task = model.fake.fork();
        model.fake.run_as(task, || {
            let vserver = libvserver::Vserver::with(&model.fake);
            vserver.create(42, Some(vxf::INIT_SET)).unwrap();
            vserver.set_name(42, vhin::CONTEXT, "other").unwrap();
        });
        other = Some(task);
        (libc::SIGHUP, false)
    })
    .unwrap_err();
    assert_eq!(failure.reason, Reason::XidInUse);
    assert!(model.fake.is_alive(other.unwrap()));
    let log = model.log.borrow();
    assert!(log[2].contains("cannot start guest \"web\" again: context id 42"));
}

#[test]
fn a_start_that_fails_is_logged_and_leaves_nothing() {
    let model = Model::new();
    run_with(&model, SECOND, &[libc::SIGHUP, 0]).unwrap();
    let steps = model.steps.borrow().clone();
    let again = model.position("exclude a stop");
    let last = steps.len() - 1;
    // What a context has counted is asked for, and not needed.
    let counting = format!("vserver {:#x}", vcmd::SOCK_STAT);
    let steps = steps.iter().enumerate().take(last).skip(again + 1);
    for (index, step) in steps.filter(|(_, step)| **step != counting) {
        let model = Model::new();
        model.fault.set(Some((index, Fault::Error(libc::EIO))));
        let when = format!("step {index}, {step}");
        let failure = run_with(&model, SECOND, &[libc::SIGHUP, 0]).expect_err(&when);
        assert!(failure.message.contains("EIO"), "{when}: {failure:?}");
        let log = model.log.borrow();
        let told = log.last().unwrap();
        assert!(told.starts_with("cannot start guest"), "{when}: {told}");
        let cgroup = step == "remove cgroup";
        if !cgroup {
            model.assert_clean(&when);
        }
    }
}

#[test]
fn a_lock_that_cannot_be_taken_keeps_the_guest_down() {
    let model = Model::new();
    run_with(&model, SECOND, &[libc::SIGHUP, 0]).unwrap();
    let position = model.position("exclude a stop");
    let model = Model::new();
    model
        .fault
        .set(Some((position, Fault::Error(libc::ENOSPC))));
    let status = run_with(&model, SECOND, &[libc::SIGHUP, 0]);
    assert_eq!(status, Ok(libc::SIGHUP));
    assert!(model.log.borrow()[1].contains("lock cannot be taken"));
    model.assert_clean("ended");
}

#[test]
fn a_stop_waits_for_a_restart_and_announces_itself() {
    let model = Model::new();
    let lock = prepare(&model, &guest()).unwrap();
    drop(launch(&model, &guest(), &program("/sbin/init"), lock).unwrap());
    let manner = Manner {
        timeout: SECOND,
        kill: false,
    };
    let restart = crate::system::System::exclude_stop(&model, "web").unwrap();
    let failure = stop(&model, &guest(), manner).unwrap_err();
    assert_eq!(failure.reason, Reason::AlreadyRunning);
    assert_eq!(model.fake.contexts(), [42]);
    drop(restart);
    model.steps.borrow_mut().clear();
    stop(&model, &guest(), manner).unwrap();
    let signal = format!("vserver {:#x}", vcmd::CTX_KILL);
    assert!(model.position("announce the stop") < model.position(&signal));
    model.assert_clean("stopped");
}
