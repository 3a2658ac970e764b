// SPDX-License-Identifier: GPL-2.0

//! The file systems of the test machine.

use super::modprobe;
use crate::harness::root;
use crate::sys::{Sys, describe, files};

/// Where the core module lies, in the initramfs and afterwards.
pub const CORE_MODULE: &str = "/lib/vserver.ko";

/// Moves from the initramfs, which cannot be pivoted away from, to a tmpfs and mounts everything
/// that the scenarios need. Names the step that failed.
pub fn set_up() -> Result<(), String> {
    let step = |name: &str, result: Sys<()>| {
        result.map_err(|error| format!("{name}: {}", describe(error)))
    };
    step("root", new_root())?;
    for (kind, path, data) in [
        ("proc", "/proc", ""),
        ("sysfs", "/sys", ""),
        ("devtmpfs", "/dev", ""),
        ("tmpfs", "/run", "mode=755"),
        ("tmpfs", "/tmp", "mode=1777"),
        ("tmpfs", root::BASE, "mode=755"),
    ] {
        step(path, mount(kind, path, data))?;
    }
    step("/dev/pts", mount("devpts", "/dev/pts", "ptmxmode=0666"))?;
    step("/dev/shm", mount("tmpfs", "/dev/shm", "mode=1777"))?;
    step("cgroup", mount("cgroup2", "/sys/fs/cgroup", ""))?;
    // Absent when the kernel has no debugfs: then there are no KUnit results and no leak scan,
    // and whoever needs them says so.
    let _ = mount("debugfs", "/sys/kernel/debug", "");
    step(modprobe::PATH, copy(root::PROGRAM, modprobe::PATH))
}

fn mount(kind: &str, path: &str, data: &str) -> Sys<()> {
    files::mkdir(path)?;
    files::mount(kind, path, kind, 0, data)
}

/// Copies program and module to a tmpfs and makes it the root.
fn new_root() -> Sys<()> {
    files::mkdir("/new")?;
    files::mount("root", "/new", "tmpfs", 0, "mode=755")?;
    copy(root::PROGRAM, &format!("/new{}", root::PROGRAM))?;
    if files::exists(CORE_MODULE).is_ok() {
        files::mkdir("/new/lib")?;
        copy(CORE_MODULE, &format!("/new{CORE_MODULE}"))?;
    }
    files::chdir("/new")?;
    files::mount(".", "/", "none", libc::MS_MOVE, "")?;
    files::chroot(".")?;
    files::chdir("/")
}

fn copy(from: &str, to: &str) -> Sys<()> {
    std::fs::copy(from, to)
        .map(|_| ())
        .map_err(|e| crate::sys::code(&e))
}
