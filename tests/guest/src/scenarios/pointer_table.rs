// SPDX-License-Identifier: GPL-2.0

//! Every command with what it does to the memory behind its pointer.

use libvserver::abi::{self, SPACE_MASK_V2_READ, VERSION, vcmd};
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
    /// A process; 0 is the caller.
    Caller,
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
        )
    }
}

/// One command. Memory of zeros is good data for all of them.
pub struct Row {
    /// Name in the table of commands.
    pub name: &'static str,
    /// Command word.
    pub command: u32,
    /// What happens to the memory.
    pub data: Data,
    /// Which id it gets.
    pub id: Id,
    /// What it returns.
    pub value: Value,
}

const fn row(name: &'static str, command: u32, data: Data, id: Id, value: Value) -> Row {
    Row {
        name,
        command,
        data,
        id,
        value,
    }
}

const FLAGS: usize = size_of::<abi::Flags>();
const ZERO: Value = Value::Is(0);

/// All commands that exist.
pub const TABLE: &[Row] = &[
    row(
        "GET_VERSION",
        vcmd::GET_VERSION,
        Data::Ignored,
        Id::Any,
        Value::Is(VERSION),
    ),
    row(
        "GET_VCI",
        vcmd::GET_VCI,
        Data::Ignored,
        Id::Any,
        Value::Some,
    ),
    row(
        "SET_VHI_NAME",
        vcmd::SET_VHI_NAME,
        Data::In(size_of::<abi::VhiName>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_VHI_NAME",
        vcmd::GET_VHI_NAME,
        Data::InOut(size_of::<abi::VhiName>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "CTX_CREATE_V0",
        vcmd::CTX_CREATE_V0,
        Data::Ignored,
        Id::Fresh,
        Value::TheId,
    ),
    row(
        "CTX_CREATE",
        vcmd::CTX_CREATE,
        Data::InOrNull(size_of::<abi::CtxCreate>()),
        Id::Fresh,
        Value::TheId,
    ),
    row(
        "ENTER_SPACE_V0",
        vcmd::ENTER_SPACE_V0,
        Data::Ignored,
        Id::Existing,
        ZERO,
    ),
    row(
        "ENTER_SPACE_V1",
        vcmd::ENTER_SPACE_V1,
        Data::InOrNull(size_of::<abi::SpaceMaskV1>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "ENTER_SPACE",
        vcmd::ENTER_SPACE,
        Data::InOrNull(SPACE_MASK_V2_READ),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_SPACE_V1",
        vcmd::SET_SPACE_V1,
        Data::InOrNull(size_of::<abi::SpaceMaskV1>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_SPACE",
        vcmd::SET_SPACE,
        Data::InOrNull(SPACE_MASK_V2_READ),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_SPACE_MASK_V0",
        vcmd::GET_SPACE_MASK_V0,
        Data::Out(size_of::<abi::SpaceMaskV1>()),
        Id::Any,
        ZERO,
    ),
    row(
        "CTX_MIGRATE_V0",
        vcmd::CTX_MIGRATE_V0,
        Data::Ignored,
        Id::Existing,
        ZERO,
    ),
    row(
        "CTX_MIGRATE",
        vcmd::CTX_MIGRATE,
        Data::InOrNull(size_of::<abi::CtxMigrate>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "CTX_KILL",
        vcmd::CTX_KILL,
        Data::In(size_of::<abi::CtxKill>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_BADNESS",
        vcmd::GET_BADNESS,
        Data::Out(size_of::<abi::Badness>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_BADNESS",
        vcmd::SET_BADNESS,
        Data::In(size_of::<abi::Badness>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "CTX_STAT",
        vcmd::CTX_STAT,
        Data::Out(size_of::<abi::CtxStat>()),
        Id::Existing,
        ZERO,
    ),
    row("TASK_XID", vcmd::TASK_XID, Data::Ignored, Id::Caller, ZERO),
    row("TASK_NID", vcmd::TASK_NID, Data::Ignored, Id::Caller, ZERO),
    row(
        "VX_INFO",
        vcmd::VX_INFO,
        Data::Out(size_of::<abi::VxInfo>()),
        Id::Existing,
        ZERO,
    ),
    row(
        "WAIT_EXIT",
        vcmd::WAIT_EXIT,
        Data::Out(size_of::<abi::WaitExit>()),
        Id::Ending,
        ZERO,
    ),
    row(
        "GET_CFLAGS",
        vcmd::GET_CFLAGS,
        Data::Out(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_CFLAGS",
        vcmd::SET_CFLAGS,
        Data::In(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_CCAPS",
        vcmd::GET_CCAPS,
        Data::Out(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_CCAPS",
        vcmd::SET_CCAPS,
        Data::In(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_BCAPS",
        vcmd::GET_BCAPS,
        Data::Out(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_BCAPS",
        vcmd::SET_BCAPS,
        Data::In(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_UMASK",
        vcmd::GET_UMASK,
        Data::Out(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_UMASK",
        vcmd::SET_UMASK,
        Data::In(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_WMASK",
        vcmd::GET_WMASK,
        Data::Out(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "SET_WMASK",
        vcmd::SET_WMASK,
        Data::In(FLAGS),
        Id::Existing,
        ZERO,
    ),
    row(
        "GET_SPACE_MASK",
        vcmd::GET_SPACE_MASK,
        Data::Out(size_of::<abi::SpaceMaskV1>()),
        Id::Any,
        ZERO,
    ),
    row(
        "GET_SPACE_DEFAULT",
        vcmd::GET_SPACE_DEFAULT,
        Data::Out(size_of::<abi::SpaceMaskV1>()),
        Id::Any,
        ZERO,
    ),
];

#[cfg(test)]
mod tests {
    use super::TABLE;
    use libvserver::abi::cmd;

    const ABI: &str = include_str!("../../../../rust/vserver/abi.rs");

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
        assert!(defined.len() > 20, "the definition was not read");
        for (name, command) in &defined {
            let row = TABLE.iter().find(|row| row.name == name);
            let row = row.unwrap_or_else(|| panic!("{name} has no row"));
            assert_eq!(row.command, *command, "{name}");
        }
        assert_eq!(TABLE.len(), defined.len(), "a row without a command");
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
