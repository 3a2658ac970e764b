// SPDX-License-Identifier: GPL-2.0

//! The locks of a guest: files below `/run/vserver` that the kernel unlocks when their holder ends.

use super::raw::descriptor::try_lock;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(20);

/// What a lock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Starting and cleaning up; one at a time.
    Life,
    /// Stopping; any number at a time.
    Stop,
    /// Starting again, and nobody stops; one at a time.
    NoStop,
    /// Reading the description and acting upon it, or changing it; one at a time.
    Description,
}

pub(super) fn take(
    directory: &Path,
    guest: &str,
    purpose: Purpose,
    patience: Duration,
) -> io::Result<Option<File>> {
    make_private_directory(directory)?;
    let suffix = match purpose {
        Purpose::Life => "lock",
        Purpose::Stop | Purpose::NoStop => "stop",
        Purpose::Description => "file",
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(directory.join(format!("{guest}.{suffix}")))?;
    let deadline = Instant::now() + patience;
    loop {
        if try_lock(&file, purpose == Purpose::Stop)? {
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
        let lock = |guest: &str| take(&locks, guest, Purpose::Life, Duration::ZERO).unwrap();
        let first = lock("web");
        assert!(first.is_some());
        assert!(lock("web").is_none());
        assert!(lock("db").is_some());
        drop(first);
        assert!(lock("web").is_some());
    }

    #[test]
    fn stops_share_their_lock_and_keep_others_out() {
        let directory = tempfile::tempdir().unwrap();
        let lock = |purpose| take(directory.path(), "web", purpose, Duration::ZERO).unwrap();
        let life = lock(Purpose::Life);
        let stops = [lock(Purpose::Stop), lock(Purpose::Stop)];
        assert!(life.is_some() && stops.iter().all(Option::is_some));
        assert!(lock(Purpose::NoStop).is_none());
        drop(stops);
        let alone = lock(Purpose::NoStop);
        assert!(alone.is_some());
        assert!(lock(Purpose::Stop).is_none() && lock(Purpose::NoStop).is_none());
        drop(alone);
        assert!(lock(Purpose::Stop).is_some());
    }

    #[test]
    fn the_description_has_a_lock_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let lock = |purpose| take(directory.path(), "web", purpose, Duration::ZERO).unwrap();
        let _others = (lock(Purpose::Life).unwrap(), lock(Purpose::Stop).unwrap());
        let first = lock(Purpose::Description);
        assert!(first.is_some() && lock(Purpose::Description).is_none());
        drop(first);
        assert!(lock(Purpose::Description).is_some());
    }
}
