// SPDX-License-Identifier: GPL-2.0

//! Network contexts: ids, life, flags, capabilities, who may do what.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Child, Guest, Need, Network, Stop, context, network, subprocess};
use crate::sys::{Sys, process};
use libvserver::abi::{Flags, NetAddrIpv4V1, XID_SELF, nxa, nxf, vcmd};

pub fn run(t: &mut Test) -> Outcome {
    create(t)?;
    existing(t)?;
    migrate(t)?;
    one_thread(t)?;
    flags(t)?;
    private(t)?;
    without_admin(t)?;
    capabilities(t)?;
    persistence(t)?;
    inside(t)
}

/// Creates `nid` in a process of its own: the result and what the process is in afterwards.
fn create_in_child(nid: u32, flags: u64) -> Result<Sys<(u32, u32)>, Stop> {
    subprocess(|| {
        let id = network::create(nid, flags)?;
        Ok((id, context::task_nid(0)?))
    })
}

fn create(t: &mut Test) -> Outcome {
    for nid in [2, 3, 49_151, 49_152, 65_535] {
        t.gives(
            &format!("create {nid}: id and own nid"),
            create_in_child(nid, nxf::INIT_SET)?,
            (nid, nid),
        );
        t.refused(
            &format!("network context {nid} ended with its only task"),
            network::info(nid),
            libc::ESRCH,
        );
    }
    for (name, nid) in [
        ("0", 0),
        ("1", 1),
        ("65536", 65_536),
        ("-1", u32::MAX),
        ("-2", XID_SELF),
        ("the most negative", 1 << 31),
    ] {
        t.refused(
            &format!("create {name}"),
            create_in_child(nid, nxf::INIT_SET)?,
            libc::EINVAL,
        );
    }
    for (name, command) in [
        ("create without data", vcmd::NET_CREATE),
        ("create v0", vcmd::NET_CREATE_V0),
    ] {
        let nid = t.xid();
        let seen = subprocess(|| {
            let id = context::bare(command, nid)?;
            Ok::<_, i32>((id, network::flags(XID_SELF)?.value))
        })?;
        t.gives(
            &format!("{name}: id and default flags"),
            seen,
            (nid, nxf::INIT_SET),
        );
    }
    let nid = t.xid();
    t.refused(
        "create a private one without setup",
        create_in_child(nid, nxf::INIT_SET | nxf::INFO_PRIVATE)?,
        libc::EACCES,
    );
    t.refused("nothing of it stays", network::info(nid), libc::ESRCH);
    // This machine has no helper program.
    t.refused(
        "create with a helper that cannot run",
        create_in_child(nid, nxf::INIT_SET | nxf::SC_HELPER)?,
        libc::ENOEXEC,
    );
    t.refused("nothing of that stays", network::info(nid), libc::ESRCH);
    t.gives(
        "control: create without one",
        create_in_child(nid, nxf::INIT_SET)?,
        (nid, nid),
    );
    Ok(())
}

fn existing(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let net = Network::with_flags(nid, nxf::INIT_SET | nxf::STATE_SETUP)?;
    t.refused(
        "create of an id that is being set up",
        create_in_child(nid, nxf::INIT_SET)?,
        libc::EBUSY,
    );
    t.ok(
        "end its setup",
        network::set_flags(nid, 0, nxf::STATE_SETUP),
    );
    t.refused(
        "create of an id that exists",
        create_in_child(nid, nxf::INIT_SET)?,
        libc::EEXIST,
    );
    t.refused("it is no context", context::info(nid), libc::ESRCH);
    let guest = Guest::start(nid)?;
    t.gives(
        "a context may have the same id",
        context::info(nid).map(|i| i.xid),
        nid,
    );
    t.gives(
        "which puts nobody into the network context",
        context::task_nid(guest.pid()),
        0,
    );
    drop(guest);
    t.gives("and does not end it", network::info(nid), nid);
    drop(net);
    t.gives(
        "control: the id is free again",
        create_in_child(nid, nxf::INIT_SET)?,
        (nid, nid),
    );
    Ok(())
}

fn migrate(t: &mut Test) -> Outcome {
    let (one, two) = (Network::start(t.xid())?, Network::start(t.xid())?);
    let (first, second) = (one.nid(), two.nid());
    let seen = subprocess(|| {
        let into = network::migrate(first)?;
        let again = network::migrate(first)?;
        let child = Child::start(|| process::sleep_for_ever()).map_err(|_| libc::ECHILD)?;
        let inherited = context::task_nid(child.pid())?;
        drop(child);
        Ok::<_, i32>((into, again, context::task_nid(0)?, inherited))
    })?;
    t.gives(
        "migrate, migrate again, own nid, nid of a child",
        seen,
        (0, 0, first, first),
    );
    let seen = subprocess(|| {
        network::migrate(first)?;
        let by_itself = (network::info(XID_SELF)?, network::info(u32::MAX)?);
        network::migrate(second)?;
        Ok::<_, i32>((by_itself.0, by_itself.1, network::info(XID_SELF)?))
    })?;
    t.gives(
        "an id with the sign bit is the caller's, wherever it is",
        seen,
        (first, first, second),
    );
    for (name, nid) in [
        ("0", 0),
        ("4242", 4242),
        ("65536", 65_536),
        ("-1 from the host", u32::MAX),
    ] {
        t.refused(
            &format!("migrate to {name}"),
            subprocess(|| network::migrate(nid))?,
            libc::ESRCH,
        );
        t.refused(
            &format!("nx_info of {name}"),
            network::info(nid),
            libc::ESRCH,
        );
    }
    let seen = subprocess(|| {
        let value = network::migrate(1)?;
        let text = crate::sys::files::read("/proc/self/ninfo")?;
        Ok::<_, i32>((value, context::task_nid(0)?, context::task_xid(0)?, text))
    })?;
    t.gives(
        "migrate to 1: result, nid, xid, ninfo",
        seen,
        (1, 1, 0, "NID:\t1\n".to_string()),
    );
    t.gives("the host itself is in none", context::task_nid(0), 0);

    // Only the last task takes a network context with it.
    let nid = t.xid();
    let seen = subprocess(|| {
        network::create(nid, nxf::INIT_SET)?;
        network::migrate(first)?;
        Ok::<_, i32>(network::info(nid))
    })?;
    t.gives(
        "a network context ends when its last task moves on",
        seen,
        Err(libc::ESRCH),
    );
    Ok(())
}

/// As with contexts, a command moves the thread that gives it.
fn one_thread(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let seen = subprocess(|| {
        let (told, hears) = std::sync::mpsc::channel();
        let (ends, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // SAFETY: no precondition.
            let _ = told.send(unsafe { libc::gettid() });
            let _ = ended.recv();
        });
        let tid = hears.recv().map_err(|_| libc::ECHILD)?;
        network::create(nid, nxf::INIT_SET)?;
        let seen = (context::task_nid(0)?, context::task_nid(tid)?);
        drop(ends);
        let _ = thread.join();
        Ok::<_, i32>(seen)
    })?;
    t.gives("only the calling thread moves", seen, (nid, 0));
    Ok(())
}

fn flags(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let net = Network::with_flags(nid, nxf::INIT_SET | nxf::STATE_SETUP)?;
    let initial = nxf::INIT_SET | nxf::STATE_SETUP | nxf::PERSISTENT;
    t.gives(
        "flags of a new one",
        network::flags(nid),
        Flags {
            value: initial,
            mask: u64::MAX,
        },
    );
    t.ok(
        "only what the mask names",
        network::set_flags(nid, u64::MAX, nxf::SINGLE_IP | nxf::LBACK_ALLOW),
    );
    t.gives(
        "is set",
        network::flags(nid).map(|f| f.value),
        initial | nxf::SINGLE_IP | nxf::LBACK_ALLOW,
    );
    t.ok(
        "or cleared",
        network::set_flags(nid, 0, nxf::HIDE_NETIF | nxf::SINGLE_IP),
    );
    let value = (initial | nxf::LBACK_ALLOW) & !nxf::HIDE_NETIF;
    t.gives(
        "and nothing else",
        network::flags(nid).map(|f| f.value),
        value,
    );
    t.ok("end setup", network::set_flags(nid, 0, nxf::STATE_SETUP));
    t.gives(
        "a cleared one-time bit cannot be set",
        network::flags(nid),
        Flags {
            value: value & !nxf::STATE_SETUP,
            mask: !nxf::STATE_SETUP,
        },
    );
    t.ok(
        "asking for it is no error",
        network::set_flags(
            nid,
            nxf::STATE_SETUP | nxf::SINGLE_IP,
            nxf::STATE_SETUP | nxf::SINGLE_IP,
        ),
    );
    t.gives(
        "but does nothing",
        network::flags(nid).map(|f| f.value),
        value & !nxf::STATE_SETUP | nxf::SINGLE_IP,
    );
    drop(net);
    Ok(())
}

fn private(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let flags = nxf::INIT_SET | nxf::STATE_SETUP | nxf::INFO_PRIVATE;
    let net = Network::with_flags(nid, flags)?;
    t.gives(
        "control: a private one in setup is open",
        subprocess(|| network::migrate(nid))?,
        0,
    );
    t.ok(
        "end its setup",
        network::set_flags(nid, 0, nxf::STATE_SETUP),
    );
    t.refused(
        "a private one is closed afterwards",
        subprocess(|| network::migrate(nid))?,
        libc::EACCES,
    );
    t.ok(
        "make it public",
        network::set_flags(nid, 0, nxf::INFO_PRIVATE),
    );
    t.gives(
        "control: then it is open again",
        subprocess(|| network::migrate(nid))?,
        0,
    );
    drop(net);
    Ok(())
}

/// Without STATE_ADMIN not even the host changes it. It has a task and no permanent claim, which
/// nobody could take away.
fn without_admin(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let mut guest = Guest::plan(t.xid()).network(nid).open().start()?;
    t.gives(
        "inside, in setup: give up STATE_ADMIN",
        guest.ask(|_| network::set_flags(XID_SELF, 0, nxf::STATE_ADMIN))?,
        0,
    );
    let mut address = NetAddrIpv4V1 {
        type_: nxa::TYPE_ADDR,
        ip: 0x0100_007f,
        ..NetAddrIpv4V1::default()
    };
    let caps = &mut Flags::default();
    for (name, result) in [
        ("set_nflags", network::set_flags(nid, 0, 0)),
        ("set_ncaps", context::with(vcmd::SET_NCAPS, nid, caps)),
        (
            "net_add",
            context::with(vcmd::NET_ADD_IPV4_V1, nid, &mut address),
        ),
        (
            "net_rem",
            context::with(vcmd::NET_REM_IPV4_V1, nid, &mut address),
        ),
        ("net_migrate", subprocess(|| network::migrate(nid))?),
    ] {
        t.refused(
            &format!("without STATE_ADMIN: {name}"),
            result,
            libc::EACCES,
        );
    }
    t.gives("without STATE_ADMIN: nx_info", network::info(nid), nid);
    t.gives(
        "without STATE_ADMIN: get_nflags",
        network::flags(nid).map(|f| f.value),
        nxf::INIT_SET & !nxf::STATE_ADMIN,
    );
    guest.stop().map(|_| ())?;
    t.check("it ends with its task", network::goes(nid));
    Ok(())
}

fn capabilities(t: &mut Test) -> Outcome {
    let net = Network::start(t.xid())?;
    let nid = net.nid();
    let get = || {
        let mut flags = Flags::default();
        context::with(vcmd::GET_NCAPS, nid, &mut flags).map(|_| flags)
    };
    let set = |value, mask| context::with(vcmd::SET_NCAPS, nid, &mut Flags { value, mask });
    let all = |value| Flags {
        value,
        mask: u64::MAX,
    };
    t.gives("ncaps of a new one", get(), all(0));
    t.gives("whole word", set(0x0123_4567_89ab_cdef, u64::MAX), 0);
    t.gives("it is stored", get(), all(0x0123_4567_89ab_cdef));
    t.gives("one byte", set(0, 0xff), 0);
    t.gives("the rest is kept", get(), all(0x0123_4567_89ab_cd00));
    Ok(())
}

fn persistence(t: &mut Test) -> Outcome {
    let nid = t.xid();
    let net = Network::start(nid)?;
    t.gives("it is there without a task", network::info(nid), nid);
    t.check("it is listed", network::all().is_ok_and(|all| all == [nid]));
    t.gives(
        "a process can come and go",
        subprocess(|| network::migrate(nid))?,
        0,
    );
    t.gives("it is still there", network::info(nid), nid);
    let child = Child::start(|| {
        let _ = network::migrate(nid);
        process::sleep_for_ever()
    })?;
    let inside = || context::task_nid(child.pid()) == Ok(nid);
    t.check(
        "a process lives in it",
        crate::harness::wait::until(crate::limits::GONE_WITHIN, inside),
    );
    t.ok(
        "without the permanent claim",
        network::set_flags(nid, 0, nxf::PERSISTENT),
    );
    t.gives("the process keeps it", network::info(nid), nid);
    t.ok(
        "the claim can be taken again",
        network::set_flags(nid, nxf::PERSISTENT, nxf::PERSISTENT),
    );
    drop(child);
    t.gives("and keeps it without the process", network::info(nid), nid);
    drop(net);
    t.refused("without both it ends", network::info(nid), libc::ESRCH);
    t.check(
        "nothing is listed",
        network::all().is_ok_and(|all| all.is_empty()),
    );
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let (nid, fresh) = (t.xid(), t.xid());
    let other = Network::start(t.xid())?;
    let mut guest = Guest::plan(t.xid()).network(nid).open().start()?;
    let (own, foreign) = (i64::from(nid), i64::from(other.nid()));
    t.gives(
        "the guest is in its network context",
        context::task_nid(guest.pid()),
        nid,
    );
    t.refused(
        "inside, in setup: create",
        guest.call(
            |w| network::create(w.int(0) as u32, nxf::INIT_SET),
            &[i64::from(fresh)],
        )?,
        libc::EPERM,
    );
    t.refused(
        "inside, in setup: migrate",
        guest.call(|w| network::migrate(w.int(0) as u32), &[foreign])?,
        libc::EPERM,
    );
    t.refused(
        "inside, in setup: change another one",
        guest.call(|w| network::set_flags(w.int(0) as u32, 0, 0), &[foreign])?,
        libc::EPERM,
    );
    t.gives(
        "control: inside, in setup: change its own by id",
        guest.call(|w| network::set_flags(w.int(0) as u32, 0, 0), &[own])?,
        0,
    );
    t.gives(
        "control: inside, in setup: change its own",
        guest.ask(|_| network::set_flags(XID_SELF, nxf::SINGLE_IP, nxf::SINGLE_IP))?,
        0,
    );
    t.gives(
        "control: the host sees the change",
        network::flags(nid).map(|f| f.value & nxf::SINGLE_IP),
        nxf::SINGLE_IP,
    );
    t.gives(
        "inside, in setup: look at another one",
        guest.call(|w| network::info(w.int(0) as u32), &[foreign])?,
        other.nid(),
    );
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: change its own",
        guest.ask(|_| network::set_flags(XID_SELF, 0, 0))?,
        libc::ENOSYS,
    );
    t.refused(
        "inside, sealed: look at its own",
        guest.ask(|_| network::info(XID_SELF))?,
        libc::ENOSYS,
    );
    t.refused(
        "inside, sealed: become a spectator",
        guest.ask(|_| network::migrate(1))?,
        libc::ENOSYS,
    );
    t.gives(
        "control: host: change it",
        network::set_flags(nid, 0, nxf::SINGLE_IP),
        0,
    );
    t.refused("nothing was created", network::info(fresh), libc::ESRCH);
    guest.stop().map(|_| ())?;
    network::goes(nid)
        .then_some(())
        .need("the network context is gone")
}
