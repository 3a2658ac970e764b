// SPDX-License-Identifier: GPL-2.0

//! The network of the machine, through rtnetlink. What is asynchronous stays in this module: each
//! function runs its requests to their end.

mod address;
mod filter;
mod link;
mod namespace;
mod route;
mod shape;
mod share;
mod table;

pub(super) use address::{list, place, remove, take_back};
pub(super) use filter::guard;
pub(super) use link::{connect, disconnect, exists, furnish};
pub(super) use namespace::{inside, make, of_context};
pub(super) use route::{add_host_route, remove_host_route};
pub(super) use shape::limit;
pub(super) use share::{limit as limit_addresses, unlimit as unlimit_addresses};
pub(super) use table::{context_addresses, listeners};

use futures_util::StreamExt;
use rtnetlink::Handle;
use rtnetlink::packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use std::io;

/// Flags of a request that makes something that must not be there.
const NEW: u16 = rtnetlink::packet_core::NLM_F_CREATE | rtnetlink::packet_core::NLM_F_EXCL;

/// Runs requests in the network namespace of the caller. Makes no threads.
fn run<T>(work: impl AsyncFnOnce(Handle) -> io::Result<T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        work(handle).await
    })
}

/// Makes a request that changes something.
async fn change(handle: &Handle, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    let mut answers = handle.clone().request(request).map_err(error)?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::Error(refused) = answer.payload {
            if refused.code.is_some() {
                return Err(refused.to_io());
            }
        }
    }
    Ok(())
}

/// The error of the kernel.
fn error(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(refused) => refused.to_io(),
        other => io::Error::other(other.to_string()),
    }
}

/// Lets an error count as success.
fn unless(result: io::Result<()>, harmless: &[i32]) -> io::Result<()> {
    match result {
        Err(error)
            if error
                .raw_os_error()
                .is_some_and(|errno| harmless.contains(&errno)) =>
        {
            Ok(())
        }
        other => other,
    }
}
