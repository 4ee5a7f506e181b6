//! Progress in a build without the feature `terminal`: no bars, only the lines that stay.

use std::fmt::Display;
use std::io::{self, Write};
use std::marker::PhantomData;

use crate::client::transfer::TransferProgress;

/// Lines, until the next tick writes them.
#[derive(Default)]
pub struct Bars<'b> {
    lines: Vec<String>,
    progress: PhantomData<&'b TransferProgress>,
}

impl<'b> Bars<'b> {
    /// The arguments are not used, as there are no bars.
    pub fn new(_: &'b TransferProgress, _: usize, _: Option<u64>) -> Self {
        Self::default()
    }

    /// Nothing counts the files.
    pub fn ended(&mut self, _: u64) {}

    /// Nothing is in the way of other output.
    pub fn aside(&self, write: impl FnOnce()) {
        write();
    }

    /// Keeps a line.
    pub fn line(&mut self, line: &dyn Display) {
        self.lines.push(line.to_string());
    }

    /// Writes the lines.
    pub fn tick(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.lines.drain(..).try_for_each(|line| writeln!(out, "{line}"))
    }

    /// Writes what is left.
    pub fn end(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.tick(out)
    }
}
