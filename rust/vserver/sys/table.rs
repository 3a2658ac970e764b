// SPDX-License-Identifier: GPL-2.0

//! Tables of the module as a whole.

use crate::{
    device,
    disk_limit, //
};
use kernel::prelude::*;

kernel::sync::global_lock! {
    // SAFETY: Initialised by `Tables::new` in the initialisation of the module, before the system
    // call can reach it.
    pub(crate) unsafe(uninit) static DISK_LIMITS: Mutex<KVec<disk_limit::Entry>> = KVec::new();
}

kernel::sync::global_lock! {
    // SAFETY: As above.
    pub(crate) unsafe(uninit) static DEVICES: Mutex<device::Mappings> = device::Mappings::new();
}

/// The tables; dropping this empties them.
pub(crate) struct Tables(());

impl Tables {
    /// Makes the tables usable. For the initialisation of the module, once.
    pub(crate) fn new() -> Self {
        // SAFETY: Called once, by the initialisation of the module.
        unsafe { DISK_LIMITS.init() };
        // SAFETY: As above.
        unsafe { DEVICES.init() };
        Self(())
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        // A static is never dropped: what it holds would outlive the module.
        drop(core::mem::take(&mut *DISK_LIMITS.lock()));
        drop(core::mem::take(&mut *DEVICES.lock()));
        crate::sys::device::watch(false);
    }
}
