// SPDX-License-Identifier: GPL-2.0

//! A hostile guest does one thing without end. Another guest keeps its share of the processors and
//! a process of the host answers meanwhile; inside the errors are those that programs know;
//! afterwards all is given back.

pub mod arena;
pub mod cache;
pub mod cpu;
pub mod disk;
pub mod files;
pub mod io;
pub mod ipc;
mod ledger;
pub mod memory;
pub mod signals;
pub mod threads;
mod transfers;
pub mod users;
mod work;
