// SPDX-License-Identifier: GPL-2.0

//! Traffic while addresses and guests come and go. What matters is what the kernel's checkers say,
//! and that everybody still gets what is his in the end.

use super::net_bind::{at, datagram, listen};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, SPARE, site};
use crate::harness::{Child, Guest, Need, Wire, Words, network};
use crate::limits::{Flavour, GONE_WITHIN};
use crate::sys::{Sys, inet, sockets};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PORT: u16 = 9200;

/// Takes what comes for a while: connections and datagrams.
fn take(w: &Words) -> Sys<u32> {
    let until = Instant::now() + Duration::from_millis(w.numbers[2] as u64);
    let mut taken = 0;
    while Instant::now() < until {
        taken += u32::from(inet::accept(w.int(0), false).is_ok());
        taken += u32::from(inet::receive(w.int(1), false).is_ok());
    }
    Ok(taken)
}

fn connect(w: &Words) -> Sys<()> {
    inet::connect(&w.text, "").map(sockets::close)
}

/// Knocks at every address for ever, whether somebody is there or not.
fn knock() -> i32 {
    loop {
        for ip in GUESTS.iter().chain([&SPARE]).flatten() {
            let _ = inet::connect(&at(ip, PORT), "").map(sockets::close);
            let _ = inet::send(&at(ip, PORT));
        }
    }
}

fn serve(guest: &mut Guest) -> Result<(i32, i32), crate::harness::Stop> {
    // Of the guest that had these addresses before, a connection may still be on its way out on
    // another processor.
    let mut tcp = guest.tell(listen, &at("::", PORT), &[0])?;
    let since = Instant::now();
    while tcp == Err(libc::EADDRINUSE) && since.elapsed() < GONE_WITHIN {
        sleep(Duration::from_millis(50));
        tcp = guest.tell(listen, &at("::", PORT), &[0])?;
    }
    let udp = guest.tell(datagram, &at("::", PORT), &[0])?;
    Ok((tcp.need("a server")?, udp.need("a socket")?))
}

pub fn run(t: &mut Test) -> Outcome {
    let wire = Wire::start()?;
    let rounds = match t.scale().flavour {
        Flavour::Release => 40,
        Flavour::Debug => 12,
    };
    let near = Child::start(knock)?;
    let far = Child::start(|| wire.outside(knock).unwrap_or(1))?;
    let mut stays = site(t, &GUESTS[0])?;
    let (tcp, udp) = serve(&mut stays)?;
    let mut taken = 0;
    for round in 0..rounds {
        let mut comes = site(t, &GUESTS[1])?;
        let (_, _) = serve(&mut comes)?;
        let nid = stays.xid();
        for ip in SPARE {
            network::add(nid, ip).need("an address more")?;
        }
        taken += stays
            .call(take, &[i64::from(tcp), i64::from(udp), 30])?
            .need("what came")?;
        for ip in SPARE.into_iter().chain(GUESTS[1]) {
            let _ = stays.tell(connect, &at(ip, PORT), &[])?;
        }
        for ip in SPARE {
            network::remove(nid, ip).need("an address less")?;
        }
        if round % 2 == 0 {
            network::remove(comes.xid(), GUESTS[1][0]).need("an address less")?;
        }
        drop(comes);
    }
    t.check(&format!("traffic was there: {taken} times"), taken > 0);
    drop(near);
    drop(far);
    while stays
        .call(take, &[i64::from(tcp), i64::from(udp), 500])?
        .need("what came")?
        > 0
    {}
    for family in [0, 1] {
        let own = at(GUESTS[0][family], PORT);
        t.ok(
            &format!("{own} is as it was"),
            stays.tell(connect, &own, &[])?,
        );
        t.gives(
            &format!("{own}: the server gets it"),
            stays.call(take, &[i64::from(tcp), i64::from(udp), 300])?,
            1,
        );
        for ip in [SPARE[family], GUESTS[1][family]] {
            t.refused(
                &format!("{ip} is nobody's"),
                connect(&Words {
                    numbers: vec![],
                    text: at(ip, PORT),
                }),
                libc::ECONNREFUSED,
            );
        }
    }
    Ok(())
}
