// SPDX-License-Identifier: GPL-2.0

//! Entries of procfs that are hidden, and what a guest may write there.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Words, spectator};
use crate::machine::entries;
use crate::sys::{Sys, files};
use libvserver::abi::iattr;

/// An entry that no other scenario needs while this one runs.
const ENTRY: &str = "/proc/loadavg";
const DIRECTORY: &str = "/proc/tty";
const BELOW: &str = "/proc/tty/drivers";

fn listed(directory: &str, name: &str) -> Sys<bool> {
    Ok(files::list(directory)?.iter().any(|entry| entry == name))
}

fn read_entry(_: &Words) -> Sys<()> {
    files::read(ENTRY).map(|_| ())
}

fn list_entry(_: &Words) -> Sys<bool> {
    listed("/proc", "loadavg")
}

fn read_below(_: &Words) -> Sys<()> {
    files::read(BELOW).map(|_| ())
}

fn write_sysctl(_: &Words) -> Sys<()> {
    files::write("/proc/sys/kernel/shmmni", "4096")
}

fn write_own(_: &Words) -> Sys<()> {
    files::write("/proc/self/coredump_filter", "0x33")
}

fn write_entry(_: &Words) -> Sys<()> {
    files::write("/proc/sysrq-trigger", "h")
}

pub fn run(t: &mut Test) -> Outcome {
    let outcome = hidden(t);
    // Other scenarios find them again.
    t.ok("release the entries", entries::release_all());
    outcome?;
    writing(t)
}

fn hidden(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    t.ok("inside: a released entry", guest.ask(read_entry)?);
    t.gives("inside: it is listed", guest.ask(list_entry)?, true);

    t.ok(
        "hide it from guests and spectators",
        entries::set(ENTRY, iattr::ADMIN | iattr::HIDE),
    );
    t.gives("its bits", entries::bits(ENTRY), iattr::ADMIN | iattr::HIDE);
    t.refused(
        "inside: it is not there",
        guest.ask(read_entry)?,
        libc::ENOENT,
    );
    t.gives("inside: nor listed", guest.ask(list_entry)?, false);
    t.refused(
        "spectator: it is not there",
        spectator(|| files::read(ENTRY))?,
        libc::ENOENT,
    );
    t.ok("host: it is there", files::read(ENTRY).map(|_| ()));
    t.gives("host: and listed", listed("/proc", "loadavg"), true);

    t.ok(
        "let the spectator in",
        entries::set(ENTRY, iattr::ADMIN | iattr::WATCH | iattr::HIDE),
    );
    t.ok(
        "spectator: it is there",
        spectator(|| files::read(ENTRY))?.map(|_| ()),
    );
    t.refused("inside: still not", guest.ask(read_entry)?, libc::ENOENT);

    t.ok(
        "hide it from the host, too",
        entries::set(ENTRY, iattr::WATCH | iattr::HIDE),
    );
    t.refused("host: it is not there", files::read(ENTRY), libc::ENOENT);
    t.gives("host: nor listed", listed("/proc", "loadavg"), false);
    t.ok(
        "the spectator gives it back",
        spectator(|| entries::set(ENTRY, iattr::ADMIN | iattr::WATCH))?,
    );
    t.ok("inside: it is there again", guest.ask(read_entry)?);
    Ok(())
}

fn writing(t: &mut Test) -> Outcome {
    t.ok(
        "host: a directory can be hidden",
        entries::set(DIRECTORY, iattr::ADMIN | iattr::HIDE),
    );
    let mut guest = Guest::plan(t.xid()).open().start()?;
    t.refused(
        "inside: nothing below it",
        guest.ask(read_below)?,
        libc::ENOENT,
    );
    t.ok("inside, in setup: write a sysctl", guest.ask(write_sysctl)?);
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: write a sysctl",
        guest.ask(write_sysctl)?,
        libc::EACCES,
    );
    t.refused(
        "inside, sealed: write an entry",
        guest.ask(write_entry)?,
        libc::EACCES,
    );
    t.ok(
        "inside, sealed: a file of its own process",
        guest.ask(write_own)?,
    );
    t.ok(
        "host: write a sysctl",
        files::write("/proc/sys/kernel/shmmni", "4096"),
    );
    t.ok("release the directory", entries::release_all());
    Ok(())
}
