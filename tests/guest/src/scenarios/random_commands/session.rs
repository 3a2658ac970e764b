// SPDX-License-Identifier: GPL-2.0

//! A session: a process that becomes somebody and then acts for a while.

use super::actor::{Actor, IDS, World};
use super::board::{Board, Class};
use super::life;
use crate::harness::{Dice, context, network};
use crate::sys::{Sys, process, spaces};
use libvserver::abi::{XID_SELF, nxf, space, vxc, vxf, vxm};

/// Capability masks of sealed guests: all, none, what a careful host gives, all but the two that
/// everything asks for, and half of them.
const MASKS: [u64; 5] = [
    u64::MAX,
    0,
    0x0000_0000_0000_04fb,
    !((1 << 21) | (1 << 12)),
    0x5555_5555_5555_5555,
];

/// Runs a session in the calling process, which ends with it.
pub fn run(dice: Dice, world: &World, board: &Board, worker: usize, class: Class) -> Sys<()> {
    // Whatever holds the session up: it ends itself.
    process::alarm(world.session_limit().as_secs() as u32);
    let mut actor = Actor::new(dice, world, board, worker, class)?;
    match class {
        Class::Host => life::found_something_lasting(&mut actor),
        Class::Setup => actor.become_guest()?,
        Class::Sealed => {
            actor.become_guest()?;
            actor.seal()?;
        }
    }
    let acts = 10 + actor.dice.roll(50);
    for _ in 0..acts {
        if actor.is_over() {
            return Ok(());
        }
        let commands = match class {
            Class::Sealed => 40,
            _ => 75,
        };
        if actor.dice.percent(commands) {
            for _ in 0..1 + actor.dice.roll(8) {
                actor.attempt();
            }
        } else if class == Class::Sealed && actor.dice.percent(45) {
            actor.attack();
        } else {
            actor.live();
        }
    }
    if class == Class::Sealed && actor.dice.percent(15) {
        actor.run_amok();
    }
    Ok(())
}

impl Actor<'_> {
    /// Makes a context, or goes into the one that has the id already.
    fn become_guest(&mut self) -> Sys<()> {
        if self.dice.percent(40) {
            let nid = self.dice.pick(&IDS);
            // It may be there, private, or closed.
            let _ = network::create(nid, nxf::INIT_SET).or_else(|_| network::migrate(nid));
        }
        let id = self.dice.pick(&IDS);
        let mut flags = vxf::INIT_SET;
        for (share, flag) in [
            (30, vxf::INFO_INIT),
            (20, vxf::HIDE_VINFO),
            (20, vxf::HIDE_MOUNT),
            (30, vxf::REBOOT_KILL),
            (10, vxf::SC_HELPER),
            (20, vxf::IGNEG_NICE),
        ] {
            if self.dice.percent(share) {
                flags |= flag;
            }
        }
        // All numbers are drawn whether the context is new or not, so that the stream stays the
        // same.
        let bits = self
            .dice
            .pick(&[0, space::UTS, space::UTS | space::IPC, space::MNT]);
        let register = self.dice.roll(4);
        if context::create(id, flags).is_err() {
            return context::migrate(id, 0);
        }
        if bits != 0 {
            spaces::unshare(bits)?;
            context::set_space(XID_SELF, bits, 0)?;
        }
        if register & 1 != 0 {
            // From inside this is not allowed: the answer does not matter.
            let _ = context::migrate(XID_SELF, vxm::SET_INIT | vxm::SET_REAPER);
        }
        Ok(())
    }

    /// Ends the setup. Errors: whatever keeps the context open; the session then ends, because
    /// what sealed guests do is meant for sealed guests.
    fn seal(&mut self) -> Sys<()> {
        let mask = self.dice.pick(&MASKS);
        let capabilities = self.dice.word() & (vxc::SET_UTSNAME | vxc::SECURE_MOUNT | vxc::SYSLOG);
        let unshare = self.dice.pick(&[0, space::UTS | space::IPC | space::USER]);
        let wants_init = self.dice.percent(50);
        if context::version().is_ok() {
            // Somebody else's context may not let us.
            let _ = context::set_ccaps(XID_SELF, capabilities, u64::MAX);
            let _ = context::set_umask(XID_SELF, unshare, u64::MAX);
            let _ = context::set_bcaps(XID_SELF, mask, u64::MAX);
            let init = if wants_init { vxf::STATE_INIT } else { 0 };
            context::set_flags(XID_SELF, 0, vxf::STATE_SETUP | init)?;
        }
        match context::version() {
            Err(libc::ENOSYS) => Ok(()),
            _ => Err(libc::EBUSY),
        }
    }
}
