// SPDX-License-Identifier: GPL-2.0

//! Network contexts, tags and features against the model of the kernel side.

use libvserver::abi::{self, feature, nxc, nxf, vxf};
use libvserver::fake::{Fake, HOST_TASK};
use libvserver::{Errno, Vserver};

const ENOSYS: Errno = Errno(libc::ENOSYS);
const EPERM: Errno = Errno(libc::EPERM);
const ESRCH: Errno = Errno(libc::ESRCH);
const EINVAL: Errno = Errno(libc::EINVAL);
const EACCES: Errno = Errno(libc::EACCES);

fn model() -> (Fake, Vserver<Fake>) {
    let fake = Fake::new();
    (fake.clone(), Vserver::with(fake))
}

/// Creates a network context with one task.
fn network(fake: &Fake, vserver: &Vserver<Fake>, nid: u32, flags: Option<u64>) -> i32 {
    let pid = fake.fork();
    fake.run_as(pid, || {
        assert_eq!(vserver.create_network(nid, flags), Ok(nid));
    });
    pid
}

#[test]
fn features_tell_size_version_and_bits() {
    let (fake, vserver) = model();
    let features = vserver.features().unwrap();
    assert_eq!(features.size, 16);
    assert_eq!(features.version, abi::FEATURES_VERSION);
    assert_ne!(features.bits & feature::HOST_CREATE, 0);
    fake.set_rights(false);
    assert_eq!(vserver.features(), Err(ENOSYS));
}

#[test]
fn features_are_cut_to_the_room_of_the_caller() {
    let (_, vserver) = model();
    let ask = |features: &mut abi::Features| {
        let data = std::ptr::from_mut(features).cast();
        // SAFETY: `data` is the structure of the command.
        unsafe { libvserver::Syscall::vserver(vserver.syscall(), abi::vcmd::GET_FEATURES, 0, data) }
    };
    let mut features = abi::Features {
        size: 8,
        version: 0,
        bits: 77,
    };
    assert_eq!(ask(&mut features), Ok(0));
    assert_eq!(
        (features.size, features.version, features.bits),
        (16, 1, 77)
    );
    features.size = 3;
    assert_eq!(ask(&mut features), Err(EINVAL));
}

#[test]
fn a_network_context_starts_with_the_flags_it_is_given() {
    let (fake, vserver) = model();
    network(&fake, &vserver, 42, None);
    network(&fake, &vserver, 43, Some(nxf::STATE_ADMIN));
    assert_eq!(vserver.network_flags(42).unwrap().value, nxf::INIT_SET);
    assert_eq!(vserver.network_flags(43).unwrap().value, nxf::STATE_ADMIN);
    assert_eq!(vserver.ncaps(42).unwrap().value, 0);
    let pid = fake.fork();
    fake.run_as(pid, || assert_eq!(vserver.create_network_v0(44), Ok(44)));
    assert_eq!(vserver.network_flags(44).unwrap().value, nxf::INIT_SET);
}

#[test]
fn bad_and_used_ids_are_refused() {
    let (fake, vserver) = model();
    for nid in [0, 1, 65_536, abi::XID_SELF] {
        assert_eq!(vserver.create_network(nid, None), Err(EINVAL), "{nid}");
        assert_eq!(vserver.network_id(nid), Err(ESRCH), "{nid}");
    }
    network(
        &fake,
        &vserver,
        42,
        Some(nxf::STATE_SETUP | nxf::STATE_ADMIN),
    );
    let busy = Err(Errno(libc::EBUSY));
    assert_eq!(vserver.create_network(42, None), busy);
    vserver.set_network_flags(42, 0, nxf::STATE_SETUP).unwrap();
    let exists = Err(Errno(libc::EEXIST));
    assert_eq!(vserver.create_network(42, None), exists);
    let private = Some(nxf::INFO_PRIVATE | nxf::STATE_ADMIN);
    assert_eq!(vserver.create_network(43, private), Err(EACCES));
}

#[test]
fn tasks_migrate_and_are_found() {
    let (fake, vserver) = model();
    let inside = network(&fake, &vserver, 42, None);
    let other = fake.fork();
    fake.run_as(other, || {
        vserver.migrate_network(42).unwrap();
        assert_eq!(vserver.network_id(abi::XID_SELF), Ok(42));
    });
    assert_eq!(vserver.task_nid(inside as u32), Ok(42));
    assert_eq!(vserver.task_nid(other as u32), Ok(42));
    assert_eq!(vserver.task_nid(0), Ok(0));
    assert_eq!(vserver.task_nid(99_999), Err(ESRCH));
    assert_eq!(vserver.network_id(42), Ok(42));
    assert_eq!(vserver.migrate_network(43), Err(ESRCH));
    let spectator = fake.fork();
    fake.run_as(spectator, || {
        vserver.become_network_spectator().unwrap();
        assert_eq!(vserver.task_nid(0), Ok(1));
    });
}

#[test]
fn a_network_context_ends_with_its_last_task_unless_it_is_persistent() {
    let (fake, vserver) = model();
    let first = network(&fake, &vserver, 42, None);
    let second = network(&fake, &vserver, 43, None);
    let persistent = nxf::PERSISTENT;
    vserver
        .set_network_flags(43, persistent, persistent)
        .unwrap();
    let child = fake.run_as(first, || fake.fork());
    fake.exit(first, 0);
    fake.exit(second, 0);
    assert_eq!(fake.networks(), [42, 43]);
    fake.run_as(child, || vserver.migrate_network(43).unwrap());
    assert_eq!(fake.networks(), [43]);
    fake.exit(child, 0);
    vserver.set_network_flags(43, 0, persistent).unwrap();
    assert_eq!(fake.networks(), [0; 0]);
    assert_eq!(fake.tasks(), [HOST_TASK]);
}

#[test]
fn private_and_closed_network_contexts_are_left_alone() {
    let (fake, vserver) = model();
    network(&fake, &vserver, 42, None);
    vserver
        .set_network_flags(42, nxf::INFO_PRIVATE, nxf::INFO_PRIVATE)
        .unwrap();
    assert_eq!(vserver.migrate_network(42), Err(EACCES));
    vserver.set_network_flags(42, 0, nxf::STATE_ADMIN).unwrap();
    assert_eq!(vserver.set_ncaps(42, 1, 1), Err(EACCES));
    // Both one-time flags are gone for good.
    assert_eq!(vserver.network_flags(42).unwrap().mask, !nxf::ONE_TIME);
    assert_eq!(vserver.network_id(42), Ok(42));
}

#[test]
fn capabilities_keep_what_the_mask_leaves_out() {
    let (fake, vserver) = model();
    network(&fake, &vserver, 42, None);
    vserver
        .set_ncaps(42, u64::MAX, nxc::RAW_ICMP | nxc::TUN_CREATE)
        .unwrap();
    vserver.set_ncaps(42, 0, nxc::TUN_CREATE).unwrap();
    let word = vserver.ncaps(42).unwrap();
    assert_eq!((word.value, word.mask), (nxc::RAW_ICMP, u64::MAX));
}

#[test]
fn setup_reaches_only_the_own_network_context() {
    let (fake, vserver) = model();
    network(&fake, &vserver, 42, None);
    let inside = network(&fake, &vserver, 43, None);
    fake.run_as(inside, || {
        vserver.create(43, Some(vxf::INIT_SET)).unwrap();
        vserver.set_ncaps(abi::XID_SELF, 1, 1).unwrap();
        assert_eq!(vserver.set_ncaps(42, 1, 1), Err(EPERM));
        assert_eq!(vserver.migrate_network(42), Err(EPERM));
        assert_eq!(vserver.create_network(44, None), Err(EPERM));
        assert_eq!(vserver.migrate_tag(5), Err(EPERM));
    });
    assert_eq!(vserver.ncaps(43).unwrap().value, 1);
}

#[test]
fn tags_are_inherited() {
    let (fake, vserver) = model();
    vserver.migrate_tag(0x1_002a).unwrap();
    let child = fake.fork();
    assert_eq!(vserver.task_tag(child as u32), Ok(42));
    vserver.migrate_tag(0).unwrap();
    assert_eq!(vserver.task_tag(0), Ok(0));
    assert_eq!(vserver.task_tag(99_999), Err(ESRCH));
}
