// SPDX-License-Identifier: GPL-2.0

//! Processes.

use super::{check, check_long, text};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::time::Duration;

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const CLONE_PIDFD: u64 = 0x1000;
const PR_CAP_AMBIENT: libc::c_int = 47;
const PR_CAP_AMBIENT_CLEAR_ALL: libc::c_ulong = 4;
const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Argument of `clone3(2)`.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Result of making a process.
#[derive(Debug)]
pub enum Side {
    /// In the caller.
    Parent {
        /// Pid of the child.
        pid: i32,
        /// Descriptor of the child.
        pidfd: OwnedFd,
    },
    /// In the child.
    Child,
}

/// Makes a child with its own copy of the memory, in new `namespaces`, and in the cgroup whose
/// directory is `cgroup`.
///
/// # Errors
///
/// `EINVAL` also when the caller has several threads: locks of the C library and the allocator
/// would stay taken in the child.
pub fn clone(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    require_single_thread()?;
    let mut pidfd: libc::c_int = -1;
    let mut arguments = CloneArguments {
        flags: namespaces | CLONE_PIDFD,
        pidfd: ptr::from_mut(&mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..Default::default()
    };
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: the structure is passed with its size. Without CLONE_VM the child has its own copy
    // of the memory and goes on with the caller's stack; there is only one thread, so no lock is
    // taken by another.
    let pid = check_long(unsafe {
        libc::syscall(
            libc::SYS_clone3,
            ptr::from_mut(&mut arguments),
            size_of::<CloneArguments>(),
        )
    })?;
    if pid == 0 {
        return Ok(Side::Child);
    }
    // SAFETY: the kernel has filled in a descriptor that is new.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Side::Parent {
        pid: pid as i32,
        pidfd,
    })
}

/// Checks that the caller has one thread. One that has just been joined may still be on its way
/// out.
fn require_single_thread() -> io::Result<()> {
    const ATTEMPTS: usize = 1000;
    for _ in 0..ATTEMPTS {
        if std::fs::read_dir("/proc/self/task")?.count() == 1 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::from_raw_os_error(libc::EINVAL))
}

/// Returns the wait status of a child that has ended; none when it has not.
pub fn reap(pidfd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: the structure is exclusive; the call fills it, or leaves it zeroed when the
        // child still runs.
        let result = unsafe {
            libc::waitid(
                libc::P_PIDFD,
                pidfd.as_raw_fd() as libc::id_t,
                info.as_mut_ptr(),
                libc::WEXITED | libc::WNOHANG,
            )
        };
        match check(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    // SAFETY: zeroed, or filled by the call for a child, so the fields of children are valid.
    let (pid, code, status) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status())
    };
    if pid == 0 {
        return Ok(None);
    }
    Ok(Some(match code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        _ => status & 0x7f,
    }))
}

/// Sends a signal to the process of a descriptor.
pub fn signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open; null asks for default signal information.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            ptr::null::<libc::siginfo_t>(),
            0,
        )
    })
    .map(drop)
}

/// Ends the process at once, without running anything registered for its end.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: the call does not return and touches no memory.
    unsafe { libc::_exit(status) }
}

/// Whether the caller acts as root.
pub fn is_root() -> bool {
    // SAFETY: the call has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Starts a session.
pub fn new_session() -> io::Result<()> {
    // SAFETY: the call takes no arguments.
    check(unsafe { libc::setsid() }).map(drop)
}

/// Asks for `signal` when the parent ends; 0 asks for none.
pub fn set_parent_death_signal(signal: i32) -> io::Result<()> {
    // SAFETY: the argument is passed by value.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) }).map(drop)
}

/// Sets the name that process listings show.
pub fn set_name(name: &str) -> io::Result<()> {
    let name = text(name.as_bytes())?;
    // SAFETY: the name is a terminated string.
    check(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) }).map(drop)
}

/// Replaces the session keyring by a new one without name.
pub fn new_keyring() -> io::Result<()> {
    // SAFETY: null asks for a keyring without name.
    check_long(unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            KEYCTL_JOIN_SESSION_KEYRING,
            ptr::null::<libc::c_char>(),
        )
    })
    .map(drop)
}

/// Becomes user 0, group 0, without further groups.
pub fn become_user_zero() -> io::Result<()> {
    // SAFETY: the list has no elements; the other arguments are passed by value.
    unsafe {
        check(libc::setgroups(0, ptr::null()))?;
        check(libc::setresgid(0, 0, 0))?;
        check(libc::setresuid(0, 0, 0))
    }
    .map(drop)
}

/// Sets the file mode mask.
pub fn set_file_mask(mask: u32) {
    // SAFETY: the argument is passed by value; the call cannot fail.
    unsafe { libc::umask(mask) };
}

/// Removes everything from the bounding set that is not in `mask`, and clears the inheritable and
/// ambient sets.
pub fn bound_capabilities(mask: u64) -> io::Result<()> {
    for number in 0..u64::BITS {
        let number = libc::c_ulong::from(number);
        // SAFETY: the arguments are passed by value.
        match check(unsafe { libc::prctl(libc::PR_CAPBSET_READ, number) }) {
            // The kernel knows no more capabilities.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            Err(error) => return Err(error),
            Ok(0) => continue,
            Ok(_) => {}
        }
        if mask & (1 << number) == 0 {
            // SAFETY: the arguments are passed by value.
            check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number) })?;
        }
    }
    // SAFETY: the arguments are passed by value.
    check(unsafe { libc::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) })?;
    clear_inheritable()
}

/// Argument of `capget(2)` and `capset(2)`.
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

/// One half of the sets of `capget(2)` and `capset(2)`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilitySets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn clear_inheritable() -> io::Result<()> {
    let mut header = CapabilityHeader {
        version: CAPABILITY_VERSION_3,
        pid: 0,
    };
    let mut sets = [CapabilitySets::default(); 2];
    let header = ptr::from_mut(&mut header);
    // SAFETY: version 3 of the interface reads and writes a header and two halves.
    unsafe {
        check_long(libc::syscall(libc::SYS_capget, header, sets.as_mut_ptr()))?;
        for half in &mut sets {
            half.inheritable = 0;
        }
        check_long(libc::syscall(libc::SYS_capset, header, sets.as_ptr()))
    }
    .map(drop)
}

/// Replaces the program of the process; returns only on failure.
pub fn execute(path: &str, words: &[String], env: &BTreeMap<String, String>) -> io::Error {
    let prepare = || -> io::Result<_> {
        let words = words
            .iter()
            .map(|word| text(word.as_bytes()))
            .collect::<io::Result<Vec<CString>>>()?;
        let env = env
            .iter()
            .map(|(name, value)| text(format!("{name}={value}").as_bytes()))
            .collect::<io::Result<Vec<CString>>>()?;
        Ok((text(path.as_bytes())?, words, env))
    };
    let (path, words, env) = match prepare() {
        Ok(prepared) => prepared,
        Err(error) => return error,
    };
    let (words, env) = (pointers(&words), pointers(&env));
    // SAFETY: the path is a terminated string; both lists end with null and point to terminated
    // strings that live until the call returns.
    unsafe { libc::execve(path.as_ptr(), words.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// Replaces the program of the process by the one in an open file, keeping arguments and
/// environment; returns only on failure.
pub fn execute_file(file: BorrowedFd<'_>) -> io::Error {
    let words = std::env::args_os()
        .map(|word| text(word.as_bytes()))
        .collect::<io::Result<Vec<CString>>>();
    let env = std::env::vars_os()
        .map(|(name, value)| {
            let line = [name.as_bytes(), b"=", value.as_bytes()].concat();
            text(&line)
        })
        .collect::<io::Result<Vec<CString>>>();
    let (words, env) = match (words, env) {
        (Ok(words), Ok(env)) => (words, env),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    let (words, env) = (pointers(&words), pointers(&env));
    // SAFETY: the descriptor is open; both lists end with null and point to terminated strings
    // that live until the call returns.
    unsafe { libc::fexecve(file.as_raw_fd(), words.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Seconds of a clock.
pub fn clock_seconds(clock: libc::clockid_t) -> io::Result<i64> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure is exclusive.
    check(unsafe { libc::clock_gettime(clock, &raw mut now) })?;
    Ok(now.tv_sec)
}
