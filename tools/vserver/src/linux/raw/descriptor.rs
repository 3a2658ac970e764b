// SPDX-License-Identifier: GPL-2.0

//! File descriptors.

use super::{check, text};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Descriptor 3: the one kept by [`close_all_but`].
const KEPT: libc::c_int = 3;

/// Whether a polled descriptor has something to tell: data, an error or the end.
pub type Ready = bool;

/// Waits until one of the descriptors is readable or has reached its end; all false after
/// `patience`. None waits for ever.
pub fn poll<const N: usize>(
    descriptors: [BorrowedFd<'_>; N],
    patience: Option<Duration>,
) -> io::Result<[Ready; N]> {
    let mut polled = descriptors.map(|descriptor| libc::pollfd {
        fd: descriptor.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    });
    let timeout = patience.map_or(-1, |patience| {
        libc::c_int::try_from(patience.as_millis()).unwrap_or(libc::c_int::MAX)
    });
    loop {
        // SAFETY: the array is exclusive and passed with its length.
        let result = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, timeout) };
        match check(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(polled.map(|polled| polled.revents != 0)),
        }
    }
}

/// What to wait for at a descriptor; without descriptor, or for nothing, none is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Interest<'a> {
    /// The descriptor.
    pub descriptor: Option<BorrowedFd<'a>>,
    /// Data, or the end.
    pub read: bool,
    /// Room.
    pub write: bool,
}

/// What was seen at a descriptor. An error and the end count as both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It can be read.
    pub read: bool,
    /// It can be written.
    pub write: bool,
    /// Who is at the other end has gone.
    pub end: bool,
}

/// Waits until one of the descriptors has what is wanted of it; nothing is seen after `patience`.
/// None waits for ever.
pub fn watch<const N: usize>(
    interests: [Interest<'_>; N],
    patience: Option<Duration>,
) -> io::Result<[Seen; N]> {
    let mut polled = interests.map(|interest| {
        let mut events = 0;
        if interest.read {
            events |= libc::POLLIN;
        }
        if interest.write {
            events |= libc::POLLOUT;
        }
        let wanted = interest.descriptor.filter(|_| events != 0);
        libc::pollfd {
            // The kernel passes over negative ones.
            fd: wanted.map_or(-1, |descriptor| descriptor.as_raw_fd()),
            events,
            revents: 0,
        }
    });
    let timeout = patience.map_or(-1, |patience| {
        libc::c_int::try_from(patience.as_millis()).unwrap_or(libc::c_int::MAX)
    });
    loop {
        // SAFETY: the array is exclusive and passed with its length.
        let result = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, timeout) };
        match check(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    Ok(polled.map(|polled| {
        let end = polled.revents & (libc::POLLHUP | libc::POLLERR) != 0;
        Seen {
            read: end || polled.revents & libc::POLLIN != 0,
            write: end || polled.revents & libc::POLLOUT != 0,
            end,
        }
    }))
}

/// Makes a pipe: the end to read from and the end to write to. Both close on exec.
pub fn pipe() -> io::Result<(File, File)> {
    let mut ends = [-1; 2];
    // SAFETY: the array is exclusive and has room for both ends.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the call has just made these descriptors.
    Ok(unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) })
}

/// Locks a file unless somebody else has; the lock goes with the last copy of the descriptor. Those
/// who share it do not keep each other out. Tells whether it was locked.
pub fn try_lock(file: &File, shared: bool) -> io::Result<bool> {
    let kind = if shared { libc::LOCK_SH } else { libc::LOCK_EX };
    // SAFETY: the descriptor is open and the call takes no pointers.
    match check(unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Closes all descriptors above 2 except `kept`, which gets another number and closes on exec.
pub fn close_all_but(kept: OwnedFd) -> io::Result<OwnedFd> {
    let kept = if kept.as_raw_fd() == KEPT {
        kept
    } else {
        // SAFETY: the source is open; whatever was descriptor 3 is to be closed anyway, and its
        // owners do not use it any more: the caller is about to execute a program.
        check(unsafe { libc::dup3(kept.as_raw_fd(), KEPT, libc::O_CLOEXEC) })?;
        // Closed by the range below, not by its owner.
        std::mem::forget(kept);
        // SAFETY: descriptor 3 has just been made.
        unsafe { OwnedFd::from_raw_fd(KEPT) }
    };
    // SAFETY: as above.
    check(unsafe { libc::close_range(KEPT as libc::c_uint + 1, libc::c_uint::MAX, 0) })?;
    Ok(kept)
}

/// Closes all descriptors above 2 when a program is executed.
pub fn close_on_exec() -> io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: nothing is closed now, so that all owners stay valid.
    check(unsafe { libc::close_range(3, libc::c_uint::MAX, flags) }).map(drop)
}

/// Makes `source` the descriptor `number`, open across exec.
pub fn duplicate_to(source: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    // SAFETY: the source is open; 0 to 2 are the only numbers that callers pass, and the standard
    // streams do not mind what they refer to.
    check(unsafe { libc::dup2(source.as_raw_fd(), number) }).map(drop)
}

/// Makes reads from a descriptor return at once.
pub fn set_nonblocking(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open and the calls take no pointers.
    unsafe {
        let flags = check(libc::fcntl(descriptor.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(
            descriptor.as_raw_fd(),
            libc::F_SETFL,
            flags | libc::O_NONBLOCK,
        ))
    }
    .map(drop)
}

/// Seals of a file that can never change again.
const SEALS: libc::c_int =
    libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;

/// Whether a file is in memory and can never change again.
pub fn is_sealed(file: &File) -> bool {
    // SAFETY: the descriptor is open and the call takes no pointers.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    seals >= 0 && seals & SEALS == SEALS
}

/// Makes an empty file in memory that may hold a program.
pub fn memory_file(name: &str) -> io::Result<File> {
    let name = text(name.as_bytes())?;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a terminated string.
    let create = |flags| check(unsafe { libc::memfd_create(name.as_ptr(), flags) });
    // Kernels before 6.3 do not know the flag that asks for an executable file.
    let descriptor = create(flags | libc::MFD_EXEC).or_else(|error| {
        if error.raw_os_error() == Some(libc::EINVAL) {
            create(flags)
        } else {
            Err(error)
        }
    })?;
    // SAFETY: the call has just made this descriptor.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Makes a file in memory unchangeable.
pub fn seal(file: &File) -> io::Result<()> {
    // SAFETY: the descriptor is open and the call takes no pointers.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) }).map(drop)
}
