// SPDX-License-Identifier: GPL-2.0

//! Entries of procfs, which start hidden from guests: the host releases them, as the start-up
//! script of the original tools does.

use crate::sys::{Sys, files};
use libvserver::Vserver;
use libvserver::abi::{Fiattr, feature, iattr};
use std::path::Path;

/// Sets the bits of one entry.
pub fn set(path: &str, flags: u32) -> Sys<()> {
    let attributes = Fiattr {
        tag: 0,
        flags,
        mask: iattr::FLAGS,
    };
    Vserver::new()
        .set_iattr(Path::new(path), attributes)
        .map(|_| ())
        .map_err(|error| error.0)
}

/// The bits of one entry.
pub fn bits(path: &str) -> Sys<u32> {
    Vserver::new()
        .iattr(Path::new(path))
        .map(|attributes| attributes.flags & iattr::FLAGS)
        .map_err(|error| error.0)
}

/// Releases all entries, so that scenarios about other things find them. Does nothing on a kernel
/// that has no such bits.
pub fn release_all() -> Sys<()> {
    let known = Vserver::new()
        .features()
        .is_ok_and(|features| features.bits & feature::PROC_ENTRIES != 0);
    if known { release("/proc") } else { Ok(()) }
}

fn release(directory: &str) -> Sys<()> {
    for name in files::list(directory)? {
        let path = format!("{directory}/{name}");
        // Processes, and links to them, are no entries; neither is what is below /proc/sys.
        if name.parse::<u32>().is_ok() || files::is_link(&path) {
            continue;
        }
        match set(&path, iattr::ADMIN | iattr::WATCH) {
            // It may have gone meanwhile.
            Ok(()) | Err(libc::ENOENT) => {}
            Err(error) => return Err(error),
        }
        if path != "/proc/sys" && files::is_directory(&path) {
            release(&path)?;
        }
    }
    Ok(())
}
