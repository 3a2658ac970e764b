// SPDX-License-Identifier: GPL-2.0

//! Numbers about a context, and what the kernel says about itself.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context};
use crate::sys::memory::Edge;
use crate::sys::{Sys, files, process};
use libvserver::abi::{FEATURES_VERSION, SockStat, VirtStat, XID_SELF, feature, sock, vcmd, vxf};
use std::time::Duration;

fn virt(xid: u32) -> Sys<VirtStat> {
    let mut data = VirtStat {
        offset: 0xdead,
        uptime: 0xdead,
        nr_threads: 0xdead,
        ..VirtStat::default()
    };
    context::with(vcmd::VIRT_STAT, xid, &mut data).map(|_| data)
}

fn sockets(xid: u32, field: u32) -> Sys<SockStat> {
    let mut data = SockStat {
        field,
        count: [1; 3],
        total: [2; 3],
    };
    context::with(vcmd::SOCK_STAT, xid, &mut data).map(|_| data)
}

pub fn run(t: &mut Test) -> Outcome {
    times_and_threads(t)?;
    traffic(t)?;
    inside(t)?;
    features(t)
}

/// Time since boot in nanoseconds, two decimals of a second.
fn since_boot() -> Sys<u64> {
    let text = files::read("/proc/uptime")?;
    let seconds: f64 = text
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or(libc::EINVAL)?;
    Ok((seconds * 1e9) as u64)
}

fn times_and_threads(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let before = since_boot().need("uptime")?;
    let mut guest = Guest::start(xid)?;
    let first = virt(xid).need("virt_stat")?;
    let pause = Duration::from_millis(30);
    std::thread::sleep(pause);
    let second = virt(xid).need("virt_stat")?;
    let after = since_boot().need("uptime")?;
    t.equal("the clock is that of the host", first.offset, 0);
    t.check("the context is older than nothing", first.uptime > 0);
    t.check(
        "it gets older with the time",
        second.uptime >= first.uptime + pause.as_nanos() as u64,
    );
    // The uptime is cut to hundredths.
    t.check(
        "it is not older than the moment before its creation",
        second.uptime <= after - before + 20_000_000,
    );
    t.equal("one thread", first.nr_threads, 1);
    t.ok("inside: a child", guest.ask(|_| process::sleeper())?);
    t.gives("two threads", virt(xid).map(|s| s.nr_threads), 2);
    let younger = Guest::plan(t.xid()).flags(vxf::PERSISTENT).start()?;
    t.gives(
        "the permanent claim is no thread",
        virt(younger.xid()).map(|s| s.nr_threads),
        1,
    );
    t.check(
        "another context is younger",
        virt(younger.xid()).need("virt_stat")?.uptime < virt(xid).need("virt_stat")?.uptime,
    );
    for id in [0, 1, 4242, XID_SELF] {
        t.refused(
            &format!("virt_stat of id {}", id as i32),
            virt(id),
            libc::ESRCH,
        );
    }
    Ok(())
}

fn traffic(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let _guest = Guest::start(xid)?;
    for field in 0..sock::COUNT {
        t.gives(
            &format!("family class {field}: a guest without sockets"),
            sockets(xid, field),
            SockStat {
                field,
                count: [0; 3],
                total: [0; 3],
            },
        );
    }
    for field in [sock::COUNT, 63, u32::MAX] {
        t.refused(
            &format!("family class {field}"),
            sockets(xid, field),
            libc::EINVAL,
        );
    }
    t.refused(
        "an unknown id comes before an unknown class",
        sockets(4242, sock::COUNT),
        libc::ESRCH,
    );
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).open().start()?;
    type Act = fn(&Words) -> Sys<u32>;
    let acts: [(&str, Act); 3] = [
        ("virt_stat", |_| virt(XID_SELF).map(|s| s.nr_threads)),
        ("sock_stat", |_| sockets(XID_SELF, 0).map(|s| s.field + 1)),
        ("get_features", |_| ask(16).map(|bytes| u32::from(bytes[4]))),
    ];
    for (name, act) in acts {
        t.gives(&format!("inside, in setup: {name}"), guest.ask(act)?, 1);
    }
    t.ok("seal", guest.seal());
    for (name, act) in acts {
        t.refused(
            &format!("inside, sealed: {name}"),
            guest.ask(act)?,
            libc::ENOSYS,
        );
    }
    guest.stop().map(|_| ())
}

/// Fills memory that the kernel must leave alone.
const GUARD: u8 = 0xa5;
/// Bytes that are looked at, more than the kernel knows.
const ROOM: usize = 64;

/// `get_features` with this size; all bytes afterwards.
fn ask(size: u32) -> Sys<Vec<u8>> {
    let edge = Edge::map()?;
    edge.fill(ROOM, GUARD);
    edge.put(ROOM, &size.to_ne_bytes());
    // SAFETY: the kernel writes at most as many bytes as it knows, fewer than there are.
    unsafe { context::raw(vcmd::GET_FEATURES, 0, edge.back(ROOM).cast()) }?;
    Ok(edge.last(ROOM))
}

/// The structure can grow: the caller says how much room it has, the kernel how much it knows.
fn features(t: &mut Test) -> Outcome {
    for size in 0..4 {
        t.refused(&format!("room for {size} bytes"), ask(size), libc::EINVAL);
    }
    let whole = ask(16).need("get_features")?;
    let word = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|i| whole[at + i]));
    t.equal("size that the kernel knows", word(0), 16);
    t.equal("version of the additions", word(4), FEATURES_VERSION);
    let bits = u64::from(word(8)) | (u64::from(word(12)) << 32);
    let announced = [
        ("time namespaces", feature::SPACE_TIME),
        ("cgroup namespaces", feature::SPACE_CGROUP),
        ("reduced capability sets", feature::TRIMMED_CAPS),
        ("setup of its own objects only", feature::OWN_SETUP_ONLY),
        ("creation by the host only", feature::HOST_CREATE),
        ("registered init", feature::LEGACY_INIT),
        ("helper program", feature::HELPER),
        ("entries of procfs", feature::PROC_ENTRIES),
        ("addresses are enforced", feature::NET_ENFORCED),
        ("resource limits", feature::LIMITS_ENFORCED),
        ("token buckets", feature::SCHED_ENFORCED),
        ("device nodes", feature::DEVICE_MAP),
    ];
    for (name, bit) in announced {
        t.check(&format!("feature: {name}"), bits & bit != 0);
    }
    let known = announced.iter().fold(0, |word, (_, bit)| word | bit);
    t.equal("features that are not there yet", bits & !known, 0);
    for size in [4, 5, 8, 12, 15, 16, 17, 64, 4096, u32::MAX] {
        let written = (size as usize).min(16);
        let mut want = vec![GUARD; ROOM];
        want[..4].copy_from_slice(&size.to_ne_bytes());
        want[..written].copy_from_slice(&whole[..written]);
        t.gives(&format!("room for {size} bytes"), ask(size), want);
    }
    t.gives(
        "the id does not matter",
        context::with(vcmd::GET_FEATURES, u32::MAX, &mut [16_u32, 0, 0, 0]),
        0,
    );
    Ok(())
}
