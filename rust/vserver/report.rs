// SPDX-License-Identifier: GPL-2.0

//! What can be asked about the interface, contexts and tasks; the text in procfs (proc.md).

use crate::{
    abi::{
        self,
        feature,
        sock,
        vci,
        CtxStat,
        Features,
        SockStat,
        VirtStat,
        VxInfo, //
    },
    address::{
        Entry6Text,
        EntryText,
        V4Text, //
    },
    context::{
        Context,
        Word, //
    },
    dispatch::Call,
    network::Network,
    sys::task::{
        self,
        Id, //
    },
};
use kernel::{
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    transmute::AsBytes, //
};

/// The feature word of the original: what is there today. Tagged files, hidden procfs entries and
/// the breaking of links are announced by whoever implements them.
const FEATURES: u32 = vci::NO_DYNAMIC | vci::SPACES | vci::NETV2 | vci::PPTAG;

/// What is ours: told bit by bit, so that programs test for a feature and not for a release.
const ADDITIONS: u64 = feature::SPACE_TIME
    | feature::SPACE_CGROUP
    | feature::TRIMMED_CAPS
    | feature::OWN_SETUP_ONLY
    | feature::HOST_CREATE;

/// `get_version`
pub(crate) fn get_version(_call: &Call) -> Result<u32> {
    Ok(abi::VERSION)
}

/// `get_vci`
pub(crate) fn get_vci(_call: &Call) -> Result<u32> {
    Ok(FEATURES)
}

/// `get_features`
///
/// The caller says how much room it has, so that the structure can grow. Errors: `EFAULT`,
/// `EINVAL` when not even the size fits.
pub(crate) fn get_features(call: &Call) -> Result<u32> {
    let room = u32::from_ne_bytes(call.read_bytes()?) as usize;
    if room < size_of::<u32>() {
        return Err(EINVAL);
    }
    let features = Features {
        size: size_of::<Features>() as u32,
        version: abi::FEATURES_VERSION,
        bits: ADDITIONS,
    };
    let bytes = features.as_bytes();
    call.write_bytes(bytes.get(..room).unwrap_or(bytes))?;
    Ok(0)
}

/// `vx_info`
pub(crate) fn vx_info(call: &Call, context: &Context) -> Result<u32> {
    call.write(&VxInfo {
        xid: context.head().id(),
        initpid: context.head().init_pid() as u32,
    })?;
    Ok(0)
}

/// `ctx_stat`
pub(crate) fn ctx_stat(call: &Call, context: &Context) -> Result<u32> {
    call.write(&CtxStat {
        usecnt: context.head().references(),
        tasks: context.head().claims(),
    })?;
    Ok(0)
}

/// `virt_stat`: threads and age; the other numbers arrive with the accounting.
pub(crate) fn virt_stat(call: &Call, context: &Context) -> Result<u32> {
    call.write(&VirtStat {
        uptime: context.age(),
        nr_threads: context.threads(),
        ..VirtStat::default()
    })?;
    Ok(0)
}

/// `sock_stat`: nothing is counted yet, as in the newest original.
pub(crate) fn sock_stat(call: &Call, _context: &Context) -> Result<u32> {
    let data: SockStat = call.read()?;
    if data.field >= sock::COUNT {
        return Err(EINVAL);
    }
    call.write(&SockStat {
        field: data.field,
        ..SockStat::default()
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

/// `task_tag`
pub(crate) fn task_tag(call: &Call) -> Result<u32> {
    task::id_of(call.id(), Id::Tag).ok_or(ESRCH)
}

/// `/proc/virtual/info` and `/proc/virtnet/info`
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
        context.head().id(),
        context.head().instance(),
        context.head().init_pid(),
        context.head().badness() as i64
    );
}

/// `/proc/virtual/<xid>/status`
pub(crate) fn show_ctx_status(m: &SeqFile, context: &Context) {
    let (first, second) = context.space_masks();
    seq_print!(
        m,
        "UseCnt:\t{}\nTasks:\t{}\nFlags:\t{:016x}\nBCaps:\t{:016x}\nCCaps:\t{:016x}\n",
        context.head().references(),
        context.head().claims(),
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

/// `/proc/virtnet/<nid>/info`; the second line as in [`show_ctx_info`].
pub(crate) fn show_net_info(m: &SeqFile, network: &Network) {
    seq_print!(
        m,
        "ID:\t{}\nInfo:\t{:016x}\n",
        network.head().id(),
        network.head().instance()
    );
    // The addresses are printed under the mutex: whatever is added meanwhile comes later.
    let _ = network.with_addresses(|set| {
        seq_print!(m, "Bcast:\t{}\n", V4Text(set.broadcast()));
        seq_print!(m, "Lback:\t{}\n", V4Text(set.loopback()));
        for (index, entry) in set.v4().iter().enumerate() {
            seq_print!(m, "{}:\t{}\n", index, EntryText(entry));
        }
        for (index, entry) in set.v6().iter().enumerate() {
            seq_print!(m, "{}:\t{}\n", index, Entry6Text(entry));
        }
        Ok(())
    });
}

/// `/proc/virtnet/<nid>/status`
pub(crate) fn show_net_status(m: &SeqFile, network: &Network) {
    seq_print!(
        m,
        "UseCnt:\t{}\nTasks:\t{}\nFlags:\t{:016x}\nNCaps:\t{:016x}\n",
        network.head().references(),
        network.head().claims(),
        network.head().flags(),
        network.head().ncaps()
    );
}

/// The lines of `/proc/<pid>/ninfo` about the network context.
pub(crate) fn show_ninfo(m: &SeqFile, network: &Network) {
    seq_print!(
        m,
        "NCaps:\t{:016x}\nNFlags:\t{:016x}\n",
        network.head().ncaps(),
        network.head().flags()
    );
    let _ = network.with_addresses(|set| {
        seq_print!(m, "V4Root[bcast]:\t{}\n", V4Text(set.broadcast()));
        seq_print!(m, "V4Root[lback]:\t{}\n", V4Text(set.loopback()));
        for (index, entry) in set.v4().iter().enumerate() {
            seq_print!(m, "V4Root[{}]:\t{}\n", index, EntryText(entry));
        }
        for (index, entry) in set.v6().iter().enumerate() {
            seq_print!(m, "V6Root[{}]:\t{}\n", index, Entry6Text(entry));
        }
        Ok(())
    });
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
