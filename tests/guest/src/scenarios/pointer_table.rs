// SPDX-License-Identifier: GPL-2.0

//! Every command with what it does to the memory behind its pointer.

use super::good_data::Good;
use libvserver::abi::{self, SPACE_MASK_V2_READ, VERSION, nxa, rlimit, vcmd};
use std::mem::size_of;

/// What a command does with the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// It does not look at it.
    Ignored,
    /// It reads that many bytes.
    In(usize),
    /// As [`Data::In`], and null stands for a default.
    InOrNull(usize),
    /// It writes that many bytes.
    Out(usize),
    /// It reads and then writes that many bytes.
    InOut(usize),
}

/// Which id the command gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// It does not matter.
    Any,
    /// A context that does not exist yet.
    Fresh,
    /// A context that exists, with a process in it. Without one the error is ESRCH, which comes
    /// before the look at the pointer.
    Existing,
    /// A context that is about to end.
    Ending,
    /// A network context that does not exist yet.
    FreshNetwork,
    /// A network context that exists.
    Network,
    /// A process; 0 is the caller.
    Caller,
    /// An open descriptor.
    Descriptor,
    /// A tag without a disk limit.
    FreshTag,
    /// A tag with a disk limit.
    LimitedTag,
}

/// What a good call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// This number.
    Is(u32),
    /// The id that it got.
    TheId,
    /// Some number.
    Some,
    /// None: data without a name is refused with this error, after it has been read.
    Error(i32),
}

/// One command.
pub struct Row {
    /// Name in the table of commands.
    pub name: &'static str,
    /// Command word.
    pub command: u32,
    /// What happens to the memory.
    pub data: Data,
    /// What the command accepts there.
    pub good: Good,
    /// Which id it gets.
    pub id: Id,
    /// What it returns.
    pub value: Value,
}

impl Row {
    /// Whether a good call changes the caller, who then had better be somebody else.
    pub fn moves_caller(&self) -> bool {
        matches!(
            self.command,
            vcmd::CTX_CREATE_V0
                | vcmd::CTX_CREATE
                | vcmd::CTX_MIGRATE_V0
                | vcmd::CTX_MIGRATE
                | vcmd::ENTER_SPACE_V0
                | vcmd::ENTER_SPACE_V1
                | vcmd::ENTER_SPACE
                | vcmd::NET_CREATE_V0
                | vcmd::NET_CREATE
                | vcmd::NET_MIGRATE
                | vcmd::TAG_MIGRATE
        )
    }
}

/// Makes the table: `NAME: data, good data, id, value;`.
macro_rules! table {
    ($($name:ident: $data:expr, $good:expr, $id:expr, $value:expr;)*) => {
        /// All commands that exist.
        pub const TABLE: &[Row] = &[$(Row {
            name: stringify!($name),
            command: vcmd::$name,
            data: $data,
            good: $good,
            id: $id,
            value: $value,
        }),*];
    };
}

const ZERO: Value = Value::Is(0);
const NO_NODE: Value = Value::Error(libc::EINVAL);

const fn reads<T>() -> Data {
    Data::In(size_of::<T>())
}
const fn reads_or_null<T>() -> Data {
    Data::InOrNull(size_of::<T>())
}
const fn writes<T>() -> Data {
    Data::Out(size_of::<T>())
}
const fn changes<T>() -> Data {
    Data::InOut(size_of::<T>())
}

use Data::Ignored;
use Good::{FreshIpv6, Kind, Limit, Number, Path, Zeros};

/// The broadcast address can be set over and over.
const BROADCAST_V0: Good = Kind(nxa::TYPE_IPV4 | nxa::MOD_BCAST);
const BROADCAST: Good = Kind(nxa::TYPE_ADDR | nxa::MOD_BCAST);
/// All addresses can be removed over and over.
const ALL: Good = Kind(nxa::TYPE_ANY);
/// A resource that is limited and counted.
const RESOURCE: Good = Number(rlimit::NPROC);
/// The size of the structure.
const SIZE: Good = Number(size_of::<abi::Features>() as u32);
/// The twelve bytes that 32-bit callers have.
const SPACE: Data = Data::InOrNull(SPACE_MASK_V2_READ);

table! {
    GET_VERSION: Ignored, Zeros, Id::Any, Value::Is(VERSION);
    GET_VCI: Ignored, Zeros, Id::Any, Value::Some;
    SET_VHI_NAME: reads::<abi::VhiName>(), Zeros, Id::Existing, ZERO;
    GET_VHI_NAME: changes::<abi::VhiName>(), Zeros, Id::Existing, ZERO;
    SET_MAPPING: reads::<abi::SetMapping>(), Zeros, Id::Existing, NO_NODE;
    UNSET_MAPPING: reads::<abi::SetMapping>(), Zeros, Id::Existing, NO_NODE;
    CTX_CREATE_V0: Ignored, Zeros, Id::Fresh, Value::TheId;
    CTX_CREATE: reads_or_null::<abi::CtxCreate>(), Zeros, Id::Fresh, Value::TheId;
    ENTER_SPACE_V0: Ignored, Zeros, Id::Existing, ZERO;
    ENTER_SPACE_V1: reads_or_null::<abi::SpaceMaskV1>(), Zeros, Id::Existing, ZERO;
    ENTER_SPACE: SPACE, Zeros, Id::Existing, ZERO;
    SET_SPACE_V1: reads_or_null::<abi::SpaceMaskV1>(), Zeros, Id::Existing, ZERO;
    SET_SPACE: SPACE, Zeros, Id::Existing, ZERO;
    GET_SPACE_MASK_V0: writes::<abi::SpaceMaskV1>(), Zeros, Id::Any, ZERO;
    CTX_MIGRATE_V0: Ignored, Zeros, Id::Existing, ZERO;
    CTX_MIGRATE: reads_or_null::<abi::CtxMigrate>(), Zeros, Id::Existing, ZERO;
    CTX_KILL: reads::<abi::CtxKill>(), Zeros, Id::Existing, ZERO;
    SET_SCHED_V4: reads::<abi::SetSchedV4>(), Zeros, Id::Existing, ZERO;
    SET_SCHED: reads::<abi::SchedV5>(), Zeros, Id::Existing, ZERO;
    GET_SCHED: changes::<abi::SchedV5>(), Zeros, Id::Existing, ZERO;
    SCHED_INFO: changes::<abi::SchedInfo>(), Zeros, Id::Existing, ZERO;
    SET_PRIO_BIAS: reads::<abi::PrioBias>(), Zeros, Id::Existing, ZERO;
    GET_PRIO_BIAS: changes::<abi::PrioBias>(), Zeros, Id::Existing, ZERO;
    GET_BADNESS: writes::<abi::Badness>(), Zeros, Id::Existing, ZERO;
    SET_BADNESS: reads::<abi::Badness>(), Zeros, Id::Existing, ZERO;
    NET_CREATE_V0: Ignored, Zeros, Id::FreshNetwork, Value::TheId;
    NET_CREATE: reads_or_null::<abi::NetCreate>(), Zeros, Id::FreshNetwork, Value::TheId;
    NET_ADD: reads::<abi::NetAddrV0>(), BROADCAST_V0, Id::Network, Value::Is(1);
    NET_ADD_IPV4_V1: reads::<abi::NetAddrIpv4V1>(), BROADCAST, Id::Network, ZERO;
    NET_ADD_IPV4: reads::<abi::NetAddrIpv4V2>(), BROADCAST, Id::Network, ZERO;
    NET_REMOVE: reads::<abi::NetAddrV0>(), ALL, Id::Network, ZERO;
    NET_REM_IPV4_V1: reads::<abi::NetAddrIpv4V1>(), ALL, Id::Network, ZERO;
    NET_REM_IPV4: reads::<abi::NetAddrIpv4V2>(), ALL, Id::Network, ZERO;
    NET_ADD_IPV6: reads::<abi::NetAddrIpv6V1>(), FreshIpv6, Id::Network, ZERO;
    NET_REMOVE_IPV6: reads::<abi::NetAddrIpv6V1>(), ALL, Id::Network, ZERO;
    NET_MIGRATE: Ignored, Zeros, Id::Network, ZERO;
    TAG_MIGRATE: Ignored, Zeros, Id::Any, ZERO;
    ADD_DLIMIT: reads::<abi::DlimitBase>(), Path, Id::FreshTag, ZERO;
    REM_DLIMIT: reads::<abi::DlimitBase>(), Path, Id::LimitedTag, ZERO;
    SET_DLIMIT: reads::<abi::Dlimit>(), Path, Id::LimitedTag, ZERO;
    GET_DLIMIT: changes::<abi::Dlimit>(), Path, Id::LimitedTag, ZERO;
    GET_IATTR: changes::<abi::Iattr>(), Path, Id::Any, ZERO;
    SET_IATTR: changes::<abi::Iattr>(), Path, Id::Any, ZERO;
    FGET_IATTR: changes::<abi::Fiattr>(), Zeros, Id::Descriptor, ZERO;
    FSET_IATTR: changes::<abi::Fiattr>(), Zeros, Id::Descriptor, ZERO;
    CTX_STAT: writes::<abi::CtxStat>(), Zeros, Id::Existing, ZERO;
    RLIMIT_STAT: changes::<abi::RlimitStat>(), RESOURCE, Id::Existing, ZERO;
    VIRT_STAT: writes::<abi::VirtStat>(), Zeros, Id::Existing, ZERO;
    SOCK_STAT: changes::<abi::SockStat>(), Zeros, Id::Existing, ZERO;
    TASK_XID: Ignored, Zeros, Id::Caller, ZERO;
    TASK_NID: Ignored, Zeros, Id::Caller, ZERO;
    TASK_TAG: Ignored, Zeros, Id::Caller, ZERO;
    VX_INFO: writes::<abi::VxInfo>(), Zeros, Id::Existing, ZERO;
    NX_INFO: writes::<abi::NxInfo>(), Zeros, Id::Network, ZERO;
    WAIT_EXIT: writes::<abi::WaitExit>(), Zeros, Id::Ending, ZERO;
    GET_CFLAGS: writes::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    SET_CFLAGS: reads::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    GET_CCAPS: writes::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    SET_CCAPS: reads::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    GET_NFLAGS: writes::<abi::Flags>(), Zeros, Id::Network, ZERO;
    SET_NFLAGS: reads::<abi::Flags>(), Zeros, Id::Network, ZERO;
    GET_NCAPS: writes::<abi::Flags>(), Zeros, Id::Network, ZERO;
    SET_NCAPS: reads::<abi::Flags>(), Zeros, Id::Network, ZERO;
    GET_BCAPS: writes::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    SET_BCAPS: reads::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    GET_UMASK: writes::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    SET_UMASK: reads::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    GET_WMASK: writes::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    SET_WMASK: reads::<abi::Flags>(), Zeros, Id::Existing, ZERO;
    GET_SPACE_MASK: writes::<abi::SpaceMaskV1>(), Zeros, Id::Any, ZERO;
    GET_SPACE_DEFAULT: writes::<abi::SpaceMaskV1>(), Zeros, Id::Any, ZERO;
    GET_FEATURES: changes::<abi::Features>(), SIZE, Id::Any, ZERO;
    GET_RLIMIT: changes::<abi::CtxRlimit>(), Limit, Id::Existing, ZERO;
    SET_RLIMIT: reads::<abi::CtxRlimit>(), Limit, Id::Existing, ZERO;
    GET_RLIMIT_MASK: writes::<abi::RlimitMask>(), Zeros, Id::Any, ZERO;
    RESET_HITS: Ignored, Zeros, Id::Existing, ZERO;
    RESET_MINMAX: Ignored, Zeros, Id::Existing, ZERO;
}

/// Commands of the definition that this kernel answers with ENOSYS, as the original did where they
/// were not built in.
pub const ABSENT: &[(&str, u32)] = &[
    ("DUMP_HISTORY", vcmd::DUMP_HISTORY),
    ("READ_HISTORY", vcmd::READ_HISTORY),
];

#[cfg(test)]
mod tests {
    use super::{ABSENT, TABLE};
    use libvserver::abi::cmd;

    const ABI: &str = include_str!("../../../../rust/vserver/abi/command.rs");

    /// Names and words of the module `vcmd`, from the text of the definition.
    fn defined() -> Vec<(String, u32)> {
        let body = ABI.split("pub mod vcmd {").nth(1).expect("module vcmd");
        let body = body.split("\n}").next().expect("its end");
        body.lines()
            .filter_map(|line| line.trim().strip_prefix("pub const "))
            .map(|line| {
                let (name, rest) = line.split_once(':').expect("a type");
                let numbers = rest.split_once("cmd(").expect("a call of cmd").1;
                let numbers: Vec<u32> = numbers
                    .trim_end_matches(");")
                    .split(',')
                    .map(|n| n.trim().parse().expect("a number"))
                    .collect();
                (name.to_string(), cmd(numbers[0], numbers[1], numbers[2]))
            })
            .collect()
    }

    #[test]
    fn every_command_has_a_row() {
        let defined = defined();
        assert!(defined.len() > 70, "the definition was not read");
        let rows = TABLE.iter().map(|row| (row.name, row.command));
        let known: Vec<(&str, u32)> = rows.chain(ABSENT.iter().copied()).collect();
        for (name, command) in &defined {
            assert!(
                known.contains(&(name.as_str(), *command)),
                "{name} has no row"
            );
        }
        assert_eq!(known.len(), defined.len(), "a row without a command");
    }

    #[test]
    fn rows_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[..index].iter().all(|r| r.command != row.command),
                "{}",
                row.name
            );
        }
    }
}
