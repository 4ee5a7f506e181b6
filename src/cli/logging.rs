//! Where the log goes, and how a line of it looks.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use env_logger::{Builder, Env, Target};
use log::Level;

use super::private::PrivateFile;
use crate::printable::Printable;
use crate::sink::{Notices, Sink};

/// How long a panic waits for its line to be written: the program may be about to abort, and the reader of the log may
/// have stalled.
const PANIC_WAIT: Duration = Duration::from_millis(100);

const NOTICES: Notices = Notices {
    name: "log",
    missing: |count| {
        let message =
            format_args!("{count} log lines are missing here: they came faster than they could be written");
        format!("{}\n", Line(Level::Warn, &message))
    },
    recovered: |_| {},
    failed: |error| log::warn!("cannot write the log: {error}"),
    reopened: |outcome| match outcome {
        Ok(()) => log::info!("opened the log file again"),
        Err(error) => log::error!("cannot open the log file again, the old one stays in use: {error}"),
    },
};

/// Begins to log: to the end of this file, or else to stderr. `RUST_LOG` sets what is logged; every request
/// and every major action, if it does not.
pub fn begin(file: Option<&PrivateFile>) -> io::Result<Sink> {
    let opened = file.map(PrivateFile::append).transpose()?;
    let sink = match (file.cloned(), &opened) {
        (Some(file), Some(opened)) => {
            let reopen = move || file.append_again();
            Sink::new(opened.try_clone()?, Some(Box::new(reopen)), NOTICES)?
        }
        _ => Sink::to(&io::stderr(), NOTICES)?,
    };
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    builder.target(Target::Pipe(Box::new(sink.clone())));
    builder.format(|out, record| writeln!(out, "{}", Line(record.level(), record.args())));
    builder.init();
    // A panic costs one connection and is a line in the log, not a backtrace on somebody's terminal.
    let log = sink.clone();
    std::panic::set_hook(Box::new(move |panic| {
        log::error!("a bug in wharf, please report it: {}", Printable::text(&panic.to_string()));
        log.flush(PANIC_WAIT);
    }));
    // What is wrong with its mode can be logged only now.
    if let (Some(file), Some(opened)) = (file, opened) {
        file.protect(&opened);
    }
    Ok(sink)
}

/// A line of the log without its end.
struct Line<'a>(Level, &'a dyn Display);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:<5} {}", humantime::format_rfc3339_millis(SystemTime::now()), self.0, self.1)
    }
}
