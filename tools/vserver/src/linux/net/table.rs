// SPDX-License-Identifier: GPL-2.0

//! What procfs tells of the network.

use crate::listener::{Listener, wildcards};
use crate::network::Address;
use libvserver::abi::nxa;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Services of the host that listen on all addresses. Processes of guests are not seen from here.
pub(in crate::linux) fn listeners() -> io::Result<Vec<Listener>> {
    let mut ports: BTreeMap<u64, (u16, &'static str)> = BTreeMap::new();
    for (table, protocol) in [
        ("tcp", "tcp"),
        ("tcp6", "tcp"),
        ("udp", "udp"),
        ("udp6", "udp"),
    ] {
        // A kernel without IPv6 has no such table.
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        let found = wildcards(&text, protocol).into_iter();
        ports.extend(found.map(|(inode, port)| (inode, (port, protocol))));
    }
    let mut all = Vec::new();
    if ports.is_empty() {
        return Ok(all);
    }
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        // A process that ends meanwhile listens to nothing.
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            let Ok(target) = fs::read_link(file.path()) else {
                continue;
            };
            let inode = target.to_str().and_then(|target| {
                let inode = target.strip_prefix("socket:[")?.strip_suffix(']')?;
                inode.parse::<u64>().ok()
            });
            if let Some((port, protocol)) = inode.and_then(|inode| ports.get(&inode)) {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                all.push(Listener {
                    name: name.trim_end().to_owned(),
                    pid,
                    protocol,
                    port: *port,
                });
            }
        }
    }
    all.sort_by_key(|one| (one.port, one.protocol, one.pid));
    // One service on both families, or shared by several processes.
    all.dedup_by_key(|one| (one.port, one.protocol));
    Ok(all)
}

/// Lists the single addresses of a network context.
pub(in crate::linux) fn context_addresses(nid: u32) -> io::Result<Vec<Address>> {
    let text = fs::read_to_string(format!("/proc/virtnet/{nid}/info"))?;
    Ok(text.lines().filter_map(entry).collect())
}

/// Reads a line of an entry: after a number and a tabulator
/// `[192.0.2.1-0.0.0.0/255.255.255.0:0010]` or `[2001:...:0001/ffff:.../64:0010]`, with the type at
/// the end.
fn entry(line: &str) -> Option<Address> {
    let (_, entry) = line.split_once('\t')?;
    let entry = entry.strip_prefix('[')?.strip_suffix(']')?;
    let (entry, kind) = entry.rsplit_once(':')?;
    if u16::from_str_radix(kind, 16).ok()? & nxa::TYPE_ANY != nxa::TYPE_ADDR {
        return None;
    }
    let (first, rest) = entry.split_once('/')?;
    if let Some((ip, _)) = first.split_once('-') {
        let mask: Ipv4Addr = rest.parse().ok()?;
        return Some(Address {
            ip: IpAddr::V4(ip.parse().ok()?),
            prefix: mask.to_bits().leading_ones() as u8,
        });
    }
    let (_, prefix) = rest.split_once('/')?;
    let ip: Ipv6Addr = first.parse().ok()?;
    Some(Address {
        ip: IpAddr::V6(ip),
        prefix: prefix.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_kernel_are_read() {
        let read = |line: &str| entry(line).map(|address| address.to_string());
        assert_eq!(
            read("0:\t[192.0.2.1-0.0.0.0/255.255.255.0:0010]").as_deref(),
            Some("192.0.2.1/24")
        );
        let ipv6 = "0:\t[2001:0db8:0000:0000:0000:0000:0000:0001/\
                    ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64:0010]";
        assert_eq!(read(ipv6).as_deref(), Some("2001:db8::1/64"));
        for line in [
            "ID:\t7",
            "Bcast:\t1.2.3.4",
            "1:\t[1.2.3.0-0.0.0.0/255.255.255.0:0020]",
        ] {
            assert_eq!(read(line), None);
        }
    }
}
