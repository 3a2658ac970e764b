// SPDX-License-Identifier: GPL-2.0

//! `vserver show`

use super::Setting;
use crate::cli::Show;
use crate::failure::{Failure, Outcome};
use crate::guest::{Guest, Mount};
use crate::live::{self, State};
use crate::output;
use crate::signals;
use crate::survey::{Survey, TaskEntry};
use crate::system::System;
use libvserver::abi::{Flags, vhin};
use libvserver::names::{CONTEXT_CAPS, CONTEXT_FLAGS, SPACES, names_of};
use libvserver::{Errno, Support, Syscall, Vserver, capability, probe};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything about a guest.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    xid: u32,
    state: State,
    file: PathBuf,
    root: PathBuf,
    hostname: String,
    init: Vec<String>,
    capabilities: Vec<String>,
    mounts: Vec<Mount>,
    env: BTreeMap<String, String>,
    stop_signal: Option<String>,
    log: PathBuf,
    context: Option<Context>,
}

/// A word of bits with its names.
#[derive(Debug, Serialize)]
struct Word {
    value: String,
    names: Vec<String>,
}

/// The running context.
#[derive(Debug, Serialize)]
struct Context {
    name: String,
    nodename: Option<String>,
    init_pid: Option<i32>,
    references: u32,
    claims: u32,
    flags: Word,
    capability_mask: Word,
    context_capabilities: Word,
    spaces: Vec<String>,
    unshare_mask: Vec<String>,
    tasks: Vec<Task>,
}

/// A task inside the context.
#[derive(Debug, Serialize)]
struct Task {
    pid: i32,
    inner_pid: i32,
    threads: u32,
    age_seconds: u64,
    command: String,
}

impl From<&TaskEntry> for Task {
    fn from(entry: &TaskEntry) -> Self {
        Self {
            pid: entry.pid,
            inner_pid: entry.inner_pid,
            threads: entry.threads,
            age_seconds: entry.age,
            command: entry.command.clone(),
        }
    }
}

pub(super) fn run(setting: &Setting, arguments: &Show) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    let system = &setting.system;
    let vserver = Vserver::with(system);
    let (state, context) = match probe(&vserver) {
        Support::Available { .. } => {
            let live = live::look_at(&vserver, &guest)?;
            let context = if live.state == State::Stopped {
                None
            } else {
                let survey = system.survey().map_err(|error| {
                    Failure::from_os("look at the running tasks", &error, "try again")
                })?;
                read_context(&vserver, guest.xid, &survey).map_err(|errno| {
                    Failure::from_os(
                        &format!("read context {}", guest.xid),
                        &errno.into(),
                        "it may have just ended; try again",
                    )
                })?
            };
            (live.state, context)
        }
        Support::NoSystemCall | Support::NoModule => (State::Stopped, None),
        _ => (State::Unknown, None),
    };
    let log = system.log_file(&guest.name);
    let report = describe(guest, state, log, context);
    output::show(setting.json, &report, || text(&report));
    Ok(0)
}

fn describe(guest: Guest, state: State, log: PathBuf, context: Option<Context>) -> Report {
    Report {
        capabilities: guest.capability_names(),
        name: guest.name,
        xid: guest.xid,
        state,
        file: guest.file,
        root: guest.root,
        hostname: guest.hostname,
        init: guest.init,
        mounts: guest.mounts,
        env: guest.env,
        stop_signal: guest.stop_signal.map(signals::name_of),
        log,
        context,
    }
}

fn word(flags: Flags, names: impl FnOnce(u64) -> Vec<String>) -> Word {
    Word {
        value: format!("{:#018x}", flags.value),
        names: names(flags.value),
    }
}

fn read_context<S: Syscall>(
    vserver: &Vserver<S>,
    xid: u32,
    survey: &Survey,
) -> Result<Option<Context>, Errno> {
    let attempt = || -> Result<Context, Errno> {
        let info = vserver.info(xid)?;
        let stat = vserver.stat(xid)?;
        let spaces = survey.context(xid).map_or(0, |context| context.spaces[0]);
        Ok(Context {
            name: vserver.name(xid, vhin::CONTEXT)?,
            // Only readable when a host name namespace is stored.
            nodename: vserver.name(xid, vhin::NODENAME).ok(),
            init_pid: (info.initpid != 0).then_some(info.initpid as i32),
            references: stat.usecnt,
            claims: stat.tasks,
            flags: word(vserver.flags(xid)?, |value| names_of(CONTEXT_FLAGS, value)),
            capability_mask: word(vserver.bcaps(xid)?, capability::names_of),
            context_capabilities: word(vserver.ccaps(xid)?, |value| names_of(CONTEXT_CAPS, value)),
            spaces: names_of(SPACES, spaces),
            unshare_mask: names_of(SPACES, vserver.umask(xid)?.value),
            tasks: survey.tasks_of(xid).map(Task::from).collect(),
        })
    };
    match attempt() {
        Err(Errno(libc::ESRCH)) => Ok(None),
        other => other.map(Some),
    }
}

fn text(report: &Report) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("name", report.name.clone()),
        ("context id", report.xid.to_string()),
        ("state", report.state.as_str().to_owned()),
        ("description", report.file.display().to_string()),
        ("root", report.root.display().to_string()),
        ("host name", report.hostname.clone()),
        ("init", report.init.join(" ")),
        ("capabilities", report.capabilities.join(" ")),
        ("console log", report.log.display().to_string()),
    ];
    for mount in &report.mounts {
        let options = mount.options.join(",");
        let text = format!(
            "{} on {} ({} {options})",
            mount.source, mount.target, mount.kind
        );
        lines.push(("mount", text));
    }
    for (name, value) in &report.env {
        lines.push(("environment", format!("{name}={value}")));
    }
    if let Some(signal) = &report.stop_signal {
        lines.push(("stop signal", signal.clone()));
    }
    if let Some(context) = &report.context {
        let named = |word: &Word| format!("{} {}", word.value, word.names.join(" "));
        lines.push(("kernel's name", context.name.clone()));
        if let Some(nodename) = &context.nodename {
            lines.push(("node name", nodename.clone()));
        }
        lines.push(("flags", named(&context.flags)));
        lines.push(("capability mask", named(&context.capability_mask)));
        lines.push(("context caps", named(&context.context_capabilities)));
        lines.push(("spaces", context.spaces.join(" ")));
        lines.push(("may unshare", context.unshare_mask.join(" ")));
        lines.push((
            "counters",
            format!(
                "{} references, {} claims",
                context.references, context.claims
            ),
        ));
    }
    let width = lines.iter().map(|line| line.0.len()).max().unwrap_or(0);
    let mut text = lines
        .iter()
        .map(|(key, value)| format!("{key:<width$}  {value}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n");
    if let Some(context) = &report.context {
        text += "\n\n";
        text += &tasks(&context.tasks);
    }
    text
}

fn tasks(tasks: &[Task]) -> String {
    let heading = ["PID", "INSIDE", "THREADS", "AGE", "COMMAND"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(tasks.iter().map(|task| {
        vec![
            task.pid.to_string(),
            task.inner_pid.to_string(),
            task.threads.to_string(),
            output::duration(task.age_seconds),
            task.command.clone(),
        ]
    }));
    output::table(&rows, &[0, 1, 2, 3])
}
