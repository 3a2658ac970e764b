// SPDX-License-Identifier: GPL-2.0

//! Removing directories that others have filled: however deep they are, by a handful of open
//! descriptors and by paths that stay short.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(10);

/// What to do about the files in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Remove them.
    Go,
    /// Leave them: they are the kernel's and go with their cgroup.
    OfTheKernel,
}

/// A directory that is being emptied. The paths of all that is in it lead through its descriptor:
/// whole paths may be longer than the kernel takes.
struct Level {
    directory: File,
}

impl Level {
    /// Opens a directory, and never what a symbolic link leads to.
    fn open(path: &Path) -> io::Result<Self> {
        let directory = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
            .open(path)?;
        Ok(Self { directory })
    }

    fn itself(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.itself().join(name)
    }

    /// What tells it from all other directories.
    fn identity(&self) -> io::Result<(u64, u64)> {
        let found = self.directory.metadata()?;
        Ok((found.dev(), found.ino()))
    }

    /// Removes what can be removed at once; returns a directory that has to be emptied before, if
    /// there is one.
    fn empty(&self, files: Files) -> io::Result<Option<OsString>> {
        for entry in fs::read_dir(self.itself())? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                match fs::remove_dir(&path) {
                    Err(error) if has_more(&error, files) => return Ok(Some(entry.file_name())),
                    other => unless_gone(other)?,
                }
            } else if files == Files::Go {
                unless_gone(fs::remove_file(&path))?;
            }
        }
        Ok(None)
    }
}

/// Whether a directory was not removed because of what is in it. Cgroups are busy then; all else
/// that is busy is a mount point, behind which other files are.
fn has_more(error: &io::Error, files: Files) -> bool {
    match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => true,
        io::ErrorKind::ResourceBusy => files == Files::OfTheKernel,
        _ => false,
    }
}

fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a directory and all below it, deepest first; succeeds when there is none. A cgroup whose
/// tasks are about to end is busy: all of it may take as long as `patience`.
///
/// # Errors
///
/// Something cannot be removed.
pub fn remove_tree(path: &Path, files: Files, patience: Duration) -> io::Result<()> {
    let mut level = match Level::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let deadline = Instant::now() + patience;
    // Only names are kept of the levels above: open directories are what there are few of.
    let mut above: Vec<(OsString, (u64, u64))> = Vec::new();
    loop {
        if let Some(name) = level.empty(files)? {
            let identity = level.identity()?;
            level = Level::open(&level.path(&name))?;
            above.push((name, identity));
            continue;
        }
        let Some((name, identity)) = above.pop() else {
            drop(level);
            return remove_empty(path, deadline);
        };
        let upper = Level::open(&level.path(".."))?;
        // Who moves a directory meanwhile must not lead this elsewhere.
        if upper.identity()? != identity {
            return Err(io::Error::from_raw_os_error(libc::ESTALE));
        }
        drop(level);
        remove_empty(&upper.path(&name), deadline)?;
        level = upper;
    }
}

/// Removes a directory that is empty, or a cgroup once its tasks have ended.
fn remove_empty(path: &Path, deadline: Instant) -> io::Result<()> {
    loop {
        match unless_gone(fs::remove_dir(path)) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                if Instant::now() >= deadline {
                    return Err(error);
                }
                std::thread::sleep(INTERVAL);
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn remove(path: &Path, files: Files) -> io::Result<()> {
        remove_tree(path, files, Duration::ZERO)
    }

    #[test]
    fn trees_are_removed_deepest_first() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("web");
        for name in ["a/b", "a/c", "d", "e/f/g"] {
            fs::create_dir_all(top.join(name)).unwrap();
        }
        remove(&top, Files::OfTheKernel).unwrap();
        assert!(!top.exists());
        remove(&top, Files::OfTheKernel).unwrap();
    }

    #[test]
    fn files_go_or_stay() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("web");
        fs::create_dir_all(top.join("a")).unwrap();
        fs::write(top.join("a/file"), "x").unwrap();
        assert!(remove(&top, Files::OfTheKernel).is_err());
        assert!(top.join("a/file").exists());
        remove(&top, Files::Go).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (top, other) = (directory.path().join("web"), directory.path().join("other"));
        fs::create_dir_all(top.join("a")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("kept"), "x").unwrap();
        symlink(&other, top.join("a/link")).unwrap();
        remove(&top, Files::Go).unwrap();
        assert!(!top.exists() && other.join("kept").exists());
        symlink(&other, &top).unwrap();
        assert!(remove(&top, Files::Go).is_err());
        assert!(other.join("kept").exists());
    }

    /// Makes directories in one another whose path is longer than the kernel takes, and which are
    /// more than the descriptors that a process may have.
    fn make_deep(top: &Path, name: &str, depth: usize) {
        fs::create_dir(top).unwrap();
        let mut level = Level::open(top).unwrap();
        for _ in 0..depth {
            fs::create_dir(level.path(name)).unwrap();
            level = Level::open(&level.path(name)).unwrap();
        }
    }

    #[test]
    fn deep_trees_need_neither_long_paths_nor_many_descriptors() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("web");
        make_deep(&top, &"x".repeat(200), 40);
        remove(&top, Files::OfTheKernel).unwrap();
        assert!(!top.exists());
        make_deep(&top, "x", 3000);
        let open = || fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        remove(&top, Files::Go).unwrap();
        assert!(!top.exists());
        // Other tests open files at the same time.
        assert!(open() < before + 500);
    }
}
