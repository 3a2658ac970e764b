// SPDX-License-Identifier: GPL-2.0

//! Entering a whole guest lands in all of its namespaces.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, subprocess};
use crate::sys::{Sys, files, process, spaces};

/// What a process of the guest is surrounded by.
type Surroundings = (Vec<String>, String, u64, Vec<i32>);

/// Namespaces, host name, inode of the root, processes.
fn look() -> Sys<Surroundings> {
    let names = spaces::NAMES
        .iter()
        .map(|name| spaces::identity(name))
        .collect::<Sys<Vec<_>>>()?;
    Ok((
        names,
        spaces::hostname()?,
        files::inode("/")?,
        files::numbers("/proc")?,
    ))
}

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).whole().open().start()?;
    t.ok(
        "inside: own host name",
        guest.ask(|_| spaces::set_hostname("whole"))?,
    );
    t.ok(
        "inside: a mark in the root",
        guest.ask(|_| files::create("/mark", "inside"))?,
    );
    t.ok("seal", guest.seal());
    let inside = guest.ask(|_: &Words| look())?.need("surroundings inside")?;
    let host = look().need("surroundings of the host")?;
    for (index, name) in spaces::NAMES.iter().enumerate() {
        t.check(
            &format!("the guest's {name} namespace is its own"),
            inside.0[index] != host.0[index],
        );
    }

    // The pid and time namespaces are those of children.
    let entered = guest.enter(|| {
        let first = (
            spaces::hostname(),
            files::read("/mark"),
            files::exists(crate::harness::root::BASE),
        );
        let child = subprocess(|| {
            // SAFETY: no precondition.
            let parent = unsafe { libc::getppid() };
            (look(), process::getpid(), parent)
        });
        (first, child.map_err(|_| libc::ECHILD))
    })?;
    let ((hostname, mark, base), child) = entered;
    t.gives("entered: host name", hostname, "whole".to_string());
    t.gives(
        "entered: the root is the guest's",
        mark,
        "inside".to_string(),
    );
    t.refused(
        "entered: the host's directories are not there",
        base,
        libc::ENOENT,
    );
    let (around, pid, parent) = child.need("child of the entered process")?;
    let Some(around) = t.ok("entered: look around", around) else {
        return Ok(());
    };
    for (index, name) in spaces::NAMES.iter().enumerate() {
        t.equal(
            &format!("entered: {name} namespace"),
            around.0[index].as_str(),
            inside.0[index].as_str(),
        );
    }
    t.equal("entered: host name", around.1.as_str(), "whole");
    t.equal("entered: root directory", around.2, inside.2);
    t.check("entered: a small pid", (2..100).contains(&pid));
    t.equal("entered: the parent is outside", parent, 0);
    t.check("entered: it sees the guest's pid 1", around.3.contains(&1));
    t.check("entered: and itself", around.3.contains(&pid));
    t.equal("entered: and nobody else", around.3.len(), 2);

    let after = look().need("surroundings of the host")?;
    t.equal("control: the host is where it was", after.0, host.0);
    t.equal("control: with its own name", after.1, host.1);
    Ok(())
}
