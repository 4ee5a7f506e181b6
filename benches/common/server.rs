//! A server of a benchmark.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::common::Result;

/// A running server. It is killed on drop.
pub struct Server {
    pub child: Child,
    pub address: String,
}

impl Server {
    /// Starts this command, and waits until it prints its URL.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut server = Self { child, address: String::new() };
        for line in stdout.lines() {
            if let Some(address) = line?.trim().strip_prefix("http://") {
                address.trim_end_matches('/').clone_into(&mut server.address);
                return Ok(server);
            }
        }
        Err("the server printed no URL".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
