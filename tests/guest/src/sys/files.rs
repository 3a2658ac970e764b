// SPDX-License-Identifier: GPL-2.0

//! Files, directories and mounts.

use super::{Sys, c, code, done};
use libc::{c_int, c_ulong};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Reads a whole text file.
pub fn read(path: &str) -> Sys<String> {
    fs::read_to_string(path).map_err(|e| code(&e))
}

/// Writes a text into a file that exists.
pub fn write(path: &str, text: &str) -> Sys<()> {
    use std::io::Write;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(|e| code(&e))?;
    file.write_all(text.as_bytes()).map_err(|e| code(&e))
}

/// Makes a file with this content.
pub fn create(path: &str, text: &str) -> Sys<()> {
    fs::write(path, text).map_err(|e| code(&e))
}

/// Names in a directory, unsorted.
pub fn list(path: &str) -> Sys<Vec<String>> {
    let entries = fs::read_dir(path).map_err(|e| code(&e))?;
    entries
        .map(|entry| {
            entry
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .map_err(|e| code(&e))
        })
        .collect()
}

/// The numeric names in a directory.
pub fn numbers(path: &str) -> Sys<Vec<i32>> {
    Ok(list(path)?
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect())
}

/// Whether the path can be looked up.
pub fn exists(path: &str) -> Sys<()> {
    fs::symlink_metadata(path).map(|_| ()).map_err(|e| code(&e))
}

/// Whether the path itself is a symbolic link.
pub fn is_link(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink())
}

/// Whether the path leads to a directory.
pub fn is_directory(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_dir())
}

/// Inode number of what the path leads to.
pub fn inode(path: &str) -> Sys<u64> {
    fs::metadata(path).map(|m| m.ino()).map_err(|e| code(&e))
}

/// Permission bits of what the path leads to.
pub fn mode(path: &str) -> Sys<u32> {
    fs::metadata(path)
        .map(|m| m.mode() & 0o7777)
        .map_err(|e| code(&e))
}

/// Sets the permission bits.
pub fn chmod(path: &str, mode: u32) -> Sys<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| code(&e))
}

/// Makes a directory with its parents.
pub fn mkdir(path: &str) -> Sys<()> {
    fs::create_dir_all(path).map_err(|e| code(&e))
}

/// Target of a symbolic link.
pub fn readlink(path: &str) -> Sys<String> {
    fs::read_link(path)
        .map(|target| target.to_string_lossy().into_owned())
        .map_err(|e| code(&e))
}

/// `mount(2)`.
pub fn mount(source: &str, target: &str, kind: &str, flags: c_ulong, data: &str) -> Sys<()> {
    let (source, target, kind, data) = (c(source), c(target), c(kind), c(data));
    // SAFETY: all strings outlive the call.
    done(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.as_ptr().cast(),
        )
    })
}

/// Clones a mount and attaches the copy, with the calls that work on descriptors.
pub fn clone_mount(from: &str, to: &str) -> Sys<()> {
    const OPEN_TREE_CLONE: libc::c_uint = 1;
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    let (from, to, empty) = (c(from), c(to), c(""));
    // SAFETY: all strings outlive the calls; the descriptor is ours.
    unsafe {
        let at = libc::AT_FDCWD;
        let tree = super::sys(libc::syscall(
            libc::SYS_open_tree,
            at,
            from.as_ptr(),
            OPEN_TREE_CLONE,
        ))?;
        let moved = done(libc::syscall(
            libc::SYS_move_mount,
            tree,
            empty.as_ptr(),
            at,
            to.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        ));
        libc::close(tree as c_int);
        moved
    }
}

/// Detaches a mount.
pub fn detach(target: &str) -> Sys<()> {
    let target = c(target);
    // SAFETY: the string outlives the call.
    done(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) })
}

/// Takes a mount away, which nobody may use any more.
pub fn unmount(target: &str) -> Sys<()> {
    let target = c(target);
    // SAFETY: the string outlives the call.
    done(unsafe { libc::umount2(target.as_ptr(), 0) })
}

/// `syncfs(2)` of the file system where the file is.
pub fn sync_file_system(file: &fs::File) -> Sys<()> {
    // SAFETY: the descriptor is open.
    done(unsafe { libc::syncfs(file.as_raw_fd()) })
}

/// Begins to write what is dirty of a file, and does not wait for it.
pub fn begin_to_write(file: &fs::File) -> Sys<()> {
    // SAFETY: the descriptor is open; the rest are plain numbers.
    done(unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) })
}

/// Makes all mounts of the caller's mount namespace private.
pub fn make_private() -> Sys<()> {
    mount("none", "/", "none", libc::MS_REC | libc::MS_PRIVATE, "")
}

/// `pivot_root(2)`.
pub fn pivot_root(new: &str, old: &str) -> Sys<()> {
    let (new, old) = (c(new), c(old));
    // SAFETY: both strings outlive the call.
    done(unsafe { libc::syscall(libc::SYS_pivot_root, new.as_ptr(), old.as_ptr()) })
}

/// `chroot(2)`.
pub fn chroot(path: &str) -> Sys<()> {
    let path = c(path);
    // SAFETY: the string outlives the call.
    done(unsafe { libc::chroot(path.as_ptr()) })
}

/// `chdir(2)`.
pub fn chdir(path: &str) -> Sys<()> {
    let path = c(path);
    // SAFETY: the string outlives the call.
    done(unsafe { libc::chdir(path.as_ptr()) })
}

/// `fchdir(2)`.
pub fn fchdir(fd: c_int) -> Sys<()> {
    // SAFETY: plain number.
    done(unsafe { libc::fchdir(fd) })
}

/// Opens a directory without closing it on exec.
pub fn open_directory(path: &str) -> Sys<c_int> {
    let path = c(path);
    // SAFETY: the string outlives the call.
    super::sys(unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY) })
        .map(|fd| fd as c_int)
}

/// Closes all descriptors from this number on. Only for a process that uses none of them.
pub fn close_from(first: u32) -> Sys<()> {
    // SAFETY: plain numbers; the caller vouches for the descriptors.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) })
}

/// Makes a device node; `kind` is `S_IFBLK` or `S_IFCHR`.
pub fn mknod(path: &str, kind: libc::mode_t, device: libc::dev_t) -> Sys<()> {
    let path = c(path);
    // SAFETY: the string outlives the call.
    done(unsafe { libc::mknod(path.as_ptr(), kind | 0o600, device) })
}

/// Changes the owner of a file.
pub fn chown(path: &str, user: u32, group: u32) -> Sys<()> {
    let path = c(path);
    // SAFETY: the string outlives the call.
    done(unsafe { libc::chown(path.as_ptr(), user, group) })
}

/// Value of the line `<name>:` in a text of `Name:\tvalue` lines, without blanks around it.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        Some(rest.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn field_takes_the_whole_name() {
        let text = "VxIDs:\t1\nVxID:\t 42 \n";
        assert_eq!(field(text, "VxID"), Some("42"));
        assert_eq!(field(text, "Vx"), None);
    }
}
