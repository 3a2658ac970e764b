// SPDX-License-Identifier: GPL-2.0

//! Variables below /proc/sys: a guest reads them all, and changes those of its own namespaces.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Stop, Words, context, root};
use crate::sys::{Sys, files, spaces};
use libvserver::abi::{space, vxc};

/// Capabilities of the mask: all but SYS_ADMIN.
const NO_ADMIN: u64 = !(1 << 21);

/// Variables of the machine: a guest never changes them.
const MACHINE: &[&str] = &[
    "vm/swappiness",
    "kernel/panic",
    "kernel/core_pattern",
    "kernel/modprobe",
    "fs/file-max",
    "user/max_uts_namespaces",
];

/// Variables of namespaces, and a value that none has by itself.
const OWN: &[(u64, &str, &str)] = &[
    (space::IPC, "kernel/shmmni", "1234"),
    (space::IPC, "kernel/msgmax", "4321"),
    (space::IPC, "fs/mqueue/msg_max", "9"),
    (space::NET, "net/ipv4/ip_forward", "1"),
    (space::NET, "net/ipv6/conf/all/forwarding", "1"),
    (space::NET, "net/core/somaxconn", "77"),
    (space::PID, "kernel/pid_max", "9999"),
];

pub fn run(t: &mut Test) -> Outcome {
    namespaces_of_its_own(t)?;
    shared_namespaces(t)?;
    names(t)
}

fn path(name: &str) -> String {
    format!("/proc/sys/{name}")
}

/// A variable, with the spaces of a list made the same.
fn read(name: &str) -> Sys<String> {
    let text = files::read(&path(name))?;
    Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn read_inside(w: &Words) -> Sys<String> {
    read(&w.text)
}

/// Writes the value behind the name.
fn write_inside(w: &Words) -> Sys<()> {
    let (name, value) = w.text.split_once('=').ok_or(libc::EINVAL)?;
    files::write(&path(name), value)
}

fn mount_proc(_: &Words) -> Sys<()> {
    root::mount_proc()
}

fn write(guest: &mut Guest, name: &str, value: &str) -> Result<Sys<()>, Stop> {
    guest.tell(write_inside, &format!("{name}={value}"), &[])
}

/// The guest cannot write what the variable holds already, and not because it cannot see it.
fn is_not_writable(t: &mut Test, guest: &mut Guest, name: &str) -> Outcome {
    let value = guest.tell(read_inside, name, &[])?;
    if let Some(value) = t.ok(&format!("inside: reads {name}"), value) {
        t.equal(&format!("inside: {name}"), Ok(value.clone()), read(name));
        let answer = write(guest, name, &value)?;
        t.refused(&format!("inside: writes {name}"), answer, libc::EACCES);
    }
    Ok(())
}

fn namespaces_of_its_own(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).whole().start()?;
    let mut other = Guest::plan(t.xid()).whole().start()?;
    t.ok("inside: /proc", guest.ask(mount_proc)?);
    t.ok("another guest: /proc", other.ask(mount_proc)?);
    for name in MACHINE {
        is_not_writable(t, &mut guest, name)?;
    }
    for (_, name, value) in OWN {
        let before = read(name);
        let before_other = other.tell(read_inside, name, &[])?;
        t.check(
            &format!("outside: {name} is another"),
            before.as_deref() != Ok(*value) && before_other.as_deref() != Ok(*value),
        );
        t.ok(
            &format!("inside: writes {name}"),
            write(&mut guest, name, value)?,
        );
        let after = guest.tell(read_inside, name, &[])?;
        t.gives(&format!("inside: {name}"), after, (*value).to_owned());
        t.equal(&format!("outside: {name}"), read(name), before);
        let after = other.tell(read_inside, name, &[])?;
        t.equal(&format!("another guest: {name}"), after, before_other);
    }
    Ok(())
}

/// A guest without namespaces of its own has none of these variables.
fn shared_namespaces(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    for name in MACHINE {
        is_not_writable(t, &mut guest, name)?;
    }
    for (_, name, _) in OWN {
        is_not_writable(t, &mut guest, name)?;
    }
    for (own, kept) in [(space::IPC, space::NET), (space::NET, space::IPC)] {
        let plan = Guest::plan(t.xid()).namespaces(own | space::MNT | space::PID);
        let mut guest = plan.start()?;
        t.ok("inside: /proc", guest.ask(own_proc)?);
        for (_, name, _) in OWN.iter().filter(|(bit, ..)| *bit == kept) {
            is_not_writable(t, &mut guest, name)?;
        }
        for (_, name, value) in OWN.iter().filter(|(bit, ..)| *bit == own) {
            let answer = write(&mut guest, name, value)?;
            t.ok(&format!("inside: writes {name}"), answer);
        }
    }
    Ok(())
}

fn own_proc(_: &Words) -> Sys<()> {
    files::make_private()?;
    root::mount_proc()
}

/// The names of the machine: by the capability that sethostname(2) asks for.
fn names(t: &mut Test) -> Outcome {
    let host = spaces::hostname();
    for (what, bcaps, ccaps, want) in [
        ("with both", u64::MAX, vxc::SET_UTSNAME, Ok(())),
        ("by the mask", u64::MAX, 0, Ok(())),
        ("by the context", NO_ADMIN, vxc::SET_UTSNAME, Ok(())),
        ("with neither", NO_ADMIN, 0, Err(libc::EACCES)),
    ] {
        let plan = Guest::plan(t.xid()).namespaces(space::UTS).bcaps(bcaps);
        let mut guest = plan.start()?;
        t.ok(
            "outside: context capabilities",
            context::set_ccaps(guest.xid(), ccaps, u64::MAX),
        );
        for name in ["kernel/hostname", "kernel/domainname"] {
            let answer = write(&mut guest, name, "guest.example")?;
            t.equal(&format!("inside, {what}: writes {name}"), answer, want);
            let after = guest.tell(read_inside, name, &[])?;
            t.equal(
                &format!("inside, {what}: {name} has changed"),
                after == Ok("guest.example".to_owned()),
                want.is_ok(),
            );
        }
        t.equal(
            "outside: the name of the machine",
            spaces::hostname(),
            host.clone(),
        );
    }
    let mut guest = Guest::start(t.xid())?;
    for name in ["kernel/hostname", "kernel/domainname"] {
        is_not_writable(t, &mut guest, name)?;
    }
    Ok(())
}
