// SPDX-License-Identifier: GPL-2.0

//! The half that runs as pid 1 of the machine and measures.

mod cycles;
mod filler;
mod inside;
mod memory;
mod meter;
mod port;
mod root;
mod rows;
mod sys;

use std::io;

use crate::record::{Place, Record};
use crate::row;
use meter::Meter;
use port::Port;
use sys::Child;

/// What the kernel command line asks for.
struct Wanted {
    places: Vec<Place>,
    rows: Vec<String>,
    boot: u32,
}

impl Wanted {
    /// Reads `bench.places=` and `bench.rows=`, lists with commas, and `bench.boot=`, a number.
    fn from_command_line(line: &str) -> io::Result<Self> {
        let list = |key: &str| -> Vec<String> {
            line.split_whitespace()
                .filter_map(|word| word.strip_prefix(key))
                .flat_map(|value| value.split(','))
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let places = list("bench.places=")
            .iter()
            .map(|name| {
                Place::from_name(name)
                    .ok_or_else(|| io::Error::other(format!("there is no place {name:?}")))
            })
            .collect::<io::Result<_>>()?;
        let boot = match list("bench.boot=").first() {
            Some(number) => number.parse().map_err(io::Error::other)?,
            None => 0,
        };
        Ok(Self {
            places,
            rows: list("bench.rows="),
            boot,
        })
    }

    fn has(&self, row: &str) -> bool {
        self.rows.iter().any(|name| name == row)
    }
}

/// Measures everything, reports, ends the machine.
pub fn run_as_init() -> ! {
    if let Err(error) = root::prepare() {
        eprintln!("vserver-bench: {error}");
        sys::end_machine();
    }
    match Port::open() {
        Err(error) => eprintln!("vserver-bench: {error}"),
        Ok(mut port) => {
            let last = match measure(&mut port) {
                Ok(()) => Record::Done,
                Err(error) => Record::Failed {
                    reason: error.to_string(),
                },
            };
            if let Err(error) = port.send(&last) {
                eprintln!("vserver-bench: cannot report: {error}");
            }
        }
    }
    sys::end_machine();
}

fn measure(port: &mut Port) -> io::Result<()> {
    let wanted = Wanted::from_command_line(&std::fs::read_to_string("/proc/cmdline")?)?;
    perturb(wanted.boot)?;
    let mut meter = Meter::new()?;
    port.send(&Record::Kernel {
        release: std::fs::read_to_string("/proc/version")?.trim().to_owned(),
        tick: meter.period(),
    })?;
    for place in &wanted.places {
        run_place(*place, &wanted, &mut meter, port)?;
    }
    if ["context", "clone_all", "crun"]
        .iter()
        .any(|row| wanted.has(row))
    {
        cycles::measure(&|row| wanted.has(row), port)?;
    }
    if wanted.has("memory") {
        memory::measure(port)?;
    }
    Ok(())
}

/// Puts the machine into a state that is a little different in each boot: used and free objects in
/// the slabs, cached names, the moment within a timer period. Without it all boots would repeat each
/// other, and luck of one layout would pass for a difference between kernels.
fn perturb(boot: u32) -> io::Result<()> {
    for number in 0..boot * 7 {
        Child::spawn(|| Ok(()))?.wait()?;
        std::fs::write(format!("{}/boot{number}", root::WORK), "text")?;
    }
    std::thread::sleep(std::time::Duration::from_micros(u64::from(boot) * 700));
    Ok(())
}

/// Measures the operations in one place, in a process of its own.
fn run_place(place: Place, wanted: &Wanted, meter: &mut Meter, port: &mut Port) -> io::Result<()> {
    let work = || {
        // Batch tasks do not preempt each other at a wakeup: who runs when does not depend on how
        // long each ran before.
        sys::set_policy(libc::SCHED_BATCH)?;
        for operation in row::OPERATIONS {
            if wanted.has(operation.name) {
                run_row(place, operation, meter, port)?;
            }
        }
        Ok(())
    };
    match place {
        Place::Plain => Child::spawn(work)?.wait(),
        Place::Spaces => inside::run(None, work),
        Place::Guest => inside::run(Some(inside::GUEST_XID), work),
    }
}

fn run_row(
    place: Place,
    operation: &row::Operation,
    meter: &mut Meter,
    port: &mut Port,
) -> io::Result<()> {
    let measured = rows::prepare(operation.name).and_then(|mut run| {
        let batches = meter.batches(operation, &mut *run)?;
        Ok(batches)
    });
    port.send(&match measured {
        Ok(batches) => Record::Sample {
            place,
            row: operation.name.to_owned(),
            count: operation.count,
            batches,
        },
        Err(error) => Record::Unavailable {
            row: operation.name.to_owned(),
            place: Some(place),
            reason: error.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_read() {
        let wanted = Wanted::from_command_line(
            "console=x bench.places=plain,guest bench.rows=null,fork bench.boot=2\n",
        )
        .unwrap();
        assert_eq!(wanted.places, [Place::Plain, Place::Guest]);
        assert_eq!(wanted.boot, 2);
        assert!(wanted.has("null") && wanted.has("fork") && !wanted.has("chdir"));
    }

    #[test]
    fn unknown_place_is_named() {
        let error = Wanted::from_command_line("bench.places=moon")
            .err()
            .unwrap();
        assert!(error.to_string().contains("moon"));
    }
}
