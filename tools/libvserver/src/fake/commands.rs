// SPDX-License-Identifier: GPL-2.0

//! The commands of the model.

use super::world::{Context, World};
use super::{limits, network, scheduler};
use crate::Errno;
use crate::abi::{self, vcmd, vxf, vxm};
use std::ffi::c_void;

/// Who may call a command, and on what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No object.
    Global,
    /// Reads an object, from anywhere.
    Query,
    /// Changes an object: from the host, or from inside during setup.
    Setup,
    /// Changes an object: from the host only.
    Admin,
    /// `ctx_kill`: host only, also without `STATE_ADMIN`.
    Kill,
    /// Changes the tag of the caller: host only.
    Tag,
    /// About network contexts, which have rules of their own.
    Network,
}

fn kind(cmd: u32) -> Result<Kind, Errno> {
    Ok(match cmd {
        vcmd::GET_VERSION
        | vcmd::GET_VCI
        | vcmd::GET_SPACE_MASK
        | vcmd::GET_SPACE_DEFAULT
        | vcmd::TASK_XID
        | vcmd::TASK_NID
        | vcmd::TASK_TAG
        | vcmd::GET_FEATURES
        | vcmd::GET_RLIMIT_MASK
        | vcmd::SCHED_INFO
        | vcmd::CTX_CREATE => Kind::Global,
        vcmd::GET_VHI_NAME
        | vcmd::GET_BADNESS
        | vcmd::CTX_STAT
        | vcmd::VX_INFO
        | vcmd::WAIT_EXIT
        | vcmd::GET_PRIO_BIAS
        | vcmd::GET_SCHED
        | vcmd::GET_CFLAGS
        | vcmd::GET_CCAPS
        | vcmd::GET_BCAPS
        | vcmd::GET_UMASK
        | vcmd::GET_WMASK => Kind::Query,
        cmd if limits::knows(cmd) => Kind::Query,
        vcmd::SET_VHI_NAME
        | vcmd::SET_SPACE
        | vcmd::SET_BADNESS
        | vcmd::SET_PRIO_BIAS
        | vcmd::SET_SCHED
        | vcmd::SET_CFLAGS
        | vcmd::SET_CCAPS
        | vcmd::SET_BCAPS
        | vcmd::SET_UMASK
        | vcmd::SET_WMASK
        | vcmd::SET_RLIMIT => Kind::Setup,
        vcmd::CTX_MIGRATE | vcmd::ENTER_SPACE => Kind::Admin,
        vcmd::CTX_KILL => Kind::Kill,
        vcmd::TAG_MIGRATE => Kind::Tag,
        cmd if network::knows(cmd) => Kind::Network,
        _ => return Err(Errno(libc::ENOSYS)),
    })
}

/// Reads the argument of a command.
///
/// # Safety
///
/// `data` is null or points to a `T`.
pub(super) unsafe fn read<T: Copy>(data: *mut c_void) -> Result<T, Errno> {
    if data.is_null() {
        return Err(Errno(libc::EFAULT));
    }
    // SAFETY: not null, so it points to a `T`.
    Ok(unsafe { data.cast::<T>().read_unaligned() })
}

/// Writes the answer of a command.
///
/// # Safety
///
/// `data` is null or points to a `T`.
pub(super) unsafe fn write<T>(data: *mut c_void, value: T) -> Result<u32, Errno> {
    if data.is_null() {
        return Err(Errno(libc::EFAULT));
    }
    // SAFETY: not null, so it points to a `T`.
    unsafe { data.cast::<T>().write_unaligned(value) };
    Ok(0)
}

/// Executes a command for the current task.
///
/// # Safety
///
/// `data` is null or points to the structure of the command.
pub(super) unsafe fn execute(
    world: &mut World,
    cmd: u32,
    id: u32,
    data: *mut c_void,
) -> Result<u32, Errno> {
    let kind = kind(cmd)?;
    let own = world.caller().xid;
    let own_flags = world.contexts.get(&own).map(|context| context.flags);
    let in_setup = own_flags.is_some_and(|flags| flags & vxf::STATE_SETUP != 0);
    if !world.rights || (own_flags.is_some() && !in_setup) {
        return Err(Errno(libc::ENOSYS));
    }
    if cmd == vcmd::CTX_MIGRATE && id == abi::XID_SPECTATOR {
        let current = world.current;
        if let Some(task) = world.tasks.get_mut(&current) {
            task.xid = abi::XID_SPECTATOR;
        }
        return Ok(1);
    }
    match kind {
        // SAFETY: `data` fits the command.
        Kind::Global => return unsafe { execute_global(world, cmd, id, data) },
        // SAFETY: `data` fits the command.
        Kind::Network => return unsafe { network::execute(world, cmd, id, data, in_setup) },
        Kind::Tag => return migrate_tag(world, id),
        _ => {}
    }
    let xid = if (id as i32) < 0 { own } else { id };
    let host_only = matches!(kind, Kind::Admin | Kind::Kill | Kind::Setup);
    if host_only && own != abi::XID_HOST && !(kind == Kind::Setup && in_setup && xid == own) {
        return Err(Errno(libc::EPERM));
    }
    let context = world.contexts.get(&xid).ok_or(Errno(libc::ESRCH))?;
    let administrable = context.flags & vxf::STATE_ADMIN != 0;
    if matches!(kind, Kind::Setup | Kind::Admin) && !administrable {
        return Err(Errno(libc::EACCES));
    }
    // SAFETY: `data` fits the command.
    unsafe {
        match kind {
            Kind::Query => execute_query(world, cmd, xid, data),
            Kind::Setup => execute_setup(world, cmd, xid, data),
            _ => execute_admin(world, cmd, xid, data),
        }
    }
}

/// # Safety
///
/// As [`execute`].
unsafe fn execute_global(
    world: &mut World,
    cmd: u32,
    id: u32,
    data: *mut c_void,
) -> Result<u32, Errno> {
    match cmd {
        vcmd::GET_VERSION => Ok(abi::VERSION),
        vcmd::GET_VCI => Ok(abi::vci::NO_DYNAMIC | abi::vci::SPACES),
        // SAFETY: `data` fits the command.
        vcmd::GET_SPACE_MASK => unsafe {
            let mask = abi::space::MASK;
            write(data, abi::SpaceMaskV1 { mask })
        },
        // SAFETY: `data` fits the command.
        vcmd::GET_SPACE_DEFAULT => unsafe {
            let mask = abi::space::DEFAULT;
            write(data, abi::SpaceMaskV1 { mask })
        },
        vcmd::TASK_XID | vcmd::TASK_NID | vcmd::TASK_TAG => {
            let pid = if id == 0 { world.current } else { id as i32 };
            let task = world.tasks.get(&pid).ok_or(Errno(libc::ESRCH))?;
            Ok(match cmd {
                vcmd::TASK_XID => task.xid,
                vcmd::TASK_NID => task.nid,
                _ => task.tag,
            })
        }
        // SAFETY: `data` fits the command.
        vcmd::GET_FEATURES => unsafe { features(data) },
        // SAFETY: `data` fits the command.
        vcmd::GET_RLIMIT_MASK => unsafe { limits::mask(data) },
        // SAFETY: `data` fits the command.
        vcmd::SCHED_INFO => unsafe { scheduler::info(data) },
        _ => {
            // SAFETY: the only command left is ctx_create, and `data` fits it.
            let flags = unsafe { read::<abi::CtxCreate>(data) }
                .map_or(vxf::INIT_SET, |create| create.flagword);
            create(world, id, flags)
        }
    }
}

/// What of the additions the model has.
const FEATURES: u64 = abi::feature::SPACE_TIME
    | abi::feature::SPACE_CGROUP
    | abi::feature::OWN_SETUP_ONLY
    | abi::feature::HOST_CREATE;

/// Writes as many bytes of the structure as the caller has room for.
///
/// # Safety
///
/// `data` is null or points to as many bytes as the first four of them say, but at least to these.
unsafe fn features(data: *mut c_void) -> Result<u32, Errno> {
    // SAFETY: there are four bytes at least.
    let room = unsafe { read::<u32>(data) }? as usize;
    let known = size_of::<abi::Features>();
    if room < size_of::<u32>() {
        return Err(Errno(libc::EINVAL));
    }
    let features = abi::Features {
        size: known as u32,
        version: abi::FEATURES_VERSION,
        bits: FEATURES,
    };
    let from = std::ptr::from_ref(&features).cast::<u8>();
    // SAFETY: `features` has `known` bytes without padding, `data` has `room`; they are not the
    // same memory.
    unsafe {
        data.cast::<u8>()
            .copy_from_nonoverlapping(from, room.min(known))
    };
    Ok(0)
}

fn migrate_tag(world: &mut World, tag: u32) -> Result<u32, Errno> {
    if world.caller().xid != abi::XID_HOST {
        return Err(Errno(libc::EPERM));
    }
    let current = world.current;
    if let Some(task) = world.tasks.get_mut(&current) {
        task.tag = tag & 0xffff;
    }
    Ok(0)
}

fn create(world: &mut World, xid: u32, flags: u64) -> Result<u32, Errno> {
    if world.caller().xid != abi::XID_HOST {
        return Err(Errno(libc::EPERM));
    }
    if !(abi::XID_MIN..=abi::XID_MAX).contains(&xid) {
        return Err(Errno(libc::EINVAL));
    }
    if let Some(existing) = world.contexts.get(&xid) {
        let in_setup = existing.flags & vxf::STATE_SETUP != 0;
        return Err(Errno(if in_setup { libc::EBUSY } else { libc::EEXIST }));
    }
    world.contexts.insert(xid, Context::new(flags));
    world.enter(xid);
    Ok(xid)
}

/// # Safety
///
/// As [`execute`].
unsafe fn execute_query(
    world: &mut World,
    cmd: u32,
    xid: u32,
    data: *mut c_void,
) -> Result<u32, Errno> {
    if limits::knows(cmd) {
        // SAFETY: `data` fits the command.
        return unsafe { limits::query(world, cmd, xid, data) };
    }
    let context = &world.contexts[&xid];
    let tasks = world.claims(xid);
    let word = |value| abi::Flags {
        value,
        mask: u64::MAX,
    };
    // SAFETY: `data` fits the command.
    unsafe {
        match cmd {
            vcmd::GET_VHI_NAME => {
                let mut name: abi::VhiName = read(data)?;
                if name.field > abi::vhin::DOMAINNAME {
                    return Err(Errno(libc::EINVAL));
                }
                let stored = context.names.get(&name.field);
                name.name = stored.copied().unwrap_or([0; abi::vhin::LEN]);
                write(data, name)
            }
            vcmd::GET_BADNESS => write(
                data,
                abi::Badness {
                    bias: context.badness,
                },
            ),
            vcmd::CTX_STAT => write(
                data,
                abi::CtxStat {
                    usecnt: tasks + 2,
                    tasks,
                },
            ),
            vcmd::VX_INFO => write(
                data,
                abi::VxInfo {
                    xid,
                    initpid: context.init as u32,
                },
            ),
            vcmd::WAIT_EXIT => {
                write(data, context.exit)?;
                Err(Errno(libc::EINTR))
            }
            vcmd::GET_PRIO_BIAS => scheduler::get_prio_bias(context, data),
            vcmd::GET_SCHED => scheduler::get(context, data),
            vcmd::GET_CFLAGS => write(
                data,
                abi::Flags {
                    value: context.flags,
                    mask: !(vxf::ONE_TIME & !context.flags),
                },
            ),
            vcmd::GET_CCAPS => write(data, word(context.ccaps)),
            vcmd::GET_BCAPS => write(data, word(context.bcaps)),
            vcmd::GET_UMASK => write(data, word(context.umask)),
            _ => write(data, word(context.wmask)),
        }
    }
}

/// # Safety
///
/// As [`execute`].
unsafe fn execute_setup(
    world: &mut World,
    cmd: u32,
    xid: u32,
    data: *mut c_void,
) -> Result<u32, Errno> {
    if cmd == vcmd::SET_RLIMIT {
        // SAFETY: `data` fits the command.
        return unsafe { limits::set(world, xid, data) };
    }
    let current = world.current;
    let inside = world.caller().xid == xid;
    let context = world.contexts.get_mut(&xid).ok_or(Errno(libc::ESRCH))?;
    // SAFETY: `data` fits the command.
    unsafe {
        match cmd {
            vcmd::SET_VHI_NAME => {
                let name: abi::VhiName = read(data)?;
                if name.field > abi::vhin::DOMAINNAME {
                    return Err(Errno(libc::EINVAL));
                }
                context.names.insert(name.field, name.name);
            }
            vcmd::SET_SPACE => {
                let space: abi::SpaceMaskV2 = read(data).unwrap_or_default();
                if space.mask & !abi::space::SUPPORTED != 0 || space.index >= abi::space::SETS {
                    return Err(Errno(libc::EINVAL));
                }
                let all = abi::space::SUPPORTED;
                let mask = if space.mask == 0 { all } else { space.mask };
                context.spaces[space.index as usize] |= mask;
            }
            vcmd::SET_PRIO_BIAS => scheduler::set_prio_bias(context, data)?,
            vcmd::SET_SCHED => scheduler::set(context, data)?,
            vcmd::SET_BADNESS => context.badness = read::<abi::Badness>(data)?.bias,
            vcmd::SET_CFLAGS => {
                let flags: abi::Flags = read(data)?;
                let mask = flags.mask & !(vxf::ONE_TIME & !context.flags);
                let before = context.flags;
                context.flags = (before & !mask) | (flags.value & mask);
                if before & !context.flags & vxf::STATE_INIT != 0 && inside {
                    context.init = current;
                }
                world.reap(xid);
            }
            _ => {
                let flags: abi::Flags = read(data)?;
                let word = match cmd {
                    vcmd::SET_CCAPS => &mut context.ccaps,
                    vcmd::SET_BCAPS => &mut context.bcaps,
                    vcmd::SET_UMASK => &mut context.umask,
                    _ => &mut context.wmask,
                };
                *word = (*word & !flags.mask) | (flags.value & flags.mask);
            }
        }
    }
    Ok(0)
}

/// # Safety
///
/// As [`execute`].
unsafe fn execute_admin(
    world: &mut World,
    cmd: u32,
    xid: u32,
    data: *mut c_void,
) -> Result<u32, Errno> {
    let current = world.current;
    let context = world.contexts.get_mut(&xid).ok_or(Errno(libc::ESRCH))?;
    let private = context.flags & vxf::INFO_PRIVATE != 0;
    match cmd {
        vcmd::CTX_MIGRATE => {
            // SAFETY: `data` fits the command.
            let flags = unsafe { read::<abi::CtxMigrate>(data) }.map_or(0, |arg| arg.flagword);
            if private && context.flags & vxf::STATE_SETUP == 0 {
                return Err(Errno(libc::EACCES));
            }
            if flags & vxm::SET_INIT != 0 {
                context.init = current;
            }
            world.enter(xid);
        }
        vcmd::ENTER_SPACE => {
            // SAFETY: `data` fits the command.
            let space: abi::SpaceMaskV2 = unsafe { read(data) }.unwrap_or_default();
            if private {
                return Err(Errno(libc::EACCES));
            }
            let stored = context.spaces.get(space.index as usize);
            let stored = *stored.ok_or(Errno(libc::EINVAL))?;
            if space.mask & !stored != 0 {
                return Err(Errno(libc::EINVAL));
            }
        }
        _ => {
            // SAFETY: the only command left is ctx_kill, and `data` fits it.
            let kill: abi::CtxKill = unsafe { read(data) }?;
            return signal(world, xid, kill);
        }
    }
    Ok(0)
}

fn signal(world: &mut World, xid: u32, kill: abi::CtxKill) -> Result<u32, Errno> {
    if !(0..=64).contains(&kill.sig) {
        return Err(Errno(libc::EINVAL));
    }
    let context = &world.contexts[&xid];
    let (init, flags) = (context.init, context.flags);
    let restricted = kill.pid > 1 || (kill.pid < 1 && init != 0);
    if flags & vxf::STATE_ADMIN == 0 && restricted {
        return Err(Errno(libc::EACCES));
    }
    let members = world
        .tasks
        .iter()
        .filter(|(_, task)| task.claim == Some(xid));
    let targets: Vec<i32> = members
        .map(|(pid, _)| *pid)
        .filter(|pid| match kill.pid {
            0 => true,
            -1 => *pid != init,
            1 if init != 0 => *pid == init,
            one => *pid == one,
        })
        .collect();
    if targets.is_empty() {
        return Err(Errno(libc::ESRCH));
    }
    for target in targets {
        world.signal(target, kill.sig);
    }
    Ok(0)
}
