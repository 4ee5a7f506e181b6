//! Uploads of new files over persistent connections.
//!
//! `wrk` stops in the middle of a request; here the last upload of each connection is completed, so that
//! every measured upload is counted, and every file can be checked afterwards.

use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Result;
use super::exchange::Exchange;
use super::folder::UPLOADS;
use super::measure::{Measure, Metric};
use super::server::Uploads;

/// The delimiter of a form.
const BOUNDARY: &str = "----------------------------3141592653589793";

/// How much of a body is written at once, in bytes.
const PIECE: usize = 1024 * 1024;

/// The completed uploads.
#[derive(Debug)]
pub struct Sent {
    /// The time of each upload, in microseconds.
    times: Histogram<u64>,
    elapsed: Duration,
}

/// Uploads new files of this size for this long, over this many connections.
pub fn run(port: u16, uploads: Uploads, size: u64, connections: usize, time: Duration) -> Result<Sent> {
    let start = Instant::now();
    let end = start + time;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|sender| scope.spawn(move || send_until(end, port, uploads, size, sender)))
            .collect();
        let mut times = Histogram::new(3)?;
        for thread in threads {
            times.add(thread.join().map_err(|_| "a sender panicked")??)?;
        }
        Ok(Sent { times, elapsed: start.elapsed() })
    })
}

/// The uploads of one connection.
fn send_until(end: Instant, port: u16, uploads: Uploads, size: u64, sender: usize) -> Result<Histogram<u64>> {
    let mut exchange = Exchange::connect(port)?;
    let mut times = Histogram::new(3)?;
    let piece = vec![b'x'; PIECE];
    for number in 0.. {
        let start = Instant::now();
        if start >= end {
            break;
        }
        send(&mut exchange, uploads, &format!("{sender}-{number}.bin"), &content(&piece, size))?;
        times.record(start.elapsed().as_micros() as u64)?;
    }
    Ok(times)
}

/// A file of this size, in pieces.
fn content(piece: &[u8], size: u64) -> Vec<&[u8]> {
    let (whole, rest) = (size as usize / piece.len(), size as usize % piece.len());
    std::iter::repeat_n(piece, whole).chain([&piece[..rest]]).collect()
}

fn send(exchange: &mut Exchange, uploads: Uploads, name: &str, content: &[&[u8]]) -> Result<()> {
    let size: usize = content.iter().map(|piece| piece.len()).sum();
    let answer = match uploads {
        Uploads::None => return Err("takes no uploads".into()),
        Uploads::Put => {
            let fields = [format!("Content-Length: {size}")];
            exchange.send("PUT", &format!("/{UPLOADS}/{name}"), &fields, content)?
        }
        Uploads::Form(target) => {
            let before = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"path\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            let after = format!("\r\n--{BOUNDARY}--\r\n");
            let fields = [
                format!("Content-Type: multipart/form-data; boundary={BOUNDARY}"),
                format!("Content-Length: {}", before.len() + size + after.len()),
            ];
            let body = [&[before.as_bytes()], content, &[after.as_bytes()]].concat();
            exchange.send("POST", target, &fields, &body)?
        }
    };
    match answer.head.status.code() {
        200..=399 => Ok(()),
        status => Err(format!("answers an upload with {status}").into()),
    }
}

impl Sent {
    /// The number of uploads with a response.
    pub fn answers(&self) -> u64 {
        self.times.len()
    }

    /// Its measurements.
    pub fn measure(&self) -> Measure {
        Measure::default()
            .with(Metric::Rate, self.answers() as f64 / self.elapsed.as_secs_f64())
            .with(Metric::P50, self.times.value_at_quantile(0.5) as f64)
            .with(Metric::P99, self.times.value_at_quantile(0.99) as f64)
    }
}
