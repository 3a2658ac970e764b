// SPDX-License-Identifier: GPL-2.0

//! A worker: a host process that runs one session after the other and sees to it that each ends.

use super::actor::{IDS, World};
use super::board::{Board, Class, Note};
use super::session;
use crate::harness::check::Stop;
use crate::harness::{Child, Dice, context, spectator, wait};
use crate::sys::{files, process, spaces};
use libvserver::abi::space;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How much longer than its limit a session may take on a machine that is busy, per slowness: the
/// children of its last act have alarms of their own.
const GRACE: Duration = Duration::from_secs(6);
/// How long a session may live after it was killed.
const KILLED_WITHIN: Duration = Duration::from_secs(20);

/// Starts a worker. It ends when the board says so.
pub fn start(
    number: usize,
    class: Class,
    seed: u64,
    world: &World,
    board: &Board,
) -> Result<Child, Stop> {
    Child::start(|| {
        // Contexts store the host names of their makers, and set_vhi_name changes them: those of
        // the host stay out of it.
        if spaces::unshare(space::UTS).is_err() {
            return 2;
        }
        let mut session = 0;
        while !board.is_over() {
            let dice = Dice::new(&[seed, number as u64, session]);
            if !one(dice, number, class, world, board) {
                return 1;
            }
            session += 1;
            board.note(number, Note::Sessions).store(session, Relaxed);
        }
        0
    })
}

/// Runs a session; false when it cannot be ended.
fn one(dice: Dice, number: usize, class: Class, world: &World, board: &Board) -> bool {
    let started = Child::start(|| {
        // Its own group: a signal to the group of the session reaches nobody else.
        let _ = process::setpgid(0, 0);
        session::run(dice, world, board, number, class)
            .err()
            .unwrap_or(0)
    });
    let Ok(mut child) = started else {
        // The machine is out of processes for a moment.
        std::thread::sleep(Duration::from_millis(10));
        return true;
    };
    if !wait::until(world.session_limit() + GRACE * world.slowness, || {
        child.has_ended()
    }) {
        board.note(number, Note::Rescued).fetch_add(1, Relaxed);
        let state = state(child.pid());
        if !matches!(state, b'T' | b't' | b'Z') && !is_init(child.pid()) {
            board
                .note(number, Note::Strange)
                .store(u64::from(state), Relaxed);
        }
        rescue(child.pid());
        if !wait::until(KILLED_WITHIN, || child.has_ended()) {
            board
                .note(number, Note::Stuck)
                .store(child.pid() as u64, Relaxed);
            return false;
        }
    }
    let _ = child.wait();
    true
}

/// The state of a process in any context, as a letter; a blank when that is not known.
fn state(pid: i32) -> u8 {
    let text = spectator(|| files::read(&format!("/proc/{pid}/stat")));
    let text = text.unwrap_or(Err(0)).unwrap_or_default();
    let rest = text.rsplit(") ").next().unwrap_or_default();
    rest.bytes().next().unwrap_or(b' ')
}

/// Whether a context has the process as its init, who like every pid 1 gets no SIGALRM.
fn is_init(pid: i32) -> bool {
    let all = context::all().unwrap_or_default();
    all.into_iter()
        .any(|xid| context::info(xid).is_ok_and(|info| info.initpid == pid as u32))
}

/// Kills a session wherever it is. Somebody stopped it, so that its alarm has no effect.
fn rescue(pid: i32) {
    let _ = process::kill(pid, libc::SIGKILL);
    for id in IDS.into_iter().chain(context::all().unwrap_or_default()) {
        let _ = context::kill(id, pid, libc::SIGKILL);
    }
}
