// SPDX-License-Identifier: GPL-2.0

//! Mounts and namespaces.

use super::{check, check_long, path_text, text};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

const OPEN_TREE_CLONE: libc::c_uint = 1;
const OPEN_TREE_CLOEXEC: libc::c_uint = libc::O_CLOEXEC as libc::c_uint;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: libc::c_uint = 0x40;
const RESOLVE_NO_SYMLINKS: u64 = 0x4;

/// Mount attributes for [`set_attributes`].
pub mod attribute {
    /// Read-only.
    pub const RDONLY: u64 = 0x1;
    /// Set-user-id bits mean nothing.
    pub const NOSUID: u64 = 0x2;
    /// Device nodes mean nothing.
    pub const NODEV: u64 = 0x4;
    /// Nothing can be executed.
    pub const NOEXEC: u64 = 0x8;
}

/// Argument of `mount_setattr(2)`.
#[repr(C)]
#[derive(Default)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// Argument of `openat2(2)`.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// `mount(2)`.
pub fn mount(source: &str, target: &Path, kind: &str, flags: u64, data: &str) -> io::Result<()> {
    let (source, target) = (text(source.as_bytes())?, path_text(target)?);
    let (kind, data) = (text(kind.as_bytes())?, text(data.as_bytes())?);
    // SAFETY: all pointers are terminated strings that live until the call returns.
    check(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags as libc::c_ulong,
            data.as_ptr().cast(),
        )
    })
    .map(drop)
}

/// Stops all mounts from exchanging changes with other namespaces.
pub fn make_all_private() -> io::Result<()> {
    mount(
        "none",
        Path::new("/"),
        "",
        libc::MS_REC | libc::MS_PRIVATE,
        "",
    )
}

/// Detaches the mount on top of the current directory.
pub fn detach_current_directory() -> io::Result<()> {
    // SAFETY: the path is a terminated string.
    check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// Makes the current directory, which is a mount point, the root, and mounts the old root on it.
pub fn pivot_to_current_directory() -> io::Result<()> {
    // SAFETY: both paths are terminated strings.
    check_long(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })
        .map(drop)
}

/// Moves the caller into a network namespace.
pub fn enter_network(namespace: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open and the call takes no pointers.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

/// `unshare(2)`.
pub fn unshare(namespaces: u64) -> io::Result<()> {
    // SAFETY: the call takes no pointers, and the caller's memory stays as it is.
    check(unsafe { libc::unshare(namespaces as libc::c_int) }).map(drop)
}

/// Opens a directory or whatever else is at `path`, without following a symbolic link anywhere on
/// the way: `ELOOP` when there is one.
pub fn open_without_links(path: &Path) -> io::Result<OwnedFd> {
    // Opening a directory lets it be mounted first, when that is to happen by itself. All else is
    // not opened in earnest: it may be a device.
    match open_how(path, libc::O_RDONLY | libc::O_DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => open_how(path, libc::O_PATH),
        other => other,
    }
}

fn open_how(path: &Path, flags: libc::c_int) -> io::Result<OwnedFd> {
    let path = path_text(path)?;
    let how = OpenHow {
        flags: (flags | libc::O_CLOEXEC) as u64,
        mode: 0,
        resolve: RESOLVE_NO_SYMLINKS,
    };
    // SAFETY: the path is a terminated string, and the structure is passed with its size.
    let descriptor = check_long(unsafe {
        libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            ptr::from_ref(&how),
            size_of::<OpenHow>(),
        )
    })?;
    // SAFETY: the call has just made this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as libc::c_int) })
}

/// Copies the mount at `path`, with the mounts below it; no symbolic link is followed.
pub fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    clone_opened(&open_without_links(path)?)
}

/// Copies the mount of what is open, from there on, with the mounts below it.
pub fn clone_opened(place: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = libc::AT_RECURSIVE | libc::AT_EMPTY_PATH;
    // SAFETY: the path is a terminated string, the descriptor is open.
    let descriptor = check_long(unsafe {
        libc::syscall(
            libc::SYS_open_tree,
            place.as_raw_fd(),
            c"".as_ptr(),
            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags as libc::c_uint,
        )
    })?;
    // SAFETY: the call has just made this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as libc::c_int) })
}

/// Attaches a copied mount at `target`.
pub fn attach_tree(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    let target = path_text(target)?;
    // SAFETY: both paths are terminated strings, the descriptor is open.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// Attaches a copied mount at what is open.
pub fn attach_opened(tree: &OwnedFd, place: &OwnedFd) -> io::Result<()> {
    // SAFETY: both paths are terminated strings, the descriptors are open.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            place.as_raw_fd(),
            c"".as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// Makes an open directory the current one.
pub fn change_directory(directory: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open.
    check(unsafe { libc::fchdir(directory.as_raw_fd()) }).map(drop)
}

/// Adds attributes to a copied mount and all below it.
pub fn set_attributes(tree: &OwnedFd, set: u64) -> io::Result<()> {
    let attributes = MountAttributes {
        set,
        ..Default::default()
    };
    // SAFETY: the path is a terminated string, the descriptor is open, and the structure is passed
    // with its size.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            ptr::from_ref(&attributes),
            size_of::<MountAttributes>(),
        )
    })
    .map(drop)
}

/// Makes a character device node with mode 0666.
pub fn make_character_device(path: &Path, major: u32, minor: u32) -> io::Result<()> {
    let path = path_text(path)?;
    let device = libc::makedev(major, minor);
    // SAFETY: the path is a terminated string.
    check(unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o666, device) })?;
    // The file mode mask of the caller does not count.
    // SAFETY: the path is a terminated string.
    check(unsafe { libc::chmod(path.as_ptr(), 0o666) }).map(drop)
}

/// `sethostname(2)`.
pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the pointer is valid for the given length.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }).map(drop)
}
