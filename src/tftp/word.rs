//! A packet that may have to be said again, and the last thing that a machine says.

use super::error::{Ending, ErrorCode, Fault};
use super::fields::Text;
use super::packet::Packet;

/// A datagram that is kept for repeating, and whether it is due to be sent.
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

    /// Nothing, as long as nothing is said: a wait that another's word has begun.
    pub(super) const fn silent() -> Self {
        Self { datagram: Vec::new(), due: false }
    }

    /// Another packet instead, to be sent now.
    pub(super) fn say(&mut self, packet: &Packet<'_>) {
        self.datagram.clear();
        packet.write(&mut self.datagram);
        self.due = true;
    }

    /// The same packet again.
    pub(super) fn repeat(&mut self) {
        self.due = true;
    }

    /// The datagram, if it is due; then it is no longer.
    pub(super) fn take(&mut self) -> Option<&[u8]> {
        std::mem::take(&mut self.due).then_some(&*self.datagram)
    }
}

/// The end of a machine: how it ended, and the ERROR that tells the peer so, once.
#[derive(Debug)]
pub(super) struct Farewell {
    word: Option<Word>,
    ending: Ending,
}

impl Farewell {
    /// An end of which the peer is told nothing.
    pub(super) const fn silent(ending: Ending) -> Self {
        Self { word: None, ending }
    }

    /// We end it, and say why.
    pub(super) fn abort(fault: Fault) -> Self {
        let word = Word::new(&Packet::from_fault(&fault));
        Self { word: Some(word), ending: Ending::Aborted(fault) }
    }

    /// The peer fell silent in the middle; should it come back, it is to know.
    pub(super) fn gone() -> Self {
        let fault = Fault::new(ErrorCode::NotDefined, "no answer for too long");
        Self { word: Some(Word::new(&Packet::from_fault(&fault))), ending: Ending::TimedOut }
    }

    /// The peer ended it. An ERROR is not answered (RFC 1350 §2).
    pub(super) fn refused(code: ErrorCode, message: &Text<'_>) -> Self {
        Self::silent(Ending::Refused(Fault::new(code, message.to_lossy())))
    }

    /// What is still to be said, or how it ended.
    pub(super) fn step(&mut self) -> Result<&[u8], &Ending> {
        self.word.as_mut().and_then(Word::take).ok_or(&self.ending)
    }
}

/// The fault of a packet that neither delay nor duplication explains (RFC 1350 §2).
pub(super) fn unexpected(what: &'static str) -> Fault {
    Fault::new(ErrorCode::IllegalOperation, what)
}
