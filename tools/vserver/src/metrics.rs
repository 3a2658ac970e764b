// SPDX-License-Identifier: GPL-2.0

//! The books of guests for people, as JSON and as metrics.

use crate::accounts::{Account, Books};
use crate::limits::Limits;
use crate::live::State;
use crate::openmetrics::{Family, Kind, exposition};
use crate::output;
use crate::quantity::bytes_short;
use crate::usage::{Present, seconds, transfers_text};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A guest and its books.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its context id.
    pub xid: u32,
    /// Whether it runs.
    pub state: State,
    /// Its limits.
    pub limits: Limits,
    /// Its processes; none when it does not run.
    pub processes: Option<u64>,
    /// Its books.
    pub books: Books,
}

fn float(usec: u64) -> f64 {
    // Exact enough: a second in 285 years.
    usec as f64 / 1e6
}

/// What one run, or all, came to.
fn account_json(account: &Account) -> Value {
    let Account {
        starts,
        context,
        cgroup,
    } = account;
    let pressure: BTreeMap<&str, Value> = cgroup
        .pressure
        .iter()
        .map(|(resource, waited)| {
            let times =
                json!({ "some_seconds": float(waited.some), "full_seconds": float(waited.full) });
            (resource.as_str(), times)
        })
        .collect();
    json!({
        "starts": starts,
        "run_seconds": context.lasted_msec as f64 / 1e3,
        "cpu": { "user_seconds": float(cgroup.user_usec), "system_seconds": float(cgroup.system_usec) },
        "memory_peak_bytes": cgroup.memory_peak,
        "io": cgroup.io,
        "io_sum": cgroup.io_sum(),
        "network": context.network,
        "limit_hits": cgroup.hits,
        "refused": context.refused,
        "oom_kills": cgroup.oom_kills,
        "pressure": pressure,
    })
}

impl Entry {
    fn present(&self) -> Option<&Present> {
        self.books.now.as_ref().map(|(_, usage)| &usage.present)
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let since_start = self.books.now.as_ref().map(|(account, usage)| {
            let mut value = account_json(account);
            if let Value::Object(members) = &mut value {
                members.remove("starts");
                members.insert("present".to_owned(), json!(usage.present));
            }
            value
        });
        json!({
            "name": self.name,
            "xid": self.xid,
            "state": self.state,
            "processes": self.processes,
            "limits": self.limits,
            "since_start": since_start,
            "since_creation": account_json(&self.books.total),
        })
    }

    /// For people, in full.
    pub fn text(&self) -> String {
        let mut lines = vec![
            ("name", self.name.clone()),
            ("context id", self.xid.to_string()),
            ("state", self.state.as_str().to_owned()),
        ];
        let shown = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), bytes_short);
        if let Some(present) = self.present() {
            lines.push((
                "processes",
                self.processes
                    .map_or_else(|| "-".to_owned(), |count| count.to_string()),
            ));
            let tasks = present
                .tasks
                .map_or_else(|| "-".to_owned(), |count| count.to_string());
            lines.push(("threads", tasks));
            lines.push(("memory", shown(present.memory)));
            lines.push(("swap", shown(present.swap)));
        }
        let mut text = output::pairs(&lines);
        if let Some((account, _)) = &self.books.now {
            text += "\n\nsince its start\n";
            text += &output::pairs(&account_lines(account));
        }
        text += "\n\nsince its creation\n";
        text += &output::pairs(&account_lines(&self.books.total));
        text
    }
}

fn account_lines(account: &Account) -> Vec<(&'static str, String)> {
    let Account {
        starts,
        context,
        cgroup,
    } = account;
    let network = context.network;
    let mut lines = vec![
        ("starts", starts.to_string()),
        ("has run", output::duration(context.lasted_msec / 1000)),
        (
            "cpu",
            format!(
                "{} user, {} system",
                seconds(cgroup.user_usec),
                seconds(cgroup.system_usec)
            ),
        ),
        ("memory peak", bytes_short(cgroup.memory_peak)),
        ("io", transfers_text(cgroup.io_sum())),
    ];
    for (disk, transfers) in &cgroup.io {
        lines.push(("io", format!("{disk}: {}", transfers_text(*transfers))));
    }
    lines.push((
        "network",
        format!(
            "received {} by IPv4, {} by IPv6; sent {} by IPv4, {} by IPv6",
            bytes_short(network.ipv4_received),
            bytes_short(network.ipv6_received),
            bytes_short(network.ipv4_sent),
            bytes_short(network.ipv6_sent)
        ),
    ));
    let hits = cgroup.hits.iter().chain(&context.refused);
    let hits: Vec<String> = hits
        .filter(|(_, hits)| **hits > 0)
        .map(|(limit, hits)| format!("{limit} {hits}"))
        .collect();
    let hits = if hits.is_empty() {
        "none".to_owned()
    } else {
        hits.join(", ")
    };
    lines.push(("limit hits", hits));
    lines.push(("tasks killed", cgroup.oom_kills.to_string()));
    for (resource, waited) in &cgroup.pressure {
        let text = format!(
            "{resource}: {}, all tasks {}",
            seconds(waited.some),
            seconds(waited.full)
        );
        lines.push(("waited for", text));
    }
    lines
}

/// A table of running guests.
pub fn table(entries: &[Entry]) -> String {
    let heading = [
        "NAME", "XID", "UPTIME", "CPU", "PROCS", "MEMORY", "PEAK", "SWAP", "READ", "WRITTEN",
        "RECEIVED", "SENT", "HITS",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for entry in entries {
        let Some((account, usage)) = &entry.books.now else {
            continue;
        };
        let Account {
            context, cgroup, ..
        } = account;
        let shown = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), bytes_short);
        let io = cgroup.io_sum();
        let hits: u64 = cgroup.hits.values().chain(context.refused.values()).sum();
        rows.push(vec![
            entry.name.clone(),
            entry.xid.to_string(),
            output::duration(context.lasted_msec / 1000),
            seconds(cgroup.user_usec.saturating_add(cgroup.system_usec)),
            entry
                .processes
                .map_or_else(|| "-".to_owned(), |count| count.to_string()),
            shown(usage.present.memory),
            bytes_short(cgroup.memory_peak),
            shown(usage.present.swap),
            bytes_short(io.read_bytes),
            bytes_short(io.written_bytes),
            bytes_short(context.network.received()),
            bytes_short(context.network.sent()),
            hits.to_string(),
        ]);
    }
    output::table(&rows, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
}

/// The families, in the order in which they are filled.
struct Families {
    info: Family,
    running: Family,
    uptime: Family,
    run: Family,
    starts: Family,
    cpu: Family,
    processes: Family,
    threads: Family,
    memory: Family,
    peak: Family,
    swap: Family,
    io_bytes: Family,
    io_operations: Family,
    network: Family,
    hits: Family,
    refused: Family,
    oom_kills: Family,
    pressure: Family,
    cpu_limit: Family,
    memory_limit: Family,
    threads_limit: Family,
}

impl Families {
    fn new() -> Self {
        use Kind::{Counter, Gauge, Info};
        let new = Family::new;
        Self {
            info: new("vserver_guest", Info, "", "Name and context id of a guest"),
            running: new("vserver_guest_running", Gauge, "", "Whether the guest runs"),
            uptime: new(
                "vserver_guest_uptime_seconds",
                Gauge,
                "seconds",
                "Time since its start",
            ),
            run: new(
                "vserver_guest_run_seconds",
                Counter,
                "seconds",
                "Time that it has run, since its creation",
            ),
            starts: new(
                "vserver_guest_starts",
                Counter,
                "",
                "Starts since its creation",
            ),
            cpu: new(
                "vserver_guest_cpu_seconds",
                Counter,
                "seconds",
                "Processor time since its creation",
            ),
            processes: new("vserver_guest_processes", Gauge, "", "Processes"),
            threads: new(
                "vserver_guest_threads",
                Gauge,
                "",
                "Processes and threads, as limit pids counts them",
            ),
            memory: new(
                "vserver_guest_memory_bytes",
                Gauge,
                "bytes",
                "Memory in use",
            ),
            peak: new(
                "vserver_guest_memory_peak_bytes",
                Gauge,
                "bytes",
                "Highest use of memory since its start",
            ),
            swap: new(
                "vserver_guest_swap_bytes",
                Gauge,
                "bytes",
                "Swap space in use",
            ),
            io_bytes: new(
                "vserver_guest_io_bytes",
                Counter,
                "bytes",
                "Bytes read from and written to disks since its creation",
            ),
            io_operations: new(
                "vserver_guest_io_operations",
                Counter,
                "",
                "Reads and writes of disks since its creation",
            ),
            network: new(
                "vserver_guest_network_bytes",
                Counter,
                "bytes",
                "Bytes that its sockets received and sent since its creation",
            ),
            hits: new(
                "vserver_guest_limit_hits",
                Counter,
                "",
                "How often a limit was hit since its creation",
            ),
            refused: new(
                "vserver_guest_refused",
                Counter,
                "",
                "How often the context refused a resource since its creation",
            ),
            oom_kills: new(
                "vserver_guest_oom_kills",
                Counter,
                "",
                "Tasks killed for want of memory since its creation",
            ),
            pressure: new(
                "vserver_guest_pressure_seconds",
                Counter,
                "seconds",
                "Time in which tasks waited for a resource since its creation",
            ),
            cpu_limit: new(
                "vserver_guest_cpu_limit",
                Gauge,
                "",
                "Limit cpu, in processors",
            ),
            memory_limit: new(
                "vserver_guest_memory_limit_bytes",
                Gauge,
                "bytes",
                "Limit mem",
            ),
            threads_limit: new("vserver_guest_threads_limit", Gauge, "", "Limit pids"),
        }
    }

    fn add(&mut self, entry: &Entry) {
        let own = ("guest", entry.name.as_str());
        let one = &[own][..];
        self.info.count(&[own, ("xid", &entry.xid.to_string())], 1);
        self.running.count(one, u64::from(entry.state.is_live()));
        if let Some((account, usage)) = &entry.books.now {
            self.uptime
                .micro(one, account.context.lasted_msec.saturating_mul(1000));
            self.peak.count(one, account.cgroup.memory_peak);
            let present = &usage.present;
            for (family, value) in [
                (&mut self.processes, entry.processes),
                (&mut self.threads, present.tasks),
                (&mut self.memory, present.memory),
                (&mut self.swap, present.swap),
            ] {
                if let Some(value) = value {
                    family.count(one, value);
                }
            }
        }
        let limits = &entry.limits;
        if let Some(cpu) = limits.cpu {
            self.cpu_limit
                .micro(one, u64::from(cpu.thousandths()) * 1000);
        }
        for (family, value) in [
            (&mut self.memory_limit, limits.mem),
            (&mut self.threads_limit, limits.pids.map(u64::from)),
        ] {
            if let Some(value) = value {
                family.count(one, value);
            }
        }
        self.add_total(own, &entry.books.total);
    }

    fn add_total(&mut self, own: (&str, &str), total: &Account) {
        let Account {
            starts,
            context,
            cgroup,
        } = total;
        self.run
            .micro(&[own], context.lasted_msec.saturating_mul(1000));
        self.starts.count(&[own], *starts);
        self.cpu.micro(&[own, ("mode", "user")], cgroup.user_usec);
        self.cpu
            .micro(&[own, ("mode", "system")], cgroup.system_usec);
        for (disk, transfers) in &cgroup.io {
            for (direction, bytes, operations) in [
                ("read", transfers.read_bytes, transfers.reads),
                ("write", transfers.written_bytes, transfers.writes),
            ] {
                let labels = [own, ("device", disk.as_str()), ("direction", direction)];
                self.io_bytes.count(&labels, bytes);
                self.io_operations.count(&labels, operations);
            }
        }
        let network = context.network;
        for (family, direction, bytes) in [
            ("ipv4", "receive", network.ipv4_received),
            ("ipv4", "transmit", network.ipv4_sent),
            ("ipv6", "receive", network.ipv6_received),
            ("ipv6", "transmit", network.ipv6_sent),
        ] {
            let labels = [own, ("family", family), ("direction", direction)];
            self.network.count(&labels, bytes);
        }
        for (limit, hits) in &cgroup.hits {
            self.hits.count(&[own, ("limit", limit.as_str())], *hits);
        }
        for (resource, hits) in &context.refused {
            self.refused
                .count(&[own, ("resource", resource.as_str())], *hits);
        }
        self.oom_kills.count(&[own], cgroup.oom_kills);
        for (resource, waited) in &cgroup.pressure {
            for (tasks, usec) in [("some", waited.some), ("full", waited.full)] {
                let labels = [own, ("resource", resource.as_str()), ("tasks", tasks)];
                self.pressure.micro(&labels, usec);
            }
        }
    }

    fn all(self) -> Vec<Family> {
        vec![
            self.info,
            self.running,
            self.uptime,
            self.run,
            self.starts,
            self.cpu,
            self.processes,
            self.threads,
            self.memory,
            self.peak,
            self.swap,
            self.io_bytes,
            self.io_operations,
            self.network,
            self.hits,
            self.refused,
            self.oom_kills,
            self.pressure,
            self.cpu_limit,
            self.memory_limit,
            self.threads_limit,
        ]
    }
}

/// All guests in the text format of OpenMetrics; counters are since the creation of a guest.
pub fn openmetrics(entries: &[Entry]) -> String {
    let mut families = Families::new();
    for entry in entries {
        families.add(entry);
    }
    exposition(&families.all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{Sample, books};
    use crate::limits::Key;
    use crate::model::Model;
    use crate::openmetrics::tests::parse;
    use crate::system::System;
    use crate::usage::tests::used;

    fn entry(name: &str, live: bool) -> Entry {
        let model = Model::new();
        used(&model);
        let mut sample = Sample {
            lasted_msec: 90_500,
            ..Default::default()
        };
        sample.network.ipv6_sent = 1 << 40;
        sample.refused.insert("nofile".to_owned(), 3);
        crate::accounts::record(&model, "web", None, &sample).unwrap();
        // Another run.
        model.remove_cgroup("web").unwrap();
        used(&model);
        if !live {
            model.remove_cgroup("web").unwrap();
        }
        let mut limits = Limits::default();
        limits.set(Key::Cpu, "1.5").unwrap();
        limits.set(Key::Mem, "512M").unwrap();
        Entry {
            name: name.to_owned(),
            xid: 42,
            state: if live { State::Running } else { State::Stopped },
            limits,
            processes: live.then_some(9),
            books: books(&model, "web", live.then_some(sample)).unwrap(),
        }
    }

    #[test]
    fn metrics_follow_the_specification() {
        let entries = [entry("web", true), entry("db", false)];
        let text = openmetrics(&entries);
        let samples = parse(&text).unwrap_or_else(|problem| panic!("{problem} in {text}"));
        let value = |name: &str, labels: &[(&str, &str)]| {
            let labels: Vec<_> = labels
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect();
            let found = samples.iter().find(|one| one.0 == name && one.1 == labels);
            found.map(|one| one.2)
        };
        let web = ("guest", "web");
        for (name, labels, wanted) in [
            ("vserver_guest_info", &[web, ("xid", "42")][..], Some(1.0)),
            ("vserver_guest_running", &[web], Some(1.0)),
            ("vserver_guest_running", &[("guest", "db")], Some(0.0)),
            ("vserver_guest_uptime_seconds", &[web], Some(90.5)),
            ("vserver_guest_run_seconds_total", &[web], Some(181.0)),
            (
                "vserver_guest_cpu_seconds_total",
                &[web, ("mode", "user")],
                Some(4.0),
            ),
            (
                "vserver_guest_cpu_seconds_total",
                &[("guest", "db"), ("mode", "user")],
                Some(2.0),
            ),
            ("vserver_guest_processes", &[web], Some(9.0)),
            ("vserver_guest_processes", &[("guest", "db")], None),
            ("vserver_guest_memory_bytes", &[web], Some(104_857_600.0)),
            (
                "vserver_guest_memory_limit_bytes",
                &[web],
                Some(536_870_912.0),
            ),
            ("vserver_guest_cpu_limit", &[web], Some(1.5)),
            ("vserver_guest_starts_total", &[web], Some(2.0)),
            (
                "vserver_guest_io_bytes_total",
                &[web, ("device", "vda"), ("direction", "write")],
                Some(16_384.0),
            ),
            (
                "vserver_guest_network_bytes_total",
                &[web, ("family", "ipv6"), ("direction", "transmit")],
                Some(2_199_023_255_552.0),
            ),
            (
                "vserver_guest_limit_hits_total",
                &[web, ("limit", "pids")],
                Some(10.0),
            ),
            (
                "vserver_guest_refused_total",
                &[web, ("resource", "nofile")],
                Some(6.0),
            ),
        ] {
            assert_eq!(value(name, labels), wanted, "{name} {labels:?} in {text}");
        }
        assert_eq!(parse(&openmetrics(&[])), Ok(Vec::new()));
    }

    #[test]
    fn both_periods_are_told() {
        let running = entry("web", true).json();
        assert_eq!(running["since_start"]["cpu"]["user_seconds"], 2.0);
        assert_eq!(running["since_start"]["present"]["tasks"], 31);
        assert_eq!(running["since_creation"]["cpu"]["user_seconds"], 4.0);
        assert_eq!(running["since_creation"]["starts"], 2);
        assert_eq!(running["since_creation"]["io_sum"]["reads"], 8);
        assert_eq!(running["limits"]["cpu"], 1.5);
        let stopped = entry("web", false);
        assert_eq!(stopped.json()["since_start"], Value::Null);
        let text = stopped.text();
        assert!(
            !text.contains("since its start") && text.contains("starts        1"),
            "{text}"
        );
        let text = entry("web", true).text();
        assert!(
            text.contains("limit hits    mem 14, mem-high 8, pids 10, swap 6, nofile 6"),
            "{text}"
        );
        assert!(text.contains("waited for    cpu: 0.00 s"), "{text}");
    }

    #[test]
    fn the_table_has_running_guests() {
        let table = table(&[entry("web", true), entry("db", false)]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 2, "{table}");
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(&words[..3], ["web", "42", "1m30s"]);
    }
}
