// SPDX-License-Identifier: GPL-2.0

//! What a program can ask about its machine, and all the ways in which it can ask.

use crate::sys::{Sys, files, log, machine, process};
use libc::{CLOCK_REALTIME, CLOCK_REALTIME_COARSE};

/// A way to ask: what it is called, and the answer as a text or a decimal number.
pub type Way = (&'static str, fn() -> Sys<String>);

/// A value and the ways in which programs ask for it.
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// They must all give the same.
    pub ways: &'static [Way],
}

const fn row(name: &'static str, ways: &'static [Way]) -> Row {
    Row { name, ways }
}

fn told(value: impl ToString) -> Sys<String> {
    Ok(value.to_string())
}

fn word(path: &str, index: usize) -> Sys<String> {
    let text = files::read(path)?;
    let found = text.split_ascii_whitespace().nth(index);
    found.map(String::from).ok_or(libc::ENODATA)
}

/// What is behind a name at the beginning of a line.
fn behind(path: &str, name: &str) -> Sys<String> {
    let text = files::read(path)?;
    text.lines()
        .find_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.split_ascii_whitespace().next().map(String::from)
        })
        .ok_or(libc::ENODATA)
}

/// A line of /proc/meminfo in bytes.
fn meminfo(name: &str) -> Sys<String> {
    let kib: u64 = behind("/proc/meminfo", name)?
        .parse()
        .map_err(|_| libc::EINVAL)?;
    told(kib * 1024)
}

fn sysinfo(value: impl Fn(&libc::sysinfo) -> u64) -> Sys<String> {
    let info = machine::sysinfo()?;
    told(value(&info) * u64::from(info.mem_unit))
}

fn pages(name: i32) -> Sys<String> {
    told(machine::sysconf(name) * machine::sysconf(libc::_SC_PAGESIZE))
}

fn swaps(column: usize) -> Sys<Vec<u64>> {
    let text = files::read("/proc/swaps")?;
    text.lines()
        .skip(1)
        .map(|line| {
            let number = line.split_ascii_whitespace().nth(column);
            let kib: u64 = number.and_then(|n| n.parse().ok()).ok_or(libc::EINVAL)?;
            Ok(kib * 1024)
        })
        .collect()
}

fn swap_size() -> Sys<String> {
    told(swaps(2)?.iter().sum::<u64>())
}

fn swap_free() -> Sys<String> {
    told(swaps(2)?.iter().sum::<u64>() - swaps(3)?.iter().sum::<u64>())
}

fn load(index: usize) -> Sys<String> {
    told(machine::sysinfo()?.loads[index] as f64 / 65536.0)
}

/// Numbers behind a word, one for each line that begins with both.
fn numbered(path: &str, word: &str) -> Sys<Vec<String>> {
    let text = files::read(path)?;
    let numbers = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(word)?;
        let rest = rest.trim_start_matches(['\t', ' ', ':']);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    });
    Ok(numbers.collect())
}

/// Those behind "cpu" have no blank before them: the sum is not among them.
fn of_stat() -> Sys<Vec<String>> {
    let text = files::read("/proc/stat")?;
    let numbers = text.lines().filter_map(|line| {
        let name = line.strip_prefix("cpu")?.split(' ').next()?;
        (!name.is_empty()).then(|| name.to_string())
    });
    Ok(numbers.collect())
}

fn of_affinity() -> Sys<Vec<String>> {
    Ok(machine::affinity()?.iter().map(usize::to_string).collect())
}

/// A list of ranges.
fn of_sysfs() -> Sys<Vec<String>> {
    let text = files::read("/sys/devices/system/cpu/online")?;
    let mut numbers = Vec::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let parse = |text: &str| text.parse::<u32>().map_err(|_| libc::EINVAL);
        numbers.extend((parse(first)?..=parse(last)?).map(|cpu| cpu.to_string()));
    }
    Ok(numbers)
}

fn list(numbers: Sys<Vec<String>>) -> Sys<String> {
    numbers.map(|numbers| numbers.join(" "))
}

fn count(numbers: Sys<Vec<String>>) -> Sys<String> {
    told(numbers?.len())
}

/// A column of the own line of processes, counted as proc(5) does; the name has no blank.
fn own(column: usize) -> Sys<String> {
    word("/proc/self/stat", column - 1)
}

/// Seconds, from ticks of the interface.
fn ticks(text: &str) -> Sys<f64> {
    let ticks: f64 = text.parse().map_err(|_| libc::EINVAL)?;
    Ok(ticks / machine::sysconf(libc::_SC_CLK_TCK) as f64)
}

fn uptime() -> Sys<f64> {
    word("/proc/uptime", 0)?.parse().map_err(|_| libc::EINVAL)
}

/// A column of the line of all processors, in seconds.
fn spent(columns: &[usize]) -> Sys<String> {
    let mut sum = 0.0;
    for column in columns {
        sum += ticks(&word("/proc/stat", *column)?)?;
    }
    told(sum)
}

fn name(index: usize) -> Sys<String> {
    Ok(machine::uname()?[index].clone())
}

fn sysctl(name: &str) -> Sys<String> {
    let text = files::read(&format!("/proc/sys/kernel/{name}"))?;
    Ok(text.trim_end().to_string())
}

/// All of them.
pub const TABLE: &[Row] = &[
    row(
        "processors",
        &[
            ("sysconf", || {
                told(machine::sysconf(libc::_SC_NPROCESSORS_ONLN))
            }),
            ("sched_getaffinity", || count(of_affinity())),
            ("/proc/stat", || count(of_stat())),
            ("/proc/cpuinfo", || {
                count(numbered("/proc/cpuinfo", "processor"))
            }),
            ("/sys", || count(of_sysfs())),
        ],
    ),
    row(
        "their numbers",
        &[
            ("sched_getaffinity", || list(of_affinity())),
            ("/proc/stat", || list(of_stat())),
            ("/proc/cpuinfo", || {
                list(numbered("/proc/cpuinfo", "processor"))
            }),
            ("/sys", || list(of_sysfs())),
        ],
    ),
    row(
        "the present one",
        &[
            ("getcpu", || told(machine::processor()?)),
            ("/proc/self/stat", || own(39)),
        ],
    ),
    row(
        "memory",
        &[
            ("sysconf", || pages(libc::_SC_PHYS_PAGES)),
            ("sysinfo", || sysinfo(|info| info.totalram)),
            ("/proc/meminfo", || meminfo("MemTotal:")),
        ],
    ),
    row(
        "free memory",
        &[
            ("sysconf", || pages(libc::_SC_AVPHYS_PAGES)),
            ("sysinfo", || sysinfo(|info| info.freeram)),
            ("/proc/meminfo", || meminfo("MemFree:")),
        ],
    ),
    row(
        "available memory",
        &[("/proc/meminfo", || meminfo("MemAvailable:"))],
    ),
    row(
        "buffers",
        &[
            ("sysinfo", || sysinfo(|info| info.bufferram)),
            ("/proc/meminfo", || meminfo("Buffers:")),
        ],
    ),
    row(
        "shared memory",
        &[
            ("sysinfo", || sysinfo(|info| info.sharedram)),
            ("/proc/meminfo", || meminfo("Shmem:")),
        ],
    ),
    row("cached files", &[("/proc/meminfo", || meminfo("Cached:"))]),
    row(
        "memory of programs",
        &[("/proc/meminfo", || meminfo("AnonPages:"))],
    ),
    row("slabs", &[("/proc/meminfo", || meminfo("Slab:"))]),
    row(
        "stacks of the kernel",
        &[("/proc/meminfo", || meminfo("KernelStack:"))],
    ),
    row(
        "page tables",
        &[("/proc/meminfo", || meminfo("PageTables:"))],
    ),
    row(
        "high memory",
        &[
            ("sysinfo", || sysinfo(|info| info.totalhigh)),
            ("sysinfo, free", || sysinfo(|info| info.freehigh)),
        ],
    ),
    row(
        "swap",
        &[
            ("sysinfo", || sysinfo(|info| info.totalswap)),
            ("/proc/meminfo", || meminfo("SwapTotal:")),
            ("/proc/swaps", swap_size),
        ],
    ),
    row(
        "free swap",
        &[
            ("sysinfo", || sysinfo(|info| info.freeswap)),
            ("/proc/meminfo", || meminfo("SwapFree:")),
            ("/proc/swaps", swap_free),
        ],
    ),
    row(
        "load of a minute",
        &[
            ("getloadavg", || told(machine::loads()?[0])),
            ("sysinfo", || load(0)),
            ("/proc/loadavg", || word("/proc/loadavg", 0)),
        ],
    ),
    row(
        "load of five minutes",
        &[
            ("getloadavg", || told(machine::loads()?[1])),
            ("sysinfo", || load(1)),
            ("/proc/loadavg", || word("/proc/loadavg", 1)),
        ],
    ),
    row(
        "load of a quarter of an hour",
        &[
            ("getloadavg", || told(machine::loads()?[2])),
            ("sysinfo", || load(2)),
            ("/proc/loadavg", || word("/proc/loadavg", 2)),
        ],
    ),
    row(
        "threads",
        &[
            ("sysinfo", || told(machine::sysinfo()?.procs)),
            ("/proc/loadavg", || {
                let text = word("/proc/loadavg", 3)?;
                Ok(text.split('/').nth(1).unwrap_or_default().to_string())
            }),
        ],
    ),
    row(
        "threads that run",
        &[
            ("/proc/loadavg", || {
                let text = word("/proc/loadavg", 3)?;
                Ok(text.split('/').next().unwrap_or_default().to_string())
            }),
            ("/proc/stat", || behind("/proc/stat", "procs_running")),
        ],
    ),
    row(
        "threads that wait for disks",
        &[("/proc/stat", || behind("/proc/stat", "procs_blocked"))],
    ),
    row(
        "forks",
        &[("/proc/stat", || behind("/proc/stat", "processes"))],
    ),
    row(
        "uptime",
        &[
            ("sysinfo", || told(machine::sysinfo()?.uptime)),
            ("/proc/uptime", || told(uptime()?)),
        ],
    ),
    row(
        "time of the boot",
        &[
            ("/proc/stat", || behind("/proc/stat", "btime")),
            ("clock and sysinfo", || {
                told(machine::clock(CLOCK_REALTIME)? - machine::sysinfo()?.uptime as f64)
            }),
            ("clock and /proc/uptime", || {
                told(machine::clock(CLOCK_REALTIME)? - uptime()?)
            }),
        ],
    ),
    row(
        "start of the process",
        &[("/proc/self/stat", || told(ticks(&own(22)?)?))],
    ),
    row(
        "age of the process",
        &[("/proc/uptime and /proc/self/stat", || {
            told(uptime()? - ticks(&own(22)?)?)
        })],
    ),
    row("time in programs", &[("/proc/stat", || spent(&[1, 2]))]),
    row("time in the kernel", &[("/proc/stat", || spent(&[3]))]),
    row(
        "time of all kinds",
        &[("/proc/stat", || spent(&[1, 2, 3, 4, 5, 6, 7, 8]))],
    ),
    row("idle time", &[("/proc/uptime", || word("/proc/uptime", 1))]),
    row(
        "system",
        &[("uname", || name(0)), ("sysctl", || sysctl("ostype"))],
    ),
    row(
        "name of the host",
        &[
            ("uname", || name(1)),
            ("gethostname", machine::hostname),
            ("sysctl", || sysctl("hostname")),
        ],
    ),
    row(
        "release",
        &[("uname", || name(2)), ("sysctl", || sysctl("osrelease"))],
    ),
    row(
        "version",
        &[("uname", || name(3)), ("sysctl", || sysctl("version"))],
    ),
    row(
        "machine",
        &[("uname", || name(4)), ("sysctl", || sysctl("arch"))],
    ),
    row(
        "domain",
        &[("uname", || name(5)), ("sysctl", || sysctl("domainname"))],
    ),
    row(
        "number of the process",
        &[
            ("getpid", || told(process::getpid())),
            ("/proc/self", || files::readlink("/proc/self")),
            ("/proc/self/stat", || own(1)),
        ],
    ),
    row(
        "context",
        &[("/proc/self/status", || behind("/proc/self/status", "VxID:"))],
    ),
    row(
        "bytes in the log",
        &[
            ("syslog, all", || told(log::syslog(log::READ_ALL)?)),
            ("syslog, unread", || told(log::syslog(log::SIZE_UNREAD)?)),
        ],
    ),
    row(
        "clock",
        &[
            ("clock_gettime", || told(machine::clock(CLOCK_REALTIME)?)),
            ("coarse", || told(machine::clock(CLOCK_REALTIME_COARSE)?)),
            ("time of the C library", || {
                let now = std::time::SystemTime::now();
                let since = now.duration_since(std::time::UNIX_EPOCH);
                told(since.map_err(|_| libc::EINVAL)?.as_secs_f64())
            }),
        ],
    ),
];
