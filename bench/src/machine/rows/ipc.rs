// SPDX-License-Identifier: GPL-2.0

//! Memory of processes and SysV IPC.

use std::io;
use std::ptr;

use super::{repeat, Run};
use crate::machine::sys::check;

const PAGE: usize = 4096;

/// One anonymous page.
pub fn mmap_fault() -> io::Result<Run> {
    Ok(repeat(|| {
        // SAFETY: the mapping is new, written inside its length, and not used after its end.
        unsafe {
            let page = libc::mmap(
                ptr::null_mut(),
                PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if page == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            page.cast::<u8>().write_volatile(1);
            check(libc::munmap(page, PAGE)).map(drop)
        }
    }))
}

/// A semaphore array that is removed when dropped.
struct Semaphore(i32);

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: takes no pointer for this command.
        unsafe { libc::semctl(self.0, 0, libc::IPC_RMID) };
    }
}

/// Up and down in one call.
pub fn semop() -> io::Result<Run> {
    // SAFETY: takes no pointer.
    let semaphore = Semaphore(check(unsafe { libc::semget(libc::IPC_PRIVATE, 1, 0o600) })?);
    let step = |amount| libc::sembuf {
        sem_num: 0,
        sem_op: amount,
        sem_flg: 0,
    };
    Ok(repeat(move || {
        // The whole, not only its number, so that it lives as long as the closure.
        let semaphore = &semaphore;
        let mut steps = [step(1), step(-1)];
        // SAFETY: the pointer is to an array of the given length.
        check(unsafe { libc::semop(semaphore.0, steps.as_mut_ptr(), steps.len()) }).map(drop)
    }))
}

/// A shared segment that is removed when dropped.
struct Segment(i32);

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: takes no pointer for this command.
        unsafe { libc::shmctl(self.0, libc::IPC_RMID, ptr::null_mut()) };
    }
}

/// Attach and detach.
pub fn shm_attach() -> io::Result<Run> {
    // SAFETY: takes no pointer.
    let segment = Segment(check(unsafe {
        libc::shmget(libc::IPC_PRIVATE, PAGE, 0o600)
    })?);
    Ok(repeat(move || {
        // The whole, not only its number, so that it lives as long as the closure.
        let segment = &segment;
        // SAFETY: the kernel chooses the place; the segment is not used after the detach.
        unsafe {
            let place = libc::shmat(segment.0, ptr::null(), 0);
            if place as isize == -1 {
                return Err(io::Error::last_os_error());
            }
            check(libc::shmdt(place)).map(drop)
        }
    }))
}
