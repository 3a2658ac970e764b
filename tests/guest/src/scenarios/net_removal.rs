// SPDX-License-Identifier: GPL-2.0

//! An address that is taken away stops working at once; one that is given works at once.

use super::net_bind::{at, close, datagram, listen};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, OUTSIDE, SPARE, site};
use crate::harness::{Guest, Need, Promise, Wire, Words, child, network};
use crate::sys::{Sys, inet, sockets};
use std::io::{Read, Write};

fn receive(w: &Words) -> Sys<String> {
    inet::receive(w.int(0), w.numbers[1] != 0)
}

fn connect(w: &Words) -> Sys<i32> {
    inet::connect(&w.text, "")
}

fn join(w: &Words) -> Sys<i32> {
    let family = if inet::parse(&w.text).is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    };
    let fd = inet::socket(family, libc::SOCK_DGRAM, 0)?;
    inet::join(fd, &w.text).map(|()| fd)
}

fn read(w: &Words) -> Sys<usize> {
    inet::read(w.int(0))
}

fn source(w: &Words) -> Sys<String> {
    let name = inet::name(join(w)?)?;
    Ok(inet::host(&name))
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    for family in [0, 1] {
        connections(t, &wire, family)?;
        servers(t, &wire, family)?;
        datagrams(t, &wire, family)?;
    }
    whole_list(t)
}

fn pair(t: &mut Test) -> Result<Guest, crate::harness::Stop> {
    site(t, &[GUESTS[0][0], GUESTS[0][1], SPARE[0], SPARE[1]])
}

/// Established connections, both ways; the peer outside sees a reset.
fn connections(t: &mut Test, wire: &Wire, family: usize) -> Outcome {
    let mut guest = pair(t)?;
    let nid = guest.xid();
    let [kept, lost] = [GUESTS[0][family], SPARE[family]];
    let port = 9000;
    guest
        .tell(listen, &at(["0.0.0.0", "::"][family], port), &[1])?
        .need("a server")?;
    let (mut signal, mut tell) = child::pipe()?;
    let (mut hear, mut ready) = child::pipe()?;
    let client = Promise::start(|| {
        wire.outside(|| -> Sys<(Sys<usize>, Sys<usize>)> {
            let first = inet::connect(&at(lost, port), "")?;
            let second = inet::connect(&at(kept, port), "")?;
            let _ = ready.write_all(b"x");
            let _ = signal.read(&mut [0]);
            let lost = inet::read(first);
            // Nothing is sent: whoever is connected waits.
            Ok((lost, inet::read(second)))
        })
        .unwrap_or(Err(libc::ENODEV))
    })?;
    drop(ready);
    let _ = hear.read(&mut [0]);
    let inside = guest.tell(connect, &at(lost, port), &[])?;
    let inside = inside.need("a connection to itself")?;
    let stays = guest.tell(connect, &at(kept, port), &[])?;
    let stays = stays.need("another connection to itself")?;
    t.ok(&format!("{lost}: take it away"), network::remove(nid, lost));
    // Both ends are lost; the second one may hear of the first.
    let ended = guest.call(read, &[i64::from(inside)])?;
    t.check(
        &format!("{lost}: the connection inside is closed, {ended:?}"),
        matches!(ended, Err(libc::ECONNABORTED | libc::ECONNRESET)),
    );
    t.refused(
        &format!("{lost}: one on the other address lives"),
        guest.call(read, &[i64::from(stays)])?,
        libc::EAGAIN,
    );
    let _ = tell.write_all(b"x");
    t.gives(
        &format!("{lost}: what the client outside sees"),
        client.answer()?,
        (Err(libc::ECONNRESET), Err(libc::EAGAIN)),
    );
    Ok(())
}

fn servers(t: &mut Test, wire: &Wire, family: usize) -> Outcome {
    let mut guest = pair(t)?;
    let nid = guest.xid();
    let lost = SPARE[family];
    for (how, address, port) in [
        ("wildcard", ["0.0.0.0", "::"][family], 9001),
        ("the address", lost, 9002),
    ] {
        guest
            .tell(listen, &at(address, port), &[1])?
            .need("a server")?;
        let to = at(lost, port);
        let knock = || wire.outside(|| inet::connect(&to, "").map(sockets::close));
        t.ok(&format!("{lost}, server on {how}: before"), knock()?);
        t.ok(&format!("{lost}: take it away"), network::remove(nid, lost));
        t.refused(
            &format!("{lost}, server on {how}: without the address"),
            knock()?,
            libc::ECONNREFUSED,
        );
        t.refused(
            &format!("{lost}: nor is a new server possible"),
            guest.tell(listen, &at(lost, port + 10), &[0])?,
            libc::EADDRNOTAVAIL,
        );
        t.ok(&format!("{lost}: give it back"), network::add(nid, lost));
        t.ok(&format!("{lost}, server on {how}: as before"), knock()?);
    }
    Ok(())
}

fn datagrams(t: &mut Test, wire: &Wire, family: usize) -> Outcome {
    let mut guest = pair(t)?;
    let nid = guest.xid();
    let lost = SPARE[family];
    let any = guest
        .tell(datagram, &at(["0.0.0.0", "::"][family], 9003), &[1])?
        .need("a socket on the wildcard")?;
    let bound = guest
        .tell(datagram, &at(lost, 9004), &[0])?
        .need("a socket on the address")?;
    let send = |port| wire.outside(|| inet::send(&at(lost, port)));
    for (name, fd, port) in [("wildcard", any, 9003), ("the address", bound, 9004)] {
        send(port)?.need("a datagram")?;
        t.ok(
            &format!("{lost}, socket on {name}: before"),
            guest.call(receive, &[i64::from(fd), 1])?,
        );
    }
    // Connected from the address that goes.
    let peer = guest
        .tell(join, &at(OUTSIDE[family], 9), &[])?
        .need("a socket")?;
    t.ok(&format!("{lost}: take it away"), network::remove(nid, lost));
    for (name, fd, port) in [("wildcard", any, 9003), ("the address", bound, 9004)] {
        send(port)?.ok();
        // Long enough for a packet that is on its way.
        std::thread::sleep(std::time::Duration::from_millis(50));
        t.refused(
            &format!("{lost}, socket on {name}: without the address"),
            guest.call(receive, &[i64::from(fd), 0])?,
            libc::EAGAIN,
        );
    }
    guest.call(close, &[i64::from(peer)])?.ok();
    t.gives(
        &format!("{lost}: sources come from what is left"),
        guest.tell(source, &at(OUTSIDE[family], 9), &[])?,
        GUESTS[0][family].into(),
    );
    Ok(())
}

/// All of them at once, and connected datagram sockets.
fn whole_list(t: &mut Test) -> Outcome {
    let mut guest = pair(t)?;
    let nid = guest.xid();
    let fd = guest
        .tell(join, &at(OUTSIDE[0], 9), &[])?
        .need("a connected socket")?;
    let mut all = libvserver::abi::NetAddrV0 {
        type_: libvserver::abi::nxa::TYPE_ANY,
        ..Default::default()
    };
    t.ok(
        "take all IPv4 addresses away",
        crate::harness::context::with(libvserver::abi::vcmd::NET_REMOVE, nid, &mut all),
    );
    t.refused(
        "a connected datagram socket is told",
        guest.call(read, &[i64::from(fd)])?,
        libc::ECONNABORTED,
    );
    t.refused(
        "nothing leaves any more",
        guest.tell(source, &at(OUTSIDE[0], 9), &[])?,
        libc::ENETUNREACH,
    );
    t.gives(
        "the other family does not mind",
        guest.tell(source, &at(OUTSIDE[1], 9), &[])?,
        GUESTS[0][1].into(),
    );
    t.ok("an address again", network::add(nid, SPARE[0]));
    t.gives(
        "which is used at once",
        guest.tell(source, &at(OUTSIDE[0], 9), &[])?,
        SPARE[0].into(),
    );
    Ok(())
}
