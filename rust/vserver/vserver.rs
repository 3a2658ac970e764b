// SPDX-License-Identifier: GPL-2.0

//! The core of the contexts: everything that decides.
//!
//! A *context* groups tasks, their namespaces, limits and rights; one system call, `vserver()`,
//! drives it. The C side (`glue/`) knows kernel structures and decides nothing; it calls in through
//! `struct vs_ops` ([`sys::ops`]). `unsafe` lives below [`sys`] only.
//!
//! | module | noun |
//! |---|---|
//! | [`abi`] | numbers, layouts and bits that user space sees |
//! | [`bits`] | how set commands combine words |
//! | [`context`] | a context: state, life, claims |
//! | [`caller`] | the task that calls, and its rights |
//! | [`dispatch`] | the multiplexer |
//! | [`command`] | its one table |
//! | [`lifecycle`] | create, migrate, wait |
//! | [`event`] | what the helper program is told; reboot of a guest |
//! | [`persistence`] | what keeps an object without tasks |
//! | [`network`] | a network context: state, life |
//! | [`address`] | the addresses of a network context |
//! | [`membership`] | commands about network contexts and tags |
//! | [`limit`] | limits of resources |
//! | [`scheduler`] | settings of the token bucket, and what they led to |
//! | [`pool`] | the tokens of a context |
//! | [`disk_limit`] | disk limits |
//! | [`device`] | which device a node stands for |
//! | [`inode`] | attributes of files |
//! | [`settings`] | flags, capabilities, masks, names |
//! | [`spaces`] | stored namespaces |
//! | [`signals`] | signals to a context |
//! | [`report`] | what can be asked |
//! | [`procfs`] | the text in procfs |

#[deny(unsafe_code)]
// Public for user space, which also has uses for numbers that the kernel has not.
#[allow(dead_code, unreachable_pub)]
mod abi;
#[deny(unsafe_code)]
mod address;
#[deny(unsafe_code)]
mod address_set;
#[deny(unsafe_code)]
mod bits;
#[deny(unsafe_code)]
mod caller;
#[deny(unsafe_code)]
mod command;
#[deny(unsafe_code)]
mod context;
#[deny(unsafe_code)]
mod cpuinfo;
#[deny(unsafe_code)]
mod device;
#[deny(unsafe_code)]
mod disk_limit;
#[deny(unsafe_code)]
mod dispatch;
#[deny(unsafe_code)]
mod event;
#[deny(unsafe_code)]
mod inode;
#[deny(unsafe_code)]
mod lifecycle;
#[deny(unsafe_code)]
mod limit;
#[deny(unsafe_code)]
mod load;
#[deny(unsafe_code)]
mod membership;
#[deny(unsafe_code)]
mod memory;
#[deny(unsafe_code)]
mod network;
#[deny(unsafe_code)]
mod persistence;
#[deny(unsafe_code)]
mod pool;
#[deny(unsafe_code)]
mod procfs;
#[deny(unsafe_code)]
mod report;
#[deny(unsafe_code)]
mod scheduler;
#[deny(unsafe_code)]
mod settings;
#[deny(unsafe_code)]
mod signals;
#[deny(unsafe_code)]
mod spaces;
mod sys;

use kernel::prelude::*;

module! {
    type: VserverModule,
    name: "vserver",
    authors: ["The Linux-VServer developers"],
    description: "Contexts: virtual private servers",
    license: "GPL",
}

/// The loaded module. While it lives, `vserver()` answers.
struct VserverModule {
    // Dropped in this order: the tables go when nobody calls any more.
    _registration: sys::ops::Registration,
    _tables: sys::table::Tables,
}

impl kernel::Module for VserverModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let tables = sys::table::Tables::new();
        let registration = sys::ops::Registration::new()?;
        pr_info!(
            "interface version {:04x}:{:04x}\n",
            abi::VERSION >> 16,
            abi::VERSION & 0xffff
        );
        Ok(Self {
            _registration: registration,
            _tables: tables,
        })
    }
}
