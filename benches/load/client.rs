//! The ordinary client, and how long its requests take.

use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::common::PATIENCE;
use super::peers::exchange::{Answer, Exchange};

/// The file that it requests, and its size in bytes.
pub const FILE: &str = "1k.txt";
pub const SIZE: usize = 1000;

/// It waits this long after each response, and after a request that has failed twice.
const PAUSE: Duration = Duration::from_millis(1);

/// The longest time that is told from longer ones, in microseconds.
const LONGEST: u64 = 2 * PATIENCE.as_micros() as u64;

/// Requests a small file over one connection, again and again; returns the time of each request in microseconds.
///
/// A request that fails is repeated over a new connection, as a browser does. The time counts until the response is there.
pub fn ask(port: u16, time: Duration) -> Histogram<u64> {
    let mut histogram = histogram();
    let (mut connection, start) = (None, Instant::now());
    while start.elapsed() < time {
        let asked = Instant::now();
        // At once: an idle connection may be closed at any time, and that says nothing about the next.
        let is_served_at_once = is_served(&mut connection, port) || is_served(&mut connection, port);
        while !is_served_at_once && !is_served(&mut connection, port) && asked.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        histogram.saturating_record(asked.elapsed().as_micros() as u64);
        thread::sleep(PAUSE);
    }
    histogram
}

/// Sends one request. Keeps the connection only if the response is the right one.
fn is_served(connection: &mut Option<Exchange>, port: u16) -> bool {
    let Some(mut exchange) = connection.take().or_else(|| Exchange::connect(port).ok()) else {
        return false;
    };
    let is_right = |answer: &Answer| answer.head.status.code() == 200 && answer.length == SIZE as u64;
    let is_served = exchange.get(&format!("/{FILE}"), &[]).is_ok_and(|answer| is_right(&answer));
    *connection = is_served.then_some(exchange);
    is_served
}

/// An empty histogram, of three digits.
pub fn histogram() -> Histogram<u64> {
    // With bounds: one that grows by itself cuts off what is recorded with saturation.
    Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds")
}

/// The median, the 99th percentile, and the maximum.
pub fn percentiles(times: &Histogram<u64>) -> [u64; 3] {
    [times.value_at_quantile(0.5), times.value_at_quantile(0.99), times.max()]
}

/// The least, the median and the greatest ratio.
pub fn spread(mut ratios: Vec<f64>) -> [f64; 3] {
    ratios.sort_by(f64::total_cmp);
    [ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]]
}
