// SPDX-License-Identifier: GPL-2.0

//! Context capabilities about mounts, and the mount table that a flag hides.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context};
use crate::sys::{Sys, files, process};
use libvserver::abi::{space, vxc, vxf};

const CAP_SYS_ADMIN: u32 = 21;
const BASE: &str = "/run/mounts";

/// One way.
type Way = fn() -> Sys<()>;

/// Ways to attach something to `/run/mounts/<to>` that need no new superblock, and the way back.
const WAYS: [(&str, Way); 5] = [
    ("bind", || bind().and_then(|()| files::detach(&at("to")))),
    ("clone and move", || {
        files::clone_mount(&at("from"), &at("to"))?;
        files::detach(&at("to"))
    }),
    ("mount procfs", || {
        files::mount("proc", &at("to"), "proc", 0, "")?;
        files::detach(&at("to"))
    }),
    ("change the propagation", || {
        files::mount("none", "/", "none", libc::MS_REC | libc::MS_PRIVATE, "")
    }),
    ("pivot_root", pivot),
];

fn at(name: &str) -> String {
    format!("{BASE}/{name}")
}

fn bind() -> Sys<()> {
    files::mount(&at("from"), &at("to"), "none", libc::MS_BIND, "")
}

/// Only for a process that ends afterwards: its mount namespace is that of the guest, so it turns
/// the root back.
fn pivot() -> Sys<()> {
    bind()?;
    files::chdir(&at("to"))?;
    files::pivot_root(".", "old")?;
    files::chdir("/old")?;
    files::pivot_root(".", "run/mounts/to")?;
    files::detach(&at("to"))
}

fn virtual_file_system() -> Sys<()> {
    files::mount("tmpfs", &at("to"), "tmpfs", 0, "")?;
    files::detach(&at("to"))
}

/// Reads a device file in a new file system, as it was mounted and after a change of its options.
fn devices_in_new() -> Sys<(Sys<()>, Sys<()>)> {
    let to = at("to");
    let zero = format!("{to}/zero");
    let read = || {
        std::fs::File::open(&zero)
            .map(|_| ())
            .map_err(|e| crate::sys::code(&e))
    };
    files::mount("tmpfs", &to, "tmpfs", 0, "")?;
    files::mknod(&zero, libc::S_IFCHR, libc::makedev(1, 5))?;
    let before = read();
    // Asks for a mount without any restriction.
    files::mount("none", &to, "none", libc::MS_REMOUNT | libc::MS_BIND, "")?;
    let after = read();
    files::detach(&to)?;
    Ok((before, after))
}

pub fn run(t: &mut Test) -> Outcome {
    for directory in ["from/old", "to"] {
        files::mkdir(&at(directory)).need("directory")?;
    }
    let before = files::read("/proc/self/mounts").need("mounts of the host")?;

    let plan = |xid| {
        Guest::plan(xid)
            .namespaces(space::MNT)
            .bcaps(!(1 << CAP_SYS_ADMIN))
    };
    let guest = plan(t.xid()).start()?;
    let other = plan(t.xid()).start()?;
    let allow = |t: &mut Test, bits: u64| {
        t.ok(
            "set the bits",
            context::set_ccaps(guest.xid(), bits, u64::MAX),
        );
    };
    let all_others = !(vxc::SECURE_MOUNT | vxc::DEV_MOUNT | vxc::BINARY_MOUNT);

    guest
        .enter(files::make_private)?
        .err()
        .filter(|error| *error == libc::EPERM)
        .need("a guest that may not mount")?;
    allow(t, vxc::SECURE_MOUNT);
    t.ok("private mounts", guest.enter(files::make_private)?);
    for (name, way) in WAYS {
        allow(t, all_others);
        t.refused(
            &format!("inside, without SECURE_MOUNT: {name}"),
            guest.enter(way)?,
            libc::EPERM,
        );
        allow(t, vxc::SECURE_MOUNT);
        t.ok(
            &format!("inside, with SECURE_MOUNT: {name}"),
            guest.enter(way)?,
        );
        t.refused(
            &format!("inside, given up: {name}"),
            guest.enter(|| {
                process::drop_bounding(CAP_SYS_ADMIN)?;
                way()
            })?,
            libc::EPERM,
        );
        t.refused(
            &format!("another guest: {name}"),
            other.enter(way)?,
            libc::EPERM,
        );
    }
    allow(t, vxc::SECURE_MOUNT);
    t.ok("a mount to take away", guest.enter(bind)?);
    allow(t, all_others);
    t.refused(
        "inside, without SECURE_MOUNT: umount",
        guest.enter(|| files::detach(&at("to")))?,
        libc::EPERM,
    );
    allow(t, vxc::SECURE_MOUNT);
    t.ok(
        "inside, with SECURE_MOUNT: umount",
        guest.enter(|| files::detach(&at("to")))?,
    );

    t.refused(
        "without BINARY_MOUNT: a virtual file system",
        guest.enter(virtual_file_system)?,
        libc::EPERM,
    );
    allow(t, vxc::BINARY_MOUNT);
    t.refused(
        "with BINARY_MOUNT alone: a virtual file system",
        guest.enter(virtual_file_system)?,
        libc::EPERM,
    );
    allow(t, vxc::SECURE_MOUNT | vxc::BINARY_MOUNT);
    t.ok(
        "with both: a virtual file system",
        guest.enter(virtual_file_system)?,
    );

    let refused = (Err(libc::EACCES), Err(libc::EACCES));
    t.gives(
        "without DEV_MOUNT: a device in it, before and after a remount",
        guest.enter(devices_in_new)?,
        refused,
    );
    allow(t, vxc::SECURE_MOUNT | vxc::BINARY_MOUNT | vxc::DEV_MOUNT);
    t.gives(
        "with DEV_MOUNT: a device in it, before and after a remount",
        guest.enter(devices_in_new)?,
        (Ok(()), Ok(())),
    );
    t.gives(
        "the mounts of the host are as before",
        files::read("/proc/self/mounts"),
        before,
    );
    let _ = std::fs::remove_dir_all(BASE);
    hidden(t)
}

fn lines(w: &Words) -> Sys<usize> {
    files::read(&w.text).map(|text| text.lines().count())
}

/// With HIDE_MOUNT the tables of mounts are empty inside.
fn hidden(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).flags(vxf::HIDE_MOUNT).start()?;
    let mut other = Guest::start(t.xid())?;
    for name in ["mounts", "mountinfo", "mountstats"] {
        let path = format!("/proc/self/{name}");
        t.gives(
            &format!("inside, with HIDE_MOUNT: lines of {name}"),
            guest.tell(lines, &path, &[])?,
            0,
        );
        let told = other.tell(lines, &path, &[])?;
        t.check(
            &format!("another guest: {name} has lines"),
            told.is_ok_and(|lines| lines > 0),
        );
        let told = files::read(&path).map(|text| text.lines().count());
        t.check(
            &format!("host: {name} has lines"),
            told.is_ok_and(|lines| lines > 0),
        );
    }
    t.ok(
        "take the flag away",
        context::set_flags(guest.xid(), 0, vxf::HIDE_MOUNT),
    );
    let told = guest.tell(lines, "/proc/self/mounts", &[])?;
    t.check("inside: mounts are told now", told.is_ok_and(|n| n > 0));
    Ok(())
}
