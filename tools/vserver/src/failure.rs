// SPDX-License-Identifier: GPL-2.0

//! What went wrong, what to do about it, and the exit status that says so.

use libvserver::Errno;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Reasons for which the command fails; the number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Reason {
    /// The command line makes no sense.
    Usage = 2,
    /// The kernel was built without `vserver()`.
    NoSystemCall = 10,
    /// The core module of the kernel side is not loaded.
    NoModule = 11,
    /// The caller lacks a right.
    NoRight = 12,
    /// There is no such guest.
    UnknownGuest = 13,
    /// The guest runs already.
    AlreadyRunning = 14,
    /// The guest does not run.
    NotRunning = 15,
    /// The context id belongs to somebody else.
    XidInUse = 16,
    /// The root directory of the guest is missing or unusable.
    MissingRoot = 17,
    /// The description of the guest has an error.
    BrokenConfiguration = 18,
    /// A file system is full.
    DiskFull = 19,
    /// A start failed and was rolled back.
    StartFailed = 20,
    /// The kernel or a file system refused something else.
    KernelError = 21,
    /// A guest of this name exists already.
    GuestExists = 22,
    /// `wait`: the guest has not ended in time.
    Timeout = 23,
    /// `exec`, `enter`: the command cannot be executed.
    NotExecutable = 126,
    /// `exec`, `enter`: the command does not exist.
    CommandNotFound = 127,
}

/// The text of `vserver --help` about exit statuses.
pub const EXIT_STATUS_HELP: &str = "\
Exit status:
    0  success
    2  wrong usage
   10  the kernel has no vserver() system call
   11  the kernel's vserver module is not loaded
   12  missing rights
   13  unknown guest
   14  the guest runs already
   15  the guest does not run
   16  the context id is in use
   17  the root directory of the guest is missing or unusable
   18  the description of the guest is broken
   19  a file system is full
   20  the start failed and was rolled back
   21  the kernel or a file system refused a step
   22  a guest of this name exists already
   23  wait: the guest has not ended in time
  126  exec, enter: the command cannot be executed
  127  exec, enter: the command does not exist
  exec, enter and start --foreground otherwise pass on the status of what they ran,
  128 plus the signal number when a signal ended it.";

/// A failure as the user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why, in one word.
    pub reason: Reason,
    /// What went wrong, naming the thing.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Failure {
    /// Makes a failure.
    pub fn new(reason: Reason, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Makes a failure out of an error of the operating system; `what` is what was tried, such as
    /// `"write /etc/vservers/web.toml"`. Errors with a well-known remedy get it, others get
    /// `remedy`.
    pub fn from_os(what: &str, error: &io::Error, remedy: &str) -> Self {
        let errno = Errno(error.raw_os_error().unwrap_or(0));
        let cause = match errno.0 {
            0 => error.to_string(),
            _ => errno.to_string(),
        };
        let (reason, remedy) = match errno.0 {
            libc::ENOSPC | libc::EDQUOT => (
                Reason::DiskFull,
                "free space on that file system, then try again",
            ),
            libc::EPERM | libc::EACCES => (Reason::NoRight, "run the command as root on the host"),
            _ => (Reason::KernelError, remedy),
        };
        Self::new(reason, format!("cannot {what}: {cause}"), remedy)
    }

    /// Makes a failure of a file operation.
    pub fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::from_os(
            &format!("{verb} {}", path.display()),
            error,
            "check the path and the file system",
        )
    }

    /// The exit status of the command.
    pub const fn exit_status(&self) -> u8 {
        self.reason as u8
    }
}

/// Shorthand for results with a [`Failure`].
pub type Outcome<T> = Result<T, Failure>;

#[cfg(test)]
impl Failure {
    /// Asserts that it tells of a mistake in a description, in `text`: where it is, what it is
    /// about, and a remedy.
    pub fn assert_mistake(&self, text: &str, place: &str, word: &str) {
        assert_eq!(self.reason, Reason::BrokenConfiguration);
        for part in [place, word] {
            assert!(self.message.contains(part), "{text}: {}", self.message);
        }
        assert!(!self.remedy.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = io::Error::from_raw_os_error(libc::ENOSPC);
        let failure = Failure::file("write", Path::new("/x/y"), &error);
        assert_eq!(failure.exit_status(), 19);
        assert_eq!(
            failure.message,
            "cannot write /x/y: ENOSPC (No space left on device)"
        );
    }

    #[test]
    fn refused_rights_are_told_apart() {
        let error = io::Error::from_raw_os_error(libc::EACCES);
        assert_eq!(
            Failure::file("read", Path::new("/x"), &error).reason,
            Reason::NoRight
        );
    }

    #[test]
    fn every_exit_status_is_documented() {
        for status in (10..=23).chain([2, 126, 127]) {
            let line = format!("{status:>5}  ");
            assert!(
                EXIT_STATUS_HELP.lines().any(|text| text.starts_with(&line)),
                "{status}"
            );
        }
    }
}
