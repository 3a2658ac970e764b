// SPDX-License-Identifier: GPL-2.0

//! The right to start a guest by its description as it stands.

use crate::failure::{Failure, Outcome, Reason};
use crate::start::{LOCK_PATIENCE, held};
use crate::system::System;
use std::io;
use std::time::Duration;

/// How long another command may read or change a description before this one gives up: a start
/// holds it until its guest runs.
pub const DESCRIPTION_PATIENCE: Duration = Duration::from_secs(30);

/// What is held while a guest is started, or removed. Always taken in this order; who changes a
/// description takes the second one only.
#[derive(Debug)]
pub struct Claim<L> {
    /// The lock of the guest.
    pub life: L,
    /// That of its description: what a start has read of it is what the guest gets.
    pub description: Option<L>,
}

impl<L> Claim<L> {
    /// Takes both locks.
    ///
    /// # Errors
    ///
    /// [`Reason::AlreadyRunning`] when another process keeps one.
    pub fn take<S: System<Lock = L>>(system: &S, name: &str) -> Outcome<Self> {
        let life = held(name, system.lock(name, LOCK_PATIENCE))?;
        Self::with(system, name, life)
    }

    /// Takes the lock of the description beside that of the guest.
    ///
    /// # Errors
    ///
    /// [`Reason::AlreadyRunning`] when another process keeps it.
    pub fn with<S: System<Lock = L>>(system: &S, name: &str, life: L) -> Outcome<Self> {
        let description = lock_description(system, name)?;
        Ok(Self { life, description })
    }
}

/// Takes the lock of the description of a guest: from reading it to writing it, two changes at once
/// would lose one. None for a user who may not write below `/run`, and so cannot start a guest.
///
/// # Errors
///
/// [`Reason::AlreadyRunning`] when another process keeps it.
pub fn lock_description<S: System>(system: &S, name: &str) -> Outcome<Option<S::Lock>> {
    match system.lock_description(name, DESCRIPTION_PATIENCE) {
        Ok(Some(lock)) => Ok(Some(lock)),
        Ok(None) => Err(Failure::new(
            Reason::AlreadyRunning,
            format!("another command starts guest \"{name}\" or changes its description"),
            "wait until it has ended, then try again",
        )),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(Failure::from_os(
            &format!("lock the description of guest \"{name}\""),
            &error,
            "check that /run is writable",
        )),
    }
}
