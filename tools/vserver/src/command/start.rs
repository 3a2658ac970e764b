// SPDX-License-Identifier: GPL-2.0

//! `vserver start`

use super::Setting;
use crate::cli::Start;
use crate::failure::{Failure, Outcome};
use crate::linux::{sealed, supervisor};
use crate::live::require_support;
use crate::output;
use crate::start::{exit_status_of, launch, prepare};
use crate::system::Program;
use libvserver::Vserver;
use serde_json::json;
use std::os::fd::AsFd;

pub(super) fn run(setting: &Setting, arguments: &Start) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    let system = &setting.system;
    require_support(&Vserver::with(system))?;
    sealed::go_on_in_copy()?;
    let lock = prepare(system, &guest)?;
    let words = if arguments.init.is_empty() {
        guest.init.clone()
    } else {
        arguments.init.clone()
    };
    let program = Program {
        words,
        env: guest.environment("linux"),
    };
    if arguments.foreground {
        let caught = supervisor::catch_stop_signals()?;
        let cancel = caught.as_fd().try_clone_to_owned().map_err(|error| {
            Failure::from_os("catch signals", &error, "check the limit on open files")
        })?;
        system.cancel_by(cancel);
        let running = launch(system, &guest, &program, lock)?;
        running.notes.iter().for_each(|text| output::note(text));
        let status = supervisor::supervise(system, &guest, &program, running, Some(&caught))?;
        return Ok(exit_status_of(status));
    }
    let notes = supervisor::detach(system, &guest, &program, lock)?;
    let log = system.log_file(&guest.name);
    if !setting.json {
        notes.iter().for_each(|text| output::note(text));
    }
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "state": "running",
            "init": program.words,
            "log": log,
            "notes": notes,
        }),
        || {
            format!(
                "started guest {} with context id {}; its console is logged in {}",
                guest.name,
                guest.xid,
                log.display()
            )
        },
    );
    Ok(0)
}
