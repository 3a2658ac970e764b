// SPDX-License-Identifier: GPL-2.0

//! Writer of the Kernel Test Anything Protocol, version 1.

use std::io::{self, Write};

/// Outcome of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything held.
    Pass,
    /// Something did not hold.
    Fail,
    /// Not run, and why.
    Skip(String),
}

/// Numbers of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tests that passed.
    pub pass: u32,
    /// Tests that failed.
    pub fail: u32,
    /// Tests that were skipped.
    pub skip: u32,
}

impl Totals {
    /// Counts one more test.
    pub fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Pass => self.pass += 1,
            Verdict::Fail => self.fail += 1,
            Verdict::Skip(_) => self.skip += 1,
        }
    }
}

/// Writes one stream.
pub struct Ktap<W: Write> {
    out: W,
    number: u32,
}

/// Indentation of a nested test, per level.
pub const INDENT: &str = "    ";

impl<W: Write> Ktap<W> {
    /// Starts a stream with its version line.
    pub fn start(mut out: W) -> io::Result<Self> {
        writeln!(out, "KTAP version 1")?;
        out.flush()?;
        Ok(Self { out, number: 0 })
    }

    /// Announces the number of top-level tests.
    pub fn plan(&mut self, tests: usize) -> io::Result<()> {
        writeln!(self.out, "1..{tests}")?;
        self.out.flush()
    }

    /// Writes a diagnostic line.
    pub fn diagnostic(&mut self, text: &str) -> io::Result<()> {
        for line in text.lines() {
            writeln!(self.out, "# {line}")?;
        }
        self.out.flush()
    }

    /// Writes the lines of a nested test, with its own plan in front.
    pub fn nested(&mut self, name: &str, lines: &[String]) -> io::Result<()> {
        let results = lines.iter().filter(|line| is_result(line)).count();
        writeln!(self.out, "{INDENT}KTAP version 1")?;
        writeln!(self.out, "{INDENT}# Subtest: {name}")?;
        writeln!(self.out, "{INDENT}1..{results}")?;
        for line in lines {
            writeln!(self.out, "{INDENT}{line}")?;
        }
        self.out.flush()
    }

    /// Writes the result line of a top-level test.
    pub fn result(&mut self, name: &str, verdict: &Verdict) -> io::Result<()> {
        self.number += 1;
        writeln!(self.out, "{}", result_line(self.number, name, verdict))?;
        self.out.flush()
    }

    /// Writes the line that makes the stream complete; nothing follows it.
    pub fn finish(mut self, totals: Totals) -> io::Result<()> {
        writeln!(
            self.out,
            "# summary: pass={} fail={} skip={}",
            totals.pass, totals.fail, totals.skip
        )?;
        self.out.flush()
    }
}

/// One result line. The description cannot start a directive or another line.
pub fn result_line(number: u32, description: &str, verdict: &Verdict) -> String {
    let text = clean(description);
    match verdict {
        Verdict::Pass => format!("ok {number} - {text}"),
        Verdict::Fail => format!("not ok {number} - {text}"),
        Verdict::Skip(reason) => format!("ok {number} - {text} # SKIP {}", clean(reason)),
    }
}

/// Whether a line is a result, with or without success.
pub fn is_result(line: &str) -> bool {
    line.starts_with("ok ") || line.starts_with("not ok ")
}

/// Replaces what has a meaning in the protocol.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' => ' ',
            '#' => '+',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(act: impl FnOnce(&mut Ktap<&mut Vec<u8>>)) -> String {
        let mut buffer = Vec::new();
        act(&mut Ktap::start(&mut buffer).unwrap());
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn nested_test_has_its_own_plan() {
        let text = written(|k| {
            let lines = ["ok 1 - a", "# why", "not ok 2 - b"].map(String::from);
            k.nested("x", &lines).unwrap();
            k.result("x", &Verdict::Fail).unwrap();
        });
        assert_eq!(
            text,
            "KTAP version 1\n    KTAP version 1\n    # Subtest: x\n    1..2\n    ok 1 - a\n    \
             # why\n    not ok 2 - b\nnot ok 1 - x\n"
        );
    }

    #[test]
    fn results_are_numbered() {
        let text = written(|k| {
            k.result("a", &Verdict::Pass).unwrap();
            k.result("b", &Verdict::Skip("no disk".into())).unwrap();
        });
        assert!(text.ends_with("ok 1 - a\nok 2 - b # SKIP no disk\n"));
    }

    #[test]
    fn description_cannot_be_a_directive() {
        assert_eq!(
            result_line(3, "a # SKIP\nok 4", &Verdict::Fail),
            "not ok 3 - a + SKIP ok 4"
        );
    }

    #[test]
    fn summary_is_the_last_line() {
        let mut buffer = Vec::new();
        let ktap = Ktap::start(&mut buffer).unwrap();
        let mut totals = Totals::default();
        totals.add(&Verdict::Pass);
        totals.add(&Verdict::Fail);
        totals.add(&Verdict::Skip("x".into()));
        ktap.finish(totals).unwrap();
        assert!(buffer.ends_with(b"# summary: pass=1 fail=1 skip=1\n"));
    }
}
