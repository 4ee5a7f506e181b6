//! Ctrl-C and SIGTERM become [`Stop`].

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::stop::{Stop, Why};

/// The exit code of a program that a signal ended at once: it did not finish what it had begun.
const FAILED: i32 = 1;

/// The first signal asks to stop; a second one leaves at once.
pub fn become_stop(stop: Stop) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            stop.ask(Why::Signal);
        }
        if signals.next().is_some() {
            std::process::exit(FAILED);
        }
    })?;
    Ok(())
}

/// Ctrl-C ends the program at once, with these words on stderr and this exit code; before it goes it does this.
pub fn leave_on_interrupt(words: &'static str, code: i32, before: fn()) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            // Whether anybody still reads it makes no difference now.
            let _ = writeln!(io::stderr(), "\n{words}");
            before();
            std::process::exit(code);
        }
    })?;
    Ok(())
}

/// A write beyond the largest file that this process may have (`ulimit -f`) fails, as one on a full disk does; by
/// default the system would end the program instead.
pub fn outlive_file_limit() -> io::Result<()> {
    let nobody_looks = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, nobody_looks).map(|_| ())
}
