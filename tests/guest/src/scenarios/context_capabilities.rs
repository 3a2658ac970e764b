// SPDX-License-Identifier: GPL-2.0

//! Context capabilities: what each bit gives back of a capability that the mask took, to whom, and
//! to whom not. Those about mounts are in `mount_capabilities`.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Child, Guest, Need, Stop, Words, context, subprocess};
use crate::sys::{Sys, files, log, process, spaces, terminal, xattr};
use libvserver::abi::{space, vxc};

const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_RESOURCE: u32 = 24;
const CAP_AUDIT_CONTROL: u32 = 30;
const CAP_SYSLOG: u32 = 34;

/// A user of the guest.
const USER: u32 = 4001;
/// A file of everybody, whose attributes change.
const FILE: &str = "/tmp/context-capabilities";

/// A context capability at one of its places.
struct Row {
    /// What is done.
    name: &'static str,
    /// The bit that allows it.
    bit: u64,
    /// The capability that the mask takes.
    capability: u32,
    /// The act.
    act: fn() -> Sys<()>,
    /// The error without the bit.
    error: i32,
    /// The error for an ordinary user of the guest; none where such a user can do the act without
    /// any capability, or cannot prepare it.
    user: Option<i32>,
}

const fn row(
    name: &'static str,
    bit: u64,
    capability: u32,
    act: fn() -> Sys<()>,
    error: i32,
) -> Row {
    Row {
        name,
        bit,
        capability,
        act,
        error,
        user: Some(error),
    }
}

const ROWS: [Row; 12] = [
    row(
        "sethostname",
        vxc::SET_UTSNAME,
        CAP_SYS_ADMIN,
        || spaces::set_hostname("of-the-guest"),
        libc::EPERM,
    ),
    row(
        "setdomainname",
        vxc::SET_UTSNAME,
        CAP_SYS_ADMIN,
        || spaces::set_domainname("of-the-guest"),
        libc::EPERM,
    ),
    row(
        "raise a hard limit",
        vxc::SET_RLIMIT,
        CAP_SYS_RESOURCE,
        raise_limit,
        libc::EPERM,
    ),
    Row {
        // A user has no task of another user to try it with.
        user: None,
        ..row(
            "limit another user's task",
            vxc::SET_RLIMIT,
            CAP_SYS_RESOURCE,
            limit_other,
            libc::EPERM,
        )
    },
    row(
        "set a security attribute",
        vxc::FS_SECURITY,
        CAP_SYS_ADMIN,
        || xattr::set(FILE, "security.test"),
        libc::EPERM,
    ),
    row(
        "remove a security attribute",
        vxc::FS_SECURITY,
        CAP_SYS_ADMIN,
        || xattr::remove(FILE, "security.kept"),
        libc::EPERM,
    ),
    row(
        "set a trusted attribute",
        vxc::FS_TRUSTED,
        CAP_SYS_ADMIN,
        || xattr::set(FILE, "trusted.test"),
        libc::EPERM,
    ),
    row(
        "read a trusted attribute",
        vxc::FS_TRUSTED,
        CAP_SYS_ADMIN,
        || xattr::get(FILE, "trusted.kept").map(|_| ()),
        libc::ENODATA,
    ),
    row(
        "feed a terminal",
        vxc::TIOCSTI,
        CAP_SYS_ADMIN,
        terminal::feed_a_new_one,
        libc::EPERM,
    ),
    row(
        "ask for the size of the log",
        vxc::SYSLOG,
        CAP_SYSLOG,
        || log::syslog(log::SIZE_UNREAD).map(|_| ()),
        libc::EPERM,
    ),
    row(
        "lower the legacy score",
        vxc::OOM_ADJUST,
        CAP_SYS_RESOURCE,
        lower_score,
        libc::EACCES,
    ),
    Row {
        // The file belongs to root, as the process was root's.
        user: Some(libc::EACCES),
        ..row(
            "change a login uid",
            vxc::AUDIT_CONTROL,
            CAP_AUDIT_CONTROL,
            change_login,
            libc::EPERM,
        )
    },
];

/// Lowering is free, going back is not.
fn raise_limit() -> Sys<()> {
    let number = libc::RLIMIT_NOFILE;
    process::prlimit_set(0, number, 200)?;
    process::prlimit_set(0, number, 300)
}

fn limit_other() -> Sys<()> {
    let other = Child::start(|| {
        let _ = process::become_user(USER + 1);
        process::sleep_for_ever()
    })
    .map_err(|_| libc::ECHILD)?;
    let pid = other.pid();
    let changed = || {
        let status = files::read(&format!("/proc/{pid}/status")).unwrap_or_default();
        files::field(&status, "Uid").is_some_and(|ids| ids.starts_with(&(USER + 1).to_string()))
    };
    crate::harness::wait::until(crate::limits::GONE_WITHIN, changed);
    process::prlimit_set(pid, libc::RLIMIT_NOFILE, 100)
}

fn lower_score() -> Sys<()> {
    files::write("/proc/self/oom_adj", "5")?;
    files::write("/proc/self/oom_adj", "3")
}

/// The first one is free.
fn change_login() -> Sys<()> {
    let unset = u32::MAX.to_string();
    if files::read("/proc/self/loginuid")?.trim() == unset {
        files::write("/proc/self/loginuid", "1000")?;
    }
    files::write("/proc/self/loginuid", "1001")
}

/// The act of a row in a child of the first process inside, whose sets were never reduced. With a
/// second number the child gives that capability up before.
fn in_first(w: &Words) -> Sys<()> {
    let row = &ROWS[w.int(0) as usize];
    let dropped = w.numbers.get(1).map(|number| *number as u32);
    subprocess(|| {
        if let Some(number) = dropped {
            process::drop_capability(number)?;
        }
        (row.act)()
    })
    .map_err(|_| libc::ECHILD)?
}

pub fn run(t: &mut Test) -> Outcome {
    files::create(FILE, "").need("file")?;
    files::chmod(FILE, 0o666).need("mode of the file")?;
    let tiocsti = files::read("/proc/sys/dev/tty/legacy_tiocsti").need("sysctl")?;
    files::write("/proc/sys/dev/tty/legacy_tiocsti", "1").need("allow the old call")?;
    let host = spaces::hostname().need("host name")?;
    let outcome = ROWS
        .iter()
        .enumerate()
        .try_for_each(|(index, row)| one(t, index, row));
    let _ = files::write("/proc/sys/dev/tty/legacy_tiocsti", tiocsti.trim());
    let _ = std::fs::remove_file(FILE);
    outcome?;
    t.gives("the host keeps its name", spaces::hostname(), host);
    for (what, device) in [
        ("ADMIN_MAPPER", "/dev/mapper/control"),
        // What has no file system with quotas has no device for one either.
        ("QUOTA_CTL", "/dev/vda"),
    ] {
        if files::exists(device).is_err() {
            t.skip(what, &format!("this machine has no {device}"));
        }
    }
    unshare_mask(t)
}

fn one(t: &mut Test, index: usize, row: &Row) -> Outcome {
    let name = row.name;
    let mask = !(1 << row.capability);
    let start = |t: &mut Test| -> Result<Guest, Stop> {
        Guest::plan(t.xid())
            .namespaces(space::UTS)
            .bcaps(mask)
            .start()
    };
    let mut guest = start(t)?;
    let mut other = start(t)?;
    let number = index as i64;
    // Each act finds what it removes or reads.
    for kept in ["security.kept", "trusted.kept"] {
        xattr::set(FILE, kept).need("attribute")?;
    }
    t.ok(&format!("host: {name}"), subprocess(|| in_own_names(row))?);
    for kept in ["security.kept", "trusted.kept"] {
        xattr::set(FILE, kept).need("attribute")?;
    }

    t.refused(
        &format!("inside, without the bit: {name}"),
        guest.call(in_first, &[number])?,
        row.error,
    );
    t.refused(
        &format!("entered, without the bit: {name}"),
        guest.enter(row.act)?,
        row.error,
    );
    t.ok(
        "all other bits",
        context::set_ccaps(guest.xid(), !row.bit, u64::MAX),
    );
    t.refused(
        &format!("inside, with all other bits: {name}"),
        guest.call(in_first, &[number])?,
        row.error,
    );

    t.ok(
        "the bit",
        context::set_ccaps(guest.xid(), row.bit, u64::MAX),
    );
    t.refused(
        &format!("inside, with the bit, without {}: {name}", row.capability),
        guest.call(in_first, &[number, i64::from(row.capability)])?,
        row.error,
    );
    t.refused(
        &format!("entered, with the bit, given up: {name}"),
        guest.enter(|| {
            process::drop_bounding(row.capability)?;
            (row.act)()
        })?,
        row.error,
    );
    if let Some(error) = row.user {
        t.refused(
            &format!("a user inside, with the bit: {name}"),
            guest.enter(|| {
                process::become_user(USER)?;
                (row.act)()
            })?,
            error,
        );
    }
    t.refused(
        &format!("another guest: {name}"),
        other.call(in_first, &[number])?,
        row.error,
    );
    t.ok(
        &format!("inside, with the bit: {name}"),
        guest.call(in_first, &[number])?,
    );
    for kept in ["security.kept", "trusted.kept"] {
        xattr::set(FILE, kept).need("attribute")?;
    }
    t.ok(
        &format!("entered, with the bit: {name}"),
        guest.enter(row.act)?,
    );
    t.ok(
        "take the bit away",
        context::set_ccaps(guest.xid(), 0, row.bit),
    );
    t.refused(
        &format!("inside, without the bit again: {name}"),
        guest.call(in_first, &[number])?,
        row.error,
    );
    Ok(())
}

/// The act of a host process; its names are its own.
fn in_own_names(row: &Row) -> Sys<()> {
    spaces::unshare(space::UTS)?;
    (row.act)()
}

/// Namespaces that the unshare mask names can be made without CAP_SYS_ADMIN.
fn unshare_mask(t: &mut Test) -> Outcome {
    let spaces = [
        ("uts", space::UTS),
        ("ipc", space::IPC),
        ("mnt", space::MNT),
        ("pid", space::PID),
        ("net", space::NET),
        ("cgroup", space::CGROUP),
        ("time", space::TIME),
    ];
    let guest = Guest::plan(t.xid()).bcaps(!(1 << CAP_SYS_ADMIN)).start()?;
    let other = Guest::plan(t.xid()).bcaps(!(1 << CAP_SYS_ADMIN)).start()?;
    for (name, bit) in spaces {
        let act = || spaces::unshare(bit);
        t.ok(
            &format!("all but {name} in the unshare mask"),
            context::set_umask(guest.xid(), !bit, u64::MAX),
        );
        t.refused(
            &format!("inside: new {name}"),
            guest.enter(act)?,
            libc::EPERM,
        );
        t.ok(
            &format!("only {name} in the unshare mask"),
            context::set_umask(guest.xid(), bit, u64::MAX),
        );
        t.ok(&format!("inside: new {name} now"), guest.enter(act)?);
        t.refused(
            &format!("inside: new {name}, given up"),
            guest.enter(|| {
                process::drop_bounding(CAP_SYS_ADMIN)?;
                spaces::unshare(bit)
            })?,
            libc::EPERM,
        );
        t.refused(
            &format!("another guest: new {name}"),
            other.enter(act)?,
            libc::EPERM,
        );
        let second = if bit == space::UTS {
            space::IPC
        } else {
            space::UTS
        };
        t.refused(
            &format!("inside: new {name} and one that is not named"),
            guest.enter(|| spaces::unshare(bit | second))?,
            libc::EPERM,
        );
    }
    Ok(())
}
