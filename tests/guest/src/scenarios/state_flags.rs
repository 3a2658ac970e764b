// SPDX-License-Identifier: GPL-2.0

//! The one-time bits of the flag word.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context};
use libvserver::abi::{XID_SELF, vxf};

pub fn run(t: &mut Test) -> Outcome {
    from_outside(t)?;
    from_inside(t)?;
    without_admin(t)
}

fn from_outside(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).open().start()?;
    let first = context::flags(xid).need("get_cflags")?;
    t.equal("flags of a new context", first.value, vxf::INIT_SET);
    t.equal("mask while nothing is cleared", first.mask, u64::MAX);

    for (name, bit) in [
        ("STATE_INIT", vxf::STATE_INIT),
        ("STATE_SETUP", vxf::STATE_SETUP),
    ] {
        t.ok(&format!("clear {name}"), context::set_flags(xid, 0, bit));
        let after = context::flags(xid).need("get_cflags")?;
        t.equal(&format!("{name} is clear"), after.value & bit, 0);
        t.equal(&format!("{name} left the mask"), after.mask & bit, 0);
        t.ok(
            &format!("setting {name} again is dropped silently"),
            context::set_flags(xid, bit, bit),
        );
        let again = context::flags(xid).need("get_cflags")?;
        t.equal(&format!("{name} stays clear"), again, after);
    }
    t.ok(
        "an ordinary bit in the same request is applied",
        context::set_flags(
            xid,
            vxf::STATE_SETUP | vxf::VIRT_UPTIME,
            vxf::STATE_SETUP | vxf::VIRT_UPTIME,
        ),
    );
    let mixed = context::flags(xid).need("get_cflags")?.value;
    t.equal(
        "only the ordinary bit is set",
        mixed,
        vxf::STATE_ADMIN | vxf::VIRT_UPTIME,
    );
    t.ok(
        "control: ordinary bits clear",
        context::set_flags(xid, 0, vxf::VIRT_UPTIME),
    );
    t.ok(
        "control: and set again",
        context::set_flags(xid, vxf::VIRT_UPTIME, vxf::VIRT_UPTIME),
    );
    t.equal(
        "control: value",
        context::flags(xid).need("get_cflags")?.value,
        vxf::STATE_ADMIN | vxf::VIRT_UPTIME,
    );
    // Bits that nothing implements are stored.
    let unknown = 1 << 63 | 1 << 1;
    t.ok(
        "unknown bits are accepted",
        context::set_flags(xid, unknown, unknown),
    );
    t.equal(
        "unknown bits are stored",
        context::flags(xid).need("get_cflags")?.value & unknown,
        unknown,
    );
    drop(guest);
    Ok(())
}

fn from_inside(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    t.gives(
        "no init is registered at first",
        context::info(xid).map(|i| i.initpid),
        0,
    );
    t.ok(
        "inside: clear STATE_INIT",
        guest.ask(|_| context::set_flags(XID_SELF, 0, vxf::STATE_INIT))?,
    );
    t.gives(
        "who clears STATE_INIT inside is the init",
        context::info(xid).map(|i| i.initpid),
        guest.pid() as u32,
    );
    t.ok(
        "inside: clear STATE_SETUP",
        guest.ask(|_| context::set_flags(XID_SELF, 0, vxf::STATE_SETUP))?,
    );
    t.refused(
        "inside: the door is closed",
        guest.ask(|_| context::flags(XID_SELF).map(|f| f.value))?,
        libc::ENOSYS,
    );
    let (other, third) = (t.xid(), t.xid());
    let second = Guest::plan(other).open().start()?;
    let mut setup = Guest::plan(third).open().start()?;
    t.refused(
        "inside, in setup: flags of another context",
        setup.call(
            |w| context::set_flags(w.int(0) as u32, vxf::VIRT_UPTIME, vxf::VIRT_UPTIME),
            &[i64::from(second.xid())],
        )?,
        libc::EPERM,
    );
    t.ok(
        "control: inside, in setup: flags of the own context",
        setup.call(
            |w| context::set_flags(w.int(0) as u32, vxf::VIRT_UPTIME, vxf::VIRT_UPTIME),
            &[i64::from(third)],
        )?,
    );
    t.equal(
        "the other context did not change",
        context::flags(other).need("get_cflags")?.value,
        vxf::INIT_SET,
    );
    Ok(())
}

fn without_admin(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).start()?;
    t.ok("control: set_badness", context::set_badness(xid, 5));
    t.ok(
        "clear STATE_ADMIN",
        context::set_flags(xid, 0, vxf::STATE_ADMIN),
    );
    t.refused(
        "set_badness without STATE_ADMIN",
        context::set_badness(xid, 6),
        libc::EACCES,
    );
    t.refused(
        "set_cflags without STATE_ADMIN",
        context::set_flags(xid, vxf::STATE_ADMIN, vxf::STATE_ADMIN),
        libc::EACCES,
    );
    t.gives("reading stays allowed", context::badness(xid), 5);
    t.refused(
        "set_space without STATE_ADMIN",
        context::set_space(xid, 0, 0),
        libc::EACCES,
    );
    t.refused(
        "migrate without STATE_ADMIN",
        crate::harness::subprocess(|| context::migrate(xid, 0))?,
        libc::EACCES,
    );
    guest.stop().map(|_| ())
}
