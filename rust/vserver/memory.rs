// SPDX-License-Identifier: GPL-2.0

//! Memory and swap of a guest (semantics.md, section 12, VIRT_MEM).

use kernel::bindings;
#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
use kernel::prelude::*;

/// What limits a guest, and what that makes of its memory: `struct vs_memory`. Pages.
#[repr(transparent)]
pub(crate) struct Memory(pub(crate) bindings::vs_memory);

impl Memory {
    /// Computes what the guest sees. A machine that has less than the limit says has no more for
    /// it.
    pub(crate) fn settle(&mut self) {
        let memory = &mut self.0;
        memory.total = memory.limit.min(memory.host);
        memory.free = memory.room.min(memory.total);
        memory.available = memory.free.saturating_add(memory.cache).min(memory.total);
        memory.swap_total = memory.swap_limit.min(memory.host_swap);
        memory.swap_free = memory.swap_room.min(memory.swap_total);
    }
}

#[cfg(CONFIG_VSERVER_KUNIT_TEST)]
#[kunit_tests(vserver_memory)]
mod tests {
    use super::*;

    fn settled(memory: bindings::vs_memory) -> [u64; 5] {
        let mut memory = Memory(memory);
        memory.settle();
        let memory = memory.0;
        [
            memory.total,
            memory.free,
            memory.available,
            memory.swap_total,
            memory.swap_free,
        ]
    }

    /// A machine with 1,000 pages and 500 of swap.
    fn host() -> bindings::vs_memory {
        bindings::vs_memory {
            host: 1_000,
            host_swap: 500,
            limit: u64::MAX,
            room: u64::MAX,
            swap_limit: u64::MAX,
            swap_room: u64::MAX,
            ..bindings::vs_memory::default()
        }
    }

    #[test]
    fn the_limit_is_what_there_is() {
        let guest = bindings::vs_memory {
            limit: 200,
            room: 50,
            cache: 30,
            swap_limit: 100,
            swap_room: 90,
            ..host()
        };
        assert_eq!(settled(guest), [200, 50, 80, 100, 90]);
    }

    #[test]
    fn no_machine_has_more_than_it_has() {
        let guest = bindings::vs_memory {
            limit: 5_000,
            room: 4_000,
            cache: 7,
            swap_limit: 600,
            swap_room: 600,
            ..host()
        };
        assert_eq!(settled(guest), [1_000, 1_000, 1_000, 500, 500]);
    }

    #[test]
    fn nothing_that_is_free_is_beyond_the_whole() {
        let guest = bindings::vs_memory {
            limit: 200,
            room: 150,
            cache: 100,
            ..host()
        };
        assert_eq!(settled(guest), [200, 150, 200, 500, 500]);
        let guest = bindings::vs_memory {
            limit: 200,
            cache: u64::MAX,
            swap_limit: 0,
            swap_room: 0,
            ..host()
        };
        assert_eq!(settled(guest), [200, 200, 200, 0, 0]);
    }

    #[test]
    fn a_group_around_it_may_be_full() {
        let guest = bindings::vs_memory {
            limit: 200,
            room: 0,
            cache: 10,
            swap_room: 3,
            ..host()
        };
        assert_eq!(settled(guest), [200, 0, 10, 500, 3]);
    }
}
