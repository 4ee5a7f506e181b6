//! Sends a script over several connections: each request is sent as soon as a connection is free, or when it
//! is due.
//!
//! ```text
//! main ── spawns ──> senders (-j N), each with its own sessions
//!                      take the next number, wait until it is due, send, read
//!                      └── results ──> main checks, prints, counts
//! ```
//!
//! With a rate, a request's time counts from when it was due, not from when it was sent. A server that stalls delays the
//! requests behind it, and their times show that. Otherwise a stall would appear as one slow request, and the requests
//! that it delayed would be missing (coordinated omission).

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::expect::ResponseSummary;
use super::script::{Script, ScriptStep};
use super::stats::{RequestResult, Stats};
use crate::client::address::Endpoint;
use crate::client::content::RequestContent;
use crate::client::error::ClientError;
use crate::client::request::HttpRequest;
use crate::client::response::PourError;
use crate::client::session::Session;
use crate::format::{Bytes, Time};
use crate::printable::Printable;

/// The number of results that may wait to be printed. Beyond this, a slow terminal slows the replay down.
const WAITING_RESULTS: usize = 1024;

/// How often to look for an interrupt while no result arrives.
const INTERRUPT_CHECK: Duration = Duration::from_millis(50);

/// How to send a script.
#[derive(Debug, Clone, Copy)]
pub struct ReplayOptions {
    /// The number of connections, at least one.
    pub connections: u16,
    /// How often to send the whole script.
    pub repeat: u64,
    /// Requests per second; `None` sends each as soon as a connection is free.
    pub rate: Option<f64>,
    /// Whether to print only failures.
    pub quiet: bool,
}

/// Where lines are printed.
pub struct Console<'c> {
    /// Results.
    pub out: &'c mut dyn Write,
    /// Errors.
    pub err: &'c mut dyn Write,
}

/// A request that was sent, or failed.
struct Done {
    step: usize,
    sent: u64,
    came: Result<ResponseSummary, ClientError>,
}

/// Hands out the numbers of the requests.
struct Queue {
    next: AtomicU64,
    total: u64,
    begun: Instant,
    rate: Option<f64>,
}

/// Sends a script, and prints a line for each result as it arrives. Fails if the console fails, or if a
/// thread cannot be started. Once `interrupted` is set, this returns the results so far, without waiting for
/// the remaining responses.
pub fn run(
    script: &Arc<Script>,
    options: ReplayOptions,
    interrupted: &AtomicBool,
    console: &mut Console<'_>,
) -> io::Result<Stats> {
    let queue = Arc::new(Queue::new(script, options));
    let mut stats = Stats::new(script);
    let (results, incoming) = sync_channel(WAITING_RESULTS);
    for _ in 0..options.connections {
        let (script, queue, results) = (Arc::clone(script), Arc::clone(&queue), results.clone());
        thread::Builder::new().spawn(move || Sender::default().work(&script, &queue, &results))?;
    }
    drop(results);
    // `incoming` is dropped on return, so the senders stop.
    collect(script, options, &incoming, interrupted, console, &mut stats)?;
    Ok(stats)
}

/// Checks, prints and counts results until no sender is left. The output is flushed whenever no result waits.
fn collect(
    script: &Script,
    options: ReplayOptions,
    incoming: &Receiver<Done>,
    interrupted: &AtomicBool,
    console: &mut Console<'_>,
    stats: &mut Stats,
) -> io::Result<()> {
    while !interrupted.load(Ordering::Relaxed) {
        let done = match incoming.try_recv() {
            Ok(done) => done,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                console.out.flush()?;
                match incoming.recv_timeout(INTERRUPT_CHECK) {
                    Ok(done) => done,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        let Some(step) = script.steps.get(done.step) else { continue };
        let at = done.step;
        let result = print(script, step, done, options.quiet, console)?;
        stats.count(at, result);
    }
    console.out.flush()
}

/// Prints the line of a result.
fn print(
    script: &Script,
    step: &ScriptStep,
    done: Done,
    quiet: bool,
    console: &mut Console<'_>,
) -> io::Result<RequestResult> {
    let place = format!("{}:{}", Printable::text(&script.name), step.line);
    let name = Printable::text(&step.name);
    let response = match done.came {
        Ok(response) => response,
        Err(error) => {
            writeln!(console.err, "✗ {place}: {error}")?;
            return Ok(RequestResult { response: None, bytes: 0, failure: Some(error.to_string()) });
        }
    };
    let failures = step.expected.check(&response).join("; ");
    let bytes = if step.request.file.is_some() { done.sent } else { response.bytes };
    let (size, time, code) = (Bytes(bytes), Time(response.took), response.status.code());
    if !failures.is_empty() {
        writeln!(console.out, "✗ {place}: {failures} ({name} {size} {time})")?;
    } else if !quiet {
        writeln!(console.out, "✓ {code} {name} {size} {time}")?;
    }
    let failure = (!failures.is_empty()).then_some(failures);
    Ok(RequestResult { response: Some((response.status, response.took)), bytes, failure })
}

impl Queue {
    fn new(script: &Script, options: ReplayOptions) -> Self {
        let total = (script.steps.len() as u64).saturating_mul(options.repeat);
        Self { next: AtomicU64::new(0), total, begun: Instant::now(), rate: options.rate }
    }

    /// The number of the next request, and when it is due; `None` after the last.
    fn take(&self) -> Option<(u64, Option<Instant>)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.total).then(|| (number, self.rate.and_then(|rate| self.due(number, rate))))
    }

    /// When a request is due; `None` if that is beyond what the clock can express.
    fn due(&self, number: u64, rate: f64) -> Option<Instant> {
        // A count is exact up to 2^53.
        #[allow(clippy::cast_precision_loss)]
        let seconds = number as f64 / rate;
        self.begun.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }
}

/// Sends requests and reads their responses, one after the other.
#[derive(Default)]
struct Sender {
    /// One session for each server in the script.
    sessions: HashMap<Endpoint, Session>,
}

impl Sender {
    /// Works until the queue is empty or nothing receives the results.
    fn work(mut self, script: &Script, queue: &Queue, results: &SyncSender<Done>) {
        let steps = script.steps.len() as u64;
        while let Some((number, due)) = queue.take() {
            let at = usize::try_from(number % steps).unwrap_or_default();
            let Some(step) = script.steps.get(at) else { return };
            if let Some(due) = due {
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let begun = due.unwrap_or_else(Instant::now);
            let mut sent = 0;
            let came = self.send(step, begun, &mut sent);
            if results.send(Done { step: at, sent, came }).is_err() {
                return;
            }
        }
    }

    /// Sends a request and reads its response; its time counts from `begun`.
    fn send(
        &mut self,
        step: &ScriptStep,
        begun: Instant,
        sent: &mut u64,
    ) -> Result<ResponseSummary, ClientError> {
        let scripted = &step.request;
        let content = scripted.file.as_deref().map(RequestContent::open).transpose()?;
        let fields: Vec<_> = scripted.accept.map(|kind| ("Accept", kind)).into_iter().collect();
        let request = HttpRequest {
            method: scripted.method,
            target: &scripted.target,
            fields: &fields,
            content: content.as_ref(),
        };
        let session = self
            .sessions
            .entry(scripted.server.clone())
            .or_insert_with_key(|s| Session::new(s.clone()).insisting());
        let response = session.send(&request)?;
        *sent = content.as_ref().map_or(0, RequestContent::length);
        let (status, media_type) = (response.head.status, response.head.field("Content-Type"));
        let (bytes, sha256) = if step.expected.wants_digest() {
            let mut digest = Digest(Sha256::new());
            let bytes = response.body.pour(&mut digest).map_err(source)?;
            (bytes, Some(digest.0.finalize().into()))
        } else {
            (response.body.discard()?, None)
        };
        Ok(ResponseSummary { status, bytes, media_type, sha256, took: begun.elapsed() })
    }
}

/// The error from copying to a writer that cannot fail.
fn source(error: PourError) -> ClientError {
    match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => ClientError::Broken(error),
    }
}

/// Hashes all that is written to it.
struct Digest(Sha256);

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
