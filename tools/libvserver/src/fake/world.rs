// SPDX-License-Identifier: GPL-2.0

//! The state of the model: tasks, contexts and how they end.

use crate::Errno;
use crate::abi::{self, vxf};
use std::collections::BTreeMap;

/// A task of the model.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Context id as the kernel shows it; 1 for a spectator.
    pub xid: u32,
    /// Context on which the task holds a claim.
    pub claim: Option<u32>,
    /// Whether only SIGKILL ends the task.
    pub ignores_signals: bool,
}

/// A context of the model.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub flags: u64,
    pub bcaps: u64,
    pub ccaps: u64,
    pub umask: u64,
    pub wmask: u64,
    pub badness: i64,
    pub init: i32,
    pub names: BTreeMap<u32, [u8; abi::vhin::LEN]>,
    pub spaces: [u64; abi::space::SETS as usize],
    pub exit: abi::WaitExit,
}

impl Context {
    pub fn new(flags: u64) -> Self {
        Self {
            flags,
            bcaps: u64::MAX,
            ccaps: 0,
            umask: 0,
            wmask: 0,
            badness: 0,
            init: 0,
            names: BTreeMap::new(),
            spaces: [0; abi::space::SETS as usize],
            exit: abi::WaitExit::default(),
        }
    }
}

/// Everything the model knows.
#[derive(Debug)]
pub(super) struct World {
    pub tasks: BTreeMap<i32, Task>,
    pub contexts: BTreeMap<u32, Context>,
    pub current: i32,
    pub rights: bool,
    pub faults: Vec<(u32, Errno)>,
    pub calls: Vec<(u32, u32)>,
    next_pid: i32,
}

impl World {
    pub fn new(host: i32) -> Self {
        let task = Task {
            xid: abi::XID_HOST,
            claim: None,
            ignores_signals: false,
        };
        Self {
            tasks: BTreeMap::from([(host, task)]),
            contexts: BTreeMap::new(),
            current: host,
            rights: true,
            faults: Vec::new(),
            calls: Vec::new(),
            next_pid: host + 1,
        }
    }

    /// The task that makes the call. The model panics when a test lets a dead task call.
    pub fn caller(&self) -> &Task {
        &self.tasks[&self.current]
    }

    pub fn fork(&mut self) -> i32 {
        let child = self.caller().clone();
        let pid = self.next_pid;
        self.next_pid += 1;
        self.tasks.insert(pid, child);
        pid
    }

    pub fn ignore_signals(&mut self, pid: i32) {
        if let Some(task) = self.tasks.get_mut(&pid) {
            task.ignores_signals = true;
        }
    }

    /// Claims on the context: its tasks and, when it is persistent, itself.
    pub fn claims(&self, xid: u32) -> u32 {
        let tasks = self.tasks.values().filter(|task| task.claim == Some(xid));
        let persistent = self
            .contexts
            .get(&xid)
            .is_some_and(|context| context.flags & vxf::PERSISTENT != 0);
        tasks.count() as u32 + u32::from(persistent)
    }

    /// Ends the context when nothing claims it any more.
    pub fn reap(&mut self, xid: u32) {
        if self.claims(xid) == 0 {
            self.contexts.remove(&xid);
        }
    }

    pub fn exit(&mut self, pid: i32, code: i32) {
        let Some(task) = self.tasks.remove(&pid) else {
            return;
        };
        if let Some(xid) = task.claim {
            if let Some(context) = self.contexts.get_mut(&xid) {
                context.exit.exit_code = code;
                if context.init == pid {
                    context.init = 0;
                }
            }
            self.reap(xid);
        }
    }

    pub fn signal(&mut self, pid: i32, sig: i32) {
        let survives = self
            .tasks
            .get(&pid)
            .is_none_or(|task| task.ignores_signals && sig != libc::SIGKILL);
        if sig != 0 && !survives {
            self.exit(pid, sig);
        }
    }

    /// Moves the current task into a context.
    pub fn enter(&mut self, xid: u32) {
        let current = self.current;
        let Some(task) = self.tasks.get_mut(&current) else {
            return;
        };
        let left = task.claim.replace(xid);
        task.xid = xid;
        if let Some(left) = left.filter(|left| *left != xid) {
            self.reap(left);
        }
    }
}
