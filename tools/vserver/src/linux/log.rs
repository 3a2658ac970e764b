// SPDX-License-Identifier: GPL-2.0

//! Console logs.

use super::lock::make_private_directory;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub(super) fn path(directory: &Path, guest: &str) -> PathBuf {
    directory.join(format!("{guest}.log"))
}

pub(super) fn open(directory: &Path, guest: &str) -> io::Result<File> {
    make_private_directory(directory)?;
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path(directory, guest))
}
