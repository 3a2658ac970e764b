// SPDX-License-Identifier: GPL-2.0

//! What the machine tells the host: one JSON object per line.

use serde_json::{json, Value};

/// Where an operation ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On the host.
    Plain,
    /// In the namespaces of a guest, without a context.
    Spaces,
    /// In a guest: the same namespaces and a sealed context.
    Guest,
}

impl Place {
    /// All places.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Spaces, Self::Guest];

    /// Name on the wire and on the kernel command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Spaces => "spaces",
            Self::Guest => "guest",
        }
    }

    /// The place called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }
}

/// Kernel memory in KiB at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// `MemTotal - MemFree` of `/proc/meminfo`.
    pub used: u64,
    /// `Slab`.
    pub slab: u64,
    /// `SUnreclaim`.
    pub unreclaimable: u64,
    /// `Percpu`.
    pub percpu: u64,
    /// `VmallocUsed`.
    pub vmalloc: u64,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The machine runs this kernel.
    Kernel {
        /// `uname -r` and `uname -v`.
        release: String,
        /// Nanoseconds between timer interrupts.
        tick: u64,
    },
    /// Batches of an operation, in instructions per batch.
    Sample {
        /// Where it ran.
        place: Place,
        /// Name of the row.
        row: String,
        /// Operations per batch.
        count: u32,
        /// Instructions of each batch.
        batches: Vec<u64>,
    },
    /// Instructions of a life cycle, all deferred work included, per operation.
    Cycle {
        /// `fork`, `context`, `clone_all` or `crun`.
        row: String,
        /// Instructions per operation of each batch.
        batches: Vec<f64>,
    },
    /// Memory with this many idle contexts.
    Memory {
        /// Contexts that exist.
        contexts: u32,
        /// Memory in use.
        memory: MemoryUse,
        /// Active objects of slab caches that changed since no context existed: name, objects,
        /// bytes per object.
        caches: Vec<(String, i64, u64)>,
    },
    /// Instructions of `ctx_create` alone, around the n-th context.
    Creation {
        /// The n.
        ordinal: u32,
        /// Instructions of single calls.
        calls: Vec<u64>,
    },
    /// A row that cannot be measured in this machine, and why.
    Unavailable {
        /// Name of the row.
        row: String,
        /// Where it should have run, when that matters.
        place: Option<Place>,
        /// Why it cannot.
        reason: String,
    },
    /// The machine has measured everything that it was asked for.
    Done,
    /// The machine gives up.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Record {
    /// The record as one line of JSON, without the line end.
    pub fn to_line(&self) -> String {
        self.to_value().to_string()
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Kernel { release, tick } => {
                json!({"kind": "kernel", "release": release, "tick": tick})
            }
            Self::Sample {
                place,
                row,
                count,
                batches,
            } => json!({
                "kind": "sample", "place": place.name(), "row": row, "count": count,
                "batches": batches,
            }),
            Self::Cycle { row, batches } => {
                json!({"kind": "cycle", "row": row, "batches": batches})
            }
            Self::Memory {
                contexts,
                memory,
                caches,
            } => json!({
                "kind": "memory", "contexts": contexts,
                "used": memory.used, "slab": memory.slab,
                "unreclaimable": memory.unreclaimable, "percpu": memory.percpu,
                "vmalloc": memory.vmalloc, "caches": caches,
            }),
            Self::Creation { ordinal, calls } => {
                json!({"kind": "creation", "ordinal": ordinal, "calls": calls})
            }
            Self::Unavailable { row, place, reason } => json!({
                "kind": "unavailable", "row": row, "place": place.map(Place::name),
                "reason": reason,
            }),
            Self::Done => json!({"kind": "done"}),
            Self::Failed { reason } => json!({"kind": "failed", "reason": reason}),
        }
    }

    /// Reads a line. The error names what is wrong with it.
    pub fn from_line(line: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("not a record: {error}: {line:?}"))?;
        Self::from_value(&value).ok_or_else(|| format!("not a known record: {line:?}"))
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let number = |key: &str| value.get(key)?.as_u64();
        let small = |key: &str| u32::try_from(number(key)?).ok();
        let numbers = |key: &str| -> Option<Vec<u64>> {
            value
                .get(key)?
                .as_array()?
                .iter()
                .map(Value::as_u64)
                .collect()
        };
        Some(match value.get("kind")?.as_str()? {
            "kernel" => Self::Kernel {
                release: text("release")?,
                tick: number("tick")?,
            },
            "sample" => Self::Sample {
                place: Place::from_name(&text("place")?)?,
                row: text("row")?,
                count: small("count")?,
                batches: numbers("batches")?,
            },
            "cycle" => Self::Cycle {
                row: text("row")?,
                batches: value
                    .get("batches")?
                    .as_array()?
                    .iter()
                    .map(Value::as_f64)
                    .collect::<Option<_>>()?,
            },
            "memory" => Self::Memory {
                contexts: small("contexts")?,
                memory: MemoryUse {
                    used: number("used")?,
                    slab: number("slab")?,
                    unreclaimable: number("unreclaimable")?,
                    percpu: number("percpu")?,
                    vmalloc: number("vmalloc")?,
                },
                caches: value
                    .get("caches")?
                    .as_array()?
                    .iter()
                    .map(|cache| {
                        Some((
                            cache.get(0)?.as_str()?.to_owned(),
                            cache.get(1)?.as_i64()?,
                            cache.get(2)?.as_u64()?,
                        ))
                    })
                    .collect::<Option<_>>()?,
            },
            "creation" => Self::Creation {
                ordinal: small("ordinal")?,
                calls: numbers("calls")?,
            },
            "unavailable" => Self::Unavailable {
                row: text("row")?,
                place: text("place").as_deref().and_then(Place::from_name),
                reason: text("reason")?,
            },
            "done" => Self::Done,
            "failed" => Self::Failed {
                reason: text("reason")?,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_survives_the_wire() {
        let records = [
            Record::Kernel {
                release: "7.3.4 #1".into(),
                tick: 4_000_000,
            },
            Record::Sample {
                place: Place::Guest,
                row: "null".into(),
                count: 1000,
                batches: vec![1, 2, 3],
            },
            Record::Cycle {
                row: "fork".into(),
                batches: vec![1.5, 2.5],
            },
            Record::Memory {
                contexts: 10,
                memory: MemoryUse {
                    used: 1,
                    slab: 2,
                    unreclaimable: 3,
                    percpu: 4,
                    vmalloc: 5,
                },
                caches: vec![("kmalloc-1k".into(), -3, 1024)],
            },
            Record::Creation {
                ordinal: 10_000,
                calls: vec![7],
            },
            Record::Unavailable {
                row: "crun".into(),
                place: Some(Place::Spaces),
                reason: "it is not installed".into(),
            },
            Record::Unavailable {
                row: "crun".into(),
                place: None,
                reason: "it is not installed".into(),
            },
            Record::Done,
            Record::Failed {
                reason: "no port".into(),
            },
        ];
        for record in records {
            let line = record.to_line();
            assert!(!line.contains('\n'));
            assert_eq!(Record::from_line(&line), Ok(record));
        }
    }

    #[test]
    fn broken_lines_are_named() {
        assert!(Record::from_line("{").unwrap_err().contains("not a record"));
        assert!(Record::from_line("{\"kind\":\"sample\"}")
            .unwrap_err()
            .contains("not a known record"));
    }
}
