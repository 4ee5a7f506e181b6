//! The format of a log line: `2026-11-29T08:50:26.123Z INFO  serving www`.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::Level;

/// A buffer that has grown beyond this, for a long message, is freed.
const KEPT: usize = 1024;

/// A line, in a buffer that is reused.
pub(super) struct LogLine {
    text: String,
    /// The second of the latest line, counted from 1970.
    second: u64,
    /// That second as text, without a fraction.
    stamp: String,
}

thread_local! {
    static LINE: RefCell<LogLine> = const { RefCell::new(LogLine::new()) };
}

/// Formats a line with the current time, in a buffer of the current thread.
pub(super) fn with_line(level: Level, message: fmt::Arguments<'_>, then: impl Fn(&str)) {
    let format = |line: &mut LogLine| {
        then(line.format(SystemTime::now(), level, message));
        if line.text.capacity() > KEPT {
            line.text = String::new();
        }
    };
    let is_done = LINE.try_with(|line| line.try_borrow_mut().map(|mut line| format(&mut line)));
    // The buffer does not exist while the thread ends, and is in use if formatting a message logs another message.
    if !matches!(is_done, Ok(Ok(()))) {
        format(&mut LogLine::new());
    }
}

impl LogLine {
    /// An empty line.
    pub(super) const fn new() -> Self {
        Self { text: String::new(), second: u64::MAX, stamp: String::new() }
    }

    /// The line, with its line feed.
    pub(super) fn format(&mut self, now: SystemTime, level: Level, message: fmt::Arguments<'_>) -> &str {
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.set_second(since_epoch.as_secs());
        let text = &mut self.text;
        text.clear();
        text.push_str(&self.stamp);
        text.push('.');
        for unit in [100, 10, 1] {
            text.push(char::from(b'0' + (since_epoch.subsec_millis() / unit % 10) as u8));
        }
        text.push_str(match level {
            Level::Error => "Z ERROR ",
            Level::Warn => "Z WARN  ",
            Level::Info => "Z INFO  ",
            Level::Debug => "Z DEBUG ",
            Level::Trace => "Z TRACE ",
        });
        // Writing to a String cannot fail.
        let _ = text.write_fmt(message);
        text.push('\n');
        text
    }

    fn set_second(&mut self, second: u64) {
        if self.second != second {
            self.second = second;
            self.stamp.clear();
            // Fails only after the year 9999.
            let time = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(second));
            let _ = write!(self.stamp, "{time}");
            self.stamp.truncate(self.stamp.trim_end_matches('Z').len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_std_fmt_and_humantime_format_it() {
        let mut line = LogLine::new();
        for millis in [0, 1, 999, 1_000, 1_001, 1_795_942_226_123, 1_795_942_226_129, 0, 951_782_400_010] {
            for level in Level::iter() {
                let now = UNIX_EPOCH + Duration::from_millis(millis) + Duration::from_micros(999);
                let expected = format!("{} {level:<5} a 1\n", humantime::format_rfc3339_millis(now));
                assert_eq!(line.format(now, level, format_args!("a {}", 1)), expected);
            }
        }
    }

    #[test]
    fn a_message_may_log_another_while_it_is_formatted() {
        struct Logs;
        impl fmt::Display for Logs {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                with_line(Level::Info, format_args!("inner"), |line| assert!(line.ends_with("inner\n")));
                f.write_str("outer")
            }
        }
        with_line(Level::Info, format_args!("{Logs}"), |line| assert!(line.ends_with("INFO  outer\n")));
    }
}
