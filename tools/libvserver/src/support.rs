// SPDX-License-Identifier: GPL-2.0

//! Finds out what the running kernel offers, and why it offers nothing.

use crate::{Errno, Syscall, Vserver};
use std::path::Path;

/// What a kernel offers to the caller.
///
/// The system call answers `ENOSYS` in four situations; `/proc/virtual`, which exists while the
/// core module is loaded, and the entry point itself tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The system call works.
    Available {
        /// Interface version.
        version: u32,
        /// Feature word, see [`crate::abi::vci`].
        features: u32,
    },
    /// The kernel was built without `vserver()`.
    NoSystemCall,
    /// The kernel has `vserver()`, but its core module is not loaded.
    NoModule,
    /// The caller lacks `CAP_SYS_ADMIN` in the initial user namespace, or is inside a guest.
    NoRight,
    /// The system call failed in a way that none of the above explains.
    Broken(Errno),
}

/// Probes the running kernel.
pub fn probe<S: Syscall>(vserver: &Vserver<S>) -> Support {
    probe_at(vserver, Path::new("/proc"))
}

/// Like [`probe`], with the proc file system at `proc`.
///
/// The built-in half of the kernel side gives every task of the host a file `vinfo`, whether or not
/// the module is loaded; so that file tells a kernel without the module from one that knows nothing
/// of contexts.
pub fn probe_at<S: Syscall>(vserver: &Vserver<S>, proc: &Path) -> Support {
    let version = match vserver.version() {
        Ok(version) => version,
        Err(Errno(libc::ENOSYS)) => return why_not(proc),
        Err(errno) => return Support::Broken(errno),
    };
    match vserver.feature_word() {
        Ok(features) => Support::Available { version, features },
        Err(errno) => Support::Broken(errno),
    }
}

fn why_not(proc: &Path) -> Support {
    if proc.join("virtual").is_dir() {
        return Support::NoRight;
    }
    if proc.join("self/vinfo").exists() {
        Support::NoModule
    } else {
        Support::NoSystemCall
    }
}
