// SPDX-License-Identifier: GPL-2.0

//! The network of a guest, made before its first process and taken away after its last.

use crate::description;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::listener;
use crate::network::{Address, Link, Mode, Network, host_end};
use crate::system::System;
use libvserver::abi::{feature, nxf};
use libvserver::{Errno, Ipv4Entry, Ipv6Entry, Syscall, Vserver};
use std::io;
use std::net::IpAddr;

/// Turns an error of one step into a failure that names the step.
fn step<T, E: Into<io::Error>>(what: &str, result: Result<T, E>) -> Outcome<T> {
    result.map_err(|error| {
        let mut failure = Failure::from_os(
            what,
            &error.into(),
            "nothing was left behind; look at the network of the host with `ip address` and \
             `ip link`, and at the section [network] of the description",
        );
        failure.reason = Reason::StartFailed;
        failure
    })
}

/// Checks that an interface of the host that the description names is there.
fn check_interface<S: System>(system: &S, guest: &Guest, name: &str) -> Outcome<()> {
    if step(
        &format!("look for interface \"{name}\""),
        system.has_interface(name),
    )? {
        return Ok(());
    }
    Err(Failure::new(
        Reason::StartFailed,
        format!(
            "there is no interface \"{name}\", which the network of guest \"{}\" needs",
            guest.name
        ),
        format!(
            "make it, for example with `ip link add {name} type bridge`, or name another one in \
             {}; `ip link` shows those that exist",
            guest.file.display()
        ),
    ))
}

/// Makes what the network of a guest needs outside of it, and its own stack if it has one. What a
/// failure leaves behind is what [`dismantle`] takes away.
///
/// # Errors
///
/// [`Reason::StartFailed`] and the step that failed.
pub fn build<S: System>(system: &S, guest: &Guest) -> Outcome<Option<S::Stack>> {
    let Some(network) = &guest.network else {
        return Ok(None);
    };
    match &network.mode {
        Mode::Shared => {
            if let Some(device) = &network.device {
                check_interface(system, guest, device)?;
            }
            if let Some(rate) = network.rate {
                limited(
                    &format!("limit the addresses of the guest to {rate}"),
                    system.limit_addresses(guest.xid, &network.addresses, rate),
                )?;
            }
            if let Some(device) = &network.device {
                for address in &network.addresses {
                    place(system, device, address)?;
                }
            }
            Ok(None)
        }
        Mode::Own(link) => own(system, guest, network, link).map(Some),
    }
}

fn place<S: System>(system: &S, device: &str, address: &Address) -> Outcome<()> {
    step(
        &format!("put address {address} on interface \"{device}\""),
        system.place_address(device, address),
    )
}

fn own<S: System>(system: &S, guest: &Guest, network: &Network, link: &Link) -> Outcome<S::Stack> {
    let xid = guest.xid;
    if let Some(parent) = link.parent() {
        check_interface(system, guest, parent)?;
    }
    let stack = step("make a network namespace", system.make_stack())?;
    step(
        &format!("connect the network of the guest ({})", network.mode),
        system.connect_stack(&stack, guest, link),
    )?;
    if link.has_host_end() {
        limited(
            &format!("let nothing but its own addresses leave {}", host_end(xid)),
            system.guard_stack(xid, &network.addresses),
        )?;
        if let Some(rate) = network.rate {
            limited(
                &format!("limit {} to {rate}", host_end(xid)),
                system.limit_stack(xid, Some(rate)),
            )?;
        }
    }
    step(
        "set up the interfaces, addresses and routes of the guest",
        system.furnish_stack(&stack, xid, network),
    )?;
    if *link == Link::Routed {
        for address in &network.addresses {
            add_route(system, guest, address.ip)?;
        }
    }
    Ok(stack)
}

/// As [`step`], for filters and limits: parts of the kernel that it may have been built without. An
/// error that is not the kernel's own says itself what to do.
fn limited(what: &str, result: io::Result<()>) -> Outcome<()> {
    let by_kernel = matches!(&result, Err(error) if error.raw_os_error().is_some());
    step(what, result).map_err(|mut failure| {
        failure.remedy = if by_kernel {
            "nothing was left behind; the kernel needs CONFIG_NET_SCH_INGRESS, \
             CONFIG_NET_SCH_TBF, CONFIG_NET_CLS_FLOWER, CONFIG_NET_CLS_MATCHALL, \
             CONFIG_NET_CLS_U32, CONFIG_NET_ACT_GACT and CONFIG_NET_ACT_POLICE for this"
        } else {
            "nothing was left behind; or leave `rate` out of the description"
        }
        .to_owned();
        failure
    })
}

fn add_route<S: System>(system: &S, guest: &Guest, ip: IpAddr) -> Outcome<()> {
    step(
        &format!("route {ip} to {}", host_end(guest.xid)),
        system.add_route(guest.xid, ip),
    )
}

/// The guest with the network and the limits of its description as they are now: addresses, the
/// rate and limits change while it runs.
/// A description that cannot be read, or that has another kind of network now, does not count.
pub fn refreshed(guest: &Guest) -> Guest {
    let text = std::fs::read_to_string(&guest.file).ok();
    let read = text.and_then(|text| description::parse(&guest.name, &guest.file, &text).ok());
    let mut refreshed = guest.clone();
    let Some(read) = read else {
        return refreshed;
    };
    refreshed.limits = read.limits;
    if let (Some(old), Some(new)) = (&mut refreshed.network, read.network) {
        if (&old.mode, &old.device) == (&new.mode, &new.device) {
            old.addresses = new.addresses;
            old.rate = new.rate;
        }
    }
    refreshed
}

/// Takes away what [`build`] made outside of the guest; what is not there is no failure.
///
/// # Errors
///
/// The kernel refused.
pub fn dismantle<S: System>(system: &S, guest: &Guest) -> io::Result<()> {
    match &guest.network {
        Some(Network {
            mode: Mode::Own(link),
            ..
        }) if link.has_host_end() => system.disconnect_stack(guest.xid),
        Some(Network {
            mode: Mode::Shared,
            device,
            addresses,
            ..
        }) => {
            // Whatever the description says now: the rate may have changed.
            let unlimited = system.unlimit_addresses(guest.xid);
            let Some(device) = device else {
                return unlimited;
            };
            // Those that it had at its start, and those that it has got since.
            let now = refreshed(guest).network.map(|network| network.addresses);
            let mut all = addresses.clone();
            all.extend(now.unwrap_or_default());
            let all = all.iter();
            let results = all.map(|address| system.take_back_address(device, address));
            // All of them, whatever happens to one.
            results.fold(unlimited, io::Result::and)
        }
        _ => Ok(()),
    }
}

/// As [`dismantle`], for those who report failures.
///
/// # Errors
///
/// The kernel refused.
pub fn take_away<S: System>(system: &S, guest: &Guest) -> Outcome<()> {
    dismantle(system, guest).map_err(|error| {
        Failure::from_os(
            &format!("take the network of guest \"{}\" away", guest.name),
            &error,
            "`ip link` and `ip address` show what is left",
        )
    })
}

/// Makes the network context of a guest that uses the stack of the host: called by the guest's
/// first process, which is in it afterwards, before it has its context.
///
/// # Errors
///
/// [`Reason::StartFailed`] and the step that failed.
pub fn make_context<S: Syscall>(vserver: &Vserver<S>, guest: &Guest) -> Outcome<()> {
    let Some(network) = &guest.network else {
        return Ok(());
    };
    if network.link().is_some() {
        return Ok(());
    }
    let nid = guest.xid;
    let created = vserver.create_network(nid, Some(nxf::INIT_SET | nxf::STATE_SETUP));
    match created {
        Err(Errno(libc::EEXIST | libc::EBUSY)) => {
            return Err(Failure::new(
                Reason::XidInUse,
                format!("network context id {nid} is in use"),
                format!(
                    "/proc/virtnet/{nid} tells of it; end what has it, or choose another xid in \
                     the description"
                ),
            ));
        }
        other => step(&format!("create network context {nid}"), other)?,
    };
    for address in &network.addresses {
        step(
            &format!("give address {address} to the guest"),
            add(vserver, nid, address),
        )?;
    }
    if let Some(broadcast) = network.of_family(true).find_map(|one| one.broadcast()) {
        step(
            &format!("set broadcast address {broadcast}"),
            vserver.add_ipv4(nid, Ipv4Entry::Broadcast(broadcast)),
        )?;
    }
    step(
        "seal the network context",
        vserver.set_network_flags(nid, 0, nxf::STATE_SETUP),
    )
}

/// Adds an address to a network context.
///
/// # Errors
///
/// As [`Vserver::add_ipv4`] and [`Vserver::add_ipv6`].
pub fn add<S: Syscall>(vserver: &Vserver<S>, nid: u32, address: &Address) -> Result<(), Errno> {
    match address.ip {
        IpAddr::V4(ip) => {
            let mask = Address::mask(address.prefix);
            vserver.add_ipv4(nid, Ipv4Entry::Address { ip, mask })
        }
        IpAddr::V6(ip) => {
            let prefix = address.prefix;
            vserver.add_ipv6(nid, Ipv6Entry::Address { ip, prefix })
        }
    }
}

/// Removes an address from a network context.
///
/// # Errors
///
/// As [`Vserver::remove_ipv4`] and [`Vserver::remove_ipv6`].
pub fn remove<S: Syscall>(vserver: &Vserver<S>, nid: u32, address: &Address) -> Result<(), Errno> {
    match address.ip {
        IpAddr::V4(ip) => {
            let mask = Address::mask(address.prefix);
            vserver.remove_ipv4(nid, Ipv4Entry::Address { ip, mask })
        }
        IpAddr::V6(ip) => {
            let prefix = address.prefix;
            vserver.remove_ipv6(nid, Ipv6Entry::Address { ip, prefix })
        }
    }
}

/// What the user should know of the network of a guest that starts.
pub fn notes<S: System>(system: &S, guest: &Guest) -> Vec<String> {
    let Some(network) = &guest.network else {
        return Vec::new();
    };
    match &network.mode {
        Mode::Shared => {
            let features = Vserver::with(system).features();
            let enforced =
                features.is_ok_and(|features| features.bits & feature::NET_ENFORCED != 0);
            let mut notes = Vec::new();
            if !enforced {
                notes.push(
                    "this kernel keeps the addresses of guests but does not enforce them: the \
                     guest can use all addresses of the host"
                        .to_owned(),
                );
            }
            // Who cannot be asked is not told of.
            let listeners = system.wildcard_listeners().unwrap_or_default();
            notes.extend(listener::note(&listeners, network, enforced));
            notes
        }
        Mode::Own(Link::Routed) => [
            (true, "net.ipv4.ip_forward"),
            (false, "net.ipv6.conf.all.forwarding"),
        ]
        .into_iter()
        .filter(|&(ipv4, _)| network.of_family(ipv4).next().is_some())
        .filter(|&(ipv4, _)| !system.forwards(ipv4))
        .map(|(_, sysctl)| {
            format!(
                "the host does not forward packets, so that the guest reaches nothing but the \
                     host: `sysctl -w {sysctl}=1`"
            )
        })
        .collect(),
        Mode::Own(Link::Macvlan(_) | Link::Ipvlan(_)) => vec![format!(
            "the host cannot keep a guest with \"{}\" from sending from foreign addresses; \
             \"own,bridge=INTERFACE\" and \"own,routed\" can",
            network.mode
        )],
        Mode::Own(Link::Bridge(_)) => Vec::new(),
    }
}
