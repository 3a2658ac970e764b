// SPDX-License-Identifier: GPL-2.0

//! A thousand guests with an IPv4 and an IPv6 address each in the shared stack: whether the last one
//! costs what the first did, and whether connections to one of them cost what they do on a host
//! without guests.

use std::io::{self, PipeReader, Read, Write};
use std::net::{Ipv6Addr, TcpListener};
use std::rc::Rc;

use libvserver::abi::vxf;
use libvserver::Vserver;

use super::inside::{create_network, named, seal};
use super::meter::{self, Meter};
use super::port::Port;
use super::rows::net;
use super::sys::{self, Child};
use super::wire::Wire;
use super::word::SharedWord;
use crate::record::Record;
use crate::row::{self, Crowd, Operation, Ticks};

/// Guests.
const GUESTS: u16 = 1000;
/// Number of the one whose connections are counted: half of the others came before it, and where
/// listeners are in a list, half of them stand in front of it.
const MEASURED: u16 = GUESTS / 2;
/// How many of the first and of the last guests are compared.
const SHARE: usize = 100;
/// First id.
const FIRST_XID: u32 = 2000;
/// Port of all servers.
const PORT: u16 = 80;
/// Sites start here: each guest is one.
const FIRST_SITE: u16 = 0x0101;

/// Connections of one batch.
const ACCEPT: Operation = Operation {
    name: "accept",
    label: "",
    count: 150,
    batches: 5,
    ticks: Ticks::Settle,
    network: true,
};

/// Measures a host without guests, with guests of which one listens, with guests that all listen.
pub fn measure(meter: &mut Meter, port: &mut Port) -> io::Result<()> {
    let wire = match Wire::start((0..GUESTS).map(site)) {
        Ok(wire) => Rc::new(wire),
        Err(error) => return super::cycles::unavailable(row::CROWD, &error, port),
    };
    accepts(Crowd::Nobody, &wire, meter, port, None)?;
    let silent = gather(Crowd::Silent, &wire, meter, port)?;
    for (row, calls) in [
        (row::GUEST_FIRST, &silent[..SHARE]),
        (row::GUEST_LAST, &silent[silent.len() - SHARE..]),
    ] {
        port.send(&Record::Cycle {
            row: row.to_owned(),
            batches: calls.to_vec(),
        })?;
    }
    gather(Crowd::Listening, &wire, meter, port).map(drop)
}

fn site(number: u16) -> u16 {
    FIRST_SITE + number
}

fn xid(number: u16) -> u32 {
    FIRST_XID + u32::from(number)
}

/// Makes the guests, counts the connections of one, lets all go. Returns what making each of them
/// took.
fn gather(
    crowd: Crowd,
    wire: &Rc<Wire>,
    meter: &mut Meter,
    port: &mut Port,
) -> io::Result<Vec<f64>> {
    let word = SharedWord::new()?;
    let (mut ready, their_ready) = io::pipe()?;
    let (their_start, mut start) = io::pipe()?;
    let mut guests = Vec::new();
    let mut calls = Vec::new();
    for number in 0..GUESTS {
        let listens = number == MEASURED || crowd == Crowd::Listening;
        guests.push(Child::spawn(|| {
            let made = make(number, listens, &word);
            (&their_ready).write_all(&[u8::from(made.is_ok())])?;
            match made? {
                Some(listener) if number == MEASURED => {
                    measured(crowd, wire, listener, meter, port, &their_start)
                }
                _kept => sleep(),
            }
        })?);
        let mut is_made = [0];
        ready.read_exact(&mut is_made)?;
        if is_made == [0] {
            return Err(io::Error::other(format!(
                "guest {number} of {crowd:?} failed"
            )));
        }
        calls.push(word.get() as f64);
    }
    start.write_all(&[0])?;
    // The measured one ends by itself. The others are out of reach of a simple kill.
    guests.remove(usize::from(MEASURED)).wait()?;
    for number in (0..GUESTS).filter(|number| *number != MEASURED) {
        named(
            "ctx_kill",
            Vserver::new().kill(xid(number), 0, libc::SIGKILL),
        )?;
    }
    drop(guests);
    // Their sockets and contexts are freed before the next crowd comes.
    sys::sleep_ms(2000);
    Ok(calls)
}

/// Makes a guest of the caller; leaves behind how many instructions that took.
fn make(number: u16, listens: bool, word: &SharedWord) -> io::Result<Option<TcpListener>> {
    let begin = meter::now();
    become_guest(number)?;
    word.set(meter::now() - begin);
    listens.then(listen).transpose()
}

fn measured(
    crowd: Crowd,
    wire: &Rc<Wire>,
    listener: TcpListener,
    meter: &mut Meter,
    port: &mut Port,
    mut start: &PipeReader,
) -> io::Result<()> {
    start.read_exact(&mut [0])?;
    accepts(crowd, wire, meter, port, Some(listener))
}

/// Counts connections of both families at a wildcard.
fn accepts(
    crowd: Crowd,
    wire: &Rc<Wire>,
    meter: &mut Meter,
    port: &mut Port,
    listener: Option<TcpListener>,
) -> io::Result<()> {
    let listener = match listener {
        Some(listener) => listener,
        None => listen()?,
    };
    for v6 in [false, true] {
        let mut run = net::serve(Rc::clone(wire), listener.try_clone()?, v6, site(MEASURED))?;
        let batches = meter
            .batches(&ACCEPT, &mut *run)?
            .into_iter()
            .map(|batch| batch as f64 / f64::from(ACCEPT.count))
            .collect();
        port.send(&Record::Cycle {
            row: crowd.row(v6).to_owned(),
            batches,
        })?;
    }
    Ok(())
}

/// One listener for both families on all addresses.
fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT))
}

/// Puts the caller into a new context and network context, closed.
fn become_guest(number: u16) -> io::Result<()> {
    let xid = xid(number);
    create_network(xid, site(number))?;
    named(
        "ctx_create",
        Vserver::new().create(xid, Some(vxf::INIT_SET)),
    )?;
    seal()
}

fn sleep() -> ! {
    loop {
        // SAFETY: takes no argument.
        unsafe { libc::pause() };
    }
}
