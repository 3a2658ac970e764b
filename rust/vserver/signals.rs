// SPDX-License-Identifier: GPL-2.0

//! Signals to a context (semantics.md, section 7, ctx_kill).

use crate::{
    abi::{
        vxf,
        CtxKill, //
    },
    context::Context,
    dispatch::Call,
    sys::task, //
};
use kernel::prelude::*;

const SIGINT: i32 = 2;

/// Who gets a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    /// Every process, but not the one with this pid (0: none).
    AllBut(i32),
    /// The process with this pid.
    Process(i32),
}

/// What a context looks like to `ctx_kill`.
#[derive(Clone, Copy)]
struct View {
    /// Pid of the registered init, 0 when there is none.
    init: i32,
    /// STATE_ADMIN is set.
    admin: bool,
    /// Task claims.
    tasks: u32,
}

/// Who gets which signal.
///
/// Without STATE_ADMIN the host may only ask the init to end, and not behind its back: `EACCES`
/// for other processes, and for all of them while an init is registered.
fn choose(view: View, kill: CtxKill) -> Result<(Receiver, i32)> {
    if !view.admin && (kill.pid > 1 || (kill.pid < 1 && view.init != 0)) {
        return Err(EACCES);
    }
    Ok(match kill.pid {
        0 => (Receiver::AllBut(0), kill.sig),
        -1 => (Receiver::AllBut(view.init), kill.sig),
        1 if view.init != 0 => {
            let sig = if !view.admin && view.tasks > 1 {
                SIGINT
            } else {
                kill.sig
            };
            (Receiver::Process(view.init), sig)
        }
        pid => (Receiver::Process(pid), kill.sig),
    })
}

/// `ctx_kill`
pub(crate) fn ctx_kill(call: &Call, context: &Context) -> Result<u32> {
    let kill: CtxKill = call.read()?;
    let view = View {
        init: context.head().init_pid(),
        admin: context.has_flag(vxf::STATE_ADMIN),
        tasks: context.head().claims(),
    };
    let (receiver, sig) = choose(view, kill)?;
    if !task::is_signal(sig) {
        return Err(EINVAL);
    }
    match receiver {
        Receiver::AllBut(pid) => task::signal_all(context, sig, pid)?,
        Receiver::Process(pid) => task::signal_pid(context, sig, pid)?,
    }
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_signals)]
mod tests {
    use super::*;

    const OPEN: View = View {
        init: 77,
        admin: true,
        tasks: 5,
    };

    fn kill(pid: i32) -> CtxKill {
        CtxKill { pid, sig: 15 }
    }

    #[test]
    fn an_administrable_context() {
        assert_eq!(choose(OPEN, kill(0)), Ok((Receiver::AllBut(0), 15)));
        assert_eq!(choose(OPEN, kill(-1)), Ok((Receiver::AllBut(77), 15)));
        assert_eq!(choose(OPEN, kill(1)), Ok((Receiver::Process(77), 15)));
        assert_eq!(choose(OPEN, kill(4711)), Ok((Receiver::Process(4711), 15)));
        assert_eq!(choose(OPEN, kill(-5)), Ok((Receiver::Process(-5), 15)));
    }

    #[test]
    fn without_an_init_pid_one_is_a_number() {
        let view = View { init: 0, ..OPEN };
        assert_eq!(choose(view, kill(1)), Ok((Receiver::Process(1), 15)));
        assert_eq!(choose(view, kill(-1)), Ok((Receiver::AllBut(0), 15)));
    }

    #[test]
    fn without_admin_only_the_init_can_be_asked() {
        let view = View {
            admin: false,
            ..OPEN
        };
        assert_eq!(choose(view, kill(4711)), Err(EACCES));
        assert_eq!(choose(view, kill(0)), Err(EACCES));
        assert_eq!(choose(view, kill(-1)), Err(EACCES));
        assert_eq!(choose(view, kill(1)), Ok((Receiver::Process(77), SIGINT)));
    }

    #[test]
    fn without_admin_a_lone_init_gets_the_signal_itself() {
        let view = View {
            admin: false,
            tasks: 1,
            ..OPEN
        };
        assert_eq!(choose(view, kill(1)), Ok((Receiver::Process(77), 15)));
    }

    #[test]
    fn without_admin_and_init_all_can_be_reached() {
        let view = View {
            admin: false,
            init: 0,
            ..OPEN
        };
        assert_eq!(choose(view, kill(0)), Ok((Receiver::AllBut(0), 15)));
        assert_eq!(choose(view, kill(-1)), Ok((Receiver::AllBut(0), 15)));
        assert_eq!(choose(view, kill(2)), Err(EACCES));
    }
}
