// SPDX-License-Identifier: GPL-2.0

//! The virtio port that carries the verdict to the host.

use crate::sys::{code, describe};
use std::fs::{self, File, OpenOptions};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Name that the host gave the port.
pub const NAME: &str = "vserver.verdict";

/// Opens the port; waits for it, because its driver probes while PID 1 already runs.
pub fn open(limit: Duration) -> Result<File, String> {
    let end = Instant::now() + limit;
    loop {
        let problem = match device() {
            Some(path) => match OpenOptions::new().write(true).open(&path) {
                Ok(file) => return Ok(file),
                Err(error) => format!("open {path}: {}", describe(code(&error))),
            },
            None => format!("no virtio port is named {NAME}"),
        };
        if Instant::now() >= end {
            return Err(problem);
        }
        sleep(Duration::from_millis(50));
    }
}

/// Path of the device whose port has our name.
fn device() -> Option<String> {
    let ports = fs::read_dir("/sys/class/virtio-ports").ok()?;
    ports.flatten().find_map(|port| {
        let name = fs::read_to_string(port.path().join("name")).ok()?;
        let device = port.file_name().to_string_lossy().into_owned();
        (name.trim() == NAME).then(|| format!("/dev/{device}"))
    })
}
