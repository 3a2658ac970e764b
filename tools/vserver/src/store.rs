// SPDX-License-Identifier: GPL-2.0

//! The directory of descriptions.

use crate::description;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::linux::raw::descriptor::try_lock;
use libvserver::check_name;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where descriptions are kept unless the command line or the environment says otherwise.
pub const DEFAULT_DIRECTORY: &str = "/etc/vservers";

/// How long another command may choose what no two guests may have before this one gives up.
const PATIENCE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(10);

/// What names of files in a cgroup begin with, before the first dot.
const OF_THE_KERNEL: &[&str] = &[
    "cgroup",
    "cpu",
    "cpuset",
    "debug",
    "dmem",
    "hugetlb",
    "io",
    "irq",
    "memory",
    "misc",
    "perf_event",
    "pids",
    "rdma",
];

/// A directory of descriptions.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// A guest of the directory: its name, and the guest or what is wrong with its description.
pub type Entry = (String, Outcome<Guest>);

impl Store {
    /// Uses the descriptions in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Directory of the descriptions.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns where the description of a guest stands.
    ///
    /// # Errors
    ///
    /// [`Reason::Usage`] when `name` cannot be the name of a guest.
    pub fn file_of(&self, name: &str) -> Outcome<PathBuf> {
        check_name(name).map_err(|problem| {
            Failure::new(
                Reason::Usage,
                format!("\"{name}\" cannot be the name of a guest: {problem}"),
                "use 1 to 63 of A-Z a-z 0-9 . _ - and start with a letter or digit",
            )
        })?;
        Ok(self.directory.join(format!("{name}.toml")))
    }

    /// As [`Store::file_of`], for a guest that is going to be made: its cgroup is a directory beside
    /// files of the kernel.
    ///
    /// # Errors
    ///
    /// [`Reason::Usage`] when `name` cannot be the name of a new guest.
    pub fn file_of_new(&self, name: &str) -> Outcome<PathBuf> {
        let file = self.file_of(name)?;
        match name.split_once('.') {
            Some((prefix, _)) if OF_THE_KERNEL.contains(&prefix) => Err(Failure::new(
                Reason::Usage,
                format!(
                    "\"{name}\" cannot be the name of a new guest: the kernel names files of a cgroup \
                     \"{prefix}.*\", where that of the guest has to be"
                ),
                format!(
                    "choose another name, for example {}",
                    name.replacen('.', "-", 1)
                ),
            )),
            _ => Ok(file),
        }
    }

    /// Reads the description of a guest.
    ///
    /// # Errors
    ///
    /// [`Reason::UnknownGuest`], [`Reason::BrokenConfiguration`], or the file cannot be read.
    pub fn load(&self, name: &str) -> Outcome<Guest> {
        let file = self.file_of(name)?;
        let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::new(
                Reason::UnknownGuest,
                format!(
                    "there is no guest \"{name}\": {} is missing",
                    file.display()
                ),
                format!(
                    "`vserver list` shows the guests; `vserver create {name} --root DIR` makes one"
                ),
            ),
            io::ErrorKind::InvalidData => Failure::new(
                Reason::BrokenConfiguration,
                format!("{}: the file is not UTF-8 text", file.display()),
                "write the file anew as UTF-8",
            ),
            _ => Failure::file("read", &file, &error),
        })?;
        description::parse(name, &file, &text)
    }

    /// Reads all descriptions, sorted by name. Files whose name is not that of a guest are left
    /// out. A missing directory has no guests.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn list(&self) -> Outcome<Vec<Entry>> {
        let failed = |error: io::Error| Failure::file("read", &self.directory, &error);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.map_err(failed)?.file_name();
            let stem = file.to_str().and_then(|file| file.strip_suffix(".toml"));
            names.extend(
                stem.filter(|stem| check_name(stem).is_ok())
                    .map(str::to_owned),
            );
        }
        names.sort();
        Ok(names
            .into_iter()
            .map(|name| {
                let guest = self.load(&name);
                (name, guest)
            })
            .collect())
    }

    /// Keeps others from giving guests ids and addresses, until dropped: what one has found free is
    /// still free when it is written down. The directory is made when it is missing.
    ///
    /// # Errors
    ///
    /// [`Reason::AlreadyRunning`] when another process keeps the lock, or the directory cannot be
    /// made.
    pub fn lock(&self) -> Outcome<fs::File> {
        self.lock_within(PATIENCE)
    }

    fn lock_within(&self, patience: Duration) -> Outcome<fs::File> {
        self.make()?;
        let failed = |error: io::Error| Failure::file("lock directory", &self.directory, &error);
        let directory = fs::File::open(&self.directory).map_err(failed)?;
        let deadline = Instant::now() + patience;
        while !try_lock(&directory, false).map_err(failed)? {
            if Instant::now() >= deadline {
                let place = self.directory.display();
                return Err(Failure::new(
                    Reason::AlreadyRunning,
                    format!("another command gives ids and addresses to the guests in {place}"),
                    "wait until it has ended, then try again",
                ));
            }
            std::thread::sleep(INTERVAL);
        }
        Ok(directory)
    }

    fn make(&self) -> Outcome<()> {
        fs::create_dir_all(&self.directory)
            .map_err(|error| Failure::file("create directory", &self.directory, &error))
    }

    /// Writes the description of a new guest: completely or not at all, and never over an
    /// existing one. The directory is made when it is missing.
    ///
    /// # Errors
    ///
    /// [`Reason::GuestExists`], [`Reason::DiskFull`], or the directory cannot be written.
    pub fn add(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let file = self.file_of(name)?;
        self.make()?;
        let draft = draft_in(&self.directory, name);
        let result = write_draft(&draft, text, None).and_then(|()| {
            // Unlike a rename, a link never replaces what is there.
            fs::hard_link(&draft, &file).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => exists(name, &file),
                _ => Failure::file("write", &file, &error),
            })
        });
        let cleaned = fs::remove_file(&draft);
        result?;
        cleaned.map_err(|error| Failure::file("remove", &draft, &error))?;
        sync(&self.directory)?;
        Ok(file)
    }

    /// Writes the description of a guest anew: completely or not at all. What is written must be
    /// readable again. Owner and mode stay; when the file is a link, the file that it leads to is
    /// written.
    ///
    /// # Errors
    ///
    /// [`Reason::BrokenConfiguration`], [`Reason::DiskFull`], or the directory cannot be written.
    pub fn replace(&self, guest: &Guest, text: &str) -> Outcome<()> {
        description::parse(&guest.name, &guest.file, text)?;
        let failed = |error: io::Error| Failure::file("write", &guest.file, &error);
        let file = fs::canonicalize(&guest.file).map_err(failed)?;
        let before = fs::metadata(&file).map_err(failed)?;
        let directory = file.parent().unwrap_or(&self.directory);
        let draft = draft_in(directory, &guest.name);
        let result = write_draft(&draft, text, Some(&before))
            .and_then(|()| fs::rename(&draft, &file).map_err(failed));
        if result.is_err() {
            // It may not have been made.
            let _ = fs::remove_file(&draft);
        }
        result?;
        sync(directory)
    }

    /// Removes the description of a guest.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub fn remove(&self, guest: &Guest) -> Outcome<()> {
        fs::remove_file(&guest.file)
            .map_err(|error| Failure::file("remove", &guest.file, &error))?;
        sync(&self.directory)
    }
}

/// Where the next description of a guest is written before it takes its place.
fn draft_in(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!(".{name}.{}.new", std::process::id()))
}

/// Writes a file that has the owner and mode of the one `before` it, if there is one.
fn write_draft(draft: &Path, text: &str, before: Option<&fs::Metadata>) -> Outcome<()> {
    let write = || {
        // Nobody reads what the former file did not let them.
        let mode = before.map_or(0o644, |_| 0o600);
        let mut open = fs::OpenOptions::new();
        let mut output = open.write(true).create_new(true).mode(mode).open(draft)?;
        if let Some(before) = before {
            let made = output.metadata()?;
            if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
                fchown(&output, Some(before.uid()), Some(before.gid()))?;
            }
            let mode = before.permissions().mode() & 0o7777;
            output.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        output.write_all(text.as_bytes())?;
        output.sync_all()
    };
    write().map_err(|error| Failure::file("write", draft, &error))
}

/// Makes what has happened in a directory last.
fn sync(directory: &Path) -> Outcome<()> {
    fs::File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|error| Failure::file("write", directory, &error))
}

/// The failure for a guest that is there already.
pub fn exists(name: &str, file: &Path) -> Failure {
    Failure::new(
        Reason::GuestExists,
        format!("guest \"{name}\" exists already: {}", file.display()),
        format!("choose another name, edit the file, or `vserver destroy {name}` first"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "xid = 42\nroot = '/srv/web'\n";

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().join("vservers"));
        (directory, store)
    }

    #[test]
    fn a_guest_is_added_once() {
        let (_keep, store) = store();
        let file = store.add("web", TEXT).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), TEXT);
        let failure = store.add("web", "other").unwrap_err();
        assert_eq!(failure.reason, Reason::GuestExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), TEXT);
        let left: Vec<_> = fs::read_dir(store.directory()).unwrap().collect();
        assert_eq!(left.len(), 1, "drafts are removed");
    }

    #[test]
    fn unknown_guests_and_bad_names_are_told_apart() {
        let (_keep, store) = store();
        assert_eq!(store.load("web").unwrap_err().reason, Reason::UnknownGuest);
        assert_eq!(store.load("../web").unwrap_err().reason, Reason::Usage);
    }

    #[test]
    fn names_of_the_kernels_files_are_not_for_new_guests() {
        let (_keep, store) = store();
        for name in ["cgroup.procs", "memory.max", "cpu.weight", "io.example.org"] {
            let failure = store.file_of_new(name).unwrap_err();
            assert_eq!(failure.reason, Reason::Usage, "{name}");
            store.file_of(name).unwrap();
        }
        for name in ["memory", "cpu-1", "web.cpu.1", "cgroups.example.org"] {
            store.file_of_new(name).unwrap();
        }
    }

    #[test]
    fn the_list_is_sorted_and_keeps_broken_descriptions() {
        let (_keep, store) = store();
        assert!(store.list().unwrap().is_empty());
        store.add("web", TEXT).unwrap();
        store.add("db", "nonsense").unwrap();
        fs::write(store.directory().join("README"), "x").unwrap();
        fs::write(store.directory().join(".hidden.toml"), "x").unwrap();
        let list = store.list().unwrap();
        let names: Vec<_> = list.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["db", "web"]);
        assert!(list[0].1.is_err());
        assert_eq!(list[1].1.as_ref().unwrap().xid, 42);
    }

    #[test]
    fn ids_are_chosen_by_one_at_a_time() {
        let (_keep, store) = store();
        let first = store.lock().unwrap();
        let failure = store.lock_within(Duration::ZERO).unwrap_err();
        assert_eq!(failure.reason, Reason::AlreadyRunning);
        drop(first);
        store.lock_within(Duration::ZERO).unwrap();
    }

    #[test]
    fn what_is_written_anew_keeps_its_mode_and_owner() {
        let (_keep, store) = store();
        let file = store.add("web", TEXT).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can give a file away.
        let given = std::os::unix::fs::chown(&file, Some(12_345), Some(54_321)).is_ok();
        let guest = store.load("web").unwrap();
        let text = TEXT.replace("42", "43");
        store.replace(&guest, &text).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        let found = fs::metadata(&file).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, 0o600);
        assert!(!given || (found.uid(), found.gid()) == (12_345, 54_321));
    }

    #[test]
    fn a_link_to_a_description_stays_one() {
        let (keep, store) = store();
        let real = keep.path().join("elsewhere.toml");
        fs::write(&real, TEXT).unwrap();
        fs::create_dir(store.directory()).unwrap();
        let link = store.file_of("web").unwrap();
        std::os::unix::fs::symlink("../elsewhere.toml", &link).unwrap();
        let text = TEXT.replace("42", "43");
        store.replace(&store.load("web").unwrap(), &text).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), text);
        assert_eq!(fs::read_dir(keep.path()).unwrap().count(), 2, "no draft");
    }

    #[test]
    fn a_removed_guest_is_unknown() {
        let (_keep, store) = store();
        store.add("web", TEXT).unwrap();
        store.remove(&store.load("web").unwrap()).unwrap();
        assert_eq!(store.load("web").unwrap_err().reason, Reason::UnknownGuest);
    }
}
