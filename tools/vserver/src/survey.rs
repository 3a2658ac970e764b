// SPDX-License-Identifier: GPL-2.0

//! What runs on the machine, as a spectator sees it in `/proc`.

use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// A task (thread group) inside a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// Pid in the initial pid namespace.
    pub pid: i32,
    /// Context id.
    pub xid: u32,
    /// Pid in the innermost pid namespace, which is the one the guest sees.
    pub inner_pid: i32,
    /// Threads of the task.
    pub threads: u32,
    /// Short name of the program.
    pub name: String,
    /// Command line, words separated by blanks; the name in brackets when there is none.
    pub command: String,
    /// Signals that the task handles: bit n-1 for signal n.
    pub handled_signals: u64,
    /// Signals that wait until the task takes them, as systemd does by a descriptor.
    pub blocked_signals: u64,
    /// Age in seconds.
    pub age: u64,
}

/// A context as `/proc/virtual` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextEntry {
    /// Context id.
    pub xid: u32,
    /// Task claims.
    pub tasks: u32,
    /// Stored spaces of both sets.
    pub spaces: [u64; 2],
}

/// All contexts and their tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Contexts, lowest id first.
    pub contexts: Vec<ContextEntry>,
    /// Tasks inside contexts, lowest pid first.
    pub tasks: Vec<TaskEntry>,
}

impl Survey {
    /// Reads the proc file system at `proc`. Tasks and contexts that end meanwhile are left out.
    /// `xid_of` tells the context of a task that hides it.
    ///
    /// # Errors
    ///
    /// The directory itself cannot be read.
    pub fn read(proc: &Path, xid_of: impl Fn(i32) -> Option<u32>) -> io::Result<Self> {
        let uptime = read_uptime(proc);
        let mut survey = Self::default();
        for entry in fs::read_dir(proc)? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            survey.tasks.extend(read_task(proc, pid, uptime, &xid_of));
        }
        survey.tasks.sort_by_key(|task| task.pid);
        survey.contexts = read_contexts(&proc.join("virtual"))?;
        Ok(survey)
    }

    /// The tasks of a context.
    pub fn tasks_of(&self, xid: u32) -> impl Iterator<Item = &TaskEntry> {
        self.tasks.iter().filter(move |task| task.xid == xid)
    }

    /// The task with this pid of the initial pid namespace.
    pub fn task(&self, pid: i32) -> Option<&TaskEntry> {
        self.tasks.iter().find(|task| task.pid == pid)
    }

    /// The context with this id.
    pub fn context(&self, xid: u32) -> Option<&ContextEntry> {
        self.contexts.iter().find(|context| context.xid == xid)
    }
}

/// Ids of all contexts, from the directory `/proc/virtual` at `directory`; empty when there is no
/// such directory.
///
/// # Errors
///
/// The directory cannot be read.
pub fn context_ids(directory: &Path) -> io::Result<Vec<u32>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

fn read_contexts(directory: &Path) -> io::Result<Vec<ContextEntry>> {
    Ok(context_ids(directory)?
        .into_iter()
        .filter_map(|xid| {
            let status = fs::read_to_string(directory.join(format!("{xid}/status"))).ok()?;
            Some(parse_context(xid, &status))
        })
        .collect())
}

/// Value of a `Key:\tvalue` line.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?.strip_prefix(':')?;
        Some(rest.trim())
    })
}

fn parse_context(xid: u32, status: &str) -> ContextEntry {
    let mut words = field(status, "Spaces")
        .unwrap_or("")
        .split_whitespace()
        .map(|word| u64::from_str_radix(word, 16).unwrap_or(0));
    ContextEntry {
        xid,
        tasks: field(status, "Tasks")
            .and_then(|count| count.parse().ok())
            .unwrap_or(0),
        spaces: [words.next().unwrap_or(0), words.next().unwrap_or(0)],
    }
}

fn read_uptime(proc: &Path) -> u64 {
    let text = fs::read_to_string(proc.join("uptime")).unwrap_or_default();
    let seconds = text.split(['.', ' ']).next().unwrap_or("");
    seconds.parse().unwrap_or(0)
}

fn read_task(
    proc: &Path,
    pid: i32,
    uptime: u64,
    xid_of: impl Fn(i32) -> Option<u32>,
) -> Option<TaskEntry> {
    let directory = proc.join(pid.to_string());
    let status = fs::read(directory.join("status")).ok()?;
    let mut task = parse_task(pid, &String::from_utf8_lossy(&status), xid_of)?;
    let stat = fs::read(directory.join("stat")).ok()?;
    task.age = uptime.saturating_sub(start_second(&String::from_utf8_lossy(&stat))?);
    let command = fs::read(directory.join("cmdline")).unwrap_or_default();
    task.command = command_line(&command, &task.name);
    Some(task)
}

/// Reads a task from the text of its `status` file; none for tasks of the host.
fn parse_task(pid: i32, status: &str, xid_of: impl Fn(i32) -> Option<u32>) -> Option<TaskEntry> {
    let xid = match field(status, "VxID") {
        Some(xid) => xid.parse().ok()?,
        None => xid_of(pid)?,
    };
    if xid < libvserver::abi::XID_MIN {
        return None;
    }
    let signals = |name| {
        field(status, name)
            .and_then(|mask| u64::from_str_radix(mask, 16).ok())
            .unwrap_or(0)
    };
    let inner = field(status, "NSpid").and_then(|pids| pids.split_whitespace().last());
    Some(TaskEntry {
        pid,
        xid,
        inner_pid: inner.and_then(|pid| pid.parse().ok()).unwrap_or(pid),
        threads: field(status, "Threads")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
        name: field(status, "Name").unwrap_or("").to_owned(),
        command: String::new(),
        handled_signals: signals("SigCgt"),
        blocked_signals: signals("SigBlk"),
        age: 0,
    })
}

/// The second after boot at which a task started, from its `stat` file. The name in there may
/// contain anything, so fields are counted from its closing parenthesis.
fn start_second(stat: &str) -> Option<u64> {
    const START_TIME: usize = 22;
    const FIRST_AFTER_NAME: usize = 3;
    let rest = &stat[stat.rfind(')')? + 1..];
    let ticks: u64 = rest
        .split_whitespace()
        .nth(START_TIME - FIRST_AFTER_NAME)?
        .parse()
        .ok()?;
    // USER_HZ is 100 on every architecture that has the system call.
    Some(ticks / 100)
}

fn command_line(raw: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(raw);
    let words: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
    let joined = words.join(" ");
    if joined.is_empty() {
        format!("[{name}]")
    } else {
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tsleep\nTgid:\t812\nNSpid:\t812\t1\nThreads:\t3\n\
                          SigBlk:\t0000001000000000\nSigCgt:\t0000000000004002\nVxID:\t42\nNxID:\t0\n";

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_proc_file_system_is_read() {
        let proc = tempfile::tempdir().unwrap();
        let at = |path: &str| proc.path().join(path);
        write(&at("uptime"), "500.25 900.00\n");
        write(&at("812/status"), STATUS);
        write(
            &at("812/stat"),
            "812 (sl) (ee p) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0\n",
        );
        write(&at("812/cmdline"), "sleep\0infinity\0");
        write(&at("1/status"), "Name:\tinit\nVxID:\t0\n");
        write(
            &at("virtual/42/status"),
            "UseCnt:\t4\nTasks:\t3\nSpaces:\t2c020280 00000000\n",
        );
        write(&at("virtual/info"), "VCIVersion:\t0002:0308\n");
        let survey = Survey::read(proc.path(), |_| None).unwrap();
        assert_eq!(
            survey.tasks,
            [TaskEntry {
                pid: 812,
                xid: 42,
                inner_pid: 1,
                threads: 3,
                name: "sleep".into(),
                command: "sleep infinity".into(),
                handled_signals: 0x4002,
                blocked_signals: 1 << 36,
                age: 377,
            }]
        );
        assert_eq!(
            survey.contexts,
            [ContextEntry {
                xid: 42,
                tasks: 3,
                spaces: [0x2c02_0280, 0],
            }]
        );
        assert!(survey.task(812).is_some() && survey.context(42).is_some());
        assert_eq!(survey.tasks_of(43).count(), 0);
    }

    #[test]
    fn a_task_that_hides_its_context_is_asked_for() {
        let hidden = STATUS.replace("VxID:\t42\nNxID:\t0\n", "");
        let xid = |answer| parse_task(812, &hidden, |_| answer).map(|task| task.xid);
        assert_eq!(xid(Some(42)), Some(42));
        assert_eq!(xid(Some(0)), None);
        assert_eq!(xid(None), None);
        let task = parse_task(812, STATUS, |_| Some(43)).unwrap();
        assert_eq!(task.xid, 42);
    }

    #[test]
    fn a_kernel_without_contexts_has_none() {
        let proc = tempfile::tempdir().unwrap();
        let survey = Survey::read(proc.path(), |_| None).unwrap();
        assert_eq!(survey, Survey::default());
    }

    #[test]
    fn tasks_without_command_line_show_their_name() {
        assert_eq!(command_line(b"", "kworker"), "[kworker]");
        assert_eq!(command_line(b"a\0b\0", "a"), "a b");
    }
}
