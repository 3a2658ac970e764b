// SPDX-License-Identifier: GPL-2.0

//! A set of addresses on its way to the network stack.
//!
//! C header: [`include/linux/vserver_addrs.h`](srctree/include/linux/vserver_addrs.h),
//! `struct vs_net_set`

use crate::{
    network::Network,
    sys::head, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// IPv4 addresses from `first` to `last`, in host byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span4 {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// The IPv4 addresses that are `ip` under `mask`, in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask4 {
    pub(crate) ip: u32,
    pub(crate) mask: u32,
}

/// IPv6 addresses from `first` to `last`, in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span6 {
    pub(crate) first: [u32; 4],
    pub(crate) last: [u32; 4],
}

/// The IPv6 addresses that are `ip` under `mask`, in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mask6 {
    pub(crate) ip: [u32; 4],
    pub(crate) mask: [u32; 4],
}

const _: () = assert!(size_of::<Span4>() == size_of::<bindings::vs_span4>());
const _: () = assert!(size_of::<Mask4>() == size_of::<bindings::vs_mask4>());
const _: () = assert!(size_of::<Span6>() == size_of::<bindings::vs_span6>());
const _: () = assert!(size_of::<Mask6>() == size_of::<bindings::vs_mask6>());

/// What the network stack searches; the spans are sorted and disjoint.
pub(crate) struct NetSet {
    /// IPv4 addresses.
    pub(crate) own4: KVec<Span4>,
    /// Entries whose mask has gaps.
    pub(crate) odd4: KVec<Mask4>,
    /// Broadcast addresses of the entries.
    pub(crate) cast4: KVec<Span4>,
    /// Single addresses in the order of the list.
    pub(crate) list4: KVec<Mask4>,
    /// IPv6 addresses.
    pub(crate) own6: KVec<Span6>,
    /// Entries whose mask has gaps.
    pub(crate) odd6: KVec<Mask6>,
    /// Length of the IPv4 list.
    pub(crate) entries4: usize,
    /// Length of the IPv6 list.
    pub(crate) entries6: usize,
    /// Broadcast address.
    pub(crate) broadcast: u32,
    /// Loopback address.
    pub(crate) loopback: u32,
}

/// Replaces the addresses of a network context; the caller serialises calls. May sleep. Errors:
/// `ENOMEM`, and nothing has changed.
pub(crate) fn publish(network: &Network, set: &NetSet) -> Result {
    let raw = bindings::vs_net_set {
        own4: set.own4.as_ptr().cast(),
        odd4: set.odd4.as_ptr().cast(),
        cast4: set.cast4.as_ptr().cast(),
        list4: set.list4.as_ptr().cast(),
        own6: set.own6.as_ptr().cast(),
        odd6: set.odd6.as_ptr().cast(),
        n_own4: set.own4.len() as u32,
        n_odd4: set.odd4.len() as u32,
        n_cast4: set.cast4.len() as u32,
        n_list4: set.list4.len() as u32,
        n_own6: set.own6.len() as u32,
        n_odd6: set.odd6.len() as u32,
        entries4: set.entries4 as u32,
        entries6: set.entries6 as u32,
        broadcast: set.broadcast,
        loopback: set.loopback,
    };
    // SAFETY: The head is valid; the arrays have the layout that C expects, asserted above by size
    // and `repr(C)`, and are as long as said. They are copied.
    to_result(unsafe { bindings::vs_net_publish(head::raw_net(network), &raw) })
}

/// Takes a network context that has ended out of the tables of the network stack.
pub(crate) fn end(network: &Network) {
    // SAFETY: The head is valid.
    unsafe { bindings::vs_net_end(head::raw_net(network)) };
}

/// Closes the connections on addresses that a network context does not have any more. May sleep.
pub(crate) fn abort(network: &Network) {
    // SAFETY: The head is valid; nothing that a socket needs is locked.
    unsafe { bindings::vs_net_abort(head::raw_net(network)) };
}
