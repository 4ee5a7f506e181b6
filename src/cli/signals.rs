//! Ctrl-C and SIGTERM become [`Stop`].

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::stop::{Stop, Why};

/// The exit code of a program that a signal ended at once: it did not finish what it had begun.
const FAILED: i32 = 1;

/// The first signal asks to stop; a second one leaves at once.
pub fn become_stop(stop: Stop) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for _ in &mut signals {
            if stop.asked() == Some(Why::Signal) {
                std::process::exit(FAILED);
            }
            stop.ask(Why::Signal);
        }
    })?;
    Ok(())
}
