//! Idle connections that have got one response, like those of open browsers.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::Result;
use super::client::{Client, Offer};
use super::process::descriptor_limit;
use super::server::{Running, SMALL, Stage};

/// Descriptors that this program and the server need for other things.
const SPARE: usize = 500;

/// Connections that are opened before memory is measured.
const FIRST: usize = 200;

/// How long a server may take to release what it does not need any more.
const SETTLED: Duration = Duration::from_millis(1500);

/// How many connections the descriptor limit allows, at most this many.
pub fn possible(wanted: usize) -> usize {
    descriptor_limit().map_or(wanted, |limit| wanted.min((limit as usize).saturating_sub(SPARE + FIRST)))
}

/// The resident memory that each of this many idle connections adds, in bytes.
pub fn memory(running: &Running, stage: &Stage, connections: usize) -> Result<f64> {
    let offer = Offer::new(&stage.certificate, false)?;
    let open = |count: usize| -> Result<Vec<TcpStream>> {
        let one = || {
            let mut client = Client::connect(running.port, &offer)?;
            client.get(SMALL)?;
            // The server does not notice that this side forgets its keys.
            Ok(client.into_socket())
        };
        (0..count).map(|_| one()).collect()
    };
    let _first = open(FIRST)?;
    thread::sleep(SETTLED);
    let before = running.usage()?.memory;
    let idle = open(connections)?;
    thread::sleep(SETTLED);
    let after = running.usage()?.memory;
    let closed = idle.iter().filter(|socket| matches!(socket.peek(&mut [0]), Ok(0))).count();
    if closed > 0 {
        return Err(format!("the server has closed {closed} of {connections} idle connections").into());
    }
    Ok(after.saturating_sub(before) as f64 / connections as f64)
}
