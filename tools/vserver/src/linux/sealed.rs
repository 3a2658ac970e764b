// SPDX-License-Identifier: GPL-2.0

//! Running from an unchangeable copy of the program.
//!
//! A child on its way into a guest shows its program file as `/proc/PID/exe`. A guest that
//! arranges to execute that link, for example as the interpreter of its init, could open the
//! host's program file for writing later. A sealed copy in memory is of no use to it.
//!
//! On the way, files that the caller of the command had open, beside the standard ones, are
//! closed: neither a supervisor nor a guest is to keep them.

use super::raw::{descriptor, process};
use crate::failure::{Failure, Outcome};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// Goes on in a sealed copy of the running program, unless this is one. Arguments and environment
/// stay.
///
/// # Errors
///
/// The copy cannot be made or executed.
pub fn go_on_in_copy() -> Outcome<()> {
    let attempt = || -> io::Result<()> {
        let mut program = File::open("/proc/self/exe")?;
        if descriptor::is_sealed(&program) {
            return process::set_name("vserver");
        }
        let mut copy = descriptor::memory_file("vserver")?;
        io::copy(&mut program, &mut copy)?;
        descriptor::seal(&copy)?;
        descriptor::close_on_exec()?;
        Err(process::execute_file(copy.as_fd()))
    };
    attempt().map_err(|error| {
        Failure::from_os(
            "run from a protected copy of the program",
            &error,
            "check that /proc is mounted and that the sysctl vm.memfd_noexec is below 2",
        )
    })
}
