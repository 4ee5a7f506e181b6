//! Sending a script: each request as one of a few connections is free for it, or as it is due.
//!
//! ```text
//! main ── spawns ──> couriers (-j N), each with its own sessions
//!                      take the next number, wait until it is due, send, read
//!                      └── results ──> main judges, prints, counts
//! ```
//!
//! With a rate, a request's time counts from when it was due and not from when it was sent: a server that
//! stalls makes the requests behind it late, and that is seen (without it, a stall would be one slow request,
//! and all those that it kept from being sent would be missing).

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
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

/// Results that may wait to be printed. A terminal that is slower than the server holds it up only when so
/// many wait.
const WAITING_RESULTS: usize = 1024;

/// How a script is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct ReplayOptions {
    /// Over how many connections at once, at least one.
    pub connections: u16,
    /// How often the whole script.
    pub repeat: u64,
    /// How many requests a second; else each as soon as a connection is free for it.
    pub rate: Option<f64>,
    /// Whether results are printed only when they are failures.
    pub quiet: bool,
}

/// Where the lines go.
pub struct Console<'c> {
    /// Results.
    pub out: &'c mut dyn Write,
    /// What prevented them.
    pub err: &'c mut dyn Write,
}

/// One request that was sent, or could not be.
struct Done {
    step: usize,
    sent: u64,
    came: Result<ResponseSummary, ClientError>,
}

/// The numbers of the requests, given out one by one.
struct Queue {
    next: AtomicU64,
    total: u64,
    begun: Instant,
    rate: Option<f64>,
}

/// Sends a script, writing a line for each result as it comes. An error is one of the console's, or the
/// system has no thread for a connection.
pub fn run(script: &Script, options: ReplayOptions, console: &mut Console<'_>) -> io::Result<Stats> {
    let queue = Queue::new(script, options);
    let mut stats = Stats::new(script);
    let printed = thread::scope(|scope| {
        let (results, incoming) = sync_channel(WAITING_RESULTS);
        for _ in 0..options.connections {
            let (queue, results) = (&queue, results.clone());
            let work = move || Courier::default().work(script, queue, &results);
            thread::Builder::new().spawn_scoped(scope, work)?;
        }
        drop(results);
        // When it fails, `incoming` goes with it, and the couriers stop for want of somebody to tell.
        collect(script, options, &incoming, console, &mut stats)
    });
    printed.map(|()| stats)
}

/// Judges, prints and counts results until no courier is left. What is printed is flushed whenever none
/// waits.
fn collect(
    script: &Script,
    options: ReplayOptions,
    incoming: &Receiver<Done>,
    console: &mut Console<'_>,
    stats: &mut Stats,
) -> io::Result<()> {
    loop {
        let done = match incoming.try_recv() {
            Ok(done) => done,
            Err(TryRecvError::Disconnected) => break console.out.flush(),
            Err(TryRecvError::Empty) => {
                console.out.flush()?;
                let Ok(done) = incoming.recv() else { break Ok(()) };
                done
            }
        };
        let Some(step) = script.steps.get(done.step) else { continue };
        let at = done.step;
        let result = print(script, step, done, options.quiet, console)?;
        stats.count(at, result);
    }
}

/// Prints the line of one result.
fn print(
    script: &Script,
    step: &ScriptStep,
    done: Done,
    quiet: bool,
    console: &mut Console<'_>,
) -> io::Result<RequestResult> {
    let place = format!("{}:{}", Printable::text(&script.name), step.line);
    let name = Printable::text(&step.name);
    let answer = match done.came {
        Ok(answer) => answer,
        Err(error) => {
            writeln!(console.err, "✗ {place}: {error}")?;
            return Ok(RequestResult { answer: None, bytes: 0, failure: Some(error.to_string()) });
        }
    };
    let failures = step.expected.judge(&answer).join("; ");
    let bytes = if step.request.file.is_some() { done.sent } else { answer.bytes };
    let (size, time, code) = (Bytes(bytes), Time(answer.took), answer.status.code());
    if !failures.is_empty() {
        writeln!(console.out, "✗ {place}: {failures} ({name} {size} {time})")?;
    } else if !quiet {
        writeln!(console.out, "✓ {code} {name} {size} {time}")?;
    }
    let failure = (!failures.is_empty()).then_some(failures);
    Ok(RequestResult { answer: Some((answer.status, answer.took)), bytes, failure })
}

impl Queue {
    fn new(script: &Script, options: ReplayOptions) -> Self {
        let total = (script.steps.len() as u64).saturating_mul(options.repeat);
        Self { next: AtomicU64::new(0), total, begun: Instant::now(), rate: options.rate }
    }

    /// The next request's number, and when it is due; `None` when all have been given out.
    fn take(&self) -> Option<(u64, Option<Instant>)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (number < self.total).then(|| (number, self.rate.and_then(|rate| self.due(number, rate))))
    }

    /// When a request is due. A time that the clock cannot tell is centuries away, and is not waited for.
    fn due(&self, number: u64, rate: f64) -> Option<Instant> {
        // A count is exact up to 2^53.
        #[allow(clippy::cast_precision_loss)]
        let seconds = number as f64 / rate;
        self.begun.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }
}

/// One who sends requests and reads their answers, one after the other.
#[derive(Default)]
struct Courier {
    /// One for each server that the script names.
    sessions: HashMap<Endpoint, Session>,
}

impl Courier {
    /// Works until the queue is empty, or nobody wants to know.
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

    /// Sends one request and reads its answer; `begun` is when its time began to run.
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
        let session =
            self.sessions.entry(scripted.server.clone()).or_insert_with_key(|s| Session::new(s.clone()));
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

/// The error of a pour whose sink cannot fail.
fn source(error: PourError) -> ClientError {
    match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => ClientError::Broken(error),
    }
}

/// Hashes what is written to it.
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
