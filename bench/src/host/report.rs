// SPDX-License-Identifier: GPL-2.0

//! Putting the records of all boots together.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use super::qemu::Side;
use crate::record::{MemoryUse, Place, Record};
use crate::row::{self, Crowd};
use crate::stats::{
    is_over, median, ratio, spread, ACCEPT_LIMIT, CROWD_LIMIT, IDLE_LIMIT, INSIDE_LIMIT,
};

/// Rows whose absence is a note and no failure: they compare with programs that need not exist.
const OPTIONAL: &[&str] = &["crun"];

/// Why a row has no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Name of the row.
    pub row: String,
    /// Kernel and place.
    pub place: String,
    /// The reason.
    pub reason: String,
}

/// Everything that was reported.
#[derive(Default)]
pub struct Results {
    /// Version text of each kernel.
    kernels: BTreeMap<&'static str, String>,
    /// Instructions per operation, one value per boot.
    operations: BTreeMap<(Side, Place, String), Vec<f64>>,
    /// Instructions per cycle, one value per batch.
    cycles: BTreeMap<String, Vec<f64>>,
    /// Memory at each number of contexts.
    memory: Vec<MemoryStep>,
    /// Instructions of single creations around the n-th context.
    creation: BTreeMap<u32, Vec<f64>>,
    missing: Vec<Missing>,
}

/// Memory with a number of idle contexts.
#[derive(Clone, Debug)]
struct MemoryStep {
    contexts: u32,
    memory: MemoryUse,
    caches: Vec<(String, i64, u64)>,
}

/// One row of the comparison of operations.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Name of the row.
    pub name: &'static str,
    /// What it is.
    pub label: &'static str,
    /// Whether it is about the network.
    pub network: bool,
    /// Stock kernel.
    pub stock: Option<f64>,
    /// Ours without a context.
    pub idle: Option<f64>,
    /// Stock kernel in the namespaces of a guest.
    pub spaces: Option<f64>,
    /// Ours inside a guest.
    pub guest: Option<f64>,
    /// Largest disagreement of the boots of one column.
    pub noise: Option<f64>,
}

impl Compared {
    /// Ours idle against stock.
    pub fn idle_ratio(&self) -> Option<f64> {
        ratio(self.idle, self.stock)
    }

    /// Guest against stock.
    pub fn guest_ratio(&self) -> Option<f64> {
        ratio(self.guest, self.stock)
    }

    /// Guest against the same namespaces on stock.
    pub fn context_ratio(&self) -> Option<f64> {
        ratio(self.guest, self.spaces)
    }

    /// Whether the idle kernel is over its limit.
    pub fn idle_over(&self) -> bool {
        is_over(self.idle_ratio(), IDLE_LIMIT)
    }

    /// Whether the guest is over its limit against stock.
    pub fn guest_over(&self) -> bool {
        is_over(self.guest_ratio(), INSIDE_LIMIT)
    }

    /// Whether the context alone is over the limit of the guest.
    pub fn context_over(&self) -> bool {
        is_over(self.context_ratio(), INSIDE_LIMIT)
    }
}

/// A number that is compared with another.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Instructions.
    pub instructions: f64,
    /// Share of what it is compared with.
    pub ratio: Option<f64>,
    /// Whether that is over the limit.
    pub over: bool,
}

/// Memory per context.
#[derive(Clone, Debug)]
pub struct PerContext {
    /// Contexts that exist.
    pub contexts: u32,
    /// Bytes per context: all memory, slab, unreclaimable slab, per-cpu, vmalloc.
    pub bytes: [f64; 5],
    /// Slab caches with their objects per context and object size.
    pub caches: Vec<(String, f64, u64)>,
}

/// Names of the numbers in [`PerContext::bytes`].
pub const MEMORY_KINDS: [&str; 5] = ["used", "slab", "unreclaimable", "percpu", "vmalloc"];

impl Results {
    /// Adds one record.
    pub fn add(&mut self, side: Side, record: Record) {
        match record {
            Record::Kernel { release, .. } => {
                self.kernels.insert(side.name(), release);
            }
            Record::Sample {
                place,
                row,
                count,
                batches,
            } => {
                let batches: Vec<f64> = batches.iter().map(|batch| *batch as f64).collect();
                if let Some(middle) = median(&batches) {
                    self.operations
                        .entry((side, place, row))
                        .or_default()
                        .push(middle / f64::from(count));
                }
            }
            Record::Cycle { row, batches } => self.cycles.entry(row).or_default().extend(batches),
            Record::Memory {
                contexts,
                memory,
                caches,
            } => self.memory.push(MemoryStep {
                contexts,
                memory,
                caches,
            }),
            Record::Creation { ordinal, calls } => self
                .creation
                .entry(ordinal)
                .or_default()
                .extend(calls.iter().map(|call| *call as f64)),
            Record::Unavailable { row, place, reason } => {
                let place = place.map_or(side.name().to_owned(), |place| {
                    format!("{}, {}", side.name(), place.name())
                });
                let missing = Missing { row, place, reason };
                if !self.missing.contains(&missing) {
                    self.missing.push(missing);
                }
            }
            Record::Done | Record::Failed { .. } => {}
        }
    }

    /// Rows without a number, and why.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Those of them that make the run fail.
    pub fn failures(&self) -> Vec<String> {
        self.missing
            .iter()
            .filter(|missing| !OPTIONAL.contains(&missing.row.as_str()))
            .map(|missing| format!("{} ({}): {}", missing.row, missing.place, missing.reason))
            .collect()
    }

    /// The rows that have at least one number.
    pub fn compared(&self) -> Vec<Compared> {
        row::OPERATIONS
            .iter()
            .filter_map(|operation| {
                let boots = |side, place| {
                    self.operations
                        .get(&(side, place, operation.name.to_owned()))
                        .map_or(&[][..], Vec::as_slice)
                };
                let columns = [
                    boots(Side::Stock, Place::Plain),
                    boots(Side::Ours, Place::Plain),
                    boots(Side::Stock, Place::Spaces),
                    boots(Side::Ours, Place::Guest),
                ];
                let [stock, idle, spaces, guest] = columns.map(median);
                if columns.iter().all(|column| column.is_empty()) {
                    return None;
                }
                Some(Compared {
                    name: operation.name,
                    label: operation.label,
                    network: operation.network,
                    stock,
                    idle,
                    spaces,
                    guest,
                    noise: columns
                        .into_iter()
                        .filter_map(spread)
                        .max_by(f64::total_cmp),
                })
            })
            .collect()
    }

    /// Median instructions of a cycle, without the fork, exit and wait that is part of it.
    pub fn cycle(&self, row: &str) -> Option<f64> {
        let all = self.whole_cycle(row)?;
        let fork = self.whole_cycle(row::FORK)?;
        Some(if row == row::FORK { all } else { all - fork })
    }

    /// Median instructions of a cycle, everything included.
    pub fn whole_cycle(&self, row: &str) -> Option<f64> {
        median(self.cycles.get(row)?)
    }

    /// Start and stop of a guest with a network of this kind, and how much of it the network is.
    pub fn start(&self, row: &str) -> Option<(f64, Option<f64>)> {
        let all = self.whole_cycle(row)?;
        if row == row::START_BY_HAND {
            return Some((all, Some(all)));
        }
        let none = self.whole_cycle(row::START_NONE);
        Some((all, none.map(|none| all - none)))
    }

    /// Making the last guests of a crowd, compared with the first.
    pub fn last_guests(&self) -> Option<Measured> {
        self.measured(row::GUEST_LAST, row::GUEST_FIRST, CROWD_LIMIT)
    }

    /// Connections in a crowd, compared with those on a host without guests.
    pub fn accepts(&self, crowd: Crowd, v6: bool) -> Option<Measured> {
        self.measured(crowd.row(v6), Crowd::Nobody.row(v6), ACCEPT_LIMIT)
    }

    fn measured(&self, row: &str, base: &str, limit: f64) -> Option<Measured> {
        let instructions = self.whole_cycle(row)?;
        let ratio = ratio(Some(instructions), self.whole_cycle(base));
        Some(Measured {
            instructions,
            ratio,
            over: is_over(ratio, limit),
        })
    }

    /// The tables of starts and crowds as JSON.
    fn networks_to_json(&self) -> Value {
        let measured = |measured: Option<Measured>| {
            measured.map(|measured| {
                json!({
                    "instructions": measured.instructions,
                    "ratio": measured.ratio,
                    "over": measured.over,
                })
            })
        };
        let starts: BTreeMap<&str, Value> = row::STARTED
            .iter()
            .filter_map(|(row, _)| {
                let (all, network) = self.start(row)?;
                Some((*row, json!({"instructions": all, "network": network})))
            })
            .collect();
        let accepts: BTreeMap<&str, Value> = Crowd::ALL
            .iter()
            .flat_map(|crowd| [(*crowd, false), (*crowd, true)])
            .map(|(crowd, v6)| (crowd.row(v6), json!(measured(self.accepts(crowd, v6)))))
            .collect();
        json!({
            "starts": starts,
            "first_guests": self.whole_cycle(row::GUEST_FIRST),
            "last_guests": measured(self.last_guests()),
            "accepts": accepts,
        })
    }

    /// Memory per context at each step.
    pub fn per_context(&self) -> Vec<PerContext> {
        let Some(base) = self.memory.iter().find(|step| step.contexts == 0) else {
            return Vec::new();
        };
        self.memory
            .iter()
            .filter(|step| step.contexts > 0)
            .map(|step| {
                let contexts = f64::from(step.contexts);
                let bytes =
                    |now: u64, before: u64| (now as f64 - before as f64) * 1024.0 / contexts;
                PerContext {
                    contexts: step.contexts,
                    bytes: [
                        bytes(step.memory.used, base.memory.used),
                        bytes(step.memory.slab, base.memory.slab),
                        bytes(step.memory.unreclaimable, base.memory.unreclaimable),
                        bytes(step.memory.percpu, base.memory.percpu),
                        bytes(step.memory.vmalloc, base.memory.vmalloc),
                    ],
                    caches: step
                        .caches
                        .iter()
                        .map(|(name, objects, size)| {
                            (name.clone(), *objects as f64 / contexts, *size)
                        })
                        .collect(),
                }
            })
            .collect()
    }

    /// Median instructions of `ctx_create` for the n-th context.
    pub fn creation(&self) -> Vec<(u32, f64)> {
        self.creation
            .iter()
            .filter_map(|(ordinal, calls)| Some((*ordinal, median(calls)?)))
            .collect()
    }

    /// Everything as one JSON object.
    pub fn to_json(&self, boots: u32) -> Value {
        let rows: Vec<Value> = self
            .compared()
            .iter()
            .map(|row| {
                json!({
                    "name": row.name,
                    "label": row.label,
                    "stock": row.stock,
                    "ours_idle": row.idle,
                    "stock_namespaces": row.spaces,
                    "ours_guest": row.guest,
                    "ratio": {
                        "idle_to_stock": row.idle_ratio(),
                        "guest_to_stock": row.guest_ratio(),
                        "guest_to_namespaces": row.context_ratio(),
                    },
                    "over": {
                        "idle_to_stock": row.idle_over(),
                        "guest_to_stock": row.guest_over(),
                        "guest_to_namespaces": row.context_over(),
                    },
                    "noise": row.noise,
                })
            })
            .collect();
        let cycles: Vec<Value> = self
            .cycles
            .keys()
            .filter(|name| row::is_cycle(name))
            .map(|name| {
                json!({
                    "name": name,
                    "instructions": self.whole_cycle(name),
                    "without_fork": self.cycle(name),
                    "noise": self.cycles.get(name).and_then(|batches| spread(batches)),
                })
            })
            .collect();
        let memory: Vec<Value> = self
            .per_context()
            .iter()
            .map(|step| {
                let bytes: BTreeMap<&str, f64> = MEMORY_KINDS.into_iter().zip(step.bytes).collect();
                json!({
                    "contexts": step.contexts,
                    "bytes_per_context": bytes,
                    "caches": step.caches,
                })
            })
            .collect();
        let creation: Vec<Value> = self
            .creation()
            .iter()
            .map(|(ordinal, calls)| json!({"ordinal": ordinal, "instructions": calls}))
            .collect();
        let missing: Vec<Value> = self
            .missing
            .iter()
            .map(|missing| {
                json!({"row": missing.row, "where": missing.place, "reason": missing.reason})
            })
            .collect();
        json!({
            "unit": "instructions per operation",
            "boots": boots,
            "kernels": self.kernels,
            "limits": {
                "idle": IDLE_LIMIT, "inside": INSIDE_LIMIT, "last_guests": CROWD_LIMIT,
                "accepts": ACCEPT_LIMIT,
            },
            "rows": rows,
            "cycles": cycles,
            "networks": self.networks_to_json(),
            "memory": memory,
            "creation": creation,
            "missing": missing,
        })
    }
}

/// What a record means for somebody who waits.
pub fn progress(record: &Record) -> Option<String> {
    match record {
        Record::Kernel { .. } => Some("up".into()),
        Record::Sample { place, row, .. } => Some(format!("{} {row}", place.name())),
        Record::Cycle { row, .. } => Some(format!("cycle {row}")),
        Record::Memory { contexts, .. } => Some(format!("memory with {contexts} contexts")),
        Record::Unavailable { row, reason, .. } => Some(format!("{row} not measured: {reason}")),
        Record::Creation { .. } | Record::Done | Record::Failed { .. } => None,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    fn sample(place: Place, batches: &[u64]) -> Record {
        Record::Sample {
            place,
            row: "null".into(),
            count: 10,
            batches: batches.to_vec(),
        }
    }

    /// Results with one row, cycles, memory and a missing row.
    pub fn example() -> Results {
        let mut results = Results::default();
        for batches in [[1000, 1000, 9000], [1000, 1010, 1000]] {
            results.add(Side::Stock, sample(Place::Plain, &batches));
        }
        results.add(Side::Stock, sample(Place::Spaces, &[1000]));
        results.add(Side::Ours, sample(Place::Plain, &[1002]));
        results.add(Side::Ours, sample(Place::Guest, &[1005]));
        for (row, value) in [("fork", 100.0), ("context", 110.0), ("clone_all", 300.0)] {
            results.add(
                Side::Ours,
                Record::Cycle {
                    row: row.into(),
                    batches: vec![value],
                },
            );
        }
        for (contexts, slab) in [(0, 100), (10, 110)] {
            results.add(
                Side::Ours,
                Record::Memory {
                    contexts,
                    memory: MemoryUse {
                        slab,
                        ..MemoryUse::default()
                    },
                    caches: Vec::new(),
                },
            );
        }
        results.add(
            Side::Ours,
            Record::Creation {
                ordinal: 10,
                calls: vec![5, 7, 6],
            },
        );
        results.add(
            Side::Ours,
            Record::Unavailable {
                row: "crun".into(),
                place: None,
                reason: "not there".into(),
            },
        );
        results
    }

    #[test]
    fn boots_are_put_together() {
        let rows = example().compared();
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(row.stock, Some(100.0));
        assert!((row.idle_ratio().unwrap() - 1.002).abs() < 1e-9);
        assert!(row.idle_over());
        assert!(!row.guest_over() && !row.context_over());
        assert_eq!(row.noise, Some(0.0));
    }

    #[test]
    fn cycles_lose_their_fork() {
        let results = example();
        assert_eq!(results.cycle("context"), Some(10.0));
        assert_eq!(results.cycle("clone_all"), Some(200.0));
        assert_eq!(results.cycle("fork"), Some(100.0));
        assert_eq!(results.cycle("crun"), None);
    }

    #[test]
    fn memory_is_per_context() {
        let steps = example().per_context();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].bytes[1], 1024.0);
        assert_eq!(example().creation(), [(10, 6.0)]);
    }

    #[test]
    fn a_missing_comparison_is_no_failure_but_a_missing_row_is() {
        let mut results = example();
        assert!(results.failures().is_empty());
        assert_eq!(results.missing().len(), 1);
        let missing = Record::Unavailable {
            row: "null".into(),
            place: Some(Place::Plain),
            reason: "broken".into(),
        };
        results.add(Side::Ours, missing.clone());
        results.add(Side::Ours, missing);
        assert_eq!(results.failures(), ["null (ours, plain): broken"]);
    }

    #[test]
    fn networks_are_compared() {
        let mut results = example();
        for (row, value) in [
            (row::START_NONE, 1000.0),
            (row::START_SHARED, 1100.0),
            (row::START_ROUTED, 1400.0),
            (row::START_BY_HAND, 600.0),
            (row::GUEST_FIRST, 100.0),
            (row::GUEST_LAST, 121.0),
            (Crowd::Nobody.row(false), 1000.0),
            (Crowd::Silent.row(false), 1019.0),
            (Crowd::Listening.row(false), 1021.0),
        ] {
            results.add(
                Side::Ours,
                Record::Cycle {
                    row: row.into(),
                    batches: vec![value],
                },
            );
        }
        assert_eq!(
            results.start(row::START_SHARED),
            Some((1100.0, Some(100.0)))
        );
        assert_eq!(
            results.start(row::START_BY_HAND),
            Some((600.0, Some(600.0)))
        );
        assert_eq!(results.start(row::START_BRIDGE), None);
        assert!(results.last_guests().unwrap().over);
        assert!(!results.accepts(Crowd::Silent, false).unwrap().over);
        assert!(results.accepts(Crowd::Listening, false).unwrap().over);
        assert!(results.accepts(Crowd::Listening, true).is_none());
        let text = crate::host::table::render(&results);
        assert!(text.contains("1,021  1.0210!"), "{text}");
        assert!(text.contains("25.0 %"), "{text}");
        let json = results.to_json(1);
        assert_eq!(json["networks"]["starts"]["start_shared"]["network"], 100.0);
        assert_eq!(
            json["networks"]["accepts"]["accept4_listening"]["over"],
            true
        );
    }

    #[test]
    fn json_has_numbers_and_marks() {
        let json = example().to_json(2);
        assert_eq!(json["rows"][0]["stock"], 100.0);
        assert_eq!(json["rows"][0]["over"]["idle_to_stock"], true);
        assert_eq!(json["memory"][0]["bytes_per_context"]["slab"], 1024.0);
        assert_eq!(json["missing"][0]["row"], "crun");
    }
}
