// SPDX-License-Identifier: GPL-2.0

//! Every command with every kind of pointer, and in versions that do not exist.

use super::pointer_table::{Data, Id, Row, TABLE, Value};
use crate::harness::check::{Outcome, Test};
use crate::harness::{Child, Guest, Need, Stop, context, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, errno};
use libvserver::abi::space;
use std::ffi::c_void;

/// Fills memory that must not change.
const GUARD: u8 = 0xa5;

/// Two pages: the first is memory, the second is not.
struct Edge {
    start: *mut u8,
    page: usize,
}

impl Edge {
    fn map() -> Sys<Self> {
        // SAFETY: plain numbers; the new mapping is ours.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let start = libc::mmap(
                std::ptr::null_mut(),
                2 * page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if start == libc::MAP_FAILED {
                return Err(errno());
            }
            let start = start.cast::<u8>();
            crate::sys::done(libc::mprotect(
                start.add(page).cast(),
                page,
                libc::PROT_NONE,
            ))?;
            Ok(Self { start, page })
        }
    }

    /// The place `back` bytes before the end of the memory.
    fn back(&self, back: usize) -> *mut u8 {
        // SAFETY: callers ask for at most a page.
        unsafe { self.start.add(self.page - back) }
    }

    /// Makes the memory read-only.
    fn protect(&self) -> Sys<()> {
        // SAFETY: the page is ours and nobody holds a reference into it.
        crate::sys::done(unsafe { libc::mprotect(self.start.cast(), self.page, libc::PROT_READ) })
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: both pages are ours and nobody refers to them any more.
        unsafe { libc::munmap(self.start.cast(), 2 * self.page) };
    }
}

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

/// Performs the command with that kind of pointer. The flag says whether memory around the data
/// stayed as it was.
fn attempt(command: u32, id: u32, data: Data, kind: Kind) -> Sys<(Sys<u32>, bool)> {
    let edge = Edge::map()?;
    let length = size(data);
    let odd = edge.back(length + 65);
    debug_assert!(odd as usize % 2 == 1 || length % 2 == 1);
    let pointer: *mut u8 = match kind {
        Kind::Null => std::ptr::null_mut(),
        Kind::Low => 16 as *mut u8,
        Kind::Unmapped => edge.back(0),
        Kind::Kernel => (usize::MAX - 0xffff) as *mut u8,
        Kind::NonCanonical => (1_usize << (usize::BITS - 2)) as *mut u8,
        Kind::LastByte => edge.back(1),
        Kind::OneByteShort => edge.back(length - 1),
        Kind::UpToTheEnd => edge.back(length),
        Kind::Odd | Kind::ReadOnly => odd,
    };
    // SAFETY: all bytes belong to the first page.
    unsafe {
        std::ptr::write_bytes(edge.start, GUARD, edge.page);
        let inside = (kind == Kind::LastByte, kind == Kind::OneByteShort);
        match (inside, kind) {
            ((true, _), _) => edge.back(1).write_bytes(0, 1),
            ((_, true), _) => edge.back(length - 1).write_bytes(0, length - 1),
            (_, Kind::UpToTheEnd | Kind::Odd | Kind::ReadOnly) => pointer.write_bytes(0, length),
            _ => {}
        }
    }
    if kind == Kind::ReadOnly {
        edge.protect()?;
    }
    // SAFETY: either the kernel refuses the pointer or there are `length` bytes of ours.
    let result = unsafe { context::raw(command, id, pointer.cast::<c_void>()) };
    // SAFETY: reading our own page.
    let whole = unsafe { std::slice::from_raw_parts(edge.start, edge.page) };
    let own = |address: usize| {
        let start = pointer as usize;
        (start..start + length).contains(&address)
    };
    let guarded = whole
        .iter()
        .enumerate()
        .all(|(offset, byte)| own(edge.start as usize + offset) || *byte == GUARD);
    Ok((result, guarded))
}

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let guest = Guest::plan(xid).open().namespaces(space::UTS).start()?;
    for row in TABLE {
        for (kind, kind_name) in KINDS {
            let what = format!("{} with {kind_name}", row.name);
            let (result, guarded, id) = perform(t, row, row.command, kind, xid)?;
            match expected(row.data, kind) {
                0 => {
                    let want = match row.value {
                        Value::Is(value) => value,
                        Value::TheId => id,
                        Value::Some => result.unwrap_or_default(),
                    };
                    t.gives(&what, result, want);
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
            if row.id == Id::Fresh {
                let gone = wait::until(GONE_WITHIN, || context::info(id) == Err(libc::ESRCH));
                t.check(&format!("{what}: no context stays"), gone);
            }
        }
        versions(t, row, xid)?;
    }
    t.gives(
        "the guest is still there",
        context::info(xid).map(|i| i.xid),
        xid,
    );
    drop(guest);
    unknown_ids(t)
}

/// Performs the command here, or in a process of its own when it moves its caller.
fn call(row: &Row, command: u32, id: u32, kind: Kind) -> Result<(Sys<u32>, bool), Stop> {
    let answer = if row.moves_caller() {
        subprocess(|| attempt(command, id, row.data, kind))?
    } else {
        attempt(command, id, row.data, kind)
    };
    answer.need(&format!("memory for {}", row.name))
}

/// Performs the command with an id that suits it.
fn perform(
    t: &mut Test,
    row: &Row,
    command: u32,
    kind: Kind,
    existing: u32,
) -> Result<(Sys<u32>, bool, u32), Stop> {
    let (mut short_lived, id) = match row.id {
        Id::Any | Id::Caller => (None, 0),
        Id::Fresh => (None, t.xid()),
        Id::Existing => (None, existing),
        Id::Ending => {
            let id = t.xid();
            (Some(ending(id)?), id)
        }
    };
    let (result, guarded) = call(row, command, id, kind)?;
    if let Some(child) = &mut short_lived {
        child.wait()?;
    }
    Ok((result, guarded, id))
}

/// A context that ends soon by itself.
fn ending(id: u32) -> Result<Child, Stop> {
    let child = Child::start(|| match context::create(id, 0) {
        Ok(_) => {
            std::thread::sleep(std::time::Duration::from_millis(150));
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
fn versions(t: &mut Test, row: &Row, xid: u32) -> Outcome {
    for version in [0x0f, 0x123, 0xffff] {
        let command = (row.command & 0xffff_0000) | version;
        for (kind, kind_name) in [KINDS[0], KINDS[3], KINDS[7]] {
            let id = if row.id == Id::Existing { xid } else { 0 };
            let (result, guarded) = call(row, command, id, kind)?;
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

/// The look-up comes before the look at the pointer.
fn unknown_ids(t: &mut Test) -> Outcome {
    for row in TABLE
        .iter()
        .filter(|row| matches!(row.id, Id::Existing | Id::Ending))
    {
        for (kind, kind_name) in KINDS {
            let (result, _) = call(row, row.command, 4242, kind)?;
            t.refused(
                &format!("{} of an unknown id with {kind_name}", row.name),
                result,
                libc::ESRCH,
            );
        }
    }
    Ok(())
}
