// SPDX-License-Identifier: GPL-2.0

//! Device nodes.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `glue/device.c`

use crate::device::Node;
use kernel::{
    bindings,
    error::to_result,
    ffi::c_char,
    prelude::*, //
};

/// The device node that a path in user memory names; a final symbolic link is not followed. May
/// sleep. Errors: those of the path, `EINVAL` when it is no device node.
pub(crate) fn node(name: usize) -> Result<Node> {
    let (mut block, mut number) = (false, 0);
    // SAFETY: The path is read as user memory; both results are ours.
    to_result(unsafe {
        bindings::vs_device_number(name as *const c_char, &raw mut block, &raw mut number)
    })?;
    Ok(Node::new(block, number))
}

/// Tells the glue whether any device node is mapped, so that it asks.
pub(crate) fn watch(on: bool) {
    // SAFETY: Stores a flag.
    unsafe { bindings::vs_device_watch(on) };
}
