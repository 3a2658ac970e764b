// SPDX-License-Identifier: GPL-2.0

//! Every command with every kind of caller, id and pointer, as a native and as a 32-bit caller,
//! against what the published interface says.

use super::published::expected;
use super::published::{Answer, Caller, IDS, Id, POINTERS, PUBLISHED, Pointer, Row, Target, Want};
use crate::harness::check::{Outcome, Test};
use crate::harness::entry::{Place, WIDTHS, Width, call};
use crate::harness::{Child, Need, Stop, context, network, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::memory::{Edge, Low};
use crate::sys::{Sys, describe, files, process, spaces};
use libvserver::abi::{DlimitBase, XID_SELF, nxf, space, vci, vcmd, vxf};
use std::fs::File;
use std::os::fd::AsRawFd;

/// Fills memory that must not change.
const GUARD: u8 = 0xa5;
/// Bytes that are looked at: the data and some on both sides.
const WINDOW: usize = 256;
/// The file whose attributes and file system the commands look at.
const FILE: &str = "/tmp/commands";
/// A number that no descriptor has, and no process: more than a machine of this size gives out.
const NO_DESCRIPTOR: u32 = 999;
const NO_PROCESS: u32 = 4_000_000;
/// An ordinary user.
const USER: u32 = 65_534;
/// Capabilities to be without.
const CAP_LINUX_IMMUTABLE: u32 = 9;
const CAP_SYS_RESOURCE: u32 = 24;

/// A sealed guest with a process, in a network context of its own.
struct Somebody {
    child: Child,
    xid: u32,
    nid: u32,
}

impl Somebody {
    /// Starts one; with `closed` both contexts are out of reach for the host's commands.
    fn start(t: &mut Test, closed: bool) -> Result<Self, Stop> {
        let (xid, nid) = (t.xid(), t.xid());
        let child = Child::start(|| match become_somebody(xid, nid, closed) {
            Ok(()) => process::sleep_for_ever(),
            Err(error) => error,
        })?;
        let somebody = Self { child, xid, nid };
        let sealed = || context::flags(xid).is_ok_and(|f| f.value & vxf::STATE_SETUP == 0);
        if wait::until(GONE_WITHIN, sealed) {
            Ok(somebody)
        } else {
            Err(Stop::Fail(format!("start of guest {xid}")))
        }
    }
}

impl Drop for Somebody {
    fn drop(&mut self) {
        context::end(self.xid);
        wait::until(GONE_WITHIN, || self.child.has_ended());
        network::goes(self.nid);
    }
}

fn become_somebody(xid: u32, nid: u32, closed: bool) -> Sys<()> {
    network::create(nid, nxf::INIT_SET)?;
    context::create(xid, vxf::INIT_SET)?;
    spaces::unshare(space::UTS)?;
    context::set_space(XID_SELF, space::UTS, 0)?;
    if closed {
        network::set_flags(XID_SELF, 0, nxf::STATE_ADMIN)?;
    }
    let admin = if closed { vxf::STATE_ADMIN } else { 0 };
    context::set_flags(XID_SELF, 0, vxf::STATE_SETUP | admin)
}

/// What the calls are about.
struct World {
    other: Somebody,
    closed: Somebody,
    /// An id that no object has.
    missing: u32,
    /// Descriptors that every caller inherits: "own", "other", "closed".
    files: [File; 3],
    path: Low,
}

impl World {
    fn make(t: &mut Test) -> Result<Self, Stop> {
        files::create(FILE, "").need("a file")?;
        let open = || File::open(FILE).map_err(|e| crate::sys::code(&e));
        Ok(Self {
            other: Somebody::start(t, false)?,
            closed: Somebody::start(t, true)?,
            missing: t.xid(),
            files: [
                open().need("open the file")?,
                open().need("open the file")?,
                open().need("open the file")?,
            ],
            path: Low::text(FILE).need("memory for a path")?,
        })
    }

    /// The number that stands for `id` with this command.
    fn number(&self, row: &Row, caller: &Caller, id: Id) -> u32 {
        let network = matches!(row.target, Target::Network(_) | Target::NewNetwork);
        let of = |somebody: &Somebody| {
            if network { somebody.nid } else { somebody.xid }
        };
        let own = match caller.context {
            None => XID_SELF,
            Some(_) if network => caller.nid,
            Some(_) => caller.xid,
        };
        let fd = |index: usize| self.files[index].as_raw_fd() as u32;
        match (id, row.target) {
            (Id::Zero, _) => 0,
            (Id::One, _) => 1,
            (Id::MinusOne, _) => u32::MAX,
            (Id::TooBig, _) => 65_536,
            (Id::Own, Target::Task) => process::getpid() as u32,
            (Id::Other, Target::Task) => self.other.child.pid() as u32,
            (Id::Closed, Target::Task) => self.closed.child.pid() as u32,
            (Id::Missing, Target::Task) => NO_PROCESS,
            (Id::Own, Target::Descriptor) => fd(0),
            (Id::Other, Target::Descriptor) => fd(1),
            (Id::Closed, Target::Descriptor) => fd(2),
            (Id::Missing, Target::Descriptor) => NO_DESCRIPTOR,
            (Id::Own, _) => own,
            (Id::Other, _) => of(&self.other),
            (Id::Closed, _) => of(&self.closed),
            (Id::Missing, _) => self.missing,
        }
    }

    /// What a question about the task that `id` names should give.
    fn id_of_task(&self, row: &Row, caller: &Caller, id: Id) -> u32 {
        let pick = |xid, nid| match row.answer {
            Answer::XidOf => xid,
            _ => nid,
        };
        match id {
            Id::Zero | Id::Own => pick(caller.xid, caller.nid),
            Id::Other => pick(self.other.xid, self.other.nid),
            Id::Closed => pick(self.closed.xid, self.closed.nid),
            _ => 0,
        }
    }

    /// Adds or removes the disk limit of a tag.
    fn limit(&self, command: u32, tag: u32) {
        let mut data = DlimitBase {
            name: self.path.address(),
            ..DlimitBase::default()
        };
        // It may be there, or not.
        let _ = context::with(command, tag, &mut data);
    }

    /// Adds or removes the disk limits of all tags that a caller asks for.
    fn limits(&self, caller: &Caller, command: u32) {
        if let Some(row) = PUBLISHED.iter().find(|row| row.target == Target::Tag) {
            for (id, _) in IDS {
                self.limit(command, self.number(row, caller, id));
            }
        }
    }
}

/// Makes a caller of the calling process.
type Become = fn(&Caller) -> Sys<()>;

/// Everybody who calls.
fn callers(t: &mut Test) -> Vec<(Caller, Become)> {
    let host = Caller {
        name: "host root",
        admin: true,
        resource: true,
        immutable: true,
        context: None,
        xid: 0,
        nid: 0,
    };
    let nobody = Caller {
        name: "host user",
        admin: false,
        resource: false,
        immutable: false,
        ..host.clone()
    };
    let setup = Caller {
        name: "guest in setup",
        context: Some(true),
        xid: t.xid(),
        nid: t.xid(),
        ..host.clone()
    };
    let sealed = Caller {
        name: "sealed guest",
        context: Some(false),
        xid: t.xid(),
        nid: t.xid(),
        ..host.clone()
    };
    vec![
        (host.clone(), |_| Ok(())),
        (nobody.clone(), |_| process::become_user(USER)),
        (setup, become_guest),
        (sealed, |caller| {
            become_guest(caller)?;
            context::set_flags(XID_SELF, 0, vxf::STATE_SETUP)
        }),
        (
            Caller {
                name: "spectator",
                xid: 1,
                ..host.clone()
            },
            |_| context::become_spectator(),
        ),
        (
            Caller {
                name: "root of a user namespace",
                ..nobody
            },
            |_| {
                process::become_user(USER)?;
                spaces::unshare(space::USER)
            },
        ),
        (
            Caller {
                name: "host root without CAP_SYS_RESOURCE",
                resource: false,
                ..host.clone()
            },
            |_| process::drop_capability(CAP_SYS_RESOURCE),
        ),
        (
            Caller {
                name: "host root without CAP_LINUX_IMMUTABLE",
                immutable: false,
                ..host
            },
            |_| process::drop_capability(CAP_LINUX_IMMUTABLE),
        ),
    ]
}

/// Makes network context and context of the caller; it stays in setup.
fn become_guest(caller: &Caller) -> Sys<()> {
    network::create(caller.nid, nxf::INIT_SET)?;
    context::create(caller.xid, vxf::INIT_SET).map(|_| ())
}

pub fn run(t: &mut Test) -> Outcome {
    let world = World::make(t)?;
    for (caller, become_caller) in callers(t) {
        world.limits(&caller, vcmd::ADD_DLIMIT);
        let answers = subprocess(|| {
            become_caller(&caller)?;
            everything(&world, &caller)
        })?
        .need(&format!("become {}", caller.name))?;
        world.limits(&caller, vcmd::REM_DLIMIT);
        let cells = WIDTHS
            .iter()
            .flat_map(|(_, width)| PUBLISHED.iter().map(move |row| (width, row)));
        for ((width, row), problems) in cells.zip(answers) {
            t.check(
                &format!("{}: {} ({width})", caller.name, row.name),
                problems.is_empty(),
            );
            for problem in problems {
                t.note(problem);
            }
        }
    }
    t.gives(
        "the others are still there",
        context::info(world.other.xid).map(|i| i.xid),
        world.other.xid,
    );
    Ok(())
}

/// All commands of one caller: what went wrong, by width and row.
fn everything(world: &World, caller: &Caller) -> Sys<Vec<Vec<String>>> {
    for (number, fd) in [0, 1].into_iter().enumerate() {
        // SAFETY: nothing in this process uses its standard input and output.
        crate::sys::done(unsafe { libc::dup2(world.files[number].as_raw_fd(), fd) })?;
    }
    let edge = Edge::map()?;
    let mut answers = Vec::new();
    for (width, _) in WIDTHS {
        for row in PUBLISHED {
            let mut problems = Vec::new();
            for (id, id_name) in IDS {
                for (pointer, pointer_name) in POINTERS {
                    let cell = Cell {
                        world,
                        caller,
                        edge: &edge,
                        row,
                        width: *width,
                        id,
                        pointer,
                    };
                    let problem = cell.try_it().map_err(|_| libc::ECHILD)?;
                    problems.extend(
                        problem.map(|problem| {
                            format!("id {id_name}, pointer {pointer_name}: {problem}")
                        }),
                    );
                }
            }
            answers.push(problems);
        }
    }
    Ok(answers)
}

/// One call.
struct Cell<'a> {
    world: &'a World,
    caller: &'a Caller,
    edge: &'a Edge,
    row: &'a Row,
    width: Width,
    id: Id,
    pointer: Pointer,
}

impl Cell<'_> {
    /// Performs it and says what was wrong.
    fn try_it(&self) -> Result<Option<String>, Stop> {
        let number = self.world.number(self.row, self.caller, self.id);
        let subject = match self.row.answer {
            Answer::XidOf | Answer::NidOf => self.world.id_of_task(self.row, self.caller, self.id),
            _ => number,
        };
        let want = expected(self.row, self.caller, self.id, subject, self.pointer);
        if self.row.moves_caller() && matches!(want, Want::Value(_)) {
            return subprocess(|| self.perform(number, want));
        }
        Ok(self.perform(number, want))
    }

    fn perform(&self, number: u32, want: Want) -> Option<String> {
        self.prepare(number);
        let size = self.row.argument.size(self.width);
        // Where the data starts, from the end of the memory.
        let at = match self.pointer {
            Pointer::Exact => size,
            Pointer::Short => size.saturating_sub(1),
            Pointer::Long => WINDOW / 2 + size,
            Pointer::Null | Pointer::Bad | Pointer::Kernel => 0,
        };
        let good = self
            .row
            .good
            .bytes(self.width, size.max(4), self.world.path.address());
        self.edge.fill(WINDOW, GUARD);
        self.edge.put(at, &good[..size.min(at)]);
        let before = self.edge.last(WINDOW);

        let sleeps = self.row.answer == Answer::Interrupted;
        if sleeps {
            process::interrupt_often(true).ok()?;
        }
        let got = self.call(number, at);
        if sleeps {
            process::interrupt_often(false).ok()?;
        }
        if self.row.number == vcmd::TAG_MIGRATE && got.is_ok() {
            let _ = context::bare(vcmd::TAG_MIGRATE, 0);
        }

        let right = match (got, want) {
            (Ok(value), Want::Value(want)) => value == want,
            (Ok(word), Want::FeatureWord) => is_feature_word(word),
            (Err(error), Want::Error(want)) => error == want,
            _ => false,
        };
        if !right {
            return Some(format!("{}, want {}", text(got), text_of(want)));
        }
        self.memory(got, &before, at, size)
    }

    /// What the call did to memory that it should have left alone.
    fn memory(&self, got: Sys<u32>, before: &[u8], at: usize, size: usize) -> Option<String> {
        let may_write = match got {
            Ok(_) => self.row.argument.writes,
            // A copy that fails in the middle has written the first bytes.
            Err(libc::EFAULT) => self.row.argument.writes,
            Err(_) => self.row.always_writes(),
        };
        let own = WINDOW - at..(WINDOW - at + size).min(WINDOW);
        let changed = |(offset, (old, new)): (usize, (&u8, &u8))| {
            (old != new && !(may_write && own.contains(&offset))).then(|| {
                format!(
                    "byte {} of the data changed",
                    offset as i64 - own.start as i64
                )
            })
        };
        let after = self.edge.last(WINDOW);
        before.iter().zip(&after).enumerate().find_map(changed)
    }

    /// Makes the disk limits what the command needs to succeed.
    fn prepare(&self, number: u32) {
        if self.row.target != Target::Tag || self.caller.xid != 0 || !self.caller.resource {
            return;
        }
        match self.row.number {
            vcmd::ADD_DLIMIT => self.world.limit(vcmd::REM_DLIMIT, number),
            vcmd::TAG_MIGRATE => {}
            _ => self.world.limit(vcmd::ADD_DLIMIT, number),
        }
    }

    /// The call itself, with the pointer that starts `at` bytes before the end of the memory.
    fn call(&self, number: u32, at: usize) -> Sys<u32> {
        let place = match self.pointer {
            Pointer::Null => Place::Null,
            Pointer::Kernel => Place::Kernel,
            _ => Place::Back(at),
        };
        call(self.width, self.row.number, number, self.edge, place)
    }
}

/// A feature word that this kernel can answer.
fn is_feature_word(word: u32) -> bool {
    let always = vci::NO_DYNAMIC | vci::SPACES | vci::NETV2 | vci::PPTAG;
    word & always == always && word & vci::MORE == 0
}

fn text(got: Sys<u32>) -> String {
    match got {
        Ok(value) => format!("gave {value}"),
        Err(error) => format!("failed with {}", describe(error)),
    }
}

fn text_of(want: Want) -> String {
    match want {
        Want::Value(value) => format!("{value}"),
        Want::FeatureWord => "a feature word".into(),
        Want::Error(error) => describe(error),
    }
}
