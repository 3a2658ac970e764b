// SPDX-License-Identifier: GPL-2.0

//! The state of the model: tasks, contexts, network contexts and how they end.

use super::PROCESSORS;
use super::limits::Limits;
use super::network::Network;
use super::scheduler;
use crate::Errno;
use crate::abi::{self, nxf, vxf};
use std::collections::BTreeMap;
use std::time::Instant;

/// A task of the model.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Context id as the kernel shows it; 1 for a spectator.
    pub xid: u32,
    /// Context on which the task holds a claim.
    pub claim: Option<u32>,
    /// Network context id as the kernel shows it; 1 for a spectator.
    pub nid: u32,
    /// Network context on which the task holds a claim.
    pub net_claim: Option<u32>,
    /// Tag of the files that the task makes.
    pub tag: u32,
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
    pub limits: Limits,
    /// Traffic of the sockets, by class of families.
    pub traffic: [abi::SockStat; abi::sock::COUNT as usize],
    pub prio_bias: [i32; PROCESSORS],
    pub bucket: abi::SchedV5,
    pub forks: u32,
    pub created: Instant,
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
            limits: Limits::default(),
            traffic: std::array::from_fn(|field| abi::SockStat {
                field: field as u32,
                ..Default::default()
            }),
            prio_bias: [0; PROCESSORS],
            bucket: scheduler::bucket(),
            forks: 0,
            created: Instant::now(),
        }
    }
}

/// Everything the model knows.
#[derive(Debug)]
pub(super) struct World {
    pub tasks: BTreeMap<i32, Task>,
    pub contexts: BTreeMap<u32, Context>,
    /// How the last context with each id ended.
    pub ended: BTreeMap<u32, abi::WaitExit>,
    pub networks: BTreeMap<u32, Network>,
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
            nid: abi::XID_HOST,
            net_claim: None,
            tag: 0,
            ignores_signals: false,
        };
        Self {
            tasks: BTreeMap::from([(host, task)]),
            contexts: BTreeMap::new(),
            ended: BTreeMap::new(),
            networks: BTreeMap::new(),
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
        let claim = child.claim;
        self.tasks.insert(pid, child);
        if let Some(xid) = claim {
            if let Some(context) = self.contexts.get_mut(&xid) {
                context.forks += 1;
            }
            self.account(xid);
        }
        pid
    }

    pub fn ignore_signals(&mut self, pid: i32) {
        if let Some(task) = self.tasks.get_mut(&pid) {
            task.ignores_signals = true;
        }
    }

    /// Threads of the context.
    pub fn threads(&self, xid: u32) -> u32 {
        let tasks = self.tasks.values().filter(|task| task.claim == Some(xid));
        tasks.count() as u32
    }

    /// Lets the context know how many threads it has now.
    fn account(&mut self, xid: u32) {
        let threads = self.threads(xid);
        if let Some(context) = self.contexts.get_mut(&xid) {
            context.limits.set_threads(threads);
        }
    }

    /// Claims on the context: its tasks and, when it is persistent, itself.
    pub fn claims(&self, xid: u32) -> u32 {
        let persistent = self
            .contexts
            .get(&xid)
            .is_some_and(|context| context.flags & vxf::PERSISTENT != 0);
        self.threads(xid) + u32::from(persistent)
    }

    /// Ends the context when nothing claims it any more.
    pub fn reap(&mut self, xid: u32) {
        if self.claims(xid) == 0 {
            let context = self.contexts.remove(&xid);
            self.ended
                .extend(context.map(|context| (xid, context.exit)));
        }
        self.account(xid);
    }

    /// Ends the network context when no task is in it and it is not persistent.
    pub fn reap_network(&mut self, nid: u32) {
        let claimed = self.tasks.values().any(|task| task.net_claim == Some(nid));
        let persistent = self
            .networks
            .get(&nid)
            .is_some_and(|network| network.flags & nxf::PERSISTENT != 0);
        if !claimed && !persistent {
            self.networks.remove(&nid);
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
        if let Some(nid) = task.net_claim {
            self.reap_network(nid);
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
        self.account(xid);
    }

    /// Moves the current task into a network context.
    pub fn enter_network(&mut self, nid: u32) {
        let current = self.current;
        let Some(task) = self.tasks.get_mut(&current) else {
            return;
        };
        let left = task.net_claim.replace(nid);
        task.nid = nid;
        if let Some(left) = left.filter(|left| *left != nid) {
            self.reap_network(left);
        }
    }
}
