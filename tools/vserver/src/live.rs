// SPDX-License-Identifier: GPL-2.0

//! Whether a guest runs, and who has its context id.

use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::survey::Survey;
use crate::system::System;
use libvserver::abi::{vhin, vxf};
use libvserver::{Errno, Support, Syscall, Vserver, probe};
use serde::Serialize;

/// State of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No context has its id.
    Stopped,
    /// Its context is being set up.
    Starting,
    /// Its context is there and has tasks.
    Running,
    /// Its context is kept, without tasks.
    Empty,
    /// Another context has its id.
    Conflict,
    /// A context without description.
    Foreign,
    /// The description is broken.
    Broken,
    /// The kernel does not tell.
    Unknown,
}

impl State {
    /// The state in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Empty => "empty",
            Self::Conflict => "conflict",
            Self::Foreign => "foreign",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the guest's own context exists.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Empty)
    }
}

/// What is known of the context with the id of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// State of the guest.
    pub state: State,
    /// Name of the context, empty when it has none.
    pub name: String,
    /// Pid of its init in the initial pid namespace.
    pub init: Option<i32>,
}

/// Looks at context `xid` on behalf of the guest `name`.
///
/// # Errors
///
/// The kernel refused.
pub fn look<S: Syscall>(vserver: &Vserver<S>, name: &str, xid: u32) -> Result<Live, Errno> {
    let stopped = Live {
        state: State::Stopped,
        name: String::new(),
        init: None,
    };
    let attempt = || -> Result<Live, Errno> {
        let info = vserver.info(xid)?;
        let found = vserver.name(xid, vhin::CONTEXT)?;
        let flags = vserver.flags(xid)?.value;
        let tasks = vserver.stat(xid)?.tasks;
        let persistent = u32::from(flags & vxf::PERSISTENT != 0);
        let state = if found != name {
            State::Conflict
        } else if flags & vxf::STATE_SETUP != 0 {
            State::Starting
        } else if tasks <= persistent {
            State::Empty
        } else {
            State::Running
        };
        Ok(Live {
            state,
            name: found,
            init: (info.initpid != 0).then_some(info.initpid as i32),
        })
    };
    match attempt() {
        Err(Errno(libc::ESRCH)) => Ok(stopped),
        other => other,
    }
}

/// Looks at the context of a guest; see [`look`].
///
/// # Errors
///
/// [`Reason::KernelError`].
pub fn look_at<S: Syscall>(vserver: &Vserver<S>, guest: &Guest) -> Outcome<Live> {
    look(vserver, &guest.name, guest.xid).map_err(|errno| {
        Failure::from_os(
            &format!("read context {}", guest.xid),
            &errno.into(),
            "`vserver kernel` shows what this kernel supports",
        )
    })
}

/// All contexts and their tasks at the moment.
///
/// # Errors
///
/// The process list cannot be read.
pub fn survey<S: System>(system: &S) -> Outcome<Survey> {
    system
        .survey()
        .map_err(|error| Failure::from_os("look at the running tasks", &error, "try again"))
}

/// Says why a kernel offers nothing, as a failure; none when it does.
pub fn support_failure(support: Support) -> Option<Failure> {
    Some(match support {
        Support::Available { .. } => return None,
        Support::NoSystemCall => Failure::new(
            Reason::NoSystemCall,
            "this kernel has no vserver() system call",
            "boot a kernel built with CONFIG_VSERVER=y",
        ),
        Support::NoModule => Failure::new(
            Reason::NoModule,
            "the kernel's vserver module is not loaded",
            "load it: `modprobe vserver`",
        ),
        Support::NoRight => Failure::new(
            Reason::NoRight,
            "vserver() is not for this caller: CAP_SYS_ADMIN of the host is missing",
            "run the command as root on the host, outside of every guest and container",
        ),
        Support::Broken(errno) => Failure::new(
            Reason::KernelError,
            format!("vserver() fails unexpectedly: {errno}"),
            "the kernel log (`dmesg`) may say more",
        ),
    })
}

/// Checks that the kernel offers `vserver()` to the caller.
///
/// # Errors
///
/// Why it does not.
pub fn require_support<S: Syscall>(vserver: &Vserver<S>) -> Outcome<()> {
    support_failure(probe(vserver)).map_or(Ok(()), Err)
}

/// The failure for a guest that ought to run and does not.
pub fn not_running(name: &str) -> Failure {
    Failure::new(
        Reason::NotRunning,
        format!("guest \"{name}\" does not run"),
        format!("`vserver start {name}` starts it"),
    )
}

/// The failure for a guest whose context is being set up: changes could not reach it.
pub fn being_started(name: &str) -> Failure {
    Failure::new(
        Reason::NotRunning,
        format!("guest \"{name}\" is being started"),
        "try again when it runs",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use libvserver::fake::Fake;

    fn state(vserver: &Vserver<Fake>) -> State {
        look(vserver, "web", 42).unwrap().state
    }

    #[test]
    fn the_state_follows_the_context() {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        assert_eq!(state(&vserver), State::Stopped);
        let task = fake.fork();
        fake.run_as(task, || vserver.create(42, Some(vxf::INIT_SET)).unwrap());
        assert_eq!(state(&vserver), State::Conflict);
        vserver.set_name(42, vhin::CONTEXT, "web").unwrap();
        assert_eq!(state(&vserver), State::Starting);
        vserver
            .set_flags(
                42,
                vxf::PERSISTENT,
                vxf::PERSISTENT | vxf::STATE_SETUP | vxf::STATE_INIT,
            )
            .unwrap();
        assert_eq!(state(&vserver), State::Running);
        fake.exit(task, 0);
        assert_eq!(state(&vserver), State::Empty);
    }

    #[test]
    fn every_lack_of_support_has_its_own_status() {
        let status = |support| support_failure(support).map(|failure| failure.exit_status());
        let available = Support::Available {
            version: 1,
            features: 0,
        };
        assert_eq!(status(available), None);
        assert_eq!(status(Support::NoSystemCall), Some(10));
        assert_eq!(status(Support::NoModule), Some(11));
        assert_eq!(status(Support::NoRight), Some(12));
        assert_eq!(status(Support::Broken(Errno(libc::EINVAL))), Some(21));
    }
}
