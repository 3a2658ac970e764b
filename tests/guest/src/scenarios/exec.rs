// SPDX-License-Identifier: GPL-2.0

//! A new program stays in the context, sees its own processes only, and has honest capability
//! sets.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, inside, root};
use crate::sys::files;

/// CAP_CHOWN, CAP_KILL and CAP_SETUID.
const MASK: u64 = 1 | 1 << 5 | 1 << 7;

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).bcaps(MASK).start()?;
    let (code, status) = guest
        .ask(|_| inside::execute(root::PROGRAM, &["status"], None))?
        .need("execute inside")?;
    t.equal("exit code", code, 0);
    t.equal(
        "the program is in the context",
        files::field(&status, "VxID"),
        Some(xid.to_string().as_str()),
    );
    let word =
        |name| files::field(&status, name).and_then(|text| u64::from_str_radix(text, 16).ok());
    t.equal("CapEff after exec", word("CapEff"), Some(MASK));
    t.equal("CapPrm after exec", word("CapPrm"), Some(MASK));
    t.equal("CapBnd after exec", word("CapBnd"), Some(MASK));

    let (code, status) =
        inside::execute(root::PROGRAM, &["status"], None).need("execute outside")?;
    t.equal("control: exit code", code, 0);
    t.equal(
        "control: outside it is on the host",
        files::field(&status, "VxID"),
        Some("0"),
    );
    let host = files::field(&status, "CapEff").and_then(|w| u64::from_str_radix(w, 16).ok());
    t.check(
        "control: outside it has more",
        host.is_some_and(|word| word & !MASK != 0),
    );

    let (code, _) = guest
        .ask(|_| inside::execute(root::PROGRAM, &["exit", "42"], None))?
        .need("execute inside")?;
    t.equal("the exit code comes back", code, 42);

    // A whole guest: pid 1 of its own namespace executes in its own root.
    let xid = t.xid();
    let mut whole = Guest::plan(xid).whole().start()?;
    let (code, status) = whole
        .ask(|_| inside::execute(root::PROGRAM, &["status"], None))?
        .need("execute in a whole guest")?;
    t.equal("whole guest: exit code", code, 0);
    t.equal(
        "whole guest: parent is pid 1",
        files::field(&status, "PPid"),
        Some("1"),
    );
    t.equal(
        "whole guest: in the context",
        files::field(&status, "VxID"),
        Some(xid.to_string().as_str()),
    );
    Ok(())
}
