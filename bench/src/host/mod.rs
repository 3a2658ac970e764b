// SPDX-License-Identifier: GPL-2.0

//! The half that runs on the developer's machine: options, machines, report.

mod archive;
mod arguments;
mod libraries;
mod qemu;
mod report;
mod table;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::record::Place;
use crate::row;
use arguments::{Arguments, Command, Kernels};
use qemu::{Machine, Side};
use report::Results;

/// Exit status when something could not be measured.
const NOT_MEASURED: u8 = 1;
/// Exit status for wrong arguments.
const USAGE: u8 = 2;

/// Runs the command line.
pub fn run(arguments: &[String]) -> ExitCode {
    match arguments::parse(arguments) {
        Ok(Command::Help) => {
            print!("{}", arguments::help());
            ExitCode::SUCCESS
        }
        Ok(Command::Check) => ExitCode::SUCCESS,
        Ok(Command::Measure(arguments)) => match measure(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(NOT_MEASURED)
            }
        },
        Err(error) => {
            eprintln!("error: {error}\n       see bench/run.sh --help");
            ExitCode::from(USAGE)
        }
    }
}

/// Boots all machines, renders and stores the results.
fn measure(arguments: &Arguments) -> Result<(), String> {
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| format!("cannot make {}: {error}", arguments.out.display()))?;
    let initramfs = arguments.out.join("bench.cpio");
    archive::write(&initramfs, arguments.command.as_deref())?;
    let mut results = Results::default();
    let started = Instant::now();
    for boot in 1..=arguments.boots {
        for (side, kernel) in sides(&arguments.kernels) {
            let machine = Machine {
                kernel,
                initramfs: &initramfs,
                side,
                boot,
                rows: operations(&arguments.rows),
                places: side.places().to_vec(),
                directory: &arguments.out,
            };
            boot_and_collect(&machine, started, &mut results)?;
        }
    }
    let specials: Vec<&str> = row::SPECIALS
        .iter()
        .map(|special| special.name)
        .filter(|name| arguments.rows.iter().any(|wanted| wanted == name))
        .collect();
    // Each special has a machine of its own: a context more or less must not change the others.
    if let Some(kernel) = &arguments.kernels.ours {
        let (alone, cycles): (Vec<&str>, Vec<&str>) = specials
            .iter()
            .copied()
            .partition(|name| row::ALONE.contains(name));
        for rows in std::iter::once(cycles).chain(alone.into_iter().map(|name| vec![name])) {
            let machine = Machine {
                kernel,
                initramfs: &initramfs,
                side: Side::Ours,
                boot: 1,
                rows,
                places: Vec::new(),
                directory: &arguments.out,
            };
            boot_and_collect(&machine, started, &mut results)?;
        }
    }
    let json = results.to_json(arguments.boots);
    store(&arguments.out.join("last.json"), &json)?;
    if arguments.json {
        print_out(&format!("{json:#}\n"))?;
    } else {
        print_out(&table::render(&results))?;
        eprintln!(
            "results as JSON: {}",
            arguments.out.join("last.json").display()
        );
    }
    let failures = results.failures();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "not everything could be measured:\n  {}",
            failures.join("\n  ")
        ))
    }
}

fn sides(kernels: &Kernels) -> Vec<(Side, &Path)> {
    let mut sides = Vec::new();
    if let Some(kernel) = &kernels.stock {
        sides.push((Side::Stock, kernel.as_path()));
    }
    if let Some(kernel) = &kernels.ours {
        sides.push((Side::Ours, kernel.as_path()));
    }
    sides
}

fn operations(wanted: &[String]) -> Vec<&'static str> {
    row::OPERATIONS
        .iter()
        .map(|operation| operation.name)
        .filter(|name| wanted.iter().any(|row| row == name))
        .collect()
}

fn boot_and_collect(
    machine: &Machine<'_>,
    started: Instant,
    results: &mut Results,
) -> Result<(), String> {
    if machine.rows.is_empty() {
        return Ok(());
    }
    machine.run(&mut |record| {
        if let Some(text) = report::progress(&record) {
            let seconds = started.elapsed().as_secs();
            eprintln!(
                "[{:02}:{:02}] {} boot {}: {text}",
                seconds / 60,
                seconds % 60,
                machine.side.name(),
                machine.boot
            );
        }
        results.add(machine.side, record);
    })
}

fn store(path: &Path, json: &serde_json::Value) -> Result<(), String> {
    std::fs::write(path, format!("{json:#}\n"))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn print_out(text: &str) -> Result<(), String> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| format!("cannot print: {error}"))
}

impl Side {
    /// Places in which a machine of this side measures, in this order: the idle kernel before the
    /// first context exists.
    fn places(self) -> &'static [Place] {
        match self {
            Self::Stock => &[Place::Plain, Place::Spaces],
            Self::Ours => &[Place::Plain, Place::Guest],
        }
    }
}
