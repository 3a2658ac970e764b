// SPDX-License-Identifier: GPL-2.0

//! A file system in layers that the host has mounted: a guest sees what the host sees, also where
//! the layers say so by attributes that it may not read itself.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, context};
use crate::sys::{Sys, files, spaces, xattr};
use libvserver::abi::space;
use std::fs;

const TOP: &str = "/run/layers";

/// `mount(2)` of the layers.
fn mount() -> Sys<()> {
    let options = format!("lowerdir={TOP}/lower,upperdir={TOP}/upper,workdir={TOP}/work");
    files::mount("layers", &format!("{TOP}/merged"), "overlay", 0, &options)
}

fn names() -> Sys<Vec<String>> {
    files::list(&format!("{TOP}/merged/directory"))
}

/// The layers, with a directory that was removed and made again: the upper one hides the lower.
fn make() -> Outcome {
    let done =
        |what, result: std::io::Result<()>| result.map_err(|e| crate::sys::code(&e)).need(what);
    fs::create_dir_all(TOP).ok().need("a directory")?;
    files::mount("layers", TOP, "tmpfs", 0, "").need("a file system for the layers")?;
    for name in ["lower", "upper", "work", "merged", "lower/directory"] {
        files::mkdir(&format!("{TOP}/{name}")).need("a directory of the layers")?;
    }
    files::create(&format!("{TOP}/lower/directory/old"), "").need("a file")?;
    mount().need("the layers")?;
    let directory = format!("{TOP}/merged/directory");
    done("remove the directory", fs::remove_dir_all(&directory))?;
    done("make it again", fs::create_dir(&directory))?;
    files::create(&format!("{directory}/new"), "").need("a file")?;
    // What the host has looked up is not to be known.
    files::unmount(&format!("{TOP}/merged")).need("take the layers away")?;
    mount().need("the layers again")
}

pub fn run(t: &mut Test) -> Outcome {
    const CAP_SYS_ADMIN: u64 = 21;
    let kinds = files::read("/proc/filesystems").need("file systems")?;
    if !kinds.lines().any(|line| line.trim().ends_with("overlay")) {
        return Err(Stop::Skip(
            "this kernel has no file system in layers".into(),
        ));
    }
    spaces::unshare(space::MNT).need("a mount namespace")?;
    files::make_private().need("private mounts")?;
    make()?;
    let mut guest = Guest::plan(t.xid()).bcaps(!(1 << CAP_SYS_ADMIN)).start()?;
    t.gives(
        "inside: what is there",
        guest.ask(|_| names())?,
        vec!["new".to_owned()],
    );
    t.gives("host: the same afterwards", names(), vec!["new".to_owned()]);
    t.ok(
        "inside: remove and make it again",
        guest.ask(|_| -> Sys<()> {
            let directory = format!("{TOP}/merged/directory");
            fs::remove_dir_all(&directory).map_err(|e| crate::sys::code(&e))?;
            files::mkdir(&directory)
        })?,
    );
    t.gives("inside: nothing is there", guest.ask(|_| names())?, vec![]);
    t.gives("host: neither", names(), vec![]);
    t.refused(
        "inside: such an attribute of its own making",
        guest.ask(|_| xattr::set(&format!("{TOP}/upper/directory"), "trusted.overlay.opaque"))?,
        libc::EPERM,
    );
    t.ok(
        "control: with the right",
        context::set_bcaps(guest.xid(), u64::MAX, u64::MAX),
    );
    t.ok(
        "control: inside: it can",
        guest.ask(|_| xattr::set(&format!("{TOP}/upper/directory"), "trusted.kept"))?,
    );
    drop(guest);
    files::unmount(&format!("{TOP}/merged")).need("take the layers away")?;
    files::detach(TOP).need("and what they are on")?;
    let _ = fs::remove_dir(TOP);
    Ok(())
}
