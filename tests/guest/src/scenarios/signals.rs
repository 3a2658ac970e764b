// SPDX-License-Identifier: GPL-2.0

//! No signal crosses the border of a context, whichever call sends it.

use crate::harness::check::{Outcome, Test};
use crate::harness::{
    Bystander, Exit, Guest, Need, Stop, Words, context, spectator, subprocess, wait,
};
use crate::limits::GONE_WITHIN;
use crate::sys::process::{self, Owner};
use crate::sys::{Sys, sockets};
use std::time::Duration;

/// Long enough for a signal that must not come.
const WHILE: Duration = Duration::from_millis(100);

type Send = fn(&Words) -> Sys<()>;

/// Every call that signals a process by its number, with the error for a process of others. The
/// number of such a process means nothing, as if there were none.
const BY_NUMBER: [(&str, Send); 4] = [
    ("kill", |w| process::kill(w.int(0), w.int(1))),
    ("tgkill", |w| process::tgkill(w.int(0), w.int(0), w.int(1))),
    ("sigqueue", |w| process::sigqueue(w.int(0), w.int(1))),
    ("pidfd_open and pidfd_send_signal", |w| {
        let pidfd = process::pidfd_open(w.int(0))?;
        let result = process::pidfd_signal(pidfd, w.int(1));
        sockets::close(pidfd);
        result
    }),
];

fn words(pid: i32, signal: i32) -> [i64; 2] {
    [i64::from(pid), i64::from(signal)]
}

fn words_of(pid: i32, signal: i32) -> Words {
    Words {
        numbers: words(pid, signal).to_vec(),
        text: String::new(),
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let other = Guest::start(two)?;
    let host = Bystander::start()?;

    for (name, send) in BY_NUMBER {
        for (whose, pid) in [
            ("a host process", host.pid()),
            ("another guest", other.pid()),
            ("pid 1", 1),
        ] {
            for signal in [0, libc::SIGKILL] {
                let sent = guest.call(send, &words(pid, signal))?;
                t.refused(
                    &format!("inside: {name} {signal} to {whose}"),
                    sent,
                    libc::ESRCH,
                );
            }
        }
        let pid = guest.pid();
        for signal in [0, libc::SIGKILL] {
            t.refused(
                &format!("host: {name} {signal} to a guest"),
                send(&words_of(pid, signal)),
                libc::ESRCH,
            );
        }
        control(t, &mut guest, name, send)?;
    }
    for signal in [0, libc::SIGKILL] {
        let pid = guest.pid();
        t.refused(
            &format!("spectator: kill {signal} to a guest"),
            spectator(|| process::kill(pid, signal))?,
            libc::ESRCH,
        );
    }
    groups(t, &mut guest, &host)?;
    descriptors(t, &guest, &other, &host)?;
    by_io(t, &mut guest, &other, &host)?;

    t.check("the host process lives", host.lives());
    t.check("the guest lives", !guest.has_ended());
    t.check("the other guest lives", !other.has_ended());
    t.ok(
        "control: the host reaches a guest by ctx_kill",
        context::kill(one, guest.pid(), 0),
    );
    Ok(())
}

/// The same calls work where sender and target belong together.
fn control(t: &mut Test, guest: &mut Guest, name: &str, send: Send) -> Outcome {
    let child = guest.ask(|_| process::sleeper())?.need("process inside")?;
    t.ok(
        &format!("control: inside: {name} to its own child"),
        guest.call(send, &words(child, libc::SIGKILL))?,
    );
    t.gives(
        "control: and it ended",
        guest.on(|w| process::wait(w.int(0)).map(Exit::from_status), child)?,
        Exit::Signal(libc::SIGKILL),
    );
    let host = Bystander::start()?;
    t.ok(
        &format!("control: host: {name} to a host process"),
        send(&words_of(host.pid(), libc::SIGKILL)),
    );
    t.check(
        "control: and it ended",
        wait::until(GONE_WITHIN, || !host.lives()),
    );
    Ok(())
}

/// Signals to a process group test each member.
fn groups(t: &mut Test, guest: &mut Guest, host: &Bystander) -> Outcome {
    let group = host.pid();
    t.refused(
        "inside: a group of the host",
        guest.call(
            |w| process::kill(-w.int(0), libc::SIGKILL),
            &[i64::from(group)],
        )?,
        libc::ESRCH,
    );
    t.refused(
        "inside: a group that does not exist looks the same",
        guest.call(|w| process::kill(-w.int(0), 0), &[0x3fff_ffff])?,
        libc::ESRCH,
    );
    t.refused(
        "inside: a group of the host, without a signal",
        guest.call(|w| process::kill(-w.int(0), 0), &[i64::from(group)])?,
        libc::ESRCH,
    );
    let (leader, member) = guest
        .ask(|_| -> Sys<(i32, i32)> {
            let leader = process::sleeper()?;
            let member = process::sleeper()?;
            process::setpgid(leader, leader)?;
            process::setpgid(member, leader)?;
            Ok((leader, member))
        })?
        .need("a group inside")?;
    t.refused(
        "host: a group of a guest",
        process::kill(-leader, libc::SIGKILL),
        libc::ESRCH,
    );
    t.ok("nobody was hit", context::kill(guest.xid(), member, 0));
    t.ok(
        "control: inside: its own group",
        guest.call(
            |w| process::kill(-w.int(0), libc::SIGKILL),
            &[i64::from(leader)],
        )?,
    );
    for pid in [leader, member] {
        t.gives(
            "control: a member ended",
            guest.on(|w| process::wait(w.int(0)).map(Exit::from_status), pid)?,
            Exit::Signal(libc::SIGKILL),
        );
    }
    Ok(())
}

/// A descriptor of a process that was opened elsewhere gives no right.
fn descriptors(t: &mut Test, guest: &Guest, other: &Guest, host: &Bystander) -> Outcome {
    for (whose, pid) in [
        ("a host process", host.pid()),
        ("another guest", other.pid()),
    ] {
        // The spectator finds both; the descriptor goes in with the process that enters.
        let xid = guest.xid();
        let sent = subprocess(|| -> Sys<(i32, Sys<i32>, Sys<()>)> {
            let pidfd = process::pidfd_open(pid)?;
            let before = process::pidfd_info(pidfd)?;
            context::migrate(xid, 0)?;
            let told = process::pidfd_info(pidfd);
            Ok((before, told, process::pidfd_signal(pidfd, libc::SIGKILL)))
        })?;
        match sent {
            Ok((before, told, sent)) => {
                t.equal("control: host: what it tells", before, pid);
                t.refused(
                    &format!("inside: what it tells of {whose}"),
                    told,
                    libc::ESRCH,
                );
                t.refused(
                    &format!("inside: a descriptor of {whose} that was handed in"),
                    sent,
                    libc::ESRCH,
                );
            }
            // The host does not find guests, so it cannot hand in one either.
            Err(error) => {
                t.refused(
                    &format!("host: descriptor of {whose}"),
                    Err::<(), _>(error),
                    libc::ESRCH,
                );
            }
        }
    }
    Ok(())
}

/// Signals of descriptors that become readable.
fn by_io(t: &mut Test, guest: &mut Guest, other: &Guest, host: &Bystander) -> Outcome {
    fn owner(number: i64) -> Owner {
        match number {
            0 => Owner::Thread,
            1 => Owner::Process,
            _ => Owner::Group,
        }
    }
    let send: Send = |w| process::signal_by_io(owner(w.numbers[2]), w.int(0), w.int(1));
    for number in 0..3 {
        let kind = owner(number);
        for (whose, pid) in [
            ("a host process", host.pid()),
            ("another guest", other.pid()),
        ] {
            // The call itself may succeed: the kernel drops the signal when it is due.
            let _ = guest.call(send, &[i64::from(pid), i64::from(libc::SIGKILL), number])?;
            t.check(
                &format!("inside: descriptor signal ({kind:?}) to {whose} does not arrive"),
                !wait::until(WHILE, || !host.lives() || other.has_ended()),
            );
        }
        let pid = guest.pid();
        let _ = process::signal_by_io(kind, pid, libc::SIGKILL);
        t.check(
            &format!("host: descriptor signal ({kind:?}) to a guest does not arrive"),
            !wait::until(WHILE, || guest.has_ended()),
        );
        if guest.has_ended() {
            return Err(Stop::Fail("the guest is dead, the rest cannot run".into()));
        }
        let victim = Bystander::start()?;
        t.ok(
            &format!("control: host: descriptor signal ({kind:?}) to a host process"),
            process::signal_by_io(kind, victim.pid(), libc::SIGKILL),
        );
        t.check(
            "control: and it arrived",
            wait::until(GONE_WITHIN, || !victim.lives()),
        );
        let child = guest
            .ask(|_| {
                let pid = process::sleeper()?;
                process::setpgid(pid, pid)?;
                Ok::<_, i32>(pid)
            })?
            .need("process inside")?;
        t.ok(
            &format!("control: inside: descriptor signal ({kind:?}) to its own child"),
            guest.call(send, &[i64::from(child), i64::from(libc::SIGKILL), number])?,
        );
        t.gives(
            "control: and it arrived",
            guest.on(|w| process::wait(w.int(0)).map(Exit::from_status), child)?,
            Exit::Signal(libc::SIGKILL),
        );
    }
    Ok(())
}
