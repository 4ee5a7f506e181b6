//! The last packet sent, which may have to be repeated, and the end of a transfer.

use super::error::{Ending, ErrorCode, Fault};
use super::fields::Text;
use super::packet::Packet;

/// A datagram that is kept for retransmission, and whether it is due.
#[derive(Debug)]
pub(super) struct Word {
    datagram: Vec<u8>,
    due: bool,
}

impl Word {
    /// A packet to be sent now.
    pub(super) fn new(packet: &Packet<'_>) -> Self {
        let mut word = Self::silent();
        word.say(packet);
        word
    }

    /// No packet yet: the machine waits after a packet from the peer.
    pub(super) const fn silent() -> Self {
        Self { datagram: Vec::new(), due: false }
    }

    /// Replaces the packet; the new one is to be sent now.
    pub(super) fn say(&mut self, packet: &Packet<'_>) {
        self.datagram.clear();
        packet.write(&mut self.datagram);
        self.due = true;
    }

    /// Sends the same packet again.
    pub(super) fn repeat(&mut self) {
        self.due = true;
    }

    /// The datagram, if it is due; after that, it is no longer due.
    pub(super) fn take(&mut self) -> Option<&[u8]> {
        std::mem::take(&mut self.due).then_some(&*self.datagram)
    }
}

/// How the transfer ended, and the ERROR packet that is sent once.
#[derive(Debug)]
pub(super) struct Farewell {
    word: Option<Word>,
    ending: Ending,
}

impl Farewell {
    /// An end without an ERROR packet.
    pub(super) const fn silent(ending: Ending) -> Self {
        Self { word: None, ending }
    }

    /// This side ends the transfer, with this reason.
    pub(super) fn abort(fault: Fault) -> Self {
        let word = Word::new(&Packet::from_fault(&fault));
        Self { word: Some(word), ending: Ending::Aborted(fault) }
    }

    /// The peer no longer answers. It gets an ERROR, because it may still be listening.
    pub(super) fn gone() -> Self {
        let fault = Fault::new(ErrorCode::NotDefined, "no answer for too long");
        Self { word: Some(Word::new(&Packet::from_fault(&fault))), ending: Ending::TimedOut }
    }

    /// The peer ended the transfer. An ERROR is not answered (RFC 1350 §2).
    pub(super) fn refused(code: ErrorCode, message: &Text<'_>) -> Self {
        Self::silent(Ending::Refused(Fault::new(code, message.to_lossy())))
    }

    /// The datagram that is still to be sent, or how the transfer ended.
    pub(super) fn step(&mut self) -> Result<&[u8], &Ending> {
        self.word.as_mut().and_then(Word::take).ok_or(&self.ending)
    }
}

/// The fault for a packet that neither delay nor duplication explains (RFC 1350 §2).
pub(super) fn unexpected(what: &'static str) -> Fault {
    Fault::new(ErrorCode::IllegalOperation, what)
}
