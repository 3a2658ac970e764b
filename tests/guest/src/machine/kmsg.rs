// SPDX-License-Identifier: GPL-2.0

//! Reader of the kernel log.

use super::splat;
use crate::sys::{Sys, code};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

/// Lines of a report that are kept.
const REPORT_LINES: usize = 60;
/// Lines of all reports between two readings that are kept.
const TOTAL_LINES: usize = 400;

/// One message of the kernel log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Number of the message, without gaps.
    pub sequence: u64,
    /// Whether the kernel itself wrote it. A process that writes to the log cannot choose this:
    /// the kernel replaces facility 0 in what user space writes.
    pub by_kernel: bool,
    /// First line of the text.
    pub text: String,
}

impl Record {
    /// Reads `prio,sequence,time,flags;text`.
    pub fn parse(record: &str) -> Option<Self> {
        let (head, rest) = record.split_once(';')?;
        let mut fields = head.split(',');
        let priority: u32 = fields.next()?.parse().ok()?;
        let sequence = fields.next()?.parse().ok()?;
        Some(Self {
            sequence,
            by_kernel: priority >> 3 == 0,
            text: rest.lines().next().unwrap_or_default().to_string(),
        })
    }
}

/// The log from a position on.
pub struct Log {
    file: File,
    next: Option<u64>,
}

impl Log {
    /// Opens the log at its beginning.
    pub fn open() -> Sys<Self> {
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")
            .map_err(|e| code(&e))?;
        Ok(Self { file, next: None })
    }

    /// Reads what was written since the last call. Returns the reports of a broken kernel, with
    /// the lines that follow each; lost messages count as one, they might have been a report.
    pub fn reports(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let mut follow = 0;
        while let Some(step) = self.read() {
            let record = match step {
                Ok(record) => record,
                Err(problem) => {
                    found.push(problem);
                    continue;
                }
            };
            let lost = record
                .sequence
                .saturating_sub(self.next.unwrap_or(record.sequence));
            if lost > 0 {
                found.push(format!("{lost} messages of the kernel log were lost"));
            }
            self.next = Some(record.sequence + 1);
            if !record.by_kernel {
                continue;
            }
            if splat::mark_in(&record.text).is_some() {
                follow = REPORT_LINES;
            }
            if follow > 0 {
                follow -= 1;
                if found.len() < TOTAL_LINES {
                    found.push(record.text);
                }
            }
        }
        found
    }

    /// The next message; nothing at the end of the log.
    fn read(&mut self) -> Option<Result<Record, String>> {
        let mut buffer = [0_u8; 8192];
        match self.file.read(&mut buffer) {
            Ok(length) => {
                let text = String::from_utf8_lossy(&buffer[..length]);
                Record::parse(&text).map(Ok)
            }
            Err(error) => match code(&error) {
                libc::EAGAIN => None,
                // Overwritten before we read it; the position is already behind the gap.
                libc::EPIPE => Some(Err("the kernel log overran its reader".into())),
                libc::EINTR => self.read(),
                other => {
                    // Reading cannot go on: do not loop over the same error.
                    eprintln!("kernel log: {}", crate::sys::describe(other));
                    None
                }
            },
        }
    }
}

/// The taint word of the kernel.
pub fn taint() -> u64 {
    crate::sys::files::read("/proc/sys/kernel/tainted")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Record;

    #[test]
    fn kernel_record() {
        let record = Record::parse("4,17,1000,-;WARNING: x\n SUBSYSTEM=y\n").unwrap();
        assert!(record.by_kernel);
        assert_eq!(record.sequence, 17);
        assert_eq!(record.text, "WARNING: x");
    }

    #[test]
    fn what_a_process_wrote_is_not_the_kernels() {
        let record = Record::parse("12,18,1000,-;BUG: forged\n").unwrap();
        assert!(!record.by_kernel);
    }
}
