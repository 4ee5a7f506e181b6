//! Signals: Ctrl-C and SIGTERM ask for a [`Stop`], and SIGHUP reopens the log.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use super::exit::INTERRUPTED;
use crate::client::line_editor::restore_terminal;
use crate::client::prompt::FAREWELL;
use crate::client::tftp;
use crate::stop::{Stop, StopReason};

/// The exit code after a signal that ended the program at once, with work unfinished.
const FAILED: i32 = 1;

/// SIGTERM announces a stop and asks for it after `drain`; SIGINT, or a second signal, asks at once. A signal after that
/// calls `before` and exits at once. SIGHUP calls `hung_up`, which must not block, as another signal may follow.
pub(super) fn become_stop(
    stop: Stop,
    drain: Duration,
    hung_up: impl Fn() + Send + 'static,
    before: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        // The server may stop for another reason: then the first signal changes nothing, and the second exits.
        let mut is_asked = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                hung_up();
            } else if is_asked || stop.asked() == Some(StopReason::Signal) {
                before();
                std::process::exit(FAILED);
            } else if signal == SIGTERM && !drain.is_zero() && !stop.is_near() {
                log::info!("stopping in {} s", drain.as_secs_f64());
                ask_later(&stop, drain);
            } else {
                is_asked = true;
                stop.ask(StopReason::Signal);
            }
        }
    })?;
    Ok(())
}

/// Announces a stop, and asks for it after this time.
fn ask_later(stop: &Stop, time: Duration) {
    stop.announce();
    let later = stop.clone();
    let asked = thread::Builder::new().name("drain".into()).spawn(move || {
        thread::sleep(time);
        later.ask(StopReason::Signal);
    });
    if let Err(error) = asked {
        log::warn!("cannot start a thread: {error}; stopping now");
        stop.ask(StopReason::Signal);
    }
}

/// On Ctrl-C, prints `words` on stderr, calls `before`, and exits.
pub(super) fn leave_on_interrupt(words: &'static str, before: fn()) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            // If the output is closed, nothing more can be done.
            let _ = writeln!(io::stderr(), "\n{words}");
            before();
            std::process::exit(INTERRUPTED.into());
        }
    })?;
    Ok(())
}

/// On Ctrl-C, prints the farewell and exits: during a transfer, or with a pipe as input. At the prompt, the line editor
/// handles Ctrl-C itself. `hint` may add how to continue.
pub(super) fn say_farewell_on_interrupt(
    hint: impl Fn() -> Option<&'static str> + Send + 'static,
) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            restore_terminal();
            // If the output is closed, nothing more can be done.
            let _ = writeln!(io::stdout(), "\n{FAREWELL}");
            let _ = hint().map(|hint| writeln!(io::stderr(), "{hint}"));
            tftp::open_transfer::abort_all();
            std::process::exit(INTERRUPTED.into());
        }
    });
    Ok(())
}

/// Makes a write beyond the file size limit (`ulimit -f`) fail, as on a full disk. By default the system kills the process.
pub(super) fn outlive_file_limit() -> io::Result<()> {
    let nobody_looks = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, nobody_looks).map(|_| ())
}
