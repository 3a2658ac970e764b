// SPDX-License-Identifier: GPL-2.0

//! What the machine is, as programs ask: through the C library, and by system calls.

use super::{Sys, done, errno};
use libc::{c_char, c_int, c_long};
use std::ffi::CStr;
use std::mem::{size_of, zeroed};

/// `sysinfo(2)`.
pub fn sysinfo() -> Sys<libc::sysinfo> {
    // SAFETY: an all-zero structure is valid and outlives the call.
    unsafe {
        let mut info: libc::sysinfo = zeroed();
        done(libc::syscall(libc::SYS_sysinfo, &raw mut info) as c_int)?;
        Ok(info)
    }
}

/// `sysconf(3)`.
pub fn sysconf(name: c_int) -> i64 {
    // SAFETY: plain number.
    unsafe { libc::sysconf(name) }
}

/// `getloadavg(3)`.
pub fn loads() -> Sys<[f64; 3]> {
    let mut loads = [0.0; 3];
    // SAFETY: the array has the length that is said.
    match unsafe { libc::getloadavg(loads.as_mut_ptr(), 3) } {
        3 => Ok(loads),
        _ => Err(libc::EIO),
    }
}

fn text(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field.iter().map(|byte| *byte as u8).collect();
    CStr::from_bytes_until_nul(&bytes)
        .map(|text| text.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `uname(2)`: system, node, release, version, machine, domain.
pub fn uname() -> Sys<[String; 6]> {
    // SAFETY: an all-zero structure is valid and outlives the call.
    unsafe {
        let mut name: libc::utsname = zeroed();
        done(libc::syscall(libc::SYS_uname, &raw mut name) as c_int)?;
        Ok([
            text(&name.sysname),
            text(&name.nodename),
            text(&name.release),
            text(&name.version),
            text(&name.machine),
            text(&name.domainname),
        ])
    }
}

/// `gethostname(3)`.
pub fn hostname() -> Sys<String> {
    let mut name = [0 as c_char; 65];
    // SAFETY: the array has the length that is said.
    done(unsafe { libc::gethostname(name.as_mut_ptr(), name.len()) })?;
    Ok(text(&name))
}

/// `sched_getaffinity(2)` of the caller: numbers of processors.
pub fn affinity() -> Sys<Vec<usize>> {
    // SAFETY: an all-zero set is valid and outlives the call.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        let size = size_of::<libc::cpu_set_t>();
        if libc::syscall(libc::SYS_sched_getaffinity, 0, size, &raw mut set) < 0 {
            return Err(errno());
        }
        Ok((0..8 * size)
            .filter(|cpu| libc::CPU_ISSET(*cpu, &set))
            .collect())
    }
}

/// `getcpu(2)`: the processor that the caller is on.
pub fn processor() -> Sys<u32> {
    let mut cpu = 0_u32;
    let null = std::ptr::null_mut::<u32>();
    // SAFETY: the number outlives the call; the other arguments may be null.
    done(unsafe { libc::syscall(libc::SYS_getcpu, &raw mut cpu, null, null) as c_int })?;
    Ok(cpu)
}

/// `clock_gettime(2)` past the vDSO, in seconds.
pub fn clock(id: c_int) -> Sys<f64> {
    // SAFETY: an all-zero time is valid and outlives the call.
    unsafe {
        let mut time: libc::timespec = zeroed();
        done(libc::syscall(libc::SYS_clock_gettime, id as c_long, &raw mut time) as c_int)?;
        Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    }
}
