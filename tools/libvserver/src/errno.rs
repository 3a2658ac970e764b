// SPDX-License-Identifier: GPL-2.0

//! Error numbers of the kernel.

use std::{fmt, io};

/// An error number of the kernel, such as `ESRCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// Returns the error number that the last failed call of the C library left.
    pub fn last() -> Self {
        Self::from(io::Error::last_os_error())
    }

    /// Returns the symbolic name, such as `"ESRCH"`, when it is a known one.
    pub fn name(self) -> Option<&'static str> {
        NAMES
            .iter()
            .find(|(number, _)| *number == self.0)
            .map(|(_, name)| *name)
    }

    /// Returns the description of the C library, such as `"No such process"`.
    pub fn text(self) -> String {
        let full = io::Error::from_raw_os_error(self.0).to_string();
        let suffix = format!(" (os error {})", self.0);
        full.strip_suffix(&suffix).unwrap_or(&full).to_owned()
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(formatter, "{name} ({})", self.text()),
            None => write!(formatter, "error {} ({})", self.0, self.text()),
        }
    }
}

impl std::error::Error for Errno {}

impl From<io::Error> for Errno {
    /// Errors that do not come from the kernel become `EIO`.
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.0)
    }
}

macro_rules! names {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

/// The errors that the system call and the calls around it return.
const NAMES: &[(i32, &str)] = names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT
    ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG
    ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY
    ELOOP ENODATA ETIME EOVERFLOW EILSEQ EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE
    ENOPROTOOPT EPROTONOSUPPORT EOPNOTSUPP EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN
    ENETUNREACH ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ETIMEDOUT ECONNREFUSED
    EHOSTUNREACH EALREADY EINPROGRESS ESTALE EDQUOT ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED
    EKEYREJECTED
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_text_are_shown() {
        assert_eq!(Errno(libc::ESRCH).to_string(), "ESRCH (No such process)");
        assert_eq!(Errno(libc::ENOSYS).name(), Some("ENOSYS"));
    }

    #[test]
    fn unknown_numbers_are_shown_as_numbers() {
        assert!(Errno(4000).to_string().starts_with("error 4000 ("));
    }

    #[test]
    fn conversions_keep_the_number() {
        let errno = Errno(libc::EBUSY);
        assert_eq!(Errno::from(io::Error::from(errno)), errno);
        assert_eq!(Errno::from(io::Error::other("x")), Errno(libc::EIO));
    }
}
