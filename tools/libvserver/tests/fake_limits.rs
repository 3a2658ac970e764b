// SPDX-License-Identifier: GPL-2.0

//! Limits and statistics against the model of the kernel side.

use libvserver::abi::{self, rlimit, vxf};
use libvserver::fake::{Fake, PROCESSORS};
use libvserver::{Errno, Vserver};

const EINVAL: Errno = Errno(libc::EINVAL);
const ESRCH: Errno = Errno(libc::ESRCH);

/// A model with context 42, and the task in it.
fn model() -> (Fake, Vserver<Fake>, i32) {
    let fake = Fake::new();
    let vserver = Vserver::with(fake.clone());
    let pid = fake.fork();
    fake.run_as(pid, || vserver.create(42, Some(vxf::INIT_SET)).unwrap());
    (fake, vserver, pid)
}

#[test]
fn a_context_starts_without_limits() {
    let (_, vserver, _) = model();
    let limit = vserver.rlimit(42, rlimit::NPROC).unwrap();
    assert_eq!(limit.id, rlimit::NPROC);
    assert_eq!(limit.minimum, 0);
    assert_eq!(limit.softlimit, rlimit::INFINITY);
    assert_eq!(limit.maximum, rlimit::INFINITY);
}

#[test]
fn limits_are_kept_or_changed() {
    let (_, vserver, _) = model();
    vserver.set_rlimit(42, rlimit::NPROC, 10, 20).unwrap();
    vserver
        .set_rlimit(42, rlimit::NPROC, rlimit::KEEP, 30)
        .unwrap();
    let limit = vserver.rlimit(42, rlimit::NPROC).unwrap();
    assert_eq!((limit.softlimit, limit.maximum), (10, 30));
    vserver
        .set_rlimit(42, rlimit::NPROC, rlimit::KEEP, 5)
        .unwrap();
    let limit = vserver.rlimit(42, rlimit::NPROC).unwrap();
    assert_eq!((limit.softlimit, limit.maximum), (5, 5));
}

#[test]
fn resources_without_a_limit_are_refused() {
    let (_, vserver, _) = model();
    for resource in [rlimit::CPU, rlimit::SEMARY, rlimit::COUNT, 32, u32::MAX] {
        assert_eq!(vserver.rlimit(42, resource), Err(EINVAL), "{resource}");
        assert_eq!(
            vserver.set_rlimit(42, resource, 1, 1),
            Err(EINVAL),
            "{resource}"
        );
    }
    assert_eq!(vserver.rlimit(43, rlimit::NPROC), Err(ESRCH));
    let mask = vserver.rlimit_mask().unwrap();
    assert_eq!((mask.minimum, mask.softlimit), (0, 0));
    assert_eq!(mask.maximum, 0x004b_17c0);
}

#[test]
fn threads_are_counted() {
    let (fake, vserver, pid) = model();
    let child = fake.run_as(pid, || fake.fork());
    let other = fake.run_as(pid, || fake.fork());
    fake.exit(other, 0);
    let stat = vserver.rlimit_stat(42, rlimit::NPROC).unwrap();
    assert_eq!((stat.value, stat.minimum, stat.maximum), (2, 0, 3));
    assert_eq!((stat.id, stat.hits), (rlimit::NPROC, 0));
    vserver.reset_minmax(42).unwrap();
    fake.exit(child, 0);
    let stat = vserver.rlimit_stat(42, rlimit::NPROC).unwrap();
    assert_eq!((stat.value, stat.minimum, stat.maximum), (1, 1, 2));
    vserver.reset_hits(42).unwrap();
    assert_eq!(vserver.reset_hits(43), Err(ESRCH));
    assert_eq!(vserver.rlimit_stat(42, rlimit::SEMARY).unwrap().value, 0);
    assert_eq!(vserver.rlimit_stat(42, rlimit::RSS), Err(EINVAL));
}

#[test]
fn statistics_follow_the_tasks() {
    let (fake, vserver, pid) = model();
    let before = vserver.virt_stat(42).unwrap();
    assert_eq!((before.nr_threads, before.nr_forks), (1, 0));
    fake.run_as(pid, || fake.fork());
    let after = vserver.virt_stat(42).unwrap();
    assert_eq!((after.nr_threads, after.nr_forks), (2, 1));
    assert_eq!((after.nr_onhold, after.offset), (0, 0));
    assert!(after.uptime >= before.uptime);
    assert_eq!(vserver.virt_stat(abi::XID_SELF), Err(ESRCH));
}

#[test]
fn the_priority_bias_is_kept_for_each_processor() {
    let (_, vserver, _) = model();
    assert_eq!(vserver.prio_bias(42, 0), Ok(0));
    vserver.set_prio_bias(42, None, 30).unwrap();
    vserver.set_prio_bias(42, Some(1), -5).unwrap();
    assert_eq!(vserver.prio_bias(42, 0), Ok(20));
    assert_eq!(vserver.prio_bias(42, 1), Ok(-5));
    for absent in [PROCESSORS as i32, -2] {
        assert_eq!(vserver.prio_bias(42, absent), Err(EINVAL));
        assert_eq!(vserver.set_prio_bias(42, Some(absent), 0), Err(EINVAL));
    }
}

#[test]
fn the_end_of_a_context_is_remembered() {
    let (fake, _, pid) = model();
    assert_eq!(fake.ended(42), None);
    fake.note_reboot(42, abi::vsc::RESTART);
    fake.exit(pid, libc::SIGKILL);
    let end = fake.ended(42).unwrap();
    assert_eq!(end.reboot_cmd as u32, abi::vsc::RESTART);
    assert_eq!(end.exit_code, libc::SIGKILL);
}
