// SPDX-License-Identifier: GPL-2.0

//! Parts of the address space of this process.

use super::{Sys, done, errno, sys};
use libc::{c_int, c_void};
use std::ptr::null_mut;

/// Bytes of a page that memory is had in here.
const PAGE: usize = 4096;

/// Anonymous memory without a page in it yet. It stays until the process ends, or it is unmapped.
#[derive(Clone, Copy)]
pub struct Area {
    start: *mut u8,
    length: usize,
}

// SAFETY: the mapping is the process's, and each thread of it may use it.
unsafe impl Send for Area {}

impl Area {
    /// Reserves so many bytes.
    pub fn map(length: usize) -> Sys<Self> {
        Self::place(null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, 0)
    }

    /// Reserves so many bytes and locks them.
    pub fn map_locked(length: usize) -> Sys<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        Self::place(null_mut(), length, access, libc::MAP_LOCKED)
    }

    /// Reserves so many bytes that may not be read or written.
    pub fn map_closed(length: usize) -> Sys<Self> {
        Self::place(null_mut(), length, libc::PROT_NONE, 0)
    }

    /// Replaces it by a new one at the same place.
    pub fn replace(self) -> Sys<()> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        Self::place(self.start, self.length, access, libc::MAP_FIXED).map(drop)
    }

    /// Replaces it by a new one at the same place that is locked.
    pub fn replace_locked(self) -> Sys<()> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_FIXED | libc::MAP_LOCKED;
        Self::place(self.start, self.length, access, flags).map(drop)
    }

    fn place(start: *mut u8, length: usize, access: c_int, flags: c_int) -> Sys<Self> {
        let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, or one in place of another of ours that nobody refers to.
        let start = unsafe { libc::mmap(start.cast(), length, access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(errno());
        }
        Ok(Self {
            start: start.cast(),
            length,
        })
    }

    /// Writes into every page, something that is not the same in all.
    pub fn touch(self) {
        for offset in (0..self.length).step_by(PAGE) {
            // SAFETY: inside the mapping; nobody holds a reference into it.
            unsafe {
                self.start
                    .add(offset)
                    .cast::<usize>()
                    .write_volatile(offset ^ 0x5a5a_a5a5);
            }
        }
    }

    /// Whether every page has what [`Area::touch`] wrote.
    pub fn intact(self) -> bool {
        (0..self.length).step_by(PAGE).all(|offset| {
            // SAFETY: as above.
            let word = unsafe { self.start.add(offset).cast::<usize>().read_volatile() };
            word == offset ^ 0x5a5a_a5a5
        })
    }

    /// `mlock(2)`.
    pub fn lock(self) -> Sys<()> {
        // SAFETY: the mapping is ours.
        done(unsafe { libc::mlock(self.start.cast(), self.length) })
    }

    /// `munlock(2)`.
    pub fn unlock(self) -> Sys<()> {
        // SAFETY: the mapping is ours.
        done(unsafe { libc::munlock(self.start.cast(), self.length) })
    }

    /// It may be read and written from now on.
    pub fn open(self) -> Sys<()> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the mapping is ours.
        done(unsafe { libc::mprotect(self.start.cast(), self.length, access) })
    }

    /// Makes it so long, wherever there is room.
    pub fn resize(self, length: usize) -> Sys<Self> {
        // SAFETY: the mapping is ours and nobody refers to it.
        let start =
            unsafe { libc::mremap(self.start.cast(), self.length, length, libc::MREMAP_MAYMOVE) };
        if start == libc::MAP_FAILED {
            return Err(errno());
        }
        Ok(Self {
            start: start.cast(),
            length,
        })
    }

    /// Gives it back; all copies of it mean nothing then.
    pub fn unmap(self) -> Sys<()> {
        // SAFETY: the mapping is ours and nobody refers to it.
        done(unsafe { libc::munmap(self.start.cast(), self.length) })
    }

    /// Lets `userfaultfd` decide what is in the pages: whoever touches one waits.
    pub fn delegate(self, uffd: c_int) -> Sys<()> {
        const UFFDIO_REGISTER: u64 = 0xc020_aa00;
        const MISSING: u64 = 1;
        let mut range = [self.start as u64, self.length as u64, MISSING, 0];
        // SAFETY: the layout of struct uffdio_register, four words; it outlives the call.
        done(unsafe { libc::ioctl(uffd, UFFDIO_REGISTER as _, range.as_mut_ptr()) })
    }

    /// `read(2)` of one byte into the first page: the kernel touches it.
    pub fn filled_by_kernel(self, fd: c_int) -> Sys<()> {
        // SAFETY: the mapping is ours and a byte long at least.
        done(unsafe { libc::read(fd, self.start.cast(), 1) } as i64)
    }
}

/// `mlockall(2)` of what there is.
pub fn lock_present() -> Sys<()> {
    // SAFETY: plain number.
    done(unsafe { libc::mlockall(libc::MCL_CURRENT) })
}

/// `mlockall(2)` of what comes.
pub fn lock_future() -> Sys<()> {
    // SAFETY: plain number.
    done(unsafe { libc::mlockall(libc::MCL_FUTURE) })
}

/// `mlockall(2)` of what there is and what comes.
pub fn lock_all() -> Sys<()> {
    // SAFETY: plain number.
    done(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) })
}

/// `munlockall(2)`.
pub fn unlock_all() -> Sys<()> {
    // SAFETY: no arguments.
    done(unsafe { libc::munlockall() })
}

/// Moves the end of the heap by so many bytes.
pub fn grow_heap(bytes: isize) -> Sys<()> {
    // SAFETY: what is given back was had by this function before.
    if unsafe { libc::sbrk(bytes) } as isize == -1 {
        return Err(errno());
    }
    Ok(())
}

/// A process that has the memory of this one and sleeps until a signal ends it.
pub fn shared_sleeper() -> Sys<c_int> {
    extern "C" fn sleep(_: *mut c_void) -> c_int {
        super::process::sleep_for_ever()
    }
    let stack = Area::map(16 * PAGE)?;
    // SAFETY: the stack is the child's alone, and the function does not return.
    sys(unsafe {
        libc::clone(
            sleep,
            stack.start.add(stack.length).cast(),
            libc::CLONE_VM | libc::SIGCHLD,
            null_mut(),
        )
    })
    .map(|pid| pid as c_int)
}
