// SPDX-License-Identifier: GPL-2.0

//! How fast the packets of a guest pass in the stack of the host.
//!
//! A guest has no interface of its own there, but addresses: the kernel lets it send from no
//! others. Filters of each interface that packets come and go by send those to one bucket per guest
//! and direction, an action with a number of its own that all filters share. What is faster is
//! dropped. The filters hang on `clsact`, beside the queueing discipline of the interface, which
//! stays as it is.
//!
//! Everything is known by the id of the guest: the filters by their handles, the buckets by their
//! numbers. So what a command has left that did not come to its end is found again.

use super::shape::{self, Bucket, attribute, nest};
use super::{NEW, change, error, link, run, unless};
use crate::network::Address;
use crate::rate::Rate;
use futures_util::StreamExt;
use rtnetlink::Handle;
use rtnetlink::packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_REPLACE};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use rtnetlink::packet_route::tc::{
    TcActionMessage, TcActionMessageAttribute, TcAttribute, TcHandle, TcMessage, TcOption,
};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// First half of the numbers of our buckets, so that they are unlike those of others.
const NUMBERS: u32 = 0x7600_0000;
/// Most addresses of a guest that have filters: what a handle has room for.
const MOST: usize = u16::MAX as usize;

/// How often a bucket is tried whose filters are about to go.
const ATTEMPTS: u32 = 1000;
/// Time between two attempts.
const INTERVAL: Duration = Duration::from_millis(10);

/// A way that packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// From the guest.
    Egress,
    /// To the guest.
    Ingress,
}

impl Direction {
    const BOTH: [Self; 2] = [Self::Egress, Self::Ingress];

    /// The number of the bucket of a guest.
    const fn bucket(self, xid: u32) -> u32 {
        NUMBERS | xid << 1 | matches!(self, Self::Ingress) as u32
    }

    /// Where the filters hang.
    const fn parent(self) -> TcHandle {
        TcHandle {
            major: u16::MAX,
            minor: match self {
                Self::Egress => TcHandle::MIN_EGRESS,
                Self::Ingress => TcHandle::MIN_INGRESS,
            },
        }
    }
}

/// A family of addresses, as filters see it.
struct Family {
    /// Place of the filters, which is one of one protocol.
    order: u16,
    protocol: u16,
    source: u16,
    destination: u16,
}

/// The attributes are those of the classifier `flower`.
const IPV4: Family = Family {
    order: 118,
    protocol: 0x0800,
    source: 10,
    destination: 12,
};
const IPV6: Family = Family {
    order: 119,
    protocol: 0x86dd,
    source: 14,
    destination: 16,
};
const FLOWER_ACTIONS: u16 = 3;
const FLOWER_TYPE: u16 = 8;

/// The name of the only action of ours.
const POLICE: &[u8] = b"police\0";

/// A message about the bucket of a guest.
fn bucket_message(parts: &[DefaultNla]) -> TcActionMessage {
    let mut message = TcActionMessage::default();
    let table = nest(1, &[nest(1, parts)]);
    message.attributes = vec![TcActionMessageAttribute::Other(table)];
    message
}

/// Makes a bucket, or gives the one that is there another rate.
async fn make_bucket(handle: &Handle, number: u32, bits: u64) -> io::Result<()> {
    let options = Bucket::new(bits).policer(number);
    let message = bucket_message(&[attribute(1, POLICE), nest(2, &options)]);
    let message = RouteNetlinkMessage::NewTrafficAction(message);
    change(handle, message, NLM_F_CREATE | NLM_F_REPLACE).await
}

/// Removes a bucket. Returns whether that is done: not while filters use it.
async fn remove_bucket(handle: &Handle, number: u32) -> io::Result<bool> {
    let parts = [attribute(1, POLICE), attribute(3, number.to_ne_bytes())];
    let message = RouteNetlinkMessage::DelTrafficAction(bucket_message(&parts));
    let result = change(handle, message, 0).await;
    match result.as_ref().map_err(io::Error::raw_os_error) {
        Err(Some(libc::EPERM)) => Ok(false),
        // There is none, or no such action in this kernel.
        Err(Some(libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP)) => Ok(true),
        _ => result.map(|()| true),
    }
}

/// The handle of a filter; the first half says whose it is.
fn filter_handle(xid: u32, index: usize) -> u32 {
    xid << 16 | (index + 1) as u32
}

fn filter(
    index: u32,
    direction: Direction,
    xid: u32,
    position: usize,
    address: &Address,
) -> TcMessage {
    let (family, octets) = match address.ip {
        IpAddr::V4(ip) => (IPV4, ip.octets().to_vec()),
        IpAddr::V6(ip) => (IPV6, ip.octets().to_vec()),
    };
    let key = match direction {
        Direction::Egress => family.source,
        Direction::Ingress => family.destination,
    };
    let handle = TcHandle::from(filter_handle(xid, position));
    let mut message = shape::message(index, handle, direction.parent());
    message.header.info = u32::from(family.order) << 16 | u32::from(family.protocol.to_be());
    let options = [
        attribute(FLOWER_TYPE, family.protocol.to_be_bytes()),
        attribute(key, octets),
        shape::one_action(
            FLOWER_ACTIONS,
            "police",
            &shape::known_policer(direction.bucket(xid)),
        ),
    ];
    message.attributes = vec![
        TcAttribute::Kind("flower".to_owned()),
        TcAttribute::Options(options.map(TcOption::Other).to_vec()),
    ];
    message
}

/// Whether packets that come from or go to a service of the host pass an interface as such. Those
/// that are part of another one, as the ports of a bridge, have had or will have their turn there.
/// Between guests of one host nothing is limited: not on the loopback, nor on the ends of own
/// stacks.
fn counts(message: &LinkMessage) -> bool {
    let flags = message.header.flags;
    let attributes = &message.attributes;
    let has = |wanted: fn(&LinkAttribute) -> bool| attributes.iter().any(wanted);
    let is_part = has(|one| matches!(one, LinkAttribute::Controller(index) if *index != 0));
    // These pass packets on to another interface of the same stack.
    let is_layer = has(|one| {
        matches!(one, LinkAttribute::LinkInfo(all) if all.iter().any(|info| matches!(
            info,
            LinkInfo::Kind(InfoKind::MacVlan | InfoKind::MacVtap | InfoKind::IpVlan | InfoKind::IpVtap)
        )))
    }) && !has(|one| matches!(one, LinkAttribute::LinkNetNsId(_)));
    let is_ours = has(link::is_ours);
    !(flags.contains(LinkFlags::Loopback) || is_part || is_layer || is_ours)
}

async fn interfaces(handle: &Handle) -> io::Result<Vec<LinkMessage>> {
    let mut answers = std::pin::pin!(handle.link().get().execute());
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        all.push(answer.map_err(error)?);
    }
    Ok(all)
}

/// Makes the place for filters, unless it is there.
async fn prepare(handle: &Handle, interface: &LinkMessage) -> io::Result<()> {
    let index = interface.header.index;
    let mut qdisc = shape::message(index, shape::CLSACT, TcHandle::CLSACT);
    qdisc.attributes = vec![TcAttribute::Kind("clsact".to_owned())];
    let message = RouteNetlinkMessage::NewQueueDiscipline(qdisc);
    let made = change(handle, message, NEW).await;
    if made.as_ref().map_err(io::Error::raw_os_error) != Err(Some(libc::EEXIST)) {
        return made;
    }
    let mut answers = std::pin::pin!(handle.qdisc().get().execute());
    let mut in_the_way = false;
    while let Some(answer) = answers.next().await {
        let found = answer.map_err(error)?;
        // Its one place for both directions would take what leaves for what arrives.
        let kind = TcAttribute::Kind("ingress".to_owned());
        in_the_way |= found.header.index == index as i32 && found.attributes.contains(&kind);
    }
    if !in_the_way {
        return Ok(());
    }
    let names = interface.attributes.iter().find_map(|one| match one {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    });
    let name = names.unwrap_or("?");
    Err(io::Error::other(format!(
        "interface \"{name}\" has the queueing discipline `ingress`, which has no place for what \
         leaves; give it `clsact` instead, with the same filters"
    )))
}

/// Removes the filters of a guest from an interface.
async fn forget(handle: &Handle, xid: u32, index: u32) -> io::Result<()> {
    for direction in Direction::BOTH {
        let request = handle.traffic_filter(index as i32).get();
        let request = match direction {
            Direction::Egress => request.egress(),
            Direction::Ingress => request.ingress(),
        };
        let mut answers = std::pin::pin!(request.execute());
        let mut found = Vec::new();
        while let Some(answer) = answers.next().await {
            let header = answer.map_err(error)?.header;
            let order = (header.info >> 16) as u16;
            let ours = order == IPV4.order || order == IPV6.order;
            if ours && u32::from(header.handle) >> 16 == xid {
                found.push(header);
            }
        }
        for header in found {
            let mut message = shape::message(index, header.handle, direction.parent());
            message.header.info = header.info;
            message.attributes = vec![TcAttribute::Kind("flower".to_owned())];
            let message = RouteNetlinkMessage::DelTrafficFilter(message);
            gone(change(handle, message, 0).await)?;
        }
    }
    Ok(())
}

/// Interfaces and filters of others come and go.
fn gone(result: io::Result<()>) -> io::Result<()> {
    unless(result, &[libc::ENODEV, libc::ENOENT, libc::EINVAL])
}

/// Limits the packets from and to `addresses` on all interfaces that there are, in place of what was
/// limited before. While that changes, packets pass.
pub(in crate::linux) fn limit(xid: u32, addresses: &[Address], rate: Rate) -> io::Result<()> {
    if addresses.len() > MOST {
        return Err(io::Error::from_raw_os_error(libc::E2BIG));
    }
    run(async |handle| {
        // Buckets first, and last when they go: without buckets there are no filters.
        make_bucket(&handle, Direction::Egress.bucket(xid), rate.egress).await?;
        make_bucket(&handle, Direction::Ingress.bucket(xid), rate.ingress).await?;
        for interface in interfaces(&handle).await? {
            let index = interface.header.index;
            forget(&handle, xid, index).await?;
            if !counts(&interface) {
                continue;
            }
            match prepare(&handle, &interface).await {
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => continue,
                other => other?,
            }
            for direction in Direction::BOTH {
                for (position, address) in addresses.iter().enumerate() {
                    let message = filter(index, direction, xid, position, address);
                    let message = RouteNetlinkMessage::NewTrafficFilter(message);
                    let result = change(&handle, message, NEW).await;
                    unless(result, &[libc::ENODEV])?;
                }
            }
        }
        Ok(())
    })
}

/// Limits nothing any more.
pub(in crate::linux) fn unlimit(xid: u32) -> io::Result<()> {
    run(async |handle| {
        let buckets = Direction::BOTH.map(|direction| direction.bucket(xid));
        let mut used = false;
        for bucket in buckets {
            used |= !remove_bucket(&handle, bucket).await?;
        }
        if !used {
            return Ok(());
        }
        for interface in interfaces(&handle).await? {
            forget(&handle, xid, interface.header.index).await?;
        }
        for bucket in buckets {
            // The kernel lets removed filters go a moment later.
            let mut attempts = 0;
            while !remove_bucket(&handle, bucket).await? {
                attempts += 1;
                if attempts == ATTEMPTS {
                    return Err(io::Error::other(format!(
                        "filters of others use the action police {bucket:#x}; `tc actions list \
                         action police` and `tc filter show` tell of it"
                    )));
                }
                std::thread::sleep(INTERVAL);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtnetlink::packet_route::link::LinkMessage;

    #[test]
    fn numbers_differ_by_guest_and_direction() {
        let number = |direction: Direction, xid| direction.bucket(xid);
        let all = [
            number(Direction::Egress, 2),
            number(Direction::Ingress, 2),
            number(Direction::Egress, 3),
            number(Direction::Ingress, 65_535),
        ];
        assert_eq!(all, [0x7600_0004, 0x7600_0005, 0x7600_0006, 0x7601_ffff]);
        assert_eq!(filter_handle(65_535, 0), 0xffff_0001);
        assert_eq!(filter_handle(2, MOST - 1) >> 16, 2);
    }

    #[test]
    fn sources_are_matched_on_the_way_out_and_destinations_on_the_way_in() {
        for (direction, text, key, parent) in [
            (Direction::Egress, "192.0.2.1/24", 10, 0xffff_fff3_u32),
            (Direction::Ingress, "192.0.2.1/24", 12, 0xffff_fff2),
            (Direction::Egress, "2001:db8::1/64", 14, 0xffff_fff3),
            (Direction::Ingress, "2001:db8::1/64", 16, 0xffff_fff2),
        ] {
            let message = filter(7, direction, 42, 1, &text.parse().unwrap());
            assert_eq!(u32::from(message.header.parent), parent);
            assert_eq!(u32::from(message.header.handle), 42 << 16 | 2);
            let options = message.attributes.iter().find_map(|one| match one {
                TcAttribute::Options(options) => Some(options.clone()),
                _ => None,
            });
            let keys: Vec<u16> = options.unwrap().iter().map(kind).collect();
            assert_eq!(keys, [FLOWER_TYPE, key, FLOWER_ACTIONS]);
        }
        let order = |text: &str| {
            let address = text.parse().unwrap();
            filter(7, Direction::Egress, 42, 0, &address).header.info >> 16
        };
        assert_ne!(order("192.0.2.1"), order("2001:db8::1"));
    }

    fn kind(option: &TcOption) -> u16 {
        use rtnetlink::packet_core::Nla;
        option.kind()
    }

    #[test]
    fn interfaces_count_once() {
        let with = |attributes: Vec<LinkAttribute>| {
            let mut message = LinkMessage::default();
            message.attributes = attributes;
            message
        };
        let kind = |kind| LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]);
        assert!(counts(&with(vec![])));
        assert!(counts(&with(vec![kind(InfoKind::Vlan)])));
        assert!(counts(&with(vec![LinkAttribute::IfAlias("uplink".into())])));
        assert!(!counts(&with(vec![LinkAttribute::Controller(3)])));
        assert!(!counts(&with(vec![kind(InfoKind::MacVlan)])));
        assert!(!counts(&with(vec![LinkAttribute::IfAlias(
            "vserver web".into()
        )])));
        let mut loopback = with(vec![]);
        loopback.header.flags = LinkFlags::Loopback;
        assert!(!counts(&loopback));
        // Its lower interface is in the stack of somebody else.
        let foreign = vec![kind(InfoKind::MacVlan), LinkAttribute::LinkNetNsId(0)];
        assert!(counts(&with(foreign)));
    }
}
