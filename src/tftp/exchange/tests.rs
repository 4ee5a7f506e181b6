//! Files of many lengths, with many options, over networks of many kinds.

use proptest::prelude::*;

use super::*;

/// A network on which a transfer can succeed, with any schedule:
///
/// - During the opening, at most two faults occur: a server gives up early on a client that does not answer.
/// - After that, at most two copies of one packet are dropped in a row, and the schedule ends eventually.
/// - After the first packet that follows the commit, no fault occurs: no side can know whether its last
///   packet arrives.
fn fair(fates: Vec<Fate>) -> impl FnMut(Stage, &[u8]) -> Fate {
    let mut fates = fates.into_iter();
    let mut dropped = HashMap::<Vec<u8>, u32>::new();
    let (mut opening, mut quiet) = (0, false);
    move |stage, datagram| {
        let fate = if quiet { None } else { fates.next() }.unwrap_or(Fate::Deliver);
        quiet = stage == Stage::Committed;
        opening += u32::from(stage == Stage::Opening && fate != Fate::Deliver);
        // Opcode and block number identify a packet.
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

/// A delay so short that the packet is not considered lost.
fn short_delay() -> impl Strategy<Value = Duration> {
    (1..MIN_INTERVAL.as_millis() as u64 / 2).prop_map(Duration::from_millis)
}

/// A delay so long that packets are retransmitted first.
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

/// Transfers of files that are full of line ends; most of them are about a whole number of blocks long.
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
fn block_numbers_continue_past_65535() {
    /// What happens to the packet of this number.
    type Faults = fn(u64) -> Fate;
    let rows: [(&str, Faults); 3] = [
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

    /// Even if both sides give up, a committed file must be correct.
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

    /// RFC 1123 §4.2.3.1: duplicates alone cause no retransmission.
    #[test]
    fn duplicates_cause_no_retransmission(plan in plan(), fates in proptest::collection::vec(
        prop_oneof![Just(Fate::Deliver), short_delay().prop_map(Fate::Double)], 1..40,
    )) {
        let mut fates = fates.into_iter().cycle();
        let report = Exchange::run(&plan, |_, _| fates.next().unwrap_or(Fate::Deliver));
        arrived(&plan, &report);
        prop_assert_eq!(report.data, plan.blocks());
    }

    /// Each fault costs one or two windows, however long the file is.
    #[test]
    fn retransmissions_are_bounded(plan in plan(), fates in proptest::collection::vec(
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
        let faults = report.faults;
        prop_assert!(again <= 2 * plan.window() * faults, "{} blocks again for {}", again, faults);
        let due = plan.blocks().div_ceil(plan.window()) + 2;
        prop_assert!(report.replies <= due + 4 * faults, "{} replies for {}", report.replies, faults);
    }
}
