// SPDX-License-Identifier: GPL-2.0

//! A model of the kernel side in memory.
//!
//! [`Fake`] implements [`Syscall`] over a table of tasks and contexts and follows the rules of the
//! kernel: who may call what, one-time flags, life time by task claims, the special ids. It has no
//! namespaces, no addresses and no blocking: waiting for a context that still lives returns
//! `EINTR`. Limits are stored, and the threads of a context are counted; nothing is refused.
//!
//! One task is the current one and makes the calls; [`Fake::run_as`] changes it for the duration
//! of a closure. The model is shared by its clones.

#![allow(unsafe_code)]

mod commands;
mod limits;
mod network;
mod scheduler;
mod world;

use crate::abi;
use crate::{Errno, Syscall};
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard};
use world::World;

/// Pid of the task that exists from the start: a host task with all rights.
pub const HOST_TASK: i32 = 100;

/// The model; see the module documentation.
#[derive(Clone, Debug)]
pub struct Fake {
    world: Arc<Mutex<World>>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// Makes a kernel without contexts and with one task, [`HOST_TASK`].
    pub fn new() -> Self {
        Self {
            world: Arc::new(Mutex::new(World::new(HOST_TASK))),
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Adds a child of the current task and returns its pid. It inherits the context.
    pub fn fork(&self) -> i32 {
        self.world().fork()
    }

    /// Runs `action` with `pid` as the current task.
    pub fn run_as<T>(&self, pid: i32, action: impl FnOnce() -> T) -> T {
        let before = std::mem::replace(&mut self.world().current, pid);
        let result = action();
        self.world().current = before;
        result
    }

    /// Pid of the current task.
    pub fn current(&self) -> i32 {
        self.world().current
    }

    /// Ends a task with the wait status `code`. Its claim goes, and with the last claim the
    /// context.
    pub fn exit(&self, pid: i32, code: i32) {
        self.world().exit(pid, code);
    }

    /// Makes a task survive every signal but SIGKILL.
    pub fn ignore_signals(&self, pid: i32) {
        self.world().ignore_signals(pid);
    }

    /// Tells whether the task lives.
    pub fn is_alive(&self, pid: i32) -> bool {
        self.world().tasks.contains_key(&pid)
    }

    /// Pids of all living tasks.
    pub fn tasks(&self) -> Vec<i32> {
        self.world().tasks.keys().copied().collect()
    }

    /// Pids of the living tasks whose context id is `xid`.
    pub fn tasks_of(&self, xid: u32) -> Vec<i32> {
        let world = self.world();
        let members = world.tasks.iter().filter(|(_, task)| task.xid == xid);
        members.map(|(pid, _)| *pid).collect()
    }

    /// Ids of all contexts.
    pub fn contexts(&self) -> Vec<u32> {
        self.world().contexts.keys().copied().collect()
    }

    /// Lets the guest in context `xid` have called `reboot(2)` with `command`.
    pub fn note_reboot(&self, xid: u32, command: u32) {
        if let Some(context) = self.world().contexts.get_mut(&xid) {
            context.exit.reboot_cmd = command as i32;
        }
    }

    /// Lets the sockets of context `xid` have had this traffic.
    pub fn count_traffic(&self, xid: u32, stat: abi::SockStat) {
        if let Some(context) = self.world().contexts.get_mut(&xid) {
            context.traffic[stat.field as usize] = stat;
        }
    }

    /// How the last context with this id ended; none when none has.
    pub fn ended(&self, xid: u32) -> Option<abi::WaitExit> {
        self.world().ended.get(&xid).copied()
    }

    /// Ids of all network contexts.
    pub fn networks(&self) -> Vec<u32> {
        self.world().networks.keys().copied().collect()
    }

    /// The addresses of a network context, as text.
    pub fn addresses(&self, nid: u32) -> Vec<String> {
        let world = self.world();
        world
            .networks
            .get(&nid)
            .map_or_else(Vec::new, |network| network.addresses.clone())
    }

    /// Takes the right to use the call from every task, or gives it back.
    pub fn set_rights(&self, granted: bool) {
        self.world().rights = granted;
    }

    /// Makes the next command with number `cmd` fail with `errno`, without any effect.
    pub fn fail_next(&self, cmd: u32, errno: Errno) {
        self.world().faults.push((cmd, errno));
    }

    /// Returns the command and id of every call so far.
    pub fn calls(&self) -> Vec<(u32, u32)> {
        self.world().calls.clone()
    }
}

impl Syscall for Fake {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        let mut world = self.world();
        world.calls.push((cmd, id));
        if let Some(place) = world.faults.iter().position(|fault| fault.0 == cmd) {
            return Err(world.faults.remove(place).1);
        }
        // SAFETY: the caller promises that `data` fits the command.
        unsafe { commands::execute(&mut world, cmd, id, data) }
    }
}

/// Command numbers that the model knows; every other one is `ENOSYS`.
pub const COMMANDS: &[u32] = &[
    abi::vcmd::GET_VERSION,
    abi::vcmd::GET_VCI,
    abi::vcmd::SET_VHI_NAME,
    abi::vcmd::GET_VHI_NAME,
    abi::vcmd::CTX_CREATE,
    abi::vcmd::ENTER_SPACE,
    abi::vcmd::SET_SPACE,
    abi::vcmd::CTX_MIGRATE,
    abi::vcmd::CTX_KILL,
    abi::vcmd::GET_BADNESS,
    abi::vcmd::SET_BADNESS,
    abi::vcmd::CTX_STAT,
    abi::vcmd::TASK_XID,
    abi::vcmd::TASK_NID,
    abi::vcmd::VX_INFO,
    abi::vcmd::WAIT_EXIT,
    abi::vcmd::GET_CFLAGS,
    abi::vcmd::SET_CFLAGS,
    abi::vcmd::GET_CCAPS,
    abi::vcmd::SET_CCAPS,
    abi::vcmd::GET_BCAPS,
    abi::vcmd::SET_BCAPS,
    abi::vcmd::GET_UMASK,
    abi::vcmd::SET_UMASK,
    abi::vcmd::GET_WMASK,
    abi::vcmd::SET_WMASK,
    abi::vcmd::GET_SPACE_MASK,
    abi::vcmd::GET_SPACE_DEFAULT,
    abi::vcmd::GET_FEATURES,
    abi::vcmd::TASK_TAG,
    abi::vcmd::TAG_MIGRATE,
    abi::vcmd::NET_CREATE_V0,
    abi::vcmd::NET_CREATE,
    abi::vcmd::NET_MIGRATE,
    abi::vcmd::NX_INFO,
    abi::vcmd::GET_NFLAGS,
    abi::vcmd::SET_NFLAGS,
    abi::vcmd::GET_NCAPS,
    abi::vcmd::SET_NCAPS,
    abi::vcmd::NET_ADD_IPV4,
    abi::vcmd::NET_REM_IPV4,
    abi::vcmd::NET_ADD_IPV6,
    abi::vcmd::NET_REMOVE_IPV6,
    abi::vcmd::GET_RLIMIT,
    abi::vcmd::SET_RLIMIT,
    abi::vcmd::GET_RLIMIT_MASK,
    abi::vcmd::RLIMIT_STAT,
    abi::vcmd::RESET_HITS,
    abi::vcmd::RESET_MINMAX,
    abi::vcmd::VIRT_STAT,
    abi::vcmd::SOCK_STAT,
    abi::vcmd::GET_PRIO_BIAS,
    abi::vcmd::SET_PRIO_BIAS,
    abi::vcmd::GET_SCHED,
    abi::vcmd::SET_SCHED,
    abi::vcmd::SCHED_INFO,
];

/// Processors of the model.
pub const PROCESSORS: usize = 2;
