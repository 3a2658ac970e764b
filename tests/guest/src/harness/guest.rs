// SPDX-License-Identifier: GPL-2.0

//! A guest: a context with one process in it that does what the scenario asks.
//!
//! The process was forked from the scenario, so functions have the same address on both sides. A
//! request names a function and its arguments; the process inside calls it and sends the value
//! back. Pipes carry both, because no check between contexts concerns pipes.

use super::carry::Carry;
use super::check::{Need, Stop};
use super::child::{self, Child, Exit};
use super::promise::subprocess;
use super::{context, network, root, wait};
use crate::limits::GONE_WITHIN;
use crate::sys::{Sys, describe, spaces};
use libvserver::abi::{XID_SELF, nxf, space, vxf};
use std::fs::File;
use std::io::{Read, Write};

/// Arguments of a function that is called inside.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Numbers: pids, ids, descriptors.
    pub numbers: Vec<i64>,
    /// A name or path.
    pub text: String,
}

impl Words {
    /// The number at `index` as a pid, id or descriptor.
    pub fn int(&self, index: usize) -> i32 {
        self.numbers[index] as i32
    }
}

/// What a guest shall be.
#[derive(Clone, Debug)]
pub struct Plan {
    xid: u32,
    flags: u64,
    spaces: u64,
    own_root: bool,
    seal: bool,
    bcaps: Option<u64>,
    umask: u64,
    network: Option<u32>,
}

/// A running guest.
#[derive(Debug)]
pub struct Guest {
    xid: u32,
    spaces: u64,
    child: Child,
    requests: Option<File>,
    answers: File,
}

impl Guest {
    /// A guest that shares every namespace with the host: only the context separates it. It has
    /// all capabilities, so that nothing but the context can be the reason of a refusal.
    pub fn plan(xid: u32) -> Plan {
        Plan {
            xid,
            flags: vxf::INIT_SET,
            spaces: 0,
            own_root: false,
            seal: true,
            bcaps: None,
            umask: 0,
            network: None,
        }
    }

    /// Starts the guest of [`Guest::plan`].
    pub fn start(xid: u32) -> Result<Self, Stop> {
        Self::plan(xid).start()
    }

    /// Context id.
    pub fn xid(&self) -> u32 {
        self.xid
    }

    /// Pid of its process in the initial pid namespace.
    pub fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// Calls a function inside, without arguments.
    pub fn ask<T: Carry>(&mut self, function: fn(&Words) -> T) -> Result<T, Stop> {
        self.say(function, &Words::default())
    }

    /// Calls a function inside, with numbers.
    pub fn call<T: Carry>(
        &mut self,
        function: fn(&Words) -> T,
        numbers: &[i64],
    ) -> Result<T, Stop> {
        self.say(
            function,
            &Words {
                numbers: numbers.to_vec(),
                text: String::new(),
            },
        )
    }

    /// Calls a function inside, with a text and numbers.
    pub fn tell<T: Carry>(
        &mut self,
        function: fn(&Words) -> T,
        text: &str,
        numbers: &[i64],
    ) -> Result<T, Stop> {
        self.say(
            function,
            &Words {
                numbers: numbers.to_vec(),
                text: text.into(),
            },
        )
    }

    /// Calls a function inside with a pid, the most frequent form.
    pub fn on<T: Carry>(&mut self, function: fn(&Words) -> T, pid: i32) -> Result<T, Stop> {
        self.call(function, &[i64::from(pid)])
    }

    fn say<T: Carry>(&mut self, function: fn(&Words) -> T, words: &Words) -> Result<T, Stop> {
        let mut request = Vec::new();
        (run::<T> as *const () as usize).pack(&mut request);
        (function as *const () as usize).pack(&mut request);
        words.numbers.pack(&mut request);
        words.text.pack(&mut request);
        let pipe = self.requests.as_mut().need("a guest that still answers")?;
        send(pipe, &request)
            .and_then(|()| receive(&mut self.answers))
            .and_then(|bytes| T::unpack(&mut bytes.as_slice()))
            .ok_or_else(|| Stop::Fail(format!("guest {} does not answer any more", self.xid)))
    }

    /// Runs `body` in a new process of the guest: a host process migrates into the context and
    /// enters all its spaces. `body` may use what the scenario knows.
    pub fn enter<T: Carry>(&self, body: impl FnOnce() -> T) -> Result<T, Stop> {
        let (xid, stored) = (self.xid, self.spaces);
        let answer = subprocess(|| -> Sys<T> {
            if stored != 0 {
                context::enter_space(xid, 0, 0)?;
            }
            context::migrate(xid, 0)?;
            Ok(body())
        })?;
        answer.map_err(|error| Stop::Fail(format!("enter guest {xid}: {}", describe(error))))
    }

    /// Clears STATE_SETUP from outside: from now on the context is closed.
    pub fn seal(&self) -> Sys<()> {
        context::set_flags(self.xid, 0, vxf::STATE_SETUP)
    }

    /// Lets the process inside exit, and waits for it.
    pub fn stop(mut self) -> Result<Exit, Stop> {
        self.close();
        self.child.wait()
    }

    /// Waits for the end of the process inside, which something else causes.
    pub fn wait(&mut self) -> Result<Exit, Stop> {
        self.child.wait()
    }

    /// Whether the process inside has ended.
    pub fn has_ended(&self) -> bool {
        self.child.has_ended()
    }

    fn close(&mut self) {
        if let Some(pipe) = self.requests.take() {
            child::release_private(&pipe);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.close();
        child::release_private(&self.answers);
        context::end(self.xid);
        let child = &self.child;
        wait::until(GONE_WITHIN, || {
            child.has_ended() && context::info(self.xid) == Err(libc::ESRCH)
        });
    }
}

impl Plan {
    /// Leaves the guest in setup: setup commands work from inside, no mask applies.
    pub fn open(mut self) -> Self {
        self.seal = false;
        self
    }

    /// Adds flags to the default ones.
    pub fn flags(mut self, more: u64) -> Self {
        self.flags |= more;
        self
    }

    /// Gives the guest namespaces of its own; they are stored in set 0.
    pub fn namespaces(mut self, bits: u64) -> Self {
        self.spaces |= bits;
        self
    }

    /// Gives the guest its own root directory and every namespace but the user namespace.
    pub fn whole(mut self) -> Self {
        self.own_root = true;
        self.spaces |= space::FS
            | space::MNT
            | space::UTS
            | space::IPC
            | space::NET
            | space::PID
            | space::CGROUP
            | space::TIME;
        self
    }

    /// Sets the capability mask.
    pub fn bcaps(mut self, mask: u64) -> Self {
        self.bcaps = Some(mask);
        self
    }

    /// Sets the unshare mask.
    pub fn umask(mut self, mask: u64) -> Self {
        self.umask = mask;
        self
    }

    /// Puts the guest into a new network context with the default flags.
    pub fn network(mut self, nid: u32) -> Self {
        self.network = Some(nid);
        self
    }

    /// Starts the guest and waits until it is as planned.
    pub fn start(self) -> Result<Guest, Stop> {
        let (request_read, request_write) = child::pipe()?;
        let (mut answer_read, answer_write) = child::pipe()?;
        child::keep_private(&request_write);
        child::keep_private(&answer_read);

        let xid = self.xid;
        let stored = self.spaces;
        let starter = Child::start(|| self.live(request_read, answer_write));
        let guest = starter.and_then(|mut starter| {
            let ready = receive(&mut answer_read)
                .and_then(|bytes| Sys::<i32>::unpack(&mut bytes.as_slice()))
                .ok_or_else(|| Stop::Fail(format!("guest {xid} ended while it started")))?;
            let pid = ready.need(&format!("start of guest {xid}"))?;
            if pid != starter.pid() {
                // The starter cannot be pid 1 of its own pid namespace; its child is.
                starter.wait()?;
                starter = Child::adopt(pid);
            }
            Ok(starter)
        });
        match guest {
            Ok(child) => Ok(Guest {
                xid,
                spaces: stored,
                child,
                requests: Some(request_write),
                answers: answer_read,
            }),
            Err(stop) => {
                child::release_private(&request_write);
                child::release_private(&answer_read);
                context::end(xid);
                Err(stop)
            }
        }
    }

    /// Body of the process inside.
    fn live(self, mut requests: File, mut answers: File) -> i32 {
        let second = match self.become_guest() {
            Ok(second) => second,
            Err(error) => {
                let mut bytes = Vec::new();
                Err::<i32, _>(error).pack(&mut bytes);
                send(&mut answers, &bytes);
                return 1;
            }
        };
        if second > 0 {
            // Report the pid that the host knows, then leave the namespace to its pid 1.
            let mut bytes = Vec::new();
            Ok::<_, i32>(second).pack(&mut bytes);
            send(&mut answers, &bytes);
            return 0;
        }
        // The pid namespace's pid 1 does not know its real pid: its parent reported it.
        if self.spaces & space::PID == 0 {
            let mut bytes = Vec::new();
            Ok::<_, i32>(crate::sys::process::getpid()).pack(&mut bytes);
            send(&mut answers, &bytes);
        }
        serve(&mut requests, &mut answers);
        0
    }

    /// Creates the context and everything that belongs to it. With a pid namespace the caller
    /// forks: the value is the child's pid in the parent, 0 in the child.
    fn become_guest(&self) -> Sys<i32> {
        if let Some(nid) = self.network {
            network::create(nid, nxf::INIT_SET)?;
        }
        context::create(self.xid, self.flags | vxf::STATE_SETUP)?;
        let children = self.spaces & (space::PID | space::TIME);
        let own = self.spaces & !(children | space::FS | space::USER);
        if own != 0 {
            spaces::unshare(own)?;
        }
        if self.own_root {
            root::pivot(&self.xid.to_string())?;
        }
        if children != 0 {
            spaces::unshare(children)?;
        }
        if self.spaces != 0 {
            context::set_space(XID_SELF, self.spaces, 0)?;
        }
        if let Some(mask) = self.bcaps {
            context::set_bcaps(XID_SELF, mask, u64::MAX)?;
        }
        if self.umask != 0 {
            context::set_umask(XID_SELF, self.umask, u64::MAX)?;
        }
        if self.spaces & space::PID == 0 {
            return self.close_setup().map(|()| 0);
        }

        let (mut read, mut write) = child::pipe().map_err(|_| libc::EMFILE)?;
        // SAFETY: single-threaded; the child goes on with the same code.
        let second = crate::sys::sys(unsafe { libc::fork() })? as i32;
        if second == 0 {
            let ready = if self.own_root {
                root::mount_proc()
            } else {
                Ok(())
            };
            let ready = ready.and_then(|()| self.close_setup());
            let mut bytes = Vec::new();
            ready.pack(&mut bytes);
            send(&mut write, &bytes);
            if let Err(error) = ready {
                // SAFETY: ends the half-made pid 1.
                unsafe { libc::_exit(error) }
            }
            return Ok(0);
        }
        drop(write);
        receive(&mut read)
            .and_then(|bytes| Sys::<()>::unpack(&mut bytes.as_slice()))
            .unwrap_or(Err(libc::EPIPE))?;
        Ok(second)
    }

    fn close_setup(&self) -> Sys<()> {
        if self.seal {
            context::set_flags(XID_SELF, 0, vxf::STATE_SETUP)?;
        }
        Ok(())
    }
}

/// Calls the function at address `function`, which returns `T`.
fn run<T: Carry>(function: usize, words: &Words) -> Vec<u8> {
    // SAFETY: the request comes from `Guest::say` of the process we were forked from, which put
    // the address of a function of this very type there.
    let function: fn(&Words) -> T = unsafe { std::mem::transmute(function) };
    let mut bytes = Vec::new();
    function(words).pack(&mut bytes);
    bytes
}

/// Answers requests until the scenario closes the pipe.
fn serve(requests: &mut File, answers: &mut File) {
    while let Some(bytes) = receive(requests) {
        let mut from = bytes.as_slice();
        let (Some(trampoline), Some(function), Some(numbers), Some(text)) = (
            usize::unpack(&mut from),
            usize::unpack(&mut from),
            Vec::<i64>::unpack(&mut from),
            String::unpack(&mut from),
        ) else {
            return;
        };
        // SAFETY: the address of a `run::<T>`, see there.
        let trampoline: fn(usize, &Words) -> Vec<u8> = unsafe { std::mem::transmute(trampoline) };
        let answer = trampoline(function, &Words { numbers, text });
        if send(answers, &answer).is_none() {
            return;
        }
    }
}

fn send(pipe: &mut File, bytes: &[u8]) -> Option<()> {
    let mut message = Vec::new();
    bytes.len().pack(&mut message);
    message.extend_from_slice(bytes);
    pipe.write_all(&message).ok()
}

fn receive(pipe: &mut File) -> Option<Vec<u8>> {
    let mut length = [0; size_of::<usize>()];
    pipe.read_exact(&mut length).ok()?;
    let mut bytes = vec![0; usize::from_ne_bytes(length)];
    pipe.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
