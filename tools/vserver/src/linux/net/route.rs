// SPDX-License-Identifier: GPL-2.0

//! Routes.

use super::{NEW, change, link, run, unless};
use crate::network::{Address, host_end};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::packet_route::route::RouteScope;
use rtnetlink::{Handle, RouteMessageBuilder};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of the host's end of every routed guest: each guest sees its own only.
pub(super) fn gateways() -> [Address; 2] {
    [
        Address {
            ip: IpAddr::V4(Ipv4Addr::new(169, 254, 1, 1)),
            prefix: 32,
        },
        Address {
            ip: IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
            prefix: 64,
        },
    ]
}

/// Adds a default route; the next hop may be outside of the networks of the interface.
pub(super) async fn add_default(handle: &Handle, index: u32, gateway: IpAddr) -> io::Result<()> {
    let message = match gateway {
        IpAddr::V4(ip) => RouteMessageBuilder::<Ipv4Addr>::new()
            .gateway(ip)
            .output_interface(index)
            .onlink()
            .build(),
        IpAddr::V6(ip) => RouteMessageBuilder::<Ipv6Addr>::new()
            .gateway(ip)
            .output_interface(index)
            .onlink()
            .build(),
    };
    change(handle, RouteNetlinkMessage::NewRoute(message), NEW).await
}

fn to_guest(index: u32, ip: IpAddr) -> RouteMessage {
    match ip {
        IpAddr::V4(ip) => RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(ip, 32)
            .output_interface(index)
            .scope(RouteScope::Link)
            .build(),
        IpAddr::V6(ip) => RouteMessageBuilder::<Ipv6Addr>::new()
            .destination_prefix(ip, 128)
            .output_interface(index)
            .build(),
    }
}

/// Adds the route of the host to an address of a guest.
pub(in crate::linux) fn add_host_route(xid: u32, ip: IpAddr) -> io::Result<()> {
    run(async |handle| {
        let index = link::index(&handle, &host_end(xid)).await?;
        let message = to_guest(index, ip);
        change(&handle, RouteNetlinkMessage::NewRoute(message), NEW).await
    })
}

/// Removes it.
pub(in crate::linux) fn remove_host_route(xid: u32, ip: IpAddr) -> io::Result<()> {
    run(async |handle| {
        let index = link::index(&handle, &host_end(xid)).await?;
        let message = RouteNetlinkMessage::DelRoute(to_guest(index, ip));
        unless(change(&handle, message, 0).await, &[libc::ESRCH])
    })
}
