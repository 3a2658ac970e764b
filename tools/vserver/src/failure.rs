// SPDX-License-Identifier: GPL-2.0

//! What went wrong, what to do about it, and the exit status that says so.

use crate::linux::raw::process::is_root;
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

/// What an error of the operating system is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concern {
    /// Files.
    Files,
    /// Anything else: terminals, cgroups, namespaces, tasks, the network.
    Machine,
}

const FREE_SPACE: &str = "free space on that file system, then try again";
const RAISE_LIMIT: &str = "a limit of the kernel is reached: of terminals (sysctl \
                           kernel.pty.max), namespaces (user.max_*), mounts (fs.mount-max), keys \
                           (kernel.keys.root_max*) or cgroups (cgroup.max.descendants of those \
                           above), or a file system is full; raise it, then try again";
const BECOME_ROOT: &str = "run the command as root on the host";
const LOOK_AT_FILE: &str = "root was refused: look for a file system of another machine that does \
                            not trust root, for `chattr +i` and for a security module";
const LOOK_AROUND: &str = "root was refused: the command has to run on the host, outside of every \
                           guest and container, and a security module may forbid it";

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
    /// `"open a terminal for the console"`. Errors with a well-known remedy get it, others get
    /// `remedy`.
    pub fn from_os(what: &str, error: &io::Error, remedy: &str) -> Self {
        Self::about(Concern::Machine, is_root(), what, error, remedy)
    }

    /// As [`Failure::from_os`], where files were concerned, such as `"write
    /// /etc/vservers/web.toml"`: a lack of space is that of their file system then.
    pub fn of_files(what: &str, error: &io::Error, remedy: &str) -> Self {
        Self::about(Concern::Files, is_root(), what, error, remedy)
    }

    fn about(concern: Concern, root: bool, what: &str, error: &io::Error, remedy: &str) -> Self {
        let errno = Errno(error.raw_os_error().unwrap_or(0));
        let cause = match errno.0 {
            0 => error.to_string(),
            _ => errno.to_string(),
        };
        let (reason, remedy) = match (errno.0, concern) {
            (libc::ENOSPC | libc::EDQUOT, Concern::Files) => {
                (Reason::DiskFull, FREE_SPACE.to_owned())
            }
            (libc::ENOSPC | libc::EDQUOT, Concern::Machine) => {
                (Reason::KernelError, RAISE_LIMIT.to_owned())
            }
            (libc::EPERM | libc::EACCES, _) if !root => (Reason::NoRight, BECOME_ROOT.to_owned()),
            (libc::EPERM | libc::EACCES, Concern::Files) => {
                (Reason::NoRight, LOOK_AT_FILE.to_owned())
            }
            (libc::EPERM | libc::EACCES, Concern::Machine) => {
                (Reason::NoRight, format!("{remedy}; {LOOK_AROUND}"))
            }
            _ => (Reason::KernelError, remedy.to_owned()),
        };
        Self::new(reason, format!("cannot {what}: {cause}"), remedy)
    }

    /// Makes a failure of a file operation.
    pub fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::of_files(
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
    fn remedies_are_those_of_what_is_concerned() {
        let about = |errno, concern, root| {
            let error = io::Error::from_raw_os_error(errno);
            let failure = Failure::about(concern, root, "do it", &error, "look at it");
            (failure.reason, failure.remedy)
        };
        for errno in [libc::ENOSPC, libc::EDQUOT] {
            let disk = (Reason::DiskFull, FREE_SPACE.to_owned());
            assert_eq!(about(errno, Concern::Files, true), disk);
            // No disk is full when there are too many terminals.
            let limit = (Reason::KernelError, RAISE_LIMIT.to_owned());
            assert_eq!(about(errno, Concern::Machine, true), limit);
        }
        for errno in [libc::EPERM, libc::EACCES] {
            for concern in [Concern::Files, Concern::Machine] {
                let (reason, remedy) = about(errno, concern, false);
                assert_eq!((reason, &*remedy), (Reason::NoRight, BECOME_ROOT));
                // Who is root is not told to become root.
                let (reason, remedy) = about(errno, concern, true);
                assert_eq!(reason, Reason::NoRight);
                assert!(remedy.contains("root was refused"), "{remedy}");
            }
            let (_, remedy) = about(errno, Concern::Machine, true);
            assert!(remedy.starts_with("look at it; "), "{remedy}");
        }
        let other = about(libc::EIO, Concern::Files, false);
        assert_eq!(other, (Reason::KernelError, "look at it".to_owned()));
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
