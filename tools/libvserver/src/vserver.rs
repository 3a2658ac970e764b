// SPDX-License-Identifier: GPL-2.0

//! One safe method per command of the system call.

#![allow(unsafe_code)]

use crate::abi::{self, vcmd};
use crate::{Errno, Kernel, Result, Syscall};
use std::ffi::c_void;

/// The commands of `vserver()`.
///
/// Every method can fail with `ENOSYS` (the kernel has no `vserver()`, the core module is not
/// loaded, or the caller lacks `CAP_SYS_ADMIN` in the initial user namespace), `EPERM` (the
/// command is for the host, and the caller is in a context), `ESRCH` (no such context) and
/// `EACCES` (the context does not let the host administrate it); further errors are listed with
/// the method. A context id with the sign bit set, such as [`abi::XID_SELF`], names the context
/// of the caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vserver<S = Kernel> {
    sys: S,
}

impl Vserver<Kernel> {
    /// Uses the system call of the running kernel.
    pub const fn new() -> Self {
        Self { sys: Kernel }
    }
}

impl<S: Syscall> Vserver<S> {
    /// Uses `sys` in place of the system call.
    pub const fn with(sys: S) -> Self {
        Self { sys }
    }

    /// The layer that executes the commands.
    pub const fn syscall(&self) -> &S {
        &self.sys
    }

    /// Executes a command that takes no data, or for which null is allowed.
    pub(crate) fn bare(&self, cmd: u32, id: u32) -> Result<u32> {
        // SAFETY: a null pointer is allowed by the contract of `Syscall::vserver`.
        unsafe { self.sys.vserver(cmd, id, std::ptr::null_mut()) }
    }

    /// Executes a command on its structure.
    pub(crate) fn pass<T>(&self, cmd: u32, id: u32, data: &mut T) -> Result<u32> {
        // SAFETY: `data` is exclusive and valid for reads and writes; the callers, all of this
        // crate, pair each command with its structure, whose layout is asserted in `abi`, and let
        // the addresses in it outlive the call.
        unsafe {
            self.sys
                .vserver(cmd, id, std::ptr::from_mut(data).cast::<c_void>())
        }
    }

    /// Returns the interface version, `0x0002_0308` for the interface described in [`abi`].
    pub fn version(&self) -> Result<u32> {
        self.bare(vcmd::GET_VERSION, 0)
    }

    /// Returns the feature word, bits of [`abi::vci`].
    pub fn feature_word(&self) -> Result<u32> {
        self.bare(vcmd::GET_VCI, 0)
    }

    /// Returns what this kernel adds to the original and which values it enforces, bits of
    /// [`abi::feature`].
    ///
    /// # Errors
    ///
    /// `ENOSYS` also from kernels of the original, which do not know the command.
    pub fn features(&self) -> Result<abi::Features> {
        let mut features = abi::Features {
            size: size_of::<abi::Features>() as u32,
            ..Default::default()
        };
        self.pass(vcmd::GET_FEATURES, 0, &mut features)?;
        Ok(features)
    }

    /// Creates context `xid` (2 to 65535) and moves the calling thread into it.
    ///
    /// Without `flags` the context gets the default flags and stores the host name and ipc
    /// namespaces, newly made, as its spaces.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id out of range, `EEXIST` when the id is in use, `EBUSY` when the context
    /// with this id is still being set up, `EPERM` when the caller is in a context, `ENOMEM`.
    pub fn create(&self, xid: u32, flags: Option<u64>) -> Result<u32> {
        match flags {
            None => self.bare(vcmd::CTX_CREATE, xid),
            Some(flagword) => self.pass(vcmd::CTX_CREATE, xid, &mut abi::CtxCreate { flagword }),
        }
    }

    /// Moves the calling thread into context `xid`; `flags` are those of [`abi::vxm`].
    ///
    /// # Errors
    ///
    /// `EACCES` also when the context is private, `EFAULT` when it is about to end.
    pub fn migrate(&self, xid: u32, flags: u64) -> Result<()> {
        self.pass(
            vcmd::CTX_MIGRATE,
            xid,
            &mut abi::CtxMigrate { flagword: flags },
        )
        .map(drop)
    }

    /// Makes the calling thread a spectator, who sees the tasks of all contexts. There is no way
    /// back: do it in a child.
    pub fn become_spectator(&self) -> Result<()> {
        self.migrate(abi::XID_SPECTATOR, 0)
    }

    pub(crate) fn word(&self, cmd: u32, xid: u32) -> Result<abi::Flags> {
        let mut word = abi::Flags::default();
        self.pass(cmd, xid, &mut word)?;
        Ok(word)
    }

    pub(crate) fn set_word(&self, cmd: u32, xid: u32, value: u64, mask: u64) -> Result<()> {
        self.pass(cmd, xid, &mut abi::Flags { value, mask })
            .map(drop)
    }

    /// Reads the context flags ([`abi::vxf`]); the mask lacks the one-time bits already cleared.
    pub fn flags(&self, xid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_CFLAGS, xid)
    }

    /// Changes the context flags inside `mask` to `value`. A one-time bit can only be cleared; a
    /// request to set one again is ignored by the kernel.
    pub fn set_flags(&self, xid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_CFLAGS, xid, value, mask)
    }

    /// Reads the context capabilities ([`abi::vxc`]).
    pub fn ccaps(&self, xid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_CCAPS, xid)
    }

    /// Changes the context capabilities inside `mask` to `value`.
    pub fn set_ccaps(&self, xid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_CCAPS, xid, value, mask)
    }

    /// Reads the capability mask: bit n stands for Linux capability n.
    pub fn bcaps(&self, xid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_BCAPS, xid)
    }

    /// Changes the capability mask inside `mask` to `value`.
    pub fn set_bcaps(&self, xid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_BCAPS, xid, value, mask)
    }

    /// Reads the unshare mask: the namespaces ([`abi::space`]) that the context may create.
    pub fn umask(&self, xid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_UMASK, xid)
    }

    /// Changes the unshare mask inside `mask` to `value`.
    pub fn set_umask(&self, xid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_UMASK, xid, value, mask)
    }

    /// Reads the warning mask, which the kernel stores and shows but does not use.
    pub fn wmask(&self, xid: u32) -> Result<abi::Flags> {
        self.word(vcmd::GET_WMASK, xid)
    }

    /// Changes the warning mask inside `mask` to `value`.
    pub fn set_wmask(&self, xid: u32, value: u64, mask: u64) -> Result<()> {
        self.set_word(vcmd::SET_WMASK, xid, value, mask)
    }

    /// Reads the bias of the out-of-memory score, in points of that score.
    pub fn badness(&self, xid: u32) -> Result<i64> {
        let mut badness = abi::Badness::default();
        self.pass(vcmd::GET_BADNESS, xid, &mut badness)?;
        Ok(badness.bias)
    }

    /// Sets the bias of the out-of-memory score, in points of that score.
    pub fn set_badness(&self, xid: u32, bias: i64) -> Result<()> {
        self.pass(vcmd::SET_BADNESS, xid, &mut abi::Badness { bias })
            .map(drop)
    }

    /// Reads a name of the context; `field` is one of [`abi::vhin`]. Bytes that are not UTF-8 are
    /// replaced.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an unknown field, and for a host name field while no uts space is stored.
    pub fn name(&self, xid: u32, field: u32) -> Result<String> {
        let mut name = abi::VhiName {
            field,
            ..Default::default()
        };
        self.pass(vcmd::GET_VHI_NAME, xid, &mut name)?;
        let end = name.name.iter().position(|&byte| byte == 0);
        let text = &name.name[..end.unwrap_or(name.name.len())];
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    /// Sets a name of the context; `field` is one of [`abi::vhin`].
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG` when `text` has more than 64 bytes, `EINVAL` when it contains a zero byte,
    /// for an unknown field, and for a host name field while no uts space is stored.
    pub fn set_name(&self, xid: u32, field: u32, text: &str) -> Result<()> {
        if text.len() >= abi::vhin::LEN {
            return Err(Errno(libc::ENAMETOOLONG));
        }
        if text.bytes().any(|byte| byte == 0) {
            return Err(Errno(libc::EINVAL));
        }
        let mut name = abi::VhiName {
            field,
            ..Default::default()
        };
        name.name[..text.len()].copy_from_slice(text.as_bytes());
        self.pass(vcmd::SET_VHI_NAME, xid, &mut name).map(drop)
    }

    /// Stores namespaces of the caller in set `index` of the context; `mask` holds bits of
    /// [`abi::space`], 0 stands for all.
    ///
    /// # Errors
    ///
    /// `EINVAL` for bits that are not supported or an index above 1, `ENOMEM`.
    pub fn set_space(&self, xid: u32, mask: u64, index: u32) -> Result<()> {
        let mut space = abi::SpaceMaskV2 {
            mask,
            index,
            pad: 0,
        };
        self.pass(vcmd::SET_SPACE, xid, &mut space).map(drop)
    }

    /// Enters stored namespaces of set `index` of the context; `mask` 0 stands for all that are
    /// stored. The pid namespace takes effect for children made afterwards.
    ///
    /// # Errors
    ///
    /// `EACCES` also when the context is private, `EINVAL` when a requested namespace was never
    /// stored or the index is above 1, `ENOMEM`.
    pub fn enter_space(&self, xid: u32, mask: u64, index: u32) -> Result<()> {
        let mut space = abi::SpaceMaskV2 {
            mask,
            index,
            pad: 0,
        };
        self.pass(vcmd::ENTER_SPACE, xid, &mut space).map(drop)
    }

    pub(crate) fn space_word(&self, cmd: u32) -> Result<u64> {
        let mut space = abi::SpaceMaskV1::default();
        self.pass(cmd, 0, &mut space)?;
        Ok(space.mask)
    }

    /// Returns the space bits that existing programs may ask for.
    pub fn space_mask(&self) -> Result<u64> {
        self.space_word(vcmd::GET_SPACE_MASK)
    }

    /// Returns the space bits that a guest gets when its tools do not choose.
    pub fn space_default(&self) -> Result<u64> {
        self.space_word(vcmd::GET_SPACE_DEFAULT)
    }

    /// Sends signal `sig` into the context. `pid` 0 means all tasks, -1 all but the init, 1 the
    /// init; any other value is a pid of the initial pid namespace.
    ///
    /// # Errors
    ///
    /// `ESRCH` also when no task matched, `EINVAL` for a bad signal number.
    pub fn kill(&self, xid: u32, pid: i32, sig: i32) -> Result<()> {
        self.pass(vcmd::CTX_KILL, xid, &mut abi::CtxKill { pid, sig })
            .map(drop)
    }

    /// Sleeps until the context has ended.
    ///
    /// # Errors
    ///
    /// `ESRCH` at once when the context does not exist, `EINTR` when a signal came first.
    pub fn wait_exit(&self, xid: u32) -> Result<abi::WaitExit> {
        let mut exit = abi::WaitExit::default();
        self.pass(vcmd::WAIT_EXIT, xid, &mut exit)?;
        Ok(exit)
    }

    /// Sleeps until the context has ended or a signal comes, and returns what the context then has
    /// to tell: the kernel writes it in both cases.
    ///
    /// # Errors
    ///
    /// `ESRCH` at once when the context does not exist.
    pub fn wait_exit_or_signal(&self, xid: u32) -> Result<abi::WaitExit> {
        let mut exit = abi::WaitExit::default();
        match self.pass(vcmd::WAIT_EXIT, xid, &mut exit) {
            Ok(_) | Err(Errno(libc::EINTR)) => Ok(exit),
            Err(errno) => Err(errno),
        }
    }

    /// Returns the context id of a task; `pid` is a pid of the initial pid namespace, 0 the
    /// caller.
    ///
    /// # Errors
    ///
    /// `ESRCH` when there is no such task.
    pub fn task_xid(&self, pid: u32) -> Result<u32> {
        self.bare(vcmd::TASK_XID, pid)
    }

    /// Returns the network context id of a task; see [`Self::task_xid`].
    pub fn task_nid(&self, pid: u32) -> Result<u32> {
        self.bare(vcmd::TASK_NID, pid)
    }

    /// Returns the file tag of a task; see [`Self::task_xid`].
    pub fn task_tag(&self, pid: u32) -> Result<u32> {
        self.bare(vcmd::TASK_TAG, pid)
    }

    /// Gives the calling thread the file tag `tag`, of which the low 16 bits count. Only the host
    /// may do that; a tag needs no context, so `ESRCH` and `EACCES` do not occur.
    pub fn migrate_tag(&self, tag: u32) -> Result<()> {
        self.bare(vcmd::TAG_MIGRATE, tag).map(drop)
    }

    /// Reads the id of the context and the pid of its init.
    pub fn info(&self, xid: u32) -> Result<abi::VxInfo> {
        let mut info = abi::VxInfo::default();
        self.pass(vcmd::VX_INFO, xid, &mut info)?;
        Ok(info)
    }

    /// Reads the reference and task counters of the context.
    pub fn stat(&self, xid: u32) -> Result<abi::CtxStat> {
        let mut stat = abi::CtxStat::default();
        self.pass(vcmd::CTX_STAT, xid, &mut stat)?;
        Ok(stat)
    }
}
