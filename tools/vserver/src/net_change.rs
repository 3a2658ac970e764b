// SPDX-License-Identifier: GPL-2.0

//! Changing the addresses of a guest while it runs.

use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::network::{Address, Link, Mode, Network};
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
    let guarded = matches!(&network.mode, Mode::Own(link) if link.has_host_end());
    if guarded {
        if let Err(error) = system.guard_stack(guest.xid, after) {
            undo(system, guest, action, changed);
            return Err(Failure::from_os(
                "change the filter of the guest's interface",
                &error,
                "the guest has the addresses that it had before",
            ));
        }
    }
    Ok(())
}

/// Undoes changes; what cannot be undone was not done.
pub fn undo<S: System>(system: &S, guest: &Guest, action: Action, changed: &[Address]) {
    let Some(network) = &guest.network else {
        return;
    };
    for address in changed.iter().rev() {
        let _ = one(system, guest, network, action.reverse(), address);
    }
    if network.link().is_some_and(Link::has_host_end) {
        let _ = system.guard_stack(guest.xid, &network.addresses);
    }
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
