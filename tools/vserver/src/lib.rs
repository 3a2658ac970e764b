// SPDX-License-Identifier: GPL-2.0

//! The command `vserver`: creates, starts, stops and inspects guests.
//!
//! A guest is a root directory and a description below `/etc/vservers`. The kernel knows whether
//! it runs; the command keeps no state of its own but a lock and a console log.

#![deny(unsafe_code)]

pub mod accounts;
pub mod again;
pub mod bits;
pub mod bucket;
pub mod change;
pub mod claim;
pub mod cli;
pub mod command;
pub mod confine;
pub mod conflict;
pub mod context;
pub mod controls;
pub mod description;
pub mod execute;
pub mod failure;
pub mod guest;
pub mod inside;
pub mod limit_change;
pub mod limits;
pub mod limits_section;
pub mod link;
pub mod linux;
pub mod listener;
pub mod live;
pub mod metrics;
pub mod net_change;
pub mod network;
pub mod network_section;
pub mod openmetrics;
pub mod output;
pub mod quantity;
pub mod rate;
pub mod removal;
pub mod rights;
pub mod signals;
pub mod stack;
pub mod start;
pub mod stop;
pub mod store;
pub mod suggest;
pub mod survey;
pub mod system;
pub mod traffic;
pub mod usage;
pub mod view;
pub mod wait;
pub mod wish;

#[cfg(test)]
mod again_tests;
#[cfg(test)]
mod claim_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
mod stack_tests;
#[cfg(test)]
mod start_tests;
