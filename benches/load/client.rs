//! The ordinary client, and the time of its requests.

use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::common::PATIENCE;
use super::peers::exchange::{Answer, Exchange};

/// The file that it requests, and its size in bytes.
pub const FILE: &str = "1k.txt";
pub const SIZE: usize = 1000;

/// The pause after each response, and after a request that has failed twice.
const PAUSE: Duration = Duration::from_millis(1);

/// The longest time that can be recorded, in microseconds.
const LONGEST: u64 = 2 * PATIENCE.as_micros() as u64;

/// Requests a small file repeatedly over one connection; returns the time of each request in microseconds. A
/// request that fails is repeated over a new connection, as in a browser. The time ends with the response.
pub fn ask(port: u16, time: Duration) -> Histogram<u64> {
    let mut histogram = histogram();
    let (mut connection, start) = (None, Instant::now());
    while start.elapsed() < time {
        let asked = Instant::now();
        // At once: an idle connection may be closed at any time, and a new one probably works.
        let is_served_at_once = is_served(&mut connection, port) || is_served(&mut connection, port);
        while !is_served_at_once && !is_served(&mut connection, port) && asked.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        histogram.saturating_record(asked.elapsed().as_micros() as u64);
        thread::sleep(PAUSE);
    }
    histogram
}

/// Sends one request. Keeps the connection only if the response is correct.
fn is_served(connection: &mut Option<Exchange>, port: u16) -> bool {
    let Some(mut exchange) = connection.take().or_else(|| Exchange::connect(port).ok()) else {
        return false;
    };
    let is_right = |answer: &Answer| answer.head.status.code() == 200 && answer.length == SIZE as u64;
    let is_served = exchange.get(&format!("/{FILE}"), &[]).is_ok_and(|answer| is_right(&answer));
    *connection = is_served.then_some(exchange);
    is_served
}

/// An empty histogram with three significant digits.
pub fn histogram() -> Histogram<u64> {
    // With bounds: an auto-resizing histogram loses values recorded with saturation.
    Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds")
}

/// The median, the 99th percentile, and the maximum.
pub fn percentiles(times: &Histogram<u64>) -> [u64; 3] {
    [times.value_at_quantile(0.5), times.value_at_quantile(0.99), times.max()]
}

/// The lowest, the median and the highest ratio.
pub fn spread(mut ratios: Vec<f64>) -> [f64; 3] {
    ratios.sort_by(f64::total_cmp);
    [ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]]
}
