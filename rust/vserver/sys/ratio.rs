// SPDX-License-Identifier: GPL-2.0

//! Division of 64-bit numbers: 32-bit machines have none of their own.

use kernel::bindings;
#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use kernel::prelude::*;

/// `a * b / by` rounded down, or the highest number when that is too small for it or `by` is 0.
/// Any context.
pub(crate) fn down(a: u64, b: u64, by: u64) -> u64 {
    divide(a, b, by, false)
}

/// As [`down`], rounded up.
pub(crate) fn up(a: u64, b: u64, by: u64) -> u64 {
    divide(a, b, by, true)
}

/// `value / by` rounded down, also below 0. `by` must not be 0. Any context.
pub(crate) fn floor(value: i64, by: u32) -> i64 {
    let by = u64::from(by);
    if value < 0 {
        (up(value.unsigned_abs(), 1, by) as i64).wrapping_neg()
    } else {
        down(value as u64, 1, by) as i64
    }
}

/// The upper half of a product, rounded down.
fn upper(a: u64, b: u64) -> u64 {
    let (a_upper, a_lower) = (a >> 32, a & u64::from(u32::MAX));
    let (b_upper, b_lower) = (b >> 32, b & u64::from(u32::MAX));
    // Neither sum is too large: (2^32 - 1)^2 + 2 * (2^32 - 1) = 2^64 - 1.
    let middle = a_upper * b_lower + ((a_lower * b_lower) >> 32);
    let second = a_lower * b_upper + (middle & u64::from(u32::MAX));
    a_upper * b_upper + (middle >> 32) + (second >> 32)
}

fn divide(a: u64, b: u64, by: u64, round_up: bool) -> u64 {
    let high = upper(a, b);
    // Rounding adds less than `by`, which can carry one into the upper half.
    if by == 0 || high != 0 && high >= by - 1 {
        return u64::MAX;
    }
    // SAFETY: Computes with numbers. The divisor is not 0, and the upper half of the dividend, with
    // what rounding adds, is below it: the quotient fits. With a divisor of 1 nothing is added.
    unsafe { bindings::vs_core_mul_div(a, b, by, round_up) }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_ratio)]
mod tests {
    use super::*;

    #[test]
    fn products_may_be_longer_than_the_quotient() {
        assert_eq!(down(7, 3, 2), 10);
        assert_eq!(up(7, 3, 2), 11);
        assert_eq!(up(6, 3, 2), 9);
        assert_eq!(down(1 << 60, 1 << 40, 1 << 50), 1 << 50);
        assert_eq!(up((1 << 60) + 1, 1 << 40, 1 << 50), (1 << 50) + 1);
        assert_eq!(down(u64::MAX, 5, 10), u64::MAX / 2);
    }

    #[test]
    fn what_does_not_fit_is_the_highest_number() {
        assert_eq!(down(1, 1, 0), u64::MAX);
        assert_eq!(up(0, 0, 0), u64::MAX);
        assert_eq!(down(u64::MAX, u64::MAX, 1), u64::MAX);
        assert_eq!(up(1 << 63, 4, 2), u64::MAX);
        assert_eq!(up(u64::MAX, 1, 1), u64::MAX);
        assert_eq!(down(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn the_upper_half_is_that_of_the_product() {
        assert_eq!(upper(u64::MAX, u64::MAX), u64::MAX - 1);
        assert_eq!(upper(1 << 32, 1 << 32), 1);
        assert_eq!(upper((1 << 32) - 1, 1 << 32), 0);
        assert_eq!(upper(u64::MAX, 2), 1);
    }

    #[test]
    fn numbers_below_zero_are_rounded_down_too() {
        assert_eq!(floor(7, 4), 1);
        assert_eq!(floor(-1, 4), -1);
        assert_eq!(floor(-4, 4), -1);
        assert_eq!(floor(-5, 4), -2);
        assert_eq!(floor(0, 4), 0);
        assert_eq!(floor(i64::MAX, 1), i64::MAX);
        assert_eq!(floor(i64::MIN, 1), i64::MIN);
    }
}
