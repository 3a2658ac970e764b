// SPDX-License-Identifier: GPL-2.0

//! The process that stays beside a guest: what it prints, and what is left when it is killed.

use super::{Bench, has, mount_points, program};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};
use vserver::failure::Reason;
use vserver::linux::supervisor;
use vserver::start::prepare;
use vserver::stop::{Manner, stop};
use vserver::system::System;

pub fn a_guest_in_the_background_is_logged(bench: &Bench) {
    let mounts = mount_points();
    let guest = bench.guest();
    let script = "echo begins; until test -e /go; do sleep 0.02; done; echo ends; rm /go";
    let lock = prepare(&bench.system, &guest).unwrap();
    let words = program(&guest, &["/bin/sh", "-c", script]);
    let notes = supervisor::detach(&bench.system, &guest, &words, lock).unwrap();
    assert!(notes.len() <= 1, "{notes:?}");
    let busy = bench.system.lock(&guest.name, Duration::ZERO).unwrap();
    assert!(busy.is_none(), "the supervisor holds the lock");
    let supervisor = fs::read_to_string("/proc/thread-self/children").unwrap();
    let cgroup = bench.system.find_cgroup(&guest.name);
    // Without cgroup2 it stays where it is.
    if let Some(cgroup) = cgroup {
        let shelter = cgroup.path.ancestors().nth(2).unwrap();
        let shelter = shelter.join("vserver-supervisors");
        let tasks = fs::read_to_string(shelter.join("cgroup.procs")).unwrap();
        has(&tasks, supervisor.trim_end());
        let inside = fs::read_to_string(cgroup.path.join("cgroup.procs")).unwrap();
        let there = |task: &str| tasks.lines().any(|line| line == task);
        assert!(!inside.lines().any(there), "the guest is not there");
    }
    std::fs::write(guest.root.join("go"), "").unwrap();
    let lock = bench
        .system
        .lock(&guest.name, Duration::from_secs(60))
        .unwrap();
    assert!(lock.is_some(), "the supervisor ends with its guest");
    let log = bench.log();
    let lines: Vec<&str> = log.lines().take(2).collect();
    assert_eq!(lines, ["begins", "ends"], "{log}");
    assert_eq!(mount_points(), mounts);
    assert_eq!(bench.system.find_cgroup(&guest.name), None);
}

pub fn what_a_killed_supervisor_leaves_is_cleared(bench: &Bench) {
    let guest = bench.guest();
    let script = "until test -e /go; do sleep 0.02; done; rm /go";
    let lock = prepare(&bench.system, &guest).unwrap();
    let words = program(&guest, &["/bin/sh", "-c", script]);
    supervisor::detach(&bench.system, &guest, &words, lock).unwrap();
    let supervisor = fs::read_to_string("/proc/thread-self/children").unwrap();
    let mut kill = Command::new("/bin/kill");
    let killed = kill.args(["-KILL", supervisor.trim_end()]).status();
    assert!(killed.unwrap().success());
    // Without cgroup2 nothing tells that something is left.
    let Some(cgroup) = bench.system.find_cgroup(&guest.name) else {
        return;
    };
    let tasks = || fs::read_to_string(cgroup.path.join("cgroup.procs")).unwrap();
    assert_ne!(tasks(), "", "the guest goes on");
    fs::write(guest.root.join("go"), "").unwrap();
    let begin = Instant::now();
    while !tasks().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", tasks());
        std::thread::sleep(Duration::from_millis(20));
    }
    let lock = bench
        .system
        .lock(&guest.name, Duration::from_secs(60))
        .unwrap();
    assert!(lock.is_some(), "the lock goes with the supervisor");
    drop(lock);
    let manner = Manner {
        timeout: Duration::ZERO,
        kill: false,
    };
    // The model of the system call has died with the supervisor, and its context with it.
    let failure = stop(&bench.system, &guest, manner).unwrap_err();
    assert_eq!(failure.reason, Reason::NotRunning);
    assert!(failure.message.contains("left behind"), "{failure:?}");
    assert_eq!(bench.system.find_cgroup(&guest.name), None);
    let accounts = bench.system.read_accounts(&guest.name).unwrap();
    assert_eq!(accounts.lines().count(), 1);
}

pub fn a_guest_that_prints_without_end_waits(bench: &Bench) {
    let begin = Instant::now();
    let (status, output) = bench.run("head -c 2500000 /dev/zero > /dev/console; echo; echo ends");
    assert_eq!(status, 0);
    // A part at once, and 256 KiB in every second after it.
    assert!(begin.elapsed() > Duration::from_secs(4));
    has(&output, "ends");
    let older = bench.system.log_file(&bench.guest().name);
    let older = fs::metadata(format!("{}.1", older.display()))
        .unwrap()
        .len();
    let limit = 1 << 20;
    assert!(output.len() <= limit, "{}", output.len());
    assert!(
        older <= limit as u64 && older > limit as u64 - 4096,
        "{older}"
    );
    assert_eq!(
        fs::read_dir(bench.directory.path().join("logs"))
            .unwrap()
            .count(),
        2
    );
}
