// SPDX-License-Identifier: GPL-2.0

//! Putting a guest under its limits when it starts: what the machine cannot do is told before
//! anything is made.

use crate::bits::Problem;
use crate::bucket::{self, Bucket};
use crate::controls::{self, CONTROLLERS, Control};
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::limits::{Key, Limits};
use crate::quantity::Cpus;
use crate::system::{Cgroup, Device, System};
use libvserver::abi::{XID_SELF, feature, rlimit, vxf};
use libvserver::{Errno, Syscall, Vserver, capability};
use std::io;
use std::path::Path;

/// Finds the disk at `path`; returns its number.
///
/// # Errors
///
/// It is no whole disk.
pub fn disk<S: System>(system: &S, path: &Path) -> Result<String, Problem> {
    let shown = path.display();
    let (message, remedy) = match system.device(path) {
        Ok(Device::Disk(number)) => return Ok(number),
        Ok(Device::Partition(whole)) => (
            format!("{shown} is a partition, and the kernel limits whole disks only"),
            format!("write the disk itself: \"{}:...\"", whole.display()),
        ),
        Ok(Device::Other) => (
            format!("{shown} is no block device"),
            "write the device node of a disk, such as \"/dev/vda:rbps=20M\"; `lsblk --nodeps` \
             lists them"
                .to_owned(),
        ),
        Err(error) => (
            format!("disk {shown} cannot be looked at: {error}"),
            "write the device node of a disk, such as \"/dev/vda:rbps=20M\"; `lsblk --nodeps` \
             lists them"
                .to_owned(),
        ),
    };
    Err(Problem { message, remedy })
}

/// Checks the limits against the machine; returns the numbers of the disks, in their order.
///
/// # Errors
///
/// The machine lacks a processor or a disk, or a disk is named twice.
pub fn check_machine<S: System>(
    system: &S,
    limits: &Limits,
) -> Result<Vec<String>, (Key, Problem)> {
    if limits.cpu.is_some() || limits.cpus.is_some() {
        let online = system.online_cpus().map_err(|error| {
            let problem = Key::Cpus.problem(format!("the processors cannot be counted: {error}"));
            (Key::Cpus, problem)
        })?;
        if let Some(cpus) = &limits.cpus {
            let beyond = cpus.beyond(&online);
            if !beyond.is_empty() {
                let message = format!("this machine has processors {online}, but not {beyond}");
                let remedy = format!("write some of these, such as \"{online}\"");
                return Err((Key::Cpus, Problem { message, remedy }));
            }
        }
        let all = Cpus::whole(online.count());
        if let Some(cpu) = limits.cpu.filter(|cpu| *cpu > all) {
            let message = format!(
                "cpu {cpu} is more than this machine has: {} processors",
                online.count()
            );
            let remedy = format!(
                "write processors from 0.01 to {}, such as \"0.5\"",
                online.count()
            );
            return Err((Key::Cpu, Problem { message, remedy }));
        }
    }
    let mut numbers: Vec<String> = Vec::new();
    for limit in &limits.io {
        let number = disk(system, &limit.device).map_err(|problem| (Key::Io, problem))?;
        if let Some(index) = numbers.iter().position(|other| *other == number) {
            let message = format!(
                "{} and {} are the same disk",
                limits.io[index].device.display(),
                limit.device.display()
            );
            let remedy = "name a disk once, with all its limits".to_owned();
            return Err((Key::Io, Problem { message, remedy }));
        }
        numbers.push(number);
    }
    Ok(numbers)
}

/// The failure for limits that make no sense.
pub fn refused(reason: Reason, problem: &Problem) -> Failure {
    Failure::new(reason, problem.message.clone(), problem.remedy.clone())
}

/// Checks what a guest asks for against the machine, before its cgroup is made; returns the numbers
/// of its disks, and its bucket.
///
/// # Errors
///
/// [`Reason::StartFailed`].
pub fn prepare<S: System>(system: &S, guest: &Guest) -> Outcome<(Vec<String>, Option<Bucket>)> {
    let numbers = check_machine(system, &guest.limits)
        .map_err(|(_, problem)| refused(Reason::StartFailed, &problem))?;
    let bucket = find_bucket(system, &guest.limits).map_err(|mut failure| {
        failure.reason = Reason::StartFailed;
        failure
    })?;
    Ok((numbers, bucket))
}

/// The bucket that the limits ask for, on this machine.
///
/// # Errors
///
/// The kernel has no token bucket.
pub fn find_bucket<S: System>(system: &S, limits: &Limits) -> Outcome<Option<Bucket>> {
    if limits.cpu.is_none() {
        return Ok(None);
    }
    let online = system.online_cpus();
    let online =
        online.map_err(|error| Failure::from_os("count the processors", &error, "try again"))?;
    let hertz = bucket::hertz(&Vserver::with(system)).map_err(no_bucket)?;
    Ok(Bucket::of(limits, online.count(), hertz))
}

/// The failure of a command about buckets.
pub fn no_bucket(errno: Errno) -> Failure {
    Failure::from_os(
        "limit the processor time by limit cpu",
        &errno.into(),
        "this kernel has no token bucket; lift the limit with `--cpu none`, `weight` and `cpus` \
         work without",
    )
}

/// Lets a cgroup have the controllers that its limits need; others follow where the host offers
/// them.
///
/// # Errors
///
/// One that is needed is not there.
pub fn enable<S: System>(system: &S, name: &str, controls: &[Control]) -> Outcome<()> {
    for controller in CONTROLLERS {
        let enabled = system.enable_controller(name, controller);
        let needed = controls.iter().find(|one| one.controller() == *controller);
        let (Some(control), Ok(false) | Err(_)) = (needed, &enabled) else {
            continue;
        };
        let what = format!(
            "the cgroup controller \"{controller}\", which limit {} of guest \"{name}\" needs",
            control.key.name()
        );
        let option = match *controller {
            "cpu" => "CONFIG_CGROUP_SCHED",
            "cpuset" => "CONFIG_CPUSETS",
            "io" => "CONFIG_BLK_CGROUP",
            "memory" => "CONFIG_MEMCG",
            _ => "CONFIG_CGROUP_PIDS",
        };
        return Err(match enabled {
            Err(error) => Failure::from_os(
                &format!("enable {what}"),
                &error,
                "the file cgroup.subtree_control of the cgroups above has to name the controller: \
                 a cgroup that holds processes itself cannot hand it on",
            ),
            _ => Failure::new(
                Reason::KernelError,
                format!("this host does not offer {what}"),
                format!(
                    "boot a kernel with {option}, without `cgroup_disable={controller}` on its \
                     command line, and do not mount the controller as cgroup v1; \
                     cgroup.controllers at the mount point of cgroup2 lists those that there are"
                ),
            ),
        });
    }
    Ok(())
}

/// The failure of a limit that the kernel does not take.
pub fn not_written(name: &str, control: &Control, error: &io::Error) -> Failure {
    let what = format!(
        "write \"{}\" to {} for limit {} of guest \"{name}\"",
        control.value,
        control.file,
        control.key.name()
    );
    let remedy = match error.raw_os_error() {
        Some(libc::ENOENT) => format!(
            "this kernel has no such file: boot one with {}, or lift the limit with \"none\"",
            controls::option_of(control.file)
        ),
        Some(libc::ENODEV) => "the kernel limits no such disk; name another one".to_owned(),
        _ => {
            "the kernel refused the value; `vserver show` tells the limits of the guest".to_owned()
        }
    };
    Failure::from_os(&what, error, &remedy)
}

/// Writes the limits of a guest into its new cgroup.
///
/// # Errors
///
/// [`Reason::StartFailed`]; the caller removes the cgroup then.
pub fn confine<S: System>(
    system: &S,
    guest: &Guest,
    cgroup: Option<&Cgroup>,
    numbers: &[String],
) -> Outcome<()> {
    let failed = |mut failure: Failure| {
        failure.reason = Reason::StartFailed;
        failure
    };
    let controls = controls::of_all(&guest.limits, numbers);
    if cgroup.is_none() {
        let Some(control) = controls.first() else {
            return Ok(());
        };
        return Err(Failure::new(
            Reason::StartFailed,
            format!(
                "the limit {} of guest \"{}\" needs the cgroup controller \"{}\", but no cgroup2 \
                 file system is mounted",
                control.key.name(),
                guest.name,
                control.controller()
            ),
            "mount it: `mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup`",
        ));
    }
    enable(system, &guest.name, &controls).map_err(failed)?;
    for control in &controls {
        system
            .write_cgroup(&guest.name, control.file, &control.value)
            .map_err(|error| failed(not_written(&guest.name, control, &error)))?;
    }
    Ok(())
}

/// What the user should know of the limits of a guest that starts.
pub fn start_notes<S: Syscall>(vserver: &Vserver<S>, guest: &Guest) -> Vec<String> {
    let mut notes = notes(vserver, &guest.limits);
    if guest.limits.need_cgroup() && guest.capabilities & (1 << capability::SYS_ADMIN) != 0 {
        notes.push(
            "with the capability SYS_ADMIN the guest can change its limits: leave it out of `caps`"
                .to_owned(),
        );
    }
    notes
}

/// What the user should know of limits that the kernel keeps and does not enforce.
pub fn notes<S: Syscall>(vserver: &Vserver<S>, limits: &Limits) -> Vec<String> {
    if limits.cpu.is_none() && limits.files.is_none() {
        return Vec::new();
    }
    let features = vserver.features().map_or(0, |features| features.bits);
    let kept = [
        (Key::Cpu, limits.cpu.is_some(), feature::SCHED_ENFORCED),
        (Key::Files, limits.files.is_some(), feature::LIMITS_ENFORCED),
    ];
    let without = kept
        .iter()
        .filter(|(_, set, bit)| *set && features & bit == 0);
    without
        .map(|(key, ..)| {
            let name = key.name();
            format!("this kernel keeps the limit {name} and tells it, but does not enforce it")
        })
        .collect()
}

/// Sets what the context of the caller keeps: runs inside, before the seal.
///
/// # Errors
///
/// The kernel refused.
pub fn bind_context<S: System>(
    system: &S,
    limits: &Limits,
    bucket: Option<&Bucket>,
) -> Result<(), (&'static str, Errno)> {
    let vserver = Vserver::with(system);
    if let Some(bucket) = bucket {
        bucket
            .write(&vserver, XID_SELF, true)
            .and_then(|()| vserver.set_flags(XID_SELF, vxf::SCHED_HARD, vxf::SCHED_HARD))
            .map_err(|errno| ("limit the processor time by limit cpu", errno))?;
    }
    if let Some(files) = limits.files {
        let files = u64::from(files);
        vserver
            .set_rlimit(XID_SELF, rlimit::NOFILE, files, files)
            .map_err(|errno| ("limit the open files by limit files", errno))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, guest};

    fn limited(words: &[(Key, &str)], io: &[&str]) -> Limits {
        let mut limits = Limits::default();
        for (key, text) in words {
            limits.set(*key, text).unwrap();
        }
        limits.io = io.iter().map(|text| text.parse().unwrap()).collect();
        limits
    }

    #[test]
    fn what_the_machine_does_not_have_is_told_with_a_remedy() {
        let model = Model::new();
        let check = |words: &[(Key, &str)], io: &[&str]| check_machine(&model, &limited(words, io));
        let (key, problem) = check(&[(Key::Cpus, "0-3")], &[]).unwrap_err();
        assert_eq!(key, Key::Cpus);
        assert_eq!(
            problem.message,
            "this machine has processors 0-1, but not 2-3"
        );
        let (key, problem) = check(&[(Key::Cpu, "2.5")], &[]).unwrap_err();
        assert_eq!(key, Key::Cpu);
        assert!(problem.remedy.contains("0.01 to 2"), "{problem:?}");
        let (_, problem) = check(&[], &["/dev/vda1:rbps=1M"]).unwrap_err();
        assert!(problem.message.contains("is a partition"), "{problem:?}");
        assert!(problem.remedy.contains("\"/dev/vda:"), "{problem:?}");
        let (_, problem) = check(&[], &["/dev/null:rbps=1M"]).unwrap_err();
        assert!(
            problem.message.contains("is no block device"),
            "{problem:?}"
        );
        let (_, problem) = check(&[], &["/dev/none:rbps=1M"]).unwrap_err();
        assert!(problem.message.contains("/dev/none"), "{problem:?}");
        let twice = ["/dev/vda:rbps=1M", "/dev/disk/by-id/a:wbps=1M"];
        let (_, problem) = check(&[], &twice).unwrap_err();
        assert!(problem.message.contains("are the same disk"), "{problem:?}");
        let good = [(Key::Cpu, "2"), (Key::Cpus, "0-1")];
        assert_eq!(
            check(&good, &["/dev/vda:rbps=1M"]),
            Ok(vec!["254:0".to_owned()])
        );
    }

    #[test]
    fn a_missing_controller_is_named() {
        let mut model = Model::new();
        model.controllers.remove("memory");
        let mut web = guest();
        web.limits = limited(&[(Key::Mem, "512M")], &[]);
        let cgroup = model.create_cgroup("web").unwrap();
        let failure = confine(&model, &web, cgroup.as_ref(), &[]).unwrap_err();
        assert_eq!(failure.reason, Reason::StartFailed);
        assert!(failure.message.contains("limit mem "), "{failure:?}");
        assert!(failure.message.contains("\"memory\""), "{failure:?}");
        assert!(failure.remedy.contains("CONFIG_MEMCG"), "{failure:?}");
        let failure = confine(&model, &web, None, &[]).unwrap_err();
        assert!(failure.remedy.contains("mount -t cgroup2"), "{failure:?}");
        // What nobody needs may be missing.
        web.limits = limited(&[(Key::Pids, "64")], &[]);
        confine(&model, &web, cgroup.as_ref(), &[]).unwrap();
        assert_eq!(model.controls.borrow()["pids.max"], "64");
    }

    #[test]
    fn limits_without_effect_are_told() {
        let model = Model::new();
        let vserver = Vserver::with(&model);
        let told = |words: &[(Key, &str)]| notes(&vserver, &limited(words, &[]));
        let both = told(&[(Key::Cpu, "1"), (Key::Files, "64"), (Key::Mem, "1G")]);
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(both[0].contains("limit cpu") && both[1].contains("limit files"));
        assert!(told(&[(Key::Mem, "1G")]).is_empty());
        let mut web = guest();
        web.limits = limited(&[(Key::Mem, "1G")], &[]);
        assert!(start_notes(&vserver, &web).is_empty());
        web.capabilities |= 1 << capability::SYS_ADMIN;
        assert!(start_notes(&vserver, &web)[0].contains("SYS_ADMIN"));
    }

    #[test]
    fn a_missing_file_is_told_with_the_option_of_the_kernel() {
        let model = Model::new();
        model.create_cgroup("web").unwrap();
        let control = Control {
            key: Key::Io,
            file: "io.max",
            value: "254:0 rbps=1".to_owned(),
        };
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let failure = not_written("web", &control, &error);
        assert!(
            failure.remedy.contains("CONFIG_BLK_DEV_THROTTLING"),
            "{failure:?}"
        );
        assert!(failure.message.contains("io.max"), "{failure:?}");
    }
}
