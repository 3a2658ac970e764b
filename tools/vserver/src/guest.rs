// SPDX-License-Identifier: GPL-2.0

//! A guest, as its description says.

use crate::limits::Limits;
use crate::network::Network;
use crate::rights;
use libvserver::abi::{space, vxf};
use libvserver::capability;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A checked guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Name: that of the file without `.toml`.
    pub name: String,
    /// The file that describes the guest.
    pub file: PathBuf,
    /// Context id, 2 to 65535.
    pub xid: u32,
    /// Root directory on the host, absolute.
    pub root: PathBuf,
    /// Host name inside; the name of the guest when the description has none.
    pub hostname: String,
    /// Command run as pid 1, with its arguments; never empty.
    pub init: Vec<String>,
    /// Where its tasks have their numbers.
    pub pid_namespace: PidNamespace,
    /// Capability mask.
    pub capabilities: u64,
    /// Flags of the context beside those of every start.
    pub flags: u64,
    /// Context capabilities.
    pub ccaps: u64,
    /// Namespaces that its tasks may make.
    pub umask: u64,
    /// Additional mounts, in order.
    pub mounts: Vec<Mount>,
    /// Additional environment variables.
    pub env: BTreeMap<String, String>,
    /// Signal that asks init to stop; chosen by the kind of init when the description has none.
    pub stop_signal: Option<i32>,
    /// Its network; without one it uses that of the host.
    pub network: Option<Network>,
    /// What it may use.
    pub limits: Limits,
}

/// Flags by which a guest is told of its own memory, uptime, processors and load instead of those of
/// the machine.
pub const VALUES: u64 = vxf::VIRT_MEM | vxf::VIRT_UPTIME | vxf::VIRT_CPU | vxf::VIRT_LOAD;

/// The pid namespace of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PidNamespace {
    /// One of its own, of which init is pid 1.
    #[default]
    Own,
    /// That of the host: the kernel shows init as pid 1 to the tasks of the guest, and all others
    /// by the numbers that the host knows.
    Shared,
}

impl PidNamespace {
    /// Flags of a context that the description does not name: those of [`VALUES`], and in a shared
    /// pid namespace those with which the registered init is pid 1, and `reboot(2)` ends the guest,
    /// as it does by itself in an own one.
    pub const fn flags(self) -> u64 {
        match self {
            Self::Own => VALUES,
            Self::Shared => VALUES | vxf::INFO_INIT | vxf::REBOOT_KILL,
        }
    }

    /// Bits of the namespace to make and to keep: those of `clone(2)` and of the kernel's spaces
    /// are the same.
    pub const fn space(self) -> u64 {
        match self {
            Self::Own => space::PID,
            Self::Shared => 0,
        }
    }

    /// The namespace in a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Shared => "shared with the host",
        }
    }
}

/// An additional mount of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Path on the host for a bind mount, else what the file system type takes.
    pub source: String,
    /// Absolute path inside the guest.
    pub target: String,
    /// File system type; `bind` shows `source` at `target`.
    #[serde(default = "Mount::bind", rename = "type")]
    pub kind: String,
    /// `ro`, `nosuid`, `nodev`, `noexec`; others are passed to the file system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Mount {
    fn bind() -> String {
        "bind".to_owned()
    }

    /// Whether the mount shows a directory or file of the host.
    pub fn is_bind(&self) -> bool {
        self.kind == "bind"
    }
}

/// Command of a guest whose description names none.
pub const DEFAULT_INIT: &str = "/sbin/init";

impl Guest {
    /// The flag that lets the context of a running guest outlive its tasks, or 0. In a shared pid
    /// namespace the wait status of init does not tell what the guest has asked for by
    /// `reboot(2)`, and only a context that is still there does.
    pub fn kept(&self) -> u64 {
        match self.pid_namespace {
            PidNamespace::Own => self.flags & vxf::PERSISTENT,
            PidNamespace::Shared => vxf::PERSISTENT,
        }
    }

    /// Names of the capabilities in the mask.
    pub fn capability_names(&self) -> Vec<String> {
        capability::names_of(self.capabilities)
    }

    /// The environment of every command that the tools run inside the guest; `term` is the kind
    /// of terminal.
    pub fn environment(&self, term: &str) -> BTreeMap<String, String> {
        let mut env = base_environment(term);
        env.extend(
            self.env
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        env
    }
}

/// The environment of commands in a guest that has no description.
pub fn base_environment(term: &str) -> BTreeMap<String, String> {
    let fixed = [
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("HOME", "/root"),
        ("TERM", term),
        ("container", "vserver"),
    ];
    fixed
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Applies additions and removals to the default mask.
pub fn capability_mask(added: u64, dropped: u64) -> u64 {
    (rights::DEFAULT_MASK | added) & !dropped
}

/// Whether `path` is absolute and has no `.` or `..` component.
pub fn is_plain_absolute(path: &Path) -> bool {
    use std::path::Component;
    path.is_absolute()
        && path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

/// What is wrong with a host name, if anything.
pub fn hostname_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > 64 {
        return Some("it has more than 64 characters");
    }
    let allowed = |found: char| found.is_ascii_alphanumeric() || matches!(found, '-' | '.');
    if !name.chars().all(allowed) {
        return Some("only letters, digits, '-' and '.' are allowed");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_wins_over_addition() {
        let net = 1 << capability::NET_RAW;
        assert_eq!(capability_mask(net, 0), rights::DEFAULT_MASK | net);
        assert_eq!(capability_mask(net, net), rights::DEFAULT_MASK);
        assert_eq!(capability_mask(0, u64::MAX), 0);
    }

    #[test]
    fn only_plain_absolute_paths_pass() {
        assert!(is_plain_absolute(Path::new("/srv/web")));
        assert!(!is_plain_absolute(Path::new("srv/web")));
        assert!(!is_plain_absolute(Path::new("/srv/../etc")));
    }

    #[test]
    fn host_names_are_checked() {
        assert_eq!(hostname_problem("web1.example.org"), None);
        assert!(hostname_problem("").is_some());
        assert!(hostname_problem("a b").is_some());
        assert!(hostname_problem(&"x".repeat(65)).is_some());
    }
}
