// SPDX-License-Identifier: GPL-2.0

//! A connection or datagram finds the wildcard of the guest that owns its destination, however the
//! guest came by the address: alone, in a short or long network, shared with others, taken and given
//! again.

use super::net_bind::{at, datagram, listen};
use super::net_cast::receive;
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, site};
use crate::harness::{Guest, Need, Wire, Words, network};
use crate::sys::{Sys, inet, netlink, sockets};

const PORT: u16 = 8500;

fn wildcard(guest: &mut Guest, v6: bool, port: u16) -> Result<Sys<i32>, crate::harness::Stop> {
    let ip = if v6 { "::" } else { "0.0.0.0" };
    guest.tell(listen, &at(ip, port), &[i64::from(v6)])
}

/// The host connects and leaves.
fn reach(ip: &str, port: u16) -> Sys<()> {
    inet::connect(&at(ip, port), "").map(sockets::close)
}

fn name(text: &str) -> Words {
    Words {
        numbers: vec![0],
        text: text.into(),
    }
}

/// A network of a guest: how it is added, an address in it, one beside it.
struct Case {
    what: &'static str,
    network: &'static str,
    own: &'static str,
    foreign: &'static str,
}

const CASES: [Case; 8] = [
    Case {
        what: "one address",
        network: "10.77.1.7",
        own: "10.77.1.7",
        foreign: "10.77.1.8",
    },
    Case {
        what: "a network of 256, its last",
        network: "10.77.2.0/24",
        own: "10.77.2.255",
        foreign: "10.77.3.0",
    },
    Case {
        what: "a network of 256, its first",
        network: "10.77.2.0/24",
        own: "10.77.2.0",
        foreign: "10.77.1.255",
    },
    Case {
        what: "a network of 512",
        network: "10.77.4.0/23",
        own: "10.77.5.9",
        foreign: "10.77.6.0",
    },
    Case {
        what: "one IPv6 address",
        network: "fd77::1:7",
        own: "fd77::1:7",
        foreign: "fd77::1:8",
    },
    Case {
        what: "an IPv6 network of 256, its last",
        network: "fd77::2:100/120",
        own: "fd77::2:1ff",
        foreign: "fd77::2:200",
    },
    Case {
        what: "an IPv6 network of 512",
        network: "fd77::4:0/119",
        own: "fd77::4:1ff",
        foreign: "fd77::4:200",
    },
    Case {
        what: "an IPv6 network of 64 bits",
        network: "fd77:0:0:5::/64",
        own: "fd77:0:0:5:ffff::9",
        foreign: "fd77:0:0:6::9",
    },
];

pub fn run(t: &mut Test) -> Outcome {
    let _wire = Wire::start()?;
    netlink::add_local("10.77.0.0", 16).need("local addresses")?;
    netlink::add_local("fd77::", 16).need("local IPv6 addresses")?;
    for (number, case) in CASES.iter().enumerate() {
        one(t, case, PORT + number as u16)?;
        datagrams(t, case, PORT + number as u16)?;
    }
    again(t)?;
    crowded(t)?;
    growing(t)?;
    shared(t)?;
    ended(t)
}

fn one(t: &mut Test, case: &Case, port: u16) -> Outcome {
    let v6 = case.network.contains(':');
    let mut guest = site(t, &[case.network])?;
    wildcard(&mut guest, v6, port)?.need("a listener")?;
    let what = case.what;
    t.ok(
        &format!("{what}: {} is found", case.own),
        reach(case.own, port),
    );
    t.refused(
        &format!("{what}: {} is not", case.foreign),
        reach(case.foreign, port),
        libc::ECONNREFUSED,
    );
    t.ok("taken away", network::clear(guest.xid()));
    t.refused(
        &format!("{what}: taken away"),
        reach(case.own, port),
        libc::ECONNREFUSED,
    );
    t.ok("given again", network::add(guest.xid(), case.network));
    t.ok(&format!("{what}: given again"), reach(case.own, port));
    Ok(())
}

/// A socket for datagrams on the wildcard.
fn mailbox(guest: &mut Guest, v6: bool, port: u16) -> Result<i64, crate::harness::Stop> {
    let ip = if v6 { "::" } else { "0.0.0.0" };
    let fd = guest.tell(datagram, &at(ip, port), &[0])?;
    Ok(i64::from(fd.need("a socket for datagrams")?))
}

/// The host sends a datagram there; whether it has come to the socket of the guest.
fn arrives(
    guest: &mut Guest,
    fd: i64,
    ip: &str,
    port: u16,
    expected: bool,
) -> Result<Sys<()>, crate::harness::Stop> {
    inet::send(&at(ip, port)).need("a datagram is sent")?;
    Ok(guest.call(receive, &[fd, i64::from(expected)])?.map(drop))
}

fn datagrams(t: &mut Test, case: &Case, port: u16) -> Outcome {
    let mut guest = site(t, &[case.network])?;
    let fd = mailbox(&mut guest, case.network.contains(':'), port)?;
    let what = case.what;
    t.ok(
        &format!("{what}: a datagram to {} arrives", case.own),
        arrives(&mut guest, fd, case.own, port, true)?,
    );
    t.refused(
        &format!("{what}: none to {}", case.foreign),
        arrives(&mut guest, fd, case.foreign, port, false)?,
        libc::EAGAIN,
    );
    t.ok("taken away", network::clear(guest.xid()));
    t.refused(
        &format!("{what}: no datagram to what is taken away"),
        arrives(&mut guest, fd, case.own, port, false)?,
        libc::EAGAIN,
    );
    t.ok("given again", network::add(guest.xid(), case.network));
    t.ok(
        &format!("{what}: a datagram to what is given again"),
        arrives(&mut guest, fd, case.own, port, true)?,
    );
    Ok(())
}

fn join(w: &Words) -> Sys<()> {
    inet::join(w.int(0), &w.text)
}

fn part(w: &Words) -> Sys<()> {
    inet::part(w.int(0))
}

/// A wildcard that is connected has an address, and is a wildcard again when it is not.
fn again(t: &mut Test) -> Outcome {
    let port = PORT + 50;
    for (v6, own, peer) in [
        (false, GUESTS[0][0], HOST[0]),
        (true, GUESTS[0][1], HOST[1]),
    ] {
        let mut guest = site(t, &[own])?;
        let fd = mailbox(&mut guest, v6, port)?;
        let other = inet::datagram(&at(peer, port), 0).need("a socket of the host")?;
        for round in 0..3 {
            // The kernel forgets the peer of an IPv6 socket never, only that it is connected.
            let found = if round > 0 && v6 {
                inet::send_from(other, &at(own, port)).need("a datagram of the peer")?;
                guest.call(receive, &[fd, 1])?.map(drop)
            } else {
                arrives(&mut guest, fd, own, port, true)?
            };
            t.ok(&format!("{own}, round {round}: as a wildcard"), found);
            t.ok("connect", guest.tell(join, &at(peer, port), &[fd])?);
            t.refused(
                &format!("{own}, round {round}: connected, from others"),
                arrives(&mut guest, fd, own, port, false)?,
                libc::EAGAIN,
            );
            t.ok("its peer sends", inet::send_from(other, &at(own, port)));
            t.ok(
                &format!("{own}, round {round}: connected, from its peer"),
                guest.call(receive, &[fd, 1])?.map(drop),
            );
            t.ok("disconnect", guest.call(part, &[fd])?);
        }
        sockets::close(other);
    }
    Ok(())
}

/// Who may have a port for datagrams does not depend on how many have it elsewhere: the kernel
/// looks for conflicts in other ways when they are many.
fn crowded(t: &mut Test) -> Outcome {
    let port = PORT + 51;
    let [mine, other] = ["10.77.80.1", "10.77.80.2"];
    for crowd in [0_u8, 12] {
        let others: Vec<i32> = (1..=crowd)
            .map(|n| inet::datagram(&format!("127.200.0.{n}:{port}"), inet::REUSEADDR))
            .collect::<Sys<_>>()
            .need("sockets of the host")?;
        let mut first = site(t, &[mine])?;
        let mut second = site(t, &[other])?;
        let fd = mailbox(&mut first, false, port)?;
        let fixed = |guest: &mut Guest, ip| guest.tell(datagram, &at(ip, port), &[0]);
        t.refused(
            &format!("{crowd} others: an address beside the own wildcard"),
            fixed(&mut first, mine)?,
            libc::EADDRINUSE,
        );
        t.refused(
            &format!("{crowd} others: the host on the address of a guest"),
            inet::datagram(&at(mine, port), 0),
            libc::EADDRINUSE,
        );
        t.ok(
            &format!("{crowd} others: another guest on its address"),
            fixed(&mut second, other)?,
        );
        let wide = inet::datagram(&at("0.0.0.0", port), inet::REUSEADDR);
        t.ok(&format!("{crowd} others: the host's wildcard"), wide);
        t.ok(
            &format!("{crowd} others: a datagram to the guest"),
            arrives(&mut first, fd, mine, port, true)?,
        );
        for fd in others.into_iter().chain(wide) {
            sockets::close(fd);
        }
    }
    Ok(())
}

/// Single addresses that grow together into a long span and fall apart again.
fn growing(t: &mut Test) -> Outcome {
    const MANY: usize = 300;
    let ip = |n: usize| format!("10.77.{}.{}", 20 + n / 256, n % 256);
    let port = PORT + 20;
    let mut guest = site(t, &[&ip(0)])?;
    let nid = guest.xid();
    wildcard(&mut guest, false, port)?.need("a listener")?;
    for n in 1..MANY {
        network::add(nid, &ip(n)).need("an address")?;
        if [1, 254, 255, 256, 257, MANY - 1].contains(&n) {
            for asked in [0, n / 2, n] {
                t.ok(
                    &format!("{} addresses: number {asked}", n + 1),
                    reach(&ip(asked), port),
                );
            }
            t.refused(
                &format!("{} addresses: the next", n + 1),
                reach(&ip(n + 1), port),
                libc::ECONNREFUSED,
            );
        }
    }
    t.ok("a hole", network::remove(nid, &ip(100)));
    for (asked, there) in [
        (0, true),
        (99, true),
        (100, false),
        (101, true),
        (MANY - 1, true),
    ] {
        let answer = reach(&ip(asked), port);
        if there {
            t.ok(&format!("beside the hole: number {asked}"), answer);
        } else {
            t.refused("in the hole", answer, libc::ECONNREFUSED);
        }
    }
    Ok(())
}

/// Two guests with one address in common have different ports.
fn shared(t: &mut Test) -> Outcome {
    let (port, own) = (PORT + 30, "10.77.40.1");
    let mut first = site(t, &[own])?;
    let mut second = site(t, &[own, "10.77.40.2"])?;
    wildcard(&mut first, false, port)?.need("a listener")?;
    t.refused(
        "the same port on a common address",
        wildcard(&mut second, false, port)?,
        libc::EADDRINUSE,
    );
    wildcard(&mut second, false, port + 1)?.need("another port")?;
    t.ok("the first guest", reach(own, port));
    t.ok("the second guest, the common address", reach(own, port + 1));
    t.ok(
        "the second guest, its own address",
        reach("10.77.40.2", port + 1),
    );
    t.refused(
        "the first guest does not have it",
        reach("10.77.40.2", port),
        libc::ECONNREFUSED,
    );
    // The host's wildcard comes after both.
    let host = listen(&name(&at("0.0.0.0", port))).need("a listener of the host")?;
    t.ok("a connection that the guest gets", reach(own, port));
    t.check("the host does not", inet::accept(host, false).is_err());
    t.ok("a connection that the host gets", reach("10.77.40.2", port));
    t.ok("the host has it", inet::accept(host, true));
    sockets::close(host);
    Ok(())
}

/// The addresses of a guest are free when it has ended.
fn ended(t: &mut Test) -> Outcome {
    let (port, own) = (PORT + 40, "10.77.50.1");
    for round in 0..3 {
        let mut guest = site(t, &[own, "10.77.60.0/22"])?;
        wildcard(&mut guest, false, port)?.need("a listener")?;
        t.ok(&format!("round {round}: the guest"), reach(own, port));
        t.ok("its long network", reach("10.77.62.1", port));
        guest.stop()?;
        t.refused("afterwards nobody", reach(own, port), libc::ECONNREFUSED);
        t.refused(
            "nor in the network",
            reach("10.77.62.1", port),
            libc::ECONNREFUSED,
        );
    }
    Ok(())
}
