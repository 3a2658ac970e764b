// SPDX-License-Identifier: GPL-2.0

//! What C calls: `struct vs_ops`.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h)

use crate::{
    context::Context,
    cpuinfo,
    device,
    dispatch,
    event,
    load::Load,
    memory::Memory,
    network::Network,
    pool::Pool,
    procfs,
    sys::object,
    LocalModule, //
};
use kernel::{
    bindings,
    error::to_result,
    ffi::{
        c_char,
        c_int,
        c_long,
        c_void, //
    },
    module::this_module,
    prelude::*,
    seq_file::SeqFile,
    uaccess::UserPtr, //
};

/// While this lives, the glue calls this module.
pub(crate) struct Registration(());

impl Registration {
    /// Announces the module. May sleep. Errors: `EBUSY`, `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: `OPS` is constant and lives as long as the module.
        to_result(unsafe { bindings::vs_register(&raw const OPS.0) })?;
        Ok(Self(()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: `new` has registered the module. Contexts pin it, so none is left.
        unsafe { bindings::vs_unregister() };
    }
}

struct Ops(bindings::vs_ops);

// SAFETY: The table is constant and its functions may be called from any thread.
unsafe impl Sync for Ops {}

static OPS: Ops = Ops(bindings::vs_ops {
    owner: this_module::<LocalModule>().as_ptr(),
    syscall: Some(syscall),
    ended: Some(ended),
    release: Some(release),
    reboot: Some(reboot),
    show: Some(show),
    device: Some(device),
    settle: Some(settle),
    load: Some(load),
    memory: Some(memory),
    cpuinfo: Some(cpuinfo),
});

/// The system call. `compat` tells a 32-bit caller.
extern "C" fn syscall(cmd: u32, id: u32, data: *mut c_void, compat: bool) -> c_long {
    match dispatch::call(cmd, id, UserPtr::from_ptr(data), compat) {
        Ok(value) => value as c_long,
        Err(error) => error.to_errno() as c_long,
    }
}

/// # Safety
///
/// `obj` must be an object on which the caller holds a reference.
unsafe extern "C" fn ended(obj: *mut bindings::vs_object) {
    // SAFETY: By the requirement above; the kind is constant.
    match unsafe { (*obj).kind } {
        // SAFETY: By the requirement above, and the kind says so.
        bindings::vs_kind_VS_NETWORK => unsafe { object::of::<Network>(obj) }.end(),
        // SAFETY: As above.
        _ => unsafe { object::of::<Context>(obj) }.end(),
    }
}

/// # Safety
///
/// `obj` must be an object that nobody refers to any more.
unsafe extern "C" fn release(obj: *mut bindings::vs_object) {
    // SAFETY: By the requirement above; the kind is constant.
    match unsafe { (*obj).kind } {
        bindings::vs_kind_VS_NETWORK => {
            // SAFETY: The network context came out of a `KBox` in `Claim::from_new`; the object is
            // its first member, and the last reference is gone.
            drop(unsafe { KBox::from_raw(obj.cast::<Network>()) });
        }
        _ => {
            // SAFETY: As above, for a context.
            drop(unsafe { KBox::from_raw(obj.cast::<Context>()) });
        }
    }
}

/// # Safety
///
/// `ctx` must be the head of a context on which the caller holds a reference.
unsafe extern "C" fn reboot(ctx: *mut bindings::vs_ctx, cmd: u32) -> c_int {
    // SAFETY: By the requirement above; the object is the first member of the head.
    let context = unsafe { object::of::<Context>(ctx.cast()) };
    match event::reboot(context, cmd) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// # Safety
///
/// `m` must be a seq file in its show function; `obj` null or an object of the kind that `file` is
/// about, on which the caller holds a reference.
unsafe extern "C" fn show(
    m: *mut bindings::seq_file,
    obj: *mut bindings::vs_object,
    file: u32,
) -> c_int {
    // SAFETY: By the requirement above; a show function is called by one thread.
    let m = unsafe { SeqFile::from_raw(m) };
    if obj.is_null() {
        if file != bindings::vs_file_VS_FILE_INFO {
            return ENOENT.to_errno();
        }
        procfs::show_info(m);
        return 0;
    }
    // SAFETY: By the requirement above; the kind is constant.
    if unsafe { (*obj).kind } == bindings::vs_kind_VS_NETWORK {
        // SAFETY: The kind says so, and the caller holds a reference.
        let network = unsafe { object::of::<Network>(obj) };
        match file {
            bindings::vs_file_VS_FILE_NET_INFO => procfs::show_net_info(m, network),
            bindings::vs_file_VS_FILE_NET_STATUS => procfs::show_net_status(m, network),
            bindings::vs_file_VS_FILE_NINFO => procfs::show_ninfo(m, network),
            _ => return ENOENT.to_errno(),
        }
        return 0;
    }
    // SAFETY: As above.
    let context = unsafe { object::of::<Context>(obj) };
    match file {
        bindings::vs_file_VS_FILE_CTX_INFO => procfs::show_ctx_info(m, context),
        bindings::vs_file_VS_FILE_CTX_STATUS => procfs::show_ctx_status(m, context),
        bindings::vs_file_VS_FILE_CTX_LIMIT => procfs::show_limit(m, context),
        bindings::vs_file_VS_FILE_CTX_SCHED => procfs::show_sched(m, context),
        bindings::vs_file_VS_FILE_CTX_CVIRT => procfs::show_cvirt(m, context),
        bindings::vs_file_VS_FILE_CTX_CACCT => procfs::show_cacct(m, context),
        bindings::vs_file_VS_FILE_CTX_NSPROXY => procfs::show_spaces(m, context, 0),
        bindings::vs_file_VS_FILE_CTX_NSPROXY1 => procfs::show_spaces(m, context, 1),
        bindings::vs_file_VS_FILE_VINFO => procfs::show_vinfo(m, context),
        _ => return ENOENT.to_errno(),
    }
    0
}

/// # Safety
///
/// `ctx` must be the head of a context on which the caller holds a reference, `dev` valid for
/// reads and writes.
unsafe extern "C" fn device(ctx: *mut bindings::vs_ctx, block: bool, dev: *mut u32) -> bool {
    // SAFETY: By the requirement above; the object is the first member of the head.
    let context = unsafe { object::of::<Context>(ctx.cast()) };
    // SAFETY: By the requirement above.
    let node = device::Node::new(block, unsafe { *dev });
    match device::opened(context, node) {
        Some(target) => {
            // SAFETY: As above.
            unsafe { *dev = target };
            true
        }
        None => false,
    }
}

/// # Safety
///
/// `pool` must be the pool of a context, locked by the caller.
unsafe extern "C" fn settle(pool: *mut bindings::vs_pool, flags: u64, now: u64, used: u64) -> u64 {
    // SAFETY: By the requirement above nobody else writes to it; `Pool` is a transparent wrapper.
    // C reads `held` without the lock, with a volatile load of one byte.
    let pool = unsafe { &mut *pool.cast::<Pool>() };
    pool.settle(flags, now, used).unwrap_or(0)
}

/// # Safety
///
/// `load` must be valid for reads and writes, and nobody else's while this runs.
unsafe extern "C" fn load(load: *mut bindings::vs_load, now: u64) {
    // SAFETY: By the requirement above; `Load` is a transparent wrapper.
    unsafe { &mut *load.cast::<Load>() }.settle(now);
}

/// # Safety
///
/// `memory` must be valid for reads and writes, and nobody else's while this runs.
unsafe extern "C" fn memory(memory: *mut bindings::vs_memory) {
    // SAFETY: By the requirement above; `Memory` is a transparent wrapper.
    unsafe { &mut *memory.cast::<Memory>() }.settle();
}

/// # Safety
///
/// `text` must be valid for reads and writes of `len` initialised bytes that are nobody else's while
/// this runs, `cpus` a mask of processors that does not change.
unsafe extern "C" fn cpuinfo(
    text: *mut c_char,
    len: usize,
    cpus: *const bindings::cpumask,
) -> usize {
    // SAFETY: By the requirement above.
    let text = unsafe { core::slice::from_raw_parts_mut(text.cast::<u8>(), len) };
    // SAFETY: By the requirement above; C checks the number.
    cpuinfo::retain(text, |cpu| unsafe { bindings::vs_cpus_have(cpus, cpu) })
}
