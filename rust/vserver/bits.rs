// SPDX-License-Identifier: GPL-2.0

//! How the set commands combine words of bits (semantics.md, section 3).

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use crate::abi::vxf;
#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use kernel::prelude::*;

/// The new word: `old` outside of `mask`, `value` inside.
pub(crate) const fn apply(old: u64, value: u64, mask: u64) -> u64 {
    (old & !mask) | (value & mask)
}

/// The new flag word of an object: as [`apply`], but a bit of `one_time` that has been cleared
/// stays clear. Asking for it is not an error.
pub(crate) const fn apply_flags(old: u64, value: u64, mask: u64, one_time: u64) -> u64 {
    apply(old, value, mask & settable_flags(old, one_time))
}

/// The flags that can be changed: all but bits of `one_time` already cleared.
pub(crate) const fn settable_flags(old: u64, one_time: u64) -> u64 {
    !(one_time & !old)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_bits)]
mod tests {
    use super::*;

    #[test]
    fn apply_changes_only_bits_in_the_mask() {
        assert_eq!(apply(0b1100, 0b1010, 0b0110), 0b1010);
        assert_eq!(apply(0b1100, 0b1010, 0), 0b1100);
        assert_eq!(apply(0b1100, 0b1010, u64::MAX), 0b1010);
        assert_eq!(apply(u64::MAX, 0, 1 << 63), u64::MAX >> 1);
    }

    #[test]
    fn one_time_bits_can_be_cleared() {
        let old = vxf::INIT_SET | vxf::PERSISTENT;
        let new = apply_flags(old, 0, vxf::STATE_SETUP, vxf::ONE_TIME);
        assert_eq!(new, old & !vxf::STATE_SETUP);
    }

    #[test]
    fn one_time_bits_cannot_be_set_again() {
        for bit in [vxf::STATE_SETUP, vxf::STATE_INIT, vxf::STATE_ADMIN] {
            let old = vxf::INIT_SET & !bit;
            assert_eq!(apply_flags(old, bit, bit, vxf::ONE_TIME), old);
            assert_eq!(apply_flags(old, u64::MAX, u64::MAX, vxf::ONE_TIME) & bit, 0);
        }
    }

    #[test]
    fn other_bits_go_both_ways() {
        let set = apply_flags(0, vxf::PERSISTENT, vxf::PERSISTENT, vxf::ONE_TIME);
        assert_eq!(set, vxf::PERSISTENT);
        assert_eq!(apply_flags(set, 0, vxf::PERSISTENT, vxf::ONE_TIME), 0);
    }

    #[test]
    fn settable_mask_names_the_bits_still_set() {
        assert_eq!(settable_flags(vxf::ONE_TIME, vxf::ONE_TIME), u64::MAX);
        assert_eq!(settable_flags(0, vxf::ONE_TIME), !vxf::ONE_TIME);
        assert_eq!(
            settable_flags(vxf::STATE_ADMIN, vxf::ONE_TIME),
            !(vxf::STATE_SETUP | vxf::STATE_INIT)
        );
    }
}
