// SPDX-License-Identifier: GPL-2.0

//! Storing and entering of namespaces, one by one.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, files, process, spaces};
use libvserver::abi::{SpaceMaskV1, XID_SELF, space, vcmd, vhin, vxf};

/// Identities of all namespaces of the caller; that of its children for the pid namespace.
fn identities() -> Sys<Vec<String>> {
    ["mnt", "uts", "ipc", "net", "pid_for_children", "cgroup"]
        .iter()
        .map(|name| spaces::identity(name))
        .collect()
}

/// Name, bit, place in [`identities`].
const KINDS: [(&str, u64, usize); 6] = [
    ("mnt", space::MNT, 0),
    ("uts", space::UTS, 1),
    ("ipc", space::IPC, 2),
    ("net", space::NET, 3),
    ("pid", space::PID, 4),
    ("cgroup", space::CGROUP, 5),
];

pub fn run(t: &mut Test) -> Outcome {
    one_by_one(t)?;
    refusals(t)?;
    sets(t)?;
    private(t)?;
    default_create(t)?;
    kept(t)?;
    replaced(t)
}

/// A namespace that another one replaces in a set goes, and so does what a context had when it
/// ends: many more pass through than may exist at once.
fn replaced(t: &mut Test) -> Outcome {
    const LIMIT: &str = "/proc/sys/user/max_uts_namespaces";
    let before = files::read(LIMIT).need("limit of namespaces")?;
    files::write(LIMIT, "24").need("a low limit")?;
    let all = (0..20).try_for_each(|_| {
        let xid = t.xid();
        let stored = subprocess(|| -> Sys<()> {
            context::create(xid, vxf::INIT_SET)?;
            for index in [0, 1, 0, 1] {
                spaces::unshare(space::UTS)?;
                context::set_space(XID_SELF, space::UTS, index)?;
            }
            Ok(())
        });
        let gone = wait::until(GONE_WITHIN, || context::info(xid).is_err());
        stored
            .unwrap_or(Err(libc::ECHILD))
            .and(if gone { Ok(()) } else { Err(libc::EBUSY) })
    });
    files::write(LIMIT, before.trim()).need("the limit as it was")?;
    t.ok("80 namespaces are stored where 24 may exist", all);
    Ok(())
}

fn one_by_one(t: &mut Test) -> Outcome {
    let host = identities().need("namespaces of the host")?;
    for (name, bit, place) in KINDS {
        let xid = t.xid();
        let mut guest = Guest::plan(xid).open().start()?;
        let inside = guest
            .call(
                |w| -> Sys<Vec<String>> {
                    spaces::unshare(w.numbers[0] as u64)?;
                    if w.numbers[0] as u64 == space::PID {
                        // Without a pid 1 the namespace has no name yet.
                        process::sleeper()?;
                    }
                    context::set_space(XID_SELF, w.numbers[0] as u64, 0)?;
                    identities()
                },
                &[bit as i64],
            )?
            .need("namespace inside")?;
        t.check(
            &format!("{name}: the guest has its own"),
            inside[place] != host[place],
        );
        let entered = subprocess(|| context::enter_space(xid, bit, 0).and_then(|()| identities()))?;
        let Some(entered) = t.ok(&format!("{name}: enter"), entered) else {
            continue;
        };
        for (other, _, at) in KINDS {
            let want = if at == place { &inside[at] } else { &host[at] };
            t.equal(
                &format!("{name}: after entering it, {other}"),
                entered[at].as_str(),
                want.as_str(),
            );
        }
        let all = subprocess(|| context::enter_space(xid, 0, 0).and_then(|()| identities()))?;
        t.gives(&format!("{name}: mask 0 is what is stored"), all, entered);
        for (other, bit_of_other, _) in KINDS {
            if bit_of_other != bit {
                t.refused(
                    &format!("{name}: {other} was never stored"),
                    subprocess(|| context::enter_space(xid, bit | bit_of_other, 0))?,
                    libc::EINVAL,
                );
            }
        }
    }
    t.gives("the host's namespaces are the same", identities(), host);
    Ok(())
}

fn refusals(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    let enter = |mask: u64, index: u32| subprocess(|| context::enter_space(xid, mask, index));
    t.refused(
        "enter an empty store with mask 0",
        enter(0, 0)?,
        libc::EINVAL,
    );
    t.refused(
        "enter an empty store with a mask",
        enter(space::UTS, 0)?,
        libc::EINVAL,
    );
    for index in [2, 3, u32::MAX] {
        t.refused(
            &format!("enter index {index}"),
            enter(0, index)?,
            libc::EINVAL,
        );
        t.refused(
            &format!("set index {index}"),
            guest.call(
                |w| context::set_space(XID_SELF, space::UTS, w.numbers[0] as u32),
                &[i64::from(index)],
            )?,
            libc::EINVAL,
        );
    }
    for bit in [0x1, 0x100, 0x400, 0x1_0000_0000, 1_u64 << 63] {
        t.refused(
            &format!("set the unsupported bit {bit:#x}"),
            guest.call(
                |w| context::set_space(XID_SELF, w.numbers[0] as u64 | space::UTS, 0),
                &[bit as i64],
            )?,
            libc::EINVAL,
        );
    }
    t.refused(
        "nothing was stored by that",
        enter(space::UTS, 0)?,
        libc::EINVAL,
    );
    t.ok(
        "control: set",
        guest.ask(|_| context::set_space(XID_SELF, space::UTS, 0))?,
    );
    t.ok("control: enter", enter(space::UTS, 0)?);
    t.refused(
        "enter an unsupported bit",
        enter(space::UTS | 0x100, 0)?,
        libc::EINVAL,
    );
    t.refused(
        "inside, in setup: enter",
        guest.ask(|_| context::enter_space(XID_SELF, 0, 0))?,
        libc::EPERM,
    );
    let other = t.xid();
    let second = Guest::plan(other).open().start()?;
    t.refused(
        "inside, in setup: set of another context",
        guest.call(
            |w| context::set_space(w.numbers[0] as u32, space::UTS, 0),
            &[i64::from(second.xid())],
        )?,
        libc::EPERM,
    );
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: set",
        guest.ask(|_| context::set_space(XID_SELF, space::UTS, 0))?,
        libc::ENOSYS,
    );
    t.refused(
        "no such context",
        subprocess(|| context::enter_space(4242, 0, 0))?,
        libc::ESRCH,
    );
    Ok(())
}

/// The two sets are separate; stored bits add up; the versions agree.
fn sets(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    let stored = |xid: u32| -> Sys<String> {
        let status = files::read(&format!("/proc/virtual/{xid}/status"))?;
        Ok(files::field(&status, "Spaces")
            .unwrap_or_default()
            .to_string())
    };
    let masks = |first: u64, second: u64| format!("{first:08x} {second:08x}");
    t.gives("nothing at first", stored(xid), masks(0, 0));
    t.ok(
        "set uts in set 0",
        guest.ask(|_| context::set_space(XID_SELF, space::UTS, 0))?,
    );
    t.ok(
        "set ipc in set 0",
        guest.ask(|_| context::set_space(XID_SELF, space::IPC, 0))?,
    );
    t.ok(
        "set net in set 1",
        guest.ask(|_| context::set_space(XID_SELF, space::NET, 1))?,
    );
    t.gives(
        "they add up",
        stored(xid),
        masks(space::UTS | space::IPC, space::NET),
    );
    t.refused(
        "net is not in set 0",
        subprocess(|| context::enter_space(xid, space::NET, 0))?,
        libc::EINVAL,
    );
    t.ok(
        "net is in set 1",
        subprocess(|| context::enter_space(xid, space::NET, 1))?,
    );

    t.ok(
        "version 1 sets set 0",
        guest.ask(|_| {
            let mut data = SpaceMaskV1 { mask: space::MNT };
            context::with(vcmd::SET_SPACE_V1, XID_SELF, &mut data)
        })?,
    );
    let all = space::UTS | space::IPC | space::MNT;
    t.gives("version 1 did", stored(xid), masks(all, space::NET));
    t.ok(
        "version 1 enters",
        subprocess(|| {
            let mut data = SpaceMaskV1 { mask: space::UTS };
            context::with(vcmd::ENTER_SPACE_V1, xid, &mut data)
        })?,
    );
    t.ok(
        "version 0 enters",
        subprocess(|| context::bare(vcmd::ENTER_SPACE_V0, xid))?,
    );
    t.ok(
        "null enters all of set 0",
        subprocess(|| context::bare(vcmd::ENTER_SPACE, xid))?,
    );

    // Mask 0 stores the whole bundle.
    t.ok(
        "null stores all",
        guest.ask(|_| context::bare(vcmd::SET_SPACE, XID_SELF))?,
    );
    let bundle = space::MNT | space::UTS | space::IPC | space::PID | space::NET;
    let status = stored(xid).need("stored spaces")?;
    let first = status
        .split(' ')
        .next()
        .and_then(|w| u64::from_str_radix(w, 16).ok());
    t.equal("all of them", first.map(|mask| mask & bundle), Some(bundle));
    Ok(())
}

fn private(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    t.ok(
        "store uts",
        guest.ask(|_| context::set_space(XID_SELF, space::UTS, 0))?,
    );
    t.ok(
        "control: enter",
        subprocess(|| context::enter_space(xid, 0, 0))?,
    );
    t.ok(
        "make it private",
        context::set_flags(xid, vxf::INFO_PRIVATE, vxf::INFO_PRIVATE),
    );
    t.refused(
        "private, in setup: enter",
        subprocess(|| context::enter_space(xid, 0, 0))?,
        libc::EACCES,
    );
    t.refused(
        "privacy comes before the index",
        subprocess(|| context::enter_space(xid, 0, 9))?,
        libc::EACCES,
    );
    t.ok("seal", guest.seal());
    t.refused(
        "private, sealed: enter",
        subprocess(|| context::enter_space(xid, 0, 0))?,
        libc::EACCES,
    );
    Ok(())
}

/// Without data, create makes and stores a host name and an IPC namespace.
fn default_create(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let host = spaces::hostname().need("host name")?;
    let answer = subprocess(|| -> Sys<(String, String)> {
        context::bare(vcmd::CTX_CREATE, xid)?;
        context::set_name(XID_SELF, vhin::NODENAME, "made-by-default")?;
        let status = files::read(&format!("/proc/virtual/{xid}/status"))?;
        Ok((
            spaces::hostname()?,
            files::field(&status, "Spaces")
                .unwrap_or_default()
                .to_string(),
        ))
    })?;
    if let Some((name, stored)) = t.ok("create without data", answer) {
        t.equal(
            "it has a host name of its own",
            name.as_str(),
            "made-by-default",
        );
        let first = stored
            .split(' ')
            .next()
            .and_then(|w| u64::from_str_radix(w, 16).ok());
        let want = space::UTS | space::IPC;
        t.equal(
            "uts and ipc are stored",
            first.map(|mask| mask & want),
            Some(want),
        );
    }
    t.gives("the host's name is the same", spaces::hostname(), host);
    Ok(())
}

/// What is stored lives without processes.
fn kept(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).flags(vxf::PERSISTENT).open().start()?;
    let name = guest
        .ask(|_| -> Sys<String> {
            spaces::unshare(space::UTS)?;
            spaces::set_hostname("kept")?;
            context::set_space(XID_SELF, space::UTS, 0)?;
            spaces::identity("uts")
        })?
        .need("own host name")?;
    context::kill(xid, guest.pid(), libc::SIGKILL).need("end the process inside")?;
    guest.wait()?;
    let entered = subprocess(|| -> Sys<(String, String)> {
        context::enter_space(xid, 0, 0)?;
        Ok((spaces::identity("uts")?, spaces::hostname()?))
    })?;
    t.gives(
        "a stored namespace outlives the processes",
        entered,
        (name, "kept".into()),
    );
    credentials(t)
}

/// The USER bit stores credentials.
fn credentials(t: &mut Test) -> Result<(), Stop> {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    let answer = guest.ask(|_| {
        // A child stores its reduced credentials in the context.
        subprocess(|| -> Sys<()> {
            // SAFETY: plain numbers.
            crate::sys::done(unsafe { libc::setresgid(77, 77, 77) })?;
            context::set_space(XID_SELF, space::USER, 0)
        })
        .unwrap_or(Err(libc::ECHILD))
    })?;
    t.ok("store credentials", answer);
    let entered = subprocess(|| -> Sys<(u32, u32)> {
        context::enter_space(xid, space::USER, 0)?;
        // SAFETY: no precondition.
        Ok(unsafe { (libc::getgid(), libc::getuid()) })
    })?;
    t.gives("enter takes them", entered, (77, 0));
    t.ok("the caller keeps its own", process::capget().map(|_| ()));
    Ok(())
}
