// SPDX-License-Identifier: GPL-2.0

//! The root directory of a guest: a small tmpfs with the test program in it.

use crate::sys::{Sys, files};

/// Where the roots of guests are mounted.
pub const BASE: &str = "/guests";
/// The test program, in the host's root and in every guest's.
pub const PROGRAM: &str = "/init";

/// Makes a tmpfs at `/guests/<name>` and pivots into it. The caller has a mount namespace of its
/// own; nothing of the host's root stays reachable.
pub fn pivot(name: &str) -> Sys<()> {
    let path = populate(name)?;
    files::chdir(&path)?;
    files::mkdir("old")?;
    files::pivot_root(".", "old")?;
    files::chdir("/")?;
    files::detach("/old")?;
    std::fs::remove_dir("/old").map_err(|e| crate::sys::code(&e))
}

/// Makes the tmpfs without entering it and returns its path.
pub fn populate(name: &str) -> Sys<String> {
    files::make_private()?;
    let path = format!("{BASE}/{name}");
    files::mkdir(&path)?;
    files::mount("guest", &path, "tmpfs", 0, "mode=755,size=16m")?;
    for directory in ["proc", "dev", "tmp", "sys"] {
        files::mkdir(&format!("{path}/{directory}"))?;
    }
    files::chmod(&format!("{path}/tmp"), 0o1777)?;
    let program = format!("{path}{PROGRAM}");
    files::create(&program, "")?;
    files::mount(PROGRAM, &program, "none", libc::MS_BIND, "")?;
    Ok(path)
}

/// Mounts the process file system of the caller's pid namespace.
pub fn mount_proc() -> Sys<()> {
    files::mount("proc", "/proc", "proc", 0, "")
}
