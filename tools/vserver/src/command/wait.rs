// SPDX-License-Identifier: GPL-2.0

//! `vserver wait`

use super::Setting;
use crate::cli::Wait;
use crate::failure::Outcome;
use crate::live::require_support;
use crate::output;
use crate::wait::wait;
use libvserver::Vserver;
use serde_json::json;
use std::time::Duration;

pub(super) fn run(setting: &Setting, arguments: &Wait) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    require_support(&Vserver::with(&setting.system))?;
    let timeout = arguments.timeout.map(u64::from).map(Duration::from_secs);
    let end = wait(&setting.system, &guest, timeout)?;
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "exit_status": end.exit_status,
            "signal": end.signal,
            "reboot": end.reboot,
        }),
        || format!("guest {} has ended: {}", guest.name, end.text()),
    );
    Ok(0)
}
