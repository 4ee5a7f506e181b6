//! Exit codes and last messages of the commands: 0 success, 1 failure, 2 wrong usage, 130 Ctrl-C.

use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::client::error::ClientError;
use crate::client::line_editor::restore_terminal;
use crate::printable::Printable;

/// Why a command failed, as one line for the user.
pub(super) type Failure = Box<dyn std::error::Error>;

/// The exit code of wrong usage, which includes an invalid script.
const WRONG_USAGE: u8 = 2;

/// The exit code after Ctrl-C, by the convention of shells: 128 plus the signal's number.
pub(super) const INTERRUPTED: u8 = 130;

/// How long the last message of a server may take to write.
const PATIENCE: Duration = Duration::from_secs(1);

/// A command was called in a way that it refuses.
#[derive(Debug)]
pub(super) struct WrongUsage(pub String);

/// Prints why a command failed, without waiting for a reader that has stalled.
pub(super) fn end(error: &Failure) -> ExitCode {
    last_words(format!("wharf: {error}\n"));
    if error.is::<WrongUsage>() { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
}

/// The exit code of a command: whether all succeeded, or an error of its output. A closed pipe is a silent success: `| head`
/// has printed what it wanted.
pub(super) fn code(outcome: io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::Interrupted => ExitCode::from(INTERRUPTED),
        Err(error) => {
            say(&format_args!("wharf: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a usage error.
pub(super) fn wrong_usage(error: &dyn Display) -> ExitCode {
    say(error);
    ExitCode::from(WRONG_USAGE)
}

/// Prints why a command failed.
pub(super) fn failed(error: &dyn Display) -> ExitCode {
    say(error);
    ExitCode::FAILURE
}

/// Prints an error and exits, from a thread other than the main one, which waits for input.
pub(super) fn leave(error: &dyn Display) {
    restore_terminal();
    say(error);
    std::process::exit(1);
}

/// Prints the error of a file.
pub(super) fn say_about(name: &str, error: &ClientError) {
    if error.is_named() {
        say(error);
    } else {
        say(&format_args!("{}: {error}", Printable::text(name)));
    }
}

/// Prints the errors of files. An error that concerns a whole server is printed once, with the number of files.
pub(super) fn say_all(failures: &[(String, ClientError)]) {
    let mut said: Vec<(String, usize)> = Vec::new();
    for (name, error) in failures {
        if !error.is_servers() {
            say_about(name, error);
            continue;
        }
        let line = error.to_string();
        match said.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => said.push((line, 1)),
        }
    }
    for (line, count) in said {
        match count {
            1 => say(&line),
            _ => say(&format_args!("{line} ({count} files are missing)")),
        }
    }
}

/// Prints a line on stderr. If stderr is closed, the exit code still reports the failure.
pub(super) fn say(line: &dyn Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

impl Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

fn last_words(line: String) {
    let (written, seen) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = written.send(());
    });
    // Without a thread or a reader, the exit code still reports the failure.
    if writing.is_ok() {
        let _ = seen.recv_timeout(PATIENCE);
    }
}
