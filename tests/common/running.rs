//! A program that a test has started.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command, Output};

use super::eventually;

/// A child process that is killed when its test ends.
pub struct Running(Option<Child>);

/// Taken only by the method that consumes the value.
const THERE: &str = "it is taken only at its end";

impl Running {
    /// The CPU time that it has used, in ticks of the kernel (hundredths of a second).
    pub fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
        let behind_the_name = stat.rsplit_once(')').expect("a name").1;
        let number = |word: &str| word.parse::<u64>().expect("a number");
        behind_the_name.split_whitespace().skip(11).take(2).map(number).sum()
    }

    /// Waits until it is idle: each of its threads sleeps and it uses no CPU time. Everything that has
    /// arrived at its sockets has been handled by then.
    pub fn comes_to_rest(&self) {
        eventually("the server is idle", || {
            // CPU time is measured over a period; a tick is 10 ms.
            let before = self.processor_ticks();
            std::thread::sleep(std::time::Duration::from_millis(300));
            self.processor_ticks() - before <= 2 && self.sleeps()
        });
    }

    /// Whether none of its threads is running or runnable.
    fn sleeps(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        // A thread may have ended since it was listed.
        let states =
            threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
        states.into_iter().all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S')))
    }

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
