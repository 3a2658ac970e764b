// SPDX-License-Identifier: GPL-2.0

//! What stands between the terminal of the caller and that of a command inside a guest.

use super::raw::descriptor::{Interest, Seen, watch};
use super::raw::terminal::{Raw, Terminal, is_foreground, reads_lines};
use super::streams::Streams;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Most of what a command has printed last that is shown after its end. A terminal holds less; more
/// comes from processes that go on printing.
const LAST_WORDS: usize = 1 << 20;

/// After this time without progress, the last words can be cut off by typing.
const STUCK: Duration = Duration::from_secs(1);

/// Time between two looks at a terminal that others use as well.
const LOOK: Duration = Duration::from_millis(100);

/// What a line of input ends with when it is the last.
const END_OF_INPUT: u8 = 4;

/// Bytes on the way in one direction: read when there are none, so that a side that takes none
/// keeps nothing else waiting.
#[derive(Debug)]
struct Flow {
    bytes: Box<[u8; 4096]>,
    start: usize,
    end: usize,
}

/// What an attempt to read gave.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Bytes(usize),
    NothingYet,
    End,
    Error,
}

impl Flow {
    fn new() -> Self {
        Self {
            bytes: Box::new([0; 4096]),
            start: 0,
            end: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn clear(&mut self) {
        self.start = self.end;
    }

    fn put(&mut self, byte: u8) {
        self.bytes[0] = byte;
        (self.start, self.end) = (0, 1);
    }

    fn fill(&mut self, mut from: &File) -> Got {
        match from.read(&mut self.bytes[..]) {
            Ok(0) => Got::End,
            Ok(length) => {
                (self.start, self.end) = (0, length);
                Got::Bytes(length)
            }
            Err(error) if waits(&error) => Got::NothingYet,
            Err(_) => Got::Error,
        }
    }

    /// Writes what is taken; whether anybody may take more.
    fn drain(&mut self, mut to: &File) -> bool {
        match to.write(&self.bytes[self.start..self.end]) {
            Ok(length) => {
                self.start += length;
                true
            }
            Err(error) => waits(&error),
        }
    }
}

fn interest(file: Option<&File>, read: bool, write: bool) -> Interest<'_> {
    Interest {
        descriptor: file.map(AsFd::as_fd),
        read,
        write,
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Carries what is typed in, what is printed out, and the size of the terminal.
#[derive(Debug)]
pub(super) struct Relay {
    /// The terminal of the command; none when there is none, or the caller's was hung up.
    terminal: Option<Terminal>,
    /// The caller's, to read from.
    input: Option<File>,
    /// The caller's, to show at.
    output: Option<File>,
    raw: Option<Raw>,
    /// Whether a program that the caller has started may use the caller's terminal as well: one
    /// that reads what the command prints, such as a pager.
    shared: bool,
    /// Whether what is typed is for us: not in the background.
    listens: bool,
    inward: Flow,
    outward: Flow,
}

impl Relay {
    /// Begins: from now on the terminal of the caller belongs to the command.
    pub(super) fn new(streams: Streams) -> Self {
        let mut relay = Self {
            terminal: streams.terminal,
            input: streams.input,
            output: streams.output,
            raw: None,
            shared: streams.shared,
            listens: false,
            inward: Flow::new(),
            outward: Flow::new(),
        };
        relay.resume();
        relay
    }

    /// Goes on, perhaps in the background now, or no longer.
    pub(super) fn resume(&mut self) {
        self.resize();
        let Some(input) = &self.input else {
            return;
        };
        if self.shared {
            return self.adjust();
        }
        self.listens = is_foreground(input.as_fd());
        match self.raw.take() {
            // A terminal that was hung up takes no settings, and tells so when it is read.
            None if self.listens => self.raw = Raw::new(input.as_fd(), true).ok(),
            Some(raw) if self.listens => {
                let _ = raw.apply();
                self.raw = Some(raw);
            }
            None => {}
            Some(raw) => raw.forget(),
        }
    }

    /// Leaves a terminal that others use as well to them, but for lines that are typed while nobody
    /// else has changed it, and while the command has changed its own: then it asks for a password
    /// or draws, and needs all of it.
    pub(super) fn adjust(&mut self) {
        let (true, Some(input), Some(terminal)) = (self.shared, &self.input, &self.terminal) else {
            return;
        };
        let foreground = is_foreground(input.as_fd());
        let asked = !reads_lines(terminal.slave.as_fd(), true).unwrap_or(true);
        if foreground && asked {
            if self.raw.is_none() {
                self.raw = Raw::new(input.as_fd(), false).ok();
            }
            self.listens = true;
        } else {
            self.raw = None;
            // One that is hung up tells so when it is read.
            self.listens = foreground && reads_lines(input.as_fd(), false).unwrap_or(true);
        }
    }

    /// How long to wait before the next look.
    pub(super) fn patience(&self) -> Option<Duration> {
        (self.shared && self.terminal.is_some()).then_some(LOOK)
    }

    /// Gives the terminal of the caller back for the time being.
    pub(super) fn suspend(&mut self) {
        self.raw = None;
        self.listens = false;
    }

    /// Passes on the size of the caller's terminal.
    pub(super) fn resize(&self) {
        if let (Some(terminal), Some(output)) = (&self.terminal, &self.output) {
            // One that has no size leaves that of the other alone.
            let _ = terminal.take_size(output.as_fd());
        }
    }

    /// What to wait for: at the caller's terminal to read from, that to show at, and the command's.
    pub(super) fn interests(&self) -> [Interest<'_>; 3] {
        let (typed, printed) = (!self.inward.is_empty(), !self.outward.is_empty());
        let master = self.terminal.as_ref().map(|terminal| &terminal.master);
        [
            interest(self.input.as_ref(), self.listens && !typed, false),
            interest(self.output.as_ref(), false, printed),
            interest(master, !printed, typed),
        ]
    }

    /// Carries what can be carried.
    pub(super) fn act(&mut self, [input, output, master]: [Seen; 3]) {
        if input.read {
            self.listen(input.end);
        }
        if master.write && !self.inward.is_empty() {
            self.pass_on();
        }
        if master.read && self.outward.is_empty() {
            self.hear();
        }
        if output.write {
            self.show();
        }
    }

    /// Reads what is typed.
    fn listen(&mut self, end: bool) {
        let Some(input) = &self.input else {
            return;
        };
        match self.inward.fill(input) {
            Got::Bytes(_) | Got::NothingYet => {}
            // Somebody has switched the terminal back to lines, and it was the end of one.
            Got::End if !end => self.inward.put(END_OF_INPUT),
            // Put into the background without a word.
            Got::Error if !end && !is_foreground(input.as_fd()) => self.listens = false,
            Got::End | Got::Error => self.hang_up(),
        }
    }

    /// What has happened to the terminal of the caller happens to that of the command.
    fn hang_up(&mut self) {
        self.input = None;
        self.terminal = None;
        self.inward.clear();
        if let Some(raw) = self.raw.take() {
            raw.forget();
        }
    }

    /// Hands over what was typed.
    fn pass_on(&mut self) {
        if let Some(terminal) = &self.terminal {
            if !self.inward.drain(&terminal.master) {
                self.inward.clear();
            }
        }
    }

    /// Reads what was printed; how much.
    fn hear(&mut self) -> usize {
        let Some(terminal) = &mut self.terminal else {
            return 0;
        };
        match self.outward.fill(&terminal.master) {
            Got::Bytes(length) => {
                // What nobody is shown must not keep the command waiting.
                if self.output.is_none() {
                    self.outward.clear();
                }
                length
            }
            Got::NothingYet => 0,
            // The guest has hung it up.
            Got::End | Got::Error => {
                if terminal.reopen().is_err() {
                    self.terminal = None;
                }
                0
            }
        }
    }

    /// Shows what was printed.
    fn show(&mut self) {
        if let Some(output) = &self.output {
            if !self.outward.drain(output) {
                self.output = None;
                self.outward.clear();
            }
        }
    }

    /// Shows what the command has printed last, though others in the guest may keep its terminal
    /// open, until `given_up` can be read; then everything is the caller's again.
    pub(super) fn finish(mut self, given_up: BorrowedFd<'_>) -> io::Result<()> {
        let mut heard = 0;
        while self.output.is_some() {
            if self.outward.is_empty() {
                if heard >= LAST_WORDS {
                    break;
                }
                let length = self.hear();
                if length == 0 {
                    break;
                }
                heard += length;
            }
            let [_, output, _] = self.interests();
            let given_up = Interest {
                descriptor: Some(given_up),
                read: true,
                write: false,
            };
            let [given_up, shown] = watch([given_up, output], Some(STUCK))?;
            if given_up.read {
                break;
            }
            if shown.write {
                self.show();
            } else {
                // From now on what is typed makes signals again.
                self.raw = None;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::raw::descriptor::{pipe, set_nonblocking};
    use super::super::raw::terminal;
    use super::*;

    fn relay(terminal: Terminal, input: Option<File>, output: File) -> Relay {
        set_nonblocking(terminal.master.as_fd()).unwrap();
        set_nonblocking(output.as_fd()).unwrap();
        Relay {
            terminal: Some(terminal),
            listens: input.is_some(),
            input,
            output: Some(output),
            raw: None,
            shared: false,
            inward: Flow::new(),
            outward: Flow::new(),
        }
    }

    fn turn(relay: &mut Relay) {
        let seen = watch(relay.interests(), Some(Duration::from_millis(200))).unwrap();
        relay.act(seen);
    }

    fn end_of(terminal: &Terminal) -> File {
        File::from(terminal.slave.try_clone().unwrap())
    }

    #[test]
    fn a_full_output_does_not_keep_the_input_waiting() {
        let (typed, mut keyboard) = pipe().unwrap();
        let (mut screen, shown) = pipe().unwrap();
        let terminal = terminal::open().unwrap();
        let mut inside = end_of(&terminal);
        set_nonblocking(inside.as_fd()).unwrap();
        let mut relay = relay(terminal, Some(typed), shown);
        // More than the pipe to the screen holds.
        let mut printed = 0;
        let mut idle = 0;
        while idle < 20 {
            match inside.write(&[b'x'; 1000]) {
                Ok(length) => (printed, idle) = (printed + length, 0),
                Err(error) => {
                    assert!(waits(&error));
                    idle += 1;
                }
            }
            let seen = watch(relay.interests(), Some(Duration::from_millis(1))).unwrap();
            relay.act(seen);
        }
        assert!(printed > 65536, "{printed}");
        keyboard.write_all(b"line\n").unwrap();
        turn(&mut relay);
        turn(&mut relay);
        let mut line = [0; 16];
        assert_eq!(inside.read(&mut line).unwrap(), 5);
        // What was held up arrives when there is room, also after the end of the command.
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            screen.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let (never, _writer) = pipe().unwrap();
        relay.finish(never.as_fd()).unwrap();
        let bytes = reader.join().unwrap();
        assert_eq!(bytes.iter().filter(|&&byte| byte == b'x').count(), printed);
    }

    #[test]
    fn an_output_that_goes_away_does_not_keep_the_command_waiting() {
        let (screen, shown) = pipe().unwrap();
        drop(screen);
        let terminal = terminal::open().unwrap();
        let mut inside = end_of(&terminal);
        set_nonblocking(inside.as_fd()).unwrap();
        let mut relay = relay(terminal, None, shown);
        let mut printed = 0;
        while printed < 1 << 20 {
            match inside.write(&[b'x'; 1000]) {
                Ok(length) => printed += length,
                Err(error) => assert!(waits(&error)),
            }
            turn(&mut relay);
        }
        assert!(relay.output.is_none());
    }

    #[test]
    fn last_words_can_be_cut_off_and_have_an_end() {
        let (_screen, shown) = pipe().unwrap();
        let terminal = terminal::open().unwrap();
        let mut inside = end_of(&terminal);
        let mut relay = relay(terminal, None, shown);
        relay.outward.put(b'x');
        let (signal, mut sender) = pipe().unwrap();
        sender.write_all(b"now").unwrap();
        inside.write_all(b"never shown").unwrap();
        relay.finish(signal.as_fd()).unwrap();
    }

    #[test]
    fn the_end_of_the_callers_terminal_is_that_of_the_commands() {
        let callers = terminal::open().unwrap();
        let input = end_of(&callers);
        let (_screen, shown) = pipe().unwrap();
        let terminal = terminal::open().unwrap();
        let inside = end_of(&terminal);
        let mut relay = relay(terminal, Some(input), shown);
        drop(callers);
        turn(&mut relay);
        assert!(relay.input.is_none() && relay.terminal.is_none());
        assert_eq!((&inside).read(&mut [0; 8]).unwrap(), 0, "hung up");
        turn(&mut relay);
    }
}
