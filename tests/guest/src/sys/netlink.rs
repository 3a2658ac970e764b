// SPDX-License-Identifier: GPL-2.0

//! A few requests of rtnetlink and sock_diag.

use super::sockets::close;
use super::{Sys, done, sys};
use libc::c_int;
use std::mem::{size_of, zeroed};
use std::net::IpAddr;

/// A request under construction.
pub struct Request(Vec<u8>);

const HEADER: usize = size_of::<libc::nlmsghdr>();

impl Request {
    /// A request of this type with a fixed part; the flag REQUEST is added.
    pub fn new(kind: u16, flags: c_int, body: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&((flags | libc::NLM_F_REQUEST) as u16).to_ne_bytes());
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    /// Adds an attribute.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.pad();
        self.0
            .extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// Adds an attribute that contains others, and `body` before them.
    pub fn nested(mut self, kind: u16, body: &[u8], fill: impl FnOnce(Self) -> Self) -> Self {
        self.pad();
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 2]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(body);
        let mut filled = fill(self);
        let length = (filled.0.len() - start) as u16;
        filled.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        filled
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Sends the request over a new socket of `protocol`; the messages of the answer: type and
    /// what follows the header.
    pub fn ask(mut self, protocol: c_int) -> Sys<Vec<(u16, Vec<u8>)>> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        // SAFETY: plain numbers.
        let fd = sys(unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol) })? as c_int;
        let result = talk(fd, &self.0);
        close(fd);
        result
    }

    /// As [`Request::ask`] for a request to rtnetlink that is acknowledged.
    pub fn order(self) -> Sys<()> {
        self.ask(libc::NETLINK_ROUTE).map(|_| ())
    }
}

fn talk(fd: c_int, request: &[u8]) -> Sys<Vec<(u16, Vec<u8>)>> {
    // SAFETY: the buffer is as long as said.
    done(unsafe { libc::send(fd, request.as_ptr().cast(), request.len(), 0) } as i64)?;
    let dump = c_int::from(u16::from_ne_bytes([request[6], request[7]])) & libc::NLM_F_DUMP
        == libc::NLM_F_DUMP;
    let mut messages = Vec::new();
    let mut buffer = vec![0_u8; 65_536];
    loop {
        // SAFETY: as above.
        let length =
            sys(unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) } as i64)?;
        let mut rest = &buffer[..length as usize];
        while rest.len() >= HEADER {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            let kind = u16::from_ne_bytes([rest[4], rest[5]]);
            let body = &rest[HEADER..size];
            match c_int::from(kind) {
                libc::NLMSG_DONE => return Ok(messages),
                libc::NLMSG_ERROR => {
                    let code = i32::from_ne_bytes([body[0], body[1], body[2], body[3]]);
                    return if code == 0 { Ok(messages) } else { Err(-code) };
                }
                _ => messages.push((kind, body.to_vec())),
            }
            if !dump {
                return Ok(messages);
            }
            rest = &rest[size.next_multiple_of(4).min(rest.len())..];
        }
    }
}

/// The attributes after a fixed part of `skip` bytes.
pub fn attributes(body: &[u8], skip: usize) -> Vec<(u16, Vec<u8>)> {
    let mut list = Vec::new();
    let mut rest = body.get(skip..).unwrap_or_default();
    while rest.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]])).max(4);
        let kind = u16::from_ne_bytes([rest[2], rest[3]]) & 0x3fff;
        list.push((kind, rest[4..length.min(rest.len())].to_vec()));
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    list
}

const CREATE: c_int = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;

fn bytes<T>(value: &T) -> &[u8] {
    // SAFETY: the values of this file are plain structures without padding.
    unsafe { std::slice::from_raw_parts((&raw const *value).cast(), size_of::<T>()) }
}

#[repr(C)]
struct LinkInfo {
    family: u8,
    pad: u8,
    kind: u16,
    index: i32,
    flags: u32,
    change: u32,
}

fn link(index: u32, flags: u32) -> LinkInfo {
    LinkInfo {
        family: 0,
        pad: 0,
        kind: 0,
        index: index as i32,
        flags,
        change: flags,
    }
}

fn text(name: &str) -> Vec<u8> {
    super::c(name).into_bytes_with_nul()
}

/// Number of an interface.
pub fn index(name: &str) -> Sys<u32> {
    let name = super::c(name);
    // SAFETY: a string with its end.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(super::errno()),
        index => Ok(index),
    }
}

/// Makes a pair of virtual cables; the second end goes into the namespace of `netns`.
pub fn cable(here: &str, there: &str, netns: c_int) -> Sys<()> {
    const INFO_KIND: u16 = 1;
    const INFO_DATA: u16 = 2;
    const PEER: u16 = 1;
    Request::new(libc::RTM_NEWLINK, CREATE, bytes(&link(0, 0)))
        .attribute(libc::IFLA_IFNAME, &text(here))
        .nested(libc::IFLA_LINKINFO, &[], |info| {
            info.attribute(INFO_KIND, b"veth")
                .nested(INFO_DATA, &[], |data| {
                    data.nested(PEER, bytes(&link(0, 0)), |peer| {
                        peer.attribute(libc::IFLA_IFNAME, &text(there))
                            .attribute(libc::IFLA_NET_NS_FD, &netns.to_ne_bytes())
                    })
                })
        })
        .order()
}

/// Switches an interface on.
pub fn up(name: &str) -> Sys<()> {
    Request::new(
        libc::RTM_NEWLINK,
        libc::NLM_F_ACK,
        bytes(&link(index(name)?, libc::IFF_UP as u32)),
    )
    .order()
}

#[repr(C)]
struct AddressInfo {
    family: u8,
    prefix: u8,
    flags: u8,
    scope: u8,
    index: u32,
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn address(kind: u16, flags: c_int, name: &str, ip: &str, prefix: u8) -> Sys<()> {
    let ip: IpAddr = ip.parse().map_err(|_| libc::EINVAL)?;
    let info = AddressInfo {
        family: if ip.is_ipv4() {
            libc::AF_INET
        } else {
            libc::AF_INET6
        } as u8,
        prefix,
        // Usable at once: nobody else is on the cable.
        flags: if ip.is_ipv4() {
            0
        } else {
            libc::IFA_F_NODAD as u8
        },
        scope: 0,
        index: index(name)?,
    };
    Request::new(kind, flags, bytes(&info))
        .attribute(libc::IFA_LOCAL, &octets(ip))
        .attribute(libc::IFA_ADDRESS, &octets(ip))
        .order()
}

/// Gives an interface an address.
pub fn add_address(name: &str, ip: &str, prefix: u8) -> Sys<()> {
    address(libc::RTM_NEWADDR, CREATE, name, ip, prefix)
}

/// Names of the interfaces that a dump tells of.
pub fn links() -> Sys<Vec<String>> {
    let answer = Request::new(libc::RTM_GETLINK, libc::NLM_F_DUMP, bytes(&link(0, 0)))
        .ask(libc::NETLINK_ROUTE)?;
    Ok(answer
        .iter()
        .flat_map(|(_, body)| attributes(body, size_of::<LinkInfo>()))
        .filter(|(kind, _)| *kind == libc::IFLA_IFNAME)
        .map(|(_, name)| String::from_utf8_lossy(&name[..name.len() - 1]).into_owned())
        .collect())
}

/// Asks for one interface.
pub fn one_link(index: u32) -> Sys<()> {
    Request::new(libc::RTM_GETLINK, 0, bytes(&link(index, 0)))
        .ask(libc::NETLINK_ROUTE)
        .map(|_| ())
}

/// The addresses of a family that a dump tells of.
pub fn addresses(family: c_int) -> Sys<Vec<String>> {
    let info = AddressInfo {
        family: family as u8,
        prefix: 0,
        flags: 0,
        scope: 0,
        index: 0,
    };
    let answer =
        Request::new(libc::RTM_GETADDR, libc::NLM_F_DUMP, bytes(&info)).ask(libc::NETLINK_ROUTE)?;
    Ok(answer
        .iter()
        .flat_map(|(_, body)| attributes(body, size_of::<AddressInfo>()))
        .filter(|(kind, _)| *kind == libc::IFA_ADDRESS)
        .map(|(_, octets)| ip(&octets).to_string())
        .collect())
}

/// Sockets of a family and protocol that sock_diag tells of: local and remote port.
pub fn diag(family: c_int, protocol: c_int) -> Sys<Vec<(u32, u32)>> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    // struct inet_diag_req_v2: family, protocol, extensions, padding, states, id.
    let mut body = vec![family as u8, protocol as u8, 0, 0];
    body.extend_from_slice(&u32::MAX.to_ne_bytes());
    body.extend_from_slice(&[0; 48]);
    let answer =
        Request::new(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP, &body).ask(libc::NETLINK_SOCK_DIAG)?;
    Ok(answer
        .iter()
        .map(|(_, message)| {
            let port = |at: usize| u32::from(u16::from_be_bytes([message[at], message[at + 1]]));
            (port(4), port(6))
        })
        .collect())
}

/// Number of unix sockets that sock_diag tells of.
pub fn diag_unix() -> Sys<usize> {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    // struct unix_diag_req: family, protocol, padding, states, inode, show, cookie.
    let mut body = vec![libc::AF_UNIX as u8, 0, 0, 0];
    body.extend_from_slice(&u32::MAX.to_ne_bytes());
    body.extend_from_slice(&[0; 16]);
    Request::new(SOCK_DIAG_BY_FAMILY, libc::NLM_F_DUMP, &body)
        .ask(libc::NETLINK_SOCK_DIAG)
        .map(|answer| answer.len())
}

/// A socket that hears of changes to interfaces, not blocking.
pub fn subscribe() -> Sys<c_int> {
    // SAFETY: plain numbers; an all-zero address is valid and outlives the call.
    unsafe {
        let fd = sys(libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW | libc::SOCK_NONBLOCK,
            libc::NETLINK_ROUTE,
        ))? as c_int;
        let mut address: libc::sockaddr_nl = zeroed();
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR) as u32;
        done(libc::bind(
            fd,
            (&raw const address).cast(),
            size_of::<libc::sockaddr_nl>() as u32,
        ))?;
        Ok(fd)
    }
}

/// Whether a message waits at a socket of [`subscribe`].
pub fn has_news(fd: c_int) -> bool {
    let mut buffer = [0_u8; 4096];
    // SAFETY: the buffer is as long as said.
    unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), 0) > 0 }
}

/// How many messages of the type `answer` a dump of `kind` tells, for a family.
pub fn dump(kind: u16, answer: u16, family: c_int) -> Sys<usize> {
    let mut body = vec![family as u8];
    body.resize(size_of::<LinkInfo>(), 0);
    let messages = Request::new(kind, libc::NLM_F_DUMP, &body).ask(libc::NETLINK_ROUTE)?;
    Ok(messages.iter().filter(|(told, _)| *told == answer).count())
}

fn all_routes(family: c_int) -> Sys<Vec<Vec<u8>>> {
    let mut body = vec![family as u8];
    body.resize(ROUTE, 0);
    let answer =
        Request::new(libc::RTM_GETROUTE, libc::NLM_F_DUMP, &body).ask(libc::NETLINK_ROUTE)?;
    Ok(answer.into_iter().map(|(_, body)| body).collect())
}

/// `struct rtmsg`: family, lengths, tos, table, protocol, scope, type, flags.
const ROUTE: usize = 12;

fn attribute(body: &[u8], kind: u16) -> Option<Vec<u8>> {
    attributes(body, ROUTE)
        .into_iter()
        .find(|(found, _)| *found == kind)
        .map(|(_, value)| value)
}

fn ip(octets: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(octets) {
        Ok(v4) => IpAddr::from(v4),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(octets).unwrap_or_default()),
    }
}

/// Routes of a family that a dump tells of: destination with length, number of the interface.
pub fn routes(family: c_int) -> Sys<Vec<String>> {
    let mut routes: Vec<String> = all_routes(family)?
        .iter()
        .map(|body| {
            let to = attribute(body, libc::RTA_DST);
            let to = to.map_or("default".to_string(), |octets| ip(&octets).to_string());
            let out = attribute(body, libc::RTA_OIF).and_then(|v| v.try_into().ok());
            format!("{to}/{} {}", body[1], out.map_or(0, u32::from_ne_bytes))
        })
        .collect();
    routes.sort();
    Ok(routes)
}

/// The sources that IPv4 routes prefer, each once.
pub fn sources() -> Sys<Vec<String>> {
    let mut sources: Vec<String> = all_routes(libc::AF_INET)?
        .iter()
        .filter_map(|body| attribute(body, libc::RTA_PREFSRC))
        .map(|octets| ip(&octets).to_string())
        .collect();
    sources.sort();
    sources.dedup();
    Ok(sources)
}

/// Adds a default route through an interface.
pub fn add_default(name: &str, gateway: &str) -> Sys<()> {
    let ip: IpAddr = gateway.parse().map_err(|_| libc::EINVAL)?;
    let family = if ip.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // Table, protocol, scope and type as `ip route add` has them.
    let body = [family as u8, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    Request::new(libc::RTM_NEWROUTE, CREATE, &body)
        .attribute(libc::RTA_GATEWAY, &octets(ip))
        .attribute(libc::RTA_OIF, &index(name)?.to_ne_bytes())
        .order()
}

/// One request of a type with a fixed part, no dump; whether there was an answer.
pub fn single(protocol: c_int, kind: u16, body: &[u8]) -> Sys<()> {
    Request::new(kind, 0, body).ask(protocol).map(|_| ())
}

/// A dump of the sockets of a family over sock_diag, of which only the errors matter.
pub fn diag_family(family: c_int) -> Sys<()> {
    let mut body = vec![family as u8];
    body.resize(40, 0);
    Request::new(20, libc::NLM_F_DUMP, &body)
        .ask(libc::NETLINK_SOCK_DIAG)
        .map(|_| ())
}

/// Sends an empty message to a socket of another program, or to a group.
pub fn send_to(pid: u32, groups: u32) -> Sys<()> {
    let message = [16_u8, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: an all-zero address is valid; address and message are as long as said.
    unsafe {
        let fd = sys(libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW,
            libc::NETLINK_ROUTE,
        ))? as c_int;
        let mut address: libc::sockaddr_nl = zeroed();
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_pid = pid;
        address.nl_groups = groups;
        let sent = libc::sendto(
            fd,
            message.as_ptr().cast(),
            message.len(),
            0,
            (&raw const address).cast(),
            size_of::<libc::sockaddr_nl>() as u32,
        );
        let result = done(sent as i64);
        close(fd);
        result
    }
}

/// A rule that prohibits what comes from an IPv4 address.
pub fn prohibit_from(ip: &str) -> Sys<()> {
    /// `FR_ACT_PROHIBIT`, `FRA_SRC`
    const PROHIBIT: u8 = 8;
    const SOURCE: u16 = 2;
    let source: IpAddr = ip.parse().map_err(|_| libc::EINVAL)?;
    // Family, lengths of destination and source, type of service, table, gap, action, flags.
    let body = [libc::AF_INET as u8, 0, 32, 0, 0, 0, 0, PROHIBIT, 0, 0, 0, 0];
    Request::new(libc::RTM_NEWRULE, CREATE, &body)
        .attribute(SOURCE, &octets(source))
        .order()
}

/// Makes all addresses of a network local, without an interface that has them.
pub fn add_local(network: &str, prefix: u8) -> Sys<()> {
    let ip: IpAddr = network.parse().map_err(|_| libc::EINVAL)?;
    let family = if ip.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    // Table local, protocol boot, scope host, type local.
    let body = [family as u8, prefix, 0, 0, 255, 3, 254, 2, 0, 0, 0, 0];
    Request::new(libc::RTM_NEWROUTE, CREATE, &body)
        .attribute(libc::RTA_DST, &octets(ip))
        .attribute(libc::RTA_OIF, &index("lo")?.to_ne_bytes())
        .order()
}
