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
//! | [`dispatch`] | the multiplexer and its one table |
//! | [`lifecycle`] | create, migrate, wait |
//! | [`settings`] | flags, capabilities, masks, names |
//! | [`spaces`] | stored namespaces |
//! | [`signals`] | signals to a context |
//! | [`report`] | what can be asked, and the text in procfs |

#[deny(unsafe_code)]
// Public for user space, which also has uses for numbers that the kernel has not.
#[allow(dead_code, unreachable_pub)]
mod abi;
#[deny(unsafe_code)]
mod bits;
#[deny(unsafe_code)]
mod caller;
#[deny(unsafe_code)]
mod context;
#[deny(unsafe_code)]
mod dispatch;
#[deny(unsafe_code)]
mod lifecycle;
#[deny(unsafe_code)]
mod report;
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
    _registration: sys::ops::Registration,
}

impl kernel::Module for VserverModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let registration = sys::ops::Registration::new()?;
        pr_info!(
            "interface version {:04x}:{:04x}\n",
            abi::VERSION >> 16,
            abi::VERSION & 0xffff
        );
        Ok(Self {
            _registration: registration,
        })
    }
}
