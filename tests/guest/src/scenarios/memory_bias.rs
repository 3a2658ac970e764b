// SPDX-License-Identifier: GPL-2.0

//! The bias of a context decides who is ended when memory runs out that several share.

use crate::harness::check::{Outcome, Test};
use crate::harness::group::Group;
use crate::harness::{Exit, Guest, Need, Stop, Words, context, spectator, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::area::Area;
use crate::sys::memory::page_size;
use crate::sys::{Sys, files};

const MIB: i64 = 1 << 20;
/// What both may have together.
const TOGETHER: i64 = 40 * MIB;
/// What each has, and how much more the first wants: too much for both, enough for one.
const LARGE: i64 = 16 * MIB;
const SMALL: i64 = 12 * MIB;
const MORE: i64 = 14 * MIB;
/// More than what one of them can have.
const BIAS: i64 = 64 * MIB;
const TRIES: u32 = 8;

/// Takes so many bytes for good.
fn take(w: &Words) -> Sys<()> {
    Area::map(w.numbers[0] as usize).map(Area::touch)
}

fn score(pid: i32) -> Result<i64, Stop> {
    let read = || files::read(&format!("/proc/{pid}/oom_score"));
    let text = spectator(read)?.need("oom_score")?;
    text.trim().parse().ok().need("a number")
}

pub fn run(t: &mut Test) -> Outcome {
    let bias = BIAS / page_size() as i64;
    trial(t, "without a bias", [0, 0], true)?;
    small_ends(t, "a bias for the small one", [0, bias])?;
    small_ends(t, "one against the large one", [-bias, 0])?;
    trial(t, "the same for both", [bias, bias], true)?;
    Ok(())
}

/// The small one is ended, and then there is enough. The kernel may not know yet that what it had
/// is free and take the other one as well: who is ended does not count any more before its memory is
/// given back. It is tried again then.
fn small_ends(t: &mut Test, what: &str, biases: [i64; 2]) -> Outcome {
    for _ in 0..TRIES {
        if trial(t, what, biases, false)? {
            return Ok(());
        }
    }
    t.check(&format!("{what}: the large one is never spared"), false);
    Ok(())
}

/// Two guests, one large and one small, with these biases, in pages, when the large one wants too much:
/// whether one of them is there afterwards.
fn trial(t: &mut Test, what: &str, biases: [i64; 2], large_ends: bool) -> Result<bool, Stop> {
    let group = Group::make("memory-bias")?;
    group.set("memory.max", &TOGETHER.to_string())?;
    group.set("memory.swap.max", "0")?;
    let (one, two) = (t.xid(), t.xid());
    let (mut large, mut small) = group.within(|| Ok((Guest::start(one)?, Guest::start(two)?)))?;
    large.call(take, &[LARGE])?.need("memory")?;
    small.call(take, &[SMALL])?.need("memory")?;
    let before = [score(large.pid())?, score(small.pid())?];
    t.check(
        &format!("{what}: the large one has the higher score: {before:?}"),
        before[0] >= before[1],
    );
    for (guest, bias) in [(&large, biases[0]), (&small, biases[1])] {
        t.ok(
            &format!("{what}: {bias} pages"),
            context::set_badness(guest.xid(), bias),
        );
    }
    let after = [score(large.pid())?, score(small.pid())?];
    for index in 0..2 {
        t.check(
            &format!(
                "{what}: the score follows: {} after {}",
                after[index], before[index]
            ),
            match biases[index].signum() {
                1 => after[index] > before[index] + 5,
                -1 => after[index] < before[index] - 5,
                _ => (after[index] - before[index]).abs() <= 1,
            },
        );
    }

    let kills = group.number("memory.events", "oom_kill")?;
    let answer = large.call(take, &[MORE]);
    let ended = Exit::Signal(libc::SIGKILL);
    if large_ends {
        t.check(&format!("{what}: the large one is ended"), answer.is_err());
        t.equal(&format!("{what}: by a signal"), large.wait()?, ended);
        t.ok(
            &format!("{what}: inside: the small one goes on"),
            small.ask(|_| files::read("/proc/self/stat").map(|_| ()))?,
        );
    } else {
        let gone = wait::until(GONE_WITHIN, || small.has_ended());
        if !t.check(&format!("{what}: the small one is ended"), gone) {
            return Ok(true);
        }
        t.equal(&format!("{what}: by a signal"), small.wait()?, ended);
        match answer {
            Ok(answer) => {
                t.ok(&format!("{what}: inside: the large one has it"), answer);
            }
            Err(_) => t.note(format!("{what}: and the large one after it")),
        }
    }
    let kills = group.number("memory.events", "oom_kill")? - kills;
    t.check(
        &format!("{what}: outside: nobody else, {kills}"),
        kills == 1 || (kills == 2 && !large_ends),
    );
    for guest in [large, small] {
        let _ = context::kill(guest.xid(), 0, libc::SIGKILL);
        drop(guest);
    }
    Ok(kills == 1)
}
