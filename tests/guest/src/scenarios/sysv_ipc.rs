// SPDX-License-Identifier: GPL-2.0

//! System V objects: contexts that share an IPC namespace do not share what is in it.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words};
use crate::sys::ipc::{KINDS, Kind};
use crate::sys::{Sys, spaces};
use libvserver::abi::space;

type Use = fn(Kind, i32) -> Sys<()>;

const USES: [(&str, Use); 4] = [
    ("use", Kind::touch),
    ("change", Kind::change),
    ("stat", Kind::stat),
    ("remove", Kind::remove),
];

fn kind(w: &Words) -> Kind {
    Kind::from_number(w.numbers[0])
}

fn find(w: &Words) -> Sys<i32> {
    kind(w).find(w.int(1))
}

fn apply(w: &Words) -> Sys<()> {
    USES[w.numbers[2] as usize].1(kind(w), w.int(1))
}

pub fn run(t: &mut Test) -> Outcome {
    // What a failed scenario leaves here ends with the namespace.
    spaces::unshare(space::IPC).need("own IPC namespace")?;
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let mut other = Guest::start(two)?;

    for family in KINDS {
        let name = family.name();
        let number = family as i64;
        let (host_key, guest_key) = (0x1000 + number as i32, 0x2000 + number as i32);
        let host_id = family.create(host_key).need("object of the host")?;
        let guest_id = guest
            .call(
                |w| kind(w).create(w.int(1)),
                &[number, i64::from(guest_key)],
            )?
            .need("object of a guest")?;

        for (who, asked) in [("a guest", &mut guest), ("another guest", &mut other)] {
            t.refused(
                &format!("{name}: {who}: find one of the host by key"),
                asked.call(find, &[number, i64::from(host_key)])?,
                libc::EACCES,
            );
            for (index, (act, _)) in USES.iter().enumerate() {
                t.refused(
                    &format!("{name}: {who}: {act} one of the host by id"),
                    asked.call(apply, &[number, i64::from(host_id), index as i64])?,
                    libc::EACCES,
                );
            }
        }
        t.refused(
            &format!("{name}: another guest: find one of a guest by key"),
            other.call(find, &[number, i64::from(guest_key)])?,
            libc::EACCES,
        );
        t.refused(
            &format!("{name}: host: find one of a guest by key"),
            family.find(guest_key),
            libc::EACCES,
        );
        for (index, (act, apply_here)) in USES.iter().enumerate() {
            t.refused(
                &format!("{name}: another guest: {act} one of a guest by id"),
                other.call(apply, &[number, i64::from(guest_id), index as i64])?,
                libc::EACCES,
            );
            t.refused(
                &format!("{name}: host: {act} one of a guest by id"),
                apply_here(family, guest_id),
                libc::EACCES,
            );
        }

        t.gives(
            &format!("control: {name}: host: by key"),
            family.find(host_key),
            host_id,
        );
        t.gives(
            &format!("control: {name}: guest: by key"),
            guest.call(find, &[number, i64::from(guest_key)])?,
            guest_id,
        );
        for (index, (act, apply_here)) in USES.iter().enumerate() {
            t.ok(
                &format!("control: {name}: host: {act} its own"),
                apply_here(family, host_id),
            );
            t.ok(
                &format!("control: {name}: guest: {act} its own"),
                guest.call(apply, &[number, i64::from(guest_id), index as i64])?,
            );
        }
    }
    Ok(())
}
