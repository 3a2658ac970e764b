// SPDX-License-Identifier: GPL-2.0

//! What sockets of a guest send and receive is counted for it, by address family, and for nobody
//! else.

use super::net_bind::{at, datagram, listen};
use crate::harness::check::{Outcome, Test};
use crate::harness::wire::{GUESTS, sites};
use crate::harness::{Guest, Need, Wire, Words, context};
use crate::sys::{Sys, files, inet, sockets, sys};
use libvserver::abi::{SockStat, sock, vcmd};

const PORT: u16 = 8400;

fn stat(xid: u32, field: u32) -> Sys<SockStat> {
    let mut data = SockStat {
        field,
        ..SockStat::default()
    };
    context::with(vcmd::SOCK_STAT, xid, &mut data).map(|_| data)
}

/// Sends so many datagrams of so many bytes to an address.
fn send(w: &Words) -> Sys<()> {
    let family = if w.text.starts_with('[') {
        libc::AF_INET6
    } else {
        libc::AF_INET
    };
    let fd = inet::socket(family, libc::SOCK_DGRAM, 0)?;
    let payload = vec![7; w.int(1) as usize];
    let result = (0..w.int(0)).try_for_each(|_| inet::send_bytes(fd, &w.text, &payload));
    sockets::close(fd);
    result
}

/// Receives so many datagrams.
fn receive(w: &Words) -> Sys<usize> {
    (0..w.int(1)).try_fold(0, |sum, _| inet::read(w.int(0)).map(|n| sum + n))
}

/// Connects and sends so many bytes, in one call.
fn stream(w: &Words) -> Sys<i32> {
    let fd = inet::connect(&w.text, "")?;
    let payload = vec![7_u8; w.int(0) as usize];
    // SAFETY: the buffer is as long as said.
    let sent = sys(unsafe { libc::send(fd, payload.as_ptr().cast(), payload.len(), 0) } as i64)?;
    Ok(sent as i32)
}

/// Accepts a connection and moves so many bytes from it into a pipe.
fn splice(w: &Words) -> Sys<i32> {
    // SAFETY: plain numbers; the descriptors outlive the calls.
    unsafe {
        let fd = sys(libc::accept(
            w.int(0),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        ))? as i32;
        let mut pipe = [0; 2];
        sys(libc::pipe(pipe.as_mut_ptr()))?;
        let mut moved = 0;
        while moved < w.int(1) {
            moved += sys(libc::splice(
                fd,
                std::ptr::null_mut(),
                pipe[1],
                std::ptr::null_mut(),
                w.int(1) as usize,
                0,
            ) as i64)? as i32;
        }
        for open in [fd, pipe[0], pipe[1]] {
            sockets::close(open);
        }
        Ok(moved)
    }
}

/// A connected pair of unix sockets: so many bytes through it.
fn pair(w: &Words) -> Sys<()> {
    let mut ends = [0; 2];
    let payload = vec![7_u8; w.int(0) as usize];
    let mut room = payload.clone();
    // SAFETY: the buffers are as long as said.
    unsafe {
        sys(libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_DGRAM,
            0,
            ends.as_mut_ptr(),
        ))?;
        sys(libc::write(ends[0], payload.as_ptr().cast(), payload.len()) as i64)?;
        sys(libc::read(ends[1], room.as_mut_ptr().cast(), room.len()) as i64)?;
    }
    ends.into_iter().for_each(sockets::close);
    Ok(())
}

fn numbers(text: &str, values: &[i64]) -> Words {
    Words {
        numbers: values.to_vec(),
        text: text.into(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let _wire = Wire::start()?;
    let mut guests = sites(t)?;
    datagrams(t, &mut guests)?;
    failures(t, &mut guests[0])?;
    streams(t, &mut guests)?;
    local(t, &mut guests[0])
}

/// The difference of one class over `body`.
fn difference(
    xid: u32,
    field: u32,
    body: impl FnOnce() -> Outcome,
) -> Result<SockStat, crate::harness::Stop> {
    let before = stat(xid, field).need("sock_stat")?;
    body()?;
    let mut after = stat(xid, field).need("sock_stat")?;
    for way in 0..3 {
        after.count[way] -= before.count[way];
        after.total[way] -= before.total[way];
    }
    Ok(after)
}

fn datagrams(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    for (family, field, other) in [(0, sock::INET, sock::INET6), (1, sock::INET6, sock::INET)] {
        let to = at(GUESTS[1][family], PORT);
        let server = guests[1].tell(datagram, &to, &[0])?.need("a server")?;
        let (first, second, third) = (guests[0].xid(), guests[1].xid(), guests[2].xid());
        let before = stat(third, field).need("sock_stat")?;
        let across = stat(first, other).need("sock_stat")?;
        let sent = difference(first, field, || {
            guests[0].tell(send, &to, &[5, 12])?.need("datagrams")
        })?;
        t.equal("sent: operations", sent.count, [0, 5, 0]);
        t.equal("sent: bytes", sent.total, [0, 60, 0]);
        let got = difference(second, field, || {
            guests[1]
                .call(receive, &[server.into(), 5])?
                .need("datagrams")
                .map(|_| ())
        })?;
        t.equal("received: operations", got.count, [5, 0, 0]);
        t.equal("received: bytes", got.total, [60, 0, 0]);
        t.gives("nothing for a third", stat(third, field), before);
        t.gives("nothing in the other family", stat(first, other), across);
        // What the host sends is not counted for anybody.
        let idle = difference(first, field, || {
            send(&numbers(&to, &[3, 10])).need("datagrams of the host")
        })?;
        t.equal(
            "the host's are nobody's",
            (idle.count, idle.total),
            ([0; 3], [0; 3]),
        );
        guests[1]
            .call(super::net_bind::close, &[server.into()])?
            .need("close")?;
    }
    Ok(())
}

fn failures(t: &mut Test, guest: &mut Guest) -> Outcome {
    let xid = guest.xid();
    let failed = difference(xid, sock::INET, || {
        // Longer than a datagram can be.
        t.refused(
            "too long",
            guest.tell(send, &at(GUESTS[1][0], PORT), &[1, 70_000])?,
            libc::EMSGSIZE,
        );
        Ok(())
    })?;
    t.equal("failed: operations", failed.count, [0, 0, 1]);
    t.equal("failed: bytes", failed.total, [0, 0, 70_000]);
    Ok(())
}

fn streams(t: &mut Test, guests: &mut [Guest]) -> Outcome {
    let to = at(GUESTS[1][0], PORT + 1);
    let server = guests[1].tell(listen, &to, &[0])?.need("a server")?;
    let sent = difference(guests[0].xid(), sock::INET, || {
        guests[0]
            .tell(stream, &to, &[5000])?
            .need("a stream")
            .map(|_| ())
    })?;
    t.equal("a stream: bytes sent", sent.total, [0, 5000, 0]);
    let xid = guests[1].xid();
    let got = difference(xid, sock::INET, || {
        guests[1]
            .call(splice, &[server.into(), 5000])?
            .need("a splice")
            .map(|_| ())
    })?;
    t.equal("bytes that went into a pipe", got.total, [5000, 0, 0]);
    // An IPv6 socket that talks to an IPv4 peer makes IPv4 traffic.
    let mapped = format!("[::ffff:{}]:{}", GUESTS[1][0], PORT + 1);
    let sent = difference(guests[0].xid(), sock::INET, || {
        guests[0]
            .tell(stream, &mapped, &[100])?
            .need("a stream")
            .map(|_| ())
    })?;
    t.equal("a mapped address", sent.total, [0, 100, 0]);
    Ok(())
}

fn local(t: &mut Test, guest: &mut Guest) -> Outcome {
    let xid = guest.xid();
    let unix = difference(xid, sock::UNIX, || guest.call(pair, &[77])?.need("a pair"))?;
    t.equal("unix: bytes", unix.total, [77, 77, 0]);
    let text = files::read(&format!("/proc/virtual/{xid}/cacct"));
    let row = text.need("cacct")?;
    let row = row
        .lines()
        .find(|line| line.starts_with("UNIX:"))
        .unwrap_or_default()
        .replace(' ', "");
    let told = stat(xid, sock::UNIX).need("sock_stat")?;
    let want: Vec<String> = (0..3)
        .map(|way| format!("{}/{}", told.count[way], told.total[way]))
        .collect();
    t.equal(
        "cacct shows the same",
        row,
        format!("UNIX:\t{}", want.join("\t")),
    );
    Ok(())
}
