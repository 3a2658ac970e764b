// SPDX-License-Identifier: GPL-2.0

//! Quantities of limits: bytes, processors, time.

use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Units of bytes.
const UNITS: &[(char, u64)] = &[
    ('T', 1 << 40),
    ('G', 1 << 30),
    ('M', 1 << 20),
    ('K', 1 << 10),
];

/// The highest number of a processor that any kernel is built for.
const MOST_CPU: u32 = 8191;

/// Whether a value is in a range.
pub fn is_between<T: PartialOrd>(value: T, least: T, most: T) -> bool {
    (least..=most).contains(&value)
}

/// Reads a number with up to three places, as thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(places) || places.len() > 3 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let places: u64 = format!("{places:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(places)
}

fn thousandths_text(value: u64) -> String {
    let text = format!("{}.{:03}", value / 1000, value % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Reads bytes: a number, or one with up to three places and K, M, G or T.
pub fn bytes(text: &str) -> Option<u64> {
    let last = text.chars().last()?.to_ascii_uppercase();
    match UNITS.iter().find(|(unit, _)| *unit == last) {
        None => text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())?,
        Some((_, unit)) => {
            let number = thousandths(&text[..text.len() - 1])?;
            // Units are multiples of 1024: nothing is lost but a fraction of a byte.
            let product = u128::from(number) * u128::from(*unit) / 1000;
            u64::try_from(product).ok()
        }
    }
}

/// Writes bytes exactly, in the largest unit that can.
pub fn bytes_text(bytes: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, unit)| bytes > 0 && bytes % unit == 0);
    unit.map_or_else(
        || bytes.to_string(),
        |(name, unit)| format!("{}{name}", bytes / unit),
    )
}

/// Writes bytes for people, in about three digits.
pub fn bytes_short(bytes: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes >= *unit);
    unit.map_or_else(
        || bytes.to_string(),
        |(name, unit)| {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        },
    )
}

/// Processors, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus(u32);

impl Cpus {
    /// That many whole ones.
    pub const fn whole(count: u32) -> Self {
        Self(count.saturating_mul(1000))
    }

    /// In thousandths.
    pub const fn thousandths(self) -> u32 {
        self.0
    }
}

impl FromStr for Cpus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        thousandths(text)
            .and_then(|value| u32::try_from(value).ok())
            .filter(|&value| is_between(value, 10, 1000 * (MOST_CPU + 1)))
            .map(Self)
            .ok_or(())
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&thousandths_text(self.0.into()))
    }
}

impl Serialize for Cpus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1000.0)
    }
}

/// A span of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u32);

impl Span {
    /// That many milliseconds.
    pub const fn milliseconds(self) -> u32 {
        self.0
    }
}

impl FromStr for Span {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
        let (number, unit) = units
            .iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
            .ok_or(())?;
        let value = thousandths(number).and_then(|value| value.checked_mul(*unit));
        value
            .filter(|value| value % 1000 == 0)
            .and_then(|value| u32::try_from(value / 1000).ok())
            .filter(|&value| is_between(value, 10, 3_600_000))
            .map(Self)
            .ok_or(())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            write!(formatter, "{}ms", self.0)
        } else {
            write!(formatter, "{}s", thousandths_text(self.0.into()))
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

/// Numbers of processors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuList(BTreeSet<u32>);

impl CpuList {
    /// How many they are.
    pub fn count(&self) -> u32 {
        // At most as many as there are numbers.
        self.0.len() as u32
    }

    /// Those that are not in `other`.
    pub fn beyond(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for CpuList {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| {
            let number: u32 = text.parse().map_err(|_| ())?;
            if number > MOST_CPU {
                Err(())
            } else {
                Ok(number)
            }
        };
        let mut all = BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(());
            }
            all.extend(first..=last);
        }
        Ok(Self(all))
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for &cpu in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                _ => ranges.push((cpu, cpu)),
            }
        }
        let text = |&(first, last): &(u32, u32)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        };
        let texts: Vec<String> = ranges.iter().map(text).collect();
        formatter.write_str(&texts.join(","))
    }
}

impl Serialize for CpuList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_and_written() {
        for (text, wanted, written) in [
            ("0", 0, "0"),
            ("1000", 1000, "1000"),
            ("4096", 4096, "4K"),
            ("512m", 512 << 20, "512M"),
            ("1.5G", 3 << 29, "1536M"),
            ("1024T", 1 << 50, "1024T"),
        ] {
            assert_eq!(bytes(text), Some(wanted), "{text}");
            assert_eq!(bytes_text(wanted), written);
        }
        for text in [
            "",
            "M",
            "1.2345M",
            "1.5",
            "+1",
            "-1M",
            "1 M",
            "1MB",
            "ä",
            "99999999999T",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
        let short = [0, 1023, 1024, 1536 << 10, u64::MAX].map(bytes_short);
        assert_eq!(short, ["0", "1023", "1.0K", "1.5M", "16777215.9T"]);
    }

    #[test]
    fn processors_have_thousandths() {
        for (text, wanted) in [("1.5", 1500), ("2", 2000), ("0.01", 10), ("0.333", 333)] {
            let cpus: Cpus = text.parse().unwrap();
            assert_eq!(cpus.thousandths(), wanted);
            assert_eq!(cpus.to_string(), text);
        }
        assert_eq!("2.500".parse::<Cpus>().unwrap().to_string(), "2.5");
        for text in [
            "0",
            "0.009",
            "1,5",
            ".5",
            "1.",
            "9000",
            "99999999999999999999",
        ] {
            assert!(text.parse::<Cpus>().is_err(), "{text}");
        }
    }

    #[test]
    fn time_has_units() {
        for (text, wanted, written) in [
            ("10ms", 10, "10ms"),
            ("2s", 2000, "2s"),
            ("1.5s", 1500, "1.5s"),
            ("1m", 60_000, "60s"),
            ("1h", 3_600_000, "3600s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(
                (span.milliseconds(), span.to_string().as_str()),
                (wanted, written)
            );
        }
        for text in ["", "5", "ms", "9ms", "10.5ms", "61m", "1d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn lists_of_processors_are_in_order() {
        let list: CpuList = "3,0-1,1,7-8".parse().unwrap();
        assert_eq!(list.to_string(), "0-1,3,7-8");
        assert_eq!(list.count(), 5);
        let online = "0-3".parse().unwrap();
        assert_eq!(list.beyond(&online).to_string(), "7-8");
        assert!("0".parse::<CpuList>().unwrap().beyond(&online).is_empty());
        for text in ["", "1-0", "x", "0,,1", "8192", "0-4294967295", "-1"] {
            assert!(text.parse::<CpuList>().is_err(), "{text}");
        }
    }
}
