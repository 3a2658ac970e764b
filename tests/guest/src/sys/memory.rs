// SPDX-License-Identifier: GPL-2.0

//! Memory at a known place: below 4 GiB where a 32-bit caller shall reach it, and with an end
//! behind which there is nothing.

use super::{Sys, c, done, errno};
use std::sync::atomic::AtomicU64;

/// Places mappings where 32 bits of address are enough.
#[cfg(target_arch = "x86_64")]
const LOW: libc::c_int = libc::MAP_32BIT;
/// There is no 32-bit caller to care for.
#[cfg(not(target_arch = "x86_64"))]
const LOW: libc::c_int = 0;

/// Numbers that a process shares with all processes that it forks from then on.
pub struct Shared {
    start: *mut AtomicU64,
    count: usize,
}

// SAFETY: the mapping is the process's, and its numbers are atomic.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// That many numbers, all of them 0. Each process has them until it drops them or ends.
    pub fn map(count: usize) -> Sys<Self> {
        // SAFETY: the new mapping is ours alone.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                count * size_of::<AtomicU64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(errno());
        }
        Ok(Self {
            start: start.cast(),
            count,
        })
    }

    /// The numbers.
    pub fn numbers(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is that long, zeros are valid, and it stays as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start, self.count) }
    }
}

impl Drop for Shared {
    // The memory is an open file of the machine.
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nobody refers to it any more.
        unsafe { libc::munmap(self.start.cast(), self.count * size_of::<AtomicU64>()) };
    }
}

/// Bytes of a page.
pub fn page_size() -> usize {
    // SAFETY: plain number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// New pages, readable and writable.
fn map(length: usize) -> Sys<*mut u8> {
    // SAFETY: the new mapping is ours alone.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | LOW,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        Err(errno())
    } else {
        Ok(start.cast())
    }
}

/// Two pages: the first is memory, the second is not.
pub struct Edge {
    start: *mut u8,
    page: usize,
}

impl Edge {
    /// Maps both.
    pub fn map() -> Sys<Self> {
        let page = page_size();
        let start = map(2 * page)?;
        let edge = Self { start, page };
        // SAFETY: the second page is ours and nobody refers to it.
        done(unsafe { libc::mprotect(start.add(page).cast(), page, libc::PROT_NONE) })?;
        Ok(edge)
    }

    /// The place `back` bytes before the end of the memory, at most a page.
    pub fn back(&self, back: usize) -> *mut u8 {
        assert!(back <= self.page, "behind the start of the memory");
        // SAFETY: inside the mapping, as just asserted.
        unsafe { self.start.add(self.page - back) }
    }

    /// Writes bytes to the place `back` bytes before the end.
    pub fn put(&self, back: usize, bytes: &[u8]) {
        assert!(bytes.len() <= back, "more bytes than memory");
        // SAFETY: both ends are inside the first page.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.back(back), bytes.len()) };
    }

    /// Fills the last `length` bytes.
    pub fn fill(&self, length: usize, byte: u8) {
        // SAFETY: all bytes belong to the first page.
        unsafe { self.back(length).write_bytes(byte, length) };
    }

    /// The last `length` bytes.
    pub fn last(&self, length: usize) -> Vec<u8> {
        // SAFETY: all bytes belong to the first page and nobody writes meanwhile.
        unsafe { std::slice::from_raw_parts(self.back(length), length) }.to_vec()
    }

    /// Makes the memory read-only.
    pub fn protect(&self) -> Sys<()> {
        // SAFETY: the page is ours and nobody holds a reference into it.
        done(unsafe { libc::mprotect(self.start.cast(), self.page, libc::PROT_READ) })
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: both pages are ours and nobody refers to them any more.
        unsafe { libc::munmap(self.start.cast(), 2 * self.page) };
    }
}

/// A value or text in low memory.
pub struct Low {
    start: *mut u8,
    length: usize,
}

impl Low {
    /// A copy of these bytes.
    pub fn bytes(bytes: &[u8]) -> Sys<Self> {
        let length = bytes.len().max(1).next_multiple_of(page_size());
        let start = map(length)?;
        // SAFETY: the mapping is long enough and nobody else refers to it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        Ok(Self { start, length })
    }

    /// A text with its terminator.
    pub fn text(text: &str) -> Sys<Self> {
        Self::bytes(c(text).as_bytes_with_nul())
    }

    /// Where it is.
    pub fn address(&self) -> usize {
        self.start as usize
    }

    /// The first `length` bytes as they are now.
    #[cfg(target_arch = "x86_64")]
    pub fn read(&self, length: usize) -> Vec<u8> {
        assert!(length <= self.length, "more bytes than memory");
        // SAFETY: inside the mapping, as just asserted; nobody writes meanwhile.
        unsafe { std::slice::from_raw_parts(self.start, length) }.to_vec()
    }
}

impl Drop for Low {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nobody refers to it any more.
        unsafe { libc::munmap(self.start.cast(), self.length) };
    }
}
