// SPDX-License-Identifier: GPL-2.0

//! Interfaces: those of guests, and the host's ends of them.

use super::{NEW, address, change, error, namespace, route, run, unless};
use crate::guest::Guest;
use crate::network::{Address, GUEST_END, Link, Network, hardware_address, host_end};
use futures_util::StreamExt;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    InfoData, InfoVeth, IpVlanMode, LinkAttribute, LinkMessage, MacVlanMode,
};
use rtnetlink::{Handle, LinkIpVlan, LinkMacVlan, LinkUnspec, LinkVeth};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// What the alias of an interface of ours begins with.
const ALIAS: &str = "vserver ";
/// How often a macvlan is tried whose predecessor is about to go.
const ATTEMPTS: u32 = 200;
/// Time between two attempts.
const INTERVAL: Duration = Duration::from_millis(50);

/// An interface that was found.
pub(super) struct Found {
    /// Its number.
    pub index: u32,
    /// Whether we have made it.
    pub ours: bool,
}

/// Looks for an interface of the caller's namespace.
pub(super) async fn find(handle: &Handle, name: &str) -> io::Result<Option<Found>> {
    let request = handle.link().get().match_name(name.to_owned());
    let mut answers = std::pin::pin!(request.execute());
    match answers.next().await {
        None => Ok(None),
        Some(Ok(message)) => Ok(Some(Found {
            index: message.header.index,
            ours: message.attributes.iter().any(is_ours),
        })),
        Some(Err(refused)) => match error(refused) {
            none if none.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            other => Err(other),
        },
    }
}

/// Whether an attribute of an interface says that we have made it.
pub(super) fn is_ours(attribute: &LinkAttribute) -> bool {
    matches!(attribute, LinkAttribute::IfAlias(alias) if alias.starts_with(ALIAS))
}

/// The number of an interface that is there.
pub(super) async fn index(handle: &Handle, name: &str) -> io::Result<u32> {
    let found = find(handle, name).await?;
    found
        .map(|found| found.index)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
}

/// Whether the host has an interface.
pub(in crate::linux) fn exists(name: &str) -> io::Result<bool> {
    run(async |handle| Ok(find(&handle, name).await?.is_some()))
}

/// The hardware address of a guest of this machine.
pub(super) fn hardware(xid: u32) -> [u8; 6] {
    // A machine without an id has no other machine to be mixed up with.
    let seed = std::fs::read("/etc/machine-id").unwrap_or_default();
    hardware_address(&seed, xid)
}

async fn make(handle: &Handle, message: LinkMessage) -> io::Result<()> {
    change(handle, RouteNetlinkMessage::NewLink(message), NEW).await
}

async fn set(handle: &Handle, message: LinkMessage) -> io::Result<()> {
    change(handle, RouteNetlinkMessage::SetLink(message), 0).await
}

/// Makes the interface of a guest inside its namespace, and the host's end, which stays down until
/// it is guarded.
pub(in crate::linux) fn connect(stack: &OwnedFd, guest: &Guest, link: &Link) -> io::Result<()> {
    let name = host_end(guest.xid);
    let hardware = hardware(guest.xid).to_vec();
    let stack = stack.as_raw_fd();
    run(async |handle| {
        let parent = match link.parent() {
            Some(parent) => index(&handle, parent).await?,
            None => 0,
        };
        match link {
            Link::Bridge(_) | Link::Routed => {
                if let Some(found) = find(&handle, &name).await? {
                    if !found.ours {
                        return Err(io::Error::from_raw_os_error(libc::EEXIST));
                    }
                    remove(&handle, found.index).await?;
                }
                let peer = LinkUnspec::new_with_name(GUEST_END)
                    .address(hardware)
                    .setns_by_fd(stack)
                    .build();
                let mut message = LinkVeth::new(&name, GUEST_END)
                    .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)));
                if parent != 0 {
                    message = message.controller(parent);
                }
                make(&handle, message.build()).await?;
                let index = index(&handle, &name).await?;
                let marked = mark(&handle, index, guest).await;
                let prepared = marked.and_then(|()| prepare(&name, parent != 0));
                if prepared.is_err() {
                    // Without its mark nobody would know it for ours.
                    remove(&handle, index).await?;
                }
                prepared
            }
            Link::Macvlan(_) => {
                let message = LinkMacVlan::new(GUEST_END, parent, MacVlanMode::Bridge)
                    .address(hardware)
                    .setns_by_fd(stack)
                    .build();
                // The namespace of the guest before may still be on its way out.
                for _ in 0..ATTEMPTS {
                    match make(&handle, message.clone()).await {
                        Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => {}
                        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                        other => return other,
                    }
                    std::thread::sleep(INTERVAL);
                }
                make(&handle, message).await
            }
            Link::Ipvlan(_) => {
                let message = LinkIpVlan::new(GUEST_END, parent, IpVlanMode::L2)
                    .setns_by_fd(stack)
                    .build();
                make(&handle, message).await
            }
        }
    })
}

/// Makes an interface known as ours; the kernel takes an alias for interfaces that are there only.
async fn mark(handle: &Handle, index: u32, guest: &Guest) -> io::Result<()> {
    let alias = format!("{ALIAS}{}", guest.name);
    set(
        handle,
        LinkUnspec::new_with_index(index).alias(alias).build(),
    )
    .await
}

/// Settings of the host's end: in a bridge the host does not speak IPv6 on it; behind a route it
/// takes no advice of the guest and accepts only what it would send back there.
fn prepare(name: &str, in_bridge: bool) -> io::Result<()> {
    let write = |path: String, value: &str| match std::fs::write(path, value) {
        // A kernel without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    if in_bridge {
        return write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1");
    }
    write(format!("/proc/sys/net/ipv6/conf/{name}/accept_ra"), "0")?;
    write(
        format!("/proc/sys/net/ipv6/conf/{name}/accept_redirects"),
        "0",
    )?;
    write(format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"), "1")
}

/// Sets addresses and routes inside, and all interfaces up.
pub(in crate::linux) fn furnish(stack: &OwnedFd, xid: u32, network: &Network) -> io::Result<()> {
    let Some(link) = network.link() else {
        return Ok(());
    };
    let routed = *link == Link::Routed;
    if link.has_host_end() {
        run(async |handle| {
            let index = index(&handle, &host_end(xid)).await?;
            set(&handle, LinkUnspec::new_with_index(index).up().build()).await?;
            if routed {
                for address in route::gateways() {
                    address::add(&handle, index, &address).await?;
                }
            }
            Ok(())
        })?;
    }
    namespace::inside(stack, || {
        run(async |handle| {
            for name in ["lo", GUEST_END] {
                let index = index(&handle, name).await?;
                set(&handle, LinkUnspec::new_with_index(index).up().build()).await?;
            }
            let index = index(&handle, GUEST_END).await?;
            address::keep_others(GUEST_END)?;
            for one in &network.addresses {
                let inside = if routed {
                    crate::net_change::single(one.ip)
                } else {
                    *one
                };
                address::add(&handle, index, &inside).await?;
            }
            let given: Vec<_> = if routed {
                route::gateways().map(|one: Address| one.ip).to_vec()
            } else {
                network.gateways.clone()
            };
            for gateway in given {
                if network.of_family(gateway.is_ipv4()).next().is_some() {
                    route::add_default(&handle, index, gateway).await?;
                }
            }
            Ok(())
        })
    })
}

async fn remove(handle: &Handle, index: u32) -> io::Result<()> {
    let message = LinkUnspec::new_with_index(index).build();
    let result = change(handle, RouteNetlinkMessage::DelLink(message), 0).await;
    unless(result, &[libc::ENODEV])
}

/// Removes the host's end of a guest, if there is one.
pub(in crate::linux) fn disconnect(xid: u32) -> io::Result<()> {
    run(async |handle| match find(&handle, &host_end(xid)).await? {
        Some(found) if found.ours => remove(&handle, found.index).await,
        _ => Ok(()),
    })
}
