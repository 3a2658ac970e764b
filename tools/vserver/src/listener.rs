// SPDX-License-Identifier: GPL-2.0

//! Services of the host that listen on all addresses, those of guests included.

use crate::network::Network;
use std::collections::BTreeMap;
use std::fmt;

/// State of a listening TCP socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";
/// State of a UDP socket without peer.
const UNCONNECTED: &str = "07";
/// Most services that a note names.
const MOST: usize = 4;

/// A service on all addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Name of its process.
    pub name: String,
    /// Pid of its process.
    pub pid: i32,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            pid,
            protocol,
            port,
        } = self;
        write!(formatter, "{name} (pid {pid}, {protocol} port {port})")
    }
}

/// Reads a table such as `/proc/net/tcp6`: port by inode of the sockets that listen on the
/// wildcard.
pub fn wildcards(table: &str, protocol: &str) -> BTreeMap<u64, u16> {
    let state = if protocol == "tcp" {
        LISTENING
    } else {
        UNCONNECTED
    };
    let read = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = fields.get(1)?.split_once(':')?;
        let wildcard = address.bytes().all(|digit| digit == b'0');
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode: u64 = fields.get(9)?.parse().ok()?;
        let counts = wildcard && *fields.get(3)? == state && port != 0 && inode != 0;
        counts.then_some((inode, port))
    };
    table.lines().skip(1).filter_map(read).collect()
}

/// The note about services that are in the way of a guest; none when there are none.
pub fn note(listeners: &[Listener], network: &Network, enforced: bool) -> Option<String> {
    if listeners.is_empty() || network.addresses.is_empty() {
        return None;
    }
    let mut names: Vec<String> = listeners
        .iter()
        .take(MOST)
        .map(Listener::to_string)
        .collect();
    if let Some(more) = listeners.len().checked_sub(MOST).filter(|&more| more > 0) {
        names.push(format!("{more} more"));
    }
    let effect = if enforced {
        "answer on the addresses of the guest where it does not listen itself"
    } else {
        "keep the guest from listening on these ports and answer on its addresses"
    };
    Some(format!(
        "services of the host that listen on all addresses {effect}: {}; let them listen on the \
         addresses of the host only (for sshd: ListenAddress in /etc/ssh/sshd_config)",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Mode;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 112 1
   2: 00000000:1F90 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 113 1
";

    #[test]
    fn listeners_on_the_wildcard_are_found() {
        assert_eq!(wildcards(TABLE, "tcp"), BTreeMap::from([(111, 22)]));
        assert!(wildcards(TABLE, "udp").is_empty());
        assert!(wildcards("", "tcp").is_empty());
    }

    #[test]
    fn the_note_names_process_port_and_remedy() {
        let mut network = Network {
            mode: Mode::Shared,
            addresses: vec!["192.0.2.1/24".parse().unwrap()],
            device: None,
            gateways: Vec::new(),
            dns: Vec::new(),
            rate: None,
        };
        let sshd = Listener {
            name: "sshd".to_owned(),
            pid: 7,
            protocol: "tcp",
            port: 22,
        };
        let text = note(std::slice::from_ref(&sshd), &network, false).unwrap();
        assert!(text.contains("sshd (pid 7, tcp port 22)"), "{text}");
        assert!(text.contains("ListenAddress"), "{text}");
        let many = vec![sshd.clone(); 6];
        assert!(note(&many, &network, true).unwrap().contains("2 more"));
        assert_eq!(note(&[], &network, false), None);
        network.addresses.clear();
        assert_eq!(note(&[sshd], &network, false), None);
    }
}
