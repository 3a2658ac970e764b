// SPDX-License-Identifier: GPL-2.0

//! A number that a child leaves for its parent.

use std::io;
use std::ptr;

/// A word that children share with their parent.
pub struct SharedWord(*mut u64);

impl SharedWord {
    /// Zero.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a new mapping at a place that the kernel chooses.
        let place = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size_of::<u64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if place == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(place.cast()))
    }

    /// The value.
    pub fn get(&self) -> u64 {
        // SAFETY: the mapping lives as long as self.
        unsafe { self.0.read_volatile() }
    }

    /// Changes the value.
    pub fn set(&self, value: u64) {
        // SAFETY: the mapping lives as long as self.
        unsafe { self.0.write_volatile(value) }
    }
}

impl Drop for SharedWord {
    fn drop(&mut self) {
        // SAFETY: the mapping is not used again.
        unsafe { libc::munmap(self.0.cast(), size_of::<u64>()) };
    }
}
