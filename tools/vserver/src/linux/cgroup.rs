// SPDX-License-Identifier: GPL-2.0

//! Cgroups of guests: `vserver/NAME` below the mount point of cgroup2.

use crate::system::Cgroup;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long tasks that have ended may still occupy a cgroup.
const PATIENCE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_millis(10);

/// A mounted cgroup2 file system.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    mount_point: PathBuf,
    delegated: bool,
}

/// Finds cgroup2 in the text of a `mountinfo` file; the first one is taken.
fn find_hierarchy(mountinfo: &str) -> Option<Hierarchy> {
    mountinfo.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut filesystem = filesystem.split(' ');
        if filesystem.next()? != "cgroup2" {
            return None;
        }
        let options = filesystem.nth(1).unwrap_or("");
        Some(Hierarchy {
            mount_point: mount.split(' ').nth(4)?.into(),
            delegated: options.split(',').any(|option| option == "nsdelegate"),
        })
    })
}

fn hierarchy() -> io::Result<Option<Hierarchy>> {
    Ok(find_hierarchy(&fs::read_to_string("/proc/self/mountinfo")?))
}

fn cgroup_in(hierarchy: &Hierarchy, guest: &str) -> Cgroup {
    Cgroup {
        path: hierarchy.mount_point.join("vserver").join(guest),
        delegated: hierarchy.delegated,
    }
}

pub(super) fn create(guest: &str) -> io::Result<Option<Cgroup>> {
    let Some(hierarchy) = hierarchy()? else {
        return Ok(None);
    };
    let cgroup = cgroup_in(&hierarchy, guest);
    // What an earlier guest of this name left behind is empty and goes; what has tasks stays.
    remove_tree(&cgroup.path, Duration::ZERO)?;
    fs::create_dir_all(&cgroup.path)?;
    Ok(Some(cgroup))
}

pub(super) fn find(guest: &str) -> Option<Cgroup> {
    let hierarchy = hierarchy().ok()??;
    let cgroup = cgroup_in(&hierarchy, guest);
    cgroup.path.is_dir().then_some(cgroup)
}

pub(super) fn remove(guest: &str) -> io::Result<()> {
    match hierarchy()? {
        None => Ok(()),
        Some(hierarchy) => remove_tree(&cgroup_in(&hierarchy, guest).path, PATIENCE),
    }
}

/// Removes a cgroup and all below it, deepest first.
fn remove_tree(path: &Path, patience: Duration) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path(), patience)?;
        }
    }
    let deadline = Instant::now() + patience;
    loop {
        match fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                if Instant::now() >= deadline {
                    return Err(error);
                }
                std::thread::sleep(INTERVAL);
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_is_found_in_mountinfo() {
        let text = "22 1 0:20 / /sys rw shared:2 - sysfs sysfs rw\n\
                    30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(
            find_hierarchy(text),
            Some(Hierarchy {
                mount_point: "/sys/fs/cgroup".into(),
                delegated: true,
            })
        );
        let plain = text.replace(",nsdelegate", "");
        assert!(!find_hierarchy(&plain).unwrap().delegated);
        assert_eq!(find_hierarchy(&text.replace("cgroup2", "cgroup")), None);
    }

    #[test]
    fn trees_are_removed_deepest_first() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("web");
        fs::create_dir_all(top.join("a/b")).unwrap();
        remove_tree(&top, Duration::ZERO).unwrap();
        assert!(!top.exists());
        remove_tree(&top, Duration::ZERO).unwrap();
    }
}
