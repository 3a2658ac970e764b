// SPDX-License-Identifier: GPL-2.0

//! Create, migrate, kill, flags, spaces, reads and exits from several tasks at once, on few ids,
//! so that everything meets everything. The checkers of the debug kernel judge; the scenario only
//! demands that no call fails in a way that no order of events explains.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Dice, Promise, Stop, context, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, describe, files, process, spaces};
use libvserver::abi::{space, vcmd, vhin, vxf, vxm};
use std::time::{Duration, Instant};

/// Tasks that act at the same time: three per processor of the test machine.
const WORKERS: u32 = 6;
/// Ids that they share.
const IDS: std::ops::Range<u32> = 100..104;

/// Unexplained errors that a worker reports.
const REPORTED: usize = 20;

/// One of the ids.
fn some_id(dice: &mut Dice) -> u32 {
    IDS.start + dice.roll(IDS.end - IDS.start)
}

/// What a worker did: calls, and the errors that nothing explains.
type Tally = (u64, Vec<(String, i32)>);

/// Errors that another worker may cause.
const EXPLAINED: [i32; 9] = [
    // The context is not there, or nobody is in it.
    libc::ESRCH,
    // It is there.
    libc::EEXIST,
    libc::EBUSY,
    // It was made private or gave up STATE_ADMIN.
    libc::EACCES,
    // It is about to end.
    libc::EFAULT,
    // The space was not stored yet.
    libc::EINVAL,
    // It was sealed with another mask while its creator was at work: the rights are gone, and with
    // them the system call.
    libc::EPERM,
    libc::ENOSYS,
    // The directory in /proc vanished.
    libc::ENOENT,
];

fn act(dice: &mut Dice) -> (&'static str, Sys<()>) {
    let id = some_id(dice);
    match dice.roll(16) {
        0 | 1 => (
            "create and exit",
            in_child(|| context::create(id, vxf::INIT_SET).map(|_| ())),
        ),
        2 => (
            "create, store, fork and exit",
            in_child(|| {
                context::create(id, vxf::INIT_SET)?;
                spaces::unshare(space::UTS)?;
                context::set_space(u32::MAX - 1, space::UTS, 0)?;
                context::set_flags(u32::MAX - 1, 0, vxf::STATE_SETUP)?;
                process::sleeper().map(|_| ())
            }),
        ),
        3 => (
            "create a persistent one",
            in_child(|| context::create(id, vxf::INIT_SET | vxf::PERSISTENT).map(|_| ())),
        ),
        4 | 5 => ("migrate and exit", in_child(|| context::migrate(id, 0))),
        6 => (
            "migrate as init",
            in_child(|| context::migrate(id, vxm::SET_INIT | vxm::SET_REAPER)),
        ),
        7 => (
            "enter",
            in_child(|| context::enter_space(id, 0, 0).and_then(|()| context::migrate(id, 0))),
        ),
        8 => ("kill all", context::kill(id, 0, libc::SIGKILL)),
        9 => ("kill the init", context::kill(id, 1, libc::SIGKILL)),
        10 => ("end it", context::set_flags(id, 0, vxf::PERSISTENT)),
        11 => (
            "set flags",
            context::set_flags(id, vxf::PERSISTENT | vxf::HIDE_VINFO, vxf::HIDE_VINFO),
        ),
        12 => (
            "seal",
            context::set_flags(id, 0, vxf::STATE_SETUP | vxf::STATE_INIT),
        ),
        13 => (
            "name",
            context::set_name(id, vhin::CONTEXT, "stress")
                .and_then(|()| context::name(id, vhin::CONTEXT).map(|_| ())),
        ),
        14 => ("look", look(id)),
        _ => (
            "mask",
            context::set_bcaps(id, u64::from(dice.roll(u32::MAX)), u64::MAX)
                .and_then(|()| context::stat(id).map(|_| ())),
        ),
    }
}

fn look(id: u32) -> Sys<()> {
    context::info(id)?;
    files::read(&format!("/proc/virtual/{id}/status"))?;
    files::list("/proc/virtual")?;
    in_child(|| {
        context::become_spectator()?;
        for pid in files::numbers("/proc")? {
            // Processes come and go.
            let _ = files::read(&format!("/proc/{pid}/status"));
            let _ = files::read(&format!("/proc/{pid}/vinfo"));
        }
        Ok(())
    })
}

/// Runs `body` in a child; a child that another worker killed counts as success.
fn in_child(body: impl FnOnce() -> Sys<()>) -> Sys<()> {
    // SAFETY: workers are single-threaded.
    match crate::sys::sys(unsafe { libc::fork() })? {
        0 => {
            // What stays behind in a context must not keep the pipe of the worker's answer open:
            // contexts are ended only after all workers have answered.
            let code = files::close_from(3)
                .and_then(|()| body())
                .err()
                .unwrap_or(0);
            // SAFETY: ends the child.
            unsafe { libc::_exit(code) }
        }
        pid => {
            let status = process::wait(pid as i32)?;
            if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) != 0 {
                return Err(libc::WEXITSTATUS(status));
            }
            Ok(())
        }
    }
}

fn work(seed: u32, time: Duration) -> Tally {
    let mut dice = Dice::new(&[u64::from(seed)]);
    let end = Instant::now() + time;
    let (mut calls, mut strange) = (0, Vec::new());
    while Instant::now() < end {
        let (name, result) = act(&mut dice);
        calls += 1;
        let unexplained = result.err().filter(|error| !EXPLAINED.contains(error));
        if let Some(error) = unexplained
            && strange.len() < REPORTED
        {
            strange.push((name.to_string(), error));
        }
    }
    (calls, strange)
}

pub fn run(t: &mut Test) -> Outcome {
    let time = t.scale().stress();
    // Orphans go to PID 1, which reaps them meanwhile.
    crate::sys::process::adopt_orphans(false);
    // A waiter per id, all the time, on top of the workers.
    let waiters = IDS
        .map(|id| {
            Promise::start(move || {
                let end = Instant::now() + time;
                let mut ends = 0_u64;
                while Instant::now() < end {
                    match context::bare(vcmd::GET_VERSION, 0)
                        .and_then(|_| context::wait_exit(id).map(|_| ()))
                    {
                        Ok(()) => ends += 1,
                        Err(_) => std::thread::sleep(Duration::from_millis(1)),
                    }
                }
                ends
            })
        })
        .collect::<Result<Vec<_>, Stop>>()?;
    let workers = (0..WORKERS)
        .map(|seed| Promise::start(move || work(seed, time)))
        .collect::<Result<Vec<_>, Stop>>()?;
    let mut calls = 0;
    for (number, worker) in workers.into_iter().enumerate() {
        let (count, strange) = worker.answer()?;
        calls += count;
        for (name, error) in &strange {
            t.note(format!("worker {number}: {name}: {}", describe(*error)));
        }
        t.equal(
            &format!("worker {number}: errors that nothing explains"),
            strange.len(),
            0,
        );
        t.check(&format!("worker {number}: it did something"), count > 0);
    }
    // A waiter sleeps until its context ends.
    let all_gone = wait::until(GONE_WITHIN * 3, || {
        for id in IDS {
            context::end(id);
        }
        context::all().is_ok_and(|all| all.is_empty())
    });
    t.check("all contexts can be ended", all_gone);
    let mut ends = 0;
    for waiter in waiters {
        ends += waiter.answer()?;
    }
    t.note(format!(
        "{calls} calls of {WORKERS} workers in {} s, {ends} ends were waited for",
        time.as_secs()
    ));
    t.check("ends were waited for", ends > 0);
    Ok(())
}
