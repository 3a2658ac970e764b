// SPDX-License-Identifier: GPL-2.0

//! `vserver kernel`

use super::Setting;
use crate::failure::Outcome;
use crate::inside::STORED_SPACES;
use crate::live::support_failure;
use crate::output;
use libvserver::abi;
use libvserver::names::{ADDITIONS, BitName, FEATURES, SPACES, names_of, resources_of};
use libvserver::{Support, Syscall, Vserver, probe};
use serde::Serialize;
use std::borrow::Borrow;
use std::fs;
use std::path::Path;

/// What a kernel offers.
#[derive(Debug, Default, Serialize)]
struct Report {
    release: String,
    available: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    interface_version: Option<String>,
    feature_word: Option<String>,
    features: Vec<String>,
    missing_features: Vec<String>,
    /// Version of what the kernel adds to the original; none when it adds nothing.
    additions_version: Option<u32>,
    additions: Vec<String>,
    missing_additions: Vec<String>,
    /// Resources whose limits can be set.
    limits: Vec<&'static str>,
    spaces: Vec<String>,
    default_spaces: Vec<String>,
    contexts: Option<usize>,
    /// What a guest of this command needs beside `vserver()`.
    facilities: Vec<Facility>,
}

/// Something else that a guest needs.
#[derive(Debug, Serialize)]
struct Facility {
    name: &'static str,
    available: bool,
}

/// Files that exist when the kernel has a facility.
const FACILITIES: &[(&str, &str)] = &[
    ("/proc/virtual", "/proc/virtual"),
    ("mount namespaces", "/proc/self/ns/mnt"),
    ("host name namespaces", "/proc/self/ns/uts"),
    ("ipc namespaces", "/proc/self/ns/ipc"),
    ("pid namespaces", "/proc/self/ns/pid"),
    ("cgroup namespaces", "/proc/self/ns/cgroup"),
    ("time namespaces", "/proc/self/ns/time"),
    ("pseudo terminals", "/dev/ptmx"),
];

pub(super) fn run(setting: &Setting) -> Outcome<u8> {
    let vserver = Vserver::with(&setting.system);
    let support = probe(&vserver);
    let failure = support_failure(support);
    let mut report = ask(&vserver, support);
    report.problem = failure.as_ref().map(|failure| failure.message.clone());
    output::show(setting.json, &report, || text(&report));
    match failure {
        // The report has gone to standard output; the failure says what to do.
        Some(failure) => Err(failure),
        None => Ok(0),
    }
}

/// Bits of the table that `word` lacks.
fn missing(table: &[BitName], word: u64) -> Vec<String> {
    let missing = table.iter().filter(|entry| word & entry.bit == 0);
    missing.map(|entry| entry.name.to_owned()).collect()
}

fn ask<S: Syscall>(vserver: &Vserver<S>, support: Support) -> Report {
    let mut report = Report {
        release: fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        facilities: facilities(),
        ..Default::default()
    };
    let Support::Available { version, features } = support else {
        return report;
    };
    report.available = true;
    report.interface_version = Some(format!("{:04x}:{:04x}", version >> 16, version & 0xffff));
    report.feature_word = Some(format!("{features:#010x}"));
    report.features = names_of(FEATURES, features.into());
    report.missing_features = missing(FEATURES, features.into());
    // A kernel that does not know the question adds nothing.
    let additions = vserver.features().unwrap_or_default();
    report.additions_version = (additions.version != 0).then_some(additions.version);
    report.additions = names_of(ADDITIONS, additions.bits);
    report.missing_additions = missing(ADDITIONS, additions.bits);
    let mask = vserver.rlimit_mask().unwrap_or_default().maximum;
    report.limits = resources_of(mask).map(|resource| resource.name).collect();
    report.spaces = names_of(SPACES, vserver.space_mask().unwrap_or(0));
    report.default_spaces = names_of(SPACES, vserver.space_default().unwrap_or(0));
    report.contexts = contexts();
    report
}

fn facilities() -> Vec<Facility> {
    let cgroup2 =
        fs::read_to_string("/proc/self/mountinfo").is_ok_and(|text| text.contains(" - cgroup2 "));
    FACILITIES
        .iter()
        .map(|(name, path)| Facility {
            name,
            available: Path::new(path).exists(),
        })
        .chain([Facility {
            name: "cgroup2, mounted",
            available: cgroup2,
        }])
        .collect()
}

fn contexts() -> Option<usize> {
    let status = fs::read_to_string("/proc/virtual/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("#CActive:"))?;
    line.trim().parse().ok()
}

fn list<T: Borrow<str>>(names: &[T]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

fn text(report: &Report) -> String {
    let unknown = || "unknown".to_owned();
    let mut lines = vec![("kernel", report.release.clone())];
    match &report.problem {
        Some(problem) => lines.push(("vserver()", format!("not usable: {problem}"))),
        None => {
            let version = report.interface_version.clone().unwrap_or_default();
            lines.push(("vserver()", format!("interface version {version}")));
            let word = report.feature_word.clone().unwrap_or_default();
            lines.push(("feature word", word));
            lines.push(("features", list(&report.features)));
            lines.push(("not offered", list(&report.missing_features)));
            let version = report
                .additions_version
                .map(|version| format!("version {version}: "));
            let additions = version.unwrap_or_default() + &list(&report.additions);
            lines.push(("additions", additions));
            lines.push(("not added", list(&report.missing_additions)));
            lines.push(("limits", list(&report.limits)));
            lines.push(("spaces", list(&report.spaces)));
            lines.push(("default spaces", list(&report.default_spaces)));
            let spaces = names_of(
                SPACES,
                (STORED_SPACES | abi::space::PID) & abi::space::SUPPORTED,
            );
            lines.push(("spaces of guests", list(&spaces)));
            let contexts = report
                .contexts
                .map_or_else(unknown, |count| count.to_string());
            lines.push(("contexts", contexts));
        }
    }
    for facility in &report.facilities {
        let state = if facility.available { "yes" } else { "no" };
        lines.push((facility.name, state.to_owned()));
    }
    output::pairs(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libvserver::Errno;
    use libvserver::abi::vcmd;
    use libvserver::fake::Fake;

    fn report(fake: &Fake) -> Report {
        let support = Support::Available {
            version: 0x0002_0308,
            features: 0x401,
        };
        ask(&Vserver::with(fake.clone()), support)
    }

    /// What stands beside a key.
    fn value<'a>(text: &'a str, key: &str) -> &'a str {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("{text}")).trim_start()
    }

    #[test]
    fn additions_are_named() {
        let report = report(&Fake::new());
        assert_eq!(report.additions_version, Some(1));
        assert_eq!(
            report.additions.join(" "),
            "SPACE_TIME SPACE_CGROUP OWN_SETUP_ONLY HOST_CREATE"
        );
        assert!(
            report
                .missing_additions
                .contains(&"LIMITS_ENFORCED".to_owned())
        );
        let text = text(&report);
        assert_eq!(
            value(&text, "additions").find("version 1: SPACE_TIME "),
            Some(0)
        );
        assert_eq!(value(&text, "limits").find("nproc nofile "), Some(0));
    }

    #[test]
    fn a_kernel_of_the_original_adds_nothing() {
        let fake = Fake::new();
        fake.fail_next(vcmd::GET_FEATURES, Errno(libc::ENOSYS));
        let report = report(&fake);
        assert_eq!(report.additions_version, None);
        assert_eq!(report.missing_additions.len(), ADDITIONS.len());
        let text = text(&report);
        assert_eq!(value(&text, "additions"), "none");
    }

    #[test]
    fn without_the_call_only_the_rest_is_told() {
        let report = ask(&Vserver::with(Fake::new()), Support::NoSystemCall);
        assert!(!report.available && report.interface_version.is_none());
        assert!(!report.facilities.is_empty());
    }
}
