// SPDX-License-Identifier: GPL-2.0

//! A network context: its state and its life.
//!
//! Life and counters are those of a context, see `glue/registry.c`. The head ([`NetHead`]) is
//! shared with C and read without a lock; everything else is behind one mutex, which is also held
//! to change a word of the head.

use crate::{
    abi::nxf,
    address::Addresses,
    address_set, bits, event,
    persistence::Persistence,
    sys::{
        head::NetHead,
        net_set,
        object::{
            self,
            Claim, //
        },
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        Mutex, //
    }, //
};

/// A network context.
///
/// # Invariants
///
/// `head` is the first member, so that C can find the network context by its head.
#[repr(C)]
#[pin_data]
pub(crate) struct Network {
    #[pin]
    head: NetHead,
    #[pin]
    inner: Mutex<Inner>,
}

/// Where the head is; asserted to be 0 where C relies on it. Compilers before 1.89 do not count a
/// use in an unnamed constant.
#[allow(dead_code)]
pub(crate) const HEAD_OFFSET: usize = core::mem::offset_of!(Network, head);

/// The part of a network context behind its mutex.
struct Inner {
    /// Keeps the network context without tasks, as long as the flag PERSISTENT is set.
    persistent: Persistence<Network>,
    addresses: Addresses,
}

impl Network {
    /// Makes a network context that no lookup finds yet.
    ///
    /// The claim keeps it alive until its first task is in. May sleep. Errors: `ENOMEM`.
    pub(crate) fn make(nid: u32, flags: u64) -> Result<Claim<Self>> {
        let network = KBox::pin_init(
            pin_init!(Self {
                head <- NetHead::new(nid, flags),
                inner <- new_mutex!(Inner {
                    persistent: Persistence::new(),
                    addresses: Addresses::new(nid),
                }, "vserver_network"),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        let network = Claim::from_new(network);
        // Sockets find the loopback address from the first moment.
        network.with_addresses(|addresses| {
            net_set::publish(&network, &address_set::make(addresses)?)
        })?;
        Ok(network)
    }

    /// Looks a network context up by id: a reference that does not keep it from ending.
    pub(crate) fn find(nid: u32) -> Option<ARef<Self>> {
        object::find(nid)
    }

    /// The part that is shared with C.
    pub(crate) fn head(&self) -> &NetHead {
        &self.head
    }

    /// Changes the flags. One-time bits only go down; PERSISTENT as for a context. May sleep.
    /// Errors: `EFAULT` when the network context has ended.
    pub(crate) fn change_flags(&self, value: u64, mask: u64) -> Result {
        let mut inner = self.inner.lock();
        let new = bits::apply_flags(self.head.flags(), value, mask, nxf::ONE_TIME);
        let dropped = inner.persistent.set(self, new & nxf::PERSISTENT != 0)?;
        self.head.set_flags(new);
        // The last claim ends the network context; nothing of ours may be locked then.
        drop(inner);
        drop(dropped);
        Ok(())
    }

    /// Changes the network context capabilities.
    pub(crate) fn change_ncaps(&self, value: u64, mask: u64) {
        let _inner = self.inner.lock();
        self.head
            .set_ncaps(bits::apply(self.head.ncaps(), value, mask));
    }

    /// Runs `f` on the addresses, which it does not change.
    pub(crate) fn with_addresses<T>(&self, f: impl FnOnce(&Addresses) -> Result<T>) -> Result<T> {
        f(&self.inner.lock().addresses)
    }

    /// Lets `f` change the addresses. Nothing changes when it fails, or when there is no memory to
    /// tell the network stack.
    fn change_addresses(
        &self,
        inner: &mut Inner,
        f: impl FnOnce(&mut Addresses) -> Result,
    ) -> Result {
        let mut changed = inner.addresses.duplicate()?;
        f(&mut changed)?;
        net_set::publish(self, &address_set::make(&changed)?)?;
        inner.addresses = changed;
        Ok(())
    }

    /// Adds to the addresses; a second IPv4 entry clears the flag SINGLE_IP. May sleep. Errors:
    /// those of `f`, `ENOMEM`.
    pub(crate) fn add_address(&self, f: impl FnOnce(&mut Addresses) -> Result) -> Result {
        let mut inner = self.inner.lock();
        let loopback = inner.addresses.loopback();
        self.change_addresses(&mut inner, f)?;
        if inner.addresses.v4().len() > 1 {
            self.head.set_flags(self.head.flags() & !nxf::SINGLE_IP);
        }
        let moved = inner.addresses.loopback() != loopback;
        drop(inner);
        if moved {
            net_set::abort(self);
        }
        Ok(())
    }

    /// Takes from the addresses; connections on what is gone are closed. May sleep. Errors: those
    /// of `f`, `ENOMEM`.
    pub(crate) fn remove_address(&self, f: impl FnOnce(&mut Addresses) -> Result) -> Result {
        self.change_addresses(&mut self.inner.lock(), f)?;
        net_set::abort(self);
        Ok(())
    }

    /// The last claim is gone: tells the helper, takes the network context out of the table. Called
    /// once. May sleep.
    pub(crate) fn end(&self) {
        event::netdown(self);
        self.head.withdraw();
        net_set::end(self);
    }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_network)]
mod tests {
    use super::*;
    use crate::abi::nxa;

    const NID: u32 = 65_401;

    #[test]
    fn contexts_and_network_contexts_have_tables_of_their_own() -> Result {
        let network = Network::make(NID, nxf::INIT_SET)?;
        network.head().publish()?;
        assert!(Network::find(NID).is_some());
        assert!(crate::context::Context::find(NID).is_none());
        Ok(())
    }

    #[test]
    fn the_last_claim_ends_a_network_context() -> Result {
        let claim = Network::make(NID + 1, nxf::INIT_SET)?;
        claim.head().publish()?;
        let found = Network::find(NID + 1).ok_or(ESRCH)?;
        drop(claim);
        assert!(Network::find(NID + 1).is_none());
        assert!(Claim::take(&*found).is_none());
        assert_eq!(
            found.change_flags(nxf::PERSISTENT, nxf::PERSISTENT),
            Err(EFAULT)
        );
        Ok(())
    }

    #[test]
    fn persistence_keeps_it() -> Result {
        let claim = Network::make(NID + 2, nxf::INIT_SET)?;
        claim.head().publish()?;
        claim.change_flags(nxf::PERSISTENT, nxf::PERSISTENT)?;
        drop(claim);
        let found = Network::find(NID + 2).ok_or(ESRCH)?;
        found.change_flags(0, nxf::PERSISTENT)?;
        assert!(Network::find(NID + 2).is_none());
        Ok(())
    }

    #[test]
    fn a_second_address_ends_single_ip() -> Result {
        let network = Network::make(NID + 3, nxf::INIT_SET | nxf::SINGLE_IP)?;
        let add = |last: u8| {
            network.add_address(|addresses| {
                addresses.add_v4(
                    nxa::TYPE_ADDR,
                    0,
                    u32::from_ne_bytes([192, 0, 2, last]),
                    0,
                    0,
                )
            })
        };
        add(1)?;
        assert!(network.head().has_flag(nxf::SINGLE_IP));
        add(2)?;
        assert!(!network.head().has_flag(nxf::SINGLE_IP));
        Ok(())
    }

    #[test]
    fn one_time_bits_stay_clear() -> Result {
        let network = Network::make(NID + 4, nxf::INIT_SET)?;
        network.change_flags(0, nxf::STATE_ADMIN)?;
        network.change_flags(!nxf::PERSISTENT, u64::MAX)?;
        assert!(!network.head().has_flag(nxf::STATE_ADMIN | nxf::STATE_SETUP));
        assert!(network.head().has_flag(nxf::SINGLE_IP));
        Ok(())
    }
}
