// SPDX-License-Identifier: GPL-2.0

//! What the files of a cgroup have to hold for the limits of a guest.

use crate::limits::{IoLimit, Key, Limits};

/// Controllers that a guest gets where the host offers them: for its limits, its accounts, and to
/// hand out below.
pub const CONTROLLERS: &[&str] = &["cpu", "cpuset", "io", "memory", "pids"];

/// A value for a file of a cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The limit that it is about.
    pub key: Key,
    /// Name of the file.
    pub file: &'static str,
    /// What is written.
    pub value: String,
}

impl Control {
    fn new(key: Key, file: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        Self { key, file, value }
    }

    /// The controller of the file.
    pub fn controller(&self) -> &'static str {
        controller_of(self.file)
    }

    /// Name of the disk in the value of a file with a line for each.
    pub fn disk(&self) -> Option<&str> {
        let numbered = self.file.starts_with("io.");
        numbered.then(|| self.value.split(' ').next()).flatten()
    }

    /// What to write to put back what the file held, by the text that was read from it.
    pub fn undone(&self, before: &str) -> Self {
        let value = match self.disk() {
            None => before.trim_end().to_owned(),
            Some(disk) => {
                let mut lines = before.lines();
                let line = lines.find(|line| line.split(' ').next() == Some(disk));
                line.map_or_else(|| lifted_line(self.file, disk), str::to_owned)
            }
        };
        Self {
            value,
            ..self.clone()
        }
    }
}

/// The controller to which a file belongs.
pub fn controller_of(file: &str) -> &'static str {
    let prefix = file.split('.').next();
    let mut known = CONTROLLERS.iter();
    known
        .find(|name| Some(**name) == prefix)
        .copied()
        .unwrap_or("cgroup")
}

/// What a kernel has to be built with to have a file.
pub fn option_of(file: &str) -> &'static str {
    match file {
        "cpu.weight" => "CONFIG_FAIR_GROUP_SCHED",
        "cpuset.cpus" => "CONFIG_CPUSETS",
        "io.max" => "CONFIG_BLK_DEV_THROTTLING",
        "io.weight" => "CONFIG_BLK_CGROUP_IOCOST",
        "memory.swap.max" => "CONFIG_SWAP",
        "pids.max" => "CONFIG_CGROUP_PIDS",
        file if file.starts_with("memory.") => "CONFIG_MEMCG",
        file if file.starts_with("io.") => "CONFIG_BLK_CGROUP",
        _ => "CONFIG_CGROUP_SCHED",
    }
}

fn lifted_line(file: &str, disk: &str) -> String {
    match file {
        "io.weight" => format!("{disk} default"),
        _ => format!("{disk} rbps=max wbps=max riops=max wiops=max"),
    }
}

fn or_max<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "max".to_owned(), |value| value.to_string())
}

/// What one limit other than [`Key::Io`] writes, also when it is lifted; none when the cgroup does
/// not keep it.
pub fn of_key(limits: &Limits, key: Key) -> Option<Control> {
    let new = |file, value| Some(Control::new(key, file, value));
    match key {
        Key::Cpus => {
            // An empty line is all that the cgroup above has.
            let cpus = limits.cpus.as_ref();
            new(
                "cpuset.cpus",
                cpus.map_or_else(String::new, ToString::to_string),
            )
        }
        Key::Weight => new("cpu.weight", limits.weight.unwrap_or(100).to_string()),
        Key::Mem => new("memory.max", or_max(limits.mem)),
        Key::MemHigh => new("memory.high", or_max(limits.mem_high)),
        Key::Swap => new("memory.swap.max", or_max(limits.swap)),
        Key::Pids => new("pids.max", or_max(limits.pids)),
        Key::Cpu | Key::CpuBurst | Key::CpuIdle | Key::Files | Key::Io => None,
    }
}

/// What the limits of a disk write; `number` is that of its device node, `MAJOR:MINOR`.
pub fn of_disk(limit: &IoLimit, number: &str) -> Vec<Control> {
    let mut controls = Vec::new();
    if limit.has_rates() {
        let value = format!(
            "{number} rbps={} wbps={} riops={} wiops={}",
            or_max(limit.rbps),
            or_max(limit.wbps),
            or_max(limit.riops),
            or_max(limit.wiops)
        );
        controls.push(Control::new(Key::Io, "io.max", value));
    }
    if let Some(weight) = limit.weight {
        let value = format!("{number} {weight}");
        controls.push(Control::new(Key::Io, "io.weight", value));
    }
    controls
}

/// What a change from `old` to `new` limits of one disk writes.
pub fn of_disk_change(old: Option<&IoLimit>, new: Option<&IoLimit>, number: &str) -> Vec<Control> {
    let mut controls = new.map_or_else(Vec::new, |new| of_disk(new, number));
    for before in old.map_or_else(Vec::new, |old| of_disk(old, number)) {
        if !controls.iter().any(|control| control.file == before.file) {
            let value = lifted_line(before.file, number);
            controls.push(Control { value, ..before });
        }
    }
    controls
}

/// All that the limits of a new cgroup write; `numbers` are those of the disks, in their order.
pub fn of_all(limits: &Limits, numbers: &[String]) -> Vec<Control> {
    let set = Key::ALL
        .into_iter()
        .filter(|key| limits.text(*key).is_some());
    let mut controls: Vec<Control> = set.filter_map(|key| of_key(limits, key)).collect();
    for (limit, number) in limits.io.iter().zip(numbers) {
        controls.extend(of_disk(limit, number));
    }
    controls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(controls: &[Control]) -> Vec<String> {
        let text = |control: &Control| format!("{}={}", control.file, control.value);
        controls.iter().map(text).collect()
    }

    #[test]
    fn each_limit_has_its_file() {
        let mut limits = Limits::default();
        for (key, text) in [
            (Key::Cpu, "1.5"),
            (Key::Cpus, "0-1"),
            (Key::Weight, "200"),
            (Key::Mem, "512M"),
            (Key::MemHigh, "400M"),
            (Key::Swap, "0"),
            (Key::Pids, "500"),
            (Key::Files, "64"),
        ] {
            limits.set(key, text).unwrap();
        }
        limits
            .io
            .push("/dev/vda:rbps=20M,wiops=500,weight=7".parse().unwrap());
        limits.io.push("/dev/vdb:weight=8".parse().unwrap());
        let controls = of_all(&limits, &["254:0".to_owned(), "254:16".to_owned()]);
        assert_eq!(
            texts(&controls),
            [
                "cpuset.cpus=0-1",
                "cpu.weight=200",
                "memory.max=536870912",
                "memory.high=419430400",
                "memory.swap.max=0",
                "pids.max=500",
                "io.max=254:0 rbps=20971520 wbps=max riops=max wiops=500",
                "io.weight=254:0 7",
                "io.weight=254:16 8",
            ]
        );
        for control in &controls {
            assert!(CONTROLLERS.contains(&control.controller()), "{control:?}");
            assert!(option_of(control.file).starts_with("CONFIG_"));
        }
        assert!(of_all(&Limits::default(), &[]).is_empty());
    }

    #[test]
    fn a_lifted_limit_writes_what_a_new_cgroup_has() {
        let lifted = |key| of_key(&Limits::default(), key).map(|control| control.value);
        for key in [Key::Mem, Key::MemHigh, Key::Swap, Key::Pids] {
            assert_eq!(lifted(key).as_deref(), Some("max"));
        }
        assert_eq!(lifted(Key::Weight).as_deref(), Some("100"));
        assert_eq!(lifted(Key::Cpus).as_deref(), Some(""));
        assert_eq!(lifted(Key::Cpu), None);
    }

    #[test]
    fn a_disk_changes_as_a_whole() {
        let limit = |text: &str| text.parse::<IoLimit>().unwrap();
        let old = limit("/dev/vda:rbps=1M,weight=7");
        let new = limit("/dev/vda:wiops=50");
        let change = |old: Option<&IoLimit>, new: Option<&IoLimit>| {
            texts(&of_disk_change(old, new, "254:0"))
        };
        assert_eq!(
            change(Some(&old), Some(&new)),
            [
                "io.max=254:0 rbps=max wbps=max riops=max wiops=50",
                "io.weight=254:0 default",
            ]
        );
        assert_eq!(
            change(Some(&old), None),
            [
                "io.max=254:0 rbps=max wbps=max riops=max wiops=max",
                "io.weight=254:0 default",
            ]
        );
        assert!(change(None, None).is_empty());
    }

    #[test]
    fn what_was_there_is_put_back() {
        let control = |file, value: &str| Control::new(Key::Io, file, value);
        let max = control("io.max", "254:0 rbps=1 wbps=max riops=max wiops=max");
        let before = "254:16 rbps=9\n254:0 rbps=5 wbps=6 riops=max wiops=max\n";
        assert_eq!(
            max.undone(before).value,
            "254:0 rbps=5 wbps=6 riops=max wiops=max"
        );
        assert_eq!(
            max.undone("").value,
            "254:0 rbps=max wbps=max riops=max wiops=max"
        );
        let weight = control("io.weight", "254:0 7");
        assert_eq!(weight.undone("default 100\n").value, "254:0 default");
        assert_eq!(weight.undone("default 100\n254:0 9\n").value, "254:0 9");
        let memory = Control::new(Key::Mem, "memory.max", "1");
        assert_eq!(memory.undone("max\n").value, "max");
    }
}
