//! What the tests of both state machines share: a machine as one side of a transfer, and transfers as tables.

use std::time::Instant;

use super::error::{Ending, ErrorCode, Fault};
use super::fields::{Mode, Text};
use super::options::Terms;
use super::packet::{Packet, TransferRequest};
use super::receive::{ReceiveAction, Receiver};
use super::send::{SendAction, Sender};
use super::timing::PacketDeadline;

/// One side of a transfer, with the file that it sends or receives.
#[derive(Debug)]
pub(super) enum Party<'f> {
    Giving(Sender<&'f [u8]>),
    Taking { machine: Receiver, file: Vec<u8> },
}

/// An action of either state machine. It owns its data.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TestAction {
    Send(Vec<u8>),
    Wait(PacketDeadline),
    Commit,
    Dally(PacketDeadline),
    Over(Ending),
}

impl Party<'_> {
    pub(super) fn taking(machine: Receiver) -> Self {
        Self::Taking { machine, file: Vec::new() }
    }

    pub(super) fn next_action(&mut self) -> TestAction {
        match self {
            Self::Giving(machine) => match machine.next_action() {
                SendAction::Send(datagram) => TestAction::Send(datagram.to_vec()),
                SendAction::Wait(until) => TestAction::Wait(until),
                SendAction::Over(ending) => TestAction::Over(ending.clone()),
            },
            Self::Taking { machine, .. } => match machine.next_action() {
                ReceiveAction::Send(datagram) => TestAction::Send(datagram.to_vec()),
                ReceiveAction::Wait(until) => TestAction::Wait(until),
                ReceiveAction::Commit => TestAction::Commit,
                ReceiveAction::Dally(until) => TestAction::Dally(until),
                ReceiveAction::Over(ending) => TestAction::Over(ending.clone()),
            },
        }
    }

    pub(super) fn hear(&mut self, now: Instant, packet: &Packet<'_>) {
        match self {
            Self::Giving(machine) => machine.on_packet(now, packet),
            Self::Taking { machine, file } => file.extend_from_slice(machine.on_packet(now, packet)),
        }
    }

    pub(super) fn late(&mut self, now: Instant) {
        match self {
            Self::Giving(machine) => machine.on_timeout(now),
            Self::Taking { machine, .. } => machine.on_timeout(now),
        }
    }

    pub(super) fn committed(&mut self, now: Instant, outcome: Result<(), Fault>) {
        if let Self::Taking { machine, .. } = self {
            machine.on_committed(now, outcome);
        }
    }

    fn abort(&mut self, fault: Fault) {
        match self {
            Self::Giving(machine) => machine.abort(fault),
            Self::Taking { machine, .. } => machine.abort(fault),
        }
    }
}

/// What happens to a party.
#[derive(Debug, Clone, Copy)]
pub(super) enum On {
    Start,
    Ack(u16),
    Data(u16, &'static [u8]),
    Oack(Terms),
    Error,
    Request,
    /// The deadline passes.
    Silence,
    Committed,
    CommitFailed,
    Abort,
}

/// The number of repetitions that do not count if the peer is near: after 20, 40, 80, 160, 320 and 640 ms.
pub(super) const UNCOUNTED: usize = 6;

/// Plays a transfer: the event of each turn, and what the party then sends and does.
pub(super) fn play(name: &str, mut party: Party<'_>, mut now: Instant, script: &[(On, &str)]) {
    for (turn, (event, expected)) in script.iter().enumerate() {
        if let On::Silence = event
            && let TestAction::Wait(until) | TestAction::Dally(until) = party.next_action()
        {
            now = until.instant();
        }
        happen(&mut party, now, *event);
        assert_eq!(said(&mut party), *expected, "{name}: turn {turn}, {event:?}");
    }
}

fn happen(party: &mut Party<'_>, now: Instant, event: On) {
    let fault = || Fault::new(ErrorCode::DiskFull, "full");
    match event {
        On::Start => {}
        On::Ack(block) => party.hear(now, &Packet::Ack { block }),
        On::Data(block, content) => party.hear(now, &Packet::Data { block, content }),
        On::Oack(terms) => party.hear(now, &Packet::OptionAck(terms.to_options())),
        On::Error => {
            let fault = Fault::new(ErrorCode::FileNotFound, "gone");
            party.hear(now, &Packet::from_fault(&fault));
        }
        On::Request => party.hear(now, &Packet::Write(request(&Terms::default(), Mode::Octet))),
        On::Silence => party.late(now),
        On::Committed => party.committed(now, Ok(())),
        On::CommitFailed => party.committed(now, Err(fault())),
        On::Abort => party.abort(fault()),
    }
}

/// A request for `file` with these terms as its options.
pub(super) fn request(asked: &Terms, mode: Mode) -> TransferRequest<'static> {
    TransferRequest::new(Text::new(b"file".as_slice()).unwrap(), mode, asked.to_options()).unwrap()
}

/// All packets that a party sends next, and its action after that, unless this is to wait.
fn said(party: &mut Party<'_>) -> String {
    let mut words = Vec::new();
    let action = loop {
        match party.next_action() {
            TestAction::Send(datagram) => words.push(word(&datagram)),
            action => break action,
        }
    };
    words.extend(match action {
        TestAction::Send(_) | TestAction::Wait(_) => None,
        TestAction::Commit => Some("commit".to_owned()),
        TestAction::Dally(_) => Some("dally".to_owned()),
        TestAction::Over(Ending::Complete) => Some("complete".to_owned()),
        TestAction::Over(Ending::TimedOut) => Some("timed out".to_owned()),
        TestAction::Over(Ending::Refused(fault)) => Some(format!("refused {}", fault.code.number())),
        TestAction::Over(Ending::Aborted(fault)) => Some(format!("aborted {}", fault.code.number())),
    });
    words.join(", ")
}

/// A short name of a packet.
fn word(datagram: &[u8]) -> String {
    match Packet::parse(datagram).expect("a machine sends only valid packets") {
        Packet::Read(_) => "RRQ".to_owned(),
        Packet::Write(_) => "WRQ".to_owned(),
        Packet::Data { block, .. } => format!("DATA {block}"),
        Packet::Ack { block } => format!("ACK {block}"),
        Packet::Error { code, .. } => format!("ERROR {}", code.number()),
        Packet::OptionAck(_) => "OACK".to_owned(),
    }
}
