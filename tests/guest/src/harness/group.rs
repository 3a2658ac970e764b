// SPDX-License-Identifier: GPL-2.0

//! A control group of the second version, directly below the root.

use super::check::{Need, Stop};
use super::wait;
use crate::limits::GONE_WITHIN;
use crate::sys::files;

const ROOT: &str = "/sys/fs/cgroup";

/// A control group, removed when it is dropped.
#[derive(Debug)]
pub struct Group(String);

impl Group {
    /// Makes a group with the controllers for processors and memory.
    pub fn make(name: &str) -> Result<Self, Stop> {
        files::write(&format!("{ROOT}/cgroup.subtree_control"), "+cpuset +memory")
            .need("controllers")?;
        Self::at(format!("{ROOT}/{name}"))
    }

    fn at(path: String) -> Result<Self, Stop> {
        files::mkdir(&path).need("make a control group")?;
        Ok(Self(path))
    }

    /// A group inside of this one, which must not have processes.
    pub fn inner(&self, name: &str) -> Result<Self, Stop> {
        self.set("cgroup.subtree_control", "+cpuset +memory")?;
        Self::at(format!("{}/{name}", self.0))
    }

    /// Writes one of its files.
    pub fn set(&self, file: &str, value: &str) -> Result<(), Stop> {
        files::write(&format!("{}/{file}", self.0), value).need(file)
    }

    /// A number of one of its files: the first one, or the one behind a name.
    pub fn number(&self, file: &str, name: &str) -> Result<u64, Stop> {
        let text = files::read(&format!("{}/{file}", self.0)).need(file)?;
        let found = text.lines().find_map(|line| match line.split_once(' ') {
            Some((first, number)) if first == name => number.parse().ok(),
            None if name.is_empty() => line.parse().ok(),
            _ => None,
        });
        found.need(&format!("{name} in {file}"))
    }

    /// Does something as a process of this group: what it starts is in it.
    pub fn within<T>(&self, body: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
        self.set("cgroup.procs", "0")?;
        let result = body();
        files::write(&format!("{ROOT}/cgroup.procs"), "0").need("leave the group")?;
        result
    }

    /// Path of the file that a process writes 0 to for entering.
    pub fn entry(&self) -> String {
        format!("{}/cgroup.procs", self.0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that has just ended is in it a moment longer.
        wait::until(GONE_WITHIN, || std::fs::remove_dir(&self.0).is_ok());
    }
}
