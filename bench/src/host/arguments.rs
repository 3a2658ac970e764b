// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::path::PathBuf;

use crate::row;

/// Boots of each kernel when nothing else is asked for.
const BOOTS: u32 = 3;
/// More boots than anybody waits for.
const BOOTS_MAX: u32 = 100;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the help.
    Help,
    /// The arguments are right; do nothing.
    Check,
    /// Measure.
    Measure(Arguments),
}

/// Kernel images; a missing one is not measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kernels {
    /// The unpatched tree.
    pub stock: Option<PathBuf>,
    /// Ours.
    pub ours: Option<PathBuf>,
}

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Kernel images.
    pub kernels: Kernels,
    /// The vserver command.
    pub command: Option<PathBuf>,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Boots of each kernel.
    pub boots: u32,
    /// Print JSON instead of the table.
    pub json: bool,
    /// Directory for results and logs.
    pub out: PathBuf,
}

/// The help text.
pub fn help() -> String {
    let mut text = "\
usage: bench/run.sh [--rows LIST] [--boots N] [--only stock|ours] [--json] [--help]

Counts instructions per operation on the stock kernel, on ours idle and inside a
guest. Slow rows are marked, they are no failure; the status is 1 when something
could not be measured, 2 for wrong arguments.

  --rows LIST   measure these rows only, names with commas between
  --boots N     boot each kernel N times (default 3); results are medians
  --only SIDE   measure one kernel only: stock or ours
  --json        print JSON instead of the table
  --help        this text

rows:
"
    .to_owned();
    let operations = row::OPERATIONS.iter().map(|row| (row.name, row.label));
    let specials = row::SPECIALS.iter().map(|row| (row.name, row.label));
    for (name, label) in operations.chain(specials) {
        text.push_str(&format!("  {name:<14} {label}\n"));
    }
    text
}

/// Reads the arguments. The error names the word and what would be right.
pub fn parse(words: &[String]) -> Result<Command, String> {
    let mut arguments = Arguments {
        kernels: Kernels::default(),
        command: None,
        rows: Vec::new(),
        boots: BOOTS,
        json: false,
        out: PathBuf::from("."),
    };
    let mut check = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, mut given) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let mut value = || {
            given
                .take()
                .or_else(|| words.next().cloned())
                .ok_or_else(|| format!("{name} needs a value"))
        };
        match name {
            "--help" | "-h" => return Ok(Command::Help),
            "--json" => arguments.json = true,
            "--check" => check = true,
            "--stock" => arguments.kernels.stock = Some(value()?.into()),
            "--ours" => arguments.kernels.ours = Some(value()?.into()),
            "--command" => arguments.command = Some(value()?.into()),
            "--out" => arguments.out = value()?.into(),
            "--boots" => arguments.boots = boots(&value()?)?,
            "--rows" => arguments.rows = rows(&value()?)?,
            _ => return Err(format!("unknown argument {word:?}")),
        }
        if given.is_some() {
            return Err(format!("{name} takes no value"));
        }
    }
    if arguments.kernels == Kernels::default() {
        return Err("no kernel to measure: --stock and --ours are both missing".into());
    }
    if arguments.rows.is_empty() {
        arguments.rows = row::OPERATIONS
            .iter()
            .map(|row| row.name)
            .chain(row::SPECIALS.iter().map(|row| row.name))
            .map(str::to_owned)
            .collect();
    }
    if check {
        return Ok(Command::Check);
    }
    Ok(Command::Measure(arguments))
}

fn boots(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(boots) if (1..=BOOTS_MAX).contains(&boots) => Ok(boots),
        _ => Err(format!(
            "--boots {text:?} is not a number from 1 to {BOOTS_MAX}"
        )),
    }
}

fn rows(list: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = list
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Err("--rows names no row".into());
    }
    match names.iter().find(|name| !row::exists(name)) {
        Some(name) => Err(format!("there is no row {name:?}; --help lists them")),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn all_options() {
        let line = "--stock a --ours=b --command c --rows null,memory --boots 5 --json --out d";
        let Ok(Command::Measure(arguments)) = parse(&words(line)) else {
            panic!("refused")
        };
        assert_eq!(arguments.kernels.stock, Some("a".into()));
        assert_eq!(arguments.kernels.ours, Some("b".into()));
        assert_eq!(arguments.command, Some("c".into()));
        assert_eq!(arguments.rows, ["null", "memory"]);
        assert_eq!(arguments.boots, 5);
        assert!(arguments.json);
        assert_eq!(arguments.out, PathBuf::from("d"));
    }

    #[test]
    fn defaults_are_everything() {
        let Ok(Command::Measure(arguments)) = parse(&words("--stock a")) else {
            panic!("refused")
        };
        assert_eq!(arguments.boots, BOOTS);
        assert_eq!(
            arguments.rows.len(),
            row::OPERATIONS.len() + row::SPECIALS.len()
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("--stock a --rows nul", "\"nul\""),
            ("--stock a --rows ,", "no row"),
            ("--stock a --boots 0", "\"0\""),
            ("--stock a --boots", "needs a value"),
            ("--stock a --json=yes", "takes no value"),
            ("--stock a --fast", "\"--fast\""),
            ("", "no kernel"),
        ] {
            let error = parse(&words(line)).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn a_check_reads_everything() {
        assert_eq!(parse(&words("--check --stock a")), Ok(Command::Check));
        assert!(parse(&words("--check --stock a --boots x")).is_err());
    }

    #[test]
    fn help_wins_and_lists_every_row() {
        assert_eq!(parse(&words("--boots 3 --help")), Ok(Command::Help));
        for row in row::OPERATIONS {
            assert!(help().contains(row.name));
        }
    }
}
