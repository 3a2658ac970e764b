// SPDX-License-Identifier: GPL-2.0

//! The safe interface against the model of the kernel side.

use libvserver::abi::{self, vcmd, vxf};
use libvserver::fake::{COMMANDS, Fake, HOST_TASK};
use libvserver::{Errno, Support, Vserver, probe_at};

const ENOSYS: Errno = Errno(libc::ENOSYS);
const EPERM: Errno = Errno(libc::EPERM);
const ESRCH: Errno = Errno(libc::ESRCH);
const EINVAL: Errno = Errno(libc::EINVAL);
const EACCES: Errno = Errno(libc::EACCES);

fn model() -> (Fake, Vserver<Fake>) {
    let fake = Fake::new();
    (fake.clone(), Vserver::with(fake))
}

/// Creates a context with one task and seals it.
fn sealed(fake: &Fake, vserver: &Vserver<Fake>, xid: u32) -> i32 {
    let pid = fake.fork();
    fake.run_as(pid, || {
        vserver.create(xid, Some(vxf::INIT_SET)).unwrap();
        vserver
            .set_flags(abi::XID_SELF, 0, vxf::STATE_SETUP | vxf::STATE_INIT)
            .unwrap();
    });
    pid
}

#[test]
fn versions_are_answered() {
    let (_, vserver) = model();
    assert_eq!(vserver.version(), Ok(0x0002_0308));
    assert_eq!(vserver.feature_word(), Ok(0x401));
    assert_eq!(vserver.space_mask(), Ok(0x7c02_0200));
    assert_eq!(vserver.space_default(), Ok(0x0c02_0200));
}

#[test]
fn ids_out_of_range_are_refused() {
    let (_, vserver) = model();
    for xid in [0, 1, 65_536, u32::MAX] {
        assert_eq!(vserver.create(xid, None), Err(EINVAL), "{xid}");
    }
    assert_eq!(vserver.info(0), Err(ESRCH));
    assert_eq!(vserver.info(1), Err(ESRCH));
    assert_eq!(vserver.info(abi::XID_SELF), Err(ESRCH));
}

#[test]
fn a_second_context_with_the_same_id_is_refused() {
    let (fake, vserver) = model();
    let child = fake.fork();
    fake.run_as(child, || vserver.create(42, Some(vxf::INIT_SET)).unwrap());
    assert_eq!(vserver.create(42, None), Err(Errno(libc::EBUSY)));
    vserver.set_flags(42, 0, vxf::STATE_SETUP).unwrap();
    assert_eq!(vserver.create(42, None), Err(Errno(libc::EEXIST)));
}

#[test]
fn a_context_ends_with_its_last_task_unless_it_is_persistent() {
    let (fake, vserver) = model();
    let first = sealed(&fake, &vserver, 42);
    let second = sealed(&fake, &vserver, 43);
    vserver
        .set_flags(43, vxf::PERSISTENT, vxf::PERSISTENT)
        .unwrap();
    fake.exit(first, 0);
    fake.exit(second, 0);
    assert_eq!(fake.contexts(), [43]);
    assert_eq!(vserver.stat(43).unwrap().tasks, 1);
    vserver.set_flags(43, 0, vxf::PERSISTENT).unwrap();
    assert_eq!(fake.contexts(), [0; 0]);
}

#[test]
fn one_time_flags_stay_cleared() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    vserver.set_flags(42, vxf::ONE_TIME, vxf::ONE_TIME).unwrap();
    let flags = vserver.flags(42).unwrap();
    assert_eq!(flags.value, vxf::STATE_ADMIN);
    assert_eq!(flags.mask, !(vxf::STATE_SETUP | vxf::STATE_INIT));
}

#[test]
fn clearing_the_init_flag_from_inside_registers_init() {
    let (fake, vserver) = model();
    let init = sealed(&fake, &vserver, 42);
    assert_eq!(vserver.info(42).unwrap().initpid, init as u32);
    let other = fake.fork();
    fake.run_as(other, || vserver.create(43, Some(vxf::INIT_SET)).unwrap());
    vserver.set_flags(43, 0, vxf::STATE_INIT).unwrap();
    assert_eq!(vserver.info(43).unwrap().initpid, 0);
}

#[test]
fn nothing_works_inside_a_sealed_context() {
    let (fake, vserver) = model();
    let inside = sealed(&fake, &vserver, 42);
    fake.run_as(inside, || {
        assert_eq!(vserver.version(), Err(ENOSYS));
        assert_eq!(vserver.become_spectator(), Err(ENOSYS));
        assert_eq!(vserver.create(43, None), Err(ENOSYS));
    });
}

#[test]
fn setup_reaches_only_the_own_context() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    let inside = fake.fork();
    fake.run_as(inside, || {
        vserver.create(43, Some(vxf::INIT_SET)).unwrap();
        vserver.set_bcaps(43, 5, u64::MAX).unwrap();
        assert_eq!(vserver.set_bcaps(42, 5, u64::MAX), Err(EPERM));
        assert_eq!(vserver.kill(42, 0, 9), Err(EPERM));
        assert_eq!(vserver.migrate(42, 0), Err(EPERM));
    });
    assert_eq!(vserver.bcaps(43).unwrap().value, 5);
}

#[test]
fn a_context_without_the_admin_flag_is_left_alone() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    vserver.set_flags(42, 0, vxf::STATE_ADMIN).unwrap();
    assert_eq!(vserver.set_ccaps(42, 1, 1), Err(EACCES));
    assert_eq!(vserver.enter_space(42, 0, 0), Err(EACCES));
    assert_eq!(vserver.kill(42, 0, 9), Err(EACCES));
    vserver.kill(42, 1, 9).unwrap();
    assert_eq!(fake.contexts(), [0; 0]);
}

#[test]
fn signals_reach_whom_they_name() {
    let (fake, vserver) = model();
    let init = sealed(&fake, &vserver, 42);
    let child = fake.run_as(init, || fake.fork());
    let stubborn = fake.run_as(init, || fake.fork());
    fake.ignore_signals(stubborn);
    assert_eq!(vserver.kill(42, HOST_TASK, 9), Err(ESRCH));
    assert_eq!(vserver.kill(42, 0, 99), Err(EINVAL));
    vserver.kill(42, -1, libc::SIGTERM).unwrap();
    assert_eq!(fake.tasks_of(42), [init, stubborn]);
    assert!(!fake.is_alive(child));
    vserver.kill(42, 0, libc::SIGKILL).unwrap();
    assert_eq!(fake.tasks(), [HOST_TASK]);
}

#[test]
fn spaces_are_entered_only_when_stored() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    let uts = abi::space::UTS;
    assert_eq!(vserver.enter_space(42, uts, 0), Err(EINVAL));
    vserver.set_space(42, uts, 0).unwrap();
    vserver.enter_space(42, uts, 0).unwrap();
    assert_eq!(vserver.enter_space(42, uts, 1), Err(EINVAL));
    assert_eq!(vserver.enter_space(42, uts, 2), Err(EINVAL));
    assert_eq!(vserver.set_space(42, 1, 0), Err(EINVAL));
}

#[test]
fn names_are_stored_and_checked() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    let field = abi::vhin::CONTEXT;
    assert_eq!(vserver.name(42, field).unwrap(), "");
    vserver.set_name(42, field, "web1").unwrap();
    assert_eq!(vserver.name(42, field).unwrap(), "web1");
    let long = "x".repeat(65);
    assert_eq!(
        vserver.set_name(42, field, &long),
        Err(Errno(libc::ENAMETOOLONG))
    );
    assert_eq!(vserver.set_name(42, field, "a\0b"), Err(EINVAL));
    assert_eq!(vserver.set_name(42, 9, "x"), Err(EINVAL));
    vserver.set_name(42, field, &long[..64]).unwrap();
    assert_eq!(vserver.name(42, field).unwrap(), long[..64]);
}

#[test]
fn words_keep_what_the_mask_leaves_out() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    vserver.set_umask(42, 0xff, 0xff).unwrap();
    vserver.set_umask(42, 0, 0x0f).unwrap();
    assert_eq!(vserver.umask(42).unwrap().value, 0xf0);
    vserver.set_wmask(42, 7, 5).unwrap();
    assert_eq!(vserver.wmask(42).unwrap().value, 5);
    vserver.set_badness(42, -12).unwrap();
    assert_eq!(vserver.badness(42), Ok(-12));
}

#[test]
fn task_ids_follow_the_tasks() {
    let (fake, vserver) = model();
    let inside = sealed(&fake, &vserver, 42);
    assert_eq!(vserver.task_xid(inside as u32), Ok(42));
    assert_eq!(vserver.task_xid(0), Ok(0));
    assert_eq!(vserver.task_xid(99_999), Err(ESRCH));
    let spectator = fake.fork();
    fake.run_as(spectator, || {
        vserver.become_spectator().unwrap();
        assert_eq!(vserver.task_xid(0), Ok(1));
        assert_eq!(vserver.kill(42, 0, 9), Err(EPERM));
    });
}

#[test]
fn injected_faults_hit_once_and_have_no_effect() {
    let (fake, vserver) = model();
    sealed(&fake, &vserver, 42);
    fake.fail_next(vcmd::SET_BCAPS, Errno(libc::ENOMEM));
    assert_eq!(vserver.set_bcaps(42, 0, u64::MAX), Err(Errno(libc::ENOMEM)));
    assert_eq!(vserver.bcaps(42).unwrap().value, u64::MAX);
    vserver.set_bcaps(42, 0, u64::MAX).unwrap();
    assert_eq!(vserver.bcaps(42).unwrap().value, 0);
}

#[test]
fn without_rights_every_command_is_absent() {
    let (fake, vserver) = model();
    fake.set_rights(false);
    for &cmd in COMMANDS {
        // SAFETY: a null pointer is always allowed.
        let result = unsafe {
            libvserver::Syscall::vserver(vserver.syscall(), cmd, 42, std::ptr::null_mut())
        };
        assert_eq!(result, Err(ENOSYS), "{cmd:#x}");
    }
}

#[test]
fn the_probe_tells_why_there_is_nothing() {
    let (fake, vserver) = model();
    let proc = std::env::temp_dir().join(format!("libvserver-probe-{}", std::process::id()));
    std::fs::create_dir_all(proc.join("self")).unwrap();
    assert_eq!(
        probe_at(&vserver, &proc),
        Support::Available {
            version: 0x0002_0308,
            features: 0x401
        }
    );
    fake.set_rights(false);
    assert_eq!(probe_at(&vserver, &proc), Support::NoSystemCall);
    std::fs::write(proc.join("self/vinfo"), "XID:\t0\n").unwrap();
    assert_eq!(probe_at(&vserver, &proc), Support::NoModule);
    std::fs::create_dir(proc.join("virtual")).unwrap();
    assert_eq!(probe_at(&vserver, &proc), Support::NoRight);
    fake.set_rights(true);
    fake.fail_next(vcmd::GET_VERSION, EINVAL);
    assert_eq!(probe_at(&vserver, &proc), Support::Broken(EINVAL));
    std::fs::remove_dir_all(proc).unwrap();
}
