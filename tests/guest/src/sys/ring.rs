// SPDX-License-Identifier: GPL-2.0

//! An io_uring with one place: one operation at a time.

use super::sockets::close;
use super::{Sys, errno, sys};
use libc::{c_int, c_void};
use std::mem::{size_of, zeroed};
use std::sync::atomic::{AtomicU32, Ordering};

/// Operations, as in `<linux/io_uring.h>`.
pub const CONNECT: u8 = 16;
pub const SEND: u8 = 26;
pub const SOCKET: u8 = 45;
pub const BIND: u8 = 56;
pub const LISTEN: u8 = 57;

/// `IOSQE_ASYNC`: a worker thread does it, not the caller.
const ASYNC: u8 = 16;
/// Where the rings and the entries are mapped.
const RINGS: i64 = 0;
const ENTRIES: i64 = 0x1000_0000;
/// `IORING_ENTER_GETEVENTS`
const GETEVENTS: u32 = 1;

#[repr(C)]
struct SubmissionOffsets {
    head: u32,
    tail: u32,
    mask: u32,
    entries: u32,
    flags: u32,
    dropped: u32,
    array: u32,
    reserved: u32,
    address: u64,
}

#[repr(C)]
struct CompletionOffsets {
    head: u32,
    tail: u32,
    mask: u32,
    entries: u32,
    overflow: u32,
    completions: u32,
    flags: u32,
    reserved: u32,
    address: u64,
}

#[repr(C)]
struct Parameters {
    places: [u32; 2],
    flags: u32,
    thread: [u32; 2],
    features: u32,
    workers: u32,
    reserved: [u32; 3],
    submission: SubmissionOffsets,
    completion: CompletionOffsets,
}

/// What is submitted: `struct io_uring_sqe`.
#[repr(C)]
#[derive(Default)]
pub struct Entry {
    /// The operation.
    pub code: u8,
    /// How it is done; [`act`] sets it.
    pub flags: u8,
    /// Unused, as all that has no other words.
    pub priority: u16,
    /// The descriptor, or the family of a new socket.
    pub fd: i32,
    /// Offset, length of an address, or kind of a socket.
    pub offset: u64,
    /// Address of a buffer or of a socket address.
    pub address: u64,
    /// Length of a buffer, backlog, or protocol of a socket.
    pub length: u32,
    /// Unused.
    pub more: u32,
    /// Unused.
    pub data: u64,
    /// Unused.
    pub rest: [u64; 3],
}

#[repr(C)]
struct Completion {
    data: u64,
    result: i32,
    flags: u32,
}

struct Mapping {
    start: *mut c_void,
    length: usize,
}

impl Mapping {
    fn new(fd: c_int, length: usize, offset: i64) -> Sys<Self> {
        // SAFETY: a new mapping of the ring.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_POPULATE,
                fd,
                offset,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(errno());
        }
        Ok(Self { start, length })
    }

    /// The place of a value.
    fn at<T>(&self, offset: u32) -> *mut T {
        assert!(offset as usize + size_of::<T>() <= self.length);
        // SAFETY: inside of the mapping, as asserted.
        unsafe { self.start.byte_add(offset as usize).cast() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, which nobody refers to any more.
        unsafe { libc::munmap(self.start, self.length) };
    }
}

/// Lets a worker thread of a new ring do one operation; its result.
pub fn act(entry: Entry) -> Sys<i32> {
    // SAFETY: an all-zero structure is valid and outlives the call.
    let (fd, parameters) = unsafe {
        let mut parameters: Parameters = zeroed();
        let fd = sys(libc::syscall(
            libc::SYS_io_uring_setup,
            1_u32,
            &raw mut parameters,
        ))? as c_int;
        (fd, parameters)
    };
    let result = submit(fd, &parameters, entry);
    close(fd);
    result
}

fn submit(fd: c_int, parameters: &Parameters, mut entry: Entry) -> Sys<i32> {
    let (submission, completion) = (&parameters.submission, &parameters.completion);
    let end = |offset: u32, count: u32, size: usize| offset as usize + count as usize * size;
    let rings = Mapping::new(
        fd,
        end(submission.array, parameters.places[0], size_of::<u32>()).max(end(
            completion.completions,
            parameters.places[1],
            size_of::<Completion>(),
        )),
        RINGS,
    )?;
    let entries = Mapping::new(
        fd,
        parameters.places[0] as usize * size_of::<Entry>(),
        ENTRIES,
    )?;
    entry.flags = ASYNC;
    // SAFETY: the first place of both arrays; the kernel looks at them after the tail has moved.
    unsafe {
        entries.at::<Entry>(0).write(entry);
        rings.at::<u32>(submission.array).write(0);
        (*rings.at::<AtomicU32>(submission.tail)).store(1, Ordering::Release);
        sys(libc::syscall(
            libc::SYS_io_uring_enter,
            fd,
            1_u32,
            1_u32,
            GETEVENTS,
            std::ptr::null::<c_void>(),
            0_usize,
        ))?;
        if (*rings.at::<AtomicU32>(completion.tail)).load(Ordering::Acquire) != 1 {
            return Err(libc::EAGAIN);
        }
        match (*rings.at::<Completion>(completion.completions)).result {
            error if error < 0 => Err(-error),
            value => Ok(value),
        }
    }
}
