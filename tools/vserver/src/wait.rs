// SPDX-License-Identifier: GPL-2.0

//! Waiting for the end of a guest.

use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::inside::xid_in_use;
use crate::live::{self, State};
use crate::signals;
use crate::system::{System, Waited};
use libvserver::Vserver;
use libvserver::abi::{WaitExit, vsc};
use serde::Serialize;
use std::time::Duration;

/// How the context of a guest has ended. Members are missing when that cannot be told any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// Exit status of the last task; none when a signal ended it.
    pub exit_status: Option<i32>,
    /// Signal that ended the last task.
    pub signal: Option<String>,
    /// What the guest has asked for by `reboot(2)`, as far as the kernel has noted it: `none`, `restart`, `halt`, `poweroff`,
    /// `suspend` or the number of another command.
    pub reboot: Option<String>,
}

impl End {
    const UNKNOWN: Self = Self {
        exit_status: None,
        signal: None,
        reboot: None,
    };

    /// The end in a few words.
    pub fn text(&self) -> String {
        let last = match (self.exit_status, &self.signal) {
            (Some(status), _) => format!("its last task had exit status {status}"),
            (None, Some(signal)) => format!("its last task was ended by {signal}"),
            (None, None) => "how, is not known any more".to_owned(),
        };
        match self.reboot.as_deref() {
            None => last,
            Some("none") => format!("{last}; the kernel has noted no reboot"),
            Some(reboot) => format!("{last}; it asked for: {reboot}"),
        }
    }
}

impl From<WaitExit> for End {
    fn from(exit: WaitExit) -> Self {
        let status = exit.exit_code;
        let signalled = libc::WIFSIGNALED(status);
        // The kernel hands the number over as a signed one.
        let command = exit.reboot_cmd as u32;
        Self {
            exit_status: (!signalled).then(|| libc::WEXITSTATUS(status)),
            signal: signalled.then(|| signals::name_of(libc::WTERMSIG(status))),
            reboot: Some(match command {
                0 => "none".to_owned(),
                vsc::RESTART => "restart".to_owned(),
                vsc::HALT => "halt".to_owned(),
                vsc::POWER_OFF => "poweroff".to_owned(),
                vsc::SW_SUSPEND => "suspend".to_owned(),
                other => format!("{other:#010x}"),
            }),
        }
    }
}

/// Sleeps until the context of a running guest has ended; without `timeout` for ever.
///
/// # Errors
///
/// [`Reason::NotRunning`], [`Reason::Timeout`], or the kernel refused.
pub fn wait<S: System>(system: &S, guest: &Guest, timeout: Option<Duration>) -> Outcome<End> {
    let live = live::look_at(&Vserver::with(system), guest)?;
    match live.state {
        State::Stopped => return Err(live::not_running(&guest.name)),
        State::Conflict => {
            let owner = format!("context \"{}\", which is not this guest", live.name);
            return Err(xid_in_use(guest.xid, &owner));
        }
        _ => {}
    }
    let waited = system.wait_context(guest.xid, timeout).map_err(|error| {
        Failure::from_os(
            &format!("wait for the end of guest \"{}\"", guest.name),
            &error,
            "`vserver show` tells the state of the guest",
        )
    })?;
    match waited {
        Waited::Ended(exit) => Ok(exit.into()),
        Waited::Gone => Ok(End::UNKNOWN),
        Waited::Lasts => Err(Failure::new(
            Reason::Timeout,
            format!(
                "guest \"{}\" has not ended after {} s",
                guest.name,
                timeout.unwrap_or_default().as_secs()
            ),
            format!(
                "wait longer, or `vserver stop {}` to make it end",
                guest.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, guest, program};
    use crate::start::{launch, prepare};
    use libvserver::abi::vhin;

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(3));

    fn started() -> Model {
        let model = Model::new();
        let lock = prepare(&model, &guest()).unwrap();
        drop(launch(&model, &guest(), &program("/sbin/init"), lock).unwrap());
        model
    }

    /// Waits for a guest that ends meanwhile in this way.
    fn end(reboot: u32, status: i32) -> End {
        let model = started();
        model.meanwhile.replace(Some(Box::new(move |fake| {
            fake.note_reboot(42, reboot);
            fake.exit(fake.tasks_of(42)[0], status);
        })));
        wait(&model, &guest(), PATIENCE).unwrap()
    }

    #[test]
    fn the_end_is_told() {
        let ended = end(0, 3 << 8);
        assert_eq!((ended.exit_status, ended.signal.clone()), (Some(3), None));
        assert_eq!(
            ended.text(),
            "its last task had exit status 3; the kernel has noted no reboot"
        );
        let ended = end(vsc::RESTART, libc::SIGKILL);
        assert_eq!(ended.exit_status, None);
        assert_eq!(
            ended.text(),
            "its last task was ended by SIGKILL; it asked for: restart"
        );
        for (command, name) in [
            (vsc::HALT, "halt"),
            (vsc::POWER_OFF, "poweroff"),
            (vsc::SW_SUSPEND, "suspend"),
            (0x89ab_cdef, "0x89abcdef"),
        ] {
            assert_eq!(end(command, 0).reboot.as_deref(), Some(name));
        }
    }

    #[test]
    fn patience_ends() {
        let model = started();
        let failure = wait(&model, &guest(), PATIENCE).unwrap_err();
        assert_eq!(failure.reason, Reason::Timeout);
        assert_eq!(failure.exit_status(), 23);
        assert!(failure.message.contains("3 s"), "{failure:?}");
        assert_eq!(model.fake.contexts(), [42]);
    }

    #[test]
    fn what_does_not_run_is_not_waited_for() {
        let model = Model::new();
        let failure = wait(&model, &guest(), PATIENCE).unwrap_err();
        assert_eq!(failure.reason, Reason::NotRunning);
        assert!(failure.remedy.contains("vserver start web"));
        let model = started();
        let vserver = Vserver::with(&model);
        vserver.set_name(42, vhin::CONTEXT, "other").unwrap();
        let failure = wait(&model, &guest(), PATIENCE).unwrap_err();
        assert_eq!(failure.reason, Reason::XidInUse);
    }

    #[test]
    fn an_end_that_was_missed_is_unknown() {
        assert!(End::UNKNOWN.text().contains("not known"));
        let json = serde_json::to_value(End::UNKNOWN).unwrap();
        assert!(json["exit_status"].is_null() && json["reboot"].is_null());
    }
}
