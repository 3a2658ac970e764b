// SPDX-License-Identifier: GPL-2.0

//! Pseudo terminals.

use super::check;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Both ends of a pseudo terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The end that reads what programs print.
    pub master: File,
    /// The end that programs use.
    pub slave: OwnedFd,
    /// Number of the terminal below `/dev/pts`.
    pub number: u32,
}

/// Opens a new pseudo terminal that passes output on unchanged.
pub fn open() -> io::Result<Terminal> {
    let master = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open("/dev/ptmx")?;
    let unlocked: libc::c_int = 0;
    let mut number: libc::c_uint = 0;
    // SAFETY: the descriptor is open; the requests read and write one int each.
    unsafe {
        check(libc::ioctl(
            master.as_raw_fd(),
            libc::TIOCSPTLCK,
            &raw const unlocked,
        ))?;
        check(libc::ioctl(
            master.as_raw_fd(),
            libc::TIOCGPTN,
            &raw mut number,
        ))?;
    }
    let slave = open_slave(&master, libc::O_RDWR)?;
    keep_line_ends(&slave)?;
    Ok(Terminal {
        master,
        slave,
        number,
    })
}

fn open_slave(master: &File, access: libc::c_int) -> io::Result<OwnedFd> {
    let flags = access | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the descriptor is open and the argument is passed by value.
    let slave = check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) })?;
    // SAFETY: the call has just made this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(slave) })
}

impl Terminal {
    /// Opens the other end anew: the terminal is usable again after it was hung up.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.slave = open_slave(&self.master, libc::O_RDWR)?;
        Ok(())
    }

    /// Opens the other end for those who only print.
    pub fn writer(&self) -> io::Result<OwnedFd> {
        open_slave(&self.master, libc::O_WRONLY)
    }

    /// Takes over the settings of another terminal; line feeds are turned into two characters only
    /// with `prints_alike`.
    pub fn resemble(&self, other: BorrowedFd<'_>, prints_alike: bool) -> io::Result<()> {
        let mut settings = settings(other)?;
        if !prints_alike {
            settings.c_oflag &= !libc::ONLCR;
        }
        set_settings(self.slave.as_fd(), &settings)
    }

    /// Takes over the size of another terminal; programs that use this one are told.
    pub fn take_size(&self, other: BorrowedFd<'_>) -> io::Result<()> {
        let mut size = MaybeUninit::<libc::winsize>::uninit();
        // SAFETY: both descriptors are open; the first call fills the structure or fails, the
        // second reads it.
        unsafe {
            check(libc::ioctl(
                other.as_raw_fd(),
                libc::TIOCGWINSZ,
                size.as_mut_ptr(),
            ))?;
            check(libc::ioctl(
                self.master.as_raw_fd(),
                libc::TIOCSWINSZ,
                size.as_ptr(),
            ))
        }
        .map(drop)
    }
}

fn settings(terminal: BorrowedFd<'_>) -> io::Result<libc::termios> {
    let mut settings = MaybeUninit::uninit();
    // SAFETY: the descriptor is open; the call fills the structure or fails.
    unsafe {
        check(libc::tcgetattr(terminal.as_raw_fd(), settings.as_mut_ptr()))?;
        Ok(settings.assume_init())
    }
}

fn set_settings(terminal: BorrowedFd<'_>, settings: &libc::termios) -> io::Result<()> {
    // SAFETY: the descriptor is open and the structure initialised.
    check(unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, settings) }).map(drop)
}

/// Stops a terminal from turning line feeds into two characters.
fn keep_line_ends(terminal: &OwnedFd) -> io::Result<()> {
    let mut settings = settings(terminal.as_fd())?;
    settings.c_oflag &= !libc::ONLCR;
    set_settings(terminal.as_fd(), &settings)
}

/// Whether the caller is who may read from a terminal: when it is not that of the caller's session,
/// everybody may.
pub fn is_foreground(terminal: BorrowedFd<'_>) -> bool {
    // SAFETY: the descriptor is open and the calls take no pointers.
    let (group, own) = unsafe { (libc::tcgetpgrp(terminal.as_raw_fd()), libc::getpgrp()) };
    group < 0 || group == own
}

/// Whether a terminal hands over what is typed in lines; with `echo`, also whether it shows them.
pub fn reads_lines(terminal: BorrowedFd<'_>, echo: bool) -> io::Result<bool> {
    let wanted = if echo {
        libc::ICANON | libc::ECHO
    } else {
        libc::ICANON
    };
    Ok(settings(terminal)?.c_lflag & wanted == wanted)
}

/// Opens a terminal among the standard streams anew, so that to wait for it or not is nobody else's
/// concern.
pub fn open_again(number: usize) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
        .open(format!("/proc/self/fd/{number}"))
}

/// The terminal that passes everything on unchanged, and its settings before: where every end of
/// the process finds it.
static BEFORE: Mutex<Option<(OwnedFd, libc::termios)>> = Mutex::new(None);

fn before() -> MutexGuard<'static, Option<(OwnedFd, libc::termios)>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore() {
    let taken = before().take();
    if let Some((terminal, settings)) = taken {
        // In the background its settings are those of somebody else. One that is hung up has none.
        if is_foreground(terminal.as_fd()) {
            let _ = set_settings(terminal.as_fd(), &settings);
        }
    }
}

/// A terminal that passes on what is typed at once, uninterpreted and without echo; until this is
/// dropped, or the process panics. A process has one at most.
#[derive(Debug)]
pub struct Raw {
    prints_raw: bool,
}

impl Raw {
    /// Switches a terminal over, and with `prints_raw` also what it does to output. The caller blocks
    /// `SIGTTOU`.
    pub fn new(terminal: BorrowedFd<'_>, prints_raw: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        // A panic may end the process without dropping anything.
        HOOK.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |information| {
                restore();
                previous(information);
            }));
        });
        let settings = settings(terminal)?;
        *before() = Some((terminal.try_clone_to_owned()?, settings));
        let raw = Self { prints_raw };
        raw.apply()?;
        Ok(raw)
    }

    /// Switches it over again: somebody else may have changed it while the process was stopped.
    pub fn apply(&self) -> io::Result<()> {
        match before().as_ref() {
            Some((terminal, settings)) => {
                let mut settings = *settings;
                let output = settings.c_oflag;
                // SAFETY: the structure is initialised and exclusive.
                unsafe { libc::cfmakeraw(&raw mut settings) };
                if !self.prints_raw {
                    settings.c_oflag = output;
                }
                set_settings(terminal.as_fd(), &settings)
            }
            None => Ok(()),
        }
    }

    /// Leaves the terminal as it is.
    pub fn forget(self) {
        *before() = None;
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes a terminal the controlling one of the caller's session, which has none.
pub fn make_controlling(terminal: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open and the argument is passed by value.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_restores_the_terminal() {
        let terminal = open().unwrap();
        let flags = || settings(terminal.slave.as_fd()).unwrap().c_lflag;
        let usual = flags();
        assert_ne!(usual & libc::ICANON, 0);
        let raw = Raw::new(terminal.slave.as_fd(), true).unwrap();
        assert_eq!(flags() & (libc::ICANON | libc::ECHO | libc::ISIG), 0);
        // As in a process that ends without dropping anything.
        std::mem::forget(raw);
        let _ = std::panic::catch_unwind(|| panic!("on purpose"));
        assert_eq!(flags(), usual);
        let raw = Raw::new(terminal.slave.as_fd(), true).unwrap();
        assert_ne!(flags(), usual);
        drop(raw);
        assert_eq!(flags(), usual);
    }
}
