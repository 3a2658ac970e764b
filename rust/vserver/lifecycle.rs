// SPDX-License-Identifier: GPL-2.0

//! Create, migrate, wait (semantics.md, section 3).

use crate::{
    abi::{
        space,
        vxf,
        vxm,
        CtxCreate,
        CtxMigrate,
        WaitExit,
        XID_MAX,
        XID_MIN, //
    },
    caller,
    context::{
        Context,
        Wait, //
    },
    dispatch::Call,
    event, //
};
use kernel::prelude::*;

/// The spaces that a context made without data gets of its own.
const V0_SPACES: u64 = space::UTS | space::IPC | space::USER;

/// `ctx_create` without data
pub(crate) fn ctx_create_v0(call: &Call) -> Result<u32> {
    create(call.id(), vxf::INIT_SET, V0_SPACES)
}

/// `ctx_create`
pub(crate) fn ctx_create(call: &Call) -> Result<u32> {
    if call.is_null() {
        return ctx_create_v0(call);
    }
    let data: CtxCreate = call.read()?;
    create(call.id(), data.flagword, 0)
}

/// Makes a context and moves the calling thread into it.
fn create(xid: u32, flags: u64, own_spaces: u64) -> Result<u32> {
    if !(XID_MIN..=XID_MAX).contains(&xid) {
        return Err(EINVAL);
    }
    // PERSISTENT takes effect only once the creator is in.
    let context = Context::make(xid, flags & !vxf::PERSISTENT)?;
    context
        .head()
        .publish()
        .map_err(|error| if error == EBUSY { taken(xid) } else { error })?;
    event::startup(&context)?;
    enter(&context)?;
    if own_spaces != 0 {
        caller::unshare(own_spaces & !space::USER)?;
        context.with_space(0, |stored| stored.store(own_spaces))?;
    }
    context.change_flags(flags, vxf::PERSISTENT)?;
    Ok(xid)
}

/// The error for an id that is in use: somebody still sets the context up, or not.
fn taken(xid: u32) -> Error {
    match Context::find(xid) {
        Some(context) if context.has_flag(vxf::STATE_SETUP) => EBUSY,
        _ => EEXIST,
    }
}

/// Moves the calling thread into a context.
fn enter(context: &Context) -> Result {
    if context.has_flag(vxf::INFO_PRIVATE) && !context.has_flag(vxf::STATE_SETUP) {
        return Err(EACCES);
    }
    if caller::xid() == context.head().id()
        && caller::context().is_some_and(|own| core::ptr::eq(&*own, context))
    {
        return Ok(());
    }
    caller::migrate(context)
}

/// `ctx_migrate` without data
pub(crate) fn ctx_migrate_v0(_call: &Call, context: &Context) -> Result<u32> {
    enter(context)?;
    Ok(0)
}

/// `ctx_migrate`
pub(crate) fn ctx_migrate(call: &Call, context: &Context) -> Result<u32> {
    let data = if call.is_null() {
        CtxMigrate::default()
    } else {
        call.read()?
    };
    enter(context)?;
    if data.flagword & vxm::SET_INIT != 0 {
        caller::become_init(context);
    }
    if data.flagword & vxm::SET_REAPER != 0 {
        caller::become_reaper(context);
    }
    Ok(0)
}

/// `wait_exit`: the data is written in every case.
pub(crate) fn wait_exit(call: &Call, context: &Context) -> Result<u32> {
    let wait = context.wait_ended();
    call.write(&WaitExit {
        reboot_cmd: context.head().reboot_cmd(),
        exit_code: context.head().exit_code(),
    })?;
    match wait {
        Wait::Ended => Ok(0),
        Wait::Interrupted => Err(ERESTARTSYS),
    }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_lifecycle)]
mod tests {
    use super::*;

    #[test]
    fn ids_out_of_range_are_refused_before_anything_is_made() {
        for xid in [0, 1, XID_MAX + 1, 0x8000_0000, u32::MAX] {
            assert_eq!(create(xid, vxf::INIT_SET, 0), Err(EINVAL));
        }
    }

    #[test]
    fn a_taken_id_says_whether_setup_goes_on() -> Result {
        let context = Context::make(65_100, vxf::INIT_SET)?;
        context.head().publish()?;
        assert_eq!(create(65_100, vxf::INIT_SET, 0), Err(EBUSY));
        context.change_flags(0, vxf::STATE_SETUP)?;
        assert_eq!(create(65_100, vxf::INIT_SET, 0), Err(EEXIST));
        Ok(())
    }

    #[test]
    fn a_private_context_is_closed_after_setup() -> Result {
        let context = Context::make(65_101, vxf::ONE_TIME & !vxf::STATE_SETUP)?;
        context.change_flags(vxf::INFO_PRIVATE, vxf::INFO_PRIVATE)?;
        assert_eq!(enter(&context), Err(EACCES));
        Ok(())
    }
}
