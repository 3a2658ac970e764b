// SPDX-License-Identifier: GPL-2.0

//! `vserver start`

use super::Setting;
use crate::cli::Start;
use crate::failure::{Failure, Outcome};
use crate::guest::Guest;
use crate::linux::{sealed, supervisor};
use crate::live::require_support;
use crate::output;
use crate::start::{exit_status_of, launch, prepare};
use crate::system::Program;
use libvserver::Vserver;
use serde_json::json;
use std::os::fd::AsFd;
use std::path::PathBuf;

pub(super) fn run(setting: &Setting, arguments: &Start) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    require_support(&Vserver::with(&setting.system))?;
    sealed::go_on_in_copy()?;
    let words = if arguments.init.is_empty() {
        &guest.init
    } else {
        &arguments.init
    };
    if arguments.foreground {
        return in_foreground(setting, &guest, words);
    }
    let started = in_background(setting, &guest, words)?;
    started.tell_notes(setting);
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "state": "running",
            "init": words,
            "log": started.log,
            "notes": started.notes,
        }),
        || started.sentence(&guest),
    );
    Ok(0)
}

fn program(guest: &Guest, words: &[String]) -> Program {
    Program {
        words: words.to_vec(),
        env: guest.environment("linux"),
    }
}

/// Stays beside the guest and passes on its exit status.
fn in_foreground(setting: &Setting, guest: &Guest, words: &[String]) -> Outcome<u8> {
    let system = &setting.system;
    let lock = prepare(system, guest)?;
    let program = program(guest, words);
    let caught = supervisor::catch_stop_signals()?;
    let cancel = caught.as_fd().try_clone_to_owned().map_err(|error| {
        Failure::from_os("catch signals", &error, "check the limit on open files")
    })?;
    system.cancel_by(cancel);
    let running = launch(system, guest, &program, lock)?;
    running.notes.iter().for_each(|text| output::note(text));
    let status = supervisor::supervise(system, guest, &program, running, Some(&caught))?;
    Ok(exit_status_of(status))
}

/// A guest that runs in the background.
pub(super) struct Started {
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
    pub(super) fn sentence(&self, guest: &Guest) -> String {
        format!(
            "started guest {} with context id {}; its console is logged in {}",
            guest.name,
            guest.xid,
            self.log.display()
        )
    }
}

/// Starts a guest with a supervisor of its own. The caller runs in a sealed copy of the program.
pub(super) fn in_background(
    setting: &Setting,
    guest: &Guest,
    words: &[String],
) -> Outcome<Started> {
    let system = &setting.system;
    let lock = prepare(system, guest)?;
    let notes = supervisor::detach(system, guest, &program(guest, words), lock)?;
    Ok(Started {
        log: system.log_file(&guest.name),
        notes,
    })
}
