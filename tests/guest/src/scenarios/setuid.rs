// SPDX-License-Identifier: GPL-2.0

//! A setuid program inside a guest gains nothing outside the capability mask.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, inside, root, subprocess};
use crate::sys::{Sys, describe, files, spaces};
use libvserver::abi::space;

const USER: u32 = 1000;
/// CAP_CHOWN, CAP_SETGID, CAP_SETUID: enough to become the user and to show one allowed act.
const MASK: u64 = 1 | 1 << 6 | 1 << 7;
/// A copy of the test program that belongs to root and has the setuid bit.
const PROGRAM: &str = "/tmp/setuid-program";

/// Runs the setuid program as an ordinary user.
fn execute() -> Sys<(i32, String)> {
    inside::execute(PROGRAM, &["rights"], Some(USER))
}

pub fn run(t: &mut Test) -> Outcome {
    std::fs::copy(root::PROGRAM, PROGRAM)
        .map_err(|e| Stop::Fail(format!("copy the program: {e}")))?;
    files::chmod(PROGRAM, 0o4755).need("setuid bit")?;
    let outcome = compare(t);
    let _ = std::fs::remove_file(PROGRAM);
    outcome
}

fn compare(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).bcaps(MASK).start()?;
    let (code, text) = guest.ask(|_| execute())?.need("execute inside")?;
    t.equal("inside: exit code", code, 0);
    t.equal(
        "inside: it runs as root",
        files::field(&text, "euid"),
        Some("0"),
    );
    expect(t, "inside", &text, "chown", 0);
    for act in ["hostname", "mknod", "mount"] {
        expect(t, "inside", &text, act, libc::EPERM);
    }
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        t.equal(&format!("inside: {set}"), word(&text, set), Some(MASK));
    }

    // The control changes host name and mounts: in namespaces of its own.
    let control = subprocess(|| {
        spaces::unshare(space::UTS | space::MNT)?;
        files::make_private()?;
        execute()
    })?;
    let (code, text) = control.need("execute on the host")?;
    t.equal("control: host: exit code", code, 0);
    t.equal(
        "control: host: it runs as root",
        files::field(&text, "euid"),
        Some("0"),
    );
    for act in ["chown", "hostname", "mknod", "mount"] {
        expect(t, "control: host", &text, act, 0);
    }
    t.check(
        "control: host: it has more",
        word(&text, "CapEff").is_some_and(|set| set & !MASK != 0),
    );
    Ok(())
}

fn expect(t: &mut Test, who: &str, text: &str, act: &str, error: i32) {
    let got = files::field(text, act).and_then(|word| word.parse::<i32>().ok());
    t.equal(
        &format!("{who}: {act}: {}", describe(error)),
        got,
        Some(error),
    );
}

fn word(text: &str, name: &str) -> Option<u64> {
    files::field(text, name).and_then(|word| u64::from_str_radix(word, 16).ok())
}
