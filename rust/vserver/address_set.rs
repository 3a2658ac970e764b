// SPDX-License-Identifier: GPL-2.0

//! The addresses of a network context in the form that the network stack searches: sorted spans
//! without overlaps, made from the lists in their order (semantics.md, section 9, match rule).

use crate::{
    abi::nxa,
    address::{
        Addresses,
        V4,
        V6, //
    },
    sys::net_set::{
        Mask4,
        Mask6,
        NetSet,
        Span4,
        Span6, //
    },
};
use kernel::prelude::*;

/// A span of numbers. Addresses of both families are numbers here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: u128,
    last: u128,
}

/// Sorts, and joins what overlaps or touches.
fn normalise(spans: &mut KVec<Span>) {
    spans.sort_unstable_by_key(|span| span.first);
    let mut kept = 0;
    for index in 0..spans.len() {
        let next = spans[index];
        if kept > 0 && next.first <= spans[kept - 1].last.saturating_add(1) {
            let last = &mut spans[kept - 1].last;
            *last = next.last.max(*last);
        } else {
            spans[kept] = next;
            kept += 1;
        }
    }
    spans.truncate(kept);
}

/// The number of an IPv6 address.
fn number6(words: [u32; 4]) -> u128 {
    words.iter().fold(0, |number, word| {
        number << 32 | u128::from(u32::from_be(*word))
    })
}

/// The IPv6 address with this number.
fn words6(number: u128) -> [u32; 4] {
    // Constant shifts only: others are calls that 32-bit kernels do not have.
    [
        (number >> 96) as u32,
        (number >> 64) as u32,
        (number >> 32) as u32,
        number as u32,
    ]
    .map(u32::to_be)
}

/// What an entry stands for.
enum Meaning {
    /// Nothing: a network with bits below its mask equals no masked address.
    Nothing,
    /// The addresses between two.
    Span(Span),
    /// The addresses under a mask with gaps.
    Odd,
}

/// The addresses that are `ip` under `mask`; `all` is the highest address.
fn under_mask(ip: u128, mask: u128, all: u128) -> Meaning {
    let host = !mask & all;
    if ip & host != 0 {
        Meaning::Nothing
    } else if host & host.wrapping_add(1) == 0 {
        Meaning::Span(Span {
            first: ip,
            last: ip | host,
        })
    } else {
        Meaning::Odd
    }
}

fn meaning4(entry: &V4) -> Meaning {
    let number = |word: u32| u128::from(u32::from_be(word));
    let ip = number(entry.ip);
    match entry.kind {
        nxa::TYPE_ADDR => Meaning::Span(Span {
            first: ip,
            last: ip,
        }),
        nxa::TYPE_RANGE if number(entry.ip2) >= ip => Meaning::Span(Span {
            first: ip,
            last: number(entry.ip2),
        }),
        nxa::TYPE_MASK => under_mask(ip, number(entry.mask), u128::from(u32::MAX)),
        _ => Meaning::Nothing,
    }
}

fn meaning6(entry: &V6) -> Meaning {
    under_mask(number6(entry.ip), number6(entry.mask), u128::MAX)
}

fn spans4(mut spans: KVec<Span>) -> Result<KVec<Span4>> {
    normalise(&mut spans);
    let mut result = KVec::with_capacity(spans.len(), GFP_KERNEL)?;
    for span in &spans {
        result.push(
            Span4 {
                first: span.first as u32,
                last: span.last as u32,
            },
            GFP_KERNEL,
        )?;
    }
    Ok(result)
}

/// Makes the set. Errors: `ENOMEM`.
pub(crate) fn make(addresses: &Addresses) -> Result<NetSet> {
    let mut own4 = KVec::new();
    let mut odd4 = KVec::new();
    let mut cast4 = KVec::new();
    let mut list4 = KVec::new();
    for entry in addresses.v4() {
        let pair = Mask4 {
            ip: entry.ip,
            mask: entry.mask,
        };
        match meaning4(entry) {
            Meaning::Nothing => continue,
            Meaning::Span(span) => own4.push(span, GFP_KERNEL)?,
            Meaning::Odd => odd4.push(pair, GFP_KERNEL)?,
        }
        if entry.kind != nxa::TYPE_MASK {
            list4.push(pair, GFP_KERNEL)?;
        }
        if entry.kind == nxa::TYPE_ADDR {
            let cast = u128::from(u32::from_be(entry.ip | !entry.mask));
            cast4.push(
                Span {
                    first: cast,
                    last: cast,
                },
                GFP_KERNEL,
            )?;
        }
    }

    let mut all6 = KVec::new();
    let mut odd6 = KVec::new();
    for entry in addresses.v6() {
        match meaning6(entry) {
            Meaning::Nothing => {}
            Meaning::Span(span) => all6.push(span, GFP_KERNEL)?,
            Meaning::Odd => odd6.push(
                Mask6 {
                    ip: entry.ip,
                    mask: entry.mask,
                },
                GFP_KERNEL,
            )?,
        }
    }
    normalise(&mut all6);
    let mut own6 = KVec::with_capacity(all6.len(), GFP_KERNEL)?;
    for span in &all6 {
        own6.push(
            Span6 {
                first: words6(span.first),
                last: words6(span.last),
            },
            GFP_KERNEL,
        )?;
    }

    Ok(NetSet {
        own4: spans4(own4)?,
        odd4,
        cast4: spans4(cast4)?,
        list4,
        own6,
        odd6,
        entries4: addresses.v4().len(),
        entries6: addresses.v6().len(),
        broadcast: addresses.broadcast(),
        loopback: addresses.loopback(),
    })
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_address_set)]
mod tests {
    use super::*;

    const HOST: u32 = u32::MAX;

    fn ip(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }

    fn span(first: [u8; 4], last: [u8; 4]) -> Span4 {
        Span4 {
            first: u32::from_be_bytes(first),
            last: u32::from_be_bytes(last),
        }
    }

    #[test]
    fn an_empty_list_is_an_empty_set() -> Result {
        let set = make(&Addresses::new(2))?;
        assert!(set.own4.is_empty() && set.cast4.is_empty() && set.own6.is_empty());
        assert_eq!(set.loopback.to_ne_bytes(), [127, 0, 2, 1]);
        assert_eq!((set.entries4, set.entries6), (0, 0));
        Ok(())
    }

    #[test]
    fn addresses_are_sorted_and_neighbours_are_joined() -> Result {
        let mut list = Addresses::new(2);
        for last in [9, 2, 3, 1] {
            list.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, last]), 0, HOST)?;
        }
        let set = make(&list)?;
        assert_eq!(set.own4.len(), 2);
        assert_eq!(set.own4[0], span([10, 0, 0, 1], [10, 0, 0, 3]));
        assert_eq!(set.own4[1], span([10, 0, 0, 9], [10, 0, 0, 9]));
        // The order of the list is kept where it decides.
        assert_eq!(set.list4[0].ip, ip([10, 0, 0, 9]));
        assert_eq!(set.list4.len(), 4);
        Ok(())
    }

    #[test]
    fn masks_and_ranges_are_spans() -> Result {
        let mut list = Addresses::new(2);
        let mask = ip([255, 255, 255, 0]);
        list.add_v4(nxa::TYPE_MASK, 0, ip([10, 1, 0, 0]), 0, mask)?;
        list.add_v4(
            nxa::TYPE_RANGE,
            0,
            ip([10, 1, 0, 200]),
            ip([10, 1, 1, 5]),
            0,
        )?;
        // The wrong way round, and with bits below the mask: nothing.
        list.add_v4(nxa::TYPE_RANGE, 0, ip([10, 9, 0, 2]), ip([10, 9, 0, 1]), 0)?;
        list.add_v4(nxa::TYPE_MASK, 0, ip([10, 8, 0, 1]), 0, mask)?;
        let set = make(&list)?;
        assert_eq!(set.own4.len(), 1);
        assert_eq!(set.own4[0], span([10, 1, 0, 0], [10, 1, 1, 5]));
        assert_eq!(set.list4.len(), 1);
        assert!(set.cast4.is_empty());
        Ok(())
    }

    #[test]
    fn mask_0_is_every_address() -> Result {
        let mut list = Addresses::new(2);
        list.add_v4(nxa::TYPE_MASK, 0, 0, 0, 0)?;
        let set = make(&list)?;
        assert_eq!(set.own4[0], span([0; 4], [255; 4]));
        Ok(())
    }

    #[test]
    fn masks_with_gaps_stay_masks() -> Result {
        let mut list = Addresses::new(2);
        let mask = ip([255, 0, 255, 255]);
        list.add_v4(nxa::TYPE_MASK, 0, ip([10, 0, 0, 1]), 0, mask)?;
        list.add_v6(V6 {
            kind: nxa::TYPE_MASK,
            flags: 0,
            prefix: 0,
            ip: [0, 1, 0, 0],
            mask: [0, u32::MAX, 0, 0],
        })?;
        let set = make(&list)?;
        assert!(set.own4.is_empty() && set.own6.is_empty());
        assert_eq!(set.odd4[0].mask, mask);
        assert_eq!(set.odd6[0].ip, [0, 1, 0, 0]);
        Ok(())
    }

    #[test]
    fn an_address_brings_its_broadcast_address() -> Result {
        let mut list = Addresses::new(2);
        let mask = ip([255, 255, 255, 0]);
        list.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, 7]), 0, mask)?;
        list.add_v4(nxa::TYPE_ADDR, 0, ip([10, 0, 0, 8]), 0, mask)?;
        let set = make(&list)?;
        assert_eq!(set.cast4.len(), 1);
        assert_eq!(set.cast4[0], span([10, 0, 0, 255], [10, 0, 0, 255]));
        Ok(())
    }

    #[test]
    fn ipv6_networks_are_spans() -> Result {
        let mut list = Addresses::new(2);
        let word = |bytes: [u8; 4]| u32::from_ne_bytes(bytes);
        let net = [word([0x20, 1, 0xd, 0xb8]), 0, 0, 0];
        let mask = [u32::MAX, u32::MAX, 0, 0];
        list.add_v6(V6 {
            kind: nxa::TYPE_MASK,
            flags: 0,
            prefix: 64,
            ip: net,
            mask,
        })?;
        let inside = [net[0], 0, 0, word([0, 0, 0, 1])];
        list.add_v6(V6 {
            kind: nxa::TYPE_ADDR,
            flags: 0,
            prefix: 64,
            ip: inside,
            mask,
        })?;
        let set = make(&list)?;
        assert_eq!(set.own6.len(), 1);
        assert_eq!(set.own6[0].first, net);
        assert_eq!(set.own6[0].last, [net[0], 0, u32::MAX, u32::MAX]);
        assert_eq!(set.entries6, 2);
        Ok(())
    }

    #[test]
    fn numbers_and_words_are_the_same_address() {
        let words = [1, 2, 3, 4].map(u32::to_be);
        assert_eq!(number6(words), 1 << 96 | 2 << 64 | 3 << 32 | 4);
        assert_eq!(words6(number6(words)), words);
        assert_eq!(number6([u32::MAX; 4]), u128::MAX);
    }
}
