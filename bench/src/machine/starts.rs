// SPDX-License-Identifier: GPL-2.0

//! Start and stop of a guest with one IPv4 and one IPv6 address: in the shared stack, with a stack
//! of its own as the command makes it, and with a namespace, a veth pair and a bridge by hand.
//!
//! The command is the one that is installed on machines: what it executes itself counts. Guests
//! without a network are measured too; what is above them is the network. By hand it is what an
//! administrator types, without a guest in it.

use std::fs;
use std::io;
use std::process::Command;

use super::cycles::{report, run_program, unavailable, Cycle};
use super::filler::Filler;
use super::port::Port;
use super::root::PROGRAM;
use super::sys;
use super::wire::{self, ip};
use crate::row;
use crate::WAIT_PROGRAM;

/// Where the command is in the initramfs.
const COMMAND: &str = "/usr/bin/vserver";
/// Root of all guests.
const ROOT: &str = "/srv/guest";
/// Site of the guests, and of the host on the bridge and on the interface for shared addresses.
const SITE: u16 = 12;
const HOST: u16 = 1;

const fn cycle(row: &'static str) -> Cycle {
    Cycle {
        row,
        count: 2,
        batches: 3,
        drain: 300,
    }
}

/// Measures all kinds.
pub fn measure(port: &mut Port) -> io::Result<()> {
    if let Err(error) = prepare() {
        return unavailable(row::STARTS, &error, port);
    }
    let filler = Filler::start()?;
    let (v4, v6) = (wire::ipv4(SITE), wire::ipv6(SITE));
    let pair = [format!("--ip={v4}/16"), format!("--ip={v6}/64")];
    for (number, (row, arguments)) in [
        (row::START_NONE, vec![]),
        (
            row::START_SHARED,
            [&pair[..], &["--device=br0".to_owned()]].concat(),
        ),
        (
            row::START_ROUTED,
            [&pair[..], &["--net=own,routed".to_owned()]].concat(),
        ),
        (
            row::START_BRIDGE,
            [&pair[..], &["--net=own,bridge=br0".to_owned()]].concat(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let xid = format!("--xid={}", 3000 + number);
        run_program(
            command(&["create", row, "--root", ROOT, &xid])
                .args(&arguments)
                .args(["--", PROGRAM, WAIT_PROGRAM]),
        )?;
        report(&cycle(row), &filler, port, &mut || {
            run_program(&mut command(&["start", row]))?;
            run_program(&mut command(&["stop", row]))
        })?;
    }
    report(&cycle(row::START_BY_HAND), &filler, port, &mut by_hand)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(COMMAND);
    command.args(arguments).env("PATH", "/usr/bin:/bin");
    command
}

/// The bridge, the root of the guests, and what a machine has for the command.
fn prepare() -> io::Result<()> {
    if !fs::exists(COMMAND)? {
        return Err(io::Error::other("the command is not in the machine"));
    }
    let mut lines = vec!["link add br0 type bridge".to_owned()];
    lines.extend(wire::furnish("br0", std::iter::once(HOST)));
    ip(None, &lines)?;
    for file in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        sys::write_file(format!("/proc/sys/net/{file}"), "1")?;
    }
    for directory in ["dev", "proc", "sys", "run", "tmp", "etc"] {
        fs::create_dir_all(format!("{ROOT}/{directory}"))?;
    }
    fs::create_dir_all("/dev/pts")?;
    sys::mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666")?;
    fs::copy(PROGRAM, format!("{ROOT}{PROGRAM}"))?;
    fs::create_dir_all("/etc")?;
    fs::write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
}

/// A namespace with an interface on the bridge, and away with it.
fn by_hand() -> io::Result<()> {
    let outside = [
        "netns add hand",
        "link add hand0 type veth peer name eth0 netns hand",
        "link set hand0 master br0 up",
    ];
    ip(None, &outside.map(str::to_owned))?;
    let mut inside = vec!["link set lo up".to_owned()];
    inside.extend(wire::furnish("eth0", std::iter::once(SITE)));
    for next in [wire::ipv4(HOST).to_string(), wire::ipv6(HOST).to_string()] {
        inside.push(format!("route add default via {next}"));
    }
    ip(Some("hand"), &inside)?;
    // The namespace goes later than the command returns, the name of the interface would with it.
    let away = ["link delete hand0", "netns delete hand"];
    ip(None, &away.map(str::to_owned))
}
