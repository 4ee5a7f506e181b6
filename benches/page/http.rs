//! A client with one connection, like each of the six of a browser.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::common::Result;

/// A connection to a server.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// A response.
pub struct Response {
    pub code: u16,
    /// All of its bytes, with the head.
    pub bytes: u64,
}

impl Client {
    pub fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a GET, and reads the response, which must have a length.
    pub fn get(&mut self, target: &str) -> Result<Response> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut head, mut length, mut code) = (0, 0, 0);
        loop {
            let mut line = String::new();
            head += self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(status) = line.strip_prefix("HTTP/1.1 ") {
                code = status.split(' ').next().unwrap_or_default().parse()?;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Response { code, bytes: (head + length) as u64 })
    }
}
