// SPDX-License-Identifier: GPL-2.0

//! What C calls: `struct vs_ops`.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h)

use crate::{
    context::Context,
    dispatch,
    report,
    sys::head::Head,
    LocalModule, //
};
use kernel::{
    bindings,
    error::to_result,
    ffi::{
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
    show: Some(show),
});

/// The system call. `compat` tells a 32-bit caller; no layout so far depends on it.
extern "C" fn syscall(cmd: u32, id: u32, data: *mut c_void, _compat: bool) -> c_long {
    match dispatch::call(cmd, id, UserPtr::from_ptr(data)) {
        Ok(value) => value as c_long,
        Err(error) => error.to_errno() as c_long,
    }
}

/// # Safety
///
/// `ctx` must be the head of a context on which the caller holds a reference.
unsafe extern "C" fn ended(ctx: *mut bindings::vs_ctx) {
    // SAFETY: By the requirement above.
    unsafe { Head::context_of(ctx) }.end();
}

/// # Safety
///
/// `ctx` must be the head of a context that nobody refers to any more.
unsafe extern "C" fn release(ctx: *mut bindings::vs_ctx) {
    // SAFETY: The context came out of a `KBox` in `Claim::from_new`; its head is its first member,
    // and the last reference is gone.
    drop(unsafe { KBox::from_raw(ctx.cast::<Context>()) });
}

/// # Safety
///
/// `m` must be a seq file in its show function; `ctx` null or the head of a context on which the
/// caller holds a reference.
unsafe extern "C" fn show(
    m: *mut bindings::seq_file,
    ctx: *mut bindings::vs_ctx,
    file: u32,
) -> c_int {
    // SAFETY: By the requirement above; a show function is called by one thread.
    let m = unsafe { SeqFile::from_raw(m) };
    let context = if ctx.is_null() {
        None
    } else {
        // SAFETY: By the requirement above.
        Some(unsafe { Head::context_of(ctx) })
    };
    match (file, context) {
        (bindings::vs_file_VS_FILE_INFO, _) => report::show_info(m),
        (bindings::vs_file_VS_FILE_CTX_INFO, Some(context)) => report::show_ctx_info(m, context),
        (bindings::vs_file_VS_FILE_CTX_STATUS, Some(context)) => {
            report::show_ctx_status(m, context)
        }
        (bindings::vs_file_VS_FILE_VINFO, Some(context)) => report::show_vinfo(m, context),
        _ => return ENOENT.to_errno(),
    }
    0
}
