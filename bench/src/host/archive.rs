// SPDX-License-Identifier: GPL-2.0

//! The initramfs: a cpio archive in the "new ASCII" format with this binary as `/init`, the vserver
//! command, and crun and ip where they are installed, all with their libraries.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::libraries;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CONSOLE: u32 = 0o020_600;

/// Writes the archive; `command` is the vserver command.
pub fn write(path: &Path, command: Option<&Path>) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let mut archive = Archive::default();
    archive.add_file("init", &own)?;
    archive.add_directories("dev");
    archive.add("dev/console", CONSOLE, (5, 1), &[]);
    // Rows that need a program which is not there say so.
    for name in ["crun", "ip"] {
        if let Some(program) = libraries::find_program(name) {
            archive.add_program(&format!("usr/bin/{name}"), &program)?;
        }
    }
    if let Some(command) = command {
        archive.add_program("usr/bin/vserver", command)?;
    }
    fs::write(path, archive.finish())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// An archive in the making.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    directories: BTreeSet<PathBuf>,
    libraries: BTreeSet<PathBuf>,
}

impl Archive {
    /// Adds a program under `name`, with all directories above it.
    fn add_file(&mut self, name: &str, from: &Path) -> Result<(), String> {
        let content =
            fs::read(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
        if let Some(parent) = Path::new(name).parent() {
            self.add_directories(&parent.to_string_lossy());
        }
        self.add(name, PROGRAM, (0, 0), &content);
        Ok(())
    }

    /// Adds a program and the libraries that it needs, which may be there already.
    fn add_program(&mut self, name: &str, from: &Path) -> Result<(), String> {
        self.add_file(name, from)?;
        for library in libraries::needed(from)? {
            if self.libraries.insert(library.clone()) {
                let inside = library.strip_prefix("/").unwrap_or(&library).to_path_buf();
                self.add_file(&inside.to_string_lossy(), &library)?;
            }
        }
        Ok(())
    }

    /// Adds a directory and all above it, each once.
    fn add_directories(&mut self, name: &str) {
        let path = Path::new(name);
        let mut above: Vec<&Path> = path.ancestors().collect();
        above.reverse();
        for directory in above {
            if !directory.as_os_str().is_empty() && self.directories.insert(directory.to_path_buf())
            {
                self.add(&directory.to_string_lossy(), DIRECTORY, (0, 0), &[]);
            }
        }
    }

    /// Adds one entry.
    fn add(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(b"070701");
        for field in [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            device.0,
            device.1,
            name_size,
            0,
        ] {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The bytes, with the end mark.
    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_ended() {
        let mut archive = Archive::default();
        archive.add("abc", PROGRAM, (0, 0), b"12345");
        let bytes = archive.finish();
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081ed");
        // Header of 110 bytes, name with its end: 114, padded to 116; content follows.
        assert_eq!(&bytes[116..121], b"12345");
        assert_eq!(&bytes[124..130], b"070701");
        assert_eq!(bytes.len() % 4, 0);
        assert!(bytes.windows(10).any(|window| window == b"TRAILER!!!"));
    }

    #[test]
    fn directories_are_added_once_from_the_top() {
        let mut archive = Archive::default();
        archive.add_directories("lib/x");
        archive.add_directories("lib/y");
        assert_eq!(archive.entries, 3);
    }
}
