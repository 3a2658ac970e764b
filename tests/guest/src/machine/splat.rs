// SPDX-License-Identifier: GPL-2.0

//! What in the kernel log means that the kernel is broken.

/// Texts of reports. They are those of the kernel itself: warnings, oopses, sanitizers, lock
/// checking, RCU checking, leak detector, hung tasks, reference counters.
const MARKS: [&str; 29] = [
    "WARNING: ",
    "BUG: ",
    "kernel BUG at ",
    "Oops: ",
    "Oops[",
    "Internal error: ",
    "KASAN: ",
    "KCSAN: ",
    "KFENCE: ",
    "UBSAN: ",
    "possible circular locking",
    "possible recursive locking",
    "possible irq lock inversion",
    "inconsistent lock state",
    "held lock freed",
    "bad unlock balance",
    "Invalid wait context",
    "lock held when returning to user space",
    "locks held by",
    "suspicious RCU usage",
    "sleeping function called from invalid context",
    "scheduling while atomic",
    "kmemleak: ",
    "INFO: task ",
    "rcu_sched detected stalls",
    "detected stalls on CPUs",
    "refcount_t: ",
    "ODEBUG: ",
    "rust_kernel: panicked",
];

/// Texts that contain a mark and mean nothing.
const HARMLESS: [&str; 4] = [
    // Start of the leak detector and its own bookkeeping.
    "kmemleak: Kernel memory leak detector initialized",
    "kmemleak: Automatic memory scanning thread started",
    "kmemleak: Automatic memory scanning thread ended",
    "kmemleak: Object search tree",
];

/// The mark in a line of the kernel log, when it is a report of a broken kernel.
pub fn mark_in(line: &str) -> Option<&'static str> {
    if HARMLESS.iter().any(|text| line.contains(text)) {
        return None;
    }
    MARKS.iter().copied().find(|mark| line.contains(mark))
}

/// Taint bits that say nothing about the health of the kernel: a test suite ran (18), an
/// out-of-tree module was loaded (12), an unsigned one (13).
const HARMLESS_TAINT: u64 = (1 << 18) | (1 << 12) | (1 << 13);

/// Taint bits that appeared between two readings and mean something.
pub fn new_taint(before: u64, after: u64) -> u64 {
    after & !before & !HARMLESS_TAINT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_found() {
        for line in [
            "WARNING: CPU: 0 PID: 1 at kernel/vserver/x.c:3 f+0x1/0x2",
            "BUG: KASAN: slab-use-after-free in vs_put+0x10/0x20",
            "BUG: kernel NULL pointer dereference, address: 0000000000000008",
            "BUG: sleeping function called from invalid context at mm/slab.h:1",
            "Oops: general protection fault, probably for non-canonical address",
            "UBSAN: array-index-out-of-bounds in kernel/vserver/x.c:1:2",
            "WARNING: possible circular locking dependency detected",
            "WARNING: suspicious RCU usage",
            "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "INFO: task init:77 blocked for more than 120 seconds.",
            "refcount_t: underflow; use-after-free.",
            "WARNING: inconsistent lock state",
            "WARNING: held lock freed!",
            "rust_kernel: panicked at kernel/vserver/registry.rs:1:1:",
            "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        ] {
            assert!(mark_in(line).is_some(), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_are_not() {
        for line in [
            "Linux version 7.3.4 (vserver@vserver)",
            "kmemleak: Kernel memory leak detector initialized (mem pool available: 15000)",
            "debug: unmapping init memory",
            "x86/mm: Checked W+X mappings: passed, no W+X pages found.",
            "Run /init as init process",
            "vserver: context 42 ended",
        ] {
            assert_eq!(mark_in(line), None, "{line}");
        }
    }

    #[test]
    fn only_new_and_serious_taint_counts() {
        assert_eq!(new_taint(0, 1 << 18), 0);
        assert_eq!(new_taint(1 << 9, 1 << 9), 0);
        assert_eq!(new_taint(0, 1 << 9), 1 << 9);
    }
}
