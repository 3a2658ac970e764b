// SPDX-License-Identifier: GPL-2.0

//! The four classic ways out of a chroot. Each works in a plain chroot on the host, and leads
//! nowhere from inside a guest.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, Words, root, subprocess};
use crate::sys::{Sys, files, sockets, spaces};
use libvserver::abi::space;

/// A file that only the host's root directory has.
const MARK: &str = "/host-root";

/// What `vattribute --secure` leaves to a guest, without the bits above 31: among them
/// CAP_SYS_CHROOT and CAP_SYS_PTRACE, not CAP_MKNOD and CAP_SYS_ADMIN.
const SECURE: u64 = 0xb44c_04ff;

/// A try; true when it ended in the host's root.
type Way = fn() -> Sys<bool>;

/// Name, way, what comes of it inside a guest: it works and ends in the guest's own root, or it is
/// refused.
const WAYS: [(&str, Way, Sys<bool>); 4] = [
    (
        "descriptor of a directory outside",
        by_descriptor,
        Ok(false),
    ),
    (
        "working directory outside of a second chroot",
        by_working_directory,
        Ok(false),
    ),
    ("root of another process", by_process, Ok(false)),
    ("device node of the disk", by_device, Err(libc::EPERM)),
];

fn out() -> bool {
    files::exists(MARK).is_ok()
}

/// Walks up as far as it goes and makes that the root.
fn climb() -> Sys<bool> {
    for _ in 0..64 {
        files::chdir("..")?;
    }
    files::chroot(".")?;
    Ok(out())
}

fn by_descriptor() -> Sys<bool> {
    let fd = files::open_directory("/")?;
    files::mkdir("/tmp/hole")?;
    files::chroot("/tmp/hole")?;
    files::fchdir(fd)?;
    sockets::close(fd);
    climb()
}

fn by_working_directory() -> Sys<bool> {
    files::mkdir("/tmp/hole")?;
    files::chdir("/")?;
    // The working directory stays outside of the new root.
    files::chroot("/tmp/hole")?;
    climb()
}

fn by_process() -> Sys<bool> {
    let pids = files::numbers("/proc")?;
    for pid in pids.into_iter().chain(1..300) {
        for link in ["root", "cwd"] {
            let path = format!("/proc/{pid}/{link}");
            let found = files::exists(&format!("{path}{MARK}")).is_ok();
            if found
                && files::chdir(&path)
                    .and_then(|()| files::chroot("."))
                    .is_ok()
                && out()
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Makes a node of the first disk and mounts something. Both rights together are the way out; the
/// test machine has no disk to mount.
fn by_device() -> Sys<bool> {
    let node = "/tmp/disk";
    let _ = std::fs::remove_file(node);
    files::mknod(node, libc::S_IFBLK, libc::makedev(8, 0))?;
    files::mkdir("/tmp/mounted")?;
    files::mount("none", "/tmp/mounted", "tmpfs", 0, "")?;
    Ok(true)
}

fn attempt(w: &Words) -> Sys<bool> {
    let way = WAYS[w.numbers[0] as usize].1;
    subprocess(way).unwrap_or(Err(libc::ECHILD))
}

pub fn run(t: &mut Test) -> Outcome {
    files::create(MARK, "").need("mark the host's root")?;
    let outcome = compare(t);
    let _ = std::fs::remove_file(MARK);
    outcome
}

fn compare(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).whole().bcaps(SECURE).start()?;
    t.gives(
        "inside: the host's root is not the guest's",
        guest.ask(|_| Ok(out()))?,
        false,
    );
    for (index, (name, way, want)) in WAYS.iter().enumerate() {
        t.gives(
            &format!("control: plain chroot: {name}"),
            plain_chroot(*way)?,
            true,
        );
        let got = guest.call(attempt, &[index as i64])?;
        t.equal(&format!("inside: {name}"), got, *want);
    }
    // A process that entered has the same root.
    for (name, way, want) in WAYS {
        t.equal(&format!("entered: {name}"), guest.enter(way)?, want);
    }
    t.refused(
        "inside: mount of a disk",
        guest.ask(|_| files::mount("/dev/vda", "/tmp", "ext4", 0, ""))?,
        libc::EPERM,
    );
    t.refused(
        "inside: back through pivot_root",
        guest.ask(|_| files::pivot_root("/tmp", "/tmp"))?,
        libc::EPERM,
    );
    Ok(())
}

/// Runs a way in a chroot as it was used before contexts: same mount namespace, full rights.
fn plain_chroot(way: Way) -> Result<Sys<bool>, Stop> {
    subprocess(|| {
        spaces::unshare(space::MNT)?;
        let path = root::populate("plain")?;
        files::mount("proc", &format!("{path}/proc"), "proc", 0, "")?;
        files::chroot(&path)?;
        files::chdir("/")?;
        if out() {
            return Err(libc::EEXIST);
        }
        way()
    })
}
