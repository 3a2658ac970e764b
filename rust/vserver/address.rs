// SPDX-License-Identifier: GPL-2.0

//! The addresses of a network context (semantics.md, section 9, address commands).
//!
//! Two lists in the order in which entries were added: the first entry is the default source.
//! Addresses and masks are in network byte order, as the interface has them.

use crate::abi::nxa;
use kernel::{
    fmt,
    prelude::*, //
};

/// Highest number of entries in one list: ten times what a large guest has, and small enough that
/// walking a list under the mutex of its owner is no denial of service.
pub(crate) const MAX_ENTRIES: usize = 65_536;

/// An entry of the IPv4 list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct V4 {
    /// One of `nxa::TYPE_ADDR`, `TYPE_MASK`, `TYPE_RANGE`.
    pub(crate) kind: u16,
    /// Stored and compared.
    pub(crate) flags: u16,
    /// Address, network, or first address of a range.
    pub(crate) ip: u32,
    /// Last address of a range.
    pub(crate) ip2: u32,
    /// Mask.
    pub(crate) mask: u32,
}

/// An entry of the IPv6 list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct V6 {
    /// One of `nxa::TYPE_ADDR`, `TYPE_MASK`.
    pub(crate) kind: u16,
    /// Stored and compared.
    pub(crate) flags: u16,
    /// Length of the prefix; stored and shown.
    pub(crate) prefix: u32,
    /// Address or network.
    pub(crate) ip: [u32; 4],
    /// Mask.
    pub(crate) mask: [u32; 4],
}

/// All addresses of a network context.
pub(crate) struct Addresses {
    v4: KVec<V4>,
    v6: KVec<V6>,
    broadcast: u32,
    loopback: u32,
}

/// The loopback address of a network context: 127.x.y.1 with the id in the middle.
const fn default_loopback(nid: u32) -> u32 {
    (0x7f00_0001 ^ ((nid & 0xffff) << 8)).to_be()
}

/// Appends `entry`. Errors: `EEXIST` when it is there, `ENOMEM`; nothing is changed.
fn append<T: PartialEq>(list: &mut KVec<T>, entry: T) -> Result {
    if list.contains(&entry) {
        return Err(EEXIST);
    }
    if list.len() >= MAX_ENTRIES {
        return Err(ENOMEM);
    }
    list.push(entry, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Removes `entry`. Errors: `ESRCH` when it is not there.
fn remove<T: PartialEq>(list: &mut KVec<T>, entry: &T) -> Result {
    let index = list.iter().position(|old| old == entry).ok_or(ESRCH)?;
    list.remove(index).map_err(|_| ESRCH)?;
    Ok(())
}

impl Addresses {
    /// No address; broadcast 255.255.255.255, a loopback address of its own.
    pub(crate) fn new(nid: u32) -> Self {
        Self {
            v4: KVec::new(),
            v6: KVec::new(),
            broadcast: u32::MAX,
            loopback: default_loopback(nid),
        }
    }

    /// A copy. Errors: `ENOMEM`.
    pub(crate) fn duplicate(&self) -> Result<Self> {
        let mut copy = Self {
            v4: KVec::new(),
            v6: KVec::new(),
            ..*self
        };
        copy.v4.extend_from_slice(&self.v4, GFP_KERNEL_ACCOUNT)?;
        copy.v6.extend_from_slice(&self.v6, GFP_KERNEL_ACCOUNT)?;
        Ok(copy)
    }

    /// The IPv4 list.
    pub(crate) fn v4(&self) -> &[V4] {
        &self.v4
    }

    /// The IPv6 list.
    pub(crate) fn v6(&self) -> &[V6] {
        &self.v6
    }

    /// The broadcast address.
    pub(crate) fn broadcast(&self) -> u32 {
        self.broadcast
    }

    /// The loopback address.
    pub(crate) fn loopback(&self) -> u32 {
        self.loopback
    }

    /// Adds an IPv4 entry, or sets the broadcast or loopback address. Errors: `EINVAL` for another
    /// type, `EEXIST` for an entry that is there, `ENOMEM`.
    pub(crate) fn add_v4(&mut self, kind: u16, flags: u16, ip: u32, ip2: u32, mask: u32) -> Result {
        const BROADCAST: u16 = nxa::TYPE_ADDR | nxa::MOD_BCAST;
        const LOOPBACK: u16 = nxa::TYPE_ADDR | nxa::MOD_LBACK;

        match kind {
            BROADCAST => self.broadcast = ip,
            LOOPBACK => self.loopback = ip,
            nxa::TYPE_ADDR | nxa::TYPE_MASK | nxa::TYPE_RANGE => append(
                &mut self.v4,
                V4 {
                    kind,
                    flags,
                    ip,
                    ip2,
                    mask,
                },
            )?,
            _ => return Err(EINVAL),
        }
        Ok(())
    }

    /// Removes one IPv4 address or all entries; broadcast and loopback address stay. Errors:
    /// `EINVAL` for another type, `ESRCH` when there is no such entry.
    pub(crate) fn remove_v4(
        &mut self,
        kind: u16,
        flags: u16,
        ip: u32,
        ip2: u32,
        mask: u32,
    ) -> Result {
        match kind {
            nxa::TYPE_ANY => {
                self.v4.clear();
                Ok(())
            }
            nxa::TYPE_ADDR => remove(
                &mut self.v4,
                &V4 {
                    kind,
                    flags,
                    ip,
                    ip2,
                    mask,
                },
            ),
            _ => Err(EINVAL),
        }
    }

    /// Adds an IPv6 entry; the mask of a single address is all ones, whatever is given. Errors as
    /// for IPv4.
    pub(crate) fn add_v6(&mut self, entry: V6) -> Result {
        append(&mut self.v6, complete(entry)?)
    }

    /// Removes one IPv6 address or all entries. Errors as for IPv4.
    pub(crate) fn remove_v6(&mut self, entry: V6) -> Result {
        match entry.kind {
            nxa::TYPE_ANY => {
                self.v6.clear();
                Ok(())
            }
            nxa::TYPE_ADDR => remove(&mut self.v6, &complete(entry)?),
            _ => Err(EINVAL),
        }
    }
}

/// An IPv6 entry as it is stored.
fn complete(entry: V6) -> Result<V6> {
    match entry.kind {
        nxa::TYPE_ADDR => Ok(V6 {
            mask: [u32::MAX; 4],
            ..entry
        }),
        nxa::TYPE_MASK => Ok(entry),
        _ => Err(EINVAL),
    }
}

/// An IPv4 address as text.
pub(crate) struct V4Text(pub(crate) u32);

impl fmt::Display for V4Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0.to_ne_bytes();
        f.write_fmt(fmt!("{}.{}.{}.{}", a, b, c, d))
    }
}

/// An IPv6 address as eight groups of four digits.
struct V6Text(u32, u32, u32, u32);

impl V6Text {
    fn new(ip: [u32; 4]) -> Self {
        let [a, b, c, d] = ip;
        Self(a, b, c, d)
    }
}

impl fmt::Display for V6Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in [self.0, self.1, self.2, self.3].into_iter().enumerate() {
            let [a, b, c, d] = word.to_ne_bytes();
            let colon = if index == 0 { "" } else { ":" };
            f.write_fmt(fmt!("{}{:02x}{:02x}:{:02x}{:02x}", colon, a, b, c, d))?;
        }
        Ok(())
    }
}

/// An entry of the IPv4 list as procfs shows it.
pub(crate) struct EntryText<'a>(pub(crate) &'a V4);

impl fmt::Display for EntryText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        f.write_fmt(fmt!(
            "[{}-{}/{}:{:04x}]",
            V4Text(entry.ip),
            V4Text(entry.ip2),
            V4Text(entry.mask),
            entry.kind
        ))
    }
}

/// An entry of the IPv6 list as procfs shows it.
pub(crate) struct Entry6Text<'a>(pub(crate) &'a V6);

impl fmt::Display for Entry6Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        f.write_fmt(fmt!(
            "[{}/{}/{}:{:04x}]",
            V6Text::new(entry.ip),
            V6Text::new(entry.mask),
            entry.prefix,
            entry.kind
        ))
    }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_address)]
mod tests {
    use super::*;

    fn ip(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }

    const V6_ADDR: V6 = V6 {
        kind: nxa::TYPE_ADDR,
        flags: 0,
        prefix: 64,
        ip: [1, 2, 3, 4],
        mask: [0; 4],
    };

    #[test]
    fn loopback_addresses_carry_the_id() {
        assert_eq!(Addresses::new(2).loopback().to_ne_bytes(), [127, 0, 2, 1]);
        assert_eq!(
            Addresses::new(300).loopback().to_ne_bytes(),
            [127, 1, 44, 1]
        );
        assert_eq!(Addresses::new(2).broadcast(), u32::MAX);
    }

    #[test]
    fn the_order_is_kept_and_an_entry_is_there_once() -> Result {
        let mut set = Addresses::new(2);
        set.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, 2]), 0, u32::MAX)?;
        set.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, 1]), 0, u32::MAX)?;
        assert_eq!(
            set.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, 2]), 0, u32::MAX),
            Err(EEXIST)
        );
        // Another mask, another type, other flags: another entry.
        set.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, 2]), 0, 0)?;
        set.add_v4(nxa::TYPE_MASK, 0, ip([10, 0, 0, 2]), 0, u32::MAX)?;
        set.add_v4(nxa::TYPE_ADDR, 7, ip([10, 0, 0, 2]), 0, u32::MAX)?;
        assert_eq!(set.v4().len(), 5);
        assert_eq!(set.v4()[0].ip, ip([10, 0, 0, 2]));
        assert_eq!(set.v4()[1].ip, ip([10, 0, 0, 1]));
        Ok(())
    }

    #[test]
    fn broadcast_and_loopback_are_no_entries() -> Result {
        let mut set = Addresses::new(2);
        set.add_v4(
            nxa::TYPE_ADDR | nxa::MOD_BCAST,
            0,
            ip([10, 0, 0, 255]),
            0,
            0,
        )?;
        set.add_v4(nxa::TYPE_ADDR | nxa::MOD_LBACK, 0, ip([127, 9, 9, 9]), 0, 0)?;
        assert!(set.v4().is_empty());
        assert_eq!(set.broadcast(), ip([10, 0, 0, 255]));
        set.remove_v4(nxa::TYPE_ANY, 0, 0, 0, 0)?;
        assert_eq!(set.loopback(), ip([127, 9, 9, 9]));
        Ok(())
    }

    #[test]
    fn removal_names_one_address_or_all() -> Result {
        let mut set = Addresses::new(2);
        set.add_v4(nxa::TYPE_ADDR, 0, 1, 0, 2)?;
        set.add_v4(nxa::TYPE_MASK, 0, 1, 0, 2)?;
        assert_eq!(set.remove_v4(nxa::TYPE_ADDR, 0, 1, 0, 3), Err(ESRCH));
        assert_eq!(set.remove_v4(nxa::TYPE_MASK, 0, 1, 0, 2), Err(EINVAL));
        set.remove_v4(nxa::TYPE_ADDR, 0, 1, 0, 2)?;
        assert_eq!(set.v4().len(), 1);
        set.remove_v4(nxa::TYPE_ANY, 0, 0, 0, 0)?;
        assert!(set.v4().is_empty());
        Ok(())
    }

    #[test]
    fn unknown_types_change_nothing() {
        let mut set = Addresses::new(2);
        for kind in [
            nxa::TYPE_NONE,
            nxa::TYPE_ANY,
            nxa::TYPE_IPV4,
            nxa::TYPE_IPV4 | nxa::TYPE_ADDR,
            nxa::TYPE_MASK | nxa::MOD_BCAST,
            nxa::MOD_LBACK,
            u16::MAX,
        ] {
            assert_eq!(set.add_v4(kind, 0, 1, 0, 0), Err(EINVAL));
            assert_eq!(set.add_v6(V6 { kind, ..V6_ADDR }), Err(EINVAL));
        }
        assert!(set.v4().is_empty() && set.v6().is_empty());
        assert_eq!(set.broadcast(), u32::MAX);
    }

    #[test]
    fn a_single_ipv6_address_has_a_full_mask() -> Result {
        let mut set = Addresses::new(2);
        set.add_v6(V6_ADDR)?;
        assert_eq!(set.v6()[0].mask, [u32::MAX; 4]);
        assert_eq!(
            set.add_v6(V6 {
                mask: [9; 4],
                ..V6_ADDR
            }),
            Err(EEXIST)
        );
        set.add_v6(V6 {
            kind: nxa::TYPE_MASK,
            mask: [9; 4],
            ..V6_ADDR
        })?;
        assert_eq!(set.v6()[1].mask, [9; 4]);
        set.remove_v6(V6_ADDR)?;
        assert_eq!(set.remove_v6(V6_ADDR), Err(ESRCH));
        assert_eq!(
            set.remove_v6(V6 {
                kind: nxa::TYPE_MASK,
                ..V6_ADDR
            }),
            Err(EINVAL)
        );
        set.remove_v6(V6 {
            kind: nxa::TYPE_ANY,
            ..V6_ADDR
        })?;
        assert!(set.v6().is_empty());
        Ok(())
    }
}
