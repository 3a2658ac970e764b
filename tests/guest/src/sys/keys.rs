// SPDX-License-Identifier: GPL-2.0

//! Keys and keyrings.

use super::{Sys, c, done, sys};
use libc::{c_int, c_long, c_ulong};

/// Keyring of the process.
pub const PROCESS: i32 = -2;
/// Keyring of the session.
pub const SESSION: i32 = -3;
/// Keyring of the user.
pub const USER: i32 = -4;

const GET_KEYRING_ID: c_int = 0;
const JOIN_SESSION: c_int = 1;
const SESSION_TO_PARENT: c_int = 18;
const SETPERM: c_int = 5;
const DESCRIBE: c_int = 6;
const REVOKE: c_int = 3;
const LINK: c_int = 8;
const SEARCH: c_int = 10;
const READ: c_int = 11;
const UPDATE: c_int = 2;
const GET_PERSISTENT: c_int = 22;

/// Every right for possessor, user, group and others.
const ALL_RIGHTS: c_ulong = 0x3f3f_3f3f;

/// Adds a key of type `user` to a keyring and gives every right on it to everybody.
pub fn add(name: &str, ring: i32) -> Sys<i32> {
    let payload = b"secret";
    let (kind, name) = (c("user"), c(name));
    // SAFETY: both strings and the payload outlive the call.
    let id = sys(unsafe {
        libc::syscall(
            libc::SYS_add_key,
            kind.as_ptr(),
            name.as_ptr(),
            payload.as_ptr(),
            payload.len(),
            ring as c_long,
        )
    })? as i32;
    keyctl(SETPERM, id, ALL_RIGHTS, 0)?;
    Ok(id)
}

/// Reads the payload of a key.
pub fn read(id: i32) -> Sys<usize> {
    let mut buffer = [0_u8; 32];
    keyctl(
        READ,
        id,
        buffer.as_mut_ptr() as c_ulong,
        buffer.len() as c_ulong,
    )
    .map(|length| length as usize)
}

/// Reads the description of a key.
pub fn describe(id: i32) -> Sys<()> {
    let mut buffer = [0_u8; 128];
    keyctl(
        DESCRIBE,
        id,
        buffer.as_mut_ptr() as c_ulong,
        buffer.len() as c_ulong,
    )
    .map(|_| ())
}

/// Replaces the payload of a key.
pub fn update(id: i32) -> Sys<()> {
    let payload = b"changed";
    keyctl(
        UPDATE,
        id,
        payload.as_ptr() as c_ulong,
        payload.len() as c_ulong,
    )
    .map(|_| ())
}

/// Links a key into a keyring.
pub fn link(id: i32, ring: i32) -> Sys<()> {
    keyctl(LINK, id, ring as c_long as c_ulong, 0).map(|_| ())
}

/// Finds a key of type `user` in a keyring and those that are linked to it.
pub fn search(name: &str, ring: i32) -> Sys<i32> {
    let (kind, name) = (c("user"), c(name));
    keyctl(
        SEARCH,
        ring,
        kind.as_ptr() as c_ulong,
        name.as_ptr() as c_ulong,
    )
    .map(|id| id as i32)
}

/// Links the persistent keyring of the user into a keyring: its number.
pub fn persistent(ring: i32) -> Sys<i32> {
    // -1 is the user of the caller.
    keyctl(GET_PERSISTENT, -1, ring as c_long as c_ulong, 0).map(|id| id as i32)
}

/// Gives the process a new session keyring, without a name.
pub fn join_session() -> Sys<()> {
    keyctl(JOIN_SESSION, 0, 0, 0).map(|_| ())
}

/// Gives the parent the session keyring of this process.
pub fn session_to_parent() -> Sys<()> {
    keyctl(SESSION_TO_PARENT, 0, 0, 0).map(|_| ())
}

/// The number of the session keyring.
pub fn session() -> Sys<i32> {
    keyctl(GET_KEYRING_ID, SESSION, 0, 0).map(|id| id as i32)
}

/// `request_key(2)` for a key that does not exist, which a program of the machine may make.
pub fn request() -> Sys<i32> {
    let (kind, name, words) = (c("user"), c("debug:nothing"), c("words"));
    // SAFETY: the strings outlive the call.
    sys(unsafe {
        libc::syscall(
            libc::SYS_request_key,
            kind.as_ptr(),
            name.as_ptr(),
            words.as_ptr(),
            PROCESS as c_long,
        )
    })
    .map(|id| id as i32)
}

/// Makes a key unusable.
pub fn revoke(id: i32) -> Sys<()> {
    keyctl(REVOKE, id, 0, 0).map(|_| ())
}

/// Serial numbers that `/proc/keys` lists.
pub fn listed() -> Sys<Vec<i32>> {
    let text = super::files::read("/proc/keys")?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(|word| i32::from_str_radix(word, 16).ok())
        .collect())
}

fn keyctl(operation: c_int, id: i32, first: c_ulong, second: c_ulong) -> Sys<i64> {
    // SAFETY: the callers pass buffers that outlive the call, or numbers.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            operation as c_long,
            id as c_long,
            first,
            second,
            0 as c_ulong,
        )
    };
    done(ret)?;
    Ok(ret)
}
