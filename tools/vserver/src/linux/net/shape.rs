// SPDX-License-Identifier: GPL-2.0

//! How fast packets pass the host's end of a guest: a token bucket that keeps what the guest
//! receives, and one that drops what it sends.

use super::{NEW, change, link, run, unless};
use crate::network::host_end;
use crate::rate::Rate;
use rtnetlink::packet_core::{DefaultNla, Emitable, NLM_F_CREATE, NLM_F_REPLACE};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};
use std::io;

/// Where filters of arriving packets are.
pub(super) const INGRESS: TcHandle = TcHandle {
    major: u16::MAX,
    minor: TcHandle::MIN_INGRESS,
};
/// The queueing discipline that has such filters.
pub(super) const CLSACT: TcHandle = TcHandle {
    major: u16::MAX,
    minor: 0,
};

/// Smallest bucket, in bytes: one packet of the largest size that the kernel puts together.
const SMALLEST_BURST: u64 = 128 * 1024;
/// Parts of a second that a bucket holds.
const BURSTS_PER_SECOND: u64 = 50;
/// Parts of a second that a queue holds.
const QUEUES_PER_SECOND: u64 = 10;
/// The kernel counts time in units of 64 ns here.
const TICK_SHIFT: u32 = 6;
/// Entries of the table of transmission times, which the kernel wants and does not look at.
const TABLE: usize = 1024;
/// Binary logarithm of the bytes per entry of the table.
const CELL_LOG: u8 = 9;
/// Ethernet.
const LINK_LAYER: u8 = 1;
const ALL_PROTOCOLS: u16 = 0x0003;
/// Place of the filter, before those of [`super::filter`].
const ORDER: u16 = 1;

/// Attributes of the queueing discipline `tbf`.
mod tbf {
    pub const PARAMETERS: u16 = 1;
    pub const RATE64: u16 = 4;
    pub const BURST: u16 = 6;
}

/// Attributes of the action `police`.
mod police {
    pub const PARAMETERS: u16 = 1;
    pub const RATE_TABLE: u16 = 2;
    pub const RESULT: u16 = 5;
    pub const RATE64: u16 = 8;
    /// The next filter decides.
    pub const CONTINUE: i32 = -1;
    pub const DROP: u32 = 2;
}

/// Size of `struct tc_police`.
const POLICE_SIZE: usize = 56;

/// Attribute of the classifier `matchall`.
const MATCHALL_ACTIONS: u16 = 2;

/// One attribute.
pub(super) fn attribute(kind: u16, value: impl Into<Vec<u8>>) -> DefaultNla {
    DefaultNla::new(kind, value.into())
}

/// An attribute of attributes.
pub(super) fn nest(kind: u16, parts: &[DefaultNla]) -> DefaultNla {
    let mut value = vec![0; parts.buffer_len()];
    parts.emit(&mut value);
    attribute(kind, value)
}

/// A list of one action, in the attribute `kind` of a filter.
pub(super) fn one_action(kind: u16, name: &str, options: &[DefaultNla]) -> DefaultNla {
    let name = [name.as_bytes(), &[0]].concat();
    nest(kind, &[nest(1, &[attribute(1, name), nest(2, options)])])
}

/// A message about an interface.
pub(super) fn message(index: u32, handle: TcHandle, parent: TcHandle) -> TcMessage {
    let mut message = TcMessage::default();
    message.header.index = index as i32;
    message.header.handle = handle;
    message.header.parent = parent;
    message
}

/// A rate as the kernel takes it: in bytes per second, and in 32 bits beside the full one.
pub(super) struct Bucket {
    rate: u64,
    burst: u32,
}

impl Bucket {
    pub(super) fn new(bits: u64) -> Self {
        let rate = (bits / 8).max(1);
        let burst = (rate / BURSTS_PER_SECOND).max(SMALLEST_BURST);
        Self {
            rate,
            burst: u32::try_from(burst).unwrap_or(u32::MAX),
        }
    }

    fn specification(&self) -> Vec<u8> {
        let short = u32::try_from(self.rate).unwrap_or(u32::MAX);
        let mut bytes = vec![CELL_LOG, LINK_LAYER, 0, 0, 0, 0, 0, 0];
        bytes.extend(short.to_ne_bytes());
        bytes
    }

    /// The time that the bucket takes to fill, in ticks.
    fn ticks(&self) -> u32 {
        let nanoseconds = u128::from(self.burst) * 1_000_000_000 / u128::from(self.rate);
        u32::try_from(nanoseconds >> TICK_SHIFT).unwrap_or(u32::MAX)
    }

    fn queue(&self) -> u32 {
        let bytes = (self.rate / QUEUES_PER_SECOND).max(u64::from(self.burst));
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Options of `tbf`.
    fn shaper(&self) -> Vec<DefaultNla> {
        let mut parameters = self.specification();
        // No peak rate.
        parameters.extend([0; 12]);
        for word in [self.queue(), self.ticks(), 0] {
            parameters.extend(word.to_ne_bytes());
        }
        vec![
            attribute(tbf::PARAMETERS, parameters),
            attribute(tbf::RATE64, self.rate.to_ne_bytes()),
            attribute(tbf::BURST, self.burst.to_ne_bytes()),
        ]
    }

    /// Options of `police`; `number` is that of an action that filters share, or 0.
    pub(super) fn policer(&self, number: u32) -> Vec<DefaultNla> {
        let mut parameters = Vec::new();
        for word in [number, police::DROP, 0, self.ticks(), 0] {
            parameters.extend(u32::to_ne_bytes(word));
        }
        parameters.extend(self.specification());
        // No peak rate, and counters that are for answers.
        parameters.extend([0; 24]);
        vec![
            attribute(police::PARAMETERS, parameters),
            attribute(police::RATE_TABLE, vec![0; TABLE]),
            attribute(police::RESULT, police::CONTINUE.to_ne_bytes()),
            attribute(police::RATE64, self.rate.to_ne_bytes()),
        ]
    }
}

/// Options of a `police` that is there under this number.
pub(super) fn known_policer(number: u32) -> Vec<DefaultNla> {
    // struct tc_police, of which nothing else counts then.
    let mut parameters = number.to_ne_bytes().to_vec();
    parameters.resize(POLICE_SIZE, 0);
    vec![attribute(police::PARAMETERS, parameters)]
}

/// Limits what passes the host's end, in place of what limited it before; the guard is there
/// already. While that changes, packets pass.
pub(in crate::linux) fn limit(xid: u32, rate: Option<Rate>) -> io::Result<()> {
    run(async |handle| {
        let index = link::index(&handle, &host_end(xid)).await?;
        let options = |all: Vec<DefaultNla>| {
            TcAttribute::Options(all.into_iter().map(TcOption::Other).collect())
        };
        let first = TcHandle { major: 1, minor: 0 };
        let mut qdisc = message(index, first, TcHandle::ROOT);
        let mut filter = message(index, TcHandle::UNSPEC, INGRESS);
        filter.header.info = u32::from(ORDER) << 16;
        let old = RouteNetlinkMessage::DelTrafficFilter(filter.clone());
        let missing = [libc::ENOENT, libc::EINVAL];
        let Some(rate) = rate else {
            let message = RouteNetlinkMessage::DelQueueDiscipline(qdisc);
            unless(change(&handle, message, 0).await, &missing)?;
            return unless(change(&handle, old, 0).await, &missing);
        };
        qdisc.attributes = vec![
            TcAttribute::Kind("tbf".to_owned()),
            options(Bucket::new(rate.ingress).shaper()),
        ];
        let message = RouteNetlinkMessage::NewQueueDiscipline(qdisc);
        change(&handle, message, NLM_F_CREATE | NLM_F_REPLACE).await?;
        unless(change(&handle, old, 0).await, &missing)?;
        filter.header.info |= u32::from(ALL_PROTOCOLS.to_be());
        let policer = Bucket::new(rate.egress).policer(0);
        filter.attributes = vec![
            TcAttribute::Kind("matchall".to_owned()),
            options(vec![one_action(MATCHALL_ACTIONS, "police", &policer)]),
        ];
        change(&handle, RouteNetlinkMessage::NewTrafficFilter(filter), NEW).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtnetlink::packet_core::Nla;

    #[test]
    fn structures_have_the_sizes_of_the_kernel() {
        let bucket = Bucket::new(100_000_000);
        assert_eq!(bucket.specification().len(), 12);
        // struct tc_tbf_qopt
        assert_eq!(bucket.shaper()[0].value_len(), 36);
        // struct tc_police
        assert_eq!(bucket.policer(7)[0].value_len(), POLICE_SIZE);
        assert_eq!(known_policer(7)[0].value_len(), POLICE_SIZE);
    }

    #[test]
    fn buckets_follow_the_rate() {
        let slow = Bucket::new(8000);
        assert_eq!((slow.rate, u64::from(slow.burst)), (1000, SMALLEST_BURST));
        let fast = Bucket::new(100_000_000_000);
        assert_eq!(fast.rate, 12_500_000_000);
        assert_eq!(fast.burst, 250_000_000);
        assert_eq!(fast.specification()[8..], u32::MAX.to_ne_bytes());
        assert_eq!(fast.ticks(), 312_500);
    }
}
