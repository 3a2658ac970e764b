// SPDX-License-Identifier: GPL-2.0

//! Medians, ratios and the marks in the table.

/// Ratio above which a row of the idle kernel is marked: 0.1 %.
pub const IDLE_LIMIT: f64 = 1.001;
/// Ratio above which a row inside a guest is marked: 1 %.
pub const INSIDE_LIMIT: f64 = 1.01;

/// Ratio of the last guests of a crowd to the first above which making them is marked: 20 %.
pub const CROWD_LIMIT: f64 = 1.2;
/// Ratio of connections among other guests to those without any above which they are marked: 2 %.
pub const ACCEPT_LIMIT: f64 = 1.02;

/// The median; for an even number of values the mean of the middle two. `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        Some(sorted[middle])
    } else {
        Some(f64::midpoint(sorted[middle - 1], sorted[middle]))
    }
}

/// Distance between the lowest and the highest value as a share of the median: how far repetitions
/// disagree. `None` without values or with a median of 0.
pub fn spread(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    if middle == 0.0 {
        return None;
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((high - low) / middle)
}

/// `value / base`; `None` when one is missing or the base is 0.
pub fn ratio(value: Option<f64>, base: Option<f64>) -> Option<f64> {
    match (value, base) {
        (Some(value), Some(base)) if base != 0.0 => Some(value / base),
        _ => None,
    }
}

/// Whether a ratio exceeds its limit. A missing ratio exceeds nothing.
pub fn is_over(ratio: Option<f64>, limit: f64) -> bool {
    ratio.is_some_and(|ratio| ratio > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_even_and_none() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn median_ignores_an_outlier() {
        assert_eq!(median(&[10.0, 10.0, 5000.0]), Some(10.0));
    }

    #[test]
    fn spread_is_relative() {
        assert_eq!(spread(&[100.0, 100.0]), Some(0.0));
        assert_eq!(spread(&[95.0, 100.0, 105.0]), Some(0.1));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[0.0]), None);
    }

    #[test]
    fn ratio_needs_both() {
        assert_eq!(ratio(Some(3.0), Some(2.0)), Some(1.5));
        assert_eq!(ratio(None, Some(2.0)), None);
        assert_eq!(ratio(Some(3.0), None), None);
        assert_eq!(ratio(Some(3.0), Some(0.0)), None);
    }

    #[test]
    fn limits_are_exclusive() {
        assert!(!is_over(Some(1.001), IDLE_LIMIT));
        assert!(is_over(Some(1.00101), IDLE_LIMIT));
        assert!(!is_over(Some(1.01), INSIDE_LIMIT));
        assert!(is_over(Some(1.0101), INSIDE_LIMIT));
        assert!(!is_over(Some(0.5), IDLE_LIMIT));
        assert!(!is_over(None, IDLE_LIMIT));
    }
}
