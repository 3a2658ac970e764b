// SPDX-License-Identifier: GPL-2.0

//! System V objects: shared memory, semaphores, message queues.

use super::{Sys, done, sys};
use libc::{c_int, c_void, key_t};
use std::mem::zeroed;

/// A family of System V objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Shared memory segment.
    Memory,
    /// Semaphore set.
    Semaphore,
    /// Message queue.
    Message,
}

/// All families.
pub const KINDS: [Kind; 3] = [Kind::Memory, Kind::Semaphore, Kind::Message];

impl Kind {
    /// The family with this number, the inverse of `as i64`.
    pub fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Memory,
            1 => Self::Semaphore,
            _ => Self::Message,
        }
    }

    /// Name for a check.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "shared memory",
            Self::Semaphore => "semaphore set",
            Self::Message => "message queue",
        }
    }

    /// Makes an object under `key` that every user may read and write.
    pub fn create(self, key: key_t) -> Sys<c_int> {
        self.get(key, libc::IPC_CREAT | libc::IPC_EXCL | 0o666)
    }

    /// Looks an object up by key.
    pub fn find(self, key: key_t) -> Sys<c_int> {
        self.get(key, 0)
    }

    fn get(self, key: key_t, flags: c_int) -> Sys<c_int> {
        // SAFETY: plain numbers.
        let id = unsafe {
            match self {
                Self::Memory => libc::shmget(key, 4096, flags),
                Self::Semaphore => libc::semget(key, 1, flags),
                Self::Message => libc::msgget(key, flags),
            }
        };
        sys(id).map(|id| id as c_int)
    }

    /// Uses the object: attach, read the value, receive without waiting. An empty queue counts as
    /// used: the call got as far as the queue.
    pub fn touch(self, id: c_int) -> Sys<()> {
        // SAFETY: the segment is attached at an address that the kernel chooses and detached
        // again; the buffer of msgrcv is larger than the type field and outlives the call.
        unsafe {
            match self {
                Self::Memory => {
                    let address = libc::shmat(id, std::ptr::null(), 0);
                    if address as isize == -1 {
                        return Err(super::errno());
                    }
                    done(libc::shmdt(address))
                }
                Self::Semaphore => done(libc::semctl(id, 0, libc::GETVAL)),
                Self::Message => {
                    let mut buffer = [0_u64; 8];
                    match done(libc::msgrcv(
                        id,
                        buffer.as_mut_ptr().cast::<c_void>(),
                        8,
                        0,
                        libc::IPC_NOWAIT,
                    ) as i64)
                    {
                        Err(libc::ENOMSG) => Ok(()),
                        other => other,
                    }
                }
            }
        }
    }

    /// Changes the object: write into the segment's attributes, set the value, send.
    pub fn change(self, id: c_int) -> Sys<()> {
        // SAFETY: semctl takes the value by number, msgsnd reads the buffer during the call.
        unsafe {
            match self {
                Self::Memory => done(libc::shmctl(id, libc::SHM_LOCK, std::ptr::null_mut())),
                Self::Semaphore => done(libc::semctl(id, 0, libc::SETVAL, 1 as c_int)),
                Self::Message => {
                    let buffer = [1_u64; 2];
                    done(libc::msgsnd(
                        id,
                        buffer.as_ptr().cast::<c_void>(),
                        8,
                        libc::IPC_NOWAIT,
                    ))
                }
            }
        }
    }

    /// Reads owner and times.
    pub fn stat(self, id: c_int) -> Sys<()> {
        // SAFETY: all-zero buffers are valid and outlive the calls.
        unsafe {
            match self {
                Self::Memory => {
                    let mut buffer: libc::shmid_ds = zeroed();
                    done(libc::shmctl(id, libc::IPC_STAT, &mut buffer))
                }
                Self::Semaphore => {
                    let mut buffer: libc::semid_ds = zeroed();
                    done(libc::semctl(id, 0, libc::IPC_STAT, &raw mut buffer))
                }
                Self::Message => {
                    let mut buffer: libc::msqid_ds = zeroed();
                    done(libc::msgctl(id, libc::IPC_STAT, &mut buffer))
                }
            }
        }
    }

    /// Removes the object.
    pub fn remove(self, id: c_int) -> Sys<()> {
        // SAFETY: IPC_RMID takes no memory.
        unsafe {
            match self {
                Self::Memory => done(libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut())),
                Self::Semaphore => done(libc::semctl(id, 0, libc::IPC_RMID)),
                Self::Message => done(libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut())),
            }
        }
    }
}
