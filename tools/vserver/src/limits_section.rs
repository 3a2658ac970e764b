// SPDX-License-Identifier: GPL-2.0

//! The section `[limits]` of a description: reading, checking and changing it.

use crate::description::Source;
use crate::failure::{Failure, Outcome, Reason};
use crate::limits::{IoLimit, Key, Limits};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike};

/// A value of the section: numbers may stand without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Word {
    fn text(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The section as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Section {
    cpu: Option<Spanned<Word>>,
    cpu_burst: Option<Spanned<Word>>,
    cpu_idle: Option<Spanned<Word>>,
    cpus: Option<Spanned<Word>>,
    weight: Option<Spanned<Word>>,
    mem: Option<Spanned<Word>>,
    mem_high: Option<Spanned<Word>>,
    swap: Option<Spanned<Word>>,
    pids: Option<Spanned<Word>>,
    files: Option<Spanned<Word>>,
    #[serde(default)]
    io: Vec<Spanned<String>>,
}

impl Section {
    fn word(&self, key: Key) -> Option<&Spanned<Word>> {
        match key {
            Key::Cpu => self.cpu.as_ref(),
            Key::CpuBurst => self.cpu_burst.as_ref(),
            Key::CpuIdle => self.cpu_idle.as_ref(),
            Key::Cpus => self.cpus.as_ref(),
            Key::Weight => self.weight.as_ref(),
            Key::Mem => self.mem.as_ref(),
            Key::MemHigh => self.mem_high.as_ref(),
            Key::Swap => self.swap.as_ref(),
            Key::Pids => self.pids.as_ref(),
            Key::Files => self.files.as_ref(),
            Key::Io => None,
        }
    }

    /// Where a limit stands: for [`Key::Io`] the last one.
    fn place(&self, key: Key) -> Option<Range<usize>> {
        match key {
            Key::Io => self.io.last().map(Spanned::span),
            _ => self.word(key).map(Spanned::span),
        }
    }

    /// Checks the values, and that they fit together.
    pub(crate) fn check(&self, source: &Source<'_>) -> Outcome<Limits> {
        let mut limits = Limits::default();
        for key in Key::ALL {
            if let Some(word) = self.word(key) {
                limits
                    .set(key, &word.get_ref().text())
                    .map_err(|problem| source.at(word, &problem.message, &problem.remedy))?;
            }
        }
        for text in &self.io {
            let limit: Result<IoLimit, _> = text.get_ref().parse();
            let limit =
                limit.map_err(|problem| source.at(text, &problem.message, &problem.remedy))?;
            limits.io.push(limit);
        }
        limits.check().map_err(|(key, problem)| {
            source.error(self.place(key), &problem.message, &problem.remedy)
        })?;
        Ok(limits)
    }
}

/// Numbers are written without quotes.
fn item(text: &str) -> Item {
    if let Ok(number) = text.parse::<i64>() {
        return toml_edit::value(number);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => toml_edit::value(number),
        _ => toml_edit::value(text),
    }
}

/// Returns the text of a description with these limits; everything else stays as it is.
///
/// # Errors
///
/// The text is no description.
pub fn with_limits(text: &str, limits: &Limits) -> Outcome<String> {
    let broken = |problem: String| {
        Failure::new(
            Reason::BrokenConfiguration,
            problem,
            "correct the section [limits] of the description",
        )
    };
    let mut document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| broken(error.to_string()))?;
    if limits.is_empty() {
        document.remove("limits");
        return Ok(document.to_string());
    }
    let section = document
        .entry("limits")
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| broken("`limits` of the description is no section".to_owned()))?;
    fill(section, limits);
    Ok(document.to_string())
}

fn fill(section: &mut dyn TableLike, limits: &Limits) {
    for key in Key::ALL {
        let wanted = match key {
            Key::Io if limits.io.is_empty() => None,
            Key::Io => {
                let list: Array = limits.io.iter().map(IoLimit::to_string).collect();
                Some(toml_edit::value(list))
            }
            _ => limits.text(key).map(|text| item(&text)),
        };
        let name = key.name();
        match (wanted, section.get_mut(name)) {
            (None, _) => {
                section.remove(name);
            }
            (Some(wanted), None) => {
                section.insert(name, wanted);
            }
            (Some(wanted), Some(found)) => {
                // A comment behind the value stays.
                let decor = found.as_value().map(|value| value.decor().clone());
                *found = wanted;
                if let (Some(decor), Some(value)) = (decor, found.as_value_mut()) {
                    *value.decor_mut() = decor;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description;
    use std::path::Path;

    const BASE: &str = "xid = 42 # mine\nroot = '/s'\n";

    fn read(text: &str) -> Outcome<Limits> {
        description::parse("web", Path::new("web.toml"), text).map(|guest| guest.limits)
    }

    fn section(text: &str) -> Outcome<Limits> {
        read(&format!("{BASE}[limits]\n{text}\n"))
    }

    #[test]
    fn every_field_is_read() {
        let limits = section(
            "cpu = 1.5\ncpu-burst = '2s'\ncpus = '0-1'\nweight = 200\nmem = '512M'\n\
             mem-high = '400M'\nswap = 0\npids = 500\nfiles = 4096\n\
             io = ['/dev/vda:rbps=20M,wiops=500', '/dev/vdb:weight=50']",
        )
        .unwrap();
        let texts: Vec<_> = Key::ALL
            .into_iter()
            .filter_map(|key| limits.text(key))
            .collect();
        let wanted = [
            "1.5", "2s", "0-1", "200", "512M", "400M", "0", "500", "4096",
        ];
        assert_eq!(texts, wanted);
        assert_eq!(limits.io[1].to_string(), "/dev/vdb:weight=50");
        assert_eq!(
            section("cpu = '1.5'\nmem = 536870912").unwrap().mem,
            limits.mem
        );
        assert!(read(BASE).unwrap().is_empty());
        assert!(section("").unwrap().is_empty());
    }

    #[test]
    fn mistakes_show_their_place() {
        for (text, place, word) in [
            ("cpu = 0", ":4:7: ", "cpu cannot be \"0\""),
            ("cpus = 'x'", ":4:8: ", "cpus cannot be \"x\""),
            ("mem = '512Q'", ":4:7: ", "512Q"),
            ("cpu-burst = '2s'", ":4:13: ", "without a limit cpu"),
            ("mem = '1G'\nmem-high = '2G'", ":5:12: ", "above mem"),
            ("swap = 0", ":4:8: ", "without a limit mem"),
            ("io = ['/dev/vda:x=1']", ":4:7: ", "no limit \"x\""),
            (
                "io = ['/dev/vda:rbps=1M', '/dev/vda:wbps=1M']",
                ":4:27: ",
                "twice",
            ),
            ("memory = '1G'", ":4:1: ", "memory"),
        ] {
            let failure = section(text).unwrap_err();
            failure.assert_mistake(text, place, word);
        }
    }

    #[test]
    fn limits_change_and_comments_stay() {
        let mut limits = Limits::default();
        limits.set(Key::Cpu, "1.5").unwrap();
        limits.set(Key::Mem, "512M").unwrap();
        limits.set(Key::Pids, "500").unwrap();
        limits.io.push("/dev/vda:rbps=20M".parse().unwrap());
        let text = with_limits(BASE, &limits).unwrap();
        assert!(text.starts_with(BASE), "{text}");
        assert!(
            text.contains("cpu = 1.5\nmem = \"512M\"\npids = 500\n"),
            "{text}"
        );
        assert_eq!(read(&text).unwrap(), limits);
        let commented = text.replace("pids = 500", "pids = 500 # enough");
        limits.set(Key::Pids, "600").unwrap();
        limits.set(Key::Cpu, "none").unwrap();
        let changed = with_limits(&commented, &limits).unwrap();
        assert!(changed.contains("pids = 600 # enough"), "{changed}");
        assert!(!changed.contains("cpu"), "{changed}");
        assert_eq!(read(&changed).unwrap(), limits);
        let without = with_limits(&changed, &Limits::default()).unwrap();
        assert_eq!(without.trim_end(), BASE.trim_end());
        assert!(with_limits("limits = 3\n", &limits).is_err());
    }
}
