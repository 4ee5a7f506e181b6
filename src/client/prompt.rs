//! The prompt: lines from a person or a pipe, and a handler that does what each says.
//!
//! A person gets a prompt with history and editing; a pipe gets none. Both get the farewell.

use std::fmt::Display;
use std::io::{self, BufRead, Write};

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{CompletionType, Config, Editor, Helper};

/// What is said on leaving.
pub const FAREWELL: &str = "stopping client.";

/// What is said when the server does as `exit` asks.
pub(super) const LEAVING: &str = "The server leaves.";

/// What a person types behind.
const PROMPT: &str = "wharf> ";

/// Whether the prompt goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PromptFlow {
    Continue,
    Stop,
}

/// Does what lines say.
pub(super) trait LineHandler {
    /// Does what one line says.
    fn handle(&mut self, line: &str) -> io::Result<PromptFlow>;

    /// Where its output goes.
    fn out(&mut self) -> &mut dyn Write;
}

/// Asks a person for lines until they leave; `helper` completes what they type. An error is one of the terminal's.
pub(super) fn run_interactive<H: Helper>(
    handler: &mut impl LineHandler,
    server: &dyn Display,
    helper: Option<H>,
) -> io::Result<()> {
    let config = Config::builder().completion_type(CompletionType::List).build();
    let mut editor = Editor::with_history(config, MemHistory::new()).map_err(io_error)?;
    editor.set_helper(helper);
    writeln!(handler.out(), "Talking to {server}. help says what I know.")?;
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                editor.add_history_entry(&line).map_err(io_error)?;
                if handler.handle(&line)? == PromptFlow::Stop {
                    break;
                }
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => return Err(io_error(error)),
        }
    }
    writeln!(handler.out(), "{FAREWELL}")
}

/// Takes lines until they end, or one of them ends it.
pub(super) fn run_piped(handler: &mut impl LineHandler, mut lines: impl BufRead) -> io::Result<()> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        // Bytes that are not UTF-8 become a name that no file has, and the answer says so.
        if handler.handle(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']))? == PromptFlow::Stop
        {
            break;
        }
        handler.out().flush()?;
        line.clear();
    }
    writeln!(handler.out(), "{FAREWELL}")?;
    handler.out().flush()
}

/// What the line editor reports, as an error of the terminal.
fn io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}
