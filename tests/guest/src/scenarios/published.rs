// SPDX-License-Identifier: GPL-2.0

//! The published interface as a table, and what it says about every call.
//!
//! The rows were derived from the description of the original interface: its list of commands and
//! its list of structures. They do not come from the table of the kernel, and nothing here knows
//! it: where both differ, one of them is wrong. Where this implementation differs from the
//! original on purpose, [`expected`] says so (`Documentation/abi.md`).

use super::good_data::Good;
use crate::harness::entry::Width;

/// Whom the command lets through, beside what its capabilities say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Tasks of every context.
    Any,
    /// The host.
    Host,
    /// The host, and tasks of a context in setup.
    Setup,
}

/// What the command asks of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// That it exists.
    Exists,
    /// That it exists and has STATE_ADMIN.
    Admin,
}

/// What the id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing.
    Ignored,
    /// A context that does not exist yet.
    NewContext,
    /// A network context that does not exist yet.
    NewNetwork,
    /// A context.
    Context(Rule),
    /// A context, or none with id 0.
    ContextOr0(Rule),
    /// A network context.
    Network(Rule),
    /// A process; 0 is the caller.
    Task,
    /// A descriptor.
    Descriptor,
    /// A tag; every number is one.
    Tag,
}

/// The data of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// It is read.
    pub reads: bool,
    /// Null stands for a default.
    pub nullable: bool,
    /// It is written.
    pub writes: bool,
    /// Bytes for a native caller.
    pub native: usize,
    /// Bytes for a 32-bit caller.
    pub narrow: usize,
}

impl Argument {
    /// Bytes for this caller.
    pub fn size(&self, width: Width) -> usize {
        match width {
            Width::Native => self.native,
            Width::Narrow => self.narrow,
        }
    }
}

/// What a call returns that nothing is wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This number.
    Is(u32),
    /// The id that it got.
    TheId,
    /// The feature word.
    FeatureWord,
    /// The context id of the task.
    XidOf,
    /// The network context id of the task.
    NidOf,
    /// Nothing, before a signal interrupts it.
    Interrupted,
    /// This error: no data without a name would do.
    Refused(i32),
}

/// A command.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub number: u32,
    /// It is there; the others answer ENOSYS, as commands that nobody defined.
    pub there: bool,
    /// Its level; above 1 the caller needs `CAP_SYS_ADMIN`.
    pub level: u32,
    /// The caller needs `CAP_SYS_RESOURCE`.
    pub resource: bool,
    /// The caller needs `CAP_LINUX_IMMUTABLE`.
    pub immutable: bool,
    /// Whom it lets through.
    pub who: Who,
    /// What the id names.
    pub target: Target,
    /// The data.
    pub argument: Argument,
    /// Data that it accepts.
    pub good: Good,
    /// What it returns.
    pub answer: Answer,
}

/// A capability beside `CAP_SYS_ADMIN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Resource,
    Immutable,
}

#[allow(clippy::too_many_arguments)]
const fn row(
    name: &'static str,
    number: u32,
    level: u32,
    needs: Needs,
    who: Who,
    target: Target,
    argument: Argument,
    good: Good,
    answer: Answer,
) -> Row {
    Row {
        name,
        number,
        there: true,
        level,
        resource: matches!(needs, Needs::Resource),
        immutable: matches!(needs, Needs::Immutable),
        who,
        target,
        argument,
        good,
        answer,
    }
}

/// A number that was given away once, or an option that is not built.
const fn gone(name: &'static str, number: u32) -> Row {
    let row = row(
        name,
        number,
        0,
        NONE,
        Any,
        Ignored,
        changes(32, 28),
        Zeros,
        ZERO,
    );
    Row {
        there: false,
        ..row
    }
}

const fn no_data() -> Argument {
    Argument {
        reads: false,
        nullable: false,
        writes: false,
        native: 0,
        narrow: 0,
    }
}

const fn reads(native: usize, narrow: usize) -> Argument {
    Argument {
        reads: true,
        native,
        narrow,
        ..no_data()
    }
}

const fn reads_or_null(native: usize, narrow: usize) -> Argument {
    Argument {
        nullable: true,
        ..reads(native, narrow)
    }
}

const fn writes(native: usize, narrow: usize) -> Argument {
    Argument {
        writes: true,
        native,
        narrow,
        ..no_data()
    }
}

const fn changes(native: usize, narrow: usize) -> Argument {
    Argument {
        writes: true,
        ..reads(native, narrow)
    }
}

use Answer::{FeatureWord, Interrupted, Is, NidOf, Refused, TheId, XidOf};
use Good::{FreshIpv6, Kind, Limit, Number, Path, Zeros};
use Needs::{Immutable as IMMUTABLE, Nothing as NONE, Resource as RESOURCE};
use Target::{
    Context, ContextOr0, Descriptor, Ignored, Network, NewContext, NewNetwork, Tag, Task,
};
use Who::{Any, Host, Setup};

const ANY: Rule = Rule::Exists;
const ADMIN: Rule = Rule::Admin;
const ZERO: Answer = Is(0);

/// All numbers that were ever given away, and those that were added since.
#[rustfmt::skip]
pub const PUBLISHED: &[Row] = &[
    row("get_version", 0x0000_0000, 0, NONE, Any, Ignored, no_data(), Zeros, Is(0x0002_0308)),
    row("get_vci", 0x0001_0000, 0, NONE, Any, Ignored, no_data(), Zeros, FeatureWord),
    gone("create_context", 0x0101_0000),
    row("set_vhi_name", 0x0201_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(72, 72), Zeros, ZERO),
    row("get_vhi_name", 0x0202_0000, 3, NONE, Any, Context(ANY), changes(72, 72), Zeros, ZERO),
    row("set_mapping", 0x0601_0000, 8, RESOURCE, Host, ContextOr0(ADMIN), reads(24, 12), Zeros, Refused(libc::EINVAL)),
    row("unset_mapping", 0x0602_0000, 8, RESOURCE, Host, ContextOr0(ADMIN), reads(24, 12), Zeros, Refused(libc::EINVAL)),
    row("ctx_create_v0", 0x0901_0000, 5, NONE, Any, NewContext, no_data(), Zeros, TheId),
    row("ctx_create", 0x0901_0001, 5, NONE, Any, NewContext, reads_or_null(8, 8), Zeros, TheId),
    gone("ctx_create_v2", 0x0901_0002),
    row("enter_space_v0", 0x0a01_0000, 5, RESOURCE, Host, Context(ADMIN), no_data(), Zeros, ZERO),
    row("enter_space_v1", 0x0a01_0001, 5, RESOURCE, Host, Context(ADMIN), reads_or_null(8, 8), Zeros, ZERO),
    row("enter_space", 0x0a01_0002, 5, RESOURCE, Host, Context(ADMIN), reads_or_null(12, 12), Zeros, ZERO),
    gone("cleanup_namespace", 0x0a02_0000),
    gone("set_space_v0", 0x0a03_0000),
    row("set_space_v1", 0x0a03_0001, 7, RESOURCE, Setup, Context(ADMIN), reads_or_null(8, 8), Zeros, ZERO),
    row("set_space", 0x0a03_0002, 7, RESOURCE, Setup, Context(ADMIN), reads_or_null(12, 12), Zeros, ZERO),
    row("get_space_mask_v0", 0x0a04_0000, 0, NONE, Any, Ignored, writes(8, 8), Zeros, ZERO),
    gone("get_pflags", 0x0a05_0000),
    gone("set_pflags", 0x0a06_0000),
    row("ctx_migrate_v0", 0x0b01_0000, 5, RESOURCE, Host, Context(ADMIN), no_data(), Zeros, ZERO),
    row("ctx_migrate", 0x0b01_0001, 5, RESOURCE, Host, Context(ADMIN), reads_or_null(8, 8), Zeros, ZERO),
    gone("ctx_migrate_v2", 0x0b01_0002),
    row("ctx_kill", 0x0c01_0000, 6, RESOURCE, Host, Context(ANY), reads(8, 8), Zeros, ZERO),
    gone("set_sched_v2", 0x0e01_0002),
    gone("set_sched_v3", 0x0e01_0003),
    row("set_sched_v4", 0x0e01_0004, 7, RESOURCE, Setup, Context(ADMIN), reads(36, 36), Zeros, ZERO),
    row("set_sched", 0x0e01_0005, 7, RESOURCE, Setup, Context(ADMIN), reads(44, 44), Zeros, ZERO),
    row("get_sched", 0x0e02_0005, 3, NONE, Any, Context(ANY), changes(44, 44), Zeros, ZERO),
    row("sched_info", 0x0e03_0000, 3, NONE, Any, ContextOr0(ANY), changes(40, 40), Zeros, ZERO),
    row("set_prio_bias", 0x0e04_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(8, 8), Zeros, ZERO),
    row("get_prio_bias", 0x0e05_0000, 3, NONE, Any, Context(ANY), changes(8, 8), Zeros, ZERO),
    row("get_badness", 0x1405_0000, 3, NONE, Any, Context(ANY), writes(8, 8), Zeros, ZERO),
    row("set_badness", 0x1406_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(8, 8), Zeros, ZERO),
    row("net_create_v0", 0x1901_0000, 5, NONE, Any, NewNetwork, no_data(), Zeros, TheId),
    row("net_create", 0x1901_0001, 5, NONE, Any, NewNetwork, reads_or_null(8, 8), Zeros, TheId),
    row("net_add", 0x1a01_0000, 8, RESOURCE, Setup, Network(ADMIN), reads(36, 36), Kind(0x0101), Is(1)),
    row("net_add_ipv4_v1", 0x1a01_0001, 8, RESOURCE, Setup, Network(ADMIN), reads(12, 12), Kind(0x0110), ZERO),
    row("net_add_ipv4", 0x1a01_0002, 8, RESOURCE, Setup, Network(ADMIN), reads(16, 16), Kind(0x0110), ZERO),
    row("net_remove", 0x1a02_0000, 8, RESOURCE, Setup, Network(ADMIN), reads(36, 36), Kind(0x00ff), ZERO),
    row("net_rem_ipv4_v1", 0x1a02_0001, 8, RESOURCE, Setup, Network(ADMIN), reads(12, 12), Kind(0x00ff), ZERO),
    row("net_rem_ipv4", 0x1a02_0002, 8, RESOURCE, Setup, Network(ADMIN), reads(16, 16), Kind(0x00ff), ZERO),
    row("net_add_ipv6", 0x1a03_0001, 8, RESOURCE, Setup, Network(ADMIN), reads(40, 40), FreshIpv6, ZERO),
    row("net_remove_ipv6", 0x1a04_0001, 8, RESOURCE, Setup, Network(ADMIN), reads(40, 40), Kind(0x00ff), ZERO),
    gone("add_match_ipv4", 0x1a05_0000),
    gone("get_match_ipv4", 0x1a06_0000),
    gone("add_match_ipv6", 0x1a07_0000),
    gone("get_match_ipv6", 0x1a08_0000),
    row("net_migrate", 0x1b01_0000, 5, RESOURCE, Host, Network(ADMIN), no_data(), Zeros, ZERO),
    row("tag_migrate", 0x2301_0000, 5, RESOURCE, Host, Tag, no_data(), Zeros, ZERO),
    row("add_dlimit", 0x2401_0000, 8, RESOURCE, Host, Tag, reads(16, 8), Path, ZERO),
    row("rem_dlimit", 0x2402_0000, 8, RESOURCE, Host, Tag, reads(16, 8), Path, ZERO),
    row("set_dlimit", 0x2405_0000, 7, RESOURCE, Host, Tag, reads(32, 28), Path, ZERO),
    row("get_dlimit", 0x2406_0000, 3, NONE, Any, Tag, changes(32, 28), Path, ZERO),
    gone("get_iattr_v0", 0x2601_0000),
    row("get_iattr", 0x2601_0001, 2, NONE, Any, Ignored, changes(24, 16), Path, ZERO),
    gone("set_iattr_v0", 0x2602_0000),
    row("set_iattr", 0x2602_0001, 7, IMMUTABLE, Any, Ignored, changes(24, 16), Path, ZERO),
    row("fget_iattr", 0x2603_0000, 2, NONE, Any, Descriptor, changes(12, 12), Zeros, ZERO),
    row("fset_iattr", 0x2604_0000, 7, IMMUTABLE, Any, Descriptor, changes(12, 12), Zeros, ZERO),
    row("ctx_stat", 0x2800_0000, 3, NONE, Any, Context(ANY), writes(8, 8), Zeros, ZERO),
    row("rlimit_stat", 0x2801_0000, 3, NONE, Any, Context(ANY), changes(32, 32), Number(6), ZERO),
    row("virt_stat", 0x2803_0000, 3, NONE, Any, Context(ANY), writes(48, 48), Zeros, ZERO),
    row("sock_stat", 0x2805_0000, 3, NONE, Any, Context(ANY), changes(40, 40), Zeros, ZERO),
    row("task_xid", 0x2e01_0000, 2, NONE, Any, Task, no_data(), Zeros, XidOf),
    row("task_nid", 0x2e02_0000, 2, NONE, Any, Task, no_data(), Zeros, NidOf),
    row("task_tag", 0x2e03_0000, 2, NONE, Any, Task, no_data(), Zeros, ZERO),
    row("vx_info", 0x2e05_0000, 3, NONE, Any, Context(ANY), writes(8, 8), Zeros, ZERO),
    row("nx_info", 0x2e06_0000, 3, NONE, Any, Network(ANY), writes(4, 4), Zeros, ZERO),
    row("wait_exit", 0x3063_0000, 4, NONE, Any, Context(ANY), writes(8, 8), Zeros, Interrupted),
    row("get_cflags", 0x3401_0000, 3, NONE, Any, Context(ANY), writes(16, 16), Zeros, ZERO),
    row("set_cflags", 0x3402_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(16, 16), Zeros, ZERO),
    gone("get_ccaps_v0", 0x3403_0000),
    row("get_ccaps", 0x3403_0001, 3, NONE, Any, Context(ANY), writes(16, 16), Zeros, ZERO),
    gone("set_ccaps_v0", 0x3404_0000),
    row("set_ccaps", 0x3404_0001, 7, RESOURCE, Setup, Context(ADMIN), reads(16, 16), Zeros, ZERO),
    row("get_nflags", 0x3405_0000, 3, NONE, Any, Network(ANY), writes(16, 16), Zeros, ZERO),
    row("set_nflags", 0x3406_0000, 7, RESOURCE, Setup, Network(ADMIN), reads(16, 16), Zeros, ZERO),
    row("get_ncaps", 0x3407_0000, 3, NONE, Any, Network(ANY), writes(16, 16), Zeros, ZERO),
    row("set_ncaps", 0x3408_0000, 7, RESOURCE, Setup, Network(ADMIN), reads(16, 16), Zeros, ZERO),
    row("get_bcaps", 0x3409_0000, 3, NONE, Any, Context(ANY), writes(16, 16), Zeros, ZERO),
    row("set_bcaps", 0x340a_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(16, 16), Zeros, ZERO),
    row("get_umask", 0x340d_0000, 3, NONE, Any, Context(ANY), writes(16, 16), Zeros, ZERO),
    row("set_umask", 0x340e_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(16, 16), Zeros, ZERO),
    row("get_wmask", 0x340f_0000, 3, NONE, Any, Context(ANY), writes(16, 16), Zeros, ZERO),
    row("set_wmask", 0x3410_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(16, 16), Zeros, ZERO),
    row("get_space_mask", 0x3600_0001, 0, NONE, Any, Ignored, writes(8, 8), Zeros, ZERO),
    row("get_space_default", 0x3601_0000, 0, NONE, Any, Ignored, writes(8, 8), Zeros, ZERO),
    gone("dump_history", 0x3801_0000),
    gone("read_history", 0x3805_0000),
    gone("read_monitor", 0x3806_0000),
    row("get_rlimit", 0x3c01_0000, 3, NONE, Any, Context(ANY), changes(32, 28), Limit, ZERO),
    row("set_rlimit", 0x3c02_0000, 7, RESOURCE, Setup, Context(ADMIN), reads(32, 28), Limit, ZERO),
    row("get_rlimit_mask", 0x3c03_0000, 0, NONE, Any, Ignored, writes(12, 12), Zeros, ZERO),
    row("reset_hits", 0x3c07_0000, 2, NONE, Any, Context(ANY), no_data(), Zeros, ZERO),
    row("reset_minmax", 0x3c09_0000, 2, NONE, Any, Context(ANY), no_data(), Zeros, ZERO),
    gone("new_s_context", 0x3f01_0001),
    gone("set_ipv4root", 0x3f02_0003),
    // An addition of this implementation.
    row("get_features", 0x3a01_0000, 0, NONE, Any, Ignored, changes(16, 16), Number(16), ZERO),
];

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// For the report.
    pub name: &'static str,
    /// It has `CAP_SYS_ADMIN` in the initial user namespace, after masking.
    pub admin: bool,
    /// It has `CAP_SYS_RESOURCE`.
    pub resource: bool,
    /// It has `CAP_LINUX_IMMUTABLE`.
    pub immutable: bool,
    /// Its context, and whether that is still in setup.
    pub context: Option<bool>,
    /// Its context id.
    pub xid: u32,
    /// Its network context id.
    pub nid: u32,
}

impl Caller {
    fn is_host(&self) -> bool {
        self.xid == 0
    }

    fn in_setup(&self) -> bool {
        self.context == Some(true)
    }

    /// Mainline has no `CAP_CONTEXT`: it is `CAP_SYS_ADMIN`, and setup that has not ended.
    fn has_cap_context(&self) -> bool {
        self.admin && self.context != Some(false)
    }
}

/// An id by what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// 0.
    Zero,
    /// 1.
    One,
    /// That of the caller; -2, which means the same, when it has none.
    Own,
    /// That of somebody else.
    Other,
    /// That of somebody else without STATE_ADMIN.
    Closed,
    /// One that nobody has.
    Missing,
    /// -1.
    MinusOne,
    /// 65536, one more than the highest.
    TooBig,
}

/// All of them, with a name for the report.
pub const IDS: [(Id, &str); 8] = [
    (Id::Zero, "0"),
    (Id::One, "1"),
    (Id::Own, "own"),
    (Id::Other, "other"),
    (Id::Closed, "closed"),
    (Id::Missing, "missing"),
    (Id::MinusOne, "-1"),
    (Id::TooBig, "65536"),
];

/// A pointer by where it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// To memory that ends with the data.
    Exact,
    /// To memory that is one byte shorter.
    Short,
    /// To memory that goes on behind the data.
    Long,
    /// Nowhere.
    Null,
    /// To a page without access.
    Bad,
    /// To the kernel, or to the end of what a 32-bit caller can name.
    Kernel,
}

/// All of them, with a name for the report.
pub const POINTERS: [(Pointer, &str); 6] = [
    (Pointer::Exact, "exact"),
    (Pointer::Short, "short"),
    (Pointer::Long, "long"),
    (Pointer::Null, "null"),
    (Pointer::Bad, "bad"),
    (Pointer::Kernel, "kernel"),
];

/// What a call should return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// This number.
    Value(u32),
    /// A feature word.
    FeatureWord,
    /// This error.
    Error(i32),
}

/// Whose object an id names for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nobody,
    Own,
    Other,
    Closed,
}

fn look_up(caller: &Caller, id: Id) -> Found {
    match id {
        Id::Own | Id::MinusOne if caller.context.is_some() => Found::Own,
        Id::Other => Found::Other,
        Id::Closed => Found::Closed,
        _ => Found::Nobody,
    }
}

impl Row {
    fn creates(&self) -> bool {
        matches!(self.target, NewContext | NewNetwork)
    }

    /// With id 1 the caller becomes a spectator.
    pub fn spectates(&self) -> bool {
        self.name.starts_with("ctx_migrate") || self.name == "net_migrate"
    }

    /// A good call makes somebody else of the caller.
    pub fn moves_caller(&self) -> bool {
        self.creates() || self.spectates() || self.name.starts_with("enter_space")
    }

    /// The data is written even when the command fails.
    pub fn always_writes(&self) -> bool {
        ["wait_exit", "set_iattr", "fset_iattr"].contains(&self.name)
    }
}

impl Pointer {
    fn works(self, argument: &Argument) -> bool {
        match self {
            Self::Exact | Self::Long => true,
            Self::Null if argument.nullable => true,
            _ => !argument.reads && !argument.writes,
        }
    }
}

/// What the interface says about a call: the first test that fails decides. `number` is the id, or
/// for a question about the id of a task the right answer.
pub fn expected(row: &Row, caller: &Caller, id: Id, number: u32, pointer: Pointer) -> Want {
    match refusal(row, caller, id, pointer) {
        Some(error) => Want::Error(error),
        // The data is not looked at, and neither is anything else.
        None if id == Id::One && row.spectates() => Want::Value(1),
        None => match row.answer {
            Is(value) => Want::Value(value),
            TheId | XidOf | NidOf => Want::Value(number),
            FeatureWord => Want::FeatureWord,
            Interrupted => Want::Error(libc::EINTR),
            Refused(error) => Want::Error(error),
        },
    }
}

fn refusal(row: &Row, caller: &Caller, id: Id, pointer: Pointer) -> Option<i32> {
    if !row.there || !caller.has_cap_context() {
        return Some(libc::ENOSYS);
    }
    if (row.level > 1 && !caller.admin)
        || (row.resource && !caller.resource)
        || (row.immutable && !caller.immutable)
    {
        return Some(libc::EPERM);
    }
    if id == Id::One && row.spectates() {
        return None;
    }
    let allowed = match row.who {
        // Our difference: only the host creates contexts and network contexts.
        Any if row.creates() => caller.is_host(),
        Any => true,
        Host => caller.is_host(),
        Setup => caller.is_host() || caller.in_setup(),
    };
    if !allowed {
        return Some(libc::EPERM);
    }
    let found = look_up(caller, id);
    match row.target {
        Context(_) | Network(_) if found == Found::Nobody => return Some(libc::ESRCH),
        ContextOr0(_) if found == Found::Nobody && id != Id::Zero => return Some(libc::ESRCH),
        // Our difference: a context in setup changes its own objects and no others.
        Context(_) | Network(_) if row.who == Setup && !caller.is_host() && found != Found::Own => {
            return Some(libc::EPERM);
        }
        Context(Rule::Admin) | ContextOr0(Rule::Admin) | Network(Rule::Admin)
            if found == Found::Closed =>
        {
            return Some(libc::EACCES);
        }
        _ => {}
    }
    if !pointer.works(&row.argument) {
        return Some(libc::EFAULT);
    }
    match (row.target, id) {
        (NewContext | NewNetwork, Id::Missing) => None,
        (NewContext | NewNetwork, _) if found == Found::Nobody => Some(libc::EINVAL),
        (NewContext | NewNetwork, _) => Some(libc::EEXIST),
        (Task, Id::Missing | Id::MinusOne | Id::TooBig) => Some(libc::ESRCH),
        (Descriptor, Id::Missing | Id::MinusOne | Id::TooBig) => Some(libc::EBADF),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::pointer_table::{ABSENT, Data, TABLE};
    use super::*;

    fn find(name: &str) -> &'static Row {
        PUBLISHED.iter().find(|row| row.name == name).expect(name)
    }

    fn host() -> Caller {
        Caller {
            name: "host",
            admin: true,
            resource: true,
            immutable: true,
            context: None,
            xid: 0,
            nid: 0,
        }
    }

    fn ask(name: &str, caller: &Caller, id: Id, pointer: Pointer) -> Want {
        expected(find(name), caller, id, 77, pointer)
    }

    #[test]
    fn numbers_are_unique_and_sorted() {
        let numbers: Vec<u32> = PUBLISHED.iter().map(|row| row.number).collect();
        let sorted = numbers[..numbers.len() - 1]
            .windows(2)
            .all(|pair| pair[0] < pair[1]);
        assert!(sorted, "the published ones");
        assert!(!numbers[..numbers.len() - 1].contains(&find("get_features").number));
        assert_eq!(numbers.len(), 99);
    }

    #[test]
    fn the_definition_has_the_same_commands_with_the_same_data() {
        for row in PUBLISHED {
            let defined = TABLE.iter().find(|other| other.command == row.number);
            assert_eq!(defined.is_some(), row.there, "{}", row.name);
            let Some(defined) = defined else { continue };
            let (reads, nullable, writes, size) = match defined.data {
                Data::Ignored => (false, false, false, 0),
                Data::In(size) => (true, false, false, size),
                Data::InOrNull(size) => (true, true, false, size),
                Data::Out(size) => (false, false, true, size),
                Data::InOut(size) => (true, false, true, size),
            };
            let a = &row.argument;
            assert_eq!(
                (a.reads, a.nullable, a.writes, a.native),
                (reads, nullable, writes, size),
                "{}",
                row.name
            );
        }
        assert_eq!(
            TABLE.len(),
            PUBLISHED.iter().filter(|row| row.there).count()
        );
        for (name, number) in ABSENT {
            assert!(
                PUBLISHED
                    .iter()
                    .any(|row| row.number == *number && !row.there),
                "{name}"
            );
        }
    }

    #[test]
    fn the_first_test_that_fails_decides() {
        let host = host();
        let kill = |caller: &Caller, id| ask("ctx_kill", caller, id, Pointer::Bad);
        assert_eq!(kill(&host, Id::Missing), Want::Error(libc::ESRCH));
        assert_eq!(kill(&host, Id::Closed), Want::Error(libc::EFAULT));
        let weak = Caller {
            resource: false,
            ..host.clone()
        };
        assert_eq!(kill(&weak, Id::Missing), Want::Error(libc::EPERM));
        let nobody = Caller {
            admin: false,
            ..weak
        };
        assert_eq!(kill(&nobody, Id::Missing), Want::Error(libc::ENOSYS));
        assert_eq!(
            ask("ctx_migrate", &host, Id::One, Pointer::Bad),
            Want::Value(1)
        );
        assert_eq!(
            ask("ctx_create", &host, Id::Zero, Pointer::Bad),
            Want::Error(libc::EFAULT)
        );
        assert_eq!(
            ask("set_cflags", &host, Id::Closed, Pointer::Bad),
            Want::Error(libc::EACCES)
        );
        assert_eq!(
            ask("sched_info", &host, Id::Zero, Pointer::Exact),
            Want::Value(0)
        );
    }

    #[test]
    fn setup_reaches_no_further_than_itself() {
        let setup = Caller {
            context: Some(true),
            xid: 5,
            nid: 6,
            ..host()
        };
        let set = |id| ask("set_nflags", &setup, id, Pointer::Exact);
        assert_eq!(set(Id::Own), Want::Value(0));
        assert_eq!(set(Id::MinusOne), Want::Value(0));
        assert_eq!(set(Id::Other), Want::Error(libc::EPERM));
        assert_eq!(set(Id::Missing), Want::Error(libc::ESRCH));
        let create = ask("net_create", &setup, Id::Missing, Pointer::Exact);
        assert_eq!(create, Want::Error(libc::EPERM));
        let sealed = Caller {
            context: Some(false),
            ..setup
        };
        assert_eq!(
            ask("get_version", &sealed, Id::Zero, Pointer::Null),
            Want::Error(libc::ENOSYS)
        );
    }
}
