//! Ctrl-C and SIGTERM become [`Stop`]; SIGHUP, the order to open the log again.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::stop::{Stop, StopReason};

/// The exit code of a program that a signal ended at once: it did not finish what it had begun.
const FAILED: i32 = 1;

/// The first signal asks to stop; a second one leaves at once, after `before`. SIGHUP calls `hung_up`, which must not
/// block: another signal may come.
pub fn become_stop(
    stop: Stop,
    hung_up: impl Fn() + Send + 'static,
    before: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut is_asked = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                hung_up();
            } else if is_asked {
                before();
                std::process::exit(FAILED);
            } else {
                is_asked = true;
                stop.ask(StopReason::Signal);
            }
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
