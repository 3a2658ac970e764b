// SPDX-License-Identifier: GPL-2.0

//! Priority, affinity, policy and I/O priority of others.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Bystander, Guest, Need, Words, spectator};
use crate::sys::sched::{self, Whose};
use crate::sys::{Sys, files, process};

type Call = fn(&Words) -> Sys<()>;

const CALLS: [(&str, Call); 9] = [
    ("setpriority", |w| {
        sched::setpriority(Whose::Process, w.numbers[0] as u32, 7)
    }),
    ("getpriority", |w| {
        sched::getpriority(Whose::Process, w.numbers[0] as u32).map(|_| ())
    }),
    ("sched_setaffinity", |w| sched::setaffinity(w.int(0))),
    ("sched_getaffinity", |w| sched::getaffinity(w.int(0))),
    ("sched_setscheduler", |w| sched::setscheduler(w.int(0))),
    ("sched_getscheduler", |w| {
        sched::getscheduler(w.int(0)).map(|_| ())
    }),
    ("sched_getparam", |w| sched::getparam(w.int(0))),
    ("sched_rr_get_interval", |w| sched::rr_interval(w.int(0))),
    ("ioprio_set", |w| sched::ioprio_set(w.int(0))),
];

pub fn run(t: &mut Test) -> Outcome {
    let (one, two) = (t.xid(), t.xid());
    let mut guest = Guest::start(one)?;
    let other = Guest::start(two)?;
    let host = Bystander::start()?;
    let child = guest.ask(|_| process::sleeper())?.need("process inside")?;
    let nice = |pid: i32| sched::getpriority(Whose::Process, pid as u32);

    t.gives("nice value at first", nice(host.pid()), 0);
    for (name, call) in CALLS {
        for (whose, pid) in [
            ("a host process", host.pid()),
            ("another guest", other.pid()),
            ("pid 1", 1),
        ] {
            t.refused(
                &format!("inside: {name} of {whose}"),
                guest.on(call, pid)?,
                libc::ESRCH,
            );
        }
        let words = |pid: i32| Words {
            numbers: vec![i64::from(pid)],
            text: String::new(),
        };
        t.refused(
            &format!("host: {name} of a guest"),
            call(&words(guest.pid())),
            libc::ESRCH,
        );
        t.ok(
            &format!("control: inside: {name} of its own child"),
            guest.on(call, child)?,
        );
    }
    t.refused(
        "inside: ioprio_get of a host process",
        guest.on(|w| sched::ioprio_get(w.int(0)), host.pid())?,
        libc::ESRCH,
    );
    t.ok(
        "control: inside: ioprio_get of its own child",
        guest.on(|w| sched::ioprio_get(w.int(0)), child)?,
    );
    t.gives(
        "the nice value of the host process is the same",
        nice(host.pid()),
        0,
    );

    // The spectator looks and does not change.
    let pid = guest.pid();
    t.gives(
        "spectator: getpriority of a guest",
        spectator(|| nice(pid))?,
        0,
    );
    t.ok(
        "spectator: sched_getaffinity of a guest",
        spectator(|| sched::getaffinity(pid))?,
    );
    t.refused(
        "spectator: sched_setaffinity of a guest",
        spectator(|| sched::setaffinity(pid))?,
        libc::EPERM,
    );
    t.refused(
        "spectator: setpriority of a guest",
        spectator(|| sched::setpriority(Whose::Process, pid as u32, 3))?,
        libc::EPERM,
    );
    together(t, &mut guest, &host)?;
    cgroup(t, &mut guest, &host)
}

/// Priority calls on groups and users pass over the processes of others.
fn together(t: &mut Test, guest: &mut Guest, host: &Bystander) -> Outcome {
    let nice = |pid: i32| sched::getpriority(Whose::Process, pid as u32);
    let group = i64::from(host.pid());
    t.refused(
        "inside: setpriority of a group of the host",
        guest.call(
            |w| sched::setpriority(Whose::Group, w.numbers[0] as u32, 11),
            &[group],
        )?,
        libc::EPERM,
    );
    // All of them are root's.
    let _ = guest.ask(|_| sched::setpriority(Whose::User, 0, 11))?;
    t.gives(
        "inside: setpriority of a user leaves the host alone",
        nice(host.pid()),
        0,
    );
    t.gives("and PID 1", nice(1), 0);
    t.gives(
        "control: inside: and acts on its own",
        guest.ask(|_| sched::getpriority(Whose::Process, 0))?,
        11,
    );
    t.ok(
        "control: host: setpriority of the group",
        sched::setpriority(Whose::Group, host.pid() as u32, 2),
    );
    t.gives("control: it acted", nice(host.pid()), 2);
    Ok(())
}

/// A guest that shares the control groups cannot move others.
fn cgroup(t: &mut Test, guest: &mut Guest, host: &Bystander) -> Outcome {
    let directory = format!("/sys/fs/cgroup/scenario-{}", guest.xid());
    files::mkdir(&directory).need("make a control group")?;
    let file = format!("{directory}/cgroup.procs");
    let write: Call = |w| files::write(&w.text, &w.int(0).to_string());
    t.refused(
        "inside: move a host process into a control group",
        guest.tell(write, &file, &[i64::from(host.pid())])?,
        libc::ESRCH,
    );
    t.ok(
        "control: host: the same",
        files::write(&file, &host.pid().to_string()),
    );
    t.ok(
        "control: host: and back",
        files::write("/sys/fs/cgroup/cgroup.procs", &host.pid().to_string()),
    );
    t.check(
        "remove the control group",
        std::fs::remove_dir(&directory).is_ok(),
    );
    Ok(())
}
