//! Clients that download and upload through a proxy while servers restart.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::client::Client;
use super::histogram;
use crate::common::{Wire, sample};

/// The file that they download.
const PAGE: &str = "page.bin";

/// The size of this file, and of small uploads, in bytes.
const PAGE_SIZE: usize = 50_000;
const SMALL_SIZE: usize = 2000;

/// How many failures are kept.
const KEPT: usize = 20;

/// What the clients have observed.
pub struct Visitors {
    requests: AtomicUsize,
    slow_uploads: AtomicUsize,
    failed: AtomicUsize,
    /// The first failures.
    failures: Mutex<Vec<String>>,
    /// The times of downloads, in microseconds.
    times: Mutex<Histogram<u64>>,
    is_over: AtomicBool,
}

impl Default for Visitors {
    fn default() -> Self {
        Self {
            requests: AtomicUsize::new(0),
            slow_uploads: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            failures: Mutex::default(),
            times: Mutex::new(histogram()),
            is_over: AtomicBool::new(false),
        }
    }
}

impl Visitors {
    /// Writes the file that they download.
    pub fn prepare(folder: &Path) {
        std::fs::write(folder.join(PAGE), sample(PAGE_SIZE, 1)).expect("written");
    }

    /// Downloads and small uploads, over a persistent connection.
    pub fn visit(&self, proxy: SocketAddr, number: usize) {
        let (page, small) = (sample(PAGE_SIZE, 1), sample(SMALL_SIZE, 2));
        let mut client = Client::new(proxy, 1);
        while self.goes_on() {
            for (method, target, body, codes) in [
                ("GET", format!("/{PAGE}"), &[][..], [200, 200]),
                ("PUT", format!("/put-{number}"), &small, [201, 204]),
                ("POST", format!("/post-{number}"), &small, [200, 201]),
            ] {
                let asked = Instant::now();
                let answer = client.ask(method, &target, "", body).and_then(|answer| {
                    if method == "GET" {
                        self.record(asked.elapsed());
                        if answer.body != page {
                            return Err(format!("{} bytes of the page", answer.body.len()));
                        }
                    }
                    Ok(answer.code())
                });
                self.expect(method, answer, &codes);
            }
            // Some connections are idle when a server stops.
            thread::sleep(Duration::from_millis(7 * number as u64));
        }
    }

    /// Uploads that take this long, each over a separate connection.
    pub fn upload_slowly(&self, proxy: SocketAddr, number: usize, time: Duration) {
        const PIECES: usize = 20;
        let content = sample(40_000, 4);
        while self.goes_on() {
            let mut wire = Wire::connect(proxy);
            let target = format!("/slow-{number}");
            wire.begin_to_ask("PUT", &target, Some(content.len()));
            for piece in content.chunks(content.len() / PIECES) {
                wire.send(piece);
                // The upload is slow on purpose.
                thread::sleep(time / PIECES as u32);
            }
            let answer = wire.try_final_answer(false);
            if self.expect(&target, answer.map(|answer| answer.code()), &[201, 204]) {
                self.slow_uploads.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Lets the clients end after their current requests.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// How many requests succeeded.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many slow uploads succeeded.
    pub fn slow_uploads(&self) -> usize {
        self.slow_uploads.load(Ordering::Relaxed)
    }

    /// How many requests failed.
    pub fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// The first requests that failed.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The times of downloads, in microseconds.
    pub fn times(&self) -> Histogram<u64> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn record(&self, time: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.saturating_record(time.as_micros() as u64);
    }

    /// Counts a response. Returns whether it is as expected.
    fn expect(&self, what: &str, answer: Result<u16, String>, expected: &[u16]) -> bool {
        let failure = match answer {
            Ok(code) if expected.contains(&code) => {
                self.requests.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Ok(code) => code.to_string(),
            Err(error) => error,
        };
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < KEPT {
            failures.push(format!("{what}: {failure}, after {} requests", self.requests()));
        }
        false
    }
}
