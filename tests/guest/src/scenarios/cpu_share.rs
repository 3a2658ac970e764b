// SPDX-License-Identifier: GPL-2.0

//! Processor time of a context: how much its bucket lets it use, and what it is told to have used.
//!
//! What a process has used comes from wait4(2), what it may use from the clock and the bucket.
//! Nothing here depends on how much is done in that time.

use crate::harness::check::{Outcome, Test};
use crate::harness::load::Kind;
use crate::harness::{Exit, Load, Need, Stop, context, subprocess, wait};
use crate::limits::{Flavour, GONE_WITHIN};
use crate::sys::sched::{self, Policy};
use crate::sys::{Sys, files};
use libvserver::abi::{SchedInfo, SchedV5, vcmd, vxf, vxsm};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A context that stays without tasks until it is dropped.
pub struct Place(u32);

impl Place {
    pub fn make(xid: u32) -> Result<Self, Stop> {
        let flags = vxf::INIT_SET | vxf::PERSISTENT | vxf::STATE_SETUP;
        subprocess(|| context::create(xid, flags))?.need("context")?;
        context::set_flags(xid, 0, vxf::STATE_SETUP).need("seal")?;
        Ok(Self(xid))
    }

    pub fn xid(&self) -> u32 {
        self.0
    }

    /// Sets or clears a flag.
    pub fn flag(&self, flag: u64, on: bool) -> Result<(), Stop> {
        context::set_flags(self.0, if on { flag } else { 0 }, flag).need("flag")
    }

    /// Ends all tasks.
    pub fn kill(&self) -> Sys<()> {
        context::kill(self.0, 0, libc::SIGKILL)
    }

    /// Fills the bucket as planned. The flag SCHED_HARD is another matter.
    pub fn bucket(&self, bucket: Bucket) -> Result<(), Stop> {
        let mut data = SchedV5 {
            mask: vxsm::FILL_RATE
                | vxsm::INTERVAL
                | vxsm::TOKENS
                | vxsm::TOKENS_MIN
                | vxsm::TOKENS_MAX,
            fill_rate: [bucket.percent, 1],
            interval: [100 * sched::processors(), 1],
            tokens: bucket.tokens,
            tokens_min: bucket.min,
            tokens_max: bucket.max,
            ..SchedV5::default()
        };
        context::with(vcmd::SET_SCHED, self.0, &mut data)
            .map(|_| ())
            .need("set the bucket")
    }

    /// Present tokens of all processors.
    pub fn tokens(&self) -> Result<i64, Stop> {
        (0..sched::processors()).try_fold(0, |sum, cpu_id| {
            let mut data = SchedV5 {
                mask: vxsm::CPU_ID,
                cpu_id,
                ..SchedV5::default()
            };
            context::with(vcmd::GET_SCHED, self.0, &mut data).need("tokens")?;
            Ok(sum + i64::from(data.tokens))
        })
    }

    /// Times of all processors.
    pub fn times(&self) -> Result<Times, Stop> {
        (0..sched::processors()).try_fold(Times::default(), |sum, cpu| {
            let info = info(self.0, cpu).need("times")?;
            Ok(Times {
                user: sum.user + Duration::from_millis(info.user_msec),
                system: sum.system + Duration::from_millis(info.sys_msec),
                hold: sum.hold + Duration::from_millis(info.hold_msec),
            })
        })
    }

    /// Whether the tasks are on hold.
    pub fn held(&self) -> bool {
        files::read(&format!("/proc/virtual/{}/sched", self.0))
            .is_ok_and(|text| text.lines().filter(|line| line.contains(" H")).count() > 0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        context::end(self.0);
        wait::until(GONE_WITHIN, || context::info(self.0) == Err(libc::ESRCH));
    }
}

/// Settings; tokens by processor.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// What comes in on all processors together, of the time of one.
    pub percent: i32,
    pub tokens: i32,
    pub min: i32,
    pub max: i32,
}

impl Bucket {
    /// Nothing in it, and nothing that cuts what comes.
    pub fn empty(percent: i32) -> Self {
        Self {
            percent,
            tokens: 0,
            min: 2,
            max: 1_000_000,
        }
    }
}

/// What a context was told to have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub user: Duration,
    pub system: Duration,
    pub hold: Duration,
}

impl Times {
    pub fn used(self) -> Duration {
        self.user + self.system
    }
}

fn info(xid: u32, cpu_id: i32) -> Sys<SchedInfo> {
    let mut data = SchedInfo {
        cpu_id,
        ..SchedInfo::default()
    };
    context::with(vcmd::SCHED_INFO, xid, &mut data).map(|_| data)
}

/// Length of a tick and of a token.
pub fn tick() -> Result<Duration, Stop> {
    let tick = info(0, 0).need("length of a tick")?.token_usec;
    Ok(Duration::from_micros(tick.into()))
}

/// So many tokens in seconds.
pub fn seconds(tokens: i64) -> Result<f64, Stop> {
    Ok(tokens as f64 * tick()?.as_secs_f64())
}

/// The tokens per processor for so much time.
fn tokens_for(time: Duration) -> Result<i32, Stop> {
    Ok((time.as_secs_f64() / tick()?.as_secs_f64()) as i32 / sched::processors())
}

/// Checks that two times differ by at most so much; all in seconds.
pub fn close(t: &mut Test, what: &str, got: f64, want: f64, most: f64) {
    t.check(
        &format!("{what}: {got:.3} s of {want:.3} s"),
        (got - want).abs() <= most,
    );
}

pub fn run(t: &mut Test) -> Outcome {
    let span = t.scale().share();
    for percent in [10, 50, 150] {
        for threads in [1, 4, 64] {
            share(t, percent, Kind::threads(threads), span)?;
        }
    }
    let real_time = Kind {
        policy: Policy::RoundRobin,
        ..Kind::threads(1)
    };
    share(t, 10, real_time, span / 2)?;
    burst(t)?;
    maximum(t)?;
    without_the_flag(t)?;
    accounts(t)
}

/// What so many threads use and only one of both knows: wait4(2) what the process used while it
/// entered, the bucket what each thread used after its times went to its process. It is microseconds,
/// but for checkers that look at all that is made and given back.
fn unseen(t: &Test, threads: u32) -> Duration {
    match t.scale().flavour {
        Flavour::Release => Duration::from_millis(5) + Duration::from_micros(200) * threads,
        Flavour::Debug => Duration::from_millis(10) + Duration::from_millis(2) * threads,
    }
}

/// Over a span the tasks get what was there and what comes in; what is left or owed at its end is
/// told.
fn share(t: &mut Test, percent: i32, kind: Kind, span: Duration) -> Outcome {
    let what = format!(
        "{percent} % for {} threads ({:?})",
        kind.threads, kind.policy
    );
    let place = Place::make(t.xid())?;
    // Entering and starting threads is paid for as well.
    place.flag(vxf::SCHED_HARD, true)?;
    place.bucket(Bucket {
        tokens: tokens_for(Duration::from_millis(300))?,
        ..Bucket::empty(percent)
    })?;
    let from = Instant::now();
    let full = seconds(place.tokens()?)?;
    let mut load = Load::start(place.xid(), kind)?;
    load.begin();
    sleep(span);
    let held = place.times()?.hold.as_secs_f64();
    t.ok(&format!("{what}: kill"), place.kill());
    let (exit, used) = load.finish()?;
    let left = place.tokens()?;
    let elapsed = from.elapsed().as_secs_f64();
    t.equal(&format!("{what}: end"), exit, Exit::Signal(libc::SIGKILL));

    let rate = f64::from(percent) / 100.0;
    let used = used.as_secs_f64();
    // A token that has come in part is not told.
    let left = seconds(left)? + tick()?.as_secs_f64() / 2.0;
    close(
        t,
        &format!("{what}: used and what came"),
        used - full,
        elapsed * rate - left,
        (0.02 * elapsed * rate).max(0.01) + unseen(t, kind.threads).as_secs_f64(),
    );
    t.note(format!(
        "{what}: {:.2} % in {elapsed:.2} s, {left:.3} s left, {held:.2} s on hold",
        (used - full) / elapsed * 100.0,
    ));
    let processors = f64::from(kind.threads.min(sched::processors() as u32));
    let possible = (full + rate * elapsed).min(processors * elapsed);
    t.check(
        &format!("{what}: not far less than that"),
        used >= possible * 0.85,
    );
    // What a tick that comes late lets through is owed, as checked above, and little of the span.
    t.check(
        &format!("{what}: not far more than that"),
        used <= possible * 1.1 + 0.1 * elapsed,
    );
    // Without a rate that stops it a context is never on hold.
    if rate < processors {
        t.check(
            &format!("{what}: it was on hold"),
            held > (elapsed - possible / processors) / 2.0,
        );
    } else {
        t.check(&format!("{what}: it was not on hold"), held == 0.0);
    }
    Ok(())
}

/// What is in the bucket is used first, by all threads that there are.
fn burst(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    let tokens = tokens_for(Duration::from_secs(1))?;
    place.bucket(Bucket {
        percent: 0,
        tokens,
        min: 1,
        max: tokens,
    })?;
    let full = seconds(place.tokens()?)?;
    place.flag(vxf::SCHED_HARD, true)?;
    t.check("a full bucket: not on hold", !place.held());
    let load = Load::run(place.xid(), 4)?;
    t.check(
        "a full bucket: it comes to its end",
        wait::until(GONE_WITHIN * 3, || place.held()),
    );
    sleep(Duration::from_millis(300));
    // Each of them looks now and then.
    let more = wait::least(Duration::from_millis(25), || {
        let stopped = place.times()?.used();
        sleep(Duration::from_millis(500));
        Ok(place.times()?.used() - stopped)
    })?;
    t.check(
        &format!("an empty bucket: nothing more is used, {more:?}"),
        more < Duration::from_millis(25),
    );
    let left = seconds(place.tokens()?)?;
    // A machine that stands still while they run has let them run.
    t.check(
        &format!("a full bucket: and little more, {left:.3} s"),
        left <= 0.0 && left > -0.8,
    );
    place.kill().need("kill")?;
    let (_, used) = load.finish()?;
    let left = seconds(place.tokens()?)? + tick()?.as_secs_f64() / 2.0;
    close(
        t,
        "a full bucket: all of it is used",
        used.as_secs_f64(),
        full - left,
        0.02 + unseen(t, 4).as_secs_f64(),
    );
    Ok(())
}

/// What does not fit is lost.
fn maximum(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    place.bucket(Bucket {
        max: 9,
        ..Bucket::empty(400)
    })?;
    sleep(Duration::from_millis(300));
    t.equal(
        "the bucket is full",
        place.tokens()?,
        9 * i64::from(sched::processors()),
    );
    Ok(())
}

/// Without SCHED_HARD an empty bucket stops nobody.
fn without_the_flag(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    place.bucket(Bucket::empty(0))?;
    place.flag(vxf::SCHED_PRIO, true)?;
    let from = Instant::now();
    let load = Load::run(place.xid(), 1)?;
    sleep(Duration::from_secs(1));
    place.kill().need("kill")?;
    let (_, used) = load.finish()?;
    let elapsed = from.elapsed();
    t.check(
        &format!("without the flag: {used:?} of {elapsed:?}"),
        used.as_secs_f64() > 0.5 * elapsed.as_secs_f64().min(1.0),
    );
    t.equal(
        "without the flag: no time on hold",
        place.times()?.hold,
        Duration::ZERO,
    );
    let owed = -seconds(place.tokens()?)?;
    close(
        t,
        "SCHED_PRIO alone: tokens are used",
        owed,
        used.as_secs_f64(),
        0.02 + unseen(t, 1).as_secs_f64(),
    );
    Ok(())
}

/// What is told is what the parent of the tasks is told, and never goes back.
fn accounts(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    let before = place.times()?;
    t.check(
        &format!("who made the context has used little of it: {before:?}"),
        before.used() < Duration::from_millis(100),
    );
    let load = Load::run(place.xid(), 3)?;
    let end = Instant::now() + Duration::from_secs(2);
    let (mut last, mut back) = (before, 0);
    while Instant::now() < end {
        let now = place.times()?;
        if now.user < last.user || now.system < last.system || now.hold < last.hold {
            back += 1;
        }
        last = now;
        sleep(Duration::from_millis(5));
    }
    t.equal("no time goes back", back, 0);
    place.kill().need("kill")?;
    let (_, used) = load.finish()?;
    let after = place.times()?;
    let told = after.used().saturating_sub(before.used());
    // What has not met a tick yet is not told, and whole milliseconds are.
    let ticks = tick()? * (1 + sched::processors() as u32);
    t.check(
        &format!("all that was used is told: {told:?} of {used:?}"),
        told.abs_diff(used) <= ticks + unseen(t, 3) + used / 50,
    );
    t.check(
        // What interrupts a loop is slow on an instrumented kernel.
        &format!("mostly in user mode: {after:?}"),
        after.user > after.system,
    );
    t.equal("none on hold", after.hold, Duration::ZERO);

    let text = files::read(&format!("/proc/virtual/{}/sched", place.xid())).need("sched")?;
    let user: u64 = text
        .lines()
        .filter(|line| line.starts_with("cpu "))
        .filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok())
        .sum();
    let ticks = (after.user.as_secs_f64() / tick()?.as_secs_f64()) as u64;
    t.check(
        &format!("the file tells the same in ticks: {user} and {ticks}"),
        user.abs_diff(ticks) <= 2,
    );
    Ok(())
}
