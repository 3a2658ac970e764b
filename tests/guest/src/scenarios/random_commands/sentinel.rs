// SPDX-License-Identifier: GPL-2.0

//! Processes that nothing may happen to: each tells on request what it sees of itself.

use crate::harness::check::Stop;
use crate::harness::{Child, Words, child};
use crate::sys::{files, process, sched, spaces};
use libvserver::abi::space;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// How long a sentinel may take to answer on a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Where a sentinel is.
pub const DIRECTORY: &str = "/run/sentinel";

/// A process of the host.
pub struct Sentinel {
    child: Child,
    questions: File,
    answers: BufReader<File>,
}

impl Sentinel {
    /// Starts one that differs from the others by its number.
    pub fn start(number: u32) -> Result<Self, Stop> {
        let (question_read, question_write) = child::pipe()?;
        let (answer_read, mut answer_write) = child::pipe()?;
        child::keep_private(&question_write);
        child::keep_private(&answer_read);
        let child = Child::start(|| {
            let _ = process::setpgid(0, 0);
            let _ = files::chdir(DIRECTORY);
            let _ = spaces::unshare(space::UTS);
            let _ = spaces::set_hostname(&format!("sentinel-{number}"));
            let _ = sched::setpriority(sched::Whose::Process, 0, number as i32);
            let _ = process::prlimit_set(0, libc::RLIMIT_NOFILE, 300 + u64::from(number));
            if number % 2 == 1 {
                let _ = process::become_user(4000 + number);
            }
            let mut questions = BufReader::new(question_read);
            let mut line = String::new();
            while questions
                .read_line(&mut line)
                .is_ok_and(|length| length > 0)
            {
                line.clear();
                if writeln!(answer_write, "{}", tell(&Words::default())).is_err() {
                    break;
                }
            }
            0
        })?;
        Ok(Self {
            child,
            questions: question_write,
            answers: BufReader::new(answer_read),
        })
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// What it says of itself.
    pub fn ask(&mut self) -> String {
        let mut line = String::new();
        if writeln!(self.questions, "?").is_err() {
            return "it is gone".into();
        }
        let mut poll = libc::pollfd {
            fd: self.answers.get_ref().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        if crate::sys::poll_one(&mut poll, ANSWER_WITHIN) == 0 {
            return "it does not answer".into();
        }
        match self.answers.read_line(&mut line) {
            Ok(0) | Err(_) => "it is gone".into(),
            Ok(_) => line.trim_end().into(),
        }
    }
}

/// Everything about the calling process that others could change, in one line.
pub fn tell(_: &Words) -> String {
    let status = files::read("/proc/self/status").unwrap_or_default();
    let mut parts: Vec<String> = [
        "Pid",
        "PPid",
        "TracerPid",
        "Uid",
        "Gid",
        "NStgid",
        "VxID",
        "NxID",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "SigIgn",
        "Cpus_allowed",
    ]
    .iter()
    .map(|name| format!("{name} {}", files::field(&status, name).unwrap_or("-")))
    .collect();
    let nice = sched::getpriority(sched::Whose::Process, 0);
    let policy = sched::getscheduler(0);
    let io = sched::ioprio_get(0);
    parts.push(format!("nice {nice:?} policy {policy:?} io {io:?}"));
    let limits: Vec<_> = (0..16).map(|n| process::prlimit_get(0, n).ok()).collect();
    parts.push(format!("limits {limits:?}"));
    parts.push(format!("group {:?}", process::getpgid(0)));
    for link in [
        "cwd", "root", "ns/uts", "ns/mnt", "ns/ipc", "ns/net", "ns/pid",
    ] {
        let target = files::readlink(&format!("/proc/self/{link}"));
        parts.push(format!("{link} {target:?}"));
    }
    parts.push(format!("host {:?}", spaces::hostname()));
    parts.join("; ").replace(['\n', '\t'], " ")
}
