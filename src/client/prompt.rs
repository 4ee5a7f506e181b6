//! The prompt: reads lines from a terminal or a pipe and passes each to a `LineHandler`.
//!
//! At a terminal, lines can be edited, completed and recalled. The farewell follows the last line in both cases.

use std::fmt::Display;
use std::io::{self, BufRead, Write};

use super::line_editor::{Helper, LineEditor};
use super::typed_line::{self, Typed};

/// Printed at the end.
pub const FAREWELL: &str = "stopping client.";

/// Printed when the server has agreed to shut down.
pub(super) const LEAVING: &str = "the server is shutting down";

/// The prompt of a file server.
const PROMPT: &str = "wharf> ";

/// Whether the prompt reads another line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PromptFlow {
    Continue,
    /// The next line answers this question. Only at a terminal.
    Ask(String),
    Stop,
}

/// Executes the lines of a prompt.
pub(super) trait LineHandler {
    /// Executes one line, without its end.
    fn handle(&mut self, line: &str) -> io::Result<PromptFlow>;

    /// Executes the answer to a question that the handler has asked.
    fn answer(&mut self, _line: &str) -> io::Result<PromptFlow> {
        Ok(PromptFlow::Continue)
    }

    /// Where the prompt itself prints.
    fn out(&mut self) -> &mut dyn Write;

    /// The line that names the commands, for the greeting.
    fn commands(&self) -> &'static str {
        "commands: type help"
    }

    /// Called after the last line, before the farewell.
    fn end(&mut self) {}
}

/// A prompt at a terminal.
pub(super) struct Prompt<H: Helper> {
    editor: LineEditor<H>,
    text: String,
}

impl<H: Helper> Prompt<H> {
    /// A prompt that shows this text; `helper` completes what is typed. Fails if the terminal fails.
    pub(super) fn new(text: String, helper: Option<H>) -> io::Result<Self> {
        Ok(Self { editor: LineEditor::new(helper)?, text })
    }

    /// Prints from another thread, above the line that is being typed.
    pub(super) fn printer(&mut self) -> io::Result<impl FnMut(String) + Send + use<H>> {
        self.editor.printer()
    }

    /// Reads lines until Ctrl-D, or until the handler stops. Ctrl-C is an error of the kind `Interrupted`.
    pub(super) fn run(mut self, handler: &mut impl LineHandler) -> io::Result<()> {
        let mut flow = PromptFlow::Continue;
        let outcome = loop {
            let (text, question) = match &flow {
                PromptFlow::Stop => break Ok(()),
                PromptFlow::Continue => (&self.text, false),
                PromptFlow::Ask(question) => (question, true),
            };
            match self.editor.read(text)? {
                Typed::Line(line) if question => flow = handler.answer(&line)?,
                Typed::Line(line) => flow = handler.handle(&line)?,
                Typed::End => break Ok(()),
                Typed::Interrupt => break Err(io::ErrorKind::Interrupted.into()),
            }
        };
        handler.end();
        writeln!(handler.out(), "{FAREWELL}")?;
        outcome
    }
}

/// Runs the prompt of a file server at a terminal.
pub(super) fn run_interactive<H: Helper>(
    handler: &mut impl LineHandler,
    server: &dyn Display,
    helper: Option<H>,
) -> io::Result<()> {
    let prompt = Prompt::new(PROMPT.to_owned(), helper)?;
    writeln!(handler.out(), "Server: {server}")?;
    let commands = handler.commands();
    writeln!(handler.out(), "{commands}")?;
    prompt.run(handler)
}

/// Reads lines from a pipe or a file until they end or the handler stops.
pub(super) fn run_piped(handler: &mut impl LineHandler, mut lines: impl BufRead) -> io::Result<()> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if handler.handle(&typed_line::text(&line))? == PromptFlow::Stop {
            break;
        }
        handler.out().flush()?;
        line.clear();
    }
    handler.end();
    writeln!(handler.out(), "{FAREWELL}")?;
    handler.out().flush()
}
