// SPDX-License-Identifier: GPL-2.0

//! Booting a machine whose clock counts instructions.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::record::{Place, Record};
use crate::PORT;

const QEMU: &str = "qemu-system-x86_64";
/// How often the results are looked at.
const POLL: Duration = Duration::from_millis(200);
/// How much processor time a machine may use without saying anything: the boot and the longest row
/// take a small part of it. Wall time would punish a busy host.
const SILENCE: Duration = Duration::from_secs(300);
/// How long a machine may be silent at all, when it uses no processor time.
const STANDSTILL: Duration = Duration::from_secs(1800);
/// Lines of the console that are shown when a machine fails.
const CONSOLE_LINES: usize = 30;
/// Memory in MiB: ten thousand contexts, or 500 tasks.
const MEMORY: &str = "1024";

/// A fixed processor: a model that changes with the version of QEMU would change the results.
/// There is no source of random numbers but the seed, and copying is done in words, because each
/// byte of a fast string copy would count as an instruction.
const CPU: &str = "Nehalem-v1,+smap,+smep,+fsgsbase,-vme";

/// Kernel parameters: the exact clock, and nothing that varies from boot to boot or wakes up on its
/// own. The mitigations of processor faults are off, as on a processor that has none of the faults;
/// this makes the kernel's share smaller and differences larger.
const PARAMETERS: &str = "console=ttyS0 quiet panic=-1 clocksource=tsc tsc=reliable \
    tsc_early_khz=1000000 lpj=4000000 no_timer_check nokaslr norandmaps mitigations=off \
    randomize_kstack_offset=off noautogroup nowatchdog audit=0 \
    transparent_hugepage=never random.trust_bootloader=on";

/// Which kernel a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The unpatched tree.
    Stock,
    /// Ours.
    Ours,
}

impl Side {
    /// Name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Ours => "ours",
        }
    }
}

/// One boot.
pub struct Machine<'a> {
    /// Kernel image.
    pub kernel: &'a Path,
    /// The archive.
    pub initramfs: &'a Path,
    /// Which kernel that is.
    pub side: Side,
    /// Number of the boot, from 1; it seeds the machine's random numbers, so that boots differ and
    /// the n-th boots of two kernels do not.
    pub boot: u32,
    /// Rows to measure.
    pub rows: Vec<&'static str>,
    /// Where to measure the operations.
    pub places: Vec<Place>,
    /// Where console and results go.
    pub directory: &'a Path,
}

impl Machine<'_> {
    /// Boots, hands every record to `sink`, returns when the machine has reported everything. The
    /// error tells what went wrong, with the end of the console.
    pub fn run(&self, sink: &mut dyn FnMut(Record)) -> Result<(), String> {
        let results = self.file("results");
        let console = self.file("console");
        for path in [&results, &console] {
            File::create(path)
                .map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        }
        let mut process = self.start(&results, &console)?;
        let outcome = collect(&mut process, &results, sink);
        // Ended on its own, or is of no use any more.
        let _ = process.kill();
        let _ = process.wait();
        outcome.map_err(|error| {
            format!(
                "the {} kernel, boot {}: {error}\n{}       whole console: {}",
                self.side.name(),
                self.boot,
                console_end(&console),
                console.display()
            )
        })
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.directory.join(format!("{}.{kind}", self.side.name()))
    }

    fn start(&self, results: &Path, console: &Path) -> Result<Child, String> {
        let places: Vec<&str> = self.places.iter().map(|place| place.name()).collect();
        let parameters = format!(
            "{PARAMETERS} bench.boot={} bench.places={} bench.rows={}",
            self.boot,
            places.join(","),
            self.rows.join(",")
        );
        Command::new(QEMU)
            .args(["-machine", "q35,hpet=off", "-accel", "tcg", "-cpu", CPU])
            .args(["-icount", "shift=0,sleep=off", "-smp", "1", "-m", MEMORY])
            .args(["-rtc", "base=2026-01-01T00:00:00,clock=vm"])
            .args(["-seed", &self.boot.to_string()])
            .args(["-no-user-config", "-nodefaults", "-nographic", "-no-reboot"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .args(["-device", "virtio-serial-pci"])
            .arg("-chardev")
            .arg(format!("file,id=results,path={}", results.display()))
            .arg("-device")
            .arg(format!("virtserialport,chardev=results,name={PORT}"))
            .arg("-kernel")
            .arg(self.kernel)
            .arg("-initrd")
            .arg(self.initramfs)
            .args(["-append", &parameters])
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run {QEMU}: {error}; 'make setup' installs it"))
    }
}

/// Reads records until the last one, the end of the machine, or too long a silence.
fn collect(
    process: &mut Child,
    results: &Path,
    sink: &mut dyn FnMut(Record),
) -> Result<(), String> {
    let mut file = File::open(results).map_err(|error| format!("cannot read results: {error}"))?;
    let mut lines = Lines::default();
    let mut heard = Instant::now();
    let mut used = Duration::ZERO;
    loop {
        let ended = process
            .try_wait()
            .map_err(|error| format!("cannot wait for {QEMU}: {error}"))?;
        let mut text = Vec::new();
        let read = file
            .seek(SeekFrom::Start(lines.position))
            .and_then(|_| file.read_to_end(&mut text))
            .map_err(|error| format!("cannot read results: {error}"))?;
        if read > 0 {
            heard = Instant::now();
            used = processor_time(process.id());
        }
        for line in lines.push(&text) {
            match Record::from_line(&line)? {
                Record::Done => return Ok(()),
                Record::Failed { reason } => return Err(reason),
                record => sink(record),
            }
        }
        if let Some(status) = ended {
            return Err(format!(
                "the machine ended ({status}) before it had reported everything"
            ));
        }
        let silent = processor_time(process.id()).saturating_sub(used);
        if silent > SILENCE || heard.elapsed() > STANDSTILL {
            return Err(format!(
                "the machine has said nothing for {} s, of which it ran {} s",
                heard.elapsed().as_secs(),
                silent.as_secs()
            ));
        }
        sleep(POLL);
    }
}

/// Processor time that a process has used; zero when it is gone.
fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    Duration::from_millis(1000 / TICKS_PER_SECOND * ticks_of(&stat).unwrap_or(0))
}

/// Unit of the times in `/proc/<pid>/stat`, the same on every machine that this runs on.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time in the text of `/proc/<pid>/stat`.
fn ticks_of(stat: &str) -> Option<u64> {
    // The name of the program, in parentheses, may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace().skip(11);
    let user: u64 = words.next()?.parse().ok()?;
    let system: u64 = words.next()?.parse().ok()?;
    Some(user + system)
}

/// Puts lines together from pieces of text.
#[derive(Default)]
struct Lines {
    /// Bytes that were pushed.
    position: u64,
    rest: Vec<u8>,
}

impl Lines {
    /// Adds text and returns the lines that are complete now.
    fn push(&mut self, text: &[u8]) -> Vec<String> {
        self.position += text.len() as u64;
        self.rest.extend_from_slice(text);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let complete: Vec<u8> = self.rest.drain(..=end).collect();
        String::from_utf8_lossy(&complete)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// The last lines of the console, indented.
fn console_end(console: &Path) -> String {
    let bytes = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(CONSOLE_LINES);
    lines[first..]
        .iter()
        .map(|line| format!("       | {}\n", line.trim_end()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_the_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(ticks_of(stat), Some(300));
        assert_eq!(ticks_of(""), None);
        assert_eq!(processor_time(u32::MAX), Duration::ZERO);
    }

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        assert!(lines.push(b"{\"a\"").is_empty());
        assert_eq!(lines.push(b":1}\n{\"b\":2}\n{"), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(lines.push(b"}\n"), ["{}"]);
        assert_eq!(lines.position, 19);
    }
}
