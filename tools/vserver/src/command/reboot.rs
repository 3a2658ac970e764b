// SPDX-License-Identifier: GPL-2.0

//! `vserver reboot`

use super::Setting;
use super::start::in_background;
use super::stop::sentence;
use crate::cli::Reboot;
use crate::failure::Outcome;
use crate::linux::sealed;
use crate::live::require_support;
use crate::output;
use crate::start::check_root;
use crate::stop::{Manner, stop};
use libvserver::Vserver;
use serde_json::json;
use std::time::Duration;

pub(super) fn run(setting: &Setting, arguments: &Reboot) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    let system = &setting.system;
    require_support(&Vserver::with(system))?;
    // What would make the start fail is better told while the guest runs.
    check_root(system, &guest.root)?;
    sealed::go_on_in_copy()?;
    let manner = Manner {
        timeout: Duration::from_secs(arguments.timeout.into()),
        kill: false,
    };
    let stopped = stop(system, &guest, manner)?;
    // The description as it is by now.
    let started = in_background(setting, &guest.name, &[]).map_err(|mut failure| {
        failure.message += &format!("; guest \"{}\" is stopped now", guest.name);
        failure
    })?;
    started.tell_notes(setting);
    output::show(
        setting.json,
        &json!({
            "name": started.guest.name,
            "xid": started.guest.xid,
            "state": "running",
            "asked_with": stopped.asked_with,
            "killed": stopped.killed,
            "because": stopped.because,
            "init": started.words,
            "log": started.log,
            "notes": started.notes,
        }),
        || {
            let line = sentence(&guest.name, &stopped);
            format!("{line}\n{}", started.sentence())
        },
    );
    Ok(0)
}
