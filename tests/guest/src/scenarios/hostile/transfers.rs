// SPDX-License-Identifier: GPL-2.0

//! What guests do with files on a disk, without end or for a while.

use super::arena::Marks;
use crate::sys::block::Buffer;
use crate::sys::{Sys, code, files, process};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Blocks of the file that [`read`] reads, which is larger than the memory of who reads it.
const LARGE: usize = (16 << 20) / Buffer::LENGTH;

/// Makes that file.
pub fn prepare(place: &str) -> Sys<()> {
    let (file, mut buffer) = (open(&large(place), libc::O_DIRECT)?, Buffer::map()?);
    (0..LARGE).try_for_each(|block| buffer.write(&file, block))
}

fn large(place: &str) -> String {
    format!("{place}/large")
}

/// Opens a file for reading and writing, which is made when it is not there.
pub fn open(path: &str, flags: i32) -> Sys<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(flags)
        .open(path)
        .map_err(|e| code(&e))
}

fn put(file: &File, bytes: &[u8], offset: u64) -> Sys<()> {
    file.write_all_at(bytes, offset).map_err(|e| code(&e))
}

fn sync(file: &File) -> Sys<()> {
    file.sync_all().map_err(|e| code(&e))
}

/// Writes into the cache without end, always new blocks.
pub fn flood(marks: &Marks, place: &str) -> Sys<()> {
    let file = open(&format!("{place}/flood"), 0)?;
    let block = vec![1_u8; 256 << 10];
    loop {
        for number in 0..128 {
            let _ = marks.note(put(&file, &block, number * block.len() as u64));
            marks.round();
        }
        let _ = marks.note(file.set_len(0).map_err(|e| code(&e)));
    }
}

/// Two processes write and wait until it is there.
pub fn insist(marks: &Marks, place: &str) -> Sys<()> {
    let pid = process::fork()?;
    let file = open(&format!("{place}/insist-{}", pid.min(1)), 0)?;
    let block = vec![1_u8; 128 << 10];
    loop {
        for number in 0..32 {
            let _ = marks.note(put(&file, &block, number * block.len() as u64));
            let _ = marks.note(sync(&file));
            marks.round();
        }
    }
}

/// Reads what the cache cannot keep.
pub fn read(marks: &Marks, place: &str) -> Sys<()> {
    process::fork()?;
    let (file, mut buffer) = (open(&large(place), 0)?, Buffer::map()?);
    loop {
        for block in 0..LARGE {
            let _ = marks.note(buffer.read(&file, block));
            marks.round();
        }
    }
}

/// Four processes make small files, see to it that they are on the disk, and remove them.
pub fn litter(marks: &Marks, place: &str) -> Sys<()> {
    let own = process::fork()?.min(1) * 2 + process::fork()?.min(1);
    loop {
        for number in 0..16 {
            let path = format!("{place}/litter-{own}-{number}");
            let _ = marks.note(open(&path, 0).and_then(|file| {
                put(&file, &[1; 4096], 0)?;
                sync(&file)
            }));
            marks.round();
        }
        for number in 0..16 {
            let _ = std::fs::remove_file(format!("{place}/litter-{own}-{number}"));
        }
    }
}

/// The same with empty files: nothing but the journal is written.
pub fn empty(marks: &Marks, place: &str) -> Sys<()> {
    let own = process::fork()?.min(1);
    loop {
        let path = format!("{place}/empty-{own}");
        let _ = marks.note(open(&path, 0).and_then(|file| sync(&file)));
        let _ = std::fs::remove_file(&path);
        marks.round();
    }
}

/// Makes the journal wait for pages that wait for `io.max`: a block that is on the disk already is
/// written again, behind all that another process has written into the cache, and then the file
/// grows, for which this block must be there before the journal says so.
pub fn chain(marks: &Marks, place: &str) -> Sys<()> {
    if process::fork()? == 0 {
        return flood(marks, place);
    }
    let files: Vec<File> = (0..8)
        .map(|number| open(&format!("{place}/chain-{number}"), 0))
        .collect::<Sys<_>>()?;
    for file in &files {
        put(file, &[1; 100], 0)?;
        sync(file)?;
    }
    for length in 1.. {
        for file in &files {
            put(file, &[1; 100], 0)?;
            files::begin_to_write(file)?;
            file.set_len(100 + length % 3900).map_err(|e| code(&e))?;
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Two processes write past the cache.
pub fn direct(marks: &Marks, place: &str) -> Sys<()> {
    let own = process::fork()?.min(1);
    let file = open(&format!("{place}/direct-{own}"), libc::O_DIRECT)?;
    let mut buffer = Buffer::map()?;
    loop {
        for block in 0..32 {
            let _ = marks.note(buffer.write(&file, block));
            marks.round();
        }
    }
}

/// What the other guest has to do: pieces written one by one and waited for, as a database does,
/// then all of them read from the disk. How long it took, in microseconds.
pub fn work(place: &str, pieces: usize) -> Sys<u64> {
    let path = format!("{place}/work");
    let (file, mut buffer) = (open(&path, 0)?, Buffer::map()?);
    let from = Instant::now();
    for block in 0..pieces {
        buffer.write(&file, block)?;
        sync(&file)?;
    }
    let file = open(&path, libc::O_DIRECT)?;
    for block in 0..pieces {
        buffer.read(&file, block)?;
    }
    let time = from.elapsed().as_micros() as u64;
    std::fs::remove_file(&path).map_err(|e| code(&e))?;
    Ok(time)
}
