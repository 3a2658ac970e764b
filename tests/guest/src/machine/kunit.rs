// SPDX-License-Identifier: GPL-2.0

//! Results of the KUnit suites, which the kernel ran at boot or when the module was loaded.

use crate::harness::ktap::Verdict;
use crate::limits::Flavour;
use crate::sys::files;

const DIRECTORY: &str = "/sys/kernel/debug/kunit";

/// What the names of the core's suites begin with.
const OURS: &str = "vserver_";

/// One suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its outcome.
    pub verdict: Verdict,
    /// Its cases, without indentation.
    pub lines: Vec<String>,
}

/// All suites that this kernel has results of, by name.
pub fn collect() -> Vec<Suite> {
    let mut names = files::list(DIRECTORY).unwrap_or_default();
    names.sort();
    names
        .iter()
        .map(|name| {
            let path = format!("{DIRECTORY}/{name}/results");
            match files::read(&path) {
                Ok(text) => parse(name, &text),
                Err(error) => Suite {
                    name: name.clone(),
                    verdict: Verdict::Fail,
                    lines: vec![format!("# {path}: {}", crate::sys::describe(error))],
                },
            }
        })
        .collect()
}

/// The suites that count on this kernel. The debug kernel is built with those of the core, so their
/// absence is a failure: nothing would have been tested.
pub fn demand(mut suites: Vec<Suite>, flavour: Flavour) -> Vec<Suite> {
    if flavour == Flavour::Debug && !suites.iter().any(|suite| suite.name.starts_with(OURS)) {
        suites.push(Suite {
            name: OURS.into(),
            verdict: Verdict::Fail,
            lines: vec![format!("# {DIRECTORY} has no suite of the core")],
        });
    }
    suites
}

/// Reads the results of one suite. A text without a final result is a failure: the suite did not
/// end.
pub fn parse(name: &str, text: &str) -> Suite {
    let mut lines = Vec::new();
    let mut verdict = Verdict::Fail;
    for line in text.lines() {
        if let Some(inner) = line.strip_prefix("    ") {
            let header = inner.starts_with("KTAP version")
                || inner.starts_with("# Subtest:")
                || inner.starts_with("1..");
            if !header {
                lines.push(inner.to_string());
            }
        } else if let Some(rest) = line.strip_prefix("ok ") {
            verdict = match rest.split_once("# SKIP") {
                Some((_, reason)) => Verdict::Skip(reason.trim().to_string()),
                None => Verdict::Pass,
            };
        } else if line.starts_with("# ") {
            lines.push(line.to_string());
        }
    }
    if verdict == Verdict::Pass && lines.iter().any(|line| line.starts_with("not ok ")) {
        verdict = Verdict::Fail;
    }
    Suite {
        name: name.into(),
        verdict,
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: vserver_ids\n    \
                        1..2\n    ok 1 lowest\n    ok 2 highest\nok 1 vserver_ids\n";

    #[test]
    fn a_suite_passes() {
        let suite = parse("vserver_ids", GOOD);
        assert_eq!(suite.verdict, Verdict::Pass);
        assert_eq!(suite.lines, ["ok 1 lowest", "ok 2 highest"]);
    }

    #[test]
    fn a_failed_case_fails_the_suite() {
        let text = GOOD
            .replace("    ok 2", "    not ok 2")
            .replace("\nok 1 vserver", "\nnot ok 1 vserver");
        assert_eq!(parse("vserver_ids", &text).verdict, Verdict::Fail);
    }

    #[test]
    fn a_suite_that_did_not_end_fails() {
        assert_eq!(parse("x", "KTAP version 1\n1..1\n").verdict, Verdict::Fail);
    }

    #[test]
    fn the_debug_kernel_must_have_suites_of_the_core() {
        let ours = vec![parse("vserver_ids", GOOD)];
        assert_eq!(demand(ours.clone(), Flavour::Debug), ours);
        assert_eq!(demand(Vec::new(), Flavour::Release), Vec::new());
        let missing = demand(vec![parse("other", GOOD)], Flavour::Debug);
        assert_eq!(missing.len(), 2);
        assert_eq!(missing[1].verdict, Verdict::Fail);
    }

    #[test]
    fn a_skip_keeps_its_reason() {
        let suite = parse("x", "KTAP version 1\n1..1\nok 1 x # SKIP no memory\n");
        assert_eq!(suite.verdict, Verdict::Skip("no memory".into()));
    }
}
