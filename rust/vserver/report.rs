// SPDX-License-Identifier: GPL-2.0

//! What can be asked about the interface, contexts and tasks.

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
    context::Context,
    dispatch::Call,
    sys::task::{
        self,
        Id, //
    },
};
use kernel::{
    prelude::*,
    transmute::AsBytes, //
};

/// The feature word of the original: what is there today. Tagged files and the breaking of links
/// are announced by whoever implements them.
pub(crate) const FEATURES: u32 = vci::NO_DYNAMIC
    | vci::HARDCPU
    | vci::IDLETIME
    | vci::SPACES
    | vci::NETV2
    | vci::PPTAG
    | if cfg!(CONFIG_VSERVER_PROC_SECURE) {
        vci::PROC_SECURE
    } else {
        0
    };

/// What is ours: told bit by bit, so that programs test for a feature and not for a release.
const ADDITIONS: u64 = feature::SPACE_TIME
    | feature::SPACE_CGROUP
    | feature::TRIMMED_CAPS
    | feature::OWN_SETUP_ONLY
    | feature::HOST_CREATE
    | feature::LEGACY_INIT
    | feature::HELPER
    | feature::PROC_ENTRIES
    | feature::DEVICE_MAP
    | feature::NET_ENFORCED
    | feature::LIMITS_ENFORCED
    | feature::SCHED_ENFORCED;

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

/// `virt_stat`: what the threads are about, age, load and clock.
pub(crate) fn virt_stat(call: &Call, context: &Context) -> Result<u32> {
    let load = context.head().load();
    call.write(&VirtStat {
        uptime: context.age(),
        nr_threads: context.threads(),
        nr_running: load.running(),
        nr_uninterruptible: load.uninterruptible(),
        nr_onhold: context.head().holders(),
        nr_forks: context.head().forks(),
        load: load.averages(),
        offset: context.head().clock() as u64,
    })?;
    Ok(0)
}

/// `sock_stat`: operations wrap around, bytes do not.
pub(crate) fn sock_stat(call: &Call, context: &Context) -> Result<u32> {
    let data: SockStat = call.read()?;
    if data.field >= sock::COUNT {
        return Err(EINVAL);
    }
    let (count, total) = context.head().traffic(data.field);
    call.write(&SockStat {
        field: data.field,
        count: count.map(|number| number as u32),
        total,
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
