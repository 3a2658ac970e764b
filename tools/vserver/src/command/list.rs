// SPDX-License-Identifier: GPL-2.0

//! `vserver list`

use super::Setting;
use crate::failure::Outcome;
use crate::live::{self, State, support_failure};
use crate::output;
use crate::survey::Survey;
use libvserver::abi::vhin;
use libvserver::{Support, Vserver, probe};
use serde::Serialize;
use std::path::PathBuf;

/// One line of the list.
#[derive(Debug, Serialize)]
struct Row {
    /// Name of the guest; for a context without description the name that the kernel has.
    name: String,
    xid: Option<u32>,
    state: State,
    configured: bool,
    tasks: Option<usize>,
    pid: Option<i32>,
    uptime_seconds: Option<u64>,
    root: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(setting: &Setting) -> Outcome<u8> {
    let system = &setting.system;
    let support = probe(&Vserver::with(system));
    let available = matches!(support, Support::Available { .. });
    let survey = if available {
        live::survey(system)?
    } else {
        Survey::default()
    };
    let rows = rows(setting, &survey, support)?;
    if let Some(failure) = support_failure(support).filter(|_| !setting.json) {
        output::note(&failure.message);
    }
    output::show(setting.json, &rows, || text(&rows));
    Ok(0)
}

fn rows(setting: &Setting, survey: &Survey, support: Support) -> Outcome<Vec<Row>> {
    let vserver = Vserver::with(&setting.system);
    let mut rows = Vec::new();
    for (name, guest) in setting.store.list()? {
        let guest = match guest {
            Ok(guest) => guest,
            Err(failure) => {
                rows.push(Row {
                    name,
                    xid: None,
                    state: State::Broken,
                    configured: true,
                    tasks: None,
                    pid: None,
                    uptime_seconds: None,
                    root: None,
                    error: Some(failure.message),
                });
                continue;
            }
        };
        let (state, init) = match support {
            Support::Available { .. } => {
                let live = live::look_at(&vserver, &guest)?;
                (live.state, live.init)
            }
            Support::NoSystemCall | Support::NoModule => (State::Stopped, None),
            _ => (State::Unknown, None),
        };
        let own = state.is_live();
        rows.push(Row {
            xid: Some(guest.xid),
            configured: true,
            tasks: own.then(|| survey.tasks_of(guest.xid).count()),
            pid: init.filter(|_| own),
            uptime_seconds: own.then(|| uptime(survey, guest.xid, init)).flatten(),
            root: Some(guest.root),
            error: None,
            name,
            state,
        });
    }
    let described = |xid: u32| {
        rows.iter()
            .any(|row: &Row| row.xid == Some(xid) && row.state.is_live())
    };
    let foreign: Vec<Row> = survey
        .contexts
        .iter()
        .filter(|context| !described(context.xid))
        .map(|context| {
            let init = vserver
                .info(context.xid)
                .ok()
                .and_then(|info| (info.initpid != 0).then_some(info.initpid as i32));
            Row {
                // A context that has just ended has no name any more.
                name: vserver.name(context.xid, vhin::CONTEXT).unwrap_or_default(),
                xid: Some(context.xid),
                state: State::Foreign,
                configured: false,
                tasks: Some(survey.tasks_of(context.xid).count()),
                pid: init,
                uptime_seconds: uptime(survey, context.xid, init),
                root: None,
                error: None,
            }
        })
        .collect();
    rows.extend(foreign);
    Ok(rows)
}

/// Age of the init of a context, or of its oldest task.
fn uptime(survey: &Survey, xid: u32, init: Option<i32>) -> Option<u64> {
    init.and_then(|pid| survey.task(pid))
        .map(|task| task.age)
        .or_else(|| survey.tasks_of(xid).map(|task| task.age).max())
}

fn text(rows: &[Row]) -> String {
    let heading = ["NAME", "XID", "STATE", "TASKS", "PID", "UPTIME", "ROOT"];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for row in rows {
        let name = match (row.configured, row.name.as_str()) {
            (true, name) => name.to_owned(),
            (false, "") => "-".to_owned(),
            (false, name) => format!("({})", output::plain(name)),
        };
        lines.push(vec![
            name,
            or_dash(row.xid.map(|xid| xid.to_string())),
            row.state.as_str().to_owned(),
            or_dash(row.tasks.map(|count| count.to_string())),
            or_dash(row.pid.map(|pid| pid.to_string())),
            or_dash(row.uptime_seconds.map(output::duration)),
            or_dash(row.root.as_ref().map(|root| root.display().to_string())),
        ]);
    }
    let mut text = output::table(&lines, &[1, 3, 4, 5]);
    for error in rows.iter().filter_map(|row| row.error.as_ref()) {
        text += "\n\n";
        text += error;
    }
    text
}
