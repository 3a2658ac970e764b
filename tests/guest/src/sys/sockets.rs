// SPDX-License-Identifier: GPL-2.0

//! Unix sockets.

use super::{Sys, done, errno, sys};
use libc::{c_int, socklen_t};
use std::mem::{offset_of, size_of, zeroed};

/// A socket type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Connection of bytes.
    Stream,
    /// Single packets.
    Datagram,
    /// Connection of packets.
    Packet,
}

/// All types.
pub const KINDS: [Kind; 3] = [Kind::Stream, Kind::Datagram, Kind::Packet];

impl Kind {
    /// The type with this number, the inverse of `as i64`.
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Stream,
            1 => Self::Datagram,
            _ => Self::Packet,
        }
    }

    /// Name for a check.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Datagram => "datagram",
            Self::Packet => "packet",
        }
    }

    fn number(self) -> c_int {
        match self {
            Self::Stream => libc::SOCK_STREAM,
            Self::Datagram => libc::SOCK_DGRAM,
            Self::Packet => libc::SOCK_SEQPACKET,
        }
    }
}

/// Builds an address; a leading `@` makes it abstract.
fn address(name: &str) -> (libc::sockaddr_un, socklen_t) {
    // SAFETY: an all-zero address is valid.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (slot, byte) in address.sun_path.iter_mut().zip(name.bytes()) {
        *slot = byte as libc::c_char;
    }
    let mut length = offset_of!(libc::sockaddr_un, sun_path) + name.len();
    if name.starts_with('@') {
        address.sun_path[0] = 0;
    } else {
        length += 1;
    }
    (
        address,
        length.min(size_of::<libc::sockaddr_un>()) as socklen_t,
    )
}

/// `socket(2)` of any family.
pub fn socket(family: c_int, kind: c_int) -> Sys<c_int> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::socket(family, kind, 0) }).map(|fd| fd as c_int)
}

/// Closes a descriptor.
pub fn close(fd: c_int) {
    // SAFETY: the callers own the descriptor.
    unsafe { libc::close(fd) };
}

/// Makes a socket, binds it and listens where the type listens.
pub fn serve(kind: Kind, name: &str) -> Sys<c_int> {
    let fd = socket(libc::AF_UNIX, kind.number())?;
    let (address, length) = address(name);
    // SAFETY: `address` is valid for `length` bytes during the call.
    unsafe {
        done(libc::bind(fd, (&raw const address).cast(), length))?;
        if kind != Kind::Datagram {
            done(libc::listen(fd, 8))?;
        }
    }
    if !name.starts_with('@') {
        super::files::chmod(name, 0o777)?;
    }
    Ok(fd)
}

/// Connects a new socket to `name` without waiting.
pub fn connect(kind: Kind, name: &str) -> Sys<c_int> {
    let fd = socket(libc::AF_UNIX, kind.number() | libc::SOCK_NONBLOCK)?;
    let (address, length) = address(name);
    // SAFETY: `address` is valid for `length` bytes during the call.
    match done(unsafe { libc::connect(fd, (&raw const address).cast(), length) }) {
        Ok(()) => Ok(fd),
        Err(error) => {
            close(fd);
            Err(error)
        }
    }
}

/// Sends one byte to `name` from an unconnected datagram socket.
pub fn send_to(name: &str) -> Sys<()> {
    let fd = socket(libc::AF_UNIX, libc::SOCK_DGRAM)?;
    let (address, length) = address(name);
    // SAFETY: buffer and address are valid during the call.
    let sent = unsafe {
        libc::sendto(
            fd,
            b"x".as_ptr().cast(),
            1,
            libc::MSG_DONTWAIT,
            (&raw const address).cast(),
            length,
        )
    };
    let result = if sent == 1 { Ok(()) } else { Err(errno()) };
    close(fd);
    result
}

/// Sends one byte over a connected socket.
pub fn send(fd: c_int) -> Sys<()> {
    // SAFETY: the buffer is valid during the call.
    done(unsafe {
        libc::send(
            fd,
            b"x".as_ptr().cast(),
            1,
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    } as i64)
}
