// SPDX-License-Identifier: GPL-2.0

//! The multiplexer behind `vserver()` and its one table (semantics.md, section 2).

use crate::{
    abi::{
        vcmd,
        vxf,
        XID_SPECTATOR, //
    },
    caller::{
        self,
        Capability, //
    },
    context::Context,
    lifecycle,
    report,
    settings,
    signals,
    spaces, //
};
use kernel::{
    prelude::*,
    sync::aref::ARef,
    transmute::{
        AsBytes,
        FromBytes, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

/// What a handler gets beside the context.
pub(crate) struct Call {
    id: u32,
    data: UserPtr,
}

impl Call {
    /// The id argument as the caller gave it.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// The caller gave no data.
    pub(crate) fn is_null(&self) -> bool {
        self.data.as_const_ptr().is_null()
    }

    /// Copies the argument in. Errors: `EFAULT`.
    pub(crate) fn read<T: FromBytes>(&self) -> Result<T> {
        UserSlice::new(self.data, size_of::<T>()).reader().read()
    }

    /// Copies the first bytes of the argument in. Errors: `EFAULT`.
    pub(crate) fn read_bytes<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        UserSlice::new(self.data, N)
            .reader()
            .read_slice(&mut bytes)?;
        Ok(bytes)
    }

    /// Copies the result out. Errors: `EFAULT`.
    pub(crate) fn write<T: AsBytes>(&self, value: &T) -> Result {
        UserSlice::new(self.data, size_of::<T>())
            .writer()
            .write(value)
    }
}

/// Whom the switch lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Every caller that may use the system call.
    Anyone,
    /// The host.
    Host,
    /// The host, and a task of a context in setup for its own context.
    HostOrSetup,
}

/// The rights of a command, in the order in which they are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rights {
    /// `CAP_SYS_ADMIN` is needed (level above 1).
    admin: bool,
    /// `CAP_SYS_RESOURCE` is needed (admin and resource kinds).
    resource: bool,
    /// Who may call.
    who: Who,
    /// The context must have STATE_ADMIN.
    state: bool,
}

/// Questions about the interface.
const QUESTION: Rights = Rights {
    admin: false,
    resource: false,
    who: Who::Anyone,
    state: false,
};
/// Questions about a context or task.
const READ: Rights = Rights {
    admin: true,
    ..QUESTION
};
/// Create. Unlike the original only for the host (semantics.md, section 17).
const CREATE: Rights = Rights {
    who: Who::Host,
    ..READ
};
/// Signals: the state limits what the handler does.
const KILL: Rights = Rights {
    resource: true,
    ..CREATE
};
/// What the host alone may do to a context.
const ADMIN: Rights = Rights {
    state: true,
    ..KILL
};
/// What a context in setup may do to itself. Unlike in the original to itself only.
const SETUP: Rights = Rights {
    who: Who::HostOrSetup,
    ..ADMIN
};

/// Runs a command without a context.
type Plain = fn(&Call) -> Result<u32>;
/// Runs a command on the context that the id names.
type OnContext = fn(&Call, &Context) -> Result<u32>;

#[derive(Clone, Copy)]
enum Handler {
    Plain(Plain),
    OnContext(OnContext),
}

/// A row of the table.
struct Command {
    number: u32,
    rights: Rights,
    handler: Handler,
}

const fn plain(number: u32, rights: Rights, handler: Plain) -> Command {
    Command {
        number,
        rights,
        handler: Handler::Plain(handler),
    }
}

const fn on(number: u32, rights: Rights, handler: OnContext) -> Command {
    Command {
        number,
        rights,
        handler: Handler::OnContext(handler),
    }
}

/// All commands, by number.
static COMMANDS: [Command; 34] = [
    plain(vcmd::GET_VERSION, QUESTION, report::get_version),
    plain(vcmd::GET_VCI, QUESTION, report::get_vci),
    on(vcmd::SET_VHI_NAME, SETUP, settings::set_vhi_name),
    on(vcmd::GET_VHI_NAME, READ, settings::get_vhi_name),
    plain(vcmd::CTX_CREATE_V0, CREATE, lifecycle::ctx_create_v0),
    plain(vcmd::CTX_CREATE, CREATE, lifecycle::ctx_create),
    on(vcmd::ENTER_SPACE_V0, ADMIN, spaces::enter_space_v0),
    on(vcmd::ENTER_SPACE_V1, ADMIN, spaces::enter_space_v1),
    on(vcmd::ENTER_SPACE, ADMIN, spaces::enter_space),
    on(vcmd::SET_SPACE_V1, SETUP, spaces::set_space_v1),
    on(vcmd::SET_SPACE, SETUP, spaces::set_space),
    plain(vcmd::GET_SPACE_MASK_V0, QUESTION, spaces::get_space_mask_v0),
    on(vcmd::CTX_MIGRATE_V0, ADMIN, lifecycle::ctx_migrate_v0),
    on(vcmd::CTX_MIGRATE, ADMIN, lifecycle::ctx_migrate),
    on(vcmd::CTX_KILL, KILL, signals::ctx_kill),
    on(vcmd::GET_BADNESS, READ, settings::get_badness),
    on(vcmd::SET_BADNESS, SETUP, settings::set_badness),
    on(vcmd::CTX_STAT, READ, report::ctx_stat),
    plain(vcmd::TASK_XID, READ, report::task_xid),
    plain(vcmd::TASK_NID, READ, report::task_nid),
    on(vcmd::VX_INFO, READ, report::vx_info),
    on(vcmd::WAIT_EXIT, READ, lifecycle::wait_exit),
    on(vcmd::GET_CFLAGS, READ, settings::get_cflags),
    on(vcmd::SET_CFLAGS, SETUP, settings::set_cflags),
    on(vcmd::GET_CCAPS, READ, settings::get_ccaps),
    on(vcmd::SET_CCAPS, SETUP, settings::set_ccaps),
    on(vcmd::GET_BCAPS, READ, settings::get_bcaps),
    on(vcmd::SET_BCAPS, SETUP, settings::set_bcaps),
    on(vcmd::GET_UMASK, READ, settings::get_umask),
    on(vcmd::SET_UMASK, SETUP, settings::set_umask),
    on(vcmd::GET_WMASK, READ, settings::get_wmask),
    on(vcmd::SET_WMASK, SETUP, settings::set_wmask),
    plain(vcmd::GET_SPACE_MASK, QUESTION, spaces::get_space_mask),
    plain(vcmd::GET_SPACE_DEFAULT, QUESTION, spaces::get_space_default),
];

/// The row of a command.
fn find(number: u32) -> Option<&'static Command> {
    COMMANDS
        .binary_search_by_key(&number, |command| command.number)
        .ok()
        .and_then(|index| COMMANDS.get(index))
}

/// The context that an id names; a negative one is the caller's. Errors: `ESRCH`.
fn target(id: u32) -> Result<ARef<Context>> {
    let found = if (id as i32) < 0 {
        caller::context()
    } else {
        Context::find(id)
    };
    found.ok_or(ESRCH)
}

/// The system call. The first test that fails decides the error.
pub(crate) fn call(number: u32, id: u32, data: UserPtr) -> Result<u32> {
    let command = find(number).ok_or(ENOSYS)?;
    let rights = &command.rights;

    if !caller::has_cap_context() {
        return Err(ENOSYS);
    }
    if rights.admin && !caller::has(Capability::SysAdmin) {
        return Err(EPERM);
    }
    if rights.resource && !caller::has(Capability::SysResource) {
        return Err(EPERM);
    }
    if id == XID_SPECTATOR && matches!(number, vcmd::CTX_MIGRATE_V0 | vcmd::CTX_MIGRATE) {
        caller::spectate();
        return Ok(XID_SPECTATOR);
    }
    let own = caller::context();
    let in_setup = own
        .as_ref()
        .is_some_and(|own| own.has_flag(vxf::STATE_SETUP));
    if !caller::is_host()
        && match rights.who {
            Who::Anyone => false,
            Who::Host => true,
            Who::HostOrSetup => !in_setup,
        }
    {
        return Err(EPERM);
    }

    let call = Call { id, data };
    match command.handler {
        Handler::Plain(handler) => handler(&call),
        Handler::OnContext(handler) => {
            let context = target(id)?;
            if rights.who == Who::HostOrSetup && !caller::is_host() {
                let is_own = own.is_some_and(|own| core::ptr::eq(&*own, &*context));
                if !is_own {
                    return Err(EPERM);
                }
            }
            if rights.state && !context.has_flag(vxf::STATE_ADMIN) {
                return Err(EACCES);
            }
            handler(&call, &context)
        }
    }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_dispatch)]
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
            (vcmd::CTX_CREATE, CREATE),
            (vcmd::CTX_MIGRATE, ADMIN),
            (vcmd::ENTER_SPACE, ADMIN),
            (vcmd::CTX_KILL, KILL),
            (vcmd::SET_SPACE, SETUP),
            (vcmd::SET_CFLAGS, SETUP),
            (vcmd::SET_BCAPS, SETUP),
            (vcmd::SET_VHI_NAME, SETUP),
            (vcmd::GET_CFLAGS, READ),
            (vcmd::TASK_XID, READ),
            (vcmd::WAIT_EXIT, READ),
        ] {
            assert!(find(number).is_some_and(|command| command.rights == rights));
        }
    }

    #[test]
    fn what_changes_a_context_needs_its_consent() {
        for command in &COMMANDS {
            if command.rights.who == Who::HostOrSetup {
                assert!(command.rights.state && command.rights.resource);
                assert!(matches!(command.handler, Handler::OnContext(_)));
            }
        }
    }

    #[test]
    fn host_and_spectator_have_no_context() {
        assert!(target(0).is_err());
        assert!(target(1).is_err());
        // The test runs in a kernel thread, which is of the host.
        assert!(target(crate::abi::XID_SELF).is_err());
    }

    #[test]
    fn a_kernel_thread_can_ask_for_the_version() {
        let null = UserPtr::from_addr(0);
        assert_eq!(call(vcmd::GET_VERSION, 63, null), Ok(crate::abi::VERSION));
        assert_eq!(call(vcmd::GET_VERSION | 1, 0, null), Err(ENOSYS));
        assert_eq!(call(vcmd::VX_INFO, 65_535, null), Err(ESRCH));
        assert_eq!(call(vcmd::CTX_CREATE_V0, 1, null), Err(EINVAL));
        assert_eq!(call(vcmd::CTX_CREATE_V0, 65_536, null), Err(EINVAL));
        assert_eq!(call(vcmd::CTX_CREATE_V0, u32::MAX, null), Err(EINVAL));
    }
}
