// SPDX-License-Identifier: GPL-2.0

//! What it costs to make a container and to leave it: a context, a clone with all namespaces, crun.
//!
//! Destruction is deferred to kernel threads and grace periods. Each batch therefore ends with a
//! pause in which that work is done and counted. Every cycle includes a fork, an exit and a wait;
//! those alone are measured as `fork` and are subtracted by the host.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use libvserver::abi::vxf;
use libvserver::Vserver;

use super::filler::Filler;
use super::inside::named;
use super::port::Port;
use super::root::PROGRAM;
use super::sys::{self, check_long, wait_for, Child};
use crate::record::Record;
use crate::row;
use crate::EMPTY_PROGRAM;

/// How one cycle is measured.
pub struct Cycle {
    /// Its name.
    pub row: &'static str,
    /// Cycles per batch.
    pub count: u32,
    /// Batches after the one that warms up.
    pub batches: u32,
    /// Pause for the deferred work, in ms of virtual time.
    pub drain: u64,
}

const FORK: Cycle = Cycle {
    row: "fork",
    count: 200,
    batches: 5,
    drain: 40,
};
const CONTEXT: Cycle = Cycle {
    row: "context",
    count: 200,
    batches: 5,
    drain: 40,
};
const CLONE_ALL: Cycle = Cycle {
    row: "clone_all",
    count: 20,
    batches: 3,
    drain: 200,
};
const CRUN: Cycle = Cycle {
    row: "crun",
    count: 2,
    batches: 3,
    drain: 200,
};

/// First context id that the cycles use; they never use one twice.
const FIRST_XID: u32 = 1000;
/// Where crun is in the initramfs.
const CRUN_PROGRAM: &str = "/usr/bin/crun";
const BUNDLE: &str = "/tmp/bundle";

/// Measures the cycles that are wanted, and always the fork that is part of them.
pub fn measure(wanted: &dyn Fn(&str) -> bool, port: &mut Port) -> io::Result<()> {
    let filler = Filler::start()?;
    report(&FORK, &filler, port, &mut fork_only)?;
    if wanted("context") {
        let mut xid = FIRST_XID;
        report(&CONTEXT, &filler, port, &mut || {
            xid += 1;
            create_and_leave(xid)
        })?;
    }
    if wanted("clone_all") {
        report(&CLONE_ALL, &filler, port, &mut clone_all)?;
    }
    if wanted("crun") {
        match prepare_bundle() {
            Ok(()) => {
                let mut number = 0;
                report(&CRUN, &filler, port, &mut || {
                    number += 1;
                    crun(number)
                })?;
            }
            Err(error) => unavailable("crun", &error, port)?,
        }
    }
    Ok(())
}

/// Measures one cycle and sends the result, or why there is none.
pub fn report(
    cycle: &Cycle,
    filler: &Filler,
    port: &mut Port,
    once: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let mut batches = Vec::new();
    // The first batch warms up.
    for batch in 0..=cycle.batches {
        let busy = filler.busy(|| {
            for _ in 0..cycle.count {
                once()?;
            }
            sys::sleep_ms(cycle.drain);
            Ok(())
        });
        match busy {
            Ok(_) if batch == 0 => {}
            Ok(instructions) => batches.push(instructions as f64 / f64::from(cycle.count)),
            Err(error) => return unavailable(cycle.row, &error, port),
        }
    }
    port.send(&Record::Cycle {
        row: cycle.row.to_owned(),
        batches,
    })
}

/// Reports that a row has no number.
pub fn unavailable(row: &str, error: &io::Error, port: &mut Port) -> io::Result<()> {
    let label = row::SPECIALS
        .iter()
        .find(|special| special.name == row)
        .map_or(row, |special| special.label);
    port.send(&Record::Unavailable {
        row: row.to_owned(),
        place: None,
        reason: format!("{label}: {error}"),
    })
}

fn fork_only() -> io::Result<()> {
    Child::spawn(|| Ok(()))?.wait()
}

/// A child that makes a context, is its only task, and ends, which ends the context.
fn create_and_leave(xid: u32) -> io::Result<()> {
    Child::spawn(|| {
        named(
            "ctx_create",
            Vserver::new().create(xid, Some(vxf::INIT_SET)),
        )
        .map(drop)
    })?
    .wait()
}

/// A child in new namespaces of all kinds.
fn clone_all() -> io::Result<()> {
    /// `struct clone_args` of the kernel, first version.
    #[repr(C)]
    #[derive(Default)]
    struct CloneArgs {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
    }
    let flags = libc::CLONE_NEWNS
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWTIME;
    let arguments = CloneArgs {
        flags: u64::from(flags.unsigned_abs()),
        exit_signal: u64::from(libc::SIGCHLD.unsigned_abs()),
        ..CloneArgs::default()
    };
    // SAFETY: the structure has the size that is given; the process has one thread and the child
    // only ends.
    let pid = unsafe {
        check_long(libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of::<CloneArgs>(),
        ))?
    };
    if pid == 0 {
        // SAFETY: ends the child.
        unsafe { libc::_exit(0) };
    }
    wait_for(i32::try_from(pid).map_err(io::Error::other)?)
}

/// Writes an OCI bundle whose process ends at once.
fn prepare_bundle() -> io::Result<()> {
    if !fs::exists(CRUN_PROGRAM)? {
        return Err(io::Error::other(
            "crun is not in the machine: it was not installed where the machine was built",
        ));
    }
    let root = format!("{BUNDLE}/rootfs");
    fs::create_dir_all(format!("{root}/proc"))?;
    fs::create_dir_all(format!("{root}/dev"))?;
    fs::create_dir_all(format!("{root}/sys"))?;
    fs::copy(PROGRAM, format!("{root}{PROGRAM}"))?;
    let namespaces: Vec<_> = ["pid", "network", "ipc", "uts", "mount", "cgroup"]
        .iter()
        .map(|kind| serde_json::json!({ "type": kind }))
        .collect();
    let config = serde_json::json!({
        "ociVersion": "1.0.0",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": [PROGRAM, EMPTY_PROGRAM],
            "cwd": "/",
        },
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": namespaces},
    });
    fs::write(format!("{BUNDLE}/config.json"), config.to_string())
}

/// One `crun run`, from the fork to the reaped status.
fn crun(number: u32) -> io::Result<()> {
    let mut command = Command::new(CRUN_PROGRAM);
    command
        .args(["--cgroup-manager=cgroupfs", "run", "--bundle", BUNDLE])
        .arg(format!("bench{number}"))
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null());
    run_program(&mut command)
}

/// Runs a program to its end, scheduled as programs are; the error is what it says.
pub fn run_program(command: &mut Command) -> io::Result<()> {
    // SAFETY: the closure only makes a system call. It undoes nothing of the caller.
    unsafe { command.pre_exec(|| sys::set_policy(libc::SCHED_OTHER)) };
    let output = command.output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )))
    }
}
