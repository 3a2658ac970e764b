// SPDX-License-Identifier: GPL-2.0

//! The scenarios. Each looks from inside and from outside, and each refusal has a control: the
//! same act where it is allowed, so that the check can fail for no other reason.

use crate::harness::check::{Outcome, Test};
use crate::limits::HEAVY;

mod capabilities;
mod chroot_escapes;
mod commands;
mod context_capabilities;
mod context_limits;
mod counted_limits;
mod cpu_bias;
mod cpu_hold;
mod cpu_idle;
mod cpu_share;
mod ctx_kill;
mod cycles;
mod device_nodes;
mod disk_limits;
mod enter_all;
mod exec;
mod fork_bomb;
mod good_data;
mod guest_values;
mod hostile;
mod ids;
mod inode_attributes;
mod instances;
mod keyrings;
mod kill_all;
mod lock_limits;
mod many;
mod memory_bias;
mod migrate;
mod modprobe;
mod module;
mod mount_capabilities;
mod mount_tables;
mod names;
mod net_addresses;
mod net_bind;
mod net_cast;
mod net_churn;
mod net_crowd;
mod net_index;
mod net_kinds;
mod net_loopback;
mod net_netlink;
mod net_removal;
mod net_source;
mod net_traffic;
mod net_visibility;
mod net_wildcard;
mod networks;
mod overlay;
mod own_clock;
mod own_values;
mod page_limits;
mod persistence;
mod pointer_table;
mod pointers;
mod proc_context;
mod proc_entries;
mod proc_virtnet;
mod proc_virtual;
mod process_groups;
mod published;
mod queue_limits;
mod random_commands;
mod resource_limits;
mod scheduling;
mod setuid;
mod signals;
mod spaces;
mod spectator;
mod state_flags;
mod statistics;
mod stress;
mod system_variables;
mod sysv_ipc;
mod tags;
mod threads;
mod token_buckets;
mod tracing;
mod unix_sockets;
mod unprivileged;
mod user_namespaces;
mod versions;
mod vinfo;
mod visibility;
mod wait_exit;
mod words;

/// One scenario.
pub struct Scenario {
    /// Name on the command line.
    pub name: &'static str,
    /// What it shows, in one line.
    pub about: &'static str,
    /// Its time limit as a multiple of the default.
    pub weight: u32,
    /// The scenario.
    pub run: fn(&mut Test) -> Outcome,
}

const fn light(name: &'static str, about: &'static str, run: fn(&mut Test) -> Outcome) -> Scenario {
    Scenario {
        name,
        about,
        weight: 1,
        run,
    }
}

const fn heavy(name: &'static str, about: &'static str, run: fn(&mut Test) -> Outcome) -> Scenario {
    Scenario {
        name,
        about,
        weight: HEAVY,
        run,
    }
}

/// All scenarios in the order in which they run: cheap and basic first, heavy last.
pub const ALL: &[Scenario] = &[
    light(
        "versions",
        "version, feature word, space masks",
        versions::run,
    ),
    light(
        "unprivileged",
        "an ordinary user learns nothing, not even the version",
        unprivileged::run,
    ),
    light(
        "ids",
        "which ids each command accepts and what it says to the others",
        ids::run,
    ),
    light(
        "state-flags",
        "one-time bits can be cleared and never set again",
        state_flags::run,
    ),
    light(
        "words",
        "capabilities, masks and bias: value and mask",
        words::run,
    ),
    light("names", "context name and host names", names::run),
    light(
        "persistence",
        "persistent contexts survive their last task, others do not",
        persistence::run,
    ),
    light(
        "migrate",
        "who may enter a context and what the flags register",
        migrate::run,
    ),
    light("threads", "only the calling thread moves", threads::run),
    light("exec", "a new program stays in the context", exec::run),
    light(
        "wait-exit",
        "waiting for the end of a context",
        wait_exit::run,
    ),
    light("ctx-kill", "signals into a context", ctx_kill::run),
    light(
        "visibility",
        "processes of others are not in /proc",
        visibility::run,
    ),
    light(
        "spectator",
        "the spectator sees every process",
        spectator::run,
    ),
    light(
        "vinfo",
        "vinfo, ninfo and the id lines of status",
        vinfo::run,
    ),
    light(
        "proc-virtual",
        "/proc/virtual and its files",
        proc_virtual::run,
    ),
    light(
        "proc-context",
        "the other files of a context in /proc",
        proc_context::run,
    ),
    light(
        "proc-entries",
        "hidden entries of /proc, and what a guest may write there",
        proc_entries::run,
    ),
    light("signals", "no signal crosses the border", signals::run),
    light(
        "kill-all",
        "kill(-1, 9) inside kills only its own",
        kill_all::run,
    ),
    light(
        "tracing",
        "ptrace, memory, descriptors of others",
        tracing::run,
    ),
    light(
        "scheduling",
        "priority, affinity, policy, I/O priority of others",
        scheduling::run,
    ),
    light("resource-limits", "limits of others", resource_limits::run),
    light(
        "process-groups",
        "process groups and sessions of others",
        process_groups::run,
    ),
    light("sysv-ipc", "System V objects of others", sysv_ipc::run),
    light("keyrings", "keys of others", keyrings::run),
    light("unix-sockets", "unix sockets of others", unix_sockets::run),
    light("modprobe", "a guest does not start modprobe", modprobe::run),
    light(
        "capabilities",
        "the capability mask acts at once and on every task",
        capabilities::run,
    ),
    light(
        "context-capabilities",
        "what each bit gives back, to whom, and the unshare mask",
        context_capabilities::run,
    ),
    light(
        "mount-capabilities",
        "mounts of guests, and the mount table that a flag hides",
        mount_capabilities::run,
    ),
    light(
        "guest-values",
        "log, score and priority as a guest sees them",
        guest_values::run,
    ),
    light(
        "system-variables",
        "a guest changes the variables of its own namespaces and no others",
        system_variables::run,
    ),
    light(
        "own-clock",
        "a guest sets its own time of day, however it is asked and waited for",
        own_clock::run,
    ),
    light(
        "own-values",
        "processors, memory, load and uptime of a guest, however it asks",
        own_values::run,
    ),
    light(
        "setuid",
        "a setuid program gains nothing outside the mask",
        setuid::run,
    ),
    light(
        "user-namespaces",
        "new user namespaces only with the unshare mask",
        user_namespaces::run,
    ),
    light(
        "instances",
        "a reused id is another context",
        instances::run,
    ),
    light("spaces", "storing and entering of namespaces", spaces::run),
    light(
        "enter-all",
        "enter lands in every namespace of the guest",
        enter_all::run,
    ),
    light(
        "chroot-escapes",
        "the four classic ways out of a chroot",
        chroot_escapes::run,
    ),
    light(
        "networks",
        "network contexts: ids, life, flags, who may do what",
        networks::run,
    ),
    light(
        "net-addresses",
        "addresses of network contexts",
        net_addresses::run,
    ),
    light(
        "net-bind",
        "what a guest's sockets may be bound to, and who has which port",
        net_bind::run,
    ),
    heavy(
        "net-wildcard",
        "three guests and the host on one port: who gets what",
        net_wildcard::run,
    ),
    light(
        "net-index",
        "a connection finds the guest that owns its destination",
        net_index::run,
    ),
    light(
        "net-kinds",
        "streams of MPTCP and by io_uring have the same rules",
        net_kinds::run,
    ),
    light(
        "net-source",
        "which address a guest speaks with: chosen, given, forged",
        net_source::run,
    ),
    light(
        "net-loopback",
        "127.0.0.1 and ::1 are a guest's own",
        net_loopback::run,
    ),
    light(
        "net-visibility",
        "interfaces, addresses and sockets of others are in no table",
        net_visibility::run,
    ),
    light(
        "net-netlink",
        "routes and neighbours of the host, and that guests change nothing there",
        net_netlink::run,
    ),
    light(
        "net-traffic",
        "bytes and operations by address family, of each guest its own",
        net_traffic::run,
    ),
    light(
        "net-removal",
        "an address that is taken away stops working at once",
        net_removal::run,
    ),
    light(
        "net-cast",
        "broadcast, multicast, raw and ping sockets",
        net_cast::run,
    ),
    heavy(
        "net-churn",
        "traffic while addresses and guests come and go",
        net_churn::run,
    ),
    light(
        "proc-virtnet",
        "/proc/virtnet and its files",
        proc_virtnet::run,
    ),
    light(
        "context-limits",
        "resource limits of contexts",
        context_limits::run,
    ),
    light(
        "counted-limits",
        "threads, files and sockets are counted and refused",
        counted_limits::run,
    ),
    light(
        "lock-limits",
        "locks of files are counted and refused",
        lock_limits::run,
    ),
    light(
        "queue-limits",
        "POSIX message queues are counted and refused",
        queue_limits::run,
    ),
    light(
        "page-limits",
        "address space and locked memory are added up and refused",
        page_limits::run,
    ),
    light(
        "token-buckets",
        "scheduler settings of contexts",
        token_buckets::run,
    ),
    heavy(
        "cpu-share",
        "a context uses what its token bucket gives, and is told what it has used",
        cpu_share::run,
    ),
    heavy(
        "cpu-hold",
        "tasks without tokens wait, whatever they do, and nobody else does",
        cpu_hold::run,
    ),
    heavy(
        "cpu-idle",
        "idle time fills the bucket as well, and tokens correct the priority",
        cpu_idle::run,
    ),
    light(
        "cpu-bias",
        "the priority bias of a context, and real-time classes",
        cpu_bias::run,
    ),
    light(
        "memory-bias",
        "who is ended when memory runs out that guests share",
        memory_bias::run,
    ),
    light(
        "disk-limits",
        "limits by file system and tag",
        disk_limits::run,
    ),
    light(
        "inode-attributes",
        "attributes of files and directories",
        inode_attributes::run,
    ),
    light(
        "device-nodes",
        "nodes of devices that are closed or lead elsewhere",
        device_nodes::run,
    ),
    light(
        "mount-tables",
        "the root of a guest in mount tables",
        mount_tables::run,
    ),
    light(
        "overlay",
        "a file system in layers that the host has mounted",
        overlay::run,
    ),
    light("tags", "the tag of a task", tags::run),
    light(
        "statistics",
        "numbers about contexts, and the features of the kernel",
        statistics::run,
    ),
    light(
        "pointers",
        "every command with every kind of bad pointer",
        pointers::run,
    ),
    light(
        "commands",
        "every command, caller, id and pointer, native and as a 32-bit program",
        commands::run,
    ),
    heavy(
        "fork-bomb",
        "a fork bomb ends with one ctx_kill",
        fork_bomb::run,
    ),
    light(
        "hostile-threads",
        "a bomb of threads beside another guest",
        hostile::threads::run,
    ),
    light(
        "hostile-memory",
        "a guest that takes too much memory, without swap space",
        hostile::memory::without_swap,
    ),
    light(
        "hostile-swap",
        "a guest that takes too much memory and swap space",
        hostile::memory::with_swap,
    ),
    light(
        "hostile-locked",
        "a guest that locks its memory",
        hostile::memory::locked,
    ),
    light(
        "hostile-faults",
        "tasks that wait for pages which never come",
        hostile::memory::never_filled,
    ),
    light(
        "hostile-cpu",
        "many threads of all classes of scheduling beside another guest",
        hostile::cpu::run,
    ),
    light(
        "hostile-cache",
        "a guest that reads and writes more than the cache holds",
        hostile::cache::pages,
    ),
    light(
        "hostile-tmpfs",
        "a guest that fills file systems in memory",
        hostile::cache::in_memory,
    ),
    light(
        "hostile-ipc",
        "a guest that piles up objects of System V and POSIX IPC",
        hostile::ipc::run,
    ),
    light(
        "hostile-files",
        "a guest that opens files without end",
        hostile::files::descriptors,
    ),
    light(
        "hostile-sockets",
        "a guest that fills sockets without end",
        hostile::files::sockets,
    ),
    light(
        "hostile-watches",
        "a guest that watches without end, by inotify and epoll",
        hostile::files::watches,
    ),
    light(
        "hostile-signals",
        "processes that signal each other without end",
        hostile::signals::run,
    ),
    light(
        "hostile-io",
        "a guest that uses a disk without end",
        hostile::io::run,
    ),
    heavy(
        "hostile-disk",
        "a guest that uses a file system on a disk without end",
        hostile::disk::run,
    ),
    light(
        "hostile-weights",
        "two guests that both want all of a disk",
        hostile::disk::weights,
    ),
    light(
        "hostile-users",
        "what guests share by the number of a user",
        hostile::users::run,
    ),
    heavy("many", "10,000 contexts at once", many::run),
    heavy(
        "net-crowd",
        "1,000 network contexts that all listen on one port: who answers",
        net_crowd::run,
    ),
    heavy("cycles", "create and exit, over and over", cycles::run),
    heavy(
        "stress",
        "everything at once from several tasks",
        stress::run,
    ),
    heavy(
        "random-commands",
        "commands and ordinary life by chance, from host and guests",
        random_commands::run,
    ),
    light(
        "module",
        "the core unloads only when no context is left",
        module::run,
    ),
];

/// Prints the names with one line each.
pub fn print_list() {
    for scenario in ALL {
        println!("{:<18} {}", scenario.name, scenario.about);
    }
    println!(
        "{:<18} results of the KUnit suites that this kernel ran",
        "kunit"
    );
    println!(
        "{:<18} the leak detector finds nothing",
        crate::machine::init::LEAKS
    );
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_are_unique_and_can_be_typed() {
        for (index, scenario) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|s| s.name != scenario.name));
            assert!(
                scenario
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-')
            );
        }
    }
}
