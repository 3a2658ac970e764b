// SPDX-License-Identifier: GPL-2.0

//! Which shared libraries a dynamically linked program needs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths of the loader and the libraries of `program`, as `ldd` prints them.
pub fn needed(program: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .map_err(|error| format!("cannot run ldd: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "ldd {}: {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// Reads the output of `ldd`. The error names a library that is missing.
fn parse(text: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    for line in text.lines() {
        if line.contains("not found") {
            return Err(format!("a library is missing: {}", line.trim()));
        }
        // "name => /path (address)" for a library, "/path (address)" for the loader, and only
        // "name (address)" for what the kernel maps.
        if let Some(path) = line.split_whitespace().find(|word| word.starts_with('/')) {
            paths.push(PathBuf::from(path));
        }
    }
    Ok(paths)
}

/// Finds a program in `PATH` or where system programs are.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_loader_are_found() {
        let text = "\tlinux-vdso.so.1 (0x00007f)\n\
                    \tlibcap.so.2 => /lib/x86_64-linux-gnu/libcap.so.2 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(
            parse(text).unwrap(),
            [
                PathBuf::from("/lib/x86_64-linux-gnu/libcap.so.2"),
                PathBuf::from("/lib64/ld-linux-x86-64.so.2")
            ]
        );
    }

    #[test]
    fn missing_library_is_named() {
        let error = parse("\tlibyajl.so.2 => not found\n").unwrap_err();
        assert!(error.contains("libyajl.so.2"));
    }

    #[test]
    fn static_program_needs_nothing() {
        assert_eq!(parse("\tstatically linked\n"), Ok(Vec::new()));
    }
}
