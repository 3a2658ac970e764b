// SPDX-License-Identifier: GPL-2.0

//! Names of the bits in flag words.

use crate::abi::{feature, nxc, nxf, space, vci, vxc, vxf};

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

/// Bits of the network flags.
pub const NETWORK_FLAGS: &[BitName] = bits! { nxf:
    INFO_LOCK INFO_PRIVATE SINGLE_IP LBACK_REMAP LBACK_ALLOW HIDE_NETIF HIDE_LBACK STATE_SETUP
    STATE_ADMIN SC_HELPER PERSISTENT
};

/// Bits of the network capabilities.
pub const NETWORK_CAPS: &[BitName] = bits! { nxc: TUN_CREATE RAW_ICMP MULTICAST };

/// Bits of space masks.
pub const SPACES: &[BitName] = bits! { space: TIME FS MNT CGROUP UTS IPC USER PID NET };

/// Bits of the feature word. The field that tells how tags are stored is none of them.
pub const FEATURES: &[BitName] = bits! { vci:
    NO_DYNAMIC PROC_SECURE HARDCPU IDLELIMIT IDLETIME COWBL FULLCOWBL SPACES NETV2 MEMCG MEMCG_SWAP
    DEBUG HISTORY PPTAG
};

/// Bits of what a kernel adds to the original.
pub const ADDITIONS: &[BitName] = bits! { feature:
    SPACE_TIME SPACE_CGROUP TRIMMED_CAPS OWN_SETUP_ONLY HOST_CREATE LEGACY_INIT HELPER PROC_ENTRIES
    NET_ENFORCED LIMITS_ENFORCED SCHED_ENFORCED DLIMIT_ENFORCED TAGGED
};

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
