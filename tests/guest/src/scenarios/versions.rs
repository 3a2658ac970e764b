// SPDX-License-Identifier: GPL-2.0

//! Version, feature word and space masks: the commands that ask for nothing else.

use crate::harness::check::{Outcome, Test};
use crate::harness::{Guest, context, spectator};
use libvserver::abi::{SpaceMaskV1, VERSION, space, vci, vcmd};

pub fn run(t: &mut Test) -> Outcome {
    t.gives("get_version", context::version(), VERSION);
    t.gives(
        "get_version ignores the id",
        context::bare(vcmd::GET_VERSION, 63),
        VERSION,
    );
    let word = context::bare(vcmd::GET_VCI, 0).unwrap_or(0);
    t.check("get_vci: hard scheduler", word & vci::HARDCPU != 0);
    t.check("get_vci: idle time", word & vci::IDLETIME != 0);
    t.check("get_vci: no dynamic ids", word & vci::NO_DYNAMIC != 0);
    t.check("get_vci: spaces", word & vci::SPACES != 0);
    t.check("get_vci: network version 2", word & vci::NETV2 != 0);
    t.check("get_vci: tags of processes", word & vci::PPTAG != 0);
    t.check("get_vci: no history", word & vci::HISTORY == 0);
    t.check("get_vci: top bit is clear", word >> 31 == 0);

    for (what, command, want) in [
        ("get_space_mask", vcmd::GET_SPACE_MASK, space::MASK),
        ("get_space_mask_v0", vcmd::GET_SPACE_MASK_V0, space::MASK_V0),
        ("get_space_default", vcmd::GET_SPACE_DEFAULT, space::DEFAULT),
    ] {
        let mut mask = SpaceMaskV1 { mask: u64::MAX };
        t.gives(what, context::with(command, 0, &mut mask), 0);
        t.equal(&format!("{what}: value"), mask.mask, want);
    }

    for (what, command) in [
        ("category 7 does not exist", 0x0701_0000),
        ("create v2 was never defined", 0x0901_0002),
        ("migrate v2 was never defined", 0x0b01_0002),
        ("get_version v1", vcmd::GET_VERSION | 1),
        ("old capability word", 0x3403_0000),
        ("all ones", u32::MAX),
    ] {
        t.refused(what, context::bare(command, 0), libc::ENOSYS);
    }

    let xid = t.xid();
    let mut open = Guest::plan(xid).open().start()?;
    t.gives(
        "inside, in setup: get_version",
        open.ask(|_| context::version())?,
        VERSION,
    );
    t.ok("seal", open.seal());
    t.refused(
        "inside, sealed: get_version",
        open.ask(|_| context::version())?,
        libc::ENOSYS,
    );
    t.gives(
        "spectator: get_version",
        spectator(context::version)?,
        VERSION,
    );
    Ok(())
}
