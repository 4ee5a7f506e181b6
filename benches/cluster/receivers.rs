//! Receives many event streams in one thread, and notes when each message arrives.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};

use super::Result;
use super::common::cluster::histogram;

/// The streams.
pub struct Receivers {
    poll: OwnedFd,
    streams: Vec<Stream>,
    /// The times in the messages count from here.
    begun: Instant,
}

struct Stream {
    socket: TcpStream,
    /// The incomplete line at the end of what was received.
    unread: Vec<u8>,
    has_begun: bool,
    /// The number of the next message of each sender.
    next: Vec<u64>,
    is_wrong: bool,
    /// A value that depends on the order of the messages.
    order: u64,
}

/// What all streams have received.
pub struct Received {
    /// A message that ten streams have received counts as ten.
    pub copies: u64,
    /// The streams that missed a message or received one twice.
    pub wrong: usize,
    /// How many different orders of messages were received.
    pub orders: usize,
    /// The times until a copy was received, in microseconds.
    pub times: Histogram<u64>,
}

/// A message: its sender, the sender's number for it, and when it was sent, in microseconds.
struct Line {
    speaker: usize,
    number: u64,
    sent: u64,
}

/// How long one wait for input takes at most.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// How long all streams together may take to begin.
const LIMIT: Duration = Duration::from_secs(60);

impl Receivers {
    pub fn new(sockets: Vec<TcpStream>, speakers: usize, begun: Instant) -> Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let new = |socket| Stream {
            socket,
            unread: Vec::new(),
            has_begun: false,
            next: vec![0; speakers],
            is_wrong: false,
            order: 0,
        };
        let streams: Vec<_> = sockets.into_iter().map(new).collect();
        for (index, stream) in (0..).zip(&streams) {
            epoll::add(&poll, &stream.socket, epoll::EventData::new_u64(index), epoll::EventFlags::IN)?;
        }
        Ok(Self { poll, streams, begun })
    }

    /// Waits until each stream has begun, and nothing more arrives.
    pub fn settle(&mut self) -> Result<()> {
        let (started, mut times) = (Instant::now(), histogram());
        while self.receive_some(&mut times)? || self.streams.iter().any(|stream| !stream.has_begun) {
            if started.elapsed() > LIMIT {
                let begun = self.streams.iter().filter(|stream| stream.has_begun).count();
                return Err(format!("only {begun} of {} streams have begun", self.streams.len()).into());
            }
        }
        Ok(())
    }

    /// Receives until the flag is set.
    pub fn receive(mut self, is_over: &AtomicBool) -> Result<Received> {
        let mut times = histogram();
        while !is_over.load(Ordering::Relaxed) {
            self.receive_some(&mut times)?;
        }
        let orders: HashSet<_> = self.streams.iter().map(|stream| stream.order).collect();
        Ok(Received {
            copies: times.len(),
            wrong: self.streams.iter().filter(|stream| stream.is_wrong).count(),
            orders: orders.len(),
            times,
        })
    }

    /// Returns whether anything has arrived.
    fn receive_some(&mut self, times: &mut Histogram<u64>) -> Result<bool> {
        let mut events = Vec::with_capacity(256);
        epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), Some(&WAIT))?;
        for event in &events {
            let stream = self.streams.get_mut(event.data.u64() as usize).ok_or("an unknown stream")?;
            stream.read(|line| {
                let now = self.begun.elapsed().as_micros() as u64;
                times.saturating_record(now.saturating_sub(line.sent));
            })?;
        }
        Ok(!events.is_empty())
    }
}

impl Stream {
    fn read(&mut self, mut heard: impl FnMut(&Line)) -> Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.socket.read(&mut bytes) {
            Ok(0) => return Err("a stream ended".into()),
            Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let end = self.unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let complete: Vec<u8> = self.unread.drain(..end).collect();
        for text in complete.split(|byte| *byte == b'\n') {
            if let Some(line) = Line::parse(text) {
                heard(&line);
                self.count(&line);
            } else if text.starts_with(b"event: welcome") {
                self.has_begun = true;
            } else if text.starts_with(b"event: reset") {
                self.is_wrong = true;
            }
        }
        Ok(())
    }

    fn count(&mut self, line: &Line) {
        let Some(next) = self.next.get_mut(line.speaker) else { return };
        self.is_wrong |= *next != line.number;
        *next = line.number + 1;
        self.order = self.order.wrapping_mul(31).wrapping_add(line.number * 7 + line.speaker as u64 + 1);
    }
}

impl Line {
    /// Parses a line of an event with the text `line SENDER NUMBER TIME`.
    fn parse(text: &[u8]) -> Option<Self> {
        const BEGINNING: &str = "\"text\":\"line ";
        let text = std::str::from_utf8(text).ok()?.strip_prefix("data: ")?;
        let (text, _) = text.split_once(BEGINNING)?.1.split_once('"')?;
        let mut words = text.split(' ');
        let speaker = words.next()?.parse().ok()?;
        let number = words.next()?.parse().ok()?;
        Some(Self { speaker, number, sent: words.next()?.parse().ok()? })
    }
}
