// SPDX-License-Identifier: GPL-2.0

//! Addresses that another guest has already.

use crate::failure::{Failure, Outcome, Reason};
use crate::network::{Address, Link, Mode, Network};
use crate::store::Entry;

/// Where an address can be once only.
#[derive(PartialEq, Eq)]
enum Place<'a> {
    /// The stack of the host, or its routes.
    Host,
    /// What an interface of the host is connected to.
    Behind(&'a str),
}

fn place(network: &Network) -> Place<'_> {
    match &network.mode {
        Mode::Shared | Mode::Own(Link::Routed) => Place::Host,
        Mode::Own(Link::Bridge(parent) | Link::Macvlan(parent) | Link::Ipvlan(parent)) => {
            Place::Behind(parent)
        }
    }
}

/// Whether the guests of two networks may have the same address: in different places, or when it
/// is the host's own, which stays when one of them stops.
fn may_share(one: &Network, other: &Network) -> bool {
    let of_the_host = |network: &Network| network.mode == Mode::Shared && network.device.is_none();
    place(one) != place(other) || of_the_host(one) && of_the_host(other)
}

/// Checks that no other guest has one of the addresses that guest `name` is to get. The end of one
/// guest would take the address away from the other. Descriptions that are broken do not count: no
/// guest can be started by them.
///
/// # Errors
///
/// [`Reason::Usage`], with the name of the other guest.
pub fn check_addresses(
    guests: &[Entry],
    name: &str,
    network: &Network,
    addresses: &[Address],
) -> Outcome<()> {
    for (other, guest) in guests {
        let Ok(Some(found)) = guest.as_ref().map(|guest| guest.network.as_ref()) else {
            continue;
        };
        if other == name || may_share(network, found) {
            continue;
        }
        let taken = |address: &&Address| found.addresses.iter().any(|one| one.ip == address.ip);
        if let Some(address) = addresses.iter().find(taken) {
            let ip = address.ip;
            return Err(Failure::new(
                Reason::Usage,
                format!("address {ip} is that of guest \"{other}\""),
                format!(
                    "choose another address, or `vserver net {other} remove {ip}` takes it away there"
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description;
    use std::path::Path;

    fn entry(name: &str, network: &str) -> Entry {
        let text = format!("xid = 42\nroot = '/srv/x'\n[network]\n{network}\n");
        (
            name.to_owned(),
            description::parse(name, Path::new("x.toml"), &text),
        )
    }

    fn ask(name: &str, wanted: &str, others: &[Entry]) -> Result<(), String> {
        let guest = entry(name, wanted).1.unwrap();
        let network = guest.network.unwrap();
        check_addresses(others, name, &network, &network.addresses).map_err(|failure| {
            assert_eq!(failure.reason, Reason::Usage);
            failure.message
        })
    }

    const ADDRESS: &str = "addresses = ['192.0.2.10/24']";

    #[test]
    fn an_address_is_given_once() {
        let shared = format!("mode = 'shared'\ndevice = 'eth0'\n{ADDRESS}");
        let routed = "mode = 'own,routed'\naddresses = ['192.0.2.10/32']";
        let others = [entry("db", &shared)];
        for wanted in [shared.as_str(), routed] {
            let problem = ask("web", wanted, &others).unwrap_err();
            assert_eq!(problem, "address 192.0.2.10 is that of guest \"db\"");
        }
        assert_eq!(ask("db", &shared, &others), Ok(()), "its own");
        let bridged = |bridge| format!("mode = 'own,bridge={bridge}'\n{ADDRESS}");
        let others = [entry("db", &bridged("br0"))];
        assert!(ask("web", &bridged("br0"), &others).is_err());
        assert_eq!(ask("web", &bridged("br1"), &others), Ok(()));
        assert_eq!(ask("web", &shared, &others), Ok(()));
    }

    #[test]
    fn an_address_of_the_host_may_be_shared() {
        let plain = format!("mode = 'shared'\n{ADDRESS}");
        let others = [entry("db", &plain)];
        assert_eq!(ask("web", &plain, &others), Ok(()));
        let placed = format!("{plain}\ndevice = 'eth0'");
        assert!(ask("web", &placed, &others).is_err());
    }

    #[test]
    fn what_is_broken_has_no_address() {
        let others = [entry("db", "mode = 'what'"), entry("x", "mode = 'shared'")];
        let wanted = format!("mode = 'shared'\ndevice = 'eth0'\n{ADDRESS}");
        assert_eq!(ask("web", &wanted, &others), Ok(()));
    }
}
