//! The line editor of a prompt at a terminal: history, editing and completion, by rustyline.

use std::collections::VecDeque;
use std::io::{self, Write as _};

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter as _};

pub use rustyline::Helper;

use super::keyboard::{self, Keyboard};
use super::typed_line::{self, Typed};

/// Terminals on which rustyline does not support editing.
const DUMB: [&str; 3] = ["dumb", "cons25", "emacs"];

/// Reads lines from a terminal.
pub struct LineEditor<H: Helper> {
    editor: Editor<H, MemHistory>,
    /// `None` at a terminal that edits its lines itself.
    keyboard: Option<Keyboard>,
    /// Lines that were pasted together and not returned yet.
    pasted: VecDeque<String>,
}

impl<H: Helper> LineEditor<H> {
    /// `helper` completes what is typed. Fails if the terminal fails.
    pub fn new(helper: Option<H>) -> io::Result<Self> {
        let config = Config::builder().completion_type(CompletionType::List).build();
        let is_dumb =
            std::env::var("TERM").is_ok_and(|term| DUMB.iter().any(|dumb| term.eq_ignore_ascii_case(dumb)));
        let keyboard = if is_dumb { None } else { Keyboard::replace_stdin().ok() };
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(io_error)?;
        editor.set_helper(helper);
        Ok(Self { editor, keyboard, pasted: VecDeque::new() })
    }

    /// Prints from another thread, above the line that is being typed. If the terminal is gone, the prompt ends too, so
    /// its errors are not reported here.
    pub fn printer(&mut self) -> io::Result<impl FnMut(String) + Send + use<H>> {
        let mut printer = match self.keyboard {
            Some(_) => Some(self.editor.create_external_printer().map_err(io_error)?),
            None => None,
        };
        Ok(move |text: String| {
            let _ = match &mut printer {
                Some(printer) => printer.print(text).map_err(io_error),
                None => io::stdout().lock().write_all(text.as_bytes()),
            };
        })
    }

    /// The next line, or why there is none.
    pub fn read(&mut self, prompt: &str) -> io::Result<Typed> {
        if let Some(line) = self.pasted.pop_front() {
            return Ok(Typed::Line(line));
        }
        let Some(keyboard) = &mut self.keyboard else { return typed_line::read(prompt) };
        match keyboard.during(|| self.editor.readline(prompt))? {
            Ok(typed) => {
                for line in typed.split('\n') {
                    self.editor.add_history_entry(line).map_err(io_error)?;
                    self.pasted.push_back(typed_line::text(line.as_bytes()));
                }
                Ok(Typed::Line(self.pasted.pop_front().unwrap_or_default()))
            }
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupt),
            Err(error) => Err(io_error(error)),
        }
    }
}

/// Gives the terminal its usual mode back, before the program exits in the middle of a line.
pub fn restore_terminal() {
    keyboard::restore_terminal();
}

/// An error of the line editor, as an error of the terminal.
fn io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}
