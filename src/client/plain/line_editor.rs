//! The prompt at a terminal in a build without the feature `terminal`: lines as the terminal itself lets them be edited.

use std::io::{self, Write as _};
use std::marker::PhantomData;

/// Completes nothing.
pub trait Helper {}

impl Helper for () {}

/// Reads lines from stdin.
pub struct LineEditor<H: Helper>(PhantomData<H>);

impl<H: Helper> LineEditor<H> {
    /// The helper is not used.
    pub fn new(_: Option<H>) -> io::Result<Self> {
        Ok(Self(PhantomData))
    }

    /// Prints from another thread, after what is being typed. A terminal that is gone ends the prompt too, so its errors are
    /// not reported here.
    pub fn printer(&mut self) -> io::Result<impl FnMut(String) + Send + use<H>> {
        Ok(|text: String| {
            let mut out = io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        })
    }

    /// The next line, without its end; `None` after the last one.
    pub fn read(&mut self, prompt: &str) -> io::Result<Option<String>> {
        let mut out = io::stdout();
        out.write_all(prompt.as_bytes())?;
        out.flush()?;
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            // Ctrl-D leaves the cursor after the prompt.
            writeln!(out)?;
            return Ok(None);
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(Some(line))
    }
}
