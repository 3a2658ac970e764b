// SPDX-License-Identifier: GPL-2.0

//! Attributes of inodes on a file system in memory.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context, narrow};
use crate::sys::memory::Low;
use crate::sys::{Sys, c, code, done, files};
use libvserver::abi::{Fiattr, Iattr, IattrCompat, iattr, vcmd};
use std::fs::File;
use std::os::fd::AsRawFd;

/// The file system.
const BASE: &str = "/tmp/iattr";
const FILE: &str = "/tmp/iattr/file";
const DIRECTORY: &str = "/tmp/iattr/directory";

const IXUNLINK: u32 = iattr::IXUNLINK;
const IMMUTABLE: u32 = iattr::IMMUTABLE;
const BARRIER: u32 = iattr::BARRIER;
const COW: u32 = iattr::COW;

/// What has a meaning for a file, and for a directory.
const FILE_MASK: u32 = IXUNLINK | IMMUTABLE | COW;
const DIRECTORY_MASK: u32 = FILE_MASK | BARRIER;

/// What the caller puts into `tag`: without tags it comes back.
const TAG: u32 = 0x4711;

/// Flags and mask after the command. The flags always say that a tag is told.
type Answer = (u32, u32);

fn by_name(command: u32, path: &str, flags: u32, mask: u32) -> (Sys<u32>, Iattr) {
    let mut data = Iattr {
        tag: TAG,
        flags,
        mask,
        ..Iattr::default()
    };
    let result = Low::text(path).and_then(|path| {
        data.name = path.address();
        context::with(command, 0, &mut data)
    });
    data.name = 0;
    (result, data)
}

/// `get_iattr`; its input does not matter.
fn get(path: &str) -> Sys<Answer> {
    let (result, data) = by_name(vcmd::GET_IATTR, path, u32::MAX, u32::MAX);
    result?;
    if data.tag == TAG && data.flags & iattr::TAG != 0 {
        Ok((data.flags & !iattr::TAG, data.mask))
    } else {
        Err(libc::EPROTO)
    }
}

/// `set_iattr`, and what it wrote back.
fn set(path: &str, flags: u32, mask: u32) -> Sys<Answer> {
    let (result, data) = by_name(vcmd::SET_IATTR, path, flags, mask);
    result.map(|_| (data.flags & !iattr::TAG, data.mask))
}

/// Clears everything that can be set.
fn clear(path: &str) -> Sys<Answer> {
    set(path, 0, DIRECTORY_MASK)
}

fn unlink(path: &str) -> Sys<()> {
    std::fs::remove_file(path).map_err(|e| code(&e))
}

pub fn run(t: &mut Test) -> Outcome {
    files::mkdir(BASE).need("a mount point")?;
    files::mount("iattr", BASE, "tmpfs", 0, "").need("a file system")?;
    let outcome = body(t);
    let _ = files::detach(BASE);
    outcome
}

fn body(t: &mut Test) -> Outcome {
    files::create(FILE, "text").need("a file")?;
    files::mkdir(DIRECTORY).need("a directory")?;
    bits(t);
    immutable(t)?;
    refusals(t)?;
    links(t)?;
    descriptors(t)?;
    layouts(t)?;
    read_only(t)?;
    inside(t)
}

fn bits(t: &mut Test) {
    t.gives("file: nothing at first", get(FILE), (0, FILE_MASK));
    t.gives(
        "directory: nothing at first",
        get(DIRECTORY),
        (0, DIRECTORY_MASK),
    );
    // Path, bits that are asked for, bits that are there afterwards.
    for (what, path, asked, there) in [
        ("file: IXUNLINK", FILE, IXUNLINK, IXUNLINK),
        ("file: IMMUTABLE", FILE, IMMUTABLE, IMMUTABLE),
        (
            "file: both are COW",
            FILE,
            IXUNLINK | IMMUTABLE,
            IXUNLINK | IMMUTABLE | COW,
        ),
        ("file: COW alone is told by the two others", FILE, COW, 0),
        ("file: BARRIER is for directories", FILE, BARRIER, 0),
        ("directory: BARRIER", DIRECTORY, BARRIER, BARRIER),
        (
            "directory: BARRIER and IXUNLINK",
            DIRECTORY,
            BARRIER | IXUNLINK,
            BARRIER | IXUNLINK,
        ),
        ("directory: IMMUTABLE", DIRECTORY, IMMUTABLE, IMMUTABLE),
    ] {
        let mask = if path == FILE {
            FILE_MASK
        } else {
            DIRECTORY_MASK
        };
        t.gives(
            &format!("{what}: set, what it writes back"),
            set(path, asked, asked),
            (there, mask),
        );
        t.gives(&format!("{what}: get"), get(path), (there, mask));
        t.gives(&format!("{what}: clear"), clear(path), (0, mask));
    }
    t.ok("IXUNLINK", set(FILE, IXUNLINK, IXUNLINK));
    t.ok("only what the mask names", set(FILE, u32::MAX, 0));
    t.gives("changes", get(FILE), (IXUNLINK, FILE_MASK));
    t.ok("IMMUTABLE beside it", set(FILE, IMMUTABLE, IMMUTABLE));
    t.gives(
        "both are there",
        get(FILE),
        (IXUNLINK | IMMUTABLE | COW, FILE_MASK),
    );
    t.ok("IXUNLINK goes", set(FILE, 0, IXUNLINK));
    t.gives("IMMUTABLE stays", get(FILE), (IMMUTABLE, FILE_MASK));
    t.gives(
        "all bits that no inode of this kind has are ignored",
        set(FILE, 0, DIRECTORY_MASK | iattr::WRITE),
        (0, FILE_MASK),
    );
}

/// IMMUTABLE alone is the bit of the file system.
fn immutable(t: &mut Test) -> Outcome {
    let other = format!("{BASE}/other");
    let act = |what: &str| -> Vec<(String, Sys<()>)> {
        let link = std::fs::hard_link(FILE, &other).map_err(|e| code(&e));
        let rename = std::fs::rename(FILE, &other).map_err(|e| code(&e));
        let write = files::write(FILE, "changed");
        let chmod = files::chmod(FILE, 0o600);
        let gone = unlink(FILE);
        [
            ("link", link),
            ("rename", rename),
            ("write", write),
            ("chmod", chmod),
            ("unlink", gone),
        ]
        .map(|(name, result)| (format!("{what}: {name}"), result))
        .to_vec()
    };
    t.ok("set IMMUTABLE", set(FILE, IMMUTABLE, IMMUTABLE));
    for (what, result) in act("immutable") {
        t.refused(&what, result, libc::EPERM);
    }
    t.gives("the text is the same", files::read(FILE), "text".into());
    t.ok("clear it", clear(FILE));
    t.ok(
        "control: write",
        files::write(FILE, "TEXT").and_then(|()| files::chmod(FILE, 0o644)),
    );
    t.ok(
        "control: link, rename back, unlink",
        std::fs::hard_link(FILE, &other)
            .and_then(|()| std::fs::rename(&other, format!("{BASE}/third")))
            .map_err(|e| code(&e))
            .and_then(|()| unlink(&format!("{BASE}/third"))),
    );

    t.ok(
        "directory: set IMMUTABLE",
        set(DIRECTORY, IMMUTABLE, IMMUTABLE),
    );
    let inner = format!("{DIRECTORY}/inner");
    t.refused(
        "directory: no new name",
        files::create(&inner, ""),
        libc::EPERM,
    );
    t.ok("directory: clear it", clear(DIRECTORY));
    t.ok("control: a new name", files::create(&inner, ""));

    // With IXUNLINK the name may go.
    let second = format!("{BASE}/second");
    files::create(&second, "").need("a file")?;
    t.ok(
        "IMMUTABLE and IXUNLINK",
        set(&second, IMMUTABLE | IXUNLINK, IMMUTABLE | IXUNLINK),
    );
    t.ok("its name can be removed", unlink(&second));
    Ok(())
}

fn refusals(t: &mut Test) -> Outcome {
    t.ok("IXUNLINK", set(FILE, IXUNLINK, IXUNLINK));
    for (name, bit) in [
        ("TAG, without tags", iattr::TAG),
        ("ADMIN, outside of procfs", iattr::ADMIN),
        ("WATCH, outside of procfs", iattr::WATCH),
        ("HIDE, outside of procfs", iattr::HIDE),
    ] {
        let (result, data) = by_name(vcmd::SET_IATTR, FILE, bit, bit | IXUNLINK);
        t.refused(name, result, libc::EINVAL);
        t.check(
            &format!("{name}: the structure is written back"),
            data.tag == TAG,
        );
        t.gives(
            &format!("{name}: nothing changed"),
            get(FILE),
            (IXUNLINK, FILE_MASK),
        );
    }
    t.ok("clear it", clear(FILE));
    for (path, error) in [
        ("", libc::ENOENT),
        ("/tmp/iattr/none", libc::ENOENT),
        ("/tmp/iattr/file/x", libc::ENOTDIR),
    ] {
        t.refused(&format!("get of '{path}'"), get(path), error);
        t.refused(&format!("set of '{path}'"), set(path, 0, 0), error);
    }
    for (what, name) in [("null", 0), ("an address in the first page", 16)] {
        let mut data = Iattr {
            name,
            ..Iattr::default()
        };
        t.refused(
            &format!("the path is {what}: get"),
            context::with(vcmd::GET_IATTR, 0, &mut data),
            libc::EFAULT,
        );
        t.refused(
            &format!("the path is {what}: set"),
            context::with(vcmd::SET_IATTR, 0, &mut data),
            libc::EFAULT,
        );
    }
    Ok(())
}

/// A final link is meant itself.
fn links(t: &mut Test) -> Outcome {
    let link = format!("{BASE}/link");
    let dangling = format!("{BASE}/dangling");
    for (target, path) in [(DIRECTORY, &link), ("nowhere", &dangling)] {
        std::os::unix::fs::symlink(target, path)
            .map_err(|e| code(&e))
            .need("a link")?;
    }
    t.gives("a link to a directory is none", get(&link), (0, FILE_MASK));
    t.gives("a link to nothing is there", get(&dangling), (0, FILE_MASK));
    t.ok("IXUNLINK for the link", set(&link, IXUNLINK, IXUNLINK));
    t.gives("the link has it", get(&link), (IXUNLINK, FILE_MASK));
    t.gives("its target has not", get(DIRECTORY), (0, DIRECTORY_MASK));
    t.gives(
        "a link on the way is followed",
        get(&format!("{link}/.")),
        (0, DIRECTORY_MASK),
    );
    t.ok("clear it", clear(&link));
    Ok(())
}

fn by_fd(command: u32, fd: u32, flags: u32, mask: u32) -> Sys<Answer> {
    let mut data = Fiattr {
        tag: TAG,
        flags,
        mask,
    };
    context::with(command, fd, &mut data)?;
    if data.tag == TAG && data.flags & iattr::TAG != 0 {
        Ok((data.flags & !iattr::TAG, data.mask))
    } else {
        Err(libc::EPROTO)
    }
}

fn descriptors(t: &mut Test) -> Outcome {
    let open = |path| File::open(path).map_err(|e| code(&e));
    let file = open(FILE).need("open the file")?;
    let directory = open(DIRECTORY).need("open the directory")?;
    let (fd, dir) = (file.as_raw_fd() as u32, directory.as_raw_fd() as u32);
    let get_fd = |fd| by_fd(vcmd::FGET_IATTR, fd, u32::MAX, u32::MAX);
    let set_fd = |fd, flags, mask| by_fd(vcmd::FSET_IATTR, fd, flags, mask);
    t.gives("descriptor of a file", get_fd(fd), (0, FILE_MASK));
    t.gives(
        "descriptor of a directory",
        get_fd(dir),
        (0, DIRECTORY_MASK),
    );
    t.gives(
        "set through a descriptor",
        set_fd(fd, IMMUTABLE, IMMUTABLE),
        (IMMUTABLE, FILE_MASK),
    );
    t.gives("get by name", get(FILE), (IMMUTABLE, FILE_MASK));
    t.refused("it acts", unlink(FILE), libc::EPERM);
    t.gives(
        "clear through the descriptor",
        set_fd(fd, 0, IMMUTABLE),
        (0, FILE_MASK),
    );
    t.gives(
        "BARRIER through a descriptor",
        set_fd(dir, BARRIER, BARRIER),
        (BARRIER, DIRECTORY_MASK),
    );
    t.ok("clear it by name", clear(DIRECTORY));
    t.gives(
        "seen through the descriptor",
        get_fd(dir),
        (0, DIRECTORY_MASK),
    );
    t.refused(
        "TAG through a descriptor",
        set_fd(fd, iattr::TAG, iattr::TAG),
        libc::EINVAL,
    );
    drop(file);
    for (name, number) in [
        ("a closed descriptor", fd),
        ("999", 999),
        ("65536", 65_536),
        ("-1", u32::MAX),
    ] {
        t.refused(&format!("get of {name}"), get_fd(number), libc::EBADF);
        t.refused(&format!("set of {name}"), set_fd(number, 0, 0), libc::EBADF);
    }
    // A path that is only a place can be asked about.
    let path = c(FILE);
    // SAFETY: the string outlives the call.
    let place = crate::sys::sys(unsafe { libc::open(path.as_ptr(), libc::O_PATH) });
    let place = place.need("open as a place")? as i32;
    t.gives(
        "descriptor of a place",
        get_fd(place as u32),
        (0, FILE_MASK),
    );
    crate::sys::sockets::close(place);
    Ok(())
}

fn layouts(t: &mut Test) -> Outcome {
    if !narrow::AVAILABLE {
        t.skip("layout of 32-bit callers", "this machine has none");
        return Ok(());
    }
    let path = Low::text(DIRECTORY).need("memory for a path")?;
    let name = path.address() as u32;
    let mut data = IattrCompat {
        name,
        tag: TAG,
        flags: BARRIER | IXUNLINK,
        mask: BARRIER | IXUNLINK,
    };
    t.gives(
        "32-bit: set",
        narrow::with(vcmd::SET_IATTR, 0, &mut data),
        0,
    );
    let want = IattrCompat {
        name,
        tag: TAG,
        flags: BARRIER | IXUNLINK | iattr::TAG,
        mask: DIRECTORY_MASK,
    };
    t.equal("32-bit: what it writes back", data, want);
    t.gives(
        "native: get",
        get(DIRECTORY),
        (BARRIER | IXUNLINK, DIRECTORY_MASK),
    );
    data.flags = 0;
    data.mask = 0;
    t.gives(
        "32-bit: get",
        narrow::with(vcmd::GET_IATTR, 0, &mut data),
        0,
    );
    t.equal("32-bit: all members", data, want);
    t.ok("clear it", clear(DIRECTORY));
    Ok(())
}

fn remount(flags: libc::c_ulong) -> Sys<()> {
    files::mount("iattr", BASE, "tmpfs", libc::MS_REMOUNT | flags, "")
}

fn read_only(t: &mut Test) -> Outcome {
    remount(libc::MS_RDONLY).need("make it read-only")?;
    t.refused("read-only: set", set(FILE, IXUNLINK, IXUNLINK), libc::EROFS);
    t.gives("read-only: get", get(FILE), (0, FILE_MASK));
    remount(0).need("make it writable")?;
    t.ok("control: writable: set", set(FILE, IXUNLINK, IXUNLINK));
    t.ok("clear it", clear(FILE));
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).open().start()?;
    let set_it = |_: &Words| set(FILE, IXUNLINK, IXUNLINK).map(|a| a.0);
    let get_it = |_: &Words| get(FILE).map(|a| a.0);
    t.gives("inside, in setup: set", guest.ask(set_it)?, IXUNLINK);
    t.gives("inside, in setup: get", guest.ask(get_it)?, IXUNLINK);
    t.ok("clear it", clear(FILE));
    t.ok("seal", guest.seal());
    t.refused("inside, sealed: set", guest.ask(set_it)?, libc::ENOSYS);
    t.refused("inside, sealed: get", guest.ask(get_it)?, libc::ENOSYS);
    t.gives("nothing changed", get(FILE), (0, FILE_MASK));
    t.gives("control: host: set", set_it(&Words::default()), IXUNLINK);
    t.ok("clear it", clear(FILE));
    guest.stop().map(|_| ())?;
    let base = c(BASE);
    // SAFETY: the string outlives the call.
    let unmounted = done(unsafe { libc::umount(base.as_ptr()) });
    t.ok("nothing keeps the file system", unmounted);
    Ok(())
}
