// SPDX-License-Identifier: GPL-2.0

//! What a scenario left behind: contexts and network contexts, objects that wait to be freed, tasks.

use crate::harness::{context, network, spectator, subprocess, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, files, process};

/// Everything that is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Residue {
    /// Ids of contexts that still exist.
    pub contexts: Vec<u32>,
    /// Ids of network contexts that still exist.
    pub networks: Vec<u32>,
    /// Objects of both kinds that were not freed.
    pub objects: u64,
    /// Processes that are neither PID 1 nor kernel threads: pid and name.
    pub tasks: Vec<String>,
}

impl Residue {
    /// Looks until nothing is left or the time is over.
    pub fn find() -> Self {
        let mut last = Self::default();
        wait::until(GONE_WITHIN, || {
            reap();
            last = Self::look();
            last == Self::default()
        });
        last
    }

    fn look() -> Self {
        Self {
            contexts: context::all().unwrap_or_default(),
            networks: network::all().unwrap_or_default(),
            objects: objects().unwrap_or(0),
            tasks: tasks(),
        }
    }

    /// Ends everything that is left, so that the next scenario starts from nothing.
    pub fn sweep() {
        for xid in context::all().unwrap_or_default() {
            context::end(xid);
        }
        for nid in network::all().unwrap_or_default() {
            network::end(nid);
        }
        // From PID 1 this reaches every other process of the host.
        let _ = process::kill(-1, libc::SIGKILL);
        reap();
    }
}

/// Collects ended processes that became children of PID 1.
pub fn reap() {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    while unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG | libc::__WALL) } > 0 {}
}

/// As [`reap`], but leaves one process alone that somebody else waits for.
pub fn reap_others(spared: i32) {
    loop {
        // SAFETY: an all-zero siginfo_t is valid and outlives the call.
        let pid = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            match libc::waitid(libc::P_ALL, 0, &mut info, flags) {
                0 => info.si_pid(),
                _ => 0,
            }
        };
        if pid == 0 || pid == spared {
            return;
        }
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) };
    }
}

/// Number of context and network context objects, those that wait to be freed included.
pub fn objects() -> Sys<u64> {
    let mut total = 0;
    for path in ["/proc/virtual/status", "/proc/virtnet/status"] {
        let text = files::read(path)?;
        let value: Option<u64> = files::field(&text, "#CTotal").and_then(|v| v.parse().ok());
        total += value.ok_or(libc::EINVAL)?;
    }
    Ok(total)
}

/// Whether a process belongs to the kernel. One that ended meanwhile counts as such: it is gone.
fn is_kernel_thread(pid: i32) -> bool {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let Ok(text) = files::read(&format!("/proc/{pid}/stat")) else {
        return true;
    };
    // The name is in parentheses and may contain blanks; state, ppid, pgrp, session, tty_nr and
    // tpgid come before the flags.
    text.rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(6))
        .and_then(|flags| flags.parse::<u64>().ok())
        .is_some_and(|flags| flags & PF_KTHREAD != 0)
}

/// User processes other than PID 1 and the one that looks; as spectator where that is possible.
fn tasks() -> Vec<String> {
    let look = || {
        let own = process::getpid();
        let mut found = Vec::new();
        for pid in files::numbers("/proc").unwrap_or_default() {
            if pid != 1 && pid != own && !is_kernel_thread(pid) {
                let name = files::read(&format!("/proc/{pid}/comm")).unwrap_or_default();
                let status = files::read(&format!("/proc/{pid}/status")).unwrap_or_default();
                found.push(format!(
                    "{pid} {} xid {}",
                    name.trim(),
                    files::field(&status, "VxID").unwrap_or("?")
                ));
            }
        }
        found
    };
    spectator(look)
        .or_else(|_| subprocess(look))
        .unwrap_or_else(|stop| vec![format!("{stop:?}")])
}
