// SPDX-License-Identifier: GPL-2.0

//! The real system call.

use libvserver::{Errno, Support, Vserver, probe};

#[test]
fn a_kernel_without_the_call_says_so() {
    if std::path::Path::new("/proc/virtual").exists() {
        // Such a kernel is what the scenarios in a booted machine test.
        return;
    }
    let vserver = Vserver::new();
    let missing = Errno(libc::ENOSYS);
    assert_eq!(vserver.version(), Err(missing));
    assert_eq!(vserver.task_xid(0), Err(missing));
    assert_eq!(vserver.create(42, None), Err(missing));
    assert!(matches!(
        probe(&vserver),
        Support::NoSystemCall | Support::NoModule
    ));
}
