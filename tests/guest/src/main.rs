// SPDX-License-Identifier: GPL-2.0

//! Scenarios for a booted machine.
//!
//! One static binary with several personalities: PID 1 of the test machine, runner of one
//! scenario, the program that scenarios execute inside a guest, the stand-ins for `modprobe` and
//! for the helper program, and, on the build host, the list of scenarios.

mod harness;
mod limits;
mod machine;
mod scenarios;
mod sys;

use std::process::exit;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let name = args
        .first()
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    // SAFETY: getpid has no precondition.
    let first = unsafe { libc::getpid() } == 1;

    match (name, args.get(1).map(String::as_str)) {
        ("init", None) if first => machine::init::run(),
        (machine::modprobe::NAME, _) => exit(machine::modprobe::leave_mark(&args)),
        (machine::helper::NAME, _) => exit(machine::helper::judge(&args)),
        (_, Some("inside")) => exit(harness::inside::run(&args[2..])),
        (_, Some("--list")) => scenarios::print_list(),
        _ if first => machine::init::run(),
        _ => {
            eprintln!(
                "guest-tests: runs as PID 1 of a test machine, see run.sh\n\
                 usage: guest-tests --list"
            );
            exit(2);
        }
    }
}
