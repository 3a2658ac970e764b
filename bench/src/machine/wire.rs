// SPDX-License-Identifier: GPL-2.0

//! A cable from this machine to a network namespace in which somebody asks what servers here answer.
//!
//! Each server is a *site*: a number that gives an IPv4 and an IPv6 address. The asker is a process
//! of the host in its namespace, on every kernel and in every place: what differs between them is the
//! server.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use super::sys::{self, check, Child};

/// Where the program `ip` is in the initramfs.
const IP_PROGRAM: &str = "/usr/bin/ip";
/// Site of the servers of the rows.
pub const SITE: u16 = 11;
/// Site of the asker.
const FAR: u16 = 0xff01;
/// Length of the IPv4 prefix of all sites.
pub const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 0, 0);
/// Length of the IPv6 prefix of all sites.
pub const PREFIX: u8 = 64;
/// What a client asks.
pub const QUESTION: [u8; 32] = [1; 32];
/// What a server answers.
pub const ANSWER: [u8; 128] = [2; 128];
/// Bytes of a stream between two signs of the receiver: 1 MiB.
pub const PIECE: usize = 1 << 20;

/// IPv4 address of a site.
pub fn ipv4(site: u16) -> Ipv4Addr {
    let [high, low] = site.to_be_bytes();
    Ipv4Addr::new(10, 9, high, low)
}

/// IPv6 address of a site.
pub fn ipv6(site: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, site)
}

/// Gives lines to `ip -batch`, in this network namespace or the one of that name.
pub fn ip(namespace: Option<&str>, lines: &[String]) -> io::Result<()> {
    let mut command = Command::new(IP_PROGRAM);
    if let Some(name) = namespace {
        command.args(["-n", name]);
    }
    let mut child = command
        .args(["-batch", "-"])
        .env("PATH", "/usr/bin")
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "{IP_PROGRAM}: {error}: iproute2 was not installed where the machine was built"
                ),
            )
        })?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all((lines.join("\n") + "\n").as_bytes())?;
    }
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "ip: {status} at one of: {}",
            lines.join("; ")
        )))
    }
}

/// Lines for `ip` that give an interface the addresses of these sites and switch it on.
pub fn furnish(interface: &str, sites: impl Iterator<Item = u16>) -> Vec<String> {
    let mut lines = vec![format!("link set {interface} up")];
    for site in sites {
        let (v4, v6) = (ipv4(site), ipv6(site));
        lines.push(format!("address add {v4}/16 dev {interface}"));
        lines.push(format!("address add {v6}/{PREFIX} dev {interface} nodad"));
    }
    lines
}

/// What the asker is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// A new connection for each question.
    Connections,
    /// Questions and answers as datagrams.
    Datagrams,
    /// Takes pieces of a stream.
    Stream,
}

/// One order: what, to which port of which site, how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub talk: Talk,
    /// Over IPv6.
    pub v6: bool,
    /// Whose server.
    pub site: u16,
    /// Its port.
    pub port: u16,
    /// How often.
    pub count: u32,
}

const ORDER_SIZE: usize = 10;

impl Order {
    fn to_bytes(self) -> [u8; ORDER_SIZE] {
        let mut bytes = [0; ORDER_SIZE];
        bytes[0] = match self.talk {
            Talk::Connections => 0,
            Talk::Datagrams => 1,
            Talk::Stream => 2,
        };
        bytes[1] = u8::from(self.v6);
        bytes[2..4].copy_from_slice(&self.site.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.port.to_ne_bytes());
        bytes[6..].copy_from_slice(&self.count.to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; ORDER_SIZE]) -> io::Result<Self> {
        let [talk, v6, s0, s1, p0, p1, c0, c1, c2, c3] = bytes;
        Ok(Self {
            talk: match talk {
                0 => Talk::Connections,
                1 => Talk::Datagrams,
                2 => Talk::Stream,
                _ => return Err(io::Error::other("not an order")),
            },
            v6: v6 != 0,
            site: u16::from_ne_bytes([s0, s1]),
            port: u16::from_ne_bytes([p0, p1]),
            count: u32::from_ne_bytes([c0, c1, c2, c3]),
        })
    }

    fn server(self) -> SocketAddr {
        let ip = if self.v6 {
            IpAddr::V6(ipv6(self.site))
        } else {
            IpAddr::V4(ipv4(self.site))
        };
        SocketAddr::new(ip, self.port)
    }
}

/// The cable and the asker at its other end.
pub struct Wire {
    _asker: Child,
    orders: PipeWriter,
    done: PipeReader,
}

impl Wire {
    /// Lays the cable, with the addresses of these sites on this end.
    pub fn start(sites: impl Iterator<Item = u16>) -> io::Result<Self> {
        let lines = [
            "netns add far",
            "link add site0 type veth peer name far0 netns far",
        ];
        ip(None, &lines.map(str::to_owned))?;
        ip(None, &furnish("site0", sites))?;
        ip(Some("far"), &furnish("far0", std::iter::once(FAR)))?;
        let (their_orders, orders) = io::pipe()?;
        let (done, their_done) = io::pipe()?;
        let asker = Child::spawn(|| {
            sys::set_policy(libc::SCHED_BATCH)?;
            let namespace = File::open("/run/netns/far")?;
            // SAFETY: takes no pointer.
            check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) })?;
            ask(their_orders, their_done)
        })?;
        Ok(Self {
            _asker: asker,
            orders,
            done,
        })
    }

    /// Gives an order. The caller then serves.
    pub fn order(&self, order: Order) -> io::Result<()> {
        (&self.orders).write_all(&order.to_bytes())
    }

    /// Waits until the order is done.
    pub fn finished(&self) -> io::Result<()> {
        (&self.done).read_exact(&mut [0])
    }
}

/// Carries out orders until there are no more.
fn ask(mut orders: PipeReader, mut done: PipeWriter) -> io::Result<()> {
    let mut socket: Option<(SocketAddr, UdpSocket)> = None;
    let mut stream: Option<(SocketAddr, TcpStream)> = None;
    let mut buffer = vec![0; PIECE];
    let mut bytes = [0; ORDER_SIZE];
    while orders.read_exact(&mut bytes).is_ok() {
        let order = Order::from_bytes(bytes)?;
        let server = order.server();
        match order.talk {
            Talk::Connections => {
                for _ in 0..order.count {
                    let mut connection = TcpStream::connect(server)?;
                    connection.write_all(&QUESTION)?;
                    connection.read_exact(&mut [0; ANSWER.len()])?;
                }
            }
            Talk::Datagrams => {
                let socket = kept(&mut socket, server, || {
                    let any = if order.v6 { "[::]:0" } else { "0.0.0.0:0" };
                    let socket = UdpSocket::bind(any)?;
                    socket.connect(server)?;
                    Ok(socket)
                })?;
                for _ in 0..order.count {
                    socket.send(&QUESTION)?;
                    socket.recv(&mut [0; ANSWER.len()])?;
                }
            }
            Talk::Stream => {
                let stream = kept(&mut stream, server, || TcpStream::connect(server))?;
                for _ in 0..order.count {
                    take(stream, &mut buffer)?;
                }
            }
        }
        done.write_all(&[0])?;
    }
    Ok(())
}

/// What is kept for this server, made when it is for another.
fn kept<T>(
    place: &mut Option<(SocketAddr, T)>,
    server: SocketAddr,
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<&T> {
    if place.as_ref().is_none_or(|(known, _)| *known != server) {
        *place = Some((server, make()?));
    }
    place
        .as_ref()
        .map(|(_, value)| value)
        .ok_or_else(|| io::Error::other("nothing is kept"))
}

/// Takes one piece of a stream and gives the sign.
pub fn take(mut stream: &TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    stream.read_exact(&mut buffer[..PIECE])?;
    stream.write_all(&[0])
}

/// Sends one piece and waits for the sign.
pub fn give(mut stream: &TcpStream, buffer: &[u8]) -> io::Result<()> {
    stream.write_all(&buffer[..PIECE])?;
    stream.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_pipe() {
        for talk in [Talk::Connections, Talk::Datagrams, Talk::Stream] {
            let order = Order {
                talk,
                v6: true,
                site: 1234,
                port: 80,
                count: 70_000,
            };
            assert_eq!(Order::from_bytes(order.to_bytes()).unwrap(), order);
        }
        assert!(Order::from_bytes([9; ORDER_SIZE]).is_err());
    }

    #[test]
    fn sites_have_addresses() {
        assert_eq!(ipv4(0x0102).to_string(), "10.9.1.2");
        assert_eq!(ipv6(0x0102).to_string(), "fd09::102");
        assert_eq!(furnish("x", 1..3).len(), 5);
    }
}
