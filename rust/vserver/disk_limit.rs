// SPDX-License-Identifier: GPL-2.0

//! Disk limits by file system and tag (semantics.md, section 14).
//!
//! The values are stored and told; file systems do not look at them yet. An entry whose file
//! system is unmounted matches nothing any more and stays until the core is unloaded.

use crate::{
    abi::{
        cdlim,
        Dlimit,
        DlimitBase,
        DlimitBaseCompat,
        DlimitCompat, //
    },
    dispatch::Call,
    sys::{
        inode,
        table::DISK_LIMITS, //
    }, //
};
use kernel::prelude::*;

/// Highest number of entries: one per file system and guest on a full machine, and a bound for
/// walking the table under its mutex.
const MAX_ENTRIES: usize = 65_536;

/// No limit on the space.
const UNLIMITED: u64 = u64::MAX;

/// Denominator of the part that others than root may fill.
const WHOLE: u32 = 1024;

/// What a tag may use of a file system. Space in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values {
    space_used: u64,
    space_total: u64,
    inodes_used: u32,
    inodes_total: u32,
    /// Part of the totals for others than root, in 1024ths.
    factor: u32,
}

/// An entry of the table.
pub(crate) struct Entry {
    file_system: u64,
    tag: u32,
    values: Values,
}

impl Values {
    /// A new entry refuses everything until it is set.
    const EMPTY: Self = Self {
        space_used: 0,
        space_total: 0,
        inodes_used: 0,
        inodes_total: 0,
        factor: 0,
    };

    /// The values after a set command that [`check`] has accepted.
    fn changed(self, data: &Dlimit) -> Self {
        let keep = |new: u32, old: u32| if new == cdlim::KEEP { old } else { new };
        let space = |new: u32, old: u64, shift: u32| match new {
            cdlim::KEEP => old,
            cdlim::INFINITY => UNLIMITED,
            value => bytes(value, data.flags, shift),
        };
        Self {
            space_used: match data.space_used {
                cdlim::KEEP => self.space_used,
                value => bytes(value, data.flags, cdlim::SCALE_USED_SHIFT),
            },
            space_total: space(data.space_total, self.space_total, cdlim::SCALE_TOTAL_SHIFT),
            inodes_used: keep(data.inodes_used, self.inodes_used),
            inodes_total: keep(data.inodes_total, self.inodes_total),
            factor: match data.reserved {
                cdlim::KEEP => self.factor,
                percent => WHOLE * (100 - percent) / 100,
            },
        }
    }

    /// Fills the answer of a get command.
    fn tell(&self, data: &mut Dlimit) {
        let (used, used_scale) = scaled(self.space_used, data.flags);
        let (total, total_scale) = if self.space_total == UNLIMITED {
            (cdlim::INFINITY, 0)
        } else {
            scaled(self.space_total, data.flags)
        };
        data.space_used = used;
        data.space_total = total;
        data.inodes_used = self.inodes_used;
        data.inodes_total = self.inodes_total;
        data.reserved = 100 - (self.factor * 100 + WHOLE / 2) / WHOLE;
        data.flags &= cdlim::DLIMF_SHIFT;
        if data.flags != 0 {
            data.flags |= used_scale << cdlim::SCALE_USED_SHIFT;
            data.flags |= total_scale << cdlim::SCALE_TOTAL_SHIFT;
        }
    }
}

/// How far a value of a command is shifted to become bytes: KiB unless it says otherwise.
fn bytes(value: u32, flags: u32, field: u32) -> u64 {
    let scale = if flags & cdlim::DLIMF_SHIFT == 0 {
        cdlim::SCALE_KIB
    } else {
        (flags >> field) & cdlim::SCALE_MASK
    };
    u64::from(value) << (10 * scale)
}

/// A number of bytes for an answer and the scale that it has: KiB, or the finest that fits.
fn scaled(bytes: u64, flags: u32) -> (u32, u32) {
    if flags & cdlim::DLIMF_SHIFT == 0 {
        return (narrow(bytes >> 10), cdlim::SCALE_KIB);
    }
    let mut value = bytes;
    let mut scale = cdlim::SCALE_BYTE;
    while value > u64::from(u32::MAX) && scale < cdlim::SCALE_GIB {
        value >>= 10;
        scale += 1;
    }
    (narrow(value), scale)
}

/// What does not fit is the highest number that does not mean something else.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).map_or(cdlim::KEEP - 1, |value| value.min(cdlim::KEEP - 1))
}

/// Refuses more used than there is, on the raw numbers as the original does, and more reserved
/// than all. Errors: `EINVAL`.
fn check(data: &Dlimit) -> Result {
    let over = |used: u32, total: u32| used != cdlim::KEEP && used > total;
    if (data.reserved > 100 && data.reserved != cdlim::KEEP)
        || over(data.space_used, data.space_total)
        || over(data.inodes_used, data.inodes_total)
    {
        return Err(EINVAL);
    }
    Ok(())
}

/// The tag that an id means.
fn tag(call: &Call) -> u32 {
    call.id()
}

fn position(entries: &[Entry], file_system: u64, tag: u32) -> Option<usize> {
    entries
        .iter()
        .position(|entry| entry.file_system == file_system && entry.tag == tag)
}

fn add(entries: &mut KVec<Entry>, file_system: u64, tag: u32) -> Result {
    if position(entries, file_system, tag).is_some() {
        return Err(EEXIST);
    }
    if entries.len() >= MAX_ENTRIES {
        return Err(ENOMEM);
    }
    entries.push(
        Entry {
            file_system,
            tag,
            values: Values::EMPTY,
        },
        GFP_KERNEL_ACCOUNT,
    )?;
    Ok(())
}

/// `add_dlimit`
pub(crate) fn add_dlimit(call: &Call) -> Result<u32> {
    let data: DlimitBase = call.read_as::<DlimitBase, DlimitBaseCompat>()?;
    let file_system = inode::file_system_of(data.name)?;
    add(&mut DISK_LIMITS.lock(), file_system, tag(call))?;
    Ok(0)
}

/// `rem_dlimit`
pub(crate) fn rem_dlimit(call: &Call) -> Result<u32> {
    let data: DlimitBase = call.read_as::<DlimitBase, DlimitBaseCompat>()?;
    let file_system = inode::file_system_of(data.name)?;
    let mut entries = DISK_LIMITS.lock();
    let index = position(&entries, file_system, tag(call)).ok_or(ESRCH)?;
    entries.remove(index).map_err(|_| ESRCH)?;
    Ok(0)
}

/// `set_dlimit`
pub(crate) fn set_dlimit(call: &Call) -> Result<u32> {
    let data: Dlimit = call.read_as::<Dlimit, DlimitCompat>()?;
    check(&data)?;
    let file_system = inode::file_system_of(data.name)?;
    let mut entries = DISK_LIMITS.lock();
    let index = position(&entries, file_system, tag(call)).ok_or(ESRCH)?;
    let entry = entries.get_mut(index).ok_or(ESRCH)?;
    entry.values = entry.values.changed(&data);
    Ok(0)
}

/// `get_dlimit`
pub(crate) fn get_dlimit(call: &Call) -> Result<u32> {
    let mut data: Dlimit = call.read_as::<Dlimit, DlimitCompat>()?;
    let file_system = inode::file_system_of(data.name)?;
    let values = {
        let entries = DISK_LIMITS.lock();
        let index = position(&entries, file_system, tag(call)).ok_or(ESRCH)?;
        entries.get(index).ok_or(ESRCH)?.values
    };
    values.tell(&mut data);
    call.write_as::<Dlimit, DlimitCompat>(data)?;
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_disk_limit)]
mod tests {
    use super::*;

    fn command() -> Dlimit {
        Dlimit {
            space_used: 10,
            space_total: 1000,
            inodes_used: 3,
            inodes_total: 50,
            reserved: 5,
            ..Dlimit::default()
        }
    }

    #[test]
    fn values_come_back() {
        let mut data = Dlimit::default();
        Values::EMPTY.changed(&command()).tell(&mut data);
        assert_eq!((data.space_used, data.space_total), (10, 1000));
        assert_eq!((data.inodes_used, data.inodes_total), (3, 50));
        assert_eq!((data.reserved, data.flags), (5, 0));
    }

    #[test]
    fn every_percentage_comes_back() {
        for reserved in 0..=100 {
            let mut data = command();
            data.reserved = reserved;
            Values::EMPTY.changed(&data).tell(&mut data);
            assert_eq!(data.reserved, reserved);
        }
    }

    #[test]
    fn keep_keeps() {
        let old = Values::EMPTY.changed(&command());
        let all = Dlimit {
            space_used: cdlim::KEEP,
            space_total: cdlim::KEEP,
            inodes_used: cdlim::KEEP,
            inodes_total: cdlim::KEEP,
            reserved: cdlim::KEEP,
            ..Dlimit::default()
        };
        assert_eq!(check(&all), Ok(()));
        assert_eq!(old.changed(&all), old);
    }

    #[test]
    fn space_can_be_unlimited() {
        let mut data = command();
        data.space_total = cdlim::INFINITY;
        let values = Values::EMPTY.changed(&data);
        assert_eq!(values.space_total, UNLIMITED);
        values.tell(&mut data);
        assert_eq!(data.space_total, cdlim::INFINITY);
    }

    #[test]
    fn scales_are_chosen_and_read() {
        let mut data = command();
        // Used in MiB, total in GiB.
        data.flags = cdlim::DLIMF_SHIFT | 2 | (3 << cdlim::SCALE_TOTAL_SHIFT);
        let values = Values::EMPTY.changed(&data);
        assert_eq!(values.space_used, 10 << 20);
        assert_eq!(values.space_total, 1000 << 30);
        values.tell(&mut data);
        assert_eq!(data.space_used, 10 << 20);
        assert_eq!(data.space_total, 1000 << 20);
        assert_eq!(
            data.flags,
            cdlim::DLIMF_SHIFT | (1 << cdlim::SCALE_TOTAL_SHIFT)
        );
    }

    #[test]
    fn too_much_is_refused() {
        for change in [
            |data: &mut Dlimit| data.reserved = 101,
            |data: &mut Dlimit| data.space_used = 1001,
            |data: &mut Dlimit| data.inodes_used = 51,
            |data: &mut Dlimit| data.inodes_used = cdlim::INFINITY,
        ] {
            let mut data = command();
            change(&mut data);
            assert_eq!(check(&data), Err(EINVAL));
        }
        assert_eq!(check(&command()), Ok(()));
        // The original compares with KEEP as a number.
        let mut data = command();
        data.space_total = cdlim::KEEP;
        assert_eq!(check(&data), Ok(()));
    }

    #[test]
    fn one_entry_for_each_file_system_and_tag() -> Result {
        let mut entries = KVec::new();
        add(&mut entries, 1, 5)?;
        add(&mut entries, 2, 5)?;
        add(&mut entries, 1, 6)?;
        assert_eq!(add(&mut entries, 1, 5), Err(EEXIST));
        assert_eq!(position(&entries, 2, 5), Some(1));
        assert_eq!(position(&entries, 2, 6), None);
        Ok(())
    }
}
