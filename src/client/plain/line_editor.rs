//! The prompt at a terminal in a build without the feature `terminal`: only the terminal itself edits lines.

use std::io::{self, Write as _};
use std::marker::PhantomData;

use crate::client::typed_line::{self, Typed};

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

    /// Prints from another thread, after what is being typed. If the terminal is gone, the prompt ends too, so its
    /// errors are not reported here.
    pub fn printer(&mut self) -> io::Result<impl FnMut(String) + Send + use<H>> {
        Ok(|text: String| {
            let mut out = io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        })
    }

    /// The next line, or why there is none.
    pub fn read(&mut self, prompt: &str) -> io::Result<Typed> {
        typed_line::read(prompt)
    }
}

/// The terminal is always in its own mode.
pub fn restore_terminal() {}
