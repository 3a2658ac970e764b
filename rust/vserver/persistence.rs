// SPDX-License-Identifier: GPL-2.0

//! What keeps an object that no task is in: the claim of its flag PERSISTENT.

use crate::sys::object::{
    Claim,
    Shared, //
};
use kernel::prelude::*;

/// The claim that an object holds on itself while it is persistent.
pub(crate) struct Persistence<T: Shared>(Option<Claim<T>>);

impl<T: Shared> Persistence<T> {
    /// Not persistent.
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Takes the claim or gives it up; a second time changes nothing.
    ///
    /// What is given up is returned, because dropping it can end the object: the caller drops it
    /// when it holds no lock. Errors: `EFAULT` when the object has ended; nothing is changed.
    pub(crate) fn set(&mut self, object: &T, persistent: bool) -> Result<Option<Claim<T>>> {
        if !persistent {
            return Ok(self.0.take());
        }
        if self.0.is_none() {
            self.0 = Some(Claim::take(object).ok_or(EFAULT)?);
        }
        Ok(None)
    }
}
