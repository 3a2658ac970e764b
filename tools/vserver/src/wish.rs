// SPDX-License-Identifier: GPL-2.0

//! The wish of a user that a guest in the foreground ends: a signal to its supervisor.

use crate::guest::Guest;
use crate::signals;
use crate::stop::{Choice, choose};
use crate::system::System;
use libvserver::Vserver;
use std::time::{Duration, Instant};

/// How long a wish counts. What a guest does that has gone on for longer, it does on its own: it is
/// started again when it reboots, and the next signal asks again. Every init gives up waiting for
/// its services much earlier.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether and when the guest was asked to end.
#[derive(Debug, Default)]
pub struct Wish {
    since: Option<Instant>,
}

impl Wish {
    /// Whether the guest is to end and not to come back.
    pub fn counts(&self, now: Instant) -> bool {
        self.since
            .is_some_and(|since| now.saturating_duration_since(since) < PATIENCE)
    }

    /// Passes a signal to the supervisor on to the guest: the first asks `init` as `vserver stop`
    /// does, the second kills, and so does a hangup, after which nobody is there to see the end.
    /// Returns a line for the log.
    pub fn pass_on<S: System>(
        &mut self,
        system: &S,
        guest: &Guest,
        init: i32,
        signal: i32,
        now: Instant,
    ) -> String {
        let again = self.counts(now);
        self.since = Some(now);
        let vserver = Vserver::with(system);
        let what = if again || signal == libc::SIGHUP {
            Choice::Kill("it is not waited for".to_owned())
        } else {
            // Who cannot look asks as most inits understand it.
            choose(system, guest, init).unwrap_or(Choice::Ask(libc::SIGTERM))
        };
        let (result, done) = match what {
            Choice::Ask(signal) => (
                vserver.kill(guest.xid, 1, signal),
                format!("its init is asked with {}", signals::name_of(signal)),
            ),
            Choice::Kill(because) => (
                vserver.kill(guest.xid, 0, libc::SIGKILL),
                format!("killed, {because}"),
            ),
        };
        let got = signals::name_of(signal);
        // One that has just ended cannot be signalled, and need not be.
        let refused = result.err().map(|errno| format!(": {errno}"));
        format!(
            "the supervisor got {got}: {done}{}",
            refused.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, guest, program};
    use crate::start::{launch, prepare};

    fn started() -> (Model, i32) {
        let model = Model::new();
        let lock = prepare(&model, &guest()).unwrap();
        drop(launch(&model, &guest(), &program("/sbin/init"), lock).unwrap());
        let init = model.fake.tasks_of(42)[0];
        (model, init)
    }

    /// Sends the supervisor a signal; returns what ended the guest.
    fn sent(model: &Model, init: i32, guest: &Guest, signal: i32) -> i32 {
        let line = Wish::default().pass_on(model, guest, init, signal, Instant::now());
        assert!(line.contains(&signals::name_of(signal)), "{line}");
        assert!(!model.fake.is_alive(init));
        model.fake.ended(42).unwrap().exit_code
    }

    #[test]
    fn init_is_asked_as_stop_does_it() {
        let (model, init) = started();
        assert_eq!(sent(&model, init, &guest(), libc::SIGINT), libc::SIGTERM);
        let (model, init) = started();
        model.task_name.replace("systemd".to_owned());
        let ended = sent(&model, init, &guest(), libc::SIGTERM);
        assert_eq!(ended, signals::SYSTEMD_HALT);
        let (model, init) = started();
        model.handled_signals.set(1 << (libc::SIGINT - 1));
        assert_eq!(sent(&model, init, &guest(), libc::SIGTERM), libc::SIGINT);
        let (model, init) = started();
        let mut other = guest();
        other.stop_signal = Some(libc::SIGPWR);
        assert_eq!(sent(&model, init, &other, libc::SIGTERM), libc::SIGPWR);
    }

    #[test]
    fn who_does_not_hear_and_who_hangs_up_is_not_waited_for() {
        let (model, init) = started();
        model.handled_signals.set(0);
        assert_eq!(sent(&model, init, &guest(), libc::SIGTERM), libc::SIGKILL);
        let (model, init) = started();
        assert_eq!(sent(&model, init, &guest(), libc::SIGHUP), libc::SIGKILL);
    }

    #[test]
    fn the_second_signal_kills_but_not_after_a_long_time() {
        let (model, init) = started();
        model.fake.ignore_signals(init);
        let begin = Instant::now();
        let mut wish = Wish::default();
        assert!(!wish.counts(begin));
        let mut pass_on = |now| wish.pass_on(&model, &guest(), init, libc::SIGTERM, now);
        assert!(pass_on(begin).ends_with("asked with SIGTERM"));
        let later = begin + PATIENCE;
        assert!(pass_on(later).ends_with("asked with SIGTERM"));
        assert!(model.fake.is_alive(init));
        pass_on(later + Duration::from_secs(9));
        assert!(!model.fake.is_alive(init));
        assert!(wish.counts(later + PATIENCE));
        assert!(!wish.counts(later + PATIENCE * 2));
    }
}
