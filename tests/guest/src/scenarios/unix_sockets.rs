// SPDX-License-Identifier: GPL-2.0

//! Unix sockets: guests reach their own only; host and spectator reach all.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, spectator, subprocess};
use crate::sys::sockets::{self, KINDS, Kind};
use crate::sys::{Sys, files};

fn kind(w: &Words) -> Kind {
    Kind::from_number(w.numbers[0])
}

fn serve(w: &Words) -> Sys<i32> {
    sockets::serve(kind(w), &w.text)
}

fn reach(w: &Words) -> Sys<()> {
    sockets::connect(kind(w), &w.text).map(sockets::close)
}

fn write(w: &Words) -> Sys<()> {
    let fd = sockets::connect(kind(w), &w.text)?;
    let result = sockets::send(fd);
    sockets::close(fd);
    result
}

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let mut other = Guest::start(two)?;
    let _ = std::fs::remove_dir_all("/tmp/sockets");
    files::mkdir("/tmp/sockets").need("directory of sockets")?;

    for family in KINDS {
        let number = family as i64;
        for (form, prefix) in [("path", "/tmp/sockets/"), ("abstract", "@")] {
            let label = format!("{} {form}", family.name());
            let host_name = format!("{prefix}host-{number}");
            let guest_name = format!("{prefix}guest-{number}");
            let served = sockets::serve(family, &host_name).need("socket of the host")?;
            guest
                .tell(serve, &guest_name, &[number])?
                .need("socket of a guest")?;
            let words = |name: &str| Words {
                numbers: vec![number],
                text: name.into(),
            };

            t.refused(
                &format!("{label}: inside: to the host"),
                guest.tell(reach, &host_name, &[number])?,
                libc::EPERM,
            );
            t.refused(
                &format!("{label}: another guest: to a guest"),
                other.tell(reach, &guest_name, &[number])?,
                libc::EPERM,
            );
            t.ok(
                &format!("control: {label}: inside: to its own"),
                guest.tell(write, &guest_name, &[number])?,
            );
            t.ok(
                &format!("control: {label}: host: to its own"),
                write(&words(&host_name)),
            );
            t.ok(
                &format!("{label}: host: to a guest"),
                write(&words(&guest_name)),
            );
            t.ok(
                &format!("{label}: spectator: to a guest"),
                spectator(|| write(&words(&guest_name)))?,
            );
            if family == Kind::Datagram {
                let to = |w: &Words| sockets::send_to(&w.text);
                t.refused(
                    &format!("{label}: inside: send to the host, not connected"),
                    guest.tell(to, &host_name, &[number])?,
                    libc::EPERM,
                );
                t.refused(
                    &format!("{label}: another guest: send to a guest, not connected"),
                    other.tell(to, &guest_name, &[number])?,
                    libc::EPERM,
                );
                t.ok(
                    &format!("control: {label}: inside: send to its own, not connected"),
                    guest.tell(to, &guest_name, &[number])?,
                );
                t.ok(
                    &format!("{label}: host: send to a guest, not connected"),
                    sockets::send_to(&guest_name),
                );
            }
            sockets::close(served);
        }
    }
    handed_in(t, &guest)
}

/// A connection that existed before its owner entered stays usable: that is how a service gets
/// its sockets from the host.
fn handed_in(t: &mut Test, guest: &Guest) -> Outcome {
    let xid = guest.xid();
    let name = "@handed-in";
    let served = sockets::serve(Kind::Stream, name).need("socket of the host")?;
    let sent = subprocess(|| -> Sys<(Sys<()>, Sys<()>)> {
        let fd = sockets::connect(Kind::Stream, name)?;
        crate::harness::context::migrate(xid, 0)?;
        Ok((
            sockets::send(fd),
            sockets::connect(Kind::Stream, name).map(|_| ()),
        ))
    })?
    .need("connect, then enter")?;
    t.ok("a connection from before works inside", sent.0);
    t.refused("a new one does not", sent.1, libc::EPERM);
    sockets::close(served);
    let _ = std::fs::remove_dir_all("/tmp/sockets");
    Ok(())
}
