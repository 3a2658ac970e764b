// SPDX-License-Identifier: GPL-2.0

//! Numbers in the text format of OpenMetrics 1.0.

use std::fmt::Write;

/// What a family of numbers is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only counts up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Always 1: what it tells is in its labels.
    Info,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Info => "info",
        }
    }

    /// What the names of its samples end in.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Gauge => "",
            Self::Info => "_info",
        }
    }
}

/// Numbers of one name.
#[derive(Clone, Debug)]
pub struct Family {
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
    samples: String,
}

impl Family {
    /// Makes a family without samples. `name` ends in the unit, unless that is empty.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        unit: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            unit,
            help,
            samples: String::new(),
        }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: &str) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(
            self.samples,
            "{}{}{{{}}} {value}",
            self.name,
            self.kind.suffix(),
            labels.join(",")
        );
    }

    /// Adds a number.
    pub fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        self.add(labels, &value.to_string());
    }

    /// Adds a time, of which `value` is the number of millionths.
    pub fn micro(&mut self, labels: &[(&str, &str)], value: u64) {
        self.add(
            labels,
            &format!("{}.{:06}", value / 1_000_000, value % 1_000_000),
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Writes all families that have samples.
pub fn exposition(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let Family {
            name,
            kind,
            unit,
            help,
            samples,
        } = family;
        // Writing to a string does not fail.
        let _ = writeln!(text, "# TYPE {name} {}", kind.name());
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = write!(text, "# HELP {name} {}\n{samples}", escaped(help));
    }
    text + "# EOF\n"
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A number as it was read: name, labels, value.
    pub(crate) type Sample = (String, Labels, f64);

    /// Names and values.
    type Labels = Vec<(String, String)>;

    fn is_name(text: &str) -> bool {
        let mut letters = text.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|one| one.is_ascii_alphanumeric() || one == '_')
    }

    /// Reads an escaped text up to its closing quote; returns it and the rest.
    fn quoted(text: &str) -> Result<(String, &str), String> {
        let mut value = String::new();
        let mut letters = text.char_indices();
        while let Some((place, letter)) = letters.next() {
            match letter {
                '"' => return Ok((value, &text[place + 1..])),
                '\n' => break,
                '\\' => match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, one @ ('\\' | '"'))) => value.push(one),
                    other => return Err(format!("escaped {other:?}")),
                },
                other => value.push(other),
            }
        }
        Err(format!("no closing quote: {text}"))
    }

    fn labels(mut text: &str) -> Result<(Labels, &str), String> {
        let mut all = Labels::new();
        loop {
            let (name, rest) = text.split_once("=\"").ok_or("no label")?;
            if !is_name(name) || name.starts_with("__") || all.iter().any(|one| one.0 == name) {
                return Err(format!("label {name}"));
            }
            let (value, rest) = quoted(rest)?;
            all.push((name.to_owned(), value));
            match rest.as_bytes().first() {
                Some(b',') => text = &rest[1..],
                Some(b'}') => return Ok((all, &rest[1..])),
                other => return Err(format!("after a label: {other:?}")),
            }
        }
    }

    /// Reads an exposition as the specification has it, as far as counters, gauges and information
    /// go, and refuses everything else.
    pub(crate) fn parse(text: &str) -> Result<Vec<Sample>, String> {
        let body = text.strip_suffix("# EOF\n").ok_or("no end")?;
        let mut all: Vec<Sample> = Vec::new();
        let mut seen = BTreeSet::new();
        // Name, type, unit, whether there is a help, number of samples.
        let mut family: Option<(String, String, String, bool, usize)> = None;
        for line in body.split_terminator('\n') {
            if let Some(rest) = line.strip_prefix("# ") {
                let (word, rest) = rest.split_once(' ').ok_or(format!("bare {line}"))?;
                let (name, value) = rest.split_once(' ').ok_or(format!("bare {line}"))?;
                if !is_name(name) {
                    return Err(format!("name {name}"));
                }
                if word == "TYPE" {
                    if !seen.insert(name.to_owned()) {
                        return Err(format!("{name} comes twice"));
                    }
                    if !["counter", "gauge", "info"].contains(&value) || name.ends_with("_total") {
                        return Err(format!("type of {name}"));
                    }
                    if let Some((name, .., 0)) = family {
                        return Err(format!("{name} has no samples"));
                    }
                    family = Some((name.to_owned(), value.to_owned(), String::new(), false, 0));
                    continue;
                }
                let found = family
                    .as_mut()
                    .filter(|family| family.0 == name && family.4 == 0);
                let found = found.ok_or(format!("out of place: {line}"))?;
                match word {
                    "UNIT" if found.2.is_empty() && name.ends_with(&format!("_{value}")) => {
                        found.2 = value.to_owned();
                    }
                    "HELP" if !found.3 => {
                        quoted(&format!("{value}\""))?;
                        found.3 = true;
                    }
                    _ => return Err(format!("unexpected: {line}")),
                }
                continue;
            }
            let family = family.as_mut().ok_or("a sample without family")?;
            let place = line.find(['{', ' ']).ok_or(format!("no value: {line}"))?;
            let (name, rest) = line.split_at(place);
            let suffix = match family.1.as_str() {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            if name != format!("{}{suffix}", family.0) {
                return Err(format!("{name} is no sample of {}", family.0));
            }
            let (labels, rest) = match rest.strip_prefix('{') {
                Some(rest) => labels(rest)?,
                None => (Vec::new(), rest),
            };
            let value = rest.strip_prefix(' ').ok_or(format!("no blank: {line}"))?;
            let number: f64 = value.parse().map_err(|_| format!("no number: {line}"))?;
            if value.contains(' ') || (family.1 == "counter" && number < 0.0) {
                return Err(format!("value of {line}"));
            }
            if family.1 == "info" && value != "1" {
                return Err(format!("value of {line}"));
            }
            if all.iter().any(|one| one.0 == name && one.1 == labels) {
                return Err(format!("twice: {line}"));
            }
            family.4 += 1;
            all.push((name.to_owned(), labels, number));
        }
        Ok(all)
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut families = [
            Family::new(
                "a_seconds",
                Kind::Counter,
                "seconds",
                "Time \"so\" far\\\nand on",
            ),
            Family::new("b", Kind::Gauge, "", "Things"),
            Family::new("c", Kind::Info, "", "What it is"),
            Family::new("d", Kind::Gauge, "", "Nothing"),
        ];
        families[0].micro(&[("guest", "a\"b\\c\nd"), ("x", "")], 1_500_000);
        families[0].micro(&[("guest", "e")], 5);
        families[1].count(&[("guest", "e")], 7);
        families[2].count(&[("guest", "e")], 1);
        let text = exposition(&families);
        let samples = parse(&text).unwrap_or_else(|problem| panic!("{problem} in {text}"));
        assert_eq!(samples.len(), 4, "{text}");
        assert_eq!(samples[0].0, "a_seconds_total");
        assert_eq!(samples[0].1[0].1, "a\"b\\c\nd");
        assert!((samples[0].2 - 1.5).abs() < 1e-9);
        assert!(text.contains("} 0.000005\n"), "{text}");
        assert!(!text.contains("# TYPE d"), "{text}");
        assert_eq!(parse(&exposition(&[])), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_exposition_is_refused() {
        let head = "# TYPE a counter\n# HELP a x\n";
        for text in [
            "",
            "# EOF",
            "# EOF\n\n",
            "a 1\n# EOF\n",
            "# TYPE a counter\n# EOF\nx",
            "# TYPE a_total counter\na_total 1\n# EOF\n",
            "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
            "# TYPE a gauge\na 1\n# HELP a late\n# EOF\n",
            "# TYPE a gauge\na 1\n# TYPE a gauge\na 2\n# EOF\n",
            "# TYPE a gauge\na 1\na 1\n# EOF\n",
            "# TYPE a info\na_info{b=\"c\"} 2\n# EOF\n",
            &format!("{head}a 1\n# EOF\n"),
            &format!("{head}a_total -1\n# EOF\n"),
            &format!("{head}a_total{{b=\"c\"d=\"e\"}} 1\n# EOF\n"),
            &format!("{head}a_total{{b=\"c}} 1\n# EOF\n"),
            &format!("{head}a_total{{b=\"\\x\"}} 1\n# EOF\n"),
            &format!("{head}a_total{{b=\"c\",b=\"d\"}} 1\n# EOF\n"),
            &format!("{head}a_total 1 \n# EOF\n"),
            &format!("{head}\n# EOF\n"),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
