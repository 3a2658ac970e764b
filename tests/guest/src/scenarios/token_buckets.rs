// SPDX-License-Identifier: GPL-2.0

//! Scheduler settings of a context: what is stored and told. What they do is in `cpu-share` and
//! `cpu-hold`.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, context};
use crate::sys::{Sys, sched};
use libvserver::abi::{PrioBias, SchedInfo, SchedV5, SetSchedV4, XID_SELF, vcmd, vxsm};

/// A processor that no machine of this size can have.
const IMPOSSIBLE: i32 = 100_000;

fn get(xid: u32, mask: u32, cpu_id: i32) -> Sys<SchedV5> {
    let mut data = SchedV5 {
        mask,
        cpu_id,
        ..SchedV5::default()
    };
    context::with(vcmd::GET_SCHED, xid, &mut data).map(|_| data)
}

fn set(xid: u32, mut data: SchedV5) -> Sys<u32> {
    context::with(vcmd::SET_SCHED, xid, &mut data)
}

fn bias(xid: u32, cpu_id: i32) -> Sys<i32> {
    let mut data = PrioBias {
        cpu_id,
        prio_bias: 99,
    };
    context::with(vcmd::GET_PRIO_BIAS, xid, &mut data).map(|_| data.prio_bias)
}

fn set_bias(xid: u32, cpu_id: i32, prio_bias: i32) -> Sys<u32> {
    context::with(
        vcmd::SET_PRIO_BIAS,
        xid,
        &mut PrioBias { cpu_id, prio_bias },
    )
}

fn info(xid: u32, cpu_id: i32) -> Sys<SchedInfo> {
    let mut data = SchedInfo {
        cpu_id,
        bucket_id: 5,
        user_msec: 0xdead,
        ..SchedInfo::default()
    };
    context::with(vcmd::SCHED_INFO, xid, &mut data).map(|_| data)
}

/// Values that differ from each other and from the defaults.
fn values(mask: u32) -> SchedV5 {
    SchedV5 {
        mask,
        cpu_id: 0,
        bucket_id: 0,
        fill_rate: [3, 5],
        interval: [10, 20],
        tokens: 7,
        tokens_min: 40,
        tokens_max: 400,
        prio_bias: 9,
    }
}

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::start(xid)?;
    let tick = info(0, 0).need("length of a tick")?.token_usec;
    t.check("a tick has a length", (100..=10_000).contains(&tick));
    let hertz = 1_000_000 / tick as i32;

    tick_info(t, xid);
    version_5(t, xid, hertz);
    version_4(t, xid);
    processors(t, xid);
    repairs(t, xid, hertz);
    biases(t, xid)?;
    drop(guest);
    inside(t)
}

fn tick_info(t: &mut Test, xid: u32) {
    t.gives(
        "sched_info 0: only the tick is filled",
        info(0, IMPOSSIBLE).map(|i| (i.cpu_id, i.bucket_id, i.user_msec, i.token_usec != 0)),
        (IMPOSSIBLE, 5, 0xdead, true),
    );
    t.gives(
        "sched_info of a context on a processor",
        info(xid, 0).map(|i| {
            (
                i.cpu_id,
                i.user_msec < 60_000,
                i.hold_msec,
                i.token_usec != 0,
            )
        }),
        (0, true, 0, true),
    );
    for cpu in [IMPOSSIBLE, -1, i32::MIN] {
        t.refused(
            &format!("sched_info of a context on processor {cpu}"),
            info(xid, cpu).map(|_| ()),
            libc::EINVAL,
        );
    }
    for id in [1, 4242, XID_SELF] {
        t.refused(
            &format!("sched_info of id {}", id as i32),
            info(id, 0).map(|_| ()),
            libc::ESRCH,
        );
    }
}

fn version_5(t: &mut Test, xid: u32, hertz: i32) {
    let fresh = SchedV5 {
        mask: 0,
        cpu_id: 0,
        bucket_id: 0,
        fill_rate: [1, 1],
        interval: [4, 8],
        tokens: hertz / 4,
        tokens_min: hertz / 16,
        tokens_max: hertz / 2,
        prio_bias: 0,
    };
    t.gives("a new context", get(xid, 0, 0), fresh);
    t.gives("an empty mask", set(xid, values(0)), 0);
    t.gives("changes nothing", get(xid, 0, 0), fresh);
    t.gives(
        "rate and size",
        set(xid, values(vxsm::FILL_RATE | vxsm::TOKENS_MAX)),
        0,
    );
    t.gives(
        "nothing but these",
        get(xid, 0, 0),
        SchedV5 {
            fill_rate: [3, 1],
            tokens_max: 400,
            ..fresh
        },
    );
    t.gives(
        "everything, and idle time",
        set(xid, values(vxsm::SET_MASK | vxsm::IDLE_TIME)),
        0,
    );
    t.gives("is stored", get(xid, 0, 0), values(vxsm::IDLE_TIME));
    t.gives(
        "a change without idle time",
        set(xid, values(vxsm::TOKENS)),
        0,
    );
    t.gives("ends it", get(xid, vxsm::IDLE_TIME, 0), values(0));
    let mut data = values(vxsm::INTERVAL | vxsm::INTERVAL2 | vxsm::MSEC);
    data.interval = [1000, 4000];
    t.gives("intervals in milliseconds", set(xid, data), 0);
    t.gives(
        "are kept in ticks",
        get(xid, 0, 0).map(|s| s.interval),
        [hertz, 4 * hertz],
    );
    t.gives(
        "and come back",
        get(xid, vxsm::MSEC, 0).map(|s| (s.interval, s.mask)),
        ([1000, 4000], vxsm::MSEC),
    );
    t.gives(
        "at once: no difference for what is stored",
        set(xid, values(vxsm::SET_MASK | vxsm::FORCE)),
        0,
    );
    t.gives("everything is set", get(xid, 0, 0), values(0));
}

fn version_4(t: &mut Test, xid: u32) {
    let mut data = SetSchedV4 {
        set_mask: vxsm::FILL_RATE | vxsm::INTERVAL | vxsm::TOKENS_MIN | vxsm::PRIO_BIAS,
        fill_rate: 30,
        interval: 31,
        tokens: 32,
        tokens_min: 33,
        tokens_max: 34,
        prio_bias: -7,
        cpu_id: 0,
        bucket_id: 0,
    };
    t.gives(
        "version 4",
        context::with(vcmd::SET_SCHED_V4, xid, &mut data),
        0,
    );
    t.gives(
        "version 4 sets what it names",
        get(xid, 0, 0),
        SchedV5 {
            fill_rate: [30, 5],
            interval: [31, 20],
            tokens_min: 33,
            prio_bias: -7,
            ..values(0)
        },
    );
    data.set_mask = !(vxsm::CPU_ID | vxsm::MSEC);
    t.gives(
        "version 4, all bits",
        context::with(vcmd::SET_SCHED_V4, xid, &mut data),
        0,
    );
    t.gives(
        "version 4 knows no idle time",
        get(xid, 0, 0),
        SchedV5 {
            fill_rate: [30, 5],
            interval: [31, 20],
            tokens: 32,
            tokens_min: 33,
            tokens_max: 34,
            prio_bias: -7,
            ..values(0)
        },
    );
    t.gives("put back", set(xid, values(vxsm::SET_MASK)), 0);
}

/// The tokens of all processors, as they are now.
fn tokens(xid: u32) -> Sys<i32> {
    (0..sched::processors()).try_fold(0, |sum, cpu| {
        get(xid, vxsm::CPU_ID, cpu).map(|bucket| sum + bucket.tokens)
    })
}

fn processors(t: &mut Test, xid: u32) {
    let count = sched::processors();
    let mut data = values(vxsm::TOKENS_MIN | vxsm::CPU_ID);
    data.tokens_min = 41;
    t.gives("set one processor", set(xid, data), 0);
    let minimum = |mask, cpu| get(xid, mask, cpu).map(|bucket| bucket.tokens_min);
    t.gives("it has the value", minimum(vxsm::CPU_ID, 0), 41);
    t.gives("the context has not", minimum(0, 0), 40);
    if count > 1 {
        t.gives("the other processor neither", minimum(vxsm::CPU_ID, 1), 40);
    }
    for cpu in [IMPOSSIBLE, -1] {
        data.cpu_id = cpu;
        t.refused(
            &format!("get of processor {cpu}"),
            get(xid, vxsm::CPU_ID, cpu),
            libc::EINVAL,
        );
        t.refused(
            &format!("set of processor {cpu}"),
            set(xid, data),
            libc::EINVAL,
        );
        t.gives(
            &format!("processor {cpu} that the mask does not name"),
            minimum(0, cpu),
            40,
        );
    }
    data.mask = vxsm::TOKENS_MIN;
    data.tokens_min = 42;
    t.gives("set all", set(xid, data), 0);
    t.gives("the processor follows", minimum(vxsm::CPU_ID, 0), 42);

    // Present tokens are one pool. Nothing comes in, and nothing is used.
    let mut data = values(vxsm::FILL_RATE);
    data.fill_rate = [0, 0];
    t.gives("nothing comes in", set(xid, data), 0);
    data.mask = vxsm::TOKENS;
    t.gives("tokens of all", set(xid, data), 0);
    t.gives("each processor counts", tokens(xid), 7 * count);
    t.gives(
        "they have equal parts",
        get(xid, vxsm::CPU_ID, 0).map(|bucket| bucket.tokens),
        7,
    );
    data.mask = vxsm::TOKENS | vxsm::CPU_ID;
    data.tokens = 77;
    t.gives("tokens of one", set(xid, data), 0);
    t.gives("the pool has them", tokens(xid), 77 + 7 * (count - 1));
    t.gives(
        "the setting is as it was",
        get(xid, 0, 0).map(|s| s.tokens),
        7,
    );
    data.mask = vxsm::TOKENS;
    data.tokens = 1000;
    t.gives("more than fits", set(xid, data), 0);
    t.gives("is cut", tokens(xid), 400 * count);
    data.tokens = -5;
    t.gives("a debt", set(xid, data), 0);
    t.gives("is told", tokens(xid), -5 * count);
    t.gives("put back", set(xid, values(vxsm::SET_MASK)), 0);
}

/// Values that make no sense are repaired and not refused.
fn repairs(t: &mut Test, xid: u32, hertz: i32) {
    let mut data = values(vxsm::SET_MASK);
    data.tokens_max = 0;
    data.tokens_min = -1;
    data.fill_rate = [-4, -5];
    data.interval = [0, -7];
    data.prio_bias = 99;
    t.gives("nonsense is accepted", set(xid, data), 0);
    t.gives(
        "and repaired",
        get(xid, 0, 0),
        SchedV5 {
            fill_rate: [0, 0],
            interval: [hertz, hertz],
            tokens_min: hertz / 3,
            tokens_max: hertz,
            prio_bias: 20,
            ..values(0)
        },
    );
    data.tokens_max = 5;
    data.tokens_min = 6;
    t.gives("more needed than there can be", set(xid, data), 0);
    t.gives(
        "becomes all of it",
        get(xid, 0, 0).map(|s| (s.tokens_min, s.tokens_max)),
        (5, 5),
    );
}

fn biases(t: &mut Test, xid: u32) -> Outcome {
    t.gives("bias of all", set_bias(xid, -1, 4), 0);
    t.gives("on the first", bias(xid, 0), 4);
    t.gives("in the settings", get(xid, 0, 0).map(|s| s.prio_bias), 4);
    if sched::processors() > 1 {
        t.gives("on the second", bias(xid, 1), 4);
        t.gives("bias of one", set_bias(xid, 1, -3), 0);
        t.gives("not on the first", bias(xid, 0), 4);
        t.gives("only on the second", bias(xid, 1), -3);
    } else {
        t.note("this machine has one processor: a second one cannot differ");
    }
    for (value, want) in [(21, 20), (i32::MAX, 20), (-21, -20), (i32::MIN, -20)] {
        t.gives(&format!("bias {value}"), set_bias(xid, 0, value), 0);
        t.gives(&format!("bias {value} is limited"), bias(xid, 0), want);
    }
    for cpu in [IMPOSSIBLE, -1, -2] {
        t.refused(
            &format!("get of processor {cpu}"),
            bias(xid, cpu),
            libc::EINVAL,
        );
    }
    for cpu in [IMPOSSIBLE, -2] {
        t.refused(
            &format!("set of processor {cpu}"),
            set_bias(xid, cpu, 1),
            libc::EINVAL,
        );
    }
    let other = Guest::start(t.xid())?;
    t.gives("another context has none", bias(other.xid(), 0), 0);
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let other = Guest::start(t.xid())?;
    let mut guest = Guest::plan(xid).open().start()?;
    t.gives(
        "inside, in setup: set itself",
        guest.ask(|_| set(XID_SELF, values(vxsm::TOKENS)))?,
        0,
    );
    t.gives("host: the value", get(xid, 0, 0).map(|s| s.tokens), 7);
    t.refused(
        "inside, in setup: set another one",
        guest.call(
            |w| set(w.int(0) as u32, values(vxsm::TOKENS)),
            &[i64::from(other.xid())],
        )?,
        libc::EPERM,
    );
    t.refused(
        "inside, in setup: bias of another one",
        guest.call(
            |w| set_bias(w.int(0) as u32, -1, 5),
            &[i64::from(other.xid())],
        )?,
        libc::EPERM,
    );
    t.gives("the other one is as before", bias(other.xid(), 0), 0);
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed: set itself",
        guest.ask(|_| set(XID_SELF, values(vxsm::TOKENS)))?,
        libc::ENOSYS,
    );
    t.gives("control: host: set it", set(xid, values(vxsm::SET_MASK)), 0);
    t.gives("the new values", get(xid, 0, 0), values(0));
    Ok(())
}
