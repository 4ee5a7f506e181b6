//! A sender and a receiver over a network that loses, doubles and delays, with a clock that only the test
//! moves.
//!
//! What must hold: whatever the network does, a file that is committed is the file that was sent, and a
//! sender that succeeded has had it committed. If the network is not hopeless, both succeed. And no more is
//! sent than the network's misdeeds explain.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::error::Ending;
use super::fields::Mode;
use super::options::{BlockSize, Caps, Direction, Terms, WindowSize};
use super::packet::Packet;
use super::receive::Receiver;
use super::script::{Next, Party, request};
use super::send::Sender;
use super::timing::MIN_INTERVAL;

/// How long a datagram takes when nothing happens to it.
const LATENCY: Duration = Duration::from_millis(2);

/// What happens to one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Deliver,
    Drop,
    /// Two of it, the second so much later.
    Double(Duration),
    /// So much later: the next ones overtake it.
    Delay(Duration),
}

/// A datagram on its way: when it arrives, in which order it was sent, to whom, and what it says.
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

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server has not been answered yet.
    Opening,
    Underway,
    Committed,
}

/// What is sent, and how.
#[derive(Debug, Clone)]
struct Plan {
    file: Vec<u8>,
    asked: Terms,
    mode: Mode,
    upload: bool,
}

/// What came of it.
#[derive(Debug, Default)]
struct Report {
    client: Option<Ending>,
    server: Option<Ending>,
    committed: Option<Vec<u8>>,
    /// DATA packets sent.
    data: u64,
    /// Packets sent by the receiver.
    replies: u64,
    /// Fates other than delivery.
    misdeeds: u64,
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

    /// The server's side of the request that has just come in.
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

    /// How many blocks the file has, with the options in force.
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

    /// Lets both say what they have to say, then moves the clock to whatever is next.
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
            // Both are woken; the one whose deadline it is not must not mind.
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

    /// Until when a side waits, after all that it had to do.
    fn drain(&mut self, side: Side) -> Option<Instant> {
        loop {
            match self.party(side)?.step() {
                Next::Send(datagram) => self.send(side, datagram),
                Next::Wait(until) | Next::Dally(until) => return Some(until.instant()),
                Next::Commit => self.commit(side),
                Next::Over(ending) => {
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
        self.report.misdeeds += u64::from(fate != Fate::Deliver);
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

/// A network that is not hopeless, though its schedule is:
///
/// - In the opening two things go wrong at most: a server soon gives up on who does not answer.
/// - Then, of the copies of one packet, no more than two in a row are dropped, and some time the schedule
///   ends.
/// - Behind the first packet after the commit nothing goes wrong: nobody can be sure that a last word is
///   heard.
fn fair(fates: Vec<Fate>) -> impl FnMut(Stage, &[u8]) -> Fate {
    let mut fates = fates.into_iter();
    let mut dropped = HashMap::<Vec<u8>, u32>::new();
    let (mut opening, mut quiet) = (0, false);
    move |stage, datagram| {
        let fate = if quiet { None } else { fates.next() }.unwrap_or(Fate::Deliver);
        quiet = stage == Stage::Committed;
        opening += u32::from(stage == Stage::Opening && fate != Fate::Deliver);
        // Opcode and block number tell a packet from the others.
        let in_a_row = dropped.entry(datagram.iter().take(4).copied().collect()).or_default();
        *in_a_row = if fate == Fate::Drop { *in_a_row + 1 } else { 0 };
        if *in_a_row <= 2 && (stage != Stage::Opening || opening <= 2) {
            return fate;
        }
        *in_a_row = 0;
        Fate::Deliver
    }
}

fn arrived(plan: &Plan, report: &Report) {
    assert_eq!(report.client, Some(Ending::Complete), "the client");
    assert_eq!(report.server, Some(Ending::Complete), "the server");
    assert!(report.committed.as_ref() == Some(&plan.file), "the file that arrived is another one");
}

/// Late, but not so late that it is taken for lost.
fn short_delay() -> impl Strategy<Value = Duration> {
    (1..MIN_INTERVAL.as_millis() as u64 / 2).prop_map(Duration::from_millis)
}

/// So late that much was repeated before.
fn long_delay() -> impl Strategy<Value = Duration> {
    (1u64..5_000).prop_map(Duration::from_millis)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Deliver),
        2 => Just(Fate::Drop),
        1 => short_delay().prop_map(Fate::Double),
        1 => short_delay().prop_map(Fate::Delay),
        1 => long_delay().prop_map(Fate::Double),
        1 => long_delay().prop_map(Fate::Delay),
    ]
}

fn asked() -> impl Strategy<Value = Terms> {
    let blksize = prop_oneof![
        Just(None),
        prop_oneof![Just(8), Just(9), Just(512), Just(1428), Just(65_464)].prop_map(Some)
    ];
    let windowsize = proptest::option::of(1u16..=64);
    let timeout = proptest::option::of(1u8..=3);
    (blksize, windowsize, timeout, any::<bool>()).prop_map(|(blksize, windowsize, timeout, tsize)| Terms {
        blksize: blksize.and_then(BlockSize::new),
        windowsize: windowsize.and_then(WindowSize::new),
        timeout: timeout.and_then(NonZeroU8::new),
        tsize: tsize.then_some(0),
    })
}

/// Transfers of files whose lengths are near to whole blocks more often than not, and full of line ends.
fn plan() -> impl Strategy<Value = Plan> {
    let near = prop_oneof![Just(0i64), Just(1), Just(-1), -20i64..20];
    (asked(), 0usize..80, near, any::<bool>(), any::<bool>(), any::<u8>()).prop_map(
        |(asked, blocks, near, upload, netascii, seed)| {
            // Files stay small where blocks are large.
            let blocks = blocks.min(200_000 / asked.block_size().bytes());
            let len = (asked.block_size().bytes() * blocks).saturating_add_signed(near as isize);
            let file = (0..len).map(|at| ((at * 7 / 3) as u8 % 16) ^ (seed & 3)).collect();
            Plan { file, asked, mode: if netascii { Mode::Netascii } else { Mode::Octet }, upload }
        },
    )
}

fn octet(len: usize, asked: Terms, upload: bool) -> Plan {
    let file = (0..len).map(|at| (at * 31 + at / 251) as u8).collect();
    Plan { file, asked, mode: Mode::Octet, upload }
}

fn with_window(window: u16) -> Terms {
    Terms { blksize: Some(BlockSize::MIN), windowsize: WindowSize::new(window), ..Terms::default() }
}

#[test]
fn a_quiet_network_carries_each_block_once() {
    for upload in [false, true] {
        for len in [0, 1, 511, 512, 513, 1024, 40_000] {
            for asked in [Terms::default(), Terms { windowsize: WindowSize::new(16), ..Terms::default() }] {
                let plan = octet(len, asked, upload);
                let report = Exchange::run(&plan, |_, _| Fate::Deliver);
                arrived(&plan, &report);
                assert_eq!(report.data, plan.blocks(), "{len} bytes, {asked:?}");
                let opening = u64::from(!upload || !asked.is_empty()) + u64::from(upload && asked.is_empty());
                let opening = opening + u64::from(!upload && !asked.is_empty());
                assert_eq!(
                    report.replies,
                    plan.blocks().div_ceil(plan.window()) + opening,
                    "{len} bytes, {asked:?}"
                );
            }
        }
    }
}

#[test]
fn block_numbers_go_on_past_65535() {
    /// What happens to the so many-th packet.
    type Misdeeds = fn(u64) -> Fate;
    let rows: [(&str, Misdeeds); 3] = [
        ("nothing happens", |_| Fate::Deliver),
        ("losses", |sent| if sent % 499 == 0 { Fate::Drop } else { Fate::Deliver }),
        ("all kinds", |sent| match sent % 1009 {
            0 => Fate::Drop,
            300 => Fate::Double(Duration::from_millis(20)),
            600 => Fate::Delay(Duration::from_millis(20)),
            _ => Fate::Deliver,
        }),
    ];
    for (name, fate) in rows {
        for (upload, window) in [(false, 1), (true, 1), (false, 64), (true, 64)] {
            let plan = octet(560_000, with_window(window), upload);
            let mut sent = 0;
            let report = Exchange::run(&plan, |_, _| {
                sent += 1;
                fate(sent)
            });
            arrived(&plan, &report);
            assert!(report.data >= 70_001, "{name}");
        }
    }
}

proptest! {
    #[test]
    fn files_arrive_over_a_bad_network(plan in plan(), fates in proptest::collection::vec(fate(), 0..120)) {
        let report = Exchange::run(&plan, fair(fates));
        arrived(&plan, &report);
    }

    /// No promise is broken even if both give up.
    #[test]
    fn nothing_false_is_committed_over_a_hopeless_network(
        plan in plan(),
        fates in proptest::collection::vec(prop_oneof![Just(Fate::Drop), fate()], 1..40),
    ) {
        let mut fates = fates.into_iter().cycle();
        let report = Exchange::run(&plan, |_, _| fates.next().unwrap_or(Fate::Drop));
        prop_assert!(report.client.is_some(), "the client ends");
        let Report { client, server, .. } = report;
        let (giver, taker) = if plan.upload { (client, server) } else { (server, client) };
        if let Some(committed) = &report.committed {
            prop_assert!(*committed == plan.file, "another file was committed");
        }
        prop_assert_eq!(taker == Some(Ending::Complete), report.committed.is_some());
        prop_assert!(giver != Some(Ending::Complete) || report.committed.is_some(), "success without a file");
    }

    /// RFC 1123 §4.2.3.1: duplicates alone make nobody send a block again.
    #[test]
    fn duplicates_bring_no_block_twice(plan in plan(), fates in proptest::collection::vec(
        prop_oneof![Just(Fate::Deliver), short_delay().prop_map(Fate::Double)], 1..40,
    )) {
        let mut fates = fates.into_iter().cycle();
        let report = Exchange::run(&plan, |_, _| fates.next().unwrap_or(Fate::Deliver));
        arrived(&plan, &report);
        prop_assert_eq!(report.data, plan.blocks());
    }

    /// Each misdeed costs a window or two, and not a share of the file.
    #[test]
    fn what_is_sent_again_is_bounded(plan in plan(), fates in proptest::collection::vec(
        prop_oneof![
            4 => Just(Fate::Deliver),
            1 => Just(Fate::Drop),
            1 => short_delay().prop_map(Fate::Double),
            1 => short_delay().prop_map(Fate::Delay),
        ], 0..120,
    )) {
        let report = Exchange::run(&plan, fair(fates));
        arrived(&plan, &report);
        let again = report.data - plan.blocks();
        let misdeeds = report.misdeeds;
        prop_assert!(again <= 2 * plan.window() * misdeeds, "{} blocks again for {}", again, misdeeds);
        let due = plan.blocks().div_ceil(plan.window()) + 2;
        prop_assert!(report.replies <= due + 4 * misdeeds, "{} replies for {}", report.replies, misdeeds);
    }
}
