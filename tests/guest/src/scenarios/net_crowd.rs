// SPDX-License-Identifier: GPL-2.0

//! Many network contexts with two addresses each, and in each a server on the wildcard of the same
//! port. Somebody outside asks; each server answers with its id, which is compared with the table
//! of addresses.

use super::net_bind::at;
use crate::harness::check::{Outcome, Test};
use crate::harness::{Child, Need, Stop, Wire, child, network, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, inet, netlink, sockets};
use libvserver::abi::nxf;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Port of all servers.
const PORT: u16 = 9300;
/// First id.
const FIRST: u32 = 20_000;
/// How many are asked.
const ASKED: u32 = 24;
/// Addresses of somebody outside, in the networks of the servers.
const OUTSIDE: [&str; 2] = ["10.10.255.1", "fd10::ffff"];
const PREFIXES: [u8; 2] = [16, 64];

/// Addresses of the network context with this number.
fn addresses(number: u32) -> [String; 2] {
    let word = (number + 1) as u16;
    let [high, low] = word.to_be_bytes();
    [
        Ipv4Addr::new(10, 10, high, low).to_string(),
        Ipv6Addr::new(0xfd10, 0, 0, 0, 0, 0, 0, word).to_string(),
    ]
}

/// Puts the caller into a network context of its own, and listens there.
fn settle(number: u32) -> Sys<i32> {
    let nid = FIRST + number;
    network::create(nid, nxf::INIT_SET)?;
    for ip in addresses(number) {
        network::add(nid, &ip)?;
    }
    inet::listen(&at("::", PORT), 0)
}

/// Tells everybody who asks which network context this is.
fn serve(number: u32, fd: i32) -> ! {
    let text = (FIRST + number).to_ne_bytes();
    loop {
        if let Ok(connection) = inet::take(fd) {
            let _ = inet::send_bytes_to_peer(connection, &text);
            sockets::close(connection);
        }
    }
}

/// Starts the server with this number.
fn start(number: u32) -> Result<Child, Stop> {
    let (mut ready, mut is_ready) = child::pipe()?;
    let server = Child::start(|| match settle(number) {
        Ok(fd) => {
            let _ = is_ready.write_all(&[0]);
            serve(number, fd)
        }
        Err(code) => {
            let _ = is_ready.write_all(&[code as u8]);
            1
        }
    })?;
    let mut result = [u8::MAX];
    drop(is_ready);
    ready
        .read_exact(&mut result)
        .map_err(|error| Stop::Fail(format!("server {number}: {error}")))?;
    match result[0] {
        0 => Ok(server),
        code => Err::<Child, i32>(code.into()).need(&format!("server {number}")),
    }
}

/// Asks at an address: the id in the answer.
fn ask(ip: &str) -> Sys<u32> {
    let fd = inet::connect(&at(ip, PORT), "")?;
    let answer = inet::read_number(fd);
    sockets::close(fd);
    answer
}

/// What each of these addresses gives to somebody outside, or within the caller's reach.
fn answers(list: &[(u32, String)]) -> Vec<(u32, Sys<u32>)> {
    list.iter().map(|(number, ip)| (*number, ask(ip))).collect()
}

/// Compares answers with the table: `lives` says which servers are there.
fn compare(
    t: &mut Test,
    wire: &Wire,
    label: &str,
    list: &[(u32, String)],
    lives: impl Fn(u32) -> bool,
) -> Outcome {
    let got = wire.outside(|| answers(list))?;
    let wrong: Vec<String> = got
        .iter()
        .zip(list)
        .filter_map(|((number, answer), (_, ip))| {
            let want = if lives(*number) {
                Ok(FIRST + number)
            } else {
                Err(libc::ECONNREFUSED)
            };
            (*answer != want).then(|| format!("{ip}: {answer:?} instead of {want:?}"))
        })
        .collect();
    t.equal(&format!("{label}: asked"), got.len(), list.len());
    t.equal(&format!("{label}: wrong answers"), wrong, Vec::new());
    Ok(())
}

pub fn run(t: &mut Test) -> Outcome {
    let count = t.scale().crowd();
    let wire = Wire::start()?;
    for (ip, prefix) in OUTSIDE.iter().zip(PREFIXES) {
        wire.outside(|| netlink::add_address("far0", ip, prefix))?
            .need("an address outside")?;
    }
    // One more pair than servers, for the control and for a server that gets it later.
    for number in 0..=count {
        for (ip, prefix) in addresses(number).iter().zip(PREFIXES) {
            netlink::add_address("site0", ip, prefix).need("an address")?;
        }
    }
    let mut servers = BTreeMap::new();
    for number in 0..count {
        servers.insert(number, start(number)?);
    }
    let mut listed = network::all().need("list network contexts")?;
    listed.sort_unstable();
    t.check(
        "all of them are listed",
        listed == (FIRST..FIRST + count).collect::<Vec<_>>(),
    );
    t.equal("listeners on the port", listeners()?, count as usize);

    let step = (count / ASKED).max(1);
    let list: Vec<(u32, String)> = (0..count)
        .step_by(step as usize)
        .chain([count - 1])
        .flat_map(|number| addresses(number).map(|ip| (number, ip)))
        .collect();
    compare(t, &wire, "all are there", &list, |_| true)?;
    for ip in addresses(count) {
        let refused = wire.outside(|| ask(&ip))?;
        t.refused(
            &format!("control: {ip} belongs to nobody"),
            refused,
            libc::ECONNREFUSED,
        );
    }

    // One gets the spare addresses, and loses them again.
    let middle = FIRST + count / 2;
    for ip in addresses(count) {
        network::add(middle, &ip).need("another address")?;
        let answer = wire.outside(|| ask(&ip))?;
        t.gives(&format!("{ip} is given to {middle}"), answer, middle);
        network::remove(middle, &ip).need("take it away")?;
        let refused = wire.outside(|| ask(&ip))?;
        t.refused(
            &format!("{ip} is taken from {middle}"),
            refused,
            libc::ECONNREFUSED,
        );
    }
    compare(t, &wire, "after that", &list, |_| true)?;

    // Every third asked ends: its neighbours in whatever list they are in stay reachable.
    let ends = |number: u32| (number / step).is_multiple_of(3);
    servers.retain(|number, _| !ends(*number));
    let left = servers.len();
    t.check(
        "a part of them ends",
        wait::until(GONE_WITHIN * 3, || {
            network::all().is_ok_and(|all| all.len() == left)
        }),
    );
    compare(t, &wire, "a part has ended", &list, |number| !ends(number))?;
    t.equal("listeners that are left", listeners()?, left);

    drop(servers);
    t.check(
        "all of them are gone",
        wait::until(GONE_WITHIN * 3, || {
            network::all().is_ok_and(|all| all.is_empty())
        }),
    );
    t.equal("listeners at the end", listeners()?, 0);
    Ok(())
}

/// Listeners on the port, as the spectator sees them.
fn listeners() -> Result<usize, Stop> {
    let all = network::spectator(|| netlink::diag(libc::AF_INET6, libc::IPPROTO_TCP))?
        .need("list sockets")?;
    Ok(all
        .iter()
        .filter(|ports| **ports == (u32::from(PORT), 0))
        .count())
}
