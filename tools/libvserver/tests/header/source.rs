// SPDX-License-Identifier: GPL-2.0

//! The names that the sources define, so that none is forgotten.

use std::fs;
use std::path::PathBuf;

/// The directory of the kernel module.
pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rust/vserver")
}

/// All lines of `abi.rs` and the files next to it.
fn lines() -> Vec<String> {
    let mut files = vec![directory().join("abi.rs")];
    let parts = fs::read_dir(directory().join("abi")).expect("rust/vserver/abi");
    files.extend(parts.map(|part| part.expect("an entry of rust/vserver/abi").path()));
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a file of abi.rs");
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

/// The name in front of the first of the characters in `ends`.
fn name(rest: &str, ends: &[char]) -> String {
    rest.split(ends).next().unwrap_or_default().to_owned()
}

/// Names of all constants, with their module where they are in one.
pub fn constants() -> Vec<String> {
    let mut module = None;
    let mut names = Vec::new();
    for line in lines() {
        if let Some(rest) = line.strip_prefix("pub mod ") {
            module = Some(name(rest, &[' ']));
        } else if line == "}" {
            module = None;
        } else if let Some(rest) = line.trim_start().strip_prefix("pub const ") {
            if rest.starts_with("fn ") {
                continue;
            }
            let name = name(rest, &[':']);
            names.push(match &module {
                Some(module) => format!("{module}::{name}"),
                None => name,
            });
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Names of all structures with those of their members; padding is none.
pub fn structures() -> Vec<(String, Vec<String>)> {
    let mut structures: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in lines() {
        if let Some(rest) = line.strip_prefix("pub struct ") {
            structures.push((name(rest, &[' ']), Vec::new()));
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if let Some(rest) = line.strip_prefix("    pub ").filter(|_| inside) {
            let member = name(rest, &[':']);
            if let Some((_, members)) = structures.last_mut() {
                if !member.starts_with("pad") {
                    members.push(member);
                }
            }
        }
    }
    structures
}

/// Names of the constants and structures that the header defines.
pub fn header_names() -> Vec<String> {
    let header = directory().join("include/uapi/linux/vserver.h");
    let text = fs::read_to_string(header).expect("the header");
    let mut names = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#define ") {
            let name = name(rest, &[' ', '\t']);
            // Neither the guard nor macros with arguments.
            if name != "_UAPI_LINUX_VSERVER_H" && !name.contains('(') {
                names.push(name);
            }
        } else if let Some(rest) = line.strip_prefix("struct ") {
            names.push(name(rest, &[' ']));
        }
    }
    names
}
