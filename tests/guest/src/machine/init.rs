// SPDX-License-Identifier: GPL-2.0

//! PID 1 of the test machine.

use super::cmdline::Request;
use super::kmsg::Log;
use super::{core_module, kunit, leaks, mounts, port, runner};
use crate::harness::context;
use crate::harness::ktap::{Ktap, Totals, Verdict, result_line};
use crate::limits::LEAK_PAUSE;
use crate::scenarios::{ALL, Scenario};
use crate::sys::{describe, files};
use std::fs::File;
use std::time::{Duration, Instant};

/// Name of the check that comes first.
pub const BOOT: &str = "boot";
/// Name of the check that comes last.
pub const LEAKS: &str = "leaks";

/// Sets the machine up, runs what is asked for, reports and powers off. A problem before the
/// port is open goes to the console; the missing verdict tells the host that the run failed.
pub fn run() -> ! {
    if let Err(problem) = session() {
        eprintln!("guest-tests: {problem}");
    }
    leave()
}

fn session() -> Result<(), String> {
    mounts::set_up()?;
    let port = port::open(Duration::from_secs(20))?;
    let mut ktap = Ktap::start(port).map_err(|e| e.to_string())?;
    let line = files::read("/proc/cmdline").map_err(describe)?;
    let request = Request::parse(&line)?;
    let totals = Session {
        request,
        log: Log::open().map_err(|e| format!("kernel log: {}", describe(e)))?,
        totals: Totals::default(),
    }
    .run(&mut ktap)
    .map_err(|e| e.to_string())?;
    ktap.finish(totals).map_err(|e| e.to_string())
}

struct Session {
    request: Request,
    log: Log,
    totals: Totals,
}

impl Session {
    fn run(mut self, ktap: &mut Ktap<File>) -> std::io::Result<Totals> {
        let boot = self.boot();
        let scenarios: Vec<&Scenario> = ALL
            .iter()
            .filter(|scenario| self.request.wants(scenario.name))
            .collect();
        let with_leaks = self.request.wants(LEAKS);
        let with_kunit = self.request.wants("kunit");
        let suites = if with_kunit {
            kunit::demand(kunit::collect(), self.request.scale.flavour)
        } else {
            Vec::new()
        };

        ktap.plan(1 + suites.len() + scenarios.len() + usize::from(with_leaks))?;
        ktap.diagnostic(&format!("flavour {}", self.request.scale.flavour.name()))?;
        self.report(ktap, BOOT, &boot.1, boot.0)?;
        for suite in suites {
            let name = format!("kunit: {}", suite.name);
            self.report(ktap, &name, &suite.lines, suite.verdict)?;
        }
        for scenario in scenarios {
            ktap.diagnostic(&format!("run {}", scenario.name))?;
            let report = runner::run(scenario, self.request.scale, &mut self.log);
            self.report(ktap, scenario.name, &report.lines, report.verdict)?;
            ktap.diagnostic(&format!(
                "time {} {:.1} s",
                scenario.name,
                report.time.as_secs_f64()
            ))?;
            runner::settle();
        }
        if with_leaks {
            ktap.diagnostic(&format!("run {LEAKS}"))?;
            let started = Instant::now();
            let (verdict, lines) = self.leaks();
            self.report(ktap, LEAKS, &lines, verdict)?;
            ktap.diagnostic(&format!(
                "time {LEAKS} {:.1} s",
                started.elapsed().as_secs_f64()
            ))?;
        }
        Ok(self.totals)
    }

    fn report(
        &mut self,
        ktap: &mut Ktap<File>,
        name: &str,
        lines: &[String],
        verdict: Verdict,
    ) -> std::io::Result<()> {
        if !lines.is_empty() {
            ktap.nested(name, lines)?;
        }
        self.totals.add(&verdict);
        ktap.result(name, &verdict)
    }

    /// Loads the core, asks for its version and looks at the log of the boot.
    fn boot(&mut self) -> (Verdict, Vec<String>) {
        let mut lines = Vec::new();
        let mut number = 0;
        let mut failed = false;
        let mut check = |what: &str, problems: Vec<String>| {
            number += 1;
            let verdict = if problems.is_empty() {
                Verdict::Pass
            } else {
                failed = true;
                Verdict::Fail
            };
            lines.push(result_line(number, what, &verdict));
            lines.extend(problems.into_iter().map(|p| format!("# {p}")));
        };
        let problem = |error: i32| vec![describe(error)];
        check(
            "the core is there",
            core_module::load().err().map(problem).unwrap_or_default(),
        );
        let unknown: Vec<String> = self
            .request
            .names
            .iter()
            .filter(|name| !is_known(name))
            .map(|name| format!("no scenario is named {name}, see run.sh --list"))
            .collect();
        check("every name that is asked for exists", unknown);
        check(
            "vserver() answers",
            context::version().err().map(problem).unwrap_or_default(),
        );
        if self.request.wants(LEAKS) {
            leaks::forget_boot();
        }
        check("kernel log of the boot has no report", self.log.reports());
        let verdict = if failed { Verdict::Fail } else { Verdict::Pass };
        (verdict, lines)
    }

    /// The last test: nothing that the scenarios allocated is lost.
    fn leaks(&mut self) -> (Verdict, Vec<String>) {
        if !leaks::available() {
            let reason = "this kernel has no leak detector".to_string();
            return (Verdict::Skip(reason), Vec::new());
        }
        match leaks::scan(LEAK_PAUSE) {
            Ok(text) if text.trim().is_empty() => {
                let rest = self.log.reports();
                let verdict = if rest.is_empty() {
                    Verdict::Pass
                } else {
                    Verdict::Fail
                };
                let mut lines = vec![result_line(1, "nothing is leaked", &verdict)];
                lines.extend(rest.into_iter().map(|line| format!("# {line}")));
                (verdict, lines)
            }
            Ok(text) => {
                let mut lines = vec![result_line(1, "nothing is leaked", &Verdict::Fail)];
                lines.extend(text.lines().take(200).map(|line| format!("# {line}")));
                (Verdict::Fail, lines)
            }
            Err(error) => (
                Verdict::Fail,
                vec![
                    result_line(1, "the leak detector works", &Verdict::Fail),
                    format!("# {}", describe(error)),
                ],
            ),
        }
    }
}

/// Whether a name can be asked for.
fn is_known(name: &str) -> bool {
    [BOOT, LEAKS, "kunit"].contains(&name) || ALL.iter().any(|scenario| scenario.name == name)
}

/// Reboots, which ends the emulator: unlike powering off this needs no ACPI.
fn leave() -> ! {
    // SAFETY: no precondition; PID 1 of the test machine may end it.
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_AUTOBOOT);
    }
    // Only reached when the machine cannot be powered off: the host's time limit ends it.
    crate::sys::process::sleep_for_ever()
}
