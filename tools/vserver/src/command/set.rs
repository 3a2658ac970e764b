// SPDX-License-Identifier: GPL-2.0

//! `vserver set`

use super::Setting;
use crate::change::{Request, Wishes, apply};
use crate::cli::Set;
use crate::confine;
use crate::description;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::inside::xid_in_use;
use crate::limit_change::{self, Plan};
use crate::limits::OPEN_SPACES;
use crate::limits_section::with_limits;
use crate::live::{State, being_started, look_at, not_running, require_support, support_failure};
use crate::output;
use crate::system::System;
use libvserver::{Support, Syscall, Vserver, probe};
use serde_json::json;
use std::fs;

pub(super) fn run(setting: &Setting, arguments: &Set) -> Outcome<u8> {
    let limits = arguments.limits.wishes();
    if !limits.is_empty() {
        return set_limits(setting, arguments, &limits);
    }
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
    if guest.limits.need_cgroup() && request.sets_umask(OPEN_SPACES) {
        return Err(Failure::new(
            Reason::Usage,
            format!(
                "guest \"{}\" has limits, and in user or cgroup namespaces of its own it could change them",
                guest.name
            ),
            "leave USER and CGROUP out of --umask, or lift the limits first",
        ));
    }
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

/// Changes limits, in the description and in the running guest.
fn set_limits(setting: &Setting, arguments: &Set, wishes: &limit_change::Wishes) -> Outcome<u8> {
    let usage = |message: String, remedy: String| Failure::new(Reason::Usage, message, remedy);
    if arguments.changes_context() {
        return Err(usage(
            "limits are changed in the description as well, all else in the running guest only"
                .to_owned(),
            "change limits with one `vserver set`, and the rest with another".to_owned(),
        ));
    }
    let system = &setting.system;
    let (guest, _held) = setting.load_to_change(&arguments.name)?;
    let plan = wishes.plan(&guest.limits);
    let plan = plan.map_err(|problem| usage(problem.message, problem.remedy))?;
    limit_change::check(system, &plan)?;
    let text = fs::read_to_string(&guest.file)
        .map_err(|error| Failure::file("read", &guest.file, &error))?;
    let text = with_limits(&text, &plan.after)?;
    // The file is what it will be, before the guest is touched.
    description::parse(&guest.name, &guest.file, &text)?;
    let live = is_live(system, &guest, &plan)?;
    let applied = live
        .then(|| limit_change::apply(system, &guest, &plan))
        .transpose()?;
    if let Err(failure) = setting.store.replace(&guest, &text) {
        if let Some(applied) = applied {
            applied.undo(system, &guest);
        }
        return Err(failure);
    }
    let mut notes = Vec::new();
    if live {
        notes = confine::notes(&Vserver::with(system), &plan.named());
    }
    if !setting.json {
        notes.iter().for_each(|note| output::note(note));
    }
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "limits": plan.after,
            "live": live,
            "notes": notes,
        }),
        || {
            let place = if live {
                "in the description and in the running guest"
            } else {
                "in the description; the guest does not run"
            };
            let lines = plan.after.lines();
            let mut text = format!("changed {place}\n");
            text += &if lines.is_empty() {
                "nothing is limited".to_owned()
            } else {
                output::pairs(&lines)
            };
            text
        },
    );
    Ok(0)
}

/// Whether the guest runs, so that it can be changed. One whose kernel has no contexts does not, and
/// one that is kept without tasks gets its limits when it starts.
fn is_live<S: System>(system: &S, guest: &Guest, plan: &Plan) -> Outcome<bool> {
    let vserver = Vserver::with(system);
    match probe(&vserver) {
        Support::Available { .. } => {}
        Support::NoSystemCall | Support::NoModule => return Ok(false),
        other => return support_failure(other).map_or(Ok(false), Err),
    }
    if matches!(
        look_at(&vserver, guest)?.state,
        State::Stopped | State::Empty
    ) {
        return Ok(false);
    }
    check_running(&vserver, guest)?;
    let umask = vserver.umask(guest.xid).map_or(0, |umask| umask.value);
    if plan.after.need_cgroup() && umask & OPEN_SPACES != 0 {
        return Err(Failure::new(
            Reason::Usage,
            format!(
                "guest \"{}\" may make user or cgroup namespaces, in which it could change its limits",
                guest.name
            ),
            format!(
                "take that away first: `vserver set {} --umask '~user,~cgroup'`",
                guest.name
            ),
        ));
    }
    Ok(true)
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
        State::Starting => Err(being_started(&guest.name)),
        _ => Err(not_running(&guest.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Key;
    use crate::model::{Model, guest, program};
    use crate::start::{launch, prepare};
    use libvserver::abi::{space, vhin, vxf};
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

    #[test]
    fn limits_reach_a_guest_that_cannot_get_around_them() {
        let model = Model::new();
        let wishes = limit_change::Wishes {
            words: vec![(Key::Pids, "64".to_owned())],
            ..Default::default()
        };
        let plan = wishes.plan(&guest().limits).unwrap();
        let live = || is_live(&model, &guest(), &plan).map_err(|failure| failure.reason);
        assert_eq!(live(), Ok(false));
        let lock = prepare(&model, &guest()).unwrap();
        drop(launch(&model, &guest(), &program("/sbin/init"), lock).unwrap());
        assert_eq!(live(), Ok(true));
        let vserver = Vserver::with(&model);
        for space in [space::USER, space::CGROUP] {
            vserver.set_umask(42, space, u64::MAX).unwrap();
            assert_eq!(live(), Err(Reason::Usage));
            vserver.set_umask(42, space::NET, u64::MAX).unwrap();
            assert_eq!(live(), Ok(true));
        }
        // Its cgroup goes with its last task.
        vserver
            .set_flags(42, vxf::PERSISTENT, vxf::PERSISTENT)
            .unwrap();
        model.fake.exit(model.fake.tasks_of(42)[0], 0);
        assert_eq!(live(), Ok(false));
    }
}
