// SPDX-License-Identifier: GPL-2.0

//! Console logs.

use super::lock::make_private_directory;
use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Size that a log does not exceed: a guest prints as much as it likes, and the log lies outside of
/// all its limits.
const MOST_BYTES: u64 = 1 << 20;

pub(super) fn path(directory: &Path, guest: &str) -> PathBuf {
    directory.join(format!("{guest}.log"))
}

/// Where the log goes when it has reached its size. No guest has a log of this name: theirs end
/// otherwise.
fn older(path: &Path) -> PathBuf {
    let mut older = path.as_os_str().to_owned();
    older.push(".1");
    older.into()
}

/// A console log that is open for writing.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: RefCell<File>,
}

pub(super) fn open(directory: &Path, guest: &str) -> io::Result<Log> {
    make_private_directory(directory)?;
    let path = path(directory, guest);
    let file = RefCell::new(open_file(&path)?);
    Ok(Log { path, file })
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Removes the log and the older one.
pub(super) fn remove(directory: &Path, guest: &str) -> io::Result<()> {
    let path = path(directory, guest);
    [older(&path), path]
        .iter()
        .try_for_each(|path| match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        })
}

impl Log {
    /// Writes to the log, which begins anew when it would become too long.
    ///
    /// # Errors
    ///
    /// It cannot be written, or not begin anew; then nothing is written.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file.borrow_mut();
        let found = file.metadata()?;
        if found.len() + bytes.len() as u64 > MOST_BYTES {
            // Others write to the log as well, and may have begun it anew already.
            let still = fs::symlink_metadata(&self.path)
                .is_ok_and(|now| (now.dev(), now.ino()) == (found.dev(), found.ino()));
            if still {
                fs::rename(&self.path, older(&self.path))?;
            }
            *file = open_file(&self.path)?;
        }
        file.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_begins_anew_when_it_is_long() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let [log, other] = [0, 1].map(|_| open(directory, "web").unwrap());
        let chunk = [b'x'; 4096];
        let fits = MOST_BYTES / 4096;
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let file = path(directory, "web");
        for round in 1..=3 * fits {
            log.write(&chunk).unwrap();
            assert_eq!(size(&file), ((round - 1) % fits + 1) * 4096);
        }
        assert_eq!(size(&older(&file)), MOST_BYTES);
        assert_eq!(fs::read_dir(directory).unwrap().count(), 2);
        // One that has the older file open goes on in the newer one, and moves nothing.
        log.write(b"begins").unwrap();
        other.write(&chunk).unwrap();
        other.write(b"ends").unwrap();
        assert_eq!(size(&file), 4096 + 10);
        assert_eq!(size(&older(&file)), MOST_BYTES);
        open(directory, "web.db").unwrap();
        remove(directory, "web").unwrap();
        assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
        remove(directory, "web").unwrap();
    }
}
