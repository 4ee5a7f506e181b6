//! A program that a test has started.

use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Output};

/// A child process that is killed when its test ends.
pub struct Running(Option<Child>);

/// Taken only by the method that consumes the value.
const THERE: &str = "it is taken only at its end";

impl Running {
    /// Starts a program.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self(Some(command.spawn().expect("it starts")))
    }

    /// Waits for its end; returns its output on the captured pipes, and its exit status.
    pub fn output(mut self) -> Output {
        self.0.take().expect(THERE).wait_with_output().expect("a child")
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        self.0.as_ref().expect(THERE)
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        self.0.as_mut().expect(THERE)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended and been waited for already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
