// SPDX-License-Identifier: GPL-2.0

//! The border to C: safe wrappers around the glue. The only place with `unsafe`.
//!
//! C header: [`include/linux/vserver.h`](srctree/include/linux/vserver.h)

pub(crate) mod device;
pub(crate) mod head;
pub(crate) mod helper;
pub(crate) mod inode;
pub(crate) mod net_set;
pub(crate) mod object;
pub(crate) mod ops;
pub(crate) mod ratio;
pub(crate) mod space;
pub(crate) mod table;
pub(crate) mod task;
pub(crate) mod time;
pub(crate) mod user;
