//! Progress bars on a terminal: one for each file in transfer, as many as fit, and one for the total.
//!
//! The bars are drawn at most ten times a second, from the counters of `progress`, so the workers never wait for the
//! terminal. Printed lines are kept until the next drawing, and appear above the bars.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::tcgetwinsize;

use super::transfer::progress::{Running, TransferProgress};
use crate::format::Bytes;

/// The interval between two drawings.
const PERIOD: Duration = Duration::from_millis(100);

/// The width from which a line holds everything, in columns.
const WIDE: u16 = 64;

/// The size of a terminal that does not report it, in lines and columns.
const SMALLEST: (u16, u16) = (24, 80);

/// Lines not used by bars of files: the total, and the shell's prompt.
const OTHER_LINES: u16 = 2;

/// The characters of a bar: done, current, left.
const BAR: &str = "━╸ ";

/// The bars of a command.
pub struct Bars<'b> {
    progress: &'b TransferProgress,
    multi: MultiProgress,
    rows: Vec<Row>,
    all: ProgressBar,
    sum: Sum,
    begun: Instant,
    drawn: Instant,
    /// Printed lines that are not written yet.
    lines: Vec<String>,
}

/// The bar of one worker.
struct Row {
    bar: ProgressBar,
    /// The number of the file that it shows, and the width.
    shows: Option<(u64, u16)>,
}

/// The total.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    files: usize,
    done: usize,
    /// The bytes of finished files.
    here: u64,
    /// The bytes of all files, if known from the beginning.
    known: Option<u64>,
    /// The bytes transferred by this run.
    came: u64,
    /// The bytes transferred by an earlier run.
    resumed: u64,
    /// The bytes of the files in transfer, and how many of them are done; `None` if a length is unknown.
    running: Option<(u64, u64)>,
    /// The number of files in transfer.
    under_way: usize,
}

impl<'b> Bars<'b> {
    /// Bars for this many files, drawn on stderr; `known` is the length of all of them.
    pub fn new(progress: &'b TransferProgress, files: usize, known: Option<u64>) -> Self {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let all = multi.add(ProgressBar::no_length());
        let now = Instant::now();
        let sum = Sum { files, known, ..Sum::default() };
        Self { progress, multi, rows: Vec::new(), all, sum, begun: now, drawn: now, lines: Vec::new() }
    }

    /// Counts a file as finished, successfully or not, with the bytes that arrived.
    pub fn ended(&mut self, length: u64) {
        self.sum.done += 1;
        self.sum.here += length;
    }

    /// Hides the bars while `write` writes to the terminal.
    pub fn aside(&self, write: impl FnOnce()) {
        self.multi.suspend(write);
    }

    /// Prints a line above the bars.
    pub fn line(&mut self, line: &dyn Display) {
        self.lines.push(line.to_string());
    }

    /// Draws the bars if the interval is over. Fails if `out`, which gets the printed lines, fails.
    pub fn tick(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.drawn.elapsed() < PERIOD {
            return Ok(());
        }
        self.drawn = Instant::now();
        let (height, width) = size();
        let running: Vec<_> = self.progress.running().into_iter().flatten().collect();
        self.write_lines(out)?;
        self.fit(running.len().min(usize::from(height.saturating_sub(OTHER_LINES))));
        for (row, running) in self.rows.iter_mut().zip(&running) {
            row.show(running, width);
        }
        self.count(&running);
        self.all.set_style(style(if width < WIDE { "{msg}" } else { "{msg} {wide_bar}" }));
        let (at, total) = self.sum.bytes();
        self.all.set_length(total.unwrap_or_default());
        self.all.set_position(at);
        self.all.set_message(self.sum.line(width, self.begun.elapsed()));
        Ok(())
    }

    /// Removes the bars and writes the lines that are left.
    pub fn end(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.fit(0);
        self.all.finish_and_clear();
        self.write_lines(out)
    }

    fn write_lines(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.lines).join("\n");
        self.multi.suspend(|| writeln!(out, "{lines}").and_then(|()| out.flush()))
    }

    /// Sets the number of rows above the total.
    fn fit(&mut self, rows: usize) {
        while self.rows.len() > rows {
            if let Some(row) = self.rows.pop() {
                row.bar.finish_and_clear();
                self.multi.remove(&row.bar);
            }
        }
        while self.rows.len() < rows {
            let bar = self.multi.insert_before(&self.all, ProgressBar::no_length());
            self.rows.push(Row { bar, shows: None });
        }
    }

    fn count(&mut self, running: &[Running]) {
        let totals: Option<u64> = running.iter().map(|running| running.total).sum();
        let at = running.iter().map(|running| running.at).sum();
        self.sum.running = totals.map(|totals| (totals, at));
        self.sum.under_way = running.len();
        (self.sum.came, self.sum.resumed) = (self.progress.came(), self.progress.resumed());
    }
}

impl Row {
    fn show(&mut self, running: &Running, width: u16) {
        if self.shows != Some((running.turn, width)) {
            self.shows = Some((running.turn, width));
            self.bar.set_style(style(&template(width, running.total.is_some())));
            self.bar.set_prefix(short(&running.name, name_width(width)));
            self.bar.set_length(running.total.unwrap_or_default());
            self.bar.set_position(running.resumed);
            // What an earlier run transferred must not count as speed.
            self.bar.reset_eta();
        }
        self.bar.set_position(running.at);
    }
}

impl Sum {
    /// The bytes done, and the bytes in total: known from the beginning, or once the last file has begun.
    fn bytes(&self) -> (u64, Option<u64>) {
        let at = self.here + self.running.map_or(0, |(_, at)| at);
        let last = self.done + self.under_way >= self.files;
        let total = self.running.filter(|_| last).map(|(totals, _)| self.here + totals);
        (at, self.known.or(total))
    }

    /// `12/500 files, 3.4 MiB (1.0 MiB resumed), 12.0 MiB/s, 3 s left`, or as much of it as fits.
    fn line(&self, width: u16, elapsed: Duration) -> String {
        let (at, total) = self.bytes();
        let speed = self.came as f64 / elapsed.as_secs_f64().max(PERIOD.as_secs_f64());
        let left = total.map(|total| total.saturating_sub(at) as f64 / speed.max(1.0));
        let speed = Bytes(speed as u64);
        let resumed = if self.resumed > 0 { Some(Bytes(self.resumed)) } else { None };
        let (Self { files, done, .. }, at) = (self, Bytes(at));
        if width < WIDE {
            let resumed = resumed.map(|resumed| format!(" (+{resumed})")).unwrap_or_default();
            let left = left.map(|left| format!(" {}", Left(left))).unwrap_or_default();
            let all = format!("{done}/{files} {at}{resumed} {speed}/s{left}");
            let fits = all.chars().count() <= usize::from(width) || left.is_empty();
            return if fits { all } else { format!("{done}/{files} {at}{resumed}{left}") };
        }
        let resumed = resumed.map(|resumed| format!(" ({resumed} resumed)")).unwrap_or_default();
        let left = left.map(|left| format!(", {} left", Left(left))).unwrap_or_default();
        format!("{done}/{files} files, {at}{resumed}, {speed}/s{left}")
    }
}

/// Remaining seconds: `3 s`, `2:05`, `1:02:05`.
struct Left(f64);

impl Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.ceil() as u64;
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => write!(f, "{seconds} s"),
            (0, minutes, seconds) => write!(f, "{minutes}:{seconds:02}"),
            (hours, minutes, seconds) => write!(f, "{hours}:{minutes:02}:{seconds:02}"),
        }
    }
}

/// The size of the terminal, in lines and columns.
fn size() -> (u16, u16) {
    match tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row, size.ws_col),
        _ => SMALLEST,
    }
}

fn name_width(width: u16) -> usize {
    usize::from(width) * 2 / 5
}

/// The template of a file's line.
fn template(width: u16, is_sized: bool) -> String {
    let name = format!("{{prefix:{}!}}", name_width(width));
    match (is_sized, width < WIDE) {
        (true, true) => format!("{name} {{percent:>3}}% {{wide_bar}}"),
        (true, false) => {
            format!("{name} {{percent:>3}}% {{wide_bar}} {{binary_bytes_per_sec:>12}} {{eta:>4}}")
        }
        (false, true) => format!("{name} {{binary_bytes:>10}}"),
        (false, false) => format!("{name} {{binary_bytes:>10}} {{binary_bytes_per_sec:>12}}"),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars(BAR)
}

/// A path, or its last name if it is too long.
fn short(path: &str, most: usize) -> String {
    let is_long = path.chars().count() > most;
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    if is_long { name.to_owned() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_fits_into_its_line() {
        let second = Duration::from_secs(1);
        let sum = Sum { files: 500, done: 12, here: 3 << 20, came: 2 << 20, ..Sum::default() };
        assert_eq!(sum.line(80, second), "12/500 files, 3.0 MiB, 2.0 MiB/s");
        assert_eq!(sum.line(40, second), "12/500 3.0 MiB 2.0 MiB/s");
        let sum = Sum { known: Some(9 << 20), resumed: 1 << 20, running: Some((2 << 20, 1 << 20)), ..sum };
        assert_eq!(sum.line(80, second), "12/500 files, 4.0 MiB (1.0 MiB resumed), 2.0 MiB/s, 3 s left");
        assert_eq!(sum.line(40, second), "12/500 4.0 MiB (+1.0 MiB) 2.0 MiB/s 3 s");
        let huge = Sum {
            files: 100_000,
            done: 99_999,
            here: u64::MAX >> 1,
            known: Some(u64::MAX),
            resumed: 1 << 50,
            ..sum
        };
        assert!(huge.line(40, second * 100_000).chars().count() <= 60, "{}", huge.line(40, second));
    }

    #[test]
    fn the_total_is_known_once_the_last_file_has_begun() {
        let sum = Sum { files: 3, done: 1, here: 5, running: Some((20, 7)), under_way: 1, ..Sum::default() };
        assert_eq!(sum.bytes(), (12, None));
        assert_eq!(Sum { under_way: 2, ..sum.clone() }.bytes(), (12, Some(25)));
        assert_eq!(Sum { known: Some(99), ..sum }.bytes(), (12, Some(99)));
    }

    #[test]
    fn remaining_times() {
        let cases = [(0.0, "0 s"), (2.1, "3 s"), (125.0, "2:05"), (3725.0, "1:02:05")];
        for (seconds, shown) in cases {
            assert_eq!(Left(seconds).to_string(), shown);
        }
    }

    #[test]
    fn long_paths_are_shown_by_their_last_name() {
        assert_eq!(short("a/b.txt", 10), "a/b.txt");
        assert_eq!(short("a/very/long/b.txt", 10), "b.txt");
        assert_eq!(short("verylongname.txt", 10), "verylongname.txt");
    }

    #[test]
    fn every_template_is_valid() {
        for width in [20, 40, 80, 200] {
            for is_sized in [false, true] {
                let template = template(width, is_sized);
                assert!(ProgressStyle::with_template(&template).is_ok(), "{template}");
            }
        }
    }
}
