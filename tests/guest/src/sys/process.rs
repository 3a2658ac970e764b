// SPDX-License-Identifier: GPL-2.0

//! Processes: identity, signals, groups, limits.

use super::{Sys, done, sys};
use libc::{c_int, c_long, pid_t};
use std::mem::{size_of, zeroed};
use std::time::Duration;

/// Pid of the caller in its own pid namespace.
pub fn getpid() -> pid_t {
    // SAFETY: no precondition.
    unsafe { libc::getpid() }
}

/// `kill(2)`.
pub fn kill(pid: pid_t, signal: c_int) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::kill(pid, signal) })
}

/// `tgkill(2)`.
pub fn tgkill(group: pid_t, thread: pid_t, signal: c_int) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::syscall(libc::SYS_tgkill, group, thread, signal) })
}

/// `rt_sigqueueinfo(2)` with a queued value, as `sigqueue(3)` does it.
pub fn sigqueue(pid: pid_t, signal: c_int) -> Sys<()> {
    // SAFETY: an all-zero siginfo_t is valid; the kernel copies it.
    unsafe {
        let mut info: libc::siginfo_t = zeroed();
        info.si_signo = signal;
        info.si_code = libc::SI_QUEUE;
        done(libc::syscall(
            libc::SYS_rt_sigqueueinfo,
            pid,
            signal,
            &info as *const libc::siginfo_t,
        ))
    }
}

/// `pidfd_open(2)`.
pub fn pidfd_open(pid: pid_t) -> Sys<c_int> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) }).map(|fd| fd as c_int)
}

/// `PIDFD_GET_INFO`: the pid that it tells.
pub fn pidfd_info(pidfd: c_int) -> Sys<pid_t> {
    const PIDFD_GET_INFO: u64 = 0xc040_ff0b;
    // The first layout: 64 bytes, a mask of what is asked for, and the pid behind the cgroup.
    let mut info = [0_u32; 16];
    // SAFETY: the layout of struct pidfd_info; it outlives the call.
    done(unsafe { libc::ioctl(pidfd, PIDFD_GET_INFO as _, info.as_mut_ptr()) })?;
    Ok(info[4] as pid_t)
}

/// `pidfd_send_signal(2)`.
pub fn pidfd_signal(pidfd: c_int, signal: c_int) -> Sys<()> {
    // SAFETY: a null siginfo is allowed.
    done(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd,
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })
}

/// Who gets the signal of a descriptor that becomes readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One thread.
    Thread,
    /// A process.
    Process,
    /// A process group.
    Group,
}

/// Makes `signal` go to `owner` when a new pipe becomes readable, then makes it readable. This
/// way of signalling has a permission check of its own.
pub fn signal_by_io(owner: Owner, id: pid_t, signal: c_int) -> Sys<()> {
    const F_SETSIG: c_int = 10;
    const F_SETOWN_EX: c_int = 15;
    let kind = match owner {
        Owner::Thread => 0,
        Owner::Process => 1,
        Owner::Group => 2,
    };
    let target: [c_int; 2] = [kind, id];
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors; `target` has the layout of f_owner_ex and
    // outlives the call.
    unsafe {
        done(libc::pipe(ends.as_mut_ptr()))?;
        let result = done(libc::fcntl(ends[0], F_SETOWN_EX, target.as_ptr()))
            .and_then(|()| done(libc::fcntl(ends[0], F_SETSIG, signal)))
            .and_then(|()| done(libc::fcntl(ends[0], libc::F_SETFL, libc::O_ASYNC)))
            .and_then(|()| done(libc::write(ends[1], b"x".as_ptr().cast(), 1) as i64));
        libc::close(ends[0]);
        libc::close(ends[1]);
        result
    }
}

/// `setpgid(2)`.
pub fn setpgid(pid: pid_t, group: pid_t) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::setpgid(pid, group) })
}

/// `getpgid(2)`.
pub fn getpgid(pid: pid_t) -> Sys<pid_t> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::getpgid(pid) }).map(|group| group as pid_t)
}

/// `getsid(2)`.
pub fn getsid(pid: pid_t) -> Sys<pid_t> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::getsid(pid) }).map(|session| session as pid_t)
}

/// `prlimit(2)`, reading only.
pub fn prlimit_get(pid: pid_t, resource: u32) -> Sys<u64> {
    // SAFETY: an all-zero rlimit is valid and outlives the call.
    unsafe {
        let mut old: libc::rlimit64 = zeroed();
        done(libc::syscall(
            libc::SYS_prlimit64,
            pid,
            resource,
            std::ptr::null::<libc::rlimit64>(),
            &mut old as *mut libc::rlimit64,
        ))?;
        Ok(old.rlim_cur)
    }
}

/// `prlimit(2)`, setting soft and hard limit to `value`.
pub fn prlimit_set(pid: pid_t, resource: u32, value: u64) -> Sys<()> {
    let new = libc::rlimit64 {
        rlim_cur: value,
        rlim_max: value,
    };
    // SAFETY: `new` outlives the call.
    done(unsafe {
        libc::syscall(
            libc::SYS_prlimit64,
            pid,
            resource,
            &new as *const libc::rlimit64,
            std::ptr::null_mut::<libc::rlimit64>(),
        )
    })
}

/// Becomes an ordinary user: group, supplementary groups and user `id`, without capabilities.
pub fn become_user(id: u32) -> Sys<()> {
    // SAFETY: an empty group list needs no memory.
    unsafe {
        done(libc::setgroups(0, std::ptr::null()))?;
        done(libc::setresgid(id, id, id))?;
        done(libc::setresuid(id, id, id))
    }
}

/// Makes `id` the user that files and keys are made as, of this thread.
pub fn file_user(id: u32) {
    // SAFETY: a plain number; the call has no errors.
    unsafe { libc::syscall(libc::SYS_setfsuid, id) };
}

/// `fork(2)`: the pid of the child, 0 in the child. The caller is single-threaded.
pub fn fork() -> Sys<pid_t> {
    // SAFETY: as the caller promises.
    sys(unsafe { libc::fork() }).map(|pid| pid as pid_t)
}

/// Arranges that SIGALRM ends the caller after so many seconds.
pub fn alarm(seconds: u32) {
    // SAFETY: the default action needs no handler; plain numbers.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(seconds);
    }
}

/// `reboot(2)`. On the host it means the machine.
pub fn reboot(command: c_int) -> Sys<()> {
    // SAFETY: plain number.
    done(unsafe { libc::reboot(command) })
}

/// Arranges that the caller gets `signal` when its parent ends.
pub fn die_with_parent(signal: c_int) {
    // SAFETY: plain numbers; cannot fail for a valid signal.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, signal as c_long, 0, 0, 0);
    }
}

/// Whether orphaned descendants become children of the caller.
pub fn adopt_orphans(adopt: bool) {
    // SAFETY: plain numbers; cannot fail.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, c_long::from(adopt), 0, 0, 0);
    }
}

/// Forks a process that sleeps until a signal ends it, and returns its pid. For use inside a
/// guest, where the context ends it.
pub fn sleeper() -> Sys<pid_t> {
    // What the parent ignores is inherited. A blocked signal is kept even so: one that arrives
    // before the child has put the default back waits until it has.
    // SAFETY: plain data, initialised by the calls that follow.
    let mut set: libc::sigset_t = unsafe { core::mem::zeroed() };
    // SAFETY: `set` is valid; the caller is single-threaded.
    unsafe {
        libc::sigemptyset(&raw mut set);
        for signal in DEFAULTED {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, core::ptr::null_mut());
    }
    // SAFETY: the caller is single-threaded.
    let forked = sys(unsafe { libc::fork() });
    if let Ok(0) = forked {
        for signal in DEFAULTED {
            // SAFETY: SIG_DFL needs no handler.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: `set` is valid.
    unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, core::ptr::null_mut()) };
    match forked? {
        0 => sleep_for_ever(),
        pid => Ok(pid as pid_t),
    }
}

/// Signals that a sleeper dies of.
const DEFAULTED: [c_int; 2] = [libc::SIGTERM, libc::SIGINT];

/// Waits for a child and returns the raw status word.
pub fn wait(pid: pid_t) -> Sys<c_int> {
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        match sys(unsafe { libc::waitpid(pid, &mut status, 0) }) {
            Err(libc::EINTR) => continue,
            Err(error) => return Err(error),
            Ok(_) => return Ok(status),
        }
    }
}

fn time(value: libc::timeval) -> Duration {
    Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1000)
}

/// Waits for a child: the raw status word and the processor time of all its threads.
pub fn wait_used(pid: pid_t) -> Sys<(c_int, Duration)> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid; both outlive the calls.
    unsafe {
        let mut usage: libc::rusage = zeroed();
        loop {
            match sys(libc::wait4(pid, &mut status, 0, &mut usage)) {
                Err(libc::EINTR) => continue,
                Err(error) => return Err(error),
                Ok(_) => return Ok((status, time(usage.ru_utime) + time(usage.ru_stime))),
            }
        }
    }
}

/// Processor time of all threads of the caller.
pub fn used() -> Duration {
    // SAFETY: an all-zero timespec is valid and outlives the call, which cannot fail.
    unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}

/// Sets the disposition of a signal to "ignore".
pub fn ignore(signal: c_int) {
    // SAFETY: SIG_IGN needs no handler.
    unsafe {
        libc::signal(signal, libc::SIG_IGN);
    }
}

/// Header of the capability calls, version 3: 64 bits in two triples of words.
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

const CAPABILITY_HEADER: CapabilityHeader = CapabilityHeader {
    version: 0x2008_0522,
    pid: 0,
};

fn capability_words() -> Sys<[[u32; 3]; 2]> {
    let mut data = [[0_u32; 3]; 2];
    debug_assert_eq!(size_of::<CapabilityHeader>(), 8);
    // SAFETY: version 3 reads the header and writes two triples; both outlive the call.
    done(unsafe { libc::syscall(libc::SYS_capget, &CAPABILITY_HEADER, data.as_mut_ptr()) })?;
    Ok(data)
}

/// Capability sets of the caller: effective, permitted, inheritable.
pub fn capget() -> Sys<(u64, u64, u64)> {
    let data = capability_words()?;
    let word = |i: usize| u64::from(data[0][i]) | (u64::from(data[1][i]) << 32);
    Ok((word(0), word(1), word(2)))
}

/// Gives a capability up.
pub fn drop_capability(number: u32) -> Sys<()> {
    let mut data = capability_words()?;
    for set in &mut data[number as usize / 32] {
        *set &= !(1 << (number % 32));
    }
    // SAFETY: version 3 reads the header and two triples; both outlive the call.
    done(unsafe { libc::syscall(libc::SYS_capset, &CAPABILITY_HEADER, data.as_ptr()) })
}

/// Takes a capability out of the bounding set.
pub fn drop_bounding(number: u32) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, c_long::from(number), 0, 0, 0) })
}

extern "C" fn nothing(_signal: c_int) {}

/// Sends the caller SIGALRM over and over, every few milliseconds, and makes it interrupt what
/// the caller waits in. `false` ends it.
pub fn interrupt_often(on: bool) -> Sys<()> {
    let pause = libc::timeval {
        tv_sec: 0,
        tv_usec: if on { 3000 } else { 0 },
    };
    let timer = libc::itimerval {
        it_interval: pause,
        it_value: pause,
    };
    // SAFETY: an all-zero action is valid; the handler does nothing; both structures outlive the
    // calls.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        done(libc::sigaction(
            libc::SIGALRM,
            &action,
            std::ptr::null_mut(),
        ))?;
        done(libc::setitimer(
            libc::ITIMER_REAL,
            &timer,
            std::ptr::null_mut(),
        ))
    }
}

/// Waits for ever; signals end it.
pub fn sleep_for_ever() -> ! {
    loop {
        // SAFETY: no precondition.
        unsafe { libc::pause() };
    }
}
