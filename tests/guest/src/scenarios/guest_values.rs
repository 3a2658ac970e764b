// SPDX-License-Identifier: GPL-2.0

//! What a guest is told about the machine instead of the truth: log, score, priority.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context, subprocess};
use crate::sys::sched::{Whose, getpriority, setpriority};
use crate::sys::{Sys, files, log};
use libvserver::abi::{vxc, vxf};

const CAP_SYS_NICE: u32 = 23;
const CAP_SYS_RESOURCE: u32 = 24;

pub fn run(t: &mut Test) -> Outcome {
    empty_log(t)?;
    score(t)?;
    priority(t)
}

fn all_of_the_log(_: &Words) -> Sys<i64> {
    log::syslog(log::READ_ALL)
}

/// The log of a guest is its own, and nobody writes into it.
fn empty_log(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    t.gives("inside: what the log has", guest.ask(all_of_the_log)?, 0);
    t.gives(
        "inside: clear it",
        guest.ask(|_| log::syslog(log::CLEAR))?,
        0,
    );
    t.gives(
        "inside: its size",
        guest.ask(|_| log::syslog(log::SIZE_BUFFER))?,
        0,
    );
    t.refused(
        "inside: an unknown action",
        guest.ask(|_| log::syslog(99))?,
        libc::EINVAL,
    );
    t.refused(
        "inside: /dev/kmsg",
        guest.ask(|_| files::read("/dev/kmsg"))?,
        libc::EPERM,
    );
    t.check(
        "host: its log has something, cleared or not",
        log::syslog(log::READ_ALL).is_ok_and(|bytes| bytes > 0),
    );
    Ok(())
}

/// Writes a legacy score and reads the score that follows from it, which is finer.
fn scored(w: &Words) -> Sys<String> {
    files::write("/proc/self/oom_adj", &w.text)?;
    files::read("/proc/self/oom_score_adj").map(|text| text.trim().into())
}

/// Nobody inside is exempt from being killed when memory is short: -17 becomes -16.
fn score(t: &mut Test) -> Outcome {
    let (least, exempt) = ("-941", "-1000");
    let mut guest = Guest::plan(t.xid())
        .bcaps(!(1 << CAP_SYS_RESOURCE))
        .start()?;
    context::set_ccaps(guest.xid(), vxc::OOM_ADJUST, u64::MAX).need("the bit")?;
    let score = |guest: &mut Guest, text: &str| guest.tell(scored, text, &[]);
    t.gives(
        "inside, by the bit: -16",
        score(&mut guest, "-16")?,
        least.into(),
    );
    t.gives(
        "inside, by the bit: -17",
        score(&mut guest, "-17")?,
        least.into(),
    );
    drop(guest);
    let mut guest = Guest::start(t.xid())?;
    t.gives(
        "inside, by right: -17",
        score(&mut guest, "-17")?,
        least.into(),
    );
    let host = subprocess(|| {
        scored(&Words {
            text: "-17".into(),
            ..Words::default()
        })
    })?;
    t.gives("host: -17", host, exempt.into());
    Ok(())
}

/// Raises the own priority in a child; what it is afterwards.
fn raised(_: &Words) -> Sys<i32> {
    subprocess(|| {
        setpriority(Whose::Process, 0, 5)?;
        setpriority(Whose::Process, 0, 0)?;
        getpriority(Whose::Process, 0)
    })
    .map_err(|_| libc::ECHILD)?
}

/// As [`raised`], by the call that 32-bit programs have.
#[cfg(target_arch = "x86_64")]
fn nicer(_: &Words) -> Sys<i32> {
    subprocess(|| {
        crate::sys::int80::nice(5)?;
        crate::sys::int80::nice(-5)?;
        getpriority(Whose::Process, 0)
    })
    .map_err(|_| libc::ECHILD)?
}

/// With IGNEG_NICE a program that raises its priority believes that it did.
fn priority(t: &mut Test) -> Outcome {
    let plan = |xid| Guest::plan(xid).bcaps(!(1 << CAP_SYS_NICE));
    let mut plain = plan(t.xid()).start()?;
    let mut guest = plan(t.xid()).flags(vxf::IGNEG_NICE).start()?;
    t.refused(
        "inside: raise the priority",
        plain.ask(raised)?,
        libc::EACCES,
    );
    t.gives(
        "inside, with IGNEG_NICE: it seems to work and does not",
        guest.ask(raised)?,
        5,
    );
    #[cfg(target_arch = "x86_64")]
    {
        t.refused("inside: nice(-5)", plain.ask(nicer)?, libc::EPERM);
        t.gives(
            "inside, with IGNEG_NICE: nice(-5) seems to work and does not",
            guest.ask(nicer)?,
            5,
        );
    }
    t.gives("host: it works", raised(&Words::default()), 0);
    Ok(())
}
