// SPDX-License-Identifier: GPL-2.0

//! Kernel memory of idle contexts, and whether the ten-thousandth costs what the tenth did.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use libvserver::abi::vxf;
use libvserver::Vserver;

use super::inside::named;
use super::meter;
use super::port::Port;
use super::sys::{self, Child};
use super::word::SharedWord;
use crate::record::{MemoryUse, Record};

/// Numbers of contexts at which memory is read.
const STEPS: [u32; 3] = [10, 1000, 10_000];
/// Single creations around a step whose cost is reported.
const CALLS: u32 = 9;
/// First context id.
const FIRST_XID: u32 = 2000;
/// Contexts that are made and removed before anything is read, so that caches exist.
const WARM_UP: u32 = 64;

/// Makes the contexts, reports memory and cost at each step, removes them.
pub fn measure(port: &mut Port) -> io::Result<()> {
    let word = SharedWord::new()?;
    for number in 0..WARM_UP {
        create(FIRST_XID + number, &word)?;
    }
    for number in 0..WARM_UP {
        remove(FIRST_XID + number)?;
    }
    let (memory, base) = settled()?;
    port.send(&Record::Memory {
        contexts: 0,
        memory,
        caches: Vec::new(),
    })?;
    let mut exist = 0;
    let mut calls = Vec::new();
    for step in STEPS {
        while exist < step {
            let instructions = create(FIRST_XID + exist, &word)?;
            exist += 1;
            if exist + CALLS > step {
                calls.push(instructions);
            }
        }
        port.send(&Record::Creation {
            ordinal: step,
            calls: std::mem::take(&mut calls),
        })?;
        let (memory, now) = settled()?;
        port.send(&Record::Memory {
            contexts: step,
            memory,
            caches: changes(&base, &now, step),
        })?;
    }
    for number in 0..exist {
        remove(FIRST_XID + number)?;
    }
    Ok(())
}

/// Makes a context that stays without tasks; returns the instructions of the call.
fn create(xid: u32, word: &SharedWord) -> io::Result<u64> {
    Child::spawn(|| {
        let vserver = Vserver::new();
        let start = meter::now();
        let result = vserver.create(xid, Some(vxf::INIT_SET | vxf::PERSISTENT));
        word.set(meter::now() - start);
        named(&format!("ctx_create of {xid}"), result).map(drop)
    })?
    .wait()?;
    Ok(word.get())
}

/// Lets a context go that has no task.
fn remove(xid: u32) -> io::Result<()> {
    named(
        &format!("removing context {xid}"),
        Vserver::new().set_flags(xid, 0, vxf::PERSISTENT),
    )
}

type Caches = BTreeMap<String, (i64, u64)>;

/// Memory when deferred work is done and caches are dropped.
fn settled() -> io::Result<(MemoryUse, Caches)> {
    for _ in 0..3 {
        sys::sleep_ms(500);
        sys::write_file("/proc/sys/vm/drop_caches", "3")?;
    }
    sys::sleep_ms(500);
    let memory = parse_meminfo(&fs::read_to_string("/proc/meminfo")?)?;
    // Kernels without SLUB_DEBUG have no such file.
    let caches = parse_slabinfo(&fs::read_to_string("/proc/slabinfo").unwrap_or_default());
    Ok((memory, caches))
}

fn parse_meminfo(text: &str) -> io::Result<MemoryUse> {
    let value = |key: &str| -> io::Result<u64> {
        text.lines()
            .find_map(|line| {
                let (name, rest) = line.split_once(':')?;
                if name != key {
                    return None;
                }
                rest.split_whitespace().next()?.parse().ok()
            })
            .ok_or_else(|| io::Error::other(format!("/proc/meminfo has no {key}")))
    };
    Ok(MemoryUse {
        used: value("MemTotal")? - value("MemFree")?,
        slab: value("Slab")?,
        unreclaimable: value("SUnreclaim")?,
        percpu: value("Percpu")?,
        vmalloc: value("VmallocUsed")?,
    })
}

/// Active objects and object size of each cache.
fn parse_slabinfo(text: &str) -> Caches {
    text.lines()
        .skip(2)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let active = words.next()?.parse().ok()?;
            let size = words.nth(1)?.parse().ok()?;
            Some((name, (active, size)))
        })
        .collect()
}

/// Caches with at least half an object more per context.
fn changes(base: &Caches, now: &Caches, contexts: u32) -> Vec<(String, i64, u64)> {
    now.iter()
        .filter_map(|(name, &(active, size))| {
            let before = base.get(name).map_or(0, |&(active, _)| active);
            let more = active - before;
            (2 * more >= i64::from(contexts)).then(|| (name.clone(), more, size))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_parsed() {
        let text = "MemTotal: 1000 kB\nMemFree: 400 kB\nSlab: 50 kB\nSUnreclaim: 30 kB\n\
                    VmallocUsed: 7 kB\nPercpu: 5 kB\n";
        assert_eq!(
            parse_meminfo(text).unwrap(),
            MemoryUse {
                used: 600,
                slab: 50,
                unreclaimable: 30,
                percpu: 5,
                vmalloc: 7
            }
        );
        let error = parse_meminfo("MemTotal: 1 kB\n").unwrap_err();
        assert!(error.to_string().contains("MemFree"));
    }

    #[test]
    fn slab_changes_are_found() {
        let head = "slabinfo - version: 2.1\n# name <active> <num> <size>\n";
        let base = parse_slabinfo(&format!("{head}a 10 20 64 1\nb 5 5 1024 1\n"));
        let now = parse_slabinfo(&format!(
            "{head}a 12 20 64 1\nb 15 16 1024 1\nc 10 10 8 1\n"
        ));
        assert_eq!(
            changes(&base, &now, 10),
            [("b".to_owned(), 10, 1024), ("c".to_owned(), 10, 8)]
        );
    }
}
