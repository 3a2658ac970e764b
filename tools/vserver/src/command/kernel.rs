// SPDX-License-Identifier: GPL-2.0

//! `vserver kernel`

use super::Setting;
use crate::failure::Outcome;
use crate::inside::STORED_SPACES;
use crate::live::support_failure;
use crate::output;
use libvserver::abi;
use libvserver::names::{FEATURES, SPACES, names_of};
use libvserver::{Support, Vserver, probe};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// What a kernel offers.
#[derive(Debug, Serialize)]
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
    let mut report = Report {
        release: fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        available: failure.is_none(),
        problem: failure.as_ref().map(|failure| failure.message.clone()),
        interface_version: None,
        feature_word: None,
        features: Vec::new(),
        missing_features: Vec::new(),
        spaces: Vec::new(),
        default_spaces: Vec::new(),
        contexts: None,
        facilities: facilities(),
    };
    if let Support::Available { version, features } = support {
        report.interface_version = Some(format!("{:04x}:{:04x}", version >> 16, version & 0xffff));
        report.feature_word = Some(format!("{features:#010x}"));
        report.features = names_of(FEATURES, features.into());
        report.missing_features = FEATURES
            .iter()
            .filter(|feature| u64::from(features) & feature.bit == 0)
            .map(|feature| feature.name.to_owned())
            .collect();
        report.spaces = names_of(SPACES, vserver.space_mask().unwrap_or(0));
        report.default_spaces = names_of(SPACES, vserver.space_default().unwrap_or(0));
        report.contexts = contexts();
    }
    output::show(setting.json, &report, || text(&report));
    match failure {
        // The report has gone to standard output; the failure says what to do.
        Some(failure) => Err(failure),
        None => Ok(0),
    }
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

fn text(report: &Report) -> String {
    let list = |names: &[String]| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(" ")
        }
    };
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
            lines.push(("spaces", list(&report.spaces)));
            lines.push(("default spaces", list(&report.default_spaces)));
            let spaces = names_of(SPACES, STORED_SPACES & abi::space::SUPPORTED);
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
    let width = lines.iter().map(|line| line.0.len()).max().unwrap_or(0);
    lines
        .iter()
        .map(|(key, value)| format!("{key:<width$}  {value}"))
        .collect::<Vec<_>>()
        .join("\n")
}
