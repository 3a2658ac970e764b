// SPDX-License-Identifier: GPL-2.0

//! `vserver start`

use super::Setting;
use crate::cli::Start;
use crate::failure::{Failure, Outcome};
use crate::guest::Guest;
use crate::linux::{sealed, supervisor};
use crate::live::require_support;
use crate::output;
use crate::start::{exit_status_of, launch, prepare_by};
use crate::system::Program;
use libvserver::Vserver;
use serde_json::json;
use std::os::fd::AsFd;
use std::path::PathBuf;

pub(super) fn run(setting: &Setting, arguments: &Start) -> Outcome<u8> {
    let name = &arguments.name;
    // A guest that is not there is better told without a kernel that could run it.
    setting.store.load(name)?;
    require_support(&Vserver::with(&setting.system))?;
    sealed::go_on_in_copy()?;
    if arguments.foreground {
        return in_foreground(setting, name, &arguments.init);
    }
    let started = in_background(setting, name, &arguments.init)?;
    let guest = &started.guest;
    started.tell_notes(setting);
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "state": "running",
            "init": started.words,
            "log": started.log,
            "notes": started.notes,
        }),
        || started.sentence(),
    );
    Ok(0)
}

/// What to run as pid 1: what was asked for, or else what the description says.
fn program(guest: &Guest, words: &[String]) -> Program {
    let words = if words.is_empty() { &guest.init } else { words };
    Program {
        words: words.to_vec(),
        env: guest.environment("linux"),
    }
}

/// Stays beside the guest and passes on its exit status.
fn in_foreground(setting: &Setting, name: &str, words: &[String]) -> Outcome<u8> {
    let system = &setting.system;
    let (guest, claim) = prepare_by(system, name, &|| setting.store.load(name))?;
    let program = program(&guest, words);
    let caught = supervisor::catch_stop_signals()?;
    let cancel = caught.as_fd().try_clone_to_owned().map_err(|error| {
        Failure::from_os("catch signals", &error, "check the limit on open files")
    })?;
    system.cancel_by(cancel);
    let running = launch(system, &guest, &program, claim)?;
    running.notes.iter().for_each(|text| output::note(text));
    let status = supervisor::supervise(system, &guest, &program, running, Some(&caught))?;
    Ok(exit_status_of(status))
}

/// A guest that runs in the background.
pub(super) struct Started {
    /// The guest, as its description said when it was started.
    pub guest: Guest,
    /// Its command.
    pub words: Vec<String>,
    /// Where its console is logged.
    pub log: PathBuf,
    /// What the user should know, though the guest runs.
    pub notes: Vec<String>,
}

impl Started {
    /// Tells the notes to people.
    pub(super) fn tell_notes(&self, setting: &Setting) {
        if !setting.json {
            self.notes.iter().for_each(|text| output::note(text));
        }
    }

    /// What happened, in one line.
    pub(super) fn sentence(&self) -> String {
        format!(
            "started guest {} with context id {}; its console is logged in {}",
            self.guest.name,
            self.guest.xid,
            self.log.display()
        )
    }
}

/// Starts a guest with a supervisor of its own. The caller runs in a sealed copy of the program.
pub(super) fn in_background(setting: &Setting, name: &str, words: &[String]) -> Outcome<Started> {
    let system = &setting.system;
    let (guest, claim) = prepare_by(system, name, &|| setting.store.load(name))?;
    let program = program(&guest, words);
    let notes = supervisor::detach(system, &guest, &program, claim)?;
    Ok(Started {
        log: system.log_file(&guest.name),
        words: program.words,
        guest,
        notes,
    })
}
