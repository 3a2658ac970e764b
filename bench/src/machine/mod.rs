// SPDX-License-Identifier: GPL-2.0

//! The half that runs as pid 1 of the machine and measures.

mod crowd;
mod cycles;
mod filler;
mod inside;
mod memory;
mod meter;
mod port;
mod root;
mod rows;
mod starts;
mod sys;
mod wire;
mod word;

use std::io;
use std::process::ExitCode;
use std::rc::Rc;

use crate::record::{Place, Record};
use crate::row::{self, Operation};
use inside::Guest;
use meter::Meter;
use port::Port;
use sys::Child;
use wire::Wire;

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

    /// The operations that are asked for, those over the network or the others.
    fn operations(&self, network: bool) -> impl Iterator<Item = &'static Operation> + '_ {
        row::OPERATIONS
            .iter()
            .filter(move |row| row.network == network && self.has(row.name))
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

/// The life of a guest's init: waits for SIGTERM.
pub fn wait_for_the_end() -> ExitCode {
    match sys::await_signal(libc::SIGTERM) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn measure(port: &mut Port) -> io::Result<()> {
    let wanted = Wanted::from_command_line(&std::fs::read_to_string("/proc/cmdline")?)?;
    perturb(wanted.boot)?;
    let mut meter = Meter::new()?;
    port.send(&Record::Kernel {
        release: std::fs::read_to_string("/proc/version")?.trim().to_owned(),
        tick: meter.period(),
    })?;
    let mut wire = None;
    for place in &wanted.places {
        run_place(*place, &wanted, &mut meter, port)?;
        run_talks(*place, &wanted, &mut wire, &mut meter, port)?;
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
    if wanted.has(row::STARTS) {
        starts::measure(port)?;
    }
    if wanted.has(row::CROWD) {
        crowd::measure(&mut meter, port)?;
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

/// Measures the operations without the network in one place, in a process of its own.
fn run_place(place: Place, wanted: &Wanted, meter: &mut Meter, port: &mut Port) -> io::Result<()> {
    let operations: Vec<&Operation> = wanted.operations(false).collect();
    if operations.is_empty() {
        return Ok(());
    }
    let work = || {
        for operation in operations {
            run_row(
                place,
                operation,
                || rows::prepare(operation.name),
                meter,
                port,
            )?;
        }
        Ok(())
    };
    go(place, None, work)
}

/// Measures the operations over the network in one place, with a cable that is laid for the first
/// of them. Without it these rows are missing and no others.
fn run_talks(
    place: Place,
    wanted: &Wanted,
    wire: &mut Option<Rc<Wire>>,
    meter: &mut Meter,
    port: &mut Port,
) -> io::Result<()> {
    let operations: Vec<&Operation> = wanted.operations(true).collect();
    if operations.is_empty() {
        return Ok(());
    }
    if wire.is_none() {
        match Wire::start(std::iter::once(wire::SITE)) {
            Ok(laid) => *wire = Some(Rc::new(laid)),
            Err(error) => {
                for operation in operations {
                    port.send(&unavailable(place, operation, &error))?;
                }
                return Ok(());
            }
        }
    }
    let work = || {
        for operation in operations {
            let prepare = || match &*wire {
                Some(wire) => rows::prepare_talk(operation.name, wire),
                None => Err(io::Error::other("there is no cable")),
            };
            run_row(place, operation, prepare, meter, port)?;
        }
        Ok(())
    };
    go(place, Some(wire::SITE), work)
}

/// Runs `work` in a place; a guest has the addresses of `site`, when there is one.
fn go(place: Place, site: Option<u16>, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let work = || {
        // Batch tasks do not preempt each other at a wakeup: who runs when does not depend on how
        // long each ran before.
        sys::set_policy(libc::SCHED_BATCH)?;
        work()
    };
    let xid = inside::GUEST_XID;
    match place {
        Place::Plain => Child::spawn(work)?.wait(),
        Place::Spaces => inside::run(None, work),
        Place::Guest => inside::run(Some(Guest { xid, site }), work),
    }
}

fn run_row(
    place: Place,
    operation: &Operation,
    prepare: impl FnOnce() -> io::Result<rows::Run>,
    meter: &mut Meter,
    port: &mut Port,
) -> io::Result<()> {
    let measured = prepare().and_then(|mut run| meter.batches(operation, &mut *run));
    port.send(&match measured {
        Ok(batches) => Record::Sample {
            place,
            row: operation.name.to_owned(),
            count: operation.count,
            batches,
        },
        Err(error) => unavailable(place, operation, &error),
    })
}

fn unavailable(place: Place, operation: &Operation, error: &io::Error) -> Record {
    Record::Unavailable {
        row: operation.name.to_owned(),
        place: Some(place),
        reason: error.to_string(),
    }
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
