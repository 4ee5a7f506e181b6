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
//! - The last block is acknowledged only after the file is committed: the sender's success means that the
//!   file is there. Then the receiver dallies, to say so again to a sender that did not hear it.
//! - A gap is told once, by acknowledging the last block before it, and again only after a wait (RFC 7440
//!   §4). What lies behind the gap is dropped: the sender goes back.
//! - A block that comes again is acknowledged again only if it is the last one that was acknowledged, so that
//!   a repeated window brings one ACK and not one for each of its blocks.
//! - A block longer than agreed, or a packet that has no place here, ends the transfer with error 4 (RFC 1350
//!   §2).
//!
//! Knows no destination and no size limit: the code that writes the bytes ends the transfer with `abort`.

use std::time::Instant;

use super::block::{nearest, on_wire};
use super::error::{Ending, Fault};
use super::fields::Mode;
use super::netascii::NetasciiDecoder;
use super::options::Terms;
use super::packet::{Packet, Request};
use super::timing::{Expiry, FIRST_REPEATS, PacketDeadline, Patience, REPEATS};
use super::word::{Farewell, Word, unexpected};

/// The receiving side of a transfer.
#[derive(Debug)]
pub struct Receiver {
    content: Content,
    phase: Phase,
}

/// What the driver must do next.
#[derive(Debug, PartialEq, Eq)]
pub enum ReceiveAction<'a> {
    /// Send this datagram to the peer, then ask again.
    Send(&'a [u8]),
    /// Wait for a packet until this deadline.
    Wait(PacketDeadline),
    /// The file is whole: make it appear, then tell [`Receiver::on_committed`]. Said again until then.
    Commit,
    /// The file is committed and acknowledged. Wait for a packet until then, in case the sender did not hear
    /// it; who needs the room, or has a person waiting, may leave at any time.
    Dally(PacketDeadline),
    /// The transfer is over, and everything has been sent.
    Over(&'a Ending),
}

#[derive(Debug)]
enum Phase {
    /// A client's RRQ is out; the answer decides whether what was asked holds.
    Requesting { word: Word, asked: Terms, patience: Patience },
    /// Blocks come in.
    Receiving(Flow),
    /// All blocks are in, and the driver makes a file of them.
    Committing { last: u64, terms: Terms },
    /// The last ACK is out.
    Dallying { word: Word, last: u64, until: PacketDeadline },
    /// There is nothing more to wait for.
    Over(Farewell),
}

impl Receiver {
    /// A server's side of a write request. `terms` are its answer to the options: an OACK, or ACK 0 if there
    /// are none.
    pub fn serve(now: Instant, terms: Terms, mode: Mode) -> Self {
        let word =
            if terms.is_empty() { Packet::Ack { block: 0 } } else { Packet::OptionAck(terms.to_options()) };
        let flow = Flow::new(terms, Word::new(&word), Patience::new(now, FIRST_REPEATS));
        Self { content: Content::new(mode), phase: Phase::Receiving(flow) }
    }

    /// A client's read request: `asked` are the options of `request`, whose other ones the server ignores.
    pub fn request(now: Instant, request: Request<'_>, asked: Terms) -> Self {
        let content = Content::new(request.mode());
        let word = Word::new(&Packet::Read(request));
        Self { content, phase: Phase::Requesting { word, asked, patience: Patience::new(now, REPEATS) } }
    }

    /// The terms in force while blocks come in; before, nothing is agreed. `tsize` is what the peer says, no
    /// promise.
    pub fn terms(&self) -> Option<&Terms> {
        match &self.phase {
            Phase::Receiving(Flow { terms, .. }) | Phase::Committing { terms, .. } => Some(terms),
            Phase::Requesting { .. } | Phase::Dallying { .. } | Phase::Over(_) => None,
        }
    }

    /// What to do now. Call until it returns anything but [`ReceiveAction::Send`].
    pub fn next_action(&mut self) -> ReceiveAction<'_> {
        match &mut self.phase {
            Phase::Requesting { word, patience, .. } | Phase::Receiving(Flow { word, patience, .. }) => {
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

    /// A packet came from the peer. The answer is the file's next bytes, to be written before [`Self::next_action`]
    /// is asked; none when the packet brought none.
    #[must_use = "these are the file's next bytes"]
    pub fn on_packet<'a>(&'a mut self, now: Instant, packet: &Packet<'a>) -> &'a [u8] {
        if self.is_explained(packet) {
            return &[];
        }
        match (&mut self.phase, packet) {
            (Phase::Dallying { word, .. }, _) => word.repeat(),
            (_, Packet::Error { code, message }) => self.end(Farewell::refused(*code, message)),
            (Phase::Requesting { patience, .. }, Packet::Data { block: 1, content }) => {
                // No OACK: the server knows no options. The block itself is the answer, and there is nothing
                // to say yet.
                self.phase = Phase::Receiving(Flow::new(Terms::default(), Word::silent(), *patience));
                return self.on_data(now, 1, content);
            }
            (Phase::Requesting { asked, patience, .. }, Packet::OptionAck(oack)) => match asked.judge(oack) {
                Ok(terms) => self.phase = Phase::Receiving(Flow::agreed(now, terms, *patience)),
                Err(fault) => self.abort(fault),
            },
            (Phase::Receiving(_), Packet::Data { block, content }) => {
                return self.on_data(now, *block, content);
            }
            (Phase::Receiving(flow), Packet::OptionAck(_)) if flow.accepted_oack => flow.on_repeated_oack(),
            _ => self.abort(unexpected("this packet has no place in receiving a file")),
        }
        &[]
    }

    /// Whether a packet says nothing new: the file is whole, and this is not its last block again, which asks
    /// for the last ACK; or it is the request again, which is the same transfer, and what answers it is
    /// repeated by time alone.
    fn is_explained(&self, packet: &Packet<'_>) -> bool {
        match (&self.phase, packet) {
            (Phase::Dallying { last, .. }, Packet::Data { block, .. }) => *block != on_wire(*last),
            (Phase::Over(_) | Phase::Committing { .. } | Phase::Dallying { .. }, _) => true,
            _ => matches!(packet, Packet::Read(_) | Packet::Write(_)),
        }
    }

    fn on_data<'a>(&'a mut self, now: Instant, block: u16, content: &'a [u8]) -> &'a [u8] {
        let Phase::Receiving(flow) = &mut self.phase else {
            return &[];
        };
        match flow.on_data(now, block, content.len()) {
            Arrival::OutOfOrder => &[],
            Arrival::TooLong => {
                self.abort(unexpected("a block is longer than agreed"));
                &[]
            }
            Arrival::Next => self.content.more(content),
            Arrival::Last => {
                self.phase = Phase::Committing { last: flow.received, terms: flow.terms };
                self.content.last(content)
            }
        }
    }

    /// The driver has committed the file, or could not. Means nothing unless [`ReceiveAction::Commit`] was said.
    pub fn on_committed(&mut self, now: Instant, outcome: Result<(), Fault>) {
        let Phase::Committing { last, terms } = &self.phase else {
            return;
        };
        self.phase = match outcome {
            Ok(()) => Phase::Dallying {
                word: Word::new(&Packet::Ack { block: on_wire(*last) }),
                last: *last,
                until: PacketDeadline::of_dally(now, terms.interval()),
            },
            Err(fault) => Phase::Over(Farewell::abort(fault)),
        };
    }

    /// Time has passed. Does nothing before the deadline.
    pub fn on_timeout(&mut self, now: Instant) {
        let expiry = match &mut self.phase {
            Phase::Requesting { patience, .. } | Phase::Receiving(Flow { patience, .. }) => {
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

    /// Ends the transfer and tells the peer why. A file that is committed stays so: then this only ends the
    /// dallying.
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
            Phase::Receiving(flow) => flow.repeat(),
            Phase::Committing { .. } | Phase::Dallying { .. } | Phase::Over(_) => {}
        }
    }

    fn end(&mut self, farewell: Farewell) {
        self.phase = Phase::Over(farewell);
    }
}

/// The order of the blocks that come in: what was received, what of it was acknowledged.
#[derive(Debug)]
struct Flow {
    terms: Terms,
    /// The last block that came in order.
    received: u64,
    /// The last block that was acknowledged; never more than a window behind.
    acknowledged: u64,
    /// The flow began with an OACK that was accepted, so it may come again.
    accepted_oack: bool,
    /// A block was missing, and the sender was told; the next one in order ends this.
    gap_told: bool,
    /// The last thing that was said: the OACK, or an ACK.
    word: Word,
    patience: Patience,
}

/// What a block is to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// Its next bytes.
    Next,
    /// Its last bytes.
    Last,
    /// Known already, or behind a gap.
    OutOfOrder,
    /// More than a block.
    TooLong,
}

impl Flow {
    fn new(terms: Terms, word: Word, patience: Patience) -> Self {
        Self { terms, received: 0, acknowledged: 0, accepted_oack: false, gap_told: false, word, patience }
    }

    /// A client's flow: ACK 0 accepts the server's OACK.
    fn agreed(now: Instant, terms: Terms, mut patience: Patience) -> Self {
        patience.agree(terms.interval());
        patience.progressed(now);
        let word = Word::new(&Packet::Ack { block: 0 });
        Self { accepted_oack: true, ..Self::new(terms, word, patience) }
    }

    fn on_data(&mut self, now: Instant, block: u16, len: usize) -> Arrival {
        if len > self.terms.block_size().bytes() {
            return Arrival::TooLong;
        }
        self.patience.heard();
        let expected = self.received + 1;
        match nearest(expected, block) {
            Some(block) if block == expected => return self.on_next(now, len),
            Some(block) if block > expected => self.on_gap(now),
            Some(block) => self.on_known(block),
            None => {}
        }
        Arrival::OutOfOrder
    }

    fn on_next(&mut self, now: Instant, len: usize) -> Arrival {
        self.received += 1;
        self.gap_told = false;
        self.patience.agree(self.terms.interval());
        self.patience.answered(now);
        if len < self.terms.block_size().bytes() {
            return Arrival::Last;
        }
        if self.received - self.acknowledged == self.terms.window_size().blocks() as u64 {
            self.acknowledge(now);
        }
        Arrival::Next
    }

    fn on_gap(&mut self, now: Instant) {
        if !self.gap_told {
            self.gap_told = true;
            self.acknowledge(now);
        }
    }

    fn on_known(&mut self, block: u64) {
        if block > 0 && block == self.received && block == self.acknowledged {
            self.word.repeat();
        }
    }

    /// The server says its OACK again: our ACK 0 got lost. Later than that it is only a late duplicate.
    fn on_repeated_oack(&mut self) {
        if self.received == 0 {
            self.word.repeat();
        }
    }

    fn repeat(&mut self) {
        self.gap_told = false;
        if self.acknowledged == self.received {
            self.word.repeat();
        } else {
            self.say_received();
        }
    }

    fn acknowledge(&mut self, now: Instant) {
        self.say_received();
        self.patience.asked(now);
    }

    fn say_received(&mut self) {
        self.acknowledged = self.received;
        self.word.say(&Packet::Ack { block: on_wire(self.received) });
    }
}

/// The file's bytes in the mode of the transfer.
#[derive(Debug)]
enum Content {
    Octet,
    Netascii { decoder: NetasciiDecoder, decoded: Vec<u8> },
}

impl Content {
    fn new(mode: Mode) -> Self {
        match mode {
            Mode::Octet => Self::Octet,
            Mode::Netascii => Self::Netascii { decoder: NetasciiDecoder::default(), decoded: Vec::new() },
        }
    }

    /// What a block's bytes are in the file.
    fn more<'a>(&'a mut self, block: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Octet => block,
            Self::Netascii { decoder, decoded } => {
                decoded.clear();
                decoder.decode(block, decoded);
                decoded
            }
        }
    }

    /// As [`Self::more`], for the last block.
    fn last<'a>(&'a mut self, block: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Octet => block,
            Self::Netascii { decoder, decoded } => {
                decoded.clear();
                decoder.decode(block, decoded);
                decoder.finish(decoded);
                decoded
            }
        }
    }
}

#[cfg(test)]
mod tests;
