//! How a client command ends: 0 all went well, 1 something failed, 2 wrong usage.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::client::error::ClientError;
use crate::printable::Printable;

/// Why a command failed, as one line for the user.
pub(super) type Failure = Box<dyn std::error::Error>;

/// The exit code of wrong usage; a script that makes no sense is that.
const WRONG_USAGE: u8 = 2;

/// How long a server's last words are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The exit code of a command that could say what it had to say, and whether all went well. A pipe that
/// nobody reads any more is a quiet end: who ran `| head` has seen what they wanted.
pub(super) fn code(outcome: io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            say(&format_args!("wharf: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Says what is wrong with how the command was called.
pub(super) fn wrong_usage(error: &dyn Display) -> ExitCode {
    say(error);
    ExitCode::from(WRONG_USAGE)
}

/// Says why a command failed.
pub(super) fn failed(error: &dyn Display) -> ExitCode {
    say(error);
    ExitCode::FAILURE
}

/// Ends the program from a thread that is not the main one, which waits for a person.
pub(super) fn leave(error: &dyn Display) {
    say(error);
    std::process::exit(1);
}

/// Says what went wrong with a file.
pub(super) fn say_about(name: &str, error: &ClientError) {
    if error.is_named() {
        say(error);
    } else {
        say(&format_args!("{}: {error}", Printable::text(name)));
    }
}

/// Says what went wrong with each of these. What is true of a whole server is said once, with how many files it cost.
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
            _ => say(&format_args!("{line} {count} files are missing.")),
        }
    }
}

/// A line on stderr. Where that is gone, the exit code still tells.
pub(super) fn say(line: &dyn Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What a server says at its end, on stderr. A reader that has stalled must not keep it.
pub(super) fn last_words(line: String) {
    let (written, seen) = mpsc::channel();
    let writing = thread::Builder::new().spawn(move || {
        let _ = io::stderr().write_all(line.as_bytes());
        let _ = written.send(());
    });
    // Where there is no thread left, and where nobody reads, the exit code still tells.
    if writing.is_ok() {
        let _ = seen.recv_timeout(PATIENCE);
    }
}
