// SPDX-License-Identifier: GPL-2.0

//! Calls of a program that takes as much as it can get.

use super::{Sys, c, done, errno, sys};
use libc::c_int;
use std::mem::zeroed;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// Bytes of a page that memory is had in here.
const PAGE: usize = 4096;

/// `userfaultfd(2)`, for faults of user mode only or for those of the kernel too.
pub fn userfaultfd(kernel_faults: bool) -> Sys<c_int> {
    const UFFD_USER_MODE_ONLY: c_int = 1;
    const UFFDIO_API: u64 = 0xc018_aa3f;
    const UFFD_API: u64 = 0xaa;
    let flags = if kernel_faults {
        0
    } else {
        UFFD_USER_MODE_ONLY
    };
    // SAFETY: plain numbers.
    let fd = sys(unsafe { libc::syscall(libc::SYS_userfaultfd, flags | libc::O_CLOEXEC) })?;
    let mut api = [UFFD_API, 0, 0];
    // SAFETY: the layout of struct uffdio_api, three words; it outlives the call.
    done(unsafe { libc::ioctl(fd as c_int, UFFDIO_API as _, api.as_mut_ptr()) })?;
    Ok(fd as c_int)
}

/// `inotify_init1(2)`.
pub fn inotify() -> Sys<c_int> {
    // SAFETY: plain number.
    sys(unsafe { libc::inotify_init1(libc::IN_CLOEXEC) }).map(|fd| fd as c_int)
}

/// `inotify_add_watch(2)` for writes.
pub fn watch(inotify: c_int, path: &str) -> Sys<()> {
    let path = c(path);
    // SAFETY: the path outlives the call.
    done(unsafe { libc::inotify_add_watch(inotify, path.as_ptr(), libc::IN_MODIFY) })
}

/// `epoll_create1(2)`.
pub fn epoll() -> Sys<c_int> {
    // SAFETY: plain number.
    sys(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(|fd| fd as c_int)
}

/// Adds a descriptor to an epoll descriptor.
pub fn epoll_add(epoll: c_int, fd: c_int) -> Sys<()> {
    let mut event = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: 0,
    };
    // SAFETY: `event` outlives the call.
    done(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) })
}

/// `eventfd(2)`: a file that is nothing but a file.
pub fn eventfd() -> Sys<c_int> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }).map(|fd| fd as c_int)
}

/// `dup(2)`.
pub fn dup(fd: c_int) -> Sys<c_int> {
    // SAFETY: plain number.
    sys(unsafe { libc::dup(fd) }).map(|fd| fd as c_int)
}

/// `pipe(2)`: both ends stay open until the process ends.
pub fn pipe() -> Sys<c_int> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors.
    done(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok(ends[1])
}

/// Bytes that a pipe holds.
pub fn pipe_size(fd: c_int) -> Sys<i64> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::fcntl(fd, libc::F_GETPIPE_SZ) })
}

/// A pair of unix sockets.
pub fn socket_pair() -> Sys<[c_int; 2]> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the array has room for two descriptors.
    done(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok(ends)
}

/// Fills the queue of a socket without waiting; how many bytes went in.
pub fn stuff(fd: c_int) -> u64 {
    let bytes = [0_u8; PAGE];
    let mut total = 0;
    loop {
        // SAFETY: the buffer is valid during the call.
        let sent = unsafe {
            libc::send(
                fd,
                bytes.as_ptr().cast(),
                bytes.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        if sent <= 0 {
            return total;
        }
        total += sent as u64;
    }
}

/// Sends so many copies of a descriptor over a unix socket.
pub fn send_descriptors(socket: c_int, fd: c_int, count: usize) -> Sys<()> {
    // Room for the header and 253 descriptors, aligned as the header needs it.
    let mut control = [0_u64; 160];
    let mut byte = 0_u8;
    let length = count * size_of::<c_int>();
    // SAFETY: all-zero structures are valid; the control buffer is longer than a header with 253
    // descriptors, which is asserted; all of it outlives the call.
    unsafe {
        assert!(libc::CMSG_SPACE(length as u32) as usize <= size_of_val(&control));
        let mut part = libc::iovec {
            iov_base: (&raw mut byte).cast(),
            iov_len: 1,
        };
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(length as u32) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(length as u32) as _;
        let data = libc::CMSG_DATA(header).cast::<c_int>();
        for index in 0..count {
            data.add(index).write_unaligned(fd);
        }
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        done(libc::sendmsg(socket, &raw const message, flags) as i64)
    }
}

/// A System V shared segment of so many pages, its pages touched.
pub fn segment(pages: usize) -> Sys<c_int> {
    let flags = libc::IPC_CREAT | 0o600;
    // SAFETY: plain numbers; the segment is attached where the kernel wants it, written inside of
    // its length and detached.
    unsafe {
        let id = sys(libc::shmget(libc::IPC_PRIVATE, pages * PAGE, flags))? as c_int;
        let start = libc::shmat(id, null(), 0);
        if start as isize == -1 {
            return Err(errno());
        }
        for page in 0..pages {
            start.cast::<u8>().add(page * PAGE).write_volatile(1);
        }
        done(libc::shmdt(start))?;
        Ok(id)
    }
}

/// An array of so many System V semaphores.
pub fn semaphores(count: c_int) -> Sys<c_int> {
    // SAFETY: plain numbers.
    sys(unsafe { libc::semget(libc::IPC_PRIVATE, count, libc::IPC_CREAT | 0o600) })
        .map(|id| id as c_int)
}

/// A System V message queue, filled without waiting.
pub fn full_queue() -> Sys<c_int> {
    // Type and 4096 bytes.
    let message = [1_u64; 513];
    // SAFETY: plain numbers; the message outlives the calls.
    unsafe {
        let id = sys(libc::msgget(libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600))? as c_int;
        while done(libc::msgsnd(
            id,
            message.as_ptr().cast(),
            PAGE,
            libc::IPC_NOWAIT,
        ))
        .is_ok()
        {}
        match errno() {
            libc::EAGAIN => Ok(id),
            error => Err(error),
        }
    }
}

/// A POSIX message queue with the usual lengths, without a descriptor that stays.
pub fn message_queue(name: &str) -> Sys<()> {
    let name = c(name);
    // SAFETY: the name outlives the call; without attributes the kernel takes its defaults.
    let fd = sys(unsafe {
        libc::syscall(
            libc::SYS_mq_open,
            name.as_ptr(),
            libc::O_CREAT | libc::O_EXCL | libc::O_RDWR,
            0o600,
            null::<libc::c_void>(),
        )
    })?;
    super::sockets::close(fd as c_int);
    Ok(())
}

/// Removes a POSIX message queue.
pub fn remove_queue(name: &str) -> Sys<()> {
    let name = c(name);
    // SAFETY: the name outlives the call.
    sys(unsafe { libc::syscall(libc::SYS_mq_unlink, name.as_ptr()) }).map(drop)
}

/// A signal that queues up.
pub fn queued_signal() -> c_int {
    libc::SIGRTMIN() + 3
}

/// Blocks the signal that queues up.
pub fn block_queued_signal() {
    // SAFETY: plain data that the calls initialise; no other thread.
    unsafe {
        let mut set: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, queued_signal());
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, null_mut());
    }
}

/// `timer_create(2)` of a timer that signals.
pub fn timer() -> Sys<()> {
    let mut id = 0_i32;
    // SAFETY: without an event the kernel takes its default; `id` outlives the call.
    done(unsafe {
        libc::syscall(
            libc::SYS_timer_create,
            libc::CLOCK_MONOTONIC,
            null::<libc::c_void>(),
            &raw mut id,
        )
    })
}

/// A class of scheduling with what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Name for a check.
    pub name: &'static str,
    policy: u32,
    nice: i32,
    priority: u32,
    /// Nanoseconds of run time, deadline and period.
    times: [u64; 3],
}

impl Class {
    const fn plain(name: &'static str, policy: c_int, nice: i32, priority: u32) -> Self {
        Self {
            name,
            policy: policy as u32,
            nice,
            priority,
            times: [0; 3],
        }
    }

    /// What is above all others.
    pub const PRIVILEGED: [Self; 6] = [
        Self::plain("SCHED_FIFO", libc::SCHED_FIFO, 0, 99),
        Self::plain("SCHED_FIFO, lowest", libc::SCHED_FIFO, 0, 1),
        Self::plain("SCHED_RR", libc::SCHED_RR, 0, 50),
        Self {
            name: "SCHED_DEADLINE",
            policy: 6,
            nice: 0,
            priority: 0,
            times: [8_000_000, 10_000_000, 10_000_000],
        },
        Self::plain("SCHED_OTHER, nice -20", libc::SCHED_OTHER, -20, 0),
        Self::plain("SCHED_BATCH, nice -1", libc::SCHED_BATCH, -1, 0),
    ];

    /// What everybody may have.
    pub const ORDINARY: [Self; 3] = [
        Self::plain("SCHED_OTHER", libc::SCHED_OTHER, 0, 0),
        Self::plain("SCHED_BATCH", libc::SCHED_BATCH, 0, 0),
        Self::plain("SCHED_IDLE", libc::SCHED_IDLE, 0, 0),
    ];

    /// `sched_setattr(2)` of the caller.
    pub fn choose(self) -> Sys<()> {
        #[repr(C)]
        struct Attributes {
            size: u32,
            policy: u32,
            flags: u64,
            nice: i32,
            priority: u32,
            times: [u64; 3],
        }
        let attributes = Attributes {
            size: size_of::<Attributes>() as u32,
            policy: self.policy,
            flags: 0,
            nice: self.nice,
            priority: self.priority,
            times: self.times,
        };
        // SAFETY: the first version of struct sched_attr, which outlives the call.
        done(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) })
    }
}

/// Keeps the calling thread on one processor.
pub fn pin(cpu: usize) -> Sys<()> {
    // SAFETY: an all-zero set is valid; it outlives the call.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(cpu, &mut set);
        done(libc::sched_setaffinity(
            0,
            size_of::<libc::cpu_set_t>(),
            &raw const set,
        ))
    }
}

/// Processor time of the calling thread.
pub fn thread_used() -> Duration {
    // SAFETY: an all-zero timespec is valid and outlives the call, which cannot fail.
    unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}

/// `ioprio_set(2)` of the caller to the real-time class.
pub fn real_time_io() -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, 1 << 13) })
}

/// Takes a child that has ended, if there is one: the signal that killed it, or 0.
pub fn reap() -> Option<c_int> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
        pid if pid > 0 && libc::WIFSIGNALED(status) => Some(libc::WTERMSIG(status)),
        pid if pid > 0 => Some(0),
        _ => None,
    }
}

/// Ends the process at once.
pub fn leave(code: c_int) -> ! {
    // SAFETY: no exit handler has to run.
    unsafe { libc::_exit(code) }
}
