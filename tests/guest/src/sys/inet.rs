// SPDX-License-Identifier: GPL-2.0

//! Internet sockets. Addresses are texts as in a URL: `192.0.2.1:80`, `[2001:db8::1]:80`.

use super::sockets::close;
use super::{Sys, done, errno, ring, sys};
use libc::{c_int, socklen_t};
use std::mem::{size_of, zeroed};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

/// `IPV6_V6ONLY`
pub const V6ONLY: i64 = 1;
/// `SO_REUSEPORT`
pub const REUSEPORT: i64 = 2;
/// `SO_REUSEADDR`
pub const REUSEADDR: i64 = 4;
/// `IP_FREEBIND`
pub const FREEBIND: i64 = 8;
/// `IP_TRANSPARENT`
pub const TRANSPARENT: i64 = 16;

/// How long to wait for what must come: a neighbour is asked for once in a second, and a machine may
/// stand still for some.
const SOON: c_int = 20_000;
/// How long to wait for what may come: a connection tells at once that it is gone.
const A_WHILE: c_int = 3000;
/// How long to wait for what must not come.
const NEVER: c_int = 3;

/// A socket address in the form of the kernel.
struct Raw {
    storage: libc::sockaddr_storage,
    length: socklen_t,
}

impl Raw {
    fn empty() -> Self {
        Self {
            // SAFETY: an all-zero address is valid.
            storage: unsafe { zeroed() },
            length: size_of::<libc::sockaddr_storage>() as socklen_t,
        }
    }

    fn new(address: SocketAddr) -> Self {
        let mut raw = Self::empty();
        match address {
            SocketAddr::V4(v4) => {
                let sin = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(v4.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                raw.length = size_of::<libc::sockaddr_in>() as socklen_t;
                // SAFETY: the storage is large enough and aligned for every address.
                unsafe {
                    (&raw mut raw.storage)
                        .cast::<libc::sockaddr_in>()
                        .write(sin)
                };
            }
            SocketAddr::V6(v6) => {
                let sin6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr {
                        s6_addr: v6.ip().octets(),
                    },
                    sin6_scope_id: v6.scope_id(),
                };
                raw.length = size_of::<libc::sockaddr_in6>() as socklen_t;
                // SAFETY: as above.
                unsafe {
                    (&raw mut raw.storage)
                        .cast::<libc::sockaddr_in6>()
                        .write(sin6)
                };
            }
        }
        raw
    }

    fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    fn text(&self) -> String {
        let port = |be: u16| u16::from_be(be);
        if c_int::from(self.storage.ss_family) == libc::AF_INET {
            // SAFETY: the family says so, and the storage is large enough.
            let sin = unsafe { (&raw const self.storage).cast::<libc::sockaddr_in>().read() };
            let ip = std::net::Ipv4Addr::from(sin.sin_addr.s_addr.to_ne_bytes());
            return format!("{ip}:{}", port(sin.sin_port));
        }
        // SAFETY: as above.
        let sin6 = unsafe {
            (&raw const self.storage)
                .cast::<libc::sockaddr_in6>()
                .read()
        };
        let ip = Ipv6Addr::from(sin6.sin6_addr.s6_addr);
        SocketAddrV6::new(ip, port(sin6.sin6_port), 0, 0).to_string()
    }
}

/// Reads an address.
///
/// # Panics
/// When it is none, which is an error in a scenario.
pub fn parse(text: &str) -> SocketAddr {
    text.parse()
        .unwrap_or_else(|_| panic!("'{text}' is no socket address"))
}

fn family(address: SocketAddr) -> c_int {
    if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    }
}

/// `setsockopt(2)` with a number.
pub fn set(fd: c_int, level: c_int, name: c_int, value: c_int) -> Sys<()> {
    // SAFETY: the value outlives the call and has the length that is passed.
    done(unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            (&raw const value).cast(),
            size_of::<c_int>() as socklen_t,
        )
    })
}

/// `socket(2)`; the descriptor does not block.
pub fn socket(family: c_int, kind: c_int, protocol: c_int) -> Sys<c_int> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::socket(family, kind | libc::SOCK_NONBLOCK, protocol) }).map(|fd| fd as c_int)
}

/// `bind(2)` to the address of another family than the socket's as well.
pub fn bind(fd: c_int, address: &str) -> Sys<()> {
    let raw = Raw::new(parse(address));
    // SAFETY: the address is valid during the call.
    done(unsafe { libc::bind(fd, raw.as_ptr(), raw.length) })
}

fn bound(kind: c_int, address: &str, flags: i64) -> Sys<c_int> {
    let family = family(parse(address));
    let fd = socket(family, kind, 0)?;
    let result = (|| {
        if family == libc::AF_INET6 {
            let only = c_int::from(flags & V6ONLY != 0);
            set(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only)?;
        }
        for (flag, level, name) in [
            (REUSEPORT, libc::SOL_SOCKET, libc::SO_REUSEPORT),
            (REUSEADDR, libc::SOL_SOCKET, libc::SO_REUSEADDR),
            (FREEBIND, libc::IPPROTO_IP, libc::IP_FREEBIND),
            (TRANSPARENT, libc::IPPROTO_IP, libc::IP_TRANSPARENT),
        ] {
            if flags & flag != 0 {
                set(fd, level, name, 1)?;
            }
        }
        bind(fd, address)
    })();
    keep(fd, result)
}

/// The descriptor, or it is closed and the error stays.
fn keep(fd: c_int, result: Sys<()>) -> Sys<c_int> {
    if result.is_err() {
        close(fd);
    }
    result.map(|()| fd)
}

/// A TCP listener.
pub fn listen(address: &str, flags: i64) -> Sys<c_int> {
    let fd = bound(libc::SOCK_STREAM, address, flags)?;
    // SAFETY: plain numbers.
    let result = done(unsafe { libc::listen(fd, 64) });
    keep(fd, result)
}

/// A bound UDP socket.
pub fn datagram(address: &str, flags: i64) -> Sys<c_int> {
    bound(libc::SOCK_DGRAM, address, flags)
}

fn wait(fd: c_int, events: i16, limit: c_int) -> bool {
    let mut poll = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one valid entry.
    unsafe { libc::poll(&mut poll, 1, limit) > 0 }
}

/// The error that a socket has stored, which is cleared.
pub fn error(fd: c_int) -> i32 {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as socklen_t;
    // SAFETY: both outlive the call, the length fits.
    unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            (&raw mut value).cast(),
            &raw mut length,
        );
    }
    value
}

/// `connect(2)` of any socket, and what became of it.
pub fn join(fd: c_int, address: &str) -> Sys<()> {
    let raw = Raw::new(parse(address));
    // SAFETY: the address is valid during the call.
    match done(unsafe { libc::connect(fd, raw.as_ptr(), raw.length) }) {
        Err(libc::EINPROGRESS) => {}
        other => return other,
    }
    if !wait(fd, libc::POLLOUT, SOON) {
        return Err(libc::ETIMEDOUT);
    }
    match error(fd) {
        0 => Ok(()),
        code => Err(code),
    }
}

/// Connects by TCP; `from` may be empty.
pub fn connect(to: &str, from: &str) -> Sys<c_int> {
    let fd = socket(family(parse(to)), libc::SOCK_STREAM, 0)?;
    let result = (|| {
        if !from.is_empty() {
            bind(fd, from)?;
        }
        join(fd, to)
    })();
    keep(fd, result)
}

/// Undoes the connection of a datagram socket.
pub fn part(fd: c_int) -> Sys<()> {
    // SAFETY: an all-zero address has the family AF_UNSPEC.
    let address: libc::sockaddr = unsafe { zeroed() };
    // SAFETY: the address is valid during the call.
    done(unsafe {
        libc::connect(
            fd,
            &raw const address,
            size_of::<libc::sockaddr>() as socklen_t,
        )
    })
}

/// Sends a byte from any datagram socket.
pub fn send_from(fd: c_int, to: &str) -> Sys<()> {
    let raw = Raw::new(parse(to));
    // SAFETY: buffer and address are valid during the call.
    done(unsafe { libc::sendto(fd, b"x".as_ptr().cast(), 1, 0, raw.as_ptr(), raw.length) } as i64)
}

/// Sends a byte from a new UDP socket.
pub fn send(to: &str) -> Sys<()> {
    let fd = socket(family(parse(to)), libc::SOCK_DGRAM, 0)?;
    let result = send_from(fd, to);
    close(fd);
    result
}

/// Accepts a connection: the names of both ends as the server sees them, own first.
pub fn accept(fd: c_int, expected: bool) -> Sys<String> {
    if !wait(fd, libc::POLLIN, if expected { SOON } else { NEVER }) {
        return Err(libc::EAGAIN);
    }
    let mut peer = Raw::empty();
    // SAFETY: the storage is as long as said.
    let accepted =
        sys(unsafe { libc::accept(fd, (&raw mut peer.storage).cast(), &raw mut peer.length) })?
            as c_int;
    let result = name(accepted).map(|own| format!("{own} {}", peer.text()));
    close(accepted);
    result
}

/// Accepts a connection as soon as there is one: its descriptor.
pub fn take(fd: c_int) -> Sys<c_int> {
    if !wait(fd, libc::POLLIN, SOON) {
        return Err(libc::EAGAIN);
    }
    // SAFETY: plain numbers; the address is not asked for.
    sys(unsafe { libc::accept(fd, std::ptr::null_mut(), std::ptr::null_mut()) } as i64)
        .map(|fd| fd as c_int)
}

/// Sends these bytes over a connection.
pub fn send_bytes_to_peer(fd: c_int, bytes: &[u8]) -> Sys<()> {
    // SAFETY: the buffer is as long as said.
    done(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) } as i64)
}

/// Reads a number from a connection.
pub fn read_number(fd: c_int) -> Sys<u32> {
    if !wait(fd, libc::POLLIN, SOON) {
        return Err(libc::EAGAIN);
    }
    let mut number = [0_u8; 4];
    // SAFETY: the buffer is as long as said.
    match sys(unsafe { libc::recv(fd, number.as_mut_ptr().cast(), 4, 0) } as i64)? {
        4 => Ok(u32::from_ne_bytes(number)),
        _ => Err(libc::EPROTO),
    }
}

/// Receives a datagram: the name of the sender.
pub fn receive(fd: c_int, expected: bool) -> Sys<String> {
    if !wait(fd, libc::POLLIN, if expected { SOON } else { NEVER }) {
        return Err(libc::EAGAIN);
    }
    let mut peer = Raw::empty();
    let mut buffer = [0_u8; 256];
    // SAFETY: the buffers are as long as said.
    sys(unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
            (&raw mut peer.storage).cast(),
            &raw mut peer.length,
        )
    } as i64)?;
    Ok(peer.text())
}

/// `getsockname(2)`
pub fn name(fd: c_int) -> Sys<String> {
    let mut raw = Raw::empty();
    // SAFETY: the storage is as long as said.
    done(unsafe { libc::getsockname(fd, (&raw mut raw.storage).cast(), &raw mut raw.length) })?;
    Ok(raw.text())
}

/// `getpeername(2)`
pub fn peer(fd: c_int) -> Sys<String> {
    let mut raw = Raw::empty();
    // SAFETY: the storage is as long as said.
    done(unsafe { libc::getpeername(fd, (&raw mut raw.storage).cast(), &raw mut raw.length) })?;
    Ok(raw.text())
}

/// The address in a name, without the port.
pub fn host(name: &str) -> String {
    parse(name).ip().to_string()
}

/// Sends these bytes from any datagram socket.
pub fn send_bytes(fd: c_int, to: &str, bytes: &[u8]) -> Sys<()> {
    send_part(fd, to, bytes, 0)
}

/// Sends these bytes from any datagram socket, with flags: `MSG_MORE` for all but the last part.
pub fn send_part(fd: c_int, to: &str, bytes: &[u8], flags: c_int) -> Sys<()> {
    let raw = Raw::new(parse(to));
    // SAFETY: buffer and address are valid during the call.
    done(unsafe {
        libc::sendto(
            fd,
            bytes.as_ptr().cast(),
            bytes.len(),
            flags,
            raw.as_ptr(),
            raw.length,
        )
    } as i64)
}

/// Joins a multicast group on an interface.
pub fn join_group(fd: c_int, group: std::net::Ipv4Addr, index: u32) -> Sys<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: libc::in_addr {
            s_addr: u32::from_ne_bytes(group.octets()),
        },
        imr_address: libc::in_addr { s_addr: 0 },
        imr_ifindex: index as c_int,
    };
    // SAFETY: the request outlives the call and has the length that is passed.
    done(unsafe {
        libc::setsockopt(
            fd,
            libc::IPPROTO_IP,
            libc::IP_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            size_of::<libc::ip_mreqn>() as socklen_t,
        )
    })
}

/// Reads from a connection: what came, or the error.
pub fn read(fd: c_int) -> Sys<usize> {
    if !wait(fd, libc::POLLIN, A_WHILE) {
        return Err(libc::EAGAIN);
    }
    let mut buffer = [0_u8; 16];
    // SAFETY: the buffer is as long as said.
    sys(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) } as i64)
        .map(|length| length as usize)
}

/// Sends a byte with the source that `IP_PKTINFO` or `IPV6_PKTINFO` names.
pub fn send_with_source(to: &str, from: &str) -> Sys<()> {
    let target = parse(to);
    let raw = Raw::new(target);
    let fd = socket(family(target), libc::SOCK_DGRAM, 0)?;
    let mut control = [0_u64; 8];
    let mut byte = *b"x";
    let mut piece = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    // SAFETY: an all-zero header is valid.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = raw.as_ptr().cast_mut().cast();
    header.msg_namelen = raw.length;
    header.msg_iov = &raw mut piece;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    // SAFETY: the control buffer has room for either message; the macros compute with its address.
    unsafe {
        let (level, kind, length) = if target.is_ipv4() {
            (
                libc::IPPROTO_IP,
                libc::IP_PKTINFO,
                size_of::<libc::in_pktinfo>(),
            )
        } else {
            (
                libc::IPPROTO_IPV6,
                libc::IPV6_PKTINFO,
                size_of::<libc::in6_pktinfo>(),
            )
        };
        header.msg_controllen = libc::CMSG_SPACE(length as u32) as _;
        let message = libc::CMSG_FIRSTHDR(&header);
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(length as u32) as _;
        match from.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(v4)) => libc::CMSG_DATA(message)
                .cast::<libc::in_pktinfo>()
                .write_unaligned(libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from_ne_bytes(v4.octets()),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                }),
            Ok(std::net::IpAddr::V6(v6)) => libc::CMSG_DATA(message)
                .cast::<libc::in6_pktinfo>()
                .write_unaligned(libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: v6.octets(),
                    },
                    ipi6_ifindex: 0,
                }),
            Err(_) => return Err(libc::EDESTADDRREQ),
        }
    }
    // SAFETY: everything that the header points to outlives the call.
    let sent = unsafe { libc::sendmsg(fd, &header, 0) };
    let result = if sent == 1 { Ok(()) } else { Err(errno()) };
    close(fd);
    result
}

/// How a stream comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// System calls and MPTCP.
    Mptcp,
    /// Every step by io_uring, in a worker thread.
    Ring,
}

impl Way {
    /// All of them, with names.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Mptcp, "mptcp"), (Self::Ring, "io_uring")];

    /// The way with this place in the list.
    pub fn from_number(number: i64) -> Self {
        Self::ALL[number as usize].0
    }

    fn socket(self, family: c_int) -> Sys<c_int> {
        match self {
            Self::Mptcp => socket(family, libc::SOCK_STREAM, libc::IPPROTO_MPTCP),
            Self::Ring => ring::act(ring::Entry {
                code: ring::SOCKET,
                fd: family,
                offset: libc::SOCK_STREAM as u64,
                ..Default::default()
            }),
        }
    }

    fn bind(self, fd: c_int, address: &str) -> Sys<()> {
        let raw = Raw::new(parse(address));
        match self {
            Self::Mptcp => bind(fd, address),
            Self::Ring => ring::act(ring::Entry {
                code: ring::BIND,
                fd,
                offset: raw.length.into(),
                address: raw.as_ptr() as u64,
                ..Default::default()
            })
            .map(|_| ()),
        }
    }

    /// A listener; one for IPv6 is for nothing else.
    pub fn listen(self, address: &str) -> Sys<c_int> {
        let family = family(parse(address));
        let fd = self.socket(family)?;
        let result = (|| {
            if family == libc::AF_INET6 {
                set(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
            }
            self.bind(fd, address)?;
            match self {
                // SAFETY: plain numbers.
                Self::Mptcp => done(unsafe { libc::listen(fd, 64) }),
                Self::Ring => ring::act(ring::Entry {
                    code: ring::LISTEN,
                    fd,
                    length: 64,
                    ..Default::default()
                })
                .map(|_| ()),
            }
        })();
        keep(fd, result)
    }

    /// A connection; `from` is an address or empty.
    pub fn connect(self, to: &str, from: &str) -> Sys<c_int> {
        let raw = Raw::new(parse(to));
        let fd = self.socket(family(parse(to)))?;
        let result = (|| {
            if !from.is_empty() {
                self.bind(fd, from)?;
            }
            match self {
                Self::Mptcp => join(fd, to),
                Self::Ring => ring::act(ring::Entry {
                    code: ring::CONNECT,
                    fd,
                    offset: raw.length.into(),
                    address: raw.as_ptr() as u64,
                    ..Default::default()
                })
                .map(|_| ()),
            }
        })();
        keep(fd, result)
    }

    /// Sends a few bytes over a connection.
    pub fn send(self, fd: c_int) -> Sys<i32> {
        let bytes = *b"kinds";
        match self {
            Self::Mptcp => {
                // SAFETY: the buffer is as long as said.
                sys(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), 0) } as i64)
                    .map(|sent| sent as i32)
            }
            Self::Ring => ring::act(ring::Entry {
                code: ring::SEND,
                fd,
                address: bytes.as_ptr() as u64,
                length: bytes.len() as u32,
                ..Default::default()
            }),
        }
    }
}
