// SPDX-License-Identifier: GPL-2.0

//! The helper program of the kernel: writes what a guest does into its log.

use crate::guest::Guest;
use crate::linux::{Layout, Linux};
use crate::store::{DEFAULT_DIRECTORY, Store};
use crate::system::System;
use libvserver::Kernel;

/// Name by which the kernel calls the command.
pub const NAME: &str = "vshelper";

/// What the kernel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    action: String,
    id: u32,
}

impl Event {
    /// Reads the arguments with which the kernel calls.
    fn new(arguments: &[String]) -> Option<Self> {
        let [action, id] = arguments else {
            return None;
        };
        Some(Self {
            action: action.clone(),
            id: id.parse().ok()?,
        })
    }

    /// Whether it is about a network context, which has ids of its own.
    fn is_of_network(&self) -> bool {
        self.action.starts_with("net")
    }

    /// The line for the log; `caller` are the user and the pid that called `reboot(2)`.
    fn line(&self, guest: &Guest, caller: Option<(&str, &str)>) -> String {
        let name = &guest.name;
        let told = format!("the kernel tells of guest \"{name}\", context {}", self.id);
        match caller {
            Some((uid, pid)) => {
                format!(
                    "{told}: {}, asked for by pid {pid} of uid {uid}",
                    self.action
                )
            }
            None => format!("{told}: {}", self.action),
        }
    }
}

/// Writes the event into the log of the guest that has the id. Events of contexts without
/// description, and of network contexts, are not ours. Returns the exit status, which is good
/// whatever happens: another would keep a guest from starting.
pub fn run(arguments: &[String]) -> u8 {
    let Some(event) = Event::new(arguments) else {
        eprintln!("{NAME}: the kernel calls this as {NAME} ACTION ID");
        return 2;
    };
    let guests = Store::new(DEFAULT_DIRECTORY).list().unwrap_or_default();
    let guest = guests
        .into_iter()
        .filter_map(|(_, guest)| guest.ok())
        .find(|guest| guest.xid == event.id && !event.is_of_network());
    if let Some(guest) = guest {
        let system = Linux::new(Kernel, Layout::default());
        let (uid, pid) = (std::env::var("VS_UID"), std::env::var("VS_PID"));
        let caller = uid.as_deref().ok().zip(pid.as_deref().ok());
        if let Ok(log) = system.open_log(&guest.name) {
            system.write_log(&log, &event.line(&guest, caller));
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::guest;

    fn event(words: &[&str]) -> Option<Event> {
        Event::new(
            &words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn the_arguments_of_the_kernel_are_read() {
        let halt = event(&["halt", "42"]).unwrap();
        assert_eq!((halt.action.as_str(), halt.id), ("halt", 42));
        assert!(!halt.is_of_network());
        assert!(event(&["netup", "42"]).unwrap().is_of_network());
        for words in [&["halt"][..], &["halt", "x"], &["halt", "1", "2"], &[]] {
            assert_eq!(event(words), None);
        }
    }

    #[test]
    fn the_line_names_guest_action_and_caller() {
        let event = event(&["restart", "42"]).unwrap();
        let line = event.line(&guest(), Some(("0", "77")));
        let told = "the kernel tells of guest \"web\", context 42: restart";
        assert_eq!(line, format!("{told}, asked for by pid 77 of uid 0"));
        assert_eq!(event.line(&guest(), None), told);
    }
}
