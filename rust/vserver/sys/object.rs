// SPDX-License-Identifier: GPL-2.0

//! What contexts and network contexts have in common, shared with C: identity, flags, and the
//! counters that keep an object alive.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `struct vs_object`

use crate::LocalModule;
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

/// Which table an object is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Contexts, by xid.
    Context,
    /// Network contexts, by nid.
    Network,
}

impl Kind {
    /// The number that C knows the kind by.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Context => bindings::vs_kind_VS_CONTEXT,
            Self::Network => bindings::vs_kind_VS_NETWORK,
        }
    }
}

/// The common part: `struct vs_object`.
///
/// Words are read and written without a lock; the owner of the object serialises the writers.
#[repr(transparent)]
pub(crate) struct Object(Opaque<bindings::vs_object>);

// SAFETY: All fields of `struct vs_object` are atomic or constant after initialisation.
unsafe impl Send for Object {}
// SAFETY: As above.
unsafe impl Sync for Object {}

/// A type whose first member is a `struct vs_object`.
///
/// # Safety
///
/// The object must be at offset 0 of the type, of kind `KIND`, and the type must be made in a
/// `KBox` and reached by shared reference only, so that `sys::ops` can free it.
pub(crate) unsafe trait Shared: AlwaysRefCounted + Sized {
    /// The table of the type.
    const KIND: Kind;

    /// The common part.
    fn object(&self) -> &Object;
}

impl Object {
    /// Initialises the common part: one reference and one claim, both the caller's. May sleep.
    ///
    /// # Safety
    ///
    /// `slot` must be valid for writes, zeroed and pinned.
    pub(super) unsafe fn init(slot: *mut bindings::vs_object, kind: Kind, id: u32, flags: u64) {
        let owner = this_module::<LocalModule>().as_ptr();
        // SAFETY: By the requirement above. The module is pinned by the running system call or by
        // its own initialisation.
        unsafe { bindings::vs_object_init(slot, owner, kind.number(), id, flags) };
    }

    fn as_ptr(&self) -> *mut bindings::vs_object {
        self.0.get()
    }

    /// Enters the object into its table. May sleep. Errors: `EBUSY` when the id is taken,
    /// `ENOMEM`.
    pub(crate) fn publish(&self) -> Result {
        // SAFETY: The object is valid; the table does not own a reference, and the object is taken
        // out before its last reference goes: it ends when the last claim goes, and who holds a
        // claim holds a reference.
        to_result(unsafe { bindings::vs_object_publish(self.as_ptr()) })
    }

    /// Takes the object out of its table, if it is in. May sleep.
    pub(crate) fn withdraw(&self) {
        // SAFETY: The object is valid.
        unsafe { bindings::vs_object_withdraw(self.as_ptr()) };
    }

    /// Context id or network context id.
    pub(crate) fn id(&self) -> u32 {
        // SAFETY: Constant after initialisation.
        unsafe { (*self.as_ptr()).id }
    }

    /// Number that no other object ever has.
    pub(crate) fn instance(&self) -> u64 {
        // SAFETY: Constant after initialisation.
        unsafe { (*self.as_ptr()).instance }
    }

    /// References.
    pub(crate) fn references(&self) -> u32 {
        // SAFETY: The counter is valid while `self` is.
        unsafe { bindings::vs_core_references(self.as_ptr()) }
    }

    /// Task claims.
    pub(crate) fn claims(&self) -> u32 {
        // SAFETY: The counter is valid while `self` is.
        unsafe { bindings::atomic_read(&raw const (*self.as_ptr()).claims) as u32 }
    }

    /// The flag word.
    pub(crate) fn flags(&self) -> u64 {
        // SAFETY: The word is valid while `self` is.
        unsafe { bindings::atomic64_read(&raw const (*self.as_ptr()).flags) as u64 }
    }

    /// Sets the flag word.
    pub(crate) fn set_flags(&self, value: u64) {
        // SAFETY: The word is valid while `self` is.
        unsafe { bindings::atomic64_set(&raw mut (*self.as_ptr()).flags, value as i64) }
    }

    /// Whether one of the flags in `mask` is set.
    pub(crate) fn has_flag(&self, mask: u64) -> bool {
        self.flags() & mask != 0
    }

    /// Takes a reference; part of [`AlwaysRefCounted`] of the type around the object.
    pub(super) fn get(&self) {
        // SAFETY: `self` is alive, so the counter is not zero.
        unsafe { bindings::vs_object_get(self.as_ptr()) };
    }
}

/// Drops a reference; part of [`AlwaysRefCounted`] of the type around the object.
///
/// # Safety
///
/// The caller must own a reference and give it up.
pub(super) unsafe fn put<T: Shared>(object: NonNull<T>) {
    // SAFETY: By the requirement above; the object is the first member.
    unsafe { bindings::vs_object_put(object.as_ptr().cast()) };
}

/// The value around a pointer from C.
///
/// # Safety
///
/// `object` must be of kind `T::KIND`, and the caller must hold a reference on it for `'a`.
pub(super) unsafe fn of<'a, T: Shared>(object: *mut bindings::vs_object) -> &'a T {
    // SAFETY: Every object of this kind is the first member of a `T`; the caller keeps it alive.
    unsafe { &*object.cast::<T>() }
}

/// Takes a counted pointer over.
///
/// # Safety
///
/// `object` must be of kind `T::KIND`, and the caller must give up a reference that it owns.
unsafe fn take<T: Shared>(object: NonNull<bindings::vs_object>) -> ARef<T> {
    // SAFETY: By the requirements above.
    unsafe { ARef::from_raw(object.cast::<T>()) }
}

/// Looks an object up by id. Lockless.
pub(crate) fn find<T: Shared>(id: u32) -> Option<ARef<T>> {
    // SAFETY: Any id may be asked for.
    let object = unsafe { bindings::vs_object_find(T::KIND.number(), id) };
    // SAFETY: The function returned a reference for us, on an object of the kind asked for.
    NonNull::new(object).map(|object| unsafe { take(object) })
}

/// The object of the current task.
pub(crate) fn current<T: Shared>() -> Option<ARef<T>> {
    // SAFETY: Reads the current task.
    let object = NonNull::new(unsafe { bindings::vs_task_object(T::KIND.number()) })?;
    // SAFETY: The current task holds a reference on an object of this kind, and nobody else changes
    // its membership. We only borrow that reference, so it must not be dropped here.
    let borrowed = ManuallyDrop::new(unsafe { take::<T>(object) });
    Some((*borrowed).clone())
}

/// A task claim together with a reference. Dropping the last claim ends the object and may sleep.
///
/// # Invariants
///
/// One claim of the object belongs to this value.
pub(crate) struct Claim<T: Shared>(ARef<T>);

impl<T: Shared> Claim<T> {
    /// The claim and the reference that a new object starts with.
    pub(crate) fn from_new(object: Pin<KBox<T>>) -> Self {
        // SAFETY: The object is not moved out of its allocation: it is only ever reached by shared
        // reference and freed in place by `sys::ops`.
        let object = KBox::into_raw(unsafe { Pin::into_inner_unchecked(object) });
        // SAFETY: Not null. The initial reference of the object is ours.
        // INVARIANT: So is its initial claim.
        Self(unsafe { ARef::from_raw(NonNull::new_unchecked(object)) })
    }

    /// Claims an object; `None` when it has ended.
    pub(crate) fn take(object: &T) -> Option<Self> {
        // SAFETY: The object is valid.
        if !unsafe { bindings::vs_object_claim(object.object().as_ptr()) } {
            return None;
        }
        // INVARIANT: The claim was taken just now.
        Some(Self(ARef::from(object)))
    }
}

impl<T: Shared> Deref for Claim<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Shared> Drop for Claim<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant a claim is ours; the reference goes after this.
        unsafe { bindings::vs_object_unclaim(self.0.object().as_ptr()) };
    }
}
