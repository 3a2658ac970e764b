// SPDX-License-Identifier: GPL-2.0

//! The file tree of the machine.
//!
//! The initramfs is copied to a tmpfs that becomes the root, because a root that came with the
//! initramfs cannot be left by `pivot_root`, which containers need. All places then run on tmpfs.

use std::fs;
use std::io;
use std::path::Path;

use super::sys;

/// Where the binary is, in the machine's root and in a guest's.
pub const PROGRAM: &str = "/bench";
/// Directory for the files of the rows.
pub const WORK: &str = "/work";
/// Mount point of cgroup v2.
pub const CGROUPS: &str = "/sys/fs/cgroup";

const NEW_ROOT: &str = "/newroot";

/// Makes the tree: tmpfs root with everything of the initramfs, `/proc`, `/sys`, `/dev`, cgroup v2.
pub fn prepare() -> io::Result<()> {
    fs::create_dir_all(NEW_ROOT)?;
    sys::mount("root", NEW_ROOT, "tmpfs", 0, "mode=755")?;
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let name = entry.file_name();
        if name != "newroot" && name != "dev" && name != "root" {
            copy(&entry.path(), &Path::new(NEW_ROOT).join(&name))?;
        }
    }
    fs::rename(format!("{NEW_ROOT}/init"), format!("{NEW_ROOT}{PROGRAM}"))?;
    for directory in ["proc", "sys", "dev", "run", "tmp", "work", "guest"] {
        fs::create_dir_all(format!("{NEW_ROOT}/{directory}"))?;
    }
    std::env::set_current_dir(NEW_ROOT)?;
    sys::mount(".", "/", "", libc::MS_MOVE, "")?;
    sys::chroot(".")?;
    std::env::set_current_dir("/")?;
    sys::mount("proc", "/proc", "proc", 0, "")?;
    sys::mount("sysfs", "/sys", "sysfs", 0, "")?;
    sys::mount("dev", "/dev", "devtmpfs", 0, "")?;
    sys::mount("cgroup", CGROUPS, "cgroup2", 0, "")?;
    sys::mount("run", "/run", "tmpfs", 0, "")?;
    sys::loopback_up()
}

/// Fills a new tmpfs on `root` with what a guest has: the program, `/proc` of its own, a read-only
/// `/sys` and a minimal `/dev`. The caller is in the guest's namespaces.
pub fn prepare_guest(root: &str) -> io::Result<()> {
    sys::mount("", "/", "", libc::MS_REC | libc::MS_PRIVATE, "")?;
    sys::mount("guest", root, "tmpfs", 0, "mode=755")?;
    fs::copy(PROGRAM, format!("{root}{PROGRAM}"))?;
    for directory in ["proc", "sys", "dev", "run", "tmp", "work"] {
        fs::create_dir_all(format!("{root}/{directory}"))?;
    }
    for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8)] {
        sys::make_device(&format!("{root}/dev/{name}"), 1, minor)?;
    }
    sys::mount("proc", &format!("{root}/proc"), "proc", 0, "")?;
    sys::mount(
        "sysfs",
        &format!("{root}/sys"),
        "sysfs",
        libc::MS_RDONLY,
        "",
    )?;
    sys::pivot_root(root)
}

/// Copies a tree of directories, links and regular files.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
    } else if kind.is_file() {
        fs::copy(from, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_copied() {
        let base = std::env::temp_dir().join(format!("vserver-bench-copy-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/file"), "text").unwrap();
        std::os::unix::fs::symlink("b/file", from.join("a/link")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b/file")).unwrap(), "text");
        assert_eq!(
            fs::read_link(to.join("a/link")).unwrap(),
            Path::new("b/file")
        );
        fs::remove_dir_all(&base).unwrap();
    }
}
