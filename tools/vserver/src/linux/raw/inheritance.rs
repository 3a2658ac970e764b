// SPDX-License-Identifier: GPL-2.0

//! What a process has from who has made it, and should not have.

use super::{check, check_long};
use std::io;

const INFINITY: libc::rlim_t = libc::RLIM_INFINITY;
/// Size of a set of processors, in bytes: the kernel leaves out those that it does not have.
const PROCESSORS: usize = 1024;
const IOPRIO_WHO_PROCESS: libc::c_long = 1;

/// Limits of a process: the kernel's own for the first one, but for open files, of which a systemd
/// lets services have more.
const LIMITS: &[(libc::__rlimit_resource_t, libc::rlim_t, libc::rlim_t)] = &[
    (libc::RLIMIT_CPU, INFINITY, INFINITY),
    (libc::RLIMIT_FSIZE, INFINITY, INFINITY),
    (libc::RLIMIT_DATA, INFINITY, INFINITY),
    (libc::RLIMIT_STACK, 8 << 20, INFINITY),
    (libc::RLIMIT_CORE, 0, INFINITY),
    (libc::RLIMIT_RSS, INFINITY, INFINITY),
    (libc::RLIMIT_NOFILE, 1024, 524_288),
    (libc::RLIMIT_MEMLOCK, 8 << 20, 8 << 20),
    (libc::RLIMIT_AS, INFINITY, INFINITY),
    (libc::RLIMIT_LOCKS, INFINITY, INFINITY),
    (libc::RLIMIT_MSGQUEUE, 819_200, 819_200),
    (libc::RLIMIT_NICE, 0, 0),
    (libc::RLIMIT_RTPRIO, 0, 0),
    (libc::RLIMIT_RTTIME, INFINITY, INFINITY),
];

/// Limits that the kernel works out from the size of the machine.
const BY_MACHINE: &[libc::__rlimit_resource_t] = &[libc::RLIMIT_NPROC, libc::RLIMIT_SIGPENDING];

/// Gives the process an ordinary priority for processors and disks, all processors, the limits of
/// the first process of a machine and no bias when memory runs out. Wants the procfs and the rights
/// of the host.
pub fn shed() -> io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", "0")?;
    schedule_as_usual()?;
    for &(resource, soft, hard) in LIMITS {
        limit(resource, soft, hard)?;
    }
    let threads = std::fs::read_to_string("/proc/sys/kernel/threads-max")?;
    let threads: libc::rlim_t = threads
        .trim_end()
        .parse()
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    for &resource in BY_MACHINE {
        // As the kernel does it for the first process.
        limit(resource, threads / 2, threads / 2)?;
    }
    Ok(())
}

fn schedule_as_usual() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    let all = [0xff_u8; PROCESSORS];
    // SAFETY: the structure and the set live until the calls return, and the set is passed with its
    // size; the other arguments are passed by value. 0 is the caller itself.
    unsafe {
        check(libc::sched_setscheduler(
            0,
            libc::SCHED_OTHER,
            &raw const parameters,
        ))?;
        check(libc::setpriority(libc::PRIO_PROCESS, 0, 0))?;
        check_long(libc::syscall(
            libc::SYS_ioprio_set,
            IOPRIO_WHO_PROCESS,
            0_i64,
            0_i64,
        ))?;
        check_long(libc::syscall(
            libc::SYS_sched_setaffinity,
            0_i64,
            PROCESSORS,
            all.as_ptr(),
        ))
    }
    .map(drop)
}

/// Sets a limit, or what comes next to it: a machine may have a lower bound (`fs.nr_open`).
fn limit(
    resource: libc::__rlimit_resource_t,
    soft: libc::rlim_t,
    hard: libc::rlim_t,
) -> io::Result<()> {
    let set = |soft, hard| {
        let limit = libc::rlimit {
            rlim_cur: soft,
            rlim_max: hard,
        };
        // SAFETY: the structure lives until the call returns.
        check(unsafe { libc::setrlimit(resource, &raw const limit) })
    };
    match set(soft, hard) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mut found = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: the structure is exclusive.
            check(unsafe { libc::getrlimit(resource, &raw mut found) })?;
            let hard = hard.min(found.rlim_max);
            set(soft.min(hard), hard)
        }
        other => other,
    }
    .map(drop)
}
