// SPDX-License-Identifier: GPL-2.0

//! Changing the addresses and the rate of a guest while it runs.

use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::network::{Address, Link, Mode, Network};
use crate::network_section::without_rate;
use crate::rate::{RATES, Rate};
use crate::stack;
use crate::system::System;
use libvserver::Vserver;
use std::io;
use std::net::IpAddr;

/// What happens to addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The guest gets them.
    Add,
    /// The guest loses them.
    Remove,
}

impl Action {
    const fn reverse(self) -> Self {
        match self {
            Self::Add => Self::Remove,
            Self::Remove => Self::Add,
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

/// The network of a guest, for a command about addresses.
///
/// # Errors
///
/// [`Reason::BrokenConfiguration`] when the guest has none.
pub fn network_of(guest: &Guest) -> Outcome<&Network> {
    guest.network.as_ref().ok_or_else(|| {
        Failure::new(
            Reason::BrokenConfiguration,
            format!("guest \"{}\" uses the network of the host", guest.name),
            format!(
                "write a section [network] into {}; `vserver create --help` lists its fields",
                guest.file.display()
            ),
        )
    })
}

/// Reads addresses and works out those of the guest after the change. An address to remove may
/// lack its prefix. Returns the addresses to change, and all of them afterwards.
///
/// # Errors
///
/// [`Reason::Usage`]: it is no address, the guest has it already, or has it not.
pub fn plan(
    guest: &Guest,
    action: Action,
    texts: &[String],
) -> Outcome<(Vec<Address>, Vec<Address>)> {
    let network = network_of(guest)?;
    let mut after = network.addresses.clone();
    let mut changed = Vec::new();
    for text in texts {
        let wrong = |problem: &str, remedy: &str| Failure::new(Reason::Usage, problem, remedy);
        let asked: Address = text.parse().map_err(|problem: String| {
            wrong(
                &problem,
                "write it as \"192.0.2.10/24\" or \"2001:db8::10/64\"",
            )
        })?;
        let show = format!("`vserver net {} show` lists its addresses", guest.name);
        let found = after.iter().position(|one| one.ip == asked.ip);
        match (action, found) {
            (Action::Add, None) => {
                after.push(asked);
                changed.push(asked);
            }
            (Action::Add, Some(_)) => {
                let problem = format!("guest \"{}\" has address {} already", guest.name, asked.ip);
                return Err(wrong(&problem, &show));
            }
            (Action::Remove, Some(index)) if !text.contains('/') || after[index] == asked => {
                changed.push(after.remove(index));
            }
            (Action::Remove, _) => {
                let problem = format!("guest \"{}\" has no address {text}", guest.name);
                return Err(wrong(&problem, &show));
            }
        }
    }
    Ok((changed, after))
}

/// Changes the addresses of a running guest, all or none; `after` are those it has then.
///
/// # Errors
///
/// The kernel refused one; those before it are undone.
pub fn apply<S: System>(
    system: &S,
    guest: &Guest,
    action: Action,
    changed: &[Address],
    after: &[Address],
) -> Outcome<()> {
    let network = network_of(guest)?;
    for (index, address) in changed.iter().enumerate() {
        let result = one(system, guest, network, action, address);
        if let Err(error) = result {
            undo(system, guest, action, &changed[..=index]);
            return Err(Failure::from_os(
                &format!(
                    "{} address {address} of guest \"{}\"",
                    action.verb(),
                    guest.name
                ),
                &error,
                "the guest has the addresses that it had before",
            ));
        }
    }
    if let Err(error) = follow(system, guest.xid, network, after) {
        undo(system, guest, action, changed);
        return Err(Failure::from_os(
            "change the filters of the guest's addresses",
            &error,
            "the guest has the addresses that it had before",
        ));
    }
    Ok(())
}

/// Makes the filters those of `addresses`.
fn follow<S: System>(
    system: &S,
    xid: u32,
    network: &Network,
    addresses: &[Address],
) -> io::Result<()> {
    match (&network.mode, network.rate) {
        (Mode::Own(link), _) if link.has_host_end() => system.guard_stack(xid, addresses),
        (Mode::Shared, Some(rate)) => system.limit_addresses(xid, addresses, rate),
        _ => Ok(()),
    }
}

/// Reads a rate for a guest; "none" is no limit.
///
/// # Errors
///
/// [`Reason::Usage`]: it is no rate, or the guest cannot have one.
pub fn plan_rate(guest: &Guest, text: &str) -> Outcome<Option<Rate>> {
    let network = network_of(guest)?;
    if text == "none" {
        return Ok(None);
    }
    if !network.mode.can_have_rate() {
        let (problem, remedy) = without_rate(&network.mode);
        return Err(Failure::new(Reason::Usage, problem, remedy));
    }
    let rate = text.parse().map_err(|problem: String| {
        let remedy = format!("{RATES}; \"none\" is no limit");
        Failure::new(Reason::Usage, problem, remedy)
    })?;
    Ok(Some(rate))
}

/// Gives a running guest another rate, or none.
///
/// # Errors
///
/// The kernel refused; the guest has the rate of its description then.
pub fn apply_rate<S: System>(system: &S, guest: &Guest, rate: Option<Rate>) -> Outcome<()> {
    let network = network_of(guest)?;
    set_rate(system, guest.xid, network, rate).map_err(|error| {
        // What cannot be undone was not done.
        let _ = set_rate(system, guest.xid, network, network.rate);
        Failure::from_os(
            &format!("change the rate of guest \"{}\"", guest.name),
            &error,
            "the guest has the rate that it had before",
        )
    })
}

fn set_rate<S: System>(
    system: &S,
    xid: u32,
    network: &Network,
    rate: Option<Rate>,
) -> io::Result<()> {
    match (&network.mode, rate) {
        (Mode::Own(link), rate) if link.has_host_end() => system.limit_stack(xid, rate),
        (Mode::Shared, Some(rate)) => system.limit_addresses(xid, &network.addresses, rate),
        (Mode::Shared, None) => system.unlimit_addresses(xid),
        // These have none.
        _ => Ok(()),
    }
}

/// Undoes changes; what cannot be undone was not done.
pub fn undo<S: System>(system: &S, guest: &Guest, action: Action, changed: &[Address]) {
    let Some(network) = &guest.network else {
        return;
    };
    for address in changed.iter().rev() {
        let _ = one(system, guest, network, action.reverse(), address);
    }
    let _ = follow(system, guest.xid, network, &network.addresses);
}

fn one<S: System>(
    system: &S,
    guest: &Guest,
    network: &Network,
    action: Action,
    address: &Address,
) -> io::Result<()> {
    match &network.mode {
        Mode::Shared => shared(system, guest.xid, network, action, address),
        Mode::Own(link) => own(system, guest.xid, link, action, address),
    }
}

fn shared<S: System>(
    system: &S,
    nid: u32,
    network: &Network,
    action: Action,
    address: &Address,
) -> io::Result<()> {
    let vserver = Vserver::with(system);
    let device = network.device.as_deref();
    match action {
        Action::Add => {
            if let Some(device) = device {
                system.place_address(device, address)?;
            }
            stack::add(&vserver, nid, address)?;
        }
        Action::Remove => {
            // The interface loses it also when the guest does not have it: a change may have
            // stopped half way.
            let removed = stack::remove(&vserver, nid, address);
            if let Some(device) = device {
                system.take_back_address(device, address)?;
            }
            removed?;
        }
    }
    Ok(())
}

fn own<S: System>(
    system: &S,
    xid: u32,
    link: &Link,
    action: Action,
    address: &Address,
) -> io::Result<()> {
    let stack = system.open_stack(xid)?;
    let routed = *link == Link::Routed;
    let inside = if routed { single(address.ip) } else { *address };
    match action {
        Action::Add => {
            system.add_stack_address(&stack, &inside)?;
            if routed {
                system.add_route(xid, address.ip)?;
            }
        }
        Action::Remove => {
            if routed {
                system.remove_route(xid, address.ip)?;
            }
            system.remove_stack_address(&stack, &inside)?;
        }
    }
    Ok(())
}

/// The address alone: behind a route there is no network around it.
pub fn single(ip: IpAddr) -> Address {
    let prefix = if ip.is_ipv4() { 32 } else { 128 };
    Address { ip, prefix }
}
