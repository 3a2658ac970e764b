// SPDX-License-Identifier: GPL-2.0

//! Accounts over several runs, on the modelled machine.

use super::*;
use crate::again::{Ended, keep};
use crate::model::{Model, guest, program, vserver};
use crate::start::{Running, launch, prepare};
use crate::stop::{Manner, stop};
use crate::usage::tests::used;
use libvserver::abi::{SockStat, sock};

fn running(model: &Model) -> Running<Model> {
    let guest = guest();
    let lock = prepare(model, &guest).unwrap();
    let running = launch(model, &guest, &program("/sbin/init"), lock).unwrap();
    used(model);
    running
}

fn sent(model: &Model, bytes: u64) {
    model.fake.count_traffic(
        42,
        SockStat {
            field: sock::INET,
            total: std::array::from_fn(|index| if index == sock::SEND { bytes } else { 0 }),
            ..Default::default()
        },
    );
}

fn total(model: &Model) -> Account {
    let sample = sample(&vserver(model), "web", 42);
    books(model, "web", sample).unwrap().total
}

#[test]
fn the_sum_outlives_the_runs_and_never_goes_back() {
    let model = Model::new();
    let mut last = Account::default();
    for run in 1..=3 {
        let running = running(&model);
        sent(&model, 1000);
        let live = total(&model);
        assert_eq!(live.starts, run);
        assert!(live.cgroup.user_usec > last.cgroup.user_usec);
        assert_eq!(live.context.network.ipv4_sent, run * 1000);
        let mut watch = |running: &mut Running<Model>| {
            assert_eq!(running.meter.tick(&model, &guest()), None);
            let init = model.fake.tasks_of(42)[0];
            model.fake.exit(init, 0);
            Ok(Ended {
                status: 0,
                asked: false,
            })
        };
        let program = program("/sbin/init");
        keep(
            &model,
            &guest(),
            &program,
            running,
            &Instant::now,
            &mut watch,
        )
        .unwrap();
        model.assert_clean("after a run");
        let stopped = total(&model);
        assert_eq!(stopped.context.network, live.context.network);
        assert_eq!(stopped.cgroup, live.cgroup);
        assert!(stopped.context.lasted_msec >= live.context.lasted_msec);
        last = stopped;
    }
    assert_eq!(last.cgroup.user_usec, 6_000_000);
    assert_eq!(last.cgroup.io["vda"].written_bytes, 3 * 8192);
    assert_eq!(last.cgroup.hits["pids"], 15);
    // A peak is no sum.
    assert_eq!(last.cgroup.memory_peak, 209_715_200);
}

#[test]
fn a_guest_without_supervisor_is_settled_by_who_stops_it() {
    let model = Model::new();
    drop(running(&model));
    sent(&model, 77);
    let manner = Manner {
        timeout: Duration::ZERO,
        kill: true,
    };
    stop(&model, &guest(), manner).unwrap();
    let account = total(&model);
    assert_eq!((account.starts, account.context.network.ipv4_sent), (1, 77));
    assert_eq!(model.accounts.borrow().lines().count(), 1);
}

#[test]
fn a_late_look_is_added_to_the_record_of_its_run() {
    let model = Model::new();
    used(&model);
    record(&model, "web", None, &Sample::default()).unwrap();
    let run = model.cgroup_identity("web").ok();
    model.remove_cgroup("web").unwrap();
    let mut late = Sample::default();
    late.network.ipv4_received = 5;
    record(&model, "web", run, &late).unwrap();
    record(&model, "web", None, &late).unwrap();
    let total = books(&model, "web", None).unwrap().total;
    assert_eq!((total.starts, total.context.network.ipv4_received), (1, 5));
    assert_eq!(total.cgroup.user_usec, 2_000_000);
}

#[test]
fn a_record_that_is_written_twice_counts_once() {
    let model = Model::new();
    used(&model);
    let mut sample = Sample::default();
    sample.network.ipv6_sent = 5;
    record(&model, "web", None, &sample).unwrap();
    sample.network.ipv6_sent = 9;
    record(&model, "web", None, &sample).unwrap();
    let books = |sample| books(&model, "web", sample).unwrap();
    assert_eq!(books(None).total.starts, 1);
    assert_eq!(books(None).total.context.network.ipv6_sent, 9);
    // A live look that is older than the record does not lower it.
    let live = books(Some(Sample::default()));
    assert_eq!(live.total.starts, 1);
    assert_eq!(live.total.context.network.ipv6_sent, 9);
    assert_eq!(live.now.unwrap().0.context.network.ipv6_sent, 9);
}

#[test]
fn a_cut_line_costs_only_itself() {
    let model = Model::new();
    used(&model);
    record(&model, "web", None, &Sample::default()).unwrap();
    let whole = model.accounts.borrow().clone();
    for length in 0..whole.trim_end().len() {
        let text = format!("{whole}{}", &whole[..length]);
        assert_eq!(records(&text).len(), 1, "cut at {length}");
    }
    // Newer versions may write more.
    let more = whole.replacen('{', "{\"future\":{\"x\":1},", 1);
    assert_eq!(records(&more), records(&whole));
}

#[test]
fn the_file_stays_small_and_the_sum_the_same() {
    let model = Model::new();
    let runs = 400;
    for run in 1..=runs {
        model.remove_cgroup("web").unwrap();
        used(&model);
        record(&model, "web", None, &Sample::default()).unwrap();
        assert_eq!(books(&model, "web", None).unwrap().total.starts, run);
        assert!(model.accounts.borrow().len() <= MOST_BYTES + 2048);
    }
    let sum = books(&model, "web", None).unwrap().total;
    assert_eq!(sum.cgroup.user_usec, runs * 2_000_000);
    assert_eq!(sum.cgroup.pressure["cpu"].some, runs * 123);
    assert!(model.accounts.borrow().lines().count() < 200);
}

/// Lets a guest run and end.
fn run_once(model: &Model) {
    let running = running(model);
    used(model);
    let mut watch = |_: &mut Running<Model>| {
        let init = model.fake.tasks_of(42)[0];
        model.fake.exit(init, 0);
        Ok(Ended {
            status: 0,
            asked: false,
        })
    };
    let program = program("/sbin/init");
    let now = &Instant::now;
    keep(model, &guest(), &program, running, now, &mut watch).unwrap();
}

#[test]
fn a_full_disk_keeps_no_guest_from_ending_and_loses_nothing() {
    let model = Model::new();
    model.accounts_fail.set(true);
    for run in 1..=2 {
        run_once(&model);
        model.assert_clean("full disk");
        let log = model.log.borrow();
        let told = log.iter().filter(|line| line.contains("accounts of guest"));
        assert!(told.count() as u64 >= run, "{log:?}");
        assert_eq!(*model.accounts.borrow(), "");
        let sum = total(&model);
        assert_eq!((sum.starts, sum.cgroup.user_usec), (run, run * 2_000_000));
    }
    // The next one who writes writes that as well.
    model.accounts_fail.set(false);
    run_once(&model);
    assert_eq!(*model.aside.borrow(), "");
    assert_eq!(model.accounts.borrow().lines().count(), 3);
    assert_eq!(total(&model).starts, 3);
    assert_eq!(total(&model).cgroup.user_usec, 6_000_000);
}

#[test]
fn what_is_set_aside_stays_small() {
    let model = Model::new();
    model.accounts_fail.set(true);
    used(&model);
    for msec in 1..=100 {
        let sample = Sample {
            lasted_msec: msec,
            ..Default::default()
        };
        assert!(settle(&model, "web", None, &sample).is_some());
    }
    assert_eq!(model.aside.borrow().lines().count(), 1);
    assert_eq!(total(&model).context.lasted_msec, 100);
    model.remove_cgroup("web").unwrap();
    for run in 2..=100 {
        used(&model);
        let settled = close(&model, "web", None, &Sample::default());
        assert!(matches!(settled, Settled::Aside(_)), "{settled:?}");
        model.remove_cgroup("web").unwrap();
        assert_eq!(total(&model).starts, run);
    }
    assert!(model.aside.borrow().lines().count() <= KEPT + 1);
}

#[test]
fn without_any_place_the_cgroup_stays_for_the_next_start() {
    let model = Model::new();
    model.accounts_fail.set(true);
    model.aside_fails.set(true);
    run_once(&model);
    assert!(model.cgroups.borrow().contains("web"));
    assert!(model.log.borrow()[0].contains("nor can they be kept"));
    model.accounts_fail.set(false);
    // As `cgroup::create` does it, which a start calls after it has settled.
    let settled = settle(&model, "web", None, &Sample::default());
    assert_eq!(settled, None);
    assert_eq!(total(&model).starts, 1);
    assert_eq!(total(&model).cgroup.user_usec, 2_000_000);
    // One that is stopped without supervisor keeps it as well.
    model.remove_cgroup("web").unwrap();
    model.accounts_fail.set(true);
    drop(running(&model));
    let manner = Manner {
        timeout: Duration::ZERO,
        kill: true,
    };
    stop(&model, &guest(), manner).unwrap();
    assert!(model.cgroups.borrow().contains("web"));
}

#[test]
fn what_the_kernel_does_not_count_is_left_out() {
    let model = Model::new();
    assert_eq!(sample(&vserver(&model), "web", 42), None);
    drop(running(&model));
    let found = sample(&vserver(&model), "web", 42).unwrap();
    assert_eq!(
        (found.network, found.refused.len()),
        (NetworkBytes::default(), 0)
    );
}
