// SPDX-License-Identifier: GPL-2.0

//! Changing limits, on the modelled machine.

use super::*;
use crate::model::{Fault, Model, guest, program, vserver};
use crate::start::{launch, prepare};

fn wishes(words: &[(Key, &str)], disks: &[&str]) -> Wishes {
    Wishes {
        words: words
            .iter()
            .map(|(key, text)| (*key, (*text).to_owned()))
            .collect(),
        disks: disks.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn plan(guest: &Guest, words: &[(Key, &str)], disks: &[&str]) -> Plan {
    wishes(words, disks).plan(&guest.limits).unwrap()
}

/// A guest with all limits.
fn limited() -> Guest {
    let mut guest = guest();
    let all = [
        (Key::Cpu, "1.5"),
        (Key::CpuBurst, "2s"),
        (Key::CpuIdle, "30"),
        (Key::Cpus, "0-1"),
        (Key::Weight, "200"),
        (Key::Mem, "512M"),
        (Key::MemHigh, "400M"),
        (Key::Swap, "0"),
        (Key::Pids, "500"),
        (Key::Files, "4096"),
    ];
    guest.limits = plan(&guest, &all, &["/dev/vda:rbps=20M,wiops=500"]).after;
    guest
}

fn started(guest: &Guest) -> Model {
    let model = Model::new();
    let lock = prepare(&model, guest).unwrap();
    drop(launch(&model, guest, &program("/sbin/init"), lock).unwrap());
    let files = [
        ("memory.current", "104857600"),
        (
            "memory.stat",
            "anon 1\nactive_file 10485760\ninactive_file 10485760\n",
        ),
        ("pids.current", "30"),
    ];
    for file in ["memory.max", "memory.high", "memory.swap.max", "pids.max"] {
        model
            .controls
            .borrow_mut()
            .entry(file.to_owned())
            .or_insert_with(|| "max".to_owned());
    }
    for file in ["cpuset.cpus", "cpu.weight", "io.max", "io.weight"] {
        model
            .controls
            .borrow_mut()
            .entry(file.to_owned())
            .or_default();
    }
    for (file, text) in files {
        model
            .controls
            .borrow_mut()
            .insert(file.to_owned(), text.to_owned());
    }
    model
}

#[test]
fn a_guest_starts_under_its_limits() {
    let guest = limited();
    let model = started(&guest);
    let controls = model.controls.borrow();
    assert_eq!(controls["memory.max"], "536870912");
    assert_eq!(controls["cpuset.cpus"], "0-1");
    assert_eq!(
        controls["io.max"],
        "254:0 rbps=20971520 wbps=max riops=max wiops=500"
    );
    let vserver = vserver(&model);
    assert_ne!(vserver.flags(42).unwrap().value & vxf::SCHED_HARD, 0);
    let bucket = Bucket::read(&vserver, 42).unwrap();
    assert_eq!(
        (bucket.fill_rate, bucket.interval, bucket.tokens_max),
        (3, 4, 250)
    );
    assert_eq!(vserver.sched(42, None, false).unwrap().tokens, 250);
    let files = Limit::read(&vserver, 42, rlimit::NOFILE).unwrap();
    assert_eq!((files.soft, files.hard), (Some(4096), Some(4096)));
    for (file, first) in [("memory.max", "spawn"), ("pids.max", "spawn")] {
        let written = model.position(&format!("write {file}"));
        assert!(written < model.position(first), "{file}");
    }
}

#[test]
fn a_start_that_fails_under_limits_leaves_nothing() {
    let guest = limited();
    let steps = started(&guest).steps.borrow().clone();
    // What the kernel enforces is asked for a note.
    let asking = format!("vserver {:#x}", libvserver::abi::vcmd::GET_FEATURES);
    let steps = steps.iter().enumerate();
    for (index, _) in steps.filter(|(_, step)| **step != asking) {
        for fault in [Fault::Error(libc::EIO), Fault::Death] {
            let model = Model::new();
            model.fault.set(Some((index, fault)));
            let failure = prepare(&model, &guest)
                .and_then(|lock| launch(&model, &guest, &program("/sbin/init"), lock))
                .unwrap_err();
            assert!(!failure.remedy.is_empty());
            model.assert_clean(&format!("{fault:?} in step {index}"));
        }
    }
}

#[test]
fn a_plan_merges_disks() {
    let guest = limited();
    let merged = plan(&guest, &[], &["/dev/vdb:weight=7", "/dev/vda:rbps=1M"]).after;
    let texts: Vec<String> = merged.io.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["/dev/vda:rbps=1M", "/dev/vdb:weight=7"]);
    assert!(plan(&guest, &[], &["/dev/vda:none"]).after.io.is_empty());
    let all = plan(&guest, &[], &["none"]);
    assert!(all.after.io.is_empty() && all.disks.len() == 1);
    for disks in [
        &["/dev/vdb:none"][..],
        &["/dev/vda:rbps=1M", "/dev/vda:wbps=1M"],
        &["vda:rbps=1M"],
    ] {
        assert!(wishes(&[], disks).plan(&guest.limits).is_err(), "{disks:?}");
    }
    let bad = wishes(&[(Key::Mem, "none")], &[]).plan(&guest.limits);
    assert!(bad.unwrap_err().message.contains("swap"));
}

#[test]
fn a_running_guest_follows() {
    let guest = limited();
    let model = started(&guest);
    let words = [
        (Key::Cpu, "0.5"),
        (Key::CpuBurst, "none"),
        (Key::Mem, "256M"),
        (Key::MemHigh, "none"),
        (Key::Pids, "64"),
        (Key::Files, "none"),
        (Key::Cpus, "none"),
    ];
    let change = plan(&guest, &words, &["/dev/vda:weight=9"]);
    check(&model, &change).unwrap();
    apply(&model, &guest, &change).unwrap();
    let controls = model.controls.borrow();
    assert_eq!(controls["memory.max"], "268435456");
    assert_eq!(controls["memory.high"], "max");
    assert_eq!(controls["pids.max"], "64");
    assert_eq!(controls["cpuset.cpus"], "");
    assert_eq!(
        controls["io.max"],
        "254:0 rbps=max wbps=max riops=max wiops=max"
    );
    assert_eq!(controls["io.weight"], "254:0 9");
    // What was not named stays.
    assert_eq!(controls["cpu.weight"], "200");
    let vserver = vserver(&model);
    let bucket = Bucket::read(&vserver, 42).unwrap();
    assert_eq!((bucket.fill_rate, bucket.interval), (1, 4));
    assert_eq!(
        Limit::read(&vserver, 42, rlimit::NOFILE).unwrap().soft,
        None
    );
}

#[test]
fn a_lifted_processor_limit_frees_the_guest() {
    let guest = limited();
    let model = started(&guest);
    let words = [
        (Key::Cpu, "none"),
        (Key::CpuBurst, "none"),
        (Key::CpuIdle, "none"),
    ];
    apply(&model, &guest, &plan(&guest, &words, &[])).unwrap();
    let vserver = vserver(&model);
    assert_eq!(vserver.flags(42).unwrap().value & vxf::SCHED_HARD, 0);
    assert_eq!(Bucket::read(&vserver, 42), Ok(Bucket::unset(250)));
}

#[test]
fn idle_time_comes_and_goes_alone() {
    let guest = limited();
    let model = started(&guest);
    let idle = || Bucket::read(&vserver(&model), 42).unwrap().idle;
    assert_eq!(idle(), Some(30));
    apply(&model, &guest, &plan(&guest, &[(Key::CpuIdle, "7")], &[])).unwrap();
    assert_eq!(idle(), Some(7));
    let change = plan(&guest, &[(Key::CpuIdle, "none")], &[]);
    let applied = apply(&model, &guest, &change).unwrap();
    assert_eq!(idle(), None);
    let kept = Bucket::read(&vserver(&model), 42).unwrap();
    assert_eq!((kept.fill_rate, kept.interval), (3, 4));
    applied.undo(&model, &guest);
    assert_eq!(idle(), Some(7));
}

#[test]
fn what_is_in_use_is_not_taken_away() {
    let guest = limited();
    let model = started(&guest);
    // 100 MiB, of which 20 can be dropped.
    for (words, word, remedy) in [
        ((Key::Mem, "79M"), "holds 80.0M", "--mem-high 79M"),
        ((Key::Pids, "29"), "has 30 processes", "30 at least"),
    ] {
        let mut lower = guest.clone();
        lower.limits.mem_high = None;
        let failure = apply(&model, &lower, &plan(&lower, &[words], &[]))
            .err()
            .unwrap();
        assert_eq!(failure.reason, Reason::Usage);
        assert!(failure.message.contains(word), "{failure:?}");
        assert!(failure.remedy.contains(remedy), "{failure:?}");
    }
    assert_eq!(model.controls.borrow()["memory.max"], "536870912");
    let mut free = guest.clone();
    free.limits.mem_high = None;
    apply(&model, &free, &plan(&free, &[(Key::Mem, "80M")], &[])).unwrap();
}

#[test]
fn a_change_that_fails_is_undone() {
    let guest = limited();
    let words = [
        (Key::Cpu, "0.5"),
        (Key::Weight, "50"),
        (Key::Mem, "400M"),
        (Key::Pids, "64"),
        (Key::Files, "64"),
    ];
    let change = plan(&guest, &words, &["/dev/vda:rbps=1M,weight=9"]);
    let model = started(&guest);
    let first = model.steps.borrow().len();
    apply(&model, &guest, &change).unwrap();
    let last = model.steps.borrow().len();
    for index in first..last {
        let model = started(&guest);
        let state = |model: &Model| {
            let vserver = vserver(model);
            (
                Bucket::read(&vserver, 42),
                vserver.flags(42).unwrap().value,
                Limit::read(&vserver, 42, rlimit::NOFILE),
            )
        };
        let (controls, before) = (model.controls.borrow().clone(), state(&model));
        let step = {
            // Looking costs steps as well.
            model.steps.borrow_mut().truncate(first);
            model.fault.set(Some((index, Fault::Error(libc::EIO))));
            let result = apply(&model, &guest, &change);
            model.fault.set(None);
            let steps = model.steps.borrow();
            // A question whose answer may be missing.
            if result.is_ok() {
                assert!(steps[index].starts_with("vserver"), "{}", steps[index]);
                continue;
            }
            steps[index].clone()
        };
        let mut after = model.controls.borrow().clone();
        // A disk without weight has the default one.
        if after["io.weight"] == "254:0 default" {
            after.insert("io.weight".to_owned(), String::new());
        }
        assert_eq!(after, controls, "{step}");
        assert_eq!(state(&model), before, "{step}");
    }
}

#[test]
fn a_disk_may_get_another_name() {
    let guest = limited();
    let model = started(&guest);
    let change = plan(&guest, &[], &["none", "/dev/disk/by-id/a:wbps=1M"]);
    check(&model, &change).unwrap();
    apply(&model, &guest, &change).unwrap();
    let wanted = "254:0 rbps=max wbps=1048576 riops=max wiops=max";
    assert_eq!(model.controls.borrow()["io.max"], wanted);
    let both = plan(&guest, &[], &["/dev/disk/by-id/a:wbps=1M"]);
    let failure = check(&model, &both).unwrap_err();
    assert!(failure.message.contains("are the same disk"), "{failure:?}");
}

#[test]
fn a_kernel_without_buckets_is_told() {
    let guest = guest();
    let model = started(&guest);
    let errno = Errno(libc::ENOSYS);
    model
        .fake
        .fail_next(libvserver::abi::vcmd::SCHED_INFO, errno);
    let change = plan(&guest, &[(Key::Cpu, "1"), (Key::Pids, "64")], &[]);
    let failure = apply(&model, &guest, &change).err().unwrap();
    assert!(failure.remedy.contains("token bucket"), "{failure:?}");
    assert_eq!(model.controls.borrow()["pids.max"], "max");
    // But nothing has to be lifted there.
    model
        .fake
        .fail_next(libvserver::abi::vcmd::SCHED_INFO, errno);
    let change = plan(&guest, &[(Key::Cpu, "none"), (Key::Pids, "64")], &[]);
    apply(&model, &guest, &change).unwrap();
    assert_eq!(model.controls.borrow()["pids.max"], "64");
}

#[test]
fn a_disk_that_is_gone_can_be_lifted() {
    let mut guest = limited();
    guest.limits.io[0].device = "/dev/gone".into();
    let model = started(&limited());
    let change = plan(&guest, &[], &["/dev/gone:none"]);
    check(&model, &change).unwrap();
    apply(&model, &guest, &change).unwrap();
    let other = plan(&guest, &[(Key::Pids, "64")], &[]);
    check(&model, &other).unwrap();
    apply(&model, &guest, &other).unwrap();
    let failure = check(&model, &plan(&guest, &[], &["/dev/vda1:rbps=1M"])).unwrap_err();
    assert_eq!(failure.reason, Reason::Usage);
}
