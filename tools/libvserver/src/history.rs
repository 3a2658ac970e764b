// SPDX-License-Identifier: GPL-2.0

//! The history ring of the kernel side.

#[cfg(target_pointer_width = "64")]
use crate::abi;
use crate::abi::vcmd;
use crate::{Result, Syscall, Vserver};

/// A part of the history of one processor.
#[cfg(target_pointer_width = "64")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The entries, oldest first.
    pub entries: Vec<abi::HistoryEntry>,
    /// Number of the entry after the last of them: where to go on reading.
    pub next: u32,
    /// Whether there are more entries already.
    pub more: bool,
}

/// The history. No context is involved: `ENOSYS` means also that the kernel keeps none.
impl<S: Syscall> Vserver<S> {
    /// Has the history printed to the log of the kernel.
    pub fn dump_history(&self) -> Result<()> {
        self.bare(vcmd::DUMP_HISTORY, 0).map(drop)
    }

    /// Reads at most `count` entries of the history of processor `cpu`, from number `index` on, or
    /// from the oldest that is left. With `count` 0 only the present number is told.
    ///
    /// The kernel writes entries as it has them, so this is for programs of its own word size.
    ///
    /// # Errors
    ///
    /// `EINVAL` when there cannot be such a processor.
    #[cfg(target_pointer_width = "64")]
    pub fn read_history(&self, cpu: u32, index: u32, count: u32) -> Result<History> {
        let mut entries = vec![abi::HistoryEntry::default(); count as usize];
        let mut data = abi::ReadHistory {
            index,
            count,
            data: entries.as_mut_ptr().expose_provenance(),
        };
        let more = self.pass(vcmd::READ_HISTORY, cpu, &mut data)? != 0;
        entries.truncate(data.count as usize);
        Ok(History {
            entries,
            next: data.index,
            more,
        })
    }
}
