// SPDX-License-Identifier: GPL-2.0

//! `vserver stop`

use super::Setting;
use crate::cli::Stop;
use crate::failure::Outcome;
use crate::live::require_support;
use crate::output;
use crate::stop::{Manner, Stopped, stop};
use libvserver::Vserver;
use serde_json::json;
use std::time::Duration;

pub(super) fn run(setting: &Setting, arguments: &Stop) -> Outcome<u8> {
    let guest = setting.store.load(&arguments.name)?;
    require_support(&Vserver::with(&setting.system))?;
    let manner = Manner {
        timeout: Duration::from_secs(arguments.timeout.into()),
        kill: arguments.kill,
    };
    let stopped = stop(&setting.system, &guest, manner)?;
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "state": "stopped",
            "asked_with": stopped.asked_with,
            "killed": stopped.killed,
            "because": stopped.because,
        }),
        || sentence(&guest.name, &stopped),
    );
    Ok(0)
}

/// What happened, in one line.
pub(super) fn sentence(name: &str, stopped: &Stopped) -> String {
    let because = stopped.because.as_deref().unwrap_or("");
    match (&stopped.asked_with, stopped.killed) {
        (Some(signal), false) => format!("stopped guest {name}: its init ended after {signal}"),
        (Some(signal), true) => {
            format!(
                "stopped guest {name}: init was asked with {signal}, {because}, so it was killed"
            )
        }
        (None, _) => format!("stopped guest {name}: killed, {because}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_tells_what_happened() {
        let mut stopped = Stopped {
            asked_with: Some("SIGTERM".into()),
            killed: false,
            because: None,
        };
        assert_eq!(
            sentence("web", &stopped),
            "stopped guest web: its init ended after SIGTERM"
        );
        stopped.killed = true;
        stopped.because = Some("it had not ended after 30 s".into());
        assert!(sentence("web", &stopped).contains("after 30 s, so it was killed"));
        stopped.asked_with = None;
        stopped.because = Some("as requested".into());
        assert_eq!(
            sentence("web", &stopped),
            "stopped guest web: killed, as requested"
        );
    }
}
