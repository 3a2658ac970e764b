// SPDX-License-Identifier: GPL-2.0

//! The files with the accounts of guests, a line for each run.

use super::lock::make_private_directory;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

fn file(directory: &Path, guest: &str) -> PathBuf {
    directory.join(format!("{guest}.jsonl"))
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

pub(super) fn read(directory: &Path, guest: &str) -> io::Result<String> {
    match fs::read(file(directory, guest)) {
        // A line that was cut by a crash may end within a character.
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Adds a line with one write, so that others see all of it or nothing. A line that a crash has
/// cut is ended first: it stays alone in being unreadable.
pub(super) fn append(directory: &Path, guest: &str, line: &str) -> io::Result<()> {
    make_private_directory(directory)?;
    let path = file(directory, guest);
    let mut file = open(
        &path,
        OpenOptions::new().read(true).append(true).create(true),
    )?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    let begin = if last == [b'\n'] { "" } else { "\n" };
    let text = format!("{begin}{line}\n");
    let written = file.write(text.as_bytes());
    if !matches!(written, Ok(written) if written == text.len()) {
        // Nothing in place of half a line; when even that fails, the next one ends it.
        let _ = file.set_len(length);
        return Err(written.map_or_else(|error| error, |_| io::ErrorKind::StorageFull.into()));
    }
    file.sync_data()
}

pub(super) fn replace(directory: &Path, guest: &str, text: &str) -> io::Result<()> {
    let path = file(directory, guest);
    if text.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
    }
    make_private_directory(directory)?;
    // No guest has a name that begins with a dot.
    let draft = directory.join(format!(".{guest}.new"));
    let result = open(
        &draft,
        OpenOptions::new().write(true).create(true).truncate(true),
    )
    .and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_data()
    })
    .and_then(|()| fs::rename(&draft, &path));
    if result.is_err() {
        // It may not have been made.
        let _ = fs::remove_file(&draft);
    }
    result?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::{Layout, Linux, unless_hidden};
    use crate::system::System;
    use libvserver::fake::Fake;

    #[test]
    fn lines_are_added_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let directory = &directory.path().join("accounts");
        assert_eq!(read(directory, "web").unwrap(), "");
        append(directory, "web", "one").unwrap();
        append(directory, "web", "two").unwrap();
        assert_eq!(read(directory, "web").unwrap(), "one\ntwo\n");
        replace(directory, "web", "three\n").unwrap();
        assert_eq!(read(directory, "web").unwrap(), "three\n");
        replace(directory, "web", "").unwrap();
        replace(directory, "web", "").unwrap();
        assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
    }

    #[test]
    fn what_waits_lies_below_the_locks_and_goes_with_the_accounts() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let layout = |name: &str| Layout {
            logs: at("logs"),
            locks: at("locks"),
            accounts: at(name),
        };
        let system = |name| Linux::new(Fake::new(), layout(name));
        let [one, other] = ["one", "other"].map(system);
        one.replace_aside("web", "line\n").unwrap();
        assert!(layout("one").aside().starts_with(at("locks/accounts")));
        assert_eq!(one.read_aside("web").unwrap(), "line\n");
        assert_eq!(other.read_aside("web").unwrap(), "");
        one.replace_accounts("web", "").unwrap();
        assert_eq!(one.read_aside("web").unwrap(), "");
    }

    #[test]
    fn who_may_not_look_does_without_what_waits() {
        let error = |errno| Err::<String, _>(io::Error::from_raw_os_error(errno));
        assert_eq!(unless_hidden(error(libc::EACCES)).unwrap(), "");
        assert!(unless_hidden(error(libc::EIO)).is_err());
    }

    #[test]
    fn a_cut_line_is_ended_first() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        fs::write(file(directory, "web"), b"one\ntw\xc3").unwrap();
        append(directory, "web", "three").unwrap();
        assert_eq!(read(directory, "web").unwrap(), "one\ntw\u{fffd}\nthree\n");
    }
}
