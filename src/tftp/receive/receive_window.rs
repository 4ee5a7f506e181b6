//! The order of the blocks that arrive, and which of them to acknowledge.

use std::time::Instant;

use crate::tftp::block::Numbering;
use crate::tftp::options::Terms;
use crate::tftp::packet::Packet;
use crate::tftp::timing::Patience;
use crate::tftp::word::Word;

/// Which blocks were received, and which of them were acknowledged.
#[derive(Debug)]
pub(super) struct ReceiveWindow {
    pub(super) terms: Terms,
    /// The last block that arrived in order.
    pub(super) received: u64,
    /// The last block that was acknowledged; at most one window before the last block that arrived.
    acknowledged: u64,
    numbering: Numbering,
    /// Whether the transfer began with an OACK, which may arrive again.
    pub(super) accepted_oack: bool,
    /// Whether a gap was reported to the sender. The next block in order resets this.
    gap_reported: bool,
    /// The last packet that was sent: the OACK, or an ACK.
    pub(super) word: Word,
    pub(super) patience: Patience,
}

/// How a block fits into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next block.
    Next,
    /// The last block.
    Last,
    /// A block that has arrived before, or that follows a gap.
    OutOfOrder,
    /// Longer than the block size.
    TooLong,
}

impl ReceiveWindow {
    pub(super) fn new(terms: Terms, word: Word, patience: Patience) -> Self {
        Self {
            terms,
            received: 0,
            acknowledged: 0,
            numbering: Numbering::default(),
            accepted_oack: false,
            gap_reported: false,
            word,
            patience,
        }
    }

    /// A client's window: ACK 0 accepts the server's OACK.
    pub(super) fn agreed(now: Instant, terms: Terms, mut patience: Patience) -> Self {
        patience.agree(terms.interval());
        patience.progressed(now);
        let word = Word::new(&Packet::Ack { block: 0 });
        Self { accepted_oack: true, ..Self::new(terms, word, patience) }
    }

    pub(super) fn on_data(&mut self, now: Instant, block: u16, len: usize) -> Arrival {
        if len > self.terms.block_size().bytes() {
            return Arrival::TooLong;
        }
        self.patience.heard();
        let expected = self.received + 1;
        if self.received == u64::from(u16::MAX) {
            self.learn(block);
        }
        match self.numbering.nearest(expected, block) {
            Some(block) if block == expected => return self.on_next(now, len),
            Some(block) if block > expected => self.on_gap(now),
            Some(block) => self.on_known(block),
            None => {}
        }
        Arrival::OutOfOrder
    }

    /// Learns how the sender continues after block number 65,535. Until then, blocks of its window may have been taken
    /// for blocks after a gap. If so, the gap is reported again.
    fn learn(&mut self, block: u16) {
        let last = self.acknowledged + self.terms.window_size().blocks() as u64;
        self.numbering.learn(block, last);
        self.gap_reported &= self.numbering != Numbering::ToOne;
    }

    /// The number that the last received block has in packets.
    pub(super) fn last_number(&self) -> u16 {
        self.numbering.on_wire(self.received)
    }

    fn on_next(&mut self, now: Instant, len: usize) -> Arrival {
        self.received += 1;
        self.gap_reported = false;
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
        if !self.gap_reported {
            self.gap_reported = true;
            self.acknowledge(now);
        }
    }

    fn on_known(&mut self, block: u64) {
        if block > 0 && block == self.received && block == self.acknowledged {
            self.word.repeat();
        }
    }

    /// The server has repeated its OACK, because ACK 0 was lost. After the first block, the OACK is only a late
    /// duplicate.
    pub(super) fn on_repeated_oack(&mut self) {
        if self.received == 0 {
            self.word.repeat();
        }
    }

    pub(super) fn repeat(&mut self) {
        self.gap_reported = false;
        if self.acknowledged == self.received {
            self.word.repeat();
        } else {
            self.acknowledge_received();
        }
    }

    fn acknowledge(&mut self, now: Instant) {
        self.acknowledge_received();
        self.patience.asked(now);
    }

    fn acknowledge_received(&mut self) {
        self.acknowledged = self.received;
        self.word.say(&Packet::Ack { block: self.last_number() });
    }
}
