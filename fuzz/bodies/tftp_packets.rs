//! TFTP: a parsed packet can be written again, and no sequence of packets makes a state machine send more
//! than it should.

use std::time::Instant;

use wharf::tftp::fields::Mode;
use wharf::tftp::options::{Caps, Direction, Terms};
use wharf::tftp::packet::{MAX_PACKET, MAX_REQUEST, Packet};
use wharf::tftp::receive::{ReceiveAction, Receiver};
use wharf::tftp::send::{SendAction, Sender};

/// The file that is sent.
const FILE: &[u8] = &[7; 2000];

/// The bytes are a datagram, and a sequence of datagrams, each after its length.
pub(crate) fn check(data: &[u8]) {
    if let Ok(packet) = Packet::parse(data) {
        comes_back(&packet);
        if let Packet::Read(request) | Packet::Write(request) = &packet {
            is_answered_briefly(request.options(), request.mode());
        }
    }
    let datagrams = conversation(data);
    takes(&datagrams);
    gives(&datagrams);
}

fn comes_back(packet: &Packet<'_>) {
    let mut bytes = Vec::new();
    packet.write(&mut bytes);
    assert!(bytes.len() <= MAX_PACKET);
    assert_eq!(Packet::parse(&bytes).as_ref(), Ok(packet));
}

/// The agreed options are within the requested ones, and fit.
fn is_answered_briefly(asked: &wharf::tftp::fields::Options<'_>, mode: Mode) {
    for direction in [Direction::Write, Direction::Read { size: Some(u64::MAX) }] {
        let terms = Terms::answer(asked, mode, direction, &Caps::default());
        let mut bytes = Vec::new();
        Packet::OptionAck(terms.to_options()).write(&mut bytes);
        assert!(bytes.len() <= MAX_REQUEST);
        assert!(terms.to_options().iter().all(|(name, _)| {
            let name = String::from_utf8_lossy(name.as_bytes());
            asked.get(&name).is_some()
        }));
    }
}

fn conversation(data: &[u8]) -> Vec<&[u8]> {
    let (mut datagrams, mut rest) = (Vec::new(), data);
    while let Some((&length, after)) = rest.split_first() {
        let (datagram, behind) = after.split_at(usize::from(length).min(after.len()));
        datagrams.push(datagram);
        rest = behind;
    }
    datagrams
}

/// A receiver sends at most one datagram for each received one, and writes no more than it received.
fn takes(datagrams: &[&[u8]]) {
    let now = Instant::now();
    let mut machine = Receiver::serve(now, Terms::default(), Mode::Octet);
    let (mut said, mut written, mut came) = (0, 0, 0);
    for (at, datagram) in datagrams.iter().enumerate() {
        said += told_by_receiver(&mut machine, now);
        assert!(said <= at + 1, "{said} datagrams for {at}");
        if let Ok(packet) = Packet::parse(datagram) {
            came += datagram.len();
            written += machine.on_packet(now, &packet).len();
            assert!(written <= came);
        }
    }
    told_by_receiver(&mut machine, now);
}

/// How many datagrams a receiver sends now; a complete file is committed.
fn told_by_receiver(machine: &mut Receiver, now: Instant) -> usize {
    let mut said = 0;
    loop {
        match machine.next_action() {
            ReceiveAction::Send(datagram) => {
                assert!(Packet::parse(datagram).is_ok());
                said += 1;
            }
            ReceiveAction::Commit => machine.on_committed(now, Ok(())),
            ReceiveAction::Wait(_) | ReceiveAction::Dally(_) | ReceiveAction::Over(_) => return said,
        }
    }
}

/// A sender sends at most a window and an error for each datagram that arrives.
fn gives(datagrams: &[&[u8]]) {
    let now = Instant::now();
    let mut machine = Sender::serve(now, Terms::default(), Mode::Octet, FILE);
    for datagram in datagrams {
        told_by_sender(&mut machine);
        if let Ok(packet) = Packet::parse(datagram) {
            machine.on_packet(now, &packet);
        }
    }
    told_by_sender(&mut machine);
}

fn told_by_sender(machine: &mut Sender<&[u8]>) {
    let mut said = 0;
    while let SendAction::Send(datagram) = machine.next_action() {
        match Packet::parse(datagram) {
            Ok(Packet::Data { content, .. }) => assert!(content.len() <= 512),
            other => assert!(matches!(other, Ok(Packet::Error { .. })), "{other:?}"),
        }
        said += 1;
    }
    assert!(said <= 2, "{said} at once");
}
