// SPDX-License-Identifier: GPL-2.0

//! Changing the limits of a guest, in its description and while it runs: everything is checked
//! before anything is changed, and a change that fails half way is undone.

use crate::bits::Problem;
use crate::bucket::{Bucket, hertz};
use crate::confine::{self, check_machine, disk, enable, find_bucket, no_bucket, not_written};
use crate::context::Limit;
use crate::controls::{Control, of_disk_change, of_key};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::limits::{IoLimit, Key, Limits, NONE, split_disk};
use crate::live::not_running;
use crate::quantity::{bytes_short, bytes_text};
use crate::system::System;
use libvserver::abi::{rlimit, vxf};
use libvserver::{Errno, Vserver};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A change of limits, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Limits other than those of disks.
    pub words: Vec<(Key, String)>,
    /// `DISK:LIMITS`, `DISK:none` or `none`.
    pub disks: Vec<String>,
}

/// What a change touches, and what comes out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The limits afterwards.
    pub after: Limits,
    /// Limits that were named.
    pub keys: BTreeSet<Key>,
    /// Disks that were named.
    pub disks: BTreeSet<PathBuf>,
}

impl Wishes {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.disks.is_empty()
    }

    /// Works out the limits after the change of `before`.
    ///
    /// # Errors
    ///
    /// A value makes no sense, or does not fit to the others.
    pub fn plan(&self, before: &Limits) -> Result<Plan, Problem> {
        let mut after = before.clone();
        let mut keys = BTreeSet::new();
        let mut disks = BTreeSet::new();
        for (key, text) in &self.words {
            after.set(*key, text)?;
            keys.insert(*key);
        }
        for text in &self.disks {
            if text == NONE {
                disks.extend(after.io.drain(..).map(|limit| limit.device));
                keys.insert(Key::Io);
                continue;
            }
            let limit = match split_disk(text) {
                Some((device, NONE)) => Err(PathBuf::from(device)),
                _ => Ok(text.parse::<IoLimit>()?),
            };
            let device = limit
                .as_ref()
                .map_or_else(Clone::clone, |limit| limit.device.clone());
            if !disks.insert(device.clone()) {
                return Err(Problem {
                    message: format!("disk {} is named twice", device.display()),
                    remedy: "write all limits of a disk in one, separated by commas".to_owned(),
                });
            }
            keys.insert(Key::Io);
            let place = after.io.iter().position(|one| one.device == device);
            match (limit, place) {
                (Ok(limit), Some(place)) => after.io[place] = limit,
                (Ok(limit), None) => after.io.push(limit),
                (Err(_), Some(place)) => drop(after.io.remove(place)),
                (Err(_), None) => {
                    return Err(Problem {
                        message: format!("disk {} has no limits", device.display()),
                        remedy: "`vserver show` tells which disks have".to_owned(),
                    });
                }
            }
        }
        after.check().map_err(|(_, problem)| problem)?;
        Ok(Plan { after, keys, disks })
    }
}

impl Plan {
    /// The limits that were named and are set afterwards, without the disks.
    pub fn named(&self) -> Limits {
        let mut named = self.after.clone();
        named.io.clear();
        for key in Key::ALL.into_iter().filter(|key| !self.keys.contains(key)) {
            // To lift a limit is always possible.
            let _ = named.set(key, NONE);
        }
        named
    }
}

/// One thing to change in a running guest.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Control(Control),
    Bucket(Option<Bucket>),
    Files(Option<u32>),
}

/// What a step has changed.
enum Before {
    Control(String),
    Bucket(Bucket, bool),
    Files(Limit),
}

/// The steps of a plan; the one that may cost a task comes last.
fn steps<S: System>(system: &S, guest: &Guest, plan: &Plan) -> Outcome<Vec<Step>> {
    let usage = |problem: &Problem| confine::refused(Reason::Usage, problem);
    let mut steps = Vec::new();
    // Lifted ones first: another name may be that of the same disk.
    let (set, lifted): (Vec<_>, Vec<_>) = plan
        .disks
        .iter()
        .partition(|device| plan.after.of_disk(device).is_some());
    for device in lifted.into_iter().chain(set) {
        let (old, new) = (guest.limits.of_disk(device), plan.after.of_disk(device));
        let number = match (disk(system, device), new) {
            (Ok(number), _) => number,
            // A disk that is gone has no limits any more.
            (Err(_), None) => continue,
            (Err(problem), Some(_)) => return Err(usage(&problem)),
        };
        let controls = of_disk_change(old, new, &number);
        steps.extend(controls.into_iter().map(Step::Control));
    }
    if plan.keys.contains(&Key::Files) {
        steps.push(Step::Files(plan.after.files));
    }
    let bucket = [Key::Cpu, Key::CpuBurst, Key::CpuIdle];
    if bucket.iter().any(|key| plan.keys.contains(key)) {
        let bucket = find_bucket(system, &plan.after)?;
        // Where there are no buckets, there is none to lift.
        let without = hertz(&Vserver::with(system)) == Err(Errno(libc::ENOSYS));
        if bucket.is_some() || !without {
            steps.push(Step::Bucket(bucket));
        }
    }
    let order = [
        Key::Cpus,
        Key::Weight,
        Key::Pids,
        Key::Swap,
        Key::MemHigh,
        Key::Mem,
    ];
    let named = order.into_iter().filter(|key| plan.keys.contains(key));
    steps.extend(
        named
            .filter_map(|key| of_key(&plan.after, key))
            .map(Step::Control),
    );
    Ok(steps)
}

/// A number in a file of the cgroup; none when it is not there.
fn number<S: System>(system: &S, name: &str, file: &str) -> Option<u64> {
    system.read_cgroup(name, file).ok()?.trim_end().parse().ok()
}

/// What the guest uses of its memory that cannot be dropped.
fn held_memory<S: System>(system: &S, name: &str) -> Option<u64> {
    let current = number(system, name, "memory.current")?;
    let stat = system.read_cgroup(name, "memory.stat").unwrap_or_default();
    let droppable: u64 = stat
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(key, _)| matches!(*key, "active_file" | "inactive_file" | "slab_reclaimable"))
        .filter_map(|(_, value)| value.parse::<u64>().ok())
        .sum();
    Some(current.saturating_sub(droppable))
}

/// Refuses limits below what the guest uses.
fn check_use<S: System>(system: &S, guest: &Guest, plan: &Plan) -> Outcome<()> {
    let name = &guest.name;
    let refused =
        |message: String, remedy: String| Err(Failure::new(Reason::Usage, message, remedy));
    let after = &plan.after;
    let named = |key: Key| plan.keys.contains(&key);
    let mem = after.mem.filter(|_| named(Key::Mem));
    let held = mem.and_then(|_| held_memory(system, name));
    if let (Some(mem), Some(held)) = (mem, held.filter(|held| Some(*held) > mem)) {
        let (held, mem) = (bytes_short(held), bytes_text(mem));
        return refused(
            format!(
                "guest \"{name}\" holds {held} of memory that cannot be dropped, more than mem \
                 {mem}: the kernel would kill its tasks"
            ),
            format!(
                "write more than {held}, or press it down with mem-high first, such as `vserver \
                 set {name} --mem-high {mem}`, and try again"
            ),
        );
    }
    let pids = after.pids.filter(|_| named(Key::Pids)).map(u64::from);
    let tasks = pids.and_then(|_| number(system, name, "pids.current"));
    if let (Some(pids), Some(tasks)) = (pids, tasks.filter(|tasks| Some(*tasks) > pids)) {
        return refused(
            format!("guest \"{name}\" has {tasks} processes and threads, more than pids {pids}"),
            format!("write {tasks} at least, or let the guest end some first"),
        );
    }
    let files = after.files.filter(|_| named(Key::Files)).map(u64::from);
    let vserver = Vserver::with(system);
    // Not every kernel counts them.
    let open = files.and_then(|_| vserver.rlimit_stat(guest.xid, rlimit::NOFILE).ok());
    let open = open.map(|stat| stat.value);
    if let (Some(files), Some(open)) = (files, open.filter(|open| Some(*open) > files)) {
        return refused(
            format!("guest \"{name}\" has {open} open files, more than files {files}"),
            format!("write {open} at least, or let the guest close some first"),
        );
    }
    Ok(())
}

impl Step {
    fn read<S: System>(&self, system: &S, guest: &Guest) -> Outcome<Before> {
        let vserver = Vserver::with(system);
        let xid = guest.xid;
        match self {
            Self::Control(control) => system
                .read_cgroup(&guest.name, control.file)
                .map(Before::Control)
                .map_err(|error| not_written(&guest.name, control, &error)),
            Self::Bucket(_) => {
                let bucket = Bucket::read(&vserver, xid).map_err(no_bucket)?;
                let flags = vserver.flags(xid).map_err(|errno| refused(guest, errno))?;
                Ok(Before::Bucket(bucket, flags.value & vxf::SCHED_HARD != 0))
            }
            Self::Files(_) => Limit::read(&vserver, xid, rlimit::NOFILE)
                .map(Before::Files)
                .map_err(|errno| refused(guest, errno)),
        }
    }

    fn write<S: System>(&self, system: &S, guest: &Guest, before: &Before) -> Outcome<()> {
        let vserver = Vserver::with(system);
        let xid = guest.xid;
        match self {
            Self::Control(control) => system
                .write_cgroup(&guest.name, control.file, &control.value)
                .map_err(|error| not_written(&guest.name, control, &error)),
            Self::Bucket(wanted) => {
                let unset = || hertz(&vserver).map(Bucket::unset);
                let bucket = wanted.map_or_else(unset, Ok).map_err(no_bucket)?;
                // Who was free until now begins with a full bucket.
                let full = wanted.is_some() && !matches!(before, Before::Bucket(_, true));
                let hard = wanted.is_some() || guest.flags & vxf::SCHED_HARD != 0;
                set_bucket(&vserver, xid, bucket, full, hard).map_err(|errno| refused(guest, errno))
            }
            Self::Files(files) => {
                let files = files.map(u64::from);
                let (soft, hard) = (files, files);
                Limit { soft, hard }
                    .write(&vserver, xid, rlimit::NOFILE)
                    .map_err(|errno| refused(guest, errno))
            }
        }
    }

    /// Puts back what was there; what cannot be undone was not done.
    fn undo<S: System>(&self, system: &S, guest: &Guest, before: &Before) {
        let vserver = Vserver::with(system);
        match (self, before) {
            (Self::Control(control), Before::Control(text)) => {
                let before = control.undone(text);
                let _ = system.write_cgroup(&guest.name, before.file, &before.value);
            }
            (_, Before::Bucket(bucket, hard)) => {
                let _ = set_bucket(&vserver, guest.xid, *bucket, false, *hard);
            }
            (_, Before::Files(limit)) => {
                let _ = limit.write(&vserver, guest.xid, rlimit::NOFILE);
            }
            // Each step reads its own kind.
            _ => {}
        }
    }
}

fn set_bucket<S: libvserver::Syscall>(
    vserver: &Vserver<S>,
    xid: u32,
    bucket: Bucket,
    full: bool,
    hard: bool,
) -> Result<(), Errno> {
    bucket.write(vserver, xid, full)?;
    let flag = if hard { vxf::SCHED_HARD } else { 0 };
    vserver.set_flags(xid, flag, vxf::SCHED_HARD)
}

fn refused(guest: &Guest, errno: Errno) -> Failure {
    if errno.0 == libc::ESRCH {
        return not_running(&guest.name);
    }
    Failure::from_os(
        &format!("change the limits of guest \"{}\"", guest.name),
        &errno.into(),
        "`vserver kernel` shows what this kernel supports",
    )
}

/// A change of a running guest that can be undone.
pub struct Applied(Vec<(Step, Before)>);

impl Applied {
    /// Undoes the change, last step first.
    pub fn undo<S: System>(&self, system: &S, guest: &Guest) {
        for (step, before) in self.0.iter().rev() {
            step.undo(system, guest, before);
        }
    }
}

/// Checks a plan against the machine.
///
/// # Errors
///
/// [`Reason::Usage`]: the machine cannot do it.
pub fn check<S: System>(system: &S, plan: &Plan) -> Outcome<()> {
    // What was not named may be about what the machine has lost since.
    let mut named = plan.named();
    if named.cpu.is_some() || named.cpus.is_some() {
        (named.cpu, named.cpus) = (plan.after.cpu, plan.after.cpus.clone());
    }
    if plan.keys.contains(&Key::Io) {
        named.io.clone_from(&plan.after.io);
    }
    check_machine(system, &named)
        .map(drop)
        .map_err(|(_, problem)| confine::refused(Reason::Usage, &problem))
}

/// Makes the change in the running guest, all of it or nothing; `guest` has the limits before.
///
/// # Errors
///
/// It uses more, or the kernel refused: then it has the limits that it had.
pub fn apply<S: System>(system: &S, guest: &Guest, plan: &Plan) -> Outcome<Applied> {
    check_use(system, guest, plan)?;
    let steps = steps(system, guest, plan)?;
    let controls: Vec<Control> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Control(control) => Some(control.clone()),
            _ => None,
        })
        .collect();
    if !controls.is_empty() {
        enable(system, &guest.name, &controls)?;
    }
    let before: Vec<Before> = steps
        .iter()
        .map(|step| step.read(system, guest))
        .collect::<Outcome<_>>()?;
    let mut applied = Applied(Vec::new());
    for (step, before) in steps.into_iter().zip(before) {
        let written = step.write(system, guest, &before);
        applied.0.push((step, before));
        if let Err(mut failure) = written {
            applied.undo(system, guest);
            failure.message += "; the guest has the limits that it had before";
            return Err(failure);
        }
    }
    Ok(applied)
}

#[cfg(test)]
#[path = "limit_change_tests.rs"]
mod tests;
