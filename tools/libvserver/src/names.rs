// SPDX-License-Identifier: GPL-2.0

//! Names of the bits in flag words.

use crate::abi::{space, vci, vxc, vxf};

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
    INFO_PRIVATE INFO_INIT VIRT_UPTIME HIDE_MOUNT HIDE_VINFO STATE_SETUP STATE_INIT STATE_ADMIN
    SC_HELPER REBOOT_KILL PERSISTENT
};

/// Bits of the context capabilities.
pub const CONTEXT_CAPS: &[BitName] = bits! { vxc:
    SET_UTSNAME SET_RLIMIT RAW_ICMP SYSLOG AUDIT_CONTROL SECURE_MOUNT
};

/// Bits of space masks.
pub const SPACES: &[BitName] = bits! { space: TIME FS MNT CGROUP UTS IPC USER PID NET };

/// Bits of the feature word.
pub const FEATURES: &[BitName] = bits! { vci: NO_DYNAMIC PROC_SECURE COWBL SPACES NETV2 PPTAG };

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
        for table in [CONTEXT_FLAGS, CONTEXT_CAPS, SPACES, FEATURES] {
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
            names_of(CONTEXT_FLAGS, vxf::STATE_ADMIN | 0x300),
            ["STATE_ADMIN", "0x300"]
        );
    }

    #[test]
    fn supported_spaces_all_have_a_name() {
        let named: u64 = SPACES.iter().map(|entry| entry.bit).sum();
        assert_eq!(named, space::SUPPORTED);
    }
}
