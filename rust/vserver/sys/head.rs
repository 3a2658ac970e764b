// SPDX-License-Identifier: GPL-2.0

//! The heads of contexts and network contexts, shared with C.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `struct vs_ctx` and
//! `struct vs_net`

use crate::{
    abi::sock,
    context::Context,
    limit::{
        Counted,
        Usage, //
    },
    load::Load,
    network::Network,
    pool::{
        Pool,
        Share, //
    },
    sys::object::{
        self,
        Kind,
        Object,
        Shared, //
    }, //
};
use core::{
    convert::Infallible,
    ops::Deref,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};

/// The head of a context: `struct vs_ctx`.
///
/// Words are read and written without a lock; [`Context`] serialises the writers.
#[repr(transparent)]
pub(crate) struct Head(Opaque<bindings::vs_ctx>);

/// What a context has done on a processor, nanoseconds. None of them goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// In user mode.
    pub(crate) user: u64,
    /// In the kernel.
    pub(crate) system: u64,
    /// During which tasks were on hold there.
    pub(crate) hold: u64,
}

/// The head of a network context: `struct vs_net`. Words as in [`Head`].
#[repr(transparent)]
pub(crate) struct NetHead(Opaque<bindings::vs_net>);

/// What both heads are made of: a common part at the front, and words.
macro_rules! head {
    ($head:ident, $c:ident, $around:ident, $kind:expr, $offset:path) => {
        // SAFETY: All fields of the head are atomic, constant after initialisation or accessed
        // with single volatile loads and stores.
        unsafe impl Send for $head {}
        // SAFETY: As above.
        unsafe impl Sync for $head {}

        impl $head {
            fn as_ptr(&self) -> *mut bindings::$c {
                self.0.get()
            }
        }

        impl Deref for $head {
            type Target = Object;

            fn deref(&self) -> &Object {
                // SAFETY: The object is the first member of the head, and `Object` is a
                // transparent wrapper of it.
                unsafe { &*self.as_ptr().cast::<Object>() }
            }
        }

        const _: () = assert!($offset == 0);
        const _: () = assert!(core::mem::offset_of!(bindings::$c, obj) == 0);

        // SAFETY: Asserted above: the head is the first member, the object the first of the head.
        // The only constructor puts the value into a `KBox` and hands it to `Claim::from_new`.
        unsafe impl Shared for $around {
            const KIND: Kind = $kind;

            fn object(&self) -> &Object {
                self.head()
            }
        }

        // SAFETY: The counter is in the object; the memory is freed by `sys::ops` when it reaches
        // zero.
        unsafe impl AlwaysRefCounted for $around {
            fn inc_ref(&self) {
                self.object().get();
            }

            unsafe fn dec_ref(obj: NonNull<Self>) {
                // SAFETY: The caller gives up a reference that it owns.
                unsafe { object::put(obj) };
            }
        }
    };
}

head!(
    Head,
    vs_ctx,
    Context,
    Kind::Context,
    crate::context::HEAD_OFFSET
);
head!(
    NetHead,
    vs_net,
    Network,
    Kind::Network,
    crate::network::HEAD_OFFSET
);

impl Head {
    /// Initialises the head: one reference and one claim, both the caller's; all capabilities in
    /// the mask. May sleep. Errors: `ENOMEM`.
    pub(crate) fn new(xid: u32, flags: u64) -> impl PinInit<Self, Error> {
        // SAFETY: `slot` is valid for writes and pinned. It is zeroed before the common part is
        // initialised; zero is right for all other fields but those that are set here. The two calls
        // that can fail come first. If the second fails, the first is taken back.
        unsafe {
            pin_init::pin_init_from_closure(move |slot: *mut Self| {
                let ctx = slot.cast::<bindings::vs_ctx>();
                ctx.write_bytes(0, 1);
                to_result(bindings::vs_traffic_init(ctx))?;
                to_result(bindings::vs_cpu_init(ctx))
                    .inspect_err(|_| bindings::vs_traffic_free(ctx))?;
                bindings::vs_limit_init(ctx);
                bindings::vs_values_init(ctx);
                Object::init(&raw mut (*ctx).obj, Kind::Context, xid, flags);
                bindings::atomic64_set(&raw mut (*ctx).bcaps, -1);
                Ok::<(), Error>(())
            })
        }
    }

    /// Operations and bytes of the sockets of a class of address families (`abi::sock`, below its
    /// `COUNT`): received, sent, failed.
    pub(crate) fn traffic(&self, class: u32) -> ([u64; 3], [u64; 3]) {
        let (mut count, mut total) = ([0; 3], [0; 3]);
        if class >= sock::COUNT {
            return (count, total);
        }
        // SAFETY: The head is valid, the class is one, both arrays are as long as C writes.
        unsafe {
            bindings::vs_traffic_read(self.as_ptr(), class, count.as_mut_ptr(), total.as_mut_ptr())
        };
        (count, total)
    }

    fn limit(&self, resource: Counted) -> *mut bindings::vs_limit {
        // SAFETY: The head is valid; the discriminants are the indices of the array in C, asserted
        // below.
        unsafe {
            (&raw mut (*self.as_ptr()).limits)
                .cast::<bindings::vs_limit>()
                .add(resource as usize)
        }
    }

    /// What the context has and had of a resource.
    pub(crate) fn usage(&self, resource: Counted) -> Usage {
        let limit = self.limit(resource);
        // A value below zero cannot be: everything is counted before it is uncounted.
        let read = |word: *const bindings::atomic64_t| {
            // SAFETY: The callers below pass words of the head, valid while `self` is.
            let value = unsafe { bindings::atomic64_read(word) };
            value.max(0) as u64
        };
        // SAFETY: Only the addresses are taken; `limit` points into the head.
        unsafe {
            let value = read(&raw const (*limit).value);
            Usage {
                value,
                // How little there was is noted when something is added again.
                minimum: read(&raw const (*limit).minimum).min(value),
                maximum: read(&raw const (*limit).maximum),
                hits: read(&raw const (*limit).hits),
            }
        }
    }

    /// Counts a resource, if it is not counted as it comes and goes. May sleep.
    pub(crate) fn count_on_demand(&self, resource: Counted) {
        // SAFETY: The head is valid, and the number that of a resource.
        unsafe { bindings::vs_limit_refresh(self.as_ptr(), resource as u32) };
    }

    /// What may be had of a resource from now on; `i64::MAX` for no limit.
    pub(crate) fn set_ceiling(&self, resource: Counted, ceiling: i64) {
        // SAFETY: The head is valid, and the number that of a resource.
        unsafe { bindings::vs_limit_set(self.as_ptr(), resource as u32, ceiling) };
    }

    /// Forgets the refusals of a resource.
    pub(crate) fn reset_hits(&self, resource: Counted) {
        // SAFETY: The word is valid while `self` is.
        unsafe { bindings::atomic64_set(&raw mut (*self.limit(resource)).hits, 0) };
    }

    /// Begins anew with the lowest and highest use of all resources.
    pub(crate) fn reset_extremes(&self) {
        // SAFETY: The head is valid.
        unsafe { bindings::vs_limit_reset(self.as_ptr()) };
    }

    /// The pool of tokens as it is now. Any context.
    pub(crate) fn pool(&self) -> Pool {
        let mut pool = bindings::vs_pool::default();
        // SAFETY: The head is valid, and `pool` for writes.
        unsafe { bindings::vs_pool_read(self.as_ptr(), &raw mut pool) };
        Pool(pool)
    }

    /// What the tasks are about, from a count that is not older than a tenth of a second. May sleep.
    pub(crate) fn load(&self) -> Load {
        let mut load = bindings::vs_load::default();
        // SAFETY: The head is valid, and `load` for writes.
        unsafe { bindings::vs_load_read(self.as_ptr(), &raw mut load) };
        Load(load)
    }

    /// Threads that were started in the context; wraps around. Any context.
    pub(crate) fn forks(&self) -> u32 {
        // SAFETY: The head is valid.
        unsafe { bindings::vs_forks(self.as_ptr()) }
    }

    /// What the clock of the context is ahead of that of the host, nanoseconds, as one of its tasks
    /// has set it last. Any context.
    pub(crate) fn clock(&self) -> i64 {
        // SAFETY: The head is valid; the word is atomic.
        unsafe { bindings::atomic64_read(&raw const (*self.as_ptr()).values.clock) }
    }

    /// Threads that are on hold. Any context.
    pub(crate) fn holders(&self) -> u32 {
        // SAFETY: The head is valid.
        unsafe { bindings::vs_holders(self.as_ptr()) }
    }

    /// Makes changed flags and shares count, adds tokens (nanoseconds, may be below 0) and lets
    /// tasks on hold look again. Process context.
    pub(crate) fn refresh(&self, more: i64) {
        /// The most that the pool can take at once.
        const MOST: i64 = 1 << 62;
        // SAFETY: The head is valid, the number within the bounds.
        unsafe { bindings::vs_pool_refresh(self.as_ptr(), more.clamp(-MOST, MOST)) };
    }

    /// Sets what a processor adds to the pool, and its priority bias; nothing happens when it is
    /// impossible. To be followed by [`Head::refresh`]. Any context.
    pub(crate) fn set_share(&self, cpu: u32, share: Share, bias: i32) {
        let share = bindings::vs_share {
            rate: share.rate,
            idle_rate: share.idle_rate,
            min: share.min,
            max: share.max,
            bias,
        };
        // SAFETY: The head is valid; C checks the number of the processor and copies the share.
        unsafe { bindings::vs_cpu_set_share(self.as_ptr(), cpu, &raw const share) };
    }

    /// Weighs the tasks of the context anew after a change of the bias. Process context.
    pub(crate) fn apply_bias(&self) {
        // SAFETY: The head is valid.
        unsafe { bindings::vs_bias_apply(self.as_ptr()) };
    }

    /// What the context has done on a processor; nothing on an impossible one. Any context.
    pub(crate) fn times(&self, cpu: u32) -> Times {
        let mut times = bindings::vs_times::default();
        // SAFETY: The head is valid, C checks the number, and `times` is valid for writes.
        unsafe { bindings::vs_cpu_times(self.as_ptr(), cpu, &raw mut times) };
        Times {
            user: times.user,
            system: times.system,
            hold: times.hold,
        }
    }

    /// Pid of the registered init in the initial pid namespace, 0 when there is none.
    pub(crate) fn init_pid(&self) -> i32 {
        // SAFETY: Valid for reads; a racing store is a single aligned one.
        unsafe { (&raw const (*self.as_ptr()).init_pid).read_volatile() }
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

    /// Stores the last `reboot(2)` command of the guest.
    pub(crate) fn set_reboot_cmd(&self, cmd: i32) {
        // SAFETY: Valid for writes; a single aligned store.
        unsafe { (&raw mut (*self.as_ptr()).reboot_cmd).write_volatile(cmd) }
    }
}

const _: () = assert!(Counted::Threads as u32 == bindings::vs_resource_VS_THREADS);
const _: () = assert!(Counted::Files as u32 == bindings::vs_resource_VS_FILES);
const _: () = assert!(Counted::Sockets as u32 == bindings::vs_resource_VS_SOCKETS);
const _: () = assert!(Counted::ShmPages as u32 == bindings::vs_resource_VS_SHM_PAGES);
const _: () = assert!(Counted::SemArrays as u32 == bindings::vs_resource_VS_SEM_ARRAYS);
const _: () = assert!(Counted::Semaphores as u32 == bindings::vs_resource_VS_SEMAPHORES);
const _: () = assert!(Counted::Locks as u32 == bindings::vs_resource_VS_LOCKS);
const _: () = assert!(Counted::MsgBytes as u32 == bindings::vs_resource_VS_MSG_BYTES);
const _: () = assert!(Counted::Descriptors as u32 == bindings::vs_resource_VS_DESCRIPTORS);
const _: () = assert!(Counted::AddressSpace as u32 == bindings::vs_resource_VS_ADDRESS_SPACE);
const _: () = assert!(Counted::LockedPages as u32 == bindings::vs_resource_VS_LOCKED_PAGES);
const _: () = assert!(Counted::ALL.len() as u32 == bindings::vs_resource_VS_RESOURCES);

impl NetHead {
    /// Initialises the head: one reference and one claim, both the caller's. May sleep.
    pub(crate) fn new(nid: u32, flags: u64) -> impl PinInit<Self> {
        // SAFETY: As in `Head::new`.
        unsafe {
            pin_init::pin_init_from_closure(move |slot: *mut Self| {
                let net = slot.cast::<bindings::vs_net>();
                net.write_bytes(0, 1);
                Object::init(&raw mut (*net).obj, Kind::Network, nid, flags);
                bindings::vs_net_init(net);
                Ok::<(), Infallible>(())
            })
        }
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        // SAFETY: As for `NetHead`: nobody refers to the context any more.
        unsafe {
            bindings::vs_traffic_free(self.as_ptr());
            bindings::vs_cpu_free(self.as_ptr());
        }
    }
}

impl Drop for NetHead {
    fn drop(&mut self) {
        // SAFETY: `sys::ops` drops a network context when nobody refers to it any more, a grace
        // period after the last reference went. One that was never handed out had no readers.
        unsafe { bindings::vs_net_free(self.as_ptr()) };
    }
}

/// Accessors of the 64-bit words.
macro_rules! words {
    ($head:ident: $($field:ident, $set:ident, $doc:literal;)*) => {
        impl $head {
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
    Head:
    bcaps, set_bcaps, "Linux capabilities that tasks may use.";
    ccaps, set_ccaps, "Context capabilities (`VXC_*`).";
    umask, set_umask, "Namespaces that tasks may create.";
    badness, set_badness, "What is added to the out-of-memory score of tasks.";
}

words! {
    NetHead:
    ncaps, set_ncaps, "Network context capabilities (`NXC_*`).";
}

/// Access for the other modules of the border.
pub(super) fn raw(context: &Context) -> *mut bindings::vs_ctx {
    context.head().as_ptr()
}

/// As [`raw`], for a network context.
pub(super) fn raw_net(network: &Network) -> *mut bindings::vs_net {
    network.head().as_ptr()
}
