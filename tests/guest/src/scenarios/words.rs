// SPDX-License-Identifier: GPL-2.0

//! Words of bits with a mask: context capabilities, capability mask, unshare mask, warning mask;
//! and the bias.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, context};
use crate::sys::Sys;
use libvserver::abi::{Flags, vcmd};

/// One word of a context: name, commands, value in a new context.
const WORDS: [(&str, u32, u32, u64); 4] = [
    ("ccaps", vcmd::GET_CCAPS, vcmd::SET_CCAPS, 0),
    ("bcaps", vcmd::GET_BCAPS, vcmd::SET_BCAPS, u64::MAX),
    ("umask", vcmd::GET_UMASK, vcmd::SET_UMASK, 0),
    ("wmask", vcmd::GET_WMASK, vcmd::SET_WMASK, 0),
];

fn get(command: u32, xid: u32) -> Sys<Flags> {
    let mut flags = Flags {
        value: 0xdead,
        mask: 0xbeef,
    };
    context::with(command, xid, &mut flags).map(|_| flags)
}

fn set(command: u32, xid: u32, value: u64, mask: u64) -> Sys<u32> {
    context::with(command, xid, &mut Flags { value, mask })
}

pub fn run(t: &mut Test) -> Outcome {
    let xid = t.xid();
    let mut guest = Guest::plan(xid).open().start()?;
    for (name, getter, setter, initial) in WORDS {
        let all = |value| Flags {
            value,
            mask: u64::MAX,
        };
        t.gives(
            &format!("{name} of a new context"),
            get(getter, xid),
            all(initial),
        );
        t.gives(
            &format!("{name}: whole word"),
            set(setter, xid, 0x0123_4567_89ab_cdef, u64::MAX),
            0,
        );
        t.gives(
            &format!("{name}: is stored"),
            get(getter, xid),
            all(0x0123_4567_89ab_cdef),
        );
        t.gives(
            &format!("{name}: mask selects"),
            set(setter, xid, 0xffff_0000_ffff_0000, 0x0000_00ff_ff00_00ff),
            0,
        );
        // Bits 0-7 cleared, 24-31 set, 32-39 cleared.
        t.gives(
            &format!("{name}: the rest is kept"),
            get(getter, xid),
            all((0x0123_4567_89ab_cdef & !0x0000_00ff_ff00_00ff) | 0x0000_0000_ff00_0000),
        );
        t.gives(
            &format!("{name}: empty mask"),
            set(setter, xid, u64::MAX, 0),
            0,
        );
        t.gives(
            &format!("{name}: changes nothing"),
            get(getter, xid).map(|flags| flags.value >> 40),
            0x01_2345,
        );
        let inside = guest.call(
            |w| set(w.numbers[0] as u32, u32::MAX - 1, 3, u64::MAX),
            &[i64::from(setter)],
        )?;
        t.gives(&format!("inside, in setup: set {name}"), inside, 0);
        t.gives(
            &format!("{name}: seen from outside"),
            get(getter, xid).map(|flags| flags.value),
            3,
        );
        t.gives(
            &format!("{name}: put back"),
            set(setter, xid, initial, u64::MAX),
            0,
        );
    }

    t.gives("bias of a new context", context::badness(xid), 0);
    for bias in [-1, i64::MIN, i64::MAX, 1000] {
        t.ok(&format!("set bias {bias}"), context::set_badness(xid, bias));
        t.gives(
            &format!("bias {bias} is stored"),
            context::badness(xid),
            bias,
        );
    }

    t.ok("seal", guest.seal());
    for (name, getter, setter, initial) in WORDS {
        let inside = guest.call(
            |w| set(w.numbers[0] as u32, u32::MAX - 1, 3, u64::MAX),
            &[i64::from(setter)],
        )?;
        t.refused(&format!("inside, sealed: set {name}"), inside, libc::ENOSYS);
        t.gives(
            &format!("{name} did not change"),
            get(getter, xid).map(|flags| flags.value),
            initial,
        );
    }
    guest.stop().map(|_| ())
}
