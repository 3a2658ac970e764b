// SPDX-License-Identifier: GPL-2.0

//! The priority bias of a context, and who may be scheduled in real time.

use super::cpu_share::Place;
use crate::harness::check::{Outcome, Test};
use crate::harness::load::Kind;
use crate::harness::{Guest, Load, Need, Stop, Words, context};
use crate::sys::Sys;
use crate::sys::sched::{self, Policy, Whose};
use libvserver::abi::{PrioBias, vcmd, vxf};
use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

const CAP_SYS_NICE: u32 = 23;

pub fn run(t: &mut Test) -> Outcome {
    weights(t)?;
    range(t)?;
    real_time(t)
}

fn set_bias(place: &Place, cpu_id: i32, prio_bias: i32) -> Result<(), Stop> {
    let mut data = PrioBias { cpu_id, prio_bias };
    context::with(vcmd::SET_PRIO_BIAS, place.xid(), &mut data)
        .map(|_| ())
        .need("bias")
}

/// How much more the second one gets on the processor that both share. A machine that stands still
/// lets one of them run meanwhile, so it is tried again when that is not as wanted.
pub fn ratio(one: &Place, other: &Place, wanted: &Range<f64>) -> Result<f64, Stop> {
    for _ in 0..3 {
        let got = ratio_once(one, other)?;
        if wanted.contains(&got) {
            return Ok(got);
        }
    }
    ratio_once(one, other)
}

fn ratio_once(one: &Place, other: &Place) -> Result<f64, Stop> {
    let before = (one.times()?.used(), other.times()?.used());
    sleep(Duration::from_secs(2));
    let after = (one.times()?.used(), other.times()?.used());
    Ok((after.1 - before.1).as_secs_f64() / (after.0 - before.0).as_secs_f64())
}

/// Two contexts compute on one processor.
fn weights(t: &mut Test) -> Outcome {
    let pinned = Kind {
        first_processor: true,
        ..Kind::threads(1)
    };
    let (one, other) = (Place::make(t.xid())?, Place::make(t.xid())?);
    // Groups of tasks share by group first; both are in one.
    let mut loads = [
        Load::start(one.xid(), pinned)?,
        Load::start(other.xid(), pinned)?,
    ];
    for load in &mut loads {
        load.begin();
    }
    let mut between = |what: &str, low: f64, high: f64| -> Outcome {
        let got = ratio(&one, &other, &(low..high))?;
        t.check(
            &format!("{what}: {got:.2}, from {low} to {high}"),
            (low..high).contains(&got),
        );
        Ok(())
    };
    between("no bias", 0.75, 1.35)?;
    // Five steps are a factor of three.
    set_bias(&one, -1, 5)?;
    between("a bias of 5, while it runs", 2.2, 4.2)?;
    set_bias(&other, -1, 5)?;
    between("the same for both", 0.75, 1.35)?;
    set_bias(&one, 0, 0)?;
    between("none on the processor of the first", 0.2, 0.5)?;
    let third = Place::make(t.xid())?;
    set_bias(&third, -1, 10)?;
    let mut late = Load::start(third.xid(), pinned)?;
    one.kill().need("kill")?;
    late.begin();
    let got = ratio(&third, &other, &(2.2..4.2))?;
    t.check(
        &format!("a task that enters has it: {got:.2}, from 2.2 to 4.2"),
        (2.2..4.2).contains(&got),
    );
    for place in [&other, &third] {
        t.ok("kill", place.kill());
    }
    let [first, second] = loads;
    for load in [first, second, late] {
        load.finish()?;
    }
    Ok(())
}

/// Whatever comes together stays a priority, and the tasks see their own.
fn range(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let xid = guest.xid();
    for (bias, nice) in [(20, 19), (-20, -20), (20, -20), (-20, 19)] {
        let mut data = PrioBias {
            cpu_id: -1,
            prio_bias: bias,
        };
        t.gives(
            &format!("bias {bias}"),
            context::with(vcmd::SET_PRIO_BIAS, xid, &mut data),
            0,
        );
        let set = |w: &Words| -> Sys<i32> {
            sched::setpriority(Whose::Process, 0, w.int(0))?;
            sched::getpriority(Whose::Process, 0)
        };
        t.gives(
            &format!("inside: nice {nice} with bias {bias}"),
            guest.call(set, &[nice])?,
            nice as i32,
        );
    }
    Ok(())
}

/// Real time is for guests with the capability only. What it uses is paid for like all else, see
/// the shares.
fn real_time(t: &mut Test) -> Outcome {
    let become_fifo = |_: &Words| sched::setpolicy(0, Policy::Fifo);
    let become_round = |_: &Words| sched::setpolicy(0, Policy::RoundRobin);
    let mut guest = Guest::plan(t.xid()).bcaps(!(1 << CAP_SYS_NICE)).start()?;
    t.refused("inside: SCHED_FIFO", guest.ask(become_fifo)?, libc::EPERM);
    t.refused("inside: SCHED_RR", guest.ask(become_round)?, libc::EPERM);
    t.ok(
        "control: inside: an ordinary class",
        guest.ask(|_| sched::setscheduler(0))?,
    );
    drop(guest);

    let mut guest = Guest::start(t.xid())?;
    t.ok(
        "control: inside, with the capability: SCHED_FIFO",
        guest.ask(become_fifo)?,
    );
    t.ok(
        "and back",
        guest.ask(|_| sched::setpolicy(0, Policy::Other))?,
    );
    context::set_flags(guest.xid(), vxf::SCHED_HARD, vxf::SCHED_HARD).need("flag")?;
    t.ok(
        "a bucket with tokens is in nobody's way",
        guest.ask(become_round)?,
    );
    Ok(())
}
