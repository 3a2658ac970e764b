// SPDX-License-Identifier: GPL-2.0

//! `vserver set`

use super::Setting;
use crate::change::{Request, Wishes, apply};
use crate::cli::Set;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::inside::xid_in_use;
use crate::live::{State, look_at, not_running, require_support};
use crate::output;
use libvserver::{Syscall, Vserver};
use serde_json::json;

pub(super) fn run(setting: &Setting, arguments: &Set) -> Outcome<u8> {
    let request = Request::new(&Wishes {
        flags: &arguments.flag,
        ccaps: &arguments.ccap,
        bcaps: &arguments.bcap,
        umask: &arguments.umask,
        hostname: arguments.hostname.as_deref(),
        badness: arguments.badness,
        prio_bias: arguments.prio_bias,
        limits: &arguments.limit,
    })?;
    let guest = setting.store.load(&arguments.name)?;
    let vserver = Vserver::with(&setting.system);
    require_support(&vserver)?;
    check_running(&vserver, &guest)?;
    let changes = apply(&vserver, &guest.name, guest.xid, &request)?;
    output::show(
        setting.json,
        &json!({ "name": guest.name, "xid": guest.xid, "changes": changes }),
        || {
            let lines: Vec<(&str, String)> = changes
                .iter()
                .map(|change| (change.setting.as_str(), change.text()))
                .collect();
            output::pairs(&lines)
        },
    );
    Ok(0)
}

/// Checks that the guest has a context of its own that is not being set up any more.
fn check_running<S: Syscall>(vserver: &Vserver<S>, guest: &Guest) -> Outcome<()> {
    let live = look_at(vserver, guest)?;
    match live.state {
        State::Running | State::Empty => Ok(()),
        State::Conflict => {
            let owner = format!("context \"{}\", which is not this guest", live.name);
            Err(xid_in_use(guest.xid, &owner))
        }
        State::Starting => Err(Failure::new(
            Reason::NotRunning,
            format!("guest \"{}\" is being started", guest.name),
            "try again when it runs",
        )),
        _ => Err(not_running(&guest.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::guest;
    use libvserver::abi::{vhin, vxf};
    use libvserver::fake::Fake;

    #[test]
    fn only_a_guest_that_runs_is_changed() {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        let reason = || check_running(&vserver, &guest()).map_err(|failure| failure.reason);
        assert_eq!(reason(), Err(Reason::NotRunning));
        let task = fake.fork();
        fake.run_as(task, || vserver.create(42, Some(vxf::INIT_SET)).unwrap());
        assert_eq!(reason(), Err(Reason::XidInUse));
        vserver.set_name(42, vhin::CONTEXT, "web").unwrap();
        assert_eq!(reason(), Err(Reason::NotRunning));
        let setup = vxf::STATE_SETUP | vxf::STATE_INIT;
        vserver
            .set_flags(42, vxf::PERSISTENT, setup | vxf::PERSISTENT)
            .unwrap();
        assert_eq!(reason(), Ok(()));
        fake.exit(task, 0);
        assert_eq!(reason(), Ok(()));
    }
}
