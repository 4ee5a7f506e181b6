//! Idle connections that have sent one request, like those of open browsers.

use std::net::TcpStream;

use super::Result;
use super::exchange::Exchange;
use super::process::descriptor_limit;

/// Descriptors that this program needs for itself and `wrk`.
const SPARE: u64 = 200;

/// Opens this many. Each gets one response, so that the server has allocated everything for it.
pub fn open(port: u16, connections: usize) -> Result<Vec<TcpStream>> {
    let needed = connections as u64 + SPARE;
    if descriptor_limit().is_some_and(|limit| limit < needed) {
        return Err(format!("{needed} descriptors are needed (ulimit -Hn)").into());
    }
    let one = || {
        let mut exchange = Exchange::connect(port)?;
        exchange.get("/1k.txt", &[])?;
        Ok(exchange.into_stream())
    };
    (0..connections).map(|_| one()).collect()
}

/// How many of them the server has closed meanwhile.
pub fn count_closed(silent: &[TcpStream]) -> usize {
    let is_open = |stream: &TcpStream| {
        let would_wait = |error: std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        stream.set_nonblocking(true).is_ok() && stream.peek(&mut [0]).is_err_and(would_wait)
    };
    silent.iter().filter(|stream| !is_open(stream)).count()
}
