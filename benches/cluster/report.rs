//! The tables that are printed, and whether all targets are met.

use std::fmt::Display;
use std::process::ExitCode;

/// What has been printed.
#[derive(Debug, Default)]
pub struct Report {
    figures: usize,
    missed: Vec<String>,
}

impl Report {
    /// Begins the table of a case.
    pub fn begin(&mut self, title: &str) {
        self.figures = 0;
        // Other programs on the machine make figures worse.
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        println!("\n### {title}\n\nLoad average at its end: {load}.\n");
    }

    /// A line without a target.
    pub fn figure(&mut self, what: &str, value: impl Display) {
        self.line(what, value, "", "");
    }

    fn line(&mut self, what: &str, value: impl Display, target: &str, result: &str) {
        if self.figures == 0 {
            println!("| | measured | target | |\n| --- | ---: | ---: | --- |");
        }
        self.figures += 1;
        println!("| {what} | {value} | {target} | {result} |");
    }

    /// A line with a target.
    pub fn target(&mut self, what: &str, value: impl Display, target: &str, is_met: bool) {
        self.line(what, value, target, if is_met { "met" } else { "**missed**" });
        if !is_met {
            self.missed.push(what.to_owned());
        }
    }

    /// A line that must be zero. The first few of the others are printed to stderr.
    pub fn none<T: Display>(&mut self, what: &str, found: &[T]) {
        self.target(what, found.len(), "0", found.is_empty());
        found.iter().take(5).for_each(|one| eprintln!("{what}: {one}"));
    }

    /// The exit code of the benchmark.
    pub fn exit(&self) -> ExitCode {
        if self.missed.is_empty() {
            return ExitCode::SUCCESS;
        }
        eprintln!("missed: {}", self.missed.join(", "));
        ExitCode::FAILURE
    }
}
