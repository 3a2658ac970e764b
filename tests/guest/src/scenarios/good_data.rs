// SPDX-License-Identifier: GPL-2.0

//! Data that a command accepts, in the layouts of both kinds of callers.

use crate::harness::entry::Width;
use libvserver::abi::{nxa, rlimit};
use std::sync::atomic::{AtomicU32, Ordering};

/// What good data of a command looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// Nothing but zeros.
    Zeros,
    /// The address of a path at the start, then zeros.
    Path,
    /// This number in the first four bytes, then zeros: a resource, a size.
    Number(u32),
    /// This number in the first two bytes, then zeros: a type of addresses.
    Kind(u16),
    /// A limit for threads that changes nothing.
    Limit,
    /// An IPv6 address that nobody has added yet.
    FreshIpv6,
}

/// Tells one fresh address from the next.
static FRESH: AtomicU32 = AtomicU32::new(1);

impl Good {
    /// The data, `size` bytes long. The path lies at address `path`.
    pub fn bytes(self, width: Width, size: usize, path: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[offset..offset + value.len()].copy_from_slice(value);
        };
        match (self, width) {
            (Self::Zeros, _) => {}
            (Self::Path, Width::Native) => put(0, &path.to_ne_bytes()),
            (Self::Path, Width::Narrow) => put(0, &(path as u32).to_ne_bytes()),
            (Self::Number(number), _) => put(0, &number.to_ne_bytes()),
            (Self::Kind(kind), _) => put(0, &kind.to_ne_bytes()),
            (Self::Limit, width) => {
                // On i386 a u64 is aligned to four bytes: there is no gap behind the resource.
                let first = if width == Width::Native { 8 } else { 4 };
                put(0, &rlimit::NPROC.to_ne_bytes());
                put(first + 8, &rlimit::KEEP.to_ne_bytes());
                put(first + 16, &rlimit::KEEP.to_ne_bytes());
            }
            (Self::FreshIpv6, _) => {
                put(0, &nxa::TYPE_ADDR.to_ne_bytes());
                put(8, &FRESH.fetch_add(1, Ordering::Relaxed).to_ne_bytes());
                // Parallel processes start from the same number: the pid tells them apart.
                put(12, &std::process::id().to_ne_bytes());
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libvserver::abi::{CtxRlimitX86Compat, IattrCompat};

    #[test]
    fn layouts_are_those_of_the_definition() {
        let bytes = Good::Limit.bytes(Width::Narrow, size_of::<CtxRlimitX86Compat>(), 0);
        let keep = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(&bytes[12..20], &keep);
        assert_eq!(&bytes[20..28], &keep);
        let bytes = Good::Path.bytes(Width::Narrow, size_of::<IattrCompat>(), 0x1234);
        assert_eq!(&bytes[..8], &[0x34, 0x12, 0, 0, 0, 0, 0, 0]);
        let bytes = Good::Path.bytes(Width::Native, 24, 0x1234);
        assert_eq!(&bytes[..8], &0x1234_usize.to_ne_bytes());
    }

    #[test]
    fn fresh_addresses_differ() {
        let one = Good::FreshIpv6.bytes(Width::Native, 40, 0);
        assert_ne!(one, Good::FreshIpv6.bytes(Width::Native, 40, 0));
    }
}
