// SPDX-License-Identifier: GPL-2.0

//! The text in procfs: `/proc/virtual`, `/proc/virtnet`, `vinfo`, `ninfo` (proc.md).

use crate::{
    abi::{
        self,
        rlimit, //
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
    limit::Limit,
    load,
    network::Network,
    report,
    scheduler,
    sys::{
        ratio,
        time, //
    }, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

/// `/proc/virtual/info` and `/proc/virtnet/info`
pub(crate) fn show_info(m: &SeqFile) {
    seq_print!(
        m,
        "VCIVersion:\t{:04x}:{:04x}\nVCISyscall:\t{}\nVCIKernel:\t{:08x}\n",
        abi::VERSION >> 16,
        abi::VERSION & 0xffff,
        abi::SYSCALL,
        report::FEATURES
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

/// Rows of the limits: name and resource.
const LIMITS: [(&str, u32); 15] = [
    ("PROC", rlimit::NPROC),
    ("VM", rlimit::AS),
    ("VML", rlimit::MEMLOCK),
    ("RSS", rlimit::RSS),
    ("ANON", rlimit::ANON),
    ("RMAP", rlimit::MAPPED),
    ("FILES", rlimit::NOFILE),
    ("OFD", rlimit::OPENFD),
    ("LOCKS", rlimit::LOCKS),
    ("SOCK", rlimit::NSOCK),
    ("MSGQ", rlimit::MSGQUEUE),
    ("SHM", rlimit::SHMEM),
    ("SEMA", rlimit::SEMARY),
    ("SEMS", rlimit::NSEMS),
    ("DENT", rlimit::DENTRY),
];

/// `/proc/virtual/<xid>/limit`: -1 is no limit.
pub(crate) fn show_limit(m: &SeqFile, context: &Context) {
    seq_print!(
        m,
        "Limit\t current\t     min/max\t\t    soft/hard\t\thits\n"
    );
    for (name, id) in LIMITS {
        let Limit { soft, hard } = context
            .with_limits(|limits| limits.get(id))
            .unwrap_or(Limit::NONE);
        let usage = context.usage(id);
        seq_print!(
            m,
            "{}:\t{:8}\t{:8}/{:8}\t{:8}/{:8}\t{:6}\n",
            name,
            usage.value,
            usage.minimum,
            usage.maximum.min(hard),
            soft as i64,
            hard as i64,
            usage.hits
        );
    }
}

/// `/proc/virtual/<xid>/sched`: settings, and a line for every processor that is online; times and
/// tokens in ticks. The processors divide the tokens of the context evenly.
pub(crate) fn show_sched(m: &SeqFile, context: &Context) {
    let pool = context.head().pool();
    let tick = scheduler::tick();
    let ticks = |ns| ratio::down(ns, 1, tick.into());
    context.with_schedule(|schedule| {
        let common = schedule.common();
        seq_print!(
            m,
            "FillRate:\t{:8},{}\nInterval:\t{:8},{}\nTokensMin:\t{:8}\nTokensMax:\t{:8}\n",
            common.fill_rate[0],
            common.fill_rate[1],
            common.interval[0],
            common.interval[1],
            common.tokens_min,
            common.tokens_max
        );
        seq_print!(m, "PrioBias:\t{:8}\n", common.prio_bias);
        for (index, cpu) in (0u32..).zip(scheduler::online()) {
            let own = schedule.of(cpu);
            let times = context.head().times(cpu);
            seq_print!(
                m,
                "cpu {}: {} {} {} {} {} {}{} {} {} {} {}/{} {}/{} {} {}\n",
                cpu,
                ticks(times.user),
                ticks(times.system),
                ticks(times.hold),
                ticks(pool.filled()),
                ticks(pool.idle_filled()),
                if pool.is_held() { 'H' } else { 'R' },
                if own.idle_time { 'I' } else { '-' },
                pool.tokens_of(index, tick),
                own.tokens_min,
                own.tokens_max,
                own.fill_rate[0],
                own.interval[0],
                own.fill_rate[1],
                own.interval[1],
                own.prio_bias,
                pool.told_correction()
            );
        }
    });
}

/// `/proc/virtual/<xid>/cvirt`
pub(crate) fn show_cvirt(m: &SeqFile, context: &Context) {
    let (seconds, hundredths) = time::split(context.created());
    seq_print!(
        m,
        "BiasUptime:\t{}.{:02}\nnr_threads:\t{}\n",
        seconds,
        hundredths,
        context.threads()
    );
    let load = context.head().load();
    for (name, number) in [
        ("nr_running", load.running()),
        ("nr_unintr", load.uninterruptible()),
        ("nr_onhold", context.head().holders()),
        ("load_updates", load.updates()),
    ] {
        seq_print!(m, "{}:\t{}\n", name, number);
    }
    let [one, five, fifteen] = load.averages().map(load::hundredths);
    seq_print!(
        m,
        "loadavg:\t{}.{:02} {}.{:02} {}.{:02}\ntotal_forks:\t{}\n",
        one.0,
        one.1,
        five.0,
        five.1,
        fifteen.0,
        fifteen.1,
        context.head().forks()
    );
}

/// `/proc/virtual/<xid>/cacct`: sockets; slabs and pages are not counted, as in the newest
/// original.
pub(crate) fn show_cacct(m: &SeqFile, context: &Context) {
    seq_print!(
        m,
        "Type\t    recv #/bytes\t\t   send #/bytes\t\t    fail #/bytes\n"
    );
    for (class, name) in (0u32..).zip(["UNSPEC", "UNIX", "INET", "INET6", "PACKET", "OTHER"]) {
        let (count, total) = context.head().traffic(class);
        seq_print!(m, "{}:", name);
        for (operations, bytes) in count.iter().zip(total) {
            seq_print!(m, "\t{:10}/{:<10}", operations, bytes);
        }
        seq_print!(m, "\n");
    }
    seq_print!(m, "\nslab:\t {:8} {:8} {:8} {:8}\n\n", 0, 0, 0, 0);
    for row in 0..5 {
        seq_print!(
            m,
            "page[{}]: {:8} {:8} {:8} {:8}\t {:8} {:8} {:8} {:8}\n",
            row,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0
        );
    }
}

/// `/proc/virtual/<xid>/nsproxy` and `nsproxy1`: empty when nothing is stored.
pub(crate) fn show_spaces(m: &SeqFile, context: &Context, index: u32) {
    // An ended context stores nothing.
    let _ = context.with_space(index, |space| {
        space.show(m);
        Ok(())
    });
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
