//! Replay: sends a file of requests to a server and checks each response.
//!
//! ```text
//! file ── script ──> requests ── run, over many connections ──> results ── expect ──> stats ── report ──> text, JSON, JUnit
//! ```
//!
//! - `script` parses the whole file before the first request is sent; `expect` checks a response against what a line
//!   expects.
//! - `run` sends the requests and prints a line for each result; `stats` counts results and times; `report` writes the
//!   summary.

pub mod expect;
pub mod report;
mod run;
pub mod script;
pub mod stats;

pub use run::{Console, ReplayOptions, run};
