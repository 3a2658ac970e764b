// SPDX-License-Identifier: GPL-2.0

//! Runs one scenario in a process of its own and watches it.

use super::kmsg::{self, Log};
use super::residue::{self, Residue};
use super::splat;
use crate::harness::check::{Stop, Test};
use crate::harness::ktap::{Verdict, result_line};
use crate::harness::{Child, Exit, child};
use crate::limits::Scale;
use crate::scenarios::Scenario;
use crate::sys::{files, process};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// What came out of a scenario.
pub struct Report {
    /// Verdict of the whole scenario.
    pub verdict: Verdict,
    /// Lines of its checks.
    pub lines: Vec<String>,
    /// How long it took.
    pub time: Duration,
}

/// Exit code of a scenario process that says: skipped, the last line has the reason.
const SKIPPED: i32 = 77;

/// Runs a scenario, then looks at what it left behind.
pub fn run(scenario: &Scenario, scale: Scale, log: &mut Log) -> Report {
    let started = Instant::now();
    let taint = kmsg::taint();
    let mut lines = Vec::new();
    let end = execute(scenario, scale, &mut lines);
    let skipped = match &end {
        Ok(Exit::Code(SKIPPED)) => lines.pop(),
        _ => None,
    };
    let mut watch = Watch {
        number: lines
            .iter()
            .filter(|l| crate::harness::ktap::is_result(l))
            .count() as u32,
        failed: lines.iter().any(|line| line.starts_with("not ok ")),
        lines,
    };

    let problem = match end {
        Ok(Exit::Code(0 | SKIPPED)) => None,
        // The checks say what failed.
        Ok(Exit::Code(1)) if watch.failed => None,
        Ok(exit) => Some(format!("the scenario ended with {exit:?}")),
        Err(problem) => Some(problem),
    };
    if problem.is_some() {
        Residue::sweep();
    }
    watch.check("scenario came to its end", problem.into_iter().collect());

    let left = Residue::find();
    watch.check(
        "no context is left",
        left.contexts
            .iter()
            .map(|xid| format!("context {xid}"))
            .chain(
                left.networks
                    .iter()
                    .map(|nid| format!("network context {nid}")),
            )
            .collect(),
    );
    let objects = (left.contexts.is_empty() && left.networks.is_empty() && left.objects > 0)
        .then(|| format!("{} context objects were not freed", left.objects));
    watch.check("no context object is left", objects.into_iter().collect());
    watch.check("no task is left", left.tasks.clone());
    if left != Residue::default() {
        Residue::sweep();
    }

    let mut reports = log.reports();
    let bits = splat::new_taint(taint, kmsg::taint());
    if bits != 0 {
        reports.push(format!("the kernel is tainted, new bits {bits:#x}"));
    }
    watch.check("kernel log has no report", reports);

    let verdict = match skipped {
        Some(reason) if !watch.failed => Verdict::Skip(reason),
        _ if watch.failed => Verdict::Fail,
        _ => Verdict::Pass,
    };
    Report {
        verdict,
        lines: watch.lines,
        time: started.elapsed(),
    }
}

/// Checks that PID 1 adds to those of the scenario.
struct Watch {
    number: u32,
    failed: bool,
    lines: Vec<String>,
}

impl Watch {
    /// Adds a check that holds when there is no problem.
    fn check(&mut self, what: &str, problems: Vec<String>) {
        self.number += 1;
        let verdict = if problems.is_empty() {
            Verdict::Pass
        } else {
            self.failed = true;
            Verdict::Fail
        };
        self.lines.push(result_line(self.number, what, &verdict));
        for problem in problems {
            self.lines.push(format!("# {problem}"));
        }
    }
}

/// Runs the scenario and collects its lines. The error says why it did not come to its end.
fn execute(scenario: &Scenario, scale: Scale, lines: &mut Vec<String>) -> Result<Exit, String> {
    let limit = scale.scenario_limit() * scenario.weight;
    let plain = |stop: Stop| format!("{stop:?}");
    let (read, write) = child::pipe().map_err(plain)?;
    let mut process = Child::start(|| body(scenario, scale, write)).map_err(plain)?;
    let timely = collect(read, limit, process.pid(), lines);
    if !timely {
        // Shows on the console where everybody sleeps.
        let _ = files::write("/proc/sysrq-trigger", "w");
        let _ = files::write("/proc/sysrq-trigger", "l");
        let _ = process::kill(process.pid(), libc::SIGKILL);
        Residue::sweep();
        return Err(format!("no end after {} seconds", limit.as_secs()));
    }
    // Nobody holds the pipe any more: the process is about to end, if it has not yet.
    process.wait().map_err(plain)
}

/// The scenario process.
fn body(scenario: &Scenario, scale: Scale, write: File) -> i32 {
    process::adopt_orphans(true);
    let _ = process::setpgid(0, 0);
    // Nobody but the scenario process reports: a guest that outlives it must not keep the pipe.
    child::keep_private(&write);
    let reason = write.try_clone();
    if let Ok(copy) = &reason {
        child::keep_private(copy);
    }
    let mut test = Test::new(write, scale);
    let outcome = (scenario.run)(&mut test);
    match outcome {
        Ok(()) => i32::from(test.failed() > 0),
        Err(Stop::Fail(why)) => {
            test.check(&format!("precondition: {why}"), false);
            1
        }
        Err(Stop::Skip(why)) => {
            use std::io::Write;
            if let Ok(mut out) = reason {
                let _ = writeln!(out, "{}", why.replace('\n', " "));
            }
            SKIPPED
        }
    }
}

/// Reads lines until the pipe ends; false when the time is over before.
///
/// Ended processes become children of PID 1; they are reaped meanwhile, the scenario excepted.
fn collect(read: File, limit: Duration, scenario: i32, lines: &mut Vec<String>) -> bool {
    let end = Instant::now() + limit;
    let fd = read.as_raw_fd();
    let mut reader = BufReader::new(read);
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        residue::reap_others(scenario);
        let mut poll = libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let pause = rest.as_millis().min(200) as i32;
        // SAFETY: one valid entry.
        let ready = unsafe { libc::poll(&mut poll, 1, pause) };
        if ready == 0 {
            if rest.is_zero() {
                return false;
            }
            continue;
        }
        // Everything that is there; a line is written with one call, so it is whole.
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return true,
                Ok(_) => lines.push(line.trim_end().to_string()),
            }
            if reader.buffer().is_empty() {
                break;
            }
        }
    }
}

/// Reaps what became a child of PID 1.
pub fn settle() {
    residue::reap();
}
