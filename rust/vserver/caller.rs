// SPDX-License-Identifier: GPL-2.0

//! The task that calls, and what it may do.

use crate::{
    abi::{
        XID_HOST,
        XID_SPECTATOR, //
    },
    context::Context,
    network::Network,
    sys::task, //
};
use kernel::sync::aref::ARef;

pub(crate) use crate::sys::task::{
    become_init,
    become_reaper,
    migrate,
    migrate_net,
    nid,
    set_tag,
    spectate,
    unshare,
    xid, //
    Capability,
};

/// The context of the caller; `None` for the host and for a spectator that came from it.
pub(crate) fn context() -> Option<ARef<Context>> {
    task::context()
}

/// The network context of the caller; `None` for the host and for a spectator that came from it.
pub(crate) fn network() -> Option<ARef<Network>> {
    task::network()
}

/// The caller belongs to the host.
pub(crate) fn is_host() -> bool {
    xid() == XID_HOST
}

/// The caller sees everything, wherever it came from.
pub(crate) fn is_spectator() -> bool {
    xid() == XID_SPECTATOR
}

/// The caller has the capability in the initial user namespace, after masking by its context.
pub(crate) fn has(capability: Capability) -> bool {
    task::capable(capability)
}

/// The caller may use the system call at all: CAP_CONTEXT of the original.
///
/// Mainline has no capability 63. It is held by whoever has `CAP_SYS_ADMIN` in the initial user
/// namespace and is not in a context whose setup has ended: what the mask of such a context says
/// about bit 63 does not count, because old tools leave it set.
pub(crate) fn has_cap_context() -> bool {
    !task::is_sealed() && has(Capability::SysAdmin)
}
