// SPDX-License-Identifier: GPL-2.0

//! Accounts of a guest: what it has used since its start, and in all its runs.
//!
//! A run is the life of a cgroup. Its numbers are written to a file, a line of JSON for a record,
//! when it ends and now and then before; a later record of a run takes the place of an earlier one.
//! What is read from a live cgroup takes the place of both: nothing counts twice, and no sum goes
//! back. When the file cannot be written, the record is set aside in memory and counts as well; when
//! that fails, too, the cgroup stays with what it has counted.

use crate::guest::Guest;
use crate::system::System;
use crate::traffic;
use crate::usage::{self, Counted, Usage};
use libvserver::abi::vhin;
use libvserver::names::RESOURCES;
use libvserver::{Syscall, Vserver};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// Size from which on the records of a guest are put together.
const MOST_BYTES: usize = 64 << 10;
/// Records that stay apart then.
const KEPT: usize = 16;

/// How often the last numbers of a run are tried to be written.
const ATTEMPTS: usize = 10;
/// Time between two attempts.
const ATTEMPT: Duration = Duration::from_millis(200);

/// How often a supervisor reads what is lost with the context: it ends with its last task.
pub const SAMPLE: Duration = Duration::from_secs(10);
/// How often a supervisor writes down what has come together, for the case that the host crashes.
pub const CHECKPOINT: Duration = Duration::from_secs(600);

/// Bytes by family of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkBytes {
    /// What sockets of the guest got by IPv4.
    pub ipv4_received: u64,
    /// What they sent by IPv4.
    pub ipv4_sent: u64,
    /// What they got by IPv6.
    pub ipv6_received: u64,
    /// What they sent by IPv6.
    pub ipv6_sent: u64,
}

impl NetworkBytes {
    fn join(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            ipv4_received: with(self.ipv4_received, other.ipv4_received),
            ipv4_sent: with(self.ipv4_sent, other.ipv4_sent),
            ipv6_received: with(self.ipv6_received, other.ipv6_received),
            ipv6_sent: with(self.ipv6_sent, other.ipv6_sent),
        }
    }

    /// All that was received.
    pub const fn received(self) -> u64 {
        self.ipv4_received.saturating_add(self.ipv6_received)
    }

    /// All that was sent.
    pub const fn sent(self) -> u64 {
        self.ipv4_sent.saturating_add(self.ipv6_sent)
    }
}

/// What the context of a guest has counted: gone with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Milliseconds that it has lasted.
    pub lasted_msec: u64,
    /// Traffic.
    pub network: NetworkBytes,
    /// Refusals, by resource.
    pub refused: BTreeMap<String, u64>,
}

/// Reads what the context of a guest has counted; none when it is not there, or its id is that of
/// another one.
pub fn sample<S: Syscall>(vserver: &Vserver<S>, name: &str, xid: u32) -> Option<Sample> {
    let traffic = traffic::read(vserver, xid).ok()?.unwrap_or_default();
    if vserver.name(xid, vhin::CONTEXT).ok()? != name {
        return None;
    }
    let mut refused = BTreeMap::new();
    for resource in RESOURCES {
        // Not every resource is counted.
        if let Ok(stat) = vserver.rlimit_stat(xid, resource.id) {
            if stat.hits > 0 {
                refused.insert(resource.name.to_owned(), u64::from(stat.hits));
            }
        }
    }
    Some(Sample {
        lasted_msec: vserver
            .virt_stat(xid)
            .map_or(0, |stat| stat.uptime / 1_000_000),
        network: NetworkBytes {
            ipv4_received: traffic.ipv4.received.bytes,
            ipv4_sent: traffic.ipv4.sent.bytes,
            ipv6_received: traffic.ipv6.received.bytes,
            ipv6_sent: traffic.ipv6.sent.bytes,
        },
        refused,
    })
}

/// The numbers of a run, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Runs.
    pub starts: u64,
    /// What the contexts have counted.
    #[serde(flatten)]
    pub context: Sample,
    /// What the cgroups have counted.
    #[serde(flatten)]
    pub cgroup: Counted,
}

fn join(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>, with: fn(u64, u64) -> u64) {
    for (key, value) in from {
        let sum = into.entry(key.clone()).or_default();
        *sum = with(*sum, *value);
    }
}

impl Account {
    fn joined(mut self, other: &Self, with: fn(u64, u64) -> u64) -> Self {
        let (context, cgroup) = (&mut self.context, &mut self.cgroup);
        self.starts = with(self.starts, other.starts);
        context.lasted_msec = with(context.lasted_msec, other.context.lasted_msec);
        context.network = context.network.join(other.context.network, with);
        join(&mut context.refused, &other.context.refused, with);
        cgroup.user_usec = with(cgroup.user_usec, other.cgroup.user_usec);
        cgroup.system_usec = with(cgroup.system_usec, other.cgroup.system_usec);
        cgroup.memory_peak = cgroup.memory_peak.max(other.cgroup.memory_peak);
        cgroup.oom_kills = with(cgroup.oom_kills, other.cgroup.oom_kills);
        join(&mut cgroup.hits, &other.cgroup.hits, with);
        for (disk, from) in &other.cgroup.io {
            let sum = cgroup.io.entry(disk.clone()).or_default();
            sum.read_bytes = with(sum.read_bytes, from.read_bytes);
            sum.written_bytes = with(sum.written_bytes, from.written_bytes);
            sum.reads = with(sum.reads, from.reads);
            sum.writes = with(sum.writes, from.writes);
        }
        for (resource, from) in &other.cgroup.pressure {
            let sum = cgroup.pressure.entry(resource.clone()).or_default();
            sum.some = with(sum.some, from.some);
            sum.full = with(sum.full, from.full);
        }
        self
    }

    /// The sum of two runs.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        self.joined(other, u64::saturating_add)
    }

    /// The later state of a run of which two are known: what counts up is the higher one.
    #[must_use]
    pub fn latest(self, other: &Self) -> Self {
        self.joined(other, u64::max)
    }
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// What the run is known by; none of several runs.
    run: Option<String>,
    /// When it was written, in seconds since 1970.
    time: u64,
    #[serde(flatten)]
    account: Account,
}

/// The records of a file; lines that cannot be read, as one that a crash has cut, do not count.
fn records(text: &str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for line in text.lines() {
        let Ok(mut record) = serde_json::from_str::<Record>(line) else {
            continue;
        };
        let known = |one: &Record| one.run.is_some() && one.run == record.run;
        if let Some(place) = records.iter().position(known) {
            let before = records.remove(place);
            record.account = record.account.latest(&before.account);
        }
        records.push(record);
    }
    records
}

/// A text of the same records that is bounded in size: the older ones become one.
fn condensed(records: &[Record]) -> String {
    let (old, kept) = records.split_at(records.len().saturating_sub(KEPT));
    let mut all = Vec::new();
    if let Some(last) = old.last() {
        let sum = old
            .iter()
            .fold(Account::default(), |sum, one| sum.plus(&one.account));
        all.push(Record {
            run: None,
            time: last.time,
            account: sum,
        });
    }
    all.extend_from_slice(kept);
    let lines = all
        .iter()
        .filter_map(|record| serde_json::to_string(record).ok());
    lines.map(|line| line + "\n").collect()
}

/// What a run has come to: that of the present cgroup, before it goes, or else that which was known
/// as `run` and is recorded already, of which more is known. Without cgroup there is no run.
fn run_so_far<S: System>(
    system: &S,
    name: &str,
    run: Option<String>,
    sample: &Sample,
) -> Option<Record> {
    let present = system.cgroup_identity(name).ok();
    let (usage, run) = match (present, run) {
        (Some(run), _) => (usage::read(system, name).unwrap_or_default(), run),
        (None, run) => (Usage::default(), run?),
    };
    Some(Record {
        run: Some(run),
        time: system.now(),
        account: Account {
            starts: 1,
            context: sample.clone(),
            cgroup: usage.counted,
        },
    })
}

/// Writes a record, when there is one, and before it what was set aside.
fn write<S: System>(system: &S, name: &str, record: Option<&Record>) -> io::Result<()> {
    let aside = system.read_aside(name)?;
    let mut text = aside.clone();
    if let Some(record) = record {
        text += &serde_json::to_string(record).map_err(io::Error::other)?;
    }
    if text.is_empty() {
        return Ok(());
    }
    system.append_account(name, text.trim_end())?;
    if !aside.is_empty() {
        // What is in both counts once.
        system.replace_aside(name, "")?;
    }
    let text = system.read_accounts(name)?;
    if text.len() > MOST_BYTES {
        system.replace_accounts(name, &condensed(&records(&text)))?;
    }
    Ok(())
}

/// Keeps a record where a full disk does not matter, until it can be written.
fn set_aside<S: System>(system: &S, name: &str, record: &Record) -> io::Result<()> {
    let line = serde_json::to_string(record).map_err(io::Error::other)?;
    let text = format!("{}{line}\n", system.read_aside(name)?);
    // Without those that this one replaces.
    let all = records(&text);
    system.replace_aside(name, &condensed(&all))
}

/// Writes down what a run has come to: that of the present cgroup, or else that which was known as
/// `run`.
///
/// # Errors
///
/// The file cannot be written.
#[cfg(test)]
pub fn record<S: System>(
    system: &S,
    name: &str,
    run: Option<String>,
    sample: &Sample,
) -> io::Result<()> {
    let record = run_so_far(system, name, run, sample);
    write(system, name, record.as_ref())
}

/// What has become of the numbers of a run.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// They are written.
    Written,
    /// They are kept in memory, for the reason that is told.
    Aside(String),
    /// They are nowhere but in the cgroup, for the reason that is told.
    Nowhere(String),
}

impl Settled {
    /// What there is to tell, for the log.
    pub fn line(self) -> Option<String> {
        match self {
            Self::Written => None,
            Self::Aside(line) | Self::Nowhere(line) => Some(line),
        }
    }
}

/// Writes down what a run has come to: that of the present cgroup, before it goes, or else that which
/// was known as `run`. A failure must keep no guest from ending.
pub fn close<S: System>(system: &S, name: &str, run: Option<String>, sample: &Sample) -> Settled {
    let record = run_so_far(system, name, run, sample);
    let Err(error) = write(system, name, record.as_ref()) else {
        return Settled::Written;
    };
    let problem = format!("the accounts of guest \"{name}\" cannot be written: {error}");
    // Without a record there is nothing new, and what was set aside is there still.
    let aside = record.map_or(Ok(()), |record| set_aside(system, name, &record));
    match aside {
        Ok(()) => Settled::Aside(format!(
            "{problem}; they are kept in memory, and written with the next ones when there is space"
        )),
        Err(error) => Settled::Nowhere(format!(
            "{problem}; nor can they be kept in memory: {error}"
        )),
    }
}

/// As [`close`], while the cgroup stays; what has failed is a line for the log.
#[must_use]
pub fn settle<S: System>(
    system: &S,
    name: &str,
    run: Option<String>,
    sample: &Sample,
) -> Option<String> {
    close(system, name, run, sample).line()
}

/// What a supervisor keeps of the context of its guest.
#[derive(Debug)]
pub struct Meter {
    sample: Sample,
    sampled: Instant,
    written: Instant,
}

impl Default for Meter {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            sample: Sample::default(),
            sampled: now,
            written: now,
        }
    }
}

impl Meter {
    /// Reads what there is, and writes it down now and then; what has failed is a line for the log.
    #[must_use]
    pub fn tick<S: System>(&mut self, system: &S, guest: &Guest) -> Option<String> {
        if let Some(sample) = sample(&Vserver::with(system), &guest.name, guest.xid) {
            self.sample = sample;
            self.sampled = Instant::now();
        }
        if self.written.elapsed() < CHECKPOINT {
            return None;
        }
        self.written = Instant::now();
        settle(system, &guest.name, None, &self.sample)
    }

    /// Writes the last numbers down, now that the guest has ended; tries again for a while when
    /// that fails.
    pub fn settle<S: System>(&mut self, system: &S, guest: &Guest) -> Settled {
        match sample(&Vserver::with(system), &guest.name, guest.xid) {
            Some(sample) => self.sample = sample,
            // It has lasted until now, and its traffic is known as of the last look.
            None => {
                let since = self.sampled.elapsed().as_millis();
                self.sample.lasted_msec += u64::try_from(since).unwrap_or(0);
            }
        }
        self.sampled = Instant::now();
        let mut settled = close(system, &guest.name, None, &self.sample);
        for _ in 1..ATTEMPTS {
            if !matches!(settled, Settled::Nowhere(_)) {
                break;
            }
            std::thread::sleep(ATTEMPT);
            settled = close(system, &guest.name, None, &self.sample);
        }
        settled
    }
}

/// All that is known of what a guest has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// The present run, and what is used now; none when the guest does not run in a cgroup.
    pub now: Option<(Account, Usage)>,
    /// All runs together.
    pub total: Account,
}

/// Reads the books of a guest; `sample` is what its context tells, when it runs.
///
/// # Errors
///
/// The file cannot be read.
pub fn books<S: System>(system: &S, name: &str, sample: Option<Sample>) -> io::Result<Books> {
    // The run first: when it ends meanwhile, its record is in the file that is read later.
    let run = system.cgroup_identity(name).ok();
    let usage = sample.and_then(|sample| Some((usage::read(system, name)?, sample)));
    // What was set aside first as well: it moves to the file, and what is in both counts once.
    let aside = system.read_aside(name)?;
    let written = system.read_accounts(name)?;
    let records = records(&format!("{}\n{aside}", written.trim_end()));
    let mut total = Account::default();
    let mut now = usage.map(|(usage, context)| {
        let account = Account {
            starts: 1,
            context,
            cgroup: usage.counted.clone(),
        };
        (account, usage)
    });
    for record in &records {
        match &mut now {
            Some((account, _)) if record.run.is_some() && record.run == run => {
                *account = account.clone().latest(&record.account);
            }
            _ => total = total.plus(&record.account),
        }
    }
    if let Some((account, _)) = &now {
        total = total.plus(account);
    }
    Ok(Books { now, total })
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
