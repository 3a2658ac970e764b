// SPDX-License-Identifier: GPL-2.0

//! Finding and executing a program.

use super::raw::process;
use crate::system::Program;
use std::io;

/// Executes a program as shells do it: searched in `PATH` when it has no slash. Returns only on
/// failure.
pub(super) fn execute(program: &Program) -> io::Error {
    let missing = || io::Error::from_raw_os_error(libc::ENOENT);
    let Some(name) = program.words.first().filter(|name| !name.is_empty()) else {
        return missing();
    };
    if name.contains('/') {
        return process::execute(name, &program.words, &program.env);
    }
    let path = program.env.get("PATH").map_or("", String::as_str);
    let mut result = missing();
    for directory in path.split(':').filter(|directory| !directory.is_empty()) {
        let error = process::execute(&format!("{directory}/{name}"), &program.words, &program.env);
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            // Another directory may have one that can be executed.
            Some(libc::EACCES) => result = error,
            _ => return error,
        }
    }
    result
}
