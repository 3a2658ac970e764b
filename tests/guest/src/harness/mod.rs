// SPDX-License-Identifier: GPL-2.0

//! What scenarios are written with.

pub mod bystander;
pub mod carry;
pub mod check;
pub mod child;
pub mod context;
pub mod dice;
pub mod entry;
pub mod group;
pub mod guest;
pub mod inside;
pub mod ktap;
pub mod load;
pub mod narrow;
pub mod network;
pub mod promise;
pub mod root;
pub mod setting;
pub mod slab;
pub mod wait;
pub mod wire;

pub use bystander::Bystander;
pub use check::{Need, Stop};
pub use child::{Child, Exit, spectator};
pub use dice::Dice;
pub use guest::{Guest, Words};
pub use load::Load;
pub use network::Network;
pub use promise::{Promise, subprocess};
pub use setting::Setting;
pub use wire::Wire;
