//! One request and its response over a connection of this program: to check that a server is ready and
//! responds as the others do, and for requests that `wrk` cannot send.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use wharf::http::body::BodyDecoder;
use wharf::http::response::Received;

use super::Result;

/// How long a response may take before a server counts as unresponsive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The size of the read buffer: most responses, or a piece of a large one.
const ROOM: usize = 64 * 1024;

/// A connection to a server.
#[derive(Debug)]
pub struct Exchange {
    stream: TcpStream,
    port: u16,
}

/// A response without its content.
#[derive(Debug)]
pub struct Answer {
    /// Its status and fields.
    pub head: Received,
    /// The length of its content, in bytes.
    pub length: u64,
}

impl Exchange {
    /// Connects to a port of this machine.
    pub fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, port })
    }

    /// The connection.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Requests a target with these additional field lines, each without its line end.
    pub fn get(&mut self, target: &str, fields: &[String]) -> Result<Answer> {
        self.send("GET", target, fields, &[])
    }

    /// Sends a request with these additional field lines, and reads the complete response.
    pub fn send(&mut self, method: &str, target: &str, fields: &[String], body: &[&[u8]]) -> Result<Answer> {
        let lines: String = fields.iter().flat_map(|field| [field, "\r\n"]).collect();
        let head = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{lines}\r\n", self.port);
        self.stream.write_all(head.as_bytes())?;
        for piece in body {
            self.stream.write_all(piece)?;
        }
        self.read_answer()
    }

    fn read_answer(&mut self) -> Result<Answer> {
        let mut bytes = Vec::with_capacity(ROOM);
        let (head, start) = loop {
            self.read_more(&mut bytes)?;
            if let Some(found) = Received::parse(&bytes, false)? {
                break found;
            }
        };
        bytes.drain(..start);
        let (mut decoder, mut length) = (BodyDecoder::new(head.framing), 0);
        loop {
            while !bytes.is_empty() && !decoder.is_done() {
                let piece = decoder.decode(&bytes)?;
                length += piece.content.len() as u64;
                bytes.drain(..piece.used);
            }
            if decoder.is_done() {
                return Ok(Answer { head, length });
            }
            match self.read_more(&mut bytes) {
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof && decoder.ends_with_connection() =>
                {
                    return Ok(Answer { head, length });
                }
                read => read?,
            }
        }
    }

    fn read_more(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let had = bytes.len();
        bytes.resize(had + ROOM, 0);
        let count = self.stream.read(&mut bytes[had..])?;
        bytes.truncate(had + count);
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}
