// SPDX-License-Identifier: GPL-2.0

//! Events that the helper program of the host is told, and `reboot(2)` of a guest (semantics.md,
//! section 8).

use crate::{
    abi::{
        nxf,
        vsc,
        vxf, //
    },
    context::Context,
    network::Network,
    sys::{
        helper::{
            self,
            Until, //
        },
        task, //
    },
};
use kernel::prelude::*;

const SIGKILL: i32 = 9;

/// Tells the helper that a context starts, when its flags ask for it, and waits. Errors:
/// `ENOEXEC` when the helper fails.
pub(crate) fn startup(context: &Context) -> Result {
    if !context.has_flag(vxf::SC_HELPER) {
        return Ok(());
    }
    helper::run(c"startup", context.head().id(), vsc::STARTUP, Until::Ended).map_err(|_| ENOEXEC)
}

/// Tells the helper that a context has ended, when its flags ask for it, and waits.
pub(crate) fn shutdown(context: &Context) {
    if context.has_flag(vxf::SC_HELPER) {
        // The end goes on whatever the helper says.
        let _ = helper::run(
            c"shutdown",
            context.head().id(),
            vsc::SHUTDOWN,
            Until::Ended,
        );
    }
}

/// As [`startup`], for a network context.
pub(crate) fn netup(network: &Network) -> Result {
    if !network.head().has_flag(nxf::SC_HELPER) {
        return Ok(());
    }
    helper::run(c"netup", network.head().id(), vsc::NETUP, Until::Ended).map_err(|_| ENOEXEC)
}

/// As [`shutdown`], for a network context.
pub(crate) fn netdown(network: &Network) {
    if network.head().has_flag(nxf::SC_HELPER) {
        let _ = helper::run(c"netdown", network.head().id(), vsc::NETDOWN, Until::Ended);
    }
}

/// What a command of `reboot(2)` does in a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effect {
    /// What the helper is told.
    action: &'static CStr,
    /// With REBOOT_KILL all tasks are killed.
    kills: bool,
}

/// Commands that are not here are stored and have no other effect.
fn effect(cmd: u32) -> Option<Effect> {
    let (action, kills) = match cmd {
        vsc::RESTART => (c"restart", true),
        vsc::HALT => (c"halt", true),
        vsc::POWER_OFF => (c"poweroff", true),
        vsc::SW_SUSPEND => (c"swsusp", false),
        vsc::OOM => (c"oom", false),
        _ => return None,
    };
    Some(Effect { action, kills })
}

/// `reboot(2)` of a task in a context: the machine goes on. Errors: `EAGAIN` while the helper is
/// being started for another call, `EPERM` when it cannot be started.
pub(crate) fn reboot(context: &Context, cmd: u32) -> Result {
    let effect = effect(cmd);
    if let Some(effect) = effect {
        context.with_helper(|| {
            helper::run(effect.action, context.head().id(), cmd, Until::Started).map_err(|_| EPERM)
        })?;
    }
    context.head().set_reboot_cmd(cmd as i32);
    if effect.is_some_and(|effect| effect.kills) && context.has_flag(vxf::REBOOT_KILL) {
        let init = context.head().init_pid();
        // Nobody may be left already.
        let _ = task::signal_all(context, SIGKILL, 0);
        if init != 0 {
            let _ = task::signal_pid(context, SIGKILL, init);
        }
    }
    Ok(())
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_event)]
mod tests {
    use super::*;

    #[test]
    fn five_commands_are_told() {
        for (cmd, action, kills) in [
            (0x0123_4567, c"restart", true),
            (0xcdef_0123, c"halt", true),
            (0x4321_fedc, c"poweroff", true),
            (0xd000_fce2, c"swsusp", false),
            (0xdead_beef, c"oom", false),
        ] {
            assert_eq!(effect(cmd), Some(Effect { action, kills }));
        }
    }

    #[test]
    fn other_commands_are_not() {
        // RESTART2, CAD_ON, CAD_OFF, KEXEC, nonsense.
        for cmd in [0xa1b2_c3d4, 0x89ab_cdef, 0, 0x4558_4543, 1] {
            assert_eq!(effect(cmd), None);
        }
    }

    #[test]
    fn without_the_flag_nobody_is_told() -> Result {
        let context = Context::make(65_600, vxf::INIT_SET)?;
        startup(&context)?;
        let network = Network::make(65_600, nxf::INIT_SET)?;
        netup(&network)?;
        Ok(())
    }

    #[test]
    fn a_second_call_has_to_come_again() -> Result {
        let context = Context::make(65_601, vxf::INIT_SET)?;
        let inner = context.with_helper(|| Ok(reboot(&context, vsc::HALT)))?;
        assert_eq!(inner, Err(EAGAIN));
        // What needs no helper does not wait for it.
        reboot(&context, 0x89ab_cdef)?;
        assert_eq!(context.head().reboot_cmd() as u32, 0x89ab_cdef);
        Ok(())
    }
}
