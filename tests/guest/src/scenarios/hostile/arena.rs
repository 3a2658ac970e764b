// SPDX-License-Identifier: GPL-2.0

//! Who takes part: a hostile guest, a guest that works beside it and a host process, each in a
//! control group with the limits that `vserver` sets.
//!
//! What a guest gets of the processors is a matter of time only, so it is measured as a part of
//! what it should have, over short spans, and the best of some counts: a machine that is busy with
//! something else for a moment takes from both guests alike.

use super::ledger::Ledger;
use super::work::Work;
use crate::harness::carry::Carry;
use crate::harness::check::{Outcome, Test};
use crate::harness::{Child, Need, Promise, Stop, child, context, wait};
use crate::limits::{GONE_WITHIN, Scale};
use crate::scenarios::context_limits;
use crate::scenarios::cpu_share::{Bucket, Place};
use crate::sys::memory::Shared;
use crate::sys::{Sys, files, greed, process, sched, spaces};
use libvserver::abi::{rlimit, vxf};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const ROOT: &str = "/sys/fs/cgroup";
const CONTROLLERS: [&str; 4] = ["cpu", "memory", "pids", "io"];

/// What the command gives a guest: the rights of Debian's services, and nothing that acts on the
/// machine as a whole: no SYS_NICE, IPC_LOCK, SYS_RESOURCE, SYS_ADMIN.
const RIGHTS: u64 = {
    const GRANTED: [u32; 17] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 15, 18, 19, 22, 26, 28, 29, 31];
    let (mut mask, mut index) = (0, 0);
    while index < GRANTED.len() {
        mask |= 1 << GRANTED[index];
        index += 1;
    }
    mask
};

/// The part of all processors that an attack uses at least while it goes on, in percent.
const ATTACKED: u32 = 2;

/// What must be there when a control group holds nothing: each processor keeps pages in advance.
pub const EMPTY: u64 = 2 << 20;

/// The controllers for groups below the topmost one, until it is dropped.
struct Controllers;

impl Controllers {
    fn begin() -> Self {
        // What the kernel does not have is missed by who needs it.
        for name in CONTROLLERS {
            let _ = files::write(
                &format!("{ROOT}/cgroup.subtree_control"),
                &format!("+{name}"),
            );
        }
        Self
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        for name in CONTROLLERS {
            let _ = files::write(
                &format!("{ROOT}/cgroup.subtree_control"),
                &format!("-{name}"),
            );
        }
    }
}

/// Transfers with a disk.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Bytes.
    pub read: u64,
    /// Bytes.
    pub written: u64,
    /// How often something was read.
    pub reads: u64,
    /// How often something was written.
    pub writes: u64,
}

/// A control group.
pub struct Group {
    path: String,
}

impl Group {
    fn make(name: &str) -> Result<Self, Stop> {
        let path = format!("{ROOT}/{name}");
        files::mkdir(&path).need("make a control group")?;
        Ok(Self { path })
    }

    /// Sets a limit.
    pub fn set(&self, file: &str, value: &str) -> Result<(), Stop> {
        files::write(&format!("{}/{file}", self.path), value).need(&format!("{file} {value}"))
    }

    /// Whether this kernel has the file.
    pub fn has(&self, file: &str) -> bool {
        files::exists(&format!("{}/{file}", self.path)).is_ok()
    }

    fn text(&self, file: &str) -> String {
        files::read(&format!("{}/{file}", self.path)).unwrap_or_default()
    }

    /// The number in a file.
    pub fn number(&self, file: &str) -> u64 {
        self.text(file).trim().parse().unwrap_or(u64::MAX)
    }

    /// The number behind a key in a file.
    pub fn value(&self, file: &str, key: &str) -> u64 {
        let text = self.text(file);
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .find(|(name, _)| *name == key)
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(u64::MAX)
    }

    /// What it has transferred with a disk, which is named by its numbers.
    pub fn moved(&self, disk: &str) -> Moved {
        let text = self.text("io.stat");
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        let line = lines.find(|(name, _)| *name == disk);
        let number = |key| {
            let mut words = line?.1.split(' ').filter_map(|word| word.split_once('='));
            words.find(|(name, _)| *name == key)?.1.parse().ok()
        };
        Moved {
            read: number("rbytes").unwrap_or(0),
            written: number("wbytes").unwrap_or(0),
            reads: number("rios").unwrap_or(0),
            writes: number("wios").unwrap_or(0),
        }
    }

    /// Processor time that its tasks have used.
    pub fn used(&self) -> Duration {
        Duration::from_micros(self.value("cpu.stat", "usage_usec"))
    }

    /// Runs `body` in the group: what it forks stays there, the caller comes back.
    pub fn within<T>(&self, body: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
        self.set("cgroup.procs", "0")?;
        let result = body();
        files::write(&format!("{ROOT}/cgroup.procs"), "0").need("leave the control group")?;
        result
    }

    /// Takes what can be had without killing: clean pages of the cache stay until somebody wants
    /// the memory.
    pub fn reclaim(&self) {
        let _ = files::write(&format!("{}/memory.reclaim", self.path), "64M");
    }

    /// Removes it, as soon as its last task is gone.
    pub fn remove(&self) -> bool {
        wait::until(GONE_WITHIN, || std::fs::remove_dir(&self.path).is_ok())
    }

    fn is_empty(&self) -> bool {
        self.value("cgroup.events", "populated") == 0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let path = &self.path;
        wait::until(GONE_WITHIN, || {
            files::exists(path).is_err() || std::fs::remove_dir(path).is_ok()
        });
    }
}

/// What an attack tells while it goes on.
pub struct Marks(Shared);

const GO: usize = 0;
const GRANTED: usize = 1;
const REFUSED: usize = 2;
/// One bit for each error number below 64, and in the next word for those from 64 on.
const ERRORS: usize = 3;
const ROUNDS: usize = 5;
const KILLS: usize = 6;
const MARKS: usize = 8;

impl Marks {
    fn map() -> Result<Self, Stop> {
        Shared::map(MARKS).map(Self).need("shared numbers")
    }

    fn at(&self, index: usize) -> &AtomicU64 {
        &self.0.numbers()[index]
    }

    fn get(&self, index: usize) -> u64 {
        self.at(index).load(Ordering::Acquire)
    }

    /// Notes what became of one try.
    pub fn note<T>(&self, result: Sys<T>) -> Sys<T> {
        match &result {
            Ok(_) => self.at(GRANTED).fetch_add(1, Ordering::AcqRel),
            Err(error) => {
                let (word, bit) = (*error as usize / 64, *error as usize % 64);
                self.at(ERRORS + word.min(1))
                    .fetch_or(1 << bit, Ordering::AcqRel);
                self.at(REFUSED).fetch_add(1, Ordering::AcqRel)
            }
        };
        result
    }

    /// One more round of the attack is over.
    pub fn round(&self) {
        self.at(ROUNDS).fetch_add(1, Ordering::AcqRel);
    }

    /// How many rounds there were.
    pub fn rounds(&self) -> u64 {
        self.get(ROUNDS)
    }

    /// A process of the attack was killed, by whoever does that.
    pub fn killed(&self) {
        self.at(KILLS).fetch_add(1, Ordering::AcqRel);
    }

    /// How many were.
    pub fn kills(&self) -> u64 {
        self.get(KILLS)
    }

    /// How many tries were granted.
    pub fn granted(&self) -> u64 {
        self.get(GRANTED)
    }

    /// How many were not.
    pub fn refused(&self) -> u64 {
        self.get(REFUSED)
    }

    /// With what errors.
    pub fn errors(&self) -> Vec<i32> {
        (0..128)
            .filter(|code| self.get(ERRORS + code / 64) & (1 << (code % 64)) != 0)
            .map(|code| code as i32)
            .collect()
    }
}

/// A process of the hostile guest, with all that it has started.
pub struct Attack {
    child: Child,
    /// What it tells.
    pub marks: Marks,
}

impl Attack {
    /// Whether it has done so many rounds within a reasonable time.
    pub fn does(&self, rounds: u64) -> bool {
        wait::until(GONE_WITHIN * 3, || {
            self.marks.rounds() >= rounds || self.child.has_ended()
        }) && self.marks.rounds() >= rounds
    }

    /// Whether it was refused something within a reasonable time.
    pub fn is_refused(&self) -> bool {
        wait::until(GONE_WITHIN * 3, || {
            self.marks.refused() > 0 || self.child.has_ended()
        }) && self.marks.refused() > 0
    }

    /// Whether its first process has ended.
    pub fn has_ended(&self) -> bool {
        self.child.has_ended()
    }
}

/// A guest: a context without tasks of its own, and its control group.
pub struct Side {
    place: Place,
    /// Its control group.
    pub group: Group,
    /// Namespaces that each process which enters makes for itself before.
    pub spaces: u64,
}

impl Side {
    /// Makes one with these limits.
    pub fn make(t: &mut Test, name: &str, limits: &[(&str, &str)]) -> Result<Self, Stop> {
        let xid = t.xid();
        let place = Place::make(xid)?;
        context::set_bcaps(xid, RIGHTS, u64::MAX).need("capability mask")?;
        let group = Group::make(&format!("{name}-{xid}"))?;
        for (file, value) in limits {
            group.set(file, value)?;
        }
        Ok(Self {
            place,
            group,
            spaces: 0,
        })
    }

    fn enter(&self) -> Sys<()> {
        if self.spaces != 0 {
            spaces::unshare(self.spaces)?;
        }
        context::migrate(self.xid(), 0)
    }

    /// Context id.
    pub fn xid(&self) -> u32 {
        self.place.xid()
    }

    /// Limits a resource of the context.
    pub fn limit(&self, id: u32, value: u64) -> Result<(), Stop> {
        context_limits::set(self.xid(), id, value, value)
            .map(drop)
            .need("limit of the context")
    }

    /// Gives it a token bucket for so many percent of one processor, with nothing in it.
    pub fn bucket(&self, percent: i32) -> Result<(), Stop> {
        self.place.bucket(Bucket::empty(percent))?;
        self.place.flag(vxf::SCHED_HARD, true)
    }

    /// How long its tasks waited for tokens.
    pub fn on_hold(&self) -> Result<Duration, Stop> {
        Ok(self.place.times()?.hold)
    }

    /// What the context has of a resource.
    pub fn has(&self, id: u32) -> u64 {
        context_limits::stat(self.xid(), id).map_or(u64::MAX, |stat| stat.value)
    }

    /// How often it was refused.
    pub fn hits(&self, id: u32) -> u32 {
        context_limits::stat(self.xid(), id).map_or(0, |stat| stat.hits)
    }

    /// Starts a process of the guest.
    pub fn start(&self, body: impl FnOnce() -> i32) -> Result<Child, Stop> {
        self.group.within(|| {
            Child::start(|| match self.enter() {
                Ok(()) => body(),
                Err(error) => error,
            })
        })
    }

    /// Starts an attack. It begins when the caller has left the group again: what is to happen to
    /// all of its tasks must not happen to the scenario.
    pub fn attack(&self, body: impl FnOnce(&Marks) -> i32) -> Result<Attack, Stop> {
        let marks = Marks::map()?;
        let child = self.start(|| {
            while marks.get(GO) == 0 {
                sleep(Duration::from_millis(1));
            }
            body(&marks)
        })?;
        marks.at(GO).store(1, Ordering::Release);
        Ok(Attack { child, marks })
    }

    /// Runs `body` in a new process of the guest and brings its value back.
    pub fn ask<T: Carry>(&self, body: impl FnOnce() -> T) -> Result<T, Stop> {
        let answer: Sys<T> = self
            .group
            .within(|| Promise::start(|| self.enter().map(|()| body())))?
            .answer()?;
        answer.need("enter the guest")
    }

    /// Ends all tasks, those as well that are born meanwhile.
    pub fn end_tasks(&self) -> bool {
        wait::until(GONE_WITHIN * 3, || {
            let _ = self.place.kill();
            self.has(rlimit::NPROC) == 0 && self.group.is_empty()
        })
    }

    /// Kills for want of memory.
    pub fn oom_kills(&self) -> u64 {
        self.group.value("memory.events", "oom_kill")
    }
}

/// A process of the host that does a little of everything when it is asked.
pub struct Host {
    child: Child,
    ask: File,
    answer: File,
    group: Group,
}

impl Host {
    fn start() -> Result<Self, Stop> {
        let group = Group::make("host")?;
        let (mut asked, ask) = child::pipe()?;
        let (answer, mut tell) = child::pipe()?;
        child::keep_private(&ask);
        child::keep_private(&answer);
        let child = group.within(|| {
            Child::start(|| {
                let mut byte = [0];
                while asked.read_exact(&mut byte).is_ok() {
                    let done = Self::work().err().unwrap_or(0);
                    if tell.write_all(&[done as u8]).is_err() {
                        break;
                    }
                }
                0
            })
        })?;
        Ok(Self {
            child,
            ask,
            answer,
            group,
        })
    }

    /// A process, a file with a page in it, memory, a descriptor.
    fn work() -> Sys<()> {
        match process::fork()? {
            0 => greed::leave(0),
            pid => process::wait(pid)?,
        };
        let path = "/tmp/host-works";
        files::create(path, &"x".repeat(4096))?;
        std::fs::remove_file(path).map_err(|e| crate::sys::code(&e))?;
        let bytes = vec![1_u8; 256 << 10];
        std::hint::black_box(&bytes);
        crate::sys::sockets::close(greed::eventfd()?);
        Ok(())
    }

    /// Lets it work; how long that took.
    pub fn answers(&mut self) -> Result<Duration, Stop> {
        let from = Instant::now();
        let mut byte = [0];
        self.ask
            .write_all(&[1])
            .and_then(|()| self.answer.read_exact(&mut byte))
            .map_err(|error| Stop::Fail(format!("the host process: {error}")))?;
        match byte[0] {
            0 => Ok(from.elapsed()),
            error => Err(i32::from(error)).need("work of the host process"),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        child::release_private(&self.ask);
        child::release_private(&self.answer);
        let _ = process::kill(self.child.pid(), libc::SIGKILL);
        let _ = self.child.wait();
        wait::until(GONE_WITHIN, || self.group.is_empty());
    }
}

/// All of them.
pub struct Arena {
    /// Takes what it can get.
    pub hostile: Side,
    /// Works beside it.
    pub victim: Side,
    /// A process of the host.
    pub host: Host,
    scale: Scale,
    before: Ledger,
    _controllers: Controllers,
}

impl Arena {
    /// Puts them up. `limits` are those of the hostile guest, above the common ones.
    pub fn set_up(t: &mut Test, limits: &[(&str, &str)]) -> Result<Self, Stop> {
        // What an attack leaves behind goes to PID 1, which reaps it.
        process::adopt_orphans(false);
        let before = Ledger::read()?;
        let controllers = Controllers::begin();
        let common = [
            ("cpu.weight", "100"),
            ("memory.max", "48M"),
            ("memory.swap.max", "0"),
            ("pids.max", "100"),
        ];
        let hostile = Side::make(t, "hostile", &common)?;
        for (file, value) in limits {
            hostile.group.set(file, value)?;
        }
        Ok(Self {
            hostile,
            victim: Side::make(t, "victim", &common)?,
            host: Host::start()?,
            scale: t.scale(),
            before,
            _controllers: controllers,
        })
    }

    /// What the host used for itself: the process that answers, and this one that asks.
    fn others(&self) -> Duration {
        self.host.group.used() + process::used()
    }

    /// The part of its share that the victim gets with so many threads; the longest answer of the
    /// host meanwhile. With equal weights its share is half of what the host leaves of the
    /// processors where it has threads. Only such looks count in which the hostile guest has used
    /// `attacked` percent of the machine, and `enough` ends it.
    fn measure(
        &mut self,
        threads: i32,
        attacked: u32,
        enough: impl Fn(f64) -> bool,
    ) -> Result<(f64, Duration), Stop> {
        let processors = sched::processors();
        let part = f64::from(threads.min(processors));
        let work = Work::start(&self.victim, threads as usize)?;
        // Weights follow what a group has run lately.
        sleep(Duration::from_millis(200));
        let (mut looks, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let (used, others) = (work.used(), self.others());
            let (hostile, from) = (self.hostile.group.used(), Instant::now());
            while from.elapsed() < self.scale.span() {
                answers.push(self.host.answers()?);
                sleep(Duration::from_millis(50));
            }
            let elapsed = from.elapsed();
            let others = (self.others() - others).as_secs_f64() / f64::from(processors);
            let possible = (elapsed.as_secs_f64() - others) * part / 2.0;
            let share = (work.used() - used).as_secs_f64() / possible;
            let hostile = self.hostile.group.used() - hostile;
            if hostile * 100 >= elapsed * processors as u32 * attacked {
                looks.push(share);
            }
            if looks.last().is_some_and(|share| enough(*share)) {
                break;
            }
        }
        work.end()?;
        // A machine that stands still delays one answer.
        answers.sort_unstable();
        if answers.len() > 3 {
            answers.pop();
        }
        Ok((
            looks.pop().unwrap_or(0.0),
            answers.pop().unwrap_or_default(),
        ))
    }

    /// Checks that the victim keeps its share and that the host answers while an attack goes on.
    pub fn holds(&mut self, t: &mut Test, what: &str) -> Outcome {
        let (threads, fair) = (2 * sched::processors(), self.scale.fair());
        let (share, slowest) = self.measure(threads, ATTACKED, |share| share >= fair)?;
        t.check(
            &format!(
                "{what}: the other guest keeps its share of the processors: {:.0} %",
                share * 100.0
            ),
            share >= self.scale.fair(),
        );
        t.check(
            &format!("{what}: the host answers: {slowest:.0?} at most"),
            slowest <= self.scale.prompt(),
        );
        Ok(())
    }

    /// The part of its share that the victim gets with so many threads, whatever the hostile guest
    /// does: the first that is enough, or the last.
    pub fn share(&mut self, threads: i32, enough: f64) -> Result<f64, Stop> {
        Ok(self.measure(threads, 0, |share| share >= enough)?.0)
    }

    /// The first that is no more than a control may have, or the last.
    pub fn little(&mut self, threads: i32, most: f64) -> Result<f64, Stop> {
        Ok(self.measure(threads, 0, |share| share < most)?.0)
    }

    /// Ends the tasks of the hostile guest and checks that its context has nothing any more.
    pub fn clears(&self, t: &mut Test, what: &str) {
        t.check(
            &format!("{what}: all its tasks end"),
            self.hostile.end_tasks(),
        );
        for (name, id) in [
            ("threads", rlimit::NPROC),
            ("files", rlimit::NOFILE),
            ("sockets", rlimit::NSOCK),
            ("shared memory", rlimit::SHMEM),
            ("semaphore arrays", rlimit::SEMARY),
            ("semaphores", rlimit::NSEMS),
        ] {
            let side = &self.hostile;
            t.check(
                &format!("{what}: the context has no {name} any more"),
                wait::until(GONE_WITHIN, || side.has(id) == 0),
            );
        }
        let group = &self.hostile.group;
        let empty = wait::until(GONE_WITHIN, || {
            group.reclaim();
            group.number("memory.current") <= EMPTY
        });
        t.check(
            &format!(
                "{what}: its control group holds nothing any more: {} KiB",
                group.number("memory.current") / 1024
            ),
            empty,
        );
    }

    /// Ends everything: nothing was done to the others, all is given back.
    pub fn ends(self, t: &mut Test) -> Outcome {
        self.clears(t, "the end");
        t.equal("no kill in the other guest", self.victim.oom_kills(), 0);
        t.equal(
            "none of the host",
            self.host.group.value("memory.events", "oom_kill"),
            0,
        );
        t.check("the host process lives", !self.host.child.has_ended());
        let Self {
            hostile,
            victim,
            host,
            scale,
            before,
            ..
        } = self;
        t.check("its control group can be removed", hostile.group.remove());
        drop((hostile, victim, host));
        before.comes_back(t, scale)
    }
}
