// SPDX-License-Identifier: GPL-2.0

//! Commands inside a guest that somebody holds up or disturbs on the way.

use super::{Bench, make_context, program};
use libvserver::abi::vcmd;
use libvserver::fake::Fake;
use libvserver::{Errno, Syscall};
use std::ffi::c_void;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use vserver::execute;
use vserver::linux::companion::{Signals, accompany};
use vserver::linux::streams::Streams;
use vserver::linux::{Layout, Linux};
use vserver::start::exit_status_of;
use vserver::system::System;

/// How long something may take that is about to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `what` has happened.
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn children() -> String {
    fs::read_to_string("/proc/thread-self/children").unwrap()
}

/// Runs a shell script inside context 42; returns its exit status.
fn run(bench: &Bench, script: &str) -> u8 {
    let guest = bench.guest();
    let words = program(&guest, &["sh", "-c", script]);
    let signals = Signals::catch().unwrap();
    let streams = Streams::new().unwrap();
    let mut child = execute::launch(&bench.system, &guest.name, 42, &streams, &[words]).unwrap();
    exit_status_of(accompany(&bench.system, 42, &mut child, streams, &signals).unwrap())
}

pub fn a_command_that_is_held_up_can_be_cancelled(bench: &Bench) {
    make_context(bench);
    let guest = bench.guest();
    if bench.system.create_cgroup(&guest.name).unwrap().is_none() {
        println!("left out: no cgroup2 file system is mounted");
        return;
    }
    let freeze = |value| {
        let result = bench
            .system
            .write_cgroup(&guest.name, "cgroup.freeze", value);
        result.unwrap();
    };
    freeze("1");
    let signals = Signals::catch().unwrap();
    bench.system.cancel_by(signals.ending().unwrap());
    // SAFETY: the call takes no pointers; the signal is caught.
    unsafe { libc::raise(libc::SIGINT) };
    let words = program(&guest, &["/bin/true"]);
    let streams = Streams::new().unwrap();
    let failure = execute::launch(&bench.system, &guest.name, 42, &streams, &[words]).unwrap_err();
    assert!(failure.message.contains("was cancelled"), "{failure:?}");
    // Still to be had, and here the signal must not have its effect.
    assert_eq!(signals.next().unwrap(), Some(libc::SIGINT));
    assert_eq!(children(), "", "the frozen child is gone");
    bench.system.remove_cgroup(&guest.name).unwrap();
}

/// What commands have made below the cgroup of the guest.
fn places(cgroup: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cgroup).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.starts_with("vserver-exec-")
        })
        .map(|entry| entry.path())
        .collect()
}

pub fn a_command_has_a_place_of_its_own_below_distributed_cgroups(bench: &Bench) {
    make_context(bench);
    let name = bench.guest().name;
    let Some(cgroup) = bench.system.create_cgroup(&name).unwrap() else {
        println!("left out: no cgroup2 file system is mounted");
        return;
    };
    let all = cgroup.path.parent().unwrap();
    let top = all.parent().unwrap();
    let found = fs::read_to_string(top.join("cgroup.controllers")).unwrap();
    let Some(controller) = found.split_whitespace().next() else {
        bench.system.remove_cgroup(&name).unwrap();
        println!("left out: cgroup2 has no controller");
        return;
    };
    let control = "cgroup.subtree_control";
    let before = [top, all].map(|path| fs::read_to_string(path.join(control)).unwrap());
    assert!(bench.system.enable_controller(&name, controller).unwrap());
    // As a guest does it that wants to keep commands of the host.
    let trap = cgroup.path.join("vserver-exec");
    fs::create_dir(&trap).unwrap();
    fs::write(trap.join("cgroup.freeze"), "1").unwrap();
    fs::write(cgroup.path.join(control), format!("+{controller}")).unwrap();

    let output = bench.directory.path().join("output");
    let script = format!(
        "cat /proc/self/cgroup > {}; sleep 1000 & exit 7",
        output.display()
    );
    assert_eq!(run(bench, &script), 7);
    let text = fs::read_to_string(&output).unwrap();
    let inside = format!("/vserver/{name}/vserver-exec-");
    assert!(text.contains(&inside), "{text}");
    assert_eq!(run(bench, "exit 8"), 8);
    assert_eq!(places(&cgroup.path).len(), 2);
    // The first is in use as long as the background process of its command.
    bench.system.tidy_cgroup(&name);
    let left = places(&cgroup.path);
    assert_eq!(left.len(), 1);
    fs::write(left[0].join("cgroup.kill"), "1").unwrap();
    until("the place is not empty", || {
        bench.system.tidy_cgroup(&name);
        places(&cgroup.path).is_empty()
    });

    bench.system.remove_cgroup(&name).unwrap();
    for (path, before) in [all, top].into_iter().zip(before.iter().rev()) {
        if !before.split_whitespace().any(|one| one == controller) {
            // Fails when somebody else uses it meanwhile.
            let _ = fs::write(path.join(control), format!("-{controller}"));
        }
    }
}

/// A kernel in which the way into a context takes too long.
#[derive(Clone)]
struct Stuck {
    fake: Fake,
    mark: PathBuf,
}

impl Syscall for Stuck {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        if cmd == vcmd::CTX_MIGRATE {
            fs::write(&self.mark, "").unwrap();
            std::thread::sleep(2 * PATIENCE);
            return Err(Errno(libc::ETIMEDOUT));
        }
        // SAFETY: passed on unchanged.
        unsafe { self.fake.vserver(cmd, id, data) }
    }
}

pub fn a_command_on_its_way_in_ends_with_its_starter(bench: &Bench) {
    make_context(bench);
    let guest = bench.guest();
    let mark = bench.directory.path().join("mark");
    let stuck = Stuck {
        fake: bench.fake.clone(),
        mark: mark.clone(),
    };
    let system = Linux::new(stuck, Layout::default());
    let words = program(&guest, &["/bin/true"]);
    // SAFETY: this process has one thread; the calls take no pointers, but for the status.
    let starter = unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1), 0);
        libc::fork()
    };
    if starter == 0 {
        let streams = Streams::new().unwrap();
        let _ = execute::launch(&system, &guest.name, 42, &streams, &[words]);
        // SAFETY: as above.
        unsafe { libc::_exit(0) };
    }
    until("the child is not on its way", || mark.exists());
    // SAFETY: as above.
    assert_eq!(unsafe { libc::kill(starter, libc::SIGKILL) }, 0);
    for what in ["the starter lives", "the child of the starter lives"] {
        until(what, || {
            let mut status = 0;
            // SAFETY: as above.
            let ended = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
            let status = ExitStatus::from_raw(status);
            assert!(ended <= 0 || status.signal() == Some(libc::SIGKILL));
            ended > 0
        });
    }
    assert_eq!(children(), "");
}
