// SPDX-License-Identifier: GPL-2.0

//! `vserver info`

use super::Setting;
use crate::bucket::Bucket;
use crate::cli::Info;
use crate::context::{self, Context, Details};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::inside::xid_in_use;
use crate::limits::Limits;
use crate::live::{self, State, require_support};
use crate::output;
use crate::store::Store;
use crate::system::System;
use crate::usage::{self, Usage};
use libvserver::abi::{XID_MAX, XID_MIN, vxf};
use libvserver::{Errno, Vserver};
use serde::Serialize;

/// All that the kernel tells of a context.
#[derive(Debug, Serialize)]
struct Report {
    /// Name of the guest; none when the context was asked for by its id.
    guest: Option<String>,
    xid: u32,
    state: State,
    #[serde(flatten)]
    context: Context,
    #[serde(flatten)]
    details: Details,
    /// The limits of the description, when it is a guest.
    guest_limits: Option<Limits>,
    /// What its cgroup tells.
    usage: Option<Usage>,
    /// Open files, where the kernel counts them.
    open_files: Option<u64>,
    /// The token bucket of a context whose processor time is limited.
    bucket: Option<Bucket>,
}

/// What is asked about.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Guest(Box<Guest>),
    Context(u32),
}

pub(super) fn run(setting: &Setting, arguments: &Info) -> Outcome<u8> {
    let target = target(&setting.store, &arguments.name)?;
    require_support(&Vserver::with(&setting.system))?;
    let report = gather(&setting.system, &target)?;
    output::show(setting.json, &report, || text(&report));
    Ok(0)
}

/// Finds the guest of this name; a number without guest is a context id.
fn target(store: &Store, name: &str) -> Outcome<Target> {
    let failure = match store.load(name) {
        Ok(guest) => return Ok(Target::Guest(Box::new(guest))),
        Err(failure) => failure,
    };
    if failure.reason != Reason::UnknownGuest || !name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(failure);
    }
    name.parse()
        .ok()
        .filter(|xid| (XID_MIN..=XID_MAX).contains(xid))
        .map(Target::Context)
        .ok_or_else(|| {
            Failure::new(
                Reason::Usage,
                format!("{name} is neither the name of a guest nor a context id"),
                "context ids go from 2 to 65535; `vserver list` shows those in use",
            )
        })
}

fn absent(target: &Target) -> Failure {
    match target {
        Target::Guest(guest) => live::not_running(&guest.name),
        Target::Context(xid) => Failure::new(
            Reason::NotRunning,
            format!("there is no context {xid}"),
            "`vserver list` shows those that there are",
        ),
    }
}

fn gather<S: System>(system: &S, target: &Target) -> Outcome<Report> {
    let vserver = Vserver::with(system);
    let (xid, guest) = match target {
        Target::Guest(guest) => (guest.xid, Some(guest.name.clone())),
        Target::Context(xid) => (*xid, None),
    };
    let failed = |errno: Errno| {
        Failure::from_os(
            &format!("read context {xid}"),
            &errno.into(),
            "it may have just ended; try again",
        )
    };
    let survey = live::survey(system)?;
    let context = context::read(&vserver, xid, &survey)
        .map_err(failed)?
        .ok_or_else(|| absent(target))?;
    let live = live::look(&vserver, guest.as_ref().unwrap_or(&context.name), xid);
    let state = live.map_err(failed)?.state;
    if state == State::Conflict {
        let owner = format!("context \"{}\", which is not this guest", context.name);
        let mut failure = xid_in_use(xid, &owner);
        failure.remedy += &format!("; `vserver info {xid}` tells about that context");
        return Err(failure);
    }
    let details = context::read_details(&vserver, xid, &context)
        .map_err(failed)?
        .ok_or_else(|| absent(target))?;
    let limits = match target {
        Target::Guest(guest) => Some(guest.limits.clone()),
        Target::Context(_) => None,
    };
    // Only the bucket of a context with this flag has an effect.
    let flags = vserver.flags(xid).map_or(0, |flags| flags.value);
    let hard = flags & vxf::SCHED_HARD != 0;
    let bucket = hard.then(|| Bucket::read(&vserver, xid).ok()).flatten();
    Ok(Report {
        guest,
        xid,
        state,
        usage: usage::read(system, &context.name),
        open_files: usage::open_files(&vserver, xid),
        guest_limits: limits,
        bucket,
        context,
        details,
    })
}

fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    if let Some(guest) = &report.guest {
        lines.push(("name", guest.clone()));
    }
    lines.push(("context id", report.xid.to_string()));
    lines.push(("state", report.state.as_str().to_owned()));
    let init = report.context.init_pid;
    let init = init.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
    lines.push(("init", init));
    lines.extend(report.context.lines());
    lines.extend(report.details.lines());
    if let Some(usage) = &report.usage {
        let unknown = Limits::default();
        let limits = report.guest_limits.as_ref().unwrap_or(&unknown);
        lines.extend(usage.lines(limits, report.open_files));
    }
    if let Some(bucket) = &report.bucket {
        lines.push(("token bucket", bucket.text()));
    }
    format!(
        "{}\n\n{}",
        output::pairs(&lines),
        report.context.task_table()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, guest, program, vserver};
    use crate::start::{launch, prepare};
    use libvserver::abi::vhin;

    fn started() -> Model {
        let model = Model::new();
        let guest = guest();
        let lock = prepare(&model, &guest).unwrap();
        drop(launch(&model, &guest, &program("/sbin/init"), lock).unwrap());
        model
    }

    fn web() -> Target {
        Target::Guest(Box::new(guest()))
    }

    #[test]
    fn a_running_guest_is_told_in_full() {
        let model = started();
        let report = gather(&model, &web()).unwrap();
        assert_eq!(report.state, State::Running);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["guest"], "web");
        assert_eq!(json["name"], "web");
        assert_eq!(json["state"], "running");
        assert_eq!(json["badness"], 0);
        let names = json["flags"]["names"].as_array().unwrap();
        for name in [
            "STATE_ADMIN",
            "VIRT_MEM",
            "VIRT_UPTIME",
            "VIRT_CPU",
            "VIRT_LOAD",
        ] {
            assert!(names.contains(&name.into()), "{names:?}");
        }
        assert_eq!(json["statistics"]["threads"], 1);
        let text = text(&report);
        for key in ["name ", "state ", "flags ", "badness ", "limits "] {
            assert!(text.lines().any(|line| line.starts_with(key)), "{text}");
        }
        assert!(text.contains("INSIDE"), "{text}");
    }

    #[test]
    fn a_context_is_told_by_its_id() {
        let model = started();
        let report = gather(&model, &Target::Context(42)).unwrap();
        assert_eq!(report.guest, None);
        assert_eq!((report.xid, report.state), (42, State::Running));
    }

    #[test]
    fn what_does_not_run_is_told() {
        let model = Model::new();
        for target in [web(), Target::Context(42)] {
            let failure = gather(&model, &target).unwrap_err();
            assert_eq!(failure.reason, Reason::NotRunning);
            assert!(failure.remedy.contains("vserver"), "{failure:?}");
        }
        let model = started();
        vserver(&model)
            .set_name(42, vhin::CONTEXT, "other")
            .unwrap();
        let failure = gather(&model, &web()).unwrap_err();
        assert_eq!(failure.reason, Reason::XidInUse);
        assert!(failure.remedy.contains("vserver info 42"), "{failure:?}");
    }

    #[test]
    fn a_number_is_a_context_unless_a_guest_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let reason = |name| target(&store, name).unwrap_err().reason;
        assert_eq!(target(&store, "42"), Ok(Target::Context(42)));
        assert_eq!(reason("web"), Reason::UnknownGuest);
        for number in ["0", "1", "65536", "99999999999"] {
            assert_eq!(reason(number), Reason::Usage, "{number}");
        }
        store.add("42", "xid = 7\nroot = '/srv/web'\n").unwrap();
        let Ok(Target::Guest(guest)) = target(&store, "42") else {
            panic!("the guest comes first");
        };
        assert_eq!(guest.xid, 7);
    }
}
