// SPDX-License-Identifier: GPL-2.0

//! System calls that the standard library does not wrap, as functions that return `io::Result`.

use std::ffi::CString;
use std::io;
use std::path::Path;
use std::ptr;

/// Turns the -1 of a C function into the error of `errno`.
pub fn check(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// [`check`] for functions that return a `long`.
pub fn check_long(result: i64) -> io::Result<i64> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Adds what was being done to an error.
pub fn context<T>(what: impl AsRef<str>, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", what.as_ref())))
}

/// A path or text as C string.
pub fn c_string(text: impl AsRef<[u8]>) -> io::Result<CString> {
    CString::new(text.as_ref()).map_err(io::Error::other)
}

/// `mount(2)`. An empty `kind` or `data` is passed as null.
pub fn mount(source: &str, target: &str, kind: &str, flags: u64, data: &str) -> io::Result<()> {
    let source = c_string(source)?;
    let place = c_string(target)?;
    let fs_type = c_string(kind)?;
    let options = c_string(data)?;
    let or_null = |text: &CString| {
        if text.is_empty() {
            ptr::null()
        } else {
            text.as_ptr()
        }
    };
    // SAFETY: all pointers are null or terminated strings that outlive the call.
    let result = unsafe {
        libc::mount(
            source.as_ptr(),
            place.as_ptr(),
            or_null(&fs_type),
            flags,
            or_null(&options).cast(),
        )
    };
    context(format!("cannot mount {kind:?} on {target}"), check(result)).map(drop)
}

/// `chroot(2)`.
pub fn chroot(path: &str) -> io::Result<()> {
    let path = c_string(path)?;
    // SAFETY: the string is terminated.
    check(unsafe { libc::chroot(path.as_ptr()) }).map(drop)
}

/// Makes `new_root` the root of this mount namespace and detaches the old one.
pub fn pivot_root(new_root: &str) -> io::Result<()> {
    std::env::set_current_dir(new_root)?;
    let here = c_string(".")?;
    // SAFETY: the strings are terminated. The old root is stacked on the new one and the lazy
    // unmount takes it away again.
    unsafe {
        check_long(libc::syscall(
            libc::SYS_pivot_root,
            here.as_ptr(),
            here.as_ptr(),
        ))?;
        check(libc::umount2(here.as_ptr(), libc::MNT_DETACH))?;
    }
    std::env::set_current_dir("/")
}

/// `unshare(2)`.
pub fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Makes a device node.
pub fn make_device(path: &str, major: u32, minor: u32) -> io::Result<()> {
    let name = c_string(path)?;
    // SAFETY: the string is terminated.
    let result = unsafe {
        libc::mknod(
            name.as_ptr(),
            libc::S_IFCHR | 0o666,
            libc::makedev(major, minor),
        )
    };
    context(format!("cannot make {path}"), check(result)).map(drop)
}

/// Writes to a file of procfs, sysfs or cgroupfs.
pub fn write_file(path: impl AsRef<Path>, text: &str) -> io::Result<()> {
    let path = path.as_ref();
    context(
        format!("cannot write {text:?} to {}", path.display()),
        std::fs::write(path, text),
    )
}

/// A child process. Dropping it kills and reaps it.
pub struct Child(libc::pid_t);

impl Child {
    /// Forks; the child runs `work` and exits with 0, or prints the error and exits with 1.
    pub fn spawn(work: impl FnOnce() -> io::Result<()>) -> io::Result<Self> {
        // SAFETY: the process has one thread whenever this is called.
        let pid = check(unsafe { libc::fork() })?;
        if pid == 0 {
            let status = match work() {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("vserver-bench: child: {error}");
                    1
                }
            };
            // SAFETY: ends the process without running the parent's destructors.
            unsafe { libc::_exit(status) }
        }
        Ok(Self(pid))
    }

    /// A child that sleeps until it is killed.
    pub fn sleeping() -> io::Result<Self> {
        Self::spawn(|| loop {
            // SAFETY: takes no argument.
            unsafe { libc::pause() };
        })
    }

    /// Its process id.
    pub fn pid(&self) -> libc::pid_t {
        self.0
    }

    /// Waits for its end; an error when it did not exit with 0.
    pub fn wait(mut self) -> io::Result<()> {
        let pid = std::mem::replace(&mut self.0, 0);
        wait_for(pid)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0 > 0 {
            // SAFETY: takes no pointer; the child is not reaped yet, so the number is its own.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
            // It did not end well, by intention.
            let _ = wait_for(self.0);
        }
    }
}

/// Reaps `pid`; an error when it did not exit with 0.
pub fn wait_for(pid: libc::pid_t) -> io::Result<()> {
    let mut status = 0;
    // SAFETY: the pointer is to a local variable.
    check(unsafe { libc::waitpid(pid, &raw mut status, 0) })?;
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "child ended with status {status:#x}"
        )))
    }
}

/// Blocks a signal and waits for it.
pub fn await_signal(signal: i32) -> io::Result<()> {
    let mut set = std::mem::MaybeUninit::uninit();
    let mut came = 0;
    // SAFETY: all pointers are to local variables; the set is filled before it is used.
    unsafe {
        check(libc::sigemptyset(set.as_mut_ptr()))?;
        check(libc::sigaddset(set.as_mut_ptr(), signal))?;
        check(libc::sigprocmask(
            libc::SIG_BLOCK,
            set.as_ptr(),
            std::ptr::null_mut(),
        ))?;
        match libc::sigwait(set.as_ptr(), &raw mut came) {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// Sleeps, in the machine's virtual time.
pub fn sleep_ms(ms: u64) {
    std::thread::sleep(std::time::Duration::from_millis(ms));
}

/// Sets the scheduling policy of the caller; children inherit it.
pub fn set_policy(policy: i32) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a local variable.
    check(unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) }).map(drop)
}

/// Brings the loopback interface up.
pub fn loopback_up() -> io::Result<()> {
    // SAFETY: all bytes zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = byte.cast_signed();
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP).map_err(io::Error::other)?;
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
    // SAFETY: the pointer is to a local variable of the type that the request takes.
    check(unsafe { libc::ioctl(fd, libc::SIOCSIFFLAGS, &raw mut request) }).map(drop)
}

/// Ends the machine.
pub fn end_machine() -> ! {
    // SAFETY: take no pointer.
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_AUTOBOOT);
    }
    loop {
        // SAFETY: takes no argument. Reached only if the reset takes a moment.
        unsafe { libc::pause() };
    }
}
