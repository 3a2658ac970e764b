// SPDX-License-Identifier: GPL-2.0

//! Tasks of a context without tokens, or of one that is paused, wait. Nothing that they do or that
//! is done to them lets them run, all that should ends the wait, and nobody else waits.

use super::cpu_share::{Bucket, Place, close, seconds, tick};
use crate::harness::check::{Outcome, Test};
use crate::harness::load::Kind;
use crate::harness::root::PROGRAM;
use crate::harness::{Child, Exit, Load, Need, Stop, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, code, files, process, sched, sys};
use libvserver::abi::{SchedV5, vcmd, vxf, vxsm};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long something is watched that shall not happen.
const WHILE: Duration = Duration::from_millis(500);
/// What tasks on hold may use in that time: they look once a second whether tokens have come.
const LOOKING: Duration = Duration::from_millis(25);

pub fn run(t: &mut Test) -> Outcome {
    pause(t)?;
    kill(t)?;
    changes(t)?;
    signals(t)?;
    tracer(t)?;
    for (name, start) in STORMS {
        storm(t, name, start)?;
    }
    host(t)?;
    processors(t)?;
    freezer(t)
}

/// Waits until the tasks of a context do not run any more, and checks that it stays so.
fn stands(t: &mut Test, place: &Place, what: &str) -> Outcome {
    let mut last = place.times()?.used();
    let stopped = wait::until(GONE_WITHIN, || {
        sleep(Duration::from_millis(100));
        let now = place.times().map(|times| times.used()).unwrap_or_default();
        now - std::mem::replace(&mut last, now) < LOOKING / 2
    });
    t.check(&format!("{what}: it stops"), stopped);
    stays(t, place, what)
}

/// Checks that the tasks of a context use nothing for a while.
fn stays(t: &mut Test, place: &Place, what: &str) -> Outcome {
    let before = place.times()?;
    let used = used_while(place)?;
    let after = place.times()?;
    t.check(&format!("{what}: it stays, {used:?}"), used < LOOKING);
    t.check(
        &format!("{what}: that is time on hold"),
        after.hold - before.hold >= WHILE / 2,
    );
    Ok(())
}

/// What the tasks of a context use in a while, at least.
fn used_while(place: &Place) -> Result<Duration, Stop> {
    wait::least(LOOKING, || {
        let before = place.times()?.used();
        sleep(WHILE);
        Ok(place.times()?.used() - before)
    })
}

/// Checks that the tasks of a context run.
fn moves(t: &mut Test, place: &Place, what: &str) -> Outcome {
    moves_from(t, place, place.times()?.used(), what)
}

/// Checks that they have run since they had used so much.
fn moves_from(t: &mut Test, place: &Place, before: Duration, what: &str) -> Outcome {
    let moved = wait::until(GONE_WITHIN, || {
        place
            .times()
            .is_ok_and(|times| times.used() > before + Duration::from_millis(50))
    });
    t.check(&format!("{what}: it runs"), moved);
    Ok(())
}

/// A context that nothing comes in for, and its tasks.
fn exhausted(t: &mut Test, threads: u32) -> Result<(Place, Load), Stop> {
    let place = Place::make(t.xid())?;
    let mut load = Load::start(place.xid(), Kind::threads(threads))?;
    place.bucket(Bucket::empty(0))?;
    place.flag(vxf::SCHED_HARD, true)?;
    load.begin();
    Ok((place, load))
}

fn end(t: &mut Test, place: &Place, load: Load, what: &str) -> Outcome {
    t.ok(&format!("{what}: kill"), place.kill());
    let (exit, _) = load.finish()?;
    t.equal(&format!("{what}: end"), exit, Exit::Signal(libc::SIGKILL));
    Ok(())
}

fn pause(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    let load = Load::run(place.xid(), 2)?;
    moves(t, &place, "before the pause")?;
    place.flag(vxf::SCHED_PAUSE, true)?;
    stands(t, &place, "pause")?;
    t.check("pause: it is told", place.held());

    // Who enters is stopped as well.
    let xid = place.xid();
    let mut entered = Child::start(|| match context::migrate(xid, 0) {
        Ok(()) => loop {
            std::hint::spin_loop();
        },
        Err(error) => error,
    })?;
    t.check(
        "pause: a task can enter",
        wait::until(GONE_WITHIN, || {
            context::stat(xid).is_ok_and(|stat| stat.tasks == 4)
        }),
    );
    stands(t, &place, "pause, a task has entered")?;
    t.ok(
        "pause: kill it",
        context::kill(xid, entered.pid(), libc::SIGKILL),
    );
    t.equal(
        "pause: it ends",
        entered.wait()?,
        Exit::Signal(libc::SIGKILL),
    );

    place.flag(vxf::SCHED_PAUSE, false)?;
    moves(t, &place, "after the pause")?;
    t.check("after the pause: it is told", !place.held());
    place.flag(vxf::SCHED_PAUSE, true)?;
    stands(t, &place, "second pause")?;
    end(t, &place, load, "second pause")
}

fn kill(t: &mut Test) -> Outcome {
    let (place, load) = exhausted(t, 64)?;
    stands(t, &place, "64 threads without tokens")?;
    t.ok("64 threads: kill", place.kill());
    t.check(
        "64 threads: they are gone at once",
        load.ends_within(GONE_WITHIN),
    );
    t.equal(
        "64 threads: end",
        load.finish()?.0,
        Exit::Signal(libc::SIGKILL),
    );
    // Nobody keeps a context that has no tasks.
    let xid = place.xid();
    context::end(xid);
    t.check(
        "the context ends",
        wait::until(GONE_WITHIN, || context::info(xid) == Err(libc::ESRCH)),
    );
    Ok(())
}

/// Everything that gives a context its tokens back lets the tasks go on.
fn changes(t: &mut Test) -> Outcome {
    let (place, load) = exhausted(t, 2)?;
    stands(t, &place, "no tokens")?;
    let before = place.times()?.used();
    place.bucket(Bucket {
        tokens: 100,
        ..Bucket::empty(0)
    })?;
    moves_from(t, &place, before, "tokens were given")?;
    stands(t, &place, "they are used up")?;
    place.bucket(Bucket::empty(100))?;
    moves(t, &place, "a rate was given")?;
    place.bucket(Bucket::empty(0))?;
    stands(t, &place, "and taken")?;
    place.flag(vxf::SCHED_HARD, false)?;
    moves(t, &place, "the flag is gone")?;
    place.flag(vxf::SCHED_HARD, true)?;
    stands(t, &place, "the flag is back")?;
    place.flag(vxf::SCHED_PAUSE, true)?;
    place.flag(vxf::SCHED_HARD, false)?;
    stays(t, &place, "the other flag instead")?;
    place.flag(vxf::SCHED_PAUSE, false)?;
    moves(t, &place, "no flag any more")?;
    end(t, &place, load, "changes")
}

/// Signals wait as the task does, but one.
fn signals(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    let xid = place.xid();
    let mut child = Child::start(|| {
        // Its handler runs in user mode, every few milliseconds.
        let ready = process::interrupt_often(true).and_then(|()| context::migrate(xid, 0));
        match ready {
            Ok(()) => loop {
                std::hint::spin_loop();
            },
            Err(error) => error,
        }
    })?;
    moves(t, &place, "signals, before")?;
    place.bucket(Bucket::empty(0))?;
    place.flag(vxf::SCHED_HARD, true)?;
    stands(t, &place, "a timer signals it")?;
    let used = wait::least(LOOKING, || {
        let before = place.times()?.used();
        for signal in [libc::SIGSTOP, libc::SIGCONT, libc::SIGALRM, libc::SIGTSTP] {
            for _ in 0..50 {
                context::kill(xid, child.pid(), signal).need("signal")?;
            }
            sleep(Duration::from_millis(20));
        }
        context::kill(xid, child.pid(), libc::SIGCONT).need("go on")?;
        Ok(place.times()?.used() - before)
    })?;
    t.check(&format!("signals from outside, {used:?}"), used < LOOKING);
    stays(t, &place, "after the signals")?;
    place.flag(vxf::SCHED_HARD, false)?;
    moves(t, &place, "after all that")?;
    place.flag(vxf::SCHED_HARD, true)?;
    stands(t, &place, "once more")?;
    t.ok(
        "a signal that kills",
        context::kill(xid, child.pid(), libc::SIGKILL),
    );
    t.equal("ends it", child.wait()?, Exit::Signal(libc::SIGKILL));

    // Others end a process at once too, when they alone are there and nothing handles them.
    let (place, load) = exhausted(t, 2)?;
    stands(t, &place, "before SIGTERM")?;
    t.ok(
        "SIGTERM",
        context::kill(place.xid(), load.pid(), libc::SIGTERM),
    );
    t.equal("ends it", load.finish()?.0, Exit::Signal(libc::SIGTERM));
    Ok(())
}

/// A tracer gets nothing out of a task on hold.
fn tracer(t: &mut Test) -> Outcome {
    let place = Place::make(t.xid())?;
    let xid = place.xid();
    let mut child = Child::start(|| {
        // SAFETY: plain numbers.
        let traced = sys(unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) });
        match traced.and_then(|_| context::migrate(xid, 0)) {
            Ok(()) => loop {
                std::hint::spin_loop();
            },
            Err(error) => error,
        }
    })?;
    moves(t, &place, "traced, before")?;
    place.bucket(Bucket::empty(0))?;
    place.flag(vxf::SCHED_HARD, true)?;
    stands(t, &place, "traced")?;
    let stopped = || {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        unsafe { libc::waitpid(child.pid(), &mut status, libc::WNOHANG) == child.pid() }
    };
    t.ok(
        "traced: signal",
        context::kill(xid, child.pid(), libc::SIGUSR1),
    );
    stays(t, &place, "traced, after a signal")?;
    t.check("traced: it does not stop for the tracer", !stopped());
    place.flag(vxf::SCHED_HARD, false)?;
    t.check(
        "traced: control: with tokens it does",
        wait::until(GONE_WITHIN, stopped),
    );
    place.kill().need("kill")?;
    t.equal("traced: end", child.wait()?, Exit::Signal(libc::SIGKILL));
    Ok(())
}

/// Goes on for ever, or fails.
type Storm = fn() -> Sys<()>;

/// What a guest can do to be new, or away, whenever somebody looks.
const STORMS: [(&str, Storm); 5] = [
    ("forks", forks),
    ("links", links),
    ("threads", threads),
    ("executions", executions),
    ("naps", naps),
];

fn forks() -> Sys<()> {
    loop {
        // SAFETY: single-threaded; the child does the same.
        match unsafe { libc::fork() } {
            0 => continue,
            // SAFETY: no precondition.
            -1 => unsafe {
                libc::sched_yield();
            },
            // SAFETY: ends the parent; the child goes on.
            _ => unsafe { libc::_exit(0) },
        }
    }
}

/// Stacks of [`links`]: so many that one is free long before its turn comes again.
const STACKS: usize = 64;
const STACK: usize = 16 * 1024;
static STACKS_AT: AtomicUsize = AtomicUsize::new(0);

/// A link of the chain: makes the next one and is gone, within a fraction of a tick.
extern "C" fn link(number: *mut libc::c_void) -> libc::c_int {
    let next = (number as usize + 1) % STACKS;
    let stack = STACKS_AT.load(Ordering::Relaxed) + (next + 1) * STACK;
    let flags = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::SIGCHLD;
    loop {
        // SAFETY: the stack belongs to the next link alone, whose turn it was long ago; both only
        // make system calls.
        unsafe {
            if libc::clone(link, stack as *mut _, flags, next as *mut _) > 0 {
                libc::syscall(libc::SYS_exit, 0);
            }
            libc::sched_yield();
        }
    }
}

/// As [`forks`], without copies of memory: each process lives for less time than it takes to be
/// found at work by a tick, so only the next one can be stopped.
fn links() -> Sys<()> {
    // SAFETY: a new mapping that lives as long as the memory of the chain.
    let stacks = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            STACKS * STACK,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if stacks == libc::MAP_FAILED {
        return Err(crate::sys::errno());
    }
    STACKS_AT.store(stacks as usize, Ordering::Relaxed);
    link(std::ptr::null_mut());
    Ok(())
}

fn threads() -> Sys<()> {
    loop {
        let thread = std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(|| ());
        thread
            .map_err(|error| code(&error))?
            .join()
            .map_err(|_| libc::EPIPE)?;
    }
}

fn executions() -> Sys<()> {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(PROGRAM);
    Err(code(&command.args(["inside", "again"]).exec()))
}

fn naps() -> Sys<()> {
    loop {
        let end = Instant::now() + Duration::from_micros(500);
        while Instant::now() < end {}
        sleep(Duration::from_micros(200));
    }
}

/// What begins before the tokens run out is ended, a fork as well, and that is slow under the
/// checkers. Chains that nobody stops use twice as much or more, processes that rest never ten
/// times. A machine that stands still has let them run, once.
fn storm(t: &mut Test, name: &str, start: Storm) -> Outcome {
    let most = 1.0 + f64::from(t.scale().slowness()) / 2.0;
    let mut part = f64::INFINITY;
    for _ in 0..4 {
        part = part.min(storm_once(t, name, start)?);
        if part <= most {
            break;
        }
    }
    t.check(&format!("{name}: not far more than that"), part <= most);
    Ok(())
}

/// What a storm has used, as a part of what came in.
fn storm_once(t: &mut Test, name: &str, start: Storm) -> Result<f64, Stop> {
    const PERCENT: i32 = 10;
    // Orphans go to PID 1, which reaps them meanwhile.
    process::adopt_orphans(false);
    let place = Place::make(t.xid())?;
    let xid = place.xid();
    let children = (0..4)
        .map(|_| {
            Child::start(|| {
                context::migrate(xid, 0)
                    .and_then(|()| start())
                    .err()
                    .unwrap_or(0)
            })
        })
        .collect::<Result<Vec<_>, Stop>>()?;
    moves(t, &place, &format!("{name}, before"))?;
    // Paused, so that nothing is used between the two looks and the beginning.
    place.flag(vxf::SCHED_PAUSE, true)?;
    stands(t, &place, name)?;
    place.bucket(Bucket::empty(PERCENT))?;
    let from = Instant::now();
    let before = place.times()?.used();
    context::set_flags(xid, vxf::SCHED_HARD, vxf::SCHED_HARD | vxf::SCHED_PAUSE).need("flags")?;
    sleep(Duration::from_secs(3));
    t.ok(&format!("{name}: kill"), place.kill());
    t.check(
        &format!("{name}: all are gone"),
        wait::until(GONE_WITHIN, || {
            // A process may be born meanwhile.
            let _ = place.kill();
            context::stat(xid).is_ok_and(|stat| stat.tasks == 1)
        }),
    );
    drop(children);
    let used = (place.times()?.used() - before).as_secs_f64();
    let left = seconds(place.tokens()?)? + tick()?.as_secs_f64() / 2.0;
    let elapsed = from.elapsed().as_secs_f64();
    let came = elapsed * f64::from(PERCENT) / 100.0;
    // Times are told in whole milliseconds.
    close(
        t,
        &format!("{name}: used and what came"),
        used,
        came - left,
        0.02 * came + 0.005,
    );
    t.note(format!("{name}: {:.2} %", used / elapsed * 100.0));
    Ok(used / came)
}

/// The host does not wait for tokens, whatever guests lack.
fn host(t: &mut Test) -> Outcome {
    let (place, load) = exhausted(t, 16)?;
    stands(t, &place, "beside the host")?;
    let from = Instant::now();
    let own = Load::run(0, 1)?;
    sleep(Duration::from_secs(1));
    process::kill(own.pid(), libc::SIGKILL).need("kill")?;
    let elapsed = from.elapsed();
    let (_, used) = own.finish()?;
    t.check(
        &format!("a host process runs: {used:?} of {elapsed:?}"),
        used.as_secs_f64() > 0.5,
    );
    end(t, &place, load, "beside the host")
}

/// Puts a processor back when a scenario ends early.
struct Offline(String);

impl Offline {
    fn take(cpu: i32) -> Result<Self, Stop> {
        let file = format!("/sys/devices/system/cpu/cpu{cpu}/online");
        files::write(&file, "0").need("take a processor away")?;
        Ok(Self(file))
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        let _ = files::write(&self.0, "1");
    }
}

/// The bucket is that of the processors that are there.
fn processors(t: &mut Test) -> Outcome {
    let last = sched::processors() - 1;
    if last == 0 {
        t.skip("processors come and go", "this machine has one processor");
        return Ok(());
    }
    let (place, load) = exhausted(t, 3)?;
    let mut data = SchedV5 {
        mask: vxsm::CPU_ID | vxsm::FILL_RATE | vxsm::INTERVAL,
        cpu_id: last,
        fill_rate: [1, 1],
        interval: [2, 1],
        ..SchedV5::default()
    };
    context::with(vcmd::SET_SCHED, place.xid(), &mut data).need("rate of one processor")?;
    moves(t, &place, "the last processor gives")?;
    let offline = Offline::take(last)?;
    t.equal("it is away", sched::processors(), last);
    stands(t, &place, "without it nothing comes")?;
    drop(offline);
    t.equal("it is back", sched::processors(), last + 1);
    moves(t, &place, "with it")?;
    end(t, &place, load, "processors")
}

/// The machine can be suspended: tasks on hold freeze like all others. The freezer of control
/// groups, version 1, uses the same code and needs no machine that sleeps.
fn freezer(t: &mut Test) -> Outcome {
    const FREEZER: &str = "/tmp/freezer";
    files::mkdir(FREEZER).need("directory")?;
    if let Err(error) = files::mount("freezer", FREEZER, "cgroup", 0, "freezer") {
        t.skip(
            "a task on hold freezes",
            &format!("no freezer here: error {error}"),
        );
        return Ok(());
    }
    let result = frozen(t, &format!("{FREEZER}/held"));
    // SAFETY: the string is constant and terminated.
    unsafe { libc::umount2(c"/tmp/freezer".as_ptr(), libc::MNT_DETACH) };
    let _ = std::fs::remove_dir(FREEZER);
    result
}

fn frozen(t: &mut Test, group: &str) -> Outcome {
    files::mkdir(group).need("control group")?;
    let place = Place::make(t.xid())?;
    let (xid, procs) = (place.xid(), format!("{group}/cgroup.procs"));
    let mut child =
        Child::start(
            || match files::write(&procs, "0").and_then(|()| context::migrate(xid, 0)) {
                Ok(()) => loop {
                    std::hint::spin_loop();
                },
                Err(error) => error,
            },
        )?;
    moves(t, &place, "before frost")?;
    place.bucket(Bucket::empty(0))?;
    place.flag(vxf::SCHED_HARD, true)?;
    stands(t, &place, "on hold before frost")?;
    let state = format!("{group}/freezer.state");
    t.ok("freeze", files::write(&state, "FROZEN"));
    t.check(
        "a task on hold freezes",
        wait::until(GONE_WITHIN, || {
            files::read(&state).is_ok_and(|s| s == "FROZEN\n")
        }),
    );
    // What wakes it while it is frozen is not lost.
    place.flag(vxf::SCHED_HARD, false)?;
    let used = used_while(&place)?;
    t.check(&format!("frozen it does not run, {used:?}"), used < LOOKING);
    t.ok("thaw", files::write(&state, "THAWED"));
    moves(t, &place, "after frost")?;
    place.kill().need("kill")?;
    t.equal("frost: end", child.wait()?, Exit::Signal(libc::SIGKILL));
    t.check(
        "remove the control group",
        wait::until(GONE_WITHIN, || std::fs::remove_dir(group).is_ok()),
    );
    Ok(())
}
