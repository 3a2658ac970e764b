// SPDX-License-Identifier: GPL-2.0

//! Starting, stopping and joining a guest on the modelled machine.

use crate::execute;
use crate::failure::Reason;
use crate::guest::Guest;
use crate::model::{Fault, Model, guest, legacy_guest, program, told, vserver};
use crate::rights::{CONTEXT_CAPS, DEFAULT_MASK};
use crate::start::{Running, launch, prepare};
use crate::stop::{Manner, stop, stop_unless_ended};
use crate::system::System;
use libvserver::abi::{space, vcmd, vhin, vxc, vxf};
use libvserver::fake::HOST_TASK;
use std::time::Duration;

fn start(model: &Model) -> crate::failure::Outcome<Running<Model>> {
    let guest = guest();
    let lock = prepare(model, &guest)?;
    launch(model, &guest, &program("/sbin/init"), lock)
}

/// Starts the guest and lets its supervisor go.
fn started() -> Model {
    let model = Model::new();
    drop(start(&model).unwrap());
    model.steps.borrow_mut().clear();
    model
}

#[test]
fn a_started_guest_is_sealed_and_named() {
    let model = Model::new();
    let running = start(&model).unwrap();
    assert!(running.notes.is_empty());
    assert_eq!(model.fake.contexts(), [42]);
    let vserver = vserver(&model);
    assert_eq!(
        vserver.flags(42).unwrap().value,
        vxf::STATE_ADMIN | crate::guest::VALUES
    );
    assert_eq!(vserver.bcaps(42).unwrap().value, DEFAULT_MASK);
    assert_eq!(vserver.ccaps(42).unwrap().value, CONTEXT_CAPS);
    assert_eq!(vserver.name(42, vhin::CONTEXT).unwrap(), "web");
    let init = vserver.info(42).unwrap().initpid as i32;
    assert_eq!(model.fake.tasks_of(42), [init]);
    assert_eq!(model.executed.borrow()[0].words, ["/sbin/init"]);
    assert!(model.cgroups.borrow().contains("web"));
}

#[test]
fn steps_come_in_the_order_that_is_safe() {
    let model = Model::new();
    start(&model).unwrap();
    let order = [
        "create cgroup",
        "spawn",
        "shed inheritance",
        "make mounts private",
        "take tree /dev/pts/5",
        "take tree /srv/data",
        "pivot into /srv/web",
        "mount /proc",
        "mount /sys",
        "mount /sys/fs/cgroup",
        "attach tree /dev/console",
        "attach mount /data",
        "mask /proc/kcore",
        "protect /proc/sys",
        "renew boot id",
        "set hostname web",
        "create context",
        "set space",
        "new keyring",
        "new session",
        "close files",
        "become root",
        "set flags",
        "execute /sbin/init",
    ];
    let positions: Vec<usize> = order.iter().map(|step| model.position(step)).collect();
    for (index, pair) in positions.windows(2).enumerate() {
        assert!(
            pair[0] < pair[1],
            "{} after {}",
            order[index],
            order[index + 1]
        );
    }
}

#[test]
fn temporary_files_are_in_memory_where_init_wants_that() {
    let mut model = Model::new();
    start(&model).unwrap();
    assert!(!model.steps.borrow().iter().any(|step| step == "mount /tmp"));
    model = Model::new();
    model.mounts_tmp = true;
    start(&model).unwrap();
    // What the description mounts may lie below.
    assert!(model.position("pivot into /srv/web") < model.position("mount /tmp"));
    assert!(model.position("mount /tmp") < model.position("attach mount /data"));
}

#[test]
fn a_failure_of_any_step_leaves_nothing() {
    let model = Model::new();
    start(&model).unwrap();
    let steps = model.steps.borrow().clone();
    assert!(steps.len() > 60, "{steps:#?}");
    let preparations = model.position("open log");
    for (index, step) in steps.iter().enumerate() {
        let model = Model::new();
        model.fault.set(Some((index, Fault::Error(libc::EIO))));
        let failure = start(&model).unwrap_err();
        let when = format!("error in step {index}, {step}: {}", told(&failure));
        assert!(failure.message.contains("EIO"), "{when}");
        assert!(!failure.remedy.is_empty(), "{when}");
        model.assert_clean(&when);
        if index >= preparations {
            assert_eq!(failure.reason, Reason::StartFailed, "{when}");
        }
    }
}

#[test]
fn a_death_or_cancellation_in_any_step_of_the_child_leaves_nothing() {
    let model = Model::new();
    start(&model).unwrap();
    let steps = model.steps.borrow().clone();
    let (first, last) = (model.position("spawn") + 1, model.position("await report"));
    for (index, step) in steps.iter().enumerate().take(last).skip(first) {
        for fault in [Fault::Death, Fault::Cancel] {
            let model = Model::new();
            model.fault.set(Some((index, fault)));
            let failure = start(&model).unwrap_err();
            let when = format!("{fault:?} in step {index}, {step}: {}", told(&failure));
            assert_eq!(failure.reason, Reason::StartFailed, "{when}");
            let word = match fault {
                Fault::Cancel => "cancelled",
                _ => "died",
            };
            assert!(failure.message.contains(word), "{when}");
            model.assert_clean(&when);
        }
    }
}

#[test]
fn a_full_disk_is_told_apart_in_every_step() {
    let model = Model::new();
    start(&model).unwrap();
    let position = model.position("make directory /proc");
    let model = Model::new();
    model
        .fault
        .set(Some((position, Fault::Error(libc::ENOSPC))));
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::DiskFull);
    model.assert_clean("full disk");
    // Terminals and cgroups are no files, though the kernel says the same of them.
    for step in ["open console", "create cgroup", "spawn"] {
        let model = Model::new();
        start(&model).unwrap();
        let position = model.position(step);
        let model = Model::new();
        model
            .fault
            .set(Some((position, Fault::Error(libc::ENOSPC))));
        let failure = start(&model).unwrap_err();
        assert_eq!(failure.reason, Reason::StartFailed, "{step}");
        assert!(failure.remedy.contains("kernel.pty.max"), "{failure:?}");
    }
}

/// A guest whose description asks for more than the smallest.
fn special() -> Guest {
    let mut guest = guest();
    guest.flags = vxf::HIDE_VINFO | vxf::PERSISTENT;
    guest.ccaps = vxc::SECURE_MOUNT;
    guest.umask = space::USER;
    guest
}

fn start_special(model: &Model) -> crate::failure::Outcome<Running<Model>> {
    let guest = special();
    let lock = prepare(model, &guest)?;
    launch(model, &guest, &program("/sbin/init"), lock)
}

#[test]
fn the_words_of_the_description_are_set_before_the_seal() {
    let model = Model::new();
    drop(start_special(&model).unwrap());
    let vserver = vserver(&model);
    assert_eq!(
        vserver.flags(42).unwrap().value,
        vxf::STATE_ADMIN | vxf::HIDE_VINFO | vxf::PERSISTENT
    );
    assert_eq!(vserver.ccaps(42).unwrap().value, vxc::SECURE_MOUNT);
    assert_eq!(vserver.umask(42).unwrap().value, space::USER);
    let umask = format!("vserver {:#x}", vcmd::SET_UMASK);
    assert!(model.position(&umask) < model.position("set flags"));
    stop(&model, &special(), MANNER).unwrap();
    model.assert_clean("stopped");
}

#[test]
fn a_context_that_stays_does_not_stay_after_a_failed_start() {
    let model = Model::new();
    drop(start_special(&model).unwrap());
    let steps = model.steps.borrow().clone();
    for (index, step) in steps.iter().enumerate() {
        for fault in [Fault::Error(libc::EIO), Fault::Death, Fault::Cancel] {
            let model = Model::new();
            model.fault.set(Some((index, fault)));
            let when = format!("{fault:?} in step {index}, {step}");
            start_special(&model).expect_err(&when);
            model.assert_clean(&when);
        }
    }
}

#[test]
fn a_helper_that_refuses_is_told() {
    let model = Model::new();
    let errno = libvserver::Errno(libc::ENOEXEC);
    model.fake.fail_next(vcmd::CTX_CREATE, errno);
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::StartFailed);
    assert!(failure.message.contains("helper"), "{failure:?}");
    model.assert_clean("helper");
}

#[test]
fn a_second_start_is_refused_and_harms_nothing() {
    let model = started();
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::AlreadyRunning);
    assert_eq!(model.fake.contexts(), [42]);
    assert!(model.cgroups.borrow().contains("web"));
}

#[test]
fn an_id_in_use_is_told_with_its_owner() {
    let model = Model::new();
    let task = model.fake.fork();
    model.fake.run_as(task, || {
        let vserver = vserver(&model);
        vserver.create(42, Some(vxf::INIT_SET)).unwrap();
        vserver.set_name(42, vhin::CONTEXT, "other").unwrap();
    });
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::XidInUse);
    assert!(failure.message.contains("\"other\""), "{}", failure.message);
    assert_eq!(model.fake.tasks_of(42), [task]);
}

#[test]
fn an_id_taken_in_the_last_moment_is_told_and_its_owner_unharmed() {
    for errno in [libc::EEXIST, libc::EBUSY] {
        let model = Model::new();
        model
            .fake
            .fail_next(vcmd::CTX_CREATE, libvserver::Errno(errno));
        let failure = start(&model).unwrap_err();
        assert_eq!(failure.reason, Reason::XidInUse);
        model.assert_clean("id taken");
    }
}

#[test]
fn a_missing_root_is_told() {
    let mut model = Model::new();
    model.directories.clear();
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::MissingRoot);
    model.assert_clean("missing root");
}

#[test]
fn a_locked_guest_is_left_alone() {
    let model = Model::new();
    model.held.borrow_mut().insert("lock web".to_owned());
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::AlreadyRunning);
    assert!(failure.message.contains("another command"));
}

#[test]
fn a_missing_init_is_told_by_name() {
    let mut model = Model::new();
    model.missing_programs.insert("/sbin/init".to_owned());
    let failure = start(&model).unwrap_err();
    assert_eq!(failure.reason, Reason::StartFailed);
    assert!(failure.message.contains("/sbin/init"));
    model.assert_clean("missing init");
}

#[test]
fn a_machine_without_cgroups_starts_with_a_note() {
    let mut model = Model::new();
    model.has_cgroups = false;
    let running = start(&model).unwrap();
    assert_eq!(running.notes.len(), 1);
    let steps = model.steps.borrow();
    assert!(!steps.iter().any(|step| step.contains("cgroup root")));
    assert!(!steps.iter().any(|step| step == "mount /sys/fs/cgroup"));
}

#[test]
fn a_legacy_guest_shares_the_pid_namespace_and_outlives_its_tasks() {
    for (guest, own) in [(guest(), true), (legacy_guest(), false)] {
        let model = Model::new();
        let lock = prepare(&model, &guest).unwrap();
        drop(launch(&model, &guest, &program("/sbin/init"), lock).unwrap());
        let spawn = model.steps.borrow()[model.position("spawn")].clone();
        let namespaces = u64::from_str_radix(spawn.trim_start_matches("spawn 0x"), 16).unwrap();
        assert_eq!(namespaces & libc::CLONE_NEWPID as u64 != 0, own);
        let vserver = vserver(&model);
        let flags = vserver.flags(42).unwrap().value;
        let shared = vxf::INFO_INIT | vxf::REBOOT_KILL | vxf::PERSISTENT;
        assert_eq!(flags & shared, if own { 0 } else { shared });
        let entered = vserver.enter_space(42, libvserver::abi::space::PID, 0);
        assert_eq!(entered.is_ok(), own);
        let init = model.fake.tasks_of(42)[0];
        assert_eq!(vserver.info(42).unwrap().initpid as i32, init);
    }
}

#[test]
fn a_legacy_guest_that_fails_to_start_leaves_nothing() {
    let mut model = Model::new();
    model.missing_programs.insert("/sbin/init".to_owned());
    let lock = prepare(&model, &legacy_guest()).unwrap();
    launch(&model, &legacy_guest(), &program("/sbin/init"), lock).unwrap_err();
    model.assert_clean("missing init");
}

#[test]
fn a_missing_helper_is_told_to_who_needs_it() {
    for (guest, needed) in [(guest(), false), (legacy_guest(), true)] {
        let mut model = Model::new();
        model.missing_helper = Some("/sbin/vshelper".to_owned());
        let lock = prepare(&model, &guest).unwrap();
        let running = launch(&model, &guest, &program("/sbin/init"), lock).unwrap();
        assert_eq!(running.notes.len(), usize::from(needed));
        assert!(
            running
                .notes
                .iter()
                .all(|note| note.contains("/sbin/vshelper"))
        );
    }
}

const MANNER: Manner = Manner {
    timeout: Duration::from_secs(30),
    kill: false,
};

#[test]
fn init_is_asked_and_ends() {
    let model = started();
    let stopped = stop(&model, &guest(), MANNER).unwrap();
    assert_eq!(stopped.asked_with.as_deref(), Some("SIGTERM"));
    assert!(!stopped.killed);
    model.assert_clean("stopped");
}

#[test]
fn systemd_is_asked_with_its_own_signal() {
    let model = started();
    model.task_name.replace("systemd".to_owned());
    // It handles others.
    model.handled_signals.set(0x4ec);
    model
        .blocked_signals
        .set(1 << 36 | 1 << (libc::SIGTERM - 1));
    let stopped = stop(&model, &guest(), MANNER).unwrap();
    assert_eq!(stopped.asked_with.as_deref(), Some("SIGRTMIN+3"));
}

#[test]
fn sysvinit_is_asked_as_by_ctrl_alt_del() {
    let model = started();
    model.handled_signals.set(1 << (libc::SIGINT - 1));
    let stopped = stop(&model, &guest(), MANNER).unwrap();
    assert_eq!(stopped.asked_with.as_deref(), Some("SIGINT"));
}

#[test]
fn the_description_chooses_the_signal() {
    let model = started();
    let mut guest = guest();
    guest.stop_signal = Some(libc::SIGPWR);
    let stopped = stop(&model, &guest, MANNER).unwrap();
    assert_eq!(stopped.asked_with.as_deref(), Some("SIGPWR"));
}

#[test]
fn a_deaf_init_is_killed_after_the_timeout() {
    let model = started();
    let init = model.fake.tasks_of(42)[0];
    model.fake.ignore_signals(init);
    let stopped = stop(&model, &guest(), MANNER).unwrap();
    assert!(stopped.killed);
    assert!(stopped.because.unwrap().contains("30 s"));
    model.assert_clean("killed");
}

#[test]
fn an_init_that_does_not_handle_the_signal_is_not_waited_for() {
    let model = started();
    model.handled_signals.set(0);
    let init = model.fake.tasks_of(42)[0];
    model.fake.ignore_signals(init);
    let stopped = stop(&model, &guest(), MANNER).unwrap();
    assert_eq!(stopped.asked_with, None);
    assert!(stopped.killed);
    let waits = model.steps.borrow();
    let waits = waits.iter().filter(|step| step.starts_with("wait"));
    assert_eq!(waits.count(), 1);
    model.assert_clean("killed");
}

#[test]
fn a_kill_asks_nobody() {
    let model = started();
    let manner = Manner {
        kill: true,
        ..MANNER
    };
    let stopped = stop(&model, &guest(), manner).unwrap();
    assert_eq!((stopped.asked_with, stopped.killed), (None, true));
    assert!(!model.steps.borrow().contains(&"survey".to_owned()));
    model.assert_clean("killed");
}

#[test]
fn a_kept_context_ends_as_well() {
    let model = started();
    vserver(&model)
        .set_flags(42, vxf::PERSISTENT, vxf::PERSISTENT)
        .unwrap();
    stop(&model, &guest(), MANNER).unwrap();
    model.assert_clean("kept");
}

#[test]
fn what_does_not_run_cannot_be_stopped() {
    let model = Model::new();
    let failure = stop(&model, &guest(), MANNER).unwrap_err();
    assert_eq!(failure.reason, Reason::NotRunning);
    // Who wants it to be down is content.
    let stopped = stop_unless_ended(&model, &guest(), MANNER);
    assert_eq!(stopped, Ok(None));
    model
        .fault
        .set(Some((model.steps.borrow().len(), Fault::Error(libc::EIO))));
    stop_unless_ended(&model, &guest(), MANNER).unwrap_err();
}

#[test]
fn a_start_that_has_waited_for_the_end_does_not_make_a_stop_fail() {
    let model = Model::new();
    // The lock is held all the time: by the supervisor at first, then by who starts.
    let _running = start(&model).unwrap();
    model.steps.borrow_mut().clear();
    let init = model.fake.tasks_of(42)[0];
    model.fake.ignore_signals(init);
    *model.meanwhile.borrow_mut() = Some(Box::new(move |fake| {
        fake.exit(init, 0);
        let task = fake.fork();
        fake.run_as(task, || {
            let vserver = libvserver::Vserver::with(fake);
            vserver.create(42, Some(vxf::INIT_SET)).unwrap();
            vserver.set_name(42, vhin::CONTEXT, "web").unwrap();
        });
    }));
    let stopped = stop(&model, &guest(), MANNER).unwrap();
    assert_eq!(stopped.asked_with.as_deref(), Some("SIGTERM"));
    // What the new one has is not touched.
    assert_eq!(model.fake.contexts(), [42]);
    assert!(model.cgroups.borrow().contains("web"));
}

#[test]
fn what_a_dead_supervisor_has_left_is_removed_by_a_stop() {
    let model = started();
    let init = model.fake.tasks_of(42)[0];
    model.fake.exit(init, 0);
    let held = System::lock(&model, "web", Duration::ZERO).unwrap();
    let message = || {
        let failure = stop(&model, &guest(), MANNER).unwrap_err();
        assert_eq!(failure.reason, Reason::NotRunning);
        failure.message
    };
    // Somebody works on it.
    assert_eq!(message(), "guest \"web\" does not run");
    assert!(model.cgroups.borrow().contains("web"));
    drop(held);
    assert!(message().ends_with("what its supervisor had left behind is removed"));
    model.assert_clean("cleared");
    assert_eq!(model.accounts.borrow().lines().count(), 1);
    assert_eq!(message(), "guest \"web\" does not run");
}

#[test]
fn a_foreign_context_is_not_stopped() {
    let model = started();
    let mut other = guest();
    other.name = "db".to_owned();
    let failure = stop(&model, &other, MANNER).unwrap_err();
    assert_eq!(failure.reason, Reason::XidInUse);
    assert_eq!(model.fake.contexts(), [42]);
}

#[test]
fn a_command_joins_with_nothing_of_the_host() {
    let model = started();
    let child = execute::launch(&model, "web", 42, &(), &[program("ps")]).unwrap();
    assert_eq!(model.fake.tasks_of(42).len(), 2);
    assert_eq!(model.fake.tasks_of(0), [HOST_TASK], "{child:?}");
    let order = [
        "enter space",
        "spawn",
        "shed inheritance",
        "close files",
        "become root",
        "migrate",
        "new keyring",
        "execute ps",
    ];
    let positions: Vec<usize> = order.iter().map(|step| model.position(step)).collect();
    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]));
    let mask = format!("become root {DEFAULT_MASK:#x}");
    assert!(model.steps.borrow().contains(&mask));
}

#[test]
fn a_failure_while_joining_leaves_the_guest_as_it_was() {
    let model = started();
    execute::launch(&model, "web", 42, &(), &[program("ps")]).unwrap();
    let steps = model.steps.borrow().clone();
    for (index, step) in steps.iter().enumerate() {
        let model = started();
        let before = model.fake.tasks();
        model.fault.set(Some((index, Fault::Error(libc::EIO))));
        let failure = execute::launch(&model, "web", 42, &(), &[program("ps")]).unwrap_err();
        assert!(!failure.remedy.is_empty());
        assert_eq!(model.fake.tasks(), before, "step {index}, {step}");
    }
}

#[test]
fn a_guest_that_lets_nobody_in_is_told() {
    let model = started();
    let vserver = vserver(&model);
    let private = vxf::INFO_PRIVATE;
    vserver.set_flags(42, private, private).unwrap();
    let join = || execute::launch(&model, "web", 42, &(), &[program("ps")]).unwrap_err();
    let failure = join();
    assert_eq!(failure.reason, Reason::NoRight);
    assert!(failure.message.contains("INFO_PRIVATE"), "{failure:?}");
    assert!(failure.remedy.contains("vserver set web"), "{failure:?}");
    vserver.set_flags(42, 0, vxf::STATE_ADMIN).unwrap();
    assert!(join().message.contains("STATE_ADMIN"));
    assert_eq!(model.fake.tasks_of(42).len(), 1);
}

#[test]
fn the_first_shell_that_exists_is_taken() {
    let mut model = started();
    model.missing_programs.insert("bash".to_owned());
    let shells = [program("bash"), program("sh")];
    execute::launch(&model, "web", 42, &(), &shells).unwrap();
    assert_eq!(model.executed.borrow().last().unwrap().words, ["sh"]);
    model.missing_programs.insert("sh".to_owned());
    let failure = execute::launch(&model, "web", 42, &(), &shells).unwrap_err();
    assert_eq!(failure.reason, Reason::CommandNotFound);
}
