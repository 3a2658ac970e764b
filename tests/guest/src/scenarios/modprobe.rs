// SPDX-License-Identifier: GPL-2.0

//! What a guest does makes the kernel load no module.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop};
use crate::machine::modprobe::{MARK, PATH};
use crate::sys::{files, sockets};

const SETTING: &str = "/proc/sys/kernel/modprobe";
/// Address families that no kernel of this project has; asking for one makes the kernel call
/// modprobe. Two, as the kernel may remember the answer.
const FAMILIES: [i32; 2] = [12, 9];

fn requests() -> String {
    files::read(MARK).unwrap_or_default()
}

pub fn run(t: &mut Test) -> Outcome {
    if files::exists(SETTING).is_err() {
        return Err(Stop::Skip("this kernel loads no modules by itself".into()));
    }
    let before = files::read(SETTING).need("path of modprobe")?;
    let _ = std::fs::remove_file(MARK);
    files::write(SETTING, PATH).need("set the path of modprobe")?;

    let outcome = ask(t);
    let restored = files::write(SETTING, before.trim());
    t.ok("put the path back", restored);
    outcome
}

fn ask(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    for family in FAMILIES {
        t.refused(
            &format!("inside: socket of family {family}"),
            guest.on(|w| sockets::socket(w.int(0), libc::SOCK_STREAM), family)?,
            libc::EAFNOSUPPORT,
        );
    }
    t.refused(
        "inside: mount of an unknown file system",
        guest.ask(|_| files::mount("none", "/tmp", "no-such-fs", 0, ""))?,
        libc::ENODEV,
    );
    t.equal("inside: nothing was requested", requests(), String::new());

    for family in FAMILIES {
        t.refused(
            &format!("control: host: socket of family {family}"),
            sockets::socket(family, libc::SOCK_STREAM),
            libc::EAFNOSUPPORT,
        );
        t.check(
            "control: host: modprobe was started",
            requests().contains(&format!("net-pf-{family}")),
        );
    }
    t.refused(
        "control: host: mount of an unknown file system",
        files::mount("none", "/tmp", "no-such-fs", 0, ""),
        libc::ENODEV,
    );
    t.check(
        "control: host: modprobe was started",
        requests().contains("fs-no-such-fs"),
    );
    Ok(())
}
