// SPDX-License-Identifier: GPL-2.0

//! The inside of a guest, with or without a context.
//!
//! Both are made in the same way and in the order in which a guest is started: cgroup, namespaces,
//! pid 1, root, context, capabilities, seal. They differ in the context alone, so the ratio between
//! them is the cost of the context and not that of the namespaces.

use std::fs;
use std::io;

use libvserver::abi::{nxf, space, vxf, XID_SELF};

use libvserver::{capability, Errno, Ipv4Entry, Ipv6Entry, Vserver};

use super::root;
use super::sys::{self, check, check_long, Child};
use super::wire;

/// Context id of the guest.
pub const GUEST_XID: u32 = 4711;

const NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWTIME;

/// Capabilities that a guest keeps: those that the vserver command gives by default.
const KEPT: u64 = 1 << capability::CHOWN
    | 1 << capability::DAC_OVERRIDE
    | 1 << capability::FOWNER
    | 1 << capability::FSETID
    | 1 << capability::KILL
    | 1 << capability::SETGID
    | 1 << capability::SETUID
    | 1 << capability::SETPCAP
    | 1 << capability::NET_BIND_SERVICE
    | 1 << capability::IPC_OWNER
    | 1 << capability::SYS_CHROOT
    | 1 << capability::SYS_PTRACE
    | 1 << capability::SYS_BOOT
    | 1 << capability::SYS_TTY_CONFIG
    | 1 << capability::LEASE
    | 1 << capability::AUDIT_WRITE
    | 1 << capability::SETFCAP;

/// Cgroup of the guest, as deep as the vserver command makes it.
const CGROUP: &str = "vserver/bench";

/// A context that `run` makes.
#[derive(Clone, Copy)]
pub struct Guest {
    /// Its id, and that of its network context.
    pub xid: u32,
    /// Number of its addresses, when it has a network context.
    pub site: Option<u16>,
}

/// Runs `work` in a child of pid 1 of new namespaces; with `guest` also in a sealed context.
pub fn run(guest: Option<Guest>, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let cgroup = format!("{}/{CGROUP}", root::CGROUPS);
    fs::create_dir_all(&cgroup)?;
    Child::spawn(|| {
        sys::write_file(format!("{cgroup}/cgroup.procs"), "0")?;
        sys::context("cannot unshare the namespaces", sys::unshare(NAMESPACES))?;
        Child::spawn(|| {
            root::prepare_guest("/guest")?;
            if let Some(guest) = guest {
                if let Some(site) = guest.site {
                    create_network(guest.xid, site)?;
                }
                create(guest.xid)?;
            }
            shrink_bounding_set()?;
            if guest.is_some() {
                seal()?;
            }
            drop_capabilities()?;
            Child::spawn(work)?.wait()
        })?
        .wait()
    })?
    .wait()?;
    sys::context("cannot remove the cgroup", remove_empty(&cgroup))
}

/// Removes a cgroup whose last task may just be leaving it.
fn remove_empty(cgroup: &str) -> io::Result<()> {
    const TRIES: u32 = 100;
    for _ in 1..TRIES {
        match fs::remove_dir(cgroup) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => sys::sleep_ms(10),
            other => return other,
        }
    }
    fs::remove_dir(cgroup)
}

/// Makes the calling thread the first task of a new network context with the addresses of a site,
/// as the vserver command does for the shared stack.
pub fn create_network(nid: u32, site: u16) -> io::Result<()> {
    let vserver = Vserver::new();
    named(
        "net_create",
        vserver.create_network(nid, Some(nxf::INIT_SET)),
    )?;
    let (ip, mask) = (wire::ipv4(site), wire::MASK);
    named(
        "net_add_ipv4",
        vserver.add_ipv4(nid, Ipv4Entry::Address { ip, mask }),
    )?;
    let (ip, prefix) = (wire::ipv6(site), wire::PREFIX);
    named(
        "net_add_ipv6",
        vserver.add_ipv6(nid, Ipv6Entry::Address { ip, prefix }),
    )
}

/// Makes the calling thread the first task of a new context and gives it mask and namespaces.
fn create(xid: u32) -> io::Result<()> {
    let vserver = Vserver::new();
    named("ctx_create", vserver.create(xid, Some(vxf::INIT_SET)))?;
    named("set_bcaps", vserver.set_bcaps(XID_SELF, KEPT, u64::MAX))?;
    let spaces = space::SUPPORTED & !space::USER;
    named("set_space", vserver.set_space(XID_SELF, spaces, 0))
}

/// Registers the caller as init and ends the set-up.
pub fn seal() -> io::Result<()> {
    let vserver = Vserver::new();
    named(
        "set_flags",
        vserver.set_flags(XID_SELF, 0, vxf::STATE_SETUP | vxf::STATE_INIT),
    )?;
    match vserver.version() {
        Err(_) => Ok(()),
        Ok(_) => Err(io::Error::other(
            "the context is not sealed: vserver() still answers inside",
        )),
    }
}

/// Adds the name of the command to an error of the system call.
pub fn named<T>(command: &str, result: Result<T, Errno>) -> io::Result<T> {
    result.map_err(|error| io::Error::other(format!("{command}: {error}")))
}

/// Drops every capability that is not in [`KEPT`] from the bounding set.
fn shrink_bounding_set() -> io::Result<()> {
    for number in (0..64u64).filter(|number| KEPT & (1 << number) == 0) {
        // SAFETY: takes no pointer.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
        match check(result) {
            // The kernel knows no capability of this number, nor any above.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            other => sys::context("cannot shrink the bounding set", other)?,
        };
    }
    Ok(())
}

/// Reduces the sets of the caller to [`KEPT`].
fn drop_capabilities() -> io::Result<()> {
    /// Version 3 of the `capset` header.
    const VERSION: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION, 0];
    let low = u32::try_from(KEPT).map_err(io::Error::other)?;
    // Effective, permitted, inheritable; low words, then high words.
    let data: [u32; 6] = [low, low, 0, 0, 0, 0];
    // SAFETY: header and data have the layout of version 3.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
    sys::context("cannot drop capabilities", check_long(result)).map(drop)
}
