// SPDX-License-Identifier: GPL-2.0

//! Cgroups of guests: `vserver/NAME` below the mount point of cgroup2.

use crate::removal::{Files, remove_tree};
use crate::system::Cgroup;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long tasks that have ended may still occupy a cgroup.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many cgroups a guest may make: more than a systemd with many services does.
const MOST_CGROUPS: u32 = 2000;
/// How deep they may be in one another.
const DEEPEST: u32 = 32;
/// How many all guests have and make. The kernel numbers those with memory accounts by 16 bits, and
/// the host is to have as many.
const MOST_OF_ALL: u32 = 32_000;

/// Start of the names of cgroups that commands of the host make below that of a guest.
const BELOW: &str = "vserver-exec-";

/// How often a cgroup below that of a guest is made before the guest has its way.
const ATTEMPTS: u32 = 8;

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

/// Where cgroup2 is mounted, if it is.
pub(super) fn mount_point() -> io::Result<Option<PathBuf>> {
    Ok(hierarchy()?.map(|hierarchy| hierarchy.mount_point))
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
    remove_tree(&cgroup.path, Files::OfTheKernel, Duration::ZERO)?;
    fs::create_dir_all(&cgroup.path)?;
    bound_below(&hierarchy.mount_point, guest)?;
    Ok(Some(cgroup))
}

/// Bounds what may be made below the cgroup of a guest, and below those of all guests: the kernel
/// has numbers for so many on the whole machine. With nsdelegate the files of the guest's topmost
/// cgroup are not its own to write; and the one above is out of its sight.
fn bound_below(top: &Path, guest: &str) -> io::Result<()> {
    let all = top.join("vserver");
    let one = all.join(guest);
    for (directory, file, value) in [
        (&all, "cgroup.max.descendants", MOST_OF_ALL),
        (&one, "cgroup.max.descendants", MOST_CGROUPS),
        (&one, "cgroup.max.depth", DEEPEST),
    ] {
        match write(&directory.join(file), &value.to_string()) {
            // Kernels before 4.14.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

pub(super) fn find(guest: &str) -> Option<Cgroup> {
    let hierarchy = hierarchy().ok()??;
    let cgroup = cgroup_in(&hierarchy, guest);
    cgroup.path.is_dir().then_some(cgroup)
}

/// As [`find`], for those who cannot do without.
pub(super) fn existing(guest: &str) -> io::Result<Cgroup> {
    find(guest).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
}

/// Writes a line to a file of a cgroup, which is never made here.
pub(super) fn write(file: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(file)?
        .write_all(format!("{value}\n").as_bytes())
}

/// A cgroup has a number that is given once while the kernel runs.
pub(super) fn identity(cgroup: &Cgroup) -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let number = fs::metadata(&cgroup.path)?.ino();
    Ok(format!("{}-{number}", boot.trim_end()))
}

pub(super) fn enable(guest: &str, controller: &str) -> io::Result<bool> {
    match hierarchy()? {
        None => Ok(false),
        Some(hierarchy) => enable_below(&hierarchy.mount_point, guest, controller),
    }
}

/// Hands a controller on from the topmost cgroup to that of the guest; tells whether the topmost
/// one has it.
fn enable_below(top: &Path, guest: &str, controller: &str) -> io::Result<bool> {
    let has = |directory: &Path, file: &str| -> io::Result<bool> {
        let found = fs::read_to_string(directory.join(file))?;
        Ok(found.split_whitespace().any(|one| one == controller))
    };
    if !has(top, "cgroup.controllers")? {
        return Ok(false);
    }
    for directory in [top.to_owned(), top.join("vserver")] {
        if !has(&directory, "cgroup.subtree_control")? {
            write(
                &directory.join("cgroup.subtree_control"),
                &format!("+{controller}"),
            )?;
        }
    }
    has(&top.join("vserver").join(guest), "cgroup.controllers")
}

pub(super) fn remove(guest: &str) -> io::Result<()> {
    match hierarchy()? {
        None => Ok(()),
        Some(hierarchy) => {
            let path = cgroup_in(&hierarchy, guest).path;
            remove_tree(&path, Files::OfTheKernel, PATIENCE)
        }
    }
}

/// Moves the caller into a new cgroup below that of a guest. What is below is the guest's: a name
/// that it cannot guess keeps it from preparing the place, and when it interferes later, another
/// place is made.
pub(super) fn enter_below(cgroup: &Cgroup) -> io::Result<()> {
    enter_new(cgroup, || {
        fs::read_to_string("/proc/sys/kernel/random/uuid")
    })
}

fn enter_new(cgroup: &Cgroup, mut word: impl FnMut() -> io::Result<String>) -> io::Result<()> {
    let mut result = Ok(());
    for _ in 0..ATTEMPTS {
        let directory = cgroup.path.join(format!("{BELOW}{}", word()?.trim_end()));
        result = fs::create_dir(&directory);
        if result.is_ok() {
            result = write(&directory.join("cgroup.procs"), "0");
            if result.is_ok() {
                break;
            }
            // Fails when the guest was faster.
            let _ = fs::remove_dir(&directory);
        }
    }
    result
}

/// Fails as making a process there would when a cgroup has as many as it may have: the kernel does
/// not ask when a process is moved there.
pub(super) fn require_room(cgroup: &Cgroup) -> io::Result<()> {
    let read = |file: &str| -> Option<u64> {
        let text = fs::read_to_string(cgroup.path.join(file)).ok()?;
        text.trim_end().parse().ok()
    };
    // No number where there is no limit, no file where there is no controller.
    match (read("pids.current"), read("pids.max")) {
        (Some(current), Some(limit)) if current >= limit => {
            Err(io::Error::from_raw_os_error(libc::EAGAIN))
        }
        _ => Ok(()),
    }
}

/// Removes the cgroups that [`enter_below`] has made and that are empty now. Those of commands that
/// left something running stay until a later command of the host, or the end of the guest.
pub(super) fn tidy(guest: &str) {
    if let Some(cgroup) = find(guest) {
        tidy_below(&cgroup.path);
    }
}

fn tidy_below(path: &Path) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(BELOW.as_bytes())
        {
            // One that is in use refuses. When it was made this moment and is still empty, its
            // maker makes another.
            let _ = fs::remove_dir(entry.path());
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
    fn a_controller_is_handed_on_from_the_top() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        let guest = top.join("vserver/web");
        fs::create_dir_all(&guest).unwrap();
        fs::write(top.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        fs::write(top.join("cgroup.subtree_control"), "cpu pids\n").unwrap();
        fs::write(top.join("vserver/cgroup.subtree_control"), "pids\n").unwrap();
        fs::write(guest.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        let written = |file: &str| fs::read_to_string(top.join(file)).unwrap();
        assert!(!enable_below(top, "web", "io").unwrap());
        assert!(enable_below(top, "web", "pids").unwrap());
        assert_eq!(written("cgroup.subtree_control"), "cpu pids\n");
        assert!(enable_below(top, "web", "cpu").unwrap());
        assert_eq!(written("cgroup.subtree_control"), "cpu pids\n");
        assert_eq!(written("vserver/cgroup.subtree_control"), "+cpu\n");
        assert!(enable_below(top, "web", "memory").unwrap());
        // A plain file keeps the end of what it held.
        assert_eq!(written("cgroup.subtree_control"), "+memory\n\n");
        assert!(enable_below(top, "db", "cpu").is_err());
        let missing = write(&guest.join("io.max"), "1").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_place_below_is_never_one_that_the_guest_has_prepared() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let cgroup = Cgroup {
            path: path.to_owned(),
            delegated: true,
        };
        let prepared = path.join("vserver-exec-guessed");
        fs::create_dir(&prepared).unwrap();
        fs::write(prepared.join("cgroup.procs"), "").unwrap();
        let mut words = 0;
        let result = enter_new(&cgroup, || {
            words += 1;
            let word = ["guessed\n", "2\n"][usize::from(words > 1)];
            Ok(word.to_owned())
        });
        // Outside of a cgroup file system the new directory is empty.
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(words, ATTEMPTS);
        assert_eq!(
            fs::read_to_string(prepared.join("cgroup.procs")).unwrap(),
            ""
        );
        assert!(!path.join("vserver-exec-2").exists(), "taken back");
    }

    #[test]
    fn only_empty_places_below_are_tidied_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for name in ["vserver-exec-1", "vserver-exec-2/used", "init.scope"] {
            fs::create_dir_all(path.join(name)).unwrap();
        }
        tidy_below(path);
        assert!(!path.join("vserver-exec-1").exists());
        assert!(path.join("vserver-exec-2/used").exists());
        assert!(path.join("init.scope").exists());
    }

    #[test]
    fn a_full_cgroup_has_no_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let cgroup = Cgroup {
            path: path.clone(),
            delegated: true,
        };
        require_room(&cgroup).unwrap();
        fs::write(path.join("pids.current"), "20\n").unwrap();
        fs::write(path.join("pids.max"), "max\n").unwrap();
        require_room(&cgroup).unwrap();
        fs::write(path.join("pids.max"), "21\n").unwrap();
        require_room(&cgroup).unwrap();
        fs::write(path.join("pids.max"), "20\n").unwrap();
        let error = require_room(&cgroup).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
    }

    #[test]
    fn cgroups_that_a_guest_makes_are_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        let guest = top.join("vserver/web");
        fs::create_dir_all(&guest).unwrap();
        for cgroup in [&top.join("vserver"), &guest] {
            for file in ["cgroup.max.descendants", "cgroup.max.depth"] {
                fs::write(cgroup.join(file), "max").unwrap();
            }
        }
        bound_below(top, "web").unwrap();
        let written = |file: &str| fs::read_to_string(top.join("vserver").join(file)).unwrap();
        assert_eq!(written("web/cgroup.max.descendants"), "2000\n");
        assert_eq!(written("web/cgroup.max.depth"), "32\n");
        assert_eq!(written("cgroup.max.descendants"), "32000\n");
        assert_eq!(written("cgroup.max.depth"), "max");
        // A kernel without these files makes no guest fail.
        fs::create_dir(top.join("vserver/db")).unwrap();
        bound_below(top, "db").unwrap();
    }
}
