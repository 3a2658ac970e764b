// SPDX-License-Identifier: GPL-2.0

//! The lock of a guest: a file below `/run/vserver` that the kernel unlocks when its holder ends.

use super::raw::descriptor::try_lock;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(20);

pub(super) fn take(directory: &Path, guest: &str, patience: Duration) -> io::Result<Option<File>> {
    make_private_directory(directory)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(directory.join(format!("{guest}.lock")))?;
    let deadline = Instant::now() + patience;
    loop {
        if try_lock(&file)? {
            return Ok(Some(file));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Makes a directory, with its parents, that only its owner may change.
pub(super) fn make_private_directory(directory: &Path) -> io::Result<()> {
    if fs::metadata(directory).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o750).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let locks = directory.path().join("locks");
        let none = Duration::ZERO;
        let first = take(&locks, "web", none).unwrap();
        assert!(first.is_some());
        assert!(take(&locks, "web", none).unwrap().is_none());
        assert!(take(&locks, "db", none).unwrap().is_some());
        drop(first);
        assert!(take(&locks, "web", none).unwrap().is_some());
    }
}
