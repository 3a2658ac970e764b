// SPDX-License-Identifier: GPL-2.0

//! Device nodes and what opening them gives.

use super::{Sys, c, code, done};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

const LOOP_SET_FD: libc::c_ulong = 0x4c00;
const LOOP_CLR_FD: libc::c_ulong = 0x4c01;

/// What a descriptor of a node shows of the device behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The number in its inode.
    pub number: u64,
    /// The first byte that is read, nothing at the end.
    pub first: Option<u8>,
}

/// Opens a node for reading and reads from it.
pub fn read(path: &str) -> Sys<Seen> {
    let file = File::open(path).map_err(|e| code(&e))?;
    look(&file)
}

/// Reads from an open node.
pub fn look(file: &File) -> Sys<Seen> {
    let mut byte = [0; 1];
    let mut from = file;
    let length = from.read(&mut byte).map_err(|e| code(&e))?;
    Ok(Seen {
        number: file.metadata().map_err(|e| code(&e))?.rdev(),
        first: (length > 0).then_some(byte[0]),
    })
}

/// Opens a node for writing and writes a byte to it.
pub fn write(path: &str) -> Sys<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(|e| code(&e))?;
    file.write_all(&[1]).map_err(|e| code(&e))
}

/// The number that a descriptor without access (`O_PATH`) shows.
pub fn number_by_path(path: &str) -> Sys<u64> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(path)
        .map_err(|e| code(&e))?;
    file.metadata().map(|m| m.rdev()).map_err(|e| code(&e))
}

/// Puts a file behind a loop device.
pub fn attach(device: &str, file: &str) -> Sys<()> {
    let open = |path: &str| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| code(&e))
    };
    let (device, file) = (open(device)?, open(file)?);
    // SAFETY: both descriptors are open; the request takes a number.
    done(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_SET_FD as _, file.as_raw_fd()) })
}

/// Takes the file away from a loop device.
pub fn release(device: &str) -> Sys<()> {
    let device = File::open(device).map_err(|e| code(&e))?;
    // SAFETY: the descriptor is open; the request takes nothing.
    done(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CLR_FD as _, 0) })
}

/// Mounts a block device as a file system of this type.
pub fn mount(source: &str, target: &str, kind: &str) -> Sys<()> {
    let (source, target, kind) = (c(source), c(target), c(kind));
    // SAFETY: the strings outlive the call; no data.
    done(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            libc::MS_RDONLY,
            std::ptr::null(),
        )
    })
}
