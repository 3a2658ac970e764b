// SPDX-License-Identifier: GPL-2.0

//! The operations. `prepare` makes what a row needs and returns a closure that runs it n times;
//! dropping the closure cleans up.

mod file;
mod ipc;
pub mod net;
mod process;
mod procfs;
mod talk;

use std::io;
use std::rc::Rc;

use super::wire::Wire;

/// Runs an operation the given number of times.
pub type Run = Box<dyn FnMut(u32) -> io::Result<()>>;

/// Makes what a row needs.
type Prepare = fn() -> io::Result<Run>;

/// How each operation of the catalogue is prepared.
const PREPARE: &[(&str, Prepare)] = &[
    ("null", process::null),
    ("pid_lookup", process::pid_lookup),
    ("fork_exit", process::fork_exit),
    ("fork_exec", process::fork_exec),
    ("thread", process::thread),
    ("switch", talk::switch),
    ("open_close", file::open_close),
    ("stat_deep", file::stat_deep),
    ("mmap_fault", ipc::mmap_fault),
    ("read_zero", file::read_zero),
    ("unix_rt", talk::unix_round_trip),
    ("unix_connect", talk::unix_connect),
    ("tcp_rt", talk::tcp_round_trip),
    ("socket", talk::socket),
    ("kill_check", process::kill_check),
    ("signal", process::signal),
    ("proc_list", procfs::list),
    ("proc_stat", || procfs::read_of_child("stat")),
    ("proc_status", || procfs::read_of_child("status")),
    ("semop", ipc::semop),
    ("shm_attach", ipc::shm_attach),
    ("create_unlink", file::create_unlink),
    ("chdir", file::chdir),
    ("setpriority", process::setpriority),
    ("setgroups", process::setgroups),
];

/// Makes what a row needs that talks over the cable; with IPv6 or without.
type PrepareTalk = fn(Rc<Wire>, bool) -> io::Result<Run>;

/// How each operation over the network is prepared, behind the others in the catalogue.
const PREPARE_TALK: &[(&str, PrepareTalk, bool)] = &[
    ("tcp4_request", net::requests, false),
    ("tcp6_request", net::requests, true),
    ("udp4_request", net::datagrams, false),
    ("udp6_request", net::datagrams, true),
    ("tcp4_send", net::send, false),
    ("tcp6_send", net::send, true),
    ("lo4_send", net::loopback, false),
    ("lo6_send", net::loopback, true),
];

/// Prepares the row called `name`.
pub fn prepare(name: &str) -> io::Result<Run> {
    match PREPARE.iter().find(|(known, _)| *known == name) {
        Some((_, prepare)) => prepare(),
        None => Err(unknown(name)),
    }
}

/// Prepares the row called `name`, which needs the cable.
pub fn prepare_talk(name: &str, wire: &Rc<Wire>) -> io::Result<Run> {
    match PREPARE_TALK.iter().find(|(known, _, _)| *known == name) {
        Some((_, prepare, v6)) => prepare(Rc::clone(wire), *v6),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> io::Error {
    io::Error::other(format!("there is no operation {name:?}"))
}

/// A closure that repeats `operation`, which must not allocate per call.
fn repeat(mut operation: impl FnMut() -> io::Result<()> + 'static) -> Run {
    Box::new(move |count| {
        for _ in 0..count {
            operation()?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{prepare, PREPARE, PREPARE_TALK};
    use crate::row::OPERATIONS;

    #[test]
    fn unknown_rows_are_refused() {
        assert!(prepare("no such row").is_err());
    }

    #[test]
    fn catalogue_and_operations_agree() {
        let catalogue: Vec<(&str, bool)> = OPERATIONS
            .iter()
            .map(|row| (row.name, row.network))
            .collect();
        let known: Vec<(&str, bool)> = PREPARE
            .iter()
            .map(|(name, _)| (*name, false))
            .chain(PREPARE_TALK.iter().map(|(name, _, _)| (*name, true)))
            .collect();
        assert_eq!(catalogue, known);
    }
}
