// SPDX-License-Identifier: GPL-2.0

//! The way out: the virtio-serial port that the host listens on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use super::sys;
use crate::record::Record;
use crate::PORT;

/// How long the driver may take to show the port, in steps of 10 ms.
const STEPS: u32 = 500;

/// The open port. Processes that are forked later share it.
pub struct Port(File);

impl Port {
    /// Finds the port by its name and opens it.
    pub fn open() -> io::Result<Self> {
        for _ in 0..STEPS {
            if let Some(device) = find()? {
                let path = format!("/dev/{device}");
                let file = sys::context(
                    format!("cannot open {path}"),
                    OpenOptions::new().write(true).open(&path),
                )?;
                return Ok(Self(file));
            }
            sys::sleep_ms(10);
        }
        Err(io::Error::other(format!(
            "no virtio-serial port named {PORT}"
        )))
    }

    /// Sends one record.
    pub fn send(&mut self, record: &Record) -> io::Result<()> {
        let mut line = record.to_line();
        line.push('\n');
        self.0.write_all(line.as_bytes())
    }
}

/// Name of the device whose port has our name.
fn find() -> io::Result<Option<String>> {
    let Ok(ports) = fs::read_dir("/sys/class/virtio-ports") else {
        return Ok(None);
    };
    for port in ports {
        let port = port?;
        let name = fs::read_to_string(port.path().join("name")).unwrap_or_default();
        if name.trim() == PORT {
            return Ok(Some(port.file_name().to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}
