// SPDX-License-Identifier: GPL-2.0

//! The commands of `vserver()` with error numbers instead of error types.

use crate::sys::Sys;
use libvserver::abi::{self, Flags};
use libvserver::{Errno, Kernel, Syscall, Vserver};
use std::ffi::c_void;

fn plain<T>(result: Result<T, Errno>) -> Sys<T> {
    result.map_err(|Errno(code)| code)
}

fn vserver() -> Vserver {
    Vserver::new()
}

/// A command with any pointer, as bad as it may be.
///
/// # Safety
/// When the kernel accepts the pointer it reads or writes there: it must then lead to memory that
/// fits the command.
pub unsafe fn raw(command: u32, id: u32, data: *mut c_void) -> Sys<u32> {
    // SAFETY: as the caller promises.
    plain(unsafe { Kernel.vserver(command, id, data) })
}

/// A command whose data the kernel reads or writes.
pub fn with<T>(command: u32, id: u32, data: &mut T) -> Sys<u32> {
    // SAFETY: every structure of the scenarios is at least as long as the command needs.
    unsafe { raw(command, id, (&raw mut *data).cast()) }
}

/// A command without data.
pub fn bare(command: u32, id: u32) -> Sys<u32> {
    // SAFETY: the kernel gets no memory.
    unsafe { raw(command, id, std::ptr::null_mut()) }
}

/// `get_version`.
pub fn version() -> Sys<u32> {
    plain(vserver().version())
}

/// `ctx_create`: the calling thread is in the new context afterwards.
pub fn create(xid: u32, flags: u64) -> Sys<u32> {
    plain(vserver().create(xid, Some(flags)))
}

/// `ctx_migrate`.
pub fn migrate(xid: u32, flags: u64) -> Sys<()> {
    plain(vserver().migrate(xid, flags))
}

/// Becomes the spectator.
pub fn become_spectator() -> Sys<()> {
    plain(vserver().become_spectator())
}

/// `get_cflags`.
pub fn flags(xid: u32) -> Sys<Flags> {
    plain(vserver().flags(xid))
}

/// `set_cflags`.
pub fn set_flags(xid: u32, value: u64, mask: u64) -> Sys<()> {
    plain(vserver().set_flags(xid, value, mask))
}

/// `get_bcaps`: the mask.
pub fn bcaps(xid: u32) -> Sys<u64> {
    plain(vserver().bcaps(xid)).map(|word| word.value)
}

/// `set_bcaps`.
pub fn set_bcaps(xid: u32, value: u64, mask: u64) -> Sys<()> {
    plain(vserver().set_bcaps(xid, value, mask))
}

/// `set_ccaps`.
pub fn set_ccaps(xid: u32, value: u64, mask: u64) -> Sys<()> {
    with(abi::vcmd::SET_CCAPS, xid, &mut Flags { value, mask }).map(|_| ())
}

/// `set_umask`.
pub fn set_umask(xid: u32, value: u64, mask: u64) -> Sys<()> {
    plain(vserver().set_umask(xid, value, mask))
}

/// `get_badness`.
pub fn badness(xid: u32) -> Sys<i64> {
    plain(vserver().badness(xid))
}

/// `set_badness`.
pub fn set_badness(xid: u32, bias: i64) -> Sys<()> {
    plain(vserver().set_badness(xid, bias))
}

/// `get_vhi_name`.
pub fn name(xid: u32, field: u32) -> Sys<String> {
    plain(vserver().name(xid, field))
}

/// `set_vhi_name`.
pub fn set_name(xid: u32, field: u32, name: &str) -> Sys<()> {
    plain(vserver().set_name(xid, field, name))
}

/// `set_space`.
pub fn set_space(xid: u32, mask: u64, index: u32) -> Sys<()> {
    plain(vserver().set_space(xid, mask, index))
}

/// `enter_space`.
pub fn enter_space(xid: u32, mask: u64, index: u32) -> Sys<()> {
    plain(vserver().enter_space(xid, mask, index))
}

/// `ctx_kill`.
pub fn kill(xid: u32, pid: i32, signal: i32) -> Sys<()> {
    plain(vserver().kill(xid, pid, signal))
}

/// `wait_exit`.
pub fn wait_exit(xid: u32) -> Sys<abi::WaitExit> {
    plain(vserver().wait_exit(xid))
}

/// `task_xid`.
pub fn task_xid(pid: i32) -> Sys<u32> {
    bare(abi::vcmd::TASK_XID, pid as u32)
}

/// `task_nid`.
pub fn task_nid(pid: i32) -> Sys<u32> {
    bare(abi::vcmd::TASK_NID, pid as u32)
}

/// `task_tag`.
pub fn task_tag(pid: i32) -> Sys<u32> {
    bare(abi::vcmd::TASK_TAG, pid as u32)
}

/// `vx_info`.
pub fn info(xid: u32) -> Sys<abi::VxInfo> {
    plain(vserver().info(xid))
}

/// `ctx_stat`.
pub fn stat(xid: u32) -> Sys<abi::CtxStat> {
    plain(vserver().stat(xid))
}

/// Ends a context: drops persistence and kills its tasks. Errors do not matter, it may be gone.
pub fn end(xid: u32) {
    let _ = set_flags(xid, 0, abi::vxf::PERSISTENT);
    let _ = kill(xid, 0, libc::SIGKILL);
}

/// Ids of all contexts, from `/proc/virtual`, in the order of the listing.
pub fn all() -> Sys<Vec<u32>> {
    Ok(crate::sys::files::list("/proc/virtual")?
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect())
}
