// SPDX-License-Identifier: GPL-2.0

//! The helper program of the host.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h), `glue/helper.c`

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The program has started.
    Started,
    /// The program has ended, or takes too long.
    Ended,
}

/// Runs the helper program for an event. May sleep for half a minute. Errors: what starting it
/// says, `ETIMEDOUT`, `EIO` when the program failed.
pub(crate) fn run(action: &'static CStr, id: u32, event: u32, until: Until) -> Result {
    let mode = match until {
        Until::Started => bindings::VS_HELPER_START,
        Until::Ended => bindings::VS_HELPER_END,
    };
    // SAFETY: The text is constant; the numbers may be any.
    let status = unsafe { bindings::vs_helper_run(action.as_char_ptr(), id, event, mode) };
    to_result(status)?;
    // A positive status is that of the program.
    if status == 0 {
        Ok(())
    } else {
        Err(EIO)
    }
}
