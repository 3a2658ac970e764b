// SPDX-License-Identifier: GPL-2.0

//! Every command with every kind of pointer, and in versions that do not exist.

use super::pointer_table::{ABSENT, Data, Id, Row, TABLE, Value};
use crate::harness::check::{Outcome, Test};
use crate::harness::entry::Width;
use crate::harness::{Child, Guest, Need, Network, Stop, context, network, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::memory::{Edge, Low, page_size};
use crate::sys::{Sys, files};
use libvserver::abi::{DlimitBase, space, vcmd};
use std::ffi::c_void;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Fills memory that must not change.
const GUARD: u8 = 0xa5;

/// A kind of pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Null,
    Low,
    Unmapped,
    Kernel,
    NonCanonical,
    LastByte,
    OneByteShort,
    UpToTheEnd,
    Odd,
    ReadOnly,
}

const KINDS: [(Kind, &str); 10] = [
    (Kind::Null, "null"),
    (Kind::Low, "an address in the first page"),
    (Kind::Unmapped, "memory without access"),
    (Kind::Kernel, "an address of the kernel"),
    (Kind::NonCanonical, "an address in the hole"),
    (Kind::LastByte, "the last byte of a page"),
    (Kind::OneByteShort, "memory that is one byte too short"),
    (Kind::UpToTheEnd, "memory that ends with the data"),
    (Kind::Odd, "an odd address"),
    (Kind::ReadOnly, "memory that cannot be written"),
];

/// The error that the command gives for the pointer; 0 when it works.
fn expected(data: Data, kind: Kind) -> i32 {
    let (reads_null, writes) = match data {
        Data::Ignored => return 0,
        Data::In(_) => (false, false),
        Data::InOrNull(_) => (true, false),
        Data::Out(_) | Data::InOut(_) => (false, true),
    };
    let works = match kind {
        Kind::Null => reads_null,
        Kind::UpToTheEnd | Kind::Odd => true,
        Kind::ReadOnly => !writes,
        _ => false,
    };
    if works { 0 } else { libc::EFAULT }
}

/// Bytes of the data; one for commands that ignore it.
fn size(data: Data) -> usize {
    match data {
        Data::Ignored => 1,
        Data::In(n) | Data::InOrNull(n) | Data::Out(n) | Data::InOut(n) => n,
    }
}

/// What the commands act on.
struct Targets {
    xid: u32,
    nid: u32,
    fd: u32,
    path: Low,
}

/// The file whose attributes and file system the commands look at.
const FILE: &str = "/tmp/pointers";

impl Targets {
    /// Adds or removes a disk limit.
    fn limit(&self, command: u32, tag: u32) -> Sys<u32> {
        let mut data = DlimitBase {
            name: self.path.address(),
            ..DlimitBase::default()
        };
        context::with(command, tag, &mut data)
    }
}

/// Performs the command with that kind of pointer. The flag says whether memory around the data
/// stayed as it was.
fn attempt(command: u32, id: u32, row: &Row, kind: Kind, path: usize) -> Sys<(Sys<u32>, bool)> {
    let edge = Edge::map()?;
    let length = size(row.data);
    let good = row.good.bytes(Width::Native, length.max(4), path);
    let odd = length + 65 + length % 2;
    let at = match kind {
        Kind::Null | Kind::Low | Kind::Unmapped | Kind::Kernel | Kind::NonCanonical => 0,
        Kind::LastByte => 1,
        Kind::OneByteShort => length - 1,
        Kind::UpToTheEnd => length,
        Kind::Odd | Kind::ReadOnly => odd,
    };
    let pointer: *mut u8 = match kind {
        Kind::Null => std::ptr::null_mut(),
        Kind::Low => 16 as *mut u8,
        Kind::Kernel => (usize::MAX - 0xffff) as *mut u8,
        Kind::NonCanonical => (1_usize << (usize::BITS - 2)) as *mut u8,
        _ => edge.back(at),
    };
    let page = page_size();
    edge.fill(page, GUARD);
    edge.put(at, &good[..length.min(at)]);
    if kind == Kind::ReadOnly {
        edge.protect()?;
    }
    // SAFETY: either the kernel refuses the pointer or there are `length` bytes of ours.
    let result = unsafe { context::raw(command, id, pointer.cast::<c_void>()) };
    let own = page - at..page - at + length;
    let guarded = edge
        .last(page)
        .iter()
        .enumerate()
        .all(|(offset, byte)| own.contains(&offset) || *byte == GUARD);
    Ok((result, guarded))
}

pub fn run(t: &mut Test) -> Outcome {
    let (xid, nid) = (t.xid(), t.xid());
    let guest = Guest::plan(xid).open().namespaces(space::UTS).start()?;
    let net = Network::start(nid)?;
    files::create(FILE, "").need("a file")?;
    let file = std::fs::File::open(FILE)
        .map_err(|e| crate::sys::code(&e))
        .need("open the file")?;
    let targets = Targets {
        xid,
        nid,
        fd: file.as_raw_fd() as u32,
        path: Low::text(FILE).need("memory for a path")?,
    };
    for row in TABLE {
        for (kind, kind_name) in KINDS {
            let what = format!("{} with {kind_name}", row.name);
            let (result, guarded, id) = perform(t, row, kind, &targets)?;
            match expected(row.data, kind) {
                0 => {
                    match row.value {
                        Value::Is(value) => t.gives(&what, result, value),
                        Value::TheId => t.gives(&what, result, id),
                        Value::Some => t.gives(&what, result, result.unwrap_or_default()),
                        Value::Error(error) => t.refused(&what, result, error),
                    };
                }
                error => {
                    t.refused(&what, result, error);
                }
            }
            if !guarded {
                t.check(
                    &format!("{what}: memory around the data is untouched"),
                    false,
                );
            }
            match row.id {
                Id::Fresh => {
                    let gone = wait::until(GONE_WITHIN, || context::info(id) == Err(libc::ESRCH));
                    t.check(&format!("{what}: no context stays"), gone);
                }
                Id::FreshNetwork => {
                    t.check(
                        &format!("{what}: no network context stays"),
                        network::goes(id),
                    );
                }
                _ => {}
            }
        }
        versions(t, row, &targets)?;
    }
    absent(t);
    t.gives(
        "the guest is still there",
        context::info(xid).map(|i| i.xid),
        xid,
    );
    t.gives("the network context too", network::info(nid), nid);
    drop((guest, net));
    unknown_ids(t, &targets)
}

/// Performs the command here, or in a process of its own when it moves its caller.
fn call(
    row: &Row,
    command: u32,
    id: u32,
    kind: Kind,
    path: usize,
) -> Result<(Sys<u32>, bool), Stop> {
    let answer = if row.moves_caller() {
        subprocess(|| attempt(command, id, row, kind, path))?
    } else {
        attempt(command, id, row, kind, path)
    };
    answer.need(&format!("memory for {}", row.name))
}

/// Performs the command with an id that suits it. Who waits for the end of a context may come too
/// late on a slow machine, so its life gets longer until he does not.
fn perform(
    t: &mut Test,
    row: &Row,
    kind: Kind,
    targets: &Targets,
) -> Result<(Sys<u32>, bool, u32), Stop> {
    let mut life = Duration::from_millis(150);
    loop {
        let answer = perform_once(t, row, kind, targets, life)?;
        let late = row.id == Id::Ending && answer.0 == Err(libc::ESRCH);
        if !late || life > GONE_WITHIN {
            return Ok(answer);
        }
        life *= 4;
    }
}

fn perform_once(
    t: &mut Test,
    row: &Row,
    kind: Kind,
    targets: &Targets,
    life: Duration,
) -> Result<(Sys<u32>, bool, u32), Stop> {
    let mut short_lived = None;
    let id = match row.id {
        Id::Any | Id::Caller => 0,
        Id::Fresh | Id::FreshNetwork | Id::FreshTag => t.xid(),
        Id::Existing => targets.xid,
        Id::Network => targets.nid,
        Id::Descriptor => targets.fd,
        Id::Ending => {
            let id = t.xid();
            short_lived = Some(ending(id, life)?);
            id
        }
        Id::LimitedTag => {
            let tag = t.xid();
            targets
                .limit(vcmd::ADD_DLIMIT, tag)
                .need("add a disk limit")?;
            tag
        }
    };
    let (result, guarded) = call(row, row.command, id, kind, targets.path.address())?;
    if let Some(child) = &mut short_lived {
        child.wait()?;
    }
    if matches!(row.id, Id::FreshTag | Id::LimitedTag) {
        // The command may have failed to add it, or have removed it.
        let _ = targets.limit(vcmd::REM_DLIMIT, id);
    }
    Ok((result, guarded, id))
}

/// A context that ends by itself after so much time.
fn ending(id: u32, life: Duration) -> Result<Child, Stop> {
    let child = Child::start(|| match context::create(id, 0) {
        Ok(_) => {
            std::thread::sleep(life);
            0
        }
        Err(error) => error,
    })?;
    wait::until(GONE_WITHIN, || {
        context::info(id).is_ok() || child.has_ended()
    });
    Ok(child)
}

/// Versions that nobody defined do not exist, whatever the pointer.
fn versions(t: &mut Test, row: &Row, targets: &Targets) -> Outcome {
    for version in [0x0f, 0x123, 0xffff] {
        let command = (row.command & 0xffff_0000) | version;
        for (kind, kind_name) in [KINDS[0], KINDS[3], KINDS[7]] {
            let id = match row.id {
                Id::Existing => targets.xid,
                Id::Network => targets.nid,
                _ => 0,
            };
            let (result, guarded) = call(row, command, id, kind, targets.path.address())?;
            t.refused(
                &format!("{} version {version:#x} with {kind_name}", row.name),
                result,
                libc::ENOSYS,
            );
            if !guarded {
                t.check(
                    &format!("{} version {version:#x} writes nothing", row.name),
                    false,
                );
            }
        }
    }
    Ok(())
}

/// Commands that are defined and not there look at nothing.
fn absent(t: &mut Test) {
    for (name, command) in ABSENT {
        t.refused(
            &format!("{name} without data"),
            context::bare(*command, 0),
            libc::ENOSYS,
        );
        t.refused(
            &format!("{name} with data"),
            context::with(*command, 0, &mut [0_u64; 4]),
            libc::ENOSYS,
        );
    }
}

/// The look-up comes before the look at the pointer.
fn unknown_ids(t: &mut Test, targets: &Targets) -> Outcome {
    for row in TABLE
        .iter()
        .filter(|row| matches!(row.id, Id::Existing | Id::Ending | Id::Network))
    {
        for (kind, kind_name) in KINDS {
            let (result, _) = call(row, row.command, 4242, kind, targets.path.address())?;
            t.refused(
                &format!("{} of an unknown id with {kind_name}", row.name),
                result,
                libc::ESRCH,
            );
        }
    }
    Ok(())
}
