// SPDX-License-Identifier: GPL-2.0

//! Checks of one scenario.

use super::ktap::{Verdict, result_line};
use crate::limits::Scale;
use crate::sys::{Sys, describe};
use std::fmt::{Debug, Display};
use std::fs::File;
use std::io::Write;
use std::panic::Location;

/// Why a scenario ends early.
#[derive(Debug)]
pub enum Stop {
    /// Something that the scenario builds on did not work.
    Fail(String),
    /// The scenario does not apply to this machine, and why.
    Skip(String),
}

/// Result of a scenario.
pub type Outcome = Result<(), Stop>;

/// Turns a failed precondition into the end of the scenario.
pub trait Need<T> {
    /// The value, or the end of the scenario with `what` in the message.
    fn need(self, what: &str) -> Result<T, Stop>;
}

impl<T> Need<T> for Sys<T> {
    #[track_caller]
    fn need(self, what: &str) -> Result<T, Stop> {
        let place = Location::caller();
        self.map_err(|error| {
            Stop::Fail(format!(
                "{}:{}: {what}: {}",
                short(place.file()),
                place.line(),
                describe(error)
            ))
        })
    }
}

impl<T> Need<T> for Option<T> {
    #[track_caller]
    fn need(self, what: &str) -> Result<T, Stop> {
        let place = Location::caller();
        self.ok_or_else(|| {
            Stop::Fail(format!(
                "{}:{}: {what}: missing",
                short(place.file()),
                place.line()
            ))
        })
    }
}

/// A running scenario: numbers its checks and reports them.
pub struct Test {
    out: File,
    scale: Scale,
    number: u32,
    failed: u32,
    next_xid: u32,
}

impl Test {
    /// A test that reports to `out`.
    pub fn new(out: File, scale: Scale) -> Self {
        Self {
            out,
            scale,
            number: 0,
            failed: 0,
            next_xid: 1000,
        }
    }

    /// How much heavy scenarios shall do.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// A context id that the scenario has not used yet.
    pub fn xid(&mut self) -> u32 {
        self.next_xid += 1;
        self.next_xid
    }

    /// Number of failed checks so far.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Writes a diagnostic line.
    pub fn note(&mut self, text: impl Display) {
        for line in text.to_string().lines() {
            self.line(&format!("# {line}"));
        }
    }

    /// Checks a condition.
    #[track_caller]
    pub fn check(&mut self, what: &str, holds: bool) -> bool {
        let why = if holds { None } else { Some(String::new()) };
        self.report(what, why)
    }

    /// Checks that two values are the same.
    #[track_caller]
    pub fn equal<T: PartialEq + Debug>(&mut self, what: &str, got: T, want: T) -> bool {
        let why = (got != want).then(|| format!("got {got:?}, want {want:?}"));
        self.report(what, why)
    }

    /// Checks that a call succeeded; gives its value.
    #[track_caller]
    pub fn ok<T>(&mut self, what: &str, result: Sys<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.report(what, None);
                Some(value)
            }
            Err(error) => {
                self.report(what, Some(format!("failed: {}", describe(error))));
                None
            }
        }
    }

    /// Checks that a call succeeded with this value.
    #[track_caller]
    pub fn gives<T: PartialEq + Debug>(&mut self, what: &str, result: Sys<T>, want: T) -> bool {
        let why = match result {
            Ok(value) if value == want => None,
            Ok(value) => Some(format!("got {value:?}, want {want:?}")),
            Err(error) => Some(format!("failed: {}, want {want:?}", describe(error))),
        };
        self.report(what, why)
    }

    /// Checks that a call failed with exactly this error number.
    #[track_caller]
    pub fn refused<T: Debug>(&mut self, what: &str, result: Sys<T>, want: i32) -> bool {
        let why = match result {
            Err(error) if error == want => None,
            Err(error) => Some(format!(
                "failed with {}, want {}",
                describe(error),
                describe(want)
            )),
            Ok(value) => Some(format!("succeeded with {value:?}, want {}", describe(want))),
        };
        self.report(what, why)
    }

    /// Reports a part of the scenario that does not apply to this machine.
    pub fn skip(&mut self, what: &str, reason: &str) {
        self.number += 1;
        let line = result_line(self.number, what, &Verdict::Skip(reason.into()));
        self.line(&line);
    }

    #[track_caller]
    fn report(&mut self, what: &str, why: Option<String>) -> bool {
        let place = Location::caller();
        self.number += 1;
        let Some(why) = why else {
            let line = result_line(self.number, what, &Verdict::Pass);
            self.line(&line);
            return true;
        };
        self.failed += 1;
        let line = result_line(self.number, what, &Verdict::Fail);
        self.line(&line);
        self.note(format!("{}:{}: {why}", short(place.file()), place.line()));
        false
    }

    fn line(&mut self, text: &str) {
        // Without its pipe the scenario has nobody to report to: the runner notices that itself.
        let _ = writeln!(self.out, "{text}");
    }
}

/// The part of a source path that a reader needs.
fn short(path: &str) -> &str {
    path.rsplit("src/").next().unwrap_or(path)
}
