// SPDX-License-Identifier: GPL-2.0

//! Disks over files, transfers past the cache, and swap space.

use super::{Sys, c, code, done, errno, files, sys};
use libc::c_int;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::ptr::null_mut;

const LOOP_CLR_FD: u64 = 0x4c01;
const LOOP_SET_FD: u64 = 0x4c00;
const LOOP_CTL_GET_FREE: u64 = 0x4c82;

/// A disk whose data are in a file. The file belongs to whoever made the disk.
pub struct Disk {
    /// The device node.
    pub path: String,
    backing: String,
}

impl Disk {
    /// Makes one of so many MiB, all of them written, so that transfers need no new memory.
    pub fn make(backing: &str, mebibytes: usize) -> Sys<Self> {
        use std::io::Write;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(backing)
            .map_err(|e| code(&e))?;
        let block = vec![0xa5; 1 << 20];
        for _ in 0..mebibytes {
            file.write_all(&block).map_err(|e| code(&e))?;
        }
        let control = File::open("/dev/loop-control").map_err(|e| code(&e))?;
        // SAFETY: plain numbers.
        let number = sys(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) })?;
        let path = format!("/dev/loop{number}");
        let device = Self::open_at(&path, 0)?;
        // SAFETY: plain numbers; both descriptors are open.
        done(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_SET_FD as _, file.as_raw_fd()) })?;
        Ok(Self {
            path,
            backing: backing.into(),
        })
    }

    fn open_at(path: &str, flags: c_int) -> Sys<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)
            .map_err(|e| code(&e))
    }

    /// Opens it, with the cache in between.
    pub fn cached(&self) -> Sys<File> {
        Self::open_at(&self.path, 0)
    }

    /// Opens it past the cache.
    pub fn direct(&self) -> Sys<File> {
        Self::open_at(&self.path, libc::O_DIRECT)
    }

    /// Major and minor number as `io.max` wants them.
    pub fn number(&self) -> Sys<String> {
        let name = self.path.trim_start_matches("/dev/");
        Ok(files::read(&format!("/sys/block/{name}/dev"))?
            .trim()
            .into())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Ok(device) = self.cached() {
            // SAFETY: plain numbers.
            unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CLR_FD as _, 0) };
        }
        let _ = std::fs::remove_file(&self.backing);
    }
}

/// A buffer of one size for transfers past the cache, which must be aligned.
pub struct Buffer {
    start: *mut u8,
}

impl Buffer {
    /// Its length.
    pub const LENGTH: usize = 64 << 10;

    /// Maps one; it stays until the process ends.
    pub fn map() -> Sys<Self> {
        // SAFETY: a new mapping, which nothing unmaps.
        let start = unsafe {
            libc::mmap(
                null_mut(),
                Self::LENGTH,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(errno());
        }
        Ok(Self {
            start: start.cast(),
        })
    }

    /// Reads all of it from the block with this number.
    pub fn read(&mut self, from: &File, block: usize) -> Sys<()> {
        let offset = (block * Self::LENGTH) as i64;
        // SAFETY: the buffer is that long and nobody refers to it.
        let got = unsafe {
            libc::pread(
                from.as_raw_fd(),
                self.start.cast(),
                Self::LENGTH,
                offset as _,
            )
        };
        Self::all(got)
    }

    /// Writes all of it to the block with this number.
    pub fn write(&mut self, to: &File, block: usize) -> Sys<()> {
        let offset = (block * Self::LENGTH) as i64;
        // SAFETY: the buffer is that long.
        let put =
            unsafe { libc::pwrite(to.as_raw_fd(), self.start.cast(), Self::LENGTH, offset as _) };
        Self::all(put)
    }

    fn all(count: isize) -> Sys<()> {
        match count {
            -1 => Err(errno()),
            count if count as usize == Self::LENGTH => Ok(()),
            _ => Err(libc::EIO),
        }
    }
}

/// Swap space on a disk, until it is dropped.
pub struct Swap<'a>(&'a Disk);

impl<'a> Swap<'a> {
    /// Writes the header, as `mkswap` does, and begins to use it.
    pub fn begin(disk: &'a Disk, mebibytes: usize) -> Sys<Self> {
        use std::io::Write;
        let mut header = vec![0_u8; 4096];
        let last_page = (mebibytes * 256 - 1) as u32;
        header[1024..1028].copy_from_slice(&1_u32.to_ne_bytes());
        header[1028..1032].copy_from_slice(&last_page.to_ne_bytes());
        header[4086..].copy_from_slice(b"SWAPSPACE2");
        let mut device = disk.cached()?;
        device
            .write_all(&header)
            .and_then(|()| device.sync_all())
            .map_err(|e| code(&e))?;
        let path = c(&disk.path);
        // SAFETY: the path outlives the call.
        done(unsafe { libc::swapon(path.as_ptr(), 0) })?;
        Ok(Self(disk))
    }

    /// Ends its use; everything in it comes back first.
    pub fn end(&self) -> Sys<()> {
        let path = c(&self.0.path);
        // SAFETY: the path outlives the call.
        done(unsafe { libc::swapoff(path.as_ptr()) })
    }
}

impl Drop for Swap<'_> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
