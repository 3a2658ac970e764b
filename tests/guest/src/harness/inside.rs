// SPDX-License-Identifier: GPL-2.0

//! What the test program does when a scenario executes it inside a guest.

use super::root::PROGRAM;
use crate::sys::{files, process, spaces};

/// Runs one action and returns the exit code. The answer goes to standard output.
pub fn run(args: &[String]) -> i32 {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["exit", code] => code.parse().unwrap_or(98),
        ["status"] => print_status(),
        ["rights"] => print_rights(),
        ["sleep"] => process::sleep_for_ever(),
        ["again"] => again(),
        other => {
            eprintln!("guest-tests inside: unknown action {other:?}");
            98
        }
    }
}

/// Executes this program for ever.
fn again() -> i32 {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(PROGRAM);
    crate::sys::code(&command.args(["inside", "again"]).exec())
}

/// Prints `/proc/self/status`.
fn print_status() -> i32 {
    match files::read("/proc/self/status") {
        Ok(text) => {
            print!("{text}");
            0
        }
        Err(error) => error,
    }
}

/// Prints the result of acts that need one capability each, and the ids: `name:\terrno`.
fn print_rights() -> i32 {
    let line = |name: &str, result: Result<(), i32>| {
        println!("{name}:\t{}", result.err().unwrap_or(0));
    };
    // SAFETY: no precondition.
    println!("euid:\t{}", unsafe { libc::geteuid() });
    line("hostname", spaces::set_hostname("taken-over"));
    line(
        "mknod",
        files::mknod("/tmp/zero", libc::S_IFCHR, libc::makedev(1, 5)),
    );
    let _ = std::fs::remove_file("/tmp/zero");
    line("mount", files::mount("x", "/tmp", "tmpfs", 0, ""));
    line("chown", {
        let _ = files::create("/tmp/chown", "");
        files::chown("/tmp/chown", 4242, 4242)
    });
    let _ = std::fs::remove_file("/tmp/chown");
    print_status()
}

/// Executes the test program with these arguments as user `user`, and returns exit code and
/// output.
pub fn execute(program: &str, action: &[&str], user: Option<u32>) -> Result<(i32, String), i32> {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    let mut command = std::process::Command::new(program);
    command.arg("inside").args(action);
    // The default would open /dev/null, and a guest may have none.
    command.stdin(std::process::Stdio::inherit());
    if let Some(id) = user {
        command.uid(id).gid(id);
    }
    let output = command.output().map_err(|e| crate::sys::code(&e))?;
    let code = output
        .status
        .code()
        .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    Ok((code, String::from_utf8_lossy(&output.stdout).into_owned()))
}
