// SPDX-License-Identifier: GPL-2.0

//! The limits of a guest, as its description says: reading, writing, and what fits together.

use crate::bits::Problem;
use crate::quantity::{CpuList, Cpus, Span, bytes, bytes_text, is_between};
use libvserver::abi::space;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The word that lifts a limit.
pub const NONE: &str = "none";

/// Namespaces by which a guest gets at the limits of its cgroup: in a cgroup namespace below, the
/// topmost cgroup of the guest is one like others; in a user namespace it can make one.
pub const OPEN_SPACES: u64 = space::CGROUP | space::USER;

/// The limits by their names, which are those of the options and of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Processor time.
    Cpu,
    /// Processor time that may be saved up.
    CpuBurst,
    /// Part of what others leave of the processors.
    CpuIdle,
    /// Processors.
    Cpus,
    /// Share of the processors when they are busy.
    Weight,
    /// Memory.
    Mem,
    /// Memory from which on the guest is slowed down.
    MemHigh,
    /// Swap space.
    Swap,
    /// Processes and threads.
    Pids,
    /// Open files.
    Files,
    /// Transfers of disks.
    Io,
}

impl Key {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Cpu,
        Self::CpuBurst,
        Self::CpuIdle,
        Self::Cpus,
        Self::Weight,
        Self::Mem,
        Self::MemHigh,
        Self::Swap,
        Self::Pids,
        Self::Files,
        Self::Io,
    ];

    /// Name of the option and of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuBurst => "cpu-burst",
            Self::CpuIdle => "cpu-idle",
            Self::Cpus => "cpus",
            Self::Weight => "weight",
            Self::Mem => "mem",
            Self::MemHigh => "mem-high",
            Self::Swap => "swap",
            Self::Pids => "pids",
            Self::Files => "files",
            Self::Io => "io",
        }
    }

    /// How a value is written, and what is allowed.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Cpu => "write processors from 0.01 on, such as \"1.5\" for one and a half",
            Self::CpuBurst => "write processor time from 10ms to 1h, such as \"2s\" or \"500ms\"",
            Self::CpuIdle => {
                "write a number from 1 to 100, such as 50; twice the number gets twice of what others \
                 leave idle"
            }
            Self::Cpus => "write numbers and ranges of processors, such as \"0-1,3\"",
            Self::Weight => {
                "write a number from 1 to 10000, such as 200; without it a guest has 100"
            }
            Self::Mem | Self::MemHigh => {
                "write bytes, or a number and K, M, G or T, from 8M to 1024T, such as \"512M\""
            }
            Self::Swap => {
                "write bytes, or a number and K, M, G or T, from 0 to 1024T, such as \"1G\"; 0 is \
                 no swap space"
            }
            Self::Pids => "write a number from 16 to 4194304, such as 500",
            Self::Files => "write a number from 64 to 1073741824, such as 4096",
            Self::Io => {
                "write DISK:LIMIT=VALUE,..., such as \"/dev/vda:rbps=20M,wiops=500\", with rbps and \
                 wbps in bytes per second from 64K on, riops and wiops from 10 on, and weight from \
                 1 to 10000"
            }
        }
    }

    /// What is wrong with a value, and what is allowed.
    pub fn problem(self, message: impl Into<String>) -> Problem {
        Problem {
            message: message.into(),
            remedy: self.remedy().to_owned(),
        }
    }
}

/// Transfers of one disk; none is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IoLimit {
    /// Device node of the disk.
    pub device: PathBuf,
    /// Bytes read per second.
    pub rbps: Option<u64>,
    /// Bytes written per second.
    pub wbps: Option<u64>,
    /// Reads per second.
    pub riops: Option<u64>,
    /// Writes per second.
    pub wiops: Option<u64>,
    /// Share of the disk when it is busy.
    pub weight: Option<u32>,
}

impl IoLimit {
    /// Whether something of the disk is limited, beside its weight.
    pub const fn has_rates(&self) -> bool {
        self.rbps.is_some() || self.wbps.is_some() || self.riops.is_some() || self.wiops.is_some()
    }
}

/// Splits `DISK:REST`; names of disks may have colons themselves, what is limited has none.
pub fn split_disk(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once(':')
        .filter(|(disk, rest)| disk.starts_with('/') && !rest.is_empty())
}

impl FromStr for IoLimit {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = |message: String| Key::Io.problem(message);
        let (device, rest) = split_disk(text)
            .ok_or_else(|| wrong(format!("\"{text}\" names no disk and its limits")))?;
        let mut limit = Self {
            device: device.into(),
            ..Default::default()
        };
        for part in rest.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| wrong(format!("\"{part}\" of \"{text}\" is no limit of a disk")))?;
            let bad = || wrong(format!("{name} of {device} cannot be \"{value}\""));
            let rate = || bytes(value).filter(|&rate| is_between(rate, 64 << 10, 1 << 50));
            let count = || {
                value
                    .parse()
                    .ok()
                    .filter(|&count| is_between(count, 10, 1 << 30))
            };
            let again = match name {
                "rbps" => limit.rbps.replace(rate().ok_or_else(bad)?).is_some(),
                "wbps" => limit.wbps.replace(rate().ok_or_else(bad)?).is_some(),
                "riops" => limit.riops.replace(count().ok_or_else(bad)?).is_some(),
                "wiops" => limit.wiops.replace(count().ok_or_else(bad)?).is_some(),
                "weight" => limit
                    .weight
                    .replace(weight(value).ok_or_else(bad)?)
                    .is_some(),
                _ => {
                    return Err(wrong(format!(
                        "a disk has no limit \"{name}\", only rbps, wbps, riops, wiops and weight"
                    )));
                }
            };
            if again {
                return Err(wrong(format!("{name} of {device} stands there twice")));
            }
        }
        Ok(limit)
    }
}

impl fmt::Display for IoLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |name: &str, value: Option<u64>| {
            value.map(|value| format!("{name}={}", bytes_text(value)))
        };
        let count = |name: &str, value: Option<u64>| value.map(|value| format!("{name}={value}"));
        let parts = [
            rate("rbps", self.rbps),
            rate("wbps", self.wbps),
            count("riops", self.riops),
            count("wiops", self.wiops),
            count("weight", self.weight.map(u64::from)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        write!(formatter, "{}:{}", self.device.display(), parts.join(","))
    }
}

fn weight(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|&weight| is_between(weight, 1, 10_000))
}

/// The limits of a guest; none is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Processors that its tasks use together.
    pub cpu: Option<Cpus>,
    /// Processor time that may be saved up.
    pub cpu_burst: Option<Span>,
    /// Its part of what others leave of the processors.
    pub cpu_idle: Option<u32>,
    /// Processors that its tasks may run on.
    pub cpus: Option<CpuList>,
    /// Share of the processors when they are busy.
    pub weight: Option<u32>,
    /// Bytes of memory.
    pub mem: Option<u64>,
    /// Bytes of memory from which on the guest is slowed down.
    pub mem_high: Option<u64>,
    /// Bytes of swap space.
    pub swap: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Open files.
    pub files: Option<u32>,
    /// Transfers of disks.
    pub io: Vec<IoLimit>,
}

impl Limits {
    /// Sets a limit other than [`Key::Io`] as it is written, or lifts it.
    ///
    /// # Errors
    ///
    /// It is no such value.
    pub fn set(&mut self, key: Key, text: &str) -> Result<(), Problem> {
        let wrong = || key.problem(format!("{} cannot be \"{text}\"", key.name()));
        let lifted = text == NONE;
        /// The value, or none when the limit is lifted.
        fn value<T>(
            lifted: bool,
            read: Option<T>,
            wrong: impl Fn() -> Problem,
        ) -> Result<Option<T>, Problem> {
            if lifted {
                Ok(None)
            } else {
                read.map(Some).ok_or_else(wrong)
            }
        }
        let size = |least: u64| bytes(text).filter(|&size| is_between(size, least, 1 << 50));
        let number = |least: u32, most: u32| {
            let number = text.parse().ok();
            number.filter(|&number| is_between(number, least, most))
        };
        match key {
            Key::Cpu => self.cpu = value(lifted, text.parse().ok(), wrong)?,
            Key::CpuBurst => self.cpu_burst = value(lifted, text.parse().ok(), wrong)?,
            Key::CpuIdle => self.cpu_idle = value(lifted, number(1, 100), wrong)?,
            Key::Cpus => self.cpus = value(lifted, text.parse().ok(), wrong)?,
            Key::Weight => self.weight = value(lifted, weight(text), wrong)?,
            Key::Mem => self.mem = value(lifted, size(8 << 20), wrong)?,
            Key::MemHigh => self.mem_high = value(lifted, size(8 << 20), wrong)?,
            Key::Swap => self.swap = value(lifted, size(0), wrong)?,
            Key::Pids => self.pids = value(lifted, number(16, 4_194_304), wrong)?,
            Key::Files => self.files = value(lifted, number(64, 1 << 30), wrong)?,
            Key::Io => return Err(wrong()),
        }
        Ok(())
    }

    /// A limit as it is written; none when it is not set, or is [`Key::Io`].
    pub fn text(&self, key: Key) -> Option<String> {
        match key {
            Key::Cpu => self.cpu.map(|cpu| cpu.to_string()),
            Key::CpuBurst => self.cpu_burst.map(|burst| burst.to_string()),
            Key::CpuIdle => self.cpu_idle.map(|part| part.to_string()),
            Key::Cpus => self.cpus.as_ref().map(CpuList::to_string),
            Key::Weight => self.weight.map(|weight| weight.to_string()),
            Key::Mem => self.mem.map(bytes_text),
            Key::MemHigh => self.mem_high.map(bytes_text),
            Key::Swap => self.swap.map(bytes_text),
            Key::Pids => self.pids.map(|pids| pids.to_string()),
            Key::Files => self.files.map(|files| files.to_string()),
            Key::Io => None,
        }
    }

    /// Keys and values for people.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let lines = Key::ALL
            .into_iter()
            .filter_map(|key| Some((key.name(), self.text(key)?)));
        let disks = self
            .io
            .iter()
            .map(|limit| (Key::Io.name(), limit.to_string()));
        lines.chain(disks).collect()
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a limit is kept by the cgroup of the guest.
    pub fn need_cgroup(&self) -> bool {
        let without = Self {
            cpu: None,
            cpu_burst: None,
            cpu_idle: None,
            files: None,
            ..self.clone()
        };
        !without.is_empty()
    }

    /// The limits of a disk.
    pub fn of_disk(&self, device: &Path) -> Option<&IoLimit> {
        self.io.iter().find(|limit| limit.device == device)
    }

    /// Checks that the limits fit together; tells which one does not.
    ///
    /// # Errors
    ///
    /// One makes no sense beside another.
    pub fn check(&self) -> Result<(), (Key, Problem)> {
        let told = |key: Key, message: String, remedy: &str| {
            let remedy = remedy.to_owned();
            Err((key, Problem { message, remedy }))
        };
        if let (Some(burst), None) = (self.cpu_burst, self.cpu) {
            return told(
                Key::CpuBurst,
                format!("cpu-burst {burst} has no effect without a limit cpu"),
                "set cpu as well, such as \"1.5\", or lift cpu-burst with \"none\"",
            );
        }
        if let (Some(part), None) = (self.cpu_idle, self.cpu) {
            return told(
                Key::CpuIdle,
                format!("cpu-idle {part} has no effect without a limit cpu"),
                "set cpu as well, such as \"1.5\", or lift cpu-idle with \"none\"; without them a \
                 guest uses what is idle",
            );
        }
        let many = |cpus: &CpuList| self.cpu > Some(Cpus::whole(cpus.count()));
        if let (Some(cpu), Some(cpus)) = (self.cpu, self.cpus.as_ref().filter(|cpus| many(cpus))) {
            return told(
                Key::Cpu,
                format!("cpu {cpu} is more than the processors {cpus} of cpus can give"),
                "lower cpu, or give the guest more processors with cpus",
            );
        }
        if let (Some(swap), None) = (self.swap, self.mem) {
            return told(
                Key::Swap,
                format!(
                    "swap {} makes no sense without a limit mem",
                    bytes_text(swap)
                ),
                "set mem as well, such as \"512M\": what does not go to the swap space stays in \
                 memory",
            );
        }
        let high = self.mem_high.filter(|high| Some(*high) > self.mem);
        if let (Some(high), Some(mem)) = (high, self.mem) {
            return told(
                Key::MemHigh,
                format!(
                    "mem-high {} is above mem {} and would never be reached",
                    bytes_text(high),
                    bytes_text(mem)
                ),
                "lower mem-high or raise mem; mem-high is to slow the guest down before mem kills",
            );
        }
        for (index, limit) in self.io.iter().enumerate() {
            if self.io[..index]
                .iter()
                .any(|one| one.device == limit.device)
            {
                return told(
                    Key::Io,
                    format!("disk {} stands there twice", limit.device.display()),
                    "write all limits of a disk in one, separated by commas",
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(words: &[(Key, &str)]) -> Limits {
        let mut limits = Limits::default();
        for (key, text) in words {
            limits.set(*key, text).unwrap();
        }
        limits
    }

    #[test]
    fn what_is_written_is_read_and_lifted() {
        for (key, text) in [
            (Key::Cpu, "1.5"),
            (Key::CpuBurst, "2s"),
            (Key::CpuIdle, "50"),
            (Key::Cpus, "0-1,3"),
            (Key::Weight, "200"),
            (Key::Mem, "512M"),
            (Key::MemHigh, "400M"),
            (Key::Swap, "0"),
            (Key::Pids, "500"),
            (Key::Files, "4096"),
        ] {
            let mut limits = limits(&[(key, text)]);
            assert_eq!(limits.text(key).as_deref(), Some(text));
            let others = Key::ALL.into_iter().filter(|other| *other != key);
            assert!(others.clone().all(|other| limits.text(other).is_none()));
            limits.set(key, NONE).unwrap();
            assert!(limits.is_empty(), "{}", key.name());
        }
    }

    #[test]
    fn nonsense_is_refused_with_range_and_example() {
        for (key, texts) in [
            (
                Key::Cpu,
                &["", "0", "0.009", "-1", "1.2345", "x", "1e3", "nan"][..],
            ),
            (Key::CpuBurst, &["2", "9ms", "2h", "s", "-1s"]),
            (Key::CpuIdle, &["0", "101", "-1", "yes", ""]),
            (Key::Cpus, &["", "1-0", "a", "0,", "0-99999999", "0-"]),
            (Key::Weight, &["0", "10001", "1.5"]),
            (
                Key::Mem,
                &["0", "7M", "512", "1Q", "M", "2048T", "99999999999T"],
            ),
            (Key::MemHigh, &["1M"]),
            (Key::Swap, &["-1", "2000T"]),
            (Key::Pids, &["0", "15", "4194305", "all"]),
            (Key::Files, &["63", "1e9"]),
        ] {
            for text in texts {
                let problem = Limits::default().set(key, text).unwrap_err();
                let named = format!("{} cannot be \"{text}\"", key.name());
                assert_eq!(problem.message, named);
                assert!(problem.remedy.contains("such as"), "{problem:?}");
            }
        }
    }

    #[test]
    fn disks_are_read_and_written() {
        for text in [
            "/dev/vda:rbps=20M,wiops=500",
            "/dev/disk/by-path/pci-0000:00:02.0:wbps=1G,riops=10,weight=50",
        ] {
            let limit: IoLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), text);
        }
        let limit: IoLimit = "/dev/vda:weight=7".parse().unwrap();
        assert!(!limit.has_rates());
        for (text, word) in [
            ("vda:rbps=1M", "names no disk"),
            ("/dev/vda", "names no disk"),
            ("/dev/vda:", "names no disk"),
            ("/dev/vda:rbps", "is no limit"),
            ("/dev/vda:rbps=1", "rbps of /dev/vda"),
            ("/dev/vda:rbps=1M,rbps=2M", "twice"),
            ("/dev/vda:wiops=9", "wiops of /dev/vda"),
            ("/dev/vda:wiops=5M", "wiops of /dev/vda"),
            ("/dev/vda:weight=0", "weight of /dev/vda"),
            ("/dev/vda:speed=1", "only rbps"),
        ] {
            let problem = text.parse::<IoLimit>().unwrap_err();
            assert!(problem.message.contains(word), "{text}: {problem:?}");
            assert!(problem.remedy.contains("/dev/vda:rbps=20M"));
        }
    }

    #[test]
    fn limits_that_do_not_fit_together_are_told() {
        let refused = |words: &[(Key, &str)]| limits(words).check().unwrap_err().0;
        assert_eq!(refused(&[(Key::CpuBurst, "2s")]), Key::CpuBurst);
        assert_eq!(refused(&[(Key::CpuIdle, "2")]), Key::CpuIdle);
        assert_eq!(refused(&[(Key::Cpu, "1.5"), (Key::Cpus, "1")]), Key::Cpu);
        assert_eq!(refused(&[(Key::Swap, "0")]), Key::Swap);
        assert_eq!(
            refused(&[(Key::Mem, "100M"), (Key::MemHigh, "101M")]),
            Key::MemHigh
        );
        let mut twice = Limits::default();
        for text in ["/dev/vda:rbps=1M", "/dev/vda:wbps=1M"] {
            twice.io.push(text.parse().unwrap());
        }
        assert_eq!(twice.check().unwrap_err().0, Key::Io);
        let good = [
            (Key::Cpu, "2"),
            (Key::CpuBurst, "1s"),
            (Key::Cpus, "0,1"),
            (Key::Mem, "1G"),
            (Key::MemHigh, "1G"),
            (Key::Swap, "0"),
        ];
        assert_eq!(limits(&good).check(), Ok(()));
    }

    #[test]
    fn what_the_cgroup_keeps_is_told_apart() {
        assert!(
            !limits(&[(Key::Cpu, "1"), (Key::CpuBurst, "1s"), (Key::Files, "64")]).need_cgroup()
        );
        assert!(limits(&[(Key::Pids, "64")]).need_cgroup());
    }
}
