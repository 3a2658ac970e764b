// SPDX-License-Identifier: GPL-2.0

//! The tree of files that a guest sees.

use super::raw::mount::{self, attribute};
use crate::guest::Mount;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Makes a copy of the mount at `root`, without device nodes, the root directory. The path is used
/// once: another guest may change what it leads to.
pub(super) fn pivot_into(root: &Path) -> io::Result<()> {
    let place = mount::open_without_links(root)?;
    let tree = mount::clone_opened(&place)?;
    mount::set_attributes(&tree, attribute::NODEV)?;
    mount::attach_opened(&tree, &place)?;
    // What was opened first lies below the mount that has just covered it.
    mount::change_directory(&tree)?;
    mount::pivot_to_current_directory()?;
    // The old root lies on top of the new one at the same place; without it the new one shows.
    mount::detach_current_directory()?;
    std::env::set_current_dir("/")
}

pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    // A link would make the mount land elsewhere in the guest, past what is hidden there.
    if fs::symlink_metadata(path)?.is_dir() {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ENOTDIR))
    }
}

/// Attaches a copied file at `target`, which is made when it is missing.
pub(super) fn attach(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    if !target.exists() {
        File::create(target)?;
    }
    mount::attach_tree(tree, target)
}

pub(super) fn attach_mount(description: &Mount, tree: Option<&OwnedFd>) -> io::Result<()> {
    let target = Path::new(&description.target);
    let (attributes, data) = split_options(&description.options);
    let Some(tree) = tree else {
        fs::create_dir_all(target)?;
        return mount::mount(
            &description.source,
            target,
            &description.kind,
            flags_of(attributes | attribute::NODEV),
            &data,
        );
    };
    if !data.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let is_directory = {
        let copy = File::from(tree.try_clone()?);
        copy.metadata()?.is_dir()
    };
    if is_directory {
        fs::create_dir_all(target)?;
    } else if !target.exists() {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        File::create(target)?;
    }
    mount::set_attributes(tree, attributes | attribute::NODEV)?;
    mount::attach_tree(tree, target)
}

/// Splits options into mount attributes and what the file system itself understands.
fn split_options(options: &[String]) -> (u64, String) {
    let mut attributes = 0;
    let mut others = Vec::new();
    for option in options {
        match option.as_str() {
            "ro" => attributes |= attribute::RDONLY,
            "nosuid" => attributes |= attribute::NOSUID,
            "nodev" => attributes |= attribute::NODEV,
            "noexec" => attributes |= attribute::NOEXEC,
            "rw" => {}
            other => others.push(other),
        }
    }
    (attributes, others.join(","))
}

fn flags_of(attributes: u64) -> u64 {
    // The attributes of a mount have the same values as the flags of mount(2).
    attributes
}

/// Covers a file with `/dev/null`, a directory with an empty read-only one.
pub(super) fn mask(path: &Path) -> io::Result<()> {
    let Some(found) = exists(path)? else {
        return Ok(());
    };
    if found.is_dir() {
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        mount::mount("tmpfs", path, "tmpfs", flags, "size=0,mode=555")
    } else {
        let null = mount::clone_tree(&PathBuf::from("/dev/null"))?;
        mount::attach_tree(&null, path)
    }
}

/// Covers a file or directory with itself, read-only but for what is below `but`.
pub(super) fn protect(path: &Path, but: Option<&Path>) -> io::Result<()> {
    if exists(path)?.is_none() {
        return Ok(());
    }
    let writable = but.map(mount::clone_tree).transpose()?;
    let tree = mount::clone_tree(path)?;
    let attributes = attribute::RDONLY | attribute::NOSUID | attribute::NODEV | attribute::NOEXEC;
    mount::set_attributes(&tree, attributes)?;
    mount::attach_tree(&tree, path)?;
    match writable.as_ref().zip(but) {
        Some((writable, place)) => mount::attach_tree(writable, place),
        None => Ok(()),
    }
}

/// Covers the identifier of the machine's start with one of the guest's: clocks of a guest start
/// at zero, and a journal takes what has one identifier for one row of times.
pub(super) fn renew_boot_id() -> io::Result<()> {
    let place = Path::new("/proc/sys/kernel/random/boot_id");
    if exists(place)?.is_none() {
        return Ok(());
    }
    let id = fs::read("/proc/sys/kernel/random/uuid")?;
    // Needed by its mount only, which lasts.
    let draft = Path::new("/run/.boot_id.vserver");
    fs::write(draft, id)?;
    fs::set_permissions(draft, fs::Permissions::from_mode(0o444))?;
    let tree = mount::clone_tree(draft)?;
    let attributes = attribute::RDONLY | attribute::NOSUID | attribute::NODEV | attribute::NOEXEC;
    mount::set_attributes(&tree, attributes)?;
    mount::attach_tree(&tree, place)?;
    fs::remove_file(draft)
}

/// Replaces `/etc/resolv.conf` by a file with these servers. `/etc` must be a directory: through a
/// link the guest could make the host write elsewhere, though only into the guest.
pub(super) fn write_resolver(servers: &[IpAddr]) -> io::Result<()> {
    let directory = Path::new("/etc");
    if !fs::symlink_metadata(directory)?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
    }
    let text: String = servers
        .iter()
        .map(|server| format!("nameserver {server}\n"))
        .collect();
    let draft = directory.join(".resolv.conf.vserver");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut open = fs::OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o644).open(&draft)?;
    file.write_all(text.as_bytes())?;
    // A link of this name is replaced, not followed.
    fs::rename(&draft, directory.join("resolv.conf"))
}

/// The directories in which the entries of `class` lead, without itself: `net` of each device that
/// has interfaces, and that of all interfaces that have no device.
pub(super) fn interface_directories(class: &Path) -> io::Result<Vec<String>> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(class)? {
        let place = match fs::canonicalize(entry?.path()) {
            // It has just gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if let Some(directory) = place.parent() {
            if directory.ends_with("net") && directory != class {
                all.insert(directory.display().to_string());
            }
        }
    }
    Ok(all.into_iter().collect())
}

/// Where systemd looks for units, the first one counts.
const UNITS: &[&str] = &[
    "etc/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// Whether `init` is systemd, and its unit `tmp.mount` belongs to the start and is not masked.
pub(super) fn mounts_tmp(root: &Path, init: &str) -> bool {
    let is_systemd = fs::canonicalize(root.join(init.trim_start_matches('/')))
        .is_ok_and(|program| program.ends_with("systemd/systemd"));
    // systemd leaves a link alone.
    let has_directory = fs::symlink_metadata(root.join("tmp")).is_ok_and(|found| found.is_dir());
    if !is_systemd || !has_directory {
        return false;
    }
    let find = |name: &str| {
        let mut places = UNITS.iter().map(|place| root.join(place).join(name));
        places.find(|path| fs::symlink_metadata(path).is_ok())
    };
    let masked = |unit: &Path| fs::read_link(unit).is_ok_and(|to| to == Path::new("/dev/null"));
    find("local-fs.target.wants/tmp.mount").is_some_and(|link| !masked(&link))
        && find("tmp.mount").is_some_and(|unit| !masked(&unit))
}

fn exists(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split() {
        let options = ["ro", "noexec", "size=1m", "rw", "mode=700"].map(str::to_owned);
        assert_eq!(
            split_options(&options),
            (
                attribute::RDONLY | attribute::NOEXEC,
                "size=1m,mode=700".to_owned()
            )
        );
    }

    #[test]
    fn attributes_have_the_values_of_mount_flags() {
        for (attribute, flag) in [
            (attribute::RDONLY, libc::MS_RDONLY),
            (attribute::NOSUID, libc::MS_NOSUID),
            (attribute::NODEV, libc::MS_NODEV),
            (attribute::NOEXEC, libc::MS_NOEXEC),
        ] {
            assert_eq!(flags_of(attribute), flag);
        }
    }

    #[test]
    fn directories_of_interfaces_are_found_once() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let class = root.join("class/net");
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join("bonding_masters"), "").unwrap();
        for name in [
            "virtual/net/lo",
            "virtual/net/br0",
            "pci0/net/eth0",
            "pci0/wlan0",
        ] {
            let place = root.join("devices").join(name);
            fs::create_dir_all(&place).unwrap();
            let link = class.join(place.file_name().unwrap());
            std::os::unix::fs::symlink(&place, link).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", class.join("gone")).unwrap();
        let found = interface_directories(&class).unwrap();
        let expected = ["pci0/net", "virtual/net"].map(|name| root.join("devices").join(name));
        assert_eq!(found, expected.map(|path| path.display().to_string()));
    }

    #[test]
    fn a_systemd_with_temporary_files_in_memory_is_known() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let link = |to: &str, name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, path).unwrap();
        };
        let units = root.join("usr/lib/systemd/system");
        fs::create_dir_all(units.join("local-fs.target.wants")).unwrap();
        fs::write(root.join("usr/lib/systemd/systemd"), "").unwrap();
        link("../usr/lib/systemd/systemd", "sbin/init");
        fs::create_dir(root.join("tmp")).unwrap();
        let mounts = |init| mounts_tmp(root, init);
        // As in Debian 12, where the unit is only an example.
        assert!(!mounts("/sbin/init"));
        fs::write(units.join("tmp.mount"), "").unwrap();
        assert!(!mounts("/sbin/init"));
        link(
            "../tmp.mount",
            "usr/lib/systemd/system/local-fs.target.wants/tmp.mount",
        );
        assert!(mounts("/sbin/init"));
        assert!(mounts("/usr/lib/systemd/systemd"));
        assert!(!mounts("/bin/sh"));
        link("/dev/null", "etc/systemd/system/tmp.mount");
        assert!(!mounts("/sbin/init"));
        fs::remove_file(root.join("etc/systemd/system/tmp.mount")).unwrap();
        fs::remove_dir(root.join("tmp")).unwrap();
        link("var/tmp", "tmp");
        assert!(!mounts("/sbin/init"));
    }

    #[test]
    fn links_are_not_taken_for_directories() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("proc");
        std::os::unix::fs::symlink("/", &link).unwrap();
        let error = make_directory(&link).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTDIR));
        make_directory(&directory.path().join("new")).unwrap();
        make_directory(&directory.path().join("new")).unwrap();
    }
}
