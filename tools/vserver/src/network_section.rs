// SPDX-License-Identifier: GPL-2.0

//! The section `[network]` of a description: reading, checking and changing it.

use crate::description::Source;
use crate::failure::{Failure, Outcome, Reason};
use crate::network::{Address, Link, MODES, Mode, Network, interface, ip_address};
use crate::rate::{RATES, Rate};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use toml::Spanned;
use toml_edit::{Array, DocumentMut, Item, TableLike};

/// How addresses are written.
const ADDRESSES: &str = "write addresses with the length of their prefix, such as \"192.0.2.10/24\" and \
     \"2001:db8::10/64\"";

/// The section as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Section {
    mode: Option<Spanned<String>>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    device: Option<Spanned<String>>,
    #[serde(default)]
    gateways: Vec<Spanned<String>>,
    #[serde(default)]
    dns: Vec<Spanned<String>>,
    rate: Option<Spanned<String>>,
}

/// The section as `create` writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewSection {
    /// Whose stack the guest uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Its addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Interface of the host that gets the addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Next hops of the default routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// Servers of names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// How fast the guest may send and receive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
}

impl NewSection {
    /// The section, unless nothing is asked for.
    pub fn unless_empty(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

fn check_mode(source: &Source<'_>, section: &Section) -> Outcome<Mode> {
    let Some(mode) = &section.mode else {
        return Ok(Mode::Shared);
    };
    mode.get_ref()
        .parse()
        .map_err(|problem: String| source.at(mode, &problem, &format!("write {MODES}")))
}

fn check_addresses(source: &Source<'_>, section: &Section) -> Outcome<Vec<Address>> {
    let mut all: Vec<Address> = Vec::new();
    for text in &section.addresses {
        let address: Address = text
            .get_ref()
            .parse()
            .map_err(|problem: String| source.at(text, &problem, ADDRESSES))?;
        if all.iter().any(|other| other.ip == address.ip) {
            let problem = format!("address {} stands there twice", address.ip);
            return Err(source.at(text, &problem, "leave one of them out"));
        }
        all.push(address);
    }
    Ok(all)
}

fn check_ips(source: &Source<'_>, texts: &[Spanned<String>], what: &str) -> Outcome<Vec<IpAddr>> {
    let remedy = format!("write the address of {what}, such as \"192.0.2.1\" or \"2001:db8::1\"");
    let read = |text: &Spanned<String>| {
        // A gateway may be known by its link-local address, a server may run on the loopback.
        let found = text.get_ref();
        let usable = found.parse::<IpAddr>().ok().filter(|ip| {
            matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()) || ip.is_loopback()
        });
        usable
            .map_or_else(|| ip_address(found), Ok)
            .map_err(|problem| source.at(text, &problem, &remedy))
    };
    texts.iter().map(read).collect()
}

/// What is wrong with a rate for a guest whose packets go by without the host, and what to do.
pub fn without_rate(mode: &Mode) -> (String, &'static str) {
    (
        format!("a guest with network \"{mode}\" cannot have a rate"),
        "the host limits what passes its own stack or its end of a veth pair: use \"shared\", \
         \"own,bridge=INTERFACE\" or \"own,routed\", or leave the rate out",
    )
}

impl Section {
    /// Checks the values, and that they fit together.
    pub(crate) fn check(&self, source: &Source<'_>) -> Outcome<Network> {
        let mode = check_mode(source, self)?;
        let addresses = check_addresses(source, self)?;
        let own = matches!(mode, Mode::Own(_));
        if let Some(device) = &self.device {
            if own {
                return Err(source.at(
                    device,
                    "`device` is for the shared stack: an own one has its interface inside",
                    "leave it out, or write `mode = \"shared\"`",
                ));
            }
            interface(device.get_ref()).map_err(|problem| {
                source.at(
                    device,
                    &problem,
                    "write the name of an interface, such as \"eth0\"",
                )
            })?;
        }
        let gateways = check_ips(source, &self.gateways, "a router")?;
        for (index, (text, gateway)) in self.gateways.iter().zip(&gateways).enumerate() {
            let problem = match &mode {
                Mode::Shared => {
                    "a gateway is for an own stack: the shared one has the host's routes"
                }
                Mode::Own(Link::Routed) => "a routed guest has the host as its gateway",
                _ if gateways[..index]
                    .iter()
                    .any(|one| one.is_ipv4() == gateway.is_ipv4()) =>
                {
                    "there is one default route of each family, and this is a second gateway"
                }
                _ => continue,
            };
            return Err(source.at(text, problem, "leave it out"));
        }
        let rate = match &self.rate {
            None => None,
            Some(text) => {
                if !mode.can_have_rate() {
                    let (problem, remedy) = without_rate(&mode);
                    return Err(source.at(text, &problem, remedy));
                }
                let rate = text.get_ref().parse();
                Some(rate.map_err(|problem: String| source.at(text, &problem, RATES))?)
            }
        };
        Ok(Network {
            mode,
            addresses,
            device: self.device.as_ref().map(|device| device.get_ref().clone()),
            gateways,
            dns: check_ips(source, &self.dns, "a server")?,
            rate,
        })
    }
}

/// Returns the text of a description with other addresses; everything else stays as it is.
///
/// # Errors
///
/// The text has no section `[network]`.
pub fn with_addresses(text: &str, addresses: &[Address]) -> Outcome<String> {
    let list: Array = addresses.iter().map(Address::to_string).collect();
    with_section(text, |section| {
        section.insert("addresses", toml_edit::value(list));
    })
}

/// Returns the text of a description with another rate, or without one.
///
/// # Errors
///
/// The text has no section `[network]`.
pub fn with_rate(text: &str, rate: Option<Rate>) -> Outcome<String> {
    with_section(text, |section| {
        match rate {
            Some(rate) => section.insert("rate", toml_edit::value(rate.to_string())),
            None => section.remove("rate"),
        };
    })
}

fn with_section(text: &str, change: impl FnOnce(&mut dyn TableLike)) -> Outcome<String> {
    let broken = |problem: String| {
        Failure::new(
            Reason::BrokenConfiguration,
            problem,
            "correct the section [network] of the description",
        )
    };
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| broken(error.to_string()))?;
    let section = document
        .get_mut("network")
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| broken("the description has no section [network]".to_owned()))?;
    change(section);
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description;
    use std::path::Path;

    fn read(section: &str) -> Outcome<Network> {
        let text = format!("xid = 42\nroot = '/s'\n[network]\n{section}\n");
        let guest = description::parse("web", Path::new("web.toml"), &text)?;
        Ok(guest.network.unwrap())
    }

    #[test]
    fn every_field_is_read() {
        let network = read(
            "mode = 'own,bridge=br0'\naddresses = ['192.0.2.10/24', '2001:db8::10/64']\n\
             gateways = ['192.0.2.1', 'fe80::1']\ndns = ['192.0.2.53']\nrate = '100mbit'",
        )
        .unwrap();
        assert_eq!(network.mode, Mode::Own(Link::Bridge("br0".to_owned())));
        assert_eq!(network.addresses.len(), 2);
        assert_eq!(network.gateways.len(), 2);
        assert_eq!(network.rate.unwrap().egress, 100_000_000);
        let network =
            read("addresses = ['192.0.2.10/24']\ndevice = 'eth0'\nrate = '1mbit'").unwrap();
        assert_eq!(network.mode, Mode::Shared);
        assert_eq!(network.rate.unwrap().ingress, 1_000_000);
        assert_eq!(network.device.as_deref(), Some("eth0"));
    }

    #[test]
    fn mistakes_show_their_place() {
        for (section, place, word) in [
            ("mode = 'host'", ":4:8: ", "\"host\""),
            ("mode = 'own'", ":4:8: ", "how it is connected"),
            (
                "addresses = ['1.2.3.4/24', '1.2.3']",
                ":4:28: ",
                "no IPv4 or IPv6",
            ),
            ("addresses = ['1.2.3.4', '1.2.3.4/8']", ":4:25: ", "twice"),
            ("mode = 'own,routed'\ndevice = 'eth0'", ":5:10: ", "shared"),
            ("device = 'a b'", ":4:10: ", "interface"),
            ("gateways = ['1.2.3.4']", ":4:13: ", "own stack"),
            (
                "mode = 'own,routed'\ngateways = ['1.2.3.4']",
                ":5:13: ",
                "host",
            ),
            (
                "mode = 'own,bridge=b'\ngateways = ['1.2.3.4', '1.2.3.5']",
                ":5:24: ",
                "second",
            ),
            ("rate = '1'", ":4:8: ", "\"1\""),
            ("mode = 'own,macvlan=e'\nrate = '1mbit'", ":5:8: ", "rate"),
            ("mode = 'own,routed'\nrate = '1mb'", ":5:8: ", "\"1mb\""),
            ("dns = ['x']", ":4:8: ", "\"x\""),
            ("adresses = []", ":4:1: ", "adresses"),
        ] {
            let failure = read(section).unwrap_err();
            failure.assert_mistake(section, place, word);
        }
    }

    #[test]
    fn a_rate_changes_and_comments_stay() {
        let text = "xid = 42 # mine\nroot = '/s'\n[network]\nmode = 'shared' # the net\n";
        let rate: Rate = "1mbit,ingress=2mbit".parse().unwrap();
        let changed = with_rate(text, Some(rate)).unwrap();
        assert_eq!(changed, format!("{text}rate = \"1mbit,ingress=2mbit\"\n"));
        assert_eq!(with_rate(&changed, None).unwrap(), text);
        assert_eq!(with_rate(text, None).unwrap(), text);
        assert!(with_rate("xid = 42\n", Some(rate)).is_err());
    }

    #[test]
    fn addresses_change_and_comments_stay() {
        let text = "xid = 42 # mine\nroot = '/s'\n[network]\n# the net\nmode = 'shared'\n";
        let one = "192.0.2.1/24".parse().unwrap();
        let changed = with_addresses(text, &[one]).unwrap();
        assert!(changed.starts_with(text), "{changed}");
        assert!(
            changed.ends_with("addresses = [\"192.0.2.1/24\"]\n"),
            "{changed}"
        );
        let back = with_addresses(&changed, &[]).unwrap();
        assert!(back.ends_with("addresses = []\n"), "{back}");
        assert!(with_addresses("xid = 42\n", &[one]).is_err());
    }
}
