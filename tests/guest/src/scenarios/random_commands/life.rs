// SPDX-License-Identifier: GPL-2.0

//! Ordinary life between the commands: processes, threads, files, sockets, namespaces, /proc.
//!
//! What is left out, and why: no signal from the host or the spectator to processes that it did
//! not start, because both may kill everything; no reboot but in a sealed guest, because the host
//! means it; no mount and no change of /proc/sys, because the machine is needed afterwards.

use super::actor::{Actor, FILE, IDS, LASTING, NODES, TREE};
use super::board::Class;
use crate::harness::{context, inside, network, root};
use crate::sys::memory::page_size;
use crate::sys::{Sys, devices, files, ipc, keys, process, sched, sockets, spaces};
use libvserver::abi::{XID_SELF, nxf, space, vcmd, vxf};
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// One thing that happens.
type Act = fn(&mut Actor<'_>);

/// All of them. The number of an act on the board is its place here.
const ACTS: [Act; 23] = [
    execute_in_a_thread,
    found_something_lasting,
    fork_and_exit,
    fork_and_exec,
    leave_somebody_behind,
    move_a_thread,
    read_listings,
    keep_a_file_of_a_context,
    look_as_spectator,
    kill_a_child,
    connect_sockets,
    make_files,
    change_attributes_of_an_open_file,
    open_nodes,
    store_namespaces,
    enter_and_look,
    use_ipc,
    use_keys,
    change_oneself,
    wait_for_an_end,
    change_rights,
    touch_pages,
    kill_a_context,
];

impl Actor<'_> {
    /// Does one of them.
    pub fn live(&mut self) {
        let number = self.dice.roll(ACTS.len() as u32);
        self.announce(u64::from(number));
        ACTS[number as usize](self);
    }
}

/// What comes of an act does not matter: the machine does, and whoever is outside.
fn whatever<T>(_: Sys<T>) {}

/// A context and a network context that stay without anybody, so that others find them.
pub fn found_something_lasting(actor: &mut Actor<'_>) {
    let (xid, nid) = (actor.dice.pick(&LASTING), actor.dice.pick(&LASTING));
    let bits = actor.dice.pick(&NAMESPACES);
    let seconds = actor.world.slowness;
    actor.in_child(2 * seconds, |_| {
        whatever(network::create(nid, nxf::INIT_SET | nxf::PERSISTENT));
        if context::create(xid, vxf::INIT_SET | vxf::PERSISTENT).is_ok() {
            whatever(spaces::unshare(bits));
            whatever(context::set_space(XID_SELF, bits, 0));
        }
        sleep_beside(seconds);
    });
}

/// A process that outlives its parent, for a moment.
fn sleep_beside(seconds: u32) {
    if let Ok(0) = process::fork() {
        process::die_with_parent(0);
        process::alarm(seconds);
        process::sleep_for_ever();
    }
}

fn fork_and_exit(actor: &mut Actor<'_>) {
    actor.in_child(1, |_| ());
}

fn fork_and_exec(actor: &mut Actor<'_>) {
    let code = actor.dice.pick(&["0", "1"]);
    whatever(inside::execute(root::PROGRAM, &["exit", code], None));
}

fn leave_somebody_behind(actor: &mut Actor<'_>) {
    let seconds = 1 + actor.dice.roll(2);
    actor.in_child(1, |_| sleep_beside(seconds));
}

/// A thread moves and its siblings do not.
fn move_a_thread(actor: &mut Actor<'_>) {
    let id = actor.dice.pick(&IDS);
    actor.in_child(2, |actor| {
        let thread = std::thread::spawn(move || {
            whatever(context::migrate(id, 0));
            whatever(files::read("/proc/self/status"));
        });
        actor.attempt();
        let _ = thread.join();
        actor.attempt();
    });
}

/// A thread registers as init or reaper, or not, and takes the process over.
fn execute_in_a_thread(actor: &mut Actor<'_>) {
    let (id, register) = (actor.dice.pick(&IDS), u64::from(actor.dice.roll(4)));
    actor.in_child(2, |_| {
        let thread = std::thread::spawn(move || {
            whatever(context::migrate(id, register));
            let _ = Command::new(root::PROGRAM).args(["inside", "sleep"]).exec();
        });
        let _ = thread.join();
    });
}

fn read_listings(actor: &mut Actor<'_>) {
    let base = actor.dice.pick(&["/proc/virtual", "/proc/virtnet"]);
    for name in files::list(base).unwrap_or_default() {
        let path = format!("{base}/{name}");
        for file in files::list(&path).unwrap_or_default() {
            whatever(files::read(&format!("{path}/{file}")));
        }
    }
    whatever(files::read(&format!("{base}/status")));
    whatever(files::read("/proc/self/vinfo"));
    whatever(files::read("/proc/self/ninfo"));
}

/// A file of a context that ends while it is open.
fn keep_a_file_of_a_context(actor: &mut Actor<'_>) {
    let id = actor.dice.pick(&IDS);
    let name = actor
        .dice
        .pick(&["info", "status", "sched", "limit", "cvirt"]);
    let Ok(mut file) = std::fs::File::open(format!("/proc/virtual/{id}/{name}")) else {
        return;
    };
    actor.in_child(1, |_| {
        whatever(context::kill(id, 0, libc::SIGKILL));
    });
    let mut text = String::new();
    for _ in 0..2 {
        let _ = file.read_to_string(&mut text);
        let _ = file.rewind();
    }
}

fn look_as_spectator(actor: &mut Actor<'_>) {
    actor.in_child(2, |actor| {
        if context::become_spectator().is_err() {
            return;
        }
        for pid in files::numbers("/proc").unwrap_or_default() {
            let file = actor.dice.pick(&["status", "vinfo", "ninfo", "stat"]);
            whatever(files::read(&format!("/proc/{pid}/{file}")));
        }
    });
}

fn kill_a_child(actor: &mut Actor<'_>) {
    let signal = actor.dice.roll(65) as i32;
    actor.in_child(1, |_| {
        if let Ok(pid) = process::fork() {
            if pid == 0 {
                process::alarm(1);
                process::sleep_for_ever();
            }
            whatever(process::kill(pid, signal));
            whatever(process::kill(pid, libc::SIGKILL));
            whatever(process::wait(pid));
        }
    });
}

fn connect_sockets(actor: &mut Actor<'_>) {
    let name = format!("@random-{}", actor.dice.roll(3));
    let kind = actor.dice.pick(&sockets::KINDS);
    let serving = sockets::serve(kind, &name);
    let connected = sockets::connect(kind, &name);
    if let Ok(fd) = connected {
        whatever(sockets::send(fd));
        sockets::close(fd);
    }
    if let Ok(fd) = serving {
        sockets::close(fd);
    }
    for family in [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
        if let Ok(fd) = sockets::socket(family, libc::SOCK_RAW) {
            sockets::close(fd);
        }
    }
}

fn make_files(actor: &mut Actor<'_>) {
    let path = format!("{TREE}/{}", actor.dice.roll(8));
    match actor.dice.roll(4) {
        0 => whatever(files::mkdir(&path)),
        1 => whatever(files::create(&path, "text")),
        2 => drop(std::fs::remove_file(&path)),
        _ => drop(std::fs::hard_link(FILE, &path)),
    }
}

/// The file is gone, its descriptor is not.
fn change_attributes_of_an_open_file(actor: &mut Actor<'_>) {
    let path = format!("{TREE}/open-{}", process::getpid());
    whatever(files::create(&path, ""));
    if let Ok(file) = std::fs::File::open(&path) {
        use std::os::fd::AsRawFd;
        let _ = std::fs::remove_file(&path);
        let before = std::mem::replace(&mut actor.files, vec![file.as_raw_fd()]);
        for _ in 0..4 {
            actor.attempt();
        }
        actor.files = before;
    }
}

/// What a node leads to may change at any time.
fn open_nodes(actor: &mut Actor<'_>) {
    let path = actor.dice.pick(&NODES);
    whatever(devices::read(path));
    whatever(devices::write(path));
    whatever(devices::number_by_path(path));
}

const NAMESPACES: [u64; 6] = [
    space::UTS,
    space::IPC,
    space::UTS | space::IPC,
    space::MNT,
    space::CGROUP | space::TIME,
    space::PID,
];

fn store_namespaces(actor: &mut Actor<'_>) {
    let bits = actor.dice.pick(&NAMESPACES);
    let id = match actor.dice.percent(50) {
        true => XID_SELF,
        false => actor.dice.pick(&IDS),
    };
    let index = actor.dice.roll(2);
    actor.in_child(1, |_| {
        if spaces::unshare(bits).is_ok() && bits & space::UTS != 0 {
            whatever(spaces::set_hostname("random"));
        }
        whatever(context::set_space(id, bits, index));
    });
}

fn enter_and_look(actor: &mut Actor<'_>) {
    let id = actor.dice.pick(&IDS);
    let index = actor.dice.roll(2);
    actor.in_child(2, |actor| {
        actor.recorded(vcmd::ENTER_SPACE, |_| {
            context::enter_space(id, 0, index).map(|()| 0)
        });
        actor.recorded(vcmd::NET_MIGRATE, |_| network::migrate(id));
        whatever(context::migrate(id, u64::from(actor.dice.roll(4))));
        whatever(files::read("/proc/self/status"));
        actor.in_child(1, |actor| actor.attempt());
        actor.attempt();
    });
}

fn use_ipc(actor: &mut Actor<'_>) {
    let kind = actor.dice.pick(&ipc::KINDS);
    let key = 7000 + actor.dice.roll(3) as i32;
    let made = kind.create(key);
    if let Ok(id) = kind.find(key) {
        whatever(kind.change(id));
        whatever(kind.touch(id));
        whatever(kind.stat(id));
    }
    if let Ok(id) = made {
        whatever(kind.remove(id));
    }
}

fn use_keys(actor: &mut Actor<'_>) {
    // A ring of the process goes with it.
    actor.in_child(1, |_| {
        if let Ok(id) = keys::add("random", keys::PROCESS) {
            whatever(keys::read(id));
            whatever(keys::revoke(id));
        }
        whatever(keys::listed());
    });
}

fn change_oneself(actor: &mut Actor<'_>) {
    let nice = actor.dice.roll(45) as i32 - 25;
    let own = process::getpid();
    whatever(sched::setpriority(sched::Whose::Process, 0, nice));
    whatever(process::setpgid(0, 0));
    whatever(sched::setaffinity(own));
    whatever(sched::ioprio_set(own));
    let score = actor.dice.pick(&["-17", "-16", "15", "0"]);
    whatever(files::write("/proc/self/oom_adj", score));
    whatever(process::prlimit_set(own, libc::RLIMIT_CORE, 1 << 20));
}

fn wait_for_an_end(actor: &mut Actor<'_>) {
    let id = actor.dice.pick(&IDS);
    let seconds = actor.world.slowness;
    actor.in_child(seconds, |actor| {
        if let Ok(0) = process::fork() {
            process::alarm(seconds);
            std::thread::sleep(Duration::from_millis(20));
            context::end(id);
            return;
        }
        actor.recorded(vcmd::WAIT_EXIT, |_| context::wait_exit(id).map(|_| 0));
    });
}

/// A child that gives up rights and goes on.
fn change_rights(actor: &mut Actor<'_>) {
    let how = actor.dice.roll(3);
    let capability = actor.dice.roll(41);
    actor.in_child(2, |actor| {
        match how {
            0 => whatever(process::become_user(65_534)),
            1 => whatever(process::drop_capability(capability)),
            _ => whatever(spaces::unshare(space::USER)),
        }
        for _ in 0..4 {
            actor.attempt();
        }
    });
}

fn touch_pages(actor: &mut Actor<'_>) {
    let pages = actor.dice.roll(64) as usize;
    let memory = vec![1_u8; pages * page_size()];
    std::hint::black_box(&memory);
}

fn kill_a_context(actor: &mut Actor<'_>) {
    let id = actor.dice.pick(&IDS);
    if actor.class == Class::Host {
        actor.recorded(vcmd::CTX_KILL, |_| {
            context::kill(id, 0, libc::SIGKILL).map(|()| 0)
        });
        whatever(context::bare(vcmd::CTX_STAT, id));
        if actor.dice.percent(50) {
            context::end(id);
            network::end(id);
        }
    }
}
