// SPDX-License-Identifier: GPL-2.0

//! Words of bits as people write them: names, and `~NAME` for a bit that is to be cleared.

use crate::suggest::closest;
use libvserver::capability;
use libvserver::names::{
    BitName, CONTEXT_CAP_ALIASES, CONTEXT_CAPS, CONTEXT_FLAG_ALIASES, CONTEXT_FLAGS, SPACE_ALIASES,
    SPACES, find, names_of,
};
use serde::Serialize;

/// A word of bits of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The context flags.
    Flags,
    /// The context capabilities.
    Ccaps,
    /// The capability mask.
    Bcaps,
    /// The namespaces that the context may make.
    Umask,
}

/// Name of the right to use `vserver()` in a capability mask.
const RIGHT_TO_CALL: &str = "CONTEXT";

impl Word {
    /// What one of its bits is.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Flags => "context flag",
            Self::Ccaps => "context capability",
            Self::Bcaps => "capability",
            Self::Umask => "namespace",
        }
    }

    /// The tables of its names: ours, and those of users of the original.
    const fn tables(self) -> [&'static [BitName]; 2] {
        match self {
            Self::Flags => [CONTEXT_FLAGS, CONTEXT_FLAG_ALIASES],
            Self::Ccaps => [CONTEXT_CAPS, CONTEXT_CAP_ALIASES],
            Self::Bcaps => [&[], &[]],
            Self::Umask => [SPACES, SPACE_ALIASES],
        }
    }

    /// The names of its bits.
    pub fn names(self) -> Vec<&'static str> {
        if self == Self::Bcaps {
            let known = capability::ALL.iter().map(|known| known.name);
            return known.chain([RIGHT_TO_CALL]).collect();
        }
        self.tables()[0].iter().map(|entry| entry.name).collect()
    }

    /// Finds a bit by name; case does not matter.
    pub fn find(self, name: &str) -> Option<u64> {
        match self {
            Self::Bcaps if name.eq_ignore_ascii_case(RIGHT_TO_CALL) => {
                Some(1 << capability::CONTEXT)
            }
            Self::Bcaps => capability::by_name(&name.replace('-', "_")).map(|known| known.bit()),
            _ => find(&self.tables(), name),
        }
    }

    /// The names of the bits of a value.
    pub fn names_of(self, value: u64) -> Vec<String> {
        match self {
            Self::Bcaps => capability::names_of(value),
            _ => names_of(self.tables()[0], value),
        }
    }

    /// The value with the names of its bits.
    pub fn named(self, value: u64) -> Named {
        Named::new(value, self.names_of(value))
    }

    /// What is wrong with a name that [`Self::find`] does not know.
    fn unknown(self, name: &str) -> Problem {
        let mut candidates = self.names();
        let aliases = self.tables()[1].iter();
        candidates.extend(aliases.map(|entry| entry.name));
        let noun = self.noun();
        let mut message = format!("there is no {noun} \"{name}\"");
        if let Some(meant) = closest(name, candidates) {
            message += &format!("; did you mean \"{meant}\"?");
        }
        Problem {
            message,
            remedy: format!("use names of this list: {}", self.names().join(" ")),
        }
    }
}

/// A word of bits with their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The word in hexadecimal.
    pub value: String,
    /// Names of its bits.
    pub names: Vec<String>,
}

impl Named {
    /// Joins a value and the names of its bits.
    pub fn new(value: u64, names: Vec<String>) -> Self {
        Self {
            value: format!("{value:#018x}"),
            names,
        }
    }

    /// The value and the names in one line.
    pub fn text(&self) -> String {
        format!("{} {}", self.value, self.names.join(" "))
    }
}

/// What is wrong with a name, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Bits to set and bits to clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Bits to set.
    pub set: u64,
    /// Bits to clear.
    pub clear: u64,
}

impl Edit {
    /// Adds a name as it was written: `NAME` sets the bit, `~NAME` or `!NAME` clears it.
    ///
    /// # Errors
    ///
    /// The name is unknown, or the bit is to be set and to be cleared.
    pub fn add(&mut self, word: Word, text: &str) -> Result<(), Problem> {
        let name = text.strip_prefix(['~', '!']);
        let clears = name.is_some();
        let name = name.unwrap_or(text);
        let bit = word.find(name).ok_or_else(|| word.unknown(name))?;
        let (wanted, other) = if clears {
            (&mut self.clear, self.set)
        } else {
            (&mut self.set, self.clear)
        };
        if other & bit != 0 {
            return Err(Problem {
                message: format!(
                    "{} {} is both set and cleared",
                    word.noun(),
                    word.names_of(bit).join(" ")
                ),
                remedy: "name each bit once".to_owned(),
            });
        }
        *wanted |= bit;
        Ok(())
    }

    /// The bits that change.
    pub const fn mask(self) -> u64 {
        self.set | self.clear
    }

    /// The word after the change.
    pub const fn applied_to(self, old: u64) -> u64 {
        (old & !self.clear) | self.set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libvserver::abi::{space, vxc, vxf};

    fn edit(word: Word, texts: &[&str]) -> Result<Edit, Problem> {
        let mut edit = Edit::default();
        for text in texts {
            edit.add(word, text)?;
        }
        Ok(edit)
    }

    #[test]
    fn names_set_and_clear() {
        let texts = ["hide_vinfo", "~VIRT_MEM", "!fakeinit"];
        let flags = edit(Word::Flags, &texts).unwrap();
        assert_eq!(flags.set, vxf::HIDE_VINFO);
        assert_eq!(flags.clear, vxf::VIRT_MEM | vxf::INFO_INIT);
        assert_eq!(flags.mask(), flags.set | flags.clear);
        let old = vxf::VIRT_MEM | vxf::VIRT_CPU;
        assert_eq!(flags.applied_to(old), vxf::VIRT_CPU | vxf::HIDE_VINFO);
        let ccaps = edit(Word::Ccaps, &["secure_mount", "ping"]).unwrap();
        assert_eq!(ccaps.set, vxc::SECURE_MOUNT | vxc::RAW_ICMP);
        let umask = edit(Word::Umask, &["user", "mount", "net"]).unwrap();
        assert_eq!(umask.set, space::USER | space::MNT | space::NET);
        let bcaps = edit(Word::Bcaps, &["cap_net_raw", "~context", "sys-time"]).unwrap();
        assert_eq!(
            bcaps.set,
            1 << capability::NET_RAW | 1 << capability::SYS_TIME
        );
        assert_eq!(bcaps.clear, 1 << 63);
    }

    #[test]
    fn unknown_names_are_told_with_the_known_ones() {
        let problem = edit(Word::Flags, &["virt_mem", "hide_vinof"]).unwrap_err();
        assert_eq!(
            problem.message,
            "there is no context flag \"hide_vinof\"; did you mean \"HIDE_VINFO\"?"
        );
        assert!(problem.remedy.contains("HIDE_MOUNT HIDE_NETIF HIDE_VINFO"));
        let problem = edit(Word::Bcaps, &["~net_rav"]).unwrap_err();
        assert!(problem.message.contains("\"NET_RAW\""), "{problem:?}");
        for word in [Word::Flags, Word::Ccaps, Word::Bcaps, Word::Umask] {
            for text in ["", "~", "!", "~~", "zzz", "0x10"] {
                let problem = edit(word, &[text]).unwrap_err();
                assert!(problem.message.contains(word.noun()), "{problem:?}");
                assert!(!problem.message.contains("did you mean"), "{problem:?}");
                assert!(problem.remedy.contains(word.names()[0]), "{problem:?}");
            }
        }
    }

    #[test]
    fn a_bit_is_not_set_and_cleared() {
        for texts in [["hide_vinfo", "~hide_vinfo"], ["!fakeinit", "info_init"]] {
            let problem = edit(Word::Flags, &texts).unwrap_err();
            assert!(problem.message.contains("both"), "{problem:?}");
        }
        assert!(edit(Word::Flags, &["hide_vinfo", "HIDE_VINFO"]).is_ok());
    }

    #[test]
    fn every_name_is_found() {
        for word in [Word::Flags, Word::Ccaps, Word::Bcaps, Word::Umask] {
            for name in word.names() {
                let bit = word.find(name).unwrap();
                assert_eq!(word.names_of(bit), [name]);
            }
        }
    }
}
