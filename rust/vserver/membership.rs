// SPDX-License-Identifier: GPL-2.0

//! Network contexts as the commands see them: create, migrate, addresses; and the tag of a task
//! (semantics.md, sections 9 and 13).

use crate::{
    abi::{
        nxa,
        nxf,
        NetAddrIpv4V1,
        NetAddrIpv4V2,
        NetAddrIpv6V1,
        NetAddrV0,
        NetCreate,
        NxInfo,
        XID_MAX,
        XID_MIN, //
    },
    address::V6,
    caller,
    dispatch::Call,
    event,
    network::Network, //
};
use kernel::prelude::*;

/// `net_create` without data
pub(crate) fn net_create_v0(call: &Call) -> Result<u32> {
    create(call.id(), nxf::INIT_SET)
}

/// `net_create`
pub(crate) fn net_create(call: &Call) -> Result<u32> {
    if call.is_null() {
        return net_create_v0(call);
    }
    let data: NetCreate = call.read()?;
    create(call.id(), data.flagword)
}

/// Makes a network context and moves the calling thread into it.
fn create(nid: u32, flags: u64) -> Result<u32> {
    if !(XID_MIN..=XID_MAX).contains(&nid) {
        return Err(EINVAL);
    }
    // PERSISTENT takes effect only once the creator is in.
    let network = Network::make(nid, flags & !nxf::PERSISTENT)?;
    network
        .head()
        .publish()
        .map_err(|error| if error == EBUSY { taken(nid) } else { error })?;
    event::netup(&network)?;
    enter(&network)?;
    network.change_flags(flags, nxf::PERSISTENT)?;
    Ok(nid)
}

/// The error for an id that is in use: somebody still sets the network context up, or not.
fn taken(nid: u32) -> Error {
    match Network::find(nid) {
        Some(network) if network.head().has_flag(nxf::STATE_SETUP) => EBUSY,
        _ => EEXIST,
    }
}

/// Moves the calling thread into a network context.
fn enter(network: &Network) -> Result {
    let head = network.head();
    if head.has_flag(nxf::INFO_PRIVATE) && !head.has_flag(nxf::STATE_SETUP) {
        return Err(EACCES);
    }
    if caller::nid() == head.id()
        && caller::network().is_some_and(|own| core::ptr::eq(&*own, network))
    {
        return Ok(());
    }
    caller::migrate_net(network)
}

/// `net_migrate`
pub(crate) fn net_migrate(_call: &Call, network: &Network) -> Result<u32> {
    enter(network)?;
    Ok(0)
}

/// `nx_info`
pub(crate) fn nx_info(call: &Call, network: &Network) -> Result<u32> {
    call.write(&NxInfo {
        nid: network.head().id(),
    })?;
    Ok(0)
}

/// What version 0 of the address commands asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// Add that many addresses.
    Addresses(usize),
    /// Set the broadcast or loopback address: the type of version 1.
    Single(u16),
}

/// Types of version 0 carry the family; counts go from 1 to 4. Errors: `EINVAL`.
fn decode_v0(kind: u16, count: u16) -> Result<First> {
    const BROADCAST: u16 = nxa::TYPE_IPV4 | nxa::MOD_BCAST;
    const LOOPBACK: u16 = nxa::TYPE_IPV4 | nxa::MOD_LBACK;

    match kind {
        nxa::TYPE_IPV4 if (1..=4).contains(&count) => Ok(First::Addresses(usize::from(count))),
        BROADCAST => Ok(First::Single(nxa::TYPE_ADDR | nxa::MOD_BCAST)),
        LOOPBACK => Ok(First::Single(nxa::TYPE_ADDR | nxa::MOD_LBACK)),
        _ => Err(EINVAL),
    }
}

/// `net_add`: several at once; stops at the first error and keeps the earlier ones.
pub(crate) fn net_add(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrV0 = call.read()?;
    match decode_v0(data.type_, data.count)? {
        First::Single(kind) => {
            network.add_address(|set| set.add_v4(kind, 0, data.ip[0], 0, data.mask[0]))?;
            Ok(1)
        }
        First::Addresses(count) => {
            for (ip, mask) in data.ip.iter().zip(data.mask).take(count) {
                network.add_address(|set| set.add_v4(nxa::TYPE_ADDR, 0, *ip, 0, mask))?;
            }
            Ok(count as u32)
        }
    }
}

/// `net_remove`: all IPv4 addresses.
pub(crate) fn net_remove(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrV0 = call.read()?;
    if data.type_ != nxa::TYPE_ANY {
        return Err(EINVAL);
    }
    network.remove_address(|set| set.remove_v4(nxa::TYPE_ANY, 0, 0, 0, 0))?;
    Ok(0)
}

/// `net_add_ipv4_v1`: knows no ranges.
pub(crate) fn net_add_ipv4_v1(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrIpv4V1 = call.read()?;
    if data.type_ == nxa::TYPE_RANGE {
        return Err(EINVAL);
    }
    network.add_address(|set| set.add_v4(data.type_, data.flags, data.ip, 0, data.mask))?;
    Ok(0)
}

/// `net_rem_ipv4_v1`
pub(crate) fn net_rem_ipv4_v1(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrIpv4V1 = call.read()?;
    network.remove_address(|set| set.remove_v4(data.type_, data.flags, data.ip, 0, data.mask))?;
    Ok(0)
}

/// `net_add_ipv4`
pub(crate) fn net_add_ipv4(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrIpv4V2 = call.read()?;
    network.add_address(|set| set.add_v4(data.type_, data.flags, data.ip, data.ip2, data.mask))?;
    Ok(0)
}

/// `net_rem_ipv4`
pub(crate) fn net_rem_ipv4(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrIpv4V2 = call.read()?;
    network.remove_address(|set| {
        set.remove_v4(data.type_, data.flags, data.ip, data.ip2, data.mask)
    })?;
    Ok(0)
}

fn v6(data: &NetAddrIpv6V1) -> V6 {
    V6 {
        kind: data.type_,
        flags: data.flags,
        prefix: data.prefix,
        ip: data.ip,
        mask: data.mask,
    }
}

/// `net_add_ipv6`
pub(crate) fn net_add_ipv6(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrIpv6V1 = call.read()?;
    network.add_address(|set| set.add_v6(v6(&data)))?;
    Ok(0)
}

/// `net_remove_ipv6`
pub(crate) fn net_remove_ipv6(call: &Call, network: &Network) -> Result<u32> {
    let data: NetAddrIpv6V1 = call.read()?;
    network.remove_address(|set| set.remove_v6(v6(&data)))?;
    Ok(0)
}

/// `tag_migrate`: the low 16 bits of the id become the tag of the caller.
pub(crate) fn tag_migrate(call: &Call) -> Result<u32> {
    caller::set_tag(call.id() & 0xffff);
    Ok(0)
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_membership)]
mod tests {
    use super::*;

    #[test]
    fn ids_out_of_range_are_refused_before_anything_is_made() {
        for nid in [0, 1, XID_MAX + 1, 0x8000_0000, u32::MAX] {
            assert_eq!(create(nid, nxf::INIT_SET), Err(EINVAL));
        }
    }

    #[test]
    fn a_taken_id_says_whether_setup_goes_on() -> Result {
        let network = Network::make(65_500, nxf::INIT_SET | nxf::STATE_SETUP)?;
        network.head().publish()?;
        assert_eq!(create(65_500, nxf::INIT_SET), Err(EBUSY));
        network.change_flags(0, nxf::STATE_SETUP)?;
        assert_eq!(create(65_500, nxf::INIT_SET), Err(EEXIST));
        Ok(())
    }

    #[test]
    fn a_private_network_context_is_closed_after_setup() -> Result {
        let network = Network::make(65_501, nxf::INIT_SET | nxf::INFO_PRIVATE)?;
        assert_eq!(enter(&network), Err(EACCES));
        Ok(())
    }

    #[test]
    fn version_0_counts_from_one_to_four() {
        assert_eq!(decode_v0(0x0001, 1), Ok(First::Addresses(1)));
        assert_eq!(decode_v0(0x0001, 4), Ok(First::Addresses(4)));
        assert_eq!(decode_v0(0x0001, 0), Err(EINVAL));
        assert_eq!(decode_v0(0x0001, 5), Err(EINVAL));
        assert_eq!(decode_v0(0x0101, 0), Ok(First::Single(0x0110)));
        assert_eq!(decode_v0(0x0201, 9), Ok(First::Single(0x0210)));
        for kind in [0x0000, 0x0002, 0x0010, 0x00ff, 0x0301, 0xffff] {
            assert_eq!(decode_v0(kind, 1), Err(EINVAL));
        }
    }
}
