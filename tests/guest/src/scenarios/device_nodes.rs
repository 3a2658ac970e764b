// SPDX-License-Identifier: GPL-2.0

//! Mappings of device nodes: closed, open, open as another device.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context, narrow, spectator, subprocess};
use crate::sys::devices::{self, Seen};
use crate::sys::memory::Low;
use crate::sys::{Sys, code, files};
use libvserver::abi::{SetMapping, SetMappingCompat, dattr, vcmd};
use std::fs::File;

const BASE: &str = "/tmp/nodes";
/// Reads nothing.
const NULL: &str = "/tmp/nodes/null";
/// Reads zeros.
const ZERO: &str = "/tmp/nodes/zero";
/// Like it, and refuses what is written.
const FULL: &str = "/tmp/nodes/full";
/// Devices with the letter `a` and `b`.
const DISK_A: &str = "/tmp/nodes/disk-a";
const DISK_B: &str = "/tmp/nodes/disk-b";

const NULL_NUMBER: u64 = libc::makedev(1, 3);
const ZERO_NUMBER: u64 = libc::makedev(1, 5);
const FULL_NUMBER: u64 = libc::makedev(1, 7);
const A_NUMBER: u64 = libc::makedev(7, 0);
const B_NUMBER: u64 = libc::makedev(7, 1);

const ELSEWHERE: u32 = dattr::OPEN | dattr::REMAP;

fn mapping(
    command: u32,
    xid: u32,
    device: Option<&str>,
    target: Option<&str>,
    flags: u32,
) -> Sys<u32> {
    let text = |path: Option<&str>| path.map(Low::text).transpose();
    let (device, target) = (text(device)?, text(target)?);
    let mut data = SetMapping {
        device: device.as_ref().map_or(0, Low::address),
        target: target.as_ref().map_or(0, Low::address),
        flags,
        ..SetMapping::default()
    };
    context::with(command, xid, &mut data)
}

fn set(xid: u32, device: Option<&str>, target: Option<&str>, flags: u32) -> Sys<u32> {
    mapping(vcmd::SET_MAPPING, xid, device, target, flags)
}

fn unset(xid: u32, device: Option<&str>, target: Option<&str>) -> Sys<u32> {
    mapping(vcmd::UNSET_MAPPING, xid, device, target, 0)
}

/// The number of the device that is opened, and the first byte, -1 for none.
type Opened = Sys<(u64, i64)>;

fn plain(seen: Seen) -> (u64, i64) {
    (seen.number, seen.first.map_or(-1, i64::from))
}

fn read(words: &Words) -> Opened {
    devices::read(&words.text).map(plain)
}

fn host_reads(path: &str) -> Opened {
    devices::read(path).map(plain)
}

fn write(words: &Words) -> Sys<()> {
    devices::write(&words.text)
}

const NULL_ITSELF: (u64, i64) = (NULL_NUMBER, -1);
const ZERO_ITSELF: (u64, i64) = (ZERO_NUMBER, 0);
const A_ITSELF: (u64, i64) = (A_NUMBER, b'a' as i64);
const B_ITSELF: (u64, i64) = (B_NUMBER, b'b' as i64);

pub fn run(t: &mut Test) -> Outcome {
    files::mkdir(BASE).need("a directory")?;
    files::mount("nodes", BASE, "tmpfs", 0, "").need("a file system")?;
    let outcome = prepare().and_then(|()| body(t));
    // Whatever happened: nobody else may live under our rules.
    for (device, target) in [
        (None, Some(ZERO)),
        (None, Some(DISK_A)),
        (Some(NULL), None),
        (Some(DISK_A), None),
    ] {
        let _ = unset(0, device, target);
    }
    for disk in [DISK_A, DISK_B] {
        let _ = devices::release(disk);
    }
    let _ = files::detach(BASE);
    outcome
}

fn prepare() -> Outcome {
    for (path, number) in [
        (NULL, NULL_NUMBER),
        (ZERO, ZERO_NUMBER),
        (FULL, FULL_NUMBER),
    ] {
        files::mknod(path, libc::S_IFCHR, number).need("a character device")?;
    }
    for (path, number, letter) in [(DISK_A, A_NUMBER, "a"), (DISK_B, B_NUMBER, "b")] {
        files::mknod(path, libc::S_IFBLK, number).need("a block device")?;
        let behind = format!("{path}-file");
        files::create(&behind, &letter.repeat(16 * 512)).need("a file")?;
        devices::attach(path, &behind).need("a loop device")?;
    }
    files::create("/tmp/nodes/file", "").need("a file")?;
    std::os::unix::fs::symlink(NULL, "/tmp/nodes/link")
        .map_err(|e| code(&e))
        .need("a link")
}

fn body(t: &mut Test) -> Outcome {
    let mut guest = Guest::start(t.xid())?;
    let mut other = Guest::start(t.xid())?;
    itself(t, &mut guest, &mut other)?;
    elsewhere(t, &mut guest, &mut other)?;
    closed(t, &mut guest, &mut other)?;
    defaults(t, &mut guest, &mut other)?;
    everybody(t, &mut guest, &mut other)?;
    newest(t, &mut guest)?;
    mounting(t, &mut guest)?;
    refusals(t, &guest)?;
    layout(t, &mut guest)?;
    rights(t)?;
    end(t, guest)?;
    let mut last = Guest::start(t.xid())?;
    itself(t, &mut last, &mut other)
}

/// Without a mapping every node is what it is.
fn itself(t: &mut Test, guest: &mut Guest, other: &mut Guest) -> Outcome {
    for (path, want) in [
        (NULL, NULL_ITSELF),
        (ZERO, ZERO_ITSELF),
        (DISK_A, A_ITSELF),
        (DISK_B, B_ITSELF),
    ] {
        t.gives(
            &format!("a guest: {path}"),
            guest.tell(read, path, &[])?,
            want,
        );
        t.gives(
            &format!("another guest: {path}"),
            other.tell(read, path, &[])?,
            want,
        );
        t.gives(&format!("the host: {path}"), host_reads(path), want);
    }
    Ok(())
}

fn elsewhere(t: &mut Test, guest: &mut Guest, other: &mut Guest) -> Outcome {
    let xid = guest.xid();
    t.gives(
        "map null to zero",
        set(xid, Some(NULL), Some(ZERO), ELSEWHERE),
        0,
    );
    t.gives(
        "map a to b",
        set(xid, Some(DISK_A), Some(DISK_B), ELSEWHERE),
        0,
    );
    t.gives(
        "inside: null is zero",
        guest.tell(read, NULL, &[])?,
        ZERO_ITSELF,
    );
    t.gives("inside: a is b", guest.tell(read, DISK_A, &[])?, B_ITSELF);
    t.gives("inside: b is b", guest.tell(read, DISK_B, &[])?, B_ITSELF);
    t.gives(
        "another guest: null",
        other.tell(read, NULL, &[])?,
        NULL_ITSELF,
    );
    t.gives("another guest: a", other.tell(read, DISK_A, &[])?, A_ITSELF);
    t.gives("the host: null", host_reads(NULL), NULL_ITSELF);
    t.gives("the host: a", host_reads(DISK_A), A_ITSELF);
    t.gives(
        "a spectator: null",
        spectator(|| host_reads(NULL))?,
        NULL_ITSELF,
    );
    t.gives(
        "inside: the node itself is as it was",
        guest.ask(|_| devices::number_by_path(NULL))?,
        NULL_NUMBER,
    );
    t.gives(
        "map null to full",
        set(xid, Some(NULL), Some(FULL), ELSEWHERE),
        0,
    );
    t.refused(
        "inside: what is written goes there",
        guest.tell(write, NULL, &[])?,
        libc::ENOSPC,
    );
    t.gives(
        "another guest writes to null",
        other.tell(write, NULL, &[])?,
        (),
    );
    open_files(t, guest)?;
    t.gives("take it back", unset(xid, Some(NULL), None), 0);
    t.gives(
        "the one before counts",
        guest.tell(read, NULL, &[])?,
        ZERO_ITSELF,
    );
    for node in [NULL, DISK_A] {
        t.gives("take back", unset(xid, Some(node), None), 0);
    }
    itself(t, guest, other)
}

/// What is open stays what it is, and can be opened again by its descriptor.
fn open_files(t: &mut Test, guest: &mut Guest) -> Outcome {
    let again = guest.ask(|_| -> Sys<(u64, u64, String)> {
        use std::os::fd::AsRawFd;
        let file = File::open(NULL).map_err(|e| code(&e))?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let name = files::readlink(&path)?;
        Ok((
            devices::look(&file)?.number,
            devices::read(&path)?.number,
            name,
        ))
    })?;
    t.gives(
        "inside: a descriptor and what it is called",
        again,
        (FULL_NUMBER, FULL_NUMBER, "char:[1:7]".into()),
    );
    Ok(())
}

fn closed(t: &mut Test, guest: &mut Guest, other: &mut Guest) -> Outcome {
    let xid = guest.xid();
    for flags in [0, dattr::CREATE, dattr::REMAP] {
        t.gives("close null", set(xid, Some(NULL), Some(ZERO), flags), 0);
        t.gives("close a", set(xid, Some(DISK_A), None, flags), 0);
        t.refused(
            "inside: read null",
            guest.tell(read, NULL, &[])?,
            libc::EPERM,
        );
        t.refused(
            "inside: write null",
            guest.tell(write, NULL, &[])?,
            libc::EPERM,
        );
        t.refused("inside: a", guest.tell(read, DISK_A, &[])?, libc::ENXIO);
        t.gives("inside: b", guest.tell(read, DISK_B, &[])?, B_ITSELF);
        t.gives(
            "inside: a node without access",
            guest.ask(|_| devices::number_by_path(NULL))?,
            NULL_NUMBER,
        );
        t.refused(
            "inside: a node that the guest makes",
            guest.ask(|_| {
                files::mknod("/tmp/nodes/mine", libc::S_IFCHR, NULL_NUMBER)?;
                let seen = host_reads("/tmp/nodes/mine");
                let _ = std::fs::remove_file("/tmp/nodes/mine");
                seen
            })?,
            libc::EPERM,
        );
        t.gives(
            "another guest: null",
            other.tell(read, NULL, &[])?,
            NULL_ITSELF,
        );
        t.gives("the host: a", host_reads(DISK_A), A_ITSELF);
        for node in [NULL, DISK_A] {
            t.gives("open it again", unset(xid, Some(node), None), 0);
        }
    }
    itself(t, guest, other)
}

/// What a guest has for all nodes of a type.
fn defaults(t: &mut Test, guest: &mut Guest, other: &mut Guest) -> Outcome {
    let xid = guest.xid();
    t.gives("a default without flags", set(xid, None, Some(ZERO), 0), 0);
    t.gives(
        "inside: says nothing",
        guest.tell(read, NULL, &[])?,
        NULL_ITSELF,
    );
    t.gives(
        "all character devices closed",
        set(xid, None, Some(ZERO), dattr::CREATE),
        0,
    );
    t.gives("but null", set(xid, Some(NULL), None, dattr::OPEN), 0);
    t.gives("inside: null", guest.tell(read, NULL, &[])?, NULL_ITSELF);
    t.refused("inside: zero", guest.tell(read, ZERO, &[])?, libc::EPERM);
    t.gives("inside: a", guest.tell(read, DISK_A, &[])?, A_ITSELF);
    t.gives("all lead to zero", set(xid, None, Some(ZERO), ELSEWHERE), 0);
    t.gives(
        "inside: full is zero",
        guest.tell(read, FULL, &[])?,
        ZERO_ITSELF,
    );
    t.gives("reset the default", unset(xid, None, Some(FULL)), 0);
    t.gives("a second time", unset(xid, None, Some(FULL)), 0);
    t.gives("take null back", unset(xid, Some(NULL), None), 0);
    itself(t, guest, other)
}

/// What holds for everybody holds for every context, and not for the host.
fn everybody(t: &mut Test, guest: &mut Guest, other: &mut Guest) -> Outcome {
    t.gives(
        "for all: block devices closed",
        set(0, None, Some(DISK_A), 0),
        0,
    );
    t.gives(
        "for all: null is zero",
        set(0, Some(NULL), Some(ZERO), ELSEWHERE),
        0,
    );
    t.gives(
        "for one: b open",
        set(guest.xid(), Some(DISK_B), None, dattr::OPEN),
        0,
    );
    t.refused("one: a", guest.tell(read, DISK_A, &[])?, libc::ENXIO);
    t.gives("one: b", guest.tell(read, DISK_B, &[])?, B_ITSELF);
    t.refused("other: b", other.tell(read, DISK_B, &[])?, libc::ENXIO);
    for (who, guest) in [("one", &mut *guest), ("other", &mut *other)] {
        t.gives(
            &format!("{who}: null"),
            guest.tell(read, NULL, &[])?,
            ZERO_ITSELF,
        );
    }
    let mut third = Guest::start(t.xid())?;
    t.refused("a new one: a", third.tell(read, DISK_A, &[])?, libc::ENXIO);
    third.stop()?;
    for path in [DISK_A, DISK_B] {
        t.check(&format!("the host: {path}"), host_reads(path).is_ok());
    }
    t.gives("the host: null", host_reads(NULL), NULL_ITSELF);
    t.gives("reset the default", unset(0, None, Some(DISK_B)), 0);
    t.gives("take null back", unset(0, Some(NULL), None), 0);
    t.gives("take b back", unset(guest.xid(), Some(DISK_B), None), 0);
    itself(t, guest, other)
}

fn newest(t: &mut Test, guest: &mut Guest) -> Outcome {
    let xid = guest.xid();
    for flags in [dattr::OPEN, 0, ELSEWHERE] {
        t.gives("add", set(xid, Some(NULL), Some(ZERO), flags), 0);
    }
    t.gives("the newest", guest.tell(read, NULL, &[])?, ZERO_ITSELF);
    t.gives("remove it", unset(xid, Some(NULL), None), 0);
    t.refused("the next", guest.tell(read, NULL, &[])?, libc::EPERM);
    t.gives("remove it", unset(xid, Some(NULL), None), 0);
    t.gives("the first", guest.tell(read, NULL, &[])?, NULL_ITSELF);
    t.gives("remove it", unset(xid, Some(NULL), None), 0);
    t.refused(
        "there is no more",
        unset(xid, Some(NULL), None),
        libc::ENOENT,
    );
    Ok(())
}

/// A closed block device cannot be mounted either.
fn mounting(t: &mut Test, guest: &mut Guest) -> Outcome {
    if !files::read("/proc/filesystems").is_ok_and(|text| text.contains("\text4\n")) {
        t.skip(
            "mounting a device",
            "no file system of this kernel is on one",
        );
        return Ok(());
    }
    files::mkdir("/tmp/nodes/mount").need("a mount point")?;
    let act = |_: &Words| devices::mount(DISK_A, "/tmp/nodes/mount", "ext4");
    t.refused("open: no file system there", guest.ask(act)?, libc::EINVAL);
    t.gives("close a", set(guest.xid(), Some(DISK_A), None, 0), 0);
    t.refused("closed", guest.ask(act)?, libc::ENXIO);
    t.refused("the host", act(&Words::default()), libc::EINVAL);
    t.gives("open a", unset(guest.xid(), Some(DISK_A), None), 0);
    Ok(())
}

fn refusals(t: &mut Test, guest: &Guest) -> Outcome {
    type Command = fn(u32, Option<&str>, Option<&str>) -> Sys<u32>;
    let commands: [(&str, Command); 2] = [
        ("set", |xid, device, target| {
            set(xid, device, target, dattr::OPEN)
        }),
        ("unset", unset),
    ];
    for (name, command) in commands {
        for xid in [0, guest.xid()] {
            for (what, device, target, want) in [
                ("nothing", None, None, libc::EINVAL),
                ("two types", Some(NULL), Some(DISK_A), libc::EINVAL),
                ("a file", Some("/tmp/nodes/file"), None, libc::EINVAL),
                (
                    "to a file",
                    Some(NULL),
                    Some("/tmp/nodes/file"),
                    libc::EINVAL,
                ),
                ("a directory", Some(BASE), None, libc::EINVAL),
                ("a link", Some("/tmp/nodes/link"), None, libc::EINVAL),
                ("nobody", Some("/tmp/nodes/none"), None, libc::ENOENT),
                (
                    "to nobody",
                    Some(NULL),
                    Some("/tmp/nodes/none"),
                    libc::ENOENT,
                ),
                (
                    "through a file",
                    Some("/tmp/nodes/file/x"),
                    None,
                    libc::ENOTDIR,
                ),
            ] {
                t.refused(
                    &format!("{name} {what}, id {}", u32::from(xid != 0)),
                    command(xid, device, target),
                    want,
                );
            }
        }
        for (xid, want) in [
            (1, libc::ESRCH),
            (65_535, libc::ESRCH),
            (65_536, libc::ESRCH),
            (u32::MAX, libc::ESRCH),
        ] {
            t.refused(
                &format!("{name}, id {}", xid as i32),
                command(xid, Some(NULL), None),
                want,
            );
        }
    }
    t.refused(
        "unset what is not there",
        unset(0, Some(NULL), None),
        libc::ENOENT,
    );
    Ok(())
}

fn layout(t: &mut Test, guest: &mut Guest) -> Outcome {
    if !narrow::AVAILABLE {
        t.skip("32-bit callers", "this machine has none");
        return Ok(());
    }
    let (device, target) = (
        Low::text(NULL).need("memory")?,
        Low::text(ZERO).need("memory")?,
    );
    let mut data = SetMappingCompat {
        device: device.address() as u32,
        target: target.address() as u32,
        flags: ELSEWHERE,
    };
    let xid = guest.xid();
    t.gives(
        "32-bit: set",
        narrow::with(vcmd::SET_MAPPING, xid, &mut data),
        0,
    );
    t.gives("inside", guest.tell(read, NULL, &[])?, ZERO_ITSELF);
    t.gives(
        "32-bit: unset",
        narrow::with(vcmd::UNSET_MAPPING, xid, &mut data),
        0,
    );
    t.gives("inside", guest.tell(read, NULL, &[])?, NULL_ITSELF);
    Ok(())
}

/// Only the host decides, and not about a context that is out of its reach.
fn rights(t: &mut Test) -> Outcome {
    use libvserver::abi::vxf;
    let mut guest = Guest::plan(t.xid()).open().start()?;
    let xid = guest.xid();
    for command in [vcmd::SET_MAPPING, vcmd::UNSET_MAPPING] {
        t.refused(
            "inside, in setup",
            guest.call(
                |w| mapping(w.int(0) as u32, w.int(1) as u32, Some(NULL), None, 0),
                &[i64::from(command), i64::from(xid)],
            )?,
            libc::EPERM,
        );
    }
    t.ok("seal", guest.seal());
    t.refused(
        "inside, sealed",
        guest.ask(|_| set(0, Some(NULL), None, 0))?,
        libc::ENOSYS,
    );
    t.refused(
        "a spectator",
        spectator(|| set(0, Some(NULL), None, 0))?,
        libc::EPERM,
    );
    t.ok(
        "close the context",
        context::set_flags(xid, 0, vxf::STATE_ADMIN),
    );
    t.refused(
        "the host, out of reach",
        set(xid, Some(NULL), None, 0),
        libc::EACCES,
    );
    t.refused(
        "a user",
        subprocess(|| {
            crate::sys::process::become_user(65_534)?;
            set(0, Some(NULL), None, 0)
        })?,
        libc::ENOSYS,
    );
    t.gives("nothing has changed", host_reads(NULL), NULL_ITSELF);
    guest.stop().map(|_| ())
}

/// Mappings end with the context: the next one with the id starts without.
fn end(t: &mut Test, guest: Guest) -> Outcome {
    let xid = guest.xid();
    t.gives("close null", set(xid, Some(NULL), None, 0), 0);
    guest.stop()?;
    t.check(
        "the context goes",
        crate::harness::wait::until(crate::limits::GONE_WITHIN, || {
            context::info(xid) == Err(libc::ESRCH)
        }),
    );
    let mut next = Guest::start(xid)?;
    t.gives(
        "the next one with this id",
        next.tell(read, NULL, &[])?,
        NULL_ITSELF,
    );
    next.stop().map(|_| ())
}
