//! A question at the terminal, whose answer is not shown.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::thread;

use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use super::exit::INTERRUPTED;
use crate::client::credentials::SecretText;

/// The longest line that a terminal passes on, in bytes.
const LINE: usize = 4096;

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden<'t> {
    terminal: &'t File,
    usual: Termios,
}

/// Asks for a password at the terminal that the program belongs to. Ctrl-C ends the program.
pub(super) fn ask(question: &str) -> io::Result<SecretText> {
    let open = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let mut terminal = open.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::NXIO.raw_os_error() => io::Error::other("there is no terminal"),
        _ => error,
    })?;
    let mut signals = Signals::new([SIGINT])?;
    let (asking, kept, usual) = (signals.handle(), terminal.try_clone()?, tcgetattr(&terminal)?);
    let watching = thread::Builder::new().spawn(move || {
        if signals.forever().next().is_some() {
            let _ = tcsetattr(&kept, OptionalActions::Now, &usual);
            let _ = (&kept).write_all(b"\n");
            std::process::exit(INTERRUPTED.into());
        }
    })?;
    let typed = read(&mut terminal, question);
    asking.close();
    // A signal that came before is handled first.
    let _ = watching.join();
    typed
}

fn read(terminal: &mut File, question: &str) -> io::Result<SecretText> {
    // This comes before the question, so that an answer that is typed immediately is not shown either.
    let hidden = Hidden::begin(terminal)?;
    let mut terminal = hidden.terminal;
    terminal.write_all(question.as_bytes())?;
    // The terminal edits the line, so one read returns at most one line.
    let mut line = vec![0; LINE];
    let length = terminal.read(&mut line)?;
    if length == 0 {
        return Err(io::Error::other("the input has ended"));
    }
    line.truncate(length);
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    String::from_utf8(line).map(SecretText::new).map_err(|_| io::Error::other("it is not UTF-8"))
}

impl<'t> Hidden<'t> {
    fn begin(terminal: &'t File) -> io::Result<Self> {
        let usual = tcgetattr(terminal)?;
        let mut mode = usual.clone();
        mode.local_modes.remove(LocalModes::ECHO);
        mode.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        // Text that was typed before the question is not an answer.
        tcsetattr(terminal, OptionalActions::Flush, &mode)?;
        Ok(Self { terminal, usual })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.usual);
    }
}
