// SPDX-License-Identifier: GPL-2.0

//! Commands inside a guest whose caller sits at a terminal.

use super::exec::until;
use super::{Bench, make_context, program};
use libvserver::abi::{CtxKill, vcmd};
use libvserver::fake::Fake;
use libvserver::{Errno, Syscall};
use std::ffi::c_void;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vserver::execute;
use vserver::linux::companion::{Signals, accompany};
use vserver::linux::streams::Streams;
use vserver::linux::{Layout, Linux};
use vserver::start::exit_status_of;
use vserver::system::System;

/// The model, but signals to tasks of the context are sent.
#[derive(Clone)]
struct Delivering(Fake);

impl Syscall for Delivering {
    unsafe fn vserver(&self, cmd: u32, id: u32, data: *mut c_void) -> Result<u32, Errno> {
        if cmd == vcmd::CTX_KILL {
            // SAFETY: the argument of this command.
            let CtxKill { pid, sig } = unsafe { *data.cast::<CtxKill>() };
            // SAFETY: the call takes no pointers.
            return match unsafe { libc::kill(pid, sig) } {
                0 => Ok(0),
                _ => Err(Errno(libc::ESRCH)),
            };
        }
        // SAFETY: passed on unchanged.
        unsafe { self.0.vserver(cmd, id, data) }
    }
}

/// The terminal of the administrator: the case is a session that it controls.
struct Desk {
    keyboard: File,
    slave: OwnedFd,
    screen: Arc<Mutex<Vec<u8>>>,
}

fn settings(terminal: &OwnedFd) -> (u32, u32, u32) {
    // SAFETY: the structure is plain data; the call fills it.
    let settings = unsafe {
        let mut settings = std::mem::zeroed::<libc::termios>();
        assert_eq!(libc::tcgetattr(terminal.as_raw_fd(), &raw mut settings), 0);
        settings
    };
    (settings.c_iflag, settings.c_oflag, settings.c_lflag)
}

impl Desk {
    /// Sits down, and makes the terminal the streams `which`; the others are `/dev/null`.
    fn new(bench: &Bench, which: &[i32]) -> Self {
        let terminal = bench.system.open_console().unwrap();
        let null = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")
            .unwrap();
        // What goes wrong is to be told elsewhere.
        let told = File::from(std::io::stderr().as_fd().try_clone_to_owned().unwrap());
        std::panic::set_hook(Box::new(move |what| {
            let _ = writeln!(&told, "{what}");
        }));
        let size = libc::winsize {
            ws_row: 33,
            ws_col: 77,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let slave = terminal.slave.as_raw_fd();
        // SAFETY: the descriptors are open, the structures are plain data.
        unsafe {
            assert!(libc::setsid() > 0);
            assert_eq!(libc::ioctl(slave, libc::TIOCSCTTY, 0), 0);
            assert_eq!(libc::ioctl(slave, libc::TIOCSWINSZ, &raw const size), 0);
            // As terminals of administrators are.
            let mut settings = std::mem::zeroed::<libc::termios>();
            assert_eq!(libc::tcgetattr(slave, &raw mut settings), 0);
            settings.c_oflag |= libc::ONLCR;
            assert_eq!(
                libc::tcsetattr(slave, libc::TCSANOW, &raw const settings),
                0
            );
            for number in 0..3 {
                let source = if which.contains(&number) {
                    slave
                } else if number == 2 {
                    continue;
                } else {
                    null.as_raw_fd()
                };
                assert_eq!(libc::dup2(source, number), number);
            }
        }
        // Open as long as this process: the end of its terminal would end it.
        std::mem::forget(terminal.slave.try_clone().unwrap());
        std::mem::forget(terminal.master.try_clone().unwrap());
        Self {
            keyboard: terminal.master,
            slave: terminal.slave,
            screen: Arc::default(),
        }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Runs a shell script inside context 42, while `user` sits at the terminal; returns its exit
    /// status and what the screen shows at its end.
    fn run(&self, bench: &Bench, script: &str, user: impl FnOnce(&Self) + Send) -> (u8, String) {
        make_context(bench);
        let guest = bench.guest();
        let words = program(&guest, &["sh", "-c", script]);
        let system = Linux::new(Delivering(bench.fake.clone()), Layout::default());
        let before = settings(&self.slave);
        let signals = Signals::catch().unwrap();
        let streams = Streams::new().unwrap();
        let mut child = execute::launch(&system, &guest.name, 42, &streams, &[words]).unwrap();
        // The child is made: there may be threads now.
        let mut display = self.keyboard.try_clone().unwrap();
        let screen = Arc::clone(&self.screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length) = display.read(&mut bytes) {
                screen.lock().unwrap().extend(&bytes[..length]);
            }
        });
        let status = std::thread::scope(|scope| {
            let pid = child.pid;
            let user = scope.spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(|| user(self)));
                if result.is_err() {
                    // Nobody waits for the user any more.
                    // SAFETY: the call takes no pointers.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                }
                result
            });
            let status = accompany(&system, 42, &mut child, streams, &signals);
            let result = user.join().unwrap();
            assert!(result.is_ok(), "{:?}", self.screen());
            exit_status_of(status.unwrap())
        });
        assert_eq!(settings(&self.slave), before, "the terminal is as before");
        // What is on its way to the screen.
        (&self.slave_file()).write_all(b"[the end]\n").unwrap();
        until("the screen is late", || self.screen().contains("[the end]"));
        (status, self.screen())
    }

    fn slave_file(&self) -> File {
        File::from(self.slave.try_clone().unwrap())
    }

    fn shows(&self, text: &str) {
        until(text, || self.screen().contains(text));
    }

    fn types(&self, text: &str) {
        (&self.keyboard).write_all(text.as_bytes()).unwrap();
    }

    /// Device number of the terminal, as `stat -c %r` tells it.
    fn device(&self) -> u64 {
        std::os::unix::fs::MetadataExt::rdev(&self.slave_file().metadata().unwrap())
    }
}

pub fn a_command_has_a_terminal_of_its_own(bench: &Bench) {
    let desk = Desk::new(bench, &[0, 1, 2]);
    let script = "trap 'echo interrupted' INT\n\
         for n in 0 1 2; do echo device $n $(stat -Lc %r /proc/self/fd/$n); done\n\
         echo size $(stty size); : < /dev/tty && echo controls\n\
         echo session $(($(ps -o sid= -p $$) - $$))\n\
         read line; echo \"[$line]\"; echo 'waits'; sleep 1000\n\
         read line; kill -WINCH $$; echo size $(stty size); exit 7";
    let user = |desk: &Desk| {
        desk.shows("controls");
        desk.types("hello\n");
        desk.shows("waits\r\n");
        let size = libc::winsize {
            ws_row: 44,
            ws_col: 88,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let master = desk.keyboard.as_raw_fd();
        // SAFETY: the descriptor is open, the structure is initialised.
        unsafe { libc::ioctl(master, libc::TIOCSWINSZ, &raw const size) };
        desk.types("\x03");
        desk.shows("interrupted");
        desk.types("again\n");
    };
    let (status, screen) = desk.run(bench, script, user);
    assert_eq!(status, 7, "{screen}");
    assert!(screen.contains("[hello]\r\n"), "{screen}");
    assert!(screen.contains("size 33 77"), "{screen}");
    assert!(screen.contains("size 44 88"), "{screen}");
    assert!(screen.contains("session 0"), "{screen}");
    for number in 0..3 {
        assert!(screen.contains(&format!("device {number} ")), "{screen}");
        let leaked = format!("device {number} {}\r", desk.device());
        assert!(!screen.contains(&leaked), "{screen}");
    }
}

pub fn the_end_of_a_command_leaves_nobody_at_the_terminal(bench: &Bench) {
    let desk = Desk::new(bench, &[0, 1, 2]);
    let mark = bench.directory.path().join("mark");
    // The shell ignores what the end of its terminal means.
    let script = format!(
        "trap '' HUP; (while sleep 0.1; do echo > {0}; done; head -c 1 > {0}) &\n\
         seq 1 20000; exit 3",
        mark.display()
    );
    let (status, screen) = desk.run(bench, &script, |_| {});
    assert_eq!(status, 3);
    let lines: Vec<&str> = screen.lines().take(20000).collect();
    assert_eq!(lines.len(), 20000);
    assert_eq!((lines[0], lines[19999]), ("1", "20000"));
    until("the background process has ended", || mark.exists());
    let children = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.contains(&*mark.to_string_lossy())
    });
    for child in children {
        for number in 0..3 {
            let link = fs::read_link(child.path().join(format!("fd/{number}"))).unwrap();
            let device = fs::metadata(child.path().join(format!("fd/{number}")));
            let device = device.map(|found| std::os::unix::fs::MetadataExt::rdev(&found));
            assert_ne!(device.ok(), Some(desk.device()), "{link:?}");
        }
        let pid = child.file_name().to_string_lossy().parse().unwrap();
        // SAFETY: the call takes no pointers.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

pub fn a_command_that_is_not_typed_to_only_prints(bench: &Bench) {
    let desk = Desk::new(bench, &[1]);
    let script = "test -t 1 && echo terminal $(stat -Lc %r /proc/self/fd/1)\n\
         test -t 0 || echo unread; (: < /dev/tty) 2>/dev/null || echo free\n\
         (read x <&1) 2>/dev/null || echo mute; exit 4";
    let (status, screen) = desk.run(bench, script, |_| {});
    assert_eq!(status, 4, "{screen}");
    for line in ["unread\r\n", "free\r\n", "mute\r\n"] {
        assert!(screen.contains(line), "{line:?} is not in {screen:?}");
    }
    assert!(screen.contains("terminal "), "{screen}");
    let leaked = format!("terminal {}\r", desk.device());
    assert!(!screen.contains(&leaked), "{screen}");
}

pub fn a_command_without_streams_of_the_terminal_does_not_reach_it(bench: &Bench) {
    let desk = Desk::new(bench, &[]);
    let (status, screen) = desk.run(bench, "(echo leak > /dev/tty) || exit 5", |_| {});
    assert_eq!(status, 5);
    assert!(!screen.contains("leak"), "{screen}");
}

pub fn signals_from_others_reach_the_command(bench: &Bench) {
    make_context(bench);
    for (signal, name) in [
        (libc::SIGINT, "INT"),
        (libc::SIGQUIT, "QUIT"),
        (libc::SIGTERM, "TERM"),
        (libc::SIGHUP, "HUP"),
        (libc::SIGUSR1, "USR1"),
        (libc::SIGUSR2, "USR2"),
    ] {
        let guest = bench.guest();
        let ready = bench.directory.path().join(name);
        let script = format!(
            "trap 'exit 9' {name}; : > {}; for n in $(seq 400); do sleep 0.05; done",
            ready.display()
        );
        let words = program(&guest, &["sh", "-c", &script]);
        let system = Linux::new(Delivering(bench.fake.clone()), Layout::default());
        let signals = Signals::catch().unwrap();
        let streams = Streams::new().unwrap();
        let mut child = execute::launch(&system, &guest.name, 42, &streams, &[words]).unwrap();
        until("the command does not begin", || ready.exists());
        // SAFETY: the call takes no pointers; the signal is caught.
        unsafe { libc::raise(signal) };
        let status = accompany(&system, 42, &mut child, streams, &signals).unwrap();
        assert_eq!(exit_status_of(status), 9, "{name}");
    }
}

pub fn a_stopped_command_gives_the_terminal_back(bench: &Bench) {
    let desk = Desk::new(bench, &[0, 1, 2]);
    let before = settings(&desk.slave);
    let pid = i32::try_from(std::process::id()).unwrap();
    // SAFETY: the call takes no pointers.
    let send = |signal| assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    let user = |desk: &Desk| {
        desk.shows("begun");
        assert_ne!(settings(&desk.slave), before, "as the command needs it");
        // In a group that nobody can let go on, nobody stops: it is back at once.
        send(libc::SIGTSTP);
        std::thread::sleep(Duration::from_millis(200));
        assert_ne!(settings(&desk.slave), before, "as the command needs it");
        desk.types("go on\n");
    };
    let (status, screen) = desk.run(bench, "echo begun; read line; exit 6", user);
    assert_eq!(status, 6, "{screen}");
}

pub fn a_terminal_that_a_pager_uses_is_left_to_it(bench: &Bench) {
    let desk = Desk::new(bench, &[0, 2]);
    let mut ends = [-1; 2];
    // SAFETY: the array has room for both ends, which stay open.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        assert_eq!(libc::dup2(ends[1], 1), 1);
    }
    let before = settings(&desk.slave);
    let script = "exec >&2; echo begun; read line; echo \"[$line]\"\n\
         stty -echo; echo secret; read line; stty echo; echo \"<$line>\"\n\
         read line; echo \"[$line]\"; exit 8";
    let user = |desk: &Desk| {
        desk.shows("begun\r\n");
        assert_eq!(settings(&desk.slave), before, "left alone");
        desk.types("hello\n");
        desk.shows("[hello]");
        desk.shows("secret");
        until("the terminal shows what is typed", || {
            settings(&desk.slave) != before
        });
        desk.types("word\n");
        desk.shows("<word>");
        until("the terminal is kept", || settings(&desk.slave) == before);
        // As a pager does it.
        let slave = desk.slave.as_raw_fd();
        // SAFETY: the descriptor is open, the structure plain data.
        let usual = unsafe {
            let mut settings = std::mem::zeroed::<libc::termios>();
            assert_eq!(libc::tcgetattr(slave, &raw mut settings), 0);
            let usual = settings;
            settings.c_lflag &= !libc::ICANON;
            libc::tcsetattr(slave, libc::TCSANOW, &raw const settings);
            usual
        };
        std::thread::sleep(Duration::from_millis(300));
        desk.types("q");
        std::thread::sleep(Duration::from_millis(300));
        let mut key = [0];
        assert_eq!((&desk.slave_file()).read(&mut key).unwrap(), 1);
        assert_eq!(key, *b"q");
        // SAFETY: as above.
        unsafe { libc::tcsetattr(slave, libc::TCSANOW, &raw const usual) };
        desk.types("end\n");
    };
    let (status, screen) = desk.run(bench, script, user);
    assert_eq!(status, 8, "{screen}");
    assert!(screen.contains("[end]"), "{screen}");
    assert_eq!(screen.matches("word").count(), 1, "{screen}");
}

/// Waits until the child of a shell ends or stops; its wait status.
fn wait_for(pid: i32) -> i32 {
    let mut status = 0;
    until("the child goes on", || {
        let options = libc::WUNTRACED | libc::WNOHANG;
        // SAFETY: the status is exclusive.
        unsafe { libc::waitpid(pid, &raw mut status, options) == pid }
    });
    status
}

pub fn a_shell_can_stop_a_command_and_continue_it(bench: &Bench) {
    let desk = Desk::new(bench, &[0, 1, 2]);
    let before = settings(&desk.slave);
    let slave = desk.slave.as_raw_fd();
    // This is the shell; its job is a group of its own.
    // SAFETY: the process has one thread; the calls take no pointers.
    let (shell, job) = unsafe {
        libc::signal(libc::SIGTTOU, libc::SIG_IGN);
        (libc::getpgrp(), libc::fork())
    };
    if job == 0 {
        // SAFETY: as above.
        unsafe {
            libc::setpgid(0, 0);
            libc::tcsetpgrp(slave, libc::getpid());
            libc::signal(libc::SIGTTOU, libc::SIG_DFL);
        }
        let user = |desk: &Desk| {
            desk.shows("begun");
            until("it is not as the command needs it", || {
                settings(&desk.slave) != before
            });
            // SAFETY: as above.
            unsafe { libc::kill(libc::getpid(), libc::SIGTSTP) };
            // Stopped here, and then in the background.
            until("it is not given back", || settings(&desk.slave) == before);
            until("it is not as the command needs it again", || {
                settings(&desk.slave) != before
            });
            desk.types("go on\n");
        };
        let (status, _) = desk.run(bench, "echo begun; read line; exit 6", user);
        std::process::exit(status.into());
    }
    let foreground = |group| {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::tcsetpgrp(slave, group) }, 0);
    };
    // SAFETY: as above.
    let go_on = || assert_eq!(unsafe { libc::kill(-job, libc::SIGCONT) }, 0);
    let status = wait_for(job);
    assert!(libc::WIFSTOPPED(status), "{status:#x}");
    foreground(shell);
    assert_eq!(settings(&desk.slave), before, "given back");
    let children = fs::read_to_string(format!("/proc/{job}/task/{job}/children")).unwrap();
    let inside = fs::read_to_string(format!("/proc/{}/stat", children.trim())).unwrap();
    assert!(inside.contains(") T "), "{inside}");
    go_on();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(settings(&desk.slave), before, "not for the background");
    foreground(job);
    go_on();
    let status = wait_for(job);
    assert!(libc::WIFEXITED(status), "{status:#x}");
    assert_eq!(libc::WEXITSTATUS(status), 6);
    foreground(shell);
}
