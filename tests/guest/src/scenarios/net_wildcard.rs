// SPDX-License-Identifier: GPL-2.0

//! Three guests and the host on the wildcard of one port: who gets what, compared with a table.

use super::net_bind::{Bind, PROTOCOLS, at, close};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, OUTSIDE, sites};
use crate::harness::{Guest, Stop, Wire, Words};
use crate::sys::inet::{self, REUSEPORT, V6ONLY};
use crate::sys::{Sys, sockets};

/// What a server got: `accept` or `receive`.
fn got(w: &Words) -> Sys<String> {
    if w.numbers[1] == 0 {
        inet::accept(w.int(0), w.numbers[2] != 0)
    } else {
        inet::receive(w.int(0), w.numbers[2] != 0)
    }
}

/// Knocks at an address: by TCP or UDP.
fn knock(w: &Words) -> Sys<()> {
    if w.numbers[0] == 0 {
        inet::connect(&w.text, "").map(sockets::close)
    } else {
        inet::send(&w.text)
    }
}

/// Somebody with a server: a guest, or the host.
struct Server<'a> {
    guest: Option<&'a mut Guest>,
    fd: Sys<i32>,
}

impl Server<'_> {
    fn start(&mut self, bind: Bind, address: &str, flags: i64) -> Result<(), Stop> {
        self.fd = match &mut self.guest {
            Some(guest) => guest.tell(bind, address, &[flags])?,
            None => bind(&Words {
                numbers: vec![flags],
                text: address.into(),
            }),
        };
        Ok(())
    }

    fn got(&mut self, udp: bool, expected: bool) -> Result<Sys<String>, Stop> {
        let Ok(fd) = self.fd else {
            return Ok(Err(libc::EAGAIN));
        };
        let numbers = vec![i64::from(fd), i64::from(udp), i64::from(expected)];
        match &mut self.guest {
            Some(guest) => guest.call(got, &numbers),
            None => Ok(got(&Words {
                numbers,
                text: String::new(),
            })),
        }
    }

    fn knock(&mut self, udp: bool, address: &str) -> Result<Sys<()>, Stop> {
        match &mut self.guest {
            Some(guest) => guest.tell(knock, address, &[i64::from(udp)]),
            None => Ok(knock(&Words {
                numbers: vec![i64::from(udp)],
                text: address.into(),
            })),
        }
    }

    fn stop(&mut self) -> Result<(), Stop> {
        if let Ok(fd) = self.fd {
            match &mut self.guest {
                Some(guest) => {
                    guest.call(close, &[i64::from(fd)])?.ok();
                }
                None => sockets::close(fd),
            }
        }
        self.fd = Err(libc::EBADF);
        Ok(())
    }
}

/// Checks that exactly the server `want` gets what was sent, and from whom.
fn only(
    t: &mut Test,
    label: &str,
    servers: &mut [Server],
    udp: bool,
    want: usize,
) -> Result<Option<String>, Stop> {
    let first = servers[want].got(udp, true)?;
    let seen = t.ok(label, first);
    for (number, server) in servers.iter_mut().enumerate() {
        if number != want {
            let other = server.got(udp, false)?;
            if other != Err(libc::EAGAIN) {
                t.refused(
                    &format!("{label}: server {number} as well"),
                    other,
                    libc::EAGAIN,
                );
            }
        }
    }
    Ok(seen)
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    let mut guests = sites(t)?;
    let mut servers: Vec<Server> = guests
        .iter_mut()
        .map(|guest| Server {
            guest: Some(guest),
            fd: Err(libc::EBADF),
        })
        .collect();
    servers.push(Server {
        guest: None,
        fd: Err(libc::EBADF),
    });
    let mut port = 5000;
    for (protocol, bind) in PROTOCOLS {
        for (how, any, flags) in [
            ("0.0.0.0", "0.0.0.0", 0),
            (":: alone", "::", V6ONLY),
            (":: for both", "::", 0),
            ("0.0.0.0 in groups", "0.0.0.0", REUSEPORT),
            (":: in groups", "::", REUSEPORT),
        ] {
            port += 1;
            for server in &mut servers {
                server.start(bind, &at(any, port), flags)?;
            }
            table(
                t,
                &wire,
                &mut servers,
                protocol,
                &format!("{protocol} {how}"),
                any,
                flags,
                port,
            )?;
            for server in &mut servers {
                server.stop()?;
            }
        }
        specific(t, &wire, &mut servers, protocol, bind)?;
    }
    Ok(())
}

#[allow(clippy::too_many_arguments)]
fn table(
    t: &mut Test,
    wire: &Wire,
    servers: &mut [Server],
    protocol: &str,
    label: &str,
    any: &str,
    flags: i64,
    port: u16,
) -> Outcome {
    let udp = protocol == "udp";
    // Addresses of the guests and, last, of the host.
    let mut targets: Vec<[&str; 2]> = GUESTS.to_vec();
    targets.push(HOST);
    let families: Vec<usize> = match (any, flags & V6ONLY) {
        ("0.0.0.0", _) => vec![0],
        (_, 0) => vec![0, 1],
        _ => vec![1],
    };
    for family in families {
        for (owner, pair) in targets.iter().enumerate() {
            let to = at(pair[family], port);
            let knocked = wire.outside(|| {
                knock(&Words {
                    numbers: vec![i64::from(udp)],
                    text: to.clone(),
                })
            })?;
            t.ok(&format!("{label}: from outside to {to}"), knocked);
            let seen = only(
                t,
                &format!("{label}: from outside to {to}: it arrives at {owner}"),
                servers,
                udp,
                owner,
            )?;
            if let Some(seen) = seen {
                t.check(
                    &format!("{label}: from outside to {to}: with the right sender"),
                    seen.contains(OUTSIDE[family]),
                );
            }
            for from in 0..targets.len() {
                let knocked = servers[from].knock(udp, &to)?;
                t.ok(&format!("{label}: from {from} to {to}"), knocked);
                let seen = only(
                    t,
                    &format!("{label}: from {from} to {to}: it arrives at {owner}"),
                    servers,
                    udp,
                    owner,
                )?;
                // The host's own choice is not ours to judge.
                if let Some(seen) = seen.filter(|_| from != 3) {
                    t.check(
                        &format!("{label}: from {from} to {to}: with its own address, not {seen}"),
                        seen.contains(targets[from][family]),
                    );
                }
            }
        }
        let loopback = at(["127.0.0.1", "::1"][family], port);
        for from in 0..targets.len() {
            let knocked = servers[from].knock(udp, &loopback)?;
            t.ok(&format!("{label}: {from} to its loopback"), knocked);
            only(
                t,
                &format!("{label}: {from} to its loopback: it stays there"),
                servers,
                udp,
                from,
            )?;
        }
    }
    Ok(())
}

/// Servers on one address each under the host's wildcard, and a guest without a server.
fn specific(
    t: &mut Test,
    wire: &Wire,
    servers: &mut [Server],
    protocol: &str,
    bind: Bind,
) -> Outcome {
    let udp = protocol == "udp";
    for (family, any) in ["0.0.0.0", "::"].into_iter().enumerate() {
        let port = 5100 + family as u16;
        servers[3].start(bind, &at(any, port), 0)?;
        servers[0].start(bind, &at(GUESTS[0][family], port), 0)?;
        servers[1].start(bind, &at(any, port), 0)?;
        for (owner, ip) in [
            (0, GUESTS[0][family]),
            (1, GUESTS[1][family]),
            (3, HOST[family]),
        ] {
            let to = at(ip, port);
            let words = Words {
                numbers: vec![i64::from(udp)],
                text: to.clone(),
            };
            t.ok(
                &format!("{protocol}: mixed servers: to {to}"),
                wire.outside(|| knock(&words))?,
            );
            only(
                t,
                &format!("{protocol}: mixed servers: to {to}: it arrives at {owner}"),
                servers,
                udp,
                owner,
            )?;
        }
        // Guest 2 has no server; its loopback is not the host's.
        let loopback = at(["127.0.0.1", "::1"][family], port);
        let knocked = servers[2].knock(udp, &loopback)?;
        if udp {
            t.ok(
                &format!("{protocol}: to a loopback without a server"),
                knocked,
            );
        } else {
            t.refused(
                &format!("{protocol}: to a loopback without a server"),
                knocked,
                libc::ECONNREFUSED,
            );
        }
        for (number, server) in servers.iter_mut().enumerate() {
            let seen = server.got(udp, false)?;
            t.refused(
                &format!("{protocol}: to a loopback without a server: nothing at {number}"),
                seen,
                libc::EAGAIN,
            );
        }
        for server in servers.iter_mut() {
            server.stop()?;
        }
    }
    Ok(())
}
