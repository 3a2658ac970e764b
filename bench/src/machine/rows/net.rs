// SPDX-License-Identifier: GPL-2.0

//! Servers on the wildcard that somebody outside asks, and streams.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::rc::Rc;

use super::{repeat, Run};
use crate::machine::sys::Child;
use crate::machine::wire::{self, Order, Talk, Wire, ANSWER, PIECE, QUESTION};

fn wildcard(v6: bool, port: u16) -> SocketAddr {
    if v6 {
        (Ipv6Addr::UNSPECIFIED, port).into()
    } else {
        (Ipv4Addr::UNSPECIFIED, port).into()
    }
}

/// A server that takes a connection for each question.
pub fn requests(wire: Rc<Wire>, v6: bool) -> io::Result<Run> {
    let listener = TcpListener::bind(wildcard(v6, 0))?;
    serve(wire, listener, v6, wire::SITE)
}

/// Answers connections over one of the families at `listener`, which is that of a site.
pub fn serve(wire: Rc<Wire>, listener: TcpListener, v6: bool, site: u16) -> io::Result<Run> {
    let port = listener.local_addr()?.port();
    Ok(Box::new(move |count| {
        wire.order(Order {
            talk: Talk::Connections,
            v6,
            site,
            port,
            count,
        })?;
        for _ in 0..count {
            let (mut connection, _) = listener.accept()?;
            connection.read_exact(&mut [0; QUESTION.len()])?;
            connection.write_all(&ANSWER)?;
            // The client closes first, and keeps what waits after the end.
            connection.read_exact(&mut [0]).err().map_or_else(
                || Err(io::Error::other("the client asks twice")),
                |_| Ok(()),
            )?;
        }
        wire.finished()
    }))
}

/// A server that answers datagrams.
pub fn datagrams(wire: Rc<Wire>, v6: bool) -> io::Result<Run> {
    let socket = UdpSocket::bind(wildcard(v6, 0))?;
    let port = socket.local_addr()?.port();
    Ok(Box::new(move |count| {
        wire.order(Order {
            talk: Talk::Datagrams,
            v6,
            site: wire::SITE,
            port,
            count,
        })?;
        for _ in 0..count {
            let (_, client) = socket.recv_from(&mut [0; QUESTION.len()])?;
            socket.send_to(&ANSWER, client)?;
        }
        wire.finished()
    }))
}

/// Sends a stream to the client.
pub fn send(wire: Rc<Wire>, v6: bool) -> io::Result<Run> {
    let listener = TcpListener::bind(wildcard(v6, 0))?;
    let port = listener.local_addr()?.port();
    let mut stream: Option<TcpStream> = None;
    let buffer = vec![0; PIECE];
    Ok(Box::new(move |count| {
        wire.order(Order {
            talk: Talk::Stream,
            v6,
            site: wire::SITE,
            port,
            count,
        })?;
        if stream.is_none() {
            stream = Some(listener.accept()?.0);
        }
        for _ in 0..count {
            if let Some(stream) = &stream {
                wire::give(stream, &buffer)?;
            }
        }
        wire.finished()
    }))
}

/// Sends a stream to another process over the loopback interface.
pub fn loopback(_: Rc<Wire>, v6: bool) -> io::Result<Run> {
    let listener = TcpListener::bind(wildcard(v6, 0))?;
    let port = listener.local_addr()?.port();
    let partner = Child::spawn(move || {
        let (stream, _) = listener.accept()?;
        let mut buffer = vec![0; PIECE];
        while wire::take(&stream, &mut buffer).is_ok() {}
        Ok(())
    })?;
    let address: SocketAddr = if v6 {
        (Ipv6Addr::LOCALHOST, port).into()
    } else {
        (Ipv4Addr::LOCALHOST, port).into()
    };
    let stream = TcpStream::connect(address)?;
    let buffer = vec![0; PIECE];
    Ok(repeat(move || {
        let _alive = &partner;
        wire::give(&stream, &buffer)
    }))
}
