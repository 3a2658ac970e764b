// SPDX-License-Identifier: GPL-2.0

//! What all processes of the scenario share: the end, what each worker is at, what came of calls.

use crate::harness::check::{Need, Stop};
use crate::scenarios::published::PUBLISHED;
use crate::sys::Sys;
use crate::sys::memory::Shared;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Who calls, by what its session began as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Root of the host.
    Host,
    /// Root of a guest in setup.
    Setup,
    /// Root of a sealed guest, whatever its masks.
    Sealed,
}

/// All of them, with a name for the report.
pub const CLASSES: [(Class, &str); 3] = [
    (Class::Host, "host"),
    (Class::Setup, "setup"),
    (Class::Sealed, "sealed"),
];

/// What a worker tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Sessions so far.
    Sessions,
    /// Acts so far.
    Acts,
    /// Command word of the last call, or number of the last act of ordinary life.
    Last,
    /// Sessions that had to be ended from outside: something stopped them.
    Rescued,
    /// State of the last of them, as in its `stat`, when it was not stopped.
    Strange,
    /// Pid of a session that could not be ended.
    Stuck,
}

const NOTES: usize = 6;
/// Numbers per command and class: calls, successes, a bit per error.
const COUNTERS: usize = 5;
/// Error numbers that user space knows are below this.
const ERRORS: i32 = 134;
/// Number of the bit for all other errors.
const STRANGE: i32 = 191;

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Calls that succeeded.
    pub successes: u64,
    /// Errors that occurred.
    pub errors: Vec<i32>,
    /// An error that user space must never see.
    pub strange: bool,
}

/// The shared numbers.
pub struct Board {
    shared: Shared,
    workers: usize,
}

impl Board {
    /// A board for that many workers; to be made before they are forked.
    pub fn map(workers: usize) -> Result<Self, Stop> {
        let count = 2 + workers * NOTES + PUBLISHED.len() * CLASSES.len() * COUNTERS;
        let shared = Shared::map(count).need("shared memory")?;
        Ok(Self { shared, workers })
    }

    fn at(&self, index: usize) -> &AtomicU64 {
        &self.shared.numbers()[index]
    }

    fn counter(&self, class: Class, row: usize, index: usize) -> &AtomicU64 {
        let before = 2 + self.workers * NOTES;
        self.at(before + (row * CLASSES.len() + class as usize) * COUNTERS + index)
    }

    /// Tells everybody to come to an end.
    pub fn end(&self) {
        self.at(0).store(1, Relaxed);
    }

    /// Whether everybody shall come to an end.
    pub fn is_over(&self) -> bool {
        self.at(0).load(Relaxed) != 0
    }

    /// A sealed guest reached something outside: the number of what it did, plus 1.
    pub fn breach(&self, what: usize) {
        self.at(1).store(what as u64 + 1, Relaxed);
    }

    /// What reached something outside, if anything did.
    pub fn breached(&self) -> Option<usize> {
        (self.at(1).load(Relaxed) as usize).checked_sub(1)
    }

    /// What a worker tells.
    pub fn note(&self, worker: usize, note: Note) -> &AtomicU64 {
        self.at(2 + worker * NOTES + note as usize)
    }

    /// A call is about to be made.
    pub fn begin(&self, class: Class, row: usize) {
        self.counter(class, row, 0).fetch_add(1, Relaxed);
    }

    /// What came of the call.
    pub fn finish(&self, class: Class, row: usize, result: Sys<u32>) {
        let Err(error) = result else {
            self.counter(class, row, 1).fetch_add(1, Relaxed);
            return;
        };
        let bit = match error {
            1..ERRORS => error as usize,
            _ => STRANGE as usize,
        };
        self.counter(class, row, 2 + bit / 64)
            .fetch_or(1 << (bit % 64), Relaxed);
    }

    /// What came of a command so far.
    pub fn tally(&self, class: Class, row: usize) -> Tally {
        let load = |index| self.counter(class, row, index).load(Relaxed);
        let happened = |error: &i32| load(2 + *error as usize / 64) >> (*error % 64) & 1 != 0;
        Tally {
            calls: load(0),
            successes: load(1),
            errors: (1..ERRORS).filter(happened).collect(),
            strange: happened(&STRANGE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_do_not_overlap() {
        let Ok(board) = Board::map(2) else {
            panic!("no shared memory");
        };
        let last = PUBLISHED.len() - 1;
        board.end();
        board.note(1, Note::Stuck).store(9, Relaxed);
        board.begin(Class::Sealed, last);
        board.finish(Class::Sealed, last, Err(libc::EPERM));
        board.finish(Class::Sealed, last, Err(libc::ENOTSUP));
        board.finish(Class::Host, 0, Err(512));
        assert_eq!(
            board.tally(Class::Sealed, last),
            Tally {
                calls: 1,
                successes: 0,
                errors: vec![libc::EPERM, libc::ENOTSUP],
                strange: false
            }
        );
        assert!(board.tally(Class::Host, 0).strange);
        assert_eq!(board.tally(Class::Setup, 0), Tally::default());
        assert_eq!(board.note(0, Note::Stuck).load(Relaxed), 0);
        assert_eq!(board.breached(), None);
        board.breach(0);
        assert_eq!(board.breached(), Some(0));
    }
}
