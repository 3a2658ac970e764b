// SPDX-License-Identifier: GPL-2.0

//! The directory of descriptions.

use crate::description;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use libvserver::check_name;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where descriptions are kept unless the command line or the environment says otherwise.
pub const DEFAULT_DIRECTORY: &str = "/etc/vservers";

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

    /// Writes the description of a new guest: completely or not at all, and never over an
    /// existing one. The directory is made when it is missing.
    ///
    /// # Errors
    ///
    /// [`Reason::GuestExists`], [`Reason::DiskFull`], or the directory cannot be written.
    pub fn add(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let file = self.file_of(name)?;
        fs::create_dir_all(&self.directory)
            .map_err(|error| Failure::file("create directory", &self.directory, &error))?;
        let draft = self
            .directory
            .join(format!(".{name}.{}.new", std::process::id()));
        let result = self.write_draft(&draft, text).and_then(|()| {
            // Unlike a rename, a link never replaces what is there.
            fs::hard_link(&draft, &file).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => exists(name, &file),
                _ => Failure::file("write", &file, &error),
            })
        });
        let cleaned = fs::remove_file(&draft);
        result?;
        cleaned.map_err(|error| Failure::file("remove", &draft, &error))?;
        self.sync()?;
        Ok(file)
    }

    fn write_draft(&self, draft: &Path, text: &str) -> Outcome<()> {
        let write = || {
            let mut open = fs::OpenOptions::new();
            let mut output = open.write(true).create_new(true).mode(0o644).open(draft)?;
            output.write_all(text.as_bytes())?;
            output.sync_all()
        };
        write().map_err(|error| Failure::file("write", draft, &error))
    }

    fn sync(&self) -> Outcome<()> {
        fs::File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| Failure::file("write", &self.directory, &error))
    }

    /// Writes the description of a guest anew: completely or not at all. What is written must be
    /// readable again.
    ///
    /// # Errors
    ///
    /// [`Reason::BrokenConfiguration`], [`Reason::DiskFull`], or the directory cannot be written.
    pub fn replace(&self, guest: &Guest, text: &str) -> Outcome<()> {
        description::parse(&guest.name, &guest.file, text)?;
        let draft = self
            .directory
            .join(format!(".{}.{}.new", guest.name, std::process::id()));
        let result = self.write_draft(&draft, text).and_then(|()| {
            fs::rename(&draft, &guest.file)
                .map_err(|error| Failure::file("write", &guest.file, &error))
        });
        if result.is_err() {
            // It may not have been made.
            let _ = fs::remove_file(&draft);
        }
        result?;
        self.sync()
    }

    /// Removes the description of a guest.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub fn remove(&self, guest: &Guest) -> Outcome<()> {
        fs::remove_file(&guest.file)
            .map_err(|error| Failure::file("remove", &guest.file, &error))?;
        self.sync()
    }
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
    fn a_removed_guest_is_unknown() {
        let (_keep, store) = store();
        store.add("web", TEXT).unwrap();
        store.remove(&store.load("web").unwrap()).unwrap();
        assert_eq!(store.load("web").unwrap_err().reason, Reason::UnknownGuest);
    }
}
