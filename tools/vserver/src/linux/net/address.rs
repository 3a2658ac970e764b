// SPDX-License-Identifier: GPL-2.0

//! Addresses of interfaces.

use super::{NEW, change, error, link, run, unless};
use crate::network::Address;
use futures_util::StreamExt;
use rtnetlink::Handle;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, AddressScope,
};
use std::io;
use std::net::IpAddr;

/// Who has put an address there: what the kernel keeps and shows as `proto` of an address.
const PROTOCOL: u8 = 118;

fn message(handle: &Handle, index: u32, address: &Address) -> AddressMessage {
    let mut request = handle.address().add(index, address.ip, address.prefix);
    let message = request.message_mut();
    // Addresses are given by the host, to one guest each: there is nothing to find out.
    if address.ip.is_ipv6() {
        message.header.flags |= rtnetlink::packet_route::address::AddressHeaderFlags::Nodad;
        message
            .attributes
            .push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    let local = match address.ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    if local {
        message.header.scope = AddressScope::Link;
    }
    message
        .attributes
        .push(AddressAttribute::Protocol(AddressProtocol::from(PROTOCOL)));
    message.clone()
}

/// Adds an address to an interface.
pub(super) async fn add(handle: &Handle, index: u32, address: &Address) -> io::Result<()> {
    let message = message(handle, index, address);
    change(handle, RouteNetlinkMessage::NewAddress(message), NEW).await
}

/// Lets the other IPv4 addresses of a network stay when the first one goes. The kernel's own
/// default is that they go with it: those of other guests.
pub(super) fn keep_others(device: &str) -> io::Result<()> {
    let path = format!("/proc/sys/net/ipv4/conf/{device}/promote_secondaries");
    std::fs::write(path, "1")
}

async fn of_interface(handle: &Handle, index: u32) -> io::Result<Vec<AddressMessage>> {
    let request = handle.address().get().set_link_index_filter(index);
    let mut answers = std::pin::pin!(request.execute());
    let mut all = Vec::new();
    while let Some(answer) = answers.next().await {
        all.push(answer.map_err(error)?);
    }
    Ok(all)
}

fn ip_of(message: &AddressMessage) -> Option<IpAddr> {
    let attributes = message.attributes.iter();
    // Of two ends, the local one counts.
    let local = attributes.clone().find_map(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    local.or_else(|| {
        attributes.clone().find_map(|attribute| match attribute {
            AddressAttribute::Address(ip) => Some(*ip),
            _ => None,
        })
    })
}

fn is_ours(message: &AddressMessage) -> bool {
    let ours = AddressAttribute::Protocol(AddressProtocol::from(PROTOCOL));
    message.attributes.contains(&ours)
}

/// Puts an address on an interface of the host, unless it is there.
pub(in crate::linux) fn place(device: &str, address: &Address) -> io::Result<()> {
    run(async |handle| {
        let index = link::index(&handle, device).await?;
        keep_others(device)?;
        unless(add(&handle, index, address).await, &[libc::EEXIST])
    })
}

/// Removes an address that [`place`] has put there.
pub(in crate::linux) fn take_back(device: &str, address: &Address) -> io::Result<()> {
    run(async |handle| {
        let Some(found) = link::find(&handle, device).await? else {
            return Ok(());
        };
        for message in of_interface(&handle, found.index).await? {
            if ip_of(&message) == Some(address.ip) && is_ours(&message) {
                delete(&handle, message).await?;
            }
        }
        Ok(())
    })
}

async fn delete(handle: &Handle, message: AddressMessage) -> io::Result<()> {
    let result = change(handle, RouteNetlinkMessage::DelAddress(message), 0).await;
    unless(result, &[libc::EADDRNOTAVAIL])
}

/// Removes an address from an interface of the caller's namespace.
pub(in crate::linux) fn remove(device: &str, address: &Address) -> io::Result<()> {
    run(async |handle| {
        let index = link::index(&handle, device).await?;
        for message in of_interface(&handle, index).await? {
            if ip_of(&message) == Some(address.ip) {
                delete(&handle, message).await?;
            }
        }
        Ok(())
    })
}

/// Lists the addresses of an interface of the caller's namespace, without the link-local ones.
pub(in crate::linux) fn list(device: &str) -> io::Result<Vec<Address>> {
    run(async |handle| {
        let index = link::index(&handle, device).await?;
        let all = of_interface(&handle, index).await?.into_iter();
        let listed = all.filter(|message| message.header.scope != AddressScope::Link);
        let addresses = listed.filter_map(|message| {
            Some(Address {
                ip: ip_of(&message)?,
                prefix: message.header.prefix_len,
            })
        });
        Ok(addresses.collect())
    })
}
