// SPDX-License-Identifier: GPL-2.0

//! What the tokens of a context are about beyond the hold: idle time, which fills them as well, and
//! the priority that they give.

use super::cpu_bias::ratio;
use super::cpu_share::{Bucket, Place, close};
use crate::harness::check::{Outcome, Test};
use crate::harness::load::Kind;
use crate::harness::{Guest, Load, Need, Stop, Words, context, wait};
use crate::sys::sched;
use crate::sys::{Sys, files};
use libvserver::abi::{SchedInfo, SchedV5, SetSchedV4, XID_SELF, vcmd, vxf, vxsm};
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What comes in without idle time, of one processor.
const PERCENT: i32 = 5;
/// What nobody gets with this and no idle time, and who uses idle time surely does.
const HALF: f64 = 0.5;
const MUCH: Range<f64> = HALF..9.0;
/// The plain share and what is used before the first hold, generously.
const LITTLE: f64 = 0.2;
/// How often something is measured until it is as wanted.
const TRIES: u32 = 8;

const PINNED: Kind = Kind {
    threads: 1,
    policy: sched::Policy::Other,
    first_processor: true,
};

pub fn run(t: &mut Test) -> Outcome {
    alone(t)?;
    beside(t)?;
    shares(t)?;
    elsewhere(t)?;
    pause(t)?;
    told(t)?;
    corrections(t)?;
    weights(t)?;
    inside(t)
}

/// Settings of a bucket, with idle time or without, `[1]` of both for it.
fn set(xid: u32, fill_rate: [i32; 2], interval: [i32; 2], idle: bool) -> Sys<u32> {
    let mut data = SchedV5 {
        mask: vxsm::FILL_RATE | vxsm::FILL_RATE2 | vxsm::INTERVAL | vxsm::INTERVAL2,
        fill_rate,
        interval,
        ..SchedV5::default()
    };
    if idle {
        data.mask |= vxsm::IDLE_TIME;
    }
    context::with(vcmd::SET_SCHED, xid, &mut data)
}

/// An empty bucket of which a twentieth of a processor comes in.
fn poor(t: &mut Test) -> Result<Place, Stop> {
    let place = Place::make(t.xid())?;
    place.bucket(Bucket::empty(PERCENT))?;
    place.flag(vxf::SCHED_HARD, true)?;
    Ok(place)
}

/// The second rate: that of the first or another, with idle time or without.
fn idle(place: &Place, rate: i32, on: bool) -> Outcome {
    let interval = 100 * sched::processors();
    set(place.xid(), [PERCENT, rate], [interval, interval], on).need("idle time")?;
    Ok(())
}

/// What a context uses of one processor. A machine that stands still lets it run meanwhile, or not, so
/// it is measured again when that is not as wanted.
fn part(t: &Test, place: &Place, wanted: &Range<f64>) -> Result<f64, Stop> {
    for _ in 1..TRIES {
        let got = part_once(t, place)?;
        if wanted.contains(&got) {
            return Ok(got);
        }
    }
    part_once(t, place)
}

fn part_once(t: &Test, place: &Place) -> Result<f64, Stop> {
    let (from, before) = (Instant::now(), place.times()?.used());
    sleep(t.scale().span() * 3);
    let used = place.times()?.used() - before;
    Ok(used.as_secs_f64() / from.elapsed().as_secs_f64())
}

/// On a machine where nobody else has something to do, idle time is as good as any.
fn alone(t: &mut Test) -> Outcome {
    let place = poor(t)?;
    let mut load = Load::start(place.xid(), Kind::threads(1))?;
    load.begin();
    let mut between = |what: &str, low: f64, high: f64| -> Outcome {
        let got = part(t, &place, &(low..high))?;
        t.check(
            &format!("alone: {what}: {got:.3}, from {low} to {high}"),
            (low..high).contains(&got),
        );
        Ok(())
    };
    between("control: without idle time", 0.0, LITTLE)?;
    idle(&place, PERCENT, true)?;
    between("with it, while the task is on hold", HALF, 1.1)?;
    idle(&place, 0, true)?;
    between("with a second rate of 0", 0.0, LITTLE)?;
    idle(&place, 1, true)?;
    between("with a low one", HALF, 1.1)?;
    idle(&place, PERCENT, false)?;
    between("without it again", 0.0, LITTLE)?;
    idle(&place, PERCENT, true)?;
    between("and with it", HALF, 1.1)?;
    // Version 4 knows no idle time, which is the same as not asking for it.
    let mut data = SetSchedV4::default();
    context::with(vcmd::SET_SCHED_V4, place.xid(), &mut data).need("version 4")?;
    between("after a change by version 4", 0.0, LITTLE)?;
    t.ok("alone: kill", place.kill());
    load.finish()?;
    Ok(())
}

/// While all processors have something to do, there is no idle time.
fn beside(t: &mut Test) -> Outcome {
    let all = Kind::threads(sched::processors() as u32);
    // Each of the others has to find its processor first.
    waits_for(t, "beside others", all, Kind::threads(1))
}

/// A processor that a task may not run on is of no use to it.
fn elsewhere(t: &mut Test) -> Outcome {
    if sched::processors() < 2 {
        t.skip("idle time of another processor", "there is only one");
        return Ok(());
    }
    waits_for(t, "elsewhere", PINNED, PINNED)
}

/// A context gets no idle time while the host has something to do, and all of it afterwards.
fn waits_for(t: &mut Test, what: &str, host: Kind, own: Kind) -> Outcome {
    let place = poor(t)?;
    idle(&place, PERCENT, true)?;
    let mut busy = Load::start(0, host)?;
    busy.begin();
    let mut load = Load::start(place.xid(), own)?;
    load.begin();
    let got = part(t, &place, &(0.0..LITTLE))?;
    t.check(&format!("{what}: {got:.3}, below {LITTLE}"), got < LITTLE);
    crate::sys::process::kill(busy.pid(), libc::SIGKILL).need("kill")?;
    busy.finish()?;
    let got = part(t, &place, &MUCH)?;
    t.check(
        &format!("{what}: {got:.3} when they are gone, above {HALF}"),
        got > HALF,
    );
    t.ok(&format!("{what}: kill"), place.kill());
    load.finish()?;
    Ok(())
}

/// Two contexts that live on the idle time of one processor divide it by their second rates.
fn shares(t: &mut Test) -> Outcome {
    let mut places = Vec::new();
    for rate in [3, 1] {
        let place = Place::make(t.xid())?;
        place.bucket(Bucket::empty(0))?;
        set(place.xid(), [0, rate], [100, 100], true).need("idle time")?;
        place.flag(vxf::SCHED_HARD, true)?;
        let mut load = Load::start(place.xid(), PINNED)?;
        load.begin();
        places.push((place, load));
    }
    // Nothing else comes in, so every nanosecond is one of idle time.
    sleep(t.scale().span());
    let used = |index: usize| -> Result<Duration, Stop> { Ok(places[index].0.times()?.used()) };
    let (from, before) = (Instant::now(), [used(0)?, used(1)?]);
    sleep(t.scale().span() * 10);
    let elapsed = from.elapsed().as_secs_f64();
    let more = [used(0)? - before[0], used(1)? - before[1]].map(|time| time.as_secs_f64());
    let sum = more[0] + more[1];
    t.check(
        &format!("shares: together {sum:.3} s of {elapsed:.3} s"),
        sum > elapsed * HALF && sum < elapsed * 1.1,
    );
    close(t, "shares: three quarters", more[0], sum * 0.75, sum * 0.1);
    for (place, load) in places {
        t.ok("shares: kill", place.kill());
        load.finish()?;
    }
    Ok(())
}

/// Idle or not, who is to pause does.
fn pause(t: &mut Test) -> Outcome {
    let place = poor(t)?;
    idle(&place, PERCENT, true)?;
    let mut load = Load::start(place.xid(), Kind::threads(2))?;
    load.begin();
    place.flag(vxf::SCHED_PAUSE, true)?;
    let quiet = wait::until(Duration::from_secs(10), || place.held());
    t.check("pause: they are on hold", quiet);
    let got = part(t, &place, &(0.0..0.05))?;
    t.check(&format!("pause: {got:.3}"), got < 0.05);
    place.flag(vxf::SCHED_PAUSE, false)?;
    let got = part(t, &place, &MUCH)?;
    t.check(&format!("after it: {got:.3}, above {HALF}"), got > HALF);
    t.ok("pause: kill", place.kill());
    load.finish()?;
    Ok(())
}

/// A word of the first processor's line in the file of the scheduler.
fn word(place: &Place, index: usize) -> Result<String, Stop> {
    let text = files::read(&format!("/proc/virtual/{}/sched", place.xid())).need("sched")?;
    let line = text.lines().find_map(|line| line.strip_prefix("cpu 0: "));
    let word = line.and_then(|line| line.split(' ').nth(index));
    word.map(str::to_owned).need("a word of processor 0")
}

/// The clock of idle time and the switch are told.
fn told(t: &mut Test) -> Outcome {
    const CLOCK: usize = 4;
    const STATE: usize = 5;
    let place = poor(t)?;
    t.check("told: no idle time", word(&place, STATE)?.ends_with('-'));
    idle(&place, PERCENT, true)?;
    t.check("told: idle time", word(&place, STATE)?.ends_with('I'));
    let clock = || -> Result<u64, Stop> { word(&place, CLOCK)?.parse().ok().need("a number") };
    let before = clock()?;
    let mut load = Load::start(place.xid(), Kind::threads(1))?;
    load.begin();
    let moved = wait::until(Duration::from_secs(10), || {
        clock().is_ok_and(|now| now > before)
    });
    t.check("told: its clock goes on while somebody uses it", moved);
    t.ok("told: kill", place.kill());
    load.finish()?;
    let stands = clock()?;
    sleep(t.scale().span());
    t.equal("told: it stands while nobody waits", clock()?, stands);
    Ok(())
}

/// A bucket in which so much of `max` is, and that nothing comes into.
fn filled(place: &Place, tokens: i32, max: i32) -> Outcome {
    place.bucket(Bucket {
        tokens,
        max,
        ..Bucket::empty(0)
    })
}

fn correction(place: &Place) -> Result<i32, Stop> {
    let mut data = SchedInfo::default();
    context::with(vcmd::SCHED_INFO, place.xid(), &mut data).need("sched_info")?;
    let shown: i32 = word(place, 12)?.parse().ok().need("a number")?;
    if shown != data.vavavoom {
        return Err(Stop::Fail(format!(
            "the file tells {shown}, the call {}",
            data.vavavoom
        )));
    }
    Ok(data.vavavoom)
}

/// The tokens of a context with SCHED_PRIO correct the priority of its tasks.
fn corrections(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    filled(&place, 1000, 1000)?;
    t.equal("correction without the flag", correction(&place)?, 0);
    place.flag(vxf::SCHED_PRIO, true)?;
    // By the formula of the specification, in nice steps.
    for (tokens, want) in [(1000, -5), (500, 0), (250, 6), (0, 15), (-10, 0)] {
        filled(&place, tokens, 1000)?;
        t.equal(
            &format!("correction by {tokens} tokens of 1000"),
            correction(&place)?,
            want,
        );
    }
    place.flag(vxf::SCHED_PRIO, false)?;
    filled(&place, 0, 1000)?;
    t.equal("correction when the flag is gone", correction(&place)?, 0);
    Ok(())
}

/// Who has many tokens left gets more of the processor than who has few.
fn weights(t: &mut Test) -> Outcome {
    /// So many that what is used meanwhile does not count.
    const MANY: i32 = 1_000_000;
    let places = [Place::make(t.xid())?, Place::make(t.xid())?];
    filled(&places[0], MANY, MANY)?;
    filled(&places[1], MANY / 4, MANY)?;
    let mut loads = [
        Load::start(places[0].xid(), PINNED)?,
        Load::start(places[1].xid(), PINNED)?,
    ];
    for load in &mut loads {
        load.begin();
    }
    let mut between = |what: &str, low: f64, high: f64| -> Outcome {
        let got = ratio(&places[1], &places[0], &(low..high))?;
        t.check(
            &format!("weights: {what}: {got:.2}, from {low} to {high}"),
            (low..high).contains(&got),
        );
        Ok(())
    };
    between("without the flag", 0.7, 1.45)?;
    places[0].flag(vxf::SCHED_PRIO, true)?;
    // All but a little: four steps, a factor of two and a half.
    between("with it for the one that has all", 1.8, 3.5)?;
    places[1].flag(vxf::SCHED_PRIO, true)?;
    // Ten are one of more than nine.
    between("and for the one that has a quarter", 6.0, 14.0)?;
    filled(&places[1], MANY, MANY)?;
    between("which gets the rest", 0.7, 1.45)?;
    filled(&places[0], MANY / 4, MANY)?;
    for place in &places {
        place.flag(vxf::SCHED_PRIO, false)?;
    }
    between("without the flags again", 0.7, 1.45)?;
    for place in &places {
        t.ok("weights: kill", place.kill());
    }
    for load in loads {
        load.finish()?;
    }
    Ok(())
}

/// All this is the host's to say.
fn inside(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let ask = |_: &Words| set(XID_SELF, [1, 1], [1, 1], true).map(|_| ());
    t.refused(
        "inside: idle time for itself",
        guest.ask(ask)?,
        libc::ENOSYS,
    );
    t.ok(
        "control: the host",
        set(guest.xid(), [1, 1], [1, 1], true).map(|_| ()),
    );
    Ok(())
}
