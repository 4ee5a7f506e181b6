//! The state machine that sends a file: a server's side of a read request, or a client's of a write request.
//!
//! ```text
//! server:  Offering ── ACK 0 ──────────┐
//!            (OACK)                    ├─→ Sending ── ACK of the last block ──→ Over
//! client:  Requesting ── ACK 0, OACK ──┘
//!            (WRQ)              any of them ── ERROR, silence, a fault ──→ Over
//! ```
//!
//! Its rules:
//!
//! - Only time and a new acknowledgment make it send; a duplicate never does (RFC 1123 §4.2.3.1).
//! - Until the peer has answered, a server repeats one packet, at most [`FIRST_REPEATS`] times. If the client's address
//!   is forged, the owner of the address receives at most four small packets.
//! - An ACK for a block before the window is ignored: it was delayed or duplicated. An ACK for a block that was never
//!   sent, or an unexpected packet, ends the transfer with error 4 (RFC 1350 §2).
//! - The acknowledgment of the last block ends the transfer; the sender does not wait for more.
//!
//! This module knows nothing about the source of the bytes. A source that ends too early must return an
//! error.

use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

use super::error::{Ending, ErrorCode, Fault};
use super::fields::Mode;
use super::netascii::Encode;
use super::options::Terms;
use super::packet::{Packet, TransferRequest};
use super::timing::{Expiry, FIRST_REPEATS, PacketDeadline, Patience, REPEATS};
use super::window::{Acknowledged, Window};
use super::word::{Farewell, Word, unexpected};

/// The sending side of a transfer.
#[derive(Debug)]
pub struct Sender<R> {
    content: Content<R>,
    phase: Phase,
}

/// What the driver must do next.
#[derive(Debug, PartialEq, Eq)]
pub enum SendAction<'a> {
    /// Send this datagram to the peer, then ask again. A packet that arrives meanwhile may be handled first.
    Send(&'a [u8]),
    /// Wait for a packet until this deadline.
    Wait(PacketDeadline),
    /// The transfer is over, and everything has been sent.
    Over(&'a Ending),
}

#[derive(Debug)]
enum Phase {
    /// A client's WRQ was sent; the answer decides which of the requested options apply.
    Requesting { word: Word, asked: Terms, patience: Patience },
    /// A server's OACK was sent.
    Offering { word: Word, terms: Terms, patience: Patience },
    /// Blocks are sent.
    Sending { window: Window, patience: Patience },
    /// The transfer has ended.
    Over(Farewell),
}

impl<R: BufRead> Sender<R> {
    /// A server's side of a read request. `terms` are the server's answer to the options. If there are any, it sends an
    /// OACK first.
    pub fn serve(now: Instant, terms: Terms, mode: Mode, source: R) -> Self {
        let patience = Patience::new(now, FIRST_REPEATS);
        let phase = if terms.is_empty() {
            Phase::Sending { window: Window::new(&terms), patience }
        } else {
            Phase::Offering { word: Word::new(&Packet::OptionAck(terms.to_options())), terms, patience }
        };
        Self { content: Content::new(mode, source), phase }
    }

    /// A client's write request: `asked` are the options of `request` that wharf supports.
    pub fn request(now: Instant, request: TransferRequest<'_>, asked: Terms, source: R) -> Self {
        let content = Content::new(request.mode(), source);
        let word = Word::new(&Packet::Write(request));
        Self { content, phase: Phase::Requesting { word, asked, patience: Patience::new(now, REPEATS) } }
    }

    /// Gives up when the peer is silent for this long, instead of after a number of repetitions. Call this at
    /// the start.
    #[must_use]
    pub fn with_timeout(mut self, now: Instant, silence: Duration) -> Self {
        if let Phase::Requesting { patience, .. } = &mut self.phase {
            patience.limit_silence(now, silence);
        }
        self
    }

    /// A number that grows when the transfer advances.
    pub fn progress(&self) -> u64 {
        match &self.phase {
            Phase::Requesting { .. } | Phase::Offering { .. } => 0,
            Phase::Sending { window, .. } => window.first(),
            Phase::Over(_) => u64::MAX,
        }
    }

    /// The next action. Call this again after each [`SendAction::Send`]. It reads the next block from the source when
    /// needed.
    pub fn next_action(&mut self) -> SendAction<'_> {
        if let Phase::Sending { window, .. } = &mut self.phase
            && let Err(error) = window.fill(&mut self.content)
        {
            self.abort(unreadable(&error));
        }
        match &mut self.phase {
            Phase::Requesting { word, patience, .. } | Phase::Offering { word, patience, .. } => {
                word.take().map_or(SendAction::Wait(patience.deadline()), SendAction::Send)
            }
            Phase::Sending { window, patience } => {
                window.next().map_or(SendAction::Wait(patience.deadline()), SendAction::Send)
            }
            Phase::Over(farewell) => match farewell.step() {
                Ok(datagram) => SendAction::Send(datagram),
                Err(ending) => SendAction::Over(ending),
            },
        }
    }

    /// Handles a packet from the peer.
    pub fn on_packet(&mut self, now: Instant, packet: &Packet<'_>) {
        if self.is_ignored(packet) {
            return;
        }
        match (&self.phase, packet) {
            (_, Packet::Error { code, message }) => self.end(Farewell::refused(*code, message)),
            (Phase::Requesting { patience, .. }, Packet::Ack { block: 0 }) => {
                self.begin(now, Terms::default(), *patience);
            }
            (Phase::Requesting { asked, patience, .. }, Packet::OptionAck(oack)) => match asked.judge(oack) {
                Ok(terms) => self.begin(now, terms, *patience),
                Err(fault) => self.abort(fault),
            },
            (Phase::Offering { terms, patience, .. }, Packet::Ack { block: 0 }) => {
                self.begin(now, *terms, *patience);
            }
            (Phase::Sending { .. }, Packet::Ack { block }) => self.on_ack(now, *block),
            _ => self.abort(unexpected("this packet is not allowed while sending a file")),
        }
    }

    /// Whether to ignore a packet: any packet after the end; a repeated request, because the answer is repeated only
    /// after a timeout; or a repeated OACK, because the first block is the answer to it.
    fn is_ignored(&self, packet: &Packet<'_>) -> bool {
        matches!(
            (&self.phase, packet),
            (Phase::Over(_), _)
                | (_, Packet::Read(_) | Packet::Write(_))
                | (Phase::Sending { .. }, Packet::OptionAck(_))
        )
    }

    fn on_ack(&mut self, now: Instant, block: u16) {
        let Phase::Sending { window, patience } = &mut self.phase else {
            return;
        };
        match window.acknowledge(block) {
            Acknowledged::Nothing => {}
            Acknowledged::Some => patience.progressed(now),
            Acknowledged::Everything => self.end(Farewell::silent(Ending::Complete)),
            Acknowledged::NeverSent => self.abort(unexpected("this block was never sent")),
        }
    }

    /// Repeats the unanswered packets, or gives up, if the deadline has passed. Does nothing before the deadline.
    pub fn on_timeout(&mut self, now: Instant) {
        let expiry = match &mut self.phase {
            Phase::Requesting { patience, .. }
            | Phase::Offering { patience, .. }
            | Phase::Sending { patience, .. } => patience.expire(now),
            Phase::Over(_) => Expiry::NotYet,
        };
        match expiry {
            Expiry::NotYet => {}
            Expiry::Repeat => self.repeat(),
            Expiry::Gone => self.end(Farewell::gone()),
            Expiry::NeverThere => self.end(Farewell::silent(Ending::TimedOut)),
        }
    }

    /// Ends the transfer and sends the peer the reason. Does nothing if the transfer is already over.
    pub fn abort(&mut self, fault: Fault) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.end(Farewell::abort(fault));
        }
    }

    fn begin(&mut self, now: Instant, terms: Terms, mut patience: Patience) {
        patience.agree(terms.interval());
        patience.progressed(now);
        self.phase = Phase::Sending { window: Window::new(&terms), patience };
    }

    fn repeat(&mut self) {
        match &mut self.phase {
            Phase::Requesting { word, .. } | Phase::Offering { word, .. } => word.repeat(),
            Phase::Sending { window, .. } => window.go_back(),
            Phase::Over(_) => {}
        }
    }

    fn end(&mut self, farewell: Farewell) {
        self.phase = Phase::Over(farewell);
    }
}

/// The content of the source, in the mode of the transfer.
#[derive(Debug)]
enum Content<R> {
    Octet(R),
    Netascii(Encode<R>),
}

impl<R: BufRead> Content<R> {
    fn new(mode: Mode, source: R) -> Self {
        match mode {
            Mode::Octet => Self::Octet(source),
            Mode::Netascii => Self::Netascii(Encode::new(source)),
        }
    }
}

impl<R: BufRead> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Octet(source) => source.read(buffer),
            Self::Netascii(source) => source.read(buffer),
        }
    }
}

fn unreadable(error: &io::Error) -> Fault {
    Fault::new(ErrorCode::NotDefined, format!("cannot read the file: {error}"))
}

#[cfg(test)]
mod tests;
