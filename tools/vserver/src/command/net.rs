// SPDX-License-Identifier: GPL-2.0

//! `vserver net`

use super::Setting;
use crate::cli::{Net, NetAction};
use crate::conflict::check_addresses;
use crate::failure::{Failure, Outcome};
use crate::guest::Guest;
use crate::live::{State, being_started, look_at};
use crate::net_change::{Action, apply, apply_rate, network_of, plan, plan_rate, undo};
use crate::network::{Address, Mode, Network};
use crate::network_section::{with_addresses, with_rate};
use crate::output;
use crate::system::System;
use crate::traffic::{self, Traffic};
use libvserver::{Support, Syscall, Vserver, probe};
use serde_json::json;
use std::fs;

pub(super) fn run(setting: &Setting, arguments: &Net) -> Outcome<u8> {
    let name = &arguments.name;
    match &arguments.action {
        NetAction::Add(list) => change(setting, name, Action::Add, &list.addresses),
        NetAction::Remove(list) => change(setting, name, Action::Remove, &list.addresses),
        NetAction::Rate(wish) => rate(setting, name, &wish.rate),
        NetAction::Show => show(setting, &setting.store.load(name)?),
    }
}

/// Whether the guest runs; one whose kernel has no contexts does not.
fn is_live(setting: &Setting, guest: &Guest) -> Outcome<bool> {
    let vserver = Vserver::with(&setting.system);
    match probe(&vserver) {
        Support::Available { .. } => Ok(matches!(
            look_at(&vserver, guest)?.state,
            State::Running | State::Empty
        )),
        _ => Ok(false),
    }
}

/// As [`is_live`], for a change.
fn is_live_to_change(setting: &Setting, guest: &Guest) -> Outcome<bool> {
    check_settled(&Vserver::with(&setting.system), guest)?;
    is_live(setting, guest)
}

/// Checks that the context of the guest is not being set up: a change would reach the description
/// only, which has been read already.
fn check_settled<S: Syscall>(vserver: &Vserver<S>, guest: &Guest) -> Outcome<()> {
    let available = matches!(probe(vserver), Support::Available { .. });
    if available && look_at(vserver, guest)?.state == State::Starting {
        return Err(being_started(&guest.name));
    }
    Ok(())
}

fn texts(addresses: &[Address]) -> Vec<String> {
    addresses.iter().map(Address::to_string).collect()
}

fn change(setting: &Setting, name: &str, action: Action, words: &[String]) -> Outcome<u8> {
    let (guest, _held) = &setting.load_to_change(name)?;
    let (changed, after) = plan(guest, action, words)?;
    // What no other guest has now is still free when it is written down.
    let _chosen = setting.store.lock()?;
    if action == Action::Add {
        let others = setting.store.list()?;
        check_addresses(&others, name, network_of(guest)?, &changed)?;
    }
    let text = fs::read_to_string(&guest.file)
        .map_err(|error| Failure::file("read", &guest.file, &error))?;
    let text = with_addresses(&text, &after)?;
    let live = is_live_to_change(setting, guest)?;
    if live {
        apply(&setting.system, guest, action, &changed, &after)?;
    }
    if let Err(failure) = setting.store.replace(guest, &text) {
        if live {
            undo(&setting.system, guest, action, &changed);
        }
        return Err(failure);
    }
    let (after, changed) = (texts(&after), texts(&changed));
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "changed": changed,
            "addresses": after,
            "live": live,
        }),
        || {
            let done = if action == Action::Add {
                "added"
            } else {
                "removed"
            };
            format!("{done} {} {}", changed.join(" "), place(live))
        },
    );
    Ok(0)
}

fn rate(setting: &Setting, name: &str, word: &str) -> Outcome<u8> {
    let (guest, _held) = &setting.load_to_change(name)?;
    let wanted = plan_rate(guest, word)?;
    let text = fs::read_to_string(&guest.file)
        .map_err(|error| Failure::file("read", &guest.file, &error))?;
    let text = with_rate(&text, wanted)?;
    let live = is_live_to_change(setting, guest)?;
    if live {
        apply_rate(&setting.system, guest, wanted)?;
    }
    if let Err(failure) = setting.store.replace(guest, &text) {
        if live {
            // What cannot be undone was not done.
            let before = guest.network.as_ref().and_then(|network| network.rate);
            let _ = apply_rate(&setting.system, guest, before);
        }
        return Err(failure);
    }
    let wanted = wanted.map(|rate| rate.to_string());
    output::show(
        setting.json,
        &json!({ "name": guest.name, "xid": guest.xid, "rate": wanted, "live": live }),
        || {
            let rate = wanted.as_deref().unwrap_or("none");
            format!("the rate is {rate} {}", place(live))
        },
    );
    Ok(0)
}

/// Where a change was made.
const fn place(live: bool) -> &'static str {
    if live {
        "in the description and in the running guest"
    } else {
        "in the description; the guest does not run"
    }
}

/// What a running guest has sent and received.
fn traffic(setting: &Setting, guest: &Guest) -> Outcome<Option<Traffic>> {
    traffic::read(&Vserver::with(&setting.system), guest.xid).map_err(|errno| {
        Failure::from_os(
            &format!("read the traffic of guest \"{}\"", guest.name),
            &errno.into(),
            "the guest may have just ended; try again",
        )
    })
}

/// The addresses that a running guest has.
fn present(setting: &Setting, guest: &Guest, network: &Network) -> Outcome<Vec<Address>> {
    let system = &setting.system;
    let found = match &network.mode {
        Mode::Shared => system.context_addresses(guest.xid),
        Mode::Own(_) => system
            .open_stack(guest.xid)
            .and_then(|stack| system.stack_addresses(&stack)),
    };
    found.map_err(|error| {
        Failure::from_os(
            &format!("read the addresses of guest \"{}\"", guest.name),
            &error,
            "the guest may have just ended; try again",
        )
    })
}

fn show(setting: &Setting, guest: &Guest) -> Outcome<u8> {
    let network = match network_of(guest) {
        Ok(network) => network,
        Err(_) => {
            output::show(
                setting.json,
                &json!({ "name": guest.name, "xid": guest.xid, "mode": "host" }),
                || "mode  that of the host".to_owned(),
            );
            return Ok(0);
        }
    };
    let (present, traffic) = if is_live(setting, guest)? {
        let present = texts(&present(setting, guest, network)?);
        (Some(present), traffic(setting, guest)?)
    } else {
        (None, None)
    };
    let described = texts(&network.addresses);
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "mode": network.mode.to_string(),
            "addresses": described,
            "present": present,
            "device": network.device,
            "gateways": network.gateways,
            "dns": network.dns,
            "rate": network.rate.map(|rate| rate.to_string()),
            "traffic": traffic,
        }),
        || {
            let mut lines = vec![
                ("mode", network.mode.to_string()),
                ("described", described.join(" ")),
            ];
            let now =
                present.map_or_else(|| "the guest does not run".to_owned(), |all| all.join(" "));
            lines.push(("present", now));
            if let Some(device) = &network.device {
                lines.push(("device", device.clone()));
            }
            for gateway in &network.gateways {
                lines.push(("gateway", gateway.to_string()));
            }
            for server in &network.dns {
                lines.push(("dns", server.to_string()));
            }
            if let Some(rate) = network.rate {
                lines.push(("rate", rate.to_string()));
            }
            if let Some(traffic) = traffic {
                lines.push(("ipv4", traffic.ipv4.to_string()));
                lines.push(("ipv6", traffic.ipv6.to_string()));
            }
            output::pairs(&lines)
        },
    );
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Reason;
    use crate::model::guest;
    use libvserver::abi::{vhin, vxf};
    use libvserver::fake::Fake;

    #[test]
    fn a_guest_that_is_being_started_is_not_taken_for_stopped() {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        let reason = || check_settled(&vserver, &guest()).map_err(|failure| failure.reason);
        assert_eq!(reason(), Ok(()));
        let task = fake.fork();
        fake.run_as(task, || vserver.create(42, Some(vxf::INIT_SET)).unwrap());
        vserver.set_name(42, vhin::CONTEXT, "web").unwrap();
        assert_eq!(reason(), Err(Reason::NotRunning));
        vserver
            .set_flags(42, 0, vxf::STATE_SETUP | vxf::STATE_INIT)
            .unwrap();
        assert_eq!(reason(), Ok(()));
    }
}
