// SPDX-License-Identifier: GPL-2.0

//! The current task, and signals.

use crate::{
    context::Context,
    network::Network,
    sys::{
        head,
        object::{
            self,
            Kind, //
        }, //
    }, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::aref::ARef, //
};

/// The capabilities that the multiplexer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capability {
    /// `CAP_SYS_ADMIN`
    SysAdmin,
    /// `CAP_SYS_RESOURCE`
    SysResource,
    /// `CAP_LINUX_IMMUTABLE`
    LinuxImmutable,
}

/// The context of the current task.
pub(crate) fn context() -> Option<ARef<Context>> {
    object::current()
}

/// The network context of the current task.
pub(crate) fn network() -> Option<ARef<Network>> {
    object::current()
}

/// Context id of the current task.
pub(crate) fn xid() -> u32 {
    // SAFETY: Reads a field of the current task.
    unsafe { bindings::vs_core_xid() }
}

/// Network context id of the current task.
pub(crate) fn nid() -> u32 {
    // SAFETY: Reads a field of the current task.
    unsafe { bindings::vs_core_nid() }
}

/// The current task is in a context whose setup has ended.
pub(crate) fn is_sealed() -> bool {
    // SAFETY: Reads the current task and its context, which it keeps alive.
    unsafe { bindings::vs_core_sealed() }
}

/// `capable()`
pub(crate) fn capable(capability: Capability) -> bool {
    let number = match capability {
        Capability::SysAdmin => bindings::CAP_SYS_ADMIN,
        Capability::SysResource => bindings::CAP_SYS_RESOURCE,
        Capability::LinuxImmutable => bindings::CAP_LINUX_IMMUTABLE,
    };
    // SAFETY: May be called from process context with any valid capability.
    unsafe { bindings::capable(number as i32) }
}

/// Moves the current task into a context. May sleep. Errors: `EFAULT` when the context has ended,
/// `ENOMEM`.
pub(crate) fn migrate(context: &Context) -> Result {
    // SAFETY: The head is valid, and we are in a system call of the current task.
    to_result(unsafe { bindings::vs_task_migrate(head::raw(context)) })
}

/// Moves the current task into a network context. May sleep. Errors: `EFAULT` when it has ended.
pub(crate) fn migrate_net(network: &Network) -> Result {
    // SAFETY: The head is valid, and we are in a system call of the current task.
    to_result(unsafe { bindings::vs_task_migrate_net(head::raw_net(network)) })
}

/// Makes the current task a spectator of contexts or network contexts.
pub(crate) fn spectate(kind: Kind) {
    // SAFETY: Writes a field of the current task.
    unsafe { bindings::vs_task_spectate(kind.number()) };
}

/// Registers the current task, which is in the context, as its init.
pub(crate) fn become_init(context: &Context) {
    // SAFETY: The head is valid.
    unsafe { bindings::vs_init_register(head::raw(context)) };
}

/// Registers the current task, which is in the context, as the one that gets its orphans.
pub(crate) fn become_reaper(context: &Context) {
    // SAFETY: The head is valid; the exit of the task, which is in the context, takes the
    // registration back.
    unsafe { bindings::vs_init_reap(head::raw(context)) };
}

/// Sets the tag of the files that the current task makes.
pub(crate) fn set_tag(tag: u32) {
    // SAFETY: Writes a field of the current task.
    unsafe { bindings::vs_task_set_tag(tag) };
}

/// `unshare(2)` for the current task. May sleep. Errors: those of the call.
pub(crate) fn unshare(flags: u64) -> Result {
    // SAFETY: We are in a system call of the current task.
    to_result(unsafe { bindings::vs_task_unshare(flags) })
}

/// Which id of a task.
#[derive(Clone, Copy)]
pub(crate) enum Id {
    /// Context id.
    Context,
    /// Network context id.
    Network,
    /// Tag.
    Tag,
}

/// The id of a task by its pid in the initial pid namespace, 0 for the caller. `None` when there
/// is no such task.
pub(crate) fn id_of(pid: u32, id: Id) -> Option<u32> {
    let which = match id {
        Id::Context => Kind::Context.number(),
        Id::Network => Kind::Network.number(),
        Id::Tag => bindings::vs_kind_VS_KINDS,
    };
    let mut found = false;
    // SAFETY: `found` is valid for writes.
    let value = unsafe { bindings::vs_task_id(pid, which, &raw mut found) };
    found.then_some(value)
}

/// The processor is online now.
pub(crate) fn is_online(cpu: u32) -> bool {
    // SAFETY: Tests a bit; the number is that of a possible processor.
    unsafe { bindings::vs_core_online(cpu) }
}

/// The number is that of a signal, or 0.
pub(crate) fn is_signal(sig: i32) -> bool {
    // SAFETY: Compares numbers. A negative number becomes a large one, as in kill(2).
    unsafe { bindings::vs_core_valid_signal(sig as usize) }
}

/// Signals all processes of a context but one. Errors: `ESRCH` when there is none.
pub(crate) fn signal_all(context: &Context, sig: i32, except: i32) -> Result {
    // SAFETY: The head is valid and the signal was checked by the caller.
    to_result(unsafe { bindings::vs_signal_all(head::raw(context), sig, except) })
}

/// Signals one process of a context. Errors: `ESRCH` when it is not in the context.
pub(crate) fn signal_pid(context: &Context, sig: i32, pid: i32) -> Result {
    // SAFETY: The head is valid and the signal was checked by the caller.
    to_result(unsafe { bindings::vs_signal_pid(head::raw(context), sig, pid) })
}
