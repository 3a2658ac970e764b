// SPDX-License-Identifier: GPL-2.0

//! Names of the bits in flag words.

use crate::abi::{feature, nxc, nxf, rlimit, space, vci, vxc, vxf};

/// A named bit of a flag word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitName {
    /// The bit.
    pub bit: u64,
    /// Its name in upper case.
    pub name: &'static str,
}

macro_rules! bits {
    ($module:ident: $($name:ident)*) => {
        &[$(BitName { bit: $module::$name as u64, name: stringify!($name) }),*]
    };
}

macro_rules! aliases {
    ($module:ident: $($alias:ident $name:ident)*) => {
        &[$(BitName { bit: $module::$name as u64, name: stringify!($alias) }),*]
    };
}

/// Bits of the context flags.
pub const CONTEXT_FLAGS: &[BitName] = bits! { vxf:
    INFO_LOCK INFO_SCHED INFO_NPROC INFO_PRIVATE INFO_INIT INFO_HIDE INFO_ULIMIT INFO_NSPACE
    SCHED_HARD SCHED_PRIO SCHED_PAUSE VIRT_MEM VIRT_UPTIME VIRT_CPU VIRT_LOAD VIRT_TIME HIDE_MOUNT
    HIDE_NETIF HIDE_VINFO STATE_SETUP STATE_INIT STATE_ADMIN SC_HELPER REBOOT_KILL PERSISTENT
    FORK_RSS PROLIFIC IGNEG_NICE IGNEG_IONICE
};

/// Bits of the context capabilities.
pub const CONTEXT_CAPS: &[BitName] = bits! { vxc:
    SET_UTSNAME SET_RLIMIT FS_SECURITY FS_TRUSTED TIOCSTI RAW_ICMP SYSLOG OOM_ADJUST AUDIT_CONTROL
    SECURE_MOUNT SECURE_REMOUNT BINARY_MOUNT DEV_MOUNT QUOTA_CTL ADMIN_MAPPER ADMIN_CLOOP KTHREAD
    NAMESPACE
};

/// Further names of context flags, those that users of the original write.
pub const CONTEXT_FLAG_ALIASES: &[BitName] = aliases! { vxf:
    LOCK INFO_LOCK
    NPROC INFO_NPROC
    PRIVATE INFO_PRIVATE
    FAKEINIT INFO_INIT
    HIDEINFO INFO_HIDE
    INFO_HIDEINFO INFO_HIDE
    ULIMIT INFO_ULIMIT
    NAMESPACE INFO_NSPACE
    INFO_NAMESPACE INFO_NSPACE
};

/// Further names of context capabilities, those that users of the original write.
pub const CONTEXT_CAP_ALIASES: &[BitName] = aliases! { vxc:
    UTSNAME SET_UTSNAME
    RLIMIT SET_RLIMIT
    ICMP RAW_ICMP
    PING RAW_ICMP
    MOUNT SECURE_MOUNT
    REMOUNT SECURE_REMOUNT
};

/// Bits of the network flags.
pub const NETWORK_FLAGS: &[BitName] = bits! { nxf:
    INFO_LOCK INFO_PRIVATE SINGLE_IP LBACK_REMAP LBACK_ALLOW HIDE_NETIF HIDE_LBACK STATE_SETUP
    STATE_ADMIN SC_HELPER PERSISTENT
};

/// Bits of the network capabilities.
pub const NETWORK_CAPS: &[BitName] = bits! { nxc: TUN_CREATE RAW_ICMP MULTICAST };

/// Bits of space masks.
pub const SPACES: &[BitName] = bits! { space: TIME FS MNT CGROUP UTS IPC USER PID NET };

/// Further names of spaces, those that users of the original write.
pub const SPACE_ALIASES: &[BitName] = aliases! { space: MOUNT MNT };

/// Bits of the feature word. The field that tells how tags are stored is none of them.
pub const FEATURES: &[BitName] = bits! { vci:
    NO_DYNAMIC PROC_SECURE HARDCPU IDLELIMIT IDLETIME COWBL FULLCOWBL SPACES NETV2 MEMCG MEMCG_SWAP
    DEBUG HISTORY PPTAG
};

/// Bits of what a kernel adds to the original.
pub const ADDITIONS: &[BitName] = bits! { feature:
    SPACE_TIME SPACE_CGROUP TRIMMED_CAPS OWN_SETUP_ONLY HOST_CREATE LEGACY_INIT HELPER PROC_ENTRIES
    NET_ENFORCED LIMITS_ENFORCED SCHED_ENFORCED DLIMIT_ENFORCED TAGGED DEVICE_MAP
};

/// A named resource of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceName {
    /// Its id, one of [`rlimit`].
    pub id: u32,
    /// Its name in lower case.
    pub name: &'static str,
}

macro_rules! resources {
    ($($name:ident $id:ident)*) => {
        &[$(ResourceName { id: rlimit::$id, name: stringify!($name) }),*]
    };
}

/// The resources of a context, by id.
pub const RESOURCES: &[ResourceName] = resources! {
    cpu CPU
    fsize FSIZE
    data DATA
    stack STACK
    core CORE
    rss RSS
    nproc NPROC
    nofile NOFILE
    memlock MEMLOCK
    as AS
    locks LOCKS
    sigpending SIGPENDING
    msgqueue MSGQUEUE
    nice NICE
    rtprio RTPRIO
    rttime RTTIME
    nsock NSOCK
    openfd OPENFD
    anon ANON
    shmem SHMEM
    semary SEMARY
    nsems NSEMS
    dentry DENTRY
    mapped MAPPED
};

/// Returns the resources whose bit is set in `mask`, as in [`rlimit::SETTABLE`].
pub fn resources_of(mask: u32) -> impl Iterator<Item = &'static ResourceName> {
    RESOURCES
        .iter()
        .filter(move |resource| mask & (1 << resource.id) != 0)
}

/// Finds a bit by name in one of `tables`; case does not matter, and a dash stands for an
/// underscore.
pub fn find(tables: &[&[BitName]], name: &str) -> Option<u64> {
    let wanted = name.to_ascii_uppercase().replace('-', "_");
    let mut entries = tables.iter().copied().flatten();
    entries
        .find(|entry| entry.name == wanted)
        .map(|entry| entry.bit)
}

/// Returns the names of the bits of `word`, in the order of the table; what the table does not
/// know is added as one hexadecimal number.
pub fn names_of(table: &[BitName], word: u64) -> Vec<String> {
    let mut rest = word;
    let mut names = Vec::new();
    for entry in table {
        if word & entry.bit != 0 {
            names.push(entry.name.to_owned());
            rest &= !entry.bit;
        }
    }
    if rest != 0 {
        names.push(format!("{rest:#x}"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_a_single_bit_of_its_own() {
        let tables = [
            CONTEXT_FLAGS,
            CONTEXT_CAPS,
            NETWORK_FLAGS,
            NETWORK_CAPS,
            SPACES,
            FEATURES,
            ADDITIONS,
        ];
        for table in tables {
            let mut seen = 0;
            for entry in table {
                assert_eq!(entry.bit.count_ones(), 1, "{}", entry.name);
                assert_eq!(seen & entry.bit, 0, "{}", entry.name);
                seen |= entry.bit;
            }
        }
    }

    #[test]
    fn every_alias_is_another_name_of_a_bit() {
        for (table, aliases) in [
            (CONTEXT_FLAGS, CONTEXT_FLAG_ALIASES),
            (CONTEXT_CAPS, CONTEXT_CAP_ALIASES),
            (SPACES, SPACE_ALIASES),
        ] {
            for alias in aliases {
                assert!(table.iter().any(|entry| entry.bit == alias.bit));
                assert!(table.iter().all(|entry| entry.name != alias.name));
                assert_eq!(find(&[table, aliases], alias.name), Some(alias.bit));
            }
            for entry in table {
                assert_eq!(find(&[table, aliases], entry.name), Some(entry.bit));
            }
        }
    }

    #[test]
    fn names_are_found_in_every_spelling() {
        for name in ["HIDE_VINFO", "hide_vinfo", "hide-vinfo", "Hide_Vinfo"] {
            assert_eq!(find(&[CONTEXT_FLAGS], name), Some(vxf::HIDE_VINFO));
        }
        let tables = [CONTEXT_FLAGS, CONTEXT_FLAG_ALIASES];
        assert_eq!(find(&tables, "fakeinit"), Some(vxf::INFO_INIT));
        assert_eq!(find(&tables, "fakeini"), None);
        assert_eq!(find(&tables, ""), None);
    }

    #[test]
    fn resources_are_indexed_by_id() {
        assert_eq!(RESOURCES.len(), rlimit::COUNT as usize);
        for (index, resource) in RESOURCES.iter().enumerate() {
            assert_eq!(resource.id as usize, index, "{}", resource.name);
        }
        let settable: Vec<&str> = resources_of(rlimit::SETTABLE)
            .map(|resource| resource.name)
            .collect();
        assert_eq!(
            settable.join(" "),
            "nproc nofile memlock as locks msgqueue nsock openfd shmem dentry"
        );
    }

    #[test]
    fn unknown_bits_are_not_lost() {
        assert_eq!(
            names_of(CONTEXT_FLAGS, vxf::STATE_ADMIN | 0x1800),
            ["STATE_ADMIN", "0x1800"]
        );
    }

    #[test]
    fn supported_spaces_all_have_a_name() {
        let named: u64 = SPACES.iter().map(|entry| entry.bit).sum();
        assert_eq!(named, space::SUPPORTED);
    }
}
