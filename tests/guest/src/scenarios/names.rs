// SPDX-License-Identifier: GPL-2.0

//! Names of a context.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context};
use crate::sys::{Sys, spaces};
use libvserver::abi::{VhiName, XID_SELF, space, vcmd, vhin};

fn set_bytes(xid: u32, field: u32, bytes: [u8; vhin::LEN]) -> Sys<u32> {
    let mut name = VhiName {
        field,
        name: bytes,
        pad: [0x5a; 3],
    };
    context::with(vcmd::SET_VHI_NAME, xid, &mut name)
}

fn get_bytes(xid: u32, field: u32) -> Sys<[u8; vhin::LEN]> {
    let mut name = VhiName {
        field,
        name: [0xa5; vhin::LEN],
        pad: [0; 3],
    };
    context::with(vcmd::GET_VHI_NAME, xid, &mut name).map(|_| name.name)
}

/// The fields that live in the host name namespace.
const UTS: [(&str, u32); 6] = [
    ("sysname", vhin::SYSNAME),
    ("nodename", vhin::NODENAME),
    ("release", vhin::RELEASE),
    ("version", vhin::VERSION),
    ("machine", vhin::MACHINE),
    ("domainname", vhin::DOMAINNAME),
];

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    let host = spaces::hostname().need("host name")?;

    t.gives(
        "the context name is empty at first",
        context::name(xid, vhin::CONTEXT),
        String::new(),
    );
    t.ok(
        "set the context name",
        context::set_name(xid, vhin::CONTEXT, "/etc/vservers/a"),
    );
    t.gives(
        "get it from outside",
        context::name(xid, vhin::CONTEXT),
        "/etc/vservers/a".to_string(),
    );
    t.gives(
        "get it from inside, in setup",
        guest.ask(|_| context::name(XID_SELF, vhin::CONTEXT))?,
        "/etc/vservers/a".to_string(),
    );

    // Sixty-four characters fit, and a text without terminator gets one.
    let long = [b'x'; vhin::LEN];
    t.gives("set 65 characters", set_bytes(xid, vhin::CONTEXT, long), 0);
    let stored = get_bytes(xid, vhin::CONTEXT).need("get the long name")?;
    t.equal(
        "64 of them are kept",
        stored[..64].iter().all(|b| *b == b'x'),
        true,
    );
    t.equal("the last byte is a terminator", stored[64], 0);
    let mut short = [b'y'; vhin::LEN];
    short[1] = 0;
    t.gives("set one character", set_bytes(xid, vhin::CONTEXT, short), 0);
    t.gives(
        "the shorter name replaces",
        context::name(xid, vhin::CONTEXT),
        "y".to_string(),
    );

    for (name, field) in UTS {
        t.refused(
            &format!("{name} before a space is stored: get"),
            context::name(xid, field),
            libc::EINVAL,
        );
        t.refused(
            &format!("{name} before a space is stored: set"),
            context::set_name(xid, field, "guest"),
            libc::EINVAL,
        );
    }
    for field in [7, 99, u32::MAX] {
        t.refused(
            &format!("get field {field}"),
            get_bytes(xid, field),
            libc::EINVAL,
        );
        t.refused(
            &format!("set field {field}"),
            set_bytes(xid, field, [0; vhin::LEN]),
            libc::EINVAL,
        );
    }

    t.ok(
        "inside: own host name namespace, stored",
        guest.ask(|_| {
            spaces::unshare(space::UTS)?;
            context::set_space(XID_SELF, space::UTS, 0)
        })?,
    );
    for (name, field) in UTS {
        let value = format!("guest-{name}");
        t.ok(
            &format!("set {name}"),
            context::set_name(xid, field, &value),
        );
        t.gives(&format!("get {name}"), context::name(xid, field), value);
    }
    t.gives(
        "inside: the host name is the new one",
        guest.ask(|_| spaces::hostname())?,
        "guest-nodename".to_string(),
    );
    t.ok(
        "inside: change it",
        guest.ask(|_| spaces::set_hostname("renamed"))?,
    );
    t.gives(
        "outside: the change is seen",
        context::name(xid, vhin::NODENAME),
        "renamed".to_string(),
    );
    t.gives("the host's name did not change", spaces::hostname(), host);

    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: get the context name",
        guest.ask(|_| context::name(XID_SELF, vhin::CONTEXT))?,
        libc::ENOSYS,
    );
    t.ok(
        "control: outside it still works",
        context::name(xid, vhin::CONTEXT),
    );
    t.refused(
        "name of a context that does not exist",
        context::name(4242, vhin::CONTEXT),
        libc::ESRCH,
    );
    guest.stop().map(|_| ())
}
