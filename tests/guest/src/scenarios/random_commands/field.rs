// SPDX-License-Identifier: GPL-2.0

//! A member of a structure: how wide it is, and which values of it are interesting.

use crate::harness::Dice;
use libvserver::abi::{cdlim, iattr, nxa, rlimit, sched, space, vxm, vxsm};

/// What a member means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 64 bits, of which these are defined.
    Bits(u64),
    /// The flags of a context or network context, see [`super::attempt`].
    Flags(u64),
    /// The mask that goes with bits, [`Field::Flags`] included.
    Mask,
    /// 32 bits, of which these are defined.
    Bits32(u32),
    /// A limit of a resource.
    Limit,
    /// A limit of a disk.
    DiskLimit,
    /// A number from 0 to this one, and what is beyond on both sides.
    Upto(u32),
    /// Any number of 32 bits, as likely small as large.
    Any,
    /// Any number of 64 bits.
    Any64,
    /// A signal.
    Signal,
    /// A process, see [`super::attempt`].
    Pid,
    /// A text that fills this many bytes, with or without its end.
    Text(usize),
    /// Bytes without meaning.
    Gap(usize),
    /// The type of an address, 16 bits.
    Kind,
    /// 16 bits, as likely small as large.
    Half,
    /// An address or mask of a network, 32 bits.
    Ip,
    /// The address of a path.
    Path,
    /// The address of the path of a device node, or null.
    Node,
}

/// Bits that `clone(2)` knows, and that `set_space` knows.
pub const SPACES: u64 = space::SUPPORTED;
/// What [`Field::Flags`] of `ctx_migrate` may be.
pub const MIGRATE: u64 = vxm::SET_INIT | vxm::SET_REAPER;
/// Which members of a scheduler structure apply.
pub const SCHEDULER: u32 = vxsm::SET_MASK | vxsm::FORCE | vxsm::CPU_ID | vxsm::MSEC;
/// Attributes of inodes. TAG is one of them, in the mask.
pub const INODE: u32 = iattr::FLAGS
    | iattr::BARRIER
    | iattr::IXUNLINK
    | iattr::IMMUTABLE
    | iattr::COW
    | iattr::TAG
    | iattr::WRITE;
/// Flags of disk limits.
pub const DISK: u32 = cdlim::DLIMF_SHIFT | 0xf;

impl Field {
    /// Bytes, for an address that has `address` bytes.
    pub fn size(self, address: usize) -> usize {
        match self {
            Self::Bits(_) | Self::Flags(_) | Self::Mask | Self::Limit | Self::Any64 => 8,
            Self::Kind | Self::Half => 2,
            Self::Text(bytes) | Self::Gap(bytes) => bytes,
            Self::Path | Self::Node => address,
            _ => 4,
        }
    }

    /// What its place is a multiple of: 32-bit programs align 64 bits as 32.
    pub fn align(self, address: usize) -> usize {
        match self {
            Self::Text(_) | Self::Gap(_) => 1,
            field => field.size(address).min(address),
        }
    }

    /// A value, in as many bytes as the member has; those that only the caller knows are left to
    /// it and get any number here.
    pub fn draw(self, dice: &mut Dice) -> Vec<u8> {
        let number = match self {
            Self::Bits(known) | Self::Flags(known) => bits(dice, known),
            Self::Mask => mask(dice),
            Self::Bits32(known) => bits(dice, u64::from(known)),
            Self::Limit => limit(dice),
            Self::DiskLimit => disk_limit(dice),
            Self::Upto(last) => upto(dice, last),
            Self::Any | Self::Half | Self::Pid | Self::Path | Self::Node => small_or_large(dice),
            Self::Any64 => dice.word() >> dice.roll(64),
            Self::Signal => signal(dice),
            Self::Text(bytes) => return text(dice, bytes),
            Self::Gap(bytes) => return (0..bytes).map(|_| dice.word() as u8).collect(),
            Self::Kind => kind(dice),
            Self::Ip => ip(dice),
        };
        number.to_ne_bytes()[..self.size(size_of::<usize>())].to_vec()
    }
}

fn bits(dice: &mut Dice, known: u64) -> u64 {
    match dice.roll(10) {
        0 => 0,
        1 => u64::MAX,
        2 => known,
        3 => dice.word(),
        4 => 1 << dice.roll(64),
        5 | 6 => dice.word() & known,
        _ => one_of(dice, known),
    }
}

/// One of the bits of a word.
fn one_of(dice: &mut Dice, word: u64) -> u64 {
    let set: Vec<u64> = (0..64)
        .map(|n| 1 << n)
        .filter(|bit| word & bit != 0)
        .collect();
    if set.is_empty() { 0 } else { dice.pick(&set) }
}

fn mask(dice: &mut Dice) -> u64 {
    match dice.roll(8) {
        0 => 0,
        1 => dice.word(),
        2 => 1 << dice.roll(64),
        3 => 0xffff_ffff,
        4 => 0xffff_ffff << 32,
        _ => u64::MAX,
    }
}

fn limit(dice: &mut Dice) -> u64 {
    match dice.roll(6) {
        0 => rlimit::KEEP,
        1 => rlimit::INFINITY,
        2 => 1 << dice.roll(64),
        3 => dice.word(),
        _ => u64::from(dice.roll(100)),
    }
}

fn disk_limit(dice: &mut Dice) -> u64 {
    u64::from(match dice.roll(6) {
        0 => cdlim::KEEP,
        1 => cdlim::INFINITY,
        2 => 0,
        3 => dice.word() as u32,
        _ => dice.roll(1000),
    })
}

fn upto(dice: &mut Dice, last: u32) -> u64 {
    u64::from(match dice.roll(12) {
        0 => last.wrapping_add(1),
        1 => u32::MAX,
        2 => sched::KEEP as u32,
        3 => i32::MIN as u32,
        4 => dice.word() as u32,
        _ => dice.roll(last.saturating_add(1)),
    })
}

fn small_or_large(dice: &mut Dice) -> u64 {
    let number = match dice.roll(8) {
        0 => 0,
        1 => u32::MAX,
        2 => i32::MAX as u32,
        3 => i32::MIN as u32,
        4 => sched::KEEP as u32,
        5 => dice.word() as u32,
        _ => dice.roll(1000),
    };
    u64::from(number)
}

fn signal(dice: &mut Dice) -> u64 {
    let number = match dice.roll(8) {
        0 => 0,
        1 => libc::SIGKILL,
        2 => libc::SIGSTOP,
        3 => libc::SIGCONT,
        4 => -1,
        5 => 65,
        6 => dice.word() as i32,
        _ => dice.roll(64) as i32,
    };
    u64::from(number as u32)
}

fn text(dice: &mut Dice, bytes: usize) -> Vec<u8> {
    let length = match dice.roll(6) {
        0 => 0,
        1 => bytes,
        2 => bytes - 1,
        _ => dice.roll(bytes as u32) as usize,
    };
    let printable = dice.percent(70);
    let letter = |dice: &mut Dice| match printable {
        true => b'a' + dice.roll(26) as u8,
        // Zeros, line ends, bytes above 127.
        false => dice.word() as u8,
    };
    let mut text: Vec<u8> = (0..length).map(|_| letter(dice)).collect();
    text.resize(bytes, 0);
    text
}

fn kind(dice: &mut Dice) -> u64 {
    u64::from(match dice.roll(10) {
        0 => nxa::TYPE_ANY,
        1 => nxa::TYPE_IPV4,
        2 => nxa::TYPE_MASK,
        3 => nxa::TYPE_RANGE,
        4 => nxa::TYPE_IPV4 | dice.pick(&[nxa::MOD_BCAST, nxa::MOD_LBACK]),
        5 => nxa::TYPE_ADDR | dice.pick(&[nxa::MOD_BCAST, nxa::MOD_LBACK]),
        6 => dice.word() as u16,
        7 => 1 << dice.roll(16),
        _ => nxa::TYPE_ADDR,
    })
}

fn ip(dice: &mut Dice) -> u64 {
    let number = match dice.roll(5) {
        0 => 0,
        1 => u32::MAX,
        2 => dice.word() as u32,
        // Few, so that the same one is added twice and removed.
        _ => u32::from_be_bytes([127, 0, 0, dice.roll(8) as u8]).to_be(),
    };
    u64::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_size_of_the_member() {
        let mut dice = Dice::new(&[1]);
        for field in [
            Field::Bits(3),
            Field::Mask,
            Field::Bits32(3),
            Field::Signal,
            Field::Text(65),
            Field::Gap(3),
            Field::Kind,
            Field::Path,
            Field::Node,
            Field::Upto(u32::MAX),
        ] {
            for _ in 0..50 {
                assert_eq!(field.draw(&mut dice).len(), field.size(size_of::<usize>()));
            }
        }
    }

    #[test]
    fn defined_bits_come_alone_too() {
        let mut dice = Dice::new(&[1]);
        let drawn: Vec<u64> = (0..500).map(|_| bits(&mut dice, 0x50)).collect();
        for wanted in [0, u64::MAX, 0x50, 0x10, 0x40] {
            assert!(drawn.contains(&wanted), "{wanted:#x}");
        }
    }
}
