// SPDX-License-Identifier: GPL-2.0

//! The files of a context in `/proc/virtual/<xid>` beside `info` and `status`, and the namespaces
//! of a task.
//!
//! Some numbers depend on what is counted: such a line is built again from the numbers in it, so
//! that its format is compared to the last blank.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, Need, Stop, context, spectator, subprocess};
use crate::sys::{files, process, sched, spaces};
use libvserver::abi::{CtxRlimit, PrioBias, SchedInfo, XID_SELF, rlimit, space, vcmd};

/// A file of a context, as the host reads it.
fn read(xid: u32, name: &str) -> Result<String, Stop> {
    files::read(&format!("/proc/virtual/{xid}/{name}")).need(name)
}

/// All numbers in a text, with their signs.
fn numbers(text: &str) -> Vec<i64> {
    text.split(|c: char| !c.is_ascii_digit() && c != '-')
        .filter_map(|word| word.parse().ok())
        .collect()
}

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::start(xid)?;
    limit(t, xid)?;
    sched(t, xid)?;
    cvirt(t, xid)?;
    cacct(t, xid)?;
    readers(t, &mut guest)?;
    drop(guest);
    stored(t)?;
    task(t)
}

/// Rows of `limit`: name and resource.
const ROWS: [(&str, u32); 15] = [
    ("PROC", 6),
    ("VM", 9),
    ("VML", 8),
    ("RSS", 5),
    ("ANON", 18),
    ("RMAP", 23),
    ("FILES", 7),
    ("OFD", 17),
    ("LOCKS", 10),
    ("SOCK", 16),
    ("MSGQ", 12),
    ("SHM", 19),
    ("SEMA", 20),
    ("SEMS", 21),
    ("DENT", 22),
];

fn limit(t: &mut Test, xid: u32) -> Outcome {
    let limits = [
        (rlimit::LOCKS, 50, 100),
        (rlimit::NSOCK, 7, rlimit::INFINITY),
    ];
    for (id, softlimit, maximum) in limits {
        let mut data = CtxRlimit {
            id,
            softlimit,
            maximum,
            ..CtxRlimit::default()
        };
        t.gives(
            &format!("limit resource {id}"),
            context::with(vcmd::SET_RLIMIT, xid, &mut data),
            0,
        );
    }
    let text = read(xid, "limit")?;
    let mut lines = text.lines();
    t.equal(
        "limit: first line",
        lines.next(),
        Some("Limit\t current\t     min/max\t\t    soft/hard\t\thits"),
    );
    for (name, id) in ROWS {
        let line = lines.next().unwrap_or_default();
        let n = numbers(line);
        let [value, lowest, highest, _, _, hits] = n[..] else {
            t.equal(&format!("limit: numbers of {name}"), n.len(), 6);
            continue;
        };
        let set = limits.iter().find(|(resource, ..)| *resource == id);
        // No limit is -1, which is what its number means with a sign.
        let (soft, hard) = set.map_or((-1, -1), |(_, soft, hard)| (*soft as i64, *hard as i64));
        t.equal(
            &format!("limit: {name}"),
            line,
            format!("{name}:\t{value:8}\t{lowest:8}/{highest:8}\t{soft:8}/{hard:8}\t{hits:6}")
                .as_str(),
        );
        t.check(
            &format!("limit: {name} is between lowest and highest"),
            lowest <= value && value <= highest,
        );
        if id == rlimit::NPROC {
            t.equal("limit: one thread", value, 1);
        }
    }
    t.equal("limit: nothing else", lines.next(), None);
    Ok(())
}

fn sched(t: &mut Test, xid: u32) -> Outcome {
    // The last processor differs; that of a machine with one is the last.
    let last = sched::processors() - 1;
    for (cpu_id, prio_bias) in [(-1, 4), (last, -3)] {
        let mut data = PrioBias { cpu_id, prio_bias };
        t.gives(
            &format!("bias of processor {cpu_id}"),
            context::with(vcmd::SET_PRIO_BIAS, xid, &mut data),
            0,
        );
    }
    let text = read(xid, "sched")?;
    let mut lines = text.lines();
    let hertz = hertz()?;
    for want in [
        "FillRate:\t       1,1".to_string(),
        "Interval:\t       4,8".to_string(),
        format!("TokensMin:\t{:8}", hertz / 16),
        format!("TokensMax:\t{:8}", hertz / 2),
        "PrioBias:\t       4".to_string(),
    ] {
        t.equal("sched: settings", lines.next(), Some(want.as_str()));
    }
    for cpu in 0..=last {
        let bias = if cpu == last { -3 } else { 4 };
        let line = lines.next().unwrap_or_default();
        let n: Vec<&str> = line.split(' ').skip(2).collect();
        let [user, system, hold, clock, _, _, tokens, ..] = n[..] else {
            t.equal(&format!("sched: words of {cpu}"), n.len(), 14);
            continue;
        };
        t.equal(
            &format!("sched: processor {cpu}"),
            line,
            format!(
                "cpu {cpu}: {user} {system} {hold} {clock} 0 R- {tokens} {} {} 1/4 1/8 {bias} 0",
                hertz / 16,
                hertz / 2
            )
            .as_str(),
        );
        t.check(
            &format!("sched: tokens of {cpu}"),
            tokens
                .parse()
                .is_ok_and(|tokens: i32| (hertz / 4..=hertz / 2).contains(&tokens)),
        );
        t.equal(&format!("sched: nothing on hold on {cpu}"), hold, "0");
        t.check(
            &format!("sched: times of {cpu} are numbers"),
            [user, system, clock]
                .iter()
                .all(|n| n.parse::<u64>().is_ok()),
        );
    }
    t.equal("sched: nothing else", lines.next(), None);
    Ok(())
}

/// Ticks in a second.
fn hertz() -> Result<i32, Stop> {
    let mut info = SchedInfo::default();
    context::with(vcmd::SCHED_INFO, 0, &mut info).need("length of a tick")?;
    Ok(1_000_000 / info.token_usec as i32)
}

fn cvirt(t: &mut Test, xid: u32) -> Outcome {
    let text = read(xid, "cvirt")?;
    let n = numbers(&text);
    let [
        seconds,
        hundredths,
        threads,
        running,
        sleeping,
        hold,
        updates,
        l0,
        f0,
        l1,
        f1,
        l2,
        f2,
        forks,
    ] = n[..]
    else {
        t.equal("cvirt: numbers", n.len(), 14);
        return Ok(());
    };
    t.equal(
        "cvirt: the whole text",
        text.as_str(),
        format!(
            "BiasUptime:\t{seconds}.{hundredths:02}\nnr_threads:\t{threads}\n\
             nr_running:\t{running}\nnr_unintr:\t{sleeping}\nnr_onhold:\t{hold}\n\
             load_updates:\t{updates}\n\
             loadavg:\t{l0}.{f0:02} {l1}.{f1:02} {l2}.{f2:02}\ntotal_forks:\t{forks}\n"
        )
        .as_str(),
    );
    t.equal("cvirt: one thread", threads, 1);
    let now = numbers(&files::read("/proc/uptime").need("uptime")?);
    t.check(
        "cvirt: made after the boot and before now",
        seconds <= now[0] && (seconds, hundredths) > (0, 0),
    );
    Ok(())
}

fn cacct(t: &mut Test, xid: u32) -> Outcome {
    let text = read(xid, "cacct")?;
    let lines: Vec<&str> = text.lines().collect();
    let pair = format!("\t{:10}/{:<10}", 0, 0).repeat(3);
    let mut want =
        vec!["Type\t    recv #/bytes\t\t   send #/bytes\t\t    fail #/bytes".to_string()];
    want.extend(
        ["UNSPEC", "UNIX", "INET", "INET6", "PACKET", "OTHER"].map(|name| format!("{name}:{pair}")),
    );
    want.push(String::new());
    let rest = |line: Option<&&str>| numbers(line.copied().unwrap_or_default());
    let columns = |n: &[i64]| {
        n.iter()
            .map(|number| format!("{number:8}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    want.push(format!("slab:\t {}", columns(&rest(lines.get(8)))));
    want.push(String::new());
    for row in 0..5 {
        let n = rest(lines.get(10 + row));
        let (first, second) = n.get(1..).unwrap_or_default().split_at(n.len().min(5) - 1);
        want.push(format!(
            "page[{row}]: {}\t {}",
            columns(first),
            columns(second)
        ));
    }
    t.equal(
        "cacct: a guest without sockets",
        lines,
        want.iter().map(String::as_str).collect(),
    );
    t.equal(
        "cacct: four slab counters",
        rest(text.lines().nth(8).as_ref()).len(),
        4,
    );
    t.equal(
        "cacct: eight page counters",
        rest(text.lines().nth(10).as_ref()).len(),
        9,
    );
    Ok(())
}

fn readers(t: &mut Test, guest: &mut Guest) -> Outcome {
    let other = Guest::start(t.xid())?;
    for name in ["limit", "sched", "cvirt", "cacct", "nsproxy", "nsproxy1"] {
        let own = format!("/proc/virtual/{}/{name}", guest.xid());
        let foreign = format!("/proc/virtual/{}/{name}", other.xid());
        t.gives(&format!("mode of {name}"), files::mode(&own), 0o444);
        t.check(
            &format!("{name} cannot be written"),
            files::write(&own, "x").is_err(),
        );
        t.ok(
            &format!("inside: its own {name}"),
            guest.tell(|w| files::read(&w.text), &own, &[])?,
        );
        t.refused(
            &format!("inside: {name} of another one"),
            guest.tell(|w| files::read(&w.text), &foreign, &[])?,
            libc::ENOENT,
        );
        t.ok(
            &format!("control: spectator: {name} of the other one"),
            spectator(|| files::read(&foreign))?,
        );
    }
    Ok(())
}

/// The words in front of the colons.
fn names(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_string())
        .collect()
}

/// Addresses of the kernel are the only words that start like this.
fn tells_an_address(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_hexdigit())
        .any(|word| word.len() == 16 && word.starts_with("ffff"))
}

const UTS_LINES: [&str; 6] = [
    "SysName",
    "NodeName",
    "Release",
    "Version",
    "Machine",
    "DomainName",
];

fn stored(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    for name in ["nsproxy", "nsproxy1"] {
        t.equal(
            &format!("{name}: nothing is stored"),
            read(xid, name)?.as_str(),
            "",
        );
    }
    t.ok(
        "inside: host name of its own, store it",
        guest.ask(|_| {
            spaces::unshare(space::UTS)?;
            spaces::set_hostname("stored")?;
            context::set_space(XID_SELF, space::UTS, 0)
        })?,
    );
    let text = read(xid, "nsproxy")?;
    let only_uts: Vec<&str> = ["NSProxy"].into_iter().chain(UTS_LINES).collect();
    t.equal("nsproxy: host names only", names(&text), own(&only_uts));
    t.equal(
        "nsproxy: NodeName",
        files::field(&text, "NodeName"),
        Some("stored"),
    );
    t.equal(
        "nsproxy: SysName",
        files::field(&text, "SysName"),
        Some("Linux"),
    );
    t.ok(
        "inside: store the rest",
        guest.ask(|_| context::set_space(XID_SELF, space::FS | space::MNT | space::IPC, 0))?,
    );
    let text = read(xid, "nsproxy")?;
    let everything: Vec<&str> = ["NSProxy", "Namespace", "RootPath"]
        .into_iter()
        .chain(UTS_LINES)
        .chain(["SEMS", "MSG", "SHM"])
        .collect();
    t.equal("nsproxy: all lines", names(&text), own(&everything));
    t.equal(
        "nsproxy: RootPath",
        files::field(&text, "RootPath"),
        Some("/"),
    );
    let first = text.lines().next().unwrap_or_default();
    t.check(
        "nsproxy: one address and three in brackets",
        first.contains(" [") && first.ends_with(']') && first.matches(',').count() == 2,
    );
    t.check(
        "nsproxy: the second line counts references",
        text.lines()
            .nth(1)
            .is_some_and(|line| line.contains(" [#") && line.ends_with(']')),
    );
    t.check(
        "nsproxy: no address of the kernel",
        !tells_an_address(&text),
    );
    let kernel = |name: &str| files::read(&format!("/proc/sys/kernel/{name}")).need(name);
    let words = |text: String| {
        text.split_whitespace()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let sem = words(kernel("sem")?);
    t.equal(
        "nsproxy: SEMS",
        text.lines().find(|line| line.starts_with("SEMS")),
        Some(format!("SEMS:\t\t{}  0", sem.join(" ")).as_str()),
    );
    t.equal(
        "nsproxy: MSG",
        text.lines().find(|line| line.starts_with("MSG")),
        Some(
            format!(
                "MSG:\t\t{} {} {}",
                kernel("msgmax")?.trim(),
                kernel("msgmnb")?.trim(),
                kernel("msgmni")?.trim()
            )
            .as_str(),
        ),
    );
    t.equal(
        "nsproxy: SHM",
        text.lines().find(|line| line.starts_with("SHM")),
        Some(
            format!(
                "SHM:\t\t{} {}  {} 0",
                kernel("shmmax")?.trim(),
                kernel("shmall")?.trim(),
                kernel("shmmni")?.trim()
            )
            .as_str(),
        ),
    );
    t.equal(
        "nsproxy1: still nothing",
        read(xid, "nsproxy1")?.as_str(),
        "",
    );
    t.ok(
        "inside: second set",
        guest.ask(|_| context::set_space(XID_SELF, space::MNT, 1))?,
    );
    t.equal(
        "nsproxy1: mounts only",
        names(&read(xid, "nsproxy1")?),
        own(&["NSProxy", "Namespace"]),
    );
    guest.stop().map(|_| ())
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// `/proc/<pid>/task/<tid>/nsproxy`: which namespaces are those of the kernel's first task.
fn task(t: &mut Test) -> Outcome {
    const FILE: &str = "/proc/thread-self/nsproxy";
    t.gives("task: mode", files::mode(FILE), 0o444);
    t.refused(
        "task: not in the directory of the process",
        files::exists("/proc/self/nsproxy"),
        libc::ENOENT,
    );
    let marks = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| {
                let (name, value) = line.split_once(":\t").unwrap_or((line, ""));
                let mark = value.split_once('(').map_or("", |(_, mark)| mark);
                format!("{name} {}", mark.trim_end_matches(')'))
            })
            .collect()
    };
    let all = |proxy: &str, uts: &str| {
        vec![
            format!("Proxy {proxy}"),
            "Count ".to_string(),
            format!("uts {uts}"),
            "ipc I".to_string(),
            "mnt I".to_string(),
            "pid I".to_string(),
            "net I".to_string(),
        ]
    };
    let text = files::read(FILE).need("nsproxy")?;
    t.equal("task: the host", marks(&text), all("I", "I"));
    t.check("task: no address of the kernel", !tells_an_address(&text));
    let seen = subprocess(|| spaces::unshare(space::UTS).and_then(|()| files::read(FILE)))?;
    let seen = seen.need("nsproxy of another host name")?;
    t.equal("task: another host name", marks(&seen), all("-", "-"));
    t.equal(
        "task: nobody shares it",
        files::field(&seen, "Count"),
        Some("1"),
    );
    let mut guest = Guest::start(t.xid())?;
    let pid = guest.pid();
    let path = format!("/proc/{pid}/task/{pid}/nsproxy");
    t.ok(
        "inside: its own",
        guest.ask(|_| files::read("/proc/thread-self/nsproxy"))?,
    );
    let host = format!("/proc/{0}/task/{0}/nsproxy", process::getpid());
    t.refused(
        "inside: that of a host process",
        guest.tell(|w| files::read(&w.text), &host, &[])?,
        libc::ENOENT,
    );
    t.ok("control: host: its own", files::read(&host));
    t.ok(
        "control: spectator: that of the guest",
        spectator(|| files::read(&path))?,
    );
    guest.stop().map(|_| ())
}
