//! Where the log goes.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, SystemTime};

use env_logger::{Builder, Env};
use log::{Level, Log, Metadata, Record};

use super::log_line::{LogLine, with_line};
use super::private::PrivateFile;
use crate::printable::Printable;
use crate::sink::{LineSink, Notices};

/// How long a panic waits for its line to be written: the program may be about to abort, and the reader of the log may
/// have stalled.
const PANIC_WAIT: Duration = Duration::from_millis(100);

const NOTICES: Notices = Notices {
    name: "log",
    missing: |count| {
        let message = format_args!(
            "{count} log lines are missing here: they arrived faster than they could be written"
        );
        LogLine::new().format(SystemTime::now(), Level::Warn, message).to_owned()
    },
    recovered: |_| {},
    failed: |error| log::warn!("cannot write the log: {error}"),
    reopened: |outcome| match outcome {
        Ok(()) => log::info!("reopened the log file"),
        Err(error) => log::error!("cannot reopen the log file, the old one stays in use: {error}"),
    },
};

/// How much is logged without `RUST_LOG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// Every request and every major action, but not to a terminal.
    Default,
    /// Every request and every major action.
    Verbose,
}

/// Begins to log: to the end of this file, or else to stderr. `RUST_LOG` sets what is logged, or else `verbosity`.
pub(super) fn begin(file: Option<&PrivateFile>, verbosity: Verbosity) -> io::Result<LineSink> {
    let opened = file.map(PrivateFile::append).transpose()?;
    let sink = match (file.cloned(), &opened) {
        (Some(file), Some(opened)) => {
            let reopen = move || file.append_again();
            LineSink::new(opened.try_clone()?, Some(Box::new(reopen)), NOTICES)?
        }
        _ => LineSink::to(&io::stderr(), NOTICES)?,
    };
    let is_terse = match verbosity {
        Verbosity::Quiet => true,
        Verbosity::Default => opened.is_none() && io::stderr().is_terminal(),
        Verbosity::Verbose => false,
    };
    let default = if is_terse { "warn" } else { "info" };
    let filter = Builder::from_env(Env::default().default_filter_or(default)).build();
    log::set_max_level(filter.filter());
    log::set_boxed_logger(Box::new(Logger { filter, sink: sink.clone() })).map_err(io::Error::other)?;
    // A panic ends one connection and is logged as one line, without a backtrace on the terminal.
    let log = sink.clone();
    std::panic::set_hook(Box::new(move |panic| {
        log::error!("a bug in wharf, please report it: {}", Printable::text(&panic.to_string()));
        log.flush(PANIC_WAIT);
    }));
    // A problem with its mode can be logged only now.
    if let (Some(file), Some(opened)) = (file, opened) {
        file.protect(&opened);
    }
    Ok(sink)
}

/// Formats each line that `RUST_LOG` lets through, and hands it to the sink in one piece.
struct Logger {
    filter: env_logger::Logger,
    sink: LineSink,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.filter.matches(record) {
            with_line(record.level(), *record.args(), |line| match record.level() {
                Level::Error | Level::Warn => self.sink.push_urgent(line.as_bytes()),
                Level::Info | Level::Debug | Level::Trace => self.sink.push(line.as_bytes()),
            });
        }
    }

    /// Logging never waits: callers that need the line to be written flush the sink.
    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{PipeReader, Read as _};
    use std::os::fd::OwnedFd;

    fn logger(filter: &str) -> (Logger, PipeReader) {
        let (reader, writer) = io::pipe().expect("a pipe");
        let pause = Duration::from_secs(60 * 60);
        let sink = LineSink::with_pause(File::from(OwnedFd::from(writer)), None, NOTICES, pause);
        let sink = sink.expect("a sink");
        (Logger { filter: Builder::new().parse_filters(filter).build(), sink }, reader)
    }

    fn log(logger: &Logger, level: Level, target: &str, message: &str) {
        logger.log(&Record::builder().level(level).target(target).args(format_args!("{message}")).build());
    }

    /// Reads lines up to this one, and removes their times.
    fn read_until(reader: &mut PipeReader, last: &str) -> Vec<String> {
        let mut text = String::new();
        while !text.ends_with(&format!("{last}\n")) {
            let mut bytes = [0; 4096];
            let count = reader.read(&mut bytes).expect("lines");
            text += str::from_utf8(&bytes[..count]).expect("text");
        }
        text.lines().map(|line| line["2026-11-29T08:50:26.123Z ".len()..].to_owned()).collect()
    }

    #[test]
    fn a_filter_by_target_level_and_text_is_kept() {
        let (logger, mut reader) = logger("info,wharf::access=off/a");
        log(&logger, Level::Info, "wharf::access", "a request");
        log(&logger, Level::Debug, "wharf::server", "a detail");
        log(&logger, Level::Info, "wharf::server", "something else");
        log(&logger, Level::Info, "wharf::server", "a last line");
        assert_eq!(read_until(&mut reader, "a last line"), ["INFO  a last line"]);
    }

    #[test]
    fn a_warning_is_written_at_once_with_the_lines_before_it() {
        for (level, name) in [(Level::Warn, "WARN "), (Level::Error, "ERROR")] {
            let (logger, mut reader) = logger("info");
            log(&logger, Level::Info, "a", "first");
            read_until(&mut reader, "first");
            log(&logger, Level::Info, "a", "second");
            log(&logger, level, "a", "third");
            // Lines that are not urgent are collected for an hour here.
            let lines = read_until(&mut reader, "third");
            assert_eq!(lines, ["INFO  second".to_owned(), format!("{name} third")]);
        }
    }
}
