// SPDX-License-Identifier: GPL-2.0

//! The capability mask of a context.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context, subprocess};
use crate::sys::sched::{self, Whose};
use crate::sys::{Sys, code, files, process};

/// A capability and an act that needs it.
struct Act {
    name: &'static str,
    bit: u32,
    error: i32,
    act: fn() -> Sys<()>,
}

const ACTS: [Act; 8] = [
    Act {
        name: "CAP_CHOWN",
        bit: 0,
        error: libc::EPERM,
        act: || {
            let path = own_path("chown");
            files::create(&path, "")?;
            let result = files::chown(&path, 4242, 4242);
            let _ = std::fs::remove_file(&path);
            result
        },
    },
    Act {
        name: "CAP_DAC_OVERRIDE",
        bit: 1,
        error: libc::EACCES,
        // CAP_DAC_READ_SEARCH does not let anybody write.
        act: || {
            let path = own_path("dac");
            files::create(&path, "")?;
            files::chmod(&path, 0)?;
            let result = files::write(&path, "x");
            let _ = std::fs::remove_file(&path);
            result
        },
    },
    Act {
        name: "CAP_SETUID",
        bit: 7,
        error: libc::EPERM,
        // SAFETY: plain numbers.
        act: || crate::sys::done(unsafe { libc::setresuid(4242, 4242, 4242) }),
    },
    Act {
        name: "CAP_NET_BIND_SERVICE",
        bit: 10,
        error: libc::EACCES,
        act: || {
            std::net::TcpListener::bind("127.0.0.1:99")
                .map(|_| ())
                .map_err(|e| code(&e))
        },
    },
    Act {
        name: "CAP_SYS_CHROOT",
        bit: 18,
        error: libc::EPERM,
        act: || files::chroot("/"),
    },
    Act {
        name: "CAP_SYS_ADMIN",
        bit: 21,
        error: libc::EPERM,
        act: || crate::sys::spaces::unshare(libvserver::abi::space::UTS),
    },
    Act {
        name: "CAP_SYS_NICE",
        bit: 23,
        error: libc::EACCES,
        act: || sched::setpriority(Whose::Process, 0, -5),
    },
    Act {
        name: "CAP_MKNOD",
        bit: 27,
        error: libc::EPERM,
        act: || {
            let path = own_path("node");
            let result = files::mknod(&path, libc::S_IFCHR, libc::makedev(1, 5));
            let _ = std::fs::remove_file(&path);
            result
        },
    },
];

fn own_path(name: &str) -> String {
    format!("/tmp/{name}-{}", process::getpid())
}

/// Performs act number `w[0]` in a process of its own.
fn perform(w: &Words) -> Sys<()> {
    subprocess(|| (ACTS[w.numbers[0] as usize].act)()).unwrap_or(Err(libc::ECHILD))
}

pub fn run(t: &mut Test) -> Outcome {
    at_once(t)?;
    setup(t)?;
    entering(t)?;
    upper_word(t)
}

/// Tools that know 32 capabilities store the sign of their word in the upper one. That names none
/// of the newer ones.
fn upper_word(t: &mut Test) -> Outcome {
    /// What `vattribute --secure` means.
    const SECURE: u64 = 0xb44c_04ff;
    const SYSLOG: u64 = 1 << 34;
    let host = process::capget().need("capabilities of the host")?.0;
    t.check("control: the host has newer ones", host >> 32 != 0);
    for (what, mask, want) in [
        ("the sign of a word", SECURE | !0 << 32, SECURE),
        ("all but one older one", !1, 0xffff_fffe),
        ("a newer one by name", SECURE | SYSLOG, SECURE | SYSLOG),
        ("all but one newer one", !SYSLOG, !SYSLOG),
        ("all", u64::MAX, u64::MAX),
    ] {
        let guest = Guest::plan(t.xid()).bcaps(mask).start()?;
        t.gives(
            &format!("{what}: inside: what there is of it"),
            guest.enter(|| process::capget().map(|sets| sets.0))?,
            want & host,
        );
        t.gives(
            &format!("{what}: outside: the mask as it was stored"),
            context::bcaps(guest.xid()),
            mask,
        );
    }
    Ok(())
}

fn at_once(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let mut other = Guest::start(two)?;
    for (index, act) in ACTS.iter().enumerate() {
        let (name, bit, number) = (act.name, 1 << act.bit, index as i64);
        t.ok(
            &format!("control: {name} in the mask"),
            guest.call(perform, &[number])?,
        );
        t.ok(
            &format!("take {name} away"),
            context::set_bcaps(one, 0, bit),
        );
        t.refused(
            &format!("{name} outside the mask, at once"),
            guest.call(perform, &[number])?,
            act.error,
        );
        t.ok(
            &format!("control: {name} in another guest"),
            other.call(perform, &[number])?,
        );
        t.ok(
            &format!("control: {name} on the host"),
            subprocess(act.act)?,
        );
        t.ok(
            &format!("give {name} back"),
            context::set_bcaps(one, bit, bit),
        );
        t.ok(
            &format!("{name} works again, at once"),
            guest.call(perform, &[number])?,
        );
    }
    t.ok("take all away", context::set_bcaps(one, 0, u64::MAX));
    for (index, act) in ACTS.iter().enumerate() {
        t.refused(
            &format!("{} with an empty mask", act.name),
            guest.call(perform, &[index as i64])?,
            act.error,
        );
    }
    Ok(())
}

/// The mask does not act before setup has ended.
fn setup(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().bcaps(0).start()?;
    for (index, act) in ACTS.iter().enumerate() {
        t.ok(
            &format!("{} with an empty mask, in setup", act.name),
            guest.call(perform, &[index as i64])?,
        );
    }
    t.ok("seal", guest.seal());
    for (index, act) in ACTS.iter().enumerate() {
        t.refused(
            &format!("{} with an empty mask, sealed", act.name),
            guest.call(perform, &[index as i64])?,
            act.error,
        );
    }
    Ok(())
}

/// Who enters a sealed context keeps nothing outside the mask, and says so.
fn entering(t: &mut Test) -> Outcome {
    /// CAP_CHOWN and CAP_SYS_CHROOT.
    const MASK: u64 = 1 | 1 << 18;
    let xid = t.xid();
    let guest = Guest::plan(xid).bcaps(MASK).start()?;
    let host = process::capget().need("capabilities of the host")?;
    t.check("control: the host has more", host.0 & !MASK != 0);
    let sets = guest
        .enter(process::capget)?
        .need("capabilities after entering")?;
    t.equal(
        "effective, permitted, inheritable after entering",
        sets,
        (MASK, MASK, host.2 & MASK),
    );
    let status = guest
        .enter(|| files::read("/proc/self/status"))?
        .need("status after entering")?;
    for name in ["CapEff", "CapPrm", "CapBnd"] {
        t.equal(
            &format!("{name} after entering"),
            files::field(&status, name).and_then(|text| u64::from_str_radix(text, 16).ok()),
            Some(MASK),
        );
    }
    t.ok("it keeps the sets it had", {
        // A wider mask does not widen who is inside already.
        let widened = context::set_bcaps(xid, u64::MAX, u64::MAX);
        widened.and_then(|()| context::set_bcaps(xid, MASK, u64::MAX))
    });
    Ok(())
}
