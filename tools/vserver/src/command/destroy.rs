// SPDX-License-Identifier: GPL-2.0

//! `vserver destroy`

use super::Setting;
use super::purge;
use super::stop::sentence;
use crate::cli::Destroy;
use crate::failure::{Failure, Outcome, Reason};
use crate::live::{look_at, support_failure};
use crate::output;
use crate::start::take_lock;
use crate::stop::{Manner, clear, stop_unless_ended};
use crate::system::System;
use libvserver::{Support, Vserver, probe};
use serde_json::json;
use std::time::Duration;

/// How long the init of a guest may take before a forced removal kills it.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn run(setting: &Setting, arguments: &Destroy) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    let system = &setting.system;
    let name = &guest.name;
    if arguments.purge {
        purge::check(&guest, &setting.store)?;
    }
    let vserver = Vserver::with(system);
    let support = probe(&vserver);
    let can_run = match support {
        Support::Available { .. } => true,
        // Without a kernel that can run guests, none runs.
        Support::NoSystemCall | Support::NoModule => false,
        other => return support_failure(other).map_or(Ok(0), Err),
    };
    let live = can_run && look_at(&vserver, &guest)?.state.is_live();
    let mut stopped = None;
    if live && !arguments.force {
        return Err(Failure::new(
            Reason::AlreadyRunning,
            format!("guest \"{name}\" runs"),
            format!("`vserver stop {name}` first, or use --force"),
        ));
    } else if live {
        let manner = Manner {
            timeout: TIMEOUT,
            kill: false,
        };
        let done = stop_unless_ended(system, &guest, manner)?;
        stopped = done.map(|stopped| sentence(name, &stopped));
    }
    // Nobody starts the guest from here on.
    let _lock = can_run.then(|| take_lock(system, name)).transpose()?;
    if can_run {
        // Of a guest that somebody has started meanwhile, nothing is to be removed.
        if look_at(&vserver, &guest)?.state.is_live() {
            return Err(Failure::new(
                Reason::AlreadyRunning,
                format!("guest \"{name}\" was started meanwhile"),
                format!("`vserver stop {name}` first, then try again"),
            ));
        }
        clear(system, &guest)?;
    }
    if arguments.purge {
        // First, so that a failure leaves the description to try again with.
        purge::remove(&guest)?;
    }
    setting.store.remove(&guest)?;
    system.replace_accounts(name, "").map_err(|error| {
        Failure::of_files(
            &format!("remove the accounts of guest \"{name}\""),
            &error,
            "check the file system; `vserver create` of a guest with this name removes them as well",
        )
    })?;
    system.remove_logs(name).map_err(|error| {
        let log = system.log_file(name);
        Failure::file("remove", &log, &error)
    })?;
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "stopped": stopped.is_some(),
            "purged": arguments.purge,
            "root": guest.root,
        }),
        || {
            let mut text = stopped
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>();
            text += &format!("removed {}", guest.file.display());
            text += &if arguments.purge {
                format!(" and {}", guest.root.display())
            } else {
                format!("; the files in {} stay", guest.root.display())
            };
            text
        },
    );
    Ok(0)
}
