// SPDX-License-Identifier: GPL-2.0

//! What a guest has sent and received, as the kernel counts it.

use libvserver::abi::{SockStat, sock};
use libvserver::{Errno, Syscall, Vserver};
use serde::Serialize;
use std::fmt;

/// Packets of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// How much they held.
    pub bytes: u64,
    /// How many they were; the kernel counts them in 32 bits.
    pub packets: u32,
}

impl fmt::Display for Volume {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes in {}", self.bytes, self.packets)
    }
}

/// The traffic of one family of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Family {
    /// What sockets of the guest got.
    pub received: Volume,
    /// What they sent.
    pub sent: Volume,
    /// What was refused or lost.
    pub failed: Volume,
}

impl Family {
    fn new(stat: &SockStat) -> Self {
        let volume = |index: usize| Volume {
            bytes: stat.total[index],
            packets: stat.count[index],
        };
        Self {
            received: volume(sock::RECV),
            sent: volume(sock::SEND),
            failed: volume(sock::FAIL),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            received,
            sent,
            failed,
        } = self;
        write!(
            formatter,
            "received {received}, sent {sent}, failed {failed}"
        )
    }
}

/// The traffic of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// That of IPv4.
    pub ipv4: Family,
    /// That of IPv6.
    pub ipv6: Family,
}

/// Reads the traffic of a context; none when the kernel has no such counters.
///
/// # Errors
///
/// As [`Vserver::sock_stat`].
pub fn read<S: Syscall>(vserver: &Vserver<S>, xid: u32) -> Result<Option<Traffic>, Errno> {
    let family = |field| match vserver.sock_stat(xid, field) {
        Ok(stat) => Ok(Some(Family::new(&stat))),
        Err(Errno(libc::ENOSYS | libc::EINVAL)) => Ok(None),
        Err(errno) => Err(errno),
    };
    let (ipv4, ipv6) = (family(sock::INET)?, family(sock::INET6)?);
    Ok(ipv4.zip(ipv6).map(|(ipv4, ipv6)| Traffic { ipv4, ipv6 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use libvserver::abi::vcmd;
    use libvserver::fake::Fake;

    #[test]
    fn each_family_has_its_counters() {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        let task = fake.fork();
        fake.run_as(task, || vserver.create(42, None).unwrap());
        assert_eq!(read(&vserver, 42), Ok(Some(Traffic::default())));
        for (field, first) in [(sock::INET, 1), (sock::INET6, 10), (sock::UNIX, 100)] {
            fake.count_traffic(
                42,
                SockStat {
                    field,
                    count: [first, first + 1, first + 2],
                    total: [first + 3, first + 4, first + 5].map(|one| u64::from(one) << 32),
                },
            );
        }
        let traffic = read(&vserver, 42).unwrap().unwrap();
        assert_eq!(
            traffic.ipv4.to_string(),
            format!(
                "received {} bytes in 1, sent {} bytes in 2, failed {} bytes in 3",
                4_u64 << 32,
                5_u64 << 32,
                6_u64 << 32
            )
        );
        assert_eq!(
            (traffic.ipv6.received.packets, traffic.ipv6.sent.packets),
            (10, 11)
        );
        assert_eq!(traffic.ipv6.failed.bytes, 15 << 32);
    }

    #[test]
    fn a_kernel_without_counters_is_no_failure() {
        let fake = Fake::new();
        let vserver = Vserver::with(fake.clone());
        assert_eq!(read(&vserver, 42), Err(Errno(libc::ESRCH)));
        fake.fail_next(vcmd::SOCK_STAT, Errno(libc::ENOSYS));
        fake.fail_next(vcmd::SOCK_STAT, Errno(libc::ENOSYS));
        assert_eq!(read(&vserver, 42), Ok(None));
    }
}
