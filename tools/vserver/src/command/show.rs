// SPDX-License-Identifier: GPL-2.0

//! `vserver show`

use super::Setting;
use crate::bits::Word;
use crate::cli::Show;
use crate::context::{self, Context};
use crate::failure::{Failure, Outcome};
use crate::guest::{Guest, Mount, PidNamespace};
use crate::limits::Limits;
use crate::live::{self, State};
use crate::network::Address;
use crate::output;
use crate::signals;
use crate::usage::{self, Usage};
use libvserver::{Support, Vserver, probe};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything about a guest.
#[derive(Debug, Serialize)]
struct Report {
    name: String,
    xid: u32,
    state: State,
    file: String,
    root: String,
    hostname: String,
    init: Vec<String>,
    pid_namespace: PidNamespace,
    network: Option<String>,
    addresses: Vec<String>,
    capabilities: Vec<String>,
    flags: Vec<String>,
    ccaps: Vec<String>,
    umask: Vec<String>,
    mounts: Vec<Mount>,
    env: BTreeMap<String, String>,
    stop_signal: Option<String>,
    log: String,
    limits: Limits,
    usage: Option<Usage>,
    open_files: Option<u64>,
    context: Option<Context>,
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
                let survey = live::survey(system)?;
                context::read(&vserver, guest.xid, &survey).map_err(|errno| {
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
    let mut report = describe(guest, state, log, context);
    if report.context.is_some() {
        report.usage = usage::read(system, &report.name);
        report.open_files = usage::open_files(&vserver, report.xid);
    }
    output::show(setting.json, &report, || text(&report));
    Ok(0)
}

fn describe(guest: Guest, state: State, log: PathBuf, context: Option<Context>) -> Report {
    let network = guest.network.as_ref();
    let addresses = network.map_or(&[][..], |network| &network.addresses);
    Report {
        network: network.map(|network| network.mode.to_string()),
        addresses: addresses.iter().map(Address::to_string).collect(),
        capabilities: guest.capability_names(),
        flags: Word::Flags.names_of(guest.flags),
        ccaps: Word::Ccaps.names_of(guest.ccaps),
        umask: Word::Umask.names_of(guest.umask),
        name: guest.name,
        xid: guest.xid,
        state,
        // Not every path is text.
        file: guest.file.display().to_string(),
        root: guest.root.display().to_string(),
        hostname: guest.hostname,
        init: guest.init,
        pid_namespace: guest.pid_namespace,
        mounts: guest.mounts,
        env: guest.env,
        stop_signal: guest.stop_signal.map(signals::name_of),
        log: log.display().to_string(),
        limits: guest.limits,
        usage: None,
        open_files: None,
        context,
    }
}

fn text(report: &Report) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("name", report.name.clone()),
        ("context id", report.xid.to_string()),
        ("state", report.state.as_str().to_owned()),
        ("description", report.file.clone()),
        ("root", report.root.clone()),
        ("host name", report.hostname.clone()),
        ("init", report.init.join(" ")),
        ("pid namespace", report.pid_namespace.text().to_owned()),
        (
            "network",
            report
                .network
                .clone()
                .unwrap_or_else(|| "that of the host".to_owned()),
        ),
        ("capabilities", report.capabilities.join(" ")),
        ("console log", report.log.clone()),
    ];
    for (key, names) in [
        ("addresses", &report.addresses),
        ("set flags", &report.flags),
        ("set ccaps", &report.ccaps),
        ("set umask", &report.umask),
    ] {
        if !names.is_empty() {
            lines.push((key, names.join(" ")));
        }
    }
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
    lines.extend(match &report.usage {
        Some(usage) => usage.lines(&report.limits, report.open_files),
        None => report.limits.lines(),
    });
    if let Some(context) = &report.context {
        lines.extend(context.lines());
    }
    let mut text = output::pairs(&lines);
    if let Some(context) = &report.context {
        text += "\n\n";
        text += &context.task_table();
    }
    text
}
