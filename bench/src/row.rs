// SPDX-License-Identifier: GPL-2.0

//! The catalogue of rows: what is measured, under which name, and how long one batch is.
//!
//! Host and machine share it, so that a name given on the command line is checked before anything
//! boots.

/// How a batch deals with the timer interrupt and what runs from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticks {
    /// The batch is short and starts where no interrupt falls into it: counts repeat exactly.
    Avoid,
    /// The operation leaves work behind (RCU callbacks, deferred frees) that runs later. After each
    /// batch that work is waited for and counted.
    Settle,
}

/// An operation whose cost is compared between kernels.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Name on the command line and in the JSON output.
    pub name: &'static str,
    /// What one operation is, for the table.
    pub label: &'static str,
    /// Operations per batch.
    pub count: u32,
    /// Batches per boot.
    pub batches: u32,
    /// See [`Ticks`].
    pub ticks: Ticks,
}

/// A measurement that only makes sense once, on our kernel.
#[derive(Clone, Copy, Debug)]
pub struct Special {
    /// Name on the command line.
    pub name: &'static str,
    /// What it measures.
    pub label: &'static str,
}

const fn exact(name: &'static str, label: &'static str, count: u32) -> Operation {
    Operation {
        name,
        label,
        count,
        batches: 25,
        ticks: Ticks::Avoid,
    }
}

const fn deferred(name: &'static str, label: &'static str, count: u32) -> Operation {
    Operation {
        name,
        label,
        count,
        batches: 3,
        ticks: Ticks::Settle,
    }
}

/// All operations in the order of the table.
pub const OPERATIONS: &[Operation] = &[
    exact("null", "null call (getppid)", 1000),
    exact("pid_lookup", "look up a task (getpgid of a child)", 1000),
    deferred("fork_exit", "fork, exit and wait", 180),
    deferred("fork_exec", "fork, exec, exit and wait", 30),
    deferred("thread", "create and join a thread", 400),
    exact("switch", "context switch over a pipe", 100),
    deferred("open_close", "open and close a file", 4500),
    exact("stat_deep", "stat of a path 16 deep", 50),
    deferred("mmap_fault", "mmap, fault one page, munmap", 1500),
    exact("read_zero", "read 1 byte of /dev/zero", 1000),
    exact("unix_rt", "unix stream round trip", 40),
    deferred("unix_connect", "unix connect, accept, close", 1200),
    exact("tcp_rt", "TCP loopback round trip", 20),
    deferred("socket", "socket create and close", 3400),
    exact("kill_check", "kill of a child, signal 0", 500),
    exact("signal", "signal delivery to itself", 200),
    exact("proc_list", "/proc listing with 500 tasks", 2),
    deferred("proc_stat", "read /proc/<pid>/stat", 1500),
    deferred("proc_status", "read /proc/<pid>/status", 800),
    exact("semop", "SysV semaphore up and down", 300),
    deferred("shm_attach", "SysV shm attach and detach", 1500),
    deferred("create_unlink", "create and unlink on tmpfs", 1200),
    exact("chdir", "chdir", 400),
    exact("setpriority", "setpriority of a child", 500),
    deferred("setgroups", "setgroups (a capability check)", 10000),
];

/// The measurements about contexts themselves.
pub const SPECIALS: &[Special] = &[
    Special {
        name: "context",
        label: "create and leave a context",
    },
    Special {
        name: "clone_all",
        label: "clone with all namespaces, exit and wait",
    },
    Special {
        name: "crun",
        label: "crun run of a trivial bundle",
    },
    Special {
        name: "memory",
        label: "memory and creation cost of 10, 1,000 and 10,000 contexts",
    },
];

/// Whether `name` is a row, operation or special.
pub fn exists(name: &str) -> bool {
    OPERATIONS.iter().any(|row| row.name == name) || SPECIALS.iter().any(|row| row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = OPERATIONS.iter().map(|row| row.name).collect();
        names.extend(SPECIALS.iter().map(|row| row.name));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn batches_are_odd_so_that_the_median_is_a_sample() {
        for row in OPERATIONS {
            assert_eq!(row.batches % 2, 1, "{}", row.name);
            assert!(row.count > 0, "{}", row.name);
        }
    }

    #[test]
    fn unknown_names_are_unknown() {
        assert!(exists("null"));
        assert!(exists("memory"));
        assert!(!exists("nul"));
    }
}
