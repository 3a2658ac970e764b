// SPDX-License-Identifier: GPL-2.0

//! One command with arguments by chance.
//!
//! What is left out, and why:
//!
//! * Ids of the sentinels: the host may do everything to a guest, so it has to leave this one
//!   alone. Only sealed guests get them.
//! * A context that is persistent and has given up STATE_ADMIN stays until the machine ends, by
//!   the rules of the interface. Ids of even number may be persistent and keep STATE_ADMIN; the
//!   others are never persistent. The own context is treated as both.
//! * What a node of a device is for everybody does not matter to anybody here but the workers; it
//!   is put back at the end.
//! * Tags of disk limits come from a short list, so that all of them can be removed at the end.
//! * Attributes are set in one directory and on two entries of procfs; on others they would change
//!   what the scenario itself needs.

use super::actor::{Actor, ENTRIES, FILE, IDS, MISSING, TREE};
use super::board::Class;
use super::field::Field;
use super::shape;
use crate::harness::Dice;
use crate::harness::entry::{Place, WIDTHS, call};
use crate::scenarios::published::{PUBLISHED, Row, Target};
use crate::sys::memory::page_size;
use crate::sys::{Sys, process};
use libvserver::abi::{XID_SELF, nxf, vcmd, vxf};

/// Tags that disk limits are for.
pub const TAGS: [u32; 6] = [0, 1, 100, 101, 65_535, 65_536];
/// Paths that select a file system.
pub const MOUNTS: [&str; 3] = [FILE, "/", "/proc"];

/// Numbers of processes that mean something, or nothing.
const PROCESSES: [i32; 5] = [0, -1, 1, i32::MIN, 4_000_000];

const _: () = assert!(vxf::PERSISTENT == nxf::PERSISTENT && vxf::STATE_ADMIN == nxf::STATE_ADMIN);

impl Actor<'_> {
    /// Performs a command.
    pub fn attempt(&mut self) {
        if self.is_over() {
            return;
        }
        if self.dice.percent(4) {
            return self.unknown_command();
        }
        let index = self.dice.roll(PUBLISHED.len() as u32) as usize;
        let row = &PUBLISHED[index];
        // Those that are gone are all alike, and what moves its caller costs a process.
        let seldom = if row.there { row.moves_caller() } else { true };
        if seldom && self.dice.percent(50) {
            return self.attempt();
        }
        self.announce(u64::from(row.number));
        match row.number {
            vcmd::WAIT_EXIT => self.in_child(self.world.slowness, |actor| {
                if actor.dice.percent(30) {
                    let _ = process::interrupt_often(true);
                }
                actor.perform(index, row);
            }),
            // A session of the host that moved cannot do much any more: mostly a child moves.
            _ if row.moves_caller() && self.dice.percent(85) => {
                let seconds = self.world.slowness;
                self.in_child(seconds, |actor| {
                    actor.perform(index, row);
                    for _ in 0..actor.dice.roll(6) {
                        actor.attempt();
                    }
                });
            }
            _ => self.perform(index, row),
        }
    }

    /// A number that nobody gave away, with anything.
    fn unknown_command(&mut self) {
        let command = self.dice.word() as u32;
        if PUBLISHED.iter().any(|row| row.number == command) {
            return;
        }
        self.announce(u64::from(command));
        let bytes: Vec<u8> = (0..64).map(|_| self.dice.word() as u8).collect();
        self.data.put(64, &bytes);
        let (width, _) = self.dice.pick(WIDTHS);
        let id = self.dice.pick(&IDS);
        let _ = call(width, command, id, &self.data, Place::Back(64));
    }

    fn perform(&mut self, index: usize, row: &Row) {
        let good = self.dice.percent(35);
        let (width, _) = self.dice.pick(WIDTHS);
        let size = row.argument.size(width);
        let id = if good {
            self.good_id(row)
        } else {
            self.id(row)
        };
        let path = self.path(good);
        let bytes = if good {
            row.good.bytes(width, size.max(4), path)[..size].to_vec()
        } else {
            self.bytes(row, id, width, size, path)
        };
        let place = if good {
            Place::Back(size)
        } else {
            self.place(size)
        };
        if let Place::Back(back) = place {
            self.data.put(back, &bytes[..size.min(back)]);
        }
        self.board.begin(self.class, index);
        let result = call(width, row.number, id, &self.data, place);
        self.board.finish(self.class, index, result);
    }

    /// A call that something else than chance made, for the board.
    pub fn recorded(&mut self, command: u32, body: impl FnOnce(&mut Self) -> Sys<u32>) {
        let Some(index) = PUBLISHED.iter().position(|row| row.number == command) else {
            return;
        };
        self.board.begin(self.class, index);
        let result = body(self);
        self.board.finish(self.class, index, result);
    }

    /// Data with values by chance.
    fn bytes(
        &mut self,
        row: &Row,
        id: u32,
        width: crate::harness::entry::Width,
        size: usize,
        path: usize,
    ) -> Vec<u8> {
        let pids = self.pids();
        let mut nodes: Vec<u64> = self.nodes.iter().map(|n| n.address() as u64).collect();
        nodes.extend([0, path as u64]);
        let special = |dice: &mut Dice, field| match field {
            Field::Flags(_) => Some(safe_flags(flags(dice, field), id)),
            Field::Path => Some(path as u64),
            Field::Node => Some(dice.pick(&nodes)),
            Field::Pid => Some(u64::from(dice.pick(&pids) as u32)),
            _ => None,
        };
        shape::draw(&mut self.dice, row.number, width, size, special)
    }

    /// Where the data lies: mostly where it fits.
    fn place(&mut self, size: usize) -> Place {
        match self.dice.roll(20) {
            0 => Place::Null,
            1 => Place::First,
            2 => Place::Kernel,
            3 => Place::Hole,
            4 => Place::Back(0),
            5 => Place::Back(self.dice.roll(size.max(1) as u32) as usize),
            6..12 => Place::Back(size + self.dice.roll(64) as usize),
            _ => Place::Back(size),
        }
    }

    /// Processes that a command can be about.
    fn pids(&mut self) -> Vec<i32> {
        let mut pids = PROCESSES.to_vec();
        pids.push(process::getpid());
        pids.push(self.dice.roll(3000) as i32);
        pids.extend(&self.world.outside);
        pids
    }

    fn good_id(&mut self, row: &Row) -> u32 {
        match row.target {
            Target::Descriptor => self.files[0] as u32,
            Target::Task | Target::Ignored => 0,
            Target::Tag => self.dice.pick(&TAGS),
            // Free, as a rule.
            Target::NewContext | Target::NewNetwork => 3001 + 2 * self.dice.roll(500),
            _ => self.dice.pick(&IDS),
        }
    }

    fn id(&mut self, row: &Row) -> u32 {
        match row.target {
            Target::Descriptor => {
                let mut numbers = self.files.clone();
                numbers.extend([-1, 999, i32::MAX]);
                self.dice.pick(&numbers) as u32
            }
            Target::Task => {
                let pids = self.pids();
                self.dice.pick(&pids) as u32
            }
            Target::Tag => self.dice.pick(&TAGS),
            Target::Ignored => self.dice.word() as u32,
            _ => self.object(),
        }
    }

    /// The id of a context or network context.
    fn object(&mut self) -> u32 {
        let id = match self.dice.roll(20) {
            0 => 0,
            1 => 1,
            2 => 65_536,
            3 => MISSING,
            4 => self.dice.roll(65_536),
            5 => self.dice.word() as u32,
            6 => u32::MAX,
            7 => 0x8000_0000,
            8 | 9 => XID_SELF,
            10 if self.class == Class::Sealed => self.dice.pick(&self.world.protected),
            _ => self.dice.pick(&IDS),
        };
        if self.class != Class::Sealed && self.world.protected.contains(&id) {
            return MISSING;
        }
        id
    }

    /// Puts a path at the end of the memory for paths and returns its address.
    fn path(&mut self, good: bool) -> usize {
        let page = page_size();
        let text: Vec<u8> = match self.dice.roll(16) {
            _ if good => FILE.into(),
            0 => Vec::new(),
            1 => vec![b'a'; page - 1],
            2 => [b"/a".as_slice(); 2047].concat(),
            3 => format!("{TREE}/missing").into(),
            4 => format!("{TREE}/{}", "n".repeat(300)).into(),
            5 => format!("{FILE}/below").into(),
            6 => TREE.into(),
            7 => format!("{TREE}/link").into(),
            8 => format!("{TREE}/fifo").into(),
            9 => self.dice.pick(&ENTRIES).into(),
            10 => b"/proc/self/status".to_vec(),
            // Other places than FILE serve as file systems only by way of ENTRIES: attributes
            // must not be set there.
            _ => FILE.into(),
        };
        let ended = good || !self.dice.percent(6);
        let mut bytes = text;
        if ended {
            bytes.push(0);
        }
        bytes.truncate(page);
        let back = if good || self.dice.percent(94) {
            bytes.len()
        } else {
            0
        };
        if back == bytes.len() {
            self.paths.put(back, &bytes);
        }
        self.paths.back(back) as usize
    }
}

/// Flags by chance.
fn flags(dice: &mut Dice, field: Field) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&field.draw(dice));
    u64::from_ne_bytes(word)
}

/// See the top of the file.
fn safe_flags(flags: u64, id: u32) -> u64 {
    let own = (id as i32) < 0;
    let mut flags = flags;
    if own || id.is_multiple_of(2) {
        flags |= vxf::STATE_ADMIN;
    }
    if own || id % 2 == 1 {
        flags &= !vxf::PERSISTENT;
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::super::actor::LASTING;
    use super::*;

    #[test]
    fn nothing_becomes_immortal() {
        for id in IDS.into_iter().chain([XID_SELF, u32::MAX, 0x8000_0000]) {
            for flags in [0, u64::MAX, vxf::PERSISTENT] {
                let flags = safe_flags(flags, id);
                assert!(flags & vxf::PERSISTENT == 0 || flags & vxf::STATE_ADMIN != 0);
            }
        }
        for id in IDS {
            let lasting = safe_flags(u64::MAX, id) & vxf::PERSISTENT != 0;
            assert_eq!(LASTING.contains(&id), lasting);
        }
        // The same id is always of the same kind.
        assert_eq!(safe_flags(u64::MAX, 101) & vxf::PERSISTENT, 0);
        assert_ne!(safe_flags(0, 100) & vxf::STATE_ADMIN, 0);
        assert_eq!(safe_flags(u64::MAX, XID_SELF) & vxf::PERSISTENT, 0);
        assert_ne!(safe_flags(0, XID_SELF) & vxf::STATE_ADMIN, 0);
    }
}
