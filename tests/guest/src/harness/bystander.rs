// SPDX-License-Identifier: GPL-2.0

//! A process on the host that does nothing: the target of what guests must not do.

use super::check::Stop;
use super::child::Child;
use crate::sys::process;

/// A sleeping host process in a process group of its own.
pub struct Bystander {
    child: Child,
}

impl Bystander {
    /// Starts one and waits until it is in its own process group.
    pub fn start() -> Result<Self, Stop> {
        let child = Child::start(|| {
            let _ = process::setpgid(0, 0);
            process::sleep_for_ever()
        })?;
        // Both sides do it: whoever comes first, the group exists when this returns.
        let _ = process::setpgid(child.pid(), child.pid());
        Ok(Self { child })
    }

    /// Its pid, which is also its process group.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Whether nothing has ended it.
    pub fn lives(&self) -> bool {
        !self.child.has_ended()
    }
}
