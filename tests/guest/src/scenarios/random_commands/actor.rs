// SPDX-License-Identifier: GPL-2.0

//! A process that acts by chance, and what it knows of the world.

use super::board::{Board, Class, Note};
use crate::harness::{Child, Dice, wait};
use crate::sys::memory::{Edge, Low};
use crate::sys::{Sys, process, sockets};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Where the files lie that everything happens to.
pub const TREE: &str = "/tmp/random";
/// One of them, for what shall succeed.
pub const FILE: &str = "/tmp/random/file";
/// Nodes of devices there: two that read zeros, one whose device nobody has.
pub const NODES: [&str; 3] = ["/tmp/random/zero", "/tmp/random/full", "/tmp/random/block"];
/// Entries of procfs that nothing here needs: their bits are changed and put back at the end.
pub const ENTRIES: [&str; 2] = ["/proc/version", "/proc/devices"];

/// Ids that contexts and network contexts get, few so that everything meets everything. Those of
/// even number may be persistent, see [`super::attempt`].
pub const IDS: [u32; 8] = [2, 100, 101, 102, 103, 104, 105, 65_535];
/// Those that may be persistent.
pub const LASTING: [u32; 4] = [2, 100, 102, 104];
/// An id that nobody has, as a rule.
pub const MISSING: u32 = 4242;

/// What lies outside of what the workers may harm.
pub struct World {
    /// Contexts and network contexts of the sentinels.
    pub protected: Vec<u32>,
    /// Processes of the host and of the guest of the sentinels.
    pub outside: Vec<i32>,
    /// A message queue of the host.
    pub queue: i32,
    /// The abstract name of a socket of the host.
    pub socket: &'static str,
    /// Slow kernels get more time.
    pub slowness: u32,
}

impl World {
    /// How long a session may take before it ends itself.
    pub fn session_limit(&self) -> Duration {
        Duration::from_secs(u64::from(3 * self.slowness))
    }
}

/// An acting process.
pub struct Actor<'a> {
    pub dice: Dice,
    pub world: &'a World,
    pub board: &'a Board,
    pub worker: usize,
    pub class: Class,
    /// When its session shall be over: the init of a context gets no SIGALRM, and neither does one
    /// that another init replaced.
    pub end: Instant,
    /// Memory for the data of calls.
    pub data: Edge,
    /// Memory for paths.
    pub paths: Edge,
    /// Open files, for the commands on descriptors.
    pub files: Vec<i32>,
    /// The names of [`NODES`].
    pub nodes: Vec<Low>,
}

impl<'a> Actor<'a> {
    /// An actor with open files.
    pub fn new(
        dice: Dice,
        world: &'a World,
        board: &'a Board,
        worker: usize,
        class: Class,
    ) -> Sys<Self> {
        let mut files = Vec::new();
        for path in [FILE, TREE, ENTRIES[0], "/proc/self/status"] {
            // A hidden entry cannot be opened.
            if let Ok(file) = File::open(path) {
                files.push(file.as_raw_fd());
                // The number is all that the commands need; the end of the process closes it.
                std::mem::forget(file);
            }
        }
        files.push(sockets::socket(libc::AF_UNIX, libc::SOCK_STREAM)?);
        Ok(Self {
            dice,
            world,
            board,
            worker,
            class,
            end: Instant::now() + world.session_limit(),
            data: Edge::map()?,
            paths: Edge::map()?,
            files,
            nodes: NODES.into_iter().map(Low::text).collect::<Sys<_>>()?,
        })
    }

    /// Whether it is time to come to an end.
    pub fn is_over(&self) -> bool {
        self.board.is_over() || Instant::now() > self.end
    }

    /// Tells the board what comes next.
    pub fn announce(&self, act: u64) {
        self.board.note(self.worker, Note::Last).store(act, Relaxed);
        self.board
            .note(self.worker, Note::Acts)
            .fetch_add(1, Relaxed);
    }

    /// Lets a child act, and waits for it. Something may stop or kill it: the child ends itself
    /// after a while, and the alarm of the session covers the rest.
    pub fn in_child(&mut self, seconds: u32, body: impl FnOnce(&mut Self)) {
        let limit = Duration::from_secs(u64::from(seconds) + 1);
        // A stream of its own, so that what the child draws changes nothing here.
        let dice = Dice::new(&[self.dice.word()]);
        let child = Child::start(|| {
            process::alarm(seconds);
            let own = std::mem::replace(&mut self.dice, dice);
            body(self);
            self.dice = own;
            0
        });
        if let Ok(mut child) = child
            && wait::until(limit, || child.has_ended())
        {
            let _ = child.wait();
        }
    }
}
