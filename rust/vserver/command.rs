// SPDX-License-Identifier: GPL-2.0

//! The one table of all commands: number, rights, argument, handler.
//!
//! The multiplexer ([`crate::dispatch`]) does what a row says; `Documentation/abi.rst` is made from
//! the rows. A command without a row answers `ENOSYS`.

use crate::{
    abi::{
        vcmd,
        *, //
    },
    context::Context,
    device,
    disk_limit,
    dispatch::Call,
    inode,
    lifecycle,
    limit,
    membership,
    network::Network,
    report,
    scheduler,
    settings,
    signals,
    spaces, //
};
use kernel::prelude::*;

/// Whom the switch lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Every caller that may use the system call.
    Anyone,
    /// The host.
    Host,
    /// The host, and a task of a context in setup for its own context or network context.
    HostOrSetup,
}

/// The rights of a command, in the order in which they are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    /// `CAP_SYS_ADMIN` is needed (level above 1).
    pub(crate) admin: bool,
    /// `CAP_SYS_RESOURCE` is needed (admin and resource kinds).
    pub(crate) resource: bool,
    /// `CAP_LINUX_IMMUTABLE` is needed.
    pub(crate) immutable: bool,
    /// Who may call.
    pub(crate) who: Who,
    /// The object must have STATE_ADMIN.
    pub(crate) state: bool,
}

/// Questions about the interface.
pub(crate) const QUESTION: Rights = Rights {
    admin: false,
    resource: false,
    immutable: false,
    who: Who::Anyone,
    state: false,
};
/// Questions about an object, a task or a file.
pub(crate) const READ: Rights = Rights {
    admin: true,
    ..QUESTION
};
/// Attributes of files.
pub(crate) const FILE: Rights = Rights {
    immutable: true,
    ..READ
};
/// Create. Unlike the original only for the host (semantics.md, section 17).
pub(crate) const CREATE: Rights = Rights {
    who: Who::Host,
    ..READ
};
/// What the host alone may do, to no object or whatever its state: signals, tags, disk limits.
pub(crate) const HOST: Rights = Rights {
    resource: true,
    ..CREATE
};
/// What the host alone may do to an object.
pub(crate) const ADMIN: Rights = Rights {
    state: true,
    ..HOST
};
/// What a context in setup may do to itself. Unlike in the original to itself only.
pub(crate) const SETUP: Rights = Rights {
    who: Who::HostOrSetup,
    ..ADMIN
};

/// What runs a command.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Without an object; what the id means is up to the command.
    Plain(fn(&Call) -> Result<u32>),
    /// On the context that the id names.
    OnContext(fn(&Call, &Context) -> Result<u32>),
    /// On the context that the id names, or on none with id 0.
    OnContextOr0(fn(&Call, Option<&Context>) -> Result<u32>),
    /// On the network context that the id names.
    OnNetwork(fn(&Call, &Network) -> Result<u32>),
}

/// The way that the argument goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// There is none.
    None,
    /// From the caller.
    In,
    /// From the caller, who may leave it out.
    OptionalIn,
    /// To the caller.
    Out,
    /// Both ways.
    InOut,
}

/// The argument of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Which way it goes.
    pub(crate) direction: Direction,
    /// Bytes that are copied for a native caller.
    pub(crate) size: usize,
    /// Bytes that are copied for a 32-bit caller of a 64-bit x86 kernel.
    pub(crate) compat: usize,
}

/// No argument.
const NONE: Argument = Argument {
    direction: Direction::None,
    size: 0,
    compat: 0,
};

/// An argument with the same layout for all callers.
const fn arg<T>(direction: Direction) -> Argument {
    pair::<T, T>(direction)
}

/// An argument with a layout of its own for 32-bit callers.
const fn pair<T, C>(direction: Direction) -> Argument {
    Argument {
        direction,
        size: size_of::<T>(),
        compat: size_of::<C>(),
    }
}

/// The 12 bytes that a 32-bit caller has are read from everybody.
const SPACE: Argument = Argument {
    direction: OptionalIn,
    size: SPACE_MASK_V2_READ,
    compat: SPACE_MASK_V2_READ,
};

/// A row of the table.
pub(crate) struct Command {
    pub(crate) number: u32,
    pub(crate) rights: Rights,
    #[cfg_attr(not(CONFIG_VSERVER_KUNIT_TEST), expect(dead_code))]
    pub(crate) argument: Argument,
    pub(crate) handler: Handler,
}

const fn row(number: u32, rights: Rights, argument: Argument, handler: Handler) -> Command {
    Command {
        number,
        rights,
        argument,
        handler,
    }
}

use Direction::{
    In,
    InOut,
    OptionalIn,
    Out, //
};
use Handler::{
    OnContext,
    OnContextOr0,
    OnNetwork,
    Plain, //
};

/// All commands, by number.
#[rustfmt::skip]
pub(crate) static COMMANDS: [Command; 77] = [
    row(vcmd::GET_VERSION, QUESTION, NONE, Plain(report::get_version)),
    row(vcmd::GET_VCI, QUESTION, NONE, Plain(report::get_vci)),
    row(vcmd::SET_VHI_NAME, SETUP, arg::<VhiName>(In), OnContext(settings::set_vhi_name)),
    row(vcmd::GET_VHI_NAME, READ, arg::<VhiName>(InOut), OnContext(settings::get_vhi_name)),
    row(vcmd::SET_MAPPING, ADMIN, pair::<SetMapping, SetMappingCompat>(In), OnContextOr0(device::set_mapping)),
    row(vcmd::UNSET_MAPPING, ADMIN, pair::<SetMapping, SetMappingCompat>(In), OnContextOr0(device::unset_mapping)),
    row(vcmd::CTX_CREATE_V0, CREATE, NONE, Plain(lifecycle::ctx_create_v0)),
    row(vcmd::CTX_CREATE, CREATE, arg::<CtxCreate>(OptionalIn), Plain(lifecycle::ctx_create)),
    row(vcmd::ENTER_SPACE_V0, ADMIN, NONE, OnContext(spaces::enter_space_v0)),
    row(vcmd::ENTER_SPACE_V1, ADMIN, arg::<SpaceMaskV1>(OptionalIn), OnContext(spaces::enter_space_v1)),
    row(vcmd::ENTER_SPACE, ADMIN, SPACE, OnContext(spaces::enter_space)),
    row(vcmd::SET_SPACE_V1, SETUP, arg::<SpaceMaskV1>(OptionalIn), OnContext(spaces::set_space_v1)),
    row(vcmd::SET_SPACE, SETUP, SPACE, OnContext(spaces::set_space)),
    row(vcmd::GET_SPACE_MASK_V0, QUESTION, arg::<SpaceMaskV1>(Out), Plain(spaces::get_space_mask_v0)),
    row(vcmd::CTX_MIGRATE_V0, ADMIN, NONE, OnContext(lifecycle::ctx_migrate_v0)),
    row(vcmd::CTX_MIGRATE, ADMIN, arg::<CtxMigrate>(OptionalIn), OnContext(lifecycle::ctx_migrate)),
    row(vcmd::CTX_KILL, HOST, arg::<CtxKill>(In), OnContext(signals::ctx_kill)),
    row(vcmd::SET_SCHED_V4, SETUP, arg::<SetSchedV4>(In), OnContext(scheduler::set_sched_v4)),
    row(vcmd::SET_SCHED, SETUP, arg::<SchedV5>(In), OnContext(scheduler::set_sched)),
    row(vcmd::GET_SCHED, READ, arg::<SchedV5>(InOut), OnContext(scheduler::get_sched)),
    row(vcmd::SCHED_INFO, READ, arg::<SchedInfo>(InOut), OnContextOr0(scheduler::sched_info)),
    row(vcmd::SET_PRIO_BIAS, SETUP, arg::<PrioBias>(In), OnContext(scheduler::set_prio_bias)),
    row(vcmd::GET_PRIO_BIAS, READ, arg::<PrioBias>(InOut), OnContext(scheduler::get_prio_bias)),
    row(vcmd::GET_BADNESS, READ, arg::<Badness>(Out), OnContext(settings::get_badness)),
    row(vcmd::SET_BADNESS, SETUP, arg::<Badness>(In), OnContext(settings::set_badness)),
    row(vcmd::NET_CREATE_V0, CREATE, NONE, Plain(membership::net_create_v0)),
    row(vcmd::NET_CREATE, CREATE, arg::<NetCreate>(OptionalIn), Plain(membership::net_create)),
    row(vcmd::NET_ADD, SETUP, arg::<NetAddrV0>(In), OnNetwork(membership::net_add)),
    row(vcmd::NET_ADD_IPV4_V1, SETUP, arg::<NetAddrIpv4V1>(In), OnNetwork(membership::net_add_ipv4_v1)),
    row(vcmd::NET_ADD_IPV4, SETUP, arg::<NetAddrIpv4V2>(In), OnNetwork(membership::net_add_ipv4)),
    row(vcmd::NET_REMOVE, SETUP, arg::<NetAddrV0>(In), OnNetwork(membership::net_remove)),
    row(vcmd::NET_REM_IPV4_V1, SETUP, arg::<NetAddrIpv4V1>(In), OnNetwork(membership::net_rem_ipv4_v1)),
    row(vcmd::NET_REM_IPV4, SETUP, arg::<NetAddrIpv4V2>(In), OnNetwork(membership::net_rem_ipv4)),
    row(vcmd::NET_ADD_IPV6, SETUP, arg::<NetAddrIpv6V1>(In), OnNetwork(membership::net_add_ipv6)),
    row(vcmd::NET_REMOVE_IPV6, SETUP, arg::<NetAddrIpv6V1>(In), OnNetwork(membership::net_remove_ipv6)),
    row(vcmd::NET_MIGRATE, ADMIN, NONE, OnNetwork(membership::net_migrate)),
    row(vcmd::TAG_MIGRATE, HOST, NONE, Plain(membership::tag_migrate)),
    row(vcmd::ADD_DLIMIT, HOST, pair::<DlimitBase, DlimitBaseCompat>(In), Plain(disk_limit::add_dlimit)),
    row(vcmd::REM_DLIMIT, HOST, pair::<DlimitBase, DlimitBaseCompat>(In), Plain(disk_limit::rem_dlimit)),
    row(vcmd::SET_DLIMIT, HOST, pair::<Dlimit, DlimitCompat>(In), Plain(disk_limit::set_dlimit)),
    row(vcmd::GET_DLIMIT, READ, pair::<Dlimit, DlimitCompat>(InOut), Plain(disk_limit::get_dlimit)),
    row(vcmd::GET_IATTR, READ, pair::<Iattr, IattrCompat>(InOut), Plain(inode::get_iattr)),
    row(vcmd::SET_IATTR, FILE, pair::<Iattr, IattrCompat>(InOut), Plain(inode::set_iattr)),
    row(vcmd::FGET_IATTR, READ, arg::<Fiattr>(InOut), Plain(inode::fget_iattr)),
    row(vcmd::FSET_IATTR, FILE, arg::<Fiattr>(InOut), Plain(inode::fset_iattr)),
    row(vcmd::CTX_STAT, READ, arg::<CtxStat>(Out), OnContext(report::ctx_stat)),
    row(vcmd::RLIMIT_STAT, READ, arg::<RlimitStat>(InOut), OnContext(limit::rlimit_stat)),
    row(vcmd::VIRT_STAT, READ, arg::<VirtStat>(Out), OnContext(report::virt_stat)),
    row(vcmd::SOCK_STAT, READ, arg::<SockStat>(InOut), OnContext(report::sock_stat)),
    row(vcmd::TASK_XID, READ, NONE, Plain(report::task_xid)),
    row(vcmd::TASK_NID, READ, NONE, Plain(report::task_nid)),
    row(vcmd::TASK_TAG, READ, NONE, Plain(report::task_tag)),
    row(vcmd::VX_INFO, READ, arg::<VxInfo>(Out), OnContext(report::vx_info)),
    row(vcmd::NX_INFO, READ, arg::<NxInfo>(Out), OnNetwork(membership::nx_info)),
    row(vcmd::WAIT_EXIT, READ, arg::<WaitExit>(Out), OnContext(lifecycle::wait_exit)),
    row(vcmd::GET_CFLAGS, READ, arg::<Flags>(Out), OnContext(settings::get_cflags)),
    row(vcmd::SET_CFLAGS, SETUP, arg::<Flags>(In), OnContext(settings::set_cflags)),
    row(vcmd::GET_CCAPS, READ, arg::<Flags>(Out), OnContext(settings::get_ccaps)),
    row(vcmd::SET_CCAPS, SETUP, arg::<Flags>(In), OnContext(settings::set_ccaps)),
    row(vcmd::GET_NFLAGS, READ, arg::<Flags>(Out), OnNetwork(settings::get_nflags)),
    row(vcmd::SET_NFLAGS, SETUP, arg::<Flags>(In), OnNetwork(settings::set_nflags)),
    row(vcmd::GET_NCAPS, READ, arg::<Flags>(Out), OnNetwork(settings::get_ncaps)),
    row(vcmd::SET_NCAPS, SETUP, arg::<Flags>(In), OnNetwork(settings::set_ncaps)),
    row(vcmd::GET_BCAPS, READ, arg::<Flags>(Out), OnContext(settings::get_bcaps)),
    row(vcmd::SET_BCAPS, SETUP, arg::<Flags>(In), OnContext(settings::set_bcaps)),
    row(vcmd::GET_UMASK, READ, arg::<Flags>(Out), OnContext(settings::get_umask)),
    row(vcmd::SET_UMASK, SETUP, arg::<Flags>(In), OnContext(settings::set_umask)),
    row(vcmd::GET_WMASK, READ, arg::<Flags>(Out), OnContext(settings::get_wmask)),
    row(vcmd::SET_WMASK, SETUP, arg::<Flags>(In), OnContext(settings::set_wmask)),
    row(vcmd::GET_SPACE_MASK, QUESTION, arg::<SpaceMaskV1>(Out), Plain(spaces::get_space_mask)),
    row(vcmd::GET_SPACE_DEFAULT, QUESTION, arg::<SpaceMaskV1>(Out), Plain(spaces::get_space_default)),
    row(vcmd::GET_FEATURES, QUESTION, arg::<Features>(InOut), Plain(report::get_features)),
    row(vcmd::GET_RLIMIT, READ, pair::<CtxRlimit, CtxRlimitX86Compat>(InOut), OnContext(limit::get_rlimit)),
    row(vcmd::SET_RLIMIT, SETUP, pair::<CtxRlimit, CtxRlimitX86Compat>(In), OnContext(limit::set_rlimit)),
    row(vcmd::GET_RLIMIT_MASK, QUESTION, arg::<RlimitMask>(Out), Plain(limit::get_rlimit_mask)),
    row(vcmd::RESET_HITS, READ, NONE, OnContext(limit::reset_hits)),
    row(vcmd::RESET_MINMAX, READ, NONE, OnContext(limit::reset_minmax)),
];

/// The row of a command.
pub(crate) fn find(number: u32) -> Option<&'static Command> {
    COMMANDS
        .binary_search_by_key(&number, |command| command.number)
        .ok()
        .and_then(|index| COMMANDS.get(index))
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_command)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_without_duplicates() {
        assert!(COMMANDS
            .windows(2)
            .all(|pair| pair[0].number < pair[1].number));
    }

    #[test]
    fn every_command_is_found_and_neighbours_are_not() {
        for command in &COMMANDS {
            assert!(find(command.number).is_some());
            // No command has a version this high.
            assert!(find(command.number | 0x00ff).is_none());
        }
        assert!(find(u32::MAX).is_none());
    }

    #[test]
    fn rights_follow_the_specification() {
        for (number, rights) in [
            (vcmd::GET_VERSION, QUESTION),
            (vcmd::GET_VCI, QUESTION),
            (vcmd::GET_SPACE_MASK, QUESTION),
            (vcmd::GET_RLIMIT_MASK, QUESTION),
            (vcmd::CTX_CREATE, CREATE),
            (vcmd::NET_CREATE, CREATE),
            (vcmd::CTX_MIGRATE, ADMIN),
            (vcmd::NET_MIGRATE, ADMIN),
            (vcmd::ENTER_SPACE, ADMIN),
            (vcmd::CTX_KILL, HOST),
            (vcmd::TAG_MIGRATE, HOST),
            (vcmd::ADD_DLIMIT, HOST),
            (vcmd::GET_DLIMIT, READ),
            (vcmd::SET_SPACE, SETUP),
            (vcmd::SET_CFLAGS, SETUP),
            (vcmd::SET_BCAPS, SETUP),
            (vcmd::SET_NFLAGS, SETUP),
            (vcmd::SET_RLIMIT, SETUP),
            (vcmd::SET_SCHED, SETUP),
            (vcmd::SET_VHI_NAME, SETUP),
            (vcmd::NET_ADD_IPV6, SETUP),
            (vcmd::GET_CFLAGS, READ),
            (vcmd::GET_IATTR, READ),
            (vcmd::SET_IATTR, FILE),
            (vcmd::TASK_XID, READ),
            (vcmd::WAIT_EXIT, READ),
        ] {
            assert!(find(number).is_some_and(|command| command.rights == rights));
        }
    }

    #[test]
    fn what_changes_an_object_needs_its_consent() {
        for command in &COMMANDS {
            if command.rights.who == Who::HostOrSetup {
                assert!(command.rights.state && command.rights.resource);
                assert!(!matches!(
                    command.handler,
                    Handler::Plain(_) | Handler::OnContextOr0(_)
                ));
            }
        }
    }

    #[test]
    fn arguments_fit_their_direction() {
        for command in &COMMANDS {
            let argument = &command.argument;
            assert_eq!(
                (argument.direction == Direction::None),
                (argument.size == 0)
            );
            assert!(argument.compat <= argument.size);
        }
    }
}
