// SPDX-License-Identifier: GPL-2.0

//! Calls that look into another process.

use super::{Sys, code, done, sys};
use libc::{c_int, c_long, c_ulong, c_void, pid_t};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Attaches with `PTRACE_SEIZE` and detaches again.
pub fn seize(pid: pid_t) -> Sys<()> {
    let null = std::ptr::null_mut::<c_void>();
    // SAFETY: PTRACE_SEIZE takes no memory.
    done(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, null, null) })?;
    // Detaching needs a stopped tracee.
    // SAFETY: as above.
    unsafe {
        libc::ptrace(libc::PTRACE_INTERRUPT, pid, null, null);
        libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL);
        done(libc::ptrace(libc::PTRACE_DETACH, pid, null, null))
    }
}

/// Attaches with `PTRACE_ATTACH` and detaches again.
pub fn attach(pid: pid_t) -> Sys<()> {
    let null = std::ptr::null_mut::<c_void>();
    // SAFETY: PTRACE_ATTACH takes no memory.
    unsafe {
        done(libc::ptrace(libc::PTRACE_ATTACH, pid, null, null))?;
        libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL);
        done(libc::ptrace(libc::PTRACE_DETACH, pid, null, null))
    }
}

/// Reads eight bytes at `address` of another process with `process_vm_readv(2)`.
pub fn read_memory(pid: pid_t, address: usize) -> Sys<u64> {
    let mut word = 0_u64;
    let local = libc::iovec {
        iov_base: (&raw mut word).cast::<c_void>(),
        iov_len: 8,
    };
    let remote = libc::iovec {
        iov_base: address as *mut c_void,
        iov_len: 8,
    };
    // SAFETY: `word` and both vectors outlive the call; the kernel checks the remote address.
    done(unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) } as i64)?;
    Ok(word)
}

/// Reads eight bytes at `address` through `/proc/<pid>/mem`.
pub fn read_proc_memory(pid: pid_t, address: usize) -> Sys<u64> {
    let file = File::open(format!("/proc/{pid}/mem")).map_err(|e| code(&e))?;
    let mut word = [0_u8; 8];
    file.read_exact_at(&mut word, address as u64)
        .map_err(|e| code(&e))?;
    Ok(u64::from_ne_bytes(word))
}

/// `pidfd_getfd(2)`: copies descriptor `fd` out of the process and closes the copy.
pub fn steal_fd(pidfd: c_int, fd: c_int) -> Sys<()> {
    // SAFETY: plain numbers; the copy is ours to close.
    unsafe {
        let copy = sys(libc::syscall(libc::SYS_pidfd_getfd, pidfd, fd, 0))?;
        done(libc::close(copy as c_int))
    }
}

const KCMP_VM: c_long = 1;

/// `kcmp(2)`: compares the address spaces of two processes.
pub fn kcmp(first: pid_t, second: pid_t) -> Sys<i64> {
    // SAFETY: plain numbers.
    sys(unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            first,
            second,
            KCMP_VM,
            0 as c_ulong,
            0 as c_ulong,
        )
    })
}
