// SPDX-License-Identifier: GPL-2.0

//! What the methods hand to the kernel: command, id and structure. The kernel side is a prepared
//! answer.

use libvserver::abi::*;
use libvserver::{DiskLimit, Errno, Ipv4Entry, Ipv6Entry, Result, Syscall, Vserver};
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::path::Path;

/// What a call handed over.
#[derive(Debug)]
struct Seen<T> {
    cmd: u32,
    id: u32,
    data: T,
    /// The texts at the addresses in `data`.
    paths: Vec<String>,
}

/// A kernel that expects one command, whose structure is `T`.
struct Script<T, A> {
    addresses: fn(&T) -> Vec<usize>,
    answer: A,
    seen: RefCell<Option<Seen<T>>>,
}

impl<T: Copy, A: Fn(&mut T) -> u32> Syscall for Script<T, A> {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32> {
        let data = data.cast::<T>();
        assert!(!data.is_null(), "the command has a structure");
        // SAFETY: each test names the structure of its command, and it is not null.
        let mut value = unsafe { data.read() };
        let addresses = (self.addresses)(&value).into_iter();
        let paths = addresses.filter(|&address| address != 0).map(|address| {
            let text = std::ptr::with_exposed_provenance::<c_char>(address);
            // SAFETY: the methods put addresses of terminated texts into their structures.
            let text = unsafe { CStr::from_ptr(text) };
            text.to_str().unwrap().to_owned()
        });
        let seen = Seen {
            cmd,
            id,
            data: value,
            paths: paths.collect(),
        };
        assert!(self.seen.replace(Some(seen)).is_none(), "one call only");
        let result = (self.answer)(&mut value);
        // SAFETY: as for reading.
        unsafe { data.write(value) };
        Ok(result)
    }
}

/// Calls a method of a command with the structure `T`; returns what the method handed over and
/// what it returned.
fn call<T: Copy, A: Fn(&mut T) -> u32, R>(
    answer: A,
    method: impl FnOnce(&Vserver<&Script<T, A>>) -> Result<R>,
) -> (Seen<T>, R) {
    call_with(|_| Vec::new(), answer, method)
}

/// As [`call`], for a structure with addresses of paths.
fn call_with<T: Copy, A: Fn(&mut T) -> u32, R>(
    addresses: fn(&T) -> Vec<usize>,
    answer: A,
    method: impl FnOnce(&Vserver<&Script<T, A>>) -> Result<R>,
) -> (Seen<T>, R) {
    let script = Script {
        addresses,
        answer,
        seen: RefCell::new(None),
    };
    let result = method(&Vserver::with(&script)).expect("the method succeeds");
    let seen = script.seen.take().expect("the method calls the kernel");
    (seen, result)
}

/// A kernel that expects commands without a structure and answers with `result`.
struct Bare {
    result: u32,
    seen: RefCell<Vec<(u32, u32)>>,
}

impl Syscall for Bare {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32> {
        assert!(data.is_null(), "the command takes no data");
        self.seen.borrow_mut().push((cmd, id));
        Ok(self.result)
    }
}

/// A kernel that must not be called.
#[derive(Debug)]
struct Never;

impl Syscall for Never {
    unsafe fn vserver(&self, cmd: u32, _: u32, _: *mut c_void) -> Result<u32> {
        panic!("{cmd:#x} reaches the kernel");
    }
}

const EINVAL: Errno = Errno(libc::EINVAL);

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// The bytes as they lie in memory.
fn bytes(words: [u32; 4]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[test]
fn commands_without_a_structure() {
    let bare = Bare {
        result: 7,
        seen: RefCell::new(Vec::new()),
    };
    let vserver = Vserver::with(&bare);
    assert_eq!(vserver.task_tag(9), Ok(7));
    assert_eq!(vserver.create_v0(42), Ok(7));
    assert_eq!(vserver.create_network(43, None), Ok(7));
    assert_eq!(vserver.create_network_v0(43), Ok(7));
    vserver.migrate_v0(42).unwrap();
    vserver.migrate_network(43).unwrap();
    vserver.become_network_spectator().unwrap();
    vserver.migrate_tag(44).unwrap();
    vserver.enter_space_v0(42).unwrap();
    vserver.reset_hits(42).unwrap();
    vserver.reset_minmax(42).unwrap();
    vserver.dump_history().unwrap();
    assert_eq!(
        *bare.seen.borrow(),
        [
            (vcmd::TASK_TAG, 9),
            (vcmd::CTX_CREATE_V0, 42),
            (vcmd::NET_CREATE, 43),
            (vcmd::NET_CREATE_V0, 43),
            (vcmd::CTX_MIGRATE_V0, 42),
            (vcmd::NET_MIGRATE, 43),
            (vcmd::NET_MIGRATE, 1),
            (vcmd::TAG_MIGRATE, 44),
            (vcmd::ENTER_SPACE_V0, 42),
            (vcmd::RESET_HITS, 42),
            (vcmd::RESET_MINMAX, 42),
            (vcmd::DUMP_HISTORY, 0),
        ]
    );
}

#[test]
fn space_commands_of_version_1_and_0() {
    let (seen, ()) = call(
        |_: &mut SpaceMaskV1| 0,
        |vserver| vserver.enter_space_v1(42, space::UTS),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::ENTER_SPACE_V1, 42));
    assert_eq!(seen.data.mask, space::UTS);
    let (seen, ()) = call(
        |_: &mut SpaceMaskV1| 0,
        |vserver| vserver.set_space_v1(42, space::IPC),
    );
    assert_eq!((seen.cmd, seen.data.mask), (vcmd::SET_SPACE_V1, space::IPC));
    let answer = |space: &mut SpaceMaskV1| {
        space.mask = space::MASK_V0;
        0
    };
    let (seen, mask) = call(answer, |vserver| vserver.space_mask_v0());
    assert_eq!((seen.cmd, mask), (vcmd::GET_SPACE_MASK_V0, space::MASK_V0));
}

#[test]
fn ipv4_entries_are_in_network_byte_order() {
    let ip = v4("10.1.2.3");
    let mask = v4("255.255.0.0");
    let cases = [
        (Ipv4Entry::Address { ip, mask }, 0x010, [0, 0, 0, 0], mask),
        (Ipv4Entry::Network { ip, mask }, 0x020, [0, 0, 0, 0], mask),
        (
            Ipv4Entry::Range {
                first: ip,
                last: v4("10.1.2.9"),
                mask,
            },
            0x040,
            [10, 1, 2, 9],
            mask,
        ),
        (Ipv4Entry::Broadcast(ip), 0x110, [0, 0, 0, 0], v4("0.0.0.0")),
        (Ipv4Entry::Loopback(ip), 0x210, [0, 0, 0, 0], v4("0.0.0.0")),
    ];
    for (entry, type_, last, mask) in cases {
        let (seen, ()) = call(
            |_: &mut NetAddrIpv4V2| 0,
            |vserver| vserver.add_ipv4(42, entry),
        );
        assert_eq!((seen.cmd, seen.id), (vcmd::NET_ADD_IPV4, 42));
        let data = seen.data;
        assert_eq!((data.type_, data.flags), (type_, 0), "{entry:?}");
        assert_eq!(data.ip.to_ne_bytes(), [10, 1, 2, 3], "{entry:?}");
        assert_eq!(data.ip2.to_ne_bytes(), last, "{entry:?}");
        assert_eq!(data.mask.to_ne_bytes(), mask.octets(), "{entry:?}");
    }
    let entry = Ipv4Entry::Address { ip, mask };
    let (seen, ()) = call(
        |_: &mut NetAddrIpv4V2| 0,
        |vserver| vserver.remove_ipv4(42, entry),
    );
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_REM_IPV4, 0x010));
    let (seen, ()) = call(|_: &mut NetAddrIpv4V2| 0, |vserver| vserver.clear_ipv4(42));
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_REM_IPV4, 0x0ff));
}

#[test]
fn ipv4_entries_of_version_1_have_no_ranges() {
    let ip = v4("10.1.2.3");
    let entry = Ipv4Entry::Network { ip, mask: ip };
    let (seen, ()) = call(
        |_: &mut NetAddrIpv4V1| 0,
        |vserver| vserver.add_ipv4_v1(42, entry),
    );
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_ADD_IPV4_V1, 0x020));
    assert_eq!(seen.data.ip.to_ne_bytes(), [10, 1, 2, 3]);
    let (seen, ()) = call(
        |_: &mut NetAddrIpv4V1| 0,
        |vserver| vserver.remove_ipv4_v1(42, entry),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::NET_REM_IPV4_V1, 42));
    let (seen, ()) = call(
        |_: &mut NetAddrIpv4V1| 0,
        |vserver| vserver.clear_ipv4_v1(42),
    );
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_REM_IPV4_V1, 0x0ff));
    let range = Ipv4Entry::Range {
        first: ip,
        last: ip,
        mask: ip,
    };
    assert_eq!(Vserver::with(Never).add_ipv4_v1(42, range), Err(EINVAL));
}

#[test]
fn addresses_of_version_0_come_in_fours() {
    let addresses = [(v4("10.0.0.1"), v4("255.0.0.0")); 5];
    let (seen, added) = call(
        |_: &mut NetAddrV0| 2,
        |vserver| vserver.add_addresses_v0(42, &addresses[..2]),
    );
    assert_eq!((seen.cmd, seen.id, added), (vcmd::NET_ADD, 42, 2));
    assert_eq!((seen.data.type_, seen.data.count), (0x001, 2));
    assert_eq!(bytes(seen.data.ip)[..8], [10, 0, 0, 1, 10, 0, 0, 1]);
    assert_eq!(bytes(seen.data.ip)[8..], [0; 8]);
    assert_eq!(bytes(seen.data.mask)[..8], [255, 0, 0, 0, 255, 0, 0, 0]);
    for wrong in [&addresses[..0], &addresses[..5]] {
        let vserver = Vserver::with(Never);
        assert_eq!(vserver.add_addresses_v0(42, wrong), Err(EINVAL));
    }
    let ip = v4("10.0.0.255");
    let (seen, ()) = call(
        |_: &mut NetAddrV0| 1,
        |vserver| vserver.set_broadcast_v0(42, ip),
    );
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_ADD, 0x101));
    assert_eq!(bytes(seen.data.ip)[..4], [10, 0, 0, 255]);
    let (seen, ()) = call(
        |_: &mut NetAddrV0| 1,
        |vserver| vserver.set_loopback_v0(42, ip),
    );
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_ADD, 0x201));
    let (seen, ()) = call(
        |_: &mut NetAddrV0| 0,
        |vserver| vserver.remove_addresses_v0(42),
    );
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_REMOVE, 0x0ff));
}

#[test]
fn ipv6_masks_follow_from_the_prefix() {
    let ip: Ipv6Addr = "fd00:1:2::3".parse().unwrap();
    let (seen, ()) = call(
        |_: &mut NetAddrIpv6V1| 0,
        |vserver| vserver.add_ipv6(42, Ipv6Entry::Address { ip, prefix: 64 }),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::NET_ADD_IPV6, 42));
    assert_eq!((seen.data.type_, seen.data.prefix), (0x010, 64));
    assert_eq!(bytes(seen.data.ip), ip.octets());
    assert_eq!(seen.data.mask, [u32::MAX; 4]);
    for (prefix, ones) in [(0, 0), (52, 52), (128, 128)] {
        let (seen, ()) = call(
            |_: &mut NetAddrIpv6V1| 0,
            |vserver| vserver.remove_ipv6(42, Ipv6Entry::Network { ip, prefix }),
        );
        assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_REMOVE_IPV6, 0x020));
        assert_eq!(seen.data.prefix, u32::from(prefix));
        let mask = u128::from_be_bytes(bytes(seen.data.mask).try_into().unwrap());
        assert_eq!((mask.leading_ones(), mask.count_ones()), (ones, ones));
    }
    let (seen, ()) = call(|_: &mut NetAddrIpv6V1| 0, |vserver| vserver.clear_ipv6(42));
    assert_eq!((seen.cmd, seen.data.type_), (vcmd::NET_REMOVE_IPV6, 0x0ff));
}

#[test]
fn schedulers_are_selected_by_the_mask() {
    let answer = |sched: &mut SchedV5| {
        sched.tokens = 5;
        0
    };
    for (cpu, msec, mask) in [
        (None, false, 0),
        (Some(3), false, vxsm::CPU_ID),
        (None, true, vxsm::MSEC),
        (Some(3), true, vxsm::CPU_ID | vxsm::MSEC),
    ] {
        let (seen, sched) = call(answer, |vserver| vserver.sched(42, cpu, msec));
        assert_eq!((seen.cmd, seen.id), (vcmd::GET_SCHED, 42));
        assert_eq!((seen.data.mask, sched.tokens), (mask, 5));
        assert_eq!(seen.data.cpu_id, cpu.unwrap_or(0));
    }
    let wanted = SchedV5 {
        mask: vxsm::FILL_RATE,
        fill_rate: [1, 2],
        ..Default::default()
    };
    let (seen, ()) = call(|_: &mut SchedV5| 0, |vserver| vserver.set_sched(42, wanted));
    assert_eq!((seen.cmd, seen.data), (vcmd::SET_SCHED, wanted));
    let wanted = SetSchedV4 {
        set_mask: vxsm::TOKENS,
        tokens: 9,
        ..Default::default()
    };
    let (seen, ()) = call(
        |_: &mut SetSchedV4| 0,
        |vserver| vserver.set_sched_v4(42, wanted),
    );
    assert_eq!((seen.cmd, seen.data), (vcmd::SET_SCHED_V4, wanted));
}

#[test]
fn processor_times_and_bias() {
    let answer = |info: &mut SchedInfo| {
        info.token_usec = 4000;
        0
    };
    let (seen, info) = call(answer, |vserver| vserver.sched_info(0, 3));
    assert_eq!((seen.cmd, seen.id), (vcmd::SCHED_INFO, 0));
    assert_eq!((seen.data.cpu_id, info.token_usec), (3, 4000));
    let answer = |bias: &mut PrioBias| {
        bias.prio_bias = -4;
        0
    };
    let (seen, bias) = call(answer, |vserver| vserver.prio_bias(42, 3));
    assert_eq!((seen.cmd, seen.data.cpu_id), (vcmd::GET_PRIO_BIAS, 3));
    assert_eq!(bias, -4);
    for (cpu, id) in [(Some(2), 2), (None, -1)] {
        let (seen, ()) = call(
            |_: &mut PrioBias| 0,
            |vserver| vserver.set_prio_bias(42, cpu, 7),
        );
        assert_eq!((seen.cmd, seen.id), (vcmd::SET_PRIO_BIAS, 42));
        assert_eq!((seen.data.cpu_id, seen.data.prio_bias), (id, 7));
    }
}

#[test]
fn socket_statistics_are_by_field() {
    let answer = |stat: &mut SockStat| {
        stat.total[sock::SEND] = 512;
        0
    };
    let (seen, stat) = call(answer, |vserver| vserver.sock_stat(42, sock::INET6));
    assert_eq!((seen.cmd, seen.id), (vcmd::SOCK_STAT, 42));
    assert_eq!((seen.data.field, stat.total), (3, [0, 512, 0]));
}

#[test]
fn inode_attributes_by_path() {
    let wanted = Fiattr {
        tag: 42,
        flags: iattr::BARRIER,
        mask: iattr::BARRIER | iattr::TAG,
    };
    let answer = |data: &mut Iattr| {
        data.flags |= iattr::IMMUTABLE;
        0
    };
    let path = Path::new("/srv/guests");
    let (seen, got) = call_with(
        |data: &Iattr| vec![data.name],
        answer,
        |vserver| vserver.set_iattr(path, wanted),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::SET_IATTR, 0));
    assert_eq!(seen.paths, ["/srv/guests"]);
    let data = seen.data;
    assert_eq!(
        (data.tag, data.flags, data.mask),
        (42, wanted.flags, wanted.mask)
    );
    assert_eq!(got.flags, iattr::BARRIER | iattr::IMMUTABLE);
    let (seen, got) = call_with(
        |data: &Iattr| vec![data.name],
        answer,
        |vserver| vserver.iattr(path),
    );
    assert_eq!((seen.cmd, seen.paths.len()), (vcmd::GET_IATTR, 1));
    assert_eq!((seen.data.mask, got.flags), (0, iattr::IMMUTABLE));
}

#[test]
fn inode_attributes_by_descriptor() {
    use std::os::fd::AsRawFd;
    let file = std::fs::File::open("/").unwrap();
    let answer = |data: &mut Fiattr| {
        data.mask = iattr::TAG;
        0
    };
    let (seen, got) = call(answer, |vserver| vserver.fd_iattr(file.as_fd()));
    assert_eq!(
        (seen.cmd, seen.id),
        (vcmd::FGET_IATTR, file.as_raw_fd() as u32)
    );
    assert_eq!(got.mask, iattr::TAG);
    let wanted = Fiattr {
        tag: 1,
        flags: 2,
        mask: 3,
    };
    let (seen, _) = call(answer, |vserver| vserver.set_fd_iattr(file.as_fd(), wanted));
    assert_eq!((seen.cmd, seen.data), (vcmd::FSET_IATTR, wanted));
}

#[test]
fn disk_limits_name_tag_and_path() {
    let path = Path::new("/srv");
    let address = |data: &DlimitBase| vec![data.name];
    let (seen, ()) = call_with(address, |_| 0, |vserver| vserver.add_disk_limit(42, path));
    assert_eq!((seen.cmd, seen.id), (vcmd::ADD_DLIMIT, 42));
    assert_eq!(seen.paths, ["/srv"]);
    let (seen, ()) = call_with(
        address,
        |_| 0,
        |vserver| vserver.remove_disk_limit(42, path),
    );
    assert_eq!((seen.cmd, seen.paths.len()), (vcmd::REM_DLIMIT, 1));

    let wanted = DiskLimit {
        space_used: cdlim::KEEP,
        space_total: 1,
        inodes_used: 2,
        inodes_total: cdlim::INFINITY,
        reserved: 5,
        flags: 0,
    };
    let address = |data: &Dlimit| vec![data.name];
    let (seen, ()) = call_with(
        address,
        |_| 0,
        |vserver| vserver.set_disk_limit(42, path, wanted),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::SET_DLIMIT, 42));
    let data = seen.data;
    assert_eq!((data.space_used, data.space_total), (cdlim::KEEP, 1));
    assert_eq!((data.inodes_used, data.inodes_total), (2, cdlim::INFINITY));
    assert_eq!((data.reserved, data.flags), (5, 0));
    let (seen, got) = call_with(
        address,
        |data| {
            (data.space_used, data.space_total) = (1, 2);
            (data.inodes_used, data.inodes_total) = (3, 4);
            data.reserved = 5;
            0
        },
        |vserver| vserver.disk_limit(42, path, cdlim::DLIMF_SHIFT),
    );
    assert_eq!((seen.cmd, seen.data.flags), (vcmd::GET_DLIMIT, 0x10));
    let expected = DiskLimit {
        space_used: 1,
        space_total: 2,
        inodes_used: 3,
        inodes_total: 4,
        reserved: 5,
        flags: 0x10,
    };
    assert_eq!(got, expected);
}

#[test]
fn device_mappings_may_lack_a_path() {
    let addresses = |data: &SetMapping| vec![data.device, data.target];
    let (device, target) = (Path::new("/dev/hdv1"), Path::new("/dev/sda1"));
    let (seen, ()) = call_with(
        addresses,
        |_| 0,
        |vserver| vserver.set_mapping(42, Some(device), Some(target), dattr::REMAP),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::SET_MAPPING, 42));
    assert_eq!(seen.paths, ["/dev/hdv1", "/dev/sda1"]);
    assert_eq!(seen.data.flags, dattr::REMAP);
    // The original returns 1 here.
    let (seen, ()) = call_with(
        addresses,
        |_| 1,
        |vserver| vserver.unset_mapping(0, None, Some(target)),
    );
    assert_eq!((seen.cmd, seen.id), (vcmd::UNSET_MAPPING, 0));
    assert_eq!((seen.data.device, seen.paths.len()), (0, 1));
}

#[test]
fn paths_with_a_zero_byte_do_not_reach_the_kernel() {
    let path = Path::new("a\0b");
    let vserver = Vserver::with(Never);
    assert_eq!(vserver.iattr(path), Err(EINVAL));
    assert_eq!(vserver.set_iattr(path, Fiattr::default()), Err(EINVAL));
    assert_eq!(vserver.add_disk_limit(1, path), Err(EINVAL));
    assert_eq!(vserver.disk_limit(1, path, 0), Err(EINVAL));
    let none = vserver.set_mapping(0, None, Some(path), 0);
    assert_eq!(none, Err(EINVAL));
}

#[cfg(target_pointer_width = "64")]
#[test]
fn history_is_read_as_far_as_there_is_one() {
    let answer = |data: &mut ReadHistory| {
        assert_eq!((data.index, data.count), (5, 3));
        let entries = std::ptr::with_exposed_provenance_mut::<HistoryEntry>(data.data);
        let entry = HistoryEntry {
            seq: 5,
            type_: history::CREATE,
            xid: 42,
            ..Default::default()
        };
        // SAFETY: the caller has room for three entries.
        unsafe { entries.write(entry) };
        (data.index, data.count) = (6, 1);
        1
    };
    let (seen, part) = call(answer, |vserver| vserver.read_history(2, 5, 3));
    assert_eq!((seen.cmd, seen.id), (vcmd::READ_HISTORY, 2));
    assert_eq!((part.next, part.more, part.entries.len()), (6, true, 1));
    assert_eq!(part.entries[0].xid, 42);
    let (_, part) = call(
        |data: &mut ReadHistory| {
            data.index = 9;
            0
        },
        |vserver| vserver.read_history(2, 0, 0),
    );
    assert_eq!((part.next, part.more, part.entries.len()), (9, false, 0));
}
