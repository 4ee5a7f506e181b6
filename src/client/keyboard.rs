//! The keyboard of the line editor: passes on what is typed, in a form that the editor can read.
//!
//! The editor reads blocks of 1 KiB, loses what follows the end of a line in a block, and fails at a byte that is not
//! UTF-8. So it reads from a pseudo-terminal, which takes the place of stdin. While a line is read, a thread feeds it with
//! valid UTF-8, and with nothing after the end of the line.

use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// What terminals send before and after pasted text.
const PASTE: (&[u8], &[u8]) = (b"\x1b[200~", b"\x1b[201~");

/// Ctrl-C and Ctrl-Z.
const INTERRUPT: u8 = 3;
const SUSPEND: u8 = 26;

/// Makes the editor draw its line again: Home, two spaces, Home, Delete, Delete, End.
const REDRAW: &[u8] = b"\x01  \x01\x1b[3~\x1b[3~\x05";

/// The maximum number of bytes that are passed on at once: fewer than a pseudo-terminal holds.
const MOST: usize = 512;

/// How long to wait for the editor to return after Enter. It does not return if Enter answered a question of the editor
/// itself.
const RETURN: Duration = Duration::from_millis(250);

/// How long the program may take to stop after Ctrl-Z.
const STOP: Duration = Duration::from_millis(100);

/// The terminal's usual mode, which is restored after the editor has changed it.
static USUAL: Mutex<Option<Termios>> = Mutex::new(None);

/// The terminal, and the pseudo-terminal that has replaced it as stdin.
#[derive(Debug)]
pub(super) struct Keyboard {
    terminal: File,
    /// The editor reads what is written here.
    feed: File,
    typed: TypedBytes,
}

/// Bytes that were typed and not passed on yet.
#[derive(Debug, Default)]
struct TypedBytes {
    bytes: Vec<u8>,
    is_pasted: bool,
}

/// What to pass on next.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// More of a line.
    Text(Vec<u8>),
    /// The end of a line: the editor will probably return.
    Last(Vec<u8>),
    /// Ctrl-Z.
    Suspend,
}

impl Keyboard {
    /// Replaces stdin, a terminal. Fails if the system has no pseudo-terminals.
    pub(super) fn replace_stdin() -> io::Result<Self> {
        let terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        tcgetattr(&terminal)?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let feed = openpt(flags)?;
        grantpt(&feed)?;
        unlockpt(&feed)?;
        let editors: OwnedFd = ioctl_tiocgptpeer(&feed, flags)?;
        let mut mode = tcgetattr(&editors)?;
        make_raw(&mut mode);
        tcsetattr(&editors, OptionalActions::Now, &mode)?;
        rustix::stdio::dup2_stdin(&editors)?;
        Ok(Self { terminal, feed: File::from(feed), typed: TypedBytes::default() })
    }

    /// Passes on what is typed while `read` runs.
    pub(super) fn during<T>(&mut self, read: impl FnOnce() -> T) -> io::Result<T> {
        let usual = tcgetattr(&self.terminal)?;
        *USUAL.lock().unwrap_or_else(PoisonError::into_inner) = Some(usual.clone());
        enter_raw(&self.terminal)?;
        let (over, returned) = io::pipe()?;
        let done = thread::scope(|scope| {
            let feeding = thread::Builder::new().name("keyboard".into()).spawn_scoped(scope, || {
                if self.feed(&over).is_err() {
                    // The terminal is gone.
                    let _ = self.feed.write_all(&[INTERRUPT]);
                }
            });
            let done = feeding.map(|_| read());
            drop(returned);
            done
        });
        restore_terminal();
        done
    }

    /// Passes on what is typed until `over` is closed.
    fn feed(&mut self, over: &PipeReader) -> io::Result<()> {
        loop {
            while let Some(piece) = self.typed.next() {
                match piece {
                    Piece::Text(bytes) => self.feed.write_all(&bytes)?,
                    Piece::Last(bytes) => {
                        self.feed.write_all(&bytes)?;
                        if has_returned(over)? {
                            return Ok(());
                        }
                    }
                    Piece::Suspend => self.suspend()?,
                }
                if is_closed(over, Duration::ZERO)? {
                    return Ok(());
                }
            }
            let mut ready = [PollFd::new(&self.terminal, PollFlags::IN), PollFd::new(over, PollFlags::IN)];
            match poll(&mut ready, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            if !ready[1].revents().is_empty() {
                return Ok(());
            }
            self.typed.read_from(&mut self.terminal)?;
        }
    }

    /// Stops the program, until the shell continues it.
    fn suspend(&mut self) -> io::Result<()> {
        restore_terminal();
        kill_process(getpid(), Signal::TSTP)?;
        // The signal stops this thread too, but not at once.
        thread::sleep(STOP);
        enter_raw(&self.terminal)?;
        self.feed.write_all(REDRAW)
    }
}

/// Gives stdin back to the terminal.
impl Drop for Keyboard {
    fn drop(&mut self) {
        restore_terminal();
        let _ = rustix::stdio::dup2_stdin(&self.terminal);
    }
}

impl TypedBytes {
    /// Reads what has been typed. An error at the end: the terminal is gone.
    fn read_from(&mut self, terminal: &mut File) -> io::Result<()> {
        let mut block = [0; 4096];
        match terminal.read(&mut block) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.bytes.extend(block.iter().take(count));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next piece; `None` if the next character is not complete yet.
    fn next(&mut self) -> Option<Piece> {
        let (mut text, mut used) = (Vec::new(), 0);
        let mut is_last = false;
        while !is_last && text.len() < MOST {
            let rest = self.bytes.get(used..).unwrap_or_default();
            let Some(&first) = rest.first() else { break };
            if first == SUSPEND && !self.is_pasted {
                if text.is_empty() {
                    self.bytes.drain(..=used);
                    return Some(Piece::Suspend);
                }
                break;
            }
            match character(rest) {
                Character::Valid(length) => {
                    text.extend(rest.iter().take(length));
                    used += length;
                }
                Character::Invalid(length) => {
                    text.extend("\u{fffd}".bytes());
                    used += length;
                }
                Character::Incomplete => break,
            }
            self.is_pasted = if self.is_pasted { !text.ends_with(PASTE.1) } else { text.ends_with(PASTE.0) };
            is_last = !self.is_pasted && matches!(first, b'\r' | b'\n');
        }
        self.bytes.drain(..used);
        match (text.is_empty(), is_last) {
            (true, _) => None,
            (false, false) => Some(Piece::Text(text)),
            (false, true) => Some(Piece::Last(text)),
        }
    }
}

/// The first character of some bytes, by its length.
enum Character {
    Valid(usize),
    Invalid(usize),
    Incomplete,
}

fn character(bytes: &[u8]) -> Character {
    // The longest character has four bytes.
    let start = bytes.get(..4).unwrap_or(bytes);
    match start.utf8_chunks().next() {
        Some(chunk) if !chunk.valid().is_empty() => {
            Character::Valid(chunk.valid().chars().next().map_or(1, char::len_utf8))
        }
        Some(chunk) => match str::from_utf8(start).err().and_then(|error| error.error_len()) {
            None => Character::Incomplete,
            Some(_) => Character::Invalid(chunk.invalid().len()),
        },
        None => Character::Incomplete,
    }
}

/// Whether the editor has read the end of a line and returned. If not, the editor has read all its input, and will find
/// later input in the next block.
fn has_returned(over: &PipeReader) -> io::Result<bool> {
    loop {
        if is_closed(over, RETURN)? {
            return Ok(true);
        }
        if rustix::io::ioctl_fionread(io::stdin())? == 0 {
            return Ok(false);
        }
    }
}

/// Whether the other end of the pipe is closed, or is closed within this time.
fn is_closed(pipe: &PipeReader, within: Duration) -> io::Result<bool> {
    let limit = within.try_into().map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&limit)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Lets each byte through as it is typed. What is printed is still formatted by the terminal.
fn make_raw(mode: &mut Termios) {
    mode.input_modes -= InputModes::BRKINT
        | InputModes::ICRNL
        | InputModes::INLCR
        | InputModes::IGNCR
        | InputModes::INPCK
        | InputModes::ISTRIP
        | InputModes::IXON;
    mode.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG;
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
}

fn enter_raw(terminal: &File) -> io::Result<()> {
    let mut mode = tcgetattr(terminal)?;
    make_raw(&mut mode);
    Ok(tcsetattr(terminal, OptionalActions::Drain, &mode)?)
}

/// Gives the terminal its usual mode back, before the program ends or is suspended.
pub(super) fn restore_terminal() {
    let usual = USUAL.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(usual) = usual {
        // Stdout is the same terminal. One that is gone needs no mode.
        let _ = tcsetattr(io::stdout(), OptionalActions::Drain, &usual);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(typed: &mut TypedBytes, bytes: &[u8]) -> Vec<Piece> {
        typed.bytes.extend(bytes);
        std::iter::from_fn(|| typed.next()).collect()
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn last(text: &str) -> Piece {
        Piece::Last(text.into())
    }

    #[test]
    fn each_line_is_a_piece() {
        let typed = &mut TypedBytes::default();
        assert_eq!(pieces(typed, b"one\rtwo\nth"), [last("one\r"), last("two\n"), text("th")]);
        assert_eq!(pieces(typed, b"ree\x03\x04"), [text("ree\x03\x04")]);
        assert_eq!(pieces(typed, b"a\x1ab"), [text("a"), Piece::Suspend, text("b")]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let typed = &mut TypedBytes::default();
        assert_eq!(pieces(typed, b"caf\xe9"), [text("caf")]);
        assert_eq!(pieces(typed, b"\r"), [last("\u{fffd}\r")]);
        assert_eq!(pieces(typed, b"\xff\xfe\xc3\xa9"), [text("\u{fffd}\u{fffd}\u{e9}")]);
        assert_eq!(pieces(typed, b"\xf0\x9f\x98"), []);
        assert_eq!(pieces(typed, b"\x80"), [text("\u{1f600}")]);
    }

    #[test]
    fn pasted_text_is_one_piece_with_its_lines() {
        let typed = &mut TypedBytes::default();
        assert_eq!(
            pieces(typed, b"\x1b[200~a\rb\x03\x1a\n\x1b[201~\rc"),
            [last("\x1b[200~a\rb\x03\x1a\n\x1b[201~\r"), text("c")]
        );
    }

    #[test]
    fn a_long_paste_comes_in_several_pieces() {
        let typed = &mut TypedBytes::default();
        let long = [PASTE.0, "é\r".repeat(2000).as_bytes(), PASTE.1, b"\r"].concat();
        let pieces = pieces(typed, &long);
        let is_end = |piece: &Piece| matches!(piece, Piece::Last(_));
        assert_eq!(pieces.iter().position(is_end), Some(pieces.len() - 1));
        let bytes: Vec<u8> = pieces
            .into_iter()
            .flat_map(|piece| match piece {
                Piece::Text(bytes) | Piece::Last(bytes) => bytes,
                Piece::Suspend => Vec::new(),
            })
            .collect();
        assert_eq!(bytes, long);
    }
}
