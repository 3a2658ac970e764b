// SPDX-License-Identifier: GPL-2.0

//! Which device a node stands for in a context (semantics.md, section 15).
//!
//! One table holds the mappings of all contexts and those for everybody. It is asked whenever a
//! task of a context opens a device node, but not before there is a mapping at all.

use crate::{
    abi::{
        dattr,
        SetMapping,
        SetMappingCompat, //
    },
    context::Context,
    dispatch::Call,
    sys::{
        device,
        table::DEVICES, //
    }, //
};
use kernel::prelude::*;

/// Highest number of mappings: more nodes than all guests of a machine have, and a bound for what
/// the table takes.
const MAX_MAPPINGS: usize = 65_536;

/// Owner of the mappings that hold for every context. Instances of contexts start above it.
const EVERYBODY: u64 = 0;

/// A device node: its type and the number of its device (`dev_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    block: bool,
    number: u32,
}

impl Node {
    /// A node of a block or a character device.
    pub(crate) fn new(block: bool, number: u32) -> Self {
        Self { block, number }
    }
}

/// What a mapping is found by: whose it is, and which node of which type it is about, or all of
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    owner: u64,
    block: bool,
    number: Option<u32>,
}

impl Key {
    /// The mapping that `owner` has for a node.
    fn exact(owner: u64, node: Node) -> Self {
        Self {
            owner,
            block: node.block,
            number: Some(node.number),
        }
    }

    /// What `owner` has for all other nodes of this type.
    fn default_of(owner: u64, node: Node) -> Self {
        Self {
            number: None,
            ..Self::exact(owner, node)
        }
    }
}

/// What is known about nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    key: Key,
    /// Number of the device that is opened, when it is another one.
    target: Option<u32>,
    /// See [`dattr`].
    flags: u32,
}

impl Mapping {
    /// The device that is opened for `number`; `None` when it may not be.
    fn opens(&self, number: u32) -> Option<u32> {
        if self.flags & dattr::OPEN == 0 {
            return None;
        }
        match self.target {
            Some(target) if self.flags & dattr::REMAP != 0 => Some(target),
            _ => Some(number),
        }
    }
}

/// All mappings, sorted by key. Of equal ones the newest comes first and counts.
#[derive(Default)]
pub(crate) struct Mappings(KVec<Mapping>);

impl Mappings {
    /// No mapping: every node stands for itself.
    pub(crate) const fn new() -> Self {
        Self(KVec::new())
    }

    /// Where the newest mapping with a key is, or would be.
    fn place(&self, key: &Key) -> usize {
        self.0.partition_point(|mapping| mapping.key < *key)
    }

    fn get(&self, key: &Key) -> Option<&Mapping> {
        self.0
            .get(self.place(key))
            .filter(|mapping| mapping.key == *key)
    }

    /// Adds a mapping. A default replaces the one before. Errors: `ENOMEM`.
    fn add(&mut self, mapping: Mapping) -> Result {
        let place = self.place(&mapping.key);
        if mapping.key.number.is_none() {
            if let Some(old) = self.0.get_mut(place).filter(|old| old.key == mapping.key) {
                *old = mapping;
                return Ok(());
            }
        }
        if self.0.len() >= MAX_MAPPINGS {
            return Err(ENOMEM);
        }
        self.0.reserve(1, GFP_KERNEL_ACCOUNT)?;
        self.0
            .insert_within_capacity(place, mapping)
            .map_err(|_| ENOMEM)
    }

    /// Removes the newest mapping with a key; of a default there may be none. Errors: `ENOENT`.
    fn remove(&mut self, key: &Key) -> Result {
        if self.get(key).is_none() {
            return if key.number.is_none() {
                Ok(())
            } else {
                Err(ENOENT)
            };
        }
        self.0.remove(self.place(key)).map(drop).map_err(|_| ENOENT)
    }

    /// Removes all mappings of an owner.
    fn forget(&mut self, owner: u64) {
        self.0.retain(|mapping| mapping.key.owner != owner);
    }

    /// The device that is opened for a node by a task of the context with instance number `owner`;
    /// `None` when it may not be opened. The first that says something counts: the context about
    /// this node, the context about all, everybody about this node, everybody about all.
    fn opens(&self, owner: u64, node: Node) -> Option<u32> {
        let found = self
            .get(&Key::exact(owner, node))
            .or_else(|| {
                self.get(&Key::default_of(owner, node))
                    .filter(|mapping| mapping.flags != 0)
            })
            .or_else(|| self.get(&Key::exact(EVERYBODY, node)))
            .or_else(|| self.get(&Key::default_of(EVERYBODY, node)));
        found.map_or(Some(node.number), |mapping| mapping.opens(node.number))
    }
}

/// What a command is about, from its argument. Without a device it is the default for the type of
/// the target. Errors: `EINVAL` for neither and for nodes of different types, those of the paths.
fn mapping(owner: u64, data: &SetMapping) -> Result<Mapping> {
    let node = |path: usize| (path != 0).then(|| device::node(path)).transpose();
    let device = node(data.device)?;
    let target = node(data.target)?;
    let key = match (device, target) {
        (Some(device), Some(target)) if device.block != target.block => return Err(EINVAL),
        (Some(device), _) => Key::exact(owner, device),
        (None, Some(target)) => Key::default_of(owner, target),
        (None, None) => return Err(EINVAL),
    };
    Ok(Mapping {
        key,
        target: target.map(|target| target.number),
        flags: data.flags & dattr::MASK,
    })
}

fn owner(context: Option<&Context>) -> u64 {
    context.map_or(EVERYBODY, |context| context.head().instance())
}

/// Changes the table and lets the glue know whether there is something in it. With a context it
/// must not have ended: nobody would remove its mappings any more. Errors: `ESRCH`, those of `f`.
fn change(context: Option<&Context>, f: impl FnOnce(&mut Mappings) -> Result) -> Result {
    let locked = || {
        let mut mappings = DEVICES.lock();
        let result = f(&mut mappings);
        device::watch(!mappings.0.is_empty());
        result
    };
    match context {
        Some(context) => context.while_alive(locked)?,
        None => locked(),
    }
}

/// `set_mapping`
pub(crate) fn set_mapping(call: &Call, context: Option<&Context>) -> Result<u32> {
    let data: SetMapping = call.read_as::<SetMapping, SetMappingCompat>()?;
    let mapping = mapping(owner(context), &data)?;
    change(context, |mappings| mappings.add(mapping))?;
    Ok(0)
}

/// `unset_mapping`
pub(crate) fn unset_mapping(call: &Call, context: Option<&Context>) -> Result<u32> {
    let data: SetMapping = call.read_as::<SetMapping, SetMappingCompat>()?;
    let mapping = mapping(owner(context), &data)?;
    change(context, |mappings| mappings.remove(&mapping.key))?;
    Ok(0)
}

/// A task of a context opens a node: the number of the device that is opened, `None` when it may
/// not be. May sleep.
pub(crate) fn opened(context: &Context, node: Node) -> Option<u32> {
    DEVICES.lock().opens(context.head().instance(), node)
}

/// The context has ended. May sleep.
pub(crate) fn forget(context: &Context) {
    let mut mappings = DEVICES.lock();
    mappings.forget(context.head().instance());
    device::watch(!mappings.0.is_empty());
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_device)]
mod tests {
    use super::*;

    const NODE: Node = Node {
        block: false,
        number: 0x103,
    };
    const OTHER: u32 = 0x105;
    const GUEST: u64 = 7;

    fn about(key: Key, target: Option<u32>, flags: u32) -> Mapping {
        Mapping { key, target, flags }
    }

    #[test]
    fn without_a_mapping_a_node_is_itself() {
        let table = Mappings::new();
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
    }

    #[test]
    fn a_mapping_needs_both_bits_to_lead_elsewhere() -> Result {
        for (flags, expected) in [
            (0, None),
            (dattr::CREATE, None),
            (dattr::REMAP, None),
            (dattr::OPEN, Some(NODE.number)),
            (dattr::OPEN | dattr::REMAP, Some(OTHER)),
        ] {
            let mut table = Mappings::new();
            table.add(about(Key::exact(GUEST, NODE), Some(OTHER), flags))?;
            assert_eq!(table.opens(GUEST, NODE), expected);
            // Neither another guest, nor another node, nor a block device of that number.
            assert_eq!(table.opens(GUEST + 1, NODE), Some(NODE.number));
            assert_eq!(table.opens(GUEST, Node::new(false, 1)), Some(1));
            assert_eq!(table.opens(GUEST, Node::new(true, 0x103)), Some(0x103));
        }
        let mut table = Mappings::new();
        let flags = dattr::OPEN | dattr::REMAP;
        table.add(about(Key::exact(GUEST, NODE), None, flags))?;
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
        Ok(())
    }

    #[test]
    fn the_nearest_mapping_counts() -> Result {
        let mut table = Mappings::new();
        let keys = [
            Key::default_of(EVERYBODY, NODE),
            Key::exact(EVERYBODY, NODE),
            Key::default_of(GUEST, NODE),
            Key::exact(GUEST, NODE),
        ];
        for (number, key) in (1u32..).zip(keys) {
            table.add(about(key, Some(number), dattr::OPEN | dattr::REMAP))?;
            assert_eq!(table.opens(GUEST, NODE), Some(number));
        }
        // From the nearest on, each uncovers the next.
        for (number, key) in [4u32, 3, 2, 1].into_iter().zip(keys.into_iter().rev()) {
            assert_eq!(table.opens(GUEST, NODE), Some(number));
            table.remove(&key)?;
        }
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
        Ok(())
    }

    #[test]
    fn a_default_of_a_context_without_flags_says_nothing() -> Result {
        let mut table = Mappings::new();
        table.add(about(Key::default_of(GUEST, NODE), Some(OTHER), 0))?;
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
        // That of everybody closes what nothing else opens.
        table.add(about(Key::default_of(EVERYBODY, NODE), Some(OTHER), 0))?;
        assert_eq!(table.opens(GUEST, NODE), None);
        table.add(about(Key::exact(GUEST, NODE), None, dattr::OPEN))?;
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
        Ok(())
    }

    #[test]
    fn the_newest_of_equal_mappings_counts_and_uncovers_the_older() -> Result {
        let mut table = Mappings::new();
        let key = Key::exact(GUEST, NODE);
        table.add(about(key, None, dattr::OPEN))?;
        table.add(about(key, None, 0))?;
        assert_eq!(table.opens(GUEST, NODE), None);
        table.remove(&key)?;
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
        table.remove(&key)?;
        assert_eq!(table.remove(&key), Err(ENOENT));
        Ok(())
    }

    #[test]
    fn a_default_is_replaced_and_reset() -> Result {
        let mut table = Mappings::new();
        let key = Key::default_of(EVERYBODY, NODE);
        table.remove(&key)?;
        table.add(about(key, Some(OTHER), 0))?;
        table.add(about(key, Some(OTHER), dattr::OPEN))?;
        assert_eq!(table.0.len(), 1);
        assert_eq!(table.opens(GUEST, NODE), Some(NODE.number));
        table.remove(&key)?;
        assert!(table.0.is_empty());
        Ok(())
    }

    #[test]
    fn an_owner_is_forgotten_with_all_it_has() -> Result {
        let mut table = Mappings::new();
        for owner in [GUEST + 1, EVERYBODY, GUEST] {
            table.add(about(Key::exact(owner, NODE), None, 0))?;
            table.add(about(Key::default_of(owner, NODE), None, dattr::CREATE))?;
        }
        table.forget(GUEST);
        assert_eq!(table.0.len(), 4);
        assert!(table.0.iter().all(|mapping| mapping.key.owner != GUEST));
        assert_eq!(table.opens(GUEST + 1, NODE), None);
        Ok(())
    }

    #[test]
    fn a_command_without_nodes_is_refused() {
        assert_eq!(mapping(GUEST, &SetMapping::default()), Err(EINVAL));
    }
}
