// SPDX-License-Identifier: GPL-2.0

//! Disk limits by file system and tag: what is stored and told.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Words, context, narrow};
use crate::sys::memory::Low;
use crate::sys::{Sys, files};
use libvserver::abi::{Dlimit, DlimitBase, DlimitBaseCompat, DlimitCompat, cdlim, vcmd};

/// Two file systems.
const ONE: &str = "/tmp/dlimit-one";
const TWO: &str = "/tmp/dlimit-two";

/// The six values of a limit, without the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values {
    space: (u32, u32),
    inodes: (u32, u32),
    reserved: u32,
    flags: u32,
}

/// What a limit has before it is set: it refuses everything, even what is kept for root.
const EMPTY: Values = Values {
    space: (0, 0),
    inodes: (0, 0),
    reserved: 100,
    flags: 0,
};

const PLAIN: Values = Values {
    space: (10, 1000),
    inodes: (3, 50),
    reserved: 5,
    flags: 0,
};

const KEEP: u32 = cdlim::KEEP;
const INFINITY: u32 = cdlim::INFINITY;

fn base(command: u32, tag: u32, path: &str) -> Sys<u32> {
    let path = Low::text(path)?;
    let mut data = DlimitBase {
        name: path.address(),
        flags: 0xffff_ffff,
        ..DlimitBase::default()
    };
    context::with(command, tag, &mut data)
}

fn add(tag: u32, path: &str) -> Sys<u32> {
    base(vcmd::ADD_DLIMIT, tag, path)
}

fn remove(tag: u32, path: &str) -> Sys<u32> {
    base(vcmd::REM_DLIMIT, tag, path)
}

fn set(tag: u32, path: &str, values: Values) -> Sys<u32> {
    let path = Low::text(path)?;
    let mut data = Dlimit {
        name: path.address(),
        space_used: values.space.0,
        space_total: values.space.1,
        inodes_used: values.inodes.0,
        inodes_total: values.inodes.1,
        reserved: values.reserved,
        flags: values.flags,
    };
    context::with(vcmd::SET_DLIMIT, tag, &mut data)
}

fn get_with(tag: u32, path: &str, flags: u32) -> Sys<Values> {
    let path = Low::text(path)?;
    let mut data = Dlimit {
        name: path.address(),
        space_used: 0xdead,
        flags,
        ..Dlimit::default()
    };
    context::with(vcmd::GET_DLIMIT, tag, &mut data)?;
    Ok(Values {
        space: (data.space_used, data.space_total),
        inodes: (data.inodes_used, data.inodes_total),
        reserved: data.reserved,
        flags: data.flags,
    })
}

fn get(tag: u32, path: &str) -> Sys<Values> {
    get_with(tag, path, 0)
}

pub fn run(t: &mut Test) -> Outcome {
    for path in [ONE, TWO] {
        files::mkdir(path).need("a mount point")?;
        files::mount("dlimit", path, "tmpfs", 0, "").need("a file system")?;
    }
    let outcome = body(t);
    for path in [ONE, TWO] {
        let _ = files::detach(path);
    }
    outcome
}

fn body(t: &mut Test) -> Outcome {
    entries(t)?;
    values(t);
    refusals(t);
    scales(t);
    paths(t)?;
    layouts(t)?;
    inside(t)?;
    end_of_a_file_system(t)
}

/// One entry for each file system and tag.
fn entries(t: &mut Test) -> Outcome {
    for tag in [0, 1, 7, 65_535, 70_000, u32::MAX] {
        let name = tag as i32;
        t.refused(&format!("tag {name}: no limit"), get(tag, ONE), libc::ESRCH);
        t.refused(
            &format!("tag {name}: set of no limit"),
            set(tag, ONE, PLAIN),
            libc::ESRCH,
        );
        t.refused(
            &format!("tag {name}: remove of no limit"),
            remove(tag, ONE),
            libc::ESRCH,
        );
        t.gives(&format!("tag {name}: add"), add(tag, ONE), 0);
        t.refused(
            &format!("tag {name}: add again"),
            add(tag, ONE),
            libc::EEXIST,
        );
        t.gives(&format!("tag {name}: it is empty"), get(tag, ONE), EMPTY);
        t.refused(
            &format!("tag {name}: not on the other file system"),
            get(tag, TWO),
            libc::ESRCH,
        );
        t.gives(&format!("tag {name}: remove"), remove(tag, ONE), 0);
        t.refused(
            &format!("tag {name}: it is gone"),
            get(tag, ONE),
            libc::ESRCH,
        );
    }
    t.gives("two tags", add(7, ONE).and(add(8, ONE)), 0);
    t.gives("two file systems", add(7, TWO), 0);
    t.gives("set one of them", set(7, ONE, PLAIN), 0);
    t.gives("it is set", get(7, ONE), PLAIN);
    t.gives("the other tag is not", get(8, ONE), EMPTY);
    t.gives("the other file system is not", get(7, TWO), EMPTY);
    t.gives("remove one of them", remove(7, TWO), 0);
    t.gives("the others stay", get(7, ONE), PLAIN);
    t.gives("both are removed", remove(8, ONE).and(remove(7, ONE)), 0);
    t.refused("again, a new one", get(7, ONE), libc::ESRCH);
    t.gives("add", add(7, ONE), 0);
    t.gives("knows nothing of the old one", get(7, ONE), EMPTY);
    Ok(())
}

/// Each set builds on those before it.
fn values(t: &mut Test) {
    let all = Values {
        space: (KEEP, KEEP),
        inodes: (KEEP, KEEP),
        reserved: KEEP,
        flags: 0,
    };
    for (what, new, want) in [
        ("all values", PLAIN, PLAIN),
        ("none", all, PLAIN),
        (
            "only the space",
            Values {
                space: (20, 2000),
                ..all
            },
            Values {
                space: (20, 2000),
                ..PLAIN
            },
        ),
        (
            "only the totals",
            Values {
                space: (KEEP, 3000),
                inodes: (KEEP, 60),
                ..all
            },
            Values {
                space: (20, 3000),
                inodes: (3, 60),
                ..PLAIN
            },
        ),
        (
            "only what is in use",
            Values {
                space: (30, KEEP),
                inodes: (4, KEEP),
                ..all
            },
            Values {
                space: (30, 3000),
                inodes: (4, 60),
                ..PLAIN
            },
        ),
        (
            "no limit",
            Values {
                space: (0, INFINITY),
                inodes: (0, INFINITY),
                reserved: 0,
                flags: 0,
            },
            Values {
                space: (0, INFINITY),
                inodes: (0, INFINITY),
                reserved: 0,
                flags: 0,
            },
        ),
        (
            "everything in use",
            Values {
                space: (1000, 1000),
                inodes: (50, 50),
                reserved: 100,
                flags: 0,
            },
            Values {
                space: (1000, 1000),
                inodes: (50, 50),
                reserved: 100,
                flags: 0,
            },
        ),
    ] {
        t.gives(&format!("{what}: set"), set(7, ONE, new), 0);
        t.gives(&format!("{what}: get"), get(7, ONE), want);
    }
    let wrong: Vec<u32> = (0..=100)
        .filter(|reserved| {
            let new = Values {
                reserved: *reserved,
                ..PLAIN
            };
            set(7, ONE, new).and_then(|_| get(7, ONE)) != Ok(new)
        })
        .collect();
    t.equal("percentages that do not come back", wrong, vec![]);
    t.gives("put back", set(7, ONE, PLAIN), 0);
}

fn refusals(t: &mut Test) {
    for (what, new) in [
        (
            "more space in use than there is",
            Values {
                space: (1001, 1000),
                ..PLAIN
            },
        ),
        (
            "more inodes in use than there are",
            Values {
                inodes: (51, 50),
                ..PLAIN
            },
        ),
        (
            "all numbers are less than infinity",
            Values {
                space: (INFINITY, KEEP),
                ..PLAIN
            },
        ),
        (
            "more than all reserved",
            Values {
                reserved: 101,
                ..PLAIN
            },
        ),
    ] {
        t.refused(what, set(7, ONE, new), libc::EINVAL);
        t.gives(&format!("{what}: nothing changed"), get(7, ONE), PLAIN);
        // The numbers are looked at before the table is.
        t.refused(
            &format!("{what}: of a tag without a limit"),
            set(9, ONE, new),
            libc::EINVAL,
        );
    }
}

fn scales(t: &mut Test) {
    let scaled = |used: u32, total: u32| cdlim::DLIMF_SHIFT | used | (total << 2);
    let (byte, kib, mib, gib) = (0, 1, 2, 3);
    // What is set, and what comes back without and with the flag.
    for (what, space, flags, plain, fine) in [
        (
            "KiB",
            (10, 1000),
            0,
            (10, 1000),
            ((10 << 10, 1000 << 10), scaled(byte, byte)),
        ),
        (
            "bytes, which are cut to KiB",
            (5000, 70_000),
            scaled(byte, byte),
            (4, 68),
            ((5000, 70_000), scaled(byte, byte)),
        ),
        (
            "MiB and GiB",
            (10, 1000),
            scaled(mib, gib),
            (10 << 10, 1000 << 20),
            ((10 << 20, 1000 << 20), scaled(byte, kib)),
        ),
        (
            "what needs GiB",
            (1 << 20, 1 << 30),
            scaled(gib, gib),
            (KEEP - 1, KEEP - 1),
            ((1 << 30, 1 << 30), scaled(mib, gib)),
        ),
    ] {
        let new = Values {
            space,
            flags,
            ..PLAIN
        };
        t.gives(&format!("{what}: set"), set(7, ONE, new), 0);
        t.gives(
            &format!("{what}: get in KiB"),
            get(7, ONE).map(|v| (v.space, v.flags)),
            (plain, 0),
        );
        t.gives(
            &format!("{what}: get with scales"),
            get_with(7, ONE, cdlim::DLIMF_SHIFT).map(|v| (v.space, v.flags)),
            fine,
        );
    }
    t.gives("put back", set(7, ONE, PLAIN), 0);
}

/// Any path on the file system selects it, and a final link is not followed.
fn paths(t: &mut Test) -> Outcome {
    let directory = format!("{ONE}/directory");
    let file = format!("{directory}/file");
    files::mkdir(&directory).need("a directory")?;
    files::create(&file, "").need("a file")?;
    let link = format!("{ONE}/link");
    std::os::unix::fs::symlink(TWO, &link)
        .map_err(|e| crate::sys::code(&e))
        .need("a link")?;
    for path in [&directory, &file, &link] {
        t.gives(&format!("the limit by {path}"), get(7, path), PLAIN);
    }
    t.refused(
        "a link on the way is followed",
        get(7, &format!("{link}/.")),
        libc::ESRCH,
    );
    for (path, error) in [
        ("", libc::ENOENT),
        ("/tmp/dlimit-one/none", libc::ENOENT),
        ("/tmp/dlimit-one/directory/file/x", libc::ENOTDIR),
    ] {
        t.refused(&format!("add by '{path}'"), add(9, path), error);
        t.refused(&format!("get by '{path}'"), get(9, path), error);
    }
    let mut data = Dlimit::default();
    for (what, name) in [("null", 0), ("an address in the first page", 16)] {
        data.name = name;
        t.refused(
            &format!("the path is {what}"),
            context::with(vcmd::GET_DLIMIT, 7, &mut data),
            libc::EFAULT,
        );
    }
    Ok(())
}

fn layouts(t: &mut Test) -> Outcome {
    if !narrow::AVAILABLE {
        t.skip("layout of 32-bit callers", "this machine has none");
        return Ok(());
    }
    let path = Low::text(ONE).need("memory for a path")?;
    let name = path.address() as u32;
    let mut base = DlimitBaseCompat { name, flags: 0 };
    t.gives(
        "32-bit: add",
        narrow::with(vcmd::ADD_DLIMIT, 8, &mut base),
        0,
    );
    let mut data = DlimitCompat {
        name,
        space_used: 11,
        space_total: 22,
        inodes_used: 33,
        inodes_total: 44,
        reserved: 55,
        flags: 0,
    };
    t.gives(
        "32-bit: set",
        narrow::with(vcmd::SET_DLIMIT, 8, &mut data),
        0,
    );
    let want = Values {
        space: (11, 22),
        inodes: (33, 44),
        reserved: 55,
        flags: 0,
    };
    t.gives("native: get", get(8, ONE), want);
    let mut data = DlimitCompat {
        name,
        flags: cdlim::DLIMF_SHIFT,
        ..DlimitCompat::default()
    };
    t.gives(
        "32-bit: get",
        narrow::with(vcmd::GET_DLIMIT, 8, &mut data),
        0,
    );
    t.equal(
        "32-bit: all members",
        data,
        DlimitCompat {
            name,
            space_used: 11 << 10,
            space_total: 22 << 10,
            inodes_used: 33,
            inodes_total: 44,
            reserved: 55,
            flags: cdlim::DLIMF_SHIFT,
        },
    );
    t.gives(
        "32-bit: remove",
        narrow::with(vcmd::REM_DLIMIT, 8, &mut base),
        0,
    );
    t.refused("native: it is gone", get(8, ONE), libc::ESRCH);
    Ok(())
}

fn inside(t: &mut Test) -> Outcome {
    let mut guest = Guest::plan(t.xid()).open().start()?;
    type Act = fn(&Words) -> Sys<u32>;
    let acts: [(&str, Act); 3] = [
        ("add", |_| add(9, ONE)),
        ("set", |_| set(7, ONE, EMPTY)),
        ("remove", |_| remove(7, ONE)),
    ];
    for (name, act) in acts {
        t.refused(
            &format!("inside, in setup: {name}"),
            guest.ask(act)?,
            libc::EPERM,
        );
    }
    t.gives(
        "inside, in setup: get",
        guest.ask(|_| get(7, ONE).map(|v| v.space.1))?,
        PLAIN.space.1,
    );
    t.ok("seal", guest.seal());
    for (name, act) in acts {
        t.refused(
            &format!("inside, sealed: {name}"),
            guest.ask(act)?,
            libc::ENOSYS,
        );
    }
    t.refused(
        "inside, sealed: get",
        guest.ask(|_| get(7, ONE).map(|v| v.space.1))?,
        libc::ENOSYS,
    );
    t.gives("the limit is as it was", get(7, ONE), PLAIN);
    for (name, act) in acts {
        t.gives(&format!("control: host: {name}"), act(&Words::default()), 0);
    }
    t.gives("put back", remove(9, ONE), 0);
    guest.stop().map(|_| ())
}

/// A limit belongs to a file system, not to a number that the next one may get.
fn end_of_a_file_system(t: &mut Test) -> Outcome {
    t.gives("a limit", add(7, ONE), 0);
    t.ok("the file system goes", files::unmount(ONE));
    files::mount("dlimit", ONE, "tmpfs", 0, "").need("a new file system")?;
    t.refused("the new one has no limit", get(7, ONE), libc::ESRCH);
    let _ = remove(7, ONE);
    Ok(())
}
