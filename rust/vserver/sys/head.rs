// SPDX-License-Identifier: GPL-2.0

//! The head of a context, shared with C, and the counters that keep the context alive.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `struct vs_ctx`

use crate::{
    context::Context,
    LocalModule, //
};
use core::{
    mem::ManuallyDrop,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    error::to_result,
    module::this_module,
    prelude::*,
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque, //
};

/// The head of a context: `struct vs_ctx`.
///
/// Words are read and written without a lock; [`Context`] serialises the writers.
#[repr(transparent)]
pub(crate) struct Head(Opaque<bindings::vs_ctx>);

// SAFETY: All fields of `struct vs_ctx` are atomic, constant after initialisation or accessed with
// single volatile loads and stores.
unsafe impl Send for Head {}
// SAFETY: As above.
unsafe impl Sync for Head {}

impl Head {
    /// Initialises the head: one reference and one claim, both the caller's. May sleep.
    pub(crate) fn new(xid: u32, flags: u64) -> impl PinInit<Self> {
        let owner = this_module::<LocalModule>().as_ptr();
        // SAFETY: `slot` is valid for writes and pinned. It is zeroed before the C function, which
        // expects that, initialises all fields that are not zero. The module is pinned by the
        // running system call or by its own initialisation.
        unsafe {
            pin_init::pin_init_from_closure(move |slot: *mut Self| {
                let ctx = slot.cast::<bindings::vs_ctx>();
                ctx.write_bytes(0, 1);
                bindings::vs_ctx_init(ctx, owner, xid, flags);
                Ok::<(), core::convert::Infallible>(())
            })
        }
    }

    fn as_ptr(&self) -> *mut bindings::vs_ctx {
        self.0.get()
    }

    /// The context that a pointer from C stands for.
    ///
    /// # Safety
    ///
    /// `ctx` must be the head of a [`Context`] on which the caller holds a reference for `'a`.
    pub(super) unsafe fn context_of<'a>(ctx: *mut bindings::vs_ctx) -> &'a Context {
        // SAFETY: Every `struct vs_ctx` is the first member of a `Context`, which is `repr(C)`, see
        // the assertion below; the caller keeps it alive.
        unsafe { &*ctx.cast::<Context>() }
    }

    /// Takes a counted pointer over.
    ///
    /// # Safety
    ///
    /// As [`Head::context_of`], and the caller gives up its reference.
    unsafe fn take(ctx: NonNull<bindings::vs_ctx>) -> ARef<Context> {
        // SAFETY: By the requirements above.
        unsafe { ARef::from_raw(ctx.cast::<Context>()) }
    }

    /// Looks a context up by id. Lockless.
    pub(crate) fn find(xid: u32) -> Option<ARef<Context>> {
        // SAFETY: Any id may be asked for.
        let ctx = unsafe { bindings::vs_ctx_find(xid) };
        // SAFETY: The function returned a reference for us.
        NonNull::new(ctx).map(|ctx| unsafe { Self::take(ctx) })
    }

    /// Enters the context into the table. May sleep. Errors: `EBUSY` when the id is taken,
    /// `ENOMEM`.
    pub(crate) fn publish(&self) -> Result {
        // SAFETY: The head is valid; the table does not own a reference, and the context is taken
        // out before its last reference goes: `Context::end` runs when the last claim goes, and
        // who holds a claim holds a reference.
        to_result(unsafe { bindings::vs_ctx_publish(self.as_ptr()) })
    }

    /// Takes the context out of the table, if it is in. May sleep.
    pub(crate) fn withdraw(&self) {
        // SAFETY: The head is valid.
        unsafe { bindings::vs_ctx_withdraw(self.as_ptr()) };
    }

    /// Context id.
    pub(crate) fn xid(&self) -> u32 {
        // SAFETY: Constant after initialisation.
        unsafe { (*self.as_ptr()).xid }
    }

    /// Number that no other context ever has.
    pub(crate) fn instance(&self) -> u64 {
        // SAFETY: Constant after initialisation.
        unsafe { (*self.as_ptr()).instance }
    }

    /// References.
    pub(crate) fn references(&self) -> u32 {
        // SAFETY: The counter is valid while `self` is.
        unsafe { bindings::vs_ctx_references(self.as_ptr()) }
    }

    /// Task claims.
    pub(crate) fn tasks(&self) -> u32 {
        // SAFETY: The counter is valid while `self` is.
        unsafe { bindings::atomic_read(&raw const (*self.as_ptr()).tasks) as u32 }
    }

    /// Pid of the registered init in the initial pid namespace, 0 when there is none.
    pub(crate) fn init_pid(&self) -> i32 {
        // SAFETY: Valid for reads; a racing store is a single aligned one.
        unsafe { (&raw const (*self.as_ptr()).init_pid).read_volatile() }
    }

    /// Registers the init.
    pub(crate) fn set_init_pid(&self, pid: i32) {
        // SAFETY: Valid for writes; a single aligned store.
        unsafe { (&raw mut (*self.as_ptr()).init_pid).write_volatile(pid) }
    }

    /// Code of the task that exited last, as `wait(2)` reports it.
    pub(crate) fn exit_code(&self) -> i32 {
        // SAFETY: As for `init_pid`.
        unsafe { (&raw const (*self.as_ptr()).exit_code).read_volatile() }
    }

    /// Last `reboot(2)` command of the guest.
    pub(crate) fn reboot_cmd(&self) -> i32 {
        // SAFETY: As for `init_pid`.
        unsafe { (&raw const (*self.as_ptr()).reboot_cmd).read_volatile() }
    }
}

/// Accessors of the 64-bit words.
macro_rules! words {
    ($($field:ident, $set:ident, $doc:literal;)*) => {
        impl Head {
            $(
                #[doc = $doc]
                pub(crate) fn $field(&self) -> u64 {
                    // SAFETY: The word is valid while `self` is.
                    unsafe {
                        bindings::atomic64_read(&raw const (*self.as_ptr()).$field) as u64
                    }
                }

                #[doc = concat!("Sets: ", $doc)]
                pub(crate) fn $set(&self, value: u64) {
                    // SAFETY: The word is valid while `self` is.
                    unsafe {
                        bindings::atomic64_set(&raw mut (*self.as_ptr()).$field, value as i64)
                    }
                }
            )*
        }
    };
}

words! {
    flags, set_flags, "Context flags (`VXF_*`).";
    bcaps, set_bcaps, "Linux capabilities that tasks may use.";
    ccaps, set_ccaps, "Context capabilities (`VXC_*`).";
    umask, set_umask, "Namespaces that tasks may create.";
}

// C finds a context by its head.
const _: () = assert!(crate::context::HEAD_OFFSET == 0);

// SAFETY: The counter is in the head; the memory is freed by `sys::ops` when it reaches zero.
unsafe impl AlwaysRefCounted for Context {
    fn inc_ref(&self) {
        // SAFETY: `self` is alive, so the counter is not zero.
        unsafe { bindings::vs_ctx_get(self.head().as_ptr()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up a reference that it owns; the head is the first member.
        unsafe { bindings::vs_ctx_put(obj.as_ptr().cast()) };
    }
}

/// A task claim together with a reference. Dropping the last claim ends the context and may sleep.
///
/// # Invariants
///
/// One claim of the context belongs to this value.
pub(crate) struct Claim(ARef<Context>);

impl Claim {
    /// The claim and the reference that a new context starts with.
    pub(crate) fn from_new(context: Pin<KBox<Context>>) -> Self {
        // SAFETY: The context is not moved out of its allocation: it is only ever reached by
        // shared reference and freed in place by `sys::ops`.
        let context = KBox::into_raw(unsafe { Pin::into_inner_unchecked(context) });
        // SAFETY: Not null. The initial reference of the head is ours.
        // INVARIANT: So is its initial claim.
        Self(unsafe { ARef::from_raw(NonNull::new_unchecked(context)) })
    }

    /// Claims a context; `None` when it has ended.
    pub(crate) fn take(context: &Context) -> Option<Self> {
        // SAFETY: The head is valid.
        if !unsafe { bindings::vs_ctx_claim(context.head().as_ptr()) } {
            return None;
        }
        // INVARIANT: The claim was taken just now.
        Some(Self(ARef::from(context)))
    }
}

impl Deref for Claim {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // SAFETY: By the type invariant a claim is ours; the reference goes after this.
        unsafe { bindings::vs_ctx_unclaim(self.0.head().as_ptr()) };
    }
}

/// The context of the current task.
pub(super) fn current() -> Option<ARef<Context>> {
    // SAFETY: Reads the current task.
    let ctx = NonNull::new(unsafe { bindings::vs_task_ctx() })?;
    // SAFETY: The current task holds a reference, and nobody else changes its membership. We only
    // borrow that reference, so it must not be dropped here.
    let borrowed = ManuallyDrop::new(unsafe { Head::take(ctx) });
    Some((*borrowed).clone())
}

/// Access for the other modules of the border.
pub(super) fn raw(context: &Context) -> *mut bindings::vs_ctx {
    context.head().as_ptr()
}
