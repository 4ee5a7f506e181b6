//! The line editor of a prompt at a terminal: history, editing and completion, by rustyline.

use std::io;

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter as _};

pub use rustyline::Helper;

/// Reads lines from a terminal.
pub struct LineEditor<H: Helper>(Editor<H, MemHistory>);

impl<H: Helper> LineEditor<H> {
    /// `helper` completes what is typed. Fails if the terminal fails.
    pub fn new(helper: Option<H>) -> io::Result<Self> {
        let config = Config::builder().completion_type(CompletionType::List).build();
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(io_error)?;
        editor.set_helper(helper);
        Ok(Self(editor))
    }

    /// Prints from another thread, above the line that is being typed. A terminal that is gone ends the prompt too, so its
    /// errors are not reported here.
    pub fn printer(&mut self) -> io::Result<impl FnMut(String) + Send + use<H>> {
        let mut printer = self.0.create_external_printer().map_err(io_error)?;
        Ok(move |text| {
            let _ = printer.print(text);
        })
    }

    /// The next line, without its end; `None` after Ctrl-C and Ctrl-D.
    pub fn read(&mut self, prompt: &str) -> io::Result<Option<String>> {
        match self.0.readline(prompt) {
            Ok(line) => {
                self.0.add_history_entry(&line).map_err(io_error)?;
                Ok(Some(line))
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
            Err(error) => Err(io_error(error)),
        }
    }
}

/// What the line editor reports, as an error of the terminal.
fn io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}
