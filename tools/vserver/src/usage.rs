// SPDX-License-Identifier: GPL-2.0

//! What a guest uses, as the files of its cgroup tell.

use crate::limits::{Key, Limits};
use crate::quantity::bytes_short;
use crate::system::System;
use libvserver::abi::rlimit;
use libvserver::{Syscall, Vserver};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Transfers of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}

impl Transfers {
    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.saturating_add(other.read_bytes),
            written_bytes: self.written_bytes.saturating_add(other.written_bytes),
            reads: self.reads.saturating_add(other.reads),
            writes: self.writes.saturating_add(other.writes),
        }
    }
}

/// Time in which tasks were waiting for a resource, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// At least one of them.
    pub some: u64,
    /// All that had something to do.
    pub full: u64,
}

/// What the cgroup of a guest has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// Processor time in user mode, microseconds.
    pub user_usec: u64,
    /// Processor time in the kernel, microseconds.
    pub system_usec: u64,
    /// Highest use of memory, bytes.
    pub memory_peak: u64,
    /// Transfers by disk.
    pub io: BTreeMap<String, Transfers>,
    /// How often a limit was hit, by its name.
    pub hits: BTreeMap<String, u64>,
    /// Tasks that were killed for want of memory.
    pub oom_kills: u64,
    /// Waiting, by resource.
    pub pressure: BTreeMap<String, Pressure>,
}

impl Counted {
    /// Transfers of all disks.
    pub fn io_sum(&self) -> Transfers {
        let all = self.io.values().copied();
        all.fold(Transfers::default(), Transfers::plus)
    }
}

/// What a guest uses at the moment; members are missing where the host does not offer the
/// controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Present {
    /// Processes and threads.
    pub tasks: Option<u64>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of swap space.
    pub swap: Option<u64>,
}

/// All that a cgroup tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// At the moment.
    pub present: Present,
    /// Since it was made.
    pub counted: Counted,
}

/// The value of a `KEY VALUE` line.
fn value(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(name, _)| *name == key)?;
    found.1.trim().parse().ok()
}

/// The value of a `KEY=VALUE` word.
fn word(line: &str, key: &str) -> Option<u64> {
    let mut words = line.split(' ').filter_map(|word| word.split_once('='));
    words.find(|(name, _)| *name == key)?.1.parse().ok()
}

fn transfers(line: &str) -> Option<(&str, Transfers)> {
    let count = |key| word(line, key).unwrap_or(0);
    let disk = line.split(' ').next().filter(|disk| disk.contains(':'))?;
    let transfers = Transfers {
        read_bytes: count("rbytes"),
        written_bytes: count("wbytes"),
        reads: count("rios"),
        writes: count("wios"),
    };
    (transfers != Transfers::default()).then_some((disk, transfers))
}

fn pressure(text: &str) -> Option<Pressure> {
    let total = |kind: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.split(' ').next() == Some(kind))
            .and_then(|line| word(line, "total"))
    };
    Some(Pressure {
        some: total("some")?,
        full: total("full").unwrap_or(0),
    })
}

/// Files in which hits of limits are counted: file, key, name of the limit. Where there is one, the
/// file with `.local` behind its name leaves out limits that the guest has set below.
const HITS: &[(&str, &str, &str)] = &[
    ("memory.events", "max", "mem"),
    ("memory.events", "high", "mem-high"),
    ("memory.swap.events", "max", "swap"),
    ("pids.events", "max", "pids"),
];

/// Reads the cgroup of a guest; none when it has none.
pub fn read<S: System>(system: &S, name: &str) -> Option<Usage> {
    system.find_cgroup(name)?;
    // What the host does not offer has no file.
    let file = |file: &str| system.read_cgroup(name, file).ok();
    let number = |name: &str| file(name)?.trim_end().parse::<u64>().ok();
    let cpu = file("cpu.stat").unwrap_or_default();
    let mut counted = Counted {
        user_usec: value(&cpu, "user_usec").unwrap_or(0),
        system_usec: value(&cpu, "system_usec").unwrap_or(0),
        memory_peak: number("memory.peak").unwrap_or(0),
        oom_kills: file("memory.events")
            .and_then(|text| value(&text, "oom_kill"))
            .unwrap_or(0),
        ..Default::default()
    };
    for line in file("io.stat").unwrap_or_default().lines() {
        if let Some((number, transfers)) = transfers(line) {
            let disk = system
                .disk_name(number)
                .unwrap_or_else(|| number.to_owned());
            let sum = counted.io.entry(disk).or_default();
            *sum = sum.plus(transfers);
        }
    }
    for (events, key, limit) in HITS {
        let text = file(&format!("{events}.local")).or_else(|| file(events));
        if let Some(hits) = text.and_then(|text| value(&text, key)) {
            counted.hits.insert((*limit).to_owned(), hits);
        }
    }
    for resource in ["cpu", "memory", "io"] {
        if let Some(waited) = file(&format!("{resource}.pressure"))
            .as_deref()
            .and_then(pressure)
        {
            counted.pressure.insert(resource.to_owned(), waited);
        }
    }
    let present = Present {
        tasks: number("pids.current"),
        memory: number("memory.current"),
        swap: number("memory.swap.current"),
    };
    Some(Usage { present, counted })
}

/// Open files of a context; none where the kernel does not count them.
pub fn open_files<S: Syscall>(vserver: &Vserver<S>, xid: u32) -> Option<u64> {
    let stat = vserver.rlimit_stat(xid, rlimit::NOFILE).ok()?;
    // A task has some; no kernel that counts tells none.
    (stat.value > 0).then_some(stat.value)
}

impl Usage {
    /// Limits with what is used of them, for people; `open_files` where the kernel counts them.
    pub fn lines(&self, limits: &Limits, open_files: Option<u64>) -> Vec<(&'static str, String)> {
        let Present {
            tasks,
            memory,
            swap,
        } = self.present;
        let Counted {
            user_usec,
            system_usec,
            memory_peak,
            ..
        } = self.counted;
        let hits = |key: Key| self.counted.hits.get(key.name()).copied();
        let mut lines = Vec::new();
        for key in Key::ALL {
            let mut parts = Vec::new();
            match key {
                Key::Cpu => parts.push(format!(
                    "used {} user, {} system",
                    seconds(user_usec),
                    seconds(system_usec)
                )),
                Key::Mem => {
                    parts.extend(memory.map(|now| format!("{} in use", bytes_short(now))));
                    if memory_peak > 0 {
                        parts.push(format!("peak {}", bytes_short(memory_peak)));
                    }
                    if self.counted.oom_kills > 0 {
                        parts.push(format!("{} tasks killed", self.counted.oom_kills));
                    }
                }
                Key::Swap => parts.extend(swap.map(|now| format!("{} in use", bytes_short(now)))),
                Key::Pids => parts.extend(tasks.map(|now| format!("{now} in use"))),
                Key::Files => parts.extend(open_files.map(|now| format!("{now} in use"))),
                _ => {}
            }
            parts.extend(
                hits(key)
                    .filter(|hits| *hits > 0)
                    .map(|hits| format!("hit {hits} times")),
            );
            let limit = limits.text(key);
            // The rest of the limits tells nothing beside the description.
            if limit.is_none() && parts.is_empty() {
                continue;
            }
            let mut text = limit.unwrap_or_else(|| "unlimited".to_owned());
            for part in parts {
                text += &format!(", {part}");
            }
            lines.push((key.name(), text));
        }
        lines.extend(
            limits
                .io
                .iter()
                .map(|limit| (Key::Io.name(), limit.to_string())),
        );
        lines.extend(
            self.counted
                .io
                .iter()
                .map(|(disk, transfers)| ("io", format!("{disk}: {}", transfers_text(*transfers)))),
        );
        lines
    }
}

/// Transfers for people.
pub fn transfers_text(transfers: Transfers) -> String {
    format!(
        "read {} in {}, written {} in {}",
        bytes_short(transfers.read_bytes),
        transfers.reads,
        bytes_short(transfers.written_bytes),
        transfers.writes
    )
}

/// Microseconds as seconds.
pub fn seconds(usec: u64) -> String {
    format!("{}.{:02} s", usec / 1_000_000, usec % 1_000_000 / 10_000)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::Model;

    /// Files of a cgroup that has been used.
    pub(crate) const FILES: &[(&str, &str)] = &[
        (
            "cpu.stat",
            "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnice_usec 0\n",
        ),
        ("memory.current", "104857600\n"),
        ("memory.peak", "209715200\n"),
        ("memory.swap.current", "4096\n"),
        (
            "memory.events",
            "low 0\nhigh 4\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
        ),
        ("memory.swap.events", "high 0\nmax 3\nfail 0\n"),
        ("pids.current", "31\n"),
        ("pids.events", "max 50\n"),
        ("pids.events.local", "max 5\n"),
        (
            "io.stat",
            "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:1 \n254:16 rbytes=1 \
             wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
        ),
        (
            "cpu.pressure",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 \
             avg300=0.00 total=45\n",
        ),
        (
            "io.pressure",
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=6\n",
        ),
    ];

    pub(crate) fn used(model: &Model) {
        model.create_cgroup("web").unwrap();
        for (file, text) in FILES {
            let mut controls = model.controls.borrow_mut();
            controls.insert((*file).to_owned(), (*text).to_owned());
        }
    }

    #[test]
    fn the_files_of_a_cgroup_are_read() {
        let model = Model::new();
        assert_eq!(read(&model, "web"), None);
        used(&model);
        let usage = read(&model, "web").unwrap();
        let present = Present {
            tasks: Some(31),
            memory: Some(104_857_600),
            swap: Some(4096),
        };
        assert_eq!(usage.present, present);
        let counted = &usage.counted;
        assert_eq!(
            (counted.user_usec, counted.system_usec),
            (2_000_000, 1_000_000)
        );
        assert_eq!((counted.memory_peak, counted.oom_kills), (209_715_200, 1));
        let hits: Vec<_> = counted
            .hits
            .iter()
            .map(|(key, hits)| (key.as_str(), *hits))
            .collect();
        assert_eq!(
            hits,
            [("mem", 7), ("mem-high", 4), ("pids", 5), ("swap", 3)]
        );
        assert_eq!(
            counted.pressure["cpu"],
            Pressure {
                some: 123,
                full: 45
            }
        );
        assert_eq!(counted.pressure["io"], Pressure { some: 6, full: 0 });
        assert!(!counted.pressure.contains_key("memory"));
        assert_eq!(counted.io["vda"].written_bytes, 8192);
        assert_eq!(counted.io["254:16"].reads, 3);
        assert_eq!(counted.io_sum().read_bytes, 4097);
    }

    #[test]
    fn a_host_without_controllers_is_no_failure() {
        let model = Model::new();
        model.create_cgroup("web").unwrap();
        assert_eq!(read(&model, "web"), Some(Usage::default()));
    }

    #[test]
    fn limits_stand_beside_their_use() {
        let model = Model::new();
        used(&model);
        let usage = read(&model, "web").unwrap();
        let mut limits = Limits::default();
        limits.set(Key::Mem, "512M").unwrap();
        limits.set(Key::Weight, "200").unwrap();
        limits.io.push("/dev/vda:rbps=20M".parse().unwrap());
        let lines = usage.lines(&limits, Some(9));
        let texts: Vec<String> = lines
            .iter()
            .map(|(key, text)| format!("{key}: {text}"))
            .collect();
        assert_eq!(
            texts,
            [
                "cpu: unlimited, used 2.00 s user, 1.00 s system",
                "weight: 200",
                "mem: 512M, 100.0M in use, peak 200.0M, 1 tasks killed, hit 7 times",
                "mem-high: unlimited, hit 4 times",
                "swap: unlimited, 4.0K in use, hit 3 times",
                "pids: unlimited, 31 in use, hit 5 times",
                "files: unlimited, 9 in use",
                "io: /dev/vda:rbps=20M",
                "io: 254:16: read 1 in 3, written 2 in 4",
                "io: vda: read 4.0K in 1, written 8.0K in 2",
            ]
        );
    }
}
