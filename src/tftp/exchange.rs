//! A sender and a receiver over a network that loses, duplicates and delays packets, with a clock that only the test moves.
//!
//! Whatever the network does, a committed file must be the file that was sent, and if the sender succeeds,
//! the file must be committed. If enough packets arrive, both sides succeed. The number of faults limits the
//! number of packets.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use super::error::Ending;
use super::fields::Mode;
use super::options::{BlockSize, Caps, Direction, Terms, WindowSize};
use super::packet::Packet;
use super::receive::Receiver;
use super::script::{Party, TestAction, request};
use super::send::Sender;
use super::timing::MIN_INTERVAL;

/// The latency of a datagram without a fault.
const LATENCY: Duration = Duration::from_millis(2);

/// What happens to one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Deliver,
    Drop,
    /// Deliver the datagram twice, the second time this much later.
    Double(Duration),
    /// Deliver the datagram this much later, so that later datagrams overtake it.
    Delay(Duration),
}

/// A datagram in flight: its time of arrival, its number, its receiver, and its bytes.
type Flight = Reverse<(Instant, u64, Side, Vec<u8>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Client,
    Server,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The progress of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server has not received an answer yet.
    Opening,
    Underway,
    Committed,
}

/// The file to send, and its options.
#[derive(Debug, Clone)]
struct Plan {
    file: Vec<u8>,
    asked: Terms,
    mode: Mode,
    upload: bool,
}

/// The result of an exchange.
#[derive(Debug, Default)]
struct Report {
    client: Option<Ending>,
    server: Option<Ending>,
    committed: Option<Vec<u8>>,
    /// DATA packets sent.
    data: u64,
    /// Packets sent by the receiver.
    replies: u64,
    /// How many datagrams were not simply delivered.
    faults: u64,
}

impl Plan {
    fn client(&self, now: Instant) -> Party<'_> {
        let request = request(&self.asked, self.mode);
        if self.upload {
            Party::Giving(Sender::request(now, request, self.asked, &self.file))
        } else {
            Party::taking(Receiver::request(now, request, self.asked))
        }
    }

    /// The server's side of a request that has just arrived.
    fn server(&self, now: Instant, datagram: &[u8]) -> Party<'_> {
        let (Packet::Read(request) | Packet::Write(request)) = Packet::parse(datagram).unwrap() else {
            panic!("a client begins with a request");
        };
        let direction = if self.upload {
            Direction::Write
        } else {
            Direction::Read { size: Some(self.file.len() as u64) }
        };
        let terms = Terms::answer(request.options(), request.mode(), direction, &Caps::default());
        if self.upload {
            Party::taking(Receiver::serve(now, terms, request.mode()))
        } else {
            Party::Giving(Sender::serve(now, terms, request.mode(), &self.file))
        }
    }

    /// The number of blocks in the file, with the options in force.
    fn blocks(&self) -> u64 {
        let wire = match self.mode {
            Mode::Octet => self.file.len(),
            Mode::Netascii => {
                self.file.len() + self.file.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count()
            }
        };
        (wire / self.asked.block_size().bytes() + 1) as u64
    }

    fn window(&self) -> u64 {
        self.asked.window_size().blocks() as u64
    }
}

/// The network, the clock and the two parties.
struct Exchange<'p, F> {
    plan: &'p Plan,
    fate: F,
    now: Instant,
    stage: Stage,
    client: Party<'p>,
    server: Option<Party<'p>>,
    flights: BinaryHeap<Flight>,
    sent: u64,
    report: Report,
}

impl<'p, F: FnMut(Stage, &[u8]) -> Fate> Exchange<'p, F> {
    fn run(plan: &'p Plan, fate: F) -> Report {
        let now = Instant::now();
        let client = plan.client(now);
        let (flights, report) = (BinaryHeap::new(), Report::default());
        let mut exchange =
            Self { plan, fate, now, stage: Stage::Opening, client, server: None, flights, sent: 0, report };
        while exchange.turn() {}
        exchange.report
    }

    /// Lets both sides send, then moves the clock to the next event.
    fn turn(&mut self) -> bool {
        let deadlines = [self.drain(Side::Client), self.drain(Side::Server)];
        let arrival = self.flights.peek().map(|Reverse((at, ..))| *at);
        let Some(next) = deadlines.into_iter().chain([arrival]).flatten().min() else {
            return false;
        };
        self.now = next;
        if arrival == Some(next) {
            if let Some(Reverse((_, _, to, datagram))) = self.flights.pop() {
                self.arrive(to, &datagram);
            }
        } else {
            // Both are woken; a side whose deadline has not passed must do nothing.
            self.client.late(next);
            if let Some(server) = &mut self.server {
                server.late(next);
            }
        }
        true
    }

    fn arrive(&mut self, to: Side, datagram: &[u8]) {
        let packet = Packet::parse(datagram).unwrap();
        let request = matches!(packet, Packet::Read(_) | Packet::Write(_));
        if to == Side::Server && !request && self.stage == Stage::Opening {
            self.stage = Stage::Underway;
        }
        match (to, &mut self.server) {
            (Side::Client, _) => self.client.hear(self.now, &packet),
            (Side::Server, Some(server)) => server.hear(self.now, &packet),
            (Side::Server, None) => self.server = Some(self.plan.server(self.now, datagram)),
        }
    }

    /// Performs all actions of a side; returns the deadline until which it then waits.
    fn drain(&mut self, side: Side) -> Option<Instant> {
        loop {
            match self.party(side)?.next_action() {
                TestAction::Send(datagram) => self.send(side, datagram),
                TestAction::Wait(until) | TestAction::Dally(until) => return Some(until.instant()),
                TestAction::Commit => self.commit(side),
                TestAction::Over(ending) => {
                    match side {
                        Side::Client => self.report.client = Some(ending),
                        Side::Server => self.report.server = Some(ending),
                    }
                    return None;
                }
            }
        }
    }

    fn party(&mut self, side: Side) -> Option<&mut Party<'p>> {
        match side {
            Side::Client => Some(&mut self.client),
            Side::Server => self.server.as_mut(),
        }
    }

    fn commit(&mut self, side: Side) {
        let now = self.now;
        if let Some(Party::Taking { machine, file }) = self.party(side) {
            let file = file.clone();
            machine.on_committed(now, Ok(()));
            assert!(self.report.committed.replace(file).is_none(), "committed twice");
        }
        self.stage = Stage::Committed;
    }

    fn send(&mut self, from: Side, datagram: Vec<u8>) {
        let giving = (from == Side::Client) == self.plan.upload;
        self.report.data += u64::from(matches!(datagram.as_slice(), [0, 3, ..]));
        self.report.replies += u64::from(!giving);
        let fate = (self.fate)(self.stage, &datagram);
        self.report.faults += u64::from(fate != Fate::Deliver);
        match fate {
            Fate::Deliver => self.fly(from, datagram, Duration::ZERO),
            Fate::Drop => {}
            Fate::Delay(by) => self.fly(from, datagram, by),
            Fate::Double(by) => {
                self.fly(from, datagram.clone(), Duration::ZERO);
                self.fly(from, datagram, by);
            }
        }
    }

    fn fly(&mut self, from: Side, datagram: Vec<u8>, late: Duration) {
        self.sent += 1;
        self.flights.push(Reverse((self.now + LATENCY + late, self.sent, from.other(), datagram)));
    }
}

mod tests;
