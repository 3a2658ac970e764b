// SPDX-License-Identifier: GPL-2.0

//! Linux capabilities by number and name.

/// A capability: its number is the bit in a capability mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Number, as in `capability.h`.
    pub number: u32,
    /// Name in upper case without the prefix `CAP_`.
    pub name: &'static str,
}

impl Capability {
    /// The bit of this capability in a mask.
    pub const fn bit(self) -> u64 {
        1 << self.number
    }
}

macro_rules! capabilities {
    ($($number:literal $name:ident)*) => {
        $(
            #[doc = concat!("Number of `CAP_", stringify!($name), "`.")]
            pub const $name: u32 = $number;
        )*
        /// All capabilities of mainline Linux, by number.
        pub const ALL: &[Capability] = &[
            $(Capability { number: $number, name: stringify!($name) }),*
        ];
    };
}

capabilities! {
    0 CHOWN
    1 DAC_OVERRIDE
    2 DAC_READ_SEARCH
    3 FOWNER
    4 FSETID
    5 KILL
    6 SETGID
    7 SETUID
    8 SETPCAP
    9 LINUX_IMMUTABLE
    10 NET_BIND_SERVICE
    11 NET_BROADCAST
    12 NET_ADMIN
    13 NET_RAW
    14 IPC_LOCK
    15 IPC_OWNER
    16 SYS_MODULE
    17 SYS_RAWIO
    18 SYS_CHROOT
    19 SYS_PTRACE
    20 SYS_PACCT
    21 SYS_ADMIN
    22 SYS_BOOT
    23 SYS_NICE
    24 SYS_RESOURCE
    25 SYS_TIME
    26 SYS_TTY_CONFIG
    27 MKNOD
    28 LEASE
    29 AUDIT_WRITE
    30 AUDIT_CONTROL
    31 SETFCAP
    32 MAC_OVERRIDE
    33 MAC_ADMIN
    34 SYSLOG
    35 WAKE_ALARM
    36 BLOCK_SUSPEND
    37 AUDIT_READ
    38 PERFMON
    39 BPF
    40 CHECKPOINT_RESTORE
}

/// Number of the right to use `vserver()` itself in a capability mask. Mainline has no such
/// capability: the host has the right through `CAP_SYS_ADMIN`, and in the mask of a context this
/// bit decides.
pub const CONTEXT: u32 = 63;

/// All bits that stand for a capability of mainline Linux.
pub const KNOWN: u64 = (1 << ALL.len()) - 1;

/// Finds a capability by name; case and the prefix `CAP_` do not matter.
pub fn by_name(name: &str) -> Option<Capability> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    ALL.iter().copied().find(|known| known.name == bare)
}

/// Returns the names of the capabilities in `mask`, lowest first. Bit 63 is called `CONTEXT`,
/// bits without a name appear as numbers.
pub fn names_of(mask: u64) -> Vec<String> {
    (0..u64::BITS)
        .filter(|number| mask & (1 << number) != 0)
        .map(|number| match ALL.get(number as usize) {
            Some(known) => known.name.to_owned(),
            None if number == CONTEXT => "CONTEXT".to_owned(),
            None => number.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_indexed_by_number() {
        for (index, known) in ALL.iter().enumerate() {
            assert_eq!(known.number as usize, index, "{}", known.name);
        }
        assert_eq!(KNOWN, 0x01ff_ffff_ffff);
    }

    #[test]
    fn names_are_found_in_every_spelling() {
        for name in ["SYS_ADMIN", "sys_admin", "CAP_SYS_ADMIN", "cap_sys_admin"] {
            assert_eq!(by_name(name).map(|found| found.number), Some(SYS_ADMIN));
        }
        assert_eq!(by_name("SYS_ADMINS"), None);
        assert_eq!(by_name(""), None);
    }

    #[test]
    fn masks_are_named() {
        assert_eq!(names_of(0), Vec::<String>::new());
        assert_eq!(
            names_of(1 | 1 << SYS_BOOT | 1 << 50 | 1 << 63),
            ["CHOWN", "SYS_BOOT", "50", "CONTEXT"]
        );
    }
}
