//! The state machine that receives a file: a server's side of a write request, or a client's of a read request.
//!
//! ```text
//! client:  Requesting ── DATA 1, OACK ──┐
//!            (RRQ)                      ├─→ Receiving ── the last block ──→ Committing ──→ Dallying ──→ Over
//! server:  (OACK or ACK 0) ─────────────┘                            on_committed: the last ACK
//!                     any before Dallying ── ERROR, silence, a fault ──→ Over
//! ```
//!
//! Its rules:
//!
//! - The last block is acknowledged only after the file is committed. So if the sender reports success, the file is
//!   saved. Then the receiver dallies, to repeat the last ACK if it was lost.
//! - To report a gap, the receiver acknowledges the last block before the gap: once, and again only after a wait (RFC
//!   7440 §4). Blocks after the gap are dropped, because the sender sends them again.
//! - A repeated block is acknowledged again only if it is the last block that was acknowledged. So a repeated window
//!   causes one ACK, not one for each block.
//! - A block longer than agreed, or an unexpected packet, ends the transfer with error 4 (RFC 1350 §2).
//!
//! This module knows neither the destination nor a size limit: the code that writes the bytes can end the
//! transfer with `abort`.

use std::time::{Duration, Instant};

mod content_decoder;
mod receive_window;

use super::error::{Ending, Fault};
use super::fields::Mode;
use super::options::Terms;
use super::packet::{Packet, TransferRequest};
use super::timing::{Expiry, FIRST_REPEATS, PacketDeadline, Patience, REPEATS};
use super::word::{Farewell, Word, unexpected};
use content_decoder::ContentDecoder;
use receive_window::{Arrival, ReceiveWindow};

/// The receiving side of a transfer.
#[derive(Debug)]
pub struct Receiver {
    decoder: ContentDecoder,
    phase: Phase,
}

/// What the driver must do next.
#[derive(Debug, PartialEq, Eq)]
pub enum ReceiveAction<'a> {
    /// Send this datagram to the peer, then ask again.
    Send(&'a [u8]),
    /// Wait for a packet until this deadline.
    Wait(PacketDeadline),
    /// The file is complete: commit it, then call [`Receiver::on_committed`]. Until then, the next action is always
    /// this one.
    Commit,
    /// The file is committed and acknowledged. Wait for a packet until this deadline, in case the last ACK
    /// was lost. The driver may stop at any time, if it needs the slot or a user is waiting.
    Dally(PacketDeadline),
    /// The transfer is over, and everything has been sent.
    Over(&'a Ending),
}

#[derive(Debug)]
enum Phase {
    /// A client's RRQ was sent; the answer decides which of the requested options apply.
    Requesting { word: Word, asked: Terms, patience: Patience },
    /// Blocks are expected.
    Receiving(ReceiveWindow),
    /// All blocks have arrived, and the driver commits the file.
    Committing { last: u16, terms: Terms },
    /// The last ACK was sent.
    Dallying { word: Word, last: u16, until: PacketDeadline },
    /// The transfer has ended.
    Over(Farewell),
}

impl Receiver {
    /// A server's side of a write request. `terms` are the server's answer to the options. It sends them as an OACK, or
    /// ACK 0 if there are none.
    pub fn serve(now: Instant, terms: Terms, mode: Mode) -> Self {
        let word =
            if terms.is_empty() { Packet::Ack { block: 0 } } else { Packet::OptionAck(terms.to_options()) };
        let window = ReceiveWindow::new(terms, Word::new(&word), Patience::new(now, FIRST_REPEATS));
        Self { decoder: ContentDecoder::new(mode), phase: Phase::Receiving(window) }
    }

    /// A client's read request: `asked` are the options of `request` that wharf supports.
    pub fn request(now: Instant, request: TransferRequest<'_>, asked: Terms) -> Self {
        let decoder = ContentDecoder::new(request.mode());
        let word = Word::new(&Packet::Read(request));
        Self { decoder, phase: Phase::Requesting { word, asked, patience: Patience::new(now, REPEATS) } }
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
            Phase::Requesting { .. } => 0,
            Phase::Receiving(window) => window.received,
            Phase::Committing { .. } | Phase::Dallying { .. } | Phase::Over(_) => u64::MAX,
        }
    }

    /// The agreed terms, while blocks are expected and until the file is committed. `tsize` is what the peer announced;
    /// the file may have another size.
    pub fn terms(&self) -> Option<&Terms> {
        match &self.phase {
            Phase::Receiving(ReceiveWindow { terms, .. }) | Phase::Committing { terms, .. } => Some(terms),
            Phase::Requesting { .. } | Phase::Dallying { .. } | Phase::Over(_) => None,
        }
    }

    /// The next action. Call this again after each [`ReceiveAction::Send`].
    pub fn next_action(&mut self) -> ReceiveAction<'_> {
        match &mut self.phase {
            Phase::Requesting { word, patience, .. }
            | Phase::Receiving(ReceiveWindow { word, patience, .. }) => {
                word.take().map_or(ReceiveAction::Wait(patience.deadline()), ReceiveAction::Send)
            }
            Phase::Committing { .. } => ReceiveAction::Commit,
            Phase::Dallying { word, until, .. } => {
                word.take().map_or(ReceiveAction::Dally(*until), ReceiveAction::Send)
            }
            Phase::Over(farewell) => match farewell.step() {
                Ok(datagram) => ReceiveAction::Send(datagram),
                Err(ending) => ReceiveAction::Over(ending),
            },
        }
    }

    /// Handles a packet from the peer. Returns the file's next bytes, if any; write them before the next call
    /// of [`Self::next_action`].
    #[must_use = "these are the file's next bytes"]
    pub fn on_packet<'a>(&'a mut self, now: Instant, packet: &Packet<'a>) -> &'a [u8] {
        if self.is_ignored(packet) {
            return &[];
        }
        match (&mut self.phase, packet) {
            (Phase::Dallying { word, .. }, _) => word.repeat(),
            (_, Packet::Error { code, message }) => self.end(Farewell::refused(*code, message)),
            (Phase::Requesting { patience, .. }, Packet::Data { block: 1, content }) => {
                // There was no OACK, so the server does not support options. This block is its answer to the request,
                // so there is nothing to send before the block is handled.
                self.phase =
                    Phase::Receiving(ReceiveWindow::new(Terms::default(), Word::silent(), *patience));
                return self.on_data(now, 1, content);
            }
            (Phase::Requesting { asked, patience, .. }, Packet::OptionAck(oack)) => match asked.judge(oack) {
                Ok(terms) => self.phase = Phase::Receiving(ReceiveWindow::agreed(now, terms, *patience)),
                Err(fault) => self.abort(fault),
            },
            (Phase::Receiving(_), Packet::Data { block, content }) => {
                return self.on_data(now, *block, content);
            }
            (Phase::Receiving(window), Packet::OptionAck(_)) if window.accepted_oack => {
                window.on_repeated_oack();
            }
            _ => self.abort(unexpected("this packet is not allowed while receiving a file")),
        }
        &[]
    }

    /// Whether to ignore a packet. Once the file is complete, only a repeated last block counts: its sender needs the
    /// last ACK again. Before that, a repeated request is ignored: the answer is repeated only after a timeout.
    fn is_ignored(&self, packet: &Packet<'_>) -> bool {
        match (&self.phase, packet) {
            (Phase::Dallying { last, .. }, Packet::Data { block, .. }) => block != last,
            (Phase::Over(_) | Phase::Committing { .. } | Phase::Dallying { .. }, _) => true,
            _ => matches!(packet, Packet::Read(_) | Packet::Write(_)),
        }
    }

    fn on_data<'a>(&'a mut self, now: Instant, block: u16, content: &'a [u8]) -> &'a [u8] {
        let Phase::Receiving(window) = &mut self.phase else {
            return &[];
        };
        match window.on_data(now, block, content.len()) {
            Arrival::OutOfOrder => &[],
            Arrival::TooLong => {
                self.abort(unexpected("a block is longer than agreed"));
                &[]
            }
            Arrival::Next => self.decoder.more(content),
            Arrival::Last => {
                self.phase = Phase::Committing { last: window.last_number(), terms: window.terms };
                self.decoder.last(content)
            }
        }
    }

    /// The driver has committed the file, or could not. This does nothing unless the next action is
    /// [`ReceiveAction::Commit`].
    pub fn on_committed(&mut self, now: Instant, outcome: Result<(), Fault>) {
        let Phase::Committing { last, terms } = &self.phase else {
            return;
        };
        self.phase = match outcome {
            Ok(()) => Phase::Dallying {
                word: Word::new(&Packet::Ack { block: *last }),
                last: *last,
                until: PacketDeadline::of_dally(now, terms.interval()),
            },
            Err(fault) => Phase::Over(Farewell::abort(fault)),
        };
    }

    /// Repeats the last packet, or gives up, if the deadline has passed. Does nothing before the deadline.
    pub fn on_timeout(&mut self, now: Instant) {
        let expiry = match &mut self.phase {
            Phase::Requesting { patience, .. } | Phase::Receiving(ReceiveWindow { patience, .. }) => {
                patience.expire(now)
            }
            Phase::Dallying { until, .. } if until.has_passed(now) => {
                return self.end(Farewell::silent(Ending::Complete));
            }
            Phase::Committing { .. } | Phase::Dallying { .. } | Phase::Over(_) => Expiry::NotYet,
        };
        match expiry {
            Expiry::NotYet => {}
            Expiry::Repeat => self.repeat(),
            Expiry::Gone => self.end(Farewell::gone()),
            Expiry::NeverThere => self.end(Farewell::silent(Ending::TimedOut)),
        }
    }

    /// Ends the transfer and sends the peer the reason. If the file is committed, it stays, and only the dallying ends.
    pub fn abort(&mut self, fault: Fault) {
        match self.phase {
            Phase::Over(_) => {}
            Phase::Dallying { .. } => self.end(Farewell::silent(Ending::Complete)),
            _ => self.end(Farewell::abort(fault)),
        }
    }

    fn repeat(&mut self) {
        match &mut self.phase {
            Phase::Requesting { word, .. } => word.repeat(),
            Phase::Receiving(window) => window.repeat(),
            Phase::Committing { .. } | Phase::Dallying { .. } | Phase::Over(_) => {}
        }
    }

    fn end(&mut self, farewell: Farewell) {
        self.phase = Phase::Over(farewell);
    }
}

#[cfg(test)]
mod tests;
