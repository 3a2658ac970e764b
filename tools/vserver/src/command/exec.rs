// SPDX-License-Identifier: GPL-2.0

//! `vserver exec` and `vserver enter`

use super::Setting;
use crate::cli::{Enter, Exec};
use crate::execute::launch;
use crate::failure::Outcome;
use crate::guest::Guest;
use crate::inside::xid_in_use;
use crate::linux::companion::{Signals, accompany};
use crate::linux::sealed;
use crate::linux::streams::Streams;
use crate::live::State;
use crate::live::{look_at, not_running, require_support};
use crate::start::exit_status_of;
use crate::system::{Program, System};
use libvserver::Vserver;

/// Shells of which `enter` takes the first that exists.
const SHELLS: &[&str] = &["/bin/bash", "/bin/sh"];

pub(super) fn exec(setting: &Setting, arguments: &Exec) -> Outcome<u8> {
    run(
        setting,
        &arguments.name,
        std::slice::from_ref(&arguments.command),
    )
}

pub(super) fn enter(setting: &Setting, arguments: &Enter) -> Outcome<u8> {
    if arguments.command.is_empty() {
        let shells: Vec<Vec<String>> = SHELLS
            .iter()
            .map(|shell| vec![(*shell).to_owned(), "-l".to_owned()])
            .collect();
        run(setting, &arguments.name, &shells)
    } else {
        run(
            setting,
            &arguments.name,
            std::slice::from_ref(&arguments.command),
        )
    }
}

/// Runs the first of `commands` that exists in the guest.
fn run(setting: &Setting, name: &str, commands: &[Vec<String>]) -> Outcome<u8> {
    let guest = setting.store.load(name)?;
    let system = &setting.system;
    let vserver = Vserver::with(system);
    require_support(&vserver)?;
    let live = look_at(&vserver, &guest)?;
    match live.state {
        State::Running => {}
        State::Conflict => {
            return Err(xid_in_use(guest.xid, &format!("context \"{}\"", live.name)));
        }
        _ => return Err(not_running(name)),
    }
    sealed::go_on_in_copy()?;
    let signals = Signals::catch()?;
    // A guest may hold up what comes into it. A signal that is the reason to give up has its usual
    // effect when all is cleaned up and the signals are let go.
    system.cancel_by(signals.ending()?);
    let streams = Streams::new()?;
    let result = launch(
        system,
        name,
        guest.xid,
        &streams,
        &programs(&guest, commands),
    )
    .and_then(|mut child| accompany(system, guest.xid, &mut child, streams, &signals));
    system.tidy_cgroup(name);
    Ok(exit_status_of(result?))
}

fn programs(guest: &Guest, commands: &[Vec<String>]) -> Vec<Program> {
    let term = std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned());
    let env = guest.environment(&term);
    commands
        .iter()
        .map(|words| Program {
            words: words.clone(),
            env: env.clone(),
        })
        .collect()
}
