// SPDX-License-Identifier: GPL-2.0

//! Streams of MPTCP, whose subflows the kernel makes, and streams that worker threads of io_uring
//! make: both belong to the guest that asked.

use super::net_bind::at;
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, HOST, sites};
use crate::harness::{Guest, Need, Wire, Words, context};
use crate::sys::inet::{self, Way};
use crate::sys::{Sys, sockets};
use libvserver::abi::{SockStat, sock, vcmd};

const PORT: u16 = 8600;

fn listen(w: &Words) -> Sys<i32> {
    Way::from_number(w.numbers[0]).listen(&w.text)
}

/// Connects; the text is the destination, and the source behind a blank.
fn connect(w: &Words) -> Sys<i32> {
    let (to, from) = w.text.split_once(' ').unwrap_or((&w.text, ""));
    Way::from_number(w.numbers[0]).connect(to, from)
}

fn send(w: &Words) -> Sys<i32> {
    Way::from_number(w.numbers[0]).send(w.int(1))
}

fn accept(w: &Words) -> Sys<String> {
    inet::accept(w.int(0), w.numbers[1] != 0)
}

fn close(w: &Words) -> Sys<()> {
    sockets::close(w.int(0));
    Ok(())
}

fn words(way: i64, text: &str) -> Words {
    Words {
        numbers: vec![way],
        text: text.into(),
    }
}

fn sent(xid: u32) -> Sys<u64> {
    let mut data = SockStat {
        field: sock::INET,
        ..SockStat::default()
    };
    context::with(vcmd::SOCK_STAT, xid, &mut data).map(|_| data.total[sock::SEND])
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    let mut guests = sites(t)?;
    for (number, (_, name)) in Way::ALL.into_iter().enumerate() {
        for family in 0..2 {
            let port = PORT + 10 * number as u16 + family as u16;
            wildcards(t, &wire, &mut guests, (number as i64, name), family, port)?;
        }
        counted(
            t,
            &mut guests,
            (number as i64, name),
            PORT + 5 + 10 * number as u16,
        )?;
    }
    Ok(())
}

/// Everybody on the wildcard of one port; guest 2 has no server.
fn wildcards(
    t: &mut Test,
    wire: &Wire,
    guests: &mut [Guest],
    (way, name): (i64, &str),
    family: usize,
    port: u16,
) -> Outcome {
    let any = at(["0.0.0.0", "::"][family], port);
    let what = format!("{name} {any}");
    let host = listen(&words(way, &any)).need("the listener of the host")?;
    let mut fds = Vec::new();
    for guest in &mut guests[..2] {
        fds.push(guest.tell(listen, &any, &[way])?.need("a listener")?);
    }
    // From outside: only the owner has it.
    for (owner, ip) in [
        (0, GUESTS[0][family]),
        (1, GUESTS[1][family]),
        (2, HOST[family]),
    ] {
        let to = at(ip, port);
        t.ok(
            &format!("{what}: from outside to {to}"),
            wire.outside(|| connect(&words(way, &to)).map(sockets::close))?,
        );
        for (number, fd) in fds.iter().enumerate() {
            let seen = guests[number].call(accept, &[(*fd).into(), i64::from(number == owner)])?;
            t.equal(
                &format!("{what}: {to} at guest {number}"),
                seen.is_ok(),
                number == owner,
            );
        }
        t.equal(
            &format!("{what}: {to} at the host"),
            inet::accept(host, owner == 2).is_ok(),
            owner == 2,
        );
    }
    // Between guests: the source is an own address.
    let to = at(GUESTS[1][family], port);
    let fd = guests[0].tell(connect, &to, &[way])?.need("a connection")?;
    t.gives(
        &format!("{what}: the source of a guest"),
        guests[1]
            .call(accept, &[fds[1].into(), 1])?
            .map(|seen| seen.contains(GUESTS[0][family])),
        true,
    );
    guests[0].call(close, &[fd.into()])?.need("close")?;
    // Addresses of others.
    for foreign in [GUESTS[1][family], HOST[family]] {
        t.refused(
            &format!("{what}: bind to {foreign}"),
            guests[0].tell(listen, &at(foreign, port + 3), &[way])?,
            libc::EADDRNOTAVAIL,
        );
        t.refused(
            &format!("{what}: connect from {foreign}"),
            guests[0].tell(connect, &format!("{to} {}", at(foreign, 0)), &[way])?,
            libc::EADDRNOTAVAIL,
        );
    }
    // The loopback of each.
    let loopback = at(["127.0.0.1", "::1"][family], port);
    let fd = guests[0]
        .tell(connect, &loopback, &[way])?
        .need("the own loopback")?;
    t.ok(
        &format!("{what}: the own loopback"),
        guests[0].call(accept, &[fds[0].into(), 1])?,
    );
    guests[0].call(close, &[fd.into()])?.need("close")?;
    t.refused(
        &format!("{what}: a loopback without a server"),
        guests[2].tell(connect, &loopback, &[way])?,
        libc::ECONNREFUSED,
    );
    let alone = guests[2].tell(listen, &loopback, &[way])?;
    if let Some(fd) = t.ok(&format!("{what}: a server on the loopback alone"), alone) {
        let own = guests[2].tell(connect, &loopback, &[way])?;
        if let Some(fd) = t.ok(&format!("{what}: it is reached"), own) {
            guests[2].call(close, &[fd.into()])?.need("close")?;
        }
        guests[2].call(close, &[fd.into()])?.need("close")?;
    }
    for (number, fd) in fds.into_iter().enumerate() {
        guests[number].call(close, &[fd.into()])?.need("close")?;
    }
    sockets::close(host);
    Ok(())
}

/// What worker threads send is the guest's.
fn counted(t: &mut Test, guests: &mut [Guest], (way, name): (i64, &str), port: u16) -> Outcome {
    let to = at(GUESTS[1][0], port);
    let server = guests[1].tell(listen, &to, &[way])?.need("a listener")?;
    let fd = guests[0].tell(connect, &to, &[way])?.need("a connection")?;
    let (first, third) = (guests[0].xid(), guests[2].xid());
    let before = [sent(first), sent(third)].map(|n| n.unwrap_or_default());
    t.gives(
        &format!("{name}: bytes"),
        guests[0].call(send, &[way, fd.into()])?,
        5,
    );
    t.gives(&format!("{name}: counted"), sent(first), before[0] + 5);
    t.gives(&format!("{name}: for nobody else"), sent(third), before[1]);
    guests[0].call(close, &[fd.into()])?.need("close")?;
    guests[1].call(close, &[server.into()])?.need("close")
}
