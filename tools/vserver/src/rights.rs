// SPDX-License-Identifier: GPL-2.0

//! The capabilities that a guest has when its description does not say otherwise.

use libvserver::abi::vxc;
use libvserver::capability::{self as cap, ALL};

/// Whether a guest gets a capability by default, and why.
pub struct Decision {
    /// Number of the capability.
    pub number: u32,
    /// Whether a guest gets it.
    pub granted: bool,
    /// Why.
    pub because: &'static str,
}

const fn grant(number: u32, because: &'static str) -> Decision {
    Decision {
        number,
        granted: true,
        because,
    }
}

const fn deny(number: u32, because: &'static str) -> Decision {
    Decision {
        number,
        granted: false,
        because,
    }
}

/// The decision for every capability of mainline Linux, in the order of their numbers.
///
/// A guest gets what acts on its own tasks, files and namespaces only, and what Debian's packages
/// and services cannot do without. It does not get what acts on the machine as a whole.
pub const DECISIONS: &[Decision] = &[
    grant(cap::CHOWN, "package installation"),
    grant(cap::DAC_OVERRIDE, "root owns the files of the guest"),
    deny(
        cap::DAC_READ_SEARCH,
        "open_by_handle_at() would reach files outside the root directory",
    ),
    grant(cap::FOWNER, "root owns the files of the guest"),
    grant(cap::FSETID, "package installation"),
    grant(
        cap::KILL,
        "service managers signal tasks of other users; contexts are kept apart anyway",
    ),
    grant(cap::SETGID, "logins and services change their group"),
    grant(cap::SETUID, "logins and services change their user"),
    grant(
        cap::SETPCAP,
        "service managers drop capabilities of services",
    ),
    deny(
        cap::LINUX_IMMUTABLE,
        "the host protects files of a guest by the immutable flag",
    ),
    grant(cap::NET_BIND_SERVICE, "services use ports below 1024"),
    deny(cap::NET_BROADCAST, "unused by the kernel"),
    deny(cap::NET_ADMIN, "the network stack belongs to the host"),
    deny(
        cap::NET_RAW,
        "raw sockets see the traffic of the host and of other guests",
    ),
    deny(cap::IPC_LOCK, "locked memory is taken from the machine"),
    grant(cap::IPC_OWNER, "acts on the own ipc namespace"),
    deny(cap::SYS_MODULE, "loads code into the kernel"),
    deny(cap::SYS_RAWIO, "reaches devices and memory of the machine"),
    grant(
        cap::SYS_CHROOT,
        "services confine themselves; the own root is a mount, so there is no way up",
    ),
    grant(
        cap::SYS_PTRACE,
        "debuggers and service managers; contexts are kept apart anyway",
    ),
    deny(cap::SYS_PACCT, "process accounting is one for the machine"),
    deny(
        cap::SYS_ADMIN,
        "mounts, devices and the vserver() call itself",
    ),
    grant(
        cap::SYS_BOOT,
        "reboot() ends the own pid namespace, not the machine",
    ),
    deny(
        cap::SYS_NICE,
        "real-time priority would starve the host and other guests",
    ),
    deny(
        cap::SYS_RESOURCE,
        "quotas and limits are there to hold the guest",
    ),
    deny(
        cap::SYS_TIME,
        "sets the clock of the machine, but for a guest with VIRT_TIME, which gets it",
    ),
    grant(cap::SYS_TTY_CONFIG, "login programs hang up their terminal"),
    deny(cap::MKNOD, "device nodes reach the devices of the machine"),
    grant(cap::LEASE, "file servers take leases on files"),
    grant(
        cap::AUDIT_WRITE,
        "logins refuse to go on when they cannot write their audit record",
    ),
    deny(
        cap::AUDIT_CONTROL,
        "the audit system is one for the machine",
    ),
    grant(cap::SETFCAP, "packages set file capabilities"),
    deny(cap::MAC_OVERRIDE, "security modules hold the guest"),
    deny(cap::MAC_ADMIN, "security modules hold the guest"),
    deny(cap::SYSLOG, "the kernel log is one for the machine"),
    deny(cap::WAKE_ALARM, "wakes the machine"),
    deny(cap::BLOCK_SUSPEND, "keeps the machine awake"),
    deny(cap::AUDIT_READ, "shows the audit records of the machine"),
    deny(cap::PERFMON, "observes the kernel and other guests"),
    deny(cap::BPF, "loads code into the kernel"),
    deny(
        cap::CHECKPOINT_RESTORE,
        "sets process ids and reads memory layouts",
    ),
];

/// The capability mask of a guest whose description neither adds nor drops anything.
pub const DEFAULT_MASK: u64 = {
    let mut mask = 0;
    let mut index = 0;
    while index < DECISIONS.len() {
        if DECISIONS[index].granted {
            mask |= 1 << DECISIONS[index].number;
        }
        index += 1;
    }
    mask
};

/// Context capabilities of a guest: set host names, ping, and change a login uid, each where the
/// kernel has a finer test than the capability itself.
pub const CONTEXT_CAPS: u64 = vxc::SET_UTSNAME | vxc::RAW_ICMP | vxc::AUDIT_CONTROL;

const _: () = assert!(DECISIONS.len() == ALL.len());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_decision_for_each_capability() {
        for (decision, known) in DECISIONS.iter().zip(ALL) {
            assert_eq!(decision.number, known.number, "{}", known.name);
            assert!(!decision.because.is_empty(), "{}", known.name);
        }
    }

    #[test]
    fn what_acts_on_the_machine_is_never_default() {
        let machine = [
            cap::SYS_ADMIN,
            cap::SYS_MODULE,
            cap::SYS_RAWIO,
            cap::SYS_TIME,
            cap::MKNOD,
            cap::NET_ADMIN,
            cap::NET_RAW,
            cap::SYSLOG,
            cap::MAC_ADMIN,
            cap::MAC_OVERRIDE,
            cap::BPF,
            cap::PERFMON,
            cap::SYS_RESOURCE,
            cap::DAC_READ_SEARCH,
            cap::CONTEXT,
        ];
        for number in machine {
            assert_eq!(DEFAULT_MASK & (1 << number), 0, "{number}");
        }
        assert_eq!(DEFAULT_MASK & !cap::KNOWN, 0);
    }

    #[test]
    fn the_default_mask_is_the_documented_one() {
        assert_eq!(
            cap::names_of(DEFAULT_MASK).join(" "),
            "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE \
             IPC_OWNER SYS_CHROOT SYS_PTRACE SYS_BOOT SYS_TTY_CONFIG LEASE AUDIT_WRITE SETFCAP"
        );
        assert_eq!(CONTEXT_CAPS, 0x4101);
    }
}
