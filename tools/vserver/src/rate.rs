// SPDX-License-Identifier: GPL-2.0

//! How fast a guest may send and receive.

use std::fmt;
use std::str::FromStr;

/// How a rate is written.
pub const RATES: &str = "write a number and a unit for both directions, such as \"100mbit\", and \
                         another for what the guest receives as \"100mbit,ingress=200mbit\"; units \
                         are bit, kbit, mbit and gbit";

/// The units, in bits per second.
const UNITS: &[(&str, u64)] = &[
    ("gbit", 1_000_000_000),
    ("mbit", 1_000_000),
    ("kbit", 1000),
    ("bit", 1),
];

/// The slowest rate, in bits per second: less than a packet per second is none.
const SLOWEST: u64 = 8_000;

/// Rates in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What the guest sends.
    pub egress: u64,
    /// What the guest receives.
    pub ingress: u64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (both, ingress) = match text.split_once(",ingress=") {
            None => (text, text),
            Some(parts) => parts,
        };
        Ok(Self {
            egress: bits(both)?,
            ingress: bits(ingress)?,
        })
    }
}

fn bits(text: &str) -> Result<u64, String> {
    let unit = UNITS
        .iter()
        .find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)));
    unit.and_then(|(number, bits)| number.parse::<u64>().ok()?.checked_mul(*bits))
        .filter(|&bits| bits >= SLOWEST)
        .ok_or_else(|| format!("\"{text}\" is no rate from 8kbit on"))
}

fn text(bits: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bits % unit == 0);
    unit.map_or_else(String::new, |(name, unit)| format!("{}{name}", bits / unit))
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&text(self.egress))?;
        if self.ingress == self.egress {
            return Ok(());
        }
        write!(formatter, ",ingress={}", text(self.ingress))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_written() {
        for text in ["100mbit", "8kbit", "1gbit,ingress=1500kbit", "8001bit"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        let rate: Rate = "1mbit,ingress=2000kbit".parse().unwrap();
        assert_eq!((rate.egress, rate.ingress), (1_000_000, 2_000_000));
        for text in [
            "",
            "1",
            "0mbit",
            "1kbit",
            "mbit",
            "1mbit,2mbit",
            "99999999999gbit",
            "1mb",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
