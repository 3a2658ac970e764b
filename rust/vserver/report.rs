// SPDX-License-Identifier: GPL-2.0

//! What can be asked about the interface, contexts and tasks; the text in procfs (proc.md).

use crate::{
    abi::{
        self,
        vci,
        CtxStat,
        VxInfo, //
    },
    context::{
        Context,
        Word, //
    },
    dispatch::Call,
    sys::task::{
        self,
        Id, //
    },
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print, //
};

/// The feature word: what is there today. Network version 2, tags and hidden procfs entries are
/// announced by whoever implements them.
const FEATURES: u32 = vci::NO_DYNAMIC | vci::SPACES;

/// `get_version`
pub(crate) fn get_version(_call: &Call) -> Result<u32> {
    Ok(abi::VERSION)
}

/// `get_vci`
pub(crate) fn get_vci(_call: &Call) -> Result<u32> {
    Ok(FEATURES)
}

/// `vx_info`
pub(crate) fn vx_info(call: &Call, context: &Context) -> Result<u32> {
    call.write(&VxInfo {
        xid: context.head().xid(),
        initpid: context.head().init_pid() as u32,
    })?;
    Ok(0)
}

/// `ctx_stat`
pub(crate) fn ctx_stat(call: &Call, context: &Context) -> Result<u32> {
    call.write(&CtxStat {
        usecnt: context.head().references(),
        tasks: context.head().tasks(),
    })?;
    Ok(0)
}

/// `task_xid`
pub(crate) fn task_xid(call: &Call) -> Result<u32> {
    task::id_of(call.id(), Id::Context).ok_or(ESRCH)
}

/// `task_nid`
pub(crate) fn task_nid(call: &Call) -> Result<u32> {
    task::id_of(call.id(), Id::Network).ok_or(ESRCH)
}

/// `/proc/virtual/info`
pub(crate) fn show_info(m: &SeqFile) {
    seq_print!(
        m,
        "VCIVersion:\t{:04x}:{:04x}\nVCISyscall:\t{}\nVCIKernel:\t{:08x}\n",
        abi::VERSION >> 16,
        abi::VERSION & 0xffff,
        abi::SYSCALL,
        FEATURES
    );
}

/// `/proc/virtual/<xid>/info`
///
/// The original prints the address of the context; the number of the instance tells contexts
/// apart just as well and gives nothing away.
pub(crate) fn show_ctx_info(m: &SeqFile, context: &Context) {
    seq_print!(
        m,
        "ID:\t{}\nInfo:\t{:016x}\nInit:\t{}\nOOM:\t{}\n",
        context.head().xid(),
        context.head().instance(),
        context.head().init_pid(),
        context.badness()
    );
}

/// `/proc/virtual/<xid>/status`
pub(crate) fn show_ctx_status(m: &SeqFile, context: &Context) {
    let (first, second) = context.space_masks();
    seq_print!(
        m,
        "UseCnt:\t{}\nTasks:\t{}\nFlags:\t{:016x}\nBCaps:\t{:016x}\nCCaps:\t{:016x}\n",
        context.head().references(),
        context.head().tasks(),
        context.head().flags(),
        context.head().bcaps(),
        context.head().ccaps()
    );
    seq_print!(
        m,
        "Umask:\t{:16x}\nWmask:\t{:16x}\nSpaces:\t{:08x} {:08x}\n",
        context.head().umask(),
        context.word(Word::Wmask),
        first,
        second
    );
}

/// The lines of `/proc/<pid>/vinfo` about the context.
pub(crate) fn show_vinfo(m: &SeqFile, context: &Context) {
    seq_print!(
        m,
        "BCaps:\t{:016x}\nCCaps:\t{:016x}\nCFlags:\t{:016x}\nCIPid:\t{}\n",
        context.head().bcaps(),
        context.head().ccaps(),
        context.head().flags(),
        context.head().init_pid()
    );
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_report)]
mod tests {
    use super::*;

    #[test]
    fn the_feature_word_is_a_positive_number() {
        assert_eq!(FEATURES & 0x8000_0000, 0);
        assert_eq!(FEATURES & vci::NO_DYNAMIC, vci::NO_DYNAMIC);
        assert_eq!(abi::VERSION, 0x0002_0308);
    }

    #[test]
    fn the_caller_is_a_task_and_of_the_host() {
        assert_eq!(task::id_of(0, Id::Context), Some(0));
        assert_eq!(task::id_of(0, Id::Network), Some(0));
        assert_eq!(task::id_of(1, Id::Context), Some(0));
        assert_eq!(task::id_of(0x7fff_ffff, Id::Context), None);
    }
}
