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
    /// Whether it needs the network of the machine; in a guest it then runs in a network context.
    pub network: bool,
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
        network: false,
    }
}

const fn deferred(name: &'static str, label: &'static str, count: u32) -> Operation {
    Operation {
        name,
        label,
        count,
        batches: 3,
        ticks: Ticks::Settle,
        network: false,
    }
}

const fn networked(operation: Operation) -> Operation {
    Operation {
        network: true,
        ..operation
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
    networked(deferred(
        "tcp4_request",
        "TCP: connect, ask, answer, close, IPv4",
        150,
    )),
    networked(deferred(
        "tcp6_request",
        "TCP: connect, ask, answer, close, IPv6",
        150,
    )),
    networked(exact("udp4_request", "UDP: ask and answer, IPv4", 20)),
    networked(exact("udp6_request", "UDP: ask and answer, IPv6", 20)),
    networked(deferred("tcp4_send", "TCP: send 1 MiB, IPv4", 8)),
    networked(deferred("tcp6_send", "TCP: send 1 MiB, IPv6", 8)),
    networked(deferred("lo4_send", "loopback: send 1 MiB, IPv4", 8)),
    networked(deferred("lo6_send", "loopback: send 1 MiB, IPv6", 8)),
];

/// Guests with networks.
pub const STARTS: &str = "start_net";
/// A thousand guests with addresses.
pub const CROWD: &str = "crowd";

/// Measurements that each need a machine to themselves.
pub const ALONE: &[&str] = &["memory", STARTS, CROWD];

/// Start and stop of a guest without a network section.
pub const START_NONE: &str = "start_none";
/// With addresses of the shared stack.
pub const START_SHARED: &str = "start_shared";
/// With a stack of its own, a veth pair and routes.
pub const START_ROUTED: &str = "start_routed";
/// With a stack of its own, a veth pair and a bridge.
pub const START_BRIDGE: &str = "start_bridge";
/// A namespace, a veth pair and a bridge made with `ip`, without a guest.
pub const START_BY_HAND: &str = "by_hand";

/// All of these in the order of the table.
pub const STARTED: &[(&str, &str)] = &[
    (START_NONE, "no network section"),
    (START_SHARED, "shared stack: two addresses"),
    (START_ROUTED, "own stack: veth pair, routes"),
    (START_BRIDGE, "own stack: veth pair, bridge"),
    (START_BY_HAND, "by hand: ip, veth pair, bridge (no guest)"),
];

/// Whether a life cycle belongs to the table of making and leaving.
pub fn is_cycle(name: &str) -> bool {
    name == FORK || SPECIALS.iter().any(|special| special.name == name)
}

/// The life cycle that is part of the others.
pub const FORK: &str = "fork";

/// Making the first guests of a crowd.
pub const GUEST_FIRST: &str = "guest_first";
/// Making the last ones.
pub const GUEST_LAST: &str = "guest_last";

/// Who else is there while connections are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// No guest: the server belongs to the host.
    Nobody,
    /// Guests with addresses and no listener.
    Silent,
    /// Guests that all listen on the same port.
    Listening,
}

impl Crowd {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nobody, Self::Silent, Self::Listening];

    /// Name of the row of connections over one family.
    pub const fn row(self, v6: bool) -> &'static str {
        match (self, v6) {
            (Self::Nobody, false) => "accept4_nobody",
            (Self::Nobody, true) => "accept6_nobody",
            (Self::Silent, false) => "accept4_silent",
            (Self::Silent, true) => "accept6_silent",
            (Self::Listening, false) => "accept4_listening",
            (Self::Listening, true) => "accept6_listening",
        }
    }
}

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
    Special {
        name: STARTS,
        label: "start and stop of guests with networks of each kind",
    },
    Special {
        name: CROWD,
        label: "creation and accept with 1,000 guests with addresses",
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
