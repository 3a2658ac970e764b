// SPDX-License-Identifier: GPL-2.0

//! The multiplexer behind `vserver()` (semantics.md, section 2). What each command is and needs
//! says its row in [`crate::command`].

use crate::{
    abi::{
        vcmd,
        vxf,
        CtxRlimit,
        CtxRlimitX86Compat,
        XID_SPECTATOR, //
    },
    caller::{
        self,
        Capability, //
    },
    command::{
        self,
        Handler,
        Who, //
    },
    context::Context,
    network::Network,
    sys::object::{
        self,
        Kind,
        Shared, //
    },
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

/// What a handler gets beside the object.
pub(crate) struct Call {
    id: u32,
    data: UserPtr,
    compat: bool,
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

    /// Copies the argument in; a 32-bit caller's has the layout `C`. Errors: `EFAULT`.
    pub(crate) fn read_as<T: FromBytes, C: FromBytes + Into<T>>(&self) -> Result<T> {
        if self.compat {
            Ok(self.read::<C>()?.into())
        } else {
            self.read()
        }
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

    /// Copies the result out; a 32-bit caller's has the layout `C`. Errors: `EFAULT`.
    pub(crate) fn write_as<T: AsBytes + Into<C>, C: AsBytes>(&self, value: T) -> Result {
        if self.compat {
            self.write(&value.into())
        } else {
            self.write(&value)
        }
    }

    /// Copies the first bytes of a result out, `bytes` long at most. Errors: `EFAULT`.
    pub(crate) fn write_bytes(&self, bytes: &[u8]) -> Result {
        UserSlice::new(self.data, bytes.len())
            .writer()
            .write_slice(bytes)
    }

    /// As [`Self::read_as`] for limits, which 32-bit x86 alone lays out differently.
    pub(crate) fn read_rlimit(&self) -> Result<CtxRlimit> {
        if cfg!(CONFIG_X86) {
            self.read_as::<CtxRlimit, CtxRlimitX86Compat>()
        } else {
            self.read()
        }
    }

    /// As [`Self::write_as`] for limits.
    pub(crate) fn write_rlimit(&self, value: &CtxRlimit) -> Result {
        if cfg!(CONFIG_X86) {
            self.write_as::<CtxRlimit, CtxRlimitX86Compat>(*value)
        } else {
            self.write(value)
        }
    }
}

/// The object that an id names; a negative one is the caller's. Errors: `ESRCH`.
fn target<T: Shared>(id: u32) -> Result<ARef<T>> {
    let found = if (id as i32) < 0 {
        object::current()
    } else {
        object::find(id)
    };
    found.ok_or(ESRCH)
}

/// As [`target`], when the rights of the command allow it on this object. Errors: `ESRCH`, `EPERM`
/// for an object of others, `EACCES` without STATE_ADMIN, whose bit both kinds share.
fn admitted<T: Shared>(id: u32, rights: &command::Rights) -> Result<ARef<T>> {
    let found = target::<T>(id)?;
    if rights.who == Who::HostOrSetup && !caller::is_host() {
        let is_own = object::current::<T>().is_some_and(|own| core::ptr::eq(&*own, &*found));
        if !is_own {
            return Err(EPERM);
        }
    }
    if rights.state && !found.object().has_flag(vxf::STATE_ADMIN) {
        return Err(EACCES);
    }
    Ok(found)
}

const _: () = assert!(vxf::STATE_ADMIN == crate::abi::nxf::STATE_ADMIN);

/// Commands that make the caller a spectator when the id is that of one.
fn spectating(number: u32) -> Option<Kind> {
    match number {
        vcmd::CTX_MIGRATE_V0 | vcmd::CTX_MIGRATE => Some(Kind::Context),
        vcmd::NET_MIGRATE => Some(Kind::Network),
        _ => None,
    }
}

/// The system call. The first test that fails decides the error.
pub(crate) fn call(number: u32, id: u32, data: UserPtr, compat: bool) -> Result<u32> {
    let command = command::find(number).ok_or(ENOSYS)?;
    let rights = &command.rights;

    if !caller::has_cap_context() {
        return Err(ENOSYS);
    }
    for (needed, capability) in [
        (rights.admin, Capability::SysAdmin),
        (rights.resource, Capability::SysResource),
        (rights.immutable, Capability::LinuxImmutable),
    ] {
        if needed && !caller::has(capability) {
            return Err(EPERM);
        }
    }
    if id == XID_SPECTATOR {
        if let Some(kind) = spectating(number) {
            caller::spectate(kind);
            return Ok(XID_SPECTATOR);
        }
    }
    let allowed = match rights.who {
        Who::Anyone => true,
        Who::Host => caller::is_host(),
        Who::HostOrSetup => {
            caller::is_host()
                || !caller::is_spectator()
                    && caller::context().is_some_and(|own| own.has_flag(vxf::STATE_SETUP))
        }
    };
    if !allowed {
        return Err(EPERM);
    }

    let call = Call { id, data, compat };
    match command.handler {
        Handler::Plain(handler) => handler(&call),
        Handler::OnContextOr0(handler) if id == 0 => handler(&call, None),
        Handler::OnContextOr0(handler) => handler(&call, Some(&*admitted::<Context>(id, rights)?)),
        Handler::OnContext(handler) => handler(&call, &*admitted::<Context>(id, rights)?),
        Handler::OnNetwork(handler) => handler(&call, &*admitted::<Network>(id, rights)?),
    }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_dispatch)]
mod tests {
    use super::*;

    #[test]
    fn host_and_spectator_have_no_objects() {
        for id in [0, 1, crate::abi::XID_SELF] {
            // The test runs in a kernel thread, which is of the host.
            assert!(target::<Context>(id).is_err());
            assert!(target::<Network>(id).is_err());
        }
    }

    #[test]
    fn a_kernel_thread_can_ask_for_the_version() {
        let call = |number, id| call(number, id, UserPtr::from_addr(0), false);
        assert_eq!(call(vcmd::GET_VERSION, 63), Ok(crate::abi::VERSION));
        assert_eq!(call(vcmd::GET_VERSION | 1, 0), Err(ENOSYS));
        assert_eq!(call(vcmd::VX_INFO, 65_535), Err(ESRCH));
        assert_eq!(call(vcmd::NX_INFO, 65_535), Err(ESRCH));
        assert_eq!(call(vcmd::SCHED_INFO, 65_535), Err(ESRCH));
        for number in [vcmd::CTX_CREATE_V0, vcmd::NET_CREATE_V0] {
            for id in [0, 1, 65_536, u32::MAX] {
                assert_eq!(call(number, id), Err(EINVAL));
            }
        }
    }
}
