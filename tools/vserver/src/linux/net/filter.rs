// SPDX-License-Identifier: GPL-2.0

//! What may leave a guest: filters where its packets arrive at the host's end of its interface.
//!
//! Let pass are frames from its hardware address with one of its addresses as source: IPv4, IPv6,
//! ARP that tells of one of them, and neighbour discovery likewise. Router advertisements and
//! redirects are for routers. Everything else is dropped, other protocols too.

use super::shape::{self, attribute};
use super::{NEW, change, link, run, unless};
use crate::network::{Address, host_end, link_local};
use rtnetlink::Handle;
use rtnetlink::packet_core::DefaultNla;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Protocols, as in frames.
mod ethernet {
    pub const ALL: u16 = 0x0003;
    pub const ARP: u16 = 0x0806;
    pub const IPV4: u16 = 0x0800;
    pub const IPV6: u16 = 0x86dd;
}

/// Attributes of the classifier `flower`.
mod flower {
    pub const ACTIONS: u16 = 3;
    pub const SOURCE: u16 = 6;
    pub const TYPE: u16 = 8;
    pub const PROTOCOL: u16 = 9;
    pub const IPV4_SOURCE: u16 = 10;
    pub const IPV6_SOURCE: u16 = 14;
    pub const ICMPV6_TYPE: u16 = 55;
    pub const ARP_SENDER: u16 = 57;
    pub const ARP_SENDER_HARDWARE: u16 = 63;
}

/// Attributes of the classifier `u32`.
mod u32_ {
    pub const SELECTOR: u16 = 5;
    pub const ACTIONS: u16 = 7;
    /// The filter decides, and has no further tables.
    pub const TERMINAL: u8 = 1;
}

/// Attribute of the classifier `matchall`.
const MATCHALL_ACTIONS: u16 = 2;

const ICMPV6: u8 = 58;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// The order of the filters; those for a rate come before.
mod order {
    pub const ADVERTISEMENTS: u16 = 10;
    pub const ROUTERS: u16 = 11;
    pub const ARP: u16 = 12;
    pub const IPV4: u16 = 13;
    pub const IPV6: u16 = 14;
    pub const REST: u16 = 100;
}

/// The chain that looks at the target of neighbour advertisements.
const TARGETS: u32 = 1;
/// The chain that looks at sources of IPv6.
const SOURCES: u32 = 2;

/// What happens to a packet.
#[derive(Clone, Copy)]
enum Verdict {
    /// It passes.
    Pass,
    /// It is dropped.
    Drop,
    /// The filters of a chain decide.
    Chain(u32),
}

impl Verdict {
    /// The action `gact`, as the only one of a filter.
    fn actions(self, kind: u16) -> DefaultNla {
        let code: u32 = match self {
            Self::Pass => 0,
            Self::Drop => 2,
            Self::Chain(chain) => 0x2000_0000 | chain,
        };
        let mut parameters = Vec::new();
        for word in [0, 0, code, 0, 0] {
            parameters.extend(u32::to_ne_bytes(word));
        }
        shape::one_action(kind, "gact", &[attribute(2, parameters)])
    }
}

/// A filter on its way.
struct Filter {
    chain: u32,
    order: u16,
    protocol: u16,
    kind: &'static str,
    options: Vec<DefaultNla>,
}

impl Filter {
    async fn install(self, handle: &Handle, index: u32) -> io::Result<()> {
        let mut message = shape::message(index, TcHandle::UNSPEC, shape::INGRESS);
        message.header.info = u32::from(self.order) << 16 | u32::from(self.protocol.to_be());
        message.attributes = vec![
            TcAttribute::Kind(self.kind.to_owned()),
            TcAttribute::Chain(self.chain),
            TcAttribute::Options(self.options.into_iter().map(TcOption::Other).collect()),
        ];
        change(handle, RouteNetlinkMessage::NewTrafficFilter(message), NEW).await
    }

    fn matching(
        chain: u32,
        order: u16,
        protocol: u16,
        hardware: Option<[u8; 6]>,
        keys: Vec<DefaultNla>,
        verdict: Verdict,
    ) -> Self {
        let mut options = vec![attribute(flower::TYPE, protocol.to_be_bytes())];
        options.extend(hardware.map(|hardware| attribute(flower::SOURCE, hardware)));
        options.extend(keys);
        options.push(verdict.actions(flower::ACTIONS));
        Self {
            chain,
            order,
            protocol,
            kind: "flower",
            options,
        }
    }

    fn rest(chain: u32) -> Self {
        Self {
            chain,
            order: order::REST,
            protocol: ethernet::ALL,
            kind: "matchall",
            options: vec![Verdict::Drop.actions(MATCHALL_ACTIONS)],
        }
    }

    /// A neighbour advertisement without extension headers that tells of `ip`.
    fn target(ip: Ipv6Addr) -> Self {
        // Offset from the network header, mask and value.
        let mut keys = vec![(4, 0x0000_ff00, u32::from(ICMPV6) << 8)];
        keys.push((40, 0xff00_0000, u32::from(NEIGHBOUR_ADVERTISEMENT) << 24));
        let words = ip.octets();
        for (word, offset) in words.chunks_exact(4).zip([48, 52, 56, 60]) {
            let value = u32::from_be_bytes([word[0], word[1], word[2], word[3]]);
            keys.push((offset, u32::MAX, value));
        }
        let mut selector = vec![u32_::TERMINAL, 0, keys.len() as u8];
        // Offsets of further tables: none.
        selector.resize(16, 0);
        for (offset, mask, value) in keys {
            selector.extend(mask.to_be_bytes());
            selector.extend(value.to_be_bytes());
            selector.extend(i32::to_ne_bytes(offset));
            selector.extend([0; 4]);
        }
        Self {
            chain: TARGETS,
            order: 1,
            protocol: ethernet::IPV6,
            kind: "u32",
            options: vec![
                attribute(u32_::SELECTOR, selector),
                Verdict::Chain(SOURCES).actions(u32_::ACTIONS),
            ],
        }
    }
}

fn arp(hardware: [u8; 6], ip: Ipv4Addr) -> Filter {
    let keys = vec![
        attribute(flower::ARP_SENDER, ip.octets()),
        attribute(flower::ARP_SENDER_HARDWARE, hardware),
    ];
    Filter::matching(
        0,
        order::ARP,
        ethernet::ARP,
        Some(hardware),
        keys,
        Verdict::Pass,
    )
}

fn ipv4(hardware: [u8; 6], ip: Ipv4Addr) -> Filter {
    let keys = vec![attribute(flower::IPV4_SOURCE, ip.octets())];
    Filter::matching(
        0,
        order::IPV4,
        ethernet::IPV4,
        Some(hardware),
        keys,
        Verdict::Pass,
    )
}

fn ipv6(hardware: [u8; 6], ip: Ipv6Addr) -> Filter {
    let mut keys = vec![attribute(flower::IPV6_SOURCE, ip.octets())];
    let mut order = 1;
    if ip.is_unspecified() {
        // Looking for a duplicate of an address, and reports of multicast groups.
        keys.push(attribute(flower::PROTOCOL, [ICMPV6]));
        order = 2;
    }
    Filter::matching(
        SOURCES,
        order,
        ethernet::IPV6,
        Some(hardware),
        keys,
        Verdict::Pass,
    )
}

fn icmpv6(order: u16, kind: u8, verdict: Verdict) -> Filter {
    let keys = vec![
        attribute(flower::PROTOCOL, [ICMPV6]),
        attribute(flower::ICMPV6_TYPE, [kind]),
    ];
    Filter::matching(0, order, ethernet::IPV6, None, keys, verdict)
}

/// The filters of a guest. What a chain lets pass comes before the way into it, and the rest that
/// it drops before that: a packet that leaves a chain undecided would pass.
fn filters(hardware: [u8; 6], addresses: &[Address]) -> Vec<Filter> {
    let mut all = vec![Filter::rest(TARGETS), Filter::rest(SOURCES)];
    let local = link_local(hardware);
    for ip in [local, Ipv6Addr::UNSPECIFIED] {
        all.push(ipv6(hardware, ip));
    }
    all.push(Filter::target(local));
    // Looking for a duplicate of an address.
    all.push(arp(hardware, Ipv4Addr::UNSPECIFIED));
    for address in addresses {
        match address.ip {
            IpAddr::V4(ip) => all.extend([arp(hardware, ip), ipv4(hardware, ip)]),
            IpAddr::V6(ip) => all.extend([ipv6(hardware, ip), Filter::target(ip)]),
        }
    }
    let advertisements = Verdict::Chain(TARGETS);
    all.extend([
        icmpv6(
            order::ADVERTISEMENTS,
            NEIGHBOUR_ADVERTISEMENT,
            advertisements,
        ),
        icmpv6(order::ROUTERS, ROUTER_ADVERTISEMENT, Verdict::Drop),
        icmpv6(order::ROUTERS, REDIRECT, Verdict::Drop),
        Filter::matching(
            0,
            order::IPV6,
            ethernet::IPV6,
            None,
            Vec::new(),
            Verdict::Chain(SOURCES),
        ),
    ]);
    all
}

/// Removes the filters of one place; those that are not there are no failure.
async fn forget(handle: &Handle, index: u32, chain: u32, order: u16) -> io::Result<()> {
    let mut message = shape::message(index, TcHandle::UNSPEC, shape::INGRESS);
    message.header.info = u32::from(order) << 16;
    message.attributes = vec![TcAttribute::Chain(chain)];
    let message = RouteNetlinkMessage::DelTrafficFilter(message);
    unless(
        change(handle, message, 0).await,
        &[libc::ENOENT, libc::EINVAL],
    )
}

/// Installs the filters of a guest, in place of those that are there. While they change, packets
/// of the guest are lost.
pub(in crate::linux) fn guard(xid: u32, addresses: &[Address]) -> io::Result<()> {
    let hardware = link::hardware(xid);
    run(async |handle| {
        let index = link::index(&handle, &host_end(xid)).await?;
        let mut qdisc: TcMessage = shape::message(index, shape::CLSACT, TcHandle::CLSACT);
        qdisc.attributes = vec![TcAttribute::Kind("clsact".to_owned())];
        let message = RouteNetlinkMessage::NewQueueDiscipline(qdisc);
        let made = change(&handle, message, NEW).await;
        unless(made, &[libc::EEXIST])?;
        unless(
            Filter::rest(0).install(&handle, index).await,
            &[libc::EEXIST],
        )?;
        // The way into a chain goes before what the chain drops.
        for place in (order::ADVERTISEMENTS..=order::IPV6).rev() {
            forget(&handle, index, 0, place).await?;
        }
        for chain in [TARGETS, SOURCES] {
            for place in [1, 2, order::REST] {
                forget(&handle, index, chain, place).await?;
            }
        }
        for filter in filters(hardware, addresses) {
            filter.install(&handle, index).await?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtnetlink::packet_core::Nla;

    #[test]
    fn every_address_has_its_filters() {
        let hardware = [2, 0, 0, 0, 3, 0xe8];
        let none = filters(hardware, &[]).len();
        let addresses = ["192.0.2.1/24", "2001:db8::1/64"].map(|text| text.parse().unwrap());
        assert_eq!(filters(hardware, &addresses).len(), none + 4);
    }

    #[test]
    fn nothing_passes_while_the_filters_come() {
        let addresses = ["192.0.2.1/24", "2001:db8::1/64"].map(|text| text.parse().unwrap());
        let places: Vec<(u32, u16)> = filters([2, 0, 0, 0, 3, 0xe8], &addresses)
            .iter()
            .map(|filter| (filter.chain, filter.order))
            .collect();
        let of = |place| places.iter().rposition(|&other| other == place).unwrap();
        for chain in [TARGETS, SOURCES] {
            assert!(of((chain, order::REST)) < of((0, order::ADVERTISEMENTS)));
        }
        assert!(of((0, order::ADVERTISEMENTS)) < of((0, order::IPV6)));
        assert_eq!(places.last(), Some(&(0, order::IPV6)));
    }

    #[test]
    fn a_target_is_looked_for_in_the_right_place() {
        let filter = Filter::target("2001:db8::1".parse().unwrap());
        let mut selector = vec![0; filter.options[0].value_len()];
        filter.options[0].emit_value(&mut selector);
        assert_eq!(selector.len(), 16 + 6 * 16);
        assert_eq!(selector[2], 6);
        assert_eq!(selector[16..24], [0, 0, 0xff, 0, 0, 0, 58, 0]);
        assert_eq!(selector[52..56], [0x20, 0x01, 0x0d, 0xb8]);
    }
}
