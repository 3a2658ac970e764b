// SPDX-License-Identifier: GPL-2.0

//! Two ends that talk: pipes, unix and TCP sockets.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use super::{repeat, Run};
use crate::machine::root::WORK;
use crate::machine::sys::{check, Child};

/// Sends back every byte until the other end is gone.
fn echo(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut byte = [0];
    while input.read(&mut byte)? == 1 {
        output.write_all(&byte)?;
    }
    Ok(())
}

/// Sends a byte and waits for it to come back.
fn round_trip(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut byte = [1];
    output.write_all(&byte)?;
    input.read_exact(&mut byte)
}

/// Half a round trip between two processes over two pipes: one switch, one write, one read.
pub fn switch() -> io::Result<Run> {
    let (their_input, mut output) = io::pipe()?;
    let (mut input, their_output) = io::pipe()?;
    let partner = Child::spawn(|| echo(their_input, their_output))?;
    Ok(Box::new(move |count| {
        let _alive = &partner;
        for _ in 0..count / 2 {
            round_trip(&mut input, &mut output)?;
        }
        Ok(())
    }))
}

/// A byte to another process and back over a pair of unix stream sockets.
pub fn unix_round_trip() -> io::Result<Run> {
    let (ours, theirs) = UnixStream::pair()?;
    let partner = Child::spawn(|| echo(&theirs, &theirs))?;
    Ok(repeat(move || {
        let _alive = &partner;
        round_trip(&mut &ours, &mut &ours)
    }))
}

/// A named unix stream socket: connect, accept, close both ends.
pub fn unix_connect() -> io::Result<Run> {
    let path = format!("{WORK}/socket");
    // Left over from an earlier run of the row.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    Ok(repeat(move || {
        let client = UnixStream::connect(&path)?;
        let (server, _) = listener.accept()?;
        drop(client);
        drop(server);
        Ok(())
    }))
}

/// A byte to another process and back over TCP on the loopback interface.
pub fn tcp_round_trip() -> io::Result<Run> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let partner = Child::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        echo(&stream, &stream)
    })?;
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(repeat(move || {
        let _alive = &partner;
        round_trip(&mut &stream, &mut &stream)
    }))
}

/// A datagram socket that is never used.
pub fn socket() -> io::Result<Run> {
    Ok(repeat(|| {
        // SAFETY: take no pointer; the descriptor is closed by its owner.
        unsafe {
            let fd = check(libc::socket(
                libc::AF_INET,
                libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
                0,
            ))?;
            check(libc::close(fd)).map(drop)
        }
    }))
}
