// SPDX-License-Identifier: GPL-2.0

//! Tasks: calls without work, creation and end, signals, priorities, credentials.

use std::io;
use std::ptr;

use super::{repeat, Run};
use crate::machine::root::PROGRAM;
use crate::machine::sys::{c_string, check, check_long, wait_for, Child};
use crate::EMPTY_PROGRAM;

/// The cheapest call that does something.
pub fn null() -> io::Result<Run> {
    Ok(repeat(|| {
        // SAFETY: takes no argument.
        check_long(unsafe { libc::syscall(libc::SYS_getppid) }).map(drop)
    }))
}

/// Finding a task by number.
pub fn pid_lookup() -> io::Result<Run> {
    let child = Child::sleeping()?;
    Ok(repeat(move || {
        // SAFETY: takes no pointer.
        check(unsafe { libc::getpgid(child.pid()) }).map(drop)
    }))
}

/// A child that ends at once.
pub fn fork_exit() -> io::Result<Run> {
    Ok(repeat(|| {
        // SAFETY: the process has one thread.
        let pid = check(unsafe { libc::fork() })?;
        if pid == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) };
        }
        wait_for(pid)
    }))
}

/// A child that executes this binary, which then ends at once.
pub fn fork_exec() -> io::Result<Run> {
    let path = c_string(PROGRAM)?;
    let argument = c_string(EMPTY_PROGRAM)?;
    Ok(repeat(move || {
        let arguments = [path.as_ptr(), argument.as_ptr(), ptr::null()];
        // SAFETY: the process has one thread; the strings outlive the call.
        unsafe {
            let pid = check(libc::fork())?;
            if pid == 0 {
                libc::execv(path.as_ptr(), arguments.as_ptr());
                libc::_exit(127);
            }
            wait_for(pid)
        }
    }))
}

/// A thread that ends at once.
pub fn thread() -> io::Result<Run> {
    Ok(repeat(|| {
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(|| {})?
            .join()
            .map_err(|_| io::Error::other("the thread panicked"))
    }))
}

/// The permission check of a signal without the signal.
pub fn kill_check() -> io::Result<Run> {
    let child = Child::sleeping()?;
    Ok(repeat(move || {
        // SAFETY: takes no pointer.
        check(unsafe { libc::kill(child.pid(), 0) }).map(drop)
    }))
}

extern "C" fn on_signal(_signal: i32) {}

/// A signal to the caller, its handler and the return from it.
pub fn signal() -> io::Result<Run> {
    // SAFETY: the handler does nothing; the calls take no other pointer.
    unsafe {
        let handler: extern "C" fn(i32) = on_signal;
        if libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
        let own = libc::getpid();
        Ok(repeat(move || {
            check(libc::kill(own, libc::SIGUSR1)).map(drop)
        }))
    }
}

/// Renicing a child, always to the same value.
pub fn setpriority() -> io::Result<Run> {
    let child = Child::sleeping()?;
    let pid = child.pid().unsigned_abs();
    Ok(repeat(move || {
        // Moved in, so that the child lives as long as the closure.
        let _alive = &child;
        // SAFETY: takes no pointer.
        check(unsafe { libc::setpriority(libc::PRIO_PROCESS, pid, 5) }).map(drop)
    }))
}

/// New credentials after a capability check.
pub fn setgroups() -> io::Result<Run> {
    // The raw call, because the one of the library would tell all threads.
    Ok(repeat(|| {
        // SAFETY: no groups are read from the pointer.
        check_long(unsafe { libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>()) })
            .map(drop)
    }))
}
