// SPDX-License-Identifier: GPL-2.0

//! `vserver create`

use super::Setting;
use crate::bits::Problem;
use crate::cli::Create;
use crate::confine;
use crate::conflict::check_addresses;
use crate::description::{self, NewDocument};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::{DEFAULT_INIT, Guest, PidNamespace};
use crate::inside::xid_in_use;
use crate::limits::Limits;
use crate::network_section::NewSection;
use crate::store::{Entry, exists};
use crate::system::System;
use crate::{output, start};
use libvserver::abi::XID_MAX;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// First context id that is given to a guest without one.
const FIRST_XID: u32 = 1000;

pub(super) fn run(setting: &Setting, arguments: &Create) -> Outcome<u8> {
    let name = &arguments.name;
    let file = setting.store.file_of_new(name)?;
    if file.exists() {
        return Err(exists(name, &file));
    }
    let root = absolute(&arguments.root)?;
    start::check_root(&setting.system, &root)?;
    // From choosing an id to writing it down: two at once would choose the same.
    let _held = setting.store.lock()?;
    let guests = setting.store.list()?;
    let running = setting.system.context_ids().map_err(|error| {
        Failure::from_os(
            "list the running contexts",
            &error,
            "check that /proc is mounted",
        )
    })?;
    let xid = match arguments.xid {
        None => free_xid(&guests, &running)?,
        Some(xid) => requested_xid(xid, &guests, &running)?,
    };
    let hostname = arguments
        .hostname
        .clone()
        .unwrap_or_else(|| name.replace('_', "-"));
    let default_init = [DEFAULT_INIT.to_owned()];
    let init = if arguments.init.is_empty() {
        &default_init[..]
    } else {
        &arguments.init[..]
    };
    let pid_namespace = arguments.pid_namespace.as_deref().map(|name| match name {
        "shared" => PidNamespace::Shared,
        // The command line takes these two.
        _ => PidNamespace::Own,
    });
    let network = NewSection {
        mode: arguments.net.clone(),
        addresses: arguments.ip.clone(),
        device: arguments.device.clone(),
        gateways: arguments.gateway.clone(),
        dns: arguments.dns.clone(),
        rate: arguments.rate.clone(),
    };
    let network = network.unless_empty();
    let usage = |problem: &Problem| confine::refused(Reason::Usage, problem);
    let limits = arguments.limits.wishes().plan(&Limits::default());
    let limits = limits.map_err(|problem| usage(&problem))?.after;
    confine::check_machine(&setting.system, &limits).map_err(|(_, problem)| usage(&problem))?;
    let flags: &[&str] = if arguments.own_clock {
        &["VIRT_TIME"]
    } else {
        &[]
    };
    let document = NewDocument {
        xid,
        root: &root,
        hostname: &hostname,
        init,
        pid_namespace,
        flags,
        network: network.as_ref(),
    };
    let text = description::write(&document, &limits)?;
    // What is written must be readable again: this checks the host name and the rest.
    let guest = description::parse(name, &file, &text).map_err(|mut failure| {
        failure.reason = Reason::Usage;
        failure
    })?;
    if let Some(network) = &guest.network {
        check_addresses(&guests, name, network, &network.addresses)?;
    }
    let file = setting.store.add(name, &text)?;
    // Those of an earlier guest of this name, whose description was removed by hand. Without them
    // there is nothing to remove.
    let _ = setting.system.replace_accounts(name, "");
    output::show(
        setting.json,
        &json!({
            "name": guest.name,
            "xid": guest.xid,
            "root": guest.root.to_string_lossy(),
            "hostname": guest.hostname,
            "init": guest.init,
            "pid_namespace": guest.pid_namespace,
            "own_clock": arguments.own_clock,
            "network": network,
            "limits": guest.limits,
            // Not every path is text.
            "file": file.to_string_lossy(),
        }),
        || {
            format!(
                "created guest {name} with context id {xid}: {}\n`vserver start {name}` starts it",
                file.display()
            )
        },
    );
    Ok(0)
}

fn absolute(root: &PathBuf) -> Outcome<PathBuf> {
    std::path::absolute(root).map_err(|error| Failure::file("find", root, &error))
}

/// Guests whose id is known. One that is broken might have any, so ids cannot be given away.
fn taken(guests: &[Entry]) -> impl Iterator<Item = Outcome<&Guest>> {
    guests
        .iter()
        .map(|(_, guest)| guest.as_ref().map_err(Failure::clone))
}

fn free_xid(guests: &[Entry], running: &[u32]) -> Outcome<u32> {
    let mut used: BTreeSet<u32> = running.iter().copied().collect();
    for guest in taken(guests) {
        used.insert(guest?.xid);
    }
    (FIRST_XID..=XID_MAX)
        .find(|xid| !used.contains(xid))
        .ok_or_else(|| {
            Failure::new(
                Reason::XidInUse,
                "all context ids from 1000 to 65535 are in use",
                "choose one below 1000 with --xid, or destroy guests that are not needed",
            )
        })
}

fn requested_xid(xid: u32, guests: &[Entry], running: &[u32]) -> Outcome<u32> {
    for guest in taken(guests) {
        let guest = guest?;
        if guest.xid == xid {
            return Err(xid_in_use(xid, &format!("guest \"{}\"", guest.name)));
        }
    }
    if running.contains(&xid) {
        return Err(xid_in_use(xid, "a running context"));
    }
    Ok(xid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn guest(name: &str, xid: u32) -> Entry {
        let text = format!("xid = {xid}\nroot = '/srv/x'\n");
        let guest = description::parse(name, Path::new("x.toml"), &text);
        (name.to_owned(), guest)
    }

    #[test]
    fn the_lowest_free_id_is_given() {
        assert_eq!(free_xid(&[], &[]), Ok(1000));
        let guests = [guest("a", 1000), guest("b", 1002), guest("c", 5)];
        assert_eq!(free_xid(&guests, &[]), Ok(1001));
        assert_eq!(free_xid(&guests, &[1001]), Ok(1003));
    }

    #[test]
    fn ids_can_run_out() {
        let all: Vec<u32> = (1000..=65_535).collect();
        assert_eq!(free_xid(&[], &all).unwrap_err().reason, Reason::XidInUse);
    }

    #[test]
    fn a_requested_id_must_be_free() {
        let guests = [guest("a", 42)];
        let failure = requested_xid(42, &guests, &[]).unwrap_err();
        assert_eq!(failure.reason, Reason::XidInUse);
        assert!(failure.message.contains("\"a\""));
        let failure = requested_xid(43, &guests, &[43]).unwrap_err();
        assert_eq!(failure.reason, Reason::XidInUse);
        assert_eq!(requested_xid(44, &guests, &[43]), Ok(44));
    }

    #[test]
    fn a_broken_description_might_have_any_id() {
        let broken = [(
            "x".to_owned(),
            description::parse("x", Path::new("x.toml"), "?"),
        )];
        let failure = free_xid(&broken, &[]).unwrap_err();
        assert_eq!(failure.reason, Reason::BrokenConfiguration);
    }
}
