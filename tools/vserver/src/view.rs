// SPDX-License-Identifier: GPL-2.0

//! What a guest finds in `/dev`, `/proc`, `/sys` and `/run`.

use crate::system::FileSystem;

const NOSUID: u64 = libc::MS_NOSUID;
const NODEV: u64 = libc::MS_NODEV;
const NOEXEC: u64 = libc::MS_NOEXEC;
const RDONLY: u64 = libc::MS_RDONLY;

const fn filesystem(
    kind: &'static str,
    target: &'static str,
    flags: u64,
    data: &'static str,
) -> FileSystem {
    FileSystem {
        kind,
        target,
        flags,
        data,
    }
}

/// File systems of every guest, in the order of mounting.
pub const FILE_SYSTEMS: &[FileSystem] = &[
    filesystem("proc", "/proc", NOSUID | NODEV | NOEXEC, ""),
    filesystem("sysfs", "/sys", NOSUID | NODEV | NOEXEC | RDONLY, ""),
    // No NODEV: the nodes below are made here, and the guest may make no others.
    filesystem("tmpfs", "/dev", NOSUID | NOEXEC, "mode=755,size=1m"),
    // The kernel counts the terminals of the whole machine (sysctl kernel.pty.max): a guest that
    // may have all of them would leave none to the others.
    filesystem(
        "devpts",
        "/dev/pts",
        NOSUID | NOEXEC,
        "newinstance,ptmxmode=0666,mode=0620,gid=5,max=256",
    ),
    filesystem("tmpfs", "/dev/shm", NOSUID | NODEV, "mode=1777"),
    filesystem("tmpfs", "/run", NOSUID | NODEV, "mode=755"),
    // systemd and the start scripts of sysvinit insist on a mount of its own.
    filesystem(
        "tmpfs",
        "/run/lock",
        NOSUID | NODEV | NOEXEC,
        "mode=1777,size=5m",
    ),
];

/// Temporary files of a guest whose systemd has them in memory, as that of Debian 13: it takes what
/// is mounted already, and may not mount anything itself. Options are those of its unit.
pub const TEMPORARY: FileSystem = filesystem(
    "tmpfs",
    "/tmp",
    NOSUID | NODEV | libc::MS_STRICTATIME,
    "mode=1777,size=50%,nr_inodes=1m",
);

/// The cgroups of the guest. With `delegated` the kernel protects the limits of the topmost one,
/// so that the guest may arrange its tasks below it.
pub const fn cgroups(delegated: bool) -> FileSystem {
    let access = if delegated { 0 } else { RDONLY };
    filesystem(
        "cgroup2",
        "/sys/fs/cgroup",
        NOSUID | NODEV | NOEXEC | access,
        "",
    )
}

/// Device nodes: path, major and minor number.
pub const DEVICES: &[(&str, u32, u32)] = &[
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// Symbolic links in `/dev`: path and target.
pub const LINKS: &[(&str, &str)] = &[
    ("/dev/ptmx", "pts/ptmx"),
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// Where the console is attached.
pub const CONSOLE: &str = "/dev/console";

/// What shows or changes the machine as a whole and is hidden. Root of a guest has user id 0, for
/// which many of these files ask no further right.
pub const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/vmallocinfo",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
];

/// What shows all interfaces of the host, beside the directories of their devices; hidden from a
/// guest that shares its network stack and sees some of its interfaces only. Virtual ones may come
/// later.
pub const INTERFACES: &[&str] = &["/sys/class/net", "/sys/devices/virtual/net"];

/// Entries of the host's procfs that guests may see; all others start hidden in the kernel. What
/// programs of a distribution read, and nothing that tells about other guests.
pub const RELEASED: &[&str] = &[
    "/proc/cgroups",
    "/proc/cpuinfo",
    "/proc/devices",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/pressure",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/irq",
    "/proc/pressure/memory",
    "/proc/stat",
    "/proc/swaps",
    "/proc/sys",
    "/proc/sysvipc",
    "/proc/sysvipc/msg",
    "/proc/sysvipc/sem",
    "/proc/sysvipc/shm",
    "/proc/tty",
    "/proc/tty/drivers",
    "/proc/uptime",
    "/proc/version",
    "/proc/vmstat",
];

/// Variables of a network stack: those of its own stack are a guest's to change.
pub const STACK_SETTINGS: &str = "/proc/sys/net";

/// What stays visible but must not be written.
pub const PROTECTED: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dev_has_device_nodes() {
        for mount in FILE_SYSTEMS {
            let pseudo_terminals = mount.kind == "devpts";
            let nodes = mount.flags & NODEV == 0;
            assert_eq!(
                nodes,
                mount.target == "/dev" || pseudo_terminals,
                "{}",
                mount.target
            );
            assert_ne!(mount.flags & NOSUID, 0, "{}", mount.target);
        }
    }

    #[test]
    fn terminals_of_a_guest_are_counted_by_itself() {
        let devpts = FILE_SYSTEMS.iter().find(|mount| mount.kind == "devpts");
        let data = devpts.unwrap().data;
        assert!(data.split(',').any(|option| option == "max=256"), "{data}");
    }

    #[test]
    fn a_guest_writes_to_its_cgroups_only_when_delegated() {
        assert_eq!(cgroups(true).flags & RDONLY, 0);
        assert_ne!(cgroups(false).flags & RDONLY, 0);
    }

    #[test]
    fn parents_are_mounted_before_children() {
        for (index, mount) in FILE_SYSTEMS.iter().enumerate() {
            for later in &FILE_SYSTEMS[index + 1..] {
                assert!(
                    !mount.target.starts_with(&format!("{}/", later.target)),
                    "{} before {}",
                    mount.target,
                    later.target
                );
            }
        }
    }
}
