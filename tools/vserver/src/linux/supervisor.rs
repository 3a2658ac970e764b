// SPDX-License-Identifier: GPL-2.0

//! The process that stays beside a running guest: it keeps the console log and cleans up.

use super::Linux;
use super::child::{from_json, send};
use super::raw::descriptor::{duplicate_to, pipe, poll, set_nonblocking};
use super::raw::process::{self, Side};
use super::raw::signal::Caught;
use super::shelter;
use super::throttle::Throttle;
use crate::accounts::SAMPLE;
use crate::again::{Ended, keep};
use crate::claim::Claim;
use crate::failure::{Failure, Outcome, Reason};
use crate::guest::Guest;
use crate::start::{Running, launch};
use crate::system::{Program, System};
use crate::wish::Wish;
use libvserver::Syscall;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Shortest time between two looks at what the context has counted.
const SHORTEST: Duration = Duration::from_millis(500);

/// Signals that ask a supervisor in the foreground to stop its guest.
const STOP_SIGNALS: &[i32] = &[libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Bytes that are read at once.
const BUFFER: usize = 4096;
/// Reads before signals, samples and the end of the guest are looked at again.
const READS: usize = 16;
/// Reads after its end: more than the terminal holds.
const LAST_READS: usize = 64;

/// Copies what a guest has printed into the log and, when `visible`, to the standard output, by at
/// most `reads` reads and as fast as `throttle` allows. A log that cannot be written loses output,
/// but does not stop the guest.
fn copy<S: Syscall + Clone + Send + 'static>(
    running: &Running<Linux<S>>,
    visible: bool,
    reads: usize,
    mut throttle: Option<&mut Throttle>,
) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    for _ in 0..reads {
        if let Some(throttle) = &mut throttle {
            if throttle.wait(BUFFER, Instant::now()).is_some() {
                return Ok(());
            }
        }
        let read = (&running.console.master).read(&mut buffer);
        if let Some(throttle) = &mut throttle {
            throttle.spend(*read.as_ref().unwrap_or(&0));
        }
        match read {
            Ok(0) => return Ok(()),
            Ok(length) => {
                let _ = running.log.write(&buffer[..length]);
                if visible {
                    let mut output = io::stdout();
                    let _ = output.write_all(&buffer[..length]);
                    let _ = output.flush();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Stays beside a guest until it has ended for good, starting it again when it reboots, and removes
/// its cgroup; returns the wait status of its last pid 1. With `caught`, the output is also shown,
/// and those signals stop the guest: the first asks its init as `vserver stop` does, the second
/// kills.
///
/// # Errors
///
/// The kernel refused to wait or to clean up, or the guest cannot be started again.
pub fn supervise<S: Syscall + Clone + Send + 'static>(
    system: &Linux<S>,
    guest: &Guest,
    program: &Program,
    running: Running<Linux<S>>,
    caught: Option<&Caught>,
) -> Outcome<i32> {
    let mut wish = Wish::default();
    let mut watch = |running: &mut Running<Linux<S>>| {
        let status = watch(system, guest, running, caught, &mut wish)?;
        let asked = wish.counts(Instant::now());
        Ok(Ended { status, asked })
    };
    keep(system, guest, program, running, &Instant::now, &mut watch)
}

/// Stays beside a guest until its pid 1 has ended; returns the wait status of that.
fn watch<S: Syscall + Clone + Send + 'static>(
    system: &Linux<S>,
    guest: &Guest,
    running: &mut Running<Linux<S>>,
    caught: Option<&Caught>,
    wish: &mut Wish,
) -> Outcome<i32> {
    let failed = |what: &str, error: io::Error| {
        Failure::from_os(
            &format!("{what} of guest \"{}\"", guest.name),
            &error,
            "`vserver show` tells whether the guest runs",
        )
    };
    set_nonblocking(running.console.master.as_fd())
        .map_err(|error| failed("read the console", error))?;
    let mut sampled = Instant::now();
    let mut throttle = Throttle::new(sampled);
    let mut deaf = false;
    loop {
        let master = running.console.master.as_fd();
        let pidfd = running.child.pidfd();
        let signals = caught.map_or(pidfd, AsFd::as_fd);
        // While the guest has to wait with what it prints, its terminal is not looked at.
        let wait = throttle.wait(BUFFER, Instant::now());
        let terminal = if wait.is_none() { master } else { pidfd };
        let patience = wait.unwrap_or(SAMPLE).min(SAMPLE);
        let [printed, _, _] = poll([terminal, pidfd, signals], Some(patience))
            .map_err(|error| failed("watch the first process", error))?;
        // Also when it prints: most guests tell much when they end.
        if sampled.elapsed() >= SHORTEST {
            sampled = Instant::now();
            if let Some(line) = running.meter.tick(system, guest) {
                system.write_log(&running.log, &line);
            }
        }
        let (printed, visible) = (printed && wait.is_none(), caught.is_some());
        // An error means that the guest, or its end, has hung up the terminal.
        if printed && copy(running, visible, READS, Some(&mut throttle)).is_err() {
            // It may do so again and again.
            throttle.spend(BUFFER);
            let reopened = running.console.reopen();
            if let (Err(error), false) = (&reopened, deaf) {
                let line = format!("the console cannot be reopened: {error}");
                system.write_log(&running.log, &line);
            }
            deaf = reopened.is_err();
        }
        while let Some(signal) = caught.and_then(|caught| caught.next().ok().flatten()) {
            let init = running.child.pid;
            let line = wish.pass_on(system, guest, init, signal, Instant::now());
            system.write_log(&running.log, &line);
        }
        let ended = running
            .child
            .reap(Duration::ZERO)
            .map_err(|error| failed("wait for the first process", error))?;
        if let Some(status) = ended {
            // What was printed last; then the terminal is hung up.
            let _ = copy(running, caught.is_some(), LAST_READS, None);
            return Ok(status);
        }
    }
}

/// Catches the signals that stop a guest in the foreground.
///
/// # Errors
///
/// The kernel refused.
pub fn catch_stop_signals() -> Outcome<Caught> {
    Caught::new(STOP_SIGNALS)
        .map_err(|error| Failure::from_os("catch signals", &error, "try again"))
}

/// What a supervisor tells the command once its guest runs.
type Answer = Result<Vec<String>, Failure>;

/// Starts a guest, for which `lock` was taken, in a new background process, waits until the guest
/// runs there, and returns its notes; the process stays as the supervisor. When the caller dies
/// meanwhile, the start is rolled back.
///
/// # Errors
///
/// That of the start, or the process cannot be made.
pub fn detach<S: Syscall + Clone + Send + 'static>(
    system: &Linux<S>,
    guest: &Guest,
    program: &Program,
    lock: Claim<File>,
) -> Outcome<Vec<String>> {
    let failed = |error: io::Error| {
        Failure::from_os(
            &format!("make a supervisor for guest \"{}\"", guest.name),
            &error,
            "check the limits on processes and open files",
        )
    };
    let (mut answer, answer_writer) = pipe().map_err(failed)?;
    // The caller holds one end without ever writing: its death is what the other end tells.
    let (alive_reader, alive) = pipe().map_err(failed)?;
    match process::clone(0, None).map_err(failed)? {
        Side::Child => {
            drop(answer);
            drop(alive);
            system.cancel_by(alive_reader.into());
            // Where that is not possible it shares the fate of who has started it.
            let _ = shelter::enter();
            let started = leave_terminal()
                .map_err(failed)
                .and_then(|()| launch(system, guest, program, lock));
            let status = match started {
                Err(failure) => {
                    send(answer_writer, &Answer::Err(failure));
                    1
                }
                Ok(running) => {
                    send(answer_writer, &Answer::Ok(running.notes.clone()));
                    // The caller is about to end.
                    system.cancel_no_more();
                    i32::from(supervise(system, guest, program, running, None).is_err())
                }
            };
            process::exit_now(status)
        }
        Side::Parent { .. } => {
            drop(answer_writer);
            drop(alive_reader);
            drop(lock);
            let mut text = Vec::new();
            answer.read_to_end(&mut text).map_err(failed)?;
            drop(alive);
            if text.is_empty() {
                return Err(Failure::new(
                    Reason::StartFailed,
                    format!("the supervisor of guest \"{}\" died", guest.name),
                    "the kernel log (`dmesg`) may say why; `vserver show` tells whether the guest \
                     runs",
                ));
            }
            from_json::<Answer>(&text).map_err(failed)?
        }
    }
}

/// Lets go of the session, terminal and files of the caller.
fn leave_terminal() -> io::Result<()> {
    process::new_session()?;
    std::env::set_current_dir("/")?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    (0..3).try_for_each(|number| duplicate_to(null.as_fd(), number))
}
