// SPDX-License-Identifier: GPL-2.0

//! What mount tables say about the root of a guest.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, context, spectator};
use crate::sys::{Sys, files};
use libvserver::abi::vxf;

/// The lines about the root: a mount point of "/".
fn roots(path: &str, column: usize) -> Sys<Vec<String>> {
    Ok(files::read(path)?
        .lines()
        .filter(|line| line.split(' ').nth(column) == Some("/"))
        .map(String::from)
        .collect())
}

fn mounts() -> Sys<String> {
    roots("/proc/self/mounts", 1).map(|lines| lines.join("\n"))
}

fn mountstats() -> Sys<String> {
    roots("/proc/self/mountstats", 4).map(|lines| lines.join("\n"))
}

fn mountinfo() -> Sys<String> {
    roots("/proc/self/mountinfo", 4).map(|lines| lines.join("\n"))
}

/// Whether the text is one line that starts and ends like this.
fn one(text: &Sys<String>, start: &str, end: &str) -> bool {
    text.as_ref().is_ok_and(|text| {
        text.lines().count() == 1 && text.starts_with(start) && text.ends_with(end)
    })
}

pub fn run(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).whole().start()?;
    let inside = guest.ask(|_| mounts())?;
    t.check(
        "inside: the root is /dev/root",
        one(&inside, "/dev/root / tmpfs rw", " 0 0"),
    );
    let inside = guest.ask(|_| mountstats())?;
    t.check(
        "inside: statistics",
        one(
            &inside,
            "device /dev/root mounted on / with fstype tmpfs",
            "",
        ),
    );
    let inside = guest.ask(|_| mountinfo())?;
    t.check(
        "inside: the other table keeps the name",
        inside.is_ok_and(|line| !line.is_empty() && !line.contains("/dev/root")),
    );
    let others = guest.ask(|_| files::read("/proc/self/mounts"))?;
    t.check(
        "inside: others than the root keep their names",
        others.is_ok_and(|text| {
            text.contains("proc /proc proc ") && text.matches("/dev/root").count() == 1
        }),
    );
    let outside = files::read("/proc/self/mounts");
    t.check(
        "the host: no such name",
        outside.is_ok_and(|text| !text.contains("/dev/root ")),
    );
    let pid = guest.pid();
    t.check(
        "a spectator sees the device",
        spectator(|| files::read(&format!("/proc/{pid}/mounts")))?
            .is_ok_and(|text| !text.is_empty() && !text.contains("/dev/root ")),
    );
    t.ok(
        "hide the tables",
        context::set_flags(guest.xid(), vxf::HIDE_MOUNT, vxf::HIDE_MOUNT),
    );
    t.gives("inside: hidden", guest.ask(|_| mounts())?, String::new());
    guest.stop().map(|_| ())?;
    directory(t)
}

/// A root that is a directory inside of a mount has a line as well.
fn directory(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let inside = guest.ask(|_| -> Sys<String> {
        files::mkdir("/tmp/root")?;
        files::mkdir("/tmp/root/proc")?;
        files::mount("proc", "/tmp/root/proc", "proc", 0, "")?;
        files::chroot("/tmp/root")?;
        files::chdir("/")?;
        mounts()
    })?;
    t.check(
        "inside: a directory is the root",
        one(&inside, "/dev/root / ", " 0 0"),
    );
    guest.stop()?;
    let host = files::read("/proc/self/mounts");
    t.check(
        "the host has a mount there",
        host.is_ok_and(|text| text.contains("/tmp/root/proc")),
    );
    let _ = files::detach("/tmp/root/proc");
    Ok(())
}
